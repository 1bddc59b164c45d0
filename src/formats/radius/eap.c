#include "formats/radius/eap.h"

enum {
	HEADER = 4,
	MSCHAP_HEADER = 4,  /* op, id, length */
	MSCHAP_ANSWER = 49, /* peer's challenge, 8 zeros, response, flags */
};

err eap_parse(str packet, struct eap *out)
{
	const unsigned char *b = (const void *)packet.p;

	if (packet.n < HEADER)
		return fail(E_SYNTAX, "EAP of %zu octets", packet.n);
	size_t n = (size_t)b[2] << 8 | b[3];

	if (n < HEADER || n > packet.n || n > EAP_MAX)
		return fail(E_SYNTAX, "EAP of %zu octets says %zu", packet.n, n);
	*out = (struct eap){ .code = b[0], .id = b[1], .data = STR("") };
	if (b[0] == EAP_SUCCESS || b[0] == EAP_FAILURE)
		return n == HEADER ? OK : fail(E_SYNTAX, "EAP result of %zu octets", n);
	if ((b[0] != EAP_REQUEST && b[0] != EAP_RESPONSE) || n < HEADER + 1)
		return fail(E_SYNTAX, "EAP code %u of %zu octets", b[0], n);
	out->type = b[4];
	out->data = str_of(packet.p + HEADER + 1, n - HEADER - 1);
	return OK;
}

static void add_u16(struct buf *out, size_t n)
{
	buf_u8(out, (unsigned)(n >> 8) & 0xff);
	buf_u8(out, (unsigned)n & 0xff);
}

void eap_print(struct buf *out, unsigned code, unsigned id, unsigned type, str data)
{
	buf_u8(out, code);
	buf_u8(out, id);
	add_u16(out, HEADER + (type ? 1 + data.n : 0));
	if (!type)
		return;
	buf_u8(out, type);
	buf_add(out, data);
}

err eap_md5_parse(str data, str *value, str *name)
{
	size_t n = data.n ? (unsigned char)data.p[0] : 0;

	if (n == 0 || n > data.n - 1)
		return fail(E_SYNTAX, "EAP-MD5 value of %zu octets", n);
	*value = str_of(data.p + 1, n);
	*name = str_skip(data, n + 1);
	return OK;
}

void eap_md5_print(str value, str name, struct buf *out)
{
	buf_u8(out, (unsigned)value.n);
	buf_add(out, value);
	buf_add(out, name);
}

err eap_mschap_parse(str data, struct eap_mschap *out)
{
	const unsigned char *b = (const void *)data.p;

	*out = (struct eap_mschap){ .peer = STR(""), .response = STR(""), .name = STR("") };
	if (data.n == 1 && (b[0] == EAP_MSCHAP_SUCCESS || b[0] == EAP_MSCHAP_FAILURE)) {
		out->op = b[0];
		return OK;
	}
	if (data.n < MSCHAP_HEADER + 1 + MSCHAP_ANSWER || b[0] != EAP_MSCHAP_RESPONSE ||
	    b[4] != MSCHAP_ANSWER)
		return fail(E_SYNTAX, "EAP-MSCHAPv2 of %zu octets", data.n);
	out->op = b[0];
	out->id = b[1];
	out->peer = str_of(data.p + 5, 16);
	out->response = str_of(data.p + 29, 24);
	out->name = str_skip(data, MSCHAP_HEADER + 1 + MSCHAP_ANSWER);
	return OK;
}

void eap_mschap_print(unsigned op, unsigned id, str value, str text, struct buf *out)
{
	buf_u8(out, op);
	buf_u8(out, id);
	add_u16(out, MSCHAP_HEADER + (value.n ? 1 + value.n : 0) + text.n);
	if (value.n) {
		buf_u8(out, (unsigned)value.n);
		buf_add(out, value);
	}
	buf_add(out, text);
}
