#include "base/arena.h"
#include "base/date.h"
#include "base/enc.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

TEST(str_numbers)
{
	static const struct {
		str in;
		uint64_t max, want;
		err e;
	} rows[] = {
		{ S("0"), 10, 0, OK },
		{ S("10"), 10, 10, OK },
		{ S("11"), 10, 0, E_LIMIT },
		{ S(""), 10, 0, E_SYNTAX },
		{ S("1x"), 10, 0, E_SYNTAX },
		{ S("-1"), 10, 0, E_SYNTAX },
		{ S("18446744073709551615"), UINT64_MAX, UINT64_MAX, OK },
		{ S("18446744073709551616"), UINT64_MAX, 0, E_LIMIT },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t v = 0;

		CHECK_ROW(i, str_u64(rows[i].in, rows[i].max, &v) == rows[i].e);
		CHECK_ROW(i, v == rows[i].want);
	}
}

TEST(str_pieces)
{
	str rest = STR("a,,b"), piece;
	str want[] = { STR("a"), STR(""), STR("b") };
	size_t n = 0;

	while (str_next(&rest, ',', &piece)) {
		CHECK(n < 3);
		CHECK_STR(piece, want[n++]);
	}
	CHECK(n == 3);
	rest = STR("  RCPT  TO:x ");
	CHECK(str_word(&rest, &piece));
	CHECK_STR(piece, STR("RCPT"));
	CHECK(str_word(&rest, &piece));
	CHECK_STR(piece, STR("TO:x"));
	CHECK(!str_word(&rest, &piece));
	CHECK(str_searchi(STR("abCDe"), STR("cd")) == 2);
	CHECK(str_eqi(STR("QuIt"), STR("QUIT")) && !str_eqi(STR("QUI"), STR("QUIT")));
	CHECK_STR(str_trim_ws(STR(" \r\nx \n")), STR("x"));
}

TEST(buf_keeps_its_maximum)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 10);
	buf_fmt(&b, "%s", "12345");
	CHECK_OK(buf_done(&b));
	buf_add(&b, STR("678901"));
	CHECK(buf_done(&b) == E_LIMIT);
	CHECK_STR(buf_str(&b), STR("12345"));
	buf_add(&b, STR("x"));
	CHECK(b.n == 5); /* the first failure sticks */
	buf_reset(&b);
	buf_add(&b, STR("1234567890"));
	CHECK_OK(buf_done(&b));
	buf_eat(&b, 8);
	CHECK_STR(buf_str(&b), STR("90"));
}

TEST(records_round_trip)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 1000);
	buf_u8(&b, 200);
	buf_u32(&b, 0xdeadbeef);
	buf_u64(&b, UINT64_MAX - 1);
	buf_varint(&b, 300);
	buf_varint(&b, UINT64_MAX);
	buf_lstr(&b, STR("hello"));
	struct cur c = { .rest = buf_str(&b) };

	CHECK(cur_u8(&c) == 200);
	CHECK(cur_u32(&c) == 0xdeadbeef);
	CHECK(cur_u64(&c) == UINT64_MAX - 1);
	CHECK(cur_varint(&c) == 300);
	CHECK(cur_varint(&c) == UINT64_MAX);
	CHECK_STR(cur_lstr(&c), STR("hello"));
	CHECK(c.e == OK && c.rest.n == 0);
	CHECK(cur_u8(&c) == 0 && c.e == E_CORRUPT);
}

TEST(arena_marks_and_limits)
{
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, 10000);
	struct arena_mark m = arena_mark(&a);

	for (int i = 0; i < 9; i++)
		CHECK(arena_try(&a, 1000, 8));
	CHECK(!arena_try(&a, 1001, 8));
	arena_release(&a, m);
	char *p = arena_try(&a, 5000, 16);

	CHECK(p && (uintptr_t)p % 16 == 0 && p[0] == 0 && p[4999] == 0);
	arena_reset(&a);
	CHECK_STR(arena_fmt(&a, "%d-%s", 7, "x"), STR("7-x"));
	CHECK(!NEW_TRY(&a, uint64_t, SIZE_MAX / 4));
}

TEST(map_holds_many)
{
	CLEANUP(map_free) struct map m;
	static int values[3000];

	map_init(&m);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT(values); i++) {
			char key[16];
			int n = snprintf(key, sizeof(key), "k%zu", i);

			CHECK(map_put(&m, str_of(key, (size_t)n), &values[i]) ==
			      (round && i % 2 ? &values[i] : NULL));
		}
		CHECK(m.n == COUNT(values));
		for (size_t i = 0; i < COUNT(values); i += 2) {
			char key[16];
			int n = snprintf(key, sizeof(key), "k%zu", i);

			CHECK(map_get(&m, str_of(key, (size_t)n)) == &values[i]);
			CHECK(map_remove(&m, str_of(key, (size_t)n)) == &values[i]);
			CHECK(!map_get(&m, str_of(key, (size_t)n)));
		}
		CHECK(m.n == COUNT(values) / 2);
	}
	size_t seen = 0;
	str key;
	void *value;

	for (size_t at = 0; map_each(&m, &at, &key, &value);)
		seen++;
	CHECK(seen == m.n);
}

