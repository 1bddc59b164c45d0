/* Errors inside an evaluation: E_AGAIN and E_TIMEOUT are temperror; E_SYNTAX and E_LIMIT are
 * permerror; E_CANCELED ends it. */
#include "services/mailauth/spf.h"

#include <netinet/in.h>
#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "formats/mailauth/spf.h"
#include "services/mailauth/name.h"

struct spf {
	const struct mailauth_dns *dns;
	msec deadline;
	struct arena *a;
	struct spf_macros m;
	unsigned char ip[16];
	bool six;
	unsigned lookups, voids;
	str *valid; /* names of the address that lead back to it (5.5) */
	size_t nvalid;
	bool valid_known;
	str reverse; /* the address as PTR is asked, without its last labels */
	str why;
	str explain, explain_domain; /* of the record that said FAIL; p NULL: none */
};

/* ---- questions ---- */
WAITS static err ask(struct spf *s, str name, enum dns_type type, struct dns_answer *out)
{
	str checked = mailauth_name_of(s->a, name);

	*out = (struct dns_answer){ .nxdomain = true };
	/* 4.3, 4.8: a name that cannot be one does not exist, and nobody is asked. RFC 8616 4: nor
	 * is one that macros made of a local part that is not ASCII. */
	if (!checked.p || !str_ascii(name))
		return OK;
	return s->dns->ask(s->dns->arg, checked, type, s->deadline, s->a, out);
}

/* 4.6.4: answers without a record; where nobody was asked there is none. */
static err count_void(struct spf *s, const struct dns_answer *answer)
{
	if (answer->rdata && !answer->n && ++s->voids > LIM_SPF_VOID)
		return fail(E_LIMIT, "SPF: more than %d look-ups have no answer", LIM_SPF_VOID);
	return OK;
}

WAITS static err ask_counted(struct spf *s, str name, enum dns_type type, struct dns_answer *out)
{
	TRY(ask(s, name, type, out));
	return count_void(s, out);
}

static err count_lookup(struct spf *s)
{
	if (++s->lookups > LIM_SPF_LOOKUPS)
		return fail(E_LIMIT, "SPF: more than %d terms ask the DNS", LIM_SPF_LOOKUPS);
	return OK;
}

/* ---- addresses ---- */
static enum dns_type address_type(const struct spf *s)
{
	return s->six ? DNS_AAAA : DNS_A;
}

static bool same_bits(const void *a, const void *b, unsigned bits)
{
	const unsigned char *x = a, *y = b;
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(x, y, whole) != 0)
		return false;
	return !rest || ((x[whole] ^ y[whole]) >> (8 - rest)) == 0;
}

static bool is_among(const struct spf *s, const struct dns_answer *answer, const struct spf_term *t)
{
	size_t size = s->six ? 16 : 4;
	unsigned bits = s->six ? 128 : 32;

	if (t)
		bits = s->six ? t->bits6 : t->bits4;
	for (size_t i = 0; i < answer->n; i++)
		if (answer->rdata[i].n == size && same_bits(answer->rdata[i].p, s->ip, bits))
			return true;
	return false;
}

/* ---- names in records ---- */
static err name_text(struct spf *s, str wire, str *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, KIB(2));
	while (wire.n && wire.p[0]) {
		size_t n = (unsigned char)wire.p[0];

		if (n > 63 || n >= wire.n)
			return fail(E_AGAIN, "SPF: a malformed record");
		if (b.n)
			buf_addc(&b, '.');
		/* A dot inside a label is none between two: no host is called so. */
		buf_add(&b, str_find(str_of(wire.p + 1, n), '.') < n ? STR("\\")
								     : str_of(wire.p + 1, n));
		wire = str_skip(wire, n + 1);
	}
	TRY(buf_done(&b));
	*out = arena_dup(s->a, buf_str(&b));
	return out->p ? OK : fail(E_AGAIN, "SPF: memory for names");
}

