/* From pairs to the wire. */
#include <string.h>

#include "formats/radius/pair.h"
#include "formats/radius/password.h"

enum { CHARGEABLE_USER_IDENTITY = 89, MORE = 0x80 };

struct writing {
	struct buf *out;
	struct radius_hiding *hiding;
	unsigned tag;
	const struct radius_pair *top; /* the attribute of the packet that is being written */
	unsigned depth;
};

static err write_value(struct writing *w, const struct radius_pair *p, struct buf *out);

static err deeper(struct writing *w)
{
	return ++w->depth > LIM_RADIUS_DEPTH + 2 ? fail(E_LIMIT, "attributes too deep") : OK;
}

static void add_number(struct buf *out, uint64_t v, size_t octets)
{
	while (octets--)
		buf_u8(out, (unsigned)(v >> (8 * octets)) & 0xff);
}

/* Dates and times: what is over the integer's range becomes its end. */
static void add_time(struct buf *out, const struct radius_attr *a, str value)
{
	uint64_t u = 0;

	for (size_t i = 0; i < value.n; i++)
		u = u << 8 | (unsigned char)value.p[i];
	int64_t v = (int64_t)u, top, bottom = 0;
	unsigned bits = a->size * 8U;

	if (a->is_signed) {
		top = (int64_t)(UINT64_MAX >> (65 - bits));
		bottom = -top - 1;
	} else {
		top = bits >= 64 ? INT64_MAX : (int64_t)((UINT64_C(1) << bits) - 1);
	}
	v = v > top ? top : v;
	v = v < bottom ? bottom : v;
	add_number(out, (uint64_t)v, a->size);
}

static err add_hidden(struct writing *w, const struct radius_attr *a, str value, struct buf *out)
{
	unsigned char hidden[RADIUS_VALUE];
	size_t n = 0, before = a->flags & RA_TAG ? 1 : 0;

	if (!w->hiding)
		return fail(E_DENIED, "%.*s is hidden by a packet's authenticator", STRF(a->name));
	if (a->encrypt == RE_USER_PASSWORD)
		TRY(radius_password_hide(w->hiding->secret, w->hiding->authenticator, value, hidden,
					 &n));
	else if (a->encrypt == RE_TUNNEL_PASSWORD)
		TRY(radius_salted_hide(w->hiding->secret, w->hiding->authenticator,
				       w->hiding->salt++, value, before, hidden, &n));
	else
		return fail(E_DENIED, "%.*s cannot be hidden", STRF(a->name));
	if (before)
		buf_u8(out, w->tag);
	buf_add(out, str_of(hidden, n));
	return OK;
}

static err add_leaf(struct writing *w, const struct radius_pair *p, struct buf *out)
{
	const struct radius_attr *a = p->attr;

	if (p->raw || !a) {
		buf_add(out, p->value);
		return OK;
	}
	if (a->encrypt)
		return add_hidden(w, a, p->value, out);
	if (a->kind == RK_DATE || a->kind == RK_DELTA) {
		add_time(out, a, p->value);
	} else if (a->flags & RA_TAG && a->kind == RK_INTEGER && p->value.n == 4) {
		buf_u8(out, w->tag);
		buf_add(out, str_skip(p->value, 1));
	} else {
		if (a->flags & RA_TAG && w->tag)
			buf_u8(out, w->tag);
		buf_add(out, p->value);
	}
	return OK;
}

/* One of a vendor's or TLV's attributes. */
static err add_inside(struct writing *w, const struct radius_attr *in, const struct radius_pair *p,
		      struct buf *out)
{
	/* What is written below an attribute that has no inside of its own goes as in a TLV. */
	size_t t = in && in->type_octets ? in->type_octets : 1;
	size_t l = in && in->type_octets ? in->length_octets : 1;
	size_t more = in && in->flags & RA_CONTINUED ? 1 : 0;
	struct buf value;

	buf_init(&value, RADIUS_MAX);
	err e = write_value(w, p, &value);
	size_t n = t + l + more + value.n;

	if (!e && (n > RADIUS_VALUE || p->number >> (8 * t - 1) > 1))
		e = fail(E_LIMIT, "a value of %zu octets inside an attribute", value.n);
	if (!e) {
		add_number(out, p->number, t);
		add_number(out, n, l);
		add_number(out, 0, more);
		buf_add(out, buf_str(&value));
	}
	buf_free(&value);
	return e;
}

/* A struct ends with the first field that is not there. */
static err add_struct(struct writing *w, const struct radius_pair *p, struct buf *out)
{
	uint32_t field = 0;

	for (const struct radius_pair *c = p->children; c; c = c->next) {
		if (!c->attr || c->number <= field)
			continue;
		if (c->number != field + 1)
			return OK;
		field = c->number;
		TRY(write_value(w, c, out));
	}
	return OK;
}

