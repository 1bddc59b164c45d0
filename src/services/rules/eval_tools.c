/* What eval functions have in common: patterns, arguments, addresses. */
#include <string.h>

#include "services/rules/eval_part.h"

/* An IP address in a Received field, as strict as it need be there. */
#define V4                                                                                         \
	"(?:(?:1\\d\\d|2[0-4]\\d|25[0-5]|[1-9]?\\d)\\.){3}(?:1\\d\\d|2[0-4]\\d|25[0-5]|[1-9]?\\d)"
#define IP                                                                                         \
	"(?:\\b(?<!:)" V4 "\\b|(?i:(?:IPv6:|(?<![a-f0-9:]))(?:[a-f0-9]{0,4}:){2,7}(?:" V4          \
	"|[a-f0-9]{0,4})(?![a-f0-9:])))"
#define CAPS                                                                                       \
	"[-_a-z0-9]*(?:koi|jp|jis|euc|gb|big5|isoir|cp1251|windows-1251|georgianps|pt154|tis)"     \
	"[-_a-z0-9]*"

/* Compiled when first needed and kept for good: the same for every set. */
static struct regex patterns[EVAL_P_COUNT] = {
	[EVAL_P_BULK_SENDER] = { S("(?i)(?:^(?:post|host|domain)master|^double-bounce|"
				   "^(?:sentto|owner|return|(?:gr)?bounced?)-.+|"
				   "-(?:request|bounces?|admin|owner)|"
				   "\\b(?:do[._-t]?)?no[._-t]?repl(?:y|ies)|.+=.+)@") },
	[EVAL_P_CAPS_CHARSET] = { S("(?i)=\\?" CAPS "\\?") },
	[EVAL_P_CAPS_CHARSET_ALONE] = { S("(?i)^" CAPS "$") },
	[EVAL_P_DATE_IN_RECEIVED] = { S("\\s.?\\d+ \\S\\S\\S \\d+ \\d+:\\d+:\\d+ \\S+") },
	[EVAL_P_EUDORAMAIL] = { S("by \\S*whowhere.com;") },
	[EVAL_P_EZMLM_CONTACT] = { S("(?m)^contact \\S+@\\S+; run by ezmlm$") },
	[EVAL_P_EZMLM_QMAIL] = { S("qmail \\d+ invoked (?:from network|by .{3,20})\\); \\d+ ... "
				   "\\d+") },
	[EVAL_P_FETCHMAIL] = { S("\\bfrom (?:localhost\\s|(?:\\S+ ){1,2}\\S*\\b127\\.0\\.0\\.1\\b)"
				 "|qmail \\d+ invoked by uid \\d+") },
	[EVAL_P_FETCHMAIL_BY] = { S("\\bby localhost with \\w+ \\(fetchmail-[\\d.]+") },
	[EVAL_P_GMAIL_RECEIVED] = { S("by smtp\\.googlemail\\.com with ESMTPSA id \\S+") },
	[EVAL_P_GMAIL_X_RECEIVED] = { S("by (?:10\\.\\S+|2002:a\\d\\d:\\w+:\\S+) with SMTP id "
					"\\S+") },
	[EVAL_P_HOTMAIL_CLAIM] = { S("(?:from |HELO |helo=)\\S*hotmail\\.com\\b") },
	[EVAL_P_HOTMAIL_IP] = { S("from (?:\\S*\\.)?hotmail.com "
				  "\\(\\S+\\.hotmail(?:\\.msn)?\\.com[ )]"
				  "|from \\S*\\.hotmail.com \\(\\[" IP "\\][ ):]"
				  "|from \\S+ by \\S+\\.hotmail(?:\\.msn)?\\.com with HTTP;"
				  "|from \\[66\\.218.\\S+\\] by \\S+\\.yahoo\\.com") },
	[EVAL_P_HOTMAIL_ORG] = { S("from \\S*\\.outbound\\.protection\\.outlook\\.com "
				   "\\(\\S+\\.outbound\\.protection\\.outlook\\.com[ )]"
				   "|from \\S*\\.(?:eur|nam)prd\\d+\\.prod\\.outlook\\.com "
				   "\\(" IP "\\)") },
	[EVAL_P_HOTMAIL_PICKUP] = { S("from mail pickup service by hotmail\\.com with Microsoft "
				      "SMTPSVC;") },
	[EVAL_P_IP] = { S(IP) },
	[EVAL_P_JUNO_NEW] = { S("from.*\\b(?:juno|untd)\\.com.*[\\[(]" IP "[\\])].*by"
				"| cookie\\.(?:juno|untd)\\.com ") },
	[EVAL_P_MAILING_LIST_TO] = { S("(?m)^mailing list \\S+@\\S+") },
	[EVAL_P_MSN_GROUPS] = { S("from groups\\.msn\\.com \\(\\S+\\.msn\\.com ") },
	[EVAL_P_NOT_PERSONAL] = { S("(?i)^(?:abuse|support|sales|info|helpdesk|contact|kontakt|"
				    "(?:post|host|domain)master|undisclosed.*|request-[a-f0-9]{16}|"
				    "bounced?-|[a-f0-9]{8}(?:\\.[a-f0-9]{8}|-[a-f0-9]{4}-"
				    "[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})|.+=.+=.+)@") },
	[EVAL_P_STOCK_WORD] = { S("(?:^trad(?:e|ing)date|company(?:name)?|"
				  "s\\w?(?:t\\w?o\\w?c\\w?k|y\\w?m(?:\\w?b\\w?o\\w?l)?)|"
				  "t(?:arget|icker)|(?:opening|current)p(?:rice)?|"
				  "p(?:rojected|osition)|expectations|weeks?high|"
				  "marketperformance|"
				  "(?:year|week|month|day|price)(?:target|estimates?)|sector|"
				  "r(?:ecommendation|ating))$") },
	[EVAL_P_YAHOO_FIRST_RELAY] = { S("^[^\\]]+ rdns=\\S+\\.yahoo\\.com ") },
	[EVAL_P_YAHOO_RECEIVED] = { S("by web\\S+\\.mail\\S*\\.yahoo\\.com via HTTP"
				      "|by sonic\\S+\\.consmr\\.mail\\S*\\.yahoo\\.com with HTTP"
				      "|by smtp\\S+\\.yahoo\\.com with SMTP"
				      "|from \\[" IP "\\] by "
				      "\\S+\\.(?:groups|scd|dcn)\\.yahoo\\.com with NNFMP"
				      "|by \\w+\\.\\w+\\.yahoo\\.com \\(\\d+\\.\\d+\\.\\d+/"
				      "\\d+\\.\\d+\\.\\d+\\)(?: with ESMTP)? id \\w+") },
	[EVAL_P_YAHOO_REPLY] = { S("\\bmailer\\d+\\.bulk\\.scd\\.yahoo\\.com\\b") },
	[EVAL_P_YAHOO_TRUSTED] = { S(" rdns=\\S+\\.yahoo\\.com ") },
};

