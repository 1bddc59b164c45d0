#include "services/learning/models.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"

#define DAY 86400
#define NOW ((int64_t)1795000000)

static const char SPAM[] =
	"From: Prize Office <win@lottery.example>\nTo: ana@demo.test\n"
	"Subject: You WON the lottery!\nContent-Type: text/html\n\n"
	"<html><body><font size=7>Claim your million dollars now</font> "
	"<a href=\"http://claim.lottery.example/prize\">claim</a></body></html>\n";
static const char HAM[] = "From: Bruno <bruno@friends.example>\nTo: ana@demo.test\n"
			  "Subject: dinner on friday\nContent-Type: text/plain\n\n"
			  "Shall we meet at eight? Bring the children along.\n";

static struct learning_features features(struct arena *a, const char *text)
{
	static const struct scan_envelope env = { .now = NOW };
	struct learning_features f;

	learning_features(scan_mail_new(a, str_z(text), &env, NULL), &f);
	return f;
}

static double points(const char *text, str model)
{
	struct learning_start start;
	struct learning_judgement j;
	struct arena a;

	arena_init(&a, MIB(16));
	learning_shipped(&start);
	struct learning_features f = features(&a, text);

	learning_judge(&start, model, &f, &j);
	arena_free(&a);
	return j.points;
}

static str teach(struct arena *a, str model, const char *text, bool spam, int64_t at)
{
	struct learning_start start;
	struct learning_features f = features(a, text);
	str next;

	learning_shipped(&start);
	CHECK_OK(learning_teach(&start, model, &f, spam, at, a, &next));
	return next;
}

TEST(features_are_once_each_and_scaled)
{
	struct arena a;
	double body = 0;

	arena_init(&a, MIB(16));
	struct learning_features f = features(&a, HAM);

	CHECK(f.n > 20);
	for (size_t i = 0; i < f.n; i++) {
		CHECK(f.v[i].value > 0 && f.v[i].value <= 1.5);
		if (!strcmp(f.v[i].group, "body"))
			body += f.v[i].value * f.v[i].value;
		for (size_t k = 0; k < i; k++)
			CHECK(f.v[k].hash != f.v[i].hash);
	}
	CHECK(fabs(body - 1.5 * 1.5) < 0.001); /* however long the text is */
	arena_free(&a);
}

static bool shows(const struct learning_features *f, const char *group, const char *word)
{
	for (size_t i = 0; i < f->n; i++) {
		if (!strcmp(f->v[i].group, group) && str_eq(f->v[i].word, str_z(word)))
			return true;
	}
	return false;
}

static const char SHOP[] = "Return-Path: <bounce@mail.example.com>\n"
			   "Received: from out.example.com (out.example.com [192.0.2.1])\n"
			   "\tby mx.demo.test with ESMTP id 1 for <ana@demo.test>; "
			   "Tue, 24 Nov 2026 10:00:00 +0000\n"
			   "From: The Example <news7@example.com>\nTo: ana@demo.test\n"
			   "Message-ID: <1@example.com>\nSubject: Offers\n"
			   "Content-Type: text/html\n\n<html><body>Look at our offers, wonderful "
			   "<a href=\"http://www.example.com/a\">here</a>"
			   "<img src=\"http://img.example.com/b.gif\"></body></html>\n";
static const char FORGED[] = "Return-Path: <x@example.net>\n"
			     "From: \"The Example @ Home\" <news@example.com>\nTo: ana@demo.test\n"
			     "Subject: Offers\nContent-Type: text/html\n\n<html><body>Look: "
			     "<a href=\"http://192.0.2.9/a\">www.example.com</a></body></html>\n";

