#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "run/file.h"
#include "services/zones/journal_part.h"

/* ---- zones to work with ---- */

static struct dns_name name(str text)
{
	struct dns_name n;

	CHECK_OK(dns_name_parse(text, STR(""), &n));
	return n;
}

static void add(struct zone_builder *b, str owner, uint16_t type, str rdata)
{
	struct dns_name n = name(owner);

	CHECK_OK(zone_builder_add(b, dns_name_str(&n), type, 300, rdata));
}

static void add_soa(struct zone_builder *b, str apex, uint32_t serial)
{
	struct dns_name n = name(apex);
	char rdata[2 * 255 + 20];
	size_t at = 0;

	for (int i = 0; i < 2; i++, at += n.n)
		memcpy(rdata + at, n.p, n.n);
	for (int i = 0; i < 5; i++)
		dns_put32(rdata + at + 4 * i, i ? 3600 : serial);
	add(b, apex, DNS_SOA, str_of(rdata, at + 20));
	add(b, apex, DNS_NS, dns_name_str(&n));
}

/* A zone with addresses 192.0.2.x at x.<apex> for each octet of hosts. */
static struct zone *zone(str apex, uint32_t serial, str hosts)
{
	struct dns_name n = name(apex);
	struct zone_builder *b = zone_builder_new(dns_name_str(&n));
	struct zone *z;

	add_soa(b, apex, serial);
	for (size_t i = 0; i < hosts.n; i++) {
		char owner[300];
		int len = snprintf(owner, sizeof(owner), "%c.%.*s", hosts.p[i], STRF(apex));

		add(b, str_of(owner, (size_t)len), DNS_A,
		    str_of((char[]){ (char)192, 0, 2, hosts.p[i] }, 4));
	}
	CHECK_OK(zone_compile(b, &z));
	zone_builder_free(b);
	return z;
}

/* "-2 +3 -a +b": deleted before added, SOA by its serial. */
static void print_half(str half, char sign, struct buf *out)
{
	struct journal_record r;

	while (journal_next(&half, &r)) {
		if (r.type == DNS_SOA)
			buf_fmt(out, " %c%u", sign, dns_get32(r.rdata.p + r.rdata.n - 20));
		else
			buf_fmt(out, " %c%c", sign, r.owner.p[1]);
	}
}

static void check_steps(const struct journal_steps *s, str want)
{
	CLEANUP(buf_free) struct buf out = { 0 };

	buf_init(&out, KIB(64));
	for (size_t i = 0; i < s->n; i++) {
		print_half(s->v[i]->deleted, '-', &out);
		print_half(s->v[i]->added, '+', &out);
	}
	CHECK_STR(str_trim(buf_str(&out)), want);
}

static void check_find(struct journal *j, str apex, uint32_t from, uint32_t to, str want,
		       str condensed)
{
	struct dns_name n = name(apex);
	struct journal_steps s = { 0 };
	err e = journal_find(j, dns_name_str(&n), from, to, &s);

	CHECK(e == (want.n ? OK : E_NOTFOUND));
	check_steps(&s, want);
	if (condensed.n) {
		CHECK_OK(journal_condense(&s));
		check_steps(&s, condensed);
	}
	journal_steps_drop(&s);
}

/* ---- a journal over a table of zones ---- */

struct world {
	char path[64];
	struct zones *zones;
	struct journal *journal;
	size_t zone_max, max;
	unsigned told;
};

static void told(void *arg, str apex, struct zone *fresh)
{
	struct world *w = arg;

	(void)apex;
	(void)fresh;
	w->told++;
}

WAITS static void open_world(struct world *w)
{
	struct journal_options o = {
		.path = w->path, .zone_max = w->zone_max, .max = w->max, .told = told, .arg = w
	};

	w->zones = zones_new();
	CHECK_OK(journal_open(&o, w->zones, &w->journal));
}

/* Puts it and waits until it was taken down. */
WAITS static void put(struct world *w, struct zone *z)
{
	unsigned before = w->told;

	zones_put(w->zones, z);
	while (w->told == before)
		CHECK_OK(fiber_sleep(clock_in(1)));
}

WAITS static void close_world(struct world *w)
{
	journal_close(w->journal);
	zones_free(w->zones);
}

static void run(err (*fn)(void *))
{
	struct world w = { .path = "/tmp/posta-journal-XXXXXX",
			   .zone_max = KIB(64),
			   .max = MIB(1) };
	int fd = mkstemp(w.path);

	CHECK(fd >= 0);
	(void)close(fd);
	(void)unlink(w.path);
	CHECK_OK(loop_main(fn, &w));
	(void)unlink(w.path);
}

static const str ex = S("example.");

