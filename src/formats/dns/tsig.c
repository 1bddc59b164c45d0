#include "formats/dns/tsig.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

static const struct {
	str text;
	str wire;
	const char *digest;
	size_t octets;
} algorithms[TSIG_ALGORITHMS] = {
	[TSIG_SHA256] = { S("hmac-sha256"), S("\013hmac-sha256"), "SHA256", 32 },
	[TSIG_SHA512] = { S("hmac-sha512"), S("\013hmac-sha512"), "SHA512", 64 },
	[TSIG_SHA384] = { S("hmac-sha384"), S("\013hmac-sha384"), "SHA384", 48 },
	[TSIG_SHA224] = { S("hmac-sha224"), S("\013hmac-sha224"), "SHA224", 28 },
	[TSIG_SHA1] = { S("hmac-sha1"), S("\011hmac-sha1"), "SHA1", 20 },
};

/* The literal's NUL is the root's label. */
static str algorithm_name(enum tsig_algorithm a)
{
	return str_of(algorithms[a].wire.p, algorithms[a].wire.n + 1);
}

err tsig_algorithm_parse(str text, enum tsig_algorithm *out)
{
	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	for (unsigned i = 0; i < TSIG_ALGORITHMS; i++)
		if (str_eqi(text, algorithms[i].text)) {
			*out = (enum tsig_algorithm)i;
			return OK;
		}
	return fail(E_NOTFOUND, "\"%.*s\" is no algorithm of TSIG; write hmac-sha256", STRF(text));
}

/* ---- the digest ---- */

static void digest_free(EVP_MAC_CTX **c)
{
	EVP_MAC_CTX_free(*c);
}

void tsig_end(struct tsig *t)
{
	EVP_MAC_CTX_free(t->running);
	t->running = NULL;
}

static err add(EVP_MAC_CTX *c, str s)
{
	return EVP_MAC_update(c, (const unsigned char *)s.p, s.n) == 1
		       ? OK
		       : fail(E_IO, "HMAC does not work");
}

/* Begins with the last MAC, if there was one. */
static err begin(const struct tsig *t, EVP_MAC_CTX **out)
{
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *c = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	char *digest = (char *)(uintptr_t)algorithms[t->key->algorithm].digest;
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
				 OSSL_PARAM_construct_end() };
	unsigned char len[2];

	EVP_MAC_free(hmac);
	*out = c;
	if (!c ||
	    EVP_MAC_init(c, (const unsigned char *)t->key->secret.p, t->key->secret.n, params) != 1)
		return fail(E_IO, "HMAC does not work");
	if (t->nmac == 0)
		return OK;
	dns_put16(len, (unsigned)t->nmac);
	TRY(add(c, str_of(len, 2)));
	return add(c, str_of(t->mac, t->nmac));
}

static err finish(EVP_MAC_CTX *c, unsigned char mac[TSIG_MAC], size_t *n)
{
	return EVP_MAC_final(c, mac, n, TSIG_MAC) == 1 ? OK : fail(E_IO, "HMAC does not work");
}

/* ---- the record ---- */

struct record {
	size_t at; /* where it begins */
	struct dns_name key, algorithm;
	uint64_t time;
	unsigned fudge, id, error;
	str mac, other;
};

static uint64_t get48(const char *p)
{
	return (uint64_t)dns_get16(p) << 32 | dns_get32(p + 2);
}

static void put48(unsigned char *p, uint64_t v)
{
	dns_put16(p, (unsigned)(v >> 32) & 0xffff);
	dns_put32(p + 2, (uint32_t)v);
}

/* 4.2. The names are not compressed in the digest; here they may be. */
static err parse_data(str message, const struct dns_record *r, struct record *out)
{
	size_t at, end = r->rdata_at + r->rdata.n;
	const char *p = message.p;

	TRY(dns_name_read(message, r->rdata_at, &out->algorithm, &at));
	if (at + 10 > end)
		return fail(E_SYNTAX, "TSIG is cut");
	out->time = get48(p + at);
	out->fudge = dns_get16(p + at + 6);
	size_t nmac = dns_get16(p + at + 8);

	at += 10;
	if (at + nmac + 6 > end)
		return fail(E_SYNTAX, "TSIG is cut");
	out->mac = str_of(p + at, nmac);
	at += nmac;
	out->id = dns_get16(p + at);
	out->error = dns_get16(p + at + 2);
	size_t nother = dns_get16(p + at + 4);

	out->other = str_of(p + at + 6, nother);
	return at + 6 + nother == end ? OK : fail(E_SYNTAX, "TSIG has another length");
}

