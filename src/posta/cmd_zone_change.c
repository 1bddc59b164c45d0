/* Changes of a zone: what was typed, what it would make of the zone, and the text of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "posta/cmd_zone.h"

/* ---- mistakes ---- */

err zone_mistakes(struct directory *d, uint64_t id, struct buf *errors, struct buf *warnings)
{
	struct zone_reader *r = NULL;
	struct zone_builder *b = NULL;
	struct zone_about about;

	TRY(zone_reader_new(d, &r));
	err e = zone_read(r, id, NULL, &about, &b);

	if (e && e != E_IO && e != E_AGAIN)
		buf_fmt(errors, "%s\n", err_last()->text);
	else if (!e && b)
		e = zone_builder_check(b, errors, warnings);
	zone_builder_free(b);
	zone_reader_free(r);
	return e;
}

static bool has_line(str text, str line)
{
	str one;

	while (str_next(&text, '\n', &one))
		if (str_eq(one, line))
			return true;
	return false;
}

/* Lines that were not there before go to standard error. */
static size_t print_new(str before, str after, const char *what)
{
	str one;
	size_t n = 0;

	while (str_next(&after, '\n', &one)) {
		if (!one.n || has_line(before, one))
			continue;
		fprintf(stderr, "%s%.*s\n", what, STRF(one));
		n++;
	}
	return n;
}

static err look(struct zone_change *z)
{
	CLEANUP(buf_free) struct buf errors = { 0 };
	CLEANUP(buf_free) struct buf warnings = { 0 };

	buf_init(&errors, MIB(1));
	buf_init(&warnings, MIB(1));
	err e = zone_mistakes(z->c->d, z->id, &errors, &warnings);

	if (e && !errors.n)
		return e;
	size_t n = print_new(buf_str(&z->before), buf_str(&errors), "");

	if (n)
		return fail(E_DENIED, "zone %.*s would be wrong; nothing was changed",
			    STRF(z->name.text));
	return OK;
}

err zone_change_begin(struct zone_change *z, struct dircmd *c, str name)
{
	*z = (struct zone_change){ .c = c };
	buf_init(&z->before, MIB(1));
	TRY(dirzone_name_parse(name, &z->name));
	TRY(directory_begin(c->d));
	err e = dirzone_find(c->d, name, &z->id);

	if (!e) {
		e = zone_mistakes(c->d, z->id, &z->before, NULL);
		e = z->before.n ? OK : e;
	}
	if (e)
		directory_rollback(c->d);
	return e;
}

err zone_change_end(struct zone_change *z, err e)
{
	if (!e && !z->unchanged)
		e = dirzone_touch(z->c->d, z->id);
	if (!e)
		e = look(z);
	if (!e)
		e = directory_commit(z->c->d);
	if (e)
		directory_rollback(z->c->d);
	buf_free(&z->before);
	return e;
}

/* ---- the text that is shown and edited ---- */

struct texting {
	struct buf *out, *made_out;
	struct arena a;
	str apex;
	bool edit, made;
};

static void pad(struct buf *out, size_t from, size_t width)
{
	for (size_t n = out->n - from; n < width; n++)
		buf_addc(out, ' ');
	buf_addc(out, ' ');
}

static void print_line(const struct dir_record *r, struct buf *out)
{
	size_t at = out->n;

	buf_add(out, r->name);
	pad(out, at, 23);
	at = out->n;
	if (r->ttl >= 0)
		buf_fmt(out, "%lld", (long long)r->ttl);
	pad(out, at, 7);
	at = out->n;
	buf_add(out, r->type);
	pad(out, at, 6);
	buf_add(out, r->data);
	buf_addc(out, '\n');
}

static err own_line(void *arg, const struct dir_record *r)
{
	struct texting *t = arg;

	print_line(r, t->out);
	return buf_done(t->out);
}

