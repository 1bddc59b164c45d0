/* Any text as an SPF record: what it takes can be expanded, and what is said of a name holds. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/mailauth/spf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void expand(str spec, const struct spf_macros *m, bool name)
{
	struct buf out;

	buf_init(&out, LIM_SPF_EXPANDED);
	err e = name ? spf_expand_name(spec, m, &out) : spf_expand_text(spec, m, &out);

	/* What the parser let through is well-formed. */
	if (name && (e == E_SYNTAX || (e == OK && out.n > LIM_SPF_NAME)))
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct spf_record r;
	str text = str_of(p, n);
	struct spf_macros m = { .local = str_take(text, 40),
				.sender = STR("b.example"),
				.domain = str_take(str_skip(text, 10), 300),
				.helo = STR("h.b.example"),
				.ip = STR("192.0.2.1"),
				.validated = STR("unknown"),
				.shown = STR("192.0.2.1"),
				.receiver = STR("mx.example") };

	arena_init(&a, MIB(1));
	expand(text, &m, false);
	if (spf_is_record(text) && spf_parse(text, &a, &r) == OK) {
		for (size_t i = 0; i < r.n; i++) {
			if (r.terms[i].bits4 > 32 || r.terms[i].bits6 > 128)
				abort();
			if (r.terms[i].domain.p)
				expand(r.terms[i].domain, &m, true);
		}
		if (r.redirect.p)
			expand(r.redirect, &m, true);
	}
	arena_free(&a);
	return 0;
}
