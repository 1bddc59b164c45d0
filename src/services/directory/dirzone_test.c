#include "services/directory/dirzone.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "services/directory/dirmail.h"

TEST(zone_names)
{
	static const struct {
		str in, out;
		err want;
	} rows[] = {
		{ S("Demo.Test."), S("demo.test"), OK },
		{ S("."), S("."), OK },
		{ S("0/25.2.0.192.in-addr.arpa"), S("0/25.2.0.192.in-addr.arpa"), OK }, /* 2317 4 */
		{ S("xn--bcher-kva.example"), S("xn--bcher-kva.example"), OK },
		{ S("B\xc3\xbc"
		    "cher.example"),
		  S("xn--bcher-kva.example"), OK },
		{ S("a..b"), S(""), E_SYNTAX },
		{ S(""), S(""), E_SYNTAX },
		{ S("*.demo.test"), S(""), E_SYNTAX },
		{ S("a b"), S("a\\032b"), OK },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dirzone_name n;
		err e = dirzone_name_parse(rows[i].in, &n);

		CHECK_ROW(i, e == rows[i].want);
		if (!e)
			CHECK_STR_ROW(i, n.text, rows[i].out);
	}
}

TEST(serials_rise)
{
	const int64_t day = 1795852800; /* 2026-11-28 */
	static const struct {
		uint32_t now;
		bool date;
		uint32_t next;
	} rows[] = {
		{ 0, false, 1 },
		{ 41, false, 42 },
		{ UINT32_MAX, false, 1 }, /* 0 is left out */
		{ 0, true, 2026112800 },
		{ 2026112800, true, 2026112801 },
		{ 2026112799, true, 2026112800 },
		{ 2026112899, true, 2026112900 }, /* over a hundred in a day: into the next */
		{ 2026120100, true, 2026120101 }, /* ahead of the calendar: never backwards */
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, dirzone_next_serial(rows[i].now, rows[i].date, day) == rows[i].next);
	/* RFC 1982 5.1, and across the end of the numbers */
	CHECK(dirzone_serial_before(1, 2) && !dirzone_serial_before(2, 1));
	CHECK(!dirzone_serial_before(7, 7));
	CHECK(dirzone_serial_before(UINT32_MAX, 0) && !dirzone_serial_before(0, UINT32_MAX));
}

TEST(forms_of_fields)
{
	static const struct {
		err (*clean)(str, struct buf *);
		str in, out;
		err want;
	} rows[] = {
		{ dirzone_clean_transfer, S(" 192.0.2.0/24 ,key:A.B"), S("192.0.2.0/24,key:a.b"),
		  OK },
		{ dirzone_clean_transfer, S("192.0.2.1@K"), S("192.0.2.1@k"), OK },
		{ dirzone_clean_transfer, S(""), S(""), OK },
		{ dirzone_clean_transfer, S("key:"), S(""), E_SYNTAX },
		{ dirzone_clean_transfer, S("192.0.2.1@"), S(""), E_SYNTAX },
		{ dirzone_clean_transfer, S("anyone"), S(""), E_SYNTAX },
		{ dirzone_clean_notify, S("192.0.2.1,::1"), S("192.0.2.1:53,[::1]:53"), OK },
		{ dirzone_clean_notify, S("[::1]:54@K"), S("[::1]:54@k"), OK },
		{ dirzone_clean_notify, S("/run/socket"), S(""), E_SYNTAX },
		{ dirzone_clean_mailbox, S("a.b@Demo.Test"), S("a.b@demo.test"), OK },
		{ dirzone_clean_mailbox, S("joe.demo.test."), S("joe.demo.test"), OK },
		{ dirzone_clean_mailbox, S("@demo.test"), S(""), E_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b;

		buf_init(&b, KIB(1));
		err e = rows[i].clean(rows[i].in, &b);

		CHECK_ROW(i, e == rows[i].want);
		if (!e)
			CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
	}
}

TEST(forms_of_records)
{
	static const struct {
		str name, type, data, stored_name, stored_data;
		err want;
	} rows[] = {
		{ S("@"), S("mx"), S("10 Mail"), S("@"), S("10 Mail.demo.test."), OK },
		{ S("WWW"), S("A"), S("192.0.2.1"), S("www"), S("192.0.2.1"), OK },
		{ S("www.demo.test."), S("A"), S("192.0.2.1"), S("www"), S("192.0.2.1"), OK },
		{ S("demo.test."), S("A"), S("192.0.2.1"), S("@"), S("192.0.2.1"), OK },
		{ S("*"), S("TXT"), S("a b"), S("*"), S("\"a\" \"b\""), OK },
		{ S("x"), S("TYPE65280"), S("\\# 2 0102"), S("x"), S("\\# 2 0102"), OK },
		{ S("www.else.test."), S("A"), S("192.0.2.1"), S(""), S(""), E_SYNTAX },
		{ S("x"), S("A"), S("192.0.2"), S(""), S(""), E_SYNTAX },
		{ S("x"), S("SOA"), S("a b 1 2 3 4 5"), S(""), S(""), E_DENIED },
		{ S("x"), S("NSEC"), S("a. A"), S(""), S(""), E_DENIED },
		{ S("x"), S("ANY"), S("\\# 0"), S(""), S(""), E_DENIED },
		{ S("x"), S("NOSUCH"), S("y"), S(""), S(""), E_SYNTAX },
	};
	CLEANUP(arena_free) struct arena a;
	struct dirzone_name zone;

	arena_init(&a, MIB(1));
	CHECK_OK(dirzone_name_parse(STR("demo.test"), &zone));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dir_record r;
		err e = dirzone_record_parse(dns_name_str(&zone.wire), rows[i].name, rows[i].type,
					     rows[i].data, &a, &r);

		if ((e == E_DENIED || e == E_SYNTAX) && rows[i].want == E_DENIED)
			continue; /* a type without a text form is refused before its data are
				     judged */
		CHECK_ROW(i, e == rows[i].want);
		if (e)
			continue;
		CHECK_STR_ROW(i, r.name, rows[i].stored_name);
		CHECK_STR_ROW(i, r.data, rows[i].stored_data);
	}
}

