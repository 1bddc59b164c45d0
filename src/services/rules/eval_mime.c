/* Functions over the parts and how they are encoded: SpamAssassin's MIMEEval. */
#include "services/rules/eval_part.h"

struct mime_memo {
	unsigned html, text, base64, attachments;
	double qp; /* parts; octets that need not be encoded, once any line was */
	double qp_ratio, multipart_ratio, unicode_ratio;
	bool base64_text, bad_iso, faraway, alternative, qp_long_line, ascii_illegal;
	bool caps_charset; /* one in whose letters case says nothing */
	size_t base64_line;
};
/* What is summed while the parts are looked at. */
struct sums {
	double qp_bytes, qp_needless, plain, unicode;
	double text_bytes, html_bytes; /* of the last such part; <0: none */
};
struct part_facts {
	str type, charset, encoding, disposition;
	bool has_charset, attached;
};

/* ---- fields ---- */

static str field(struct eval *e, const struct mime_part *p, str name)
{
	bool found;

	return eval_last_line(scan_part_header(e->m, p, name, false, &found));
}

/* A parameter as SpamAssassin finds it: anywhere in the field, quotes or not, to the ';'. */
static bool parameter(str s, str name, str *out)
{
	for (size_t at; (at = str_searchi(s, name)) < s.n;) {
		bool inside = at > 0 && ch_word(s.p[at - 1]);
		str v = str_skip(s, at + name.n);

		s = v;
		while (v.n && ch_space(v.p[0]))
			v = str_skip(v, 1);
		if (inside || v.n == 0 || v.p[0] != '=')
			continue;
		for (v = str_skip(v, 1); v.n && ch_space(v.p[0]);)
			v = str_skip(v, 1);
		if (v.n && (v.p[0] == '"' || v.p[0] == '\''))
			v = str_skip(v, 1);
		v = str_take(v, str_find(v, ';'));
		while (v.n && v.p[v.n - 1] == '\n')
			v.n--;
		if (v.n && (v.p[v.n - 1] == '"' || v.p[v.n - 1] == '\''))
			v.n--;
		*out = v;
		return true;
	}
	return false;
}

static bool has(str s, str word)
{
	return str_search(s, word) < s.n;
}

static struct part_facts facts_of(struct eval *e, const struct mime_part *p)
{
	str ct = field(e, p, STR("Content-Type"));
	struct part_facts f = { .type = scan_part_type(e->m, p),
				.encoding = eval_lower(e, field(e, p,
								STR("Content-Transfer-"
								    "Encoding"))),
				.disposition =
					eval_lower(e, field(e, p, STR("Content-Disposition"))) };

	if (str_trim_ws(ct).n == 0)
		ct = STR("text/plain; charset=us-ascii");
	f.has_charset = parameter(ct, STR("charset"), &f.charset);
	f.charset = f.has_charset ? eval_lower(e, f.charset) : STR("");
	f.attached = has(f.disposition, STR("attachment"));
	return f;
}