static void made_line(void *arg, str owner, uint16_t type, uint32_t ttl, str rdata)
{
	struct texting *t = arg;
	struct dir_record r = { .ttl = (int64_t)ttl };

	if (dirzone_record_of(t->apex, owner, type, rdata, &t->a, &r))
		return;
	if (!t->made)
		buf_add(t->made_out,
			STR("; what the mail configuration gives; a record of yours of the "
			    "same name and type takes its place\n"));
	t->made = true;
	if (t->edit)
		buf_addc(t->made_out, ';');
	print_line(&r, t->made_out);
}

static err soa_line(struct zone_builder *b, struct buf *out)
{
	struct zone_rrset soa;
	const unsigned char *at = NULL;
	str rdata;

	if (!b || !zone_builder_find(b, zone_builder_apex(b), DNS_SOA, &soa) ||
	    !zone_rdata_next(&soa, &at, &rdata))
		return OK;
	buf_add(out, STR("@                               SOA    "));
	dns_rdata_print(DNS_SOA, rdata, out);
	buf_addc(out, '\n');
	return buf_done(out);
}

static void print_about(const struct zone_about *about, int64_t ttl, struct buf *out)
{
	buf_fmt(out, "$ORIGIN %.*s%s\n$TTL %lld\n", STRF(about->name.text),
		str_eq(about->name.text, STR(".")) ? "" : ".", (long long)ttl);
	if (about->transfer.n)
		buf_fmt(out, "; transfer: %.*s\n", STRF(about->transfer));
	if (about->notify.n)
		buf_fmt(out, "; notify: %.*s\n", STRF(about->notify));
	if (about->disabled)
		buf_add(out, STR("; disabled: it is not served\n"));
}

/* A zone that does not build is shown and mended all the same. */
static err text_of(struct texting *t, struct directory *d, struct zone_reader *r, uint64_t id)
{
	const struct zone_made to = { made_line, t };
	struct zone_about *about = NEW(&t->a, struct zone_about);
	struct dirzone_name *name = NEW(&t->a, struct dirzone_name);
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct zone_builder *b = NULL;

	TRY(SQL_QUERY(directory_sql(d), &st, "SELECT name, ttl FROM zones WHERE id = ?",
		      SQL_I(id)));
	TRY(sql_step(st));
	TRY(dirzone_name_parse(sql_text(st, 0), name));
	t->apex = dns_name_str(&name->wire);
	int64_t ttl = sql_int(st, 1);
	err e = zone_read(r, id, &to, about, &b);

	print_about(about, ttl, t->out);
	if (e)
		buf_fmt(t->out, "; %s\n", err_last()->text);
	e = soa_line(b, t->out);
	zone_builder_free(b);
	TRY(e);
	TRY(dirzone_record_each(d, id, own_line, t));
	buf_add(t->out, buf_str(t->made_out));
	return buf_done(t->out);
}

err zone_text(struct directory *d, uint64_t id, bool edit, struct buf *out)
{
	struct zone_reader *r = NULL;

	CLEANUP(buf_free) struct buf made = { 0 };
	struct texting t = { .out = out, .made_out = &made, .edit = edit };

	TRY(zone_reader_new(d, &r));
	arena_init(&t.a, MIB(64));
	buf_init(&made, MIB(16));
	err e = text_of(&t, d, r, id);

	arena_free(&t.a);
	zone_reader_free(r);
	return e;
}

err zone_slurp(const char *path, struct buf *out)
{
	FILE *f = str_eq(str_z(path), STR("-")) ? stdin : fopen(path, "re");
	char *room;
	size_t n = 1;

	if (!f)
		return fail(errno == ENOENT ? E_NOTFOUND : E_IO, "%s: %s", path,
			    strerrordesc_np(errno));
	while (n && (room = buf_room(out, KIB(64)))) {
		n = fread(room, 1, KIB(64), f);
		out->n += n;
	}
	bool bad = ferror(f) != 0;

	if (f != stdin)
		(void)fclose(f);
	return bad ? fail(E_IO, "%s: it cannot be read", path) : buf_done(out);
}
