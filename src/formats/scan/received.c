/* One Received field taken apart. Mail servers write it as they like; the table has the forms that
 * SpamAssassin knows, in its order, in a small pattern language:
 *   %h %r %b %d   a word (no white space): HELO, reverse name, "by" host, ident
 *   %H %R %D      the same, may be empty
 *   %s %S         a word that is not kept (%S: may be empty)
 *   %i %I         an IP address (%I: not kept), %j the same, perhaps in []
 *   %e            HELO or EHLO
 *   %p            perhaps "ident@"
 *   %o            perhaps ":port"
 *   %t            anything, as short as can be; kept for "helo=" and "ident=" in it
 *   %* %?         anything, as long / as short as can be
 *   %c            a word without parentheses (may be empty): HELO
 *   %)            anything but ")"
 *   %w            here a word ends
 *   %$            here the line ends
 * and everything else for itself. The line starts behind "from ". */
#include <string.h>

#include "formats/scan/view.h"

enum flag {
	LOOKED = 1,  /* such a server looks the name up: no name means that there is none */
	SAME = 2,    /* the HELO name is the reverse name unless there is another */
	UNKNOWN = 4, /* "unknown" means no reverse name, and then it was not looked up */
	SUB = 8,     /* what %t kept names HELO and ident */
	SKIP = 16,   /* not a hop between hosts */
	IDENT = 32,  /* the reverse name may begin with "IDENT:user@" */
	NO_ID = 64,  /* what looked like an id is something else */
	QMAIL = 128, /* SMTP or QMQP must follow as qmail writes it */
	NOT_QMAIL = 256,
	QMAIL_NAME = 512, /* LOOKED unless the name is "unknown" */
	DEAD_NAME = 1024, /* the reverse name is "softdnserr": not looked up */
	DOT = 2048,	  /* only if the reverse name has a dot */
};

/* Which forms are tried at all: the first of these that the line has decides. */
enum group {
	ANY,
	SMTPSVC,
	EXCHANGE,
	XMAIL,
	ECELERITY,
	EXIM,
	POSTFIX,
	SCALIX,
	DOMINO,
};
static const struct {
	enum group group;
	str has;
} groups[] = {
	{ SMTPSVC, S(" SMTPSVC") },	   { EXCHANGE, S(" with Microsoft SMTP Server ") },
	{ EXCHANGE, S(" with mapi id ") }, { XMAIL, S("[XMail ") },
	{ ECELERITY, S("(ecelerity") },	   { EXIM, S("Exim") },
	{ POSTFIX, S(" (Postfix) with") }, { SCALIX, S("(Scalix SMTP Relay") },
	{ DOMINO, S(" (Lotus Domino ") },
};

