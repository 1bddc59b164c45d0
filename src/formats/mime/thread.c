#include "formats/mime/thread.h"

#include <string.h>

#include "base/limits.h"
#include "formats/mime/lex.h"

#define SUBJECT_LOOK                                                                               \
	KIB(2) /* octets of a subject that count: marks can be nested, each costs a pass */

/* RFC 5256 5: subj-blob, "[...]" and the white space behind it. 0 when there is none at the start.
 */
static size_t blob(str s)
{
	size_t n = 1;

	if (mime_peek(s) != '[')
		return 0;
	while (n < s.n && s.p[n] != '[' && s.p[n] != ']')
		n++;
	if (n == s.n || s.p[n] != ']')
		return 0;
	n++;
	while (n < s.n && mime_ws(s.p[n]))
		n++;
	return n;
}

/* RFC 5256 5: subj-refwd, ("re" / ("fw" ["d"])) *WSP [subj-blob] ":". */
static size_t mark(str s)
{
	static const str words[] = { S("fwd"), S("re"), S("fw") };
	size_t n = 0;

	for (size_t i = 0; i < COUNT(words) && !n; i++)
		if (str_startsi(s, words[i]))
			n = words[i].n;
	if (!n)
		return 0;
	while (n < s.n && mime_ws(s.p[n]))
		n++;
	n += blob(str_skip(s, n));
	return n < s.n && s.p[n] == ':' ? n + 1 : 0;
}

/* Step 2: "(fwd)" and white space at the end. */
static bool trim_end(str *s)
{
	bool was = false;

	for (;;) {
		*s = str_trim_ws(*s);
		if (!str_endsi(*s, STR("(fwd)")))
			return was;
		s->n -= 5;
		was = true;
	}
}

/* Step 3: subj-leader, *subj-blob subj-refwd / WSP. Each pass takes something or ends; the blobs
 * before a mark are looked at once, since without a mark none of them goes here. */
static bool trim_leaders(str *s)
{
	bool was = false;

	for (;;) {
		str at = str_trim_ws(*s);
		size_t n;

		*s = at;
		while ((n = blob(at)) > 0)
			at = str_skip(at, n);
		n = mark(at);
		if (!n)
			return was;
		*s = str_skip(at, n);
		was = true;
	}
}

/* Step 4: a blob at the front goes, as long as something is left. */
static bool trim_blob(str *s)
{
	size_t n = blob(*s);

	if (!n || n >= s->n)
		return false;
	*s = str_skip(*s, n);
	return true;
}

/* Step 6: "[fwd: ...]" around all of it. */
static bool unwrap(str *s)
{
	if (!str_startsi(*s, STR("[fwd:")) || !str_ends(*s, STR("]")))
		return false;
	*s = str_skip(*s, 5);
	s->n--;
	return true;
}

static void add_smooth(struct buf *out, str s)
{
	bool space = false;

	for (size_t i = 0; i < s.n; i++) {
		if (!mime_ws(s.p[i]))
			buf_addc(out, s.p[i]);
		else if (!space)
			buf_addc(out, ' ');
		space = mime_ws(s.p[i]);
	}
}

bool mime_base_subject(struct buf *out, str subject)
{
	bool reply = false;
	str s = str_take(str_trim_ws(subject), SUBJECT_LOOK);

	do {
		reply |= trim_end(&s);
		do
			reply |= trim_leaders(&s);
		while (trim_blob(&s));
	} while (unwrap(&s) && (reply = true));
	add_smooth(out, s);
	return reply;
}

static str without_ws(struct arena *a, str s)
{
	size_t n = 0;

	s = str_trim_ws(s);
	while (n < s.n && !mime_ws(s.p[n]))
		n++;
	if (n == s.n)
		return s;
	char *p = arena_try(a, s.n, 1);

	n = 0;
	for (size_t i = 0; p && i < s.n; i++)
		if (!mime_ws(s.p[i]))
			p[n++] = s.p[i];
	return p ? (str){ p, n } : STR("");
}

/* A value without brackets: words that look like ids. */
static bool next_word(str *rest, str *id)
{
	while (rest->n) {
		while (mime_ws(mime_peek(*rest)))
			*rest = str_skip(*rest, 1);
		*id = mime_run(rest, STR(""));
		if (str_find(*id, '@') < id->n)
			return true;
	}
	return false;
}

bool mime_next_id(struct arena *a, str *rest, str *id)
{
	if (str_find(*rest, '<') == rest->n)
		return next_word(rest, id);
	while (rest->n) {
		str inside = str_skip(*rest, str_find(*rest, '<') + 1);
		size_t to = str_find(inside, '>');
		str text = str_take(inside, to);
		size_t again = str_rfind(text, '<');

		*rest = str_skip(inside, to + 1);
		/* Words behind the last bracket are no ids. */
		if (str_find(*rest, '<') == rest->n)
			*rest = STR("");
		if (to == inside.n)
			return false;
		*id = without_ws(a, again < text.n ? str_skip(text, again + 1) : text);
		if (id->n)
			return true;
	}
	return false;
}