struct place {
	char dir[64], db[96];
	struct directory *d;
};

static void place_make(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/posta-zone-XXXXXX");
	CHECK(mkdtemp(p->dir) != NULL);
	(void)snprintf(p->db, sizeof(p->db), "%s/directory.db", p->dir);
	CHECK_OK(directory_open(p->db, true, &p->d));
}

static void place_drop(struct place *p)
{
	directory_close(p->d);
	(void)unlink(p->db);
	(void)rmdir(p->dir);
}

static uint64_t add(struct place *p, const struct dir_kind *k, const char *name)
{
	uint64_t id = 0;

	CHECK_OK(directory_add(p->d, k, str_z(name), NULL, 0, &id));
	return id;
}

static int64_t number(struct place *p, const char *query, uint64_t id)
{
	int64_t v = -1;

	CHECK_OK(sql_get_int(directory_sql(p->d), str_z(query), &SQL_I(id), 1, &v));
	return v;
}
#define SERIAL "SELECT serial FROM zones WHERE id = ?"
#define PLACE  "SELECT COALESCE(zone_id, 0) FROM domains WHERE id = ?"

TEST(domains_lie_in_the_closest_zone)
{
	struct place p;

	place_make(&p);
	uint64_t before = add(&p, &dir_domain, "a.b.test"), b = add(&p, &dir_zone, "b.test");

	CHECK(number(&p, PLACE, before) == (int64_t)b);
	uint64_t deep = add(&p, &dir_zone, "a.b.test"), after = add(&p, &dir_domain, "x.a.b.test");
	uint64_t beside = add(&p, &dir_domain, "ab.test");

	CHECK(number(&p, PLACE, before) == (int64_t)deep &&
	      number(&p, PLACE, after) == (int64_t)deep);
	CHECK(number(&p, PLACE, beside) == 0); /* the name ends alike, at no dot */
	int64_t serial = number(&p, SERIAL, b);

	CHECK_OK(directory_remove(p.d, &dir_zone, STR("a.b.test")));
	CHECK(number(&p, PLACE, before) == (int64_t)b && number(&p, PLACE, after) == (int64_t)b);
	CHECK(number(&p, SERIAL, b) == serial + 1);
	uint64_t root = add(&p, &dir_zone, ".");

	CHECK(number(&p, PLACE, beside) == (int64_t)root && number(&p, PLACE, after) == (int64_t)b);
	place_drop(&p);
}

TEST(lines_of_the_mail_configuration_raise_serials_once)
{
	static const str mail = S("@ MX 10 mx.a.test.\n"),
			 hosts = S("mx.a.test. 600 A 192.0.2.1\n");
	struct place p;

	place_make(&p);
	uint64_t a = add(&p, &dir_zone, "a.test"), b = add(&p, &dir_zone, "b.test");
	uint64_t c = add(&p, &dir_zone, "c.test");

	(void)add(&p, &dir_domain, "b.test");
	int64_t sa = number(&p, SERIAL, a), sb = number(&p, SERIAL, b), sc = number(&p, SERIAL, c);

	for (int i = 0; i < 2; i++) { /* the second time nothing is new */
		CHECK_OK(dirmail_store(p.d, mail, hosts));
		CHECK_OK(dirmail_store_keys(p.d, STR("mx.a.test"), &hosts, 1));
	}
	CHECK(number(&p, SERIAL, a) == sa + 2 && number(&p, SERIAL, b) == sb + 1);
	CHECK(number(&p, SERIAL, c) == sc);
	place_drop(&p);
}
