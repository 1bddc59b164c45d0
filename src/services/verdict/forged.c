/* Fields that a message brings along and only we may write. */
#include "services/verdict/verdict.h"

#include "formats/mailauth/authres.h"

/* The line at the start of s with its end. */
static str line_of(str s)
{
	size_t n = str_find(s, '\n');

	return str_take(s, n < s.n ? n + 1 : s.n);
}

static bool is_empty(str line)
{
	return str_eq(line, STR("\r\n")) || str_eq(line, STR("\n"));
}

/* A field with its continuation lines, RFC 5322 2.2.3. */
static str field_of(str s)
{
	size_t n = line_of(s).n;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n += line_of(str_skip(s, n)).n;
	return str_take(s, n);
}

size_t verdict_header_size(str message)
{
	size_t at = 0;

	while (at < message.n) {
		str line = line_of(str_skip(message, at));

		at += line.n;
		if (is_empty(line))
			break;
	}
	return at;
}

static bool is_forged(str field, str hostname)
{
	str name, value;

	if (!str_cut(field, ':', &name, &value))
		return false;
	name = str_trim_ws(name); /* RFC 5322 4.5: white space before the colon */
	if (str_startsi(name, STR("X-Spam-")) || str_startsi(name, STR("X-Spamd-")))
		return true;
	return authres_claims(name, value, hostname);
}

bool verdict_has_forged(str header, str hostname)
{
	for (str f; header.n; header = str_skip(header, f.n)) {
		f = field_of(header);
		if (is_forged(f, hostname))
			return true;
	}
	return false;
}

void verdict_add_clean(struct buf *out, str header, str hostname)
{
	for (str f; header.n; header = str_skip(header, f.n)) {
		f = field_of(header);
		if (!is_forged(f, hostname))
			buf_add(out, f);
	}
}
