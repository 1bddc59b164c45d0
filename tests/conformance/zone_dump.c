/* For tests/conformance/test_zones.py: a master file as its records in hexadecimal, bad lines among
 * them, as another scanner's test data say them; or the verdict on it as a whole zone.
 * zone-dump records ORIGIN TTL FILE; zone-dump check ORIGIN FILE. */
#include <libgen.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/limits.h"
#include "formats/dns/zonefile.h"
#include "run/file.h"
#include "services/zones/zone.h"

struct dump {
	struct buf complaints;
	struct zone_builder *zone; /* NULL: records are printed */
	struct arena texts;
	char folder[1024];
};

static void print_complaints(struct dump *d)
{
	str rest = buf_str(&d->complaints), line;

	while (rest.n && str_next(&rest, '\n', &line))
		if (line.n)
			printf("BAD=%.*s\n------\n", STRF(line));
	buf_reset(&d->complaints);
}

static void print_hex(const char *name, str s)
{
	printf("%s=", name);
	for (size_t i = 0; i < s.n; i++)
		printf("%02X", (unsigned char)s.p[i]);
	putchar('\n');
}

static err record(void *arg, const struct zonefile_record *r)
{
	struct dump *d = arg;

	if (d->zone) {
		err e = zone_builder_add(d->zone, r->owner, r->type, r->ttl, r->rdata);

		if (e)
			printf("%.*s:%u: %s\n", STRF(r->file), r->line, err_last()->text);
		return e;
	}
	print_complaints(d);
	print_hex("OWNER", r->owner);
	printf("CLASS=0001\nRRTTL=%08X\nRTYPE=%04X\n", r->ttl, r->type);
	print_hex("RDATA", r->rdata);
	puts("------");
	return OK;
}

static err include(void *arg, str path, str from, str *text)
{
	struct dump *d = arg;
	char full[2048];
	struct buf file;

	(void)from;
	(void)snprintf(full, sizeof(full), "%s/%.*s", d->folder, STRF(path));
	buf_init(&file, MIB(16));
	err e = file_read(full, &file);

	*text = arena_dup(&d->texts, buf_str(&file));
	buf_free(&file);
	return e;
}

static int check(struct dump *d, struct zonefile *z, str text, str origin)
{
	struct buf errors;

	d->zone = zone_builder_new(origin);
	buf_init(&errors, MIB(1));
	err e = zonefile_read(z, text, STR("zone"));

	if (e == OK)
		e = zone_builder_check(d->zone, &errors, NULL);
	printf("%.*s%.*s", STRF(buf_str(&d->complaints)), STRF(buf_str(&errors)));
	buf_free(&errors);
	zone_builder_free(d->zone);
	return e != OK;
}

int main(int argc, char **argv)
{
	static struct dump d;
	struct zonefile z = { .record = record,
			      .include = include,
			      .arg = &d,
			      .complaints = &d.complaints,
			      .errors = 10000 };
	struct dns_name origin;
	struct buf file;
	uint64_t ttl = 0;
	bool whole = argc == 4 && str_eq(str_z(argv[1]), STR("check"));
	int code = 0;

	if ((!whole && (argc != 5 || str_u64(str_z(argv[3]), INT32_MAX, &ttl) != OK)) ||
	    dns_name_parse(str_z(argv[2]), str_of("", 1), &origin) != OK) {
		fputs("usage: zone-dump records ORIGIN TTL FILE | zone-dump check ORIGIN FILE\n",
		      stderr);
		return 2;
	}
	buf_init(&file, MIB(16));
	buf_init(&d.complaints, MIB(1));
	arena_init(&d.texts, MIB(64));
	if (file_read(argv[argc - 1], &file) != OK)
		return 2;
	(void)snprintf(d.folder, sizeof(d.folder), "%s", dirname(argv[argc - 1]));
	z.origin = dns_name_str(&origin);
	z.ttl = (uint32_t)ttl;
	z.ttl_known = !whole;
	if (whole) {
		code = check(&d, &z, buf_str(&file), z.origin);
	} else {
		code = zonefile_read(&z, buf_str(&file), STR("zone")) != OK;
		print_complaints(&d);
	}
	arena_free(&d.texts);
	buf_free(&d.complaints);
	buf_free(&file);
	return code;
}
