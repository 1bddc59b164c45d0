/* The lines of a dictionary file: ATTRIBUTE, VALUE, VENDOR, BEGIN-VENDOR, BEGIN-TLV, MEMBER,
 * $INCLUDE. */
#include <string.h>

#include "base/limits.h"
#include "base/list.h"
#include "formats/radius/dict.h"

struct vendor {
	struct vendor *next;
	str name;
	uint32_t number;
	uint8_t type_octets, length_octets;
	bool continued;
};
/* A VALUE whose attribute comes later. */
struct early {
	struct early *next;
	str attr, name, number, file;
	unsigned line;
};
struct reader {
	struct radius_dict *d;
	const struct radius_dict_source *from;
	struct buf *complaints;
	struct arena scratch;
	struct vendor *vendors;
	struct early *early, **early_end;
	const struct radius_attr *inside[LIM_RADIUS_DEPTH]; /* BEGIN-VENDOR, BEGIN-TLV */
	size_t depth;
	const struct radius_attr *last; /* the struct that MEMBER belongs to */
	uint32_t member;
	unsigned files;
};
enum { WORDS = 6 };
struct line {
	str word[WORDS];
	size_t n;
};

static const struct radius_attr *here(const struct reader *r)
{
	return r->depth ? r->inside[r->depth - 1] : NULL;
}

static err number_of(str text, uint64_t max, uint64_t *out)
{
	if (!str_startsi(text, STR("0x")))
		return str_u64(text, max, out);
	uint64_t v = 0;

	if (text.n < 3 || text.n > 18)
		return fail(E_SYNTAX, "\"%.*s\" is not a number", STRF(text));
	for (size_t i = 2; i < text.n; i++) {
		char c = ch_lower(text.p[i]);

		if (!ch_digit(c) && !(c >= 'a' && c <= 'f'))
			return fail(E_SYNTAX, "\"%.*s\" is not a number", STRF(text));
		v = v << 4 | (uint64_t)(ch_digit(c) ? c - '0' : c - 'a' + 10);
	}
	if (v > max)
		return fail(E_LIMIT, "\"%.*s\" is too large", STRF(text));
	*out = v;
	return OK;
}

/* ---- types and flags ---- */

static const struct {
	str name;
	uint8_t kind, size;
	bool is_signed;
} kinds[] = {
	{ S("string"), RK_STRING },
	{ S("octets"), RK_OCTETS },
	{ S("abinary"), RK_OCTETS },
	{ S("ipaddr"), RK_IPADDR, 4 },
	{ S("ipv4prefix"), RK_IPV4PREFIX },
	{ S("ipv6addr"), RK_IPV6ADDR, 16 },
	{ S("ipv6prefix"), RK_IPV6PREFIX },
	{ S("combo-ip"), RK_COMBO },
	{ S("comboip"), RK_COMBO },
	{ S("ifid"), RK_IFID, 8 },
	{ S("ether"), RK_ETHER, 6 },
	{ S("date"), RK_DATE, 4 },
	{ S("time_delta"), RK_DELTA, 4 },
	{ S("integer"), RK_INTEGER, 4 },
	{ S("uint32"), RK_INTEGER, 4 },
	{ S("integer64"), RK_INTEGER64, 8 },
	{ S("uint64"), RK_INTEGER64, 8 },
	{ S("short"), RK_SHORT, 2 },
	{ S("uint16"), RK_SHORT, 2 },
	{ S("byte"), RK_BYTE, 1 },
	{ S("uint8"), RK_BYTE, 1 },
	{ S("signed"), RK_SIGNED, 4, true },
	{ S("int32"), RK_SIGNED, 4, true },
	{ S("tlv"), RK_TLV },
	{ S("vsa"), RK_VSA },
	{ S("evs"), RK_EVS },
	{ S("extended"), RK_EXTENDED },
	{ S("long-extended"), RK_LONG },
	{ S("struct"), RK_STRUCT },
};

static err take_kind(str text, struct radius_attr *a)
{
	str size = STR("");

	if (str_cut(text, '[', &text, &size)) {
		uint64_t n;

		if (!str_ends(size, STR("]")) || str_u64(str_take(size, size.n - 1), 253, &n))
			return fail(E_SYNTAX, "\"%.*s\" is no size", STRF(size));
		a->size = (uint8_t)n;
	}
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!str_eqi(text, kinds[i].name))
			continue;
		a->kind = kinds[i].kind;
		a->is_signed = kinds[i].is_signed;
		if (kinds[i].size)
			a->size = kinds[i].size;
		if (a->kind == RK_TLV) {
			a->type_octets = 1;
			a->length_octets = 1;
		}
		return OK;
	}
	return fail(E_SYNTAX, "unknown type \"%.*s\"", STRF(text));
}