TEST(features_of_relations)
{
	static const struct {
		const char *mail, *word;
	} rows[] = {
		{ SHOP, "return-path same" },
		{ SHOP, "message-id same" },
		{ SHOP, "relay's name 1 helo 1" },
		{ SHOP, "to other" },
		{ SHOP, "to himself 0" },
		{ SHOP, "name in domain yes" },
		{ SHOP, "name in link yes" },
		{ SHOP, "name with @ 0" },
		{ SHOP, "name's words 1" },
		{ SHOP, "address's digits 1" },
		{ SHOP, "links own" },
		{ SHOP, "pictures own" },
		{ SHOP, "domains 1" },
		{ SHOP, "another host in the text 0" },
		{ SHOP, "address for a host 0" },
		{ FORGED, "return-path other" },
		{ FORGED, "message-id none" },
		{ FORGED, "relay's name 0 helo 0" },
		{ FORGED, "name with @ 1" },
		{ FORGED, "name in link no" },
		{ FORGED, "links mostly own" }, /* what it shows, and where it leads */
		{ FORGED, "pictures none" },
		{ FORGED, "another host in the text 1" },
		{ FORGED, "address for a host 1" },
		{ HAM, "links none" },
	};
	struct arena a;

	for (size_t i = 0; i < COUNT(rows); i++) {
		arena_init(&a, MIB(16));
		struct learning_features f = features(&a, rows[i].mail);

		CHECK_ROW(i, shows(&f, "relation", rows[i].word));
		arena_free(&a);
	}
}

TEST(features_of_words)
{
	static const struct {
		const char *group, *word;
		bool there;
	} rows[] = {
		{ "body", "wonderful", true }, { "stem", "wond", true },
		{ "stem", "Look", false }, /* no longer than its beginning */
		{ "subject", "Offers", true }, { "subject-stem", "Offe", true },
		{ "stem", "Offe", false },     { "tag", "img 0", true },
		{ "tag", "html 0", true },
	};
	struct arena a;

	arena_init(&a, MIB(16));
	struct learning_features f = features(&a, SHOP);

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, shows(&f, rows[i].group, rows[i].word) == rows[i].there);
	arena_free(&a);
}

TEST(a_doubtful_opinion_of_spam_counts_nothing)
{
	struct learning_features none = { .n = 0 };
	static const struct {
		float bias;
		double points;
	} rows[] = { { 0.4F, 0 }, { 0.6F, 0.4 }, { -0.25F, -1 }, { 3, 2 }, { -3, -2 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct learning_start start = { .weights = (const signed char *)"",
						.n = 1,
						.bias = rows[i].bias };
		struct learning_judgement j;

		learning_judge(&start, STR(""), &none, &j);
		CHECK_ROW(i, fabs(j.points - rows[i].points) < 1e-5);
	}
}

TEST(a_lesson_moves_its_message_and_stays_small)
{
	struct arena a;
	str model = STR("");

	arena_init(&a, MIB(64));
	double before = points(SPAM, model);

	for (int i = 0; i < 10; i++)
		model = teach(&a, model, SPAM, true, NOW);
	CHECK(model.n <= LEARNING_MODEL_MAX);
	CHECK(points(SPAM, model) >= before + 1);
	for (int i = 0; i < 30; i++) /* he changes his mind */
		model = teach(&a, model, SPAM, false, NOW);
	CHECK(points(SPAM, model) < 0);
	arena_free(&a);
}

TEST(one_user_s_lessons_leave_other_mail_alone)
{
	struct arena a;
	str model = STR("");

	arena_init(&a, MIB(64));
	for (int i = 0; i < 10; i++)
		model = teach(&a, model, SPAM, true, NOW);
	for (int i = 0; i < 10; i++)
		model = teach(&a, model, HAM, false, NOW);
	CHECK(points(SPAM, model) > 2);
	CHECK(points(HAM, model) < -2);
	arena_free(&a);
}

TEST(without_lessons_the_points_are_few)
{
	CHECK(fabs(points(SPAM, STR(""))) <= 2);
	CHECK(fabs(points(HAM, STR(""))) <= 2);
}

TEST(lessons_fade)
{
	struct arena a;
	str model = STR("");

	arena_init(&a, MIB(64));
	for (int i = 0; i < 12; i++)
		model = teach(&a, model, HAM, true, NOW);
	double fresh = points(HAM, model);

	model = teach(&a, model, SPAM, true, NOW + 4 * (int64_t)LEARNING_HALF_LIFE);
	CHECK(points(HAM, model) < fresh);
	arena_free(&a);
}

TEST(a_damaged_model_is_none)
{
	static char junk[LEARNING_MODEL_MAX];

	memset(junk, 0x41, sizeof junk);
	CHECK(fabs(points(SPAM, str_of(junk, sizeof junk)) - points(SPAM, STR(""))) < 1e-9);
	CHECK(fabs(points(SPAM, STR("pL2\nshort")) - points(SPAM, STR(""))) < 1e-9);
}

TEST(explains_itself)
{
	struct learning_start start;
	struct learning_judgement j;
	struct arena a;
	str model = STR("");

	arena_init(&a, MIB(64));
	for (int i = 0; i < 5; i++)
		model = teach(&a, model, SPAM, true, NOW);
	learning_shipped(&start);
	struct learning_features f = features(&a, SPAM);

	learning_judge(&start, model, &f, &j);
	CHECK(j.ntop == LEARNING_TOP && j.spam == 5 && j.ham == 0);
	for (unsigned i = 1; i < j.ntop; i++)
		CHECK(fabs(j.top[i - 1].logit) >= fabs(j.top[i].logit));
	CHECK(j.top[0].feature->word.n > 0);
	arena_free(&a);
}

TEST(start_that_is_damaged)
{
	static const struct {
		str bytes;
		err want;
	} rows[] = {
		{ S("pLS\n\0\0\0\2\0\0\0\1\0\0\0\0ab"), OK },
		{ S("pLS\n\0\0\0\2\0\0\0\1\0\0\0\0a"), E_CORRUPT },
		{ S("pLS\n\0\0\0\3\0\0\0\1\0\0\0\0abc"), E_CORRUPT }, /* no power of two */
		{ S("pLS\n\0\0\0\0\0\0\0\1\0\0\0\0"), E_CORRUPT },
		{ S("pL1\n\0\0\0\2\0\0\0\1\0\0\0\0ab"), E_CORRUPT },
		{ S(""), E_CORRUPT },
	};
	struct learning_start s;

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, learning_start_read(rows[i].bytes, &s) == rows[i].want);
}

