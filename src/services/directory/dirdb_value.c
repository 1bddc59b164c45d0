#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "services/directory/address.h"
#include "services/directory/dirdb.h"

static const struct unit {
	char letter;
	unsigned shift;
} units[] = { { 'T', 40 }, { 'G', 30 }, { 'M', 20 }, { 'K', 10 } };

#define SIZE_MOST                                                                                  \
	((uint64_t)1 << 50) /* octets: a pebibyte, so that sums of quotas stay far from 64 bits */

err dir_size_parse(str text, uint64_t *out)
{
	unsigned shift = 0;
	str number = text;

	for (size_t i = 0; i < COUNT(units); i++) {
		if (text.n && ch_upper(text.p[text.n - 1]) == units[i].letter) {
			shift = units[i].shift;
			number = str_take(text, text.n - 1);
		}
	}
	err e = str_u64(number, SIZE_MOST >> shift, out);

	if (e)
		return fail(e, "\"%.*s\" is not a size; write octets, or 64k, 300M, 2G",
			    STRF(text));
	*out <<= shift;
	return OK;
}

static err parse_int(const struct dir_field *f, str text, struct sql_value *out)
{
	int64_t v;
	err e = str_i64(text, &v);

	if (e || v < f->min || v > f->max)
		return fail(E_SYNTAX, "\"%.*s\" is not a number from %lld to %lld", STRF(text),
			    (long long)f->min, (long long)f->max);
	*out = SQL_I(v);
	return OK;
}

static err parse_bool(const struct dir_field *f, str text, struct sql_value *out)
{
	static const str yes[] = { S("yes"), S("true"), S("on"), S("1") };
	static const str no[] = { S("no"), S("false"), S("off"), S("0") };

	for (size_t i = 0; i < COUNT(yes); i++) {
		if (str_eqi(text, yes[i]) || str_eqi(text, no[i])) {
			*out = SQL_I(str_eqi(text, yes[i]) ? (f->type == DIR_FLAG ? f->min : 1)
							   : 0);
			return OK;
		}
	}
	return fail(E_SYNTAX, "\"%.*s\" is neither yes nor no", STRF(text));
}

static err parse_word(const struct dir_field *f, str text, struct sql_value *out)
{
	for (int i = 0; f->words[i]; i++) {
		if (str_eqi(text, str_z(f->words[i]))) {
			*out = SQL_I(i + f->min);
			return OK;
		}
	}
	return fail(E_SYNTAX, "\"%.*s\" is not one of: %s", STRF(text), f->help);
}

static err parse_date(str text, struct sql_value *out)
{
	struct date d = { 0 };
	str rest = text, y, m, day;
	uint64_t v[3];

	*out = SQL_I(0);
	if (!text.n)
		return OK;
	if (text.n != 10 || !str_next(&rest, '-', &y) || !str_next(&rest, '-', &m) ||
	    !str_next(&rest, '-', &day) || str_u64(y, 9999, &v[0]) || str_u64(m, 12, &v[1]) ||
	    str_u64(day, 31, &v[2]) || !v[1] || !v[2])
		return fail(E_SYNTAX, "\"%.*s\" is not a date; write 2026-12-24", STRF(text));
	d.year = (int)v[0];
	d.month = (int)v[1];
	d.day = (int)v[2];
	*out = SQL_I(date_seconds(&d));
	return OK;
}

static err parse_addresses(str text, struct arena *a, struct sql_value *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	str rest = text, one;

	buf_init(&b, LIM_DIR_TEXT);
	while (text.n && str_next(&rest, ',', &one)) {
		struct dir_address ad;

		TRY(dir_address_parse(str_trim(one), true, &ad));
		buf_fmt(&b, "%s%.*s", b.n ? "," : "", STRF(ad.all));
	}
	TRY(buf_done(&b));
	*out = SQL_T(arena_dup(a, buf_str(&b)));
	return OK;
}

static err parse_reference(struct directory *d, const struct dir_field *f, str text,
			   struct sql_value *out)
{
	uint64_t id;