struct form {
	const char *pattern;
	unsigned flags;
	enum group group;
};
static const struct form forms[] = {
	{ "%H ([%i]%?) by %b with Microsoft SMTPSVC", 0, SMTPSVC },
	{ "mail pickup service by %s with Microsoft SMTPSVC%$", SKIP, SMTPSVC },
	{ "%h (%j) by %b ", NO_ID, EXCHANGE },
	{ "%h (%j%o) by %b with [XMail", 0, XMAIL },
	{ "%h (%j%o) by %b (%s) with [XMail", 0, XMAIL },
	{ "([%i]%o helo=%h) by %b ", 0, ECELERITY },
	{ "%s ([%i]%o) by %b ", 0, ECELERITY },
	{ "[%i] (%t) by %b ", SUB, EXIM },
	{ "%r ([%i]%t) by %b ", SAME | SUB, EXIM },
	{ "%r [%i]%o by %b ", SAME, EXIM },
	{ "%h (%r [%i]) by %b ", LOOKED | UNKNOWN, POSTFIX },
	{ "%h (%r[%i]) by %b ", LOOKED | UNKNOWN, POSTFIX },
	{ "%h (%i) by %b", 0, SCALIX },
	{ "%h ( %i) by %b", 0, SCALIX },
	{ "%h ([%i]) by %b (Lotus", 0, DOMINO },
	{ "%i ([%I]) by %b with HTTP ", 0, ANY },
	{ "%h (%r [%i]%*) by %b (", LOOKED | IDENT | NOT_QMAIL, ANY },
	{ "%h (%r [%i]) by %b with %s (", LOOKED, ANY },
	{ "%r ([%i] helo=%h) by %b with ", 0, ANY },
	{ "%h (<unknown%S>[%i]) by %b ", 0, ANY },
	{ "%h (%r[%i]) by %b ", LOOKED | DOT, ANY },
	{ "%h (%D@[%i]%*) by %b (", LOOKED, ANY },
	{ "%r (%e %H) (%i) by %b (qpsmtpd/%s) with ESMTP", 0, ANY },
	{ "%r (%e %H) (%i) by %b (qpsmtpd/%s) with SMTP", 0, ANY },
	{ "%r (LHLO %H) (%i) by %b with LMTP", 0, ANY },
	{ "%r (%e %H) [%i] by %b (%)) with ESMTP", 0, ANY },
	{ "%r (%e %H) [%i] by %b (%)) with SMTP", 0, ANY },
	{ "%h ([%i]) by %b via smtpd (for %s) with SMTP(", 0, ANY },
	{ "%r (%e %c) (%D@%j) (envelope-sender <%s>) by %b", QMAIL | QMAIL_NAME, ANY },
	{ "%r (%e %c) (%D@%j) by %b", QMAIL | QMAIL_NAME, ANY },
	{ "%r (%e %c) (%j) (envelope-sender <%s>) by %b", QMAIL | QMAIL_NAME, ANY },
	{ "%r (%e %c) (%j) by %b", QMAIL | QMAIL_NAME, ANY },
	{ "%r (%D@%j) (envelope-sender <%s>) by %b", QMAIL | QMAIL_NAME | SAME, ANY },
	{ "%r (%D@%j) by %b", QMAIL | QMAIL_NAME | SAME, ANY },
	{ "%r (%j) (envelope-sender <%s>) by %b", QMAIL | QMAIL_NAME | SAME, ANY },
	{ "%r (%j) by %b", QMAIL | QMAIL_NAME | SAME, ANY },
	{ "[%i] by %b via HTTP%$", 0, ANY },
	{ "%s ( [%i])%? by %b ", 0, ANY },
	{ "(%h [%i]) by %b ", 0, ANY },
	{ "[%i] by %b ", 0, ANY },
	{ "(%j) by %b ", 0, ANY },
	{ "%h [%i] by %b [%I] with ", LOOKED, ANY },
	{ "%h [(%i)] by %b (%I) ", 0, ANY },
	{ "%h ([%i]) by %b (", LOOKED, ANY },
	{ "%h (%r [%i])%? by %b%w", LOOKED | DEAD_NAME, ANY },
	{ "%h ([%i]%o)%? by %b ", LOOKED, ANY },
	{ "%?with POP3", SKIP, ANY }, /* what a fetcher of mail wrote */
	{ "%?with IMAP", SKIP, ANY },
	{ "%r (%e %t) (%p%j)%* by %b ", LOOKED | SUB, ANY },
	{ "%r (%p%j)%* by %b ", LOOKED | SAME, ANY },
	{ "[%i] by %b with http for ", 0, ANY },
	{ "%r(%i) by %b via smap ", LOOKED, ANY },
	{ "%r(%i, %e %H) by %b via smap ", LOOKED, ANY },
	{ "%i by %b (SMTPL", 0, ANY },
	{ "%i by %b (InterScan", 0, ANY },
	{ "%s by %s with BSMTP", SKIP, ANY },
	{ "%r (%e %H) (%p%i%?) by %b with ", LOOKED, ANY },
	{ "[%i] (%e %H) by %b (", 0, ANY },
	{ "[%i] (account %s %e %H) by %b (", 0, ANY },
	{ "%r ([%i] verified) by %b (", LOOKED | SAME, ANY },
	{ "([%i]) by %b with ", 0, ANY },
	{ "%s (%s) by %s (Content Technologies ", SKIP, ANY },
	{ "%h ([%i] [%s]) by %b with ", 0, ANY },
	{ "%i by %b with ", 0, ANY },
	{ "%h (%r[%i]) by %b ", LOOKED, ANY },
	{ "[%i]%s (%e %H) by %b ", 0, ANY },
	{ "%i (%e %H) by %b ", 0, ANY },
	{ "%h [%i] by %b ", 0, ANY },
	{ "%r(%i) by %b ", 0, ANY },
	{ "%h (unverified [%i]) by %b ", 0, ANY },
	{ "%i (%)) by %b with ", 0, ANY },
	{ "[%i] (%t) by %b ", SUB, ANY },
	{ "%r (%p%i) by %b with ", 0, ANY },
	{ "%r(%i), claiming to be \"%h\" via %s by %b,", UNKNOWN | LOOKED, ANY },
	{ "%r(%i) via %s by %b,", UNKNOWN | LOOKED, ANY },
	{ "%h (%s@%i with login) by %b with SMTP", 0, ANY },
	{ "X-Originating-IP: %i%$", 0, ANY },
	/* what is no hop between hosts */
	{ "%s %s by %s with local-smtp ", SKIP, ANY },
	{ "%s %s by %s with local-esmtp ", SKIP, ANY },
	{ "127.0.0.1 (AVG SMTP %s [%s])", SKIP, ANY },
	{ "%s@%s by %s ", SKIP, ANY },
	{ "Unknown/Local (", SKIP, ANY },
	{ "localhost (localhost", SKIP, ANY },
	{ "localhost (127.0.0.1", SKIP, ANY },
	{ "localhost (%s@localhost", SKIP, ANY },
	{ "localhost (%s@127.0.0.1", SKIP, ANY },
	{ "127.0.0.1 (127.0.0.1", SKIP, ANY },
	{ "127.0.0.1 (localhost", SKIP, ANY },
	{ "%s (localhost) ", SKIP, ANY },
	{ "%s (localhost.localdomain) ", SKIP, ANY },
	{ "%s (127.0.0.1) ", SKIP, ANY },
	{ "%s (%s@localhost) ", SKIP, ANY },
	{ "%s (%s@127.0.0.1) ", SKIP, ANY },
	{ "%s (%s@%s [127.0.0.1]) ", SKIP, ANY },
	{ "(AUTH: %s) by %s with ", SKIP, ANY },
	{ "%s.amazon.com by %s.amazon.com with ESMTP (peer crosscheck: ", SKIP, ANY },
	{ "%s by %s with Novell_GroupWise", SKIP, ANY },
	{ "no.name.available by %s via smtpd (for ", SKIP, ANY },
	{ "%s by %s with local", SKIP, ANY },
	{ "%s ([unix socket]) by %s (Cyrus v%s) with LMTPA", SKIP, ANY },
	{ "%s by %s with", SKIP, ANY },
	{ "%s by %s via", SKIP, ANY },
	{ "%s by %s for", SKIP, ANY },
	{ "%s by %s (", SKIP, ANY },
	{ "%s with %s by", SKIP, ANY },
	{ "%s via %s by", SKIP, ANY },
	{ "%s for %s by", SKIP, ANY },
	{ "%s (unverified) by", SKIP, ANY },
	{ "%s (unknown) by %s (SG) with ", SKIP, ANY },
	{ "%s (%s [local]) by %s (OpenSMTPD) with ", SKIP, ANY },
	{ "%?(LSMTP for", SKIP, ANY },
	{ "([127.0.0.1]) with MailEnable ", SKIP, ANY },
	{ "facebook.com (%)) by facebook.com with Thrift id %s%$", SKIP, ANY },
	{ "%s named %s by gmailapi.google.com with HTTPREST%$", SKIP, ANY },
	{ "%s id %s%$", SKIP, ANY },
	{ "[<%? (Jetsend", SKIP, ANY },
};

