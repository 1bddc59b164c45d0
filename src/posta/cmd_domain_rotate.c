/* posta domain dkim --rotate: what is due of the keys' lives, services/mailauth/rotate.h. */
#include "posta/cmd_domain.h"

#include <unistd.h>

#include "base/limits.h"
#include "posta/config.h"
#include "run/log.h"

enum { DAY = 24 * 3600, DAYS = 3650, STEPS = 200 /* of one domain in one walk */ };

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
	bool served; /* zones of ours alone: where a new key is published by being added */
	bool log;
};
struct domain {
	struct domain *next;
	uint64_t id;
	str name;
};

static err say(struct rotation *r, const struct domain *d, str selector, const char *what)
{
	if (r->log) {
		LOG(LOG_INFO, "dkim.rotate", KS("domain", d->name), KS("key", selector),
		    KS("done", str_z(what)));
		return OK;
	}
	buf_fmt(&r->out.line,
		r->c->env->json ? "{\"domain\": \"%.*s\", \"key\": \"%.*s\", \"done\": \"%s\"}"
				: "%.*s: key %.*s %s\n",
		STRF(d->name), STRF(selector), what);
	return dircmd_out_line(&r->out);
}

/* A step is judged again in the transaction that does it: another node's walk, or a command, may
 * have been here since. */
struct judging {
	struct rotation *r;
	const struct domain *d;
	bool begins; /* on demand; else what is due */
	struct rotate_step step;
	char selector[64]; /* of the key that it moves or drops */
	bool late;	   /* somebody else was faster */
};

static err judge(const struct judging *j, struct rotate_step *step, char selector[64])
{
	struct cmd_domain_keys keys = { .n = 0 };

	TRY(dirmail_dkim_each(j->r->c->d, j->d->id, cmd_domain_keep_key, &keys));
	*step = rotate_due(keys.v, keys.n, &j->r->policy, clock_unix());
	if (j->begins) {
		step->what = rotate_may_begin(keys.v, keys.n, j->step.rsa) ? ROTATE_MAKE
									   : ROTATE_NOTHING;
		step->rsa = j->step.rsa;
	}
	selector[0] = '\0';
	return step->what == ROTATE_MOVE || step->what == ROTATE_DROP
		       ? str_to_z(str_z(keys.selectors[step->key]), selector, 64)
		       : OK;
}

static err still(void *arg)
{
	struct judging *j = arg;
	struct rotate_step now;
	char selector[64];

	TRY(judge(j, &now, selector));
	bool same = now.what == j->step.what &&
		    (now.what == ROTATE_MAKE
			     ? now.rsa == j->step.rsa
			     : now.to == j->step.to && str_eq(str_z(selector), str_z(j->selector)));

	j->late = !same;
	return same ? OK : fail(E_AGAIN, "somebody else was faster");
}

static err make(struct judging *j)
{
	struct rotation *r = j->r;
	const struct cmd_domain_making m = { .id = j->d->id,
					     .domain = j->d->name,
					     .rsa = j->step.rsa,
					     .state = DKIM_COMING,
					     .still = still,
					     .arg = j };
	str selector;

	TRY(cmd_domain_make_key(r->c, &m, &selector));
	return say(r, j->d, selector, "added");
}

static err move_in_tx(struct judging *j)
{
	struct directory *d = j->r->c->d;

	TRY(still(j));
	if (j->step.what == ROTATE_DROP)
		return dirmail_dkim_remove(d, j->d->id, str_z(j->selector));
	return dirmail_dkim_move(d, j->d->id, str_z(j->selector), j->step.to, clock_unix());
}

/* What is revoked can sign nothing any more, not even by mistake. Done again when the record goes,
 * for a walk that ended between the two. */
static err forget_private(const struct judging *j)
{
	struct dircmd *c = j->r->c;

	if (j->step.what == ROTATE_MOVE && j->step.to != DKIM_REVOKED)
		return OK;
	err e = secrets_key_remove(c->s, cmd_domain_key_name(c, str_z(j->selector), j->d->name));

	return e == E_NOTFOUND ? OK : e;
}

static err move(struct judging *j)
{
	struct rotation *r = j->r;

	TRY(directory_begin(r->c->d));
	err e = move_in_tx(j);

	if (!e)
		e = directory_commit(r->c->d);
	if (e)
		directory_rollback(r->c->d);
	if (!e)
		e = forget_private(j);
	TRY(e);
	return say(r, j->d, str_z(j->selector),
		   j->step.what == ROTATE_DROP ? "removed"
		   : j->step.to == DKIM_ACTIVE ? "signs"
		   : j->step.to == DKIM_GOING  ? "signs no more"
					       : "is revoked");
}

