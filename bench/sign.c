/* What signing a zone costs: all of it, a tick of time, one changed set. bench/sign.sh compares. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "formats/dns/zonefile.h"
#include "services/zones/sign.h"

#define T0 INT64_C(1800000000)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static err add(void *arg, const struct zonefile_record *r)
{
	return zone_builder_add(arg, r->owner, r->type, r->ttl, r->rdata);
}

static struct zone_builder *build(str apex, str text)
{
	struct zone_builder *b = zone_builder_new(apex);
	struct buf complaints;

	buf_init(&complaints, KIB(4));
	const struct zonefile z = { .origin = apex,
				    .ttl = 300,
				    .ttl_known = true,
				    .record = add,
				    .arg = b,
				    .complaints = &complaints };

	if (zonefile_read(&z, text, STR("bench"))) {
		fprintf(stderr, "%.*s", STRF(buf_str(&complaints)));
		exit(1);
	}
	buf_free(&complaints);
	return b;
}

static struct zone *sign(str apex, str text, const struct zone *old, const struct zone_keys *keys,
			 int64_t at, const char *what)
{
	struct zone_builder *b = build(apex, text);
	struct sign_result r;
	struct zone *z = NULL;
	double t = now();

	if (zone_sign(b, old, keys, at, &r)) {
		fprintf(stderr, "%s\n", err_last()->text);
		exit(1);
	}
	double took = now() - t;

	printf("  %-34s %7.0f ms CPU, %6zu of %zu signatures computed\n", what, took * 1e3, r.made,
	       r.signatures);
	if (zone_compile(b, &z))
		exit(1);
	zone_builder_free(b);
	return z;
}

static void bench(uint8_t algorithm, bool nsec3, str apex, str text, str more)
{
	struct zone_keys *keys = zone_keys_new();
	struct zone_key *k = &keys->v[keys->n++];
	struct buf priv, pub;

	buf_init(&priv, sizeof(k->pkcs8));
	buf_init(&pub, sizeof(k->dnskey));
	if (key_make(algorithm, 257, &priv, &pub))
		exit(1);
	*k = (struct zone_key){ .algorithm = algorithm,
				.use = KEY_SIGNS_BOTH,
				.state = KEY_ACTIVE,
				.tag = key_tag(buf_str(&pub)),
				.ndnskey = (uint16_t)pub.n,
				.npkcs8 = (uint16_t)priv.n };
	memcpy(k->dnskey, pub.p, pub.n);
	memcpy(k->pkcs8, priv.p, priv.n);
	keys->policy.since = T0;
	keys->policy.nsec3 = nsec3;
	printf("%.*s, %s\n", STRF(key_algorithm_name(algorithm)), nsec3 ? "NSEC3" : "NSEC");
	struct zone *z = sign(apex, text, NULL, keys, T0, "all of it");

	zone_drop(sign(apex, text, z, keys, T0 + sign_tick(&keys->policy), "a tick later"));
	zone_drop(sign(apex, more, z, keys, T0, "one more name"));
	zone_drop(z);
	buf_free(&priv);
	buf_free(&pub);
	zone_keys_free(keys);
}

int main(int argc, char **argv)
{
	static const unsigned char apex[] = "\5bench\4test";
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 10000;
	str name = str_of(apex, sizeof(apex));
	struct buf text, more;

	buf_init(&text, MIB(512));
	buf_init(&more, MIB(512));
	buf_fmt(&text, "@ SOA ns1 root 1 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n");
	for (long i = 3; i < n; i++)
		buf_fmt(&text, "host%ld A 10.%ld.%ld.%ld\n", i, i >> 16 & 255, i >> 8 & 255,
			i & 255);
	buf_add(&more, buf_str(&text));
	buf_add(&more, STR("host5a A 192.0.2.2\n"));
	if (argc > 2) { /* the same zone as a file, for others */
		fwrite(text.p, 1, text.n, stdout);
		return 0;
	}
	printf("%ld records, one core\n", n);
	bench(KEY_ECDSAP256SHA256, false, name, buf_str(&text), buf_str(&more));
	bench(KEY_ECDSAP256SHA256, true, name, buf_str(&text), buf_str(&more));
	bench(KEY_ED25519, false, name, buf_str(&text), buf_str(&more));
	buf_free(&text);
	buf_free(&more);
	return 0;
}
