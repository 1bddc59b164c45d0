/* Any message: in one piece and in pieces of the first octet's length the body gives the same, and
 * what came out gives itself again. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/mailauth/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void add(void *arg, str s)
{
	buf_add(arg, s);
}

static void form(str body, bool relaxed, size_t piece, struct buf *out)
{
	struct canon_body c;

	buf_init(out, MIB(16));
	canon_body_begin(&c, relaxed, (struct canon_sink){ add, out });
	for (; body.n; body = str_skip(body, piece))
		canon_body_add(&c, str_take(body, piece));
	canon_body_end(&c);
}

static void check_body(str body, bool relaxed, size_t piece)
{
	struct buf whole, pieces, again;

	form(body, relaxed, SIZE_MAX, &whole);
	form(body, relaxed, piece, &pieces);
	form(buf_str(&whole), relaxed, SIZE_MAX, &again);
	if (!str_eq(buf_str(&whole), buf_str(&pieces)) || !str_eq(buf_str(&whole), buf_str(&again)))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&again);
}

static void check_header(str message)
{
	struct canon_message m;
	struct arena a;
	struct buf out;

	arena_init(&a, MIB(4));
	buf_init(&out, MIB(4));
	if (canon_split(message, &a, &m) == OK)
		for (size_t i = 0; i < m.n; i++) {
			canon_field(&m.fields[i], true, false, (struct canon_sink){ add, &out });
			canon_field(&m.fields[i], false, true, (struct canon_sink){ add, &out });
		}
	buf_free(&out);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (!n || n > KIB(64))
		return 0;
	check_body(str_of(p + 1, n - 1), false, (size_t)p[0] + 1);
	check_body(str_of(p + 1, n - 1), true, (size_t)p[0] + 1);
	check_header(str_of(p + 1, n - 1));
	return 0;
}
