#include "services/mailauth/sign.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "services/mailauth/arc.h"
#include "services/mailauth/dkim_part.h"

/* ---- keys ---- */
struct sign_key {
	atomic_uint refs;
	EVP_PKEY *key;
	enum dkim_algorithm algorithm;
	struct arena a;
	str domain, selector;
};

static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

err sign_key_load(str domain, str selector, str pem, struct sign_key **out)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	int kind = key ? EVP_PKEY_get_base_id(key) : 0;

	BIO_free(bio);
	ERR_clear_error();
	if (kind != EVP_PKEY_ED25519 && (kind != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < 1024)) {
		EVP_PKEY_free(key);
		return fail(E_CORRUPT, "the key %.*s of %.*s cannot sign", STRF(selector),
			    STRF(domain));
	}
	struct sign_key *k = MEM_NEW(struct sign_key);

	atomic_init(&k->refs, 1);
	arena_init(&k->a, KIB(4));
	k->key = key;
	k->algorithm = kind == EVP_PKEY_RSA ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256;
	k->domain = arena_dup(&k->a, domain);
	k->selector = arena_dup(&k->a, selector);
	*out = k;
	return OK;
}

struct sign_key *sign_key_hold(struct sign_key *k)
{
	atomic_fetch_add(&k->refs, 1);
	return k;
}

void sign_key_drop(struct sign_key *k)
{
	if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	EVP_PKEY_free(k->key);
	arena_free(&k->a);
	mem_free(k);
}

str sign_key_selector(const struct sign_key *k)
{
	return k->selector;
}

/* RSA-2048's are 256 octets; LIM_DKIM_RSA_BITS ones 1024. */
enum { SIGNATURE = LIM_DKIM_RSA_BITS / 8 };

static bool sign_rsa(EVP_PKEY *key, const unsigned char *hash, unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	bool ok = c && EVP_PKEY_sign_init(c) == 1 &&
		  EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1 &&
		  EVP_PKEY_sign(c, out, n, hash, DKIM_HASH) == 1;

	EVP_PKEY_CTX_free(c);
	return ok;
}

static bool sign_ed25519(EVP_PKEY *key, const unsigned char *hash, unsigned char *out, size_t *n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(c, out, n, hash, DKIM_HASH) == 1;

	EVP_MD_CTX_free(c);
	return ok;
}

static err sign_hash(const struct sign_key *k, const unsigned char hash[DKIM_HASH], struct buf *out)
{
	unsigned char bytes[SIGNATURE];
	size_t n = sizeof(bytes);
	bool ok = k->algorithm == DKIM_RSA_SHA256 ? sign_rsa(k->key, hash, bytes, &n)
						  : sign_ed25519(k->key, hash, bytes, &n);

	ERR_clear_error();
	if (!ok)
		return fail(E_IO, "libcrypto does not sign");
	dkim_write_b(out, str_of(bytes, n));
	return buf_done(out);
}

/* ---- which fields ---- */
static const struct {
	str name;
	bool once; /* signed once more than it is there */
} signed_names[] = {
	{ S("From"), true },
	{ S("Sender"), true },
	{ S("Reply-To"), true },
	{ S("To"), true },
	{ S("Cc"), true },
	{ S("Subject"), true },
	{ S("Date"), true },
	{ S("Message-ID"), true },
	{ S("In-Reply-To"), true },
	{ S("References"), true },
	{ S("MIME-Version"), true },
	{ S("Content-Type"), true },
	{ S("Content-Transfer-Encoding"), true },
	{ S("Resent-From"), false },
	{ S("Resent-To"), false },
	{ S("Resent-Cc"), false },
	{ S("Resent-Date"), false },
	{ S("Resent-Message-ID"), false },
	{ S("List-Id"), false },
	{ S("List-Unsubscribe"), false },
	{ S("List-Unsubscribe-Post"), false },
	{ S("List-Post"), false },
	{ S("Autocrypt"), false },
};
enum { EACH = 8 }; /* fields of one name that are signed at most */

