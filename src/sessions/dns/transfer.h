/* sessions/dns/transfer.h: zones given away: whole (AXFR, RFC 5936), as what changed (IXFR, RFC
 * 1995); NOTIFY taken (RFC 1996). The role decides who may, and hands over what is to be sent. */
#ifndef SESSIONS_DNS_TRANSFER_H
#define SESSIONS_DNS_TRANSFER_H

#include "services/zones/journal.h"
#include "sessions/dns/dns.h"

enum transfer_form { TRANSFER_WHOLE, TRANSFER_CHANGES, TRANSFER_CURRENT };
/* What was sent. */
struct transfer_done {
	enum transfer_form form;
	uint32_t from, to; /* serials; from: of TRANSFER_CHANGES */
	uint64_t messages, records, octets;
};
/* Sends a zone (held by the caller) as r asks. journal NULL: always whole. slow: milliseconds that
 * a message may take to go out. E_SYNTAX: the question is malformed, nothing was sent. Other errors
 * end the connection. */
WAITS MUST_USE err transfer_send(struct stream *io, const struct dns_request *r, struct zone *z,
				 struct journal *journal, msec slow, struct transfer_done *done);
/* One message without records, that says why not. */
WAITS MUST_USE err transfer_refuse(struct stream *io, const struct dns_request *r, unsigned rcode,
				   msec slow);

/* IXFR over UDP: one message, the SOA alone where all does not fit (RFC 1995 2). 0: FORMERR is to
 * be said. */
size_t transfer_datagram(const struct dns_request *r, struct zone *z, struct journal *journal,
			 char *out, size_t room);

/* The serial that an IXFR question names. E_SYNTAX. */
MUST_USE err transfer_serial(const struct dns_request *r, uint32_t *out);

/* A NOTIFY: the serial that it hints at, if it does. E_SYNTAX. */
MUST_USE err notify_parse(const struct dns_request *r, bool *has_serial, uint32_t *serial);
/* The answer to one. */
size_t notify_answer(const struct dns_request *r, unsigned rcode, char *out, size_t room);

/* ---- transfer_out.c: the messages of a transfer, one after the other ---- */
struct transfer_out {
	struct stream *io;
	const struct dns_request *r;
	msec slow;
	struct dns_writer w;
	bool open, first, fits; /* a message is begun; none was sent; fits: never more than one */
	size_t room;
	struct transfer_done *done;
	char message[DNS_MESSAGE_MAX + 2]; /* length before it */
};
struct transfer_out *transfer_out_new(struct stream *io, const struct dns_request *r, msec slow,
				      struct transfer_done *done);
void transfer_out_free(struct transfer_out **o); /* for CLEANUP */
WAITS MUST_USE err transfer_out_record(struct transfer_out *o, str owner, uint16_t type,
				       uint32_t ttl, str rdata);
/* The last message. */
WAITS MUST_USE err transfer_out_end(struct transfer_out *o);
/* Header, question and OPT as r asks. E_LIMIT: no room. */
MUST_USE err transfer_begin(struct dns_writer *w, const struct dns_request *r, void *room, size_t n,
			    unsigned rcode, bool question);
/* The zone's SOA. E_CORRUPT: it has none. */
MUST_USE err transfer_soa(const struct zone *z, struct zone_rrset *set, str *rdata);
WAITS MUST_USE err transfer_whole(struct transfer_out *o, struct zone *z);
WAITS MUST_USE err transfer_changes(struct transfer_out *o, struct zone *z,
				    const struct journal_steps *s);

#endif
