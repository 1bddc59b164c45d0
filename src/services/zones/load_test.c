#include "services/zones/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "services/directory/dirmail.h"
#include "services/zones/snapshot.h"

struct place {
	char dir[64], db[96], copy[96], file[96];
	struct directory *d;
	uint64_t id;
};

static void add_record(struct place *p, const char *name, const char *type, const char *data)
{
	CLEANUP(arena_free) struct arena a;
	struct dir_record r = { .ttl = -1 };

	arena_init(&a, MIB(1));
	CHECK_OK(dirzone_record_parse(str_of("\4demo\4test", 11), str_z(name), str_z(type),
				      str_z(data), &a, &r));
	r.ttl = -1;
	CHECK_OK(dirzone_record_add(p->d, p->id, &r));
}

static void place_make(struct place *p)
{
	uint64_t domain;

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/posta-load-XXXXXX");
	CHECK(mkdtemp(p->dir) != NULL);
	(void)snprintf(p->db, sizeof(p->db), "%s/directory.db", p->dir);
	(void)snprintf(p->copy, sizeof(p->copy), "%s/zones.db", p->dir);
	(void)snprintf(p->file, sizeof(p->file), "%s/zone", p->dir);
	CHECK_OK(directory_open(p->db, true, &p->d));
	CHECK_OK(directory_add(p->d, &dir_zone, STR("demo.test"), NULL, 0, &p->id));
	CHECK_OK(directory_add(p->d, &dir_domain, STR("mail.demo.test"), NULL, 0, &domain));
	CHECK_OK(dirmail_store(p->d, STR("@ MX 10 mx.demo.test.\n@ TXT \"v=x {domain}\"\n"),
			       STR("mx.demo.test. A 192.0.2.1\nmx.else.test. A 192.0.2.2\n")));
	add_record(p, "@", "NS", "mx");
	add_record(p, "www", "CNAME", "@");
}

static void place_drop(struct place *p)
{
	directory_close(p->d);
	(void)unlink(p->db);
	(void)unlink(p->copy);
	(void)unlink(p->file);
	CHECK(rmdir(p->dir) == 0);
}

static void read_text(struct directory *d, uint64_t id, struct buf *out)
{
	struct zone_reader *r = NULL;
	struct zone_builder *b = NULL;
	struct zone_about *about = MEM_NEW(struct zone_about);

	buf_reset(out);
	CHECK_OK(zone_reader_new(d, &r));
	CHECK_OK(zone_read(r, id, NULL, about, &b));
	CHECK_OK(zone_builder_check(b, NULL, NULL));
	CHECK_OK(zone_print(b, out));
	zone_builder_free(b);
	zone_reader_free(r);
	mem_free(about);
}

static bool has(const struct buf *text, const char *what)
{
	return str_search(buf_str(text), str_z(what)) < text->n;
}

TEST(rows_and_what_the_mail_has_make_a_zone)
{
	CLEANUP(buf_free) struct buf text;
	struct place p;

	buf_init(&text, MIB(1));
	place_make(&p);
	read_text(p.d, p.id, &text);
	CHECK(has(&text, "SOA    mx.demo.test. hostmaster.demo.test. "));
	CHECK(has(&text, "10 mx.demo.test.\n") && has(&text, "\"v=x mail.demo.test\"\n"));
	CHECK(has(&text, "192.0.2.1\n") && !has(&text, "192.0.2.2"));
	place_drop(&p);
}

TEST(snapshot_says_the_same_and_knows_when_it_rotted)
{
	CLEANUP(buf_free) struct buf one, two;
	struct directory *copy = NULL;
	struct sql *s = NULL;
	struct place p;

	buf_init(&one, MIB(1));
	buf_init(&two, MIB(1));
	place_make(&p);
	CHECK(zone_snapshot_open(p.copy, &copy) == E_NOTFOUND);
	CHECK_OK(zone_snapshot_save(p.d, p.copy));
	CHECK_OK(zone_snapshot_save(p.d, p.copy)); /* over the one before */
	CHECK_OK(zone_snapshot_open(p.copy, &copy));
	read_text(p.d, p.id, &one);
	read_text(copy, p.id, &two);
	CHECK_STR(buf_str(&two), buf_str(&one));
	directory_close(copy);

	CHECK_OK(sql_open(p.copy, SQL_WRITE, 100, &s));
	CHECK_OK(sql_exec(s, "UPDATE records SET data = 'demo.tesu.' WHERE data = 'demo.test.'"));
	sql_close(s);
	CHECK(zone_snapshot_open(p.copy, &copy) == E_CORRUPT);

	FILE *f = fopen(p.copy, "w");

	CHECK(f && fputs("no database", f) >= 0 && fclose(f) == 0);
	CHECK(zone_snapshot_open(p.copy, &copy) != OK && copy == NULL);
	place_drop(&p);
}

TEST(files_with_mistakes_name_them_all)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\na 60 A 192.0.2.1\n", "" },
		{ "@ 60 SOA a b 1 2 3 4 5\nx.else.test. 60 A 192.0.2.1\ny 60 A x\n", ":2: " },
		{ "@ 60 SOA a b 1 2 3 4 5\nx.else.test. 60 A 192.0.2.1\ny 60 A x\n", ":3: " },
		{ "x A 192.0.2.1\n", ":1: " }, /* no TTL anywhere */
		{ "$INCLUDE zone\n", ":1: " }, /* itself, without end */
		{ "$INCLUDE ../../etc/passwd\n", ":1: " },
		{ "$INCLUDE /etc/passwd\n", ":1: " },
	};
	struct place p;

	place_make(&p);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf why;
		struct zone_builder *b = NULL;
		FILE *f = fopen(p.file, "w");

		buf_init(&why, KIB(16));
		CHECK(f && fputs(rows[i].text, f) >= 0 && fclose(f) == 0);
		struct zone_file file = { .path = p.file,
					  .apex = str_of("\4demo\4test", 11),
					  .complaints = &why };
		err e = zone_read_file(&file, &b);

		CHECK_ROW(i, (e == OK) == !rows[i].why[0] && (b != NULL) == (e == OK));
		CHECK_ROW(i, !rows[i].why[0] || has(&why, rows[i].why));
		CHECK_ROW(i, file.stamp.size == (off_t)str_z(rows[i].text).n);
		zone_builder_free(b);
	}
	place_drop(&p);
}
