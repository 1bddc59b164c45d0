/* What changed in a zone (RFC 1995), and what is said where that is not known. */
#include "run/work.h"
#include "sessions/dns/transfer.h"

/* RFC 1995 3: the SOA of the version that the client has is in the authority section. */
err transfer_serial(const struct dns_request *r, uint32_t *out)
{
	CLEANUP(buf_free) struct buf rdata = { 0 };
	struct dns_reader reader;
	struct dns_record rec;

	buf_init(&rdata, DNS_MESSAGE_MAX);
	TRY(dns_reader_open(r->message, &reader));
	for (;;) {
		if (dns_reader_record(&reader, &rec) != OK)
			return fail(E_SYNTAX, "an IXFR question without a SOA");
		if (rec.section != DNS_AUTHORITY || rec.type != DNS_SOA ||
		    !dns_name_eq(dns_name_str(&rec.name), dns_name_str(&r->q->name)))
			continue;
		TRY(dns_rdata_decompress(r->message, &rec, &rdata));
		if (rdata.n < 22)
			return fail(E_SYNTAX, "a SOA of %zu octets", rdata.n);
		*out = dns_get32(rdata.p + rdata.n - 20);
		return OK;
	}
}

/* RFC 1982 3.2. */
static bool later(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(a - b) < UINT32_C(0x80000000);
}

/* ---- the records of an answer: differences between two copies of the newest SOA (RFC 1995 4) ----
 */

struct changes {
	const struct journal_steps *s;
	struct journal_record soa;
	size_t half; /* the next one: of step half / 2, what goes and then what comes */
	str rest;    /* of the one before it */
	enum { SOA_FIRST, HALVES, ENDED } state;
};

static err changes_begin(struct changes *c, const struct zone *z, const struct journal_steps *s)
{
	struct zone_rrset soa;
	str rdata;

	TRY(transfer_soa(z, &soa, &rdata));
	*c = (struct changes){ .s = s, .soa = { zone_apex(z), DNS_SOA, soa.ttl, rdata } };
	return OK;
}

static bool changes_next(struct changes *c, struct journal_record *out)
{
	if (c->state == ENDED)
		return false;
	while (c->state == HALVES) {
		if (journal_next(&c->rest, out))
			return true;
		if (c->half == 2 * c->s->n)
			break;
		const struct journal_step *step = c->s->v[c->half / 2];

		c->rest = c->half++ & 1 ? step->added : step->deleted;
	}
	c->state = c->state == SOA_FIRST ? HALVES : ENDED;
	*out = c->soa;
	return true;
}

/* ---- over TCP ---- */

WAITS err transfer_changes(struct transfer_out *o, struct zone *z, const struct journal_steps *s)
{
	struct journal_record r;
	struct changes c;

	o->done->form = TRANSFER_CHANGES;
	TRY(changes_begin(&c, z, s));
	while (changes_next(&c, &r))
		TRY(transfer_out_record(o, r.owner, r.type, r.ttl, r.rdata));
	return transfer_out_end(o);
}

WAITS static err send_soa(struct transfer_out *o, const struct zone *z)
{
	struct zone_rrset soa;
	str rdata;

	o->done->form = TRANSFER_CURRENT;
	TRY(transfer_soa(z, &soa, &rdata));
	TRY(transfer_out_record(o, zone_apex(z), DNS_SOA, soa.ttl, rdata));
	return transfer_out_end(o);
}

static err condense(void *arg)
{
	return journal_condense(arg);
}

WAITS static err send_changes(struct transfer_out *o, struct zone *z, struct journal *journal)
{
	CLEANUP(journal_steps_drop) struct journal_steps s = { 0 };

	if (!journal ||
	    journal_find(journal, zone_apex(z), o->done->from, zone_serial(z), &s) != OK)
		return transfer_whole(o, z);
	if (s.n > 1 && work(POOL_CPU, condense, &s) == E_CANCELED)
		return E_CANCELED;
	if (s.octets > zone_octets(z))
		return transfer_whole(o, z);
	return transfer_changes(o, z, &s);
}

WAITS err transfer_send(struct stream *io, const struct dns_request *r, struct zone *z,
			struct journal *journal, msec slow, struct transfer_done *done)
{
	*done = (struct transfer_done){ .to = zone_serial(z) };
	if (r->q->type == DNS_IXFR)
		TRY(transfer_serial(r, &done->from));
	CLEANUP(transfer_out_free) struct transfer_out *o = transfer_out_new(io, r, slow, done);

	if (r->q->type != DNS_IXFR)
		return transfer_whole(o, z);
	if (!later(done->to, done->from))
		return send_soa(o, z);
	return send_changes(o, z, journal);
}

/* ---- over UDP ---- */

/* The newest SOA alone: nothing newer, or come by TCP. */
static err write_soa(const struct dns_request *r, const struct zone *z, struct dns_writer *w,
		     char *out, size_t room)
{
	struct zone_rrset soa;
	str rdata;

	TRY(transfer_begin(w, r, out, room, 0, true));
	TRY(transfer_soa(z, &soa, &rdata));
	return dns_writer_record(w, DNS_ANSWER, zone_apex(z), DNS_SOA, DNS_IN, soa.ttl, rdata);
}

static err write_changes(const struct dns_request *r, struct zone *z, struct journal *journal,
			 uint32_t from, struct dns_writer *w, char *out, size_t room)
{
	CLEANUP(journal_steps_drop) struct journal_steps s = { 0 };
	struct journal_record rec;
	struct changes c;

	if (!later(zone_serial(z), from) || !journal)
		return E_NOTFOUND;
	TRY(journal_find(journal, zone_apex(z), from, zone_serial(z), &s));
	if (s.octets > 4 * room)
		return E_LIMIT;
	TRY(journal_condense(&s));
	TRY(transfer_begin(w, r, out, room, 0, true));
	TRY(changes_begin(&c, z, &s));
	while (changes_next(&c, &rec))
		TRY(dns_writer_record(w, DNS_ANSWER, rec.owner, rec.type, DNS_IN, rec.ttl,
				      rec.rdata));
	return OK;
}

size_t transfer_datagram(const struct dns_request *r, struct zone *z, struct journal *journal,
			 char *out, size_t room)
{
	struct dns_writer w;
	uint32_t from;

	if (transfer_serial(r, &from) != OK)
		return 0;
	if (write_changes(r, z, journal, from, &w, out, room) != OK &&
	    write_soa(r, z, &w, out, room) != OK)
		return 0;
	dns_writer_end(&w);
	return w.n;
}
