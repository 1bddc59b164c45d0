/* Messages of a transfer: filled with many records each (RFC 5936 2.2), signed each. */
#include "base/mem.h"
#include "sessions/dns/transfer.h"

enum {
	/* Names are compressed against those in the first 16 KiB (RFC 1035 4.1.4), so that larger
	 * messages save nothing. A record that is larger has a message of its own. */
	FULL = 16 << 10,
};

err transfer_begin(struct dns_writer *w, const struct dns_request *r, void *room, size_t n,
		   unsigned rcode, bool question)
{
	const struct dns_query *q = r->q;

	dns_writer_init(w, room, n);
	dns_writer_header(w, q->id,
			  (uint16_t)(DNS_QR | (rcode ? 0 : DNS_AA) | (q->flags & DNS_RD) |
				     q->opcode << 11 | rcode));
	if (!question)
		return OK;
	TRY(dns_writer_question(w, dns_name_str(&q->name), q->type, q->class));
	return OK;
}

/* RFC 6891 6.1.1: OPT is answered with OPT. In the additional section: behind the records. */
static err add_opt(struct dns_writer *w, const struct dns_request *r)
{
	if (!r->q->edns.present)
		return OK;
	return dns_writer_record(w, DNS_ADDITIONAL, STR("\0"), DNS_OPT, DNS_UDP_PLAIN, 0, STR(""));
}

struct transfer_out *transfer_out_new(struct stream *io, const struct dns_request *r, msec slow,
				      struct transfer_done *done)
{
	struct transfer_out *o = MEM_NEW(struct transfer_out);

	o->io = io;
	o->r = r;
	o->slow = slow;
	o->first = true;
	o->done = done;
	o->room = DNS_MESSAGE_MAX - 11 - (r->tsig && r->tsig->key ? tsig_room(r->tsig) : 0);
	return o;
}

void transfer_out_free(struct transfer_out **o)
{
	mem_free(*o);
}

WAITS static err send_message(struct transfer_out *o)
{
	size_t n;

	if (o->first) {
		o->w.room = DNS_MESSAGE_MAX;
		TRY(add_opt(&o->w, o->r));
	}
	dns_writer_end(&o->w);
	n = o->w.n;
	if (o->r->tsig && o->r->tsig->key)
		TRY(tsig_sign(o->r->tsig, o->message + 2, &n, DNS_MESSAGE_MAX,
			      (uint64_t)clock_unix()));
	dns_put16(o->message, (unsigned)n);
	stream_deadline(o->io, clock_in(o->slow));
	TRY(stream_write(o->io, str_of(o->message, n + 2)));
	o->done->messages++;
	o->done->octets += n + 2;
	o->first = o->open = false;
	return fiber_yield(); /* a reader that is as fast as we are must not keep others waiting */
}

WAITS err transfer_out_record(struct transfer_out *o, str owner, uint16_t type, uint32_t ttl,
			      str rdata)
{
	for (int i = 0; i < 2; i++) {
		if (!o->open)
			TRY(transfer_begin(&o->w, o->r, o->message + 2, o->room, 0, o->first));
		bool empty = !o->w.counts[1];

		o->open = true;
		if ((empty || o->w.n + owner.n + rdata.n < FULL) &&
		    dns_writer_record(&o->w, DNS_ANSWER, owner, type, DNS_IN, ttl, rdata) == OK) {
			o->done->records++;
			return OK;
		}
		if (empty)
			break;
		TRY(send_message(o));
	}
	return fail(E_LIMIT, "a record of %zu octets fits in no message", rdata.n);
}

WAITS err transfer_out_end(struct transfer_out *o)
{
	if (o->open)
		TRY(send_message(o));
	stream_deadline(o->io, clock_in(o->slow));
	return stream_flush(o->io);
}

WAITS err transfer_refuse(struct stream *io, const struct dns_request *r, unsigned rcode, msec slow)
{
	struct transfer_done done = { 0 };
	CLEANUP(transfer_out_free) struct transfer_out *o = transfer_out_new(io, r, slow, &done);

	TRY(transfer_begin(&o->w, r, o->message + 2, o->room, rcode, true));
	o->open = true;
	return transfer_out_end(o);
}