bool eval_match_at(struct eval *e, enum eval_pattern p, str text, size_t from,
		   struct regex_match *out)
{
	bool ran_out = false;

	return regex_find(&patterns[p], e->room, text, from, false, out, &ran_out);
}

bool eval_match(struct eval *e, enum eval_pattern p, str text)
{
	struct regex_match m;

	return eval_match_at(e, p, text, 0, &m);
}

bool eval_match_own(struct eval *e, str text)
{
	struct regex_match m;
	bool ran_out = false;

	return e->pattern && regex_find(e->pattern, e->room, text, 0, false, &m, &ran_out);
}

str eval_header(struct eval *e, str spec)
{
	bool found;

	return scan_header(e->m, spec, &found);
}

/* ---- arguments ---- */

str eval_arg(const struct eval *e, size_t i)
{
	return i < e->nargs ? e->args[i] : STR("");
}

double eval_number(str s)
{
	double value = 0, scale = 1;
	bool minus = false;
	size_t i = 0;

	while (i < s.n && ch_space(s.p[i]))
		i++;
	if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
		minus = s.p[i++] == '-';
	for (; i < s.n && ch_digit(s.p[i]); i++)
		value = value * 10 + (s.p[i] - '0');
	if (i < s.n && s.p[i] == '.')
		for (i++; i < s.n && ch_digit(s.p[i]); i++) {
			value = value * 10 + (s.p[i] - '0');
			scale *= 10;
		}
	value /= scale; /* one division, so that "0.1" is the double that Perl makes of it */
	return minus ? -value : value;
}

