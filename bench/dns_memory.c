/* bench/run dns_memory [ZONES]: what an answer costs without the network, and what a zone takes:
 * zones of ten records, questions at random. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "formats/dns/zonefile.h"
#include "services/zones/lookup.h"
#include "sessions/dns/dns.h"

enum { QUESTIONS = 1 << 16, ROUNDS = 32 };

static const char text[] =
	"$TTL 3600\n@ SOA ns1.provider.example. hostmaster.provider.example. 1 3600 600 864000 "
	"300\n"
	"@ NS ns1.provider.example.\n@ NS ns2.provider.example.\n@ MX 10 mail\n@ A 192.0.2.1\n"
	"@ TXT \"v=spf1 mx -all\"\nwww A 192.0.2.1\nmail A 192.0.2.2\nmail AAAA 2001:db8::1\n"
	"_dmarc TXT \"v=DMARC1; p=quarantine\"\n";

static const struct dns_service service = { .udp_size = 1232, .extended_errors = true };

static const struct dns_service *options(void)
{
	return &service;
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static err add(void *arg, const struct zonefile_record *r)
{
	return zone_builder_add(arg, r->owner, r->type, r->ttl, r->rdata);
}

static void name_of(unsigned i, const char *label, struct dns_name *out)
{
	char z[64];
	int n = snprintf(z, sizeof(z), "%sdomain%u.example.", label, i);

	if (dns_name_parse(str_of(z, (size_t)n), STR("\0"), out) != OK)
		abort();
}

static struct zone *make_zone(unsigned i)
{
	struct dns_name apex;
	struct zone *z = NULL;

	name_of(i, "", &apex);
	struct zone_builder *b = zone_builder_new(dns_name_str(&apex));
	const struct zonefile f = { .origin = dns_name_str(&apex), .record = add, .arg = b };

	if (zonefile_read(&f, str_of(text, sizeof(text) - 1), STR("text")) != OK ||
	    zone_compile(b, &z) != OK)
		abort();
	zone_builder_free(b);
	return z;
}

struct question {
	unsigned char p[96];
	size_t n;
};

static void make_questions(struct question *q, unsigned zones, const char *label, uint16_t type)
{
	static const unsigned char opt[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0 };
	uint32_t x = 7;

	for (size_t i = 0; i < QUESTIONS; i++) {
		struct dns_name name;

		x = x * 1664525 + 1013904223;
		name_of((x >> 8) % zones, label, &name);
		memset(&q[i], 0, sizeof(q[i]));
		q[i].p[5] = q[i].p[11] = 1;
		memcpy(q[i].p + DNS_HEADER, name.p, name.n);
		unsigned char *p = q[i].p + DNS_HEADER + name.n;

		dns_put16(p, type);
		dns_put16(p + 2, DNS_IN);
		memcpy(p + 4, opt, sizeof(opt));
		q[i].n = (size_t)(p - q[i].p) + 4 + sizeof(opt);
	}
}

static void run(struct dns_server *s, struct question *q, unsigned zones, const char *what,
		const char *label, uint16_t type)
{
	static const struct net_addr peer = { .ss = { .ss_family = AF_INET },
					      .n = sizeof(struct sockaddr_in) };
	static char out[4096];
	size_t octets = 0;

	make_questions(q, zones, label, type);
	double began = now();

	for (size_t k = 0; k < ROUNDS; k++)
		for (size_t i = 0; i < QUESTIONS; i++)
			octets += dns_answer(s, 0, &peer, false, str_of(q[i].p, q[i].n), out,
					     sizeof(out));
	double took = now() - began, n = (double)ROUNDS * QUESTIONS;

	(void)printf("%-10s %6.0f ns an answer of %3.0f octets\n", what, took / n * 1e9,
		     (double)octets / n);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;
	static const struct dns_role role = { .options = options };
	struct zones *zones = zones_new();
	struct question *q = mem_get(QUESTIONS * sizeof(*q));
	size_t octets = 0;
	double began = now();

	for (unsigned i = 0; i < n; i++) {
		struct zone *z = make_zone(i);

		octets += zone_octets(z);
		zones_put(zones, z);
	}
	(void)printf("zones:     %u of 10 records, %zu octets each, read and compiled in %.0f us\n",
		     n, octets / n, (now() - began) / n * 1e6);
	struct dns_server *s = dns_server_new(zones, &role, 1);

	run(s, q, n, "address", "www.", DNS_A);
	run(s, q, n, "mx", "", DNS_MX);
	run(s, q, n, "ns", "", DNS_NS);
	run(s, q, n, "no data", "www.", DNS_AAAA);
	run(s, q, n, "no name", "no.", DNS_A);
	dns_server_free(s);
	zones_free(zones);
	mem_free(q);
	return 0;
}
