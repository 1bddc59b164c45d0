/* Functions over who really sent a message, as services/mailauth found out: SpamAssassin's SPF,
 * DKIM and DMARC. Nothing is known: none of them hits. */
#include "formats/rules/test.h"
#include "services/mailauth/mailauth.h"
#include "services/rules/eval_part.h"

/* ---- SPF ---- */

#define SPF_FUNCTION(name, result)                                                                 \
	unsigned eval_check_for_spf_##name(struct eval *e)                                         \
	{                                                                                          \
		return e->auth && e->auth->spf == (result);                                        \
	}                                                                                          \
	unsigned eval_check_for_spf_helo_##name(struct eval *e)                                    \
	{                                                                                          \
		return e->auth && e->auth->spf_helo == (result);                                   \
	}
SPF_FUNCTION(pass, AUTH_PASS)
SPF_FUNCTION(neutral, AUTH_NEUTRAL)
SPF_FUNCTION(none, AUTH_NONE)
SPF_FUNCTION(fail, AUTH_FAIL)
SPF_FUNCTION(softfail, AUTH_SOFTFAIL)
SPF_FUNCTION(permerror, AUTH_PERMERROR)
SPF_FUNCTION(temperror, AUTH_TEMPERROR)

static unsigned spf_listed(struct eval *e, str one, str other)
{
	str sender = eval_header(e, STR("EnvelopeFrom:addr"));

	return e->auth && e->auth->spf == AUTH_PASS && sender.n &&
	       (rules_listed(e->lists, one, sender) || rules_listed(e->lists, other, sender));
}

unsigned eval_check_for_spf_welcomelist_from(struct eval *e)
{
	return spf_listed(e, STR("welcomelist_from_spf"), STR("welcomelist_auth"));
}

unsigned eval_check_for_def_spf_welcomelist_from(struct eval *e)
{
	return spf_listed(e, STR("def_welcomelist_from_spf"), STR("def_welcomelist_auth"));
}

/* ---- DKIM ---- */

/* Keys of fewer bits do not count; SpamAssassin's dkim_minimum_key_bits. */
enum {
	LEAST_BITS = 1024,
};

static bool is_valid(const struct mailauth_dkim *s)
{
	return s->result == AUTH_PASS && (s->bits == 0 || s->bits >= LEAST_BITS);
}

/* i='s domain, which may be below d='s. */
static str signer(const struct mailauth_dkim *s)
{
	size_t at = str_rfind(s->identity, '@');

	return at < s->identity.n ? str_skip(s->identity, at + 1) : s->domain;
}

/* "example.com", or "*.example.com" for what is below it. */
static bool domain_fits(str wanted, str domain)
{
	if (str_starts(wanted, STR("*.")))
		wanted = str_skip(wanted, 1);
	if (!str_starts(wanted, STR(".")))
		return str_eqi(wanted, domain);
	return str_endsi(domain, wanted) || str_eqi(str_skip(wanted, 1), domain);
}

static bool is_acceptable(struct eval *e, const struct mailauth_dkim *s)
{
	for (size_t i = 0; i < e->nargs; i++)
		if (domain_fits(e->args[i], s->domain))
			return true;
	return e->nargs == 0;
}

static bool is_author(struct eval *e, const struct mailauth_dkim *s)
{
	struct scan_strs from = scan_addresses(e->m, STR("From"));

	for (size_t i = 0; i < from.n; i++)
		if (str_eqi(eval_domain_of(from.v[i]), signer(s)))
			return true;
	return false;
}

unsigned eval_check_dkim_signed(struct eval *e)
{
	for (size_t i = 0; e->auth && i < e->auth->ndkim; i++)
		if (is_acceptable(e, &e->auth->dkim[i]))
			return 1;
	return 0;
}

unsigned eval_check_dkim_valid(struct eval *e)
{
	for (size_t i = 0; e->auth && i < e->auth->ndkim; i++)
		if (is_valid(&e->auth->dkim[i]) && is_acceptable(e, &e->auth->dkim[i]))
			return 1;
	return 0;
}

