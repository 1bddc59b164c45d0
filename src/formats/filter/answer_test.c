#include "formats/filter/answer.h"

#include <string.h>

#include "base/limits.h"
#include "base/test.h"

TEST(filter_answer_read)
{
	static const struct {
		str in;
		err want;
		double score;
		size_t symbols, recipients;
		str action, virus;
	} rows[] = {
		/* as rspamd 3.4 writes it */
		{ S("{\"is_skipped\":false,\"score\":5.5,\"required_score\":15.0,\"action\":\"add "
		    "header\",\"symbols\":{\"MISSING_DATE\":{\"name\":\"MISSING_DATE\",\"score\":1."
		    "0,\"metric_score\":1.0,\"description\":\"d\"},\"CLAM_VIRUS\":{\"name\":\"CLAM_"
		    "VIRUS\",\"score\":4.5,\"options\":[\"Eicar\"]}},\"messages\":{},\"message-"
		    "id\":\"a@b\",\"time_real\":0.01}"),
		  OK, 5.5, 2, 0, S("add header"), S("Eicar") },
		{ S("{\"score\":0,\"recipients\":[{\"address\":\"a@b\",\"place\":\"inbox\","
		    "\"score\":2}]}"),
		  OK, 0, 0, 1, S(""), S("") },
		{ S("{\"score\":1e300}"), OK, 1e6, 0, 0, S(""), S("") },
		/* types that are not what they should be are nothing */
		{ S("{\"score\":1,\"symbols\":[1,2],\"recipients\":{\"a\":1},\"action\":7,"
		    "\"steps\":[]}"),
		  OK, 1, 0, 0, S(""), S("") },
		{ S("{\"score\":1,\"symbols\":{\"A\":3}}"), OK, 1, 1, 0, S(""), S("") },
		{ S("{\"score\":\"1\"}"), E_SYNTAX, 0, 0, 0, S(""), S("") },
		{ S("{\"symbols\":{}}"), E_SYNTAX, 0, 0, 0, S(""), S("") },
		{ S("[]"), E_SYNTAX, 0, 0, 0, S(""), S("") },
		{ S(""), E_SYNTAX, 0, 0, 0, S(""), S("") },
		{ S("{\"score\":1}x"), E_SYNTAX, 0, 0, 0, S(""), S("") },
		{ S("{\"a\":\"\xff\",\"score\":1}"), E_SYNTAX, 0, 0, 0, S(""), S("") },
		/* brackets in a text do not count */
		{ S("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[\",\"score\":1}"), OK, 1, 0, 0,
		  S(""), S("") },
		{ S("{\"a\":[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]],\"score\":1}"), E_LIMIT,
		  0, 0, 0, S(""), S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		struct filter_answer f = { 0 };

		arena_init(&a, MIB(1));
		CHECK_ROW(i, filter_answer_parse(rows[i].in, &a, &f) == rows[i].want);
		if (rows[i].want != OK)
			continue;
		CHECK_ROW(i, f.score == rows[i].score);
		CHECK_ROW(i, f.nsymbols == rows[i].symbols);
		CHECK_ROW(i, f.nrecipients == rows[i].recipients);
		CHECK_STR_ROW(i, f.action, rows[i].action);
		CHECK_STR_ROW(i, f.virus, rows[i].virus);
	}
}

TEST(filter_answer_round)
{
	struct filter_symbol symbols[] = { { STR("A"), STR("with \"quotes\"\n"), 1.5 },
					   { STR("B_2"), STR(""), -0.25 } };
	struct filter_recipient rcpts[] = { { STR("a@b.example"), STR("spam"), 6.5 } };
	struct filter_step steps[] = { { STR("rules"), 1.25 } };
	const struct filter_answer f = { .score = 1.25,
					 .required = 5,
					 .action = STR("no action"),
					 .symbols = symbols,
					 .nsymbols = 2,
					 .recipients = rcpts,
					 .nrecipients = 1,
					 .auth_results = STR("mx; spf=pass"),
					 .virus = STR("Eicar"),
					 .dangerous = STR("a.exe"),
					 .incomplete = true,
					 .message_id = STR("x@y"),
					 .steps = steps,
					 .nsteps = 1 };
	CLEANUP(buf_free) struct buf b, again;
	CLEANUP(arena_free) struct arena a;
	struct filter_answer got;

	arena_init(&a, MIB(1));
	buf_init(&b, MIB(1));
	buf_init(&again, MIB(1));
	filter_answer_print(&f, &b);
	CHECK_OK(filter_answer_parse(buf_str(&b), &a, &got));
	CHECK_STR(got.symbols[0].text, symbols[0].text);
	CHECK_STR(got.auth_results, f.auth_results);
	CHECK(got.incomplete && got.nsteps == 1);
	filter_answer_print(&got, &again);
	CHECK_STR(buf_str(&again), buf_str(&b));
}

/* What a rule's text holds need not be UTF-8; the answer is. */
TEST(filter_answer_octets)
{
	struct filter_symbol s = { STR("A"), STR("\xff\x01"), 1 };
	const struct filter_answer f = { .symbols = &s, .nsymbols = 1 };
	CLEANUP(buf_free) struct buf b;
	CLEANUP(arena_free) struct arena a;
	struct filter_answer got;

	arena_init(&a, MIB(1));
	buf_init(&b, MIB(1));
	filter_answer_print(&f, &b);
	CHECK_OK(filter_answer_parse(buf_str(&b), &a, &got));
	CHECK_STR(got.symbols[0].text, STR("\xef\xbf\xbd\x01"));
}
