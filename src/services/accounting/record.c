#include "services/accounting/record.h"

#include <stddef.h>
#include <string.h>

#include "base/limits.h"

enum { VERSION = 1, HAS_IP6 = 1, HAS_PREFIX = 2, HAS_GIGAWORDS = 4 };

static const size_t texts[] = {
	offsetof(struct acct_event, nas),
	offsetof(struct acct_event, nas_address),
	offsetof(struct acct_event, nas_identifier),
	offsetof(struct acct_event, port_id),
	offsetof(struct acct_event, session),
	offsetof(struct acct_event, multi),
	offsetof(struct acct_event, login),
	offsetof(struct acct_event, realm),
	offsetof(struct acct_event, called),
	offsetof(struct acct_event, calling),
	offsetof(struct acct_event, class),
};

static const str *text_of(const struct acct_event *e, size_t i)
{
	return (const str *)(const void *)((const char *)e + texts[i]);
}

str acct_nas(const struct acct_event *e)
{
	return e->nas.n ? e->nas : e->nas_identifier.n ? e->nas_identifier : e->nas_address;
}

static bool kind_known(unsigned kind)
{
	return kind == ACCT_START || kind == ACCT_STOP || kind == ACCT_INTERIM || kind == ACCT_ON ||
	       kind == ACCT_OFF;
}

err acct_check(const struct acct_event *e)
{
	for (size_t i = 0; i < COUNT(texts); i++)
		if (text_of(e, i)->n > LIM_ACCT_TEXT)
			return fail(E_LIMIT, "a text of %zu octets", text_of(e, i)->n);
	if (!kind_known(e->kind))
		return fail(E_SYNTAX, "no event of this kind (%d) is counted", (int)e->kind);
	if (!acct_nas(e).n)
		return fail(E_SYNTAX, "the event names no NAS");
	if (!e->session.n && e->kind != ACCT_ON && e->kind != ACCT_OFF)
		return fail(E_SYNTAX, "the event names no session");
	if (e->arrived < 0 || e->stamp < 0 || e->prefix_bits > 128)
		return fail(E_SYNTAX, "a number is out of its range");
	return OK;
}

void acct_record_print(const struct acct_event *e, struct buf *out)
{
	unsigned has = (e->has_ip6 ? HAS_IP6 : 0) | (e->prefix_bits ? HAS_PREFIX : 0) |
		       (e->gigawords ? HAS_GIGAWORDS : 0);

	buf_u8(out, VERSION);
	buf_u8(out, e->kind);
	buf_u8(out, has);
	buf_varint(out, (uint64_t)e->arrived);
	buf_varint(out, (uint64_t)e->stamp);
	buf_varint(out, e->delay);
	buf_varint(out, e->port);
	buf_varint(out, (uint64_t)e->user);
	buf_u32(out, e->ip);
	buf_varint(out, e->seconds);
	buf_varint(out, e->in);
	buf_varint(out, e->out);
	buf_varint(out, e->packets_in);
	buf_varint(out, e->packets_out);
	buf_varint(out, e->cause);
	for (size_t i = 0; i < COUNT(texts); i++)
		buf_lstr(out, *text_of(e, i));
	if (has & HAS_IP6)
		buf_add(out, str_of(e->ip6, 16));
	if (has & HAS_PREFIX) {
		buf_add(out, str_of(e->prefix, 16));
		buf_u8(out, e->prefix_bits);
	}
}

static uint32_t take_u32(struct cur *c)
{
	uint64_t v = cur_varint(c);

	if (v > UINT32_MAX)
		c->e = E_CORRUPT;
	return (uint32_t)v;
}

static void take_octets(struct cur *c, unsigned char *out)
{
	str s = cur_bytes(c, 16);

	if (c->e == OK)
		memcpy(out, s.p, 16);
}

err acct_record_parse(str body, struct acct_event *e)
{
	struct cur c = { .rest = body };
	bool known = cur_u8(&c) == VERSION;

	*e = (struct acct_event){ 0 };
	e->kind = cur_u8(&c);
	unsigned has = cur_u8(&c);

	e->arrived = (int64_t)cur_varint(&c);
	e->stamp = (int64_t)cur_varint(&c);
	e->delay = take_u32(&c);
	e->port = take_u32(&c);
	e->user = (int64_t)cur_varint(&c);
	e->ip = cur_u32(&c);
	e->seconds = take_u32(&c);
	e->in = cur_varint(&c);
	e->out = cur_varint(&c);
	e->packets_in = cur_varint(&c);
	e->packets_out = cur_varint(&c);
	e->cause = take_u32(&c);
	for (size_t i = 0; i < COUNT(texts); i++)
		*(str *)(void *)((char *)e + texts[i]) = cur_lstr(&c);
	e->has_ip6 = has & HAS_IP6;
	e->gigawords = has & HAS_GIGAWORDS;
	if (has & HAS_IP6)
		take_octets(&c, e->ip6);
	if (has & HAS_PREFIX) {
		take_octets(&c, e->prefix);
		e->prefix_bits = (unsigned char)cur_u8(&c);
	}
	if (!known || c.e || c.rest.n || acct_check(e) != OK)
		return fail(E_CORRUPT, "a record of the log is no event");
	return OK;
}
