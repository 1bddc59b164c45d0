#include "base/limits.h"
#include "formats/mailauth/authres.h"
#include "services/mailauth/mailauth.h"

const char *mailauth_name(enum auth_result r)
{
	static const char *const names[] = { "none",	"pass",	  "fail",      "softfail",
					     "neutral", "policy", "temperror", "permerror" };

	return names[r];
}

static str bad_reason(enum auth_result r, str why)
{
	return r == AUTH_PASS || r == AUTH_NONE ? STR("") : why;
}

/* Of an address with other bytes than ASCII the domain alone: the field is for readers without
 * SMTPUTF8, too. */
static void add_spf(struct authres_writer *w, const struct mailauth_question *q,
		    const struct mailauth_result *r)
{
	if (q->from.n) {
		authres_method(w, "spf", mailauth_name(r->spf));
		authres_reason(w, bad_reason(r->spf, r->spf_why));
		authres_prop(w, "smtp.mailfrom", str_ascii(q->from) ? q->from : r->spf_domain);
	}
	if (q->from.n && r->spf_helo == AUTH_NONE)
		return;
	authres_method(w, "spf", mailauth_name(q->from.n ? r->spf_helo : r->spf));
	authres_prop(w, "smtp.helo", q->helo);
}

/* A signature that mailauth_confirms does not take says so (RFC 8601 2.4, policy). */
static str dkim_rules(const struct mailauth_dkim *d)
{
	if (d->result != AUTH_PASS)
		return STR("");
	return d->test ? STR("testing") : d->partial ? STR("unsigned-body") : STR("");
}

static void add_dkim(struct authres_writer *w, const struct mailauth_dkim *d)
{
	authres_method(w, "dkim", mailauth_name(d->result));
	authres_reason(w, bad_reason(d->result, d->why));
	authres_prop(w, "header.d", d->domain);
	authres_prop(w, "header.i", d->identity);
	authres_prop(w, "header.s", d->selector);
	authres_prop(w, "header.a", d->algorithm);
	authres_prop(w, "header.b", d->b);
	authres_prop(w, "policy.dkim-rules", dkim_rules(d));
}

static void add_dmarc(struct authres_writer *w, const struct mailauth_dmarc *d)
{
	authres_method(w, "dmarc", mailauth_name(d->result));
	if (d->policy)
		authres_prop(w, "policy.dmarc",
			     d->policy == 'r'	? STR("reject")
			     : d->policy == 'q' ? STR("quarantine")
						: STR("none"));
	authres_prop(w, "header.from", d->domain);
}

static void add_arc(struct authres_writer *w, const struct mailauth_result *r)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, 40);
	buf_fmt(&b, "i=%u", r->arc_instances);
	authres_method(w, "arc", mailauth_name(r->arc));
	authres_comment(w, buf_str(&b));
	authres_prop(w, "header.d", r->arc_sealer);
}

void mailauth_add_field(struct buf *out, str hostname, const struct mailauth_question *q,
			const struct mailauth_result *r)
{
	struct authres_writer w = authres_begin(out, hostname);

	if (q->ip)
		add_spf(&w, q, r);
	for (size_t i = 0; i < r->ndkim; i++)
		add_dkim(&w, &r->dkim[i]);
	if (!r->ndkim)
		authres_method(&w, "dkim", "none");
	add_dmarc(&w, &r->dmarc);
	if (r->arc != AUTH_NONE)
		add_arc(&w, r);
	authres_end(&w);
}
