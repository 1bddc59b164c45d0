#include "services/mailauth/mailauth.h"

#include "base/limits.h"
#include "run/fiber.h"
#include "services/mailauth/arc.h"
#include "services/mailauth/dkim.h"
#include "services/mailauth/dmarc.h"
#include "services/mailauth/spf.h"

/* Each part has memory of its own, so that the answers of one sender's name servers cannot use up
 * that of the message. */
enum part { PART_SPF, PART_HELO, PART_DKIM, PART_ARC, PART_DMARC, PARTS };

/* One message. Lies on the stack of the fiber that waits for the others. */
struct check {
	const struct mailauth_dns *dns;
	const struct mailauth_question *q;
	msec deadline;
	struct arena *a; /* of the results */
	struct arena own[PARTS];
	struct mailauth_result *out;
	struct spf_answer spf, helo;
	struct dmarc_authors authors;
};

static void check_free(struct check *c)
{
	for (size_t i = 0; i < PARTS; i++)
		arena_free(&c->own[i]);
}

WAITS static err check_spf(struct check *c, enum part part, str from, struct spf_answer *out)
{
	struct spf_question q = { .ip = c->q->ip,
				  .from = from,
				  .helo = c->q->helo,
				  .receiver = c->q->hostname,
				  .now = c->q->now };

	return spf_check(c->dns, &q, c->deadline, &c->own[part], out);
}

WAITS static err do_spf(void *arg)
{
	struct check *c = arg;

	return check_spf(c, PART_SPF, c->q->from, &c->spf);
}

WAITS static err do_helo(void *arg)
{
	struct check *c = arg;

	return check_spf(c, PART_HELO, STR(""), &c->helo);
}

WAITS static err do_dkim(void *arg)
{
	struct check *c = arg;

	return dkim_verify_all(c->dns, c->q->message, c->q->now, c->deadline, c->a, &c->out->dkim,
			       &c->out->ndkim);
}

WAITS static err do_arc(void *arg)
{
	struct check *c = arg;
	struct arc_chain chain = { .sealer = STR("") };

	TRY(arc_verify(c->dns, c->q->message, c->q->now, c->deadline, c->a, &chain));
	c->out->arc = chain.result;
	c->out->arc_instances = chain.instances;
	c->out->arc_sealer = chain.sealer;
	return OK;
}

WAITS static err do_dmarc(void *arg)
{
	struct check *c = arg;

	return dmarc_discover(c->dns, c->q->message, c->deadline, &c->own[PART_DMARC], &c->authors);
}

static const struct {
	const char *name;
	err (*run)(void *);
	bool needs_ip;
} parts[PARTS] = {
	[PART_SPF] = { "spf", do_spf, true },	     [PART_HELO] = { "spf-helo", do_helo, true },
	[PART_DKIM] = { "dkim", do_dkim, false },    [PART_ARC] = { "arc", do_arc, false },
	[PART_DMARC] = { "dmarc", do_dmarc, false },
};

WAITS static err run_parts(struct check *c)
{
	struct fiber *f[PARTS] = { 0 };
	err e = OK;

	for (size_t i = 0; i < PARTS; i++)
		if (c->q->ip || !parts[i].needs_ip)
			f[i] = fiber_start(parts[i].name, parts[i].run, c);
	for (size_t i = 0; i < PARTS; i++) {
		err one = f[i] ? fiber_join(f[i]) : OK;

		e = e == OK ? one : e;
	}
	/* A part fails when it is canceled and in no other way. */
	return e == OK ? OK : fail(E_CANCELED, "sender authentication was given up");
}

static str kept(struct arena *a, str s)
{
	str copy = s.n ? arena_dup(a, s) : STR("");

	return copy.p ? copy : STR("");
}

static void keep_dmarc(struct arena *a, struct mailauth_dmarc *d)
{
	d->domain = kept(a, d->domain);
	d->organization = kept(a, d->organization);
	d->record_domain = kept(a, d->record_domain);
	d->rua = kept(a, d->rua);
	d->ruf = kept(a, d->ruf);
	d->published = kept(a, d->published);
}

WAITS err mailauth_check_by(const struct mailauth_dns *dns, const struct mailauth_question *q,
			    msec deadline, struct arena *a, struct mailauth_result *out)
{
	CLEANUP(check_free)
	struct check c = { .dns = dns, .q = q, .deadline = deadline, .a = a, .out = out };

	for (size_t i = 0; i < PARTS; i++)
		arena_init(&c.own[i], LIM_MAILAUTH_ARENA);
	*out = (struct mailauth_result){ .arc_sealer = STR("") };
	TRY(run_parts(&c));
	out->spf = c.spf.result;
	out->spf_domain = kept(a, c.spf.domain);
	out->spf_why = kept(a, c.spf.explanation.n ? c.spf.explanation : c.spf.why);
	out->spf_helo = c.helo.result;
	TRY(dmarc_judge(dns, &c.authors, deadline, &c.own[PART_DMARC], out));
	keep_dmarc(a, &out->dmarc);
	return OK;
}

WAITS err mailauth_check(struct dns *dns, const struct mailauth_question *q, msec deadline,
			 struct arena *a, struct mailauth_result *out)
{
	struct mailauth_dns by = mailauth_dns_of(dns);

	return mailauth_check_by(&by, q, deadline, a, out);
}