WAITS static err steps_and_restart(void *arg)
{
	struct world *w = arg;

	open_world(w);
	put(w, zone(ex, 1, STR("ab")));
	put(w, zone(ex, 2, STR("abc")));
	put(w, zone(ex, 3, STR("bc")));
	put(w, zone(ex, 4, STR("abd")));
	check_find(w->journal, ex, 3, 4, STR("-3 -c +4 +a +d"), STR(""));
	check_find(w->journal, ex, 1, 4, STR("-1 +2 +c -2 -a +3 -3 -c +4 +a +d"), STR("-1 +4 +d"));
	check_find(w->journal, ex, 1, 3, STR(""), STR("")); /* not where it ends */
	check_find(w->journal, ex, 9, 4, STR(""), STR(""));
	close_world(w);

	open_world(w); /* a restart: the same zone comes back */
	put(w, zone(ex, 4, STR("abd")));
	check_find(w->journal, ex, 2, 4, STR("-2 -a +3 -3 -c +4 +a +d"), STR(""));
	put(w, zone(ex, 5, STR("abde")));
	check_find(w->journal, ex, 3, 5, STR("-3 -c +4 +a +d -4 +5 +e"), STR("-3 -c +5 +e +a +d"));
	close_world(w);

	open_world(w); /* other contents under the same serial */
	put(w, zone(ex, 5, STR("abdx")));
	check_find(w->journal, ex, 3, 5, STR(""), STR(""));
	close_world(w);
	return OK;
}

TEST(journal_steps_and_restart)
{
	run(steps_and_restart);
}

WAITS static err bounds(void *arg)
{
	struct world *w = arg;
	char hosts[] = "a";

	w->zone_max = 900;
	w->max = 1200;
	open_world(w);
	for (uint32_t i = 1; i < 10; i++, hosts[0]++)
		put(w, zone(ex, i, str_z(hosts)));
	check_find(w->journal, ex, 1, 9, STR(""), STR(""));
	check_find(w->journal, ex, 8, 9, STR("-8 -h +9 +i"), STR(""));
	put(w, zone(STR("other."), 1, STR("a")));
	for (uint32_t i = 2; i < 6; i++, hosts[0]++)
		put(w, zone(STR("other."), i, str_z(hosts)));
	check_find(w->journal, STR("other."), 4, 5, STR("-4 -l +5 +m"), STR(""));
	/* The serial that does not go up: whoever has it must take all. */
	put(w, zone(STR("other."), 5, STR("z")));
	check_find(w->journal, STR("other."), 4, 5, STR(""), STR(""));
	/* One difference that is too large for all. */
	put(w, zone(ex, 10, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")));
	check_find(w->journal, ex, 9, 10, STR(""), STR(""));
	close_world(w);
	return OK;
}

TEST(journal_bounds)
{
	run(bounds);
}

/* A torn end costs what is torn; RFC 1982: serials go round. */
WAITS static err torn(void *arg)
{
	struct world *w = arg;
	CLEANUP(buf_free) struct buf file = { 0 };

	buf_init(&file, MIB(1));
	open_world(w);
	put(w, zone(ex, 0xffffffff, STR("a")));
	put(w, zone(ex, 0, STR("ab")));
	put(w, zone(ex, 1, STR("abc")));
	close_world(w);
	CHECK_OK(file_read(w->path, &file));
	for (size_t cut = 1; cut < 40; cut += 13) {
		CHECK_OK(file_replace(w->path, str_take(buf_str(&file), file.n - cut), 0600));
		open_world(w);
		put(w, zone(ex, 0, STR("ab")));
		check_find(w->journal, ex, 0xffffffff, 0, STR("-4294967295 +0 +b"), STR(""));
		put(w, zone(ex, 7, STR("abz")));
		close_world(w);
		open_world(w); /* and the next one is whole again */
		put(w, zone(ex, 7, STR("abz")));
		check_find(w->journal, ex, 0, 7, STR("-0 +7 +z"), STR(""));
		close_world(w);
	}
	CHECK_OK(file_replace(w->path, STR("something else"), 0600));
	open_world(w);
	put(w, zone(ex, 7, STR("abz")));
	check_find(w->journal, ex, 0, 7, STR(""), STR(""));
	close_world(w);
	return OK;
}

TEST(journal_torn_end)
{
	run(torn);
}

/* The file does not grow without end. */
WAITS static err compacted(void *arg)
{
	struct world *w = arg;
	CLEANUP(buf_free) struct buf file = { 0 };

	buf_init(&file, MIB(1));
	w->zone_max = 2000;
	open_world(w);
	for (uint32_t i = 1; i < 800; i++)
		put(w, zone(ex, i, i & 1 ? STR("abcde") : STR("efghij")));
	close_world(w);
	CHECK_OK(file_read(w->path, &file));
	CHECK(file.n < KIB(80));
	return OK;
}

TEST(journal_is_compacted)
{
	run(compacted);
}
