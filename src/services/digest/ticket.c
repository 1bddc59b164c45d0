#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "services/digest/digest.h"

#define PREFIX "release-"

/* quarantine and day (2), uid (4), HMAC (10); five bits a letter */
enum { SAID = 6, TICKET = 16, LETTERS = 26, DAY_MASK = 0x7fff };

/* RFC 4648 6, in lower case and without padding: addresses may be folded on their way. */
static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

static int value_of(char c)
{
	c = ch_lower(c);
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static bool make(const uint8_t key[DIGEST_KEY], const struct digest_ticket *t, uint8_t out[TICKET])
{
	CLEANUP(buf_free) struct buf b, text;
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	buf_init(&b, SAID);
	buf_init(&text, 64);
	buf_u8(&b, (unsigned)(t->quarantine << 7) | (t->day & DAY_MASK) >> 8);
	buf_u8(&b, t->day & 0xff);
	buf_u32(&b, t->uid);
	buf_add(&text, STR("posta release 1"));
	buf_u64(&text, t->user);
	buf_u64(&text, t->folder);
	buf_add(&text, buf_str(&b));
	if (buf_done(&b) || buf_done(&text) ||
	    !HMAC(EVP_sha256(), key, DIGEST_KEY, (const unsigned char *)text.p, text.n, md, &n))
		return false;
	memcpy(out, b.p, SAID);
	memcpy(out + SAID, md, TICKET - SAID);
	return true;
}

void digest_add_detail(struct buf *out, const uint8_t key[DIGEST_KEY],
		       const struct digest_ticket *t)
{
	uint8_t b[TICKET + 1] = { 0 }; /* the last letter reads two bits behind */

	if (!make(key, t, b)) {
		out->e = E_LIMIT;
		return;
	}
	buf_add(out, STR(PREFIX));
	for (size_t bit = 0; bit < LETTERS * 5; bit += 5) {
		unsigned two = (unsigned)b[bit / 8] << 8 | b[bit / 8 + 1];

		buf_addc(out, alphabet[two >> (11 - bit % 8) & 31]);
	}
}

static err decode(str detail, uint8_t b[TICKET])
{
	unsigned bits = 0, nbits = 0;
	size_t n = 0;

	if (detail.n != sizeof(PREFIX) - 1 + LETTERS || !str_startsi(detail, STR(PREFIX)))
		return E_SYNTAX;
	for (size_t i = sizeof(PREFIX) - 1; i < detail.n; i++) {
		int v = value_of(detail.p[i]);

		if (v < 0)
			return E_SYNTAX;
		bits = (bits << 5 | (unsigned)v) & 0xfff;
		nbits += 5;
		if (nbits < 8)
			continue;
		nbits -= 8;
		b[n++] = (uint8_t)(bits >> nbits & 0xff);
	}
	return bits & ((1u << nbits) - 1) ? E_SYNTAX : OK; /* one form for each ticket */
}

bool digest_is_release(str detail)
{
	uint8_t b[TICKET];

	return decode(detail, b) == OK;
}

err digest_read_detail(str detail, struct digest_ticket *t)
{
	uint8_t b[TICKET];

	TRY(decode(detail, b));
	struct cur c = { .rest = str_of(b + 2, 4) };

	t->quarantine = b[0] >> 7;
	t->day = ((unsigned)b[0] << 8 | b[1]) & DAY_MASK;
	t->uid = cur_u32(&c);
	return OK;
}

err digest_check(str detail, const uint8_t key[DIGEST_KEY], const struct digest_ticket *t)
{
	uint8_t got[TICKET], want[TICKET];

	if (decode(detail, got) || !make(key, t, want) || CRYPTO_memcmp(got, want, TICKET))
		return fail(E_DENIED, "no ticket of ours");
	return OK;
}
