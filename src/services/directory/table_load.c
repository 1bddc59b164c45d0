/* The table from the database: whole, and row by row as the feed names them. */
#include "services/directory/table.h"

#include <string.h>

#include "base/limits.h"

static void nothing(void *arg)
{
	(void)arg;
}
static const struct table_guard unguarded = { nothing, nothing, NULL };

err table_head(struct sql *s, char uuid[16], uint64_t *seq)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	int64_t v;

	TRY(SQL_GET(s, &v, "SELECT value FROM counters WHERE name = 'change'"));
	*seq = (uint64_t)v;
	TRY(SQL_QUERY(s, &st, "SELECT uuid FROM identity"));
	TRY(sql_step(st));
	str u = sql_text(st, 0);

	if (u.n != 16)
		return fail(E_CORRUPT, "the directory's identity has %zu octets", u.n);
	memcpy(uuid, u.p, 16);
	return OK;
}

static err load_key(struct sql *s, struct table *t)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(s, &st, "SELECT hash_key FROM identity"));
	TRY(sql_step(st));
	if (sql_text(st, 0).n != 16)
		return fail(E_CORRUPT, "the directory's key has %zu octets", sql_text(st, 0).n);
	memcpy(t->key, sql_text(st, 0).p, 16);
	return OK;
}

/* A domain is off with its tenant, or a tenant above that one; what it does not say of spam is the
 * word of the nearest tenant that says something. */
#define DOMAINS                                                                                    \
	"WITH RECURSIVE off (id) AS (SELECT id FROM tenants WHERE disabled = 1"                    \
	" UNION SELECT t.id FROM tenants t JOIN off ON t.parent_id = off.id),"                     \
	" spam (id, level, above, digest) AS ("                                                    \
	"SELECT id, spam_level, spam_above, digest FROM tenants WHERE parent_id IS NULL UNION"     \
	" SELECT t.id, COALESCE(NULLIF(t.spam_level, 0), s.level),"                                \
	" COALESCE(NULLIF(t.spam_above, 0), s.above),"                                             \
	" COALESCE(NULLIF(t.digest, 0), s.digest)"                                                 \
	" FROM tenants t JOIN spam s ON t.parent_id = s.id)"                                       \
	" SELECT d.id, d.name, COALESCE(d.alias_of, 0),"                                           \
	" d.disabled = 1 OR COALESCE(d.tenant_id, 0) IN (SELECT id FROM off),"                     \
	" COALESCE(NULLIF(d.spam_level, 0), s.level, 0),"                                          \
	" COALESCE(NULLIF(d.spam_above, 0), s.above, 0),"                                          \
	" COALESCE(NULLIF(d.digest, 0), s.digest, 0)"                                              \
	" FROM domains d LEFT JOIN spam s ON s.id = d.tenant_id"

static void put_domain(struct table *t, struct sql_stmt *st)
{
	struct row_domain *d = table_put_domain(t, (uint64_t)sql_int(st, 0), sql_text(st, 1),
						(uint64_t)sql_int(st, 2), sql_int(st, 3) != 0);

	if (!d)
		return;
	d->spam_level = (uint8_t)(sql_int(st, 4) & 0xff);
	d->spam_above = (uint8_t)(sql_int(st, 5) & 0xff);
	d->digest = (uint8_t)(sql_int(st, 6) & 0xff);
}

static err put_domains(struct sql *s, struct table *t, uint64_t one, const struct table_guard *g)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	bool found = false;
	err e;

	TRY(SQL_QUERY(s, &st, DOMAINS " WHERE ? IN (0, d.id)", SQL_I(one)));
	while ((e = sql_step(st)) == OK) {
		found = true;
		g->lock(g->arg);
		put_domain(t, st);
		g->unlock(g->arg);
	}
	if (one && !found) {
		g->lock(g->arg);
		table_drop_domain(t, one);
		g->unlock(g->arg);
	}
	return e == E_EOF ? OK : e;
}

#define USERS                                                                                      \
	"SELECT id, domain_id, local, backend, flags, state, spam_level, quota, epoch,"            \
	" spam_above, digest FROM users"

static void put_user(struct table *t, struct sql_stmt *st)
{
	struct row *r =
		table_put_user(t, (uint64_t)sql_int(st, 0), (uint64_t)sql_int(st, 1),
			       sql_text(st, 2), sql_text(st, 3), (unsigned)(sql_int(st, 4) & 0xff));

	r->state = (uint8_t)(sql_int(st, 5) & 0xff);
	r->spam_level = (uint8_t)(sql_int(st, 6) & 0xff);
	r->quota = (uint64_t)sql_int(st, 7);
	r->epoch = (uint64_t)sql_int(st, 8);
	r->spam_above = (uint8_t)(sql_int(st, 9) & 0xff);
	r->digest = (uint8_t)(sql_int(st, 10) & 0xff);
}

static err load_users(struct sql *s, struct table *t)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(s, &st, USERS));
	while ((e = sql_step(st)) == OK)
		put_user(t, st);
	return e == E_EOF ? OK : e;
}

static err refresh_user(struct sql *s, struct table *t, uint64_t id, const struct table_guard *g)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(s, &st, USERS " WHERE id = ?", SQL_I(id)));
	err e = sql_step(st);

	g->lock(g->arg);
	if (e == OK)
		put_user(t, st);
	else if (e == E_EOF)
		table_drop_user(t, id);
	g->unlock(g->arg);
	return e == E_EOF ? OK : e;
}