	*out = SQL_NIL;
	if (!text.n)
		return OK;
	TRY(directory_find(d, f->type == DIR_TENANT_REF ? &dir_tenant : &dir_domain, text, &id));
	*out = SQL_I(id);
	return OK;
}

static err parse_clean(const struct dir_field *f, str text, struct arena *a, struct sql_value *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, LIM_DIR_TEXT);
	TRY(f->clean(text, &b));
	TRY(buf_done(&b));
	*out = SQL_T(arena_dup(a, buf_str(&b)));
	return OK;
}

static err parse_text(str text, struct arena *a, struct sql_value *out)
{
	if (text.n > LIM_DIR_TEXT)
		return fail(E_LIMIT, "a text of %zu octets; %zu are allowed", text.n, LIM_DIR_TEXT);
	if (!utf8_valid(text) || str_find(text, 0) != text.n)
		return fail(E_SYNTAX, "a text that is not UTF-8");
	*out = SQL_T(arena_dup(a, text));
	return OK;
}

static err parse_any(struct directory *d, const struct dir_field *f, str text, struct arena *a,
		     struct sql_value *out)
{
	uint64_t size;

	switch (f->type) {
	case DIR_INT:
		return parse_int(f, text, out);
	case DIR_SIZE:
		TRY(dir_size_parse(text, &size));
		*out = SQL_I(size);
		return OK;
	case DIR_BOOL:
	case DIR_FLAG:
		return parse_bool(f, text, out);
	case DIR_WORD:
		return parse_word(f, text, out);
	case DIR_DATE:
		return parse_date(text, out);
	case DIR_ADDRESSES:
		return parse_addresses(text, a, out);
	case DIR_TENANT_REF:
	case DIR_DOMAIN_REF:
		return parse_reference(d, f, text, out);
	case DIR_TEXT:
		break;
	}
	return f->clean ? parse_clean(f, text, a, out) : parse_text(text, a, out);
}

err dir_value_parse(struct directory *d, const struct dir_field *f, str text, struct arena *a,
		    struct sql_value *out)
{
	char why[sizeof(err_last()->text)];

	if (f->shown)
		return fail(E_DENIED, "%s: is kept by posta itself", f->name);
	err e = parse_any(d, f, text, a, out);

	if (!e || e == E_IO || e == E_AGAIN)
		return e;
	err cut = str_to_z(str_z(err_last()->text), why, sizeof(why)); /* fail() writes over it */

	return cut ? e : fail(e, "%s: %s", f->name, why);
}

static void print_size(uint64_t v, struct buf *out)
{
	for (size_t i = 0; i < COUNT(units); i++) {
		if (v && v % ((uint64_t)1 << units[i].shift) == 0) {
			buf_fmt(out, "%llu%c", (unsigned long long)(v >> units[i].shift),
				units[i].letter);
			return;
		}
	}
	buf_fmt(out, "%llu", (unsigned long long)v);
}

static void print_word(const struct dir_field *f, int64_t v, struct buf *out)
{
	for (int i = 0; f->words[i]; i++)
		if (i + f->min == v)
			buf_add(out, str_z(f->words[i]));
}

void dir_value_print(const struct dir_field *f, struct sql_stmt *st, int column, struct buf *out)
{
	int64_t v = sql_int(st, column);
	struct date d;

	switch (f->type) {
	case DIR_INT:
		buf_fmt(out, "%lld", (long long)v);
		return;
	case DIR_SIZE:
		print_size((uint64_t)v, out);
		return;
	case DIR_BOOL:
		buf_add(out, v ? STR("yes") : STR("no"));
		return;
	case DIR_FLAG:
		buf_add(out, v & f->min ? STR("yes") : STR("no"));
		return;
	case DIR_WORD:
		print_word(f, v, out);
		return;
	case DIR_DATE:
		d = date_of(v, 0);
		if (v)
			buf_fmt(out, "%04d-%02d-%02d", d.year, d.month, d.day);
		return;
	default:
		buf_add(out, sql_text(st, column));
	}
}
