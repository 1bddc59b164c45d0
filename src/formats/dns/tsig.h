/* formats/dns/tsig.h: TSIG (RFC 8945): a message authenticated by a shared key. HMAC by OpenSSL.
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
	TSIG_ALGORITHMS
};
struct tsig_key {
	struct dns_name name; /* lower case */
	enum tsig_algorithm algorithm;
	str secret;
};
/* A conversation under one key: what the next MAC must cover (5.3.1: answers of several messages).
 */
struct tsig {
	const struct tsig_key *key; /* NULL: not signed */
	unsigned char mac[64];
	size_t nmac;
	unsigned unsigned_since; /* messages since the last signed one */
	uint16_t error;		 /* to say in the answer: DNS_BADSIG, BADKEY, BADTIME, or 0 */
	uint64_t time;		 /* of the request */
};
/* "hmac-sha256", ... E_NOTFOUND. */
MUST_USE err tsig_algorithm_parse(str text, enum tsig_algorithm *out);

/* Judges a request or answer. find: the key of a name, or NULL. OK: authentic, or without TSIG
 * (t->key NULL). E_DENIED: t->error says what the answer must say. E_SYNTAX: FORMERR. fudge in
 * seconds. *n: the message's length without the TSIG; its additional count is lowered in place. */
MUST_USE err tsig_verify(struct tsig *t, char *message, size_t *n, uint64_t now,
			 const struct tsig_key *(*find)(void *arg, str name), void *arg,
			 bool is_answer);
/* Signs the message in place, in room octets; raises *n and the additional count. first: of a
 * conversation's answers (the request's MAC is covered). E_LIMIT: no room. */
MUST_USE err tsig_sign(struct tsig *t, char *message, size_t *n, size_t room, uint64_t now,
		       bool first);
/* How many octets a signature takes at most. */
size_t tsig_room(const struct tsig *t);

#endif
