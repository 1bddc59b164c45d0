#include "services/directory/table.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"

static void thash_grow(struct thash *h)
{
	struct thash bigger = { .n = h->n, .cap = h->cap ? h->cap * 2 : 64 };

	bigger.slots = mem_get(size_mul(bigger.cap, sizeof(struct tnode *)));
	for (size_t i = 0; i < h->cap; i++) {
		struct tnode *next;

		for (struct tnode *t = h->slots[i]; t; t = next) {
			struct tnode **to = &bigger.slots[t->hash & (bigger.cap - 1)];

			next = t->next;
			t->next = *to;
			*to = t;
		}
	}
	mem_free(h->slots);
	*h = bigger;
}

static void thash_add(struct thash *h, struct tnode *t, uint64_t hash)
{
	if (h->n >= h->cap)
		thash_grow(h);
	struct tnode **to = &h->slots[hash & (h->cap - 1)];

	t->hash = hash;
	t->next = *to;
	*to = t;
	h->n++;
}

static struct tnode *thash_first(const struct thash *h, uint64_t hash)
{
	return h->cap ? h->slots[hash & (h->cap - 1)] : NULL;
}

static void thash_remove(struct thash *h, struct tnode *t)
{
	struct tnode **at = &h->slots[t->hash & (h->cap - 1)];

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	h->n--;
}

struct tnode *thash_each(const struct thash *h, size_t *slot, struct tnode *at)
{
	if (at && at->next)
		return at->next;
	for (size_t i = at ? *slot + 1 : *slot; i < h->cap; i++) {
		if (h->slots[i]) {
			*slot = i;
			return h->slots[i];
		}
	}
	return NULL;
}

#define DOMAIN_OF(node, member) CONTAINER(node, struct row_domain, member)
#define ROW_OF(node, member)	CONTAINER(node, struct row, member)

/* Numbers are ours, not a stranger's: mixing is enough. */
static uint64_t hash_id(uint64_t id)
{
	id *= 0x9e3779b97f4a7c15u;
	return id ^ id >> 32;
}

static uint64_t hash_address(uint64_t domain, str local)
{
	return hash_keyed(local) ^ hash_id(domain);
}

struct table *table_new(void)
{
	struct table *t = MEM_NEW(struct table);

	t->backends = mem_get(sizeof(char *));
	t->backends[0] = mem_get(1);
	t->nbackends = 1;
	return t;
}

static void free_row(struct row *r)
{
	mem_free(r->lists);
	mem_free(r->targets);
	mem_free(r);
}

void table_free(struct table *t)
{
	struct tnode *next;

	if (!t)
		return;
	for (size_t i = 0; i < t->addresses.cap; i++) {
		for (struct tnode *n = t->addresses.slots[i]; n; n = next) {
			next = n->next;
			free_row(ROW_OF(n, by_address));
		}
	}
	for (size_t i = 0; i < t->domain_ids.cap; i++) {
		for (struct tnode *n = t->domain_ids.slots[i]; n; n = next) {
			next = n->next;
			mem_free(DOMAIN_OF(n, by_id));
		}
	}
	for (size_t i = 0; i < t->nbackends; i++)
		mem_free(t->backends[i]);
	mem_free(t->backends);
	mem_free(t->admins);
	mem_free(t->domain_names.slots);
	mem_free(t->domain_ids.slots);
	mem_free(t->addresses.slots);
	mem_free(t->users.slots);
	mem_free(t->aliases.slots);
	mem_free(t);
}

/* ---- domains ---- */

struct row_domain *table_domain(const struct table *t, str name)
{
	uint64_t h = hash_keyed(name);

	for (struct tnode *n = thash_first(&t->domain_names, h); n; n = n->next)
		if (n->hash == h &&
		    str_eq(str_of(DOMAIN_OF(n, by_name)->name, DOMAIN_OF(n, by_name)->n), name))
			return DOMAIN_OF(n, by_name);
	return NULL;
}

struct row_domain *table_domain_by_id(const struct table *t, uint64_t id)
{
	uint64_t h = hash_id(id);

	for (struct tnode *n = thash_first(&t->domain_ids, h); n; n = n->next)
		if (DOMAIN_OF(n, by_id)->id == id)
			return DOMAIN_OF(n, by_id);
	return NULL;
}

void table_drop_domain(struct table *t, uint64_t id)
{
	struct row_domain *d = table_domain_by_id(t, id);

	if (!d)
		return;
	thash_remove(&t->domain_names, &d->by_name);
	thash_remove(&t->domain_ids, &d->by_id);
	mem_free(d);
}

