/* What mail domains have in the DNS. */
#include "services/directory/dirdb_state.h"

#include "base/limits.h"
#include "services/directory/dirmail.h"
#include "services/directory/dirzone.h"

/* ---- the lines of posta.conf ---- */

static err read_row(struct directory *d, struct arena *a, str *records, str *hosts)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	*records = *hosts = STR("");
	TRY(SQL_QUERY(d->s, &st, "SELECT records, hosts FROM mail_dns"));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? OK : e;
	*records = arena_dup(a, sql_text(st, 0));
	*hosts = arena_dup(a, sql_text(st, 1));
	return records->p && hosts->p ? OK : fail(E_LIMIT, "mail_dns is too large");
}

err dirmail_lines(struct directory *d, struct arena *a, str *records)
{
	str hosts;

	return read_row(d, a, records, &hosts);
}

/* Zones with a mail domain in them. */
static err touch_domains(struct directory *d)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct item {
		struct item *next;
		uint64_t id;
	} *items = NULL;
	err e;

	arena_init(&a, 0);
	TRY(SQL_QUERY(d->s, &st, "SELECT DISTINCT zone_id FROM domains WHERE zone_id IS NOT NULL"));
	while ((e = sql_step(st)) == OK) {
		struct item *i = NEW(&a, struct item);

		*i = (struct item){ items, (uint64_t)sql_int(st, 0) };
		items = i;
	}
	for (; e == E_EOF && items; items = items->next)
		TRY(dirzone_touch(d, items->id));
	return e == E_EOF ? OK : e;
}

/* Zones in which the name at the head of a line lies, for lines that the other text lacks. */
static err touch_hosts(struct directory *d, str lines, str others)
{
	str line, name, rest;

	while (str_next(&lines, '\n', &line)) {
		if (!line.n || str_search(others, line) < others.n ||
		    !str_cut(line, ' ', &name, &rest))
			continue;
		TRY(dirzone_touch_above(d, name, false));
	}
	return OK;
}

static err store_in_tx(struct directory *d, str records, str hosts)
{
	CLEANUP(arena_free) struct arena a;
	str old_records, old_hosts;

	arena_init(&a, 4 * LIM_MAIL_DNS);
	TRY(read_row(d, &a, &old_records, &old_hosts));
	if (str_eq(records, old_records) && str_eq(hosts, old_hosts))
		return OK; /* another command was faster */
	TRY(SQL_RUN(d->s, "DELETE FROM mail_dns"));
	TRY(SQL_RUN(d->s, "INSERT INTO mail_dns (one, records, hosts) VALUES (1, ?, ?)",
		    SQL_T(records), SQL_T(hosts)));
	if (!str_eq(records, old_records))
		TRY(touch_domains(d));
	TRY(touch_hosts(d, hosts, old_hosts));
	return touch_hosts(d, old_hosts, hosts);
}

static err end(struct directory *d, err e)
{
	if (!e)
		e = directory_commit(d);
	if (e)
		directory_rollback(d);
	return e;
}

err dirmail_store(struct directory *d, str records, str hosts)
{
	CLEANUP(arena_free) struct arena a;
	str old_records, old_hosts;

	arena_init(&a, 4 * LIM_MAIL_DNS);
	TRY(read_row(d, &a, &old_records, &old_hosts));
	if (str_eq(records, old_records) && str_eq(hosts, old_hosts))
		return OK; /* the usual case takes no write lock */
	TRY(directory_begin(d));
	return end(d, store_in_tx(d, records, hosts));
}

/* ---- keys of mail servers ---- */

static err same_keys(struct directory *d, str host, const str *spki, size_t n, bool *same)
{
	int64_t have, all;

	TRY(SQL_GET(d->s, &all, "SELECT COUNT(*) FROM server_keys WHERE host = ?", SQL_T(host)));
	*same = all == (int64_t)n;
	for (size_t i = 0; i < n && *same; i++) {
		TRY(SQL_GET(d->s, &have,
			    "SELECT COUNT(*) FROM server_keys WHERE host = ? AND spki = ?",
			    SQL_T(host), SQL_T(spki[i])));
		*same = have == 1;
	}
	return OK;
}

static err store_keys(struct directory *d, str host, const str *spki, size_t n)
{
	TRY(SQL_RUN(d->s, "DELETE FROM server_keys WHERE host = ?", SQL_T(host)));
	for (size_t i = 0; i < n; i++)
		TRY(SQL_RUN(d->s, "INSERT INTO server_keys (host, spki) VALUES (?, ?)", SQL_T(host),
			    SQL_T(spki[i])));
	return dirzone_touch_above(d, host, false);
}

err dirmail_store_keys(struct directory *d, str host, const str *spki, size_t n)
{
	struct dirzone_name name;
	bool same;

	TRY(dirzone_name_parse(host, &name));
	TRY(same_keys(d, name.text, spki, n, &same));
	if (same)
		return OK;
	TRY(directory_begin(d));
	return end(d, store_keys(d, name.text, spki, n));
}

/* ---- DKIM ---- */

static err touch_domain(struct directory *d, uint64_t domain)
{
	int64_t zone;

	TRY(SQL_GET(d->s, &zone, "SELECT COALESCE(zone_id, 0) FROM domains WHERE id = ?",
		    SQL_I(domain)));
	TRY(directory_note(d, "domain", domain));
	return zone ? dirzone_touch(d, (uint64_t)zone) : OK;
}

