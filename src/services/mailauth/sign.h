/* services/mailauth/sign.h: DKIM signatures and ARC sets of our own. RFC 6376 5, RFC 8463, RFC 8617
 * 5.1. Nothing here waits, but signing takes a millisecond with RSA and hashing as long as the
 * message is: call it on a helper thread. */
#ifndef SERVICES_MAILAUTH_SIGN_H
#define SERVICES_MAILAUTH_SIGN_H

#include "base/arena.h"
#include "base/buf.h"
#include "services/mailauth/mailauth.h"

struct sign_key;
/* pem: a private key, PKCS #8. E_CORRUPT: none of RSA (1024 bits at least) or Ed25519. Counted; any
 * number of threads may sign with one. */
MUST_USE err sign_key_load(str domain, str selector, str pem, struct sign_key **out);
struct sign_key *sign_key_hold(struct sign_key *k);
void sign_key_drop(struct sign_key *k); /* NULL allowed */
str sign_key_selector(const struct sign_key *k);

struct sign_order {
	str head;    /* fields that are put before the message, each with its CRLF; "" */
	str message; /* CRLF or LF */
	struct sign_key *const *keys;
	size_t nkeys;
	bool simple_header, simple_body; /* else relaxed, which survives more servers */
	int64_t now;			 /* t= */
	int64_t expires;		 /* x=; 0: none */
	/* h=, each name as often as it is to be signed; NULL: what readers see and programs act on,
	 * those of the names that a message may have once (5.4, 8.15) once more than they are there
	 * so that nobody adds another. */
	const str *names;
	size_t nnames;
};
/* A DKIM-Signature field for each key, to be put before the head. E_LIMIT: a header over the
 * limits; E_IO: libcrypto. */
MUST_USE err sign_message(const struct sign_order *o, struct buf *out);

/* An ARC set (ARC-Seal, ARC-Message-Signature, ARC-Authentication-Results) for a message that is
 * sent on. results: what stands behind the name and colon of an Authentication-Results field, from
 * the server's name on. chain: what arc_verify said of the message as it came. order: head,
 * one key, now. One that has failed is sealed as such, once (5.1.2). E_DENIED: the chain says
 * itself that it had failed, or is as long as may be: nothing is to be added. */
struct arc_chain;
MUST_USE err sign_seal(const struct sign_order *o, const struct arc_chain *chain, str results,
		       struct buf *out);

#endif