struct row_domain *table_put_domain(struct table *t, uint64_t id, str name, uint64_t alias_of,
				    bool disabled)
{
	if (!name.n || name.n > LIM_SMTP_DOMAIN)
		return NULL;
	table_drop_domain(t, id);
	struct row_domain *d = mem_get(sizeof(*d) + name.n);

	d->id = id;
	d->alias_of = alias_of;
	d->disabled = disabled;
	d->n = (uint16_t)name.n;
	memcpy(d->name, name.p, name.n);
	thash_add(&t->domain_names, &d->by_name, hash_keyed(name));
	thash_add(&t->domain_ids, &d->by_id, hash_id(id));
	return d;
}

/* ---- users and aliases ---- */

struct row *table_row(const struct table *t, uint64_t domain, str local)
{
	uint64_t h = hash_address(domain, local);

	for (struct tnode *n = thash_first(&t->addresses, h); n; n = n->next) {
		struct row *r = ROW_OF(n, by_address);

		if (n->hash == h && r->domain == domain &&
		    str_eq(str_of(r->local, r->nlocal), local))
			return r;
	}
	return NULL;
}

static struct row *by_id(const struct thash *h, uint64_t id)
{
	for (struct tnode *n = thash_first(h, hash_id(id)); n; n = n->next)
		if (ROW_OF(n, by_id)->id == id)
			return ROW_OF(n, by_id);
	return NULL;
}

struct row *table_user(const struct table *t, uint64_t id)
{
	return by_id(&t->users, id);
}

static void admins_add(struct table *t, struct row *r)
{
	t->admins = mem_resize(t->admins, (t->nadmins + 1) * sizeof(struct row *));
	t->admins[t->nadmins++] = r;
}

static void admins_remove(struct table *t, const struct row *r)
{
	for (size_t i = 0; i < t->nadmins; i++)
		if (t->admins[i] == r)
			t->admins[i--] = t->admins[--t->nadmins];
}

static void drop_row(struct table *t, struct thash *ids, struct row *r)
{
	if (!r)
		return;
	if (!r->alias && r->flags & USER_ADMIN)
		admins_remove(t, r);
	thash_remove(&t->addresses, &r->by_address);
	thash_remove(ids, &r->by_id);
	free_row(r);
}

void table_drop_user(struct table *t, uint64_t id)
{
	drop_row(t, &t->users, by_id(&t->users, id));
}

void table_drop_alias(struct table *t, uint64_t id)
{
	drop_row(t, &t->aliases, by_id(&t->aliases, id));
}

static struct row *add_row(struct table *t, struct thash *ids, uint64_t id, uint64_t domain,
			   str local)
{
	struct row *r = mem_get(sizeof(*r) + local.n);

	r->id = id;
	r->domain = domain;
	r->nlocal = (uint16_t)local.n;
	if (local.n)
		memcpy(r->local, local.p, local.n);
	thash_add(&t->addresses, &r->by_address, hash_address(domain, local));
	thash_add(ids, &r->by_id, hash_id(id));
	return r;
}

/* Back-ends are few; past 65535 names the rest would be taken for the store, which refuses whom it
 * does not have. */
static uint16_t backend_index(struct table *t, str name)
{
	for (size_t i = 0; i < t->nbackends; i++)
		if (str_eq(str_z(t->backends[i]), name))
			return (uint16_t)i;
	if (t->nbackends > UINT16_MAX)
		return 0;
	t->backends = mem_resize(t->backends, (t->nbackends + 1) * sizeof(char *));
	char *z = mem_get(name.n + 1);

	memcpy(z, name.p, name.n);
	t->backends[t->nbackends] = z;
	return (uint16_t)t->nbackends++;
}

struct row *table_put_user(struct table *t, uint64_t id, uint64_t domain, str local, str backend,
			   unsigned flags)
{
	struct row *was = by_id(&t->users, id);
	uint64_t *lists = was ? was->lists : NULL;
	uint32_t nlists = was ? was->nlists : 0;

	if (was)
		was->lists = NULL;
	table_drop_user(t, id);
	struct row *r = add_row(t, &t->users, id, domain, str_take(local, LIM_SMTP_LOCAL));

	r->lists = lists;
	r->nlists = nlists;
	r->backend = backend_index(t, backend);
	r->flags = (uint8_t)flags;
	if (flags & USER_ADMIN)
		admins_add(t, r);
	return r;
}

void table_put_alias(struct table *t, uint64_t id, uint64_t domain, str local, str targets)
{
	table_drop_alias(t, id);
	struct row *r = add_row(t, &t->aliases, id, domain, str_take(local, LIM_SMTP_LOCAL));

	r->alias = true;
	r->targets = mem_get(targets.n + 1);
	if (targets.n)
		memcpy(r->targets, targets.p, targets.n);
	r->ntargets = (uint32_t)targets.n;
}

void table_set_lists(struct row *user, uint64_t *hashes, uint32_t n)
{
	mem_free(user->lists);
	user->lists = hashes;
	user->nlists = n;
}

uint64_t table_list_hash(const struct table *t, str entry)
{
	return hash_sip(t->key, entry) & ~(uint64_t)LIST_BITS;
}
