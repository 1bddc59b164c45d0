/* Adding, setting and removing tenants, domains, users and zones. */
#include "services/directory/dirdb_state.h"

#include <stdio.h>

#include "base/enc.h"
#include "base/limits.h"
#include "services/directory/address.h"
#include "services/directory/dirzone.h"

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

/* The change's line in the feed; a zone's serial rises with it. */
static err noted(struct directory *d, const struct dir_kind *k, uint64_t id)
{
	if (k == &dir_zone)
		return dirzone_touch(d, id);
	d->noted = true;
	return d->note_all ? OK : feed_add(d, k->name, id);
}

/* A mail domain that comes or goes changes the records of the zone that it lies in; so does a zone
 * that takes the domains below its name from the one above. */
static err seen_in_zone(struct directory *d, const struct dir_kind *k, str name)
{
	if (k != &dir_domain && k != &dir_zone)
		return OK;
	return dirzone_touch_above(d, name, k == &dir_zone);
}

static err set_in_tx(struct directory *d, const struct dir_kind *k, str name,
		     const struct dir_set *v, size_t n)
{
	uint64_t id;

	TRY(directory_find(d, k, name, &id));
	TRY(set_all(d, k, id, v, n));
	if (k == &dir_zone)
		TRY(dirzone_check(d, id));
	return noted(d, k, id);
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
	    : k == &dir_zone	? dirzone_add_row(d, name)
				: add_tenant(d, name));
	*id = (uint64_t)sql_last_id(d->s);
	if (k == &dir_domain)
		TRY(dirzone_place_domain(d, name, *id));
	if (k == &dir_zone)
		TRY(dirzone_take_domains(d, name, *id));
	TRY(set_all(d, k, *id, v, n));
	if (k == &dir_zone)
		TRY(dirzone_check(d, *id));
	TRY(seen_in_zone(d, k, name));
	return noted(d, k, *id);
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
	if (k == &dir_zone)
		TRY(dirzone_leave_domains(d, name, id));
	int n = snprintf(text, sizeof(text), "DELETE FROM %s WHERE id = ?", k->table);

	TRY(sql_run(d->s, str_of(text, (size_t)n), &SQL_I(id), 1));
	d->last_domain = 0;
	TRY(seen_in_zone(d, k, name));
	return noted(d, k, id);
}

err directory_remove(struct directory *d, const struct dir_kind *k, str name)
{
	TRY(change_begin(d));
	return change_end(d, remove_in_tx(d, k, name));
}