static bool is_ascii_name(str charset)
{
	static const str names[] = {
		S("us-ascii"),	       S("ansi_x3.4-1968"), S("iso-ir-6"),  S("ansi_x3.4-1986"),
		S("iso_646.irv:1991"), S("ascii"),	    S("iso646-us"), S("us"),
		S("ibm367"),	       S("cp367"),	    S("csascii")
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (has(charset, names[i]))
			return true;
	return false;
}

/* "iso-x-y" that no such standard has: other than 8859-1 and the like, 2022-jp and -kr. */
static bool is_bad_iso(str charset)
{
	bool looks = false;

	for (size_t from = 0; from < charset.n;) {
		size_t at = from + str_search(str_skip(charset, from), STR("iso-"));
		str rest = str_skip(charset, at + 4);

		if (at >= charset.n)
			break;
		if (str_starts(rest, STR("2022-jp")) || str_starts(rest, STR("2022-kr"))) {
			if (rest.n == 7 || !ch_word(rest.p[7]))
				return false;
		}
		if (str_starts(rest, STR("8859-"))) {
			size_t n = 5;

			while (n < rest.n && n < 7 && ch_digit(rest.p[n]))
				n++;
			if (n > 5 && (n == rest.n || !ch_word(rest.p[n])))
				return false;
		}
		rest = str_take(rest, str_find(rest, ' '));
		looks = looks || (str_find(rest, '-') > 0 && str_find(rest, '-') + 1 < rest.n);
		from = at + 4;
	}
	return looks;
}

static void look_at_fields(struct eval *e, struct mime_memo *m, const struct part_facts *f)
{
	bool base64 = has(f->encoding, STR("base64")), letters = false;

	if (str_eq(f->type, STR("text/html")))
		m->html++;
	else if (str_starts(f->type, STR("text")))
		m->text++;
	if (base64)
		m->base64++;
	else if (has(f->encoding, STR("quoted-printable")))
		m->qp++;
	m->attachments += f->attached;
	if (str_starts(f->type, STR("text")) && base64 &&
	    (f->charset.n == 0 || is_ascii_name(f->charset)) &&
	    !str_starts(f->disposition, STR("attachment")) &&
	    !str_starts(f->disposition, STR("inline")))
		m->base64_text = true;
	m->bad_iso = m->bad_iso || is_bad_iso(f->charset);
	for (size_t i = 0; i < f->charset.n; i++)
		letters = letters || ch_alpha(f->charset.p[i]);
	if (!letters)
		return;
	m->caps_charset = m->caps_charset || eval_match(e, EVAL_P_CAPS_CHARSET_ALONE, f->charset);
	if (!eval_any_locale(e))
		m->faraway = m->faraway || !eval_charset_ok(e, f->charset);
}

/* ---- lines ---- */

/* Is there, at s, an octet in quoted-printable that could stand as itself? */
static bool is_needless(str s)
{
	char a, b;

	if (s.n < 3 || s.p[0] != '=')
		return false;
	a = s.p[1];
	b = s.p[2];
	if (a == '0')
		return b == '9';
	if (a == '3')
		return ch_digit(b) || b == 'A' || b == 'B' || b == 'C' || b == 'E' || b == 'F';
	if (a == '7')
		return ch_digit(b) || (b >= 'A' && b <= 'E');
	return (a == '2' || (a >= '4' && a <= '6')) && (ch_digit(b) || (b >= 'A' && b <= 'F'));
}

static bool is_blank(str s)
{
	return str_starts(s, STR("=09")) || str_starts(s, STR("=20"));
}

static double needless_in(str line)
{
	double n = 0;
	str end = line;

	for (size_t i = 0; i + 2 < line.n; i++)
		if (is_needless(str_skip(line, i))) {
			n++;
			i += 2;
		}
	while (end.n && ch_space(end.p[end.n - 1]))
		end.n--;
	for (; n > 0 && end.n >= 3 && is_blank(str_skip(end, end.n - 3)); end.n -= 3)
		n--; /* spaces at the end of a line must be encoded */
	return n;
}

/* "&#x20AC;" are counted and taken out. */
static void count_unicode(struct sums *s, str line)
{
	double plain = (double)line.n;

	for (size_t i = 0; i + 7 < line.n; i++) {
		bool hex = str_starts(str_skip(line, i), STR("&#x")) && line.p[i + 7] == ';';

		for (size_t j = i + 3; hex && j < i + 7; j++)
			hex = ch_digit(line.p[j]) || (line.p[j] >= 'A' && line.p[j] <= 'F');
		if (hex) {
			s->unicode++;
			plain -= 8;
			i += 7;
		}
	}
	s->plain += plain;
}

static bool has_illegal_ascii(str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '\0' || line.p[i] == '\r' || (unsigned char)line.p[i] >= 0x80)
			return true;
	return false;
}

static void look_at_line(struct mime_memo *m, const struct part_facts *f, struct sums *s, str line)
{
	bool plain = str_eq(f->type, STR("text/plain"));

	if (str_eq(f->encoding, STR("quoted-printable")) && !str_starts(line, STR("SPAM: "))) {
		m->qp_long_line = m->qp_long_line || line.n > 79;
		s->qp_bytes += (double)line.n;
		s->qp_needless += needless_in(line);
	}
	if (!plain)
		return;
	if ((!f->has_charset || str_eq(f->charset, STR("us-ascii"))) && has_illegal_ascii(line))
		m->ascii_illegal = true;
	if (f->encoding.n == 0 || str_eq(f->encoding, STR("7bit")) ||
	    str_eq(f->encoding, STR("8bit")))
		count_unicode(s, line);
}

static void look_at_body(struct eval *e, struct mime_memo *m, const struct part_facts *f,
			 struct sums *s, const struct mime_part *p)
{
	bool html = str_eq(f->type, STR("text/html"));
	bool counts =
		m->alternative && !f->attached && (html || str_eq(f->type, STR("text/plain")));
	bool base64 =
		str_eq(f->encoding, STR("base64")) && !str_eq(f->type, STR("application/ics"));
	str rest = scan_raw(e->m, p), line;

	if (!f->attached && html)
		s->html_bytes = counts ? (double)rest.n : 0;
	else if (!f->attached && str_eq(f->type, STR("text/plain")))
		s->text_bytes = counts ? (double)rest.n : 0;
	while (eval_line(&rest, &line)) {
		look_at_line(m, f, s, line);
		if (base64 && line.n > m->base64_line)
			m->base64_line = line.n;
	}
}