/* Each step leads to another state, so that they end; with others at work as well, not here. */
static err do_due(struct rotation *r, const struct domain *d)
{
	for (int i = 0; i < STEPS; i++) {
		struct judging j = { .r = r, .d = d };

		TRY(judge(&j, &j.step, j.selector));
		if (j.step.what == ROTATE_NOTHING)
			return OK;
		err e = j.step.what == ROTATE_MAKE ? make(&j) : move(&j);

		if (e && !j.late)
			return e;
	}
	return fail(E_LIMIT, "the keys find no rest");
}

static err begin(struct rotation *r, const struct domain *d)
{
	for (int rsa = 0; rsa < 2; rsa++) {
		struct judging j = { .r = r, .d = d, .begins = true, .step = { .rsa = rsa == 1 } };

		TRY(judge(&j, &j.step, j.selector));
		err e = j.step.what == ROTATE_MAKE ? make(&j) : OK;

		if (e && !j.late)
			return e;
	}
	return OK;
}

static bool has_file(struct rotation *r, str zone, struct arena *a)
{
	const struct conf_node *dns = conf_find(conf_root(r->c->env->config->conf), "dns");
	const struct conf_node *files = conf_find(dns, "zones"),
			       *folder = conf_find(dns, "zone_folder");
	CLEANUP(buf_free) struct buf ignored;

	buf_init(&ignored, KIB(1));
	for (size_t i = 0; i < conf_count(files); i++) {
		const struct conf_node *name = conf_find(conf_at(files, i), "name");

		if (name && str_eqi(conf_str(name, &ignored), zone))
			return true;
	}
	if (!folder)
		return false;
	str path =
		arena_fmt(a, "%.*s/%.*s.zone%c", STRF(conf_str(folder, &ignored)), STRF(zone), 0);

	return path.p && access(path.p, F_OK) == 0;
}

/* Is a key published by being added: is the domain in a zone of the directory, with no master file
 * in that one's place, which would be without the mail's records? */
static err is_served(struct rotation *r, const struct domain *d, bool *out)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	str zone, name = d->name, label;

	arena_init(&a, KIB(64));
	TRY(dirmail_zone_of(r->c->d, d->id, &a, &zone));
	*out = zone.n > 0;
	while (*out && name.n >= zone.n) {
		*out = !has_file(r, name, &a);
		if (!str_cut(name, '.', &label, &name))
			break;
	}
	return OK;
}

static err rotate(struct rotation *r, const struct domain *d)
{
	bool served = true;

	if (r->served)
		TRY(is_served(r, d, &served));
	if (!served)
		return OK;
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

/* One domain's trouble is not the next one's. */
static err rotate_all(struct rotation *r, uint64_t one)
{
	struct listing l = { .a = r->c->env->arena };
	err first = OK;

	TRY(directory_each(r->c->d, &dir_domain, STR(""), one, keep_domain, &l));
	for (const struct domain *d = l.first; d; d = d->next) {
		err e = rotate(r, d);

		if (e && r->log)
			LOG(LOG_ERROR, "dkim.rotate", KS("domain", d->name), KE(e));
		first = first ? first : e;
		if (e && !r->log)
			return e;
	}
	return first;
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

/* posta.conf's, unless an option says otherwise. A key never gets old where keys are to change by
 * command alone. */
static struct rotate_policy policy_of(const struct config *c, struct rotate_policy given)
{
	const struct config_dkim *k = &c->dkim;
	int64_t lifetime = k->rotate ? k->rotate / 1000 : INT64_MAX;

	return (struct rotate_policy){ given.lifetime >= 0 ? given.lifetime : lifetime,
				       given.wait >= 0 ? given.wait : k->wait / 1000,
				       given.keep >= 0 ? given.keep : k->keep / 1000,
				       k->revoked / 1000 };
}

static err find_domain(struct dircmd *c, uint64_t *id)
{
	char space[LIM_SMTP_DOMAIN + 1];
	str domain;

	TRY(dir_domain_parse(c->words[0], space, &domain));
	return directory_find(c->d, &dir_domain, domain, id);
}

int cmd_domain_rotate(struct dircmd *c)
{
	struct rotate_policy given = { -1, -1, -1, -1 };
	struct rotation r = { .c = c,
			      .now_too = dircmd_given(c, "--now") != NULL,
			      .served = dircmd_given(c, "--served") != NULL,
			      .log = dircmd_given(c, "--log") != NULL };
	uint64_t id = 0;

	if (!take_days(c, "--lifetime", &given.lifetime) || !take_days(c, "--wait", &given.wait) ||
	    !take_days(c, "--keep", &given.keep))
		return cmd_usage(c->env, "--lifetime, --wait and --keep are days: 90");
	int code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_SECRETS);

	if (code)
		return code;
	err e = c->nwords ? find_domain(c, &id) : OK;

	if (e)
		return dircmd_error(c, e);
	r.policy = policy_of(c->env->config, given);
	if (r.log) {
		log_setup("keys", c->env->config->log_level);
		return rotate_all(&r, id) ? CMD_FAILED : CMD_OK;
	}
	dircmd_out_begin(&r.out, c);
	return dircmd_out_end(&r.out, rotate_all(&r, id));
}
