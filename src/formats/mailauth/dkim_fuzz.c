/* The first octet says what the rest is: DKIM-Signature, ARC-Message-Signature, ARC-Seal (what was
 * read of one is written and read again) or a key record. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/mailauth/dkim.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { NAMES = LIM_DKIM_NAMES };

static void write_again(const struct dkim_signature *s, enum dkim_kind kind, struct arena *a)
{
	struct dkim_signature again;
	struct buf out;
	str names[NAMES], rest = s->names;
	struct dkim_writing w = { .algorithm = s->algorithm,
				  .relaxed_header = s->relaxed_header,
				  .relaxed_body = s->relaxed_body,
				  .domain = s->domain,
				  .selector = s->selector,
				  .identity = s->identity,
				  .names = names,
				  .time = s->time,
				  .expires = s->expires,
				  .bh = s->bh,
				  .instance = s->instance,
				  .chain = s->chain };

	while (w.nnames < NAMES && dkim_next_name(&rest, &names[w.nnames]))
		w.nnames++;
	buf_init(&out, KIB(256));
	dkim_write(&out, kind, &w);
	dkim_write_b(&out, s->b);
	struct canon_field f = { STR(""), buf_str(&out) };

	if (out.n > LIM_DKIM_FIELD) {
		buf_free(&out);
		return;
	}
	if (buf_done(&out) != OK || dkim_parse(canon_value(&f), kind, a, &again) != OK ||
	    again.algorithm != s->algorithm || !str_eq(again.b, s->b) ||
	    !str_eq(again.domain, s->domain) || !str_eq(again.identity, s->identity) ||
	    again.instance != s->instance || again.time != s->time)
		abort();
	if (!dkim_without_b(&f, &again, a).p)
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dkim_signature s;
	struct dkim_key key;
	struct arena a;

	if (!n || n > KIB(64))
		return 0;
	arena_init(&a, MIB(16));
	str text = str_of(p + 1, n - 1);
	enum dkim_kind kind = (enum dkim_kind)(p[0] % 4);

	if (p[0] % 4 == 3)
		(void)!dkim_parse_key(text, &a, &key);
	else if (dkim_parse(text, kind, &a, &s) == OK)
		write_again(&s, kind, &a);
	(void)dkim_instance(text);
	arena_free(&a);
	return 0;
}