/* The last record, if it is a TSIG. E_NOTFOUND: there is none. */
static err find_record(str message, struct record *out)
{
	struct dns_reader r;
	struct dns_record rr;
	bool found = false;
	err e;

	TRY(dns_reader_open(message, &r));
	for (;;) {
		size_t at = r.at;

		/* The questions are skipped by the first call. */
		e = dns_reader_record(&r, &rr);
		if (e)
			break;
		if (found)
			return fail(E_SYNTAX, "a record behind TSIG"); /* 5.1 */
		if (rr.type != DNS_TSIG)
			continue;
		if (rr.section != DNS_ADDITIONAL || rr.class != DNS_CLASS_ANY || rr.ttl != 0)
			return fail(E_SYNTAX, "a TSIG out of its form");
		TRY(parse_data(message, &rr, out));
		out->key = rr.name;
		/* The first record's start was behind the questions. */
		out->at = r.counts[1] + r.counts[2] + r.counts[3] == 1 ? 0 : at;
		found = true;
	}
	if (e != E_EOF || r.at != message.n)
		return fail(E_SYNTAX, "octets behind the last record");
	return found ? OK : E_NOTFOUND;
}

/* Where the records begin: behind the questions. */
static err first_record(str message, size_t *at)
{
	struct dns_reader r;
	struct dns_name name;
	uint16_t type, class;
	err e;

	TRY(dns_reader_open(message, &r));
	while ((e = dns_reader_question(&r, &name, &type, &class)) == OK)
		continue;
	*at = r.at;
	return e == E_EOF ? OK : e;
}

/* Takes the TSIG off; the message is then what was signed, but for its id. */
static err take_off(char *message, size_t *n, struct record *out)
{
	str m = str_of(message, *n);

	TRY(find_record(m, out));
	if (out->at == 0)
		TRY(first_record(m, &out->at));
	dns_put16(message + 10, dns_get16(message + 10) - 1);
	*n = out->at;
	return OK;
}

/* 4.3.3: what is digested behind the message. all false: of a later answer, the times alone. */
static err add_variables(EVP_MAC_CTX *c, const struct record *r, bool all)
{
	unsigned char fixed[8];
	struct dns_name key = r->key, algorithm = r->algorithm;

	dns_name_lower(&key);
	dns_name_lower(&algorithm);
	if (all) {
		TRY(add(c, dns_name_str(&key)));
		dns_put16(fixed, DNS_CLASS_ANY);
		dns_put32(fixed + 2, 0);
		TRY(add(c, str_of(fixed, 6)));
		TRY(add(c, dns_name_str(&algorithm)));
	}
	put48(fixed, r->time);
	dns_put16(fixed + 6, r->fudge);
	TRY(add(c, str_of(fixed, 8)));
	if (!all)
		return OK;
	dns_put16(fixed, r->error);
	dns_put16(fixed + 2, (unsigned)r->other.n);
	TRY(add(c, str_of(fixed, 4)));
	return add(c, r->other);
}

/* 4.3.2: under the id that it had when it was signed. */
static err add_message(EVP_MAC_CTX *c, const char *message, size_t n, unsigned id)
{
	unsigned char head[2];

	dns_put16(head, id);
	TRY(add(c, str_of(head, 2)));
	return add(c, str_of(message + 2, n - 2));
}

/* 5.2.2.1: a MAC may be cut to half its length, never below 10 octets; we take whole ones. */
static err judge_mac(struct tsig *t, const struct record *r, const unsigned char *mac, size_t n)
{
	if (r->mac.n > n || r->mac.n < (n / 2 > 10 ? n / 2 : 10))
		return fail(E_SYNTAX, "a MAC of %zu octets", r->mac.n);
	if (CRYPTO_memcmp(mac, r->mac.p, r->mac.n) != 0) {
		t->error = DNS_BADSIG;
		return fail(E_DENIED, "TSIG: the signature does not fit");
	}
	if (r->mac.n < n) {
		t->error = DNS_BADTRUNC;
		return fail(E_DENIED, "TSIG: the signature is cut");
	}
	return OK;
}

static err judge_time(struct tsig *t, const struct record *r, uint64_t now)
{
	uint64_t apart = now > r->time ? now - r->time : r->time - now;

	if (apart <= (r->fudge < TSIG_FUDGE ? r->fudge : TSIG_FUDGE))
		return OK;
	t->error = DNS_BADTIME;
	return fail(E_DENIED, "TSIG: the clocks are %llu seconds apart", (unsigned long long)apart);
}

static void keep_mac(struct tsig *t, const unsigned char *mac, size_t n)
{
	memcpy(t->mac, mac, n);
	t->nmac = n;
}

err tsig_verify(struct tsig *t, char *message, size_t *n, uint64_t now,
		const struct tsig_key *(*find)(void *arg, str name), void *arg)
{
	CLEANUP(digest_free) EVP_MAC_CTX *c = NULL;
	unsigned char mac[TSIG_MAC];
	struct record r;
	size_t nmac;
	err e = take_off(message, n, &r);

	if (e == E_NOTFOUND)
		return OK;
	TRY(e);
	dns_name_lower(&r.key);
	t->asked_key = r.key;
	t->asked_algorithm = r.algorithm;
	t->time = r.time;
	const struct tsig_key *key = find(arg, dns_name_str(&r.key));

	if (!key || !dns_name_eq(dns_name_str(&r.algorithm), algorithm_name(key->algorithm))) {
		t->error = DNS_BADKEY;
		return fail(E_DENIED, "TSIG: nobody knows this key");
	}
	t->key = key;
	TRY(begin(t, &c));
	TRY(add_message(c, message, *n, r.id));
	TRY(add_variables(c, &r, true));
	TRY(finish(c, mac, &nmac));
	TRY(judge_mac(t, &r, mac, nmac));
	keep_mac(t, mac, nmac);
	return judge_time(t, &r, now);
}