unsigned eval_check_dkim_valid_author_sig(struct eval *e)
{
	for (size_t i = 0; e->auth && i < e->auth->ndkim; i++)
		if (is_valid(&e->auth->dkim[i]) && is_author(e, &e->auth->dkim[i]) &&
		    is_acceptable(e, &e->auth->dkim[i]))
			return 1;
	return 0;
}

unsigned eval_check_dkim_valid_envelopefrom(struct eval *e)
{
	str domain = eval_domain_of(eval_header(e, STR("EnvelopeFrom:addr")));

	for (size_t i = 0; e->auth && domain.n && i < e->auth->ndkim; i++)
		if (is_valid(&e->auth->dkim[i]) && str_eqi(e->auth->dkim[i].domain, domain))
			return 1;
	return 0;
}

/* Nothing of the message was left out of what the signatures were checked over. */
unsigned eval_check_dkim_dependable(struct eval *e)
{
	return e->auth && !scan_cut(e->m);
}

unsigned eval_check_dkim_testing(struct eval *e)
{
	for (size_t i = 0; e->auth && i < e->auth->ndkim; i++)
		if (e->auth->dkim[i].test)
			return 1;
	return 0;
}

/* The policy that this asked for was never published by anybody. */
unsigned eval_check_dkim_signsome(struct eval *e)
{
	(void)e;
	return 0;
}

/* "address [domain]" of welcomelist_from_dkim: whose signature it must bear; without the second,
 * the author's own. */
static bool line_fits(struct eval *e, str line, str author, bool alone)
{
	str glob, domain = STR("");

	if (!str_word(&line, &glob) || !rule_glob(glob, author))
		return false;
	if (alone || !str_word(&line, &domain))
		domain = eval_domain_of(author);
	for (size_t i = 0; i < e->auth->ndkim; i++)
		if (is_valid(&e->auth->dkim[i]) && domain_fits(domain, signer(&e->auth->dkim[i])))
			return true;
	return false;
}

static bool dkim_listed(struct eval *e, str list, bool alone)
{
	struct scan_strs lines = rules_list(e->lists, list);
	struct scan_strs from = scan_addresses(e->m, STR("From"));

	for (size_t i = 0; i < from.n; i++)
		for (size_t j = 0; j < lines.n; j++)
			if (line_fits(e, lines.v[j], from.v[i], alone))
				return true;
	return false;
}

unsigned eval_check_for_dkim_welcomelist_from(struct eval *e)
{
	return e->auth && e->auth->ndkim &&
	       (dkim_listed(e, STR("welcomelist_from_dkim"), false) ||
		dkim_listed(e, STR("welcomelist_auth"), true));
}

unsigned eval_check_for_def_dkim_welcomelist_from(struct eval *e)
{
	return e->auth && e->auth->ndkim &&
	       (dkim_listed(e, STR("def_welcomelist_from_dkim"), false) ||
		dkim_listed(e, STR("def_welcomelist_auth"), true));
}

/* ---- ARC ---- */

unsigned eval_check_arc_signed(struct eval *e)
{
	return e->auth && e->auth->arc_instances > 0;
}

unsigned eval_check_arc_valid(struct eval *e)
{
	return e->auth && e->auth->arc == AUTH_PASS;
}

/* ---- DMARC ---- */

static bool dmarc_fails(struct eval *e, char policy)
{
	return e->auth && e->auth->dmarc.result == AUTH_FAIL && e->auth->dmarc.policy == policy;
}

unsigned eval_check_dmarc_pass(struct eval *e)
{
	return e->auth && e->auth->dmarc.result == AUTH_PASS;
}

unsigned eval_check_dmarc_none(struct eval *e)
{
	return dmarc_fails(e, 'n');
}

unsigned eval_check_dmarc_quarantine(struct eval *e)
{
	return dmarc_fails(e, 'q');
}

unsigned eval_check_dmarc_reject(struct eval *e)
{
	return dmarc_fails(e, 'r');
}

unsigned eval_check_dmarc_missing(struct eval *e)
{
	return e->auth && e->auth->dmarc.result == AUTH_NONE && e->auth->dmarc.domain.n;
}
