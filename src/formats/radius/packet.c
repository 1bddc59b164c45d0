#include "formats/radius/packet.h"

#include <string.h>

#include "base/limits.h"
#include "formats/radius/md.h"

static const unsigned char zeros[RADIUS_AUTH];

static err take_field(struct radius_packet *p, size_t at, size_t n)
{
	if ((unsigned char)p->whole.p[at] != RADIUS_MESSAGE_AUTHENTICATOR)
		return OK;
	if (n != RADIUS_AUTH + 2 || p->message_authenticator)
		return fail(E_SYNTAX, "a Message-Authenticator of %zu octets, or a second one",
			    n - 2);
	p->message_authenticator = at + 2;
	return OK;
}

static err walk(struct radius_packet *p)
{
	unsigned count = 0;

	for (size_t at = RADIUS_HEADER; at < p->whole.n;) {
		size_t left = p->whole.n - at;
		size_t n = left < 2 ? 0 : (unsigned char)p->whole.p[at + 1];

		if (n < 2 || n > left)
			return fail(E_SYNTAX, "attribute of %zu octets where %zu are left", n,
				    left);
		if (++count > LIM_RADIUS_ATTRIBUTES)
			return fail(E_LIMIT, "over %d attributes", LIM_RADIUS_ATTRIBUTES);
		TRY(take_field(p, at, n));
		at += n;
	}
	return OK;
}

err radius_parse(str datagram, struct radius_packet *out)
{
	const unsigned char *b = (const void *)datagram.p;

	if (datagram.n < RADIUS_HEADER)
		return fail(E_SYNTAX, "packet of %zu octets", datagram.n);
	size_t n = (size_t)b[2] << 8 | b[3];

	if (n < RADIUS_HEADER || n > RADIUS_MAX || n > datagram.n)
		return fail(E_SYNTAX, "packet of %zu octets says %zu", datagram.n, n);
	*out = (struct radius_packet){
		.code = b[0], .id = b[1], .whole = str_take(datagram, n), .authenticator = b + 4
	};
	out->attributes = str_skip(out->whole, RADIUS_HEADER);
	return walk(out);
}

bool radius_next(str *rest, struct radius_field *out)
{
	size_t n = rest->n < 2 ? 0 : (unsigned char)rest->p[1];

	if (n < 2 || n > rest->n)
		return false;
	out->type = (unsigned char)rest->p[0];
	out->value = str_of(rest->p + 2, n - 2);
	*rest = str_skip(*rest, n);
	return true;
}

bool radius_find(const struct radius_packet *p, unsigned type, str *value)
{
	str rest = p->attributes;

	for (struct radius_field f; radius_next(&rest, &f);)
		if (f.type == type) {
			*value = f.value;
			return true;
		}
	*value = STR("");
	return false;
}

bool radius_find_vendor(const struct radius_packet *p, uint32_t vendor, unsigned type, str *value)
{
	str rest = p->attributes;

	for (struct radius_field f; radius_next(&rest, &f);) {
		if (f.type != RADIUS_VENDOR_SPECIFIC || f.value.n < 6 ||
		    radius_get32(f.value.p) != vendor)
			continue;
		str inner = str_skip(f.value, 4);

		for (struct radius_field v; radius_next(&inner, &v);)
			if (v.type == type) {
				*value = v.value;
				return true;
			}
	}
	*value = STR("");
	return false;
}

bool radius_find_u32(const struct radius_packet *p, unsigned type, uint32_t *out)
{
	str v;

	if (!radius_find(p, type, &v) || v.n != 4)
		return false;
	*out = radius_get32(v.p);
	return true;
}

void radius_join(const struct radius_packet *p, unsigned type, struct buf *out)
{
	str rest = p->attributes;

	for (struct radius_field f; radius_next(&rest, &f);)
		if (f.type == type)
			buf_add(out, f.value);
}

/* The HMAC over the packet as it was before the value was put in, under another authenticator. */
static void count_ma(str whole, size_t ma, str secret, const unsigned char *authenticator,
		     unsigned char out[RADIUS_AUTH])
{
	unsigned char head[RADIUS_HEADER];

	memcpy(head, whole.p, 4);
	memcpy(head + 4, authenticator, RADIUS_AUTH);
	md5_hmac(secret, str_of(head, sizeof(head)),
		 str_of(whole.p + RADIUS_HEADER, ma - RADIUS_HEADER), str_of(zeros, RADIUS_AUTH),
		 str_skip(whole, ma + RADIUS_AUTH), out);
}

