/* formats/rbl/rbl.h: the data files of rbldnsd, as the owners of black lists distribute them
 * (rbldnsd(8), "DATASET TYPES AND FORMATS"). Pure: a file's text is read line by line, and each
 * entry is given to the caller. Views in what is given live until the function returns. */
#ifndef FORMATS_RBL_RBL_H
#define FORMATS_RBL_RBL_H

#include "formats/dns/name.h"

enum rbl_type {
	RBL_IP4SET,
	RBL_IP4TRIE,
	RBL_IP4TSET,
	RBL_IP6TRIE,
	RBL_IP6TSET,
	RBL_DNSET,
	RBL_GENERIC,
	RBL_ZONE, /* generic with wildcards: a zone that came by transfer, as we write it */
	RBL_COMBINED,
	RBL_TYPES,
};
/* "ip4set", ...; E_NOTFOUND. */
MUST_USE err rbl_type_parse(str text, enum rbl_type *out);
str rbl_type_name(enum rbl_type t);

/* What a listed entry answers. */
struct rbl_value {
	unsigned char a[4];
	bool has_txt;
	str txt; /* a template: $, $$, $0 to $9, $=; see rbl_text */
};
struct rbl_entry {
	enum rbl_type type;
	bool exclude;
	/* RBL_IP4*: the range, in host order */
	uint32_t first, last;
	/* RBL_IP6*: address and the length of its prefix */
	unsigned char ip6[16];
	unsigned bits;
	/* RBL_DNSET: the name (wire, lower case, relative: without the root's 0), what it stands
	 * for */
	struct dns_name name;
	bool plain, wildcard; /* the name itself; all names below it */
	struct rbl_value value;
	/* RBL_GENERIC, RBL_ZONE: name as above ("" is the zone itself), and the record */
	uint16_t rr_type;
	uint32_t ttl; /* 0: the dataset's */
	str rdata;    /* wire */
};
struct rbl_soa {
	uint32_t ttl, numbers[5]; /* serial 0: the file's time; refresh, retry, expire, minimum */
	struct dns_name primary, mailbox;
};
enum { RBL_NS = 32, RBL_VARIABLES = 11, RBL_BASE = 10 /* "$=" among the variables */ };

/* The caller; an error that a function gives back ends the reading. All but entry may be NULL. */
struct rbl_reader {
	enum rbl_type type;
	err (*entry)(void *arg, const struct rbl_entry *e);
	/* Of a combined file: what follows is a dataset of this type, at these subzones (names of
	 * text with a space between; "@" is the zone itself). */
	err (*dataset)(void *arg, enum rbl_type type, str subzones);
	/* $SOA, $NS (names in wire form, without those put aside by "-"), $TTL, $n and $=. */
	void (*soa)(void *arg, const struct rbl_soa *s);
	void (*ns)(void *arg, uint32_t ttl, const struct dns_name *names, size_t n);
	void (*ttl)(void *arg, uint32_t ttl);
	void (*variable)(void *arg, unsigned which, str text);
	/* $TIMESTAMP: seconds since 1970; 0: not said. */
	void (*timestamp)(void *arg, int64_t made, int64_t expires);
	void *arg;
	struct buf *complaints; /* "file:line: reason" lines, bounded; may be NULL */
	/* counted by rbl_read */
	size_t lines, entries, bad;
};
/* Reads a whole file. A bad line is complained of and passed over, as rbldnsd does; more than
 * LIM_RBL_BAD of them are no list: E_SYNTAX. E_LIMIT: over LIM_RBL_ENTRIES. */
MUST_USE err rbl_read(struct rbl_reader *r, str text, str file);

/* A template with its variables, cut at 255 octets: "$" is what was asked for. vars: the dataset's,
 * p NULL where there is none. */
void rbl_text(str txt, const str vars[RBL_VARIABLES], str asked, struct buf *out);

/* ---- addresses (addr.c), for entries and for tests ---- */
/* "127.0.0.1", "127.0.0/24", "127-127.0.0", "127.0.0.1-255": the range at the front of text; *rest:
 * what follows. cidr: only addresses and prefixes. E_SYNTAX. */
MUST_USE err rbl_range4(str text, bool cidr, uint32_t *first, uint32_t *last, str *rest);
/* "2001:db8/32", "::1": E_SYNTAX. bits: given, or those of the words that are written. */
MUST_USE err rbl_prefix6(str text, unsigned char ip[16], unsigned *bits, str *rest);

#endif
