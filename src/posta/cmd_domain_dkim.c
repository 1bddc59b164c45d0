/* posta domain dkim: key pairs of RFC 6376 (RSA) and RFC 8463 (Ed25519). The public half becomes a
 * record of the domain, the private one is sealed in the secrets. */
#include "posta/cmd_domain.h"

#include <stdio.h>

#include "base/date.h"
#include "base/limits.h"
#include "services/mailauth/pair.h"

/* ---- add ---- */

str cmd_domain_key_name(struct dircmd *c, str selector, str domain)
{
	return arena_fmt(c->env->arena, "dkim:%.*s._domainkey.%.*s", STRF(selector), STRF(domain));
}

static err add_record(struct dircmd *c, const struct cmd_domain_making *m, const struct dir_dkim *k)
{
	TRY(directory_begin(c->d));
	err e = m->still ? m->still(m->arg) : OK;

	if (!e)
		e = dirmail_dkim_add(c->d, m->id, k);
	if (!e)
		e = directory_commit(c->d);
	if (e)
		directory_rollback(c->d);
	return e;
}

/* The key is kept before its record can be seen: a record without a key would be useless, the other
 * way round harms nobody. */
static err store(struct dircmd *c, const struct cmd_domain_making *m, const struct dir_dkim *k,
		 const struct dkim_pair *p)
{
	str name = cmd_domain_key_name(c, k->selector, m->domain);
	err e = secrets_key_add(c->s, name, buf_str(&p->private_pem));

	if (e)
		return e == E_EXISTS ? fail(e, "there is a key %.*s already", STRF(k->selector))
				     : e;
	e = add_record(c, m, k);
	if (e && secrets_key_remove(c->s, name) != OK)
		fprintf(stderr, "a key without a record stays: %.*s\n", STRF(name));
	return e;
}

/* "r202611", and "r202611b" when that month has one already. */
static str selector_of_month(struct dircmd *c, bool rsa, int i)
{
	struct date d = date_of(clock_unix(), 0);

	return arena_fmt(c->env->arena, i ? "%c%04d%02d%c" : "%c%04d%02d", rsa ? 'r' : 'e', d.year,
			 d.month, 'a' + i);
}

err cmd_domain_make_key(struct dircmd *c, const struct cmd_domain_making *m, str *selector)
{
	CLEANUP(dkim_pair_free) struct dkim_pair p = { 0 };
	err e = E_EXISTS;

	TRY(dkim_pair_make(m->rsa, &p));
	for (int i = 0; i < (m->selector.n ? 1 : 26) && e == E_EXISTS; i++) {
		*selector = m->selector.n ? m->selector : selector_of_month(c, m->rsa, i);
		const struct dir_dkim k = { .selector = *selector,
					    .algorithm = m->rsa ? STR("rsa") : STR("ed25519"),
					    .public_key = buf_str(&p.public_key),
					    .created = clock_unix(),
					    .state = m->state,
					    .since = clock_unix() };

		e = store(c, m, &k, &p);
	}
	return e == E_EXISTS && !m->selector.n
		       ? fail(E_LIMIT, "this month has 26 keys already; name it with --selector")
		       : e;
}

/* ---- list, remove ---- */

static err print_key(void *arg, const struct dir_dkim *k)
{
	struct dircmd_out *o = arg;
	struct date d = date_of(k->created, 0);
	static const char *const states[] = { "?", "signs", "coming", "going", "revoked" };
	const char *state = k->state < COUNT(states) ? states[k->state] : "?";

	if (!o->c->env->json) {
		buf_fmt(&o->line, "%-16.*s %-8.*s %-8s since %04d-%02d-%02d\n", STRF(k->selector),
			STRF(k->algorithm), state, d.year, d.month, d.day);
		return dircmd_out_line(o);
	}
	buf_add(&o->line, STR("{\"selector\": "));
	cmd_json(&o->line, k->selector);
	buf_fmt(&o->line,
		", \"algorithm\": \"%.*s\", \"public\": \"%.*s\", \"created\": %lld,"
		" \"state\": \"%s\", \"since\": %lld}",
		STRF(k->algorithm), STRF(k->public_key), (long long)k->created, state,
		(long long)k->since);
	return dircmd_out_line(o);
}

static int list(struct dircmd *c, uint64_t id)
{
	struct dircmd_out o;

	dircmd_out_begin(&o, c);
	return dircmd_out_end(&o, dirmail_dkim_each(c->d, id, print_key, &o));
}