enum radius_ma radius_check_ma(const struct radius_packet *p, str secret,
			       const unsigned char *authenticator)
{
	unsigned char want[RADIUS_AUTH];

	if (!p->message_authenticator)
		return RADIUS_MA_ABSENT;
	count_ma(p->whole, p->message_authenticator, secret, authenticator ? authenticator : zeros,
		 want);
	return same_octets(want, p->whole.p + p->message_authenticator, sizeof(want))
		       ? RADIUS_MA_GOOD
		       : RADIUS_MA_BAD;
}

static void count_authenticator(str whole, str secret, const unsigned char *authenticator,
				unsigned char out[RADIUS_AUTH])
{
	md5_of(str_take(whole, 4), str_of(authenticator, RADIUS_AUTH),
	       str_skip(whole, RADIUS_HEADER), secret, out);
}

bool radius_check_response(const struct radius_packet *p, str secret, const unsigned char *request)
{
	unsigned char want[RADIUS_AUTH];

	count_authenticator(p->whole, secret, request, want);
	return same_octets(want, p->authenticator, sizeof(want));
}

bool radius_check_accounting(const struct radius_packet *p, str secret)
{
	return radius_check_response(p, secret, zeros);
}

/* ---- writing ---- */

void radius_begin(struct radius_writer *w, void *p, size_t room, unsigned code, unsigned id)
{
	*w = (struct radius_writer){ .p = p, .n = RADIUS_HEADER, .room = room };
	memset(p, 0, RADIUS_HEADER);
	w->p[0] = (unsigned char)code;
	w->p[1] = (unsigned char)id;
}

void radius_put(struct radius_writer *w, unsigned type, str value)
{
	if (value.n > RADIUS_VALUE || w->room - w->n < value.n + 2) {
		w->full = true;
		return;
	}
	w->p[w->n] = (unsigned char)type;
	w->p[w->n + 1] = (unsigned char)(value.n + 2);
	if (value.n)
		memcpy(w->p + w->n + 2, value.p, value.n);
	w->n += value.n + 2;
}

void radius_put_ma(struct radius_writer *w)
{
	w->ma = w->n + 2;
	radius_put(w, RADIUS_MESSAGE_AUTHENTICATOR, str_of(zeros, RADIUS_AUTH));
}

void radius_put_u32(struct radius_writer *w, unsigned type, uint32_t value)
{
	unsigned char b[4];

	radius_set32(b, value);
	radius_put(w, type, str_of(b, sizeof(b)));
}

void radius_put_vendor(struct radius_writer *w, uint32_t vendor, unsigned type, str value)
{
	unsigned char b[RADIUS_VALUE];

	if (value.n > sizeof(b) - 6) {
		w->full = true;
		return;
	}
	radius_set32(b, vendor);
	b[4] = (unsigned char)type;
	b[5] = (unsigned char)(value.n + 2);
	if (value.n)
		memcpy(b + 6, value.p, value.n);
	radius_put(w, RADIUS_VENDOR_SPECIFIC, str_of(b, value.n + 6));
}

void radius_put_raw(struct radius_writer *w, str attributes)
{
	if (w->room - w->n < attributes.n) {
		w->full = true;
		return;
	}
	if (attributes.n)
		memcpy(w->p + w->n, attributes.p, attributes.n);
	w->n += attributes.n;
}

void radius_put_split(struct radius_writer *w, unsigned type, str value)
{
	do {
		radius_put(w, type, str_take(value, RADIUS_VALUE));
		value = str_skip(value, RADIUS_VALUE);
	} while (value.n);
}

static void put_length(struct radius_writer *w)
{
	w->p[2] = (unsigned char)(w->n >> 8);
	w->p[3] = (unsigned char)w->n;
}

static void sign(struct radius_writer *w, str secret, const unsigned char *authenticator)
{
	put_length(w);
	if (w->ma)
		count_ma(str_of(w->p, w->n), w->ma, secret, authenticator, w->p + w->ma);
}

size_t radius_finish_response(struct radius_writer *w, str secret, const unsigned char *request)
{
	if (w->full)
		return 0;
	sign(w, secret, request);
	count_authenticator(str_of(w->p, w->n), secret, request, w->p + 4);
	return w->n;
}

size_t radius_finish_request(struct radius_writer *w, str secret,
			     const unsigned char *authenticator)
{
	if (w->full)
		return 0;
	memcpy(w->p + 4, authenticator, RADIUS_AUTH);
	sign(w, secret, authenticator);
	return w->n;
}

size_t radius_finish_accounting(struct radius_writer *w, str secret)
{
	return radius_finish_response(w, secret, zeros);
}
