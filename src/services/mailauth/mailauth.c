#include "services/mailauth/mailauth.h"

#include "run/fiber.h"
#include "services/mailauth/arc.h"
#include "services/mailauth/dkim.h"
#include "services/mailauth/dmarc.h"
#include "services/mailauth/spf.h"

/* One message. Lies on the stack of the fiber that waits for the others. */
struct check {
	const struct mailauth_dns *dns;
	const struct mailauth_question *q;
	msec deadline;
	struct arena *a; /* of one loop: its fibers take turns, and none of them releases */
	struct mailauth_result *out;
	struct spf_answer helo;
	struct dmarc_authors authors;
};

WAITS static err do_spf(void *arg)
{
	struct check *c = arg;
	struct spf_question q = { .ip = c->q->ip,
				  .from = c->q->from,
				  .helo = c->q->helo,
				  .receiver = c->q->hostname,
				  .now = c->q->now };
	struct spf_answer answer;

	TRY(spf_check(c->dns, &q, c->deadline, c->a, &answer));
	c->out->spf = answer.result;
	c->out->spf_domain = answer.domain;
	c->out->spf_why = answer.explanation.n ? answer.explanation : answer.why;
	return OK;
}

WAITS static err do_helo(void *arg)
{
	struct check *c = arg;
	struct spf_question q = { .ip = c->q->ip,
				  .from = STR(""),
				  .helo = c->q->helo,
				  .receiver = c->q->hostname,
				  .now = c->q->now };
	struct spf_answer answer;

	TRY(spf_check(c->dns, &q, c->deadline, c->a, &answer));
	c->out->spf_helo = answer.result;
	return OK;
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

	return dmarc_discover(c->dns, c->q->message, c->deadline, c->a, &c->authors);
}

WAITS err mailauth_check_by(const struct mailauth_dns *dns, const struct mailauth_question *q,
			    msec deadline, struct arena *a, struct mailauth_result *out)
{
	static const struct {
		const char *name;
		err (*run)(void *);
		bool needs_ip;
	} parts[] = {
		{ "spf", do_spf, true },  { "spf-helo", do_helo, true }, { "dkim", do_dkim, false },
		{ "arc", do_arc, false }, { "dmarc", do_dmarc, false },
	};
	struct fiber *f[COUNT(parts)] = { 0 };
	struct check c = { .dns = dns, .q = q, .deadline = deadline, .a = a, .out = out };
	err e = OK;

	*out = (struct mailauth_result){ .spf_domain = STR(""),
					 .spf_why = STR(""),
					 .arc_sealer = STR("") };
	for (size_t i = 0; i < COUNT(parts); i++)
		if (q->ip || !parts[i].needs_ip)
			f[i] = fiber_start(parts[i].name, parts[i].run, &c);
	for (size_t i = 0; i < COUNT(parts); i++) {
		err one = f[i] ? fiber_join(f[i]) : OK;

		e = e == OK ? one : e;
	}
	/* A part fails when it is canceled and in no other way. */
	if (e != OK)
		return fail(E_CANCELED, "sender authentication was given up");
	return dmarc_judge(dns, &c.authors, deadline, a, out);
}

WAITS err mailauth_check(struct dns *dns, const struct mailauth_question *q, msec deadline,
			 struct arena *a, struct mailauth_result *out)
{
	struct mailauth_dns by = mailauth_dns_of(dns);

	return mailauth_check_by(&by, q, deadline, a, out);
}