static int drop(struct dircmd *c, uint64_t id, str domain, str selector)
{
	err e = dirmail_dkim_remove(c->d, id, selector);

	if (!e)
		e = secrets_key_remove(c->s, cmd_domain_key_name(c, selector, domain));
	if (e && e != E_NOTFOUND)
		return dircmd_error(c, e);
	return e ? dircmd_error(c, e) : dircmd_done(c, "key", selector, "removed");
}

struct forgetting {
	struct dircmd *c;
	str end;
};

static err forget(void *arg, str name)
{
	struct forgetting *f = arg;

	if (!str_ends(name, f->end))
		return OK;
	return secrets_key_remove(f->c->s, arena_dup(f->c->env->arena, name));
}

err cmd_domain_forget_keys(struct dircmd *c, str domain)
{
	struct forgetting f = { c, arena_fmt(c->env->arena, "._domainkey.%.*s", STRF(domain)) };

	return secrets_key_each(c->s, STR("dkim:"), forget, &f);
}

static err add_one(struct dircmd_out *o, const struct cmd_domain_making *m)
{
	str selector;

	TRY(cmd_domain_make_key(o->c, m, &selector));
	buf_fmt(&o->line,
		o->c->env->json ? "{\"key\": \"%.*s\", \"done\": \"added\"}" : "key %.*s added\n",
		STRF(selector));
	return dircmd_out_line(o);
}

static int add(struct dircmd *c, uint64_t id, str domain)
{
	const struct dircmd_option *named = dircmd_given(c, "--selector");
	bool rsa = dircmd_given(c, "--rsa"), ed25519 = dircmd_given(c, "--ed25519");
	struct cmd_domain_making m = { .id = id,
				       .domain = domain,
				       .selector = named ? named->value : STR("") };
	struct cmd_domain_keys keys = { .n = 0 };
	struct dircmd_out o;
	err e = dirmail_dkim_each(c->d, id, cmd_domain_keep_key, &keys);

	dircmd_out_begin(&o, c);
	m.rsa = true;
	m.state = rotate_first(keys.v, keys.n, true);
	if (!e && (rsa || !ed25519))
		e = add_one(&o, &m);
	m.rsa = false;
	m.state = rotate_first(keys.v, keys.n, false);
	if (!e && (ed25519 || (!rsa && !named)))
		e = add_one(&o, &m);
	return dircmd_out_end(&o, e);
}

int cmd_domain_dkim(struct dircmd *c, int argc, char **argv)
{
	static const struct dircmd_option known[] = {
		{ .name = "--add" },
		{ .name = "--list" },
		{ .name = "--remove", .takes = true },
		{ .name = "--rsa" },
		{ .name = "--ed25519" },
		{ .name = "--selector", .takes = true },
		{ .name = "--rotate" },
		{ .name = "--now" },
		{ .name = "--lifetime", .takes = true },
		{ .name = "--wait", .takes = true },
		{ .name = "--keep", .takes = true },
		{ .name = "--served" },
		{ .name = "--log" },
		{ 0 },
	};
	struct dircmd_option *options = arena_get(c->env->arena, sizeof(known), 16);
	char space[LIM_SMTP_DOMAIN + 1];
	str domain;
	uint64_t id = 0;

	for (size_t i = 0; i < COUNT(known); i++)
		options[i] = known[i];
	int code = dircmd_parse(c, argc, argv, NULL, options, 0, 1);

	if (code)
		return code;
	bool adds = options[0].given, drops = options[2].given;

	if (dircmd_given(c, "--rotate"))
		return cmd_domain_rotate(c);
	if (!c->nwords)
		return cmd_usage(c->env, "which domain?");
	if (adds && drops)
		return cmd_usage(c->env, "--add or --remove?");
	if (dircmd_given(c, "--selector") && options[3].given && options[4].given)
		return cmd_usage(c->env, "--selector names one key: --rsa or --ed25519?");
	code = dircmd_open(c, adds || drops ? DIRCMD_WRITE | DIRCMD_SECRETS : DIRCMD_READ);
	if (code)
		return code;
	err e = dir_domain_parse(c->words[0], space, &domain);

	if (!e)
		e = directory_find(c->d, &dir_domain, domain, &id);
	if (e)
		return dircmd_error(c, e);
	return adds    ? add(c, id, domain)
	       : drops ? drop(c, id, domain, options[2].value)
		       : list(c, id);
}
