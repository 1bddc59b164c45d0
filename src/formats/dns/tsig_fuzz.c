/* Any octets as a signed question and as a signed answer. */
#include <stdlib.h>
#include <string.h>

#include "formats/dns/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct tsig_key *find(void *arg, str name)
{
	(void)name;
	return arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char m[DNS_MESSAGE_MAX], answer[DNS_MESSAGE_MAX];
	struct tsig_key key = { .algorithm = TSIG_SHA256, .secret = STR("secret") };
	struct tsig server = { 0 }, client = { .key = &key };
	size_t len = n, room = sizeof(answer);

	if (n > sizeof(m) || dns_name_parse(STR("k."), STR(""), &key.name) != OK)
		return 0;
	memcpy(m, p, n);
	err e = tsig_verify(&server, m, &len, 1000000, find, &key);

	if (len > n || (e == OK && server.key && server.nmac == 0))
		abort();
	if (n >= DNS_HEADER) {
		size_t k = DNS_HEADER;

		memcpy(answer, p, DNS_HEADER);
		(void)!tsig_sign(&server, answer, &k, room, 1000000);
	}
	memcpy(m, p, n);
	len = n;
	(void)!tsig_verify_answer(&client, m, &len, 1000000);
	tsig_end(&server);
	tsig_end(&client);
	return 0;
}
