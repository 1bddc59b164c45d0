#include "base/arena.h"
#include "base/enc.h"
#include "base/limits.h"
#include "base/test.h"
#include "formats/radius/eap.h"
#include "formats/radius/hours.h"
#include "formats/radius/md.h"
#include "formats/radius/mschap.h"
#include "formats/radius/pair.h"
#include "formats/radius/password.h"

#include <string.h>

/* Hex with blanks, as RFCs print it. */
static size_t unhex(const char *text, unsigned char *out, size_t room)
{
	CLEANUP(buf_free) struct buf digits = { 0 }, octets = { 0 };

	buf_init(&digits, KIB(16));
	buf_init(&octets, KIB(8));
	for (const char *p = text; *p; p++)
		if (*p != ' ')
			buf_addc(&digits, *p);
	CHECK_OK(dec_hex(&octets, buf_str(&digits)));
	CHECK(octets.n <= room);
	memcpy(out, octets.p, octets.n);
	return octets.n;
}

static const char secret_2865[] = "xyzzy5461";

/* RFC 2865 7.1 and 7.2 (with CHAP). */
TEST(radius_packets_of_the_rfc)
{
	static const char request[] = "01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a"
				      "01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce 31 96 e4 3f"
				      "78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03";
	static const char accept[] = "02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2"
				     "06 06 00 00 00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03";
	unsigned char b[512], a[512], clear[RADIUS_PASSWORD], hidden[RADIUS_PASSWORD];
	size_t n = unhex(request, b, sizeof(b)), m = unhex(accept, a, sizeof(a)), k;
	struct radius_packet p, q;
	uint32_t port;
	str v;

	CHECK_OK(radius_parse(str_of(b, n), &p));
	CHECK(p.code == RADIUS_ACCESS_REQUEST && p.id == 0);
	CHECK(radius_find(&p, RADIUS_USER_NAME, &v));
	CHECK_STR(v, STR("nemo"));
	CHECK(radius_find_u32(&p, RADIUS_NAS_PORT, &port) && port == 3);
	CHECK(!radius_find_u32(&p, RADIUS_USER_NAME, &port) || port);
	CHECK(radius_find(&p, RADIUS_USER_PASSWORD, &v));
	CHECK_OK(radius_password_reveal(str_z(secret_2865), p.authenticator, v, clear, &k));
	CHECK_STR(str_of(clear, k), STR("arctangent"));
	CHECK_OK(radius_password_hide(str_z(secret_2865), p.authenticator, STR("arctangent"),
				      hidden, &k));
	CHECK_STR(str_of(hidden, k), v);
	CHECK_OK(radius_parse(str_of(a, m), &q));
	CHECK(radius_check_response(&q, str_z(secret_2865), p.authenticator));
	CHECK(!radius_check_response(&q, STR("other"), p.authenticator));
	CHECK(radius_check_ma(&q, str_z(secret_2865), p.authenticator) == RADIUS_MA_ABSENT);
}

/* RFC 2865 7.2: CHAP with the authenticator as challenge. */
TEST(radius_chap_of_the_rfc)
{
	static const char request[] = "01 01 00 47 2a ee 86 f0 8d 0d 55 96 9c a5 97 8e 0d 33 67 a2"
				      "01 08 66 6c 6f 70 73 79 03 13 16 e9 75 57 c3 16 18 58 95 f2"
				      "93 ff 63 44 07 72 75 04 06 c0 a8 01 10 05 06 00 00 00 14 06"
				      "06 00 00 00 02 07 06 00 00 00 01";
	unsigned char b[512];
	size_t n = unhex(request, b, sizeof(b));
	struct radius_packet p;
	str v;

	CHECK_OK(radius_parse(str_of(b, n), &p));
	CHECK(radius_find(&p, RADIUS_CHAP_PASSWORD, &v));
	str challenge = str_of(p.authenticator, RADIUS_AUTH);

	CHECK(radius_chap_fits(v, STR("arctangent"), challenge));
	CHECK(!radius_chap_fits(v, STR("arctangenT"), challenge));
	CHECK(!radius_chap_fits(str_take(v, 16), STR("arctangent"), challenge));
}

