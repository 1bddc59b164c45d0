/* A question as a server takes it: one pass, nothing allocated. */
#include <string.h>

#include "formats/dns/message.h"

enum { EDNS_NSID = 3, EDNS_COOKIE = 10 };

/* The question's name: no pointers stand there, since nothing stands before it. */
static err take_name(str m, size_t *at, struct dns_name *out)
{
	const unsigned char *p = (const void *)m.p;
	size_t i = *at;

	while (i < m.n && p[i]) {
		if (p[i] > DNS_LABEL_MAX || i + p[i] + 1 >= m.n ||
		    i + p[i] + 1 - *at >= DNS_NAME_MAX)
			return fail(E_SYNTAX, "a question's name is malformed");
		i += p[i] + 1u;
	}
	if (i >= m.n)
		return fail(E_SYNTAX, "a question's name is cut");
	out->n = (unsigned char)(i + 1 - *at);
	memcpy(out->p, p + *at, out->n);
	*at = i + 1;
	return OK;
}

/* RFC 7873 4: 8 octets of the client's, or with the server's 16 to 40. */
static void take_cookie(str data, struct dns_edns *e)
{
	bool good = data.n == 8 || (data.n >= 16 && data.n <= 40);

	e->cookie = good ? data : STR("");
	e->cookie_bad = !good;
}

/* RFC 6891 6.1.2. */
static err take_options(str options, struct dns_edns *e)
{
	while (options.n) {
		if (options.n < 4)
			return fail(E_SYNTAX, "an EDNS option is cut");
		unsigned code = dns_get16(options.p), n = dns_get16(options.p + 2);

		if (n + 4 > options.n)
			return fail(E_SYNTAX, "an EDNS option is longer than its record");
		if (code == EDNS_COOKIE && !e->cookie.n && !e->cookie_bad)
			take_cookie(str_of(options.p + 4, n), e);
		if (code == EDNS_NSID)
			e->nsid = true;
		options = str_skip(options, n + 4);
	}
	return OK;
}

/* RFC 6891 6.1.3: the class is the size, the TTL is extended code, version and flags. */
static err take_opt(unsigned class, uint32_t ttl, str options, struct dns_edns *e)
{
	e->present = true;
	e->udp_size = class < DNS_UDP_PLAIN ? DNS_UDP_PLAIN : class;
	e->version = ttl >> 16 & 255;
	e->dnssec_ok = ttl >> 15 & 1;
	return take_options(options, e);
}

/* Nearly every question has no other record than OPT, or none: true when this one is so, and read.
 */
static bool take_plain(str m, struct dns_query *q, err *e)
{
	enum { OPT = 11 }; /* octets before its options */
	const char *p = m.p + q->question_end;
	size_t n = m.n - q->question_end;

	*e = OK;
	if (q->counts[0] || q->counts[1] || q->counts[2] > 1)
		return false;
	if (!q->counts[2])
		return n == 0;
	if (n < OPT || p[0] || dns_get16(p + 1) != DNS_OPT || n != OPT + dns_get16(p + 9))
		return false;
	*e = take_opt(dns_get16(p + 3), dns_get32(p + 5), str_of(p + OPT, n - OPT), &q->edns);
	return true;
}

static err take_records(str message, struct dns_query *q)
{
	struct dns_reader r = { .message = message, .at = q->question_end };
	struct dns_record rr;
	err e;

	memcpy(r.left + 1, q->counts, sizeof(q->counts));
	for (;;) {
		size_t begins = r.at;

		e = dns_reader_record(&r, &rr);
		if (e)
			break;
		if (q->tsig)
			return fail(E_SYNTAX, "a record behind TSIG"); /* RFC 8945 5.1 */
		if (rr.type == DNS_OPT && rr.section == DNS_ADDITIONAL) {
			if (q->edns.present || rr.name.n != 1)
				return fail(E_SYNTAX, "more than one OPT, or one with a name");
			TRY(take_opt(rr.class, rr.ttl, rr.rdata, &q->edns));
		}
		if (rr.type == DNS_TSIG && rr.section != DNS_ADDITIONAL)
			return fail(E_SYNTAX, "TSIG outside the additional section");
		if (rr.type == DNS_TSIG)
			q->tsig = begins;
	}
	if (e != E_EOF)
		return e;
	return r.at == message.n ? OK : fail(E_SYNTAX, "octets behind the last record");
}

err dns_query_parse(str m, struct dns_query *q)
{
	size_t at = DNS_HEADER;

	q->id = q->flags = 0;
	q->opcode = q->rcode = 0;
	q->name.n = 0;
	q->type = q->class = 0;
	q->tsig = q->question_end = 0;
	q->edns = (struct dns_edns){ .udp_size = DNS_UDP_PLAIN, .cookie = STR("") };
	if (m.n < DNS_HEADER)
		return fail(E_SYNTAX, "a message of %zu octets", m.n);
	q->id = (uint16_t)dns_get16(m.p);
	q->flags = (uint16_t)dns_get16(m.p + 2);
	q->opcode = q->flags >> 11 & 15;
	q->rcode = q->flags & 15;
	for (unsigned i = 0; i < 3; i++)
		q->counts[i] = (uint16_t)dns_get16(m.p + 6 + 2 * i);
	if (dns_get16(m.p + 4) != 1)
		return fail(E_SYNTAX, "%u questions", dns_get16(m.p + 4));
	TRY(take_name(m, &at, &q->name));
	if (at + 4 > m.n)
		return fail(E_SYNTAX, "a question is cut");
	q->type = (uint16_t)dns_get16(m.p + at);
	q->class = (uint16_t)dns_get16(m.p + at + 2);
	q->question_end = at + 4;
	err e;

	return take_plain(m, q, &e) ? e : take_records(m, q);
}
