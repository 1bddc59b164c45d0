#include "clients/dns/xfr.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"

enum { QUESTION = 1024 }; /* octets of a question: name, SOA, signature */

/* A message's room is too large for a fiber's stack. */
struct talk {
	struct stream *io;
	struct tsig tsig;
	const struct tsig_key *key;
	uint16_t id;
	size_t n;
	char message[DNS_MESSAGE_MAX];
};

static void talk_free(struct talk **t)
{
	tsig_end(&(*t)->tsig);
	mem_free(*t);
}

static struct talk *talk_new(struct stream *io, const struct tsig_key *key)
{
	struct talk *t = MEM_NEW(struct talk);

	t->io = io;
	t->key = key;
	t->tsig.key = key;
	if (getrandom(&t->id, sizeof(t->id), 0) != sizeof(t->id))
		t->id = 0x7066; /* over TCP it only tells answers apart */
	return t;
}

/* RFC 1995 3: the version that we have, as a SOA of which the serial alone is looked at. */
static err write_serial(struct dns_writer *w, const struct xfr *x)
{
	char rdata[22] = { 0 };

	dns_put32(rdata + 2, x->serial);
	return dns_writer_record(w, DNS_AUTHORITY, x->zone, DNS_SOA, DNS_IN, 0,
				 str_of(rdata, sizeof(rdata)));
}

WAITS static err ask(struct talk *t, str zone, uint16_t type, const struct xfr *x)
{
	struct dns_writer w;
	char length[2];

	dns_writer_init(&w, t->message, QUESTION);
	dns_writer_header(&w, t->id, 0);
	TRY(dns_writer_question(&w, zone, type, DNS_IN));
	if (type == DNS_IXFR)
		TRY(write_serial(&w, x));
	dns_writer_end(&w);
	t->n = w.n;
	if (t->key)
		TRY(tsig_sign(&t->tsig, t->message, &t->n, QUESTION, (uint64_t)clock_unix()));
	dns_put16(length, (unsigned)t->n);
	TRY(stream_write(t->io, str_of(length, 2)));
	TRY(stream_write(t->io, str_of(t->message, t->n)));
	return stream_flush(t->io);
}

static err judge(struct talk *t)
{
	return t->key ? tsig_verify_answer(&t->tsig, t->message, &t->n, (uint64_t)clock_unix())
		      : OK;
}

WAITS static err hear(struct talk *t)
{
	char length[2];

	TRY(stream_read_full(t->io, length, 2));
	t->n = dns_get16(length);
	TRY(stream_read_full(t->io, t->message, t->n));
	if (t->n < DNS_HEADER)
		return fail(E_SYNTAX, "a message of %zu octets", t->n);
	return judge(t);
}

static err close_early(err e)
{
	return e == E_EOF ? fail(E_EOF, "the server closed before the end") : e;
}

WAITS err xfr_take(struct stream *io, const struct xfr *x, struct xfr_result *out)
{
	CLEANUP(talk_free) struct talk *t = talk_new(io, x->key);
	struct xfr_answer a;

	xfr_answer_begin(&a, x, t->id);
	stream_deadline(io, x->deadline < clock_in(x->idle) ? x->deadline : clock_in(x->idle));
	TRY(ask(t, x->zone, x->incremental ? DNS_IXFR : DNS_AXFR, x));
	while (a.state != XFR_DONE) {
		stream_deadline(io,
				x->deadline < clock_in(x->idle) ? x->deadline : clock_in(x->idle));
		TRY(close_early(hear(t)));
		TRY(xfr_answer_take(&a, str_of(t->message, t->n)));
		TRY(fiber_yield()); /* a fast server must not keep others waiting */
	}
	if (t->key && t->tsig.unsigned_since)
		return fail(E_DENIED, "the last message is not signed");
	*out = a.result;
	return OK;
}

/* ---- the SOA question ---- */

static err read_serial(struct talk *t, str zone, uint32_t *serial)
{
	CLEANUP(buf_free) struct buf rdata = { 0 };
	struct dns_reader r;
	struct dns_record rec;
	err e;

	buf_init(&rdata, DNS_MESSAGE_MAX);
	TRY(dns_reader_open(str_of(t->message, t->n), &r));
	if (r.id != t->id || !(r.flags & DNS_QR))
		return fail(E_SYNTAX, "not the answer to our question");
	if (r.flags & 15)
		return fail((r.flags & 15) == DNS_REFUSED ? E_DENIED : E_NOTFOUND,
			    "the server answers code %u", r.flags & 15);
	if (!(r.flags & DNS_AA))
		return fail(E_NOTFOUND, "the server has no authority for the zone");
	while ((e = dns_reader_record(&r, &rec)) == OK) {
		if (rec.section != DNS_ANSWER || rec.type != DNS_SOA || rec.class != DNS_IN ||
		    !dns_name_eq(dns_name_str(&rec.name), zone))
			continue;
		TRY(dns_rdata_decompress(r.message, &rec, &rdata));
		if (rdata.n < 22)
			return fail(E_SYNTAX, "a SOA of %zu octets", rdata.n);
		*serial = dns_get32(rdata.p + rdata.n - 20);
		return OK;
	}
	return e == E_EOF ? fail(E_NOTFOUND, "the server has no SOA of the zone") : e;
}

WAITS err xfr_serial(struct stream *io, str zone, const struct tsig_key *key, msec deadline,
		     uint32_t *serial)
{
	CLEANUP(talk_free) struct talk *t = talk_new(io, key);

	stream_deadline(io, deadline);
	TRY(ask(t, zone, DNS_SOA, NULL));
	TRY(close_early(hear(t)));
	return read_serial(t, zone, serial);
}