double eval_arg_number(const struct eval *e, size_t i)
{
	return eval_number(eval_arg(e, i));
}

bool eval_in_range(const struct eval *e, size_t i, double value)
{
	str min = eval_arg(e, i), max = eval_arg(e, i + 1);

	return (str_eq(min, STR("undef")) || value >= eval_number(min)) &&
	       (str_eq(max, STR("undef")) || value < eval_number(max));
}

/* ---- text ---- */

bool ch_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool ch_word(char c)
{
	return ch_alnum(c) || c == '_';
}

str eval_lower(struct eval *e, str s)
{
	char *p = arena_try(scan_arena(e->m), s.n, 1);

	if (!p)
		return STR("");
	for (size_t i = 0; i < s.n; i++)
		p[i] = ch_lower(s.p[i]);
	return str_of(p, s.n);
}

str eval_one_line(struct eval *e, str s)
{
	char *p = arena_try(scan_arena(e->m), s.n, 1);
	size_t n = 0;

	if (!p)
		return STR("");
	for (size_t i = 0; i < s.n; i++) {
		if (!ch_space(s.p[i]))
			p[n++] = s.p[i];
		else if (i == 0 || !ch_space(s.p[i - 1]))
			p[n++] = ' ';
	}
	return str_of(p, n);
}

bool eval_line(str *rest, str *line)
{
	size_t n = str_find(*rest, '\n');

	if (rest->n == 0)
		return false;
	*line = str_take(*rest, n + 1);
	*rest = str_skip(*rest, n + 1);
	return true;
}

str eval_last_line(str s)
{
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;

	size_t at = str_rfind(s, '\n');

	return at < s.n ? str_skip(s, at + 1) : s;
}

/* ---- addresses and names ---- */

bool eval_is_ipv4(str s)
{
	unsigned parts = 0;

	for (str part; str_next(&s, '.', &part); parts++) {
		uint64_t v;

		if (part.n > 3 || (part.n > 1 && part.p[0] == '0') || str_u64(part, 255, &v) != OK)
			return false;
	}
	return parts == 4;
}

bool eval_is_ip(str s)
{
	unsigned colons = 0;

	if (eval_is_ipv4(s))
		return true;
	if (str_startsi(s, STR("IPv6:")))
		s = str_skip(s, 5);
	for (size_t i = 0; i < s.n; i++) {
		char c = ch_lower(s.p[i]);

		if (c == ':')
			colons++;
		else if (!ch_digit(c) && (c < 'a' || c > 'f') && c != '.')
			return false;
	}
	return colons >= 2 && colons <= 8;
}

bool eval_is_private(str ip)
{
	str a = ip, b = STR(""), rest = STR("");
	uint64_t x, y = 0;

	if (!str_cut(ip, '.', &a, &rest) || str_u64(a, 255, &x) != OK)
		return false;
	if (!str_cut(rest, '.', &b, &rest) || str_u64(b, 255, &y) != OK)
		return x == 10 || x == 127;
	return x == 10 || x == 127 || (x == 169 && y == 254) || (x == 172 && y >= 16 && y <= 31) ||
	       (x == 192 && y == 168) || (x == 100 && y >= 64 && y <= 127);
}

