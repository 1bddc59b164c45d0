/* sessions/dns/test_zone.h: zones with everything in them, for the test and the fuzz target. */
#ifndef SESSIONS_DNS_TEST_ZONE_H
#define SESSIONS_DNS_TEST_ZONE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/dns/zonefile.h"
#include "sessions/dns/dns.h"

/* A line of text a line. */
/* clang-format off */
#define SIG(type)                                                                                  \
	" RRSIG " type " 13 1 300 20370101000000 20200101000000 1 @ "                              \
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define KEY                                                                                        \
	"@ DNSKEY 257 3 13 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"                            \
	"AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==\n@" SIG("DNSKEY")
#define HEAD "$TTL 300\n@ SOA ns root 7 3600 600 86400 60\n"

static const char test_plain[] = HEAD
	"@ NS ns\n@ NS ns.other.\n@ MX 10 mail\n"
	"ns A 192.0.2.1\nns AAAA 2001:db8::1\nmail A 192.0.2.2\n"
	"www CNAME mail\nwww2 CNAME www\nloop CNAME pool\npool CNAME loop\n"
	"out CNAME www.other.\ndangling CNAME nothing\ntosub CNAME host.sub\n"
	"*.w A 192.0.2.9\n*.w TXT wild\nthere.w A 192.0.2.8\n*.wc CNAME mail\n"
	"sub NS ns.sub\nsub NS ns.sub2\nns.sub A 192.0.2.4\nsub2 NS ns.sub2\nns.sub2 A 192.0.2.5\n"
	"child NS ns.other.\n"
	"child DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	"renamed DNAME target\nwww.target A 192.0.2.6\na.b.c TXT deep\nmany A 192.0.2.1\n"
	"srv SRV 0 1 993 mail\nsvc SVCB 1 mail alpn=h2\nodd TYPE65400 \\# 3 010203\n"
	"$GENERATE 1-100 big TXT \"record number $ of a set that does not fit\"\n"
	"$GENERATE 1-40 crowd NS ns$.crowd\n$GENERATE 1-40 ns$.crowd A 192.0.2.$\n"
	"longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglon DNAME "
	"thirty-one-octets-of-a-label-xx.thirty-one-octets-of-a-label-xx."
	"thirty-one-octets-of-a-label-xx.thirty-one-octets-of-a-label-xx.target\n";
static const char test_signed[] =
	HEAD "@" SIG("SOA") "@ NS ns\n@" SIG("NS")
		KEY "@ NSEC a NS SOA RRSIG NSEC DNSKEY\n@" SIG("NSEC") "a A 192.0.2.1\na" SIG("A") "a NSEC ns A RRSIG NSEC\na" SIG("NSEC") "ns A 192.0.2.2\nns" SIG("A") "ns NSEC sub A RRSIG NSEC\nns" SIG(
			"NSEC") "sub NS ns.sub\nns.sub A 192.0.2.3\nsub NSEC *.w NS RRSIG "
				"NSEC\nsub" SIG("NSEC") "*.w A 192.0.2.9\n*.w" SIG("A") "*.w NSEC "
											"x.y A "
											"RRSIG "
											"NSEC\n*."
											"w" SIG("NS"
												"E"
												"C") "x.y TXT deep\nx.y" SIG("TXT") "x.y NSEC @ TXT RRSIG NSEC\nx.y" SIG("NSEC");
static const char test_hashed[] = HEAD "@" SIG("SOA") "@ NS ns.other.\n@" SIG("NS") KEY
	"@ NSEC3PARAM 1 0 1 ab\n@" SIG("NSEC3PARAM") "a A 192.0.2.1\na" SIG(
		"A") "sub NS ns.other.\n"
		     "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 1 ab "
		     "35mthgpgcu1qg68fab165klnsnk3dpvl SOA NS\n"
		     "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom" SIG(
			     "NSEC3") "35mthgpgcu1qg68fab165klnsnk3dpvl NSEC3 1 1 1 ab "
				      "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A RRSIG\n"
				      "35mthgpgcu1qg68fab165klnsnk3dpvl" SIG("NSEC3");
#define TEST_CHILD "@ 300 SOA ns.other. root 1 2 3 4 5\n@ NS ns.other.\nin A 192.0.2.44\n"
/* clang-format on */

static err test_zone_add(void *arg, const struct zonefile_record *r)
{
	return zone_builder_add(arg, r->owner, r->type, r->ttl, r->rdata);
}

static struct zone *test_zone(str apex, str text)
{
	CLEANUP(buf_free) struct buf complaints = { .max = 10000 };
	struct zone_builder *b = zone_builder_new(apex);
	const struct zonefile f = {
		.origin = apex, .record = test_zone_add, .arg = b, .complaints = &complaints
	};
	struct zone *z = NULL;

	if (zonefile_read(&f, text, STR("test")) != OK || zone_compile(b, &z) != OK) {
		(void)fprintf(stderr, "%.*s%s\n", STRF(buf_str(&complaints)), err_last()->text);
		abort();
	}
	zone_builder_free(b);
	return z;
}

static struct dns_service test_service = { .udp_size = 1232,
					   .cookies = true,
					   .nsecrets = 1,
					   .extended_errors = true,
					   .version = S("posta"),
					   .identity = S("ns1.test"),
					   .rrl_v4 = 24,
					   .rrl_v6 = 56,
					   .tcp_idle = 1000,
					   .tcp_queries = 100,
					   .tcp_clients = 2 };

static const struct dns_service *test_options(void)
{
	return &test_service;
}

static struct dns_role test_role = { .options = test_options };
static struct zones *test_zones;

static struct dns_server *test_zone_server(void)
{
	struct zone *all[] = {
		test_zone(STR("\5plain\0"), str_of(test_plain, sizeof(test_plain) - 1)),
		test_zone(STR("\5child\5plain\0"), STR(TEST_CHILD)),
		test_zone(STR("\6signed\0"), str_of(test_signed, sizeof(test_signed) - 1)),
		test_zone(STR("\6hashed\0"), str_of(test_hashed, sizeof(test_hashed) - 1)),
	};

	test_zones = zones_new();
	for (size_t i = 0; i < COUNT(all); i++)
		zones_put(test_zones, all[i]);
	return dns_server_new(test_zones, &test_role, 1);
}

#endif
