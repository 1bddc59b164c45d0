/* A zone from a master file and what it includes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "formats/dns/rdata.h"
#include "formats/dns/zonefile.h"
#include "services/zones/load.h"

struct piece { /* the text of one file, as long as the reading lasts */
	struct piece *next;
	struct buf text;
};
struct reading {
	struct zone_file *f;
	struct zone_builder *b;
	struct piece *pieces;
	unsigned nfiles;
	size_t octets, records, mistakes;
	char folder[LIM_FILE_PATH]; /* of the zone's file, resolved; ends with a slash */
};

/* ---- stamps ---- */

bool zone_stamp_eq(const struct zone_stamp *a, const struct zone_stamp *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
	       a->size == b->size && a->inode == b->inode;
}

static void stamp_of(const struct stat *st, struct zone_stamp *out)
{
	*out = (struct zone_stamp){ st->st_mtim, st->st_size, st->st_ino };
}

err zone_file_stamp(const char *path, struct zone_stamp *out)
{
	struct stat st;

	if (stat(path, &st))
		return fail(errno == ENOENT ? E_NOTFOUND : E_IO, "%s: %s", path,
			    strerrordesc_np(errno));
	stamp_of(&st, out);
	return OK;
}

static uint32_t sum_stamp(uint32_t sum, const struct zone_stamp *s)
{
	const int64_t fields[4] = { s->mtime.tv_sec, s->mtime.tv_nsec, s->size, (int64_t)s->inode };

	return hash_crc32c(sum, str_of(fields, sizeof(fields)));
}

uint32_t zone_files_sum(str paths)
{
	uint32_t sum = 0;
	str path;

	while (str_next(&paths, '\n', &path)) {
		struct zone_stamp stamp = { 0 };
		char z[LIM_FILE_PATH];

		if (!path.n)
			continue;
		if (str_to_z(path, z, sizeof(z)) || zone_file_stamp(z, &stamp))
			stamp = (struct zone_stamp){ 0 };
		sum = sum_stamp(sum, &stamp);
	}
	return sum;
}

/* ---- files ---- */

static err read_all(FILE *f, const char *path, size_t room, struct buf *out)
{
	size_t n = 1;
	char *to;

	while (n && (to = buf_room(out, KIB(64)))) {
		n = fread(to, 1, KIB(64), f);
		out->n += n;
		if (out->n > room)
			return fail(E_LIMIT, "%s: over %zu octets with what it includes", path,
				    LIM_ZONE_FILE);
	}
	if (ferror(f))
		return fail(E_IO, "%s: %s", path, strerrordesc_np(errno));
	return buf_done(out);
}

/* The stamp is taken of the open file, before it is read: a change meanwhile makes another one. */
static err read_file(struct reading *r, const char *path, struct zone_stamp *stamp, str *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	struct stat st;

	if (!f)
		return fail(errno == ENOENT   ? E_NOTFOUND
			    : errno == EACCES ? E_DENIED
					      : E_IO,
			    "%s: %s", path, strerrordesc_np(errno));
	struct piece *p = MEM_NEW(struct piece);

	buf_init(&p->text, LIM_ZONE_FILE + KIB(64));
	p->next = r->pieces;
	r->pieces = p;
	err e = fstat(fd, &st) || !S_ISREG(st.st_mode)
			? fail(E_IO, "%s: it is no file", path)
			: read_all(f, path, LIM_ZONE_FILE - r->octets, &p->text);

	(void)fclose(f);
	stamp_of(&st, stamp);
	r->octets += p->text.n;
	*text = buf_str(&p->text);
	return e;
}

/* RFC 1035 5.1 leaves $INCLUDE's names to the system; ours lie in the folder of the zone's file or
 * below, whatever links say. */
static err include(void *arg, str path, str from, str *text)
{
	struct reading *r = arg;
	char named[LIM_FILE_PATH];
	struct zone_stamp stamp = { 0 };

	(void)from;
	if (++r->nfiles > LIM_ZONE_FILES)
		return fail(E_LIMIT, "over %d included files", LIM_ZONE_FILES);
	int n = str_starts(path, STR("/"))
			? snprintf(named, sizeof(named), "%.*s", STRF(path))
			: snprintf(named, sizeof(named), "%s%.*s", r->folder, STRF(path));

	if (n < 0 || (size_t)n >= sizeof(named) || str_find(path, 0) != path.n)
		return fail(E_LIMIT, "the path of an included file is too long");
	char *real = realpath(named, NULL);

	err e = !real ? fail(E_NOTFOUND, "%s: %s", named, strerrordesc_np(errno))
		: str_starts(str_z(real), str_z(r->folder))
			? read_file(r, real, &stamp, text)
			: fail(E_DENIED, "%s lies outside %s", real, r->folder);

	/* Also of one that is not there, or not to be read: it may come. */
	if (r->f->includes) {
		buf_fmt(r->f->includes, "%s\n", real ? real : named);
		r->f->included = sum_stamp(r->f->included, &stamp);
	}
	mem_free(real);
	return e;
}

