/* services/lists/table.h: what a list consists of, for lists/ alone. One struct table is one
 * dataset; a combined list has several. Every array is exactly as long as it must be. */
#ifndef SERVICES_LISTS_TABLE_H
#define SERVICES_LISTS_TABLE_H

#include "base/arena.h"
#include "base/map.h"
#include "services/lists/lists.h"

/* Numbers of values, 1, 2 or 4 octets each; NULL: all of them are 1. */
struct numbers {
	void *p;
	unsigned width;
};
uint32_t number_at(const struct numbers *n, size_t i);

/* Sorted keys of 32 bits; from 4096 of them on with an index by their upper 16 bits. */
struct keys {
	uint32_t *v, n;
	uint32_t *index; /* 65537: where the keys with these upper bits begin */
	struct numbers values;
};
/* The first place in k of a key that is not below want. */
uint32_t keys_find(const struct keys *k, uint32_t want);
void keys_index(struct keys *k);
void keys_free(struct keys *k);

enum { LEVELS = 4 }; /* of ip4set: /32, /24, /16, /8 */

struct table_value {
	unsigned char a[4];
	uint32_t txt; /* offset in texts of a length (16 bits) and octets; UINT32_MAX: none */
};
struct table {
	enum rbl_type type;
	uint32_t ttl;
	str subzones[16]; /* relative names without the root; nsubzones 0: the zone itself */
	unsigned nsubzones;
	str vars[RBL_VARIABLES];
	struct table_value *values; /* from 1; 0 is an exclusion */
	uint32_t nvalues;
	char *texts;
	size_t ntexts, entries;
	struct keys level[LEVELS]; /* ip4set: by level; ip4tset: [0]; ip4trie: [0] are borders */
	/* ip6tset: networks and excluded addresses; ip6trie: borders and their values */
	uint64_t *net6;
	unsigned char (*addr6)[16];
	uint32_t nnet6, naddr6;
	struct numbers values6;
	/* dnset and generic: a hash table of names (names.c) */
	uint32_t *slots, nslots;
	char *pool;
	size_t npool;
};
struct list {
	_Atomic unsigned holds;
	struct arena arena; /* variables, subzones, SOA, NS */
	struct table *tables;
	size_t ntables, entries;
	int64_t made, expires, newest;
	bool has_soa;
	struct rbl_soa soa;
	uint32_t ns_ttl;
	struct dns_name *ns;
	size_t nns;
};

/* ---- while a dataset is loaded (load.c) ---- */
struct raw4 {
	uint32_t key, value;
};
struct raw4s {
	struct raw4 *v;
	size_t n, cap;
};
struct raw_prefix {
	unsigned char first[16];
	uint32_t value;
	uint8_t bits;
	uint32_t order;
};
struct raw_name {
	uint32_t at; /* in the names' buffer: length, octets */
	uint32_t value;
	uint32_t hash;
	uint8_t kind; /* NAME_* */
};
enum { NAME_WILD_RECORD, NAME_PLAIN, NAME_WILDCARD, NAME_RECORD };

struct loading {
	struct table *t;
	struct map known; /* value as octets to its number */
	struct raw4s level[LEVELS];
	struct raw_prefix *prefixes;
	size_t nprefixes, prefixes_cap;
	struct raw_name *names;
	size_t nnames, names_cap;
	struct buf octets; /* of names */
};
/* The number of a value, kept once. E_LIMIT. */
MUST_USE err loading_value(struct loading *l, const struct rbl_value *v, uint32_t *out);

/* ip4.c */
MUST_USE err ip4_add(struct loading *l, const struct rbl_entry *e);
void ip4_finish(struct loading *l);
size_t ip4_find(const struct table *t, uint32_t ip, uint32_t values[LIST_HITS], bool *found);
/* prefix.c: borders of nested prefixes: the deepest one counts. */
MUST_USE err prefix_add(struct loading *l, const struct rbl_entry *e);
void prefix_finish(struct loading *l);
size_t prefix_find4(const struct table *t, uint32_t ip, uint32_t values[LIST_HITS], bool *found);
size_t prefix_find6(const struct table *t, const unsigned char ip[16], uint32_t values[LIST_HITS],
		    bool *found);
/* names.c */
MUST_USE err names_add(struct loading *l, const struct rbl_entry *e);
MUST_USE err names_finish(struct loading *l);
/* *labels becomes those that are listed. */
size_t names_find(const struct table *t, str *labels, uint32_t values[LIST_HITS], bool *found);
/* Records of this name, or else of the nearest wildcard above it, added behind the first n hits. */
size_t names_records(const struct table *t, str labels, struct list_hit hits[LIST_HITS], size_t n);
void numbers_set(struct numbers *n, size_t i, uint32_t v);
void numbers_new(struct numbers *n, size_t count, uint32_t most);

#endif
