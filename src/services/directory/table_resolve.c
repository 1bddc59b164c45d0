/* What an address leads to. */
#include "services/directory/table.h"

#include "base/limits.h"
#include "services/directory/address.h"

static const struct row_domain *real_domain(const struct table *t, const struct row_domain *d)
{
	for (unsigned depth = 0; d && d->alias_of && depth < LIM_ALIAS_DEPTH; depth++)
		d = table_domain_by_id(t, d->alias_of);
	return d && !d->alias_of ? d : NULL;
}

err table_fill_user(const struct table *t, const struct row *u, struct arena *a,
		    struct dir_user *out)
{
	const struct row_domain *d = table_domain_by_id(t, u->domain);

	if (!d)
		return fail(E_NOTFOUND, "user %llu has no domain", (unsigned long long)u->id);
	*out = (struct dir_user){
		.id = u->id,
		.login = arena_fmt(a, "%.*s@%.*s", (int)u->nlocal, u->local, (int)d->n, d->name),
		.flags = u->flags | (d->disabled ? USER_DISABLED : 0u),
		.quota = u->quota,
		.state = (enum home_state)u->state,
		.epoch = u->epoch,
		.backend = arena_dup(a, str_z(t->backends[u->backend])),
		.spam_level = u->spam_level ? u->spam_level : d->spam_level,
		.spam_above = (enum dir_above)(u->spam_above ? u->spam_above : d->spam_above),
		.digest = (enum dir_digest)(u->digest ? u->digest : d->digest),
	};
	return out->login.p && out->backend.p ? OK : fail(E_LIMIT, "no room for a user");
}

/* RFC 5321 4.5.1: postmaster is always there; RFC 2142: abuse too. Without an entry of its own the
 * mail goes to the administrator with the least number, of the domain if it has one. */
static const struct row *administrator(const struct table *t, uint64_t domain)
{
	const struct row *best = NULL;

	for (size_t i = 0; i < t->nadmins; i++) {
		const struct row *r = t->admins[i];
		bool here = r->domain == domain, best_here = best && best->domain == domain;

		if (r->flags & USER_DISABLED)
			continue;
		if (!best || here > best_here || (here == best_here && r->id < best->id))
			best = r;
	}
	return best;
}

/* Exact, then without +detail, then the catch-all. */
static const struct row *find(const struct table *t, const struct row_domain *d, str local,
			      str *detail)
{
	const struct row *r = table_row(t, d->id, local);
	str base, tag;

	*detail = STR("");
	if (r || !local.n)
		return r;
	if (str_cut(local, '+', &base, &tag) && base.n && (r = table_row(t, d->id, base))) {
		*detail = tag;
		return r;
	}
	if ((r = table_row(t, d->id, STR(""))))
		return r;
	return str_eq(local, STR("postmaster")) || str_eq(local, STR("abuse"))
		       ? administrator(t, d->id)
		       : NULL;
}

/* ---- expansion ---- */

struct expansion {
	const struct table *t;
	struct arena *a;
	str *targets;
	size_t n;
	const struct row *only; /* the user, when just one was found */
	str only_detail;
	uint64_t seen[LIM_ALIAS_DEPTH + 1]; /* aliases on the way down: a loop is cut there */
};

static err add_target(struct expansion *x, str address)
{
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->targets[i], address))
			return OK;
	if (x->n == LIM_ALIAS_TARGETS)
		return fail(E_LIMIT, "an alias leads to more than %d addresses", LIM_ALIAS_TARGETS);
	str copy = arena_dup(x->a, address);

	if (!copy.p)
		return fail(E_LIMIT, "no room for an alias");
	x->targets[x->n++] = copy;
	return OK;
}

static err add_user(struct expansion *x, const struct row *u, str detail)
{
	struct dir_user user;
	size_t was = x->n;

	TRY(table_fill_user(x->t, u, x->a, &user));
	TRY(add_target(x, user.login));
	if (x->n > was) {
		x->only = x->n == 1 ? u : NULL;
		x->only_detail = detail;
	}
	return OK;
}

static err expand(struct expansion *x, const struct row *alias, unsigned depth);

static err expand_one(struct expansion *x, str target, unsigned depth)
{
	str local, domain, detail, copy = target;

	if (!str_cut(target, '@', &local, &domain))
		return OK;
	const struct row_domain *d = table_domain(x->t, domain);

	if (!d) { /* elsewhere */
		x->only = NULL;
		return add_target(x, copy);
	}
	if (!(d = real_domain(x->t, d)))
		return OK;
	const struct row *r = find(x->t, d, local, &detail);

	if (!r) /* a target that is gone is left out: the others get their copy */
		return OK;
	return r->alias ? expand(x, r, depth + 1) : add_user(x, r, detail);
}

static err expand(struct expansion *x, const struct row *alias, unsigned depth)
{
	str rest = str_of(alias->targets, alias->ntargets), one;

	if (depth >= LIM_ALIAS_DEPTH)
		return OK;
	for (unsigned i = 0; i < depth; i++)
		if (x->seen[i] == alias->id)
			return OK;
	x->seen[depth] = alias->id;
	while (str_next(&rest, ',', &one))
		TRY(expand_one(x, one, depth));
	return OK;
}