/* "a@b...." is said too: runs of dots are one. */
static str one_dot(struct eval *e, str s)
{
	char *p;
	size_t n = 0;

	if (str_search(s, STR("..")) == s.n || !(p = arena_try(scan_arena(e->m), s.n, 1)))
		return s;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' || i == 0 || s.p[i - 1] != '.')
			p[n++] = s.p[i];
	return str_of(p, n);
}

static bool is_state(str s)
{
	static const str states =
		S(" ak al ar az ca co ct dc de fl ga gu hi ia id il in ks ky la ma "
		  "md me mi mn mo ms mt nc nd ne nh nj nm nv ny oh ok or pa pr ri "
		  "sc sd tn tx ut va vi vt wa wi wv wy ");
	char word[4] = { ' ', s.n == 2 ? s.p[0] : ' ', s.n == 2 ? s.p[1] : ' ', ' ' };

	return s.n == 2 && str_search(states, str_of(word, 4)) < states.n;
}

/* The labels of "a.b.c.us" apart, at most four. */
static size_t labels_of(str s, str out[4])
{
	size_t n = 0;

	for (str label; n < 4 && str_next(&s, '.', &label);)
		out[n++] = label;
	return n;
}

/* Is a name of this many labels one under which domains are registered? Lower case. */
static bool is_registry(struct eval *e, str s, size_t labels)
{
	str l[4];

	if (labels == 1)
		return true;
	if (labels == 2)
		return rules_listed(e->lists, STR("util_rb_2tld"), s);
	if (labels > 4 || labels_of(s, l) != labels)
		return false;
	if (str_eq(l[labels - 1], STR("us")) && is_state(l[labels - 2]))
		return labels == 3 || (str_eq(l[0], STR("pvt")) && str_eq(l[1], STR("k12"))) ||
		       str_eq(l[0], STR("ci")) || str_eq(l[0], STR("co"));
	return labels == 3 && !str_eq(l[2], STR("us")) &&
	       rules_listed(e->lists, STR("util_rb_3tld"), s);
}

str eval_trim_domain(struct eval *e, str host)
{
	size_t labels = 1;
	str before;

	host = one_dot(e, eval_lower(e, host));
	while (host.n && host.p[0] == '.')
		host = str_skip(host, 1);
	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	for (size_t i = 0; i < host.n; i++)
		labels += host.p[i] == '.';
	for (before = host; !is_registry(e, host, labels); labels--) {
		before = host;
		host = str_skip(host, str_find(host, '.') + 1);
	}
	return before;
}

bool eval_domain_valid(struct eval *e, str domain)
{
	size_t dot = str_rfind(domain, '.');

	for (size_t i = 0; i < domain.n; i++)
		if (ch_space(domain.p[i]))
			return false;
	return dot + 1 < domain.n &&
	       rules_listed(e->lists, STR("util_rb_tld"), str_skip(domain, dot + 1));
}

str eval_domain_of(str address)
{
	size_t at = str_rfind(address, '@');

	return str_skip(address, at + 1);
}

void eval_strings_add(struct eval *e, struct eval_strings *s, str value)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		str *v = NEW_TRY(scan_arena(e->m), str, cap);

		if (!v)
			return;
		if (s->n)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = value;
}

bool eval_strings_have(const struct eval_strings *s, str value)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i], value))
			return true;
	return false;
}

struct scan_strs eval_addresses(struct eval *e, str name)
{
	struct eval_strings all = { .n = 0 };
	bool both = str_eq(name, STR("ToCc"));
	str one;

