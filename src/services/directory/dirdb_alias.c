/* Aliases and catch-alls. */
#include "services/directory/dirdb_state.h"

#include "base/limits.h"
#include "services/directory/address.h"

/* "@domain" is the catch-all: local "". */
static err parse(struct directory *d, str address, struct dir_address *a, uint64_t *domain)
{
	if (address.n && address.p[0] == '@')
		TRY(dir_pattern_parse(address, a));
	else
		TRY(dir_address_parse(address, true, a));
	return domain_id(d, a->domain, domain);
}

static err find_alias(struct directory *d, str address, struct dir_address *a, uint64_t *domain,
		      int64_t *id)
{
	TRY(parse(d, address, a, domain));
	err e = SQL_GET(d->s, id, "SELECT id FROM aliases WHERE domain_id = ? AND local = ?",
			SQL_I(*domain), SQL_T(a->local));

	return e == E_NOTFOUND ? fail(e, "there is no alias %.*s", STRF(a->all)) : e;
}

/* A target of one of our domains must be there already; elsewhere anything that is an address. */
static err check_target(struct directory *d, const struct dir_address *t)
{
	int64_t ours, there;

	TRY(SQL_GET(d->s, &ours, "SELECT COUNT(*) FROM domains WHERE name = ? AND alias_of IS NULL",
		    SQL_T(t->domain)));
	if (!ours)
		return OK;
	str local = t->local, tag;

	(void)str_cut(t->local, '+', &local, &tag);
	TRY(SQL_GET(d->s, &there,
		    "SELECT (SELECT COUNT(*) FROM users u JOIN domains d ON d.id = u.domain_id"
		    " WHERE d.name = ? AND u.local IN (?, ?))"
		    " + (SELECT COUNT(*) FROM aliases a JOIN domains d ON d.id = a.domain_id"
		    " WHERE d.name = ? AND a.local IN (?, ?, ''))",
		    SQL_T(t->domain), SQL_T(t->local), SQL_T(local), SQL_T(t->domain),
		    SQL_T(t->local), SQL_T(local)));
	return there ? OK : fail(E_NOTFOUND, "the target %.*s does not exist", STRF(t->all));
}

static err store_targets(struct directory *d, int64_t id, const struct dir_address *own,
			 const str *targets, size_t n)
{
	if (!n)
		return fail(E_SYNTAX, "an alias needs a target");
	if (n > LIM_ALIAS_TARGETS)
		return fail(E_LIMIT, "an alias leads to %zu addresses; %d are allowed", n,
			    LIM_ALIAS_TARGETS);
	TRY(SQL_RUN(d->s, "DELETE FROM alias_targets WHERE alias_id = ?", SQL_I(id)));
	for (size_t i = 0; i < n; i++) {
		struct dir_address t;

		TRY(dir_address_parse(str_trim(targets[i]), true, &t));
		if (str_eq(t.all, own->all))
			return fail(E_DENIED, "%.*s would lead to itself", STRF(t.all));
		TRY(check_target(d, &t));
		err e = SQL_RUN(d->s, "INSERT INTO alias_targets (alias_id, target) VALUES (?, ?)",
				SQL_I(id), SQL_T(t.all));

		if (e)
			return e == E_EXISTS
				       ? fail(e, "the target %.*s is named twice", STRF(t.all))
				       : e;
	}
	return directory_note(d, "alias", (uint64_t)id);
}

static err may_hold(struct directory *d, uint64_t domain, const struct dir_address *a)
{
	int64_t n;

	TRY(SQL_GET(d->s, &n, "SELECT COUNT(*) FROM domains WHERE id = ? AND alias_of IS NOT NULL",
		    SQL_I(domain)));
	if (n)
		return fail(E_DENIED, "%.*s is an alias of another domain: add the alias there",
			    STRF(a->domain));
	TRY(SQL_GET(d->s, &n, "SELECT COUNT(*) FROM users WHERE domain_id = ? AND local = ?",
		    SQL_I(domain), SQL_T(a->local)));
	return n ? fail(E_EXISTS, "there is a user %.*s already", STRF(a->all)) : OK;
}