/* Units of dates and times, and the integer that they travel in (FreeRADIUS 4). */
static bool take_unit(str flag, struct radius_attr *a)
{
	static const struct {
		str name;
		uint32_t scale;
		uint8_t size;
		bool is_signed;
	} units[] = {
		{ S("seconds"), 1 },
		{ S("milliseconds"), 1000 },
		{ S("microseconds"), 1000000 },
		{ S("uint16"), 0, 2 },
		{ S("int16"), 0, 2, true },
		{ S("uint32"), 0, 4 },
		{ S("int32"), 0, 4, true },
	};

	if (a->kind != RK_DATE && a->kind != RK_DELTA)
		return false;
	for (size_t i = 0; i < COUNT(units); i++) {
		if (!str_eqi(flag, units[i].name))
			continue;
		if (units[i].scale)
			a->scale = units[i].scale;
		if (units[i].size) {
			a->size = units[i].size;
			a->is_signed = units[i].is_signed;
		}
		return true;
	}
	return false;
}

static err take_flags(str text, struct radius_attr *a)
{
	for (str flag; str_next(&text, ',', &flag);) {
		if (str_eqi(flag, STR("has_tag")))
			a->flags |= RA_TAG;
		else if (str_eqi(flag, STR("concat")))
			a->flags |= RA_CONCAT;
		else if (str_eqi(flag, STR("secret")))
			a->flags |= RA_SECRET;
		else if (str_eqi(flag, STR("virtual")))
			a->flags |= RA_VIRTUAL;
		else if (str_eqi(flag, STR("key")))
			a->flags |= RA_KEY;
		else if (str_startsi(flag, STR("encrypt=")) && flag.n == 9 && flag.p[8] >= '1' &&
			 flag.p[8] <= '3')
			a->encrypt = (uint8_t)(flag.p[8] - '0');
		else if (!take_unit(flag, a) && !str_eqi(flag, STR("array")))
			return fail(E_SYNTAX, "unknown flag \"%.*s\"", STRF(flag));
	}
	return OK;
}

/* ---- statements ---- */

/* "241.5.1": all but the last lead down to the parent. */
static err take_number(struct reader *r, str text, struct radius_attr *a)
{
	size_t depth = 0;

	a->parent = here(r);
	for (str part; str_next(&text, '.', &part);) {
		uint64_t n;

		TRY(number_of(part, UINT32_MAX, &n));
		a->number = (uint32_t)n;
		if (!text.p)
			return OK;
		a->parent = radius_dict_number(r->d, a->parent, a->number);
		if (!a->parent || !radius_kind_nests((enum radius_kind)a->parent->kind) ||
		    ++depth > LIM_RADIUS_DEPTH)
			return fail(E_NOTFOUND, "%.*s: nothing that has others inside", STRF(part));
	}
	return fail(E_SYNTAX, "no number");
}

static err add(struct reader *r, const struct radius_attr *a)
{
	const struct radius_attr *made;

	TRY(radius_dict_add(r->d, a, &made));
	if (made->kind == RK_STRUCT) {
		r->last = made;
		r->member = 0;
	}
	return OK;
}

static err read_attribute(struct reader *r, const struct line *l)
{
	struct radius_attr a = { .scale = 1 };

	if (l->n < 4)
		return fail(E_SYNTAX, "ATTRIBUTE name number type");
	a.name = l->word[1];
	TRY(take_number(r, l->word[2], &a));
	TRY(take_kind(l->word[3], &a));
	if (l->n > 4)
		TRY(take_flags(l->word[4], &a));
	/* Numbers above 255 are FreeRADIUS's own, never in a packet. */
	if (!a.parent && a.number > 255)
		a.flags |= RA_VIRTUAL;
	return add(r, &a);
}

/* The fields of the struct before, in their order. */
static err read_member(struct reader *r, const struct line *l)
{
	struct radius_attr a = { .scale = 1 };

	if (l->n < 3 || !r->last)
		return fail(E_SYNTAX, "MEMBER name type, behind a struct");
	const struct radius_attr *whole = r->last;

	a.name = l->word[1];
	a.parent = whole;
	a.number = ++r->member;
	TRY(take_kind(l->word[2], &a));
	if (l->n > 3)
		TRY(take_flags(l->word[3], &a));
	if (a.kind == RK_STRUCT || r->member > LIM_RADIUS_MEMBERS)
		return fail(E_SYNTAX, "a struct in a struct, or over %d members",
			    LIM_RADIUS_MEMBERS);
	return add(r, &a);
}

