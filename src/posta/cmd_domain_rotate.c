/* posta domain dkim --rotate: what is due of the keys' lives, services/mailauth/rotate.h. */
#include "posta/cmd_domain.h"

#include "base/limits.h"

enum { DAY = 24 * 3600, DAYS = 3650 };

err cmd_domain_keep_key(void *arg, const struct dir_dkim *k)
{
	struct cmd_domain_keys *keys = arg;

	if (keys->n == COUNT(keys->v))
		return OK;
	keys->v[keys->n] =
		(struct rotate_key){ str_eq(k->algorithm, STR("rsa")), k->state, k->since };
	TRY(str_to_z(k->selector, keys->selectors[keys->n], sizeof(keys->selectors[0])));
	keys->n++;
	return OK;
}

struct rotation {
	struct dircmd *c;
	struct dircmd_out out;
	struct rotate_policy policy;
	bool now_too;
};
struct domain {
	struct domain *next;
	uint64_t id;
	str name;
};

static err say(struct rotation *r, const struct domain *d, const char *selector, const char *what)
{
	buf_fmt(&r->out.line,
		r->c->env->json ? "{\"domain\": \"%.*s\", \"key\": \"%s\", \"done\": \"%s\"}"
				: "%.*s: key %s %s\n",
		STRF(d->name), selector, what);
	return dircmd_out_line(&r->out);
}

static err drop(struct rotation *r, const struct domain *d, str selector)
{
	err e = dirmail_dkim_remove(r->c->d, d->id, selector);

	return e == E_NOTFOUND ? OK : e;
}

/* What is revoked can sign nothing any more, not even by mistake. */
static err move(struct rotation *r, const struct domain *d, str selector, enum dkim_state to)
{
	TRY(dirmail_dkim_move(r->c->d, d->id, selector, to, clock_unix()));
	if (to != DKIM_REVOKED)
		return OK;
	err e = secrets_key_remove(r->c->s, cmd_domain_key_name(r->c, selector, d->name));

	return e == E_NOTFOUND ? OK : e;
}

static err do_step(struct rotation *r, const struct domain *d, const struct cmd_domain_keys *keys,
		   const struct rotate_step *s)
{
	const char *selector = keys->selectors[s->key];

	if (s->what == ROTATE_MAKE)
		return cmd_domain_make_key(&r->out, d->id, d->name, STR(""), s->rsa, DKIM_COMING);
	if (s->what == ROTATE_DROP) {
		TRY(drop(r, d, str_z(selector)));
		return say(r, d, selector, "removed");
	}
	TRY(move(r, d, str_z(selector), s->to));
	return say(r, d, selector,
		   s->to == DKIM_ACTIVE	 ? "signs"
		   : s->to == DKIM_GOING ? "signs no more"
					 : "is revoked");
}

static err do_due(struct rotation *r, const struct domain *d)
{
	/* Each step leads to another state, so that they end. */
	for (;;) {
		struct cmd_domain_keys keys = { .n = 0 };

		TRY(dirmail_dkim_each(r->c->d, d->id, cmd_domain_keep_key, &keys));
		struct rotate_step s = rotate_due(keys.v, keys.n, &r->policy, clock_unix());

		if (s.what == ROTATE_NOTHING)
			return OK;
		TRY(do_step(r, d, &keys, &s));
	}
}

static err begin(struct rotation *r, const struct domain *d)
{
	struct cmd_domain_keys keys = { .n = 0 };

	TRY(dirmail_dkim_each(r->c->d, d->id, cmd_domain_keep_key, &keys));
	for (int rsa = 0; rsa < 2; rsa++)
		if (rotate_may_begin(keys.v, keys.n, rsa == 1))
			TRY(cmd_domain_make_key(&r->out, d->id, d->name, STR(""), rsa == 1,
						DKIM_COMING));
	return OK;
}

static err rotate(struct rotation *r, const struct domain *d)
{
	TRY(do_due(r, d));
	if (!r->now_too)
		return OK;
	TRY(begin(r, d));
	return do_due(r, d);
}

struct listing {
	struct arena *a;
	struct domain *first;
};

static err keep_domain(void *arg, const struct dir_row *row)
{
	struct listing *l = arg;
	struct domain *d = NEW(l->a, struct domain);

	*d = (struct domain){ l->first, row->id, arena_dup(l->a, row->name) };
	l->first = d;
	return OK;
}

static err rotate_all(struct rotation *r, uint64_t one)
{
	struct listing l = { .a = r->c->env->arena };

	TRY(directory_each(r->c->d, &dir_domain, STR(""), one, keep_domain, &l));
	for (const struct domain *d = l.first; d; d = d->next)
		TRY(rotate(r, d));
	return OK;
}

static bool take_days(struct dircmd *c, const char *option, int64_t *out)
{
	const struct dircmd_option *o = dircmd_given(c, option);
	uint64_t days;

	if (!o)
		return true;
	if (str_u64(o->value, DAYS, &days) != OK)
		return false;
	*out = (int64_t)days * DAY;
	return true;
}

int cmd_domain_rotate(struct dircmd *c)
{
	struct rotation r = { .c = c, .policy = rotate_default };
	char space[LIM_SMTP_DOMAIN + 1];
	uint64_t id = 0;
	str domain;
	err e = OK;

	r.now_too = dircmd_given(c, "--now") != NULL;
	if (!take_days(c, "--lifetime", &r.policy.lifetime) ||
	    !take_days(c, "--wait", &r.policy.wait) || !take_days(c, "--keep", &r.policy.keep))
		return cmd_usage(c->env, "--lifetime, --wait and --keep are days: 90");
	int code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_SECRETS);

	if (code)
		return code;
	if (c->nwords) {
		e = dir_domain_parse(c->words[0], space, &domain);
		if (!e)
			e = directory_find(c->d, &dir_domain, domain, &id);
	}
	if (e)
		return dircmd_error(c, e);
	dircmd_out_begin(&r.out, c);
	return dircmd_out_end(&r.out, rotate_all(&r, id));
}
