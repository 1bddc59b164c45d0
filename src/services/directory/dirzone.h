/* services/directory/dirzone.h: authoritative zones in the directory: the kind `dir_zone` (dirdb.h)
 * and the records of each. Names of records are stored relative to the zone ("@", "www"), data as
 * in a master file with whole names, so that a row says the same wherever it is read.
 *
 * A zone's serial rises in the transaction of each change (RFC 1982), so two nodes that read one
 * directory serve one content under one serial. Everything here may block (SQL); errors as in
 * dirdb.h. */
#ifndef SERVICES_DIRECTORY_DIRZONE_H
#define SERVICES_DIRECTORY_DIRZONE_H

#include "formats/dns/name.h"
#include "services/directory/dirdb.h"

/* "Demo.Test." -> "demo.test" and its wire form; the root is ".". E_SYNTAX, E_LIMIT. */
struct dirzone_name {
	struct dns_name wire;
	char space[1024]; /* 4 octets an octet at most */
	str text;	  /* a view of space: do not copy the struct */
};
MUST_USE err dirzone_name_parse(str text, struct dirzone_name *out);

/* For dirdb*.c: the rows behind directory_add and directory_find. */
MUST_USE err dirzone_add_row(struct directory *d, str name);
MUST_USE err dirzone_find(struct directory *d, str name, uint64_t *id);
/* Do the fields fit each other? E_DENIED. */
MUST_USE err dirzone_check(struct directory *d, uint64_t id);
/* Forms of the fields of dir_zone. */
MUST_USE err dirzone_clean_host(str text, struct buf *out);
MUST_USE err dirzone_clean_mailbox(str text, struct buf *out);
MUST_USE err dirzone_clean_transfer(str text, struct buf *out);
MUST_USE err dirzone_clean_notify(str text, struct buf *out);

/* ---- serials; inside a transaction (directory_begin) ---- */
/* The next serial: one more, or today's first when that is more; 0 is never given (some
 * secondaries take it for "none"). */
uint32_t dirzone_next_serial(uint32_t now, bool date, int64_t unix_seconds);
/* RFC 1982 3.2: a comes before b. */
bool dirzone_serial_before(uint32_t a, uint32_t b);
/* Raises the serial and writes the feed's row. A zone that is gone: the row alone. */
MUST_USE err dirzone_touch(struct directory *d, uint64_t zone);
/* The same for the closest zone at or above name (strictly: above it); OK when there is none. */
MUST_USE err dirzone_touch_above(struct directory *d, str name, bool strictly);
/* The mail domains that lie in a zone follow it: called when a zone is added (after its row) or
 * removed (before), and when a domain is added. */
MUST_USE err dirzone_take_domains(struct directory *d, str zone_name, uint64_t zone);
MUST_USE err dirzone_leave_domains(struct directory *d, str zone_name, uint64_t zone);
MUST_USE err dirzone_place_domain(struct directory *d, str domain, uint64_t id);
/* The id of that zone; E_NOTFOUND. */
MUST_USE err dirzone_above(struct directory *d, str name, bool strictly, uint64_t *id);
/* Takes the serial of an imported zone when it comes after ours; the next touch goes on from it. */
MUST_USE err dirzone_adopt_serial(struct directory *d, uint64_t zone, uint32_t serial);

/* Signed from now on, or no more (posta zone sign, unsign). step: how much the signed zone's serial
 * was ahead of the row's, so that it goes on from there. Its own transaction. */
MUST_USE err dirzone_set_signed(struct directory *d, uint64_t zone, bool on, uint32_t step);

/* ---- records; changes do not touch the serial: the caller does, once ---- */
struct dir_record {
	str name, type, data; /* "www", "A", "192.0.2.1" */
	int64_t ttl;	      /* -1: the zone's */
};
/* What was typed in the form that is stored: name relative to the zone or with a dot at its end.
 * E_SYNTAX with a text that names the part; E_DENIED: SOA, and what signing makes. Views in a. */
MUST_USE err dirzone_record_parse(str apex, str name, str type, str data, struct arena *a,
				  struct dir_record *out);
/* The same from wire form. */
MUST_USE err dirzone_record_of(str apex, str owner, uint16_t type, str rdata, struct arena *a,
			       struct dir_record *out);
/* E_EXISTS; E_DENIED: a TTL that the zone's policy refuses. */
MUST_USE err dirzone_record_add(struct directory *d, uint64_t zone, const struct dir_record *r);
/* type "" and data "": any. E_NOTFOUND. */
MUST_USE err dirzone_record_remove(struct directory *d, uint64_t zone, const struct dir_record *r,
				   int64_t *removed);
/* In order of name, type, data. */
MUST_USE err dirzone_record_each(struct directory *d, uint64_t zone,
				 err (*fn)(void *arg, const struct dir_record *r), void *arg);

#endif
