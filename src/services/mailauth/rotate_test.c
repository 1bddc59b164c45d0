#include "services/mailauth/rotate.h"

#include "base/test.h"

enum { KEYS = 10 };
#define DAY (24 * 3600)

static const struct rotate_policy policy = { 90 * DAY, 1 * DAY, 14 * DAY, 60 * DAY };

struct domain {
	struct rotate_key v[KEYS];
	size_t n;
};

static void apply(struct domain *d, const struct rotate_step *s, int64_t now)
{
	if (s->what == ROTATE_MAKE) {
		CHECK(d->n < KEYS);
		d->v[d->n++] = (struct rotate_key){ s->rsa, DKIM_COMING, now };
	} else if (s->what == ROTATE_MOVE) {
		d->v[s->key].state = s->to;
		d->v[s->key].since = now;
	} else if (s->what == ROTATE_DROP) {
		d->v[s->key] = d->v[--d->n];
	}
}

static unsigned run(struct domain *d, int64_t now)
{
	unsigned steps = 0;

	for (;; steps++) {
		struct rotate_step s = rotate_due(d->v, d->n, &policy, now);

		if (s.what == ROTATE_NOTHING)
			return steps;
		CHECK(steps < 20);
		apply(d, &s, now);
	}
}

static size_t count(const struct domain *d, bool rsa, enum dkim_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].rsa == rsa && d->v[i].state == state;
	return n;
}

TEST(rotate_a_year) /* each day: one key of each kind signs, and what signed is there 14 days more
		     */
{
	struct domain d = { .v = { { true, DKIM_ACTIVE, 0 }, { false, DKIM_ACTIVE, 0 } }, .n = 2 };
	unsigned steps = 0;

	for (int64_t day = 0; day < 400; day++) {
		steps += run(&d, day * DAY);
		CHECK_ROW(day, count(&d, true, DKIM_ACTIVE) == 1);
		CHECK_ROW(day, count(&d, false, DKIM_ACTIVE) == 1);
		CHECK_ROW(day, (count(&d, true, DKIM_COMING) == 1) == (day % 91 == 90));
		CHECK_ROW(day, (count(&d, true, DKIM_GOING) == 1) == (day >= 91 && day % 91 < 14));
		CHECK_ROW(day, d.n <= 8);
		CHECK_ROW(day, run(&d, day * DAY) == 0);
	}
	CHECK(steps > 30);
}

TEST(rotate_on_demand)
{
	struct domain d = { .v = { { true, DKIM_ACTIVE, 0 } }, .n = 1 };

	CHECK(run(&d, 10) == 0);
	CHECK(rotate_may_begin(d.v, d.n, true) && !rotate_may_begin(d.v, d.n, false));
	apply(&d, &(struct rotate_step){ ROTATE_MAKE, .rsa = true }, 10);
	CHECK(!rotate_may_begin(d.v, d.n, true)); /* one is coming already */
	CHECK(count(&d, true, DKIM_ACTIVE) == 1 && count(&d, true, DKIM_COMING) == 1);
	CHECK(run(&d, 10 + DAY) == 2);
	CHECK(count(&d, true, DKIM_ACTIVE) == 1 && count(&d, true, DKIM_GOING) == 1);
	CHECK(d.v[1].state == DKIM_ACTIVE);
}

TEST(rotate_first_key)
{
	const struct rotate_key rsa[] = { { true, DKIM_ACTIVE, 0 } };
	const struct rotate_key gone[] = { { true, DKIM_GOING, 0 } };

	CHECK(rotate_first(NULL, 0, true) == DKIM_ACTIVE);
	CHECK(rotate_first(rsa, 1, true) == DKIM_COMING);
	CHECK(rotate_first(rsa, 1, false) == DKIM_ACTIVE);
	CHECK(rotate_first(gone, 1, true) == DKIM_ACTIVE);
}
