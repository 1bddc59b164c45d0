/* services/zones/load.h: from a source to a builder: rows of the directory, with the records that
 * mail domains get beside them (decision 0131), and master files. Everything blocks (SQL, files):
 * from a fiber go through work(). One thread uses one reader. */
#ifndef SERVICES_ZONES_LOAD_H
#define SERVICES_ZONES_LOAD_H

#include <sys/stat.h>

#include "base/arena.h"
#include "services/directory/dirzone.h"
#include "services/zones/zone.h"

/* ---- the directory (or a snapshot of its zones, which is a directory too) ---- */
struct zone_reader;
/* d stays the caller's and outlives the reader. What all zones share (the mail domains' records) is
 * read here, once. */
MUST_USE err zone_reader_new(struct directory *d, struct zone_reader **out);
void zone_reader_free(struct zone_reader *r); /* NULL allowed */

/* What is said of a zone beside its records; views until the next zone_read. */
struct zone_about {
	uint64_t id;
	struct dirzone_name name;
	uint32_t serial;
	bool sign, disabled;
	str transfer, notify; /* forms: dirzone_clean_transfer, dirzone_clean_notify */
};
/* Each record that the mail configuration gave rather than the operator. */
struct zone_made {
	void (*record)(void *arg, str owner, uint16_t type, uint32_t ttl, str rdata);
	void *arg;
};
/* The zone of row id as it is to be served, unsigned and unchecked; *out is NULL when it is
 * disabled. Inside a transaction when its rows may change meanwhile. made: NULL allowed.
 * E_NOTFOUND: no such row. E_SYNTAX: a row is not what it should be; the text names it. */
MUST_USE err zone_read(struct zone_reader *r, uint64_t id, const struct zone_made *made,
		       struct zone_about *about, struct zone_builder **out);
/* The master-file lines that `domain` gets: the same for a zone of ours and for somebody else's.
 * Added to out, names whole. d: its DKIM keys; lines: as mail_dns.records. */
MUST_USE err mail_domain_lines(struct directory *d, str domain, uint64_t id, str lines,
			       struct buf *out);

/* ---- master files ---- */
/* A file as it was when it was read: another stamp, another content. */
struct zone_stamp {
	struct timespec mtime;
	off_t size;
	ino_t inode;
};
struct zone_file {
	const char *path;
	str apex;		/* wire */
	uint32_t ttl;		/* of records before any $TTL */
	bool ttl_known;		/* false: such a record is a mistake */
	struct buf *complaints; /* "file:line: reason" */
	/* Filled also when its contents are refused: the file's own stamp; the paths of what it
	 * includes, a line each (NULL: not wanted), and the sum of their stamps. */
	struct zone_stamp stamp;
	struct buf *includes;
	uint32_t included;
};
/* $INCLUDE: of files in the folder of the zone's file, or below. E_SYNTAX: complaints say what;
 * E_NOTFOUND, E_DENIED, E_LIMIT, E_IO with a text. */
MUST_USE err zone_read_file(struct zone_file *f, struct zone_builder **out);
/* The same for a text that has no file; name: for complaints. */
MUST_USE err zone_read_text(struct zone_file *f, str text, str name, struct zone_builder **out);
MUST_USE err zone_file_stamp(const char *path, struct zone_stamp *out);
/* The sum of the stamps of these files as they are now. */
uint32_t zone_files_sum(str paths);
bool zone_stamp_eq(const struct zone_stamp *a, const struct zone_stamp *b);

/* A whole master file of a builder: SOA first, owners in canonical order, names whole. */
MUST_USE err zone_print(struct zone_builder *b, struct buf *out);
/* One line of it. */
void zone_print_record(str owner, uint16_t type, uint32_t ttl, str rdata, struct buf *out);

#endif
