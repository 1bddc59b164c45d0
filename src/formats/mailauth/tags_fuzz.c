/* Any text as a list of tags: what was parsed is printed and parsed again. */
#include <stdlib.h>

#include "formats/mailauth/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void print(const struct tags *t, struct buf *out)
{
	buf_init(out, MIB(1));
	for (size_t i = 0; i < t->n; i++)
		buf_fmt(out, "%.*s=%.*s;", STRF(t->v[i].name), STRF(t->v[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct tags t, again;
	struct buf b;

	if (n > KIB(64) || tags_parse(str_of(p, n), &t) != OK)
		return 0;
	print(&t, &b);
	if (buf_done(&b) != OK || (t.n && tags_parse(buf_str(&b), &again) != OK))
		abort();
	for (size_t i = 0; i < t.n; i++)
		if (!str_eq(t.v[i].name, again.v[i].name) ||
		    !str_eq(t.v[i].value, again.v[i].value))
			abort();
	buf_free(&b);
	return 0;
}
