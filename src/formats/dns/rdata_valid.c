/* Is record data of its type's form? For what comes by transfer, as \# octets, or through ldns,
 * which is laxer than the RFCs here and there. */
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "formats/dns/rdata_part.h"

/* The rest of the data while it is taken apart; once something is missing, ok is false for good. */
struct take {
	str rest;
	bool ok;
};

static str take(struct take *t, size_t n)
{
	str s = str_take(t->rest, n);

	t->ok &= t->rest.n >= n;
	t->rest = str_skip(t->rest, n);
	return s;
}

static unsigned take_8(struct take *t)
{
	str s = take(t, 1);

	return s.n ? (unsigned char)s.p[0] : 0;
}

static unsigned take_16(struct take *t)
{
	str s = take(t, 2);

	return s.n == 2 ? dns_get16(s.p) : 0;
}

static str take_string(struct take *t)
{
	return take(t, take_8(t));
}

static void take_name(struct take *t)
{
	size_t n = 0;

	while (n < t->rest.n && t->rest.p[n])
		n += (unsigned char)t->rest.p[n] + 1u;
	t->ok &= dns_name_valid(take(t, n + 1));
}

/* RFC 4034 4.1.2. */
static void take_bitmap(struct take *t)
{
	int last = -1;

	while (t->ok && t->rest.n) {
		int window = (int)take_8(t);
		str bits = take_string(t);

		t->ok &= window > last && bits.n >= 1 && bits.n <= 32 && bits.p[bits.n - 1] != 0;
		last = window;
	}
}

static bool digest_length(unsigned kind, size_t n)
{
	return kind == 1 ? n == 20 : kind == 2 ? n == 32 : kind == 4 ? n == 48 : n > 0;
}

/* DS, CDS, DLV: key tag, algorithm, digest's kind, digest. CDS has a form that says "none". */
static void take_ds(struct take *t)
{
	(void)take_16(t);
	unsigned algorithm = take_8(t), kind = take_8(t);

	t->ok &= (algorithm == 0 && kind == 0 && t->rest.n == 1) || digest_length(kind, t->rest.n);
	t->rest = STR("");
}

static void take_key(struct take *t)
{
	(void)take_16(t);
	(void)take_8(t);
	(void)take_8(t);
	t->ok &= t->rest.n > 0;
	t->rest = STR("");
}

static void take_rrsig(struct take *t)
{
	(void)take(t, 18);
	take_name(t);
	t->ok &= t->rest.n > 0;
	t->rest = STR("");
}

static void take_nsec3(struct take *t, bool param)
{
	(void)take(t, 4);
	(void)take_string(t);
	if (param)
		return;
	t->ok &= take_string(t).n > 0;
	take_bitmap(t);
}

/* RFC 8659 4.1: a tag of letters and digits. */
static void take_caa(struct take *t)
{
	(void)take_8(t);
	str tag = take_string(t);

	t->ok &= tag.n > 0;
	for (size_t i = 0; i < tag.n; i++)
		t->ok &= ch_alnum(tag.p[i]);
	t->rest = STR("");
}

/* RFC 6698 2.1: digests have their length. */
static void take_tlsa(struct take *t)
{
	(void)take_8(t);
	(void)take_8(t);
	unsigned kind = take_8(t);

	t->ok &= kind == 1 ? t->rest.n == 32 : kind == 2 ? t->rest.n == 64 : t->rest.n > 0;
	t->rest = STR("");
}

/* ---- SVCB and HTTPS, RFC 9460 ---- */

enum { SVC_MANDATORY, SVC_ALPN, SVC_NO_ALPN, SVC_PORT, SVC_IPV4, SVC_ECH, SVC_IPV6, SVC_DOHPATH };

static bool valid_alpn(str v)
{
	struct take t = { v, v.n > 0 };

	while (t.ok && t.rest.n)
		t.ok &= take_string(&t).n > 0;
	return t.ok;
}