/* charset="x" of the message's own field; SpamAssassin reads it more strictly here. */
static str charset_of_message(struct eval *e)
{
	str s = eval_header(e, STR("Content-Type"));
	size_t at = str_searchi(s, STR("charset="));
	str v = str_skip(s, at + 8);
	size_t n = 0;

	if (at >= s.n || v.n == 0)
		return STR("");
	if (v.p[0] == '"' || v.p[0] == '\'') {
		size_t end = str_find(str_skip(v, 1), v.p[0]);

		if (end > 0 && end < v.n - 1)
			return str_take(str_skip(v, 1), end);
	}
	while (n < v.n && !ch_space(v.p[n]))
		n++;
	return str_take(v, n);
}

static struct mime_memo *memo(struct eval *e)
{
	const struct mime_part *root;
	struct mime_memo *m = e->memo[EVAL_MEMO_MIME];
	struct sums s = { .text_bytes = -1, .html_bytes = -1 };

	if (m)
		return m;
	m = e->memo[EVAL_MEMO_MIME] = NEW(scan_arena(e->m), struct mime_memo);
	m->multipart_ratio = 1;
	root = scan_root(e->m);
	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		struct part_facts f = facts_of(e, p);

		m->alternative = m->alternative || str_eq(f.type, STR("multipart/alternative"));
		look_at_fields(e, m, &f);
		if (p->kind == MIME_LEAF)
			look_at_body(e, m, &f, &s, p);
	}
	if (s.qp_bytes > 0) {
		m->qp = s.qp_needless;
		m->qp_ratio = s.qp_needless / s.qp_bytes;
	}
	if (s.plain > 0)
		m->unicode_ratio = s.unicode / s.plain;
	if (m->alternative && s.text_bytes >= 0 && s.html_bytes > 0)
		m->multipart_ratio = s.text_bytes / s.html_bytes;
	m->caps_charset =
		m->caps_charset || eval_match(e, EVAL_P_CAPS_CHARSET_ALONE, charset_of_message(e));
	return m;
}

/* ---- the functions ---- */

unsigned eval_check_for_mime(struct eval *e)
{
	const struct mime_memo *m = memo(e);
	unsigned flags = scan_flags(e->m);
	const struct {
		str name;
		bool is;
	} facts[] = {
		{ STR("mime_attachment"), m->attachments > 0 },
		{ STR("mime_bad_iso_charset"), m->bad_iso },
		{ STR("mime_base64_count"), m->base64 > 0 },
		{ STR("mime_base64_encoded_text"), m->base64_text },
		{ STR("mime_body_html_count"), m->html > 0 },
		{ STR("mime_body_text_count"), m->text > 0 },
		{ STR("mime_faraway_charset"), m->faraway },
		{ STR("mime_missing_boundary"), flags & SCAN_FLAG_BOUNDARY_MISSING },
		{ STR("mime_multipart_alternative"), m->alternative },
		{ STR("mime_multipart_ratio"), m->multipart_ratio > 0 },
		{ STR("mime_qp_count"), m->qp > 0 },
		{ STR("mime_qp_long_line"), m->qp_long_line },
		{ STR("mime_qp_ratio"), m->qp_ratio > 0 },
		{ STR("mime_ascii_text_illegal"), m->ascii_illegal },
		{ STR("mimepart_limit_exceeded"), flags & SCAN_FLAG_PART_LIMIT },
	};

	for (size_t i = 0; i < COUNT(facts); i++)
		if (str_eq(facts[i].name, eval_arg(e, 0)))
			return facts[i].is;
	return 0;
}

static bool message_is_html(struct eval *e)
{
	return str_startsi(eval_header(e, STR("Content-Type")), STR("text/html"));
}

unsigned eval_check_for_mime_html(struct eval *e)
{
	return message_is_html(e) || memo(e)->html > 0;
}

unsigned eval_check_for_mime_html_only(struct eval *e)
{
	return message_is_html(e) || (memo(e)->html > 0 && memo(e)->text == 0);
}

unsigned eval_check_mime_multipart_ratio(struct eval *e)
{
	double ratio = memo(e)->multipart_ratio;

	return ratio >= eval_arg_number(e, 0) && ratio < eval_arg_number(e, 1);
}

unsigned eval_check_for_ascii_text_illegal(struct eval *e)
{
	return memo(e)->ascii_illegal;
}

unsigned eval_check_abundant_unicode_ratio(struct eval *e)
{
	return memo(e)->unicode_ratio >= eval_arg_number(e, 0);
}

