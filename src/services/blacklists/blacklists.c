#include "base/mem.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/blacklists/state.h"

METRIC(aside_now, "posta_blacklist_aside", "", METRIC_GAUGE,
       "Black lists that are not asked, since they failed their test.");

enum { TEST_TIME = 3000, FAILS = 2 }; /* milliseconds; tests in a row before a list is put aside */

bool blacklists_aside(const struct blacklists *b, size_t index)
{
	return b->health[index].aside;
}

/* ---- tests ---- */

enum { POINTS = 6 };

static size_t add_points(const struct blacklists_list *l, struct blacklist_question v[POINTS],
			 bool listed[POINTS])
{
	static const char *const ips[] = { "127.0.0.2:1", "127.0.0.1:1", "[::ffff:7f00:2]:1",
					   "[::ffff:7f00:1]:1" };
	struct net_addr a;
	size_t n = 0;

	for (unsigned i = 0; i < COUNT(ips); i++)
		if (net_parse(str_z(ips[i]), &a) == OK && blacklist_ip(&l->dns, &a, &v[n]) == OK)
			listed[n++] = i % 2 == 0;
	if (l->point.n && blacklist_domain(&l->dns, l->point, &v[n]) == OK)
		listed[n++] = true;
	if (blacklist_domain(&l->dns, STR("invalid"), &v[n]) == OK)
		listed[n++] = false;
	return n;
}

WAITS err blacklists_test(const struct blacklists_list *list, msec deadline)
{
	const struct blacklist *l = &list->dns;
	struct blacklist_question v[POINTS];
	bool want[POINTS];
	size_t n = add_points(list, v, want), silent = 0;

	TRY(blacklist_ask(v, n, deadline));
	for (size_t i = 0; i < n; i++) {
		bool listed = v[i].what == BLACKLIST_LISTED;

		silent += v[i].what == BLACKLIST_SILENT;
		if (v[i].what == BLACKLIST_ERROR)
			return fail(E_DENIED, "%.*s answers with an error: %u.%u.%u.%u",
				    STRF(l->label), v[i].code >> 24, v[i].code >> 16 & 255,
				    v[i].code >> 8 & 255, v[i].code & 255);
		if (v[i].what != BLACKLIST_SILENT && listed != want[i])
			return fail(E_DENIED, "%.*s %s what every list %s", STRF(l->label),
				    listed ? "lists" : "does not list",
				    listed ? "leaves out (127.0.0.1)" : "has (127.0.0.2)");
	}
	return silent ? fail(E_NOTFOUND, "%.*s does not answer", STRF(l->label)) : OK;
}

/* One that is silent costs time at each mail: it is put aside as well, after more than one test. */
static void judge(struct blacklists *b, size_t i, err e)
{
	struct blacklists_health *h = &b->health[i];
	bool aside;

	h->fails = e ? h->fails + 1 : 0;
	aside = e == E_DENIED || h->fails >= FAILS;
	if (aside != h->aside)
		LOG(aside ? LOG_ERROR : LOG_INFO, "blacklist.aside",
		    KS("list", b->set->v[i].dns.label), KI("aside", aside),
		    KS("why", str_z(e ? err_last()->text : "it passes its test")));
	h->aside = aside;
}

WAITS static err test_all(struct blacklists *b)
{
	int64_t aside = 0;

	for (size_t i = 0; i < b->set->n; i++) {
		err e = blacklists_test(&b->set->v[i], clock_in(TEST_TIME));

		if (e == E_CANCELED)
			return e;
		judge(b, i, e);
		aside += b->health[i].aside;
	}
	metric_set(&aside_now, aside);
	return OK;
}

WAITS static err test_fiber(void *arg)
{
	struct blacklists *b = arg;

	for (;;) {
		TRY(test_all(b));
		TRY(fiber_sleep(clock_in(b->set->test)));
	}
}

struct blacklists *blacklists_open(const struct blacklists_settings *set)
{
	struct blacklists *b = MEM_NEW(struct blacklists);

	b->set = set;
	b->health = mem_get(size_mul(set->n + 1, sizeof(*b->health)));
	if (set->n)
		b->tests = fiber_start("blacklists", test_fiber, b);
	return b;
}

WAITS static void stop_tests(struct blacklists *b)
{
	if (!b->tests)
		return;
	fiber_cancel(b->tests);
	(void)!fiber_join(b->tests);
	b->tests = NULL;
}

WAITS struct blacklists *blacklists_replace(struct blacklists *old,
					    const struct blacklists_settings *set)
{
	struct blacklists *b = blacklists_open(set);

	b->old = old;
	stop_tests(old);
	return b;
}

WAITS void blacklists_close(struct blacklists *b)
{
	while (b) {
		struct blacklists *old = b->old;

		stop_tests(b);
		mem_free(b->health);
		mem_free(b);
		b = old;
	}
}
