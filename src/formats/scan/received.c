/* A table of forms, tried in order: the first that matches says what stands where. Its patterns are
 * PCRE2's, compiled once a process; their groups bear the names of the fields:
 *   h helo, r rdns, i ip, b by, d ident, x "helo=... ident=..." in any order. */
#include "formats/scan/received.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/limits.h"

#define OCTET "(?:1\\d\\d|2[0-4]\\d|25[0-5]|[1-9]?\\d)"
#define IP                                                                                         \
	"(?:\\b(?<!:)" OCTET "\\." OCTET "\\." OCTET "\\." OCTET "\\b"                             \
	"|(?i:IPv6:|(?<![a-f0-9:]))(?i:[a-f0-9]{0,4}:){2,7}(?i:" OCTET "\\." OCTET "\\." OCTET     \
	"\\." OCTET "|[a-f0-9]{1,4}|(?<=::))(?![a-f0-9:]))"
#define I	  "(?<i>" IP ")"
#define B	  "(?<b>\\S+)"
#define H	  "(?<h>\\S+)"
#define R	  "(?<r>\\S+)"
#define HELO	  "(?:HELO|EHLO)"
#define LOCALHOST "(?:localhost(?:\\.localdomain)?|\\b(?<!:)127\\.0\\.0\\.1\\b|(?i:IPv6:)?::1\\b)"

enum {
	DNS = 1,  /* its server looks names up: no rdns means that there is none */
	SAME = 2, /* rdns is the helo as well */
	NO_HOP = 4,
	FETCHED = 8,
	NO_ID = 16,
	NO_UNKNOWN = 32,  /* rdns "unknown" is none; any other was looked up */
	OVER_QMAIL = 64,  /* not tried on qmail's own form */
	TELLS_NEXT = 128, /* its envelope sender belongs to the field below */
	UPPER = 256,	  /* of fields that begin with "FROM " */
	OPEN = 512,	  /* of fields that begin with "(from " */
};

