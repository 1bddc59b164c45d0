/* if, ifplugin: "(version >= 3.004002)", "can(Mail::SpamAssassin::Conf::feature_x)",
 * "!plugin(Mail::SpamAssassin::Plugin::SPF)". */
#include "formats/rules/condition.h"

#include "base/limits.h"

#define PREFIX "Mail::SpamAssassin::"

/* What SpamAssassin 4.0.1 loads when nothing is configured, and the features that it says it has:
 * the names behind Mail::SpamAssassin:: and Mail::SpamAssassin::Plugin::. */
static const struct plugin {
	str name, features;
} plugins[] = {
	{ S("AskDNS"), S("has_tag_header") },
	{ S("AutoLearnThreshold"), S("") },
	{ S("Bayes"), S("") },
	{ S("BodyEval"), S("has_check_body_length has_plaintext_body_sig_ratio") },
	{ S("Check"), S("") },
	{ S("DKIM"), S("has_arc") },
	{ S("DMARC"), S("") },
	{ S("DNSEval"), S("has_tflags_domains_only has_tflags_ips_only") },
	{ S("FreeMail"), S("") },
	{ S("HTMLEval"), S("") },
	{ S("HTTPSMismatch"), S("") },
	{ S("HashBL"),
	  S("has_hashbl_bodyre has_hashbl_bodyre_num has_hashbl_emails has_hashbl_uris "
	    "has_hashbl_ignore has_hashbl_email_regex has_hashbl_email_welcomelist "
	    "has_hashbl_email_whitelist has_hashbl_tag has_hashbl_sha256 has_hashbl_attachments "
	    "has_hashbl_email_domain has_hashbl_email_domain_alias") },
	{ S("HeaderEval"), S("") },
	{ S("ImageInfo"), S("") },
	{ S("MIMEEval"), S("has_check_for_ascii_text_illegal has_check_abundant_unicode_ratio "
			   "has_check_qp_ratio") },
	{ S("MIMEHeader"), S("has_all_header has_tflags_range has_tflags_concat "
			     "has_tflags_multiple has_capture_rules") },
	{ S("Pyzor"), S("has_fork has_perl") },
	{ S("RaciallyCharged"), S("") }, /* gone; taken as there, so that its old rules are left out
					  */
	{ S("Razor2"), S("has_fork") },
	{ S("RelayEval"), S("") },
	{ S("ReplaceTags"), S("") },
	{ S("Rule2XSBody"), S("") },
	{ S("SPF"), S("has_check_for_spf_errors has_check_spf_skipped_noenvfrom") },
	{ S("SpamCop"), S("") },
	{ S("URIDNSBL"), S("has_tflags_domains_only has_subtest_for_ranges has_uridnsbl_for_a "
			   "has_uridnsbl_a_ns has_tflags_notrim has_uridnsbl_skip_mailto") },
	{ S("URIDetail"), S("has_host_key") },
	{ S("URIEval"), S("") },
	{ S("VBounce"), S("") },
	{ S("WLBLEval"), S("") },
	{ S("WelcomeListSubject"), S("") },
};
static const str conf_features =
	S("feature_originating_ip_headers feature_dns_local_ports_permit_avoid "
	  "feature_bayes_auto_learn_on_error feature_uri_host_listed feature_yesno_takes_args "
	  "feature_bug6558_free feature_edns feature_dns_query_restriction "
	  "feature_registryboundaries feature_geodb feature_dns_block_rule feature_compile_regexp "
	  "feature_meta_rules_matching feature_subjprefix feature_bayes_stopwords feature_get_host "
	  "feature_blocklist_welcomelist feature_welcomelist_blocklist "
	  "feature_header_address_parser feature_local_tests_only feature_header_first_last "
	  "feature_header_match_many feature_capture_rules compat_welcomelist_blocklist "
	  "has_tflags_nosubject has_tflags_nolog "
	  "perl_min_version_5010000");

static const struct plugin *find(str name)
{
	if (str_eq(name, STR("Dmarc"))) /* as it was called once */
		name = STR("DMARC");
	else if (str_eq(name, STR("WhiteListSubject")))
		name = STR("WelcomeListSubject");
	for (size_t i = 0; i < COUNT(plugins); i++)
		if (str_eq(plugins[i].name, name))
			return &plugins[i];
	return NULL;
}

bool rule_has_plugin(const struct rule_reader *r, str name)
{
	static const str prefix = S(PREFIX "Plugin::");

	if (str_starts(name, prefix) && find(str_skip(name, prefix.n)))
		return true;
	return r->plugin && r->plugin(r->arg, name);
}

static bool has_word(str list, str word)
{
	str w;

	while (rule_word(&list, &w))
		if (str_eq(w, word))
			return true;
	return false;
}

