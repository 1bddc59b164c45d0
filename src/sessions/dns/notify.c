/* NOTIFY taken (RFC 1996 3): somebody says that a zone changed. */
#include "sessions/dns/transfer.h"

err notify_parse(const struct dns_request *r, bool *has_serial, uint32_t *serial)
{
	CLEANUP(buf_free) struct buf rdata = { 0 };
	struct dns_reader reader;
	struct dns_record rec;

	*has_serial = false;
	if (r->q->type != DNS_SOA || r->q->class != DNS_IN)
		return fail(E_SYNTAX, "a NOTIFY about type %u", r->q->type);
	buf_init(&rdata, DNS_MESSAGE_MAX);
	TRY(dns_reader_open(r->message, &reader));
	while (dns_reader_record(&reader, &rec) == OK) {
		if (rec.section != DNS_ANSWER || rec.type != DNS_SOA ||
		    !dns_name_eq(dns_name_str(&rec.name), dns_name_str(&r->q->name)))
			continue;
		TRY(dns_rdata_decompress(r->message, &rec, &rdata));
		if (rdata.n < 22)
			return fail(E_SYNTAX, "a SOA of %zu octets", rdata.n);
		*has_serial = true;
		*serial = dns_get32(rdata.p + rdata.n - 20);
		return OK;
	}
	return OK;
}

size_t notify_answer(const struct dns_request *r, unsigned rcode, char *out, size_t room)
{
	struct dns_writer w;

	if (transfer_begin(&w, r, out, room, rcode, true) != OK)
		return 0;
	dns_writer_end(&w);
	return w.n;
}