static const struct form {
	const char *need;    /* a literal that stands in it, or NULL */
	const char *pattern; /* against what follows "from " */
	unsigned flags;
} forms[] = {
	{ "Mail authenticated user ",
	  "(?=.*\\((?:SquirrelMail|NaSMail) authenticated)" I "\\b(?![.-]).{10,80}by " B
	  " with HTTP",
	  0 },
	{ "(WebMailUI)",
	  "(?=.*aol\\.com)(?=.*with HTTP \\(WebMailUI\\)).*?" I " by " B " \\(" IP
	  "\\) with HTTP \\(WebMailUI\\)",
	  0 },
	{ " SMTPSVC", "^(?<h>\\S*) \\(\\[" I "\\][^)]{0,40}\\) by " B " with Microsoft SMTPSVC",
	  0 },
	{ " SMTPSVC", "^mail pickup service by \\S+ with Microsoft SMTPSVC$", NO_HOP },
	{ " with ",
	  "^(?=.* with (?:Microsoft SMTP Server|mapi id) (?:\\([^)]+\\) "
	  ")?\\d+\\.\\d+\\.\\d+\\.\\d+(?:$| ))" H " \\(\\[?" I "(?:%[A-Z0-9._~-]*)?\\]?\\) by " B
	  " ",
	  NO_ID },
	{ "[XMail ",
	  "^" H " \\((?<i>\\[?" IP "\\]?)(?::\\d+)\\) by " B "(?: \\(\\S+\\))? with \\[XMail", 0 },
	{ "(ecelerity", "^\\(\\[" I ":\\d+\\] helo=(?<h>\\S+)\\) by " B " ", 0 },
	{ "(ecelerity", "^\\S+ \\(\\[" I ":\\d+\\]\\) by " B " ", 0 },
	{ "Exim", "\\bwith local(?:-\\S+)? ", NO_HOP },
	{ "Exim", "^\\[" I "\\] \\((?<x>.*?)\\) by " B " ", 0 },
	{ "Exim", "^" R " \\(\\[" I "\\](?<x>.*?)\\) by " B " ", SAME },
	{ "Exim", "^" R " \\[" I "\\](?::\\d+)? by " B " ", SAME },
	{ "Exim", "^" R " (?=.* \\[" I "(?:\\.\\d+)?\\] )(?=.*by " B " )(?:.* \\(" H "\\) )?", 0 },
	{ " (Postfix) with", "^" H " \\(" R " ?\\[" I "\\]\\) by " B " ", DNS | NO_UNKNOWN },
	{ "(Scalix SMTP Relay", "^" H " \\( ?" I "\\) by " B, 0 },
	{ " (Lotus Domino ", "^" H " \\(\\[" I "\\]\\) by " B " \\(Lotus", 0 },
	{ "with HTTP", "^(?=.*\\bwith HTTP\\b)" I " \\(\\[" IP "\\]\\) by " B, 0 },
	{ "[", "^" H " \\((?:(?:IDENT:)?(?<d>[^@ ]*)@)?" R " \\[" I "\\].*\\) by " B " \\(",
	  DNS | OVER_QMAIL },
	{ "[", "^" H " \\(" R " \\[" I "\\]\\) by " B " with \\S+ \\(", DNS },
	{ "helo=", "^" R " \\(\\[" I "\\] helo=(?<h>\\S+)\\) by " B " with ", 0 },
	{ "(<unknown", "^" H " \\(<unknown\\S*>\\[" I "\\]\\) by " B " ", 0 },
	{ "[", "^" H " \\((?<r>\\S+\\.\\S+)\\[" I "\\]\\) by " B " ", DNS },
	{ "@[", "^" H " \\((?<d>\\S*)@\\[" I "\\].*\\) by " B " \\(", DNS },
	{ ".hotmail.msn.com ", "^(?:" I " )?.*?by (?<b>\\S+\\.hotmail\\.msn\\.com) ", 0 },
	{ "(qpsmtpd/",
	  "^" R " \\(" HELO " (?<h>\\S*)\\) \\(" I "\\) by " B
	  " \\(qpsmtpd/\\S+\\) with (?:ESMTP|SMTP)",
	  0 },
	{ "(LHLO ", "^" R " \\(LHLO (?<h>\\S*)\\) \\(" I "\\) by " B " with LMTP", 0 },
	{ "LO ",
	  "^" R " \\(" HELO " (?<h>\\S*)\\) \\[" I "\\] by " B " \\([^)]+\\) with (?:ESMTP|SMTP)",
	  0 },
	{ " via smtpd (for ",
	  "^" H " \\(\\[" I "\\]\\) by " B " via smtpd \\(for \\S+\\) with SMTP\\(", 0 },
/* qmail: a helo stands there only where it is not the name */
#define QMAIL_TAIL                                                                                 \
	"( \\(envelope-sender <\\S+>\\))? by " B "( \\(.+\\))* with (.* )?(SMTP|QMQP)(?! id )"
	{ "LO ", "^" R " \\(" HELO " (?<h>[^ ()]*)\\) \\((?<d>\\S*)@\\[?" I "\\]?\\)" QMAIL_TAIL,
	  NO_UNKNOWN },
	{ "LO ", "^" R " \\(" HELO " (?<h>[^ ()]*)\\) \\(\\[?" I "\\]?\\)" QMAIL_TAIL, NO_UNKNOWN },
	{ "@", "^" R " \\((?<d>\\S*)@\\[?" I "\\]?\\)" QMAIL_TAIL, NO_UNKNOWN | SAME },
	{ "(", "^" R " \\(\\[?" I "\\]?\\)" QMAIL_TAIL, NO_UNKNOWN | SAME },
	{ " via HTTP", "^\\[" I "\\] by " B " via HTTP$", 0 },
	{ "( [", "^\\S+ \\( \\[" I "\\]\\).*? by " B " ", 0 },
	{ "[", "^\\(" H " \\[" I "\\]\\) by " B " ", 0 },
	{ "[", "^\\[" I "\\] by " B " ", 0 },
	{ "(", "^\\(\\[?" I "\\]?\\) by " B " ", 0 },
	{ "[", "^" H " \\[" I "\\] by " B " \\[" IP "\\] with ", DNS },
	{ "[(", "^" H " \\[\\(" I "\\)\\] by " B " \\(" IP "\\) ", 0 },
	{ "([", "^" H " \\(\\[" I "\\]\\) by " B " \\(", DNS },
	{ "(softdnserr [", "^" H " \\(softdnserr \\[" I "\\]\\).*? by (?<b>\\S+)\\b", 0 },
	{ "[", "^" H " \\(" R " \\[" I "\\]\\).*? by (?<b>\\S+)\\b", DNS },
	{ "([", "^" H " \\(\\[" I "(?:[.:]\\d+)?\\]\\).*? by " B " ", DNS },
	{ "with ", "with (?:POP3|IMAP)", FETCHED },
	{ "LO ",
	  "^" R " \\(" HELO " (?<h>[^)]*)\\) \\((?:(?<d>\\S*)@)?\\[?" I "\\]?\\).* by " B " ",
	  DNS },
	{ "(", "^" R " \\((?:(?<d>\\S*)@)?\\[?" I "\\]?\\).* by " B " ", DNS | SAME },
	{ " with http for ", "^\\[" I "\\] by " B " with http for ", 0 },
	{ " via smap ", "^" R "\\(" I "\\) by " B " via smap ", DNS },
	{ " via smap ", "^" R "\\(" I ", " HELO " (?<h>\\S*)\\) by " B " via smap ", DNS },
	{ " by ", "^" I " by " B " \\((?:SMTPL|InterScan)\\b", 0 },
	{ " with BSMTP", "^\\S+ by \\S+ with BSMTP", NO_HOP },
	{ "LO ", "^" R " \\(" HELO " (?<h>\\S*)\\) \\((?:(?<d>\\S+)@)?" I ".*?\\) by " B " with ",
	  DNS },
	{ "LO ", "^\\[" I "\\] \\((?:account \\S+ )?" HELO " (?<h>\\S*)\\) by " B " \\(", 0 },
	{ " (CommuniGate Pro", "^" R " \\(\\[" I "\\] verified\\) by " B " \\(", DNS | SAME },
	{ "([", "^\\(\\[" I "\\]\\) by " B " with ", 0 },
	{ "(", "^(?<h>[^\\d]\\S+) \\(" I "\\) by " B " ", 0 },
	{ " (Content Technologies ", "^\\S+ \\(\\S+\\) by \\S+ \\(Content Technologies ", NO_HOP },
	{ "([", "^" H " \\(\\[" I "\\] \\[\\S+\\]\\) by " B " with ", 0 },
	{ " with ", "^" I " by " B " with ", 0 },
	{ "[", "^" H " \\(" R "\\[" I "\\]\\) by " B " ", DNS },
	{ "LO ", "^\\[" I "\\]\\S+ \\(" HELO " (?<h>\\S*)\\) by " B " ", 0 },
	{ "LO ", "^" I " \\(" HELO " (?<h>\\S*)\\) by " B " ", 0 },
	{ "[", "^" H " \\[" I "\\] by " B " ", 0 },
	{ "(", "^" R "\\(" I "\\) by " B " ", 0 },
	{ "(unverified [", "^" H " \\(unverified \\[" I "\\]\\) by " B " ", 0 },
	{ " with ", "^" I " \\([A-Za-z][^)]+\\) by " B " with ", 0 },
	{ "[", "^\\[" I "\\] \\((?<x>[^)]+)\\) by " B " ", 0 },
	{ " with ", "^" R " \\((?:\\S+@)?" I "\\) by " B " with ", 0 },
	{ " via ",
	  "^(?:UNKNOWN|" R ")\\(" I "\\)(?:, claiming to be \"(?<h>\\S+)\")? via \\S+ by " B ",",
	  DNS },
	{ " with login) by ",
	  "^" H " \\(\\S+@" I " with login\\) by (?<b>\\S+\\.yahoo\\.com) with SMTP", 0 },
	{ "X-Originating-IP: ", "^X-Originating-IP: " I "$", 0 },
	{ "@", "^\\S+ \\([^\\s@]+@" LOCALHOST "\\) by \\S+ \\(", NO_HOP },
	{ " with local-", "^\\S+ \\S+ by \\S+ with local-e?smtp ", NO_HOP },
	{ "(AVG SMTP ", "^127\\.0\\.0\\.1 \\(AVG SMTP \\S+ \\[\\S+\\]\\)", NO_HOP },
	{ "@", "^\\S+@\\S+ by \\S+ ", NO_HOP },
	{ "Unknown/Local (", "^Unknown/Local \\(", NO_HOP },
	{ "(", "^" LOCALHOST " \\((?:\\S+@)?" LOCALHOST "[)\\[]", NO_HOP },
	{ "(", "^\\S+ \\((?:\\S+@)?" LOCALHOST "\\) ", NO_HOP },
	{ "(", "^\\S+ \\(\\S+@\\S+ \\[" LOCALHOST "\\]\\) ", NO_HOP },
	{ "(AUTH: ", "^\\(AUTH: \\S+\\) by \\S+ with ", NO_HOP },
	{ "UNIX: ", "^localhost \\(localhost \\[\\[UNIX: localhost\\]\\]\\) by ", NO_HOP },
	{ "(peer crosscheck: ",
	  "^\\S+\\.amazon\\.com by \\S+\\.amazon\\.com with ESMTP \\(peer crosscheck: ", NO_HOP },
	{ "Novell_GroupWise", "^[^.]+ by \\S+ with Novell_GroupWise", NO_HOP },
	{ "no.name.available", "^no\\.name\\.available by \\S+ via smtpd \\(for ", NO_HOP },
	{ "with qmail-scanner", "^\\S+ by \\S+ \\(.{0,100}\\) with qmail-scanner",
	  NO_HOP | TELLS_NEXT },
	{ " with local", "^\\S+ by \\S+ with local", NO_HOP },
	{ "([unix socket])",
	  "^\\S+ \\(\\[unix socket\\]\\) by \\S+ \\(Cyrus v[0-9]*?\\.[0-9]*?\\.[0-9]*?\\) with "
	  "LMTPA",
	  NO_HOP },
	{ " by ", "^\\S+ by \\S+ (?:with|via|for|\\()", NO_HOP },
	{ " by", "^\\S+ (?:(?:with|via|for) \\S+|\\(unverified\\)) by\\b", NO_HOP },
	{ "(SG)", "^\\S+ \\(unknown\\) by \\S+ \\(SG\\) with \\b", NO_HOP },
	{ "(OpenSMTPD)", "^\\S+ \\(\\S+ \\[local\\]\\) by \\S+ \\(OpenSMTPD\\) with \\b", NO_HOP },
	{ "(LSMTP for", "\\(LSMTP for", NO_HOP },
	{ "with MailEnable ", "^\\(\\[" LOCALHOST "\\]\\) with MailEnable ", NO_HOP },
	{ "with Thrift id ", "^facebook\\.com \\([^)]+\\) by facebook\\.com with Thrift id \\S+$",
	  NO_HOP },
	{ "with HTTPREST", "^\\S+ named \\S+ by gmailapi\\.google\\.com with HTTPREST$", NO_HOP },
	{ " id ", "^\\S+ id \\S+$", NO_HOP },
	{ " (Jetsend", "^\\[<.*? \\(Jetsend", NO_HOP },
	{ " BY ",
	  "^" H " \\((?:unverified|" R ") \\[" I "\\]\\) BY " B
	  " (?:\\([^)]+\\) WITH SMTP )?ID <?(?<id>\\S+?)>?(?: FOR <[^>]+>)?$",
	  DNS | UPPER },
	{ "(NAVGW ", "^(?<h>\\S*) \\[" I "\\]\\) by " B " \\(NAVGW .*?\\) with ", OPEN },
	{ "@localhost", "^\\S+@localhost\\) by \\S+ ", NO_HOP | OPEN },
	{ "(jqueuemail)", "^[^\\s@]+@[^)]+\\) by \\S+\\(jqueuemail\\) id [^\\s;]+", NO_HOP | OPEN },
};

