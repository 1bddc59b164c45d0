/* Fields that a message brings along and only we may write. */
#include "services/verdict/verdict.h"

#include <string.h>

#include "formats/mime/lex.h"

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

/* RFC 8601 2.2: the authserv-id comes first, behind comments. One that cannot be read is taken for
 * ours: nobody can say whose it is. A name below ours may be another machine of ours. */
static bool claims_to_be(str value, str hostname)
{
	CLEANUP(buf_free) struct buf b;
	str id;

	buf_init(&b, 1024);
	if (!mime_skip_cfws(&value, NULL))
		return true;
	if (mime_peek(value) == '"') {
		if (!mime_quoted(&value, &b))
			return true;
		id = buf_str(&b);
	} else {
		id = mime_run(&value, STR(";("));
	}
	return !id.n || str_eqi(id, hostname) ||
	       (str_endsi(id, hostname) && id.p[id.n - hostname.n - 1] == '.');
}

static bool is_forged(str field, str hostname)
{
	str name, value;

	if (!str_cut(field, ':', &name, &value))
		return false;
	name = str_trim_ws(name); /* RFC 5322 4.5: white space before the colon */
	if (str_startsi(name, STR("X-Spam-")) || str_startsi(name, STR("X-Spamd-")))
		return true;
	return str_eqi(name, STR("Authentication-Results")) && claims_to_be(value, hostname);
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
