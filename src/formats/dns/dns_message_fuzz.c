/* Any octets as a question and as a message: what is read is written, and read again the same. */
#include <stdlib.h>

#include "formats/dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void write_again(struct dns_reader *r)
{
	static unsigned char room[DNS_MESSAGE_MAX];
	struct dns_writer w;
	struct dns_record rr, back;
	struct dns_reader second;
	struct buf data, again;

	buf_init(&data, DNS_MESSAGE_MAX);
	buf_init(&again, DNS_MESSAGE_MAX);
	dns_writer_init(&w, room, sizeof(room));
	dns_writer_header(&w, r->id, r->flags);
	while (dns_reader_record(r, &rr) == OK) {
		buf_reset(&data);
		if (dns_rdata_decompress(r->message, &rr, &data) != OK)
			continue;
		size_t at = w.n;

		if (dns_writer_record(&w, rr.section, dns_name_str(&rr.name), rr.type, rr.class,
				      rr.ttl, buf_str(&data)) != OK)
			break;
		second = (struct dns_reader){ .message = str_of(room, w.n),
					      .at = at,
					      .left = { 0, 1 } };
		buf_reset(&again);
		if (dns_reader_record(&second, &back) != OK ||
		    dns_rdata_decompress(second.message, &back, &again) != OK ||
		    !dns_name_eq(dns_name_str(&back.name), dns_name_str(&rr.name)) ||
		    buf_str(&again).n != buf_str(&data).n)
			abort();
	}
	buf_free(&data);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	str m = str_of(p, n);
	struct dns_query q;
	struct dns_reader r;

	if (dns_query_parse(m, &q) == OK && !dns_name_valid(dns_name_str(&q.name)))
		abort();
	if (dns_reader_open(m, &r) == OK)
		write_again(&r);
	return 0;
}