/* "Mail::SpamAssassin::Conf::feature_x" */
static bool has_feature(str name)
{
	str of, what;
	size_t at = str_rfind(name, ':');

	if (at == name.n || at == 0)
		return false;
	of = str_take(name, at - 1);
	what = str_skip(name, at + 1);
	if (str_eq(of, STR(PREFIX "Conf")))
		return has_word(conf_features, what);
	if (!str_starts(of, STR(PREFIX "Plugin::")))
		return false;

	const struct plugin *p = find(str_skip(of, sizeof(PREFIX "Plugin::") - 1));

	return p && has_word(p->features, what);
}

/* ---- expressions ---- */

struct cond {
	const struct rule_reader *r;
	str rest;
	unsigned depth;
};

static void skip_space(struct cond *c)
{
	while (c->rest.n && (c->rest.p[0] == ' ' || c->rest.p[0] == '\t'))
		c->rest = str_skip(c->rest, 1);
}

static bool take(struct cond *c, str op)
{
	skip_space(c);
	if (!str_starts(c->rest, op))
		return false;
	c->rest = str_skip(c->rest, op.n);
	return true;
}

static str take_name(struct cond *c)
{
	size_t i = 0;

	skip_space(c);
	while (i < c->rest.n && (ch_alnum(c->rest.p[i]) || c->rest.p[i] == '_' ||
				 c->rest.p[i] == ':' || c->rest.p[i] == '.'))
		i++;

	str name = str_take(c->rest, i);

	c->rest = str_skip(c->rest, i);
	return name;
}

static err number(str s, double *out)
{
	return rule_decimal(s, out) ? OK : fail(E_SYNTAX, "\"%.*s\" in a condition", STRF(s));
}

static err cond_or(struct cond *c, double *out);

static err cond_call(struct cond *c, str what, double *out)
{
	str name;

	if (!take(c, STR("(")))
		return fail(E_SYNTAX, "%.*s without (", STRF(what));
	name = take_name(c);
	if (!take(c, STR(")")))
		return fail(E_SYNTAX, "%.*s( without )", STRF(what));
	*out = str_eq(what, STR("plugin")) ? rule_has_plugin(c->r, name) : has_feature(name);
	return OK;
}

static err cond_term(struct cond *c, double *out)
{
	bool no = false;
	str name;

	while (take(c, STR("!")))
		no = !no;
	if (take(c, STR("("))) {
		if (++c->depth > LIM_RULES_DEPTH)
			return fail(E_LIMIT, "more than %d brackets inside each other",
				    LIM_RULES_DEPTH);
		TRY(cond_or(c, out));
		c->depth--;
		if (!take(c, STR(")")))
			return fail(E_SYNTAX, "( without ) in a condition");
	} else {
		name = take_name(c);
		if (name.n == 0)
			return fail(E_SYNTAX, "a condition that ends too early");
		if (str_eq(name, STR("plugin")) || str_eq(name, STR("can")) ||
		    str_eq(name, STR("has")))
			TRY(cond_call(c, name, out));
		else if (str_eq(name, STR("version")))
			TRY(number(STR(RULE_VERSION), out));
		else if (str_eq(name, STR("perl_version")))
			*out = 5.036; /* Debian 12's */
		else if (str_eq(name, STR("local_tests_only")))
			*out = 0;
		else
			TRY(number(name, out));
	}
	if (no)
		*out = *out == 0;
	return OK;
}

static err cond_compare(struct cond *c, double *out)
{
	static const str ops[] = { S(">="), S("<="), S("=="), S("!="), S(">"), S("<") };
	double b;

	TRY(cond_term(c, out));
	for (size_t i = 0; i < COUNT(ops); i++) {
		if (!take(c, ops[i]))
			continue;
		TRY(cond_term(c, &b));
		*out = i == 0	? *out >= b
		       : i == 1 ? *out <= b
		       : i == 2 ? *out == b
		       : i == 3 ? *out != b
		       : i == 4 ? *out > b
				: *out < b;
		break;
	}
	return OK;
}

static err cond_and(struct cond *c, double *out)
{
	double b;

	TRY(cond_compare(c, out));
	while (take(c, STR("&&"))) {
		TRY(cond_compare(c, &b));
		*out = *out != 0 && b != 0;
	}
	return OK;
}

static err cond_or(struct cond *c, double *out) /* depth: bounded by cond_term */
{
	double b;

	TRY(cond_and(c, out));
	while (take(c, STR("||"))) {
		TRY(cond_and(c, &b));
		*out = *out != 0 || b != 0;
	}
	return OK;
}

err rule_condition(const struct rule_reader *r, str text, bool *out)
{
	struct cond c = { .r = r, .rest = text };
	double v;

	TRY(cond_or(&c, &v));
	skip_space(&c);
	if (c.rest.n)
		return fail(E_SYNTAX, "\"%.*s\" behind a condition", STRF(c.rest));
	*out = v != 0;
	return OK;
}