static err put_value(struct reader *r, const struct radius_attr *a, str name, str number)
{
	uint64_t n;

	TRY(number_of(number, INT64_MAX, &n));
	return radius_dict_add_value(r->d, a, name, (int64_t)n);
}

static const struct radius_attr *attribute(const struct reader *r, str name)
{
	const struct radius_attr *a = radius_dict_child(r->d, here(r), name);

	return a ? a : radius_dict_name(r->d, name);
}

static err read_value(struct reader *r, const struct line *l, str file, unsigned line)
{
	if (l->n < 4)
		return fail(E_SYNTAX, "VALUE attribute name number");
	const struct radius_attr *a = attribute(r, l->word[1]);

	if (a)
		return put_value(r, a, l->word[2], l->word[3]);
	struct early *e = NEW(&r->scratch, struct early);

	*e = (struct early){ .attr = arena_dup(&r->scratch, l->word[1]),
			     .name = arena_dup(&r->scratch, l->word[2]),
			     .number = arena_dup(&r->scratch, l->word[3]),
			     .file = arena_dup(&r->scratch, file),
			     .line = line };
	if (!e->attr.p || !e->name.p || !e->number.p || !e->file.p)
		return fail(E_LIMIT, "too many values before their attributes");
	*r->early_end = e;
	r->early_end = &e->next;
	return OK;
}

/* "format=1,1,c" */
static err take_format(str text, struct vendor *v)
{
	uint64_t n;
	str part;

	if (!str_startsi(text, STR("format=")))
		return fail(E_SYNTAX, "unknown flag \"%.*s\"", STRF(text));
	text = str_skip(text, 7);
	if (!str_next(&text, ',', &part) || str_u64(part, 4, &n) || (n != 1 && n != 2 && n != 4))
		return fail(E_SYNTAX, "type of %.*s octets", STRF(part));
	v->type_octets = (uint8_t)n;
	if (!str_next(&text, ',', &part) || str_u64(part, 2, &n))
		return fail(E_SYNTAX, "length of 0 to 2 octets is wanted");
	v->length_octets = (uint8_t)n;
	if (str_next(&text, ',', &part))
		v->continued = str_eqi(part, STR("c"));
	return OK;
}

static err read_vendor(struct reader *r, const struct line *l)
{
	struct vendor *v = NEW(&r->scratch, struct vendor);
	uint64_t n;

	if (l->n < 3)
		return fail(E_SYNTAX, "VENDOR name number");
	TRY(number_of(l->word[2], 0xffffff, &n));
	*v = (struct vendor){ r->vendors, arena_dup(&r->scratch, l->word[1]), (uint32_t)n, 1, 1 };
	if (!v->name.p)
		return fail(E_LIMIT, "too many vendors");
	if (l->n > 3)
		TRY(take_format(l->word[3], v));
	r->vendors = v;
	return OK;
}

static err enter(struct reader *r, const struct radius_attr *a)
{
	if (r->depth == LIM_RADIUS_DEPTH)
		return fail(E_LIMIT, "over %d BEGINs in one another", LIM_RADIUS_DEPTH);
	r->inside[r->depth++] = a;
	return OK;
}

/* "Extended-Vendor-Specific-5", or with its parent before. */
static const struct radius_attr *container(const struct reader *r, str path)
{
	const struct radius_attr *in = NULL;
	str parent, name;

	if (!str_cut(path, '.', &parent, &name))
		return radius_dict_name(r->d, path);
	in = radius_dict_name(r->d, parent);
	return in ? radius_dict_child(r->d, in, name) : NULL;
}

static err begin_vendor(struct reader *r, const struct line *l)
{
	const struct radius_attr *in = NULL, *made;
	const struct vendor *v = r->vendors;
	str format = l->n > 2 ? l->word[2] : STR("");

	while (v && l->n > 1 && !str_eqi(v->name, l->word[1]))
		v = v->next;
	if (!v || l->n < 2)
		return fail(E_NOTFOUND, "BEGIN-VENDOR of a vendor without VENDOR");
	if (str_startsi(format, STR("format=")))
		in = container(r, str_skip(format, 7));
	else
		in = radius_dict_number(r->d, NULL, 26);
	if (!in || (in->kind != RK_VSA && in->kind != RK_EVS))
		return fail(E_NOTFOUND, "no Vendor-Specific to put %.*s in", STRF(v->name));
	const struct radius_attr a = { .parent = in,
				       .name = v->name,
				       .number = v->number,
				       .kind = RK_VENDOR,
				       .flags = v->continued ? RA_CONTINUED : 0,
				       .type_octets = v->type_octets,
				       .length_octets = v->length_octets };

	made = radius_dict_number(r->d, in, v->number);
	if (!made || !str_eqi(made->name, v->name))
		TRY(radius_dict_add(r->d, &a, &made));
	return enter(r, made);
}

