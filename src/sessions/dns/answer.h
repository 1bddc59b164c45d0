/* sessions/dns/answer.h: from a question to the sections of its answer (RFC 1034 4.3.2). Inside
 * sessions/dns; nothing waits or allocates. */
#ifndef SESSIONS_DNS_ANSWER_H
#define SESSIONS_DNS_ANSWER_H

#include <openssl/evp.h>

#include "base/limits.h"
#include "sessions/dns/reply.h"

enum { ANSWER_PROOFS = LIM_DNS_ALIASES + 4 };

/* NSEC3's hash function, for one loop. */
struct hasher {
	EVP_MD *sha1;
	EVP_MD_CTX *ctx;
};
/* A look-up under way. Large: one a loop, filled anew where it must be. */
struct answer {
	struct reply r;
	const struct zone *z;
	struct zone_name *k, *spare; /* the name in hand; for targets */
	struct hasher *hash;
	uint16_t owner; /* where that name stands in the message */
	uint16_t type;
	bool tcp;
	bool authoritative;
	unsigned rcode;
	uint64_t about; /* what it is about, for rate limits: names of one kind share it */
	const struct zone_node *cut; /* of a referral */
	unsigned cut_labels;
	struct {
		const struct zone_node *n;
		uint16_t type;
	} proofs[ANSWER_PROOFS]; /* are written when the answer section is whole */
	unsigned nproofs;
};
/* a->z, k, spare, type, owner and the reply are set. */
void answer_find(struct answer *a);

/* Denial of existence (denial.c); nothing without DNSSEC. i: labels of the closest encloser. */
void deny_type(struct answer *a, const struct zone_node *n); /* the name has not this type */
void deny_name(struct answer *a, unsigned i);		     /* it does not exist */
void deny_expansion(struct answer *a, unsigned i);	     /* it is made from "*" */
void deny_wildcard_type(struct answer *a, const struct zone_node *n, unsigned i);
void deny_ds(struct answer *a, unsigned i); /* an unsigned delegation */
void deny_write(struct answer *a);

/* Where the ancestor of i labels of the name in hand stands in the message. */
uint16_t answer_place(const struct answer *a, unsigned i);

#endif
