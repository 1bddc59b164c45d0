/* What the messages of a transfer say, record by record (RFC 5936 2.2, RFC 1995 4). */
#include <string.h>

#include "base/limits.h"
#include "clients/dns/xfr.h"

void xfr_answer_begin(struct xfr_answer *a, const struct xfr *x, uint16_t id)
{
	*a = (struct xfr_answer){ .x = x, .id = id };
}

static uint32_t soa_serial(str rdata)
{
	return dns_get32(rdata.p + rdata.n - 20);
}

/* RFC 1982 3.2. */
static bool later(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(a - b) < UINT32_C(0x80000000);
}

static err give(struct xfr_answer *a, bool added, const struct xfr_record *r)
{
	if (++a->result.records > a->x->records_max)
		return fail(E_LIMIT, "more than %llu records",
			    (unsigned long long)a->x->records_max);
	return a->x->record(a->x->arg, added, r);
}

static err begin_form(struct xfr_answer *a, enum xfr_form form)
{
	a->result.form = form;
	a->state = form == XFR_WHOLE ? XFR_ALL : XFR_GOING;
	return form == XFR_WHOLE ? a->x->whole(a->x->arg) : OK;
}

/* The SOA in front, which was kept until the form was known. */
static err give_first(struct xfr_answer *a)
{
	const struct xfr_record r = { a->x->zone, DNS_SOA, a->soa_ttl, str_of(a->soa, a->nsoa) };

	return give(a, true, &r);
}

static err take_first(struct xfr_answer *a, const struct xfr_record *r)
{
	if (r->type != DNS_SOA)
		return fail(E_SYNTAX, "a transfer that does not begin with a SOA");
	if (r->rdata.n > sizeof(a->soa))
		return fail(E_SYNTAX, "a SOA of %zu octets", r->rdata.n);
	memcpy(a->soa, r->rdata.p, r->rdata.n);
	a->nsoa = r->rdata.n;
	a->soa_ttl = r->ttl;
	a->result.serial = soa_serial(r->rdata);
	a->state = XFR_SECOND;
	/* RFC 1995 4: one SOA that is not newer is all that is said. */
	if (a->x->incremental && !later(a->result.serial, a->x->serial)) {
		a->result.form = XFR_CURRENT;
		a->state = XFR_DONE;
	}
	return OK;
}

static err take_change_soa(struct xfr_answer *a, const struct xfr_record *r)
{
	uint32_t serial = soa_serial(r->rdata);

	if (a->state == XFR_GOING) { /* the version that what comes leads to */
		if (!later(serial, a->at))
			return fail(E_SYNTAX, "differences from serial %u to %u", a->at, serial);
		a->at = serial;
		a->state = XFR_COMING;
		return give(a, true, r);
	}
	if (serial != a->at)
		return fail(E_SYNTAX, "differences from serial %u behind those to %u", serial,
			    a->at);
	if (serial == a->result.serial) {
		a->state = XFR_DONE;
		return OK;
	}
	a->state = XFR_GOING;
	return give(a, false, r);
}

static err take_second(struct xfr_answer *a, const struct xfr_record *r)
{
	if (a->x->incremental && r->type == DNS_SOA && soa_serial(r->rdata) == a->x->serial) {
		a->at = a->x->serial;
		TRY(begin_form(a, XFR_CHANGES));
		return give(a, false, r);
	}
	TRY(begin_form(a, XFR_WHOLE));
	TRY(give_first(a));
	if (r->type != DNS_SOA)
		return give(a, true, r);
	return fail(E_SYNTAX, "a zone of a SOA alone");
}

