/* Any value of Authentication-Results: what was understood, written and read again, is the same. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/mailauth/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What the writer keeps as it is. */
static bool kept(str s)
{
	return s.n && s.n <= 200 && str_printable(s);
}

static void check_again(const struct authres *r, struct arena *a)
{
	struct buf b;
	struct authres again;

	buf_init(&b, MIB(1));
	struct authres_writer w = authres_begin(&b, r->id);

	for (size_t i = 0; i < r->n; i++) {
		authres_method(&w, "x", "pass");
		authres_reason(&w, r->results[i].reason);
		for (size_t k = 0; k < r->results[i].nprops; k++)
			authres_prop(&w, "header.d", r->results[i].props[k].value);
	}
	authres_end(&w);
	str field = str_skip(buf_str(&b), str_find(buf_str(&b), ':') + 1);

	if (buf_done(&b) == OK) {
		if (authres_parse(field, a, &again) != OK || again.n != r->n)
			abort();
		if (kept(r->id) && !str_eq(again.id, r->id))
			abort();
		for (size_t i = 0; i < r->n; i++)
			if (kept(r->results[i].reason) &&
			    !str_eq(again.results[i].reason, r->results[i].reason))
				abort();
	}
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct authres r;
	str value = str_of(p, n);

	arena_init(&a, MIB(8));
	if (authres_parse(value, &a, &r) == OK) {
		check_again(&r, &a);
		/* Nobody reads our name in it and is not seen to claim it. */
		if (r.id.n < 500 && !authres_claims(STR("Authentication-Results"), value, r.id))
			abort();
	}
	arena_free(&a);
	return 0;
}