/* How a server says that its client has logged in. The group v, if any, is the way. */
static const struct login {
	const char *need, *pattern, *name;
} logins[] = {
	{ " with ",
	  "^(?=.* by ).* with (?<v>(?i:(?:ES|L|UTF8S|UTF8L)MTPS?A|ASMTP|HTTP[SU]?))(?: |;|$)", "" },
	{ "mx.google.com",
	  " by mx\\.google\\.com with ESMTPS id "
	  "[a-z0-9]{1,4}sm[0-9]{2,9}[a-z]{3}\\.[0-9]{1,3}\\.[0-9]{4}\\.(?:[0-6][0-9]\\.){4}[0-6][0-"
	  "9].*\\(version=[^ ]+ cipher=[^)]+\\)",
	  "GMail" },
	{ "(AUTH: ",
	  "^from .*?(?:\\]\\)|\\)\\]) \\(AUTH: (?<v>LOGIN|PLAIN|DIGEST-MD5|CRAM-MD5) \\S+(?:, "
	  ".*?)?\\) by ",
	  "" },
	{ "authenticated",
	  "^from .*?(?:\\](?: \\([^)]*\\))?\\)|\\)\\]) .*?\\(.*?authenticated.*?\\).*? by",
	  "Sendmail" },
	{ "mail.gmx.",
	  "from \\S* \\(" HELO " \\S*\\) \\[" IP
	  "\\] by mail\\.gmx\\.(?:net|com) \\([^)]+\\) with E?SMTP",
	  "GMX" },
	{ " (authenticated as ",
	  "\\) by .+ \\(\\d{1,2}\\.\\d\\.\\d{3}(?:\\.\\d{1,3})?\\) \\(authenticated as .+\\) id ",
	  "CriticalPath" },
	{ "(Authenticated sender: ",
	  "\\) \\(Authenticated sender: \\S+\\) by \\S+ \\([^)]+\\) with ", "Postfix" },
	{ " (account ", "(?=.*CommuniGate Pro (?:HTTP|SMTP|XIMSS|IMAP)).* \\(account ",
	  "Communigate" },
	{ "HTTP-DAV", " with Microsoft Exchange Server HTTP-DAV\\b", "HTTP-DAV" },
	{ "(via ", "^(?=.* by ).* \\(via (?<v>(?i:HTTP.?))\\)(?: |;|$)", "" },
};

