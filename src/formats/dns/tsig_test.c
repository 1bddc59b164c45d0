#include "formats/dns/tsig.h"

#include <string.h>

#include "base/test.h"

static struct tsig_key one, other;

static void keys(void)
{
	one = (struct tsig_key){ .algorithm = TSIG_SHA256, .secret = STR("0123456789abcdef") };
	CHECK_OK(dns_name_parse(STR("key.test."), STR(""), &one.name));
	other = one;
	other.secret = STR("another secret..");
}

static const struct tsig_key *find(void *arg, str name)
{
	const struct tsig_key *k = arg;

	return k && dns_name_eq(name, dns_name_str(&k->name)) ? k : NULL;
}

static size_t question(char *m)
{
	static const unsigned char q[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\1a\4test\0\0\xfc\0\1";

	memcpy(m, q, sizeof(q) - 1);
	return sizeof(q) - 1;
}

/* A question and three answers, as a transfer has them. */
TEST(tsig_conversation)
{
	char m[512];
	struct tsig client = { .key = &one }, server = { 0 };

	keys();
	size_t n = question(m), plain = n;

	CHECK_OK(tsig_sign(&client, m, &n, sizeof(m), 1000000));
	CHECK(n > plain && dns_get16(m + 10) == 1);
	CHECK_OK(tsig_verify(&server, m, &n, 1000100, find, &one));
	CHECK(server.key == &one && n == plain && dns_get16(m + 10) == 0);
	for (unsigned i = 0; i < 3; i++) {
		size_t len = question(m);

		m[2] = (char)0x84;
		CHECK_OK(tsig_sign(&server, m, &len, sizeof(m), 1000100 + i));
		CHECK_OK(tsig_verify_answer(&client, m, &len, 1000101));
		CHECK(len == plain);
	}
	CHECK(client.answers == 3);
	/* 5.3.1: some come unsigned, but never the last one */
	size_t len = question(m);

	CHECK_OK(tsig_verify_answer(&client, m, &len, 1000101));
	CHECK(client.unsigned_since == 1);
	tsig_end(&client);
	tsig_end(&server);
}

TEST(tsig_refuses)
{
	static const struct {
		const char *what;
		bool no_key, other_key, changed;
		uint64_t late;
		err want;
		unsigned error;
	} rows[] = {
		{ "good", .want = OK },
		{ "a key that nobody knows", .no_key = true, .want = E_DENIED,
		  .error = DNS_BADKEY },
		{ "another secret", .other_key = true, .want = E_DENIED, .error = DNS_BADSIG },
		{ "an octet changed", .changed = true, .want = E_DENIED, .error = DNS_BADSIG },
		{ "at the edge", .late = 300, .want = OK },
		{ "replayed", .late = 301, .want = E_DENIED, .error = DNS_BADTIME },
	};

	keys();
	for (size_t i = 0; i < COUNT(rows); i++) {
		char m[512], answer[512];
		struct tsig client = { .key = &one }, server = { 0 };
		size_t n = question(m), len = question(answer);

		CHECK_OK(tsig_sign(&client, m, &n, sizeof(m), 1000000));
		m[13] = rows[i].changed ? 'b' : m[13];
		CHECK_ROW(i, tsig_verify(&server, m, &n, 1000000 + rows[i].late, find,
					 rows[i].no_key	     ? NULL
					 : rows[i].other_key ? &other
							     : &one) == rows[i].want);
		CHECK_ROW(i, server.error == rows[i].error);
		/* 5.3.2: the answer says so; who has the key sees which */
		CHECK_OK(tsig_sign(&server, answer, &len, sizeof(answer), 1000000 + rows[i].late));
		CHECK_ROW(i, tsig_verify_answer(&client, answer, &len, 1000000 + rows[i].late) ==
				     rows[i].want);
		tsig_end(&client);
		tsig_end(&server);
	}
}

TEST(tsig_malformed)
{
	char m[512];
	struct tsig client = { .key = &one };

	keys();
	size_t n = question(m);

	CHECK_OK(tsig_sign(&client, m, &n, sizeof(m), 1000000));
	for (size_t i = 12; i < n; i++) {
		struct tsig server = { 0 };
		char cut[512];
		size_t len = i;

		memcpy(cut, m, n);
		CHECK_ROW(i, tsig_verify(&server, cut, &len, 1000000, find, &one) == E_SYNTAX);
	}
	n = question(m);
	CHECK(tsig_sign(&client, m, &n, n + 20, 1000000) == E_LIMIT);
	struct tsig server = { 0 };

	CHECK_OK(tsig_verify(&server, m, &n, 1000000, find, &one)); /* none is there */
	CHECK(server.key == NULL);
}

/* What another implementation (dnspython) makes of the same question, key and time. */
TEST(tsig_another_hand)
{
	static const char theirs[] =
		"\022\064\000\000\000\001\000\000\000\000\000\001\001\141\004\164\145\163\164\000"
		"\000\374\000\001\003\153\145\171\300\016\000\372\000\377\000\000\000\000\000\075"
		"\013\150\155\141\143\055\163\150\141\062\065\066\000\000\000\000\017\102\100\001"
		"\054\000\040\357\371\224\300\142\011\340\131\005\324\037\172\370\035\035\131\360"
		"\335\176\350\021\115\376\122\102\072\013\276\140\352\050\165\022\064\000\000\000"
		"\000";
	char m[512];
	struct tsig server = { 0 }, client = { .key = &one };

	keys();
	size_t n = sizeof(theirs) - 1, ours;

	memcpy(m, theirs, n);
	CHECK_OK(tsig_verify(&server, m, &n, 1000000, find, &one));
	CHECK(server.key == &one);
	ours = question(m);
	CHECK_OK(tsig_sign(&client, m, &ours, sizeof(m), 1000000));
	CHECK_STR(str_of(client.mac, client.nmac), str_of(server.mac, server.nmac));
}
