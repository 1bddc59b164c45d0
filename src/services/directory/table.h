/* services/directory/table.h: all addresses in memory, compact: about 110 octets a user and 8 a
 * list entry. Not locked: dirtable.c guards one struct table with a read-write lock, and only its
 * tail changes it. Pure but for table_load and table_refresh (SQL: may block) and the snapshot
 * (files). */
#ifndef SERVICES_DIRECTORY_TABLE_H
#define SERVICES_DIRECTORY_TABLE_H

#include "base/arena.h"
#include "services/directory/directory.h"
#include "services/directory/sql.h"

struct tnode {
	struct tnode *next;
	uint64_t hash;
};
struct thash {
	struct tnode **slots;
	size_t n, cap;
};

struct row_domain {
	struct tnode by_name, by_id;
	uint64_t id, alias_of;		/* 0: none */
	bool disabled;			/* itself or its tenant */
	uint8_t spam_level, spam_above; /* its own, or of a tenant above it */
	uint8_t digest;			/* likewise; not in the snapshot, which is mx's */
	uint16_t n;
	char name[];
};
/* A user or an alias: what stands at an address. */
struct row {
	struct tnode by_address, by_id;
	uint64_t id, domain;
	bool alias;
	uint8_t flags, state, spam_level, spam_above, digest; /* of a user */
	uint16_t backend;				      /* index of table.backends */
	uint16_t nlocal;
	uint32_t nlists;
	uint64_t *lists; /* hashed entries, low two bits: enum list_bits */
	uint64_t quota, epoch;
	char *targets; /* of an alias: addresses, a comma between; ntargets octets */
	uint32_t ntargets;
	char local[];
};
enum list_bits { LIST_CONTACT = 0, LIST_ALLOW = 1, LIST_BLOCK = 2, LIST_BITS = 3 };

struct table {
	struct thash domain_names, domain_ids, addresses, users, aliases;
	char **backends; /* names, [0] = "" */
	size_t nbackends;
	struct row **admins; /* the few with USER_ADMIN: postmaster asks for them */
	size_t nadmins;
	uint64_t seq;	 /* the last change of the feed that is in it */
	char uuid[16];	 /* of the database */
	uint8_t key[16]; /* of list entries */
};
struct table *table_new(void);
void table_free(struct table *t); /* NULL allowed */

/* Adds or replaces; what is over the limits of an address is ignored (the database does not hold
 * it). */
struct row_domain *table_put_domain(struct table *t, uint64_t id, str name, uint64_t alias_of,
				    bool disabled); /* NULL: ignored */
void table_drop_domain(struct table *t, uint64_t id);
struct row *table_put_user(struct table *t, uint64_t id, uint64_t domain, str local, str backend,
			   unsigned flags);
void table_drop_user(struct table *t, uint64_t id);
void table_put_alias(struct table *t, uint64_t id, uint64_t domain, str local, str targets);
void table_drop_alias(struct table *t, uint64_t id);
/* Takes the hashes over (mem_get'ed). */
void table_set_lists(struct row *user, uint64_t *hashes, uint32_t n);
uint64_t table_list_hash(const struct table *t, str entry);

struct row_domain *table_domain(const struct table *t, str name);
struct row_domain *table_domain_by_id(const struct table *t, uint64_t id);
/* The user or alias with exactly this local part; NULL. */
struct row *table_row(const struct table *t, uint64_t domain, str local);
struct row *table_user(const struct table *t, uint64_t id);
/* Every row of a hash, for the snapshot: node by node. at and slot start at NULL and 0. */
struct tnode *thash_each(const struct thash *h, size_t *slot, struct tnode *at);

/* The whole table from the database, in one steady view. */
MUST_USE err table_load(struct sql *s, struct table **out);
/* The rows that one change of the feed names, read anew: called inside a read transaction. apply is
 * called around each modification (dirtable's write lock). */
struct table_guard {
	void (*lock)(void *arg);
	void (*unlock)(void *arg);
	void *arg;
};
MUST_USE err table_refresh(struct sql *s, struct table *t, str kind, uint64_t id,
			   const struct table_guard *g);
/* uuid and number of the last change of the database. */
MUST_USE err table_head(struct sql *s, char uuid[16], uint64_t *seq);

/* Written whole to path.new, synced, renamed. E_IO, E_FULL. */
MUST_USE err table_save(const struct table *t, const char *path);
/* E_NOTFOUND, E_CORRUPT (length, checksum, form), E_LIMIT. */
MUST_USE err table_restore(const char *path, struct table **out);

/* Resolution (table_resolve.c); semantics in directory.h. */
MUST_USE err table_address(const struct table *t, str address, struct arena *a,
			   struct dir_answer *out);
MUST_USE err table_login(const struct table *t, str login, str default_domain, struct arena *a,
			 struct dir_user *out);
MUST_USE err table_fill_user(const struct table *t, const struct row *u, struct arena *a,
			     struct dir_user *out);
enum dir_listed table_listed(const struct table *t, uint64_t user, str sender);

#endif
