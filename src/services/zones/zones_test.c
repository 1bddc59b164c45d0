#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/attr.h"
#include "base/test.h"
#include "formats/dns/rdata.h"
#include "formats/dns/zonefile.h"
#include "services/zones/lookup.h"
#include "services/zones/zones.h"

static str name(const char *text)
{
	static struct dns_name rooms[4];
	static unsigned next;
	struct dns_name *n = &rooms[next++ % 4];

	CHECK_OK(dns_name_parse(str_z(text), STR("\0"), n));
	return dns_name_str(n);
}

static err add(void *arg, const struct zonefile_record *r)
{
	return zone_builder_add(arg, r->owner, r->type, r->ttl, r->rdata);
}

static struct zone_builder *build(const char *apex, const char *text)
{
	struct zone_builder *b = zone_builder_new(name(apex));
	struct buf complaints;

	buf_init(&complaints, 4096);
	const struct zonefile z = { .origin = zone_builder_apex(b),
				    .ttl = 300,
				    .ttl_known = true,
				    .record = add,
				    .arg = b,
				    .complaints = &complaints };

	CHECK_OK(zonefile_read(&z, str_z(text), STR("test")));
	buf_free(&complaints);
	return b;
}

static struct zone *compile(const char *apex, const char *text)
{
	struct zone_builder *b = build(apex, text);
	struct zone *z = NULL;

	CHECK_OK(zone_compile(b, &z));
	zone_builder_free(b);
	return z;
}

static err list(void *arg, const struct zone_rrset *s)
{
	struct buf *out = arg;
	str rdata;

	for (const unsigned char *p = NULL; zone_rdata_next(s, &p, &rdata);) {
		dns_name_print(s->owner, out);
		buf_fmt(out, " %u ", s->ttl);
		dns_type_print(s->type, out);
		buf_addc(out, ' ');
		dns_rdata_print(s->type, rdata, out);
		buf_addc(out, '\n');
	}
	return OK;
}

#define SOA "@ SOA ns.e. root.e. 7 3600 600 86400 60\n"

static const char sample[] = "$TTL 300\n" SOA "@ NS ns.e.\n@ MX 10 Mail\n@ MX 5 mail2\n"
			     "ns A 192.0.2.1\nmail 60 A 192.0.2.2\nmail 30 A 192.0.2.3\n"
			     "a.b.c TXT \"deep\"\n*.w A 192.0.2.9\nsub NS ns.sub\n"
			     "ns.sub A 192.0.2.4\nb TXT x\nB TXT x\n\\001 TXT low\n";

TEST(zone_order_and_sets) /* RFC 4034 6.1, 6.3; 2181 5.2: one TTL */
{
	struct zone *z = compile("e.", sample);
	struct buf out;

	buf_init(&out, 10000);
	CHECK_OK(zone_each(z, list, &out));
	CHECK_STR(buf_str(&out), STR("e. 300 NS ns.e.\n"
				     "e. 300 SOA ns.e. root.e. 7 3600 600 86400 60\n"
				     "e. 300 MX 5 mail2.e.\ne. 300 MX 10 Mail.e.\n"
				     "\\001.e. 300 TXT \"low\"\nb.e. 300 TXT \"x\"\n"
				     "a.b.c.e. 300 TXT \"deep\"\n"
				     "mail.e. 30 A 192.0.2.2\nmail.e. 30 A 192.0.2.3\n"
				     "ns.e. 300 A 192.0.2.1\nsub.e. 300 NS ns.sub.e.\n"
				     "ns.sub.e. 300 A 192.0.2.4\n*.w.e. 300 A 192.0.2.9\n"));
	CHECK(zone_records(z) == 13);
	CHECK(zone_serial(z) == 7);
	CHECK(!zone_signed(z));
	CHECK(zone_octets(z) < 900);
	buf_free(&out);
	zone_drop(z);
}

