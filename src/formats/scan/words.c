/* Encoded words of a field (RFC 2047), decoded as SpamAssassin does: neighbours of one charset are
 * one text, so a character may be split between them. */
#include <string.h>

#include "formats/scan/view.h"

static bool stays_encoded(str name)
{
	static const str all[] = { S("Received"),	   S("Message-ID"),  S("Date"),
				   S("Resent-Message-ID"), S("Resent-Date"), S("MIME-Version"),
				   S("References"),	   S("In-Reply-To") };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (str_eqi(name, all[i]))
			return true;
	return str_startsi(name, STR("List-"));
}

struct word {
	str charset, text;
	bool base64;
	size_t n; /* of the whole word */
};

/* "=?charset?B?text?=" at the start of s. */
static bool read_word(str s, struct word *w)
{
	size_t i = 2, at;

	if (!str_starts(s, STR("=?")))
		return false;
	while (i < s.n && (ch_alnum(s.p[i]) || s.p[i] == '*' || s.p[i] == '_' || s.p[i] == '-'))
		i++;
	if (i == 2 || s.n < i + 5 || s.p[i] != '?' || s.p[i + 2] != '?' ||
	    !(ch_lower(s.p[i + 1]) == 'b' || ch_lower(s.p[i + 1]) == 'q'))
		return false;
	w->charset = str_of(s.p + 2, i - 2);
	w->base64 = ch_lower(s.p[i + 1]) == 'b';
	at = i + 3;
	i = view_find_from(s, '?', at);
	if (i + 1 >= s.n || s.p[i + 1] != '=')
		return false;
	w->text = str_of(s.p + at, i - at);
	w->n = i + 2;
	return true;
}

static str word_octets(struct scan_mail *m, const struct word *w)
{
	struct out o;

	if (w->base64)
		return view_base64(m, w->text);
	if (!view_out(m, &o, w->text.n))
		return STR("");
	for (size_t i = 0; i < w->text.n; i++)
		out_c(&o, w->text.p[i] == '_' ? ' ' : w->text.p[i]);
	/* "_" is "=20", which no blank at a line's end is taken for: there are no lines here */
	return view_qp(m, out_str(&o));
}

/* White space between two encoded words is not shown. */
static size_t blank_between(str s)
{
	size_t i = 0;
	struct word w;

	while (i < s.n && is_space(s.p[i]))
		i++;
	return i && read_word(str_skip(s, i), &w) ? i : 0;
}

static str charset_alone(str charset)
{
	return str_take(charset, str_find(charset, '*'));
}

static str decode(struct scan_mail *m, str s)
{
	struct out o, text;
	struct word w;
	str charset = STR("");

	/* A charset's octet becomes three at most. */
	if (!view_out(m, &o, size_mul(s.n, 3)) || !view_out(m, &text, s.n))
		return STR("");
	while (s.n) {
		if (!read_word(s, &w)) {
			size_t n = s.p[0] == '=' ? 1 : str_find(s, '=');

			if (text.n)
				out_add(&o, view_normalize(m, out_str(&text),
							   charset_alone(charset), true)
						    .s);
			text.n = 0;
			out_add(&o, str_take(s, n));
			s = str_skip(s, n);
			continue;
		}
		if (text.n && !str_eqi(charset, w.charset)) {
			out_add(&o,
				view_normalize(m, out_str(&text), charset_alone(charset), true).s);
			text.n = 0;
		}
		charset = w.charset;
		out_add(&text, word_octets(m, &w));
		s = str_skip(s, w.n);
		s = str_skip(s, blank_between(s));
	}
	if (text.n)
		out_add(&o, view_normalize(m, out_str(&text), charset_alone(charset), true).s);
	return out_str(&o);
}

str view_decode_words(struct scan_mail *m, str value, str name)
{
	struct out o;

	if (value.n && (str_find(value, '\n') < value.n)) {
		if (!view_out(m, &o, value.n))
			return STR("");
		for (size_t i = 0; i < value.n; i++) {
			if (value.p[i] == '\n') {
				if (i + 1 < value.n && value.p[i + 1] == '\t') {
					out_c(&o, ' ');
					i++;
				}
			} else if (value.p[i] != '\r' || i + 1 == value.n ||
				   value.p[i + 1] != '\n') {
				out_c(&o, value.p[i]);
			}
		}
		value = out_str(&o);
	}
	if (!str_ascii(value))
		value = view_normalize(m, value, STR("UTF-8"), false).s;
	if (stays_encoded(name) || str_search(value, STR("=?")) == value.n)
		return value;
	return decode(m, value);
}
