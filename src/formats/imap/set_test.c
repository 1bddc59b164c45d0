#include "formats/imap/set.h"

#include "base/test.h"

static void resolved(struct arena *a, str in, uint32_t max, struct buf *out)
{
	struct imap_in i = { in, a };
	struct imap_set s;

	buf_reset(out);
	if (imap_parse_set(&i, &s) || !imap_at_end(&i)) {
		buf_add(out, STR("error"));
		return;
	}
	imap_set_resolve(&s, max);
	for (size_t k = 0; k < s.n; k++)
		buf_fmt(out, k ? ",%u:%u" : "%u:%u", s.v[k].lo, s.v[k].hi);
}

TEST(imap_set)
{
	static const struct {
		str in;
		uint32_t max;
		str want;
	} rows[] = {
		{ S("1"), 9, S("1:1") },
		{ S("2,4:7,9,12:*"), 15, S("2:2,4:7,9:9,12:15") }, /* 9051 9 */
		{ S("5:3"), 9, S("3:5") },			   /* 9051 9: either order */
		{ S("*:4,5:7"), 10, S("4:10") },		   /* 9051 9 */
		{ S("100:*"), 5, S("5:100") }, /* 9051 6.4.9: holds the last one */
		{ S("1:4294967295"), 5, S("1:4294967295") },
		{ S("1:2,2:3,4"), 9, S("1:4") },
		{ S("*"), 0, S("") },
		{ S("1:*"), 0, S("") },
		{ S("0"), 9, S("error") },
		{ S("1:0"), 9, S("error") },
		{ S("4294967296"), 9, S("error") },
		{ S(""), 9, S("error") },
		{ S("1,"), 9, S("error") },
		{ S("1:2:3"), 9, S("error") },
		{ S("a"), 9, S("error") },
	};
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf out;

	arena_init(&a, KIB(64));
	buf_init(&out, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		resolved(&a, rows[i].in, rows[i].max, &out);
		CHECK_STR_ROW(i, buf_str(&out), rows[i].want);
	}
}

TEST(imap_set_too_many)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	struct imap_set s;

	arena_init(&a, MIB(1));
	buf_init(&b, MIB(1));
	for (int i = 0; i < LIM_IMAP_SET + 1; i++)
		buf_add(&b, i ? STR(",1") : STR("1"));
	struct imap_in in = { buf_str(&b), &a };
	CHECK(imap_parse_set(&in, &s) == E_LIMIT);
}

TEST(imap_set_has)
{
	struct imap_range v[] = { { 2, 2 }, { 4, 7 }, { 100, UINT32_MAX } };
	struct imap_set s = { v, COUNT(v), false };
	static const uint32_t in[] = { 2, 4, 5, 7, 100, UINT32_MAX }, out[] = { 1, 3, 8, 99 };

	for (size_t i = 0; i < COUNT(in); i++)
		CHECK_ROW(i, imap_set_has(&s, in[i]));
	for (size_t i = 0; i < COUNT(out); i++)
		CHECK_ROW(i, !imap_set_has(&s, out[i]));
}

TEST(imap_numbers)
{
	static const uint32_t v[] = { 1, 2, 3, 7, 9, 10 };
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 100);
	imap_add_numbers(&b, v, COUNT(v));
	CHECK_STR(buf_str(&b), STR("1:3,7,9:10"));
}
