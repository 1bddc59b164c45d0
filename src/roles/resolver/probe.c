#include <string.h>
#include <unistd.h>

#include "formats/dns/message.h"
#include "roles/resolver/resolver.h"
#include "run/fiber.h"

enum { WAIT = 400 }; /* milliseconds for one answer */

static const char name[] = "\5alive\5posta\7invalid";

/* Our own address, as one on this machine reaches it. */
static err self(const struct resolver_settings *set, struct net_addr *out)
{
	unsigned port = net_port(&set->listen[0]);

	*out = set->listen[0];
	if (net_is_loopback(out)) { /* 0.0.0.0 and :: too */
		TRY(net_parse(out->ss.ss_family == AF_INET6 ? STR("[::1]:1") : STR("127.0.0.1:1"),
			      out));
		net_set_port(out, port);
	}
	return OK;
}

WAITS static err exchange(int fd, str question, uint16_t id)
{
	char answer[DNS_UDP_PLAIN];
	msec end = clock_in(WAIT);
	size_t n;

	TRY(udp_put(fd, question));
	do {
		TRY(udp_receive(fd, answer, sizeof(answer), &n, end));
	} while (n < DNS_HEADER || dns_get16(answer) != id);
	unsigned code = answer[3] & 15;

	return code == DNS_NOERROR && dns_get16(answer + 6) == 1
		       ? OK
		       : fail(E_IO, "the probe was answered with code %u", code);
}

WAITS err resolver_probe(const struct resolver_settings *set)
{
	unsigned char question[DNS_HEADER + sizeof(name) + 4] = { 0 };
	struct net_addr at;
	uint16_t id = (uint16_t)clock_now();
	int fd;

	if (set->nlisten == 0)
		return OK;
	TRY(self(set, &at));
	TRY(udp_connect(&at, &fd));
	dns_put16(question, id);
	dns_put16(question + 2, DNS_RD);
	dns_put16(question + 4, 1);
	memcpy(question + DNS_HEADER, name, sizeof(name)); /* its NUL is the root */
	dns_put16(question + DNS_HEADER + sizeof(name), DNS_A);
	dns_put16(question + DNS_HEADER + sizeof(name) + 2, DNS_IN);
	err e = exchange(fd, str_of(question, sizeof(question)), id);

	fiber_fd_forget(fd);
	(void)close(fd);
	return e;
}
