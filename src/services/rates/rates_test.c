#include "services/rates/rates.h"

#include <stdio.h>

#include "base/test.h"

TEST(rates_window)
{
	struct rates *r = rates_new(64, 1000);

	clock_fake(10000, 1000000);
	CHECK(rates_add(r, STR("a"), 1) == 1);
	CHECK(rates_add(r, STR("a"), 2) == 3);
	CHECK(rates_add(r, STR("b"), 1) == 1);
	CHECK(rates_add(r, STR("a"), 0) == 3);
	clock_fake(11500, 1000001); /* half of the window before still counts */
	CHECK(rates_add(r, STR("a"), 1) == 2);
	clock_fake(20000, 1000010);
	CHECK(rates_add(r, STR("a"), 0) == 0);
	clock_fake(-1, -1);
	rates_free(r);
}

TEST(rates_bounded)
{
	struct rates *r = rates_new(64, 1000);
	char name[32];

	clock_fake(10000, 1000000);
	for (int i = 0; i < 100; i++)
		(void)rates_add(r, STR("busy"), 1);
	/* A flood of strangers does not make the table forget the busy one. */
	for (int i = 0; i < 100000; i++) {
		int n = snprintf(name, sizeof(name), "%d", i);

		(void)rates_add(r, str_of(name, (size_t)n), 1);
	}
	CHECK(rates_add(r, STR("busy"), 0) == 100);
	clock_fake(-1, -1);
	rates_free(r);
}

TEST(tally)
{
	struct tally *t = tally_new();

	CHECK(tally_enter(t, STR("a")) == 1);
	CHECK(tally_enter(t, STR("a")) == 2);
	CHECK(tally_enter(t, STR("b")) == 1);
	tally_leave(t, STR("a"));
	CHECK(tally_enter(t, STR("a")) == 2);
	tally_leave(t, STR("a"));
	tally_leave(t, STR("a"));
	tally_leave(t, STR("never"));
	CHECK(tally_enter(t, STR("a")) == 1);
	tally_free(t);
}
