/* Question octets against a zone with everything in it, over both transports: what is answered is a
 * message that parses whole, and over UDP not longer than allowed. */
#include <netinet/in.h>
#include <stdlib.h>

#include "sessions/dns/test_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct dns_server *server;

static void check(str question, bool tcp)
{
	static char out[DNS_MESSAGE_MAX];
	static const struct net_addr peer = { .ss = { .ss_family = AF_INET },
					      .n = sizeof(struct sockaddr_in) };
	struct dns_reader r;
	struct dns_record rr;
	size_t n = dns_answer(server, 0, &peer, tcp, question, out, sizeof(out));
	err e;

	if (!n)
		return;
	if (n < DNS_HEADER || dns_reader_open(str_of(out, n), &r) != OK || !(r.flags & DNS_QR))
		abort();
	while ((e = dns_reader_record(&r, &rr)) == OK)
		;
	if (e != E_EOF || r.at != n)
		abort();
	if (!tcp && n > 1232 && n > question.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (!server)
		server = test_zone_server();
	if (n > 4096)
		return 0;
	check(str_of(p, n), false);
	check(str_of(p, n), true);
	return 0;
}