static err take_record(struct xfr_answer *a, const struct xfr_record *r)
{
	switch (a->state) {
	case XFR_BEGIN:
		return take_first(a, r);
	case XFR_SECOND:
		return take_second(a, r);
	case XFR_ALL:
		if (r->type != DNS_SOA)
			return give(a, true, r);
		if (!str_eq(r->rdata, str_of(a->soa, a->nsoa)))
			return fail(E_SYNTAX, "the SOA at the end is not the one in front");
		a->state = XFR_DONE;
		return OK;
	case XFR_GOING:
	case XFR_COMING:
		if (r->type == DNS_SOA)
			return take_change_soa(a, r);
		return give(a, a->state == XFR_COMING, r);
	default:
		return fail(E_SYNTAX, "records behind the end of a transfer");
	}
}

static err check_header(const struct xfr_answer *a, const struct dns_reader *r)
{
	unsigned rcode = r->flags & 15;

	if (r->id != a->id || !(r->flags & DNS_QR) || (r->flags >> 11 & 15) != DNS_QUERY)
		return fail(E_SYNTAX, "not the answer to our question");
	if (rcode == DNS_REFUSED || rcode == DNS_NOTAUTH)
		return fail(E_DENIED, "the server refuses (code %u)", rcode);
	if (rcode != DNS_NOERROR)
		return fail(E_NOTFOUND, "the server does not give the zone (code %u)", rcode);
	if (r->flags & DNS_TC)
		return fail(E_SYNTAX, "a truncated message");
	return OK;
}

/* RFC 5936 2.2.1: the first message has the question, later ones may. */
static err check_question(const struct xfr_answer *a, struct dns_reader *r)
{
	uint16_t type, class;
	struct dns_name name;
	err e = dns_reader_question(r, &name, &type, &class);

	if (e == E_EOF)
		return OK;
	TRY(e);
	if (!dns_name_eq(dns_name_str(&name), a->x->zone) ||
	    type != (a->x->incremental ? DNS_IXFR : DNS_AXFR))
		return fail(E_SYNTAX, "the answer to another question");
	return OK;
}

static err check_record(const struct xfr_answer *a, const struct xfr_record *r)
{
	if (!dns_name_under(r->owner, a->x->zone))
		return fail(E_SYNTAX, "a record outside the zone");
	if (r->type == DNS_SOA && (r->rdata.n < 22 || !dns_name_eq(r->owner, a->x->zone)))
		return fail(E_SYNTAX, "a SOA that is not the zone's");
	if (r->type == DNS_OPT || r->type == DNS_TSIG || (r->type >= DNS_IXFR && r->type <= 255))
		return fail(E_SYNTAX, "a record of type %u in a zone", r->type);
	return OK;
}

static err take_records(struct xfr_answer *a, struct dns_reader *reader, struct buf *rdata)
{
	struct dns_record r;
	err e;

	while ((e = dns_reader_record(reader, &r)) == OK) {
		if (r.section != DNS_ANSWER)
			continue; /* RFC 5936 2.2.4, 2.2.5: of no meaning here */
		if (r.class != DNS_IN)
			return fail(E_SYNTAX, "a record of class %u", r.class);
		buf_reset(rdata);
		TRY(dns_rdata_decompress(reader->message, &r, rdata));
		const struct xfr_record x = { dns_name_str(&r.name), r.type, r.ttl,
					      buf_str(rdata) };

		TRY(check_record(a, &x));
		TRY(take_record(a, &x));
	}
	return e == E_EOF ? OK : e;
}

err xfr_answer_take(struct xfr_answer *a, str message)
{
	CLEANUP(buf_free) struct buf rdata = { 0 };
	struct dns_reader r;

	buf_init(&rdata, DNS_MESSAGE_MAX);
	a->result.octets += message.n;
	if (a->result.octets > a->x->octets_max)
		return fail(E_LIMIT, "more than %llu octets", (unsigned long long)a->x->octets_max);
	TRY(dns_reader_open(message, &r));
	TRY(check_header(a, &r));
	TRY(check_question(a, &r));
	if (!r.counts[1])
		return fail(E_SYNTAX, "a message of a transfer without records");
	return take_records(a, &r, &rdata);
}
