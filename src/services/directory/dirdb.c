#include "services/directory/dirdb_state.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/enc.h"
#include "base/limits.h"
#include "services/directory/address.h"
#include "services/directory/schema.h"

#define BUSY 5000 /* ms that a command waits for another one's transaction */

err directory_open(const char *path, bool write, struct directory **out)
{
	struct sql *s;

	if (write)
		TRY(sql_make(path, 0640));
	TRY(sql_open(path, write ? SQL_CREATE : SQL_READ, BUSY, &s));
	err e = write ? schema_migrate(s, &schema_directory, clock_unix()) : OK;

	if (e) {
		sql_close(s);
		return e;
	}
	struct directory *d = MEM_NEW(struct directory);

	d->s = s;
	arena_init(&d->scratch, MIB(1));
	*out = d;
	return OK;
}

void directory_close(struct directory *d)
{
	if (!d)
		return;
	directory_rollback(d);
	sql_close(d->s);
	arena_free(&d->scratch);
	mem_free(d);
}

struct sql *directory_sql(struct directory *d)
{
	return d->s;
}

err directory_begin(struct directory *d)
{
	TRY(sql_begin(d->s, SQL_WRITE));
	d->in_tx = true;
	d->note_all = d->noted = false;
	d->last_domain = 0;
	return OK;
}

void directory_rollback(struct directory *d)
{
	sql_rollback(d->s);
	d->in_tx = d->note_all = d->noted = false;
	d->last_domain = 0;
}

static err feed_add(struct directory *d, const char *kind, uint64_t id)
{
	int64_t seq;

	TRY(SQL_RUN(d->s, "UPDATE counters SET value = value + 1 WHERE name = 'change'"));
	TRY(SQL_GET(d->s, &seq, "SELECT value FROM counters WHERE name = 'change'"));
	TRY(SQL_RUN(d->s, "INSERT INTO changes (seq, at, kind, id) VALUES (?, ?, ?, ?)", SQL_I(seq),
		    SQL_I(clock_unix()), SQL_T(str_z(kind)), SQL_I(id)));
	return SQL_RUN(d->s, "DELETE FROM changes WHERE seq <= ?", SQL_I(seq - LIM_FEED_ROWS));
}

err directory_commit(struct directory *d)
{
	if (d->note_all && d->noted)
		TRY(feed_add(d, "all", 0));
	TRY(sql_commit(d->s));
	d->in_tx = d->note_all = d->noted = false;
	d->last_domain = 0;
	return OK;
}

err change_begin(struct directory *d)
{
	arena_reset(&d->scratch);
	return d->in_tx ? OK : sql_begin(d->s, SQL_WRITE);
}

err change_end(struct directory *d, err e)
{
	if (d->in_tx)
		return e; /* the caller rolls back */
	if (!e)
		e = sql_commit(d->s);
	if (e)
		sql_rollback(d->s);
	return e;
}

void directory_note_all(struct directory *d)
{
	d->note_all = true;
}

err directory_note(struct directory *d, const char *kind, uint64_t id)
{
	d->noted = true;
	if (d->note_all)
		return OK;
	TRY(change_begin(d));
	return change_end(d, feed_add(d, kind, id));
}

/* ---- finding ---- */

err domain_id(struct directory *d, str domain, uint64_t *id)
{
	char name[LIM_SMTP_DOMAIN + 1];
	str clean;
	int64_t v;

	TRY(dir_domain_parse(domain, name, &clean));
	if (d->in_tx && d->last_domain && str_eq(clean, str_z(d->last_name))) {
		*id = d->last_domain;
		return OK;
	}
	err e = SQL_GET(d->s, &v, "SELECT id FROM domains WHERE name = ?", SQL_T(clean));

	if (e)
		return e == E_NOTFOUND
			       ? fail(e,
				      "there is no domain %.*s; add it with: posta domain add %.*s",
				      STRF(clean), STRF(clean))
			       : e;
	*id = d->last_domain = (uint64_t)v;
	return str_to_z(clean, d->last_name, sizeof(d->last_name));
}

