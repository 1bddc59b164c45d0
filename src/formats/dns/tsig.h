/* formats/dns/tsig.h: TSIG (RFC 8945): messages authenticated by a shared key. HMAC by OpenSSL.
 * Pure: the time comes from the caller. */
#ifndef FORMATS_DNS_TSIG_H
#define FORMATS_DNS_TSIG_H

#include "formats/dns/message.h"

enum tsig_algorithm {
	TSIG_SHA256,
	TSIG_SHA512,
	TSIG_SHA384,
	TSIG_SHA224,
	TSIG_SHA1,
	TSIG_ALGORITHMS,
};
enum { TSIG_FUDGE = 300, TSIG_MAC = 64, TSIG_UNSIGNED = 99 }; /* seconds; octets; messages, 5.3.1 */

struct tsig_key {
	struct dns_name name; /* lower case */
	enum tsig_algorithm algorithm;
	str secret;
};
/* A conversation under one key: a question and its answers. Zeroed at first; tsig_end frees it. */
struct tsig {
	const struct tsig_key *key;  /* NULL: not signed */
	unsigned char mac[TSIG_MAC]; /* the last one, which the next one covers */
	size_t nmac;
	unsigned answers; /* signed ones so far */
	unsigned
		unsigned_since; /* answers since the last signed one: 0 at the end, or it was cut */
	void *running;		/* the digest over those */
	uint16_t error; /* to say in the answer: DNS_BADSIG, BADKEY, BADTIME, BADTRUNC or 0 */
	uint64_t time;	/* of the question */
	struct dns_name asked_key, asked_algorithm;
};
void tsig_end(struct tsig *t);
/* "hmac-sha256", ... E_NOTFOUND. */
MUST_USE err tsig_algorithm_parse(str text, enum tsig_algorithm *out);

/* Judges a question (find: the key of a name, or NULL). OK: authentic, or without TSIG (t->key
 * NULL). E_DENIED: t->error says what the answer must say, with NOTAUTH in its header. E_SYNTAX:
 * FORMERR. *n: the message's length, afterwards without its TSIG; its additional count is lowered
 * in place. */
MUST_USE err tsig_verify(struct tsig *t, char *message, size_t *n, uint64_t now,
			 const struct tsig_key *(*find)(void *arg, str name), void *arg);
/* Judges the next answer to a question that was signed with t. Some may come unsigned between two
 * signed ones (5.3.1). E_DENIED: not authentic, or it says an error of TSIG's. */
MUST_USE err tsig_verify_answer(struct tsig *t, char *message, size_t *n, uint64_t now);
/* Signs a question, or the next answer, in place, in room octets; raises *n and the additional
 * count. An answer to a question that failed tells its error. E_LIMIT: no room. */
MUST_USE err tsig_sign(struct tsig *t, char *message, size_t *n, size_t room, uint64_t now);
/* How many octets a signature takes at most; 0 where nothing is signed. */
size_t tsig_room(const struct tsig *t);

#endif