/* ---- PTR: 5.5 ---- */
WAITS static err validate(struct spf *s, const struct dns_answer *names)
{
	size_t n = names->n < LIM_SPF_NAMES ? names->n : LIM_SPF_NAMES;

	s->valid = NEW_TRY(s->a, str, n + 1);
	for (size_t i = 0; s->valid && i < n; i++) {
		struct dns_answer answer;
		str name;

		if (name_text(s, names->rdata[i], &name) != OK)
			continue;
		err e = ask(s, name, address_type(s), &answer);

		if (e == E_CANCELED)
			return e;
		/* "If a DNS error occurs while doing an A RR lookup, then that domain name is
		 * skipped" */
		if (e == OK && is_among(s, &answer, NULL))
			s->valid[s->nvalid++] = mailauth_name_of(s->a, name);
	}
	return OK;
}

/* counted: by a ptr term, not by %{p}. After an error of the DNS there are no names (5.5). */
WAITS static err find_names(struct spf *s, bool counted)
{
	struct dns_answer names;

	if (s->valid_known)
		return OK;
	str asked =
		arena_fmt(s->a, "%.*s%s", STRF(s->reverse), s->six ? "ip6.arpa" : "in-addr.arpa");
	err e = ask(s, asked, DNS_PTR, &names);

	if (e == E_CANCELED)
		return e;
	if (e != OK)
		return OK;
	if (counted)
		TRY(count_void(s, &names));
	TRY(validate(s, &names));
	s->valid_known = true;
	return OK;
}

/* %{p}: the name itself, else one below it, else any (7.2). */
WAITS static err find_validated(struct spf *s)
{
	TRY(find_names(s, false));
	s->m.validated = s->nvalid ? s->valid[0] : STR("unknown");
	for (size_t i = 0; i < s->nvalid; i++)
		if (mailauth_under(s->valid[i], s->m.domain))
			s->m.validated = s->valid[i];
	for (size_t i = 0; i < s->nvalid; i++)
		if (str_eqi(s->valid[i], s->m.domain))
			s->m.validated = s->valid[i];
	return OK;
}

/* The name that a domain-spec gives; the current domain when there is none. */
WAITS static err target(struct spf *s, str spec, str *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	*out = s->m.domain;
	if (!spec.p)
		return OK;
	if (spf_uses(spec, 'p'))
		TRY(find_validated(s));
	buf_init(&b, LIM_SPF_EXPANDED);
	TRY(spf_expand_name(spec, &s->m, &b));
	*out = arena_dup(s->a, buf_str(&b));
	return out->p ? OK : fail(E_AGAIN, "SPF: memory for names");
}

/* ---- mechanisms, section 5 ---- */
WAITS static err check_host(struct spf *s, str domain, bool included, enum auth_result *out);

WAITS static err match_include(struct spf *s, const struct spf_term *t, str name, bool *match)
{
	enum auth_result r;
	str outer = s->m.domain;

	TRY(check_host(s, name, true, &r));
	s->m.domain = outer;
	if (r == AUTH_NONE)
		return fail(E_SYNTAX, "SPF: %.*s: no record there", STRF(t->text));
	*match = r == AUTH_PASS;
	return OK;
}

WAITS static err match_a(struct spf *s, const struct spf_term *t, str name, bool *match)
{
	struct dns_answer answer;

	TRY(ask_counted(s, name, address_type(s), &answer));
	*match = is_among(s, &answer, t);
	return OK;
}

WAITS static err match_mx(struct spf *s, const struct spf_term *t, str name, bool *match)
{
	struct dns_answer hosts;
	str host;

	TRY(ask_counted(s, name, DNS_MX, &hosts));
	if (hosts.n > LIM_SPF_NAMES)
		return fail(E_LIMIT, "SPF: %.*s: more than %d hosts", STRF(t->text), LIM_SPF_NAMES);
	for (size_t i = 0; i < hosts.n && !*match; i++) {
		TRY(name_text(s, str_skip(hosts.rdata[i], 2), &host));
		TRY(match_a(s, t, host, match));
	}
	return OK;
}

WAITS static err match_ptr(struct spf *s, str name, bool *match)
{
	TRY(find_names(s, true));
	str top = mailauth_name_of(s->a, name);

	for (size_t i = 0; top.p && i < s->nvalid; i++)
		*match = *match || mailauth_under(s->valid[i], top);
	return OK;
}

WAITS static err match_exists(struct spf *s, str name, bool *match)
{
	struct dns_answer answer;

	TRY(ask_counted(s, name, DNS_A, &answer));
	*match = answer.n > 0;
	return OK;
}