static err add_in_tx(struct directory *d, str address, const str *targets, size_t n)
{
	struct dir_address a;
	uint64_t domain;

	TRY(parse(d, address, &a, &domain));
	TRY(may_hold(d, domain, &a));
	err e = SQL_RUN(d->s, "INSERT INTO aliases (domain_id, local, created) VALUES (?, ?, ?)",
			SQL_I(domain), SQL_T(a.local), SQL_I(clock_unix()));

	if (e)
		return e == E_EXISTS ? fail(e, "there is an alias %.*s already", STRF(a.all)) : e;
	return store_targets(d, sql_last_id(d->s), &a, targets, n);
}

/* As change_begin, with in_tx set so that what is called inside joins. */
static err whole(struct directory *d, err (*fn)(struct directory *, str, const str *, size_t),
		 str address, const str *targets, size_t n)
{
	if (d->in_tx)
		return fn(d, address, targets, n);
	TRY(directory_begin(d));
	err e = fn(d, address, targets, n);

	if (!e)
		e = directory_commit(d);
	if (e)
		directory_rollback(d);
	return e;
}

err directory_alias_add(struct directory *d, str address, const str *targets, size_t n)
{
	return whole(d, add_in_tx, address, targets, n);
}

static err set_in_tx(struct directory *d, str address, const str *targets, size_t n)
{
	struct dir_address a;
	uint64_t domain;
	int64_t id;

	TRY(find_alias(d, address, &a, &domain, &id));
	return store_targets(d, id, &a, targets, n);
}

err directory_alias_set(struct directory *d, str address, const str *targets, size_t n)
{
	return whole(d, set_in_tx, address, targets, n);
}

static err remove_in_tx(struct directory *d, str address, const str *targets, size_t n)
{
	struct dir_address a;
	uint64_t domain;
	int64_t id;

	(void)targets;
	(void)n;
	TRY(find_alias(d, address, &a, &domain, &id));
	TRY(SQL_RUN(d->s, "DELETE FROM aliases WHERE id = ?", SQL_I(id)));
	return directory_note(d, "alias", (uint64_t)id);
}

err directory_alias_remove(struct directory *d, str address)
{
	return whole(d, remove_in_tx, address, NULL, 0);
}

static err targets_of(struct directory *d, int64_t id, struct buf *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(d->s, &st,
		      "SELECT target FROM alias_targets WHERE alias_id = ? ORDER BY target",
		      SQL_I(id)));
	for (bool first = true; (e = sql_step(st)) == OK; first = false)
		buf_fmt(out, "%s%.*s", first ? "" : ",", STRF(sql_text(st, 0)));
	return e == E_EOF ? buf_done(out) : e;
}

err directory_alias_each(struct directory *d, str within, str address,
			 err (*fn)(void *arg, str address, str targets), void *arg)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct dir_address a;
	uint64_t domain;
	int64_t one = 0;
	err e;

	if (address.n)
		TRY(find_alias(d, address, &a, &domain, &one));
	buf_init(&b, MIB(1));
	TRY(SQL_QUERY(
		d->s, &st,
		"SELECT a.id, a.local, d.name FROM aliases a JOIN domains d ON d.id = a.domain_id"
		" WHERE (? = '' OR d.name = ?) AND (? = 0 OR a.id = ?) ORDER BY d.name, a.local",
		SQL_T(within), SQL_T(within), SQL_I(one), SQL_I(one)));
	while ((e = sql_step(st)) == OK) {
		buf_reset(&b);
		buf_fmt(&b, "%.*s@%.*s", STRF(sql_text(st, 1)), STRF(sql_text(st, 2)));
		size_t n = b.n;

		TRY(targets_of(d, sql_int(st, 0), &b));
		TRY(fn(arg, str_take(buf_str(&b), n), str_skip(buf_str(&b), n)));
	}
	return e == E_EOF ? OK : e;
}