/* ---- matching ---- */

enum { HELO, RDNS, BY, IDENT_, IP, SUB_, KEPT };

struct match {
	str s;
	str kept[KEPT];
	unsigned steps; /* left: time is bounded whatever stands in the line */
};

static bool step(struct match *x, const char *p, size_t at);

/* Tries the rest for each length from most down to least (or up). */
static bool spread(struct match *x, const char *p, size_t at, size_t least, size_t most, int field,
		   bool shortest)
{
	for (size_t k = 0; k + least <= most; k++) {
		size_t n = shortest ? least + k : most - k;

		if (!step(x, p, at + n))
			continue;
		if (field >= 0)
			x->kept[field] = str_of(x->s.p + at, n);
		return true;
	}
	return false;
}

static size_t word_length(str s, size_t at, const char *stop)
{
	size_t n = 0;

	while (at + n < s.n && !is_space(s.p[at + n]) &&
	       !(stop && str_find(str_z(stop), s.p[at + n]) < str_z(stop).n))
		n++;
	return n;
}

static bool word(struct match *x, const char *p, size_t at, char kind)
{
	static const char kinds[] = "hrbd";
	const char *k = memchr(kinds, ch_lower(kind), 4);
	bool empty = kind >= 'A' && kind <= 'Z';

	return spread(x, p, at, !empty, word_length(x->s, at, NULL), k ? (int)(k - kinds) : -1,
		      false);
}

static bool ip(struct match *x, const char *p, size_t at, char kind)
{
	bool bracket = kind == 'j' && at < x->s.n && x->s.p[at] == '[';
	char before = at ? x->s.p[at - 1] : ' ';
	size_t n, end;

	if (bracket) {
		at++;
		before = '[';
	}
	n = view_ip(str_skip(x->s, at), before);
	end = at + n;
	if (n && end < x->s.n && x->s.p[end] == '%') /* a scope */
		while (end < x->s.n &&
		       (is_word(x->s.p[end]) || str_find(STR("%.~-"), x->s.p[end]) < 4))
			end++;
	if (n && kind == 'j' && end < x->s.n && x->s.p[end] == ']')
		end++;
	if (!n || !step(x, p, end))
		return false;
	if (kind != 'I')
		x->kept[IP] = str_of(x->s.p + at, n);
	return true;
}