/* RFC 5997 6.1: Status-Server and its answer. */
TEST(radius_status_server_of_the_rfc)
{
	static const char request[] = "0c da 00 26 8a 54 f4 68 6f b3 94 c5 28 66 e3 02 18 5d 06 23"
				      "50 12 5a 66 5e 2e 1e 84 11 f3 e2 43 82 20 97 c8 4f a3";
	static const char answer[] = "02 da 00 14 ef 0d 55 2a 4b f2 d6 93 ec 2b 6f e8 b5 41 1d 66";
	unsigned char b[512], a[512];
	size_t n = unhex(request, b, sizeof(b)), m = unhex(answer, a, sizeof(a));
	struct radius_packet p, q;

	CHECK_OK(radius_parse(str_of(b, n), &p));
	CHECK(p.code == RADIUS_STATUS_SERVER);
	CHECK(radius_check_ma(&p, str_z(secret_2865), p.authenticator) == RADIUS_MA_GOOD);
	CHECK(radius_check_ma(&p, STR("other"), p.authenticator) == RADIUS_MA_BAD);
	CHECK_OK(radius_parse(str_of(a, m), &q));
	CHECK(radius_check_response(&q, str_z(secret_2865), p.authenticator));
}

TEST(radius_malformed_packets)
{
	static const struct {
		const char *hex;
		err want;
	} rows[] = {
#define HEAD "00000000000000000000000000000000"
		{ "01 01 00 14" HEAD, OK },
		{ "01 01 00 14" HEAD "ffff", OK }, /* 2865 3: padding */
		{ "01 01 00 13" HEAD, E_SYNTAX },  /* under the header */
		{ "01 01 00 15" HEAD, E_SYNTAX },  /* more than came */
		{ "01 01 00", E_SYNTAX },
		{ "01 01 10 01" HEAD, E_SYNTAX },			  /* over 4096 */
		{ "01 01 00 15" HEAD "01", E_SYNTAX },			  /* half an attribute */
		{ "01 01 00 16" HEAD "0101", E_SYNTAX },		  /* length 1 */
		{ "01 01 00 16" HEAD "0100", E_SYNTAX },		  /* length 0 */
		{ "01 01 00 17" HEAD "010441", E_SYNTAX },		  /* behind the end */
		{ "01 01 00 16" HEAD "0102", OK },			  /* empty */
		{ "01 01 00 17" HEAD "500341", E_SYNTAX },		  /* 3579 3.2: 18 octets */
		{ "01 01 00 38" HEAD "5012" HEAD "5012" HEAD, E_SYNTAX }, /* 3579: one at most */
#undef HEAD
	};
	unsigned char b[512];

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = unhex(rows[i].hex, b, sizeof(b));
		struct radius_packet p;

		CHECK_ROW(i, radius_parse(str_of(b, n), &p) == rows[i].want);
	}
}

TEST(radius_written_packets)
{
	unsigned char b[512], auth[RADIUS_AUTH] = { 1, 2, 3 };
	struct radius_writer w;
	struct radius_packet p;
	struct radius_field f;

	radius_begin(&w, b, sizeof(b), RADIUS_ACCESS_ACCEPT, 7);
	radius_put_ma(&w);
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 3600);
	radius_put_vendor(&w, VENDOR_MIKROTIK, 8, STR("2M/8M"));
	size_t n = radius_finish_response(&w, STR("s"), auth);

	CHECK_OK(radius_parse(str_of(b, n), &p));
	CHECK(radius_check_response(&p, STR("s"), auth));
	CHECK(radius_check_ma(&p, STR("s"), auth) == RADIUS_MA_GOOD);
	str rest = p.attributes, v;

	CHECK(radius_next(&rest, &f) && f.type == RADIUS_MESSAGE_AUTHENTICATOR);
	CHECK(radius_find_vendor(&p, VENDOR_MIKROTIK, 8, &v));
	CHECK_STR(v, STR("2M/8M"));
	radius_begin(&w, b, sizeof(b), RADIUS_ACCOUNTING_REQUEST, 7);
	radius_put(&w, RADIUS_USER_NAME, STR("ana"));
	n = radius_finish_accounting(&w, STR("s"));
	CHECK_OK(radius_parse(str_of(b, n), &p));
	CHECK(radius_check_accounting(&p, STR("s")));
	b[n - 1] ^= 1;
	CHECK(!radius_check_accounting(&p, STR("s")));
	radius_begin(&w, b, 40, RADIUS_ACCESS_ACCEPT, 7);
	radius_put(&w, 18, STR("longer than the room that is left"));
	CHECK(radius_finish_response(&w, STR("s"), auth) == 0);
}

