/* bench/run dkim: CPU of signing and verifying one message by its size. No DNS. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <time.h>

#include "base/limits.h"
#include "base/mem.h"
#include "services/mailauth/dkim.h"
#include "services/mailauth/pair.h"
#include "services/mailauth/sign.h"
#include "services/mailauth/zone_test.h"

static double cpu(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void made(struct buf *out, size_t size)
{
	buf_init(out, MIB(80));
	buf_add(out, STR("From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\n"));
	while (out->n < size)
		buf_add(out, STR("A line of some words, as people write them to each other.\r\n"));
}

WAITS static err one(const char *what, struct sign_key *key, const struct mailauth_dns *dns,
		     size_t size, unsigned times)
{
	struct buf text, fields, whole;
	struct arena a;
	struct mailauth_dkim *v;
	size_t n;

	arena_init(&a, MIB(64));
	made(&text, size);
	buf_init(&fields, KIB(8));
	buf_init(&whole, MIB(80));
	const struct sign_order o = { .message = buf_str(&text), .keys = &key, .nkeys = 1, .now = 1 };
	double from = cpu();

	for (unsigned i = 0; i < times; i++) {
		buf_reset(&fields);
		TRY(sign_message(&o, &fields));
	}
	double sign = (cpu() - from) / times;

	buf_add(&whole, buf_str(&fields));
	buf_add(&whole, buf_str(&text));
	from = cpu();
	for (unsigned i = 0; i < times; i++) {
		arena_reset(&a);
		TRY(dkim_verify_all(dns, buf_str(&whole), 2, NEVER, &a, &v, &n));
		if (n != 1 || v[0].result != AUTH_PASS)
			return fail(E_IO, "does not verify");
	}
	(void)printf("%-8s %9zu octets: sign %8.0f us, verify %8.0f us\n", what, size, sign,
		     (cpu() - from) / times);
	buf_free(&text);
	buf_free(&fields);
	buf_free(&whole);
	arena_free(&a);
	return OK;
}

WAITS static err run(bool rsa)
{
	static const struct {
		size_t size;
		unsigned times;
	} sizes[] = { { 2000, 500 }, { 50000, 300 }, { MIB(1), 50 }, { MIB(50), 2 } };
	struct dkim_pair pair = { 0 };
	struct sign_key *key = NULL;
	char text[1000];

	TRY(dkim_pair_make(rsa, &pair));
	TRY(sign_key_load(STR("b.example"), STR("k"), buf_str(&pair.private_pem), &key));
	(void)snprintf(text, sizeof(text), "k=%s; p=%.*s", rsa ? "rsa" : "ed25519",
		       STRF(buf_str(&pair.public_key)));
	const struct zone_row row = { STR("k._domainkey.b.example"), DNS_TXT, str_z(text) };
	struct zone zone = { &row, 1, 0 };
	const struct mailauth_dns dns = { zone_ask, &zone };

	for (size_t i = 0; i < COUNT(sizes); i++)
		TRY(one(rsa ? "rsa2048" : "ed25519", key, &dns, sizes[i].size, sizes[i].times));
	sign_key_drop(key);
	dkim_pair_free(&pair);
	return OK;
}

int main(void)
{
	if (run(true) == OK && run(false) == OK)
		return 0;
	(void)fprintf(stderr, "%s\n", err_last()->text);
	return 1;
}