static err targets_of(struct sql *s, int64_t alias, struct buf *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	buf_reset(out);
	TRY(SQL_QUERY(s, &st, "SELECT target FROM alias_targets WHERE alias_id = ?", SQL_I(alias)));
	while ((e = sql_step(st)) == OK) {
		if (out->n)
			buf_addc(out, ',');
		buf_add(out, sql_text(st, 0));
	}
	return e == E_EOF ? buf_done(out) : e;
}

/* one: 0 all. */
static err put_aliases(struct sql *s, struct table *t, uint64_t one, const struct table_guard *g)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	CLEANUP(buf_free) struct buf b = { 0 };
	bool found = false;
	err e;

	buf_init(&b, MIB(1));
	TRY(SQL_QUERY(s, &st, "SELECT id, domain_id, local FROM aliases WHERE ? IN (0, id)",
		      SQL_I(one)));
	while ((e = sql_step(st)) == OK) {
		found = true;
		TRY(targets_of(s, sql_int(st, 0), &b));
		g->lock(g->arg);
		table_put_alias(t, (uint64_t)sql_int(st, 0), (uint64_t)sql_int(st, 1),
				sql_text(st, 2), buf_str(&b));
		g->unlock(g->arg);
	}
	if (one && !found) {
		g->lock(g->arg);
		table_drop_alias(t, one);
		g->unlock(g->arg);
	}
	return e == E_EOF ? OK : e;
}

/* ---- lists ---- */

struct hashes {
	uint64_t *v;
	uint32_t n, cap;
	uint64_t user;
};

static void hashes_add(struct hashes *h, uint64_t v)
{
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 4;
		h->v = mem_resize(h->v, h->cap * sizeof(uint64_t));
	}
	h->v[h->n++] = v;
}

/* Gives what was gathered to its user, fitted. */
static void hashes_give(struct table *t, struct hashes *h, const struct table_guard *g)
{
	uint64_t *fitted = h->n ? mem_resize(h->v, h->n * sizeof(uint64_t)) : NULL;

	g->lock(g->arg);
	struct row *u = table_user(t, h->user);

	if (u)
		table_set_lists(u, fitted, h->n);
	g->unlock(g->arg);
	if (!u)
		mem_free(fitted);
	*h = (struct hashes){ 0 };
}

#define LISTS(where)                                                                               \
	"SELECT user_id, address, 0 FROM contacts" where                                           \
	" UNION ALL SELECT user_id, pattern, 1 + block FROM lists" where " ORDER BY 1"

static err gather(struct table *t, struct sql_stmt *st, struct hashes *h,
		  const struct table_guard *g)
{
	err e;

	while ((e = sql_step(st)) == OK) {
		uint64_t user = (uint64_t)sql_int(st, 0);

		if (h->n && h->user != user)
			hashes_give(t, h, g);
		h->user = user;
		if (h->n < 3 * LIM_DIR_LIST)
			hashes_add(h, table_list_hash(t, sql_text(st, 1)) |
					      ((uint64_t)sql_int(st, 2) & LIST_BITS));
	}
	return e;
}

static err put_lists(struct sql *s, struct table *t, uint64_t one, const struct table_guard *g)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct hashes h = { 0 };

	if (one)
		TRY(SQL_QUERY(s, &st, LISTS(" WHERE user_id = ?"), SQL_I(one), SQL_I(one)));
	else
		TRY(SQL_QUERY(s, &st, LISTS("")));
	err e = gather(t, st, &h, g);

	if (e != E_EOF) {
		mem_free(h.v);
		return e;
	}
	if (one)
		h.user = one;
	if (h.n || one)
		hashes_give(t, &h, g);
	return OK;
}

/* ---- whole and piecewise ---- */

static err load(struct sql *s, struct table *t)
{
	TRY(table_head(s, t->uuid, &t->seq));
	TRY(load_key(s, t));
	TRY(put_domains(s, t, 0, &unguarded));
	TRY(load_users(s, t));
	TRY(put_aliases(s, t, 0, &unguarded));
	return put_lists(s, t, 0, &unguarded);
}

err table_load(struct sql *s, struct table **out)
{
	struct table *t = table_new();
	err e = sql_begin(s, SQL_READ);

	if (!e) {
		e = load(s, t);
		sql_rollback(s); /* it only read */
	}
	if (e) {
		table_free(t);
		return e;
	}
	*out = t;
	return OK;
}

err table_refresh(struct sql *s, struct table *t, str kind, uint64_t id,
		  const struct table_guard *g)
{
	if (str_eq(kind, STR("user"))) {
		TRY(refresh_user(s, t, id, g));
		return put_lists(s, t, id, g);
	}
	if (str_eq(kind, STR("list")))
		return put_lists(s, t, id, g);
	if (str_eq(kind, STR("alias")))
		return put_aliases(s, t, id, g);
	if (str_eq(kind, STR("domain")))
		return put_domains(s, t, id, g);
	if (str_eq(kind, STR("tenant")))
		return put_domains(s, t, 0, g);
	return OK; /* a password, or what a newer program writes: nothing of the table */
}