/* RFC 2759 9.2 */
TEST(mschap2_of_the_rfc)
{
	unsigned char challenge[16], peer[16], response[24], hash[16], send[16], receive[16], b[64];
	char proof[MSCHAP_AUTHENTICATOR];

	unhex("5B5D7C7D7B3F2F3E3C2C602132262628", challenge, 16);
	unhex("21402324255E262A28295F2B3A337C7E", peer, 16);
	unhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF", response, 24);
	CHECK_OK(mschap_hash(STR("clientPass"), hash));
	unhex("44EBBA8D5312B8D611474411F56989AE", b, 16);
	CHECK(memcmp(hash, b, 16) == 0);
	CHECK(mschap2_fits(hash, peer, challenge, STR("User"), response));
	CHECK(mschap2_fits(hash, peer, challenge, STR("DOMAIN\\User"), response));
	CHECK(!mschap2_fits(hash, peer, challenge, STR("user"), response));
	mschap2_proof(hash, peer, challenge, STR("User"), response, proof);
	CHECK_STR(str_of(proof, sizeof(proof)), STR("S=407A5589115FD0D6209F510FE9C04566932CDA56"));
	/* RFC 3079 3.5.3 */
	mschap2_keys(hash, response, send, receive);
	unhex("8B7CDC149B993A1BA118CB153F56DCCB", b, 16);
	CHECK(memcmp(send, b, 16) == 0);
}

/* RFC 2433 B.2 */
TEST(mschap1_of_the_rfc)
{
	unsigned char challenge[8], want[24], got[24], hash[16];

	unhex("102DB5DF085D3041", challenge, 8);
	unhex("4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61", want, 24);
	CHECK_OK(mschap_hash(STR("MyPw"), hash));
	mschap_response(challenge, hash, got);
	CHECK(memcmp(got, want, 24) == 0);
	CHECK(mschap_hash(STR("\xff"), hash) == E_SYNTAX);
}

/* RFC 2868 3.5 */
TEST(radius_salted_secrets)
{
	unsigned char auth[RADIUS_AUTH] = { 9 }, hidden[RADIUS_VALUE], clear[RADIUS_VALUE];
	char text[RADIUS_VALUE];
	size_t n, m;

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i <= 249; i++) {
		CHECK_OK(radius_salted_hide(STR("s"), auth, 77, str_of(text, i), 1, hidden, &n));
		CHECK(n <= RADIUS_VALUE - 1 && hidden[0] & 0x80);
		CHECK_OK(radius_salted_reveal(STR("s"), auth, str_of(hidden, n), clear, &m));
		CHECK_STR(str_of(clear, m), str_of(text, i));
	}
	CHECK(radius_salted_hide(STR("s"), auth, 77, str_of(text, 250), 1, hidden, &n) == E_LIMIT);
	CHECK(radius_salted_reveal(STR("s"), auth, STR("ab"), clear, &m) == E_SYNTAX);
}

TEST(eap_packets)
{
	static const struct {
		const char *hex;
		err want;
		unsigned type;
	} rows[] = {
		{ "02 01 00 08 01 616e61", OK, EAP_IDENTITY },
		{ "02 01 00 05 03", OK, EAP_NAK },
		{ "03 01 00 04", OK, 0 },
		{ "02 01 00 04", E_SYNTAX },
		{ "02 01 00 09 01 616e61", E_SYNTAX },
		{ "05 01 00 05 01", E_SYNTAX },
		{ "02 01 00", E_SYNTAX },
	};
	unsigned char b[64];
	str value, name;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eap e;

		CHECK_ROW(i, eap_parse(str_of(b, unhex(rows[i].hex, b, sizeof(b))), &e) ==
				     rows[i].want);
		if (!rows[i].want)
			CHECK_ROW(i, e.type == rows[i].type);
	}
	CHECK_OK(eap_md5_parse(STR("\3abcname"), &value, &name));
	CHECK_STR(value, STR("abc"));
	CHECK_STR(name, STR("name"));
	CHECK(eap_md5_parse(STR("\4abc"), &value, &name) == E_SYNTAX);
	CHECK(eap_md5_parse(STR(""), &value, &name) == E_SYNTAX);
}

/* ---- dictionary ---- */