enum extra {
	X_FROM,
	X_LOCAL,
	X_SHORT,
	X_DATE,
	X_ID,
	X_HELO,
	X_BY,
	X_ENVELOPE,
	X_SUB_HELO,
	X_SUB_IDENT,
	X_ADDRESS,
	X_WORD,
	X_COUNT
};
static const char *const extras[X_COUNT] = {
	[X_FROM] = "^\\(?(?i:from) ",
	[X_LOCAL] = "\\bwith local for\\b",
	[X_SHORT] = "^(?i:from (?!\\[[\\d.]+\\] )\\S+ by [^\\s;]+ ?;)",
	[X_DATE] = "[\\s;]+(?:(?:Mon|T(?:ue|hu)|Wed|Fri|S(?:at|un)), )?\\d+ "
		   "(?:J(?:an|u[nl])|Feb|Ma[ry]|A(?:pr|ug)|Sep|Oct|Nov|Dec) \\d+ "
		   "\\d+:\\d+(?::\\d+)? \\S+$",
	[X_ID] = " id <?(?<v>[^\\s<>;]{3,})",
#define HELO_WORD "(?<v>[-A-Za-z0-9.^+_&:=?!@%*$\\\\/]+)(?:[^-A-Za-z0-9.^+_&:=?!@%*$\\\\/]|$)"
	[X_HELO] = "\\b(?:helo=|" HELO " )" HELO_WORD,
	[X_BY] = " by (?<v>\\S+)(?:[^-A-Za-z0-9;.]|$)",
	[X_ENVELOPE] = "(?i:return-path:? |envelope-(?:sender|from)[ =])(?<v>\\S+)\\b",
	[X_SUB_HELO] = "helo=(?<v>[^\\s)]+)",
	[X_SUB_IDENT] = "ident=(?<v>[^\\s)]*)",
	[X_ADDRESS] = "\\[(?<v>" IP ")\\]",
	[X_WORD] = "^(?<v>\\S+)[^-A-Za-z0-9.]",
};