static bool special(struct match *x, const char *p, size_t at, char kind)
{
	str rest = str_skip(x->s, at);
	size_t n;

	switch (kind) {
	case 'i':
	case 'I':
	case 'j':
		return ip(x, p, at, kind);
	case 'e':
		return (str_starts(rest, STR("HELO")) || str_starts(rest, STR("EHLO"))) &&
		       step(x, p, at + 4);
	case 'c':
		return spread(x, p, at, 0, word_length(x->s, at, "()"), HELO, false);
	case 'p':
		n = word_length(x->s, at, ")");
		n = str_find(str_take(rest, n), '@');
		if (n < rest.n && rest.p[n] == '@' && step(x, p, at + n + 1)) {
			x->kept[IDENT_] = str_take(rest, n);
			return true;
		}
		return step(x, p, at);
	case 'o':
		n = rest.n && (rest.p[0] == ':' || rest.p[0] == '.') ? 1 : 0;
		while (n && n < rest.n && ch_digit(rest.p[n]))
			n++;
		return step(x, p, at + n);
	case 't':
		return spread(x, p, at, 0, rest.n, SUB_, true);
	case '?':
		return spread(x, p, at, 0, rest.n, -1, true);
	case '*':
		return spread(x, p, at, 0, rest.n, -1, false);
	case ')':
		return spread(x, p, at, 1, str_find(rest, ')'), -1, false);
	case 'w':
		return at && is_word(x->s.p[at - 1]) != (at < x->s.n && is_word(x->s.p[at])) &&
		       step(x, p, at);
	case '$':
		return at == x->s.n;
	default:
		return word(x, p, at, kind);
	}
}

/* Recurses as deep as a pattern has items. */
static bool step(struct match *x, const char *p, size_t at)
{
	if (!x->steps)
		return false;
	x->steps--;
	for (; *p; p++, at++) {
		if (*p == '%')
			return special(x, p + 2, at, p[1]);
		if (at >= x->s.n || x->s.p[at] != *p)
			return false;
	}
	return true;
}

static bool matches(struct match *x, const char *pattern)
{
	for (size_t i = 0; i < KEPT; i++)
		x->kept[i] = STR("");
	x->steps = LIM_SCAN_RECEIVED_STEPS;
	return step(x, pattern, 0);
}

static bool has(str s, const char *pattern)
{
	struct match x = { .s = s };

	return matches(&x, pattern);
}

/* ---- what stands anywhere in the line ---- */

static bool helo_char(char c)
{
	return ch_alnum(c) || str_find(STR("-.^+_&:=?!@%*$\\/"), c) < 16;
}

static str helo_after(str s, str word_)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t n, at;

		i += str_search(str_skip(s, i), word_);
		at = i + word_.n;
		if (i >= s.n)
			break;
		if (i && is_word(s.p[i - 1]))
			continue;
		for (n = 0; at + n < s.n && helo_char(s.p[at + n]); n++)
			;
		if (n)
			return str_of(s.p + at, n);
	}
	return STR("");
}

static str find_helo(str s)
{
	str h = helo_after(s, STR("helo=")), e;

	if (h.n)
		return h;
	h = helo_after(s, STR("HELO "));
	e = helo_after(s, STR("EHLO "));
	if (h.n && e.n)
		return h.p < e.p ? h : e;
	return h.n ? h : e;
}

static str find_id(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t n = 0;

		i += str_search(str_skip(s, i), STR(" id "));
		if (i + 4 >= s.n)
			break;
		str v = str_skip(s, i + 4);

		if (v.p[0] == '<')
			v = str_skip(v, 1);
		while (n < v.n && !is_space(v.p[n]) && v.p[n] != '<' && v.p[n] != '>' &&
		       v.p[n] != ';')
			n++;
		if (n >= 3)
			return str_take(v, n);
	}
	return STR("");
}

static str find_by(str s)
{
	size_t i = str_search(s, STR(" by "));

	return i < s.n ? str_of(s.p + i + 4, word_length(s, i + 4, NULL)) : STR("");
}

/* The longest part of the word that ends where letters end. */
static str to_boundary(str s)
{
	for (; s.n; s.n--)
		if (is_word(s.p[s.n - 1]))
			return s;
	return s;
}

static bool find_sender(str s, str *out)
{
	static const str all[] = { S("return-path:"),	  S("return-path"),
				   S("envelope-sender "), S("envelope-sender="),
				   S("envelope-from "),	  S("envelope-from=") };
	size_t best = s.n;

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
		size_t i = str_searchi(s, all[k]), at = i + all[k].n;
		str v;

		if (i >= best || at >= s.n)
			continue;
		if (k < 2 && s.p[at++] != ' ')
			continue;
		v = str_of(s.p + at, word_length(s, at, NULL));
		if (v.n > 1 && at + v.n < s.n) { /* the word may end inside, before a sign */
			str t = to_boundary(v);

			v = t.n ? t : v;
		} else {
			v = to_boundary(v);
		}
		if (!v.n)
			continue;
		best = i;
		*out = v;
	}
	return best < s.n;
}