TEST(list_order)
{
	struct link head, a, b;

	list_init(&head);
	CHECK(!list_pop(&head));
	list_add_tail(&head, &a);
	list_add_head(&head, &b);
	CHECK(list_pop(&head) == &b && list_pop(&head) == &a && list_empty(&head));
}

TEST(base64_rfc4648)
{
	static const struct {
		str plain, coded;
	} rows[] = {
		{ S(""), S("") },	 { S("f"), S("Zg==") },		 { S("fo"), S("Zm8=") },
		{ S("foo"), S("Zm9v") }, { S("foobar"), S("Zm9vYmFy") },
	};
	static const str bad[] = { S("Zg="),   S("Zg"),	   S("Zh=="),	 S("Z==="),
				   S("Zm9v="), S("Zm 9v"), S("Zg==Zg==") };
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		enc_base64(&b, rows[i].plain);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].coded);
		buf_reset(&b);
		CHECK_ROW(i, dec_base64(&b, rows[i].coded) == OK);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].plain);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		buf_reset(&b);
		CHECK_ROW(i, dec_base64(&b, bad[i]) == E_SYNTAX);
	}
}

TEST(hex_and_xtext)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 100);
	enc_hex(&b, STR("\x00\xffz"));
	CHECK_STR(buf_str(&b), STR("00ff7a"));
	buf_reset(&b);
	CHECK_OK(dec_hex(&b, STR("00fF7A")));
	CHECK_STR(buf_str(&b), STR("\x00\xffz"));
	buf_reset(&b);
	enc_xtext(&b, STR("a+b=c d"));
	CHECK_STR(buf_str(&b), STR("a+2Bb+3Dc+20d"));
	buf_reset(&b);
	CHECK_OK(dec_xtext(&b, STR("a+2Bb")));
	CHECK_STR(buf_str(&b), STR("a+b"));
	CHECK(dec_xtext(&b, STR("a+2")) == E_SYNTAX);
}

TEST(utf8_rfc3629)
{
	static const str good[] = { S("a"), S("\xc3\xa9"), S("\xe2\x82\xac"),
				    S("\xf0\x9f\x98\x80") };
	static const str bad[] = { S("\xc0\x80"), S("\xed\xa0\x80"), S("\xf4\x90\x80\x80"),
				   S("\xe2\x82"), S("\x80") };
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < COUNT(good); i++) {
		str s = good[i];

		CHECK_ROW(i, utf8_valid(s));
		buf_reset(&b);
		utf8_add(&b, utf8_next(&s));
		CHECK_STR_ROW(i, buf_str(&b), good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK_ROW(i, !utf8_valid(bad[i]));
}

/* What others sent must not speak to the operator's terminal. */
TEST(utf8_shown)
{
	static const struct {
		str in, out;
	} rows[] = {
		{ S("ana@demo.test"), S("ana@demo.test") },
		{ S("jos\xc3\xa9 \xe2\x82\xac"), S("jos\xc3\xa9 \xe2\x82\xac") },
		{ S("\x1b[2J\r\n\x7f"), S("?[2J???") },
		{ S("\xc2\x9b"
		    "31m"),
		  S("?31m") }, /* C1: CSI as one code point */
		{ S("\x9b"
		    "31m"),
		  S("?31m") }, /* the same in Latin-1 */
		{ S("a\xe2\x80\xae"
		    "b"),
		  S("a?b") }, /* U+202E turns the line */
	};
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		utf8_add_shown(&b, rows[i].in);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
	}
}

TEST(hash_vectors)
{
	uint8_t key[16];
	char in[15];

	for (unsigned i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	for (unsigned i = 0; i < 15; i++)
		in[i] = (char)i;
	CHECK(hash_sip(key, str_of(in, 15)) ==
	      0xa129ca6149be45e5); /* the SipHash paper, appendix A */
	CHECK(hash_crc32c(0, STR("123456789")) == 0xe3069283);
}

TEST(dates)
{
	CLEANUP(buf_free) struct buf b;
	static const int64_t rows[] = { 0, 951782400, 1795305600, -1, 4102444800 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct date d = date_of(rows[i], -180);

		CHECK_ROW(i, date_seconds(&d) == rows[i]);
	}
	buf_init(&b, 100);
	date_add_rfc5322(&b, 0, -210);
	CHECK_STR(buf_str(&b), STR("Wed, 31 Dec 1969 20:30:00 -0330"));
	buf_reset(&b);
	date_add_imap(&b, 951782400, 0);
	CHECK_STR(buf_str(&b), STR("29-Feb-2000 00:00:00 +0000"));
	CHECK(date_month(STR("nov")) == 11 && date_month(STR("x")) == 0);
}