/* 8: ascending, not itself; and each of them is there (judged with the set of all keys). */
static bool valid_mandatory(str v, const bool *there)
{
	int last = 0;

	if (v.n == 0 || v.n % 2)
		return false;
	for (size_t i = 0; i < v.n; i += 2) {
		int key = (int)dns_get16(v.p + i);

		if (key <= last || (key < 64 && !there[key]))
			return false;
		last = key;
	}
	return true;
}

static bool valid_param(unsigned key, str v)
{
	switch (key) {
	case SVC_ALPN:
		return valid_alpn(v);
	case SVC_NO_ALPN:
		return v.n == 0;
	case SVC_PORT:
		return v.n == 2;
	case SVC_IPV4:
		return v.n > 0 && v.n % 4 == 0;
	case SVC_IPV6:
		return v.n > 0 && v.n % 16 == 0;
	case SVC_ECH:
	case SVC_DOHPATH:
		return v.n > 0;
	default:
		return true;
	}
}

static void take_svcb(struct take *t)
{
	bool there[64] = { false };
	str mandatory = STR("");
	int last = -1;
	unsigned priority = take_16(t);

	take_name(t);
	t->ok &= priority != 0 || t->rest.n == 0; /* 2.4.2: an alias has no parameters */
	while (t->ok && t->rest.n) {
		int key = (int)take_16(t);
		str v = take(t, take_16(t));

		t->ok &= key > last && valid_param((unsigned)key, v);
		if (key < 64)
			there[key] = true;
		if (key == SVC_MANDATORY)
			mandatory = v;
		last = key;
	}
	if (there[SVC_MANDATORY])
		t->ok &= valid_mandatory(mandatory, there);
	t->ok &= !there[SVC_NO_ALPN] || there[SVC_ALPN]; /* 7.1.1 */
}

/* ---- the table ---- */

static void strings(struct take *t, unsigned n)
{
	while (n--)
		(void)take_string(t);
}

static void take_naptr(struct take *t)
{
	(void)take(t, 4);
	strings(t, 3);
	take_name(t);
}

static void take_nsec(struct take *t)
{
	take_name(t);
	take_bitmap(t);
}

static void take_by_type(uint16_t type, struct take *t)
{
	switch (type) {
	case 13: /* HINFO */
		strings(t, 2);
		break;
	case 19: /* X25 */
		strings(t, 1);
		break;
	case 27: /* GPOS */
		strings(t, 3);
		break;
	case 29: /* LOC, RFC 1876: version 0 */
		t->ok &= t->rest.n == 16 && t->rest.p[0] == 0;
		t->rest = STR("");
		break;
	case 35:
		take_naptr(t);
		break;
	case DNS_DS:
	case DNS_CDS:
	case 32769: /* DLV */
		take_ds(t);
		break;
	case 44: /* SSHFP */
		(void)take_8(t);
		t->ok &= digest_length(take_8(t), t->rest.n);
		t->rest = STR("");
		break;
	case DNS_RRSIG:
		take_rrsig(t);
		break;
	case DNS_NSEC:
		take_nsec(t);
		break;
	case DNS_DNSKEY:
	case DNS_CDNSKEY:
		take_key(t);
		break;
	case DNS_NSEC3:
		take_nsec3(t, false);
		break;
	case DNS_NSEC3PARAM:
		take_nsec3(t, true);
		break;
	case DNS_TLSA:
	case 53: /* SMIMEA */
		take_tlsa(t);
		break;
	case 62: /* CSYNC */
		(void)take(t, 6);
		take_bitmap(t);
		break;
	case DNS_SVCB:
	case DNS_HTTPS:
		take_svcb(t);
		break;
	case 108: /* EUI48 */
		(void)take(t, 6);
		break;
	case 109: /* EUI64 */
		(void)take(t, 8);
		break;
	case DNS_CAA:
		take_caa(t);
		break;
	default:
		t->rest = STR("");
	}
}

bool dns_rdata_valid_more(uint16_t type, str rdata)
{
	struct take t = { rdata, true };

	take_by_type(type, &t);
	return t.ok && t.rest.n == 0;
}