static err find_user(struct directory *d, str name, uint64_t *id)
{
	struct dir_address a;
	uint64_t domain;
	int64_t v;

	TRY(dir_address_parse(name, true, &a));
	TRY(domain_id(d, a.domain, &domain));
	err e = SQL_GET(d->s, &v, "SELECT id FROM users WHERE domain_id = ? AND local = ?",
			SQL_I(domain), SQL_T(a.local));

	if (e)
		return e == E_NOTFOUND ? fail(e, "there is no user %.*s", STRF(a.all)) : e;
	*id = (uint64_t)v;
	return OK;
}

err directory_find(struct directory *d, const struct dir_kind *k, str name, uint64_t *id)
{
	int64_t v;

	if (k == &dir_user_kind)
		return find_user(d, name, id);
	if (k == &dir_domain)
		return domain_id(d, name, id);
	err e = SQL_GET(d->s, &v, "SELECT id FROM tenants WHERE name = ?", SQL_T(name));

	if (e)
		return e == E_NOTFOUND ? fail(e, "there is no tenant %.*s", STRF(name)) : e;
	*id = (uint64_t)v;
	return OK;
}

/* ---- setting ---- */

/* Moving a mailbox makes a new epoch: who still believes the old place is told so (DESIGN: "a
 * back-end knows whether it is home"). */
static bool is_location(const struct dir_field *f)
{
	static const str names[] = { S("backend"), S("protocol"), S("state"), S("move-to") };

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_eq(str_z(f->name), names[i]))
			return true;
	return false;
}

static err store_value(struct directory *d, const struct dir_kind *k, uint64_t id,
		       const struct dir_field *f, const struct sql_value *v)
{
	const char *table = f->table ? f->table : k->table, *key = f->table ? "user_id" : "id";
	char text[256];
	int n;

	if (f->table) { /* rows of the side tables are made at the first setting */
		int64_t have = 0;

		n = snprintf(text, sizeof(text), "SELECT COUNT(*) FROM %s WHERE user_id = ?",
			     table);
		TRY(sql_get_int(d->s, str_of(text, (size_t)n), &SQL_I(id), 1, &have));
		n = snprintf(text, sizeof(text), "INSERT INTO %s (user_id) VALUES (?)", table);
		if (!have)
			TRY(sql_run(d->s, str_of(text, (size_t)n), &SQL_I(id), 1));
	}
	if (f->type == DIR_FLAG) {
		n = snprintf(text, sizeof(text), "UPDATE %s SET %s = (%s & ~?) | ? WHERE %s = ?",
			     table, f->column, f->column, key);
		return sql_run(d->s, str_of(text, (size_t)n),
			       (struct sql_value[]){ SQL_I(f->min), *v, SQL_I(id) }, 3);
	}
	if (k == &dir_user_kind && is_location(f)) {
		n = snprintf(text, sizeof(text),
			     "UPDATE users SET epoch = epoch + (%s <> ?), %s = ? WHERE id = ?",
			     f->column, f->column);
		return sql_run(d->s, str_of(text, (size_t)n),
			       (struct sql_value[]){ *v, *v, SQL_I(id) }, 3);
	}
	n = snprintf(text, sizeof(text), "UPDATE %s SET %s = ? WHERE %s = ?", table, f->column,
		     key);
	return sql_run(d->s, str_of(text, (size_t)n), (struct sql_value[]){ *v, SQL_I(id) }, 2);
}

/* An alias domain has no addresses of its own and leads to one that has. */
static err check_domain_alias(struct directory *d, uint64_t id, const struct sql_value *v)
{
	int64_t n;

	if (v->kind == SQL_NULL)
		return OK;
	TRY(SQL_GET(d->s, &n, "SELECT COUNT(*) FROM domains WHERE id = ? AND alias_of IS NOT NULL",
		    *v));
	if (n || v->i == (int64_t)id)
		return fail(E_DENIED, "alias-of: must name a domain that is no alias itself");
	TRY(SQL_GET(d->s, &n, "SELECT COUNT(*) FROM domains WHERE alias_of = ?", SQL_I(id)));
	if (n)
		return fail(E_DENIED, "alias-of: other domains are aliases of this one");
	TRY(SQL_GET(d->s, &n,
		    "SELECT (SELECT COUNT(*) FROM users WHERE domain_id = ?)"
		    " + (SELECT COUNT(*) FROM aliases WHERE domain_id = ?)",
		    SQL_I(id), SQL_I(id)));
	return n ? fail(E_DENIED, "alias-of: the domain has users or aliases of its own") : OK;
}