/* " with ESMTPA" and others that say that the client logged in. */
static str with_auth(str s)
{
	static const str all[] = { S("ESMTPA"),	   S("ESMTPSA"),    S("LMTPA"),	    S("LMTPSA"),
				   S("UTF8SMTPA"), S("UTF8SMTPSA"), S("UTF8LMTPA"), S("UTF8LMTPSA"),
				   S("ASMTP"),	   S("HTTP"),	    S("HTTPS"),	    S("HTTPU") };

	if (str_search(s, STR(" by ")) == s.n)
		return STR("");
	for (size_t i = 0; i < s.n; i++) {
		str w;

		i += str_searchi(str_skip(s, i), STR(" with "));
		if (i >= s.n)
			break;
		w = str_skip(s, i + 6);
		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			if (str_startsi(w, all[k]) &&
			    (w.n == all[k].n || w.p[all[k].n] == ' ' || w.p[all[k].n] == ';'))
				return str_take(w, all[k].n);
	}
	return STR("");
}

static bool contains(str s, str what)
{
	return str_search(s, what) < s.n;
}

static str google(struct scan_mail *m, str s)
{
	struct match x = { .s = s };
	size_t v = str_search(s, STR("(version=")), c;
	str version, cipher, made;

	if (!contains(s, STR(" by mx.google.com with ESMTPS id ")) || v == s.n ||
	    !matches(&x, "%? by mx.google.com with ESMTPS id %ssm%s.%s.20"))
		return STR("");
	version = str_skip(s, v + 9);
	c = str_search(version, STR(" cipher="));
	if (c == version.n)
		return STR("");
	cipher = str_skip(version, c + 8);
	version = str_take(version, str_find(version, ' '));
	cipher = str_take(cipher, str_find(cipher, ')'));
	made = arena_fmt(m->a, "GMail - transport=%.*s cipher=%.*s", STRF(version), STRF(cipher));
	return made.p ? made : STR("");
}

static str by_words(struct scan_mail *m, str s)
{
	static const str methods[] = { S("LOGIN"), S("PLAIN"), S("DIGEST-MD5"), S("CRAM-MD5") };
	size_t at = str_search(s, STR(" (AUTH: "));
	struct match x = { .s = s };

	if (at < s.n)
		for (size_t i = 0; i < 4; i++)
			if (str_starts(str_skip(s, at + 8), methods[i]) &&
			    contains(s, STR(") by ")))
				return methods[i];
	if (contains(s, STR("authenticated")) && (has(s, "from %?]) %?(%?authenticated%?)%? by") ||
						  has(s, "from %?]%?) %?(%?authenticated%?)%? by")))
		return STR("Sendmail");
	if (contains(s, STR("by mail.gmx.")) &&
	    matches(&x, "%?from %S (%e %S) [%i] by %b (%)) with ")) {
		bool e = contains(s, STR(") with ESMTP"));
		str made =
			arena_fmt(m->a, "GMX (%s / %.*s)", e ? "ESMTP" : "SMTP", STRF(x.kept[BY]));

		return made.p ? made : STR("");
	}
	if (contains(s, STR(" (authenticated as ")) &&
	    has(s, "%?) by %? (%s) (authenticated as %?) id "))
		return STR("CriticalPath");
	if (contains(s, STR(") (Authenticated sender: ")) &&
	    matches(&x, "%?) (Authenticated sender: %s) by %s (%t) with ")) {
		str made = str_eq(x.kept[SUB_], STR("Postfix"))
				   ? x.kept[SUB_]
				   : arena_fmt(m->a, "Postfix (%.*s)", STRF(x.kept[SUB_]));

		return made.p ? made : STR("");
	}
	if (contains(s, STR("CommuniGate Pro ")) && contains(s, STR(" (account ")))
		return STR("Communigate");
	if (contains(s, STR(" with Microsoft Exchange Server HTTP-DAV")))
		return STR("HTTP-DAV");
	at = str_searchi(s, STR(" (via HTTP"));
	if (contains(s, STR(" by ")) && at < s.n)
		return str_of(s.p + at + 6, word_length(s, at + 6, ")"));
	return STR("");
}

static str find_auth(struct scan_mail *m, str s)
{
	str a = with_auth(s);

	if (!a.n)
		a = google(m, s);
	return a.n ? a : by_words(m, s);
}

/* ---- the whole ---- */

static bool is_number(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_digit(s.p[i]))
			return false;
	return s.n > 0;
}