static err answer_alias(const struct table *t, const struct row *alias, struct arena *a,
			struct dir_answer *out)
{
	struct expansion x = { .t = t, .a = a };

	x.targets = NEW_TRY(a, str, LIM_ALIAS_TARGETS);
	if (!x.targets)
		return fail(E_LIMIT, "no room for an alias");
	TRY(expand(&x, alias, 0));
	if (x.n == 1 && x.only) {
		out->what = DIR_USER;
		if (x.only_detail.n)
			out->detail = arena_dup(a, x.only_detail);
		return table_fill_user(t, x.only, a, &out->user);
	}
	out->what = x.n ? DIR_ALIAS : DIR_UNKNOWN;
	out->targets = x.targets;
	out->ntargets = x.n;
	return OK;
}

/* "postmaster" without a domain (RFC 5321 4.5.1). */
static err answer_postmaster(const struct table *t, struct arena *a, struct dir_answer *out)
{
	const struct row *r = administrator(t, 0);

	out->what = r ? DIR_USER : DIR_UNKNOWN;
	return r ? table_fill_user(t, r, a, &out->user) : OK;
}

err table_address(const struct table *t, str address, struct arena *a, struct dir_answer *out)
{
	struct dir_address ad;
	str detail;

	*out = (struct dir_answer){ .what = DIR_FOREIGN, .detail = STR("") };
	if (str_eqi(address, STR("postmaster")))
		return answer_postmaster(t, a, out);
	if (dir_address_parse(address, false, &ad))
		return OK; /* nothing that could be ours */
	const struct row_domain *d = table_domain(t, ad.domain);

	if (!d)
		return OK;
	out->what = DIR_UNKNOWN;
	const struct row *r = (d = real_domain(t, d)) ? find(t, d, ad.local, &detail) : NULL;

	if (!r)
		return OK;
	if (detail.n && !(out->detail = arena_dup(a, detail)).p)
		return fail(E_LIMIT, "no room for an address");
	out->caught = !r->nlocal;
	if (r->alias)
		return answer_alias(t, r, a, out);
	out->what = DIR_USER;
	return table_fill_user(t, r, a, &out->user);
}

/* ---- logins ---- */

/* The only domain with such a user; NULL when there is none or several. */
static const struct row *only_user(const struct table *t, str local)
{
	const struct row *found = NULL;
	size_t slot = 0;

	for (struct tnode *n = thash_each(&t->domain_ids, &slot, NULL); n;
	     n = thash_each(&t->domain_ids, &slot, n)) {
		const struct row *r =
			table_row(t, CONTAINER(n, struct row_domain, by_id)->id, local);

		if (!r || r->alias)
			continue;
		if (found)
			return NULL;
		found = r;
	}
	return found;
}

err table_login(const struct table *t, str login, str default_domain, struct arena *a,
		struct dir_user *out)
{
	char whole[LIM_USER + LIM_SMTP_DOMAIN + 2];
	struct dir_address ad;
	const struct row *r = NULL;
	struct buf b = { .p = whole, .cap = sizeof(whole), .max = sizeof(whole) };

	if (login.n > LIM_USER || !login.n)
		return E_NOTFOUND;
	bool bare = str_find(login, '@') == login.n;

	buf_fmt(&b, "%.*s%s%.*s", STRF(login), bare ? "@" : "",
		STRF(bare ? default_domain : STR("")));
	if (bare && !default_domain.n) {
		char low[LIM_USER];

		for (size_t i = 0; i < login.n; i++)
			low[i] = ch_lower(login.p[i]);
		r = only_user(t, str_of(low, login.n));
	} else if (!buf_done(&b) && !dir_address_parse(buf_str(&b), false, &ad)) {
		const struct row_domain *d = table_domain(t, ad.domain);

		d = d ? real_domain(t, d) : NULL;
		r = d && ad.local.n ? table_row(t, d->id, ad.local) : NULL;
	}
	return r && !r->alias ? table_fill_user(t, r, a, out) : E_NOTFOUND;
}

/* ---- lists ---- */

static bool has(const struct row *u, uint64_t hash, enum list_bits bits)
{
	for (uint32_t i = 0; i < u->nlists; i++)
		if (u->lists[i] == (hash | bits))
			return true;
	return false;
}

enum dir_listed table_listed(const struct table *t, uint64_t user, str sender)
{
	const struct row *u = table_user(t, user);
	struct dir_address a;

	if (!u || !u->nlists || dir_address_parse(sender, false, &a))
		return LISTED_NOT;
	/* The address itself outweighs its domain; what the user said outweighs the address book.
	 */
	str forms[] = { a.all, str_skip(a.all, a.local.n) };

	for (size_t i = 0; i < COUNT(forms); i++) {
		uint64_t h = table_list_hash(t, forms[i]);

		if (has(u, h, LIST_BLOCK))
			return LISTED_BLOCK;
		if (has(u, h, LIST_ALLOW))
			return LISTED_ALLOW;
		if (has(u, h, LIST_CONTACT))
			return LISTED_CONTACT;
	}
	return LISTED_NOT;
}
