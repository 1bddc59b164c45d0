/* services/lists/lists.h: black lists in memory, compact and immutable, and the set of them that is
 * served. A list is loaded whole from its files' texts, held by whoever uses it, and replaced by
 * another one. Nothing here waits but what says so. */
#ifndef SERVICES_LISTS_LISTS_H
#define SERVICES_LISTS_LISTS_H

#include "formats/rbl/rbl.h"

/* ---- a list: what the files of one "type:file,file" hold ---- */
struct list;
struct list_file {
	str name, text;
	int64_t time; /* of its last change, seconds since 1970: a serial of 0 becomes the newest */
};
struct list_options {
	enum rbl_type type;
	uint32_t ttl; /* where the files say none */
};
/* May take seconds: in a helper thread. complaints: of bad lines. E_SYNTAX: it is no list of this
 * type; E_LIMIT. */
MUST_USE err list_load(const struct list_options *o, const struct list_file *files, size_t n,
		       struct buf *complaints, struct list **out);
struct list *list_hold(struct list *l);
void list_drop(struct list *l); /* NULL allowed */
size_t list_entries(const struct list *l);
size_t list_octets(const struct list *l);
/* $TIMESTAMP of its files: the oldest expiry, and the newest time of making; 0: not said. */
int64_t list_expires(const struct list *l);
int64_t list_made(const struct list *l);

/* ---- a question ---- */
/* The labels before the zone, in wire form, lower case, without the root; and what they are read
 * as. */
struct list_question {
	str labels;
	bool is_ip4, is_ip6;
	uint32_t ip4; /* host order */
	unsigned char ip6[16];
};
/* Reads the labels: four decimal ones, or 32 nibbles, in reverse. */
void list_question_read(str labels, struct list_question *q);

enum { LIST_HITS = 32 };
struct list_hit {
	uint16_t type; /* DNS_A, or of a generic record */
	uint32_t ttl;
	str rdata;    /* of a generic record; of an entry its address */
	bool has_txt; /* an entry's text: */
	str txt;
	str labels; /* what $ stands for in it: the address that was asked, or the name that is
		       listed */
	bool ip6;   /* the list has IPv6 addresses: so is what was asked */
	const str *vars;
};
/* What the list says of it, entries and generic records, added behind the first n hits. *exists:
 * becomes true where there is something of that name, whatever its type. Gives how many hits there
 * are then. */
size_t list_find(const struct list *l, const struct list_question *q,
		 struct list_hit hits[LIST_HITS], size_t n, bool *exists);
/* The list's $SOA and $NS; NULL when it has none. */
const struct rbl_soa *list_soa(const struct list *l);
size_t list_ns(const struct list *l, uint32_t *ttl, const struct dns_name **names);

#endif
