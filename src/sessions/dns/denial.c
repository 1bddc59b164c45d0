/* Proofs that something is not there: NSEC (RFC 4035 3.1.3) and NSEC3 (RFC 5155 7.2). */
#include <string.h>

#include "sessions/dns/answer.h"

/* One NSEC may prove two things, and is sent once. */
static void prove(struct answer *a, const struct zone_node *n, uint16_t type)
{
	unsigned i = 0;

	while (i < a->nproofs && a->proofs[i].n != n)
		i++;
	if (!n || i < a->nproofs || i == ANSWER_PROOFS)
		return;
	a->proofs[i].n = n;
	a->proofs[i].type = type;
	a->nproofs++;
}

void deny_write(struct answer *a)
{
	for (unsigned i = 0; i < a->nproofs; i++) {
		const struct zone_node *n = a->proofs[i].n;
		const unsigned char *records;
		const struct zone_set *s = zone_node_set(n, a->proofs[i].type, &records);

		if (s && !reply_node_set(&a->r, DNS_AUTHORITY, n, s, records))
			a->r.cut = true;
	}
}

/* The name's part before the apex. */
static str relative(const struct answer *a, unsigned i)
{
	const struct zone_name *k = a->k;

	return str_of(k->p + k->at[i], (size_t)(k->at[a->z->apex_labels] - k->at[i]));
}

/* "*" below the ancestor of i labels; tail: the octets of it that follow. */
static str wildcard(unsigned char room[DNS_NAME_MAX + 2], str tail)
{
	room[0] = 1;
	room[1] = '*';
	memcpy(room + 2, tail.p, tail.n);
	return str_of(room, tail.n + 2);
}

/* ---- NSEC3 ---- */

static void base32hex(const unsigned char *in, char out[32])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	for (unsigned i = 0; i < 4; i++, in += 5) {
		uint64_t v = 0;

		for (unsigned k = 0; k < 5; k++)
			v = v << 8 | in[k];
		for (unsigned k = 0; k < 8; k++)
			*out++ = digits[v >> (35 - 5 * k) & 31];
	}
}

/* RFC 5155 5. False: the library failed. */
static bool hash_name(const struct answer *a, str name, char out[32])
{
	const unsigned char *salt = zone_at(a->z, a->z->salt);
	unsigned char digest[EVP_MAX_MD_SIZE];
	const struct hasher *h = a->hash;
	const void *p = name.p;
	size_t n = name.n;

	for (unsigned i = 0; i <= a->z->iterations; i++, p = digest, n = 20)
		if (!EVP_DigestInit_ex2(h->ctx, h->sha1, NULL) || !EVP_DigestUpdate(h->ctx, p, n) ||
		    !EVP_DigestUpdate(h->ctx, salt + 1, salt[0]) ||
		    !EVP_DigestFinal_ex(h->ctx, digest, NULL))
			return false;
	base32hex(digest, out);
	return true;
}

static const struct zone_node *hashed(const struct answer *a, str name, bool *exact)
{
	char hash[32];

	*exact = false;
	return hash_name(a, name, hash) ? zone_nsec3_before(a->z, hash, exact) : NULL;
}

static str whole(const struct answer *a, unsigned i)
{
	return str_of(a->k->p + a->k->at[i], (size_t)a->k->n - a->k->at[i]);
}

static void prove3(struct answer *a, str name)
{
	bool exact;

	prove(a, hashed(a, name, &exact), DNS_NSEC3);
}

/* RFC 5155 7.2.1: the closest ancestor that has an NSEC3 of its own, at or above that of i labels,
 * and that the next name is not there. Gives its labels. */
static unsigned prove_encloser(struct answer *a, unsigned i)
{
	for (;; i--) {
		bool exact;
		const struct zone_node *n = hashed(a, whole(a, i), &exact);

		if (!exact && i > a->z->apex_labels)
			continue;
		if (exact)
			prove(a, n, DNS_NSEC3);
		break;
	}
	if (i < a->k->labels)
		prove3(a, whole(a, i + 1));
	return i;
}

static void prove_wildcard3(struct answer *a, unsigned i)
{
	unsigned char room[DNS_NAME_MAX + 2];

	prove3(a, wildcard(room, whole(a, i)));
}

/* The name is there: its NSEC3; or it is not in the chain, being opted out (7.2.4, 7.2.7). */
static void prove_type3(struct answer *a, unsigned i)
{
	bool exact;
	const struct zone_node *n = hashed(a, whole(a, i), &exact);

	if (exact)
		prove(a, n, DNS_NSEC3);
	else if (i > a->z->apex_labels)
		(void)prove_encloser(a, i - 1);
}

/* ---- what answers ask for ---- */

static bool wanted(const struct answer *a)
{
	return a->r.dnssec && (a->z->nsec || a->z->nsec3);
}

/* An empty non-terminal has no NSEC: the one before it says so. */
static void prove_nsec(struct answer *a, str name)
{
	prove(a, zone_nsec_before(a->z, name), DNS_NSEC);
}

void deny_type(struct answer *a, const struct zone_node *n)
{
	if (!wanted(a))
		return;
	if (a->z->nsec3)
		prove_type3(a, a->k->labels);
	else
		prove_nsec(a, relative(a, a->k->labels));
}

void deny_name(struct answer *a, unsigned i)
{
	unsigned char room[DNS_NAME_MAX + 2];

	if (!wanted(a))
		return;
	if (a->z->nsec3) {
		prove_wildcard3(a, prove_encloser(a, i));
		return;
	}
	prove_nsec(a, relative(a, a->k->labels));
	prove_nsec(a, wildcard(room, relative(a, i)));
}

/* RFC 5155 7.2.6: the wildcard's RRSIG names the encloser. */
void deny_expansion(struct answer *a, unsigned i)
{
	if (!wanted(a))
		return;
	if (a->z->nsec3)
		prove3(a, whole(a, i + 1));
	else
		prove_nsec(a, relative(a, a->k->labels));
}

void deny_wildcard_type(struct answer *a, const struct zone_node *n, unsigned i)
{
	if (!wanted(a))
		return;
	if (a->z->nsec3) {
		prove_wildcard3(a, prove_encloser(a, i));
		return;
	}
	prove(a, n, DNS_NSEC);
	prove_nsec(a, relative(a, a->k->labels));
}

void deny_ds(struct answer *a, unsigned i)
{
	if (!wanted(a))
		return;
	if (a->z->nsec3)
		prove_type3(a, i);
	else
		prove_nsec(a, relative(a, i));
}