WAITS static err match_term(struct spf *s, const struct spf_term *t, bool *match)
{
	str name;

	*match = t->what == SPF_ALL;
	if (t->what == SPF_IP4 || t->what == SPF_IP6)
		*match = s->six == (t->what == SPF_IP6) &&
			 same_bits(t->ip, s->ip, s->six ? t->bits6 : t->bits4);
	if (t->what == SPF_ALL || t->what == SPF_IP4 || t->what == SPF_IP6)
		return OK;
	TRY(count_lookup(s));
	TRY(target(s, t->domain, &name));
	switch (t->what) {
	case SPF_INCLUDE:
		return match_include(s, t, name, match);
	case SPF_A:
		return match_a(s, t, name, match);
	case SPF_MX:
		return match_mx(s, t, name, match);
	case SPF_PTR:
		return match_ptr(s, name, match);
	default:
		return match_exists(s, name, match);
	}
}

/* ---- a record ---- */
static enum auth_result of_qualifier(char c)
{
	return c == '-'	  ? AUTH_FAIL
	       : c == '~' ? AUTH_SOFTFAIL
	       : c == '?' ? AUTH_NEUTRAL
			  : AUTH_PASS;
}

/* The one record of a name (4.5): text.p NULL when there is none. */
WAITS static err find_record(struct spf *s, str name, str *text)
{
	struct dns_answer answer;

	*text = (str){ 0 };
	TRY(ask(s, name, DNS_TXT, &answer));
	for (size_t i = 0; i < answer.n; i++) {
		str one;

		if (mailauth_txt(answer.rdata[i], s->a, &one) != OK || !spf_is_record(one))
			continue;
		if (text->p)
			return fail(E_SYNTAX, "SPF: %.*s has several records", STRF(name));
		*text = one;
	}
	return OK;
}

WAITS static err follow_redirect(struct spf *s, const struct spf_record *r, bool included,
				 enum auth_result *out)
{
	str name;

	TRY(count_lookup(s));
	TRY(target(s, r->redirect, &name));
	TRY(check_host(s, name, included, out));
	if (*out == AUTH_NONE)
		return fail(E_SYNTAX, "SPF: redirect=%.*s: no record there", STRF(r->redirect));
	return OK;
}

WAITS static err evaluate(struct spf *s, const struct spf_record *r, bool included,
			  enum auth_result *out)
{
	for (size_t i = 0; i < r->n; i++) {
		bool match = false;

		TRY(match_term(s, &r->terms[i], &match));
		if (!match)
			continue;
		*out = of_qualifier(r->terms[i].qualifier);
		if (!included) {
			s->why = arena_fmt(s->a, "%.*s matches in %.*s", STRF(r->terms[i].text),
					   STRF(s->m.domain));
			s->explain = r->explain;
			s->explain_domain = s->m.domain;
		}
		return OK;
	}
	if (r->redirect.p)
		return follow_redirect(s, r, included, out);
	*out = AUTH_NEUTRAL; /* 4.7 */
	return OK;
}

/* 4.6.4 bounds the depth: include and redirect are counted. */
WAITS static err check_host(struct spf *s, str domain, bool included, enum auth_result *out)
{
	struct spf_record record;
	str text, name = mailauth_name_of(s->a, domain);

	*out = AUTH_NONE;
	if (!name.p || !str_ascii(domain) || mailauth_labels(name) < 2 || name.p[0] == '[')
		return OK; /* 4.3 */
	TRY(find_record(s, name, &text));
	if (!text.p)
		return OK;
	s->m.domain = domain;
	TRY(spf_parse(text, s->a, &record));
	return evaluate(s, &record, included, out);
}

/* ---- the explanation, 6.2: whatever is wrong with it, there is none ---- */
WAITS static err explain(struct spf *s, str *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct dns_answer answer;
	str name, text;

	s->m.domain = s->explain_domain;
	TRY(target(s, s->explain, &name));
	TRY(ask(s, name, DNS_TXT, &answer));
	if (answer.n != 1)
		return OK;
	TRY(mailauth_txt(answer.rdata[0], s->a, &text));
	if (spf_uses(text, 'p'))
		TRY(find_validated(s));
	buf_init(&b, LIM_SPF_EXPANDED);
	TRY(spf_expand_text(text, &s->m, &b));
	if (str_printable(buf_str(&b)))
		*out = arena_dup(s->a, buf_str(&b));
	return OK;
}