/* RFC 6376 3.1: labels; here one or more of letters, digits and hyphens. */
static bool is_selector(str s)
{
	bool ok = s.n > 0 && s.n <= 63 && s.p[0] != '-' && s.p[s.n - 1] != '-';

	for (size_t i = 0; i < s.n; i++)
		ok = ok && (ch_alnum(s.p[i]) || s.p[i] == '-') && ch_lower(s.p[i]) == s.p[i];
	return ok;
}

static err dkim_add(struct directory *d, uint64_t domain, const struct dir_dkim *k)
{
	if (!is_selector(k->selector))
		return fail(E_SYNTAX, "\"%.*s\" is no selector: small letters, digits and hyphens",
			    STRF(k->selector));
	err e = SQL_RUN(
		d->s,
		"INSERT INTO dkim_keys (domain_id, selector, algorithm, public_key, created,"
		" state, since) VALUES (?, ?, ?, ?, ?, ?, ?)",
		SQL_I(domain), SQL_T(k->selector), SQL_T(k->algorithm), SQL_T(k->public_key),
		SQL_I(k->created), SQL_I(k->state), SQL_I(k->since));

	if (e)
		return e == E_EXISTS
			       ? fail(e, "there is a selector %.*s already", STRF(k->selector))
			       : e;
	return touch_domain(d, domain);
}

err dirmail_dkim_add(struct directory *d, uint64_t domain, const struct dir_dkim *k)
{
	if (d->in_tx)
		return dkim_add(d, domain, k);
	TRY(directory_begin(d));
	return end(d, dkim_add(d, domain, k));
}

static err dkim_remove(struct directory *d, uint64_t domain, str selector)
{
	TRY(SQL_RUN(d->s, "DELETE FROM dkim_keys WHERE domain_id = ? AND selector = ?",
		    SQL_I(domain), SQL_T(selector)));
	if (!sql_changed(d->s))
		return fail(E_NOTFOUND, "there is no selector %.*s", STRF(selector));
	return touch_domain(d, domain);
}

err dirmail_dkim_remove(struct directory *d, uint64_t domain, str selector)
{
	if (d->in_tx)
		return dkim_remove(d, domain, selector);
	TRY(directory_begin(d));
	return end(d, dkim_remove(d, domain, selector));
}

static err dkim_move(struct directory *d, uint64_t domain, str selector, enum dkim_state to,
		     int64_t now)
{
	TRY(SQL_RUN(
		d->s,
		"UPDATE dkim_keys SET state = ?, since = ? WHERE domain_id = ? AND selector = ?",
		SQL_I(to), SQL_I(now), SQL_I(domain), SQL_T(selector)));
	if (!sql_changed(d->s))
		return fail(E_NOTFOUND, "there is no selector %.*s", STRF(selector));
	return touch_domain(d, domain);
}

err dirmail_dkim_move(struct directory *d, uint64_t domain, str selector, enum dkim_state to,
		      int64_t now)
{
	if (d->in_tx)
		return dkim_move(d, domain, selector, to, now);
	TRY(directory_begin(d));
	return end(d, dkim_move(d, domain, selector, to, now));
}

err dirmail_zone_of(struct directory *d, uint64_t domain, struct arena *a, str *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	*out = STR("");
	TRY(SQL_QUERY(d->s, &st,
		      "SELECT z.name FROM domains m JOIN zones z ON z.id = m.zone_id"
		      " WHERE m.id = ? AND z.disabled = 0",
		      SQL_I(domain)));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? OK : e;
	*out = arena_dup(a, sql_text(st, 0));
	return out->p ? OK : fail(E_LIMIT, "memory for a zone's name");
}

static err each_key(struct sql_stmt *st, err (*fn)(void *arg, const struct dir_dkim *k), void *arg)
{
	err e;

	while ((e = sql_step(st)) == OK) {
		const struct dir_dkim k = { sql_text(st, 0),
					    sql_text(st, 1),
					    sql_text(st, 2),
					    sql_int(st, 3),
					    (enum dkim_state)sql_int(st, 4),
					    sql_int(st, 5) };

		TRY(fn(arg, &k));
	}
	return e == E_EOF ? OK : e;
}

#define COLUMNS "k.selector, k.algorithm, k.public_key, k.created, k.state, k.since"

err dirmail_dkim_each(struct directory *d, uint64_t domain,
		      err (*fn)(void *arg, const struct dir_dkim *k), void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(d->s, &st,
		      "SELECT " COLUMNS " FROM dkim_keys k WHERE k.domain_id = ?"
		      " ORDER BY k.id",
		      SQL_I(domain)));
	return each_key(st, fn, arg);
}

err dirmail_dkim_signing(struct directory *d, str domain,
			 err (*fn)(void *arg, const struct dir_dkim *k), void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(d->s, &st,
		      "SELECT " COLUMNS " FROM dkim_keys k JOIN domains d ON d.id = k.domain_id"
		      " WHERE d.name = ? AND d.sign = 1 AND k.state = ? ORDER BY k.selector",
		      SQL_T(domain), SQL_I(DKIM_ACTIVE)));
	return each_key(st, fn, arg);
}
