/* posta domain dkim: key pairs of RFC 6376 (RSA) and RFC 8463 (Ed25519). The public half becomes a
 * record of the domain, the private one is sealed in the secrets. */
#include "posta/cmd_domain.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"

#define RSA_BITS 2048 /* RFC 8301 3.2 */

struct pair {
	struct buf private_pem, public_key;
};

static void pair_free(struct pair *p)
{
	buf_wipe(&p->private_pem);
	buf_free(&p->public_key);
}

static err private_of(EVP_PKEY *k, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *p = NULL;
	bool ok = bio && PEM_write_bio_PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL) == 1;
	long n = ok ? BIO_get_mem_data(bio, &p) : 0;

	if (n > 0)
		buf_add(out, str_of(p, (size_t)n));
	BIO_free(bio);
	return n > 0 ? buf_done(out) : fail(E_IO, "libcrypto does not write the key");
}

/* RSA: the SubjectPublicKeyInfo (RFC 6376 3.6.1); Ed25519: the 32 octets (RFC 8463 4). */
static err public_of(EVP_PKEY *k, bool rsa, struct buf *out)
{
	unsigned char raw[32], *der = NULL;
	size_t nraw = sizeof(raw);
	int n = 0;

	if (rsa)
		n = i2d_PUBKEY(k, &der);
	else if (EVP_PKEY_get_raw_public_key(k, raw, &nraw) == 1)
		n = (int)nraw;
	if (n > 0)
		enc_base64(out, str_of(rsa ? der : raw, (size_t)n));
	OPENSSL_free(der);
	return n > 0 ? buf_done(out) : fail(E_IO, "libcrypto does not write the public key");
}

static err make_pair(bool rsa, struct pair *out)
{
	EVP_PKEY *k = rsa ? EVP_RSA_gen(RSA_BITS) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	buf_init(&out->private_pem, LIM_SEALED_KEY);
	buf_init(&out->public_key, KIB(4));
	err e = k ? private_of(k, &out->private_pem) : fail(E_IO, "libcrypto makes no key");

	if (!e)
		e = public_of(k, rsa, &out->public_key);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return e;
}

/* ---- add ---- */

static str secret_name(struct dircmd *c, str selector, str domain)
{
	return arena_fmt(c->env->arena, "dkim:%.*s._domainkey.%.*s", STRF(selector), STRF(domain));
}

/* The key is kept before its record can be seen: a record without a key would be useless, the other
 * way round harms nobody. */
static err store(struct dircmd *c, uint64_t id, str domain, str selector, bool rsa,
		 const struct pair *p)
{
	const struct dir_dkim k = { selector, rsa ? STR("rsa") : STR("ed25519"),
				    buf_str(&p->public_key), clock_unix() };
	str name = secret_name(c, selector, domain);
	struct buf before;

	buf_init(&before, LIM_SEALED_KEY);
	err e = secrets_key_get(c->s, name, &before);

	buf_wipe(&before);
	if (e != E_NOTFOUND)
		return e ? e : fail(E_EXISTS, "there is a key %.*s already", STRF(selector));
	TRY(secrets_key_put(c->s, name, buf_str(&p->private_pem)));
	e = dirmail_dkim_add(c->d, id, &k);
	if (e && secrets_key_remove(c->s, name) != OK)
		fprintf(stderr, "a key without a record stays: %.*s\n", STRF(name));
	return e;
}

/* "r202611", and "r202611b" when that month has one already. */
static err add_named(struct dircmd_out *o, uint64_t id, str domain, str wanted, bool rsa)
{
	struct dircmd *c = o->c;
	CLEANUP(pair_free) struct pair p = { 0 };
	struct date d = date_of(clock_unix(), 0);

	TRY(make_pair(rsa, &p));
	for (int i = 0; i < 26; i++) {
		str selector = wanted;

		if (!wanted.n)
			selector = arena_fmt(c->env->arena, i ? "%c%04d%02d%c" : "%c%04d%02d",
					     rsa ? 'r' : 'e', d.year, d.month, 'a' + i);
		err e = store(c, id, domain, selector, rsa, &p);

		if (e == E_EXISTS && !wanted.n)
			continue;
		TRY(e);
		buf_fmt(&o->line,
			c->env->json ? "{\"key\": \"%.*s\", \"done\": \"added\"}"
				     : "key %.*s added\n",
			STRF(selector));
		return dircmd_out_line(o);
	}
	return fail(E_LIMIT, "this month has 26 keys already; name it with --selector");
}