static err set_folder(struct reading *r, const char *path)
{
	char *real = realpath(path, NULL);
	str p = str_z(real);

	if (!real)
		return fail(errno == ENOENT ? E_NOTFOUND : E_IO, "%s: %s", path,
			    strerrordesc_np(errno));
	err e = str_to_z(str_take(p, str_rfind(p, '/') + 1), r->folder, sizeof(r->folder));

	mem_free(real);
	return e;
}

/* ---- records ---- */

static err take(void *arg, const struct zonefile_record *rec)
{
	struct reading *r = arg;
	struct dns_name owner = { .n = (unsigned char)rec->owner.n };

	if (++r->records > LIM_ZONE_RECORDS)
		return fail(E_LIMIT, "over %d records", LIM_ZONE_RECORDS);
	memcpy(owner.p, rec->owner.p, rec->owner.n);
	dns_name_lower(&owner);
	err e = zone_builder_add(r->b, dns_name_str(&owner), rec->type, rec->ttl, rec->rdata);

	if (!e)
		return OK;
	buf_fmt(r->f->complaints, "%.*s:%u: %s\n", STRF(rec->file), rec->line, err_last()->text);
	/* The next mistakes are told as well. */
	return e == E_SYNTAX && ++r->mistakes < LIM_ZONE_COMPLAINTS ? OK : e;
}

static err read_zone(struct reading *r, str text, str name, bool files)
{
	const struct zone_file *f = r->f;
	const struct zonefile z = { .origin = f->apex,
				    .ttl = f->ttl,
				    .ttl_known = f->ttl_known,
				    .record = take,
				    .include = files ? include : NULL,
				    .arg = r,
				    .complaints = f->complaints };

	r->b = zone_builder_new(f->apex);
	TRY(zonefile_read(&z, text, name));
	return r->mistakes ? fail(E_SYNTAX, "%.*s has mistakes", STRF(name)) : OK;
}

static void reading_end(struct reading *r, err e, struct zone_builder **out)
{
	while (r->pieces) {
		struct piece *p = r->pieces;

		r->pieces = p->next;
		buf_free(&p->text);
		mem_free(p);
	}
	*out = e ? NULL : r->b;
	if (e)
		zone_builder_free(r->b);
	mem_free(r);
}

static err read_main(struct reading *r)
{
	str text;

	TRY(set_folder(r, r->f->path));
	TRY(read_file(r, r->f->path, &r->f->stamp, &text));
	return read_zone(r, text, str_z(r->f->path), true);
}

err zone_read_file(struct zone_file *f, struct zone_builder **out)
{
	struct reading *r = MEM_NEW(struct reading);

	r->f = f;
	f->stamp = (struct zone_stamp){ 0 };
	f->included = 0;
	err e = read_main(r);

	reading_end(r, e, out);
	return e;
}

err zone_read_text(struct zone_file *f, str text, str name, struct zone_builder **out)
{
	struct reading *r = MEM_NEW(struct reading);

	r->f = f;
	err e = read_zone(r, text, name, false);

	reading_end(r, e, out);
	return e;
}

/* ---- and back ---- */

void zone_print_record(str owner, uint16_t type, uint32_t ttl, str rdata, struct buf *out)
{
	size_t before = out->n;

	dns_name_print(owner, out);
	for (size_t n = out->n - before; n < 31; n++)
		buf_addc(out, ' ');
	buf_fmt(out, " %-7u ", ttl);
	before = out->n;
	dns_type_print(type, out);
	for (size_t n = out->n - before; n < 6; n++)
		buf_addc(out, ' ');
	buf_addc(out, ' ');
	dns_rdata_print(type, rdata, out);
	buf_addc(out, '\n');
}

static void print_set(const struct zone_rrset *s, struct buf *out)
{
	str rdata;

	for (const unsigned char *at = NULL; zone_rdata_next(s, &at, &rdata);)
		zone_print_record(s->owner, s->type, s->ttl, rdata, out);
}

static err print_other(void *arg, const struct zone_rrset *s)
{
	struct buf *out = arg;

	if (s->type != DNS_SOA)
		print_set(s, out);
	return buf_done(out);
}

err zone_print(struct zone_builder *b, struct buf *out)
{
	struct zone_rrset soa;

	if (zone_builder_find(b, zone_builder_apex(b), DNS_SOA, &soa))
		print_set(&soa, out);
	return zone_builder_each(b, print_other, out);
}
