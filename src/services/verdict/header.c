/* The header fields that tell a recipient's programs what was found. */
#include "base/limits.h"
#include "services/verdict/word.h"

enum { LINE = 78, TAB = 8, STARS = 50 };

static bool is_spam(const struct verdict_choice *c)
{
	return c->place != VERDICT_INBOX;
}

/* Rules' names are letters, digits and underscores; a foreign filter's have some more. */
static void add_name(struct buf *out, str name)
{
	name = str_take(name, LIM_SPAM_TEST);
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		buf_addc(out, ch_alnum(c) || str_find(STR("_.-"), c) < 3 ? c : '_');
	}
}

/* "\ttests=A,B,\r\n\tC": a comma between, a line break where the line is full. */
static void add_tests(struct buf *out, const struct verdict_symbol *v, size_t n)
{
	size_t column = TAB + 6;

	buf_add(out, STR("\ttests="));
	if (!n)
		buf_add(out, STR("none"));
	for (size_t i = 0; i < n && i < LIM_SPAM_TESTS; i++) {
		size_t width = (v[i].name.n < LIM_SPAM_TEST ? v[i].name.n : LIM_SPAM_TEST) + 1;

		if (i)
			buf_addc(out, ',');
		if (i && column + width > LINE) {
			buf_add(out, STR("\r\n\t"));
			column = TAB;
		}
		add_name(out, v[i].name);
		column += width;
	}
	buf_add(out, STR("\r\n"));
}

static void add_status(struct buf *out, const struct verdict_message *m,
		       const struct verdict_choice *c, const struct verdict_symbol *v, size_t n)
{
	static const struct verdict_symbol away = { S("NOT_SCANNED"), 0 };

	buf_fmt(out, "X-Spam-Status: %s, score=%.1f required=%.1f\r\n", is_spam(c) ? "Yes" : "No",
		m->score, c->tag);
	add_tests(out, m->scanned ? v : &away, m->scanned ? n : 1);
}

void verdict_add_header(struct buf *out, const struct verdict_message *m,
			const struct verdict_choice *c, const struct verdict_symbol *v, size_t n)
{
	if (is_spam(c))
		buf_add(out, STR("X-Spam-Flag: YES\r\n"));
	add_status(out, m, c, v, n);
	buf_fmt(out, "X-Spam-Score: %.1f\r\n", m->score);
	buf_add(out, STR("X-Spam-Level: "));
	for (int i = 1; i <= STARS && i <= m->score; i++)
		buf_addc(out, '*');
	buf_add(out, STR("\r\n"));
	buf_fmt(out, "X-Spam-Place: %s (%s)\r\n", verdict_place_name(c->place),
		verdict_why_name(c->why));
}

/* Octets of a header field's value, RFC 5322 2.2; RFC 6532 3.2 adds those above. */
static bool fit_for_field(str value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
			return false;
	}
	return value.n <= LIM_AUTH_RESULTS;
}

void verdict_add_auth_results(struct buf *out, str value)
{
	str word;
	size_t line = sizeof("Authentication-Results:") - 1;

	value = str_trim_ws(value);
	if (!value.n || !fit_for_field(value))
		return;
	buf_add(out, STR("Authentication-Results:"));
	/* Words alone are taken, folded anew: no line break of the filter's gets through. */
	for (str rest = value; verdict_word(&rest, &word);) {
		if (line + word.n >= LINE && line > TAB) {
			buf_add(out, STR("\r\n\t"));
			line = TAB;
		} else {
			buf_addc(out, ' ');
			line++;
		}
		buf_add(out, word);
		line += word.n;
	}
	buf_add(out, STR("\r\n"));
}