err tsig_verify_answer(struct tsig *t, char *message, size_t *n, uint64_t now)
{
	unsigned char mac[TSIG_MAC];
	struct record r;
	size_t nmac;
	err e = take_off(message, n, &r);

	if (e != OK && e != E_NOTFOUND)
		return e;
	if (!t->running)
		TRY(begin(t, (EVP_MAC_CTX **)&t->running));
	if (e == E_NOTFOUND) {
		if (t->answers == 0 || ++t->unsigned_since > TSIG_UNSIGNED)
			return fail(E_DENIED, "TSIG: an answer is not signed");
		return add(t->running, str_of(message, *n));
	}
	if (r.error == DNS_BADSIG || r.error == DNS_BADKEY || r.mac.n == 0)
		return fail(E_DENIED, "TSIG: the other end says error %u", r.error);
	if (!dns_name_eq(dns_name_str(&r.key), dns_name_str(&t->key->name)) ||
	    !dns_name_eq(dns_name_str(&r.algorithm), algorithm_name(t->key->algorithm)))
		return fail(E_DENIED, "TSIG: an answer under another key");
	TRY(add_message(t->running, message, *n, r.id));
	TRY(add_variables(t->running, &r, t->answers == 0));
	TRY(finish(t->running, mac, &nmac));
	tsig_end(t);
	TRY(judge_mac(t, &r, mac, nmac));
	keep_mac(t, mac, nmac);
	t->answers++;
	t->unsigned_since = 0;
	if (r.error)
		return fail(E_DENIED, "TSIG: the other end says error %u", r.error);
	return judge_time(t, &r, now);
}

/* ---- signing ---- */

size_t tsig_room(const struct tsig *t)
{
	if (!t->key && !t->error)
		return 0;
	return (t->key ? t->key->name.n : t->asked_key.n) + 10u +
	       (t->key ? algorithm_name(t->key->algorithm).n : t->asked_algorithm.n) + 16u +
	       TSIG_MAC + 6u;
}

static unsigned char *put(unsigned char *p, str s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

static size_t write_record(const struct record *r, unsigned char *begin_at)
{
	unsigned char *p = put(begin_at, dns_name_str(&r->key)), *len;

	dns_put16(p, DNS_TSIG);
	dns_put16(p + 2, DNS_CLASS_ANY);
	dns_put32(p + 4, 0);
	len = p + 8;
	p = put(p + 10, dns_name_str(&r->algorithm));
	put48(p, r->time);
	dns_put16(p + 6, r->fudge);
	dns_put16(p + 8, (unsigned)r->mac.n);
	p = put(p + 10, r->mac);
	dns_put16(p, r->id);
	dns_put16(p + 2, r->error);
	dns_put16(p + 4, (unsigned)r->other.n);
	p = put(p + 6, r->other);
	dns_put16(len, (unsigned)(p - len - 2));
	return (size_t)(p - begin_at);
}

static void set_name(struct dns_name *n, str wire)
{
	memcpy(n->p, wire.p, wire.n);
	n->n = (unsigned char)wire.n;
}

err tsig_sign(struct tsig *t, char *message, size_t *n, size_t room, uint64_t now)
{
	CLEANUP(digest_free) EVP_MAC_CTX *c = NULL;
	unsigned char mac[TSIG_MAC], server_time[6];
	struct record r = { .key = t->asked_key,
			    .algorithm = t->asked_algorithm,
			    .time = now,
			    .fudge = TSIG_FUDGE,
			    .id = dns_get16(message),
			    .error = t->error };
	size_t nmac = 0;

	if (tsig_room(t) == 0)
		return OK;
	if (*n + tsig_room(t) > room)
		return fail(E_LIMIT, "no room for TSIG");
	put48(server_time, now);
	if (t->error == DNS_BADTIME) { /* 5.2.3: the question's time, and ours beside it */
		r.time = t->time;
		r.other = str_of(server_time, sizeof(server_time));
	}
	/* 5.3.2: who has no key, or not the right one, gets the error unsigned. */
	if (t->key && t->error != DNS_BADSIG && t->error != DNS_BADKEY) {
		set_name(&r.key, dns_name_str(&t->key->name));
		set_name(&r.algorithm, algorithm_name(t->key->algorithm));
		TRY(begin(t, &c));
		TRY(add_message(c, message, *n, r.id));
		TRY(add_variables(c, &r, t->answers == 0));
		TRY(finish(c, mac, &nmac));
		keep_mac(t, mac, nmac);
	}
	r.mac = str_of(mac, nmac);
	*n += write_record(&r, (unsigned char *)message + *n);
	dns_put16(message + 10, dns_get16(message + 10) + 1);
	/* What was asked is answered: the first answer covers the question, the next ones this. */
	t->answers += t->asked_key.n != 0;
	return OK;
}
