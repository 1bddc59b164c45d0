#include "run/tls.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "run/tls_ctx.h"

/* TLS 1.2: forward secrecy and AEAD only. 1.3's own list is good as it is. */
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"

err tls_fail(err code, const char *what)
{
	char text[160] = "";
	unsigned long e = ERR_get_error();

	if (e)
		ERR_error_string_n(e, text, sizeof(text));
	ERR_clear_error();
	return fail(code, "%s%s%s", what, e ? ": " : "", text);
}

struct tls_ctx *tls_hold(struct tls_ctx *c)
{
	atomic_fetch_add(&c->holds, 1);
	return c;
}

void tls_drop(struct tls_ctx *c)
{
	if (!c || atomic_fetch_sub(&c->holds, 1) > 1)
		return;
	for (size_t i = 0; i < c->n; i++)
		SSL_CTX_free(c->ctx[i]);
	mem_free(c->ctx);
	mem_free(c);
}

static void free_ctx(struct tls_ctx **c)
{
	tls_drop(*c);
}
static void free_bio(BIO **b)
{
	(void)BIO_free(*b);
}
static void free_key(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

/* A key with a passphrase must not make the library ask at a terminal. */
static int no_passphrase(char *p, int n, int writing, void *arg)
{
	return 0;
}

static err pem_bio(str pem, BIO **out)
{
	if (pem.n > INT_MAX || !(*out = BIO_new_mem_buf(pem.p, (int)pem.n)))
		return fail(E_SYNTAX, "a PEM text of %zu octets", pem.n);
	return OK;
}

static err use_chain(SSL_CTX *ctx, str pem)
{
	CLEANUP(free_bio) BIO *in = NULL;

	TRY(pem_bio(pem, &in));
	X509 *leaf = PEM_read_bio_X509_AUX(in, NULL, no_passphrase, NULL), *next;

	if (!leaf)
		return tls_fail(E_SYNTAX, "no certificate in the PEM text");
	int ok = SSL_CTX_use_certificate(ctx, leaf);

	X509_free(leaf);
	if (ok != 1)
		return tls_fail(E_SYNTAX, "the certificate cannot be used");
	while ((next = PEM_read_bio_X509(in, NULL, no_passphrase, NULL))) {
		if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
			X509_free(next);
			return tls_fail(E_SYNTAX, "a certificate of the chain cannot be used");
		}
	}
	ERR_clear_error(); /* "no more PEM" */
	return OK;
}

static err use_key(SSL_CTX *ctx, str pem)
{
	CLEANUP(free_bio) BIO *in = NULL;
	CLEANUP(free_key) EVP_PKEY *key = NULL;

	TRY(pem_bio(pem, &in));
	key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
	if (!key)
		return tls_fail(E_SYNTAX, "no private key without passphrase in the PEM text");
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return tls_fail(E_SYNTAX, "the private key does not belong to the certificate");
	return OK;
}