static const char dictionary[] =
	"ATTRIBUTE User-Name 1 string # who\n"
	"ATTRIBUTE Service-Type 6 integer\nVALUE Service-Type Framed-User 2\n"
	"ATTRIBUTE Framed-IP-Address 8 ipaddr\nATTRIBUTE Vendor-Specific 26 vsa\n"
	"ATTRIBUTE Tunnel-Type 64 integer has_tag\nVALUE Tunnel-Type PPTP 1\n"
	"ATTRIBUTE Tunnel-Password 69 string has_tag,encrypt=2\n"
	"ATTRIBUTE Framed-IPv6-Prefix 97 ipv6prefix\nATTRIBUTE Framed-Pool 88 string\n"
	"VENDOR Mikrotik 14988\nBEGIN-VENDOR Mikrotik\n"
	"ATTRIBUTE Mikrotik-Rate-Limit 8 string\nEND-VENDOR Mikrotik\n";

static err open_text(void *arg, str name, str *text)
{
	if (!str_eq(name, STR("dictionary")))
		return fail(E_NOTFOUND, "%.*s: no such file", STRF(name));
	*text = str_z(arg);
	return OK;
}

static struct radius_dict *load(const char *text, err want)
{
	struct radius_dict *d = radius_dict_new();
	const struct radius_dict_source from = { open_text, (void *)(uintptr_t)text };
	CLEANUP(buf_free) struct buf complaints = { 0 };

	buf_init(&complaints, KIB(4));
	err e = radius_dict_read(d, &from, STR("dictionary"), &complaints);

	CHECK(e == want);
	CHECK((e != OK) == (complaints.n > 0));
	return d;
}

TEST(radius_dictionary)
{
	struct radius_dict *d = load(dictionary, OK);
	const struct radius_attr *a = radius_dict_name(d, STR("mikrotik-rate-limit"));

	CHECK(a && a->number == 8 && a->parent && a->parent->number == 14988);
	CHECK_STR(radius_dict_value_name(d, radius_dict_name(d, STR("Service-Type")), 2),
		  STR("Framed-User"));
	CHECK(radius_dict_number(d, NULL, 97)->kind == RK_IPV6PREFIX);
	CHECK(!radius_dict_name(d, STR("Nothing")));
	radius_dict_free(d);
	static const struct {
		const char *text;
		err want;
	} rows[] = {
		{ "ATTRIBUTE A 1\n", E_SYNTAX },
		{ "ATTRIBUTE A x string\n", E_SYNTAX },
		{ "ATTRIBUTE A 1 strings\n", E_SYNTAX },
		{ "ATTRIBUTE A 1 string wrong\n", E_SYNTAX },
		{ "BEGIN-VENDOR X\n", E_NOTFOUND },
		{ "END-VENDOR X\n", E_SYNTAX },
		{ "$INCLUDE dictionary\n", E_LIMIT },
		{ "$INCLUDE absent\n", E_NOTFOUND },
		{ "$INCLUDE- absent\n", OK },
		{ "NONSENSE\n", E_SYNTAX },
		{ "VALUE Later One 1\nATTRIBUTE Later 1 integer\n", OK },
		{ "ATTRIBUTE A 1.2 string\n", E_NOTFOUND },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		radius_dict_free(load(rows[i].text, rows[i].want));
}

/* What is parsed and printed, and its octets. */
TEST(radius_texts)
{
	static const struct {
		const char *text, *flat, *hex;
		err want;
	} rows[] = {
		{ "User-Name = bob", "User-Name = \"bob\"", "0105626f62", OK },
		{ "Service-Type = Framed-User, Framed-IP-Address = 192.0.2.1",
		  "Service-Type = Framed-User, Framed-IP-Address = 192.0.2.1",
		  "060600000002 0806c0000201", OK },
		{ "Mikrotik-Rate-Limit = \"2M/8M\"", "Mikrotik-Rate-Limit = \"2M/8M\"",
		  "1a0d 00003a8c 0807 324d2f384d", OK },
		{ "Framed-IPv6-Prefix = 2001:db8::/32", "Framed-IPv6-Prefix = 2001:db8::/32",
		  "6108 0020 20010db8", OK },
		{ "Tunnel-Type:1 = PPTP", "Tunnel-Type:1 = PPTP", "4006 01000001", OK },
		{ "Attr-26.9.1 = 0x6162", "Attr-26.9.1 = 0x6162", "1a0a 00000009 0104 6162", OK },
		{ "Nothing = 1", "", "", E_NOTFOUND },
		{ "User-Name", "", "", E_SYNTAX },
		{ "User-Name = ", "", "", E_SYNTAX },
		{ "User-Name = \"x", "", "", E_SYNTAX },
		{ "User-Name = a b", "", "", E_SYNTAX },
		{ "Service-Type = Nobody", "", "", E_SYNTAX },
		{ "Framed-IP-Address = 300.1.1.1", "", "", E_SYNTAX },
		{ "Vendor-Specific = 1", "", "", E_SYNTAX },
		{ "Tag-1 = { User-Name = { User-Name = x } }", "", "", E_NOTFOUND },
	};
	struct radius_dict *d = load(dictionary, OK);

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf wire = { 0 }, text = { 0 };
		CLEANUP(arena_free) struct arena a = { 0 };
		struct radius_pair *p = NULL, *q = NULL;
		unsigned char want[256];

		buf_init(&wire, RADIUS_MAX);
		buf_init(&text, KIB(4));
		arena_init(&a, KIB(64));
		CHECK_ROW(i, radius_pairs_parse(d, str_z(rows[i].text), &a, &p) == rows[i].want);
		if (rows[i].want)
			continue;
		radius_pairs_print(d, p, RADIUS_FLAT, &text);
		CHECK_STR_ROW(i, buf_str(&text), str_z(rows[i].flat));
		CHECK_ROW(i, radius_pairs_write(p, NULL, &wire) == OK);
		CHECK_STR_ROW(i, buf_str(&wire),
			      str_of(want, unhex(rows[i].hex, want, sizeof(want))));
		CHECK_ROW(i, radius_pairs_read(d, buf_str(&wire), NULL, &a, &q) == OK);
		buf_reset(&text);
		radius_pairs_print(d, q, RADIUS_FLAT, &text);
		CHECK_STR_ROW(i, buf_str(&text), str_z(rows[i].flat));
	}
	radius_dict_free(d);
}