TEST(zone_find)
{
	struct zone *z = compile("e.", sample);
	struct zone_rrset s;

	static const struct {
		const char *owner;
		uint16_t type;
		unsigned n;
	} rows[] = {
		{ "e.", DNS_MX, 2 },	  { "MAIL.e.", DNS_A, 2 }, { "a.b.c.e.", DNS_TXT, 1 },
		{ "b.c.e.", DNS_TXT, 0 }, { "x.e.", DNS_A, 0 },	   { "e.", DNS_A, 0 },
		{ "*.w.e.", DNS_A, 1 },	  { "f.", DNS_A, 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool found = zone_find(z, name(rows[i].owner), rows[i].type, &s);

		CHECK_ROW(i, found == (rows[i].n != 0));
		CHECK_ROW(i, !found || s.n == rows[i].n);
	}
	zone_drop(z);
}

TEST(zone_flags)
{
	struct zone *z = compile("e.", sample);
	struct zone_name k;

	static const struct {
		const char *name;
		int flags; /* -1: no node */
	} rows[] = {
		{ "e.", 0 },
		{ "c.e.", 0 }, /* RFC 4592 2.2.2: an empty non-terminal */
		{ "b.c.e.", 0 },
		{ "d.c.e.", -1 },
		{ "w.e.", NODE_WILD },
		{ "sub.e.", NODE_CUT },
		{ "ns.sub.e.", NODE_BELOW },
		{ "x.sub.e.", -1 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		zone_name_set(&k, name(rows[i].name));
		const struct zone_node *n = zone_node(z, &k, k.labels);

		CHECK_ROW(i, (n ? n->flags : -1) == rows[i].flags);
	}
	zone_name_set(&k, name("x.w.e."));
	CHECK(zone_node_wildcard(z, &k, 2) != NULL);
	CHECK(zone_node_wildcard(z, &k, 1) == NULL);
	zone_drop(z);
}

TEST(zone_signatures) /* RFC 4034 3: beside what they sign, with its TTL */
{
	struct zone *z = compile("e.", SOA
				 "@ NS ns.f.\na 60 A 192.0.2.1\n"
				 "a 60 RRSIG A 13 2 60 20300101000000 20200101000000 1 e. AAAA\n"
				 "a 30 RRSIG NSEC 13 2 60 20300101000000 20200101000000 1 e. AAAA\n"
				 "a 60 RRSIG TXT 13 2 60 20300101000000 20200101000000 1 e. AAAA\n"
				 "a 30 NSEC e. A RRSIG NSEC\n@ NSEC a.e. NS SOA NSEC\n");
	struct zone_rrset s;
	struct zone_name k;
	const unsigned char *p;

	CHECK(zone_find_rrsig(z, name("a.e."), DNS_NSEC, &s) && s.ttl == 30 && s.n == 1);
	CHECK(zone_find_rrsig(z, name("a.e."), DNS_TXT, &s)); /* signs nothing, and is kept */
	CHECK(zone_find(z, name("a.e."), DNS_RRSIG, &s) && s.covers == DNS_A);
	CHECK(!zone_find(z, name("a.e."), DNS_TXT, &s));
	zone_name_set(&k, name("a.e."));
	const struct zone_set *set = zone_node_set(zone_node(z, &k, 2), DNS_A, &p);

	CHECK(set->n == 1 && set->nsigs == 1 && dns_get16(p + set->size + 2) == DNS_RRSIG);
	CHECK(zone_nsec_before(z, STR("\1b"))->n == 2);
	CHECK(zone_nsec_before(z, STR("\1A")) == zone_top(z)); /* "A" stands before "a" */
	CHECK(zone_records(z) == 8);
	zone_drop(z);
}

TEST(zone_nsec3) /* RFC 5155 7.2.8: not names of the zone */
{
	struct zone *z = compile("e.", SOA "@ NS ns.f.\n@ NSEC3PARAM 1 0 0 -\n"
					   "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 0 0 - "
					   "35mthgpgcu1qg68fab165klnsnk3dpvl SOA\n"
					   "35mthgpgcu1qg68fab165klnsnk3dpvl NSEC3 1 0 0 - "
					   "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n");
	struct zone_name k;
	struct zone_rrset s;
	struct buf out;
	bool exact;

	zone_name_set(&k, name("35mthgpgcu1qg68fab165klnsnk3dpvl.e."));
	CHECK(!zone_node(z, &k, 2));
	CHECK(zone_find(z, name("35MTHGPGCU1QG68FAB165KLNSNK3DPVL.e."), DNS_NSEC3, &s));
	CHECK(zone_nsec3_before(z, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", &exact)->name[1] == '0');
	CHECK(exact);
	/* before the first one: the last one's span goes around */
	CHECK(zone_nsec3_before(z, "00000000000000000000000000000000", &exact)->name[1] == '3');
	CHECK(!exact);
	CHECK(zone_nsec3_before(z, "10000000000000000000000000000000", &exact)->name[1] == '0');
	buf_init(&out, 10000);
	CHECK_OK(zone_each(z, list, &out));
	CHECK(str_search(buf_str(&out), STR("35mthgpg")) < out.n);
	CHECK(zone_records(z) == 5);
	buf_free(&out);
	zone_drop(z);
}

static err told(void *arg, bool added, const struct zone_rrset *s, str rdata)
{
	struct buf *out = arg;

	buf_addc(out, added ? '+' : '-');
	dns_name_print(s->owner, out);
	buf_addc(out, ' ');
	dns_rdata_print(s->type, rdata, out);
	buf_addc(out, '\n');
	return OK;
}

TEST(zone_diff) /* RFC 1995 4 */
{
	struct zone *a = compile("e.", SOA "@ NS ns.f.\na A 192.0.2.1\na A 192.0.2.2\nb TXT x\n"
					   "c 10 TXT same\n");
	struct zone *b = compile("e.", "@ SOA ns.e. root.e. 8 3600 600 86400 60\n@ NS NS.F.\n"
				       "a A 192.0.2.2\na A 192.0.2.3\nc 20 TXT same\nd TXT y\n");
	struct buf out;

	buf_init(&out, 10000);
	CHECK_OK(zone_diff(a, b, told, &out));
	CHECK_STR(buf_str(&out), STR("-e. ns.e. root.e. 7 3600 600 86400 60\n-a.e. 192.0.2.1\n"
				     "-b.e. \"x\"\n-c.e. \"same\"\n"
				     "+e. ns.e. root.e. 8 3600 600 86400 60\n+a.e. 192.0.2.3\n"
				     "+c.e. \"same\"\n+d.e. \"y\"\n"));
	buf_reset(&out);
	CHECK_OK(zone_diff(a, a, told, &out));
	CHECK(out.n == 0);
	buf_free(&out);
	zone_drop(a);
	zone_drop(b);
}

TEST(zone_builder_changes)
{
	struct zone_builder *b = build("e.", sample);
	struct zone_rrset s;

	CHECK(zone_builder_records(b) == 13);
	CHECK(zone_builder_remove(b, name("mail.e."), DNS_A, STR("\xc0\0\2\x2")) == OK);
	CHECK(zone_builder_remove(b, name("mail.e."), DNS_A, STR("\xc0\0\2\x2")) == E_NOTFOUND);
	CHECK(zone_builder_find(b, name("mail.e."), DNS_A, &s) && s.n == 1);
	CHECK_OK(zone_builder_add(b, name("mail.e."), DNS_A, 5, STR("\xc0\0\2\x1")));
	CHECK(zone_builder_find(b, name("mail.e."), DNS_A, &s) && s.n == 2 && s.ttl == 5);
	zone_builder_drop(b, name("a.b.c.e."), DNS_ANY);
	CHECK(!zone_builder_has(b, name("c.e.")));
	CHECK(zone_builder_has(b, name("w.e.")));
	zone_builder_set_serial(b, 99);
	CHECK(zone_builder_serial(b) == 99);
	CHECK(zone_builder_add(b, name("a.f."), DNS_A, 5, STR("\1\2\3\4")) == E_SYNTAX);
	CHECK(zone_builder_add(b, name("a.e."), DNS_A, 5, STR("\1\2\3")) == E_SYNTAX);
	CHECK(zone_builder_records(b) == 12);
	zone_builder_free(b);
}

TEST(zone_builder_check)
{
	static const struct {
		const char *text;
		const char *error; /* "" when it is good */
	} rows[] = {
		{ SOA "@ NS ns.f.\n", "" },
		{ "@ NS ns.f.\n", "no SOA" },
		{ SOA, "no NS" },
		{ SOA "@ NS ns.f.\na CNAME b\na TXT x\n", "beside CNAME" },
		{ SOA "@ NS ns.f.\na CNAME b\na CNAME c\n", "2 CNAME" },
		{ SOA "@ NS ns.f.\n@ CNAME c\n", "beside CNAME" },
		{ SOA "@ NS ns.f.\na DNAME b.\nx.a TXT x\n", "below a DNAME" },
		{ SOA "@ NS ns.e.\n", "no address" },
		{ SOA "@ NS ns.e.\nns CNAME x.\n", "is a CNAME" },
		{ SOA "@ NS ns.e.\n* A 192.0.2.1\n", "" },
		{ SOA "@ NS ns.f.\nsub NS ns.sub\nns.sub A 192.0.2.1\n", "" },
		{ SOA "@ NS ns.f.\nsub NS ns.sub\n", "no address" },
		{ SOA "@ NS ns.f.\nsub NS ns.other\nother NS x.\n", "" },
		{ SOA "@ NS ns.f.\n@ MX 0 .\n", "" }, /* RFC 7505 */
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zone_builder *b = build("e.", rows[i].text);
		struct buf errors;

		buf_init(&errors, 10000);
		err e = zone_builder_check(b, &errors, NULL);

		CHECK_ROW(i, (e == OK) == !rows[i].error[0]);
		CHECK_ROW(i,
			  e == OK || str_search(buf_str(&errors), str_z(rows[i].error)) < errors.n);
		buf_free(&errors);
		zone_builder_free(b);
	}
}

TEST(zones_table)
{
	struct zones *z = zones_new();

	CHECK(!zones_find(z, name("a.e."), false));
	zones_put(z, compile("e.", SOA "@ NS ns.f.\n"));
	zones_put(z, compile("a.e.", SOA "@ NS ns.f.\n"));
	CHECK(zone_apex(zones_find(z, name("x.A.e."), false)).n == 5);
	CHECK(zone_apex(zones_find(z, name("a.e."), false)).n == 5);
	CHECK(zone_apex(zones_find(z, name("a.e."), true)).n == 3);
	CHECK(zone_apex(zones_find(z, name("b.e."), false)).n == 3);
	CHECK(!zones_find(z, name("e."), true));
	CHECK(!zones_find(z, name("."), true));
	zones_remove(z, name("a.e."));
	CHECK(zone_apex(zones_find(z, name("x.a.e."), false)).n == 3);
	zones_put(z, compile("a.e.", SOA "@ NS ns.f.\n"));
	zones_put(z, compile(".", SOA "@ NS ns.f.\n"));
	CHECK(zone_apex(zones_find(z, name("f."), false)).n == 1);
	CHECK(zones_count(z) == 3);
	for (int i = 0; i < 1000; i++) {
		char text[32];
		struct buf t = { .max = 32 };

		buf_fmt(&t, "z%d.", i);
		CHECK_OK(str_to_z(buf_str(&t), text, sizeof(text)));
		zones_put(z, compile(text, SOA "@ NS ns.f.\n"));
		buf_free(&t);
	}
	CHECK(zones_count(z) == 1003);
	CHECK(zone_apex(zones_find(z, name("www.z999."), false)).n == 6);
	struct zone *held = zones_get(z, name("z5."));

	CHECK(held && !zones_get(z, name("www.z5.")));
	zone_drop(held);
	zones_free(z);
}

/* ---- readers on loops of their own, while versions come and go ---- */

struct reading {
	struct zones *zones;
	struct loop *loop;
	_Atomic bool *stop;
	_Atomic int *readers;
};

WAITS static err read_on(void *arg)
{
	struct reading *r = arg;
	struct zone_rrset soa;

	while (!atomic_load(r->stop)) {
		const struct zone *z = zones_find(r->zones, STR("\3www\1e\0"), false);

		/* Freed memory would not hold it. */
		CHECK(z && zone_find(z, zone_apex(z), DNS_SOA, &soa) && soa.n == 1);
		TRY(fiber_yield());
	}
	atomic_fetch_sub(r->readers, 1);
	return OK;
}

static void begin_reading(void *arg)
{
	fiber_spawn("reader", read_on, arg);
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

WAITS static err replace_often(void *arg)
{
	struct reading *r = arg;

	for (int i = 0; i < 300; i++) {
		zones_put(r->zones, compile("e.", SOA "@ NS ns.f.\n"));
		TRY(fiber_yield());
	}
	atomic_store(r->stop, true);
	while (atomic_load(r->readers))
		TRY(fiber_sleep(clock_in(1)));
	zones_remove(r->zones, STR("\1e\0"));
	return fiber_sleep(clock_in(20));
}

TEST(zones_readers)
{
	_Atomic bool stop = false;
	_Atomic int readers = 2;
	struct reading r[2];
	struct loop *loops[2];
	pthread_t threads[2];
	struct zones *z = zones_new();

	zones_put(z, compile("e.", SOA "@ NS ns.f.\n"));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(loop_new(&loops[i]));
		r[i] = (struct reading){ z, loops[i], &stop, &readers };
		loop_post(loops[i], begin_reading, &r[i]);
	}
	zones_readers(z, loops, 2);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, run_loop, loops[i]) == 0);
	CHECK_OK(loop_main(replace_often, &r[0]));
	for (int i = 0; i < 2; i++) {
		loop_stop(loops[i]);
		(void)pthread_join(threads[i], NULL);
		loop_free(loops[i]);
	}
	CHECK(zones_count(z) == 0);
	zones_free(z);
}

TEST(zone_longest_names) /* RFC 1035 2.3.4: 127 labels, under the root too */
{
	static const char *const apexes[] = { ".", "e." };
	char text[256], line[600];

	for (size_t i = 0; i < COUNT(apexes); i++) {
		struct buf t = { .max = 600 };
		struct zone_name k;
		struct zone_rrset s;

		for (size_t n = 0; n < 126; n++)
			memcpy(text + 2 * n, "a.", 2);
		memcpy(text + 252, i ? "e." : "a.", 3);
		buf_fmt(&t, "$TTL 5\n" SOA "@ NS ns.f.\n%s A 192.0.2.1\n%s NSEC @ A NSEC\n", text,
			text);
		CHECK_OK(str_to_z(buf_str(&t), line, sizeof(line)));
		struct zone *z = compile(apexes[i], line);

		CHECK_ROW(i, zone_find(z, name(text), DNS_A, &s));
		zone_name_set(&k, name(text));
		CHECK_ROW(i, k.labels == 127);
		for (unsigned j = z->apex_labels; j <= 127; j++) /* each ancestor is there */
			CHECK_ROW(i, zone_node(z, &k, j) != NULL);
		CHECK_ROW(i, !zone_node_wildcard(z, &k, 126));
		CHECK_ROW(i, zone_nsec_before(z, str_of(k.p, (size_t)255 - z->apex_n)) ==
				     zone_node(z, &k, 127));
		CHECK_ROW(i, zone_records(z) == 4);
		zone_drop(z);
		buf_free(&t);
	}
}
