/* From the wire to pairs. Depth is bounded by radius_build_enter. */
#include <string.h>

#include "formats/radius/pair.h"
#include "formats/radius/password.h"

enum { CHARGEABLE_USER_IDENTITY = 89, TAG_MAX = 0x1f, MORE = 0x80 };

struct reading {
	struct radius_build b;
	const struct radius_hiding *hiding;
	str rest; /* of the packet's attributes: a value may go on there */
};

static err read_value(struct reading *r, const struct radius_attr *a, uint32_t number, str value);

static err add_leaf(struct reading *r, unsigned tag, const struct radius_attr *a, uint32_t number,
		    bool raw, str value)
{
	const struct radius_pair leaf = {
		.attr = a, .number = number, .raw = raw || !a, .value = value
	};

	return radius_build_add(&r->b, tag, &leaf);
}

/* Goes a step down, has fn read what is inside, and comes back. */
static err inside(struct reading *r, const struct radius_attr *a, uint32_t number, bool fresh,
		  err (*fn)(struct reading *r, const struct radius_attr *a, str value), str value)
{
	size_t depth = r->b.depth;

	if (radius_build_enter(&r->b, a, number, fresh))
		return add_leaf(r, 0, a, number, true, value); /* too deep: its octets */
	err e = fn(r, a, value);

	r->b.depth = depth;
	return e;
}

/* ---- attributes inside attributes ---- */

/* The next of a vendor's or TLV's attributes: type and length in their own numbers of octets. */
static bool next_inside(const struct radius_attr *in, str *rest, uint32_t *type, str *value)
{
	size_t t = in ? in->type_octets : 1, l = in ? in->length_octets : 1;
	size_t more = in && in->flags & RA_CONTINUED ? 1 : 0, n;
	const unsigned char *b = (const void *)rest->p;

	if (rest->n < t + l + more)
		return false;
	*type = 0;
	for (size_t i = 0; i < t; i++)
		*type = *type << 8 | b[i];
	if (l == 0)
		n = rest->n;
	else
		n = l == 1 ? b[t] : (size_t)b[t] << 8 | b[t + 1];
	if (n < t + l + more || n > rest->n || (more && b[t + l] & MORE))
		return false;
	*value = str_of(rest->p + t + l + more, n - t - l - more);
	*rest = str_skip(*rest, n);
	return true;
}

static bool well_formed(const struct radius_attr *in, str value)
{
	uint32_t type;
	str one;

	if (!value.n)
		return false;
	while (value.n)
		if (!next_inside(in, &value, &type, &one))
			return false;
	return true;
}

static err read_inside(struct reading *r, const struct radius_attr *in, str value)
{
	uint32_t type;
	str one;

	while (value.n && next_inside(in, &value, &type, &one))
		TRY(read_value(r, in ? radius_dict_number(r->b.d, in, type) : NULL, type, one));
	return OK;
}

/* RFC 2865 5.26: a vendor's number, then attributes as the vendor writes them. */
static err read_vendor(struct reading *r, const struct radius_attr *vsa, str value)
{
	uint32_t number = radius_get32(value.p);
	const struct radius_attr *v = radius_dict_number(r->b.d, vsa, number);

	value = str_skip(value, 4);
	if (!well_formed(v, value))
		return add_leaf(r, 0, v, number, true, value);
	return inside(r, v, number, v == NULL, read_inside, value);
}

static err read_extended_vendor_value(struct reading *r, const struct radius_attr *v, str value)
{
	uint32_t type = (unsigned char)value.p[0];

	return read_value(r, v ? radius_dict_number(r->b.d, v, type) : NULL, type,
			  str_skip(value, 1));
}

/* RFC 6929 2.4: vendor, one type, value. */
static err read_extended_vendor(struct reading *r, const struct radius_attr *evs, str value)
{
	uint32_t number = radius_get32(value.p);
	const struct radius_attr *v = radius_dict_number(r->b.d, evs, number);

	return inside(r, v, number, v == NULL, read_extended_vendor_value, str_skip(value, 4));
}

/* RFC 6929 2.1: one more type. */
static err read_extended(struct reading *r, const struct radius_attr *a, str value)
{
	uint32_t type = (unsigned char)value.p[0];

	return read_value(r, radius_dict_number(r->b.d, a, type), type, str_skip(value, 1));
}

/* RFC 6929 2.2: the value goes on in the next attribute of the same types while M is set. */
static err read_long(struct reading *r, const struct radius_attr *a, str value)
{
	struct buf b;
	unsigned type = (unsigned char)value.p[0], flags = (unsigned char)value.p[1];

	buf_init(&b, RADIUS_MAX);
	buf_addc(&b, (char)type);
	buf_add(&b, str_skip(value, 2));
	while (flags & MORE) {
		str rest = r->rest;
		struct radius_field f;

		if (!radius_next(&rest, &f) || f.type != a->number || f.value.n < 2 ||
		    (unsigned char)f.value.p[0] != type)
			break;
		flags = (unsigned char)f.value.p[1];
		buf_add(&b, str_skip(f.value, 2));
		r->rest = rest;
	}
	str whole = arena_dup(r->b.a, buf_str(&b));

	buf_free(&b);
	return whole.p ? read_extended(r, a, whole) : fail(E_LIMIT, "attributes too long");
}

/* ---- structs ---- */

/* The fields one after another; the last one takes what is left where it has no size. What is
 * behind the last field is ignored. */