/* What servers and clients have in common. */
static void set_common(SSL_CTX *ctx)
{
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	/* Idle objects of 14 KiB instead of 46; writes that give up what does not fit. */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* True when the certificate of ctx stands for name. */
static bool has_name(SSL_CTX *ctx, const char *name, unsigned flags)
{
	X509 *x = SSL_CTX_get0_certificate(ctx);

	return x &&
	       X509_check_host(x, name, 0, flags | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

/* SNI: an exact name wins over a wildcard; a name that nobody has gets the default certificate,
 * since the client may well not care. */
static int pick_certificate(SSL *ssl, int *alert, void *arg)
{
	struct tls_ctx *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	static const unsigned passes[] = { X509_CHECK_FLAG_NO_WILDCARDS, 0 };

	if (!name || c->n < 2)
		return SSL_TLSEXT_ERR_OK;
	for (size_t p = 0; p < COUNT(passes); p++) {
		for (size_t i = 0; i < c->n; i++) {
			if (!has_name(c->ctx[i], name, passes[p]))
				continue;
			(void)SSL_set_SSL_CTX(ssl, c->ctx[i]);
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_OK;
}

static err server_ctx(struct tls_ctx *c, const struct tls_cert *cert, SSL_CTX **slot)
{
	SSL_CTX *ctx = *slot = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return tls_fail(E_IO, "no TLS context");
	c->n++;
	set_common(ctx);
	(void)SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	(void)SSL_CTX_set_cipher_list(ctx, CIPHERS_12);
	/* Tickets keep the state at the client; a cache here would only grow. */
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"posta", 5);
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	(void)SSL_CTX_set_tlsext_servername_callback(ctx, pick_certificate);
	(void)SSL_CTX_set_tlsext_servername_arg(ctx, c);
	TRY(use_chain(ctx, cert->cert_pem));
	return use_key(ctx, cert->key_pem);
}

static struct tls_ctx *ctx_new(size_t n, bool server)
{
	struct tls_ctx *c = MEM_NEW(struct tls_ctx);

	c->holds = 1;
	c->server = server;
	c->ctx = mem_get(size_mul(n, sizeof(SSL_CTX *)));
	return c;
}

err tls_server_new(const struct tls_cert *certs, size_t n, struct tls_ctx **out)
{
	if (!n)
		return fail(E_SYNTAX, "no certificate");
	CLEANUP(free_ctx) struct tls_ctx *c = ctx_new(n, true);

	ERR_clear_error();
	for (size_t i = 0; i < n; i++)
		TRY(server_ctx(c, &certs[i], &c->ctx[i]));
	*out = c;
	c = NULL;
	return OK;
}

static err add_cas(X509_STORE *store, str pem)
{
	CLEANUP(free_bio) BIO *in = NULL;
	X509 *ca;
	size_t n = 0;

	TRY(pem_bio(pem, &in));
	for (; (ca = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)); n++) {
		int ok = X509_STORE_add_cert(store, ca);

		X509_free(ca);
		if (ok != 1)
			return tls_fail(E_SYNTAX, "a CA certificate cannot be used");
	}
	ERR_clear_error();
	return n ? OK : fail(E_SYNTAX, "no CA certificate in the PEM text");
}

static err use_cas(SSL_CTX *ctx, str pem)
{
	if (pem.n)
		return add_cas(SSL_CTX_get_cert_store(ctx), pem);
	return SSL_CTX_set_default_verify_paths(ctx) == 1
		       ? OK
		       : tls_fail(E_IO, "no certificates of the system");
}

struct tls_cas *tls_cas_hold(struct tls_cas *c)
{
	atomic_fetch_add(&c->holds, 1);
	return c;
}

void tls_cas_drop(struct tls_cas *c)
{
	if (!c || atomic_fetch_sub(&c->holds, 1) > 1)
		return;
	X509_STORE_free(c->store);
	mem_free(c);
}

err tls_cas_new(str pem, struct tls_cas **out)
{
	struct tls_cas *c = MEM_NEW(struct tls_cas);

	ERR_clear_error();
	c->holds = 1;
	c->store = X509_STORE_new();
	err e = c->store ? add_cas(c->store, pem) : tls_fail(E_IO, "no store of certificates");

	if (e)
		tls_cas_drop(c);
	else
		*out = c;
	return e;
}

err tls_client_show(struct tls_ctx *c, const struct tls_cert *cert)
{
	ERR_clear_error();
	TRY(use_chain(c->ctx[0], cert->cert_pem));
	return use_key(c->ctx[0], cert->key_pem);
}

err tls_client_new(bool verify, str ca_pem, struct tls_ctx **out)
{
	CLEANUP(free_ctx) struct tls_ctx *c = ctx_new(1, false);

	ERR_clear_error();
	c->verify = verify;
	c->ctx[0] = SSL_CTX_new(TLS_client_method());
	if (!c->ctx[0])
		return tls_fail(E_IO, "no TLS context");
	c->n = 1;
	set_common(c->ctx[0]);
	if (verify) {
		SSL_CTX_set_verify(c->ctx[0], SSL_VERIFY_PEER, NULL);
		TRY(use_cas(c->ctx[0], ca_pem));
	}
	*out = c;
	c = NULL;
	return OK;
}