/* Parents of parents must end. */
static err check_parent(struct directory *d, uint64_t id, const struct sql_value *v)
{
	int64_t at = v->kind == SQL_NULL ? 0 : v->i;

	for (unsigned depth = 0; at; depth++) {
		if (at == (int64_t)id || depth == LIM_ALIAS_DEPTH)
			return fail(E_DENIED, "parent: the tenants would stand in a circle");
		TRY(SQL_GET(d->s, &at, "SELECT COALESCE(parent_id, 0) FROM tenants WHERE id = ?",
			    SQL_I(at)));
	}
	return OK;
}

static err check_limit(struct directory *d, const char *what, const char *limit, const char *count,
		       int64_t tenant)
{
	int64_t most, have;

	TRY(sql_get_int(d->s, str_z(limit), &SQL_I(tenant), 1, &most));
	if (!most)
		return OK;
	TRY(sql_get_int(d->s, str_z(count), &SQL_I(tenant), 1, &have));
	return have > most ? fail(E_DENIED, "the tenant may have %lld %s", (long long)most, what)
			   : OK;
}

static err check_tenant_domains(struct directory *d, const struct sql_value *v)
{
	if (v->kind == SQL_NULL)
		return OK;
	return check_limit(d, "domains", "SELECT max_domains FROM tenants WHERE id = ?",
			   "SELECT COUNT(*) FROM domains WHERE tenant_id = ?", v->i);
}

static err set_all(struct directory *d, const struct dir_kind *k, uint64_t id,
		   const struct dir_set *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sql_value value;

		TRY(dir_value_parse(d, v[i].field, v[i].text, &d->scratch, &value));
		if (v[i].field->type == DIR_DOMAIN_REF)
			TRY(check_domain_alias(d, id, &value));
		if (v[i].field->type == DIR_TENANT_REF && k == &dir_tenant)
			TRY(check_parent(d, id, &value));
		TRY(store_value(d, k, id, v[i].field, &value));
		if (v[i].field->type == DIR_TENANT_REF && k == &dir_domain)
			TRY(check_tenant_domains(d, &value));
	}
	return OK;
}

static err set_in_tx(struct directory *d, const struct dir_kind *k, str name,
		     const struct dir_set *v, size_t n)
{
	uint64_t id;

	TRY(directory_find(d, k, name, &id));
	TRY(set_all(d, k, id, v, n));
	d->noted = true;
	return d->note_all ? OK : feed_add(d, k->name, id);
}

err directory_set(struct directory *d, const struct dir_kind *k, str name, const struct dir_set *v,
		  size_t n)
{
	TRY(change_begin(d));
	return change_end(d, set_in_tx(d, k, name, v, n));
}

/* ---- adding ---- */

static err add_tenant(struct directory *d, str name)
{
	if (!name.n || name.n > 64 || str_find(name, '@') != name.n || !utf8_valid(name) ||
	    str_find(name, '\n') != name.n)
		return fail(E_SYNTAX, "\"%.*s\" is not a name for a tenant: 1 to 64 octets, no @",
			    STRF(name));
	err e = SQL_RUN(d->s, "INSERT INTO tenants (name, created) VALUES (?, ?)", SQL_T(name),
			SQL_I(clock_unix()));

	return e == E_EXISTS ? fail(e, "there is a tenant %.*s already", STRF(name)) : e;
}

static err add_domain(struct directory *d, str name)
{
	char space[LIM_SMTP_DOMAIN + 1];
	str clean;

	TRY(dir_domain_parse(name, space, &clean));
	err e = SQL_RUN(d->s, "INSERT INTO domains (name, created) VALUES (?, ?)", SQL_T(clean),
			SQL_I(clock_unix()));

	return e == E_EXISTS ? fail(e, "there is a domain %.*s already", STRF(clean)) : e;
}

/* The domain may hold this address: no alias domain, and no alias of that name. Gives its quota for
 * newcomers. */
static err user_fits(struct directory *d, uint64_t domain, const struct dir_address *a,
		     int64_t *quota)
{
	int64_t n;

	TRY(SQL_GET(d->s, &n, "SELECT COUNT(*) FROM domains WHERE id = ? AND alias_of IS NOT NULL",
		    SQL_I(domain)));
	if (n)
		return fail(E_DENIED, "%.*s is an alias of another domain: add the user there",
			    STRF(a->domain));
	TRY(SQL_GET(d->s, &n, "SELECT COUNT(*) FROM aliases WHERE domain_id = ? AND local = ?",
		    SQL_I(domain), SQL_T(a->local)));
	if (n)
		return fail(E_EXISTS, "there is an alias %.*s already", STRF(a->all));
	return SQL_GET(d->s, quota, "SELECT quota FROM domains WHERE id = ?", SQL_I(domain));
}

