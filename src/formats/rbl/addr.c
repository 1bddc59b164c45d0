/* Addresses as rbldnsd's files write them: initial octets, ranges, prefixes. */
#include <string.h>

#include "formats/rbl/rbl.h"

/* Octets with dots between: how many there were, the value with the missing ones 0. */
static unsigned take_octets(str *text, uint32_t *out)
{
	unsigned n = 0;
	size_t i = 0;
	uint32_t v = 0;

	while (n < 4) {
		unsigned octet = 0;
		size_t begin = i;

		for (; i < text->n && ch_digit(text->p[i]) && i - begin < 4; i++)
			octet = octet * 10 + (unsigned)(text->p[i] - '0');
		if (i == begin || octet > 255)
			return 0;
		v |= octet << (24 - 8 * n++);
		if (n == 4 || i + 1 >= text->n || text->p[i] != '.' || !ch_digit(text->p[i + 1]))
			break;
		i++;
	}
	/* "127.0." is written, too */
	if (n < 4 && i < text->n && text->p[i] == '.')
		i++;
	*out = v;
	*text = str_skip(*text, i);
	return n;
}

static uint32_t ones(unsigned octets)
{
	return octets == 4 ? 0 : UINT32_MAX >> (8 * octets);
}

static bool is_over(str rest)
{
	return rest.n == 0 || rest.p[0] == ' ' || rest.p[0] == '\t' || rest.p[0] == ':' ||
	       rest.p[0] == '#' || rest.p[0] == ';' || rest.p[0] == '\r';
}

static err take_bits(str *rest, uint64_t most, unsigned *bits)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < rest->n && ch_digit(rest->p[i]) && i < 4; i++)
		v = v * 10 + (uint64_t)(rest->p[i] - '0');
	if (i == 0 || v > most)
		return fail(E_SYNTAX, "a prefix's length");
	*bits = (unsigned)v;
	*rest = str_skip(*rest, i);
	return OK;
}

/* The second boundary: whole, or a suffix when it is one octet alone. */
static err take_last(str *rest, uint32_t first, unsigned n, uint32_t *last)
{
	uint32_t v;
	unsigned m = take_octets(rest, &v);

	if (m == 0)
		return fail(E_SYNTAX, "the end of a range");
	if (m == 1 && n > 1)
		*last = (first & ~(UINT32_MAX >> (8 * (n - 1)))) | v >> (8 * (n - 1)) | ones(n);
	else
		*last = v | ones(m);
	return *last >= first ? OK : fail(E_SYNTAX, "a range that ends before it begins");
}

err rbl_range4(str text, bool cidr, uint32_t *first, uint32_t *last, str *rest)
{
	unsigned bits, n;

	*rest = text;
	n = take_octets(rest, first);
	if (n == 0)
		return fail(E_SYNTAX, "no address");
	*last = *first | ones(n);
	if (rest->n && rest->p[0] == '/') {
		*rest = str_skip(*rest, 1);
		TRY(take_bits(rest, 32, &bits));
		uint32_t host = bits == 32 ? 0 : bits == 0 ? UINT32_MAX : UINT32_MAX >> bits;

		if (*first & host)
			return fail(E_SYNTAX, "an address with bits beyond its prefix");
		*last = *first | host;
	} else if (rest->n && rest->p[0] == '-' && !cidr) {
		*rest = str_skip(*rest, 1);
		TRY(take_last(rest, *first, n, last));
	}
	return is_over(*rest) ? OK : fail(E_SYNTAX, "octets behind an address");
}

/* ---- IPv6 ---- */

static bool take_word(str *t, unsigned *out)
{
	unsigned v = 0;
	size_t i = 0;

	for (; i < t->n && i < 4; i++) {
		char c = ch_lower(t->p[i]);

		if (ch_digit(c))
			v = v << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (unsigned)(c - 'a' + 10);
		else
			break;
	}
	*out = v;
	*t = str_skip(*t, i);
	return i > 0;
}

/* Words before and behind "::". */
struct words {
	unsigned char p[16];
	unsigned n;
};

static err take_words(str *t, struct words *head, struct words *tail, bool *gap)
{
	struct words *to = head;
	unsigned v;

	*gap = false;
	if (str_starts(*t, STR("::"))) {
		*gap = true;
		to = tail;
		*t = str_skip(*t, 2);
	}
	while (take_word(t, &v)) {
		if (head->n + tail->n == 8)
			return fail(E_SYNTAX, "more than eight words");
		to->p[2 * to->n] = (unsigned char)(v >> 8);
		to->p[2 * to->n++ + 1] = (unsigned char)v;
		if (str_starts(*t, STR("::")) && !*gap) {
			*gap = true;
			to = tail;
			*t = str_skip(*t, 2);
		} else if (t->n > 1 && t->p[0] == ':' && t->p[1] != ' ' && t->p[1] != ':' &&
			   head->n + tail->n < 8) {
			*t = str_skip(*t, 1);
		} else {
			break;
		}
	}
	return head->n + tail->n || *gap ? OK : fail(E_SYNTAX, "no address");
}

static bool has_bits_beyond(const unsigned char ip[16], unsigned bits)
{
	for (unsigned i = bits; i < 128; i++)
		if (ip[i / 8] >> (7 - i % 8) & 1)
			return true;
	return false;
}

err rbl_prefix6(str text, unsigned char ip[16], unsigned *bits, str *rest)
{
	struct words head = { .n = 0 }, tail = { .n = 0 };
	bool gap;

	*rest = text;
	TRY(take_words(rest, &head, &tail, &gap));
	memset(ip, 0, 16);
	memcpy(ip, head.p, 2 * head.n);
	memcpy(ip + 16 - 2 * tail.n, tail.p, 2 * tail.n);
	*bits = gap ? 128 : 16 * head.n;
	if (rest->n && rest->p[0] == '/') {
		*rest = str_skip(*rest, 1);
		TRY(take_bits(rest, 128, bits));
	}
	if (has_bits_beyond(ip, *bits))
		return fail(E_SYNTAX, "an address with bits beyond its prefix");
	/* A value's colon stands behind white space: here it would be one word more. */
	return is_over(*rest) && (rest->n == 0 || rest->p[0] != ':')
		       ? OK
		       : fail(E_SYNTAX, "octets behind an address");
}