/* ---- the question ---- */
static void add_ip_macros(struct spf *s)
{
	CLEANUP(buf_free) struct buf b = { 0 }, back = { 0 };
	unsigned n = s->six ? 32 : 4;

	buf_init(&b, 80);
	buf_init(&back, 80);
	for (unsigned i = 0; i < n; i++) {
		unsigned j = n - 1 - i;

		if (s->six) {
			buf_fmt(&b, "%s%X", i ? "." : "", s->ip[i / 2] >> (i % 2 ? 0 : 4) & 15);
			buf_fmt(&back, "%x.", s->ip[j / 2] >> (j % 2 ? 0 : 4) & 15);
		} else {
			buf_fmt(&b, "%s%u", i ? "." : "", s->ip[i]);
			buf_fmt(&back, "%u.", s->ip[j]);
		}
	}
	s->m.ip = arena_dup(s->a, buf_str(&b));
	s->reverse = arena_dup(s->a, buf_str(&back));
}

static bool set_ip(struct spf *s, const struct net_addr *ip)
{
	CLEANUP(buf_free) struct buf shown = { 0 };
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct net_addr a;

	memcpy(&a, ip, sizeof(a));
	if (a.ss.ss_family == AF_INET) {
		memcpy(s->ip, &((struct sockaddr_in *)(void *)&a.ss)->sin_addr, 4);
	} else if (a.ss.ss_family == AF_INET6) {
		memcpy(s->ip, &((struct sockaddr_in6 *)(void *)&a.ss)->sin6_addr, 16);
		s->six = memcmp(s->ip, mapped, 12) != 0;
		if (!s->six)
			memmove(s->ip, s->ip + 12, 4); /* 5: it is an IPv4 address */
	} else {
		return false;
	}
	s->m.six = s->six;
	add_ip_macros(s);
	buf_init(&shown, 80);
	net_print_ip(ip, &shown);
	s->m.shown = s->six ? arena_dup(s->a, buf_str(&shown)) : s->m.ip;
	return true;
}

/* 4.3: no local part is postmaster; and MAIL FROM:<> is HELO's. */
static void set_sender(struct spf *s, const struct spf_question *q)
{
	str sender = q->from.n ? q->from : q->helo;
	size_t at = str_rfind(sender, '@');
	str domain = at < sender.n ? str_skip(sender, at + 1) : sender;
	str name = mailauth_name_of(s->a, domain);

	s->m.local = at < sender.n && at ? str_take(sender, at) : STR("postmaster");
	s->m.sender = s->m.domain = str_ascii(domain) || !name.p ? domain : name;
	s->m.helo = q->helo;
	s->m.receiver = q->receiver.n ? q->receiver : STR("unknown");
	s->m.now = q->now;
	s->m.validated = STR("unknown");
}

static enum auth_result of_error(err e)
{
	return e == E_AGAIN || e == E_TIMEOUT || e == E_IO ? AUTH_TEMPERROR : AUTH_PERMERROR;
}

/* Records and domains are a stranger's: nothing of them moves a terminal or a line of a log. */
static str shown(struct arena *a, str text)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, KIB(2));
	utf8_add_shown(&b, str_take(text, 500));
	str out = arena_dup(a, buf_str(&b));

	return out.p ? out : STR("");
}

WAITS err spf_check(const struct mailauth_dns *dns, const struct spf_question *q, msec deadline,
		    struct arena *a, struct spf_answer *out)
{
	struct spf s = { .dns = dns, .deadline = deadline, .a = a, .why = STR("") };

	set_sender(&s, q);
	*out = (struct spf_answer){ .domain = s.m.domain, .explanation = STR(""), .why = STR("") };
	if (!set_ip(&s, q->ip))
		return OK;
	err e = check_host(&s, s.m.domain, false, &out->result);

	if (e == E_CANCELED)
		return e;
	if (e != OK) {
		out->result = of_error(e);
		s.why = str_z(err_last()->text);
	}
	out->why = shown(a, s.why);
	if (out->result == AUTH_FAIL && s.explain.p)
		e = explain(&s, &out->explanation);
	return e == E_CANCELED ? e : OK;
}