/* ---- list, remove ---- */

static err print_key(void *arg, const struct dir_dkim *k)
{
	struct dircmd_out *o = arg;
	struct date d = date_of(k->created, 0);

	if (!o->c->env->json) {
		buf_fmt(&o->line, "%-16.*s %-8.*s since %04d-%02d-%02d\n", STRF(k->selector),
			STRF(k->algorithm), d.year, d.month, d.day);
		return dircmd_out_line(o);
	}
	buf_add(&o->line, STR("{\"selector\": "));
	cmd_json(&o->line, k->selector);
	buf_fmt(&o->line, ", \"algorithm\": \"%.*s\", \"public\": \"%.*s\", \"created\": %lld}",
		STRF(k->algorithm), STRF(k->public_key), (long long)k->created);
	return dircmd_out_line(o);
}

static int list(struct dircmd *c, uint64_t id)
{
	struct dircmd_out o;

	dircmd_out_begin(&o, c);
	return dircmd_out_end(&o, dirmail_dkim_each(c->d, id, print_key, &o));
}

static int drop(struct dircmd *c, uint64_t id, str domain, str selector)
{
	err e = dirmail_dkim_remove(c->d, id, selector);

	if (!e)
		e = secrets_key_remove(c->s, secret_name(c, selector, domain));
	if (e && e != E_NOTFOUND)
		return dircmd_error(c, e);
	return e ? dircmd_error(c, e) : dircmd_done(c, "key", selector, "removed");
}

struct forgetting {
	struct dircmd *c;
	str end;
};

static err forget(void *arg, str name)
{
	struct forgetting *f = arg;

	if (!str_ends(name, f->end))
		return OK;
	return secrets_key_remove(f->c->s, arena_dup(f->c->env->arena, name));
}

err cmd_domain_forget_keys(struct dircmd *c, str domain)
{
	struct forgetting f = { c, arena_fmt(c->env->arena, "._domainkey.%.*s", STRF(domain)) };

	return secrets_key_each(c->s, STR("dkim:"), forget, &f);
}

static int add(struct dircmd *c, uint64_t id, str domain)
{
	const struct dircmd_option *named = dircmd_given(c, "--selector");
	bool rsa = dircmd_given(c, "--rsa"), ed25519 = dircmd_given(c, "--ed25519");
	str selector = named ? named->value : STR("");
	struct dircmd_out o;
	err e = OK;

	dircmd_out_begin(&o, c);
	if (rsa || !ed25519)
		e = add_named(&o, id, domain, selector, true);
	if (!e && (ed25519 || (!rsa && !named)))
		e = add_named(&o, id, domain, selector, false);
	return dircmd_out_end(&o, e);
}

int cmd_domain_dkim(struct dircmd *c, int argc, char **argv)
{
	static const struct dircmd_option known[] = {
		{ .name = "--add" },
		{ .name = "--list" },
		{ .name = "--remove", .takes = true },
		{ .name = "--rsa" },
		{ .name = "--ed25519" },
		{ .name = "--selector", .takes = true },
		{ 0 },
	};
	struct dircmd_option *options = arena_get(c->env->arena, sizeof(known), 16);
	char space[LIM_SMTP_DOMAIN + 1];
	str domain;
	uint64_t id = 0;

	for (size_t i = 0; i < COUNT(known); i++)
		options[i] = known[i];
	int code = dircmd_parse(c, argc, argv, NULL, options, 1, 1);

	if (code)
		return code;
	bool adds = options[0].given, drops = options[2].given;

	if (adds && drops)
		return cmd_usage(c->env, "--add or --remove?");
	if (dircmd_given(c, "--selector") && options[3].given && options[4].given)
		return cmd_usage(c->env, "--selector names one key: --rsa or --ed25519?");
	code = dircmd_open(c, adds || drops ? DIRCMD_WRITE | DIRCMD_SECRETS : DIRCMD_READ);
	if (code)
		return code;
	err e = dir_domain_parse(c->words[0], space, &domain);

	if (!e)
		e = directory_find(c->d, &dir_domain, domain, &id);
	if (e)
		return dircmd_error(c, e);
	return adds    ? add(c, id, domain)
	       : drops ? drop(c, id, domain, options[2].value)
		       : list(c, id);
}
