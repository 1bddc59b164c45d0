/* Denial of existence: a record for each owner that names the next one and the types that are
 * there (RFC 4034 4, RFC 5155 7.1). */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "services/zones/sign.h"

enum {
	WINDOWS = 256,
	BITMAP = WINDOWS * (2 + 32),
	HASH = 20,  /* SHA-1 */
	LABEL = 32, /* the same in base32hex */
	NSEC3_SHA1 = 1,
};

/* RFC 4034 4.1.2: blocks of 256 types, of each the octets up to the last one that is set. */
static size_t bitmap(const uint16_t *types, size_t n, unsigned char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < n;) {
		unsigned window = types[i] >> 8;
		unsigned char *block = out + at;

		memset(block, 0, 2 + 32);
		block[0] = (unsigned char)window;
		for (; i < n && types[i] >> 8 == window; i++) {
			block[2 + (types[i] & 0xff) / 8] |= (unsigned char)(0x80 >> (types[i] & 7));
			block[1] = (unsigned char)((types[i] & 0xff) / 8 + 1);
		}
		at += 2u + block[1];
	}
	return at;
}

/* The types with more added, in order. */
static size_t with_types(const struct sign_owner *o, const uint16_t *more, size_t nmore,
			 struct arena *a, uint16_t **out)
{
	uint16_t *t = arena_get(a, size_mul(o->ntypes + nmore, sizeof(*t)), 2);
	size_t n = 0, i = 0, k = 0;

	while (i < o->ntypes || k < nmore) {
		uint16_t next = k == nmore || (i < o->ntypes && o->types[i] < more[k])
					? o->types[i++]
					: more[k++];

		if (!n || t[n - 1] != next)
			t[n++] = next;
	}
	*out = t;
	return n;
}

err sign_nsec(const struct sign_chain *c)
{
	static const uint16_t both[] = { DNS_RRSIG, DNS_NSEC };
	struct arena a;
	err e = OK;

	arena_init(&a, SIZE_MAX);
	unsigned char *rdata = arena_get(&a, DNS_NAME_MAX + BITMAP, 1);

	for (size_t i = 0; i < c->n && !e; i++) {
		struct arena_mark m = arena_mark(&a);
		str next = c->owners[(i + 1) % c->n].name;
		uint16_t *types;
		size_t n = with_types(&c->owners[i], both, 2, &a, &types);

		memcpy(rdata, next.p, next.n);
		n = next.n + bitmap(types, n, rdata + next.n);
		e = zone_builder_add(c->b, c->owners[i].name, DNS_NSEC, c->ttl, str_of(rdata, n));
		arena_release(&a, m);
	}
	arena_free(&a);
	return e;
}

/* ---- NSEC3 ---- */

struct hashed {
	unsigned char hash[HASH];
	const struct sign_owner *owner;
};

static int hashed_cmp(const void *a, const void *b)
{
	return memcmp(a, b, HASH);
}

/* RFC 4648 7, lower case, 20 octets. */
static void base32hex(const unsigned char *in, unsigned char *out)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	for (unsigned bit = 0; bit < HASH * 8; bit += 5) {
		unsigned two =
			(unsigned)in[bit / 8] << 8 | (bit / 8 + 1 < HASH ? in[bit / 8 + 1] : 0u);

		*out++ = (unsigned char)digits[two >> (11 - bit % 8) & 31];
	}
}

/* At an insecure delegation nothing is signed (RFC 5155 7.1), at an empty non-terminal neither. */
static bool has_rrsig(const struct sign_owner *o)
{
	for (size_t i = 0; i < o->ntypes; i++)
		if (!o->cut || o->types[i] == DNS_DS)
			return true;
	return false;
}

static err add_nsec3(const struct sign_chain *c, const struct hashed *h, const struct hashed *next,
		     struct arena *a)
{
	static const uint16_t rrsig = DNS_RRSIG;
	/* algorithm, flags, iterations (2), no salt, length of the hash */
	static const unsigned char head[] = { NSEC3_SHA1, 0, 0, 0, 0, HASH };
	unsigned char owner[1 + LABEL + DNS_NAME_MAX] = { LABEL };
	unsigned char *rdata = arena_get(a, sizeof(head) + HASH + BITMAP, 1);
	str apex = zone_builder_apex(c->b);
	uint16_t *types;
	size_t n = with_types(h->owner, &rrsig, has_rrsig(h->owner), a, &types);

	if (1 + LABEL + apex.n > DNS_NAME_MAX)
		return fail(E_LIMIT, "the zone's name is too long for NSEC3");
	base32hex(h->hash, owner + 1);
	memcpy(owner + 1 + LABEL, apex.p, apex.n);
	memcpy(rdata, head, sizeof(head));
	memcpy(rdata + sizeof(head), next->hash, HASH);
	n = sizeof(head) + HASH + bitmap(types, n, rdata + sizeof(head) + HASH);
	return zone_builder_add(c->b, str_of(owner, 1 + LABEL + apex.n), DNS_NSEC3, c->ttl,
				str_of(rdata, n));
}

static bool hash_all(const struct sign_chain *c, struct hashed *v)
{
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA1", NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = md && ctx;

	for (size_t i = 0; ok && i < c->n; i++) {
		v[i].owner = &c->owners[i];
		ok = EVP_DigestInit_ex2(ctx, md, NULL) &&
		     EVP_DigestUpdate(ctx, v[i].owner->name.p, v[i].owner->name.n) &&
		     EVP_DigestFinal_ex(ctx, v[i].hash, NULL);
	}
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return ok;
}

static err add_chain(const struct sign_chain *c, struct hashed *v)
{
	struct arena a;
	err e = OK;

	if (!hash_all(c, v))
		return fail(E_IO, "libcrypto makes no hash");
	qsort(v, c->n, sizeof(*v), hashed_cmp);
	arena_init(&a, SIZE_MAX);
	for (size_t i = 0; i < c->n && !e; i++) {
		struct arena_mark m = arena_mark(&a);

		e = add_nsec3(c, &v[i], &v[(i + 1) % c->n], &a);
		arena_release(&a, m);
	}
	arena_free(&a);
	return e;
}

err sign_nsec3(const struct sign_chain *c)
{
	struct hashed *v = mem_get(size_mul(c->n, sizeof(*v)));
	err e = add_chain(c, v);

	mem_free(v);
	return e;
}