/* Compiled at the first field, never changed after that. */
static pcre2_code *form_codes[COUNT(forms)], *login_codes[COUNT(logins)], *extra_codes[X_COUNT];
static pthread_once_t compiled = PTHREAD_ONCE_INIT;

static pcre2_code *compile(const char *pattern)
{
	int code;
	PCRE2_SIZE at;
	pcre2_code *c = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_DUPNAMES,
				      &code, &at, NULL);

	assert(c);
	(void)pcre2_jit_compile(c, PCRE2_JIT_COMPLETE); /* where it cannot, it is only slower */
	return c;
}

static void compile_all(void)
{
	for (size_t i = 0; i < COUNT(forms); i++)
		form_codes[i] = compile(forms[i].pattern);
	for (size_t i = 0; i < COUNT(logins); i++)
		login_codes[i] = compile(logins[i].pattern);
	for (size_t i = 0; i < X_COUNT; i++)
		extra_codes[i] = compile(extras[i]);
}

struct match {
	pcre2_match_data *data;
	pcre2_match_context *limits;
	str in;
	const pcre2_code *code; /* of the last one that matched */
};

static bool match(struct match *m, const pcre2_code *c, str in)
{
	m->in = in;
	m->code = c;
	return pcre2_match(c, (PCRE2_SPTR)in.p, in.n, 0, 0, m->data, m->limits) > 0;
}