static bool is_month(str s)
{
	static const char all[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (size_t i = 0; s.n == 3 && i + 3 < sizeof(all); i += 3)
		if (memcmp(all + i, s.p, 3) == 0)
			return true;
	return false;
}

/* The last word of *s, which loses it; white space before it goes. */
static str last_word(str *s)
{
	size_t at = s->n;
	str w;

	while (at && s->p[at - 1] != ' ')
		at--;
	w = str_skip(*s, at);
	*s = str_take(*s, at ? at - 1 : 0);
	return w;
}

static bool is_clock(str s)
{
	str part;
	unsigned n = 0;

	while (str_next(&s, ':', &part)) {
		if (!is_number(part))
			return false;
		n++;
	}
	return n == 2 || n == 3;
}

static str no_date(str s)
{
	str t = s, day, w;

	(void)last_word(&t);
	if (!is_clock(last_word(&t)) || !is_number(last_word(&t)) || !is_month(last_word(&t)))
		return s;
	str before = t;

	day = last_word(&before);
	if (!is_number(day)) { /* ";1 Jan" */
		size_t n = str_rfind(day, ';');

		if (n == day.n || !is_number(str_skip(day, n + 1)))
			return s;
		before = str_take(t, (size_t)(day.p + n - t.p));
	} else {
		str u = before;

		w = last_word(&u);
		if (w.n >= 4 && w.p[w.n - 1] == ',' && ch_alpha(w.p[w.n - 2]) &&
		    (w.n == 4 || w.p[w.n - 5] == ';'))
			before = w.n == 4 ? u : str_take(before, before.n - 4);
	}
	while (before.n && (is_space(before.p[before.n - 1]) || before.p[before.n - 1] == ';'))
		before.n--;
	return before;
}

/* White space is one blank, none at the ends, no ";" at the end. */
static str squeeze(struct scan_mail *m, str s)
{
	struct out o;
	size_t paren;

	if (!view_out(m, &o, s.n + 8))
		return STR("");
	for (size_t i = 0; i < s.n; i++) {
		if (!is_space(s.p[i]))
			out_c(&o, s.p[i]);
		else if (o.n && o.p[o.n - 1] != ' ')
			out_c(&o, ' ');
	}
	while (o.n && (o.p[o.n - 1] == ' ' || o.p[o.n - 1] == ';'))
		o.n--;
	s = no_date(out_str(&o));
	paren = str_search(s, STR(")by "));
	if (paren == s.n || !view_out(m, &o, s.n + 1))
		return s;
	out_add(&o, str_take(s, paren + 1));
	out_c(&o, ' ');
	out_add(&o, str_skip(s, paren + 1));
	return out_str(&o);
}

static str take_sub(str sub, str name, bool empty)
{
	size_t i = str_search(sub, name);
	size_t n = i < sub.n ? word_length(sub, i + name.n, NULL) : 0;

	return i < sub.n && (n || empty) ? str_of(sub.p + i + name.n, n) : (str){ NULL, 0 };
}

static void take_match(struct scan_relay *r, const struct match *x, unsigned flags, bool *looked)
{
	const str *k = x->kept;

	*looked = flags & LOOKED;
	if (flags & NO_ID)
		r->id = STR("");
	r->ip = k[IP];
	r->by = k[BY];
	if (k[RDNS].n)
		r->rdns = k[RDNS];
	if (k[HELO].p && k[HELO].n)
		r->helo = k[HELO];
	if (flags & SAME && k[RDNS].n)
		r->helo = r->rdns;
	if (k[IDENT_].n)
		r->ident = k[IDENT_];
	if (flags & SUB) {
		str h = take_sub(k[SUB_], STR("helo="), false),
		    d = take_sub(k[SUB_], STR("ident="), true);

		if (h.p)
			r->helo = h;
		if (d.p)
			r->ident = d;
	}
	if (flags & IDENT) {
		size_t at = str_find(r->rdns, '@');

		if (at < r->rdns.n) {
			r->ident = str_take(r->rdns, at);
			if (str_starts(r->ident, STR("IDENT:")))
				r->ident = str_skip(r->ident, 6);
			r->rdns = str_skip(r->rdns, at + 1);
		}
	}
	if (flags & UNKNOWN && str_eqi(r->rdns, STR("unknown")))
		r->rdns = STR("");
	if (flags & QMAIL_NAME) {
		*looked = !str_eq(r->rdns, STR("unknown"));
		if (!*looked)
			r->rdns = STR("");
	}
	if (flags & DEAD_NAME && str_eq(r->rdns, STR("softdnserr"))) {
		*looked = false;
		r->rdns = STR("");
	}
}

/* qmail's "by host (comments) with SMTP" is no ESMTP and has no id behind it. */
static bool qmail_with(str s)
{
	size_t by = str_search(s, STR(" by "));

	by += by < s.n ? 4 + word_length(s, by + 4, NULL) : 0;
	if (!str_starts(str_skip(s, by), STR(" with ")) && !str_starts(str_skip(s, by), STR(" (")))
		return false;

	for (size_t i = by; i < s.n; i++) {
		i += str_search(str_skip(s, i), STR(" with "));
		if (i >= s.n)
			break;
		if (i > by && s.p[i - 1] != ')')
			continue;
		for (size_t at = i + 6; at < s.n; at++) {
			str w = str_skip(s, at);

			if (s.p[at - 1] != ' ')
				continue;
			if (str_starts(w, STR("QMQP")) && !str_starts(w, STR("QMQP id ")))
				return true;
			if (str_starts(w, STR("SMTP")) && !str_starts(w, STR("SMTP id ")))
				return true;
		}
	}
	return false;
}

/* Behind Exchange's name, perhaps after "(TLS)", comes its version. */
static bool has_version(str s)
{
	unsigned dots = 0;
	size_t n = 0;

	if (str_starts(s, STR("(")) && str_find(s, ')') + 2 < s.n)
		s = str_skip(s, str_find(s, ')') + 2);
	for (; n < s.n && (ch_digit(s.p[n]) || s.p[n] == '.'); n++)
		dots += s.p[n] == '.';
	return dots == 3 && (n == s.n || s.p[n] == ' ');
}

static enum group group_of(str s)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		size_t at = str_search(s, groups[i].has);

		if (at < s.n &&
		    (groups[i].group != EXCHANGE || has_version(str_skip(s, at + groups[i].has.n))))
			return groups[i].group;
	}
	return ANY;
}