	if (!both && !str_eq(name, STR("EnvelopeFrom")) && str_find(name, ':') == name.n)
		return scan_addresses(e->m, name);
	one = both ? STR("") : eval_header(e, arena_fmt(scan_arena(e->m), "%.*s:addr", STRF(name)));
	if (one.n)
		eval_strings_add(e, &all, one);
	for (unsigned i = 0; both && i < 2; i++) {
		struct scan_strs found = scan_addresses(e->m, i ? STR("Cc") : STR("To"));

		for (size_t j = 0; j < found.n && all.n < LIM_RULES_ADDRESSES; j++)
			eval_strings_add(e, &all, found.v[j]);
	}
	return (struct scan_strs){ .v = all.v, .n = all.n };
}

static void add_addresses(struct eval *e, struct eval_strings *all, str name)
{
	struct scan_strs found = eval_addresses(e, name);

	for (size_t i = 0; i < found.n && all->n < LIM_RULES_ADDRESSES; i++)
		if (found.v[i].n && !eval_strings_have(all, found.v[i]))
			eval_strings_add(e, all, found.v[i]);
}

struct lists_memo {
	struct eval_strings from, to;
	bool have_from, have_to;
};

static struct lists_memo *memo(struct eval *e)
{
	if (!e->memo[EVAL_MEMO_LISTS])
		e->memo[EVAL_MEMO_LISTS] = NEW(scan_arena(e->m), struct lists_memo);
	return e->memo[EVAL_MEMO_LISTS];
}

struct scan_strs eval_all_from(struct eval *e)
{
	static const str names[] = { S("From"), S("Envelope-Sender"), S("Resent-Sender"),
				     S("X-Envelope-From"), S("EnvelopeFrom") };
	struct lists_memo *m = memo(e);

	if (!m->have_from) {
		m->have_from = true;
		add_addresses(e, &m->from, STR("Resent-From:first"));
		if (m->from.n == 0)
			for (size_t i = 0; i < COUNT(names); i++)
				add_addresses(e, &m->from, names[i]);
		for (size_t i = 0; i < m->from.n; i++)
			m->from.v[i] = one_dot(e, m->from.v[i]);
	}
	return (struct scan_strs){ .v = m->from.v, .n = m->from.n };
}

/* " for <user@host>;" of the newest three Received fields. */
static void add_received_for(struct eval *e, struct eval_strings *all)
{
	struct scan_strs fields = scan_headers(e->m, STR("Received"), false);

	for (size_t i = 0; i < fields.n && i < 3; i++) {
		str f = fields.v[i];

		for (size_t at; (at = str_search(f, STR(" for "))) < f.n;) {
			f = str_skip(f, at + 5);

			str word = str_take(f, str_find(f, ';'));

			if (word.n == f.n)
				break;
			if (word.n && word.p[0] == '<')
				word = str_skip(word, 1);
			if (word.n && word.p[word.n - 1] == '>')
				word.n--;

			size_t sign = str_find(word, '@');

			if (sign > 0 && sign < word.n && str_find(word, ' ') == word.n &&
			    eval_domain_valid(e, str_skip(word, sign + 1))) {
				eval_strings_add(e, all, word);
				break;
			}
		}
	}
}

struct scan_strs eval_all_to(struct eval *e)
{
	static const str names[] = { S("To"),
				     S("Apparently-To"),
				     S("Delivered-To"),
				     S("Envelope-Recipients"),
				     S("Apparently-Resent-To"),
				     S("X-Envelope-To"),
				     S("Envelope-To"),
				     S("X-Delivered-To"),
				     S("X-Original-To"),
				     S("X-Rcpt-To"),
				     S("X-Real-To"),
				     S("Cc") };
	struct lists_memo *m = memo(e);

	if (!m->have_to) {
		m->have_to = true;
		add_addresses(e, &m->to, STR("Resent-To:first"));
		add_addresses(e, &m->to, STR("Resent-Cc:first"));
		if (m->to.n == 0) {
			add_received_for(e, &m->to);
			for (size_t i = 0; i < COUNT(names); i++)
				add_addresses(e, &m->to, names[i]);
		}
	}
	return (struct scan_strs){ .v = m->to.v, .n = m->to.n };
}