/* "" when the form has no such group, or it took no part. */
static str group(const struct match *m, const char *name)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(m->data);
	int n = pcre2_substring_number_from_name(m->code, (PCRE2_SPTR)name);

	if (n < 0 || at[2 * n] == PCRE2_UNSET)
		return STR("");
	return str_of(m->in.p + at[2 * n], at[2 * n + 1] - at[2 * n]);
}

static str extra(struct match *m, enum extra x, str in)
{
	return match(m, extra_codes[x], in) ? group(m, "v") : STR("");
}

bool received_private(str ip)
{
	str rest = ip, piece;
	uint64_t first, second = 0;

	if (str_find(ip, ':') < ip.n)
		return str_eq(ip, STR("::1")) || str_startsi(ip, STR("fe80:")) ||
		       str_startsi(ip, STR("fc")) || str_startsi(ip, STR("fd"));
	if (!str_next(&rest, '.', &piece) || str_u64(piece, 255, &first) ||
	    !str_next(&rest, '.', &piece) || str_u64(piece, 255, &second))
		return false;
	return first == 10 || first == 127 || (first == 169 && second == 254) ||
	       (first == 172 && second >= 16 && second <= 31) || (first == 192 && second == 168) ||
	       (first == 100 && second >= 64 && second <= 127);
}