static err write_value(struct writing *w, const struct radius_pair *p, struct buf *out)
{
	unsigned depth = w->depth;

	TRY(deeper(w));
	if (!p->children)
		TRY(add_leaf(w, p, out));
	else if (p->attr && p->attr->kind == RK_STRUCT)
		TRY(add_struct(w, p, out));
	else
		for (const struct radius_pair *c = p->children; c; c = c->next)
			TRY(add_inside(w, p->attr, c, out));
	w->depth = depth;
	return OK;
}

/* ---- attributes of the packet ---- */

static void add_attribute(struct buf *out, unsigned type, str value)
{
	buf_u8(out, type);
	buf_u8(out, (unsigned)value.n + 2);
	buf_add(out, value);
}

/* before: what stands in each attribute (a long one's types); value: behind it. */
static err emit(struct writing *w, str before, str value)
{
	const struct radius_attr *a = w->top->attr;
	unsigned type = w->top->number & 0xff;
	unsigned char piece[RADIUS_VALUE];

	if (!before.n && !value.n && type != CHARGEABLE_USER_IDENTITY)
		return OK;
	bool splits = a && (a->kind == RK_LONG || a->flags & RA_CONCAT);

	if (before.n + value.n > RADIUS_VALUE && !splits)
		return fail(E_LIMIT, "%.*s of %zu octets", STRF(a ? a->name : STR("attribute")),
			    value.n);
	do {
		size_t n = RADIUS_VALUE - before.n < value.n ? RADIUS_VALUE - before.n : value.n;

		if (before.n)
			memcpy(piece, before.p, before.n);
		if (n)
			memcpy(piece + before.n, value.p, n);
		value = str_skip(value, n);
		if (a && a->kind == RK_LONG && before.n > 1)
			piece[1] = value.n ? MORE : 0;
		add_attribute(w->out, type, str_of(piece, before.n + n));
	} while (value.n);
	return OK;
}

/* Each of a vendor's attributes is one of the packet. head: octets before the vendor's number. */
static err emit_vendors(struct writing *w, str before, const struct radius_pair *in, bool evs)
{
	for (const struct radius_pair *v = in->children; v; v = v->next) {
		const struct radius_pair *c = v->children ? v->children : v;

		for (; c; c = c == v ? NULL : c->next) {
			struct buf value;
			err e = OK;

			buf_init(&value, RADIUS_MAX);
			buf_u32(&value, v->number);
			if (c == v) {
				buf_add(&value, v->value);
			} else if (evs) {
				buf_u8(&value, c->number & 0xff);
				e = write_value(w, c, &value);
			} else {
				e = add_inside(w, v->attr, c, &value);
			}
			if (!e)
				e = emit(w, before, buf_str(&value));
			buf_free(&value);
			TRY(e);
		}
	}
	return OK;
}

static err emit_extended(struct writing *w, const struct radius_pair *p)
{
	for (const struct radius_pair *c = p->children; c; c = c->next) {
		const char types[2] = { (char)c->number, 0 };
		str before = str_of(types, p->attr->kind == RK_LONG ? 2 : 1);

		if (c->attr && c->attr->kind == RK_EVS && c->children) {
			TRY(emit_vendors(w, before, c, true));
			continue;
		}
		struct buf value;

		buf_init(&value, RADIUS_MAX);
		err e = write_value(w, c, &value);

		if (!e)
			e = emit(w, before, buf_str(&value));
		buf_free(&value);
		TRY(e);
	}
	return OK;
}

static err emit_top(struct writing *w, const struct radius_pair *p)
{
	enum radius_kind kind = p->attr ? (enum radius_kind)p->attr->kind : RK_OCTETS;
	struct buf value;

	if (p->attr && p->attr->flags & RA_VIRTUAL)
		return OK;
	w->top = p;
	w->depth = 0;
	if (p->children && kind == RK_VSA)
		return emit_vendors(w, STR(""), p, false);
	if (p->children && (kind == RK_EXTENDED || kind == RK_LONG))
		return emit_extended(w, p);
	buf_init(&value, RADIUS_MAX);
	err e = write_value(w, p, &value);

	if (!e)
		e = emit(w, STR(""), buf_str(&value));
	buf_free(&value);
	return e;
}

err radius_pairs_write(const struct radius_pair *p, struct radius_hiding *hiding, struct buf *out)
{
	struct writing w = { .out = out, .hiding = hiding };

	for (; p; p = p->next) {
		if (p->attr != &radius_tag) {
			TRY(emit_top(&w, p));
			continue;
		}
		w.tag = p->number;
		for (const struct radius_pair *c = p->children; c; c = c->next)
			TRY(emit_top(&w, c));
		w.tag = 0;
	}
	return buf_done(out);
}

static bool hidden(const struct radius_pair *p, unsigned depth)
{
	for (; p && depth < LIM_RADIUS_DEPTH + 2; p = p->next)
		if ((p->attr && p->attr->encrypt && !p->raw) ||
		    (p->children && hidden(p->children, depth + 1)))
			return true;
	return false;
}

bool radius_pairs_hidden(const struct radius_pair *p)
{
	return hidden(p, 0);
}