static err begin_tlv(struct reader *r, const struct line *l)
{
	const struct radius_attr *a = l->n > 1 ? attribute(r, l->word[1]) : NULL;

	if (!a || a->kind != RK_TLV)
		return fail(E_NOTFOUND, "BEGIN-TLV of an attribute that is no tlv");
	return enter(r, a);
}

static err end_block(struct reader *r, const struct line *l)
{
	if (!r->depth || l->n < 2 || !str_eqi(here(r)->name, l->word[1]))
		return fail(E_SYNTAX, "an end without its BEGIN");
	r->depth--;
	return OK;
}

/* ---- lines and files ---- */

static err read_file(struct reader *r, str name, unsigned depth, bool must);

static err read_line(struct reader *r, const struct line *l, str file, unsigned number,
		     unsigned depth)
{
	str verb = l->word[0];

	if (str_eqi(verb, STR("ATTRIBUTE")))
		return read_attribute(r, l);
	if (str_eqi(verb, STR("VALUE")))
		return read_value(r, l, file, number);
	if (str_eqi(verb, STR("VENDOR")))
		return read_vendor(r, l);
	if (str_eqi(verb, STR("BEGIN-VENDOR")))
		return begin_vendor(r, l);
	if (str_eqi(verb, STR("BEGIN-TLV")))
		return begin_tlv(r, l);
	if (str_eqi(verb, STR("END-VENDOR")) || str_eqi(verb, STR("END-TLV")))
		return end_block(r, l);
	if (str_eqi(verb, STR("MEMBER")))
		return read_member(r, l);
	if (str_eqi(verb, STR("$INCLUDE")) && l->n == 2)
		return read_file(r, l->word[1], depth + 1, true);
	if (str_eqi(verb, STR("$INCLUDE-")) && l->n == 2)
		return read_file(r, l->word[1], depth + 1, false);
	return fail(E_SYNTAX, "unknown statement \"%.*s\"", STRF(verb));
}

static void split(str text, struct line *l)
{
	l->n = 0;
	text = str_take(text, str_find(text, '#'));
	text = str_trim_ws(text);
	while (l->n < WORDS && str_word(&text, &l->word[l->n]))
		l->n++;
}

static err read_lines(struct reader *r, str file, str text, unsigned depth)
{
	unsigned number = 0;

	for (str one; str_next(&text, '\n', &one);) {
		struct line l;

		number++;
		split(one, &l);
		if (!l.n)
			continue;
		err e = read_line(r, &l, file, number, depth);

		if (e) {
			if (!r->complaints->n)
				buf_fmt(r->complaints, "%.*s:%u: %s\n", STRF(file), number,
					err_last()->text);
			return e;
		}
	}
	return OK;
}

static err read_file(struct reader *r, str name, unsigned depth, bool must)
{
	str text;

	if (depth > LIM_RADIUS_INCLUDES || ++r->files > LIM_RADIUS_DICT_FILES)
		return fail(E_LIMIT, "files include each other");
	err e = r->from->open(r->from->arg, name, &text);

	if (e == E_NOTFOUND && !must)
		return OK;
	TRY(e);
	return read_lines(r, name, text, depth);
}

/* What names an attribute that never came (FreeRADIUS's own files have some) is no harm. */
static err put_early(struct reader *r)
{
	for (const struct early *e = r->early; e; e = e->next) {
		const struct radius_attr *a = radius_dict_name(r->d, e->attr);

		if (!a)
			continue;
		err bad = put_value(r, a, e->name, e->number);

		if (bad) {
			buf_fmt(r->complaints, "%.*s:%u: %s\n", STRF(e->file), e->line,
				err_last()->text);
			return bad;
		}
	}
	return OK;
}

err radius_dict_read(struct radius_dict *d, const struct radius_dict_source *from, str name,
		     struct buf *complaints)
{
	struct reader r = { .d = d, .from = from, .complaints = complaints };

	r.early_end = &r.early;
	arena_init(&r.scratch, LIM_RADIUS_DICT);
	err e = read_file(&r, name, 0, true);

	if (e && !complaints->n)
		buf_fmt(complaints, "%.*s: %s\n", STRF(name), err_last()->text);
	if (!e)
		e = put_early(&r);
	arena_free(&r.scratch);
	return e;
}