TEST(radius_hidden_values)
{
	struct radius_dict *d = load(dictionary, OK);
	CLEANUP(buf_free) struct buf wire = { 0 }, text = { 0 };
	CLEANUP(arena_free) struct arena a = { 0 };
	const unsigned char auth[RADIUS_AUTH] = { 3 };
	struct radius_hiding hiding = { STR("s"), auth, 5 };
	struct radius_pair *p, *q;

	buf_init(&wire, RADIUS_MAX);
	buf_init(&text, KIB(4));
	arena_init(&a, KIB(64));
	CHECK_OK(radius_pairs_parse(d, STR("Tunnel-Password:2 = \"open sesame\""), &a, &p));
	CHECK(radius_pairs_hidden(p));
	CHECK(radius_pairs_write(p, NULL, &wire) == E_DENIED);
	CHECK_OK(radius_pairs_write(p, &hiding, &wire));
	CHECK(str_search(buf_str(&wire), STR("sesame")) == wire.n);
	CHECK_OK(radius_pairs_read(d, buf_str(&wire), &hiding, &a, &q));
	radius_pairs_print(d, q, RADIUS_FLAT, &text); /* not for logs */
	CHECK_STR(buf_str(&text), STR("Tunnel-Password:2 = \"\""));
	CHECK_STR(q->children->value, STR("open sesame"));
	radius_dict_free(d);
}

TEST(radius_login_hours)
{
	enum { SUNDAY = 0, MONDAY = HOURS_DAY, FRIDAY = 5 * HOURS_DAY, SATURDAY = 6 * HOURS_DAY };
	static const struct {
		str hours;
		unsigned minute, left;
		err want;
	} rows[] = {
		{ S(""), 77, HOURS_WEEK, OK },
		{ S("Al"), 77, HOURS_WEEK, OK },
		{ S("Wk0800-1800"), MONDAY + 480, 600, OK },
		{ S("Wk0800-1800"), MONDAY + 479, 0, OK },
		{ S("Wk0800-1800"), FRIDAY + 1079, 1, OK },
		{ S("Wk0800-1800"), SATURDAY + 480, 0, OK },
		{ S("Wk0800-1800,Sa|Su0900-1000"), SATURDAY, HOURS_DAY, OK },
		{ S("MoTu2200-0600"), MONDAY + 1380, 420, OK }, /* into Tuesday morning */
		{ S("SaSu"), SATURDAY + 1439, HOURS_DAY + 1, OK },
		{ S("Xx"), 0, 0, E_SYNTAX },
		{ S("Mo800-1800"), 0, 0, E_SYNTAX },
		{ S("Mo0860-1800"), 0, 0, E_SYNTAX },
		{ S("Mo0800"), 0, 0, E_SYNTAX },
	};
	struct radius_hours h;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_ROW(i, radius_hours_parse(rows[i].hours, &h) == rows[i].want);
		if (!rows[i].want)
			CHECK_ROW(i, radius_hours_left(&h, rows[i].minute) == rows[i].left);
	}
}