/* Exim as a last try: each thing where it is. */
static bool exim_pieces(str s, struct scan_relay *r)
{
	struct match x = { .s = s };
	str by;

	r->rdns = str_take(s, word_length(s, 0, NULL));
	if (matches(&x, "%? (%h) "))
		r->helo = x.kept[HELO];
	if (matches(&x, "%? [%i%o] "))
		r->ip = x.kept[IP];
	by = find_by(s);
	if (by.n)
		r->by = by;
	return by.n && r->ip.n;
}

enum outcome { NONE, RELAY, NO_HOP };

static enum outcome try_forms(str s, struct scan_relay *r, bool *looked, bool *fetcher)
{
	enum group group = group_of(s);
	struct match x = { .s = s };
	bool qmail = qmail_with(s), by_qmail = contains(s, STR(" (qmail-"));

	if (group == EXIM && (contains(s, STR(" with local ")) || contains(s, STR(" with local-"))))
		return NO_HOP;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *f = &forms[i];

		if (f->group == ANY && i && forms[i - 1].group != ANY && group == EXIM &&
		    exim_pieces(s, r))
			return RELAY;
		if ((f->group != ANY && f->group != group) || (f->flags & QMAIL && !qmail) ||
		    (f->flags & NOT_QMAIL && by_qmail) || !matches(&x, f->pattern) ||
		    (f->flags & DOT && !contains(x.kept[RDNS], STR("."))))
			continue;
		if (f->flags & SKIP) {
			*fetcher = f->pattern[0] == '%' && f->pattern[1] == '?' &&
				   f->pattern[2] == 'w';
			return NO_HOP;
		}
		take_match(r, &x, f->flags, looked);
		return RELAY;
	}
	return NONE;
}

/* What could break the line of a relay. */
static str clean(struct scan_mail *m, str s)
{
	struct out o;
	size_t i = 0;

	while (i < s.n && !is_space(s.p[i]) && s.p[i] && str_find(STR("#[]()<>|"), s.p[i]) == 8)
		i++;
	if (i == s.n || !view_out(m, &o, s.n))
		return s;
	for (i = 0; i < s.n; i++)
		out_c(&o, is_space(s.p[i]) || !s.p[i] || str_find(STR("#[]()<>|"), s.p[i]) < 8
				  ? '!'
				  : s.p[i]);
	return out_str(&o);
}

static str clean_sender(struct scan_mail *m, str s)
{
	while (s.n && (is_space(s.p[0]) || s.p[0] == '<'))
		s = str_skip(s, 1);
	while (s.n && (is_space(s.p[s.n - 1]) || s.p[s.n - 1] == '>'))
		s.n--;
	return clean(m, s);
}