struct names {
	str v[COUNT(signed_names) * (EACH + 1)];
	size_t n;
};

static void choose_names(const struct canon_message *m, bool oversign, struct names *out)
{
	for (size_t i = 0; i < COUNT(signed_names); i++) {
		size_t there = 0;

		for (size_t k = 0; k < m->n && there < EACH; k++)
			there += str_eqi(m->fields[k].name, signed_names[i].name);
		there += oversign && signed_names[i].once;
		while (there--)
			out->v[out->n++] = signed_names[i].name;
	}
}

/* ---- a message ---- */
struct signing {
	const struct sign_order *o;
	struct canon_message m;
	unsigned char body[DKIM_HASH];
	struct arena *a;
};

static err begin(struct signing *s)
{
	struct canon_message head, rest;
	struct dkim_body body = { .relaxed = !s->o->simple_body };
	struct dkim_body *one = &body;

	TRY(canon_split(s->o->head, s->a, &head));
	TRY(canon_split(s->o->message, s->a, &rest));
	s->m.fields = NEW_TRY(s->a, struct canon_field, head.n + rest.n + 1);
	if (!s->m.fields)
		return fail(E_LIMIT, "memory for %zu fields", head.n + rest.n);
	for (size_t i = 0; i < head.n; i++)
		s->m.fields[s->m.n++] = head.fields[i];
	for (size_t i = 0; i < rest.n; i++)
		s->m.fields[s->m.n++] = rest.fields[i];
	s->m.body = rest.body;
	TRY(dkim_hash_bodies(s->m.body, &one, 1));
	for (size_t i = 0; i < DKIM_HASH; i++)
		s->body[i] = body.hash[i];
	return OK;
}

/* A field of ours in out, from at on, without its b=: hashed over the fields that it names, and
 * signed. */
static err finish(struct signing *s, const struct sign_key *k, const struct dkim_writing *w,
		  size_t at, struct buf *out)
{
	CLEANUP(buf_free) struct buf list = { 0 };
	unsigned char hash[DKIM_HASH];

	TRY(buf_done(out));
	str raw = str_skip(buf_str(out), at);
	struct canon_field own = { str_take(raw, str_find(raw, ':')), raw };

	buf_init(&list, LIM_DKIM_FIELD);
	for (size_t i = 0; i < w->nnames; i++)
		buf_fmt(&list, "%s%.*s", i ? ":" : "", STRF(w->names[i]));
	TRY(buf_done(&list));
	TRY(dkim_hash_header(&s->m, w->relaxed_header, buf_str(&list), &own, s->a, hash));
	return sign_hash(k, hash, out);
}

static err add_signature(struct signing *s, const struct sign_key *k, const struct names *names,
			 enum dkim_kind kind, unsigned instance, struct buf *out)
{
	const struct sign_order *o = s->o;
	const struct dkim_writing w = { .algorithm = k->algorithm,
					.relaxed_header = !o->simple_header,
					.relaxed_body = !o->simple_body,
					.domain = k->domain,
					.selector = k->selector,
					.identity = STR(""),
					.names = o->names ? o->names : names->v,
					.nnames = o->names ? o->nnames : names->n,
					.time = o->now,
					.expires = o->expires ? o->expires : -1,
					.bh = str_of(s->body, DKIM_HASH),
					.instance = instance };
	size_t at = out->n;

	dkim_write(out, kind, &w);
	return finish(s, k, &w, at, out);
}

err sign_message(const struct sign_order *o, struct buf *out)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	struct signing s = { .o = o, .a = &a };
	struct names *names;

	arena_init(&a, LIM_DKIM_ARENA);
	names = NEW(&a, struct names);
	TRY(begin(&s));
	choose_names(&s.m, true, names);
	for (size_t i = 0; i < o->nkeys; i++)
		TRY(add_signature(&s, o->keys[i], names, DKIM_SIGNATURE, 0, out));
	return buf_done(out);
}