static err read_struct(struct reading *r, const struct radius_attr *s, str value)
{
	for (uint32_t i = 1; value.n; i++) {
		const struct radius_attr *m = radius_dict_number(r->b.d, s, i);

		if (!m || m->size > value.n)
			return OK;
		if (m->kind == RK_TLV)
			return inside(r, m, i, false, read_inside, value);
		size_t n = m->size ? m->size : value.n;

		TRY(read_value(r, m, i, str_take(value, n)));
		value = str_skip(value, n);
	}
	return OK;
}

/* ---- values ---- */

static err reveal(struct reading *r, const struct radius_attr *a, str hidden, str *out)
{
	unsigned char clear[RADIUS_VALUE];
	size_t n = 0;
	err e = E_DENIED;

	if (!r->hiding)
		return fail(E_DENIED, "hidden");
	if (a->encrypt == RE_USER_PASSWORD)
		e = radius_password_reveal(r->hiding->secret, r->hiding->authenticator, hidden,
					   clear, &n);
	else if (a->encrypt == RE_TUNNEL_PASSWORD)
		e = radius_salted_reveal(r->hiding->secret, r->hiding->authenticator, hidden, clear,
					 &n);
	TRY(e);
	*out = arena_dup(r->b.a, str_of(clear, n));
	mem_wipe(clear, sizeof(clear));
	return out->p ? OK : fail(E_LIMIT, "attributes too long");
}

/* RFC 2868 3: a first octet up to 0x1f is a tag; in numbers it always stands there. */
static unsigned take_tag(const struct radius_attr *a, str *value, struct arena *ar)
{
	unsigned first = value->n ? (unsigned char)value->p[0] : 0xff;

	if (!(a->flags & RA_TAG))
		return 0;
	if (a->kind == RK_INTEGER && value->n == 4) {
		str n = arena_dup(ar, *value);

		if (!n.p)
			return 0;
		((char *)(uintptr_t)n.p)[0] = 0;
		*value = n;
		return first <= TAG_MAX ? first : 0;
	}
	if (first > TAG_MAX || a->kind == RK_INTEGER)
		return 0;
	*value = str_skip(*value, 1);
	return first;
}

static err read_leaf(struct reading *r, const struct radius_attr *a, uint32_t number, str value)
{
	str wire = value, clear;

	if (!a)
		return add_leaf(r, 0, NULL, number, true, value);
	unsigned tag = take_tag(a, &wire, r->b.a);

	if (a->encrypt) {
		err e = reveal(r, a, wire, &clear);

		if (e == E_LIMIT)
			return e;
		if (e)
			return add_leaf(r, 0, a, number, true, value);
		wire = clear;
	}
	err e = radius_value_read(a, wire, r->b.a, &clear);

	if (e == E_LIMIT)
		return e;
	return e ? add_leaf(r, 0, a, number, true, value)
		 : add_leaf(r, tag, a, number, false, clear);
}

static err read_value(struct reading *r, const struct radius_attr *a, uint32_t number, str value)
{
	if (!value.n && !(a && !a->parent && number == CHARGEABLE_USER_IDENTITY))
		return OK; /* RFC 2865 5: a string of no octets is not sent */
	switch (a ? (enum radius_kind)a->kind : RK_OCTETS) {
	case RK_VSA:
		return value.n < 5 ? add_leaf(r, 0, a, number, true, value)
				   : inside(r, a, number, false, read_vendor, value);
	case RK_EVS:
		return value.n < 6 ? add_leaf(r, 0, a, number, true, value)
				   : inside(r, a, number, false, read_extended_vendor, value);
	case RK_EXTENDED:
		return inside(r, a, number, false, read_extended, value);
	case RK_LONG:
		return value.n < 2 ? add_leaf(r, 0, a, number, true, value)
				   : inside(r, a, number, false, read_long, value);
	case RK_TLV:
		return well_formed(a, value) ? inside(r, a, number, true, read_inside, value)
					     : add_leaf(r, 0, a, number, true, value);
	case RK_STRUCT:
		return inside(r, a, number, true, read_struct, value);
	default:
		return read_leaf(r, a, number, value);
	}
}

/* One value over several attributes behind one another (RFC 3579 3.1). */
static err join(struct reading *r, unsigned type, str *value)
{
	struct buf b;

	buf_init(&b, RADIUS_MAX);
	buf_add(&b, *value);
	for (str rest = r->rest;;) {
		struct radius_field f;

		if (!radius_next(&rest, &f) || f.type != type)
			break;
		buf_add(&b, f.value);
		r->rest = rest;
	}
	*value = arena_dup(r->b.a, buf_str(&b));
	buf_free(&b);
	return value->p ? OK : fail(E_LIMIT, "attributes too long");
}

err radius_pairs_read(const struct radius_dict *d, str attributes,
		      const struct radius_hiding *hiding, struct arena *a, struct radius_pair **out)
{
	struct reading r = { .b = { .d = d, .a = a }, .hiding = hiding, .rest = attributes };
	struct radius_field f;

	while (radius_next(&r.rest, &f)) {
		const struct radius_attr *attr = radius_dict_number(d, NULL, f.type);

		if (attr && attr->flags & RA_CONCAT)
			TRY(join(&r, f.type, &f.value));
		r.b.depth = 0;
		TRY(read_value(&r, attr, f.type, f.value));
	}
	*out = r.b.root.children;
	return OK;
}