static void finish(struct scan_mail *m, struct scan_relay *r, bool looked)
{
	size_t mapped;

	while (r->rdns.n && r->rdns.p[r->rdns.n - 1] == '.')
		r->rdns.n--;
	if (str_eqi(r->rdns, STR("unknown")) || str_starts(r->rdns, STR("[")))
		r->rdns = STR("");
	if (str_startsi(r->ip, STR("ipv6:")))
		r->ip = str_skip(r->ip, 5);
	mapped = str_searchi(r->ip, STR("ffff:"));
	if (mapped < r->ip.n && str_find(r->ip, '.') < r->ip.n) {
		bool zero = true;

		for (size_t i = 0; i < mapped; i++)
			zero &= r->ip.p[i] == '0' || r->ip.p[i] == ':';
		if (zero)
			r->ip = str_skip(r->ip, mapped + 5);
	}
	if (r->by.n && r->by.p[r->by.n - 1] == ';')
		r->by.n--;
	r->ip = clean(m, r->ip);
	r->rdns = clean(m, r->rdns);
	r->helo = clean(m, r->helo);
	r->by = clean(m, r->by);
	r->ident = clean(m, r->ident);
	if (r->envfrom.p)
		r->envfrom = clean_sender(m, r->envfrom);
	r->no_reverse_dns = looked && !r->rdns.n;
	r->ip_private = view_ip_private(r->ip);
}

static bool web_mail(str s, struct scan_relay *r)
{
	struct match x = { .s = s };

	if ((contains(s, STR(" (SquirrelMail authenticated user ")) ||
	     contains(s, STR(" (NaSMail authenticated user "))) &&
	    matches(&x, "%? authenticated user %?%i%? by %b with HTTP")) {
		r->ip = x.kept[IP];
		r->by = x.kept[BY];
		return true;
	}
	if (contains(s, STR("aol.com")) && contains(s, STR("with HTTP (WebMailUI)")) &&
	    matches(&x, "%?%i by %b (%I) with HTTP (WebMailUI)")) {
		r->ip = x.kept[IP];
		r->by = x.kept[BY];
		return true;
	}
	return false;
}

static bool any_ip(str s, struct scan_relay *r)
{
	struct match x = { .s = s };

	if (!r->ip.n && matches(&x, "%?[%i]"))
		r->ip = x.kept[IP];
	return r->ip.n && r->by.n;
}

/* "from X by Y;" says nothing of an address. */
static bool is_bare(str s)
{
	struct match x = { .s = s };
	str first;

	if (!matches(&x, "from %h by %s;") && !matches(&x, "from %h by %s ;"))
		return false;
	first = x.kept[HELO];
	if (first.n < 3 || first.p[0] != '[')
		return true;
	for (size_t i = 1; i + 1 < first.n; i++)
		if (!ch_digit(first.p[i]) && first.p[i] != '.')
			return true;
	return first.p[first.n - 1] != ']';
}

enum view_received view_received(struct scan_mail *m, str line, struct scan_relay *r, bool *fetcher,
				 str *scanner_from)
{
	bool looked = false, paren;
	str s = squeeze(m, line);
	enum outcome o = NONE;

	*r = (struct scan_relay){ .raw = line,
				  .ip = STR(""),
				  .rdns = STR(""),
				  .helo = STR(""),
				  .by = STR(""),
				  .ident = STR(""),
				  .id = STR(""),
				  .auth = STR(""),
				  .envfrom = { NULL, 0 } };
	paren = str_startsi(s, STR("(from "));
	if ((!paren && !str_startsi(s, STR("from "))) || contains(s, STR(" with local for ")) ||
	    is_bare(s))
		return RECEIVED_SKIP;
	r->id = find_id(s);
	r->helo = find_helo(s);
	r->by = find_by(s);
	r->auth = find_auth(m, s);
	if (paren) {
		struct match x = { .s = str_skip(s, 6) };

		if (matches(&x, "%H [%i]) by %b (NAVGW %?) with ")) {
			take_match(r, &x, 0, &looked);
			o = RELAY;
		} else if (matches(&x, "%s@%s) by %s ")) {
			return RECEIVED_SKIP;
		}
	} else if (str_starts(s, STR("from "))) {
		s = str_skip(s, 5);
		(void)find_sender(s, &r->envfrom);
		o = web_mail(s, r) ? RELAY : try_forms(s, r, &looked, fetcher);
		if (o == NO_HOP && contains(s, STR(" with qmail-scanner")) && r->envfrom.p)
			*scanner_from = clean_sender(m, r->envfrom);
		if (o == NONE && !r->helo.n && word_length(s, 0, NULL) < s.n)
			r->helo = str_take(s, word_length(s, 0, NULL));
	} else if (str_starts(s, STR("FROM "))) {
		struct match x = { .s = str_skip(s, 5) };

		if (matches(&x, "%h (%r [%i]) BY %b ")) {
			take_match(r, &x, LOOKED, &looked);
			if (str_eq(r->rdns, STR("unverified")))
				r->rdns = STR("");
			o = RELAY;
		}
	}
	if (o == NO_HOP)
		return RECEIVED_SKIP;
	if (o == NONE && !any_ip(s, r))
		return RECEIVED_UNKNOWN;
	finish(m, r, looked);
	return RECEIVED_RELAY;
}