/* White space folded to single spaces, none at the ends, no semicolons behind. */
static str tidy(str field, struct arena *a)
{
	char *p = arena_try(a, field.n + 1, 1);
	size_t n = 0;

	if (!p)
		return STR("");
	for (size_t i = 0; i < field.n; i++) {
		char c = field.p[i];

		if (c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v')
			c = ' ';
		if (c != ' ' || (n && p[n - 1] != ' '))
			p[n++] = c;
	}
	while (n && (p[n - 1] == ' ' || p[n - 1] == ';'))
		n--;
	return str_of(p, n);
}

/* What would break the text form of a relay becomes '!'. */
static str clean(str s, struct arena *a)
{
	str out = arena_dup(a, s);
	char *p = arena_try(a, s.n + 1, 1);

	if (!p)
		return STR("");
	for (size_t i = 0; i < s.n; i++)
		p[i] = memchr(" \t\n\r\f\v\0#[]()<>|", s.p[i], 16) ? '!' : s.p[i];
	(void)out;
	return str_of(p, s.n);
}

static str clean_envelope(str s, struct arena *a)
{
	s = str_trim_ws(s);
	while (s.n && s.p[0] == '<')
		s = str_skip(s, 1);
	while (s.n && s.p[s.n - 1] == '>')
		s = str_take(s, s.n - 1);
	return clean(s, a);
}

static str clean_ip(str ip, struct arena *a)
{
	static const str mapped = S("::ffff:");
	size_t zone;

	if (ip.n && ip.p[0] == '[')
		ip = str_take(str_skip(ip, 1), ip.n - (ip.p[ip.n - 1] == ']') - 1);
	if (str_startsi(ip, STR("ipv6:")))
		ip = str_skip(ip, 5);
	zone = str_find(ip, '%');
	ip = str_take(ip, zone);
	if (str_startsi(ip, mapped) && str_find(ip, '.') < ip.n)
		ip = str_skip(ip, mapped.n);
	return clean(ip, a);
}

static str login_way(struct match *m, str line)
{
	for (size_t i = 0; i < COUNT(logins); i++) {
		if (str_search(line, str_z(logins[i].need)) == line.n ||
		    !match(m, login_codes[i], line))
			continue;
		return logins[i].name[0] ? str_z(logins[i].name) : group(m, "v");
	}
	return STR("");
}

struct found {
	str ip, rdns, helo, by, id, ident;
	bool looked_up;
};

static void take(const struct form *f, struct match *m, struct found *o)
{
	str r = group(m, "r"), h = group(m, "h"), x = group(m, "x"), id = group(m, "id");

	o->ip = group(m, "i");
	o->by = group(m, "b");
	o->ident = group(m, "d");
	o->rdns = r;
	o->looked_up = f->flags & DNS;
	if (h.n)
		o->helo = h;
	else if (f->flags & SAME)
		o->helo = r;
	if (f->flags & NO_ID)
		o->id = STR("");
	if (id.n)
		o->id = id;
	if (f->flags & NO_UNKNOWN) {
		o->looked_up = true;
		if (str_eq(r, STR("unknown"))) {
			o->rdns = STR("");
			o->looked_up = f->flags & DNS;
		}
	}
	if (x.n) {
		str helo = extra(m, X_SUB_HELO, x), ident = extra(m, X_SUB_IDENT, x);

		o->helo = helo.n ? helo : o->helo;
		o->ident = ident;
	}
}

static bool qmail_own(str line)
{
	size_t at = str_search(line, STR(" (qmail-"));

	return at < line.n && str_search(str_skip(line, at), STR(") with ")) < line.n - at;
}

/* The form that fits; NULL: none. */
static const struct form *find(struct match *m, str line, unsigned kind)
{
	for (size_t i = 0; i < COUNT(forms); i++) {
		const struct form *f = &forms[i];

		if ((f->flags & (UPPER | OPEN)) != kind)
			continue;
		if (f->need && str_search(line, str_z(f->need)) == line.n)
			continue;
		if ((f->flags & OVER_QMAIL) && qmail_own(line))
			continue;
		if (match(m, form_codes[i], line))
			return f;
	}
	return NULL;
}

static enum received_kind parse(struct match *m, str line, struct arena *a, str *envfrom,
				struct scan_relay *out)
{
	struct found o = { .ip = STR(""), .rdns = STR(""), .ident = STR("") };
	str envelope = STR(""), told = *envfrom, rest, auth;
	const struct form *f;
	unsigned kind = 0;

	*envfrom = STR("");
	if (!match(m, extra_codes[X_FROM], line) || match(m, extra_codes[X_LOCAL], line) ||
	    match(m, extra_codes[X_SHORT], line))
		return RECEIVED_NO_HOP;
	if (match(m, extra_codes[X_DATE], line))
		line = str_take(line, pcre2_get_ovector_pointer(m->data)[0]);
	o.id = extra(m, X_ID, line);
	o.helo = extra(m, X_HELO, line);
	o.by = extra(m, X_BY, line);
	auth = login_way(m, line);

	rest = str_skip(line, 5);
	if (str_starts(line, STR("FROM ")))
		kind = UPPER;
	else if (line.p[0] == '(')
		kind = OPEN, rest = str_skip(line, 6);
	else
		envelope = extra(m, X_ENVELOPE, rest);

	f = find(m, rest, kind);
	if (f && (f->flags & FETCHED))
		return RECEIVED_FETCHED;
	if (f && (f->flags & NO_HOP)) {
		if (f->flags & TELLS_NEXT)
			*envfrom = clean_envelope(envelope, a);
		return RECEIVED_NO_HOP;
	}
	if (f)
		take(f, m, &o);
	else if (!o.helo.n && !kind)
		o.helo = extra(m, X_WORD, rest);
	if (!f)
		o.ip = extra(m, X_ADDRESS, rest);
	if (!f && (!o.ip.n || !o.by.n))
		return RECEIVED_UNKNOWN;

	while (o.rdns.n && o.rdns.p[o.rdns.n - 1] == '.')
		o.rdns = str_take(o.rdns, o.rdns.n - 1);
	if (str_eqi(o.rdns, STR("unknown")) || str_starts(o.rdns, STR("[")))
		o.rdns = STR("");
	if (o.by.n && o.by.p[o.by.n - 1] == ';')
		o.by = str_take(o.by, o.by.n - 1);
	*out = (struct scan_relay){ .ip = clean_ip(o.ip, a),
				    .rdns = clean(o.rdns, a),
				    .helo = clean(o.helo, a),
				    .by = clean(o.by, a),
				    .ident = clean(o.ident, a),
				    .id = arena_dup(a, o.id),
				    .envfrom = told.n ? told : clean_envelope(envelope, a),
				    .auth = arena_dup(a, auth),
				    .no_reverse_dns = o.looked_up && !o.rdns.n,
				    .raw = line };
	out->ip_private = received_private(out->ip);
	return RECEIVED_RELAY;
}

enum received_kind received_parse(str field, struct arena *a, str *envfrom, struct scan_relay *out)
{
	struct match m = { 0 };
	enum received_kind kind;

	(void)pthread_once(&compiled, compile_all);
	m.data = pcre2_match_data_create(16, NULL);
	m.limits = pcre2_match_context_create(NULL);
	if (!m.data || !m.limits) {
		pcre2_match_data_free(m.data);
		pcre2_match_context_free(m.limits);
		return RECEIVED_UNKNOWN;
	}
	(void)pcre2_set_match_limit(m.limits, LIM_SCAN_RECEIVED_STEPS);
	kind = parse(&m, tidy(str_take(field, LIM_SCAN_RECEIVED), a), a, envfrom, out);
	pcre2_match_data_free(m.data);
	pcre2_match_context_free(m.limits);
	return kind;
}