static err tenant_of(struct directory *d, uint64_t domain, int64_t *out)
{
	return SQL_GET(d->s, out, "SELECT COALESCE(tenant_id, 0) FROM domains WHERE id = ?",
		       SQL_I(domain));
}

static err add_user(struct directory *d, str name)
{
	struct dir_address a;
	uint64_t domain;
	int64_t quota, tenant;

	TRY(dir_address_parse(name, true, &a));
	TRY(domain_id(d, a.domain, &domain));
	TRY(user_fits(d, domain, &a, &quota));
	err e = SQL_RUN(d->s,
			"INSERT INTO users (domain_id, local, quota, created) VALUES (?, ?, ?, ?)",
			SQL_I(domain), SQL_T(a.local), SQL_I(quota), SQL_I(clock_unix()));

	if (e)
		return e == E_EXISTS ? fail(e, "there is a user %.*s already", STRF(a.all)) : e;
	TRY(tenant_of(d, domain, &tenant));
	return tenant ? check_limit(d, "users", "SELECT max_users FROM tenants WHERE id = ?",
				    "SELECT COUNT(*) FROM users u JOIN domains d ON d.id = "
				    "u.domain_id WHERE d.tenant_id = ?",
				    tenant)
		      : OK;
}

static err add_in_tx(struct directory *d, const struct dir_kind *k, str name,
		     const struct dir_set *v, size_t n, uint64_t *id)
{
	TRY(k == &dir_user_kind ? add_user(d, name)
	    : k == &dir_domain	? add_domain(d, name)
				: add_tenant(d, name));
	*id = (uint64_t)sql_last_id(d->s);
	TRY(set_all(d, k, *id, v, n));
	d->noted = true;
	return d->note_all ? OK : feed_add(d, k->name, *id);
}

err directory_add(struct directory *d, const struct dir_kind *k, str name, const struct dir_set *v,
		  size_t n, uint64_t *id)
{
	TRY(change_begin(d));
	return change_end(d, add_in_tx(d, k, name, v, n, id));
}

/* ---- removing ---- */

static const struct hold {
	const struct dir_kind *kind;
	const char *what, *count;
} holds[] = {
	{ &dir_tenant, "domains", "SELECT COUNT(*) FROM domains WHERE tenant_id = ?" },
	{ &dir_tenant, "tenants", "SELECT COUNT(*) FROM tenants WHERE parent_id = ?" },
	{ &dir_tenant, "zones", "SELECT COUNT(*) FROM zones WHERE tenant_id = ?" },
	{ &dir_domain, "users", "SELECT COUNT(*) FROM users WHERE domain_id = ?" },
	{ &dir_domain, "aliases", "SELECT COUNT(*) FROM aliases WHERE domain_id = ?" },
	{ &dir_domain, "alias domains", "SELECT COUNT(*) FROM domains WHERE alias_of = ?" },
};

static err remove_in_tx(struct directory *d, const struct dir_kind *k, str name)
{
	char text[64];
	uint64_t id;
	int64_t count;

	TRY(directory_find(d, k, name, &id));
	for (size_t i = 0; i < COUNT(holds); i++) {
		if (holds[i].kind != k)
			continue;
		TRY(sql_get_int(d->s, str_z(holds[i].count), &SQL_I(id), 1, &count));
		if (count)
			return fail(E_DENIED, "%s %.*s still has %lld %s", k->name, STRF(name),
				    (long long)count, holds[i].what);
	}
	int n = snprintf(text, sizeof(text), "DELETE FROM %s WHERE id = ?", k->table);

	TRY(sql_run(d->s, str_of(text, (size_t)n), &SQL_I(id), 1));
	d->last_domain = 0;
	d->noted = true;
	return d->note_all ? OK : feed_add(d, k->name, id);
}

err directory_remove(struct directory *d, const struct dir_kind *k, str name)
{
	TRY(change_begin(d));
	return change_end(d, remove_in_tx(d, k, name));
}