static void count(void *arg, const struct learning_lessons *l)
{
	unsigned *n = arg;

	CHECK_STR(l->user, STR("ana@demo.test"));
	*n += l->spam + l->ham;
}

TEST(models_are_kept_per_user)
{
	char dir[] = "/tmp/posta-learning-XXXXXX", path[64];
	struct learning_models *s;
	struct learning_start start;
	struct arena a;
	unsigned lessons = 0;
	str model;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/models.db", dir);
	arena_init(&a, MIB(64));
	learning_shipped(&start);
	struct learning_features f = features(&a, SPAM);

	CHECK_OK(learning_models_open(path, 1, &s));
	CHECK_OK(learning_models_teach(s, &start, STR("Ana@demo.test"), &f, true, NOW));
	CHECK_OK(learning_models_get(s, STR("bruno@demo.test"), &a, &model)); /* crowds ana out */
	CHECK(model.n == 0);
	learning_models_close(s);

	CHECK_OK(learning_models_open(path, 1, &s));
	CHECK_OK(learning_models_get(s, STR("ana@demo.test"), &a, &model));
	CHECK(model.n > 0 && points(SPAM, model) > points(SPAM, STR("")));
	CHECK_OK(learning_models_each(s, count, &lessons));
	CHECK(lessons == 1);
	CHECK_OK(learning_models_reset(s, STR("ana@demo.test")));
	CHECK(learning_models_reset(s, STR("ana@demo.test")) == E_NOTFOUND);
	CHECK_OK(learning_models_get(s, STR("ana@demo.test"), &a, &model));
	CHECK(model.n == 0);
	learning_models_close(s);

	(void)unlink(path);
	snprintf(path, sizeof path, "%s/models.db-wal", dir);
	(void)unlink(path);
	snprintf(path, sizeof path, "%s/models.db-shm", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	arena_free(&a);
}
