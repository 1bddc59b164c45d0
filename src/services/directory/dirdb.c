#include "services/directory/dirdb_state.h"

#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "services/directory/address.h"
#include "services/directory/dirzone.h"
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

err feed_add(struct directory *d, const char *kind, uint64_t id)
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
	if (k == &dir_zone)
		return dirzone_find(d, name, id);
	err e = SQL_GET(d->s, &v, "SELECT id FROM tenants WHERE name = ?", SQL_T(name));

	if (e)
		return e == E_NOTFOUND ? fail(e, "there is no tenant %.*s", STRF(name)) : e;
	*id = (uint64_t)v;
	return OK;
}
