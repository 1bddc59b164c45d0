#include "services/zones/sign.h"

#include <ldns/ldns.h>
#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "base/test.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "formats/dns/zonefile.h"
#include "services/zones/lookup.h"

#define T0 INT64_C(1800000000)

static str hex(const char *text, struct buf *b)
{
	buf_init(b, 4096);
	CHECK_OK(dec_hex(b, str_z(text)));
	return buf_str(b);
}

/* ---- keys ---- */

TEST(ecdsa_deterministic) /* RFC 6979 A.2.5, A.2.6 */
{
	static const struct {
		int nid;
		const char *digest, *x, *message, *rs;
	} rows[] = {
		{ NID_X9_62_prime256v1, "SHA256",
		  "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", "sample",
		  "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
		  "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8" },
		{ NID_X9_62_prime256v1, "SHA256",
		  "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", "test",
		  "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
		  "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083" },
		{ NID_secp384r1, "SHA384",
		  "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D8"
		  "96D5724E4C70A825F872C9EA60D2EDF5",
		  "sample",
		  "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"
		  "81A648152E44ACF96E36DD1E80FABE46"
		  "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94F"
		  "A329C145786E679E7B82C71A38628AC8" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf x, rs;
		str d = hex(rows[i].x, &x);
		BIGNUM *n = BN_bin2bn((const unsigned char *)d.p, (int)d.n, NULL);
		struct ecdsa *e = NULL;
		unsigned char out[KEY_SIGNATURE];
		size_t len = 0;

		CHECK_OK(ecdsa_open(rows[i].nid, rows[i].digest, n, &e));
		for (int again = 0; again < 2; again++) {
			CHECK_OK(ecdsa_sign(e, str_z(rows[i].message), out, &len));
			if (!again)
				CHECK_STR_ROW(i, str_of(out, len), hex(rows[i].rs, &rs));
			CHECK_ROW(i, str_eq(str_of(out, len), buf_str(&rs)));
		}
		ecdsa_free(e);
		BN_free(n);
		buf_free(&x);
		buf_free(&rs);
	}
}

static str wire(const char *text)
{
	static struct dns_name rooms[4];
	static unsigned next;
	struct dns_name *n = &rooms[next++ % 4];

	CHECK_OK(dns_name_parse(str_z(text), STR("\0"), n));
	return dns_name_str(n);
}

TEST(key_tag_and_ds) /* RFC 6605 6.1 */
{
	struct buf key, want;
	unsigned char ds[KEY_DS];

	buf_init(&key, 1000);
	CHECK_OK(dns_rdata_parse(DNS_DNSKEY,
				 STR("257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
				     "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="),
				 wire("."), &key));
	CHECK(key_tag(buf_str(&key)) == 55648);
	CHECK_OK(key_ds(wire("example.net."), buf_str(&key), ds));
	CHECK_STR(str_of(ds + 4, 32),
		  hex("b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17", &want));
	CHECK(dns_get16(ds) == 55648 && ds[2] == 13 && ds[3] == 2);
	buf_free(&key);
	buf_free(&want);
}

TEST(key_algorithms)
{
	static const struct {
		str text;
		uint8_t want; /* 0: E_SYNTAX */
	} rows[] = {
		{ S("13"), 13 },      { S("ecdsap256sha256"), 13 },
		{ S("ED25519"), 15 }, { S("ECDSAP384SHA384"), 14 },
		{ S("8"), 8 },	      { S("5"), 0 },
		{ S("RSASHA1"), 0 },  { S(""), 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t a = 0;

		CHECK_ROW(i, (key_algorithm_parse(rows[i].text, &a) == OK) == (rows[i].want != 0));
		CHECK_ROW(i, a == rows[i].want);
	}
}

/* ---- zones ---- */

static err add_record(void *arg, const struct zonefile_record *r)
{
	return zone_builder_add(arg, r->owner, r->type, r->ttl, r->rdata);
}

static struct zone_builder *build(const char *text)
{
	struct zone_builder *b = zone_builder_new(wire("example."));
	struct buf complaints;

	buf_init(&complaints, 4096);
	const struct zonefile z = { .origin = zone_builder_apex(b),
				    .ttl = 300,
				    .ttl_known = true,
				    .record = add_record,
				    .arg = b,
				    .complaints = &complaints };

	CHECK_OK(zonefile_read(&z, str_z(text), STR("test")));
	buf_free(&complaints);
	return b;
}

static void add_key(struct zone_keys *keys, uint8_t algorithm, enum key_use use,
		    enum key_state state, int64_t since)
{
	struct zone_key *k = &keys->v[keys->n++];
	struct buf priv, pub;

	buf_init(&priv, sizeof(k->pkcs8));
	buf_init(&pub, sizeof(k->dnskey));
	CHECK_OK(key_make(algorithm, use & KEY_SIGNS_KEYS ? 257 : 256, &priv, &pub));
	*k = (struct zone_key){ .algorithm = algorithm,
				.use = use,
				.state = state,
				.since = since,
				.created = since,
				.tag = key_tag(buf_str(&pub)),
				.ndnskey = (uint16_t)pub.n,
				.npkcs8 = (uint16_t)priv.n };
	memcpy(k->dnskey, pub.p, pub.n);
	memcpy(k->pkcs8, priv.p, priv.n);
	buf_free(&priv);
	buf_free(&pub);
}

static struct zone_keys *one_key(uint8_t algorithm)
{
	struct zone_keys *k = zone_keys_new();

	k->policy.since = T0;
	add_key(k, algorithm, KEY_SIGNS_BOTH, KEY_ACTIVE, T0);
	return k;
}

static struct zone *sign(const char *text, const struct zone *old, const struct zone_keys *keys,
			 int64_t now, struct sign_result *r)
{
	struct zone_builder *b = build(text);
	struct zone *z = NULL;

	CHECK_OK(zone_sign(b, old, keys, now, r));
	CHECK_OK(zone_compile(b, &z));
	zone_builder_free(b);
	return z;
}

#define SOA "@ 600 SOA ns root 7 3600 600 86400 60\n@ NS ns\n@ NS ns.else.\n"
#define REST                                                                                       \
	"ns A 192.0.2.1\n@ MX 10 Mail\n@ MX 5 mail2\nmail A 192.0.2.2\nmail AAAA 2001:db8::2\n"    \
	"a.b.c TXT \"deep\"\n*.w 120 A 192.0.2.9\nx.w A 192.0.2.8\n"                               \
	"sub NS ns.sub\nns.sub A 192.0.2.4\nb.sub NS ns.sub\n"                                     \
	"safe NS ns.else.\nsafe DS 1 13 2 "                                                        \
	"b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17\nsafe A 192.0.2.5\n"     \
	"old DNAME New\n_25._tcp.mail TLSA 3 1 1 "                                                 \
	"b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17\n"                       \
	"odd TYPE65280 \\# 3 010203\nodd CAA 0 issue \"ca.example\"\n"                             \
	"srv SRV 1 2 25 Mail\nsoon CNAME WWW.else.\n"
static const char sample[] = SOA REST;

/* ---- checking with ldns ---- */

static ldns_rr *ldns_of(str owner, uint16_t type, uint32_t ttl, str rdata)
{
	struct buf b;
	ldns_rr *rr = NULL;
	size_t at = 0;

	buf_init(&b, 70000);
	buf_add(&b, owner);
	buf_u8(&b, type >> 8);
	buf_u8(&b, type & 0xff);
	buf_u8(&b, 0);
	buf_u8(&b, DNS_IN);
	buf_u32(&b, ttl);
	buf_u8(&b, (unsigned)rdata.n >> 8);
	buf_u8(&b, rdata.n & 0xff);
	buf_add(&b, rdata);
	CHECK(ldns_wire2rr(&rr, (const uint8_t *)b.p, b.n, &at, LDNS_SECTION_ANSWER) ==
	      LDNS_STATUS_OK);
	buf_free(&b);
	return rr;
}

static ldns_rr_list *ldns_set(const struct zone_rrset *s)
{
	ldns_rr_list *l = ldns_rr_list_new();
	str rdata;

	for (const unsigned char *p = NULL; zone_rdata_next(s, &p, &rdata);)
		ldns_rr_list_push_rr(l, ldns_of(s->owner, s->type, s->ttl, rdata));
	return l;
}

struct checking {
	const struct zone *z;
	ldns_rr_list *keys;
	int64_t now;
	size_t sets, soon, unsigned_sets;
};

static err check_set(void *arg, const struct zone_rrset *s)
{
	struct checking *c = arg;
	struct zone_rrset sigs;
	str rdata;

	if (s->type == DNS_RRSIG)
		return OK;
	if (!zone_find_rrsig(c->z, s->owner, s->type, &sigs)) {
		c->unsigned_sets++;
		return OK;
	}
	CHECK(sigs.ttl == s->ttl); /* RFC 4034 3 */
	ldns_rr_list *set = ldns_set(s), *rrsigs = ldns_set(&sigs);

	CHECK(ldns_verify_time(set, rrsigs, c->keys, (time_t)c->now, NULL) == LDNS_STATUS_OK);
	for (const unsigned char *p = NULL; zone_rdata_next(&sigs, &p, &rdata);) {
		int64_t left = (int64_t)dns_get32(rdata.p + 8) - c->now;

		CHECK(left >= sign_policy_default.validity / 2);
		CHECK(dns_get32(rdata.p + 12) <= c->now - 3600);
	}
	c->sets++;
	ldns_rr_list_deep_free(set);
	ldns_rr_list_deep_free(rrsigs);
	return OK;
}

static size_t check_signatures(const struct zone *z, int64_t now, size_t unsigned_sets)
{
	struct zone_rrset dnskey;
	struct checking c = { .z = z, .now = now };

	CHECK(zone_signed(z));
	CHECK(zone_find(z, zone_apex(z), DNS_DNSKEY, &dnskey));
	c.keys = ldns_set(&dnskey);
	CHECK_OK(zone_each(z, check_set, &c));
	CHECK(c.unsigned_sets == unsigned_sets);
	ldns_rr_list_deep_free(c.keys);
	return c.sets;
}

TEST(sign_algorithms) /* RFC 5702, 6605, 8080: what ldns verifies */
{
	static const uint8_t rows[] = { KEY_ECDSAP256SHA256, KEY_ED25519, KEY_ECDSAP384SHA384,
					KEY_RSASHA256 };

	for (size_t i = 0; i < COUNT(rows); i++)
		for (int nsec3 = 0; nsec3 < 2; nsec3++) {
			struct zone_keys *keys = one_key(rows[i]);
			struct sign_result r;

			keys->policy.nsec3 = nsec3;
			struct zone *z = sign(sample, NULL, keys, T0 + 5, &r);

			/* NS of sub and safe; glue ns.sub and safe; NS of b.sub, below the cut */
			CHECK_ROW(i, check_signatures(z, T0 + 5, 5) > 20);
			CHECK_ROW(i, r.made == r.signatures);
			zone_drop(z);
			zone_keys_free(keys);
		}
}

/* ---- chains ---- */

struct chain_row {
	const char *owner, *types;
};

static void print_types(str bits, struct buf *out)
{
	while (bits.n >= 2) {
		unsigned window = (unsigned char)bits.p[0], n = (unsigned char)bits.p[1];

		for (unsigned i = 0; i < n * 8; i++)
			if ((unsigned char)bits.p[2 + i / 8] & 0x80 >> i % 8) {
				buf_addc(out, out->n ? ' ' : '\0');
				out->n -= !out->p[out->n - 1];
				dns_type_print((uint16_t)(window * 256 + i), out);
			}
		bits = str_skip(bits, 2 + n);
	}
}

TEST(sign_nsec_chain) /* RFC 4034 4, 6.1; 4035 2.3 */
{
	static const struct chain_row rows[] = {
		{ "example.", "NS SOA MX RRSIG NSEC DNSKEY CDS CDNSKEY" },
		{ "a.b.c.example.", "TXT RRSIG NSEC" },
		{ "mail.example.", "A AAAA RRSIG NSEC" },
		{ "_25._tcp.mail.example.", "RRSIG NSEC TLSA" },
		{ "ns.example.", "A RRSIG NSEC" },
		{ "odd.example.", "RRSIG NSEC CAA TYPE65280" },
		{ "old.example.", "DNAME RRSIG NSEC" },
		{ "safe.example.", "NS DS RRSIG NSEC" },
		{ "soon.example.", "CNAME RRSIG NSEC" },
		{ "srv.example.", "SRV RRSIG NSEC" },
		{ "sub.example.", "NS RRSIG NSEC" },
		{ "*.w.example.", "A RRSIG NSEC" },
		{ "x.w.example.", "A RRSIG NSEC" },
	};
	struct zone_keys *keys = one_key(KEY_ED25519);
	struct sign_result r;
	struct zone *z = sign(sample, NULL, keys, T0, &r);
	struct buf text;

	buf_init(&text, 1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zone_rrset s;
		const unsigned char *p = NULL;
		str rdata;
		str next = wire(rows[(i + 1) % COUNT(rows)].owner);

		CHECK_ROW(i, zone_find(z, wire(rows[i].owner), DNS_NSEC, &s));
		CHECK_ROW(i, s.ttl == 60 && s.n == 1); /* RFC 9077 */
		CHECK_ROW(i, zone_rdata_next(&s, &p, &rdata));
		CHECK_ROW(i, str_starts(rdata, next));
		buf_reset(&text);
		print_types(str_skip(rdata, next.n), &text);
		CHECK_STR_ROW(i, buf_str(&text), str_z(rows[i].types));
	}
	CHECK(z->nnsec == COUNT(rows));
	buf_free(&text);
	zone_drop(z);
	zone_keys_free(keys);
}

TEST(sign_nsec3_chain) /* RFC 5155 7.1; 9276 3.1 */
{
	static const struct chain_row rows[] = {
		{ "example.", "NS SOA MX RRSIG DNSKEY NSEC3PARAM CDS CDNSKEY" },
		{ "c.example.", "" },
		{ "b.c.example.", "" },
		{ "a.b.c.example.", "TXT RRSIG" },
		{ "mail.example.", "A AAAA RRSIG" },
		{ "_tcp.mail.example.", "" },
		{ "_25._tcp.mail.example.", "RRSIG TLSA" },
		{ "ns.example.", "A RRSIG" },
		{ "odd.example.", "RRSIG CAA TYPE65280" },
		{ "old.example.", "DNAME RRSIG" },
		{ "safe.example.", "NS DS RRSIG" },
		{ "soon.example.", "CNAME RRSIG" },
		{ "srv.example.", "SRV RRSIG" },
		{ "sub.example.", "NS" },
		{ "w.example.", "" },
		{ "*.w.example.", "A RRSIG" },
		{ "x.w.example.", "A RRSIG" },
	};
	struct zone_keys *keys = one_key(KEY_ED25519);
	struct sign_result r;

	keys->policy.nsec3 = true;
	struct zone *z = sign(sample, NULL, keys, T0, &r);
	struct buf text;
	size_t links = 0;

	CHECK(z->nnsec3 == COUNT(rows) && z->nnsec == 0);
	buf_init(&text, 1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		ldns_rdf *name = ldns_dname_new_frm_str(rows[i].owner);
		ldns_rdf *apex = ldns_dname_new_frm_str("example.");
		ldns_rdf *hash = ldns_nsec3_hash_name(name, 1, 0, 0, NULL);
		struct zone_rrset s;
		const unsigned char *p = NULL;
		str rdata;

		CHECK(ldns_dname_cat(hash, apex) == LDNS_STATUS_OK);
		str owner = str_of(ldns_rdf_data(hash), ldns_rdf_size(hash));

		CHECK_ROW(i, zone_find(z, owner, DNS_NSEC3, &s));
		CHECK_ROW(i, s.ttl == 60 && s.n == 1);
		CHECK_ROW(i, zone_rdata_next(&s, &p, &rdata));
		CHECK_ROW(i, str_starts(rdata, STR("\1\0\0\0\0\x14")));
		buf_reset(&text);
		print_types(str_skip(rdata, 26), &text);
		CHECK_STR_ROW(i, buf_str(&text), str_z(rows[i].types));
		links++;
		ldns_rdf_deep_free(name);
		ldns_rdf_deep_free(apex);
		ldns_rdf_deep_free(hash);
	}
	CHECK(links == z->nnsec3);
	buf_free(&text);
	zone_drop(z);
	zone_keys_free(keys);
}

/* ---- what is taken over, and times ---- */

TEST(sign_again_takes_over)
{
	static const struct {
		const char *text;
		int64_t at;
		size_t least, most; /* computed */
	} rows[] = {
		{ SOA REST, T0, 0, 0 },			    /* as it was */
		{ SOA REST, T0 + 100, 0, 0 },		    /* within a tick */
		{ SOA REST "ns A 192.0.2.77\n", T0, 1, 1 }, /* one more record of a set */
		{ SOA REST "nz A 192.0.2.77\n", T0, 3, 3 }, /* a set, its NSEC, the one before */
		{ "@ 600 SOA ns root 8 3600 600 86400 60\n@ NS ns\n@ NS ns.else.\n" REST, T0, 1,
		  1 },
	};
	struct zone_keys *keys = one_key(KEY_ED25519);
	struct sign_result r;
	struct zone *old = sign(sample, NULL, keys, T0, &r);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zone *z = sign(rows[i].text, old, keys, rows[i].at, &r);

		CHECK_ROW(i, r.made >= rows[i].least && r.made <= rows[i].most);
		CHECK_ROW(i, r.next == T0 + sign_tick(&keys->policy));
		(void)check_signatures(z, rows[i].at, 5);
		zone_drop(z);
	}
	zone_drop(old);
	zone_keys_free(keys);
}

TEST(sign_in_parts) /* each tick renews a part; within SIGN_PARTS ticks all are renewed */
{
	struct zone_keys *keys = one_key(KEY_ED25519);
	struct sign_result r;
	struct zone *z = sign(sample, NULL, keys, T0, &r);
	size_t all = r.signatures, made = 0, most = 0;

	for (int i = 1; i <= SIGN_PARTS; i++) {
		int64_t now = r.next;
		struct zone *next = sign(sample, z, keys, now, &r);

		CHECK(r.signatures == all);
		CHECK(r.next == now + sign_tick(&keys->policy));
		CHECK(zone_serial(next) == zone_serial(z) + 1);
		made += r.made;
		most = r.made > most ? r.made : most;
		(void)check_signatures(next, now, 5);
		zone_drop(z);
		z = next;
	}
	/* The SOA is signed in each since its serial rises. */
	CHECK(made >= all && made <= all + SIGN_PARTS);
	CHECK(most < all / 2);
	zone_drop(z);
	zone_keys_free(keys);
}

static err same_octets(void *arg, bool added, const struct zone_rrset *s, str rdata)
{
	(void)arg, (void)added, (void)s, (void)rdata;
	return fail(E_CORRUPT, "they differ");
}

TEST(sign_alike_on_two_nodes) /* with and without a history: the same octets, the same serial */
{
	static const uint8_t rows[] = { KEY_ECDSAP256SHA256, KEY_ECDSAP384SHA384, KEY_ED25519,
					KEY_RSASHA256 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zone_keys *keys = one_key(rows[i]);
		struct sign_result r;
		struct zone *a = sign(sample, NULL, keys, T0, &r);
		int64_t later = T0 + 9 * sign_tick(&keys->policy) + 17;
		struct zone *b = sign(sample, a, keys, later, &r);
		struct zone *c = sign(sample, NULL, keys, later + 60, &r);

		CHECK_ROW(i, zone_serial(b) == 7 + 9 && zone_serial(c) == 7 + 9);
		CHECK_OK(zone_diff(b, c, same_octets, NULL));
		zone_drop(a);
		zone_drop(b);
		zone_drop(c);
		zone_keys_free(keys);
	}
}

TEST(sign_foreign_dnssec_goes)
{
	struct zone_keys *keys = one_key(KEY_ED25519);
	struct sign_result r;
	struct zone *z = sign(SOA "ns A 192.0.2.1\nns NSEC zz A\nzz 9 NSEC3PARAM 1 0 0 -\n"
				  "@ CDS 1 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770"
				  "ce6d6e37df61d17\n",
			      NULL, keys, T0, &r);
	struct zone_rrset s;

	(void)check_signatures(z, T0, 0);
	CHECK(z->nnsec == 2 && !zone_find(z, wire("zz.example."), DNS_NSEC3PARAM, &s));
	CHECK(zone_find(z, zone_apex(z), DNS_CDS, &s) && s.n == 1);
	zone_drop(z);
	zone_keys_free(keys);
}

TEST(sign_cds) /* RFC 7344 4, 8078 4 */
{
	struct zone_keys *keys = one_key(KEY_ED25519);
	struct sign_result r;
	struct zone_rrset s;
	const unsigned char *p;
	str rdata;

	static const struct {
		bool leaving;
		enum key_state second;
		int names; /* the key that CDS names; -1: none */
	} rows[] = {
		{ false, KEY_PUBLISHED, 0 }, { false, KEY_READY, 1 },	  { false, KEY_SEEN, 1 },
		{ false, KEY_RETIRED, 0 },   { true, KEY_PUBLISHED, -1 },
	};

	add_key(keys, KEY_ED25519, KEY_SIGNS_BOTH, KEY_PUBLISHED, T0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		keys->policy.leaving = rows[i].leaving;
		keys->v[1].state = rows[i].second;
		struct zone *z = sign(sample, NULL, keys, T0, &r);

		p = NULL;
		CHECK_ROW(i, zone_find(z, zone_apex(z), DNS_CDS, &s) && s.n == 1);
		CHECK_ROW(i, zone_rdata_next(&s, &p, &rdata));
		CHECK_ROW(i, rows[i].names < 0 ? str_eq(rdata, STR("\0\0\0\0\0"))
					       : dns_get16(rdata.p) == keys->v[rows[i].names].tag);
		p = NULL;
		CHECK_ROW(i, zone_find(z, zone_apex(z), DNS_CDNSKEY, &s) && s.n == 1);
		CHECK_ROW(i, zone_rdata_next(&s, &p, &rdata));
		CHECK_ROW(i, rows[i].names >= 0 || str_eq(rdata, STR("\0\0\3\0\0")));
		CHECK_ROW(i, zone_find_rrsig(z, zone_apex(z), DNS_DNSKEY, &s) && s.n == 2);
		CHECK_ROW(i, zone_find_rrsig(z, zone_apex(z), DNS_MX, &s) && s.n == 1);
		zone_drop(z);
	}
	zone_keys_free(keys);
}

TEST(sign_without_keys)
{
	struct zone_keys *keys = zone_keys_new();
	struct zone_builder *b = build(sample);
	struct sign_result r;

	CHECK(zone_sign(b, NULL, keys, T0, &r) == E_DENIED);
	add_key(keys, KEY_ED25519, KEY_SIGNS_KEYS, KEY_ACTIVE, T0);
	CHECK(zone_sign(b, NULL, keys, T0, &r) == E_DENIED);
	add_key(keys, KEY_ED25519, KEY_SIGNS_ZONE, KEY_ACTIVE, T0);
	keys->v[1].npkcs8 = 7;
	CHECK(zone_sign(b, NULL, keys, T0, &r) == E_CORRUPT);
	zone_builder_free(b);
	zone_keys_free(keys);
}