/* ---- ARC ---- */

/* What a seal covers: the sets there are, oldest first, and the two new fields of its own. */
static err add_sets(struct signing *s, unsigned upto, EVP_MD_CTX *md)
{
	static const str order[] = { S("ARC-Authentication-Results"), S("ARC-Message-Signature"),
				     S("ARC-Seal") };

	for (unsigned i = 1; i <= upto; i++)
		for (size_t k = 0; k < COUNT(order); k++)
			for (size_t at = 0; at < s->m.n; at++) {
				const struct canon_field *f = &s->m.fields[at];

				if (str_eqi(f->name, order[k]) &&
				    dkim_instance(canon_value(f)) == i)
					canon_field(f, true, false,
						    (struct canon_sink){ dkim_sink, md });
			}
	return OK;
}

static void add_field(str raw, bool last, EVP_MD_CTX *md)
{
	const struct canon_field f = { str_take(raw, str_find(raw, ':')), raw };

	canon_field(&f, true, last, (struct canon_sink){ dkim_sink, md });
}

static err hash_seal(struct signing *s, unsigned before, str results, str signature, str seal,
		     unsigned char hash[DKIM_HASH])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	err e = OK;

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		e = fail(E_IO, "libcrypto does not hash");
	if (e == OK)
		e = add_sets(s, before, md);
	if (e == OK) {
		add_field(results, false, md);
		add_field(signature, false, md);
		add_field(seal, true, md);
		if (EVP_DigestFinal_ex(md, hash, NULL) != 1)
			e = fail(E_IO, "libcrypto does not hash");
	}
	EVP_MD_CTX_free(md);
	return e;
}

static err seal(struct signing *s, const struct arc_chain *chain, str results, struct buf *out)
{
	CLEANUP(buf_free) struct buf aar = { 0 };
	CLEANUP(buf_free) struct buf ams = { 0 };
	const struct sign_key *k = s->o->keys[0];
	struct names *names = NEW(s->a, struct names);
	unsigned instance = chain->instances + 1;
	unsigned char hash[DKIM_HASH];
	bool failed = chain->result == AUTH_FAIL;
	size_t at = out->n;

	buf_init(&aar, LIM_DKIM_FIELD);
	buf_init(&ams, LIM_DKIM_FIELD);
	choose_names(&s->m, false, names);
	buf_fmt(&aar, "ARC-Authentication-Results: i=%u; %.*s\r\n", instance,
		STRF(str_trim_ws(results)));
	TRY(buf_done(&aar));
	TRY(add_signature(s, k, names, DKIM_ARC_MESSAGE, instance, &ams));
	const struct dkim_writing w = { .algorithm = k->algorithm,
					.domain = k->domain,
					.selector = k->selector,
					.time = s->o->now,
					.expires = -1,
					.instance = instance,
					.chain = failed		 ? STR("fail")
						 : instance == 1 ? STR("none")
								 : STR("pass") };

	dkim_write(out, DKIM_ARC_SEAL, &w);
	TRY(buf_done(out));
	/* 5.1.2: of a broken chain there is no order to sign, hence the own set alone. */
	TRY(hash_seal(s, failed ? 0 : instance - 1, buf_str(&aar), buf_str(&ams),
		      str_skip(buf_str(out), at), hash));
	TRY(sign_hash(k, hash, out));
	buf_add(out, buf_str(&ams));
	buf_add(out, buf_str(&aar));
	return buf_done(out);
}

err sign_seal(const struct sign_order *o, const struct arc_chain *chain, str results,
	      struct buf *out)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	struct signing s = { .o = o, .a = &a };

	if (chain->ended || chain->instances >= LIM_ARC_INSTANCES)
		return fail(E_DENIED, "no set can be added to this chain");
	arena_init(&a, LIM_DKIM_ARENA);
	TRY(begin(&s));
	return seal(&s, chain, results, out);
}
