/* Any message, record by record. */
#include <string.h>

#include "formats/dns/form.h"
#include "formats/dns/message.h"

err dns_reader_open(str message, struct dns_reader *r)
{
	if (message.n < DNS_HEADER)
		return fail(E_SYNTAX, "a message of %zu octets", message.n);
	*r = (struct dns_reader){ .message = message,
				  .at = DNS_HEADER,
				  .id = (uint16_t)dns_get16(message.p),
				  .flags = (uint16_t)dns_get16(message.p + 2) };
	for (unsigned i = 0; i < 4; i++)
		r->counts[i] = r->left[i] = (uint16_t)dns_get16(message.p + 4 + 2 * i);
	return OK;
}

/* RFC 1035 4.1.4. A pointer leads to an octet before the name that it stands in, so that each jump
 * goes further back and every walk ends. */
err dns_name_read(str m, size_t at, struct dns_name *out, size_t *end)
{
	const unsigned char *p = (const void *)m.p;
	size_t n = 0, first = at;
	bool jumped = false;

	for (;;) {
		if (at >= m.n)
			return fail(E_SYNTAX, "a name is cut");
		unsigned c = p[at];

		if (c >= 0xc0) {
			if (at + 2 > m.n)
				return fail(E_SYNTAX, "a pointer is cut");
			size_t to = dns_get16(p + at) & 0x3fff;

			if (to >= first || to < DNS_HEADER)
				return fail(E_SYNTAX, "a pointer does not lead backwards");
			if (!jumped)
				*end = at + 2;
			jumped = true;
			at = first = to;
			continue;
		}
		if (c > DNS_LABEL_MAX || at + c >= m.n || n + c + 1 > DNS_NAME_MAX)
			return fail(E_SYNTAX, "a name is malformed");
		memcpy(out->p + n, p + at, c + 1);
		n += c + 1;
		at += c + 1;
		if (c == 0)
			break;
	}
	out->n = (unsigned char)n;
	if (!jumped)
		*end = at;
	return OK;
}

err dns_reader_question(struct dns_reader *r, struct dns_name *name, uint16_t *type,
			uint16_t *class)
{
	if (r->left[0] == 0)
		return E_EOF;
	TRY(dns_name_read(r->message, r->at, name, &r->at));
	if (r->at + 4 > r->message.n)
		return fail(E_SYNTAX, "a question is cut");
	*type = (uint16_t)dns_get16(r->message.p + r->at);
	*class = (uint16_t)dns_get16(r->message.p + r->at + 2);
	r->at += 4;
	r->left[0]--;
	return OK;
}

static err skip_questions(struct dns_reader *r)
{
	struct dns_name name;
	uint16_t type, class;

	while (r->left[0])
		TRY(dns_reader_question(r, &name, &type, &class));
	return OK;
}

err dns_reader_record(struct dns_reader *r, struct dns_record *out)
{
	unsigned s = 1;

	TRY(skip_questions(r));
	while (s < 4 && r->left[s] == 0)
		s++;
	if (s == 4)
		return E_EOF;
	TRY(dns_name_read(r->message, r->at, &out->name, &r->at));
	if (r->at + 10 > r->message.n)
		return fail(E_SYNTAX, "a record is cut");
	const char *p = r->message.p + r->at;
	size_t n = dns_get16(p + 8);

	if (r->at + 10 + n > r->message.n)
		return fail(E_SYNTAX, "a record is longer than its message");
	out->type = (uint16_t)dns_get16(p);
	out->class = (uint16_t)dns_get16(p + 2);
	out->ttl = dns_get32(p + 4);
	out->rdata_at = r->at + 10;
	out->rdata = str_of(p + 10, n);
	out->section = (enum dns_section)(s - 1);
	r->at += 10 + n;
	r->left[s]--;
	return OK;
}

/* ---- data with its names whole ---- */

err dns_rdata_decompress(str message, const struct dns_record *r, struct buf *out)
{
	const struct dns_form *f = dns_form_of(r->type);
	size_t at = r->rdata_at, end = r->rdata_at + r->rdata.n;
	struct dns_name name;

	if (!f) {
		buf_add(out, r->rdata);
		return buf_done(out);
	}
	if (r->rdata.n < f->before)
		return fail(E_SYNTAX, "data of type %u are cut", r->type);
	buf_add(out, str_take(r->rdata, f->before));
	at += f->before;
	for (unsigned i = 0; i < f->names; i++) {
		TRY(dns_name_read(message, at, &name, &at));
		if (at > end)
			return fail(E_SYNTAX, "a name goes beyond its record");
		buf_add(out, dns_name_str(&name));
	}
	if (end - at != f->after)
		return fail(E_SYNTAX, "data of type %u have another length", r->type);
	buf_add(out, str_of(message.p + at, end - at));
	return buf_done(out);
}
