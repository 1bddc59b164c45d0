/* services/mailauth/dkim_part.h: what verifying and signing by DKIM and ARC share. Private to this
 * folder. */
#ifndef SERVICES_MAILAUTH_DKIM_PART_H
#define SERVICES_MAILAUTH_DKIM_PART_H

#include <openssl/evp.h>

#include "formats/mailauth/canon.h"
#include "formats/mailauth/dkim.h"
#include "services/mailauth/lookup.h"
#include "services/mailauth/mailauth.h"

enum { DKIM_HASH = 32 }; /* octets of SHA-256 */

/* ---- hashes ---- */
struct dkim_body {
	bool relaxed, limited;
	uint64_t length; /* l= */
	/* results */
	unsigned char hash[DKIM_HASH];
	bool partial; /* octets of the body are not covered */
	bool missing; /* l= is more than there is */
};
/* Hashes the body for all n at once: in each form it is walked once. Long: for a helper thread.
 * E_IO: libcrypto. */
MUST_USE err dkim_hash_bodies(str body, struct dkim_body **v, size_t n);
/* The fields that names (h=) lists and then the signature's own, emptied, hashed. */
MUST_USE err dkim_hash_header(const struct canon_message *m, bool relaxed, str names,
			      const struct canon_field *own, struct arena *a,
			      unsigned char hash[DKIM_HASH]);
/* A sink for canon_field: arg is an EVP_MD_CTX. */
void dkim_sink(void *arg, str bytes);

/* ---- keys ---- */
/* OK, also when signed does not fit: *good says. E_DENIED with a text: the key is none, is under
 * 1024 bits (RFC 8301 3.2) or over LIM_DKIM_RSA_BITS, or of another kind than the algorithm. */
MUST_USE err dkim_check(const struct dkim_key *key, enum dkim_algorithm algorithm,
			const unsigned char hash[DKIM_HASH], str signature, bool *good,
			unsigned *bits);

/* One key that is asked for. */
struct dkim_question {
	str domain, selector;
	/* results */
	enum auth_result result; /* PASS: key is filled; TEMPERROR; PERMERROR */
	str why;
	struct dkim_key key;
	/* while it is asked for */
	const struct mailauth_dns *dns;
	msec deadline;
	struct arena *a;
};
/* All of them side by side. E_CANCELED. */
WAITS MUST_USE err dkim_ask_keys(const struct mailauth_dns *dns, struct dkim_question **v, size_t n,
				 msec deadline, struct arena *a);

/* The text of the last failure. */
str dkim_why(struct arena *a);

#endif
