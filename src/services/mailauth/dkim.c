#include "services/mailauth/dkim.h"

#include <string.h>

#include "base/limits.h"
#include "run/work.h"
#include "services/mailauth/dkim_part.h"

/* One signature on its way. */
struct one {
	const struct canon_field *field;
	struct dkim_signature s;
	struct dkim_question q;
	struct dkim_body body;
	struct mailauth_dkim *out;
	bool open; /* nothing has decided it yet */
};
struct all {
	struct canon_message m;
	struct one *v;
	size_t n;
	struct arena *a;
};

static void settle(struct one *o, enum auth_result r, str why)
{
	o->open = false;
	o->out->result = r;
	o->out->why = why;
}

/* RFC 8601 2.7.1: what cannot be understood is neutral, what cannot be judged is permerror. RFC
 * 8301 3.1: of an historic algorithm likewise. */
static void parse_one(struct all *all, struct one *o, int64_t now)
{
	str value = canon_value(o->field);
	err e = dkim_parse(value, DKIM_SIGNATURE, all->a, &o->s);

	o->open = true;
	*o->out = (struct mailauth_dkim){ .domain = o->s.domain,
					  .selector = o->s.selector,
					  .identity = o->s.identity.p ? o->s.identity : STR(""),
					  .algorithm = o->s.a,
					  .b = str_take(o->s.b_text, 8),
					  .why = STR("") };
	if (e != OK)
		settle(o, e == E_DENIED ? AUTH_PERMERROR : AUTH_NEUTRAL, dkim_why(all->a));
	else if (o->s.expires >= 0 && o->s.expires < now)
		settle(o, AUTH_FAIL, STR("the signature has expired"));
	o->q.domain = o->s.domain;
	o->q.selector = o->s.selector;
	o->body.relaxed = o->s.relaxed_body;
	o->body.limited = o->s.limited;
	o->body.length = o->s.length;
}

static err parse_all(struct all *all, str message, int64_t now, struct mailauth_dkim *out)
{
	err e = canon_split(message, all->a, &all->m);

	for (size_t i = 0; e == OK && i < all->m.n && all->n < LIM_DKIM_SIGNATURES; i++) {
		if (!str_eqi(all->m.fields[i].name, STR("DKIM-Signature")))
			continue;
		struct one *o = &all->v[all->n];

		o->field = &all->m.fields[i];
		o->out = &out[all->n++];
		parse_one(all, o, now);
	}
	if (e != E_LIMIT)
		return e;
	/* Whatever it is that is signed: nobody looks for it. */
	all->v[0].out = &out[0];
	*all->v[0].out = (struct mailauth_dkim){ .domain = STR(""),
						 .selector = STR(""),
						 .identity = STR(""),
						 .algorithm = STR(""),
						 .b = STR("") };
	settle(&all->v[0], AUTH_NEUTRAL, dkim_why(all->a));
	all->n = 1;
	return OK;
}

WAITS static err ask_all(struct all *all, const struct mailauth_dns *dns, msec deadline)
{
	struct dkim_question *v[LIM_DKIM_SIGNATURES];
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].open)
			v[n++] = &all->v[i].q;
	TRY(dkim_ask_keys(dns, v, n, deadline, all->a));
	for (size_t i = 0; i < all->n; i++) {
		struct one *o = &all->v[i];

		if (!o->open)
			continue;
		o->out->test = o->q.key.test;
		if (o->q.result != AUTH_PASS)
			settle(o, o->q.result, o->q.why);
		else if (o->q.key.strict &&
			 !str_eqi(str_skip(o->s.identity, str_rfind(o->s.identity, '@') + 1),
				  o->s.domain))
			settle(o, AUTH_PERMERROR, STR("the key allows no i= below d="));
	}
	return OK;
}

static err judge_one(struct all *all, struct one *o)
{
	struct canon_field own = { o->field->name, dkim_without_b(o->field, &o->s, all->a) };
	unsigned char hash[DKIM_HASH];
	bool good;

	o->out->partial = o->body.partial;
	if (!own.raw.p)
		return fail(E_LIMIT, "memory for a field");
	if (o->body.missing) {
		settle(o, AUTH_PERMERROR, STR("l= is more than the body has"));
		return OK;
	}
	if (memcmp(o->body.hash, o->s.bh.p, DKIM_HASH) != 0) {
		settle(o, AUTH_FAIL, STR("the body was changed"));
		return OK;
	}
	TRY(dkim_hash_header(&all->m, o->s.relaxed_header, o->s.names, &own, all->a, hash));
	err e = dkim_check(&o->q.key, o->s.algorithm, hash, o->s.b, &good, &o->out->bits);

	if (e != OK)
		settle(o, AUTH_PERMERROR, dkim_why(all->a));
	else if (good)
		settle(o, AUTH_PASS, STR(""));
	else
		settle(o, AUTH_FAIL, STR("the signature does not fit the header"));
	return OK;
}

/* On a helper thread. */
static err judge(void *arg)
{
	struct all *all = arg;
	struct dkim_body *v[LIM_DKIM_SIGNATURES];
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].open)
			v[n++] = &all->v[i].body;
	TRY(dkim_hash_bodies(all->m.body, v, n));
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].open)
			TRY(judge_one(all, &all->v[i]));
	return OK;
}

static bool any_open(const struct all *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].open)
			return true;
	return false;
}

/* A failure of ours (memory, libcrypto) is none of the signatures'. */
WAITS static err verify(struct all *all, const struct mailauth_dns *dns, msec deadline)
{
	TRY(ask_all(all, dns, deadline));
	err e = any_open(all) ? work(POOL_CPU, judge, all) : OK;

	if (e == E_CANCELED)
		return e;
	for (size_t i = 0; e != OK && i < all->n; i++)
		if (all->v[i].open)
			settle(&all->v[i], AUTH_TEMPERROR, dkim_why(all->a));
	return OK;
}

static str kept(struct arena *a, str s)
{
	str copy = s.p ? arena_dup(a, s) : STR("");

	return copy.p ? copy : STR("");
}

static err keep_results(struct arena *a, const struct mailauth_dkim *v, size_t n,
			struct mailauth_dkim **out)
{
	*out = NEW_TRY(a, struct mailauth_dkim, n + 1);
	for (size_t i = 0; *out && i < n; i++) {
		struct mailauth_dkim *d = &(*out)[i];

		*d = v[i];
		d->domain = kept(a, v[i].domain);
		d->selector = kept(a, v[i].selector);
		d->identity = kept(a, v[i].identity);
		d->algorithm = kept(a, v[i].algorithm);
		d->b = kept(a, v[i].b);
		d->why = kept(a, v[i].why);
	}
	return *out ? OK : fail(E_CANCELED, "no memory for the results of DKIM");
}

WAITS err dkim_verify_all(const struct mailauth_dns *dns, str message, int64_t now, msec deadline,
			  struct arena *a, struct mailauth_dkim **out, size_t *n)
{
	/* One of our own: a helper thread uses it while other fibers use a. */
	CLEANUP(arena_free) struct arena own = { 0 };
	struct mailauth_dkim *results;
	struct all all = { .a = &own };

	*out = NULL;
	*n = 0;
	arena_init(&own, LIM_DKIM_ARENA);
	all.v = arena_get(&own, sizeof(struct one) * LIM_DKIM_SIGNATURES, 16);
	results = arena_get(&own, sizeof(*results) * LIM_DKIM_SIGNATURES, 16);
	TRY(parse_all(&all, message, now, results));
	TRY(verify(&all, dns, deadline));
	TRY(keep_results(a, results, all.n, out));
	*n = all.n;
	return OK;
}