unsigned eval_check_qp_ratio(struct eval *e)
{
	return memo(e)->qp_ratio >= eval_arg_number(e, 0);
}

unsigned eval_check_base64_length(struct eval *e)
{
	double n = (double)memo(e)->base64_line;

	return n >= eval_arg_number(e, 0) && (e->nargs < 2 || n <= eval_arg_number(e, 1));
}

unsigned eval_check_msg_parse_flags(struct eval *e)
{
	static const struct {
		str name;
		unsigned flag;
	} flags[] = {
		{ S("missing_head_body_separator"), SCAN_FLAG_HEAD_SEPARATOR },
		{ S("truncated_header"), SCAN_FLAG_HEADER_TRUNCATED },
		{ S("mime_epilogue_exists"), SCAN_FLAG_EPILOGUE },
		{ S("missing_mime_head_body_separator"), SCAN_FLAG_PART_SEPARATOR },
		{ S("missing_mime_headers"), SCAN_FLAG_PART_HEADERS },
	};

	for (size_t i = 0; i < COUNT(flags); i++)
		if (str_eq(flags[i].name, eval_arg(e, 0)))
			return (scan_flags(e->m) & flags[i].flag) != 0;
	return 0;
}

/* multipart/alternative with something beside text at its top. */
unsigned eval_check_ma_non_text(struct eval *e)
{
	const struct mime_part *root = scan_root(e->m);

	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		if (!str_eq(scan_part_type(e->m, p), STR("multipart/alternative")))
			continue;
		for (const struct mime_part *q = p->child; q; q = q->next) {
			str type = scan_part_type(e->m, q);

			if (q->kind == MIME_LEAF && !str_starts(type, STR("text/")) &&
			    !str_eq(type, STR("multipart/related")) &&
			    !str_eq(type, STR("application/rtf")))
				return 1;
		}
	}
	return 0;
}

/* ---- check_for_uppercase ---- */

/* Two words at least: something, white space, something. */
static bool has_gap(str s)
{
	s = str_trim_ws(s);
	for (size_t i = 0; i < s.n; i++)
		if (ch_space(s.p[i]))
			return true;
	return false;
}

/* Base64 that a forwarded message left in its text. */
static bool is_base64_text(str s)
{
	for (unsigned times = 0; times < 2; times++) {
		size_t n = 0;

		while (n < s.n &&
		       (ch_alnum(s.p[n]) || s.p[n] == '+' || s.p[n] == '/' || s.p[n] == '='))
			n++;
		if (n < 60 || n > 76 || n == s.n || s.p[n] != ' ')
			return false;
		s = str_skip(s, n + 1);
	}
	return true;
}

struct letters {
	double all, upper, lower;
};

static void count_letters(struct letters *l, str s)
{
	l->all += (double)s.n;
	for (size_t i = 0; i < s.n; i++) {
		l->upper += s.p[i] >= 'A' && s.p[i] <= 'Z';
		l->lower += (s.p[i] >= 'a' && s.p[i] <= 'z') || ch_digit(s.p[i]);
	}
}

unsigned eval_check_for_uppercase(struct eval *e)
{
	struct letters l = { 0 };
	double percent = 0;

	if (memo(e)->caps_charset)
		return 0;
	for (size_t i = 0; i < e->body.n; i++) {
		str s = e->body.v[i];
		size_t begin = str_search(s, STR("\x1b$B"));

		if (!has_gap(s) || is_base64_text(s))
			continue;
		count_letters(&l, str_take(s, begin));

		/* Japanese between its two marks has no case. */
		str rest = str_skip(s, begin);
		size_t end = rest.n;

		while (end > 0 &&
		       !(end >= 3 && str_eq(str_skip(str_take(rest, end), end - 3), STR("\x1b(B"))))
			end--;
		count_letters(&l, str_skip(rest, end));
	}
	if (l.all < 200)
		return 0;
	if (l.upper + l.lower > 0)
		percent = l.upper / (l.upper + l.lower) * 100;
	return percent > eval_arg_number(e, 0) && percent <= eval_arg_number(e, 1);
}

unsigned eval_check_for_faraway_charset(struct eval *e)
{
	str charset = charset_of_message(e);
	size_t high = 0, low = 0;

	if (eval_any_locale(e) || charset.n == 0 || eval_charset_ok(e, charset))
		return 0;
	for (size_t i = 0; i < e->body.n; i++)
		for (size_t j = 0; j < e->body.v[i].n; j++) {
			high += (unsigned char)e->body.v[i].p[j] >= 0x80;
			low += (unsigned char)e->body.v[i].p[j] < 0x80;
		}
	return low <= high && high > 3;
}
