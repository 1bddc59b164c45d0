/* TLS as the carrier of a stream, directly on its descriptor. Errors leave OpenSSL's queue, which
 * belongs to the thread, before the fiber waits. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "run/stream_state.h"
#include "run/tls_ctx.h"

struct stream_tls {
	SSL *ssl;
	struct tls_ctx *ctx;
	bool up;   /* the handshake is done */
	bool asks; /* the peer must show a certificate (stream_tls_accept_from, connect_to) */
	bool dead; /* the library forbids SSL_shutdown after an error */
	char info[80];
};

/* What a call of the library that gave r means. */
static err result(struct stream *s, int r)
{
	int saved = errno;
	int why = SSL_get_error(s->tls->ssl, r);

	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		s->want = why == SSL_ERROR_WANT_READ ? POLLER_READ : POLLER_WRITE;
		return E_AGAIN;
	}
	if (why == SSL_ERROR_ZERO_RETURN)
		return fail(E_EOF, "the peer closed TLS");
	s->tls->dead = true;
	unsigned long first = ERR_peek_error();

	if (why == SSL_ERROR_SYSCALL && !first) {
		if (!saved || saved == ECONNRESET || saved == EPIPE)
			return fail(E_EOF, "the peer closed the connection inside TLS");
		return fail(E_IO, "connection: %s", strerror(saved));
	}
	if (ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		ERR_clear_error();
		return fail(E_EOF, "the peer closed the connection inside TLS");
	}
	return tls_fail(E_IO, "TLS");
}

static err tls_read(struct stream *s, char *p, size_t n, size_t *got)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_read_ex(s->tls->ssl, p, n, got);

	return r == 1 ? OK : result(s, r);
}

static err tls_write(struct stream *s, const char *p, size_t n, size_t *put)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_write_ex(s->tls->ssl, p, n, put);

	return r == 1 ? OK : result(s, r);
}

static void tls_close(struct stream *s)
{
	struct stream_tls *t = s->tls;

	if (t->up && !t->dead) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl); /* close_notify, if it goes without waiting */
		ERR_clear_error();
	}
	SSL_free(t->ssl);
	tls_drop(t->ctx);
	mem_free(t);
	s->tls = NULL;
}

static const struct carrier tls = { tls_read, tls_write, tls_close };

/* Takes the place of the plain carrier: from here on the stream closes it. */
static err begin(struct stream *s, struct tls_ctx *ctx)
{
	if (s->fd < 0 || s->tls)
		return fail(E_IO, "TLS needs a connection in clear");
	SSL *ssl = SSL_new(ctx->ctx[0]);

	ERR_clear_error();
	if (!ssl || SSL_set_fd(ssl, s->fd) != 1) {
		SSL_free(ssl);
		return tls_fail(E_IO, "no TLS session");
	}
	s->tls = MEM_NEW(struct stream_tls);
	s->tls->ssl = ssl;
	s->tls->ctx = tls_hold(ctx);
	s->carrier = &tls;
	return OK;
}

/* The certificate that was refused says more than "certificate verify failed". */
static err handshake_failed(struct stream *s, err e)
{
	long why = SSL_get_verify_result(s->tls->ssl);

	if (e == E_IO && s->tls->asks && !SSL_get0_peer_certificate(s->tls->ssl))
		return fail(E_DENIED, "the peer shows no certificate");
	if (e != E_IO || why == X509_V_OK || !(s->tls->asks || s->tls->ctx->verify))
		return e;
	return fail(E_DENIED, "the peer's certificate: %s", X509_verify_cert_error_string(why));
}

WAITS static err handshake(struct stream *s)
{
	struct stream_tls *t = s->tls;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		int r = SSL_do_handshake(t->ssl);

		if (r == 1)
			break;
		err e = result(s, r);

		if (e != E_AGAIN)
			return handshake_failed(s, e);
		TRY(stream_wait(s));
	}
	t->up = true;
	(void)snprintf(t->info, sizeof(t->info), "%s %s", SSL_get_version(t->ssl),
		       SSL_get_cipher_name(t->ssl));
	return OK;
}

WAITS err stream_tls_accept(struct stream *s, struct tls_ctx *ctx, bool *had_input)
{
	bool had = stream_drop_input(s);

	if (had_input)
		*had_input = had;
	TRY(stream_flush(s));
	TRY(begin(s, ctx));
	SSL_set_accept_state(s->tls->ssl);
	return handshake(s);
}

/* From here on this session alone trusts cas, whatever its context trusts. */
static err ask_peer(struct stream *s, const struct tls_cas *cas)
{
	s->tls->asks = true;
	if (SSL_set1_verify_cert_store(s->tls->ssl, cas->store) != 1)
		return tls_fail(E_IO, "no store of certificates");
	SSL_set_verify(s->tls->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return OK;
}

WAITS err stream_tls_accept_from(struct stream *s, struct tls_ctx *ctx, const struct tls_cas *cas)
{
	(void)stream_drop_input(s);
	TRY(stream_flush(s));
	TRY(begin(s, ctx));
	TRY(ask_peer(s, cas));
	SSL_set_accept_state(s->tls->ssl);
	return handshake(s);
}

/* SNI carries names only; the certificate is searched for the name or the address. */
static err expect_name(struct stream *s, str name)
{
	SSL *ssl = s->tls->ssl;
	char z[256];
	unsigned char ip[16];

	TRY(str_to_z(name, z, sizeof(z)));
	if (inet_pton(AF_INET, z, ip) == 1 || inet_pton(AF_INET6, z, ip) == 1) {
		if ((s->tls->ctx->verify || s->tls->asks) &&
		    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), z) != 1)
			return tls_fail(E_SYNTAX, "address for the certificate");
		return OK;
	}
	if (z[0] && SSL_set_tlsext_host_name(ssl, z) != 1)
		return tls_fail(E_SYNTAX, "name for SNI");
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
				       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if ((s->tls->ctx->verify || s->tls->asks) && (!z[0] || SSL_set1_host(ssl, z) != 1))
		return tls_fail(E_SYNTAX, "name for the certificate");
	return OK;
}

WAITS err stream_tls_connect(struct stream *s, struct tls_ctx *ctx, str name)
{
	/* What a server sent in clear behind its "go ahead" cannot be trusted either. */
	if (stream_drop_input(s))
		return fail(E_DENIED, "the server sent clear text behind its answer to STARTTLS");
	TRY(stream_flush(s));
	TRY(begin(s, ctx));
	SSL_set_connect_state(s->tls->ssl);
	TRY(expect_name(s, name));
	return handshake(s);
}

WAITS err stream_tls_connect_to(struct stream *s, struct tls_ctx *ctx, const struct tls_cas *cas,
				str name)
{
	if (stream_drop_input(s))
		return fail(E_DENIED, "the server spoke before TLS began");
	TRY(stream_flush(s));
	TRY(begin(s, ctx));
	TRY(ask_peer(s, cas));
	SSL_set_connect_state(s->tls->ssl);
	TRY(expect_name(s, name));
	return handshake(s);
}

bool stream_tls_peer_is(const struct stream *s, str name)
{
	X509 *x = stream_is_tls(s) ? SSL_get0_peer_certificate(s->tls->ssl) : NULL;
	char z[256];

	if (!x || SSL_get_verify_result(s->tls->ssl) != X509_V_OK ||
	    str_to_z(name, z, sizeof(z)) != OK || !z[0])
		return false;
	return X509_check_host(x, z, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1 ||
	       X509_check_ip_asc(x, z, 0) == 1;
}

bool stream_is_tls(const struct stream *s)
{
	return s->tls && s->tls->up;
}

str stream_tls_info(const struct stream *s)
{
	return stream_is_tls(s) ? str_z(s->tls->info) : STR("");
}

/* RFC 9266 4.2: 32 octets, empty context. Before 1.3 it would need extended master secrets. */
static err bind_exporter(SSL *ssl, struct buf *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char key[32];

	if (SSL_version(ssl) < TLS1_3_VERSION)
		return fail(E_NOTFOUND, "tls-exporter needs TLS 1.3");
	if (SSL_export_keying_material(ssl, key, sizeof(key), label, sizeof(label) - 1, NULL, 0,
				       0) != 1)
		return tls_fail(E_NOTFOUND, "tls-exporter");
	buf_add(out, str_of(key, sizeof(key)));
	mem_wipe(key, sizeof(key));
	return buf_done(out);
}

/* RFC 5929 4.1: the hash of the server's certificate; of its signature's hash, SHA-256 for weak
 * ones. */
static err bind_end_point(const struct stream_tls *t, struct buf *out)
{
	X509 *x = t->ctx->server ? SSL_get_certificate(t->ssl) : SSL_get0_peer_certificate(t->ssl);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int md = NID_undef;

	if (!x || X509_get_signature_info(x, &md, NULL, NULL, NULL) != 1 || md == NID_undef)
		return tls_fail(E_NOTFOUND, "a certificate without a hash");
	if (md == NID_md5 || md == NID_sha1)
		md = NID_sha256;
	const EVP_MD *type = EVP_get_digestbynid(md);

	if (!type || X509_digest(x, type, hash, &n) != 1)
		return tls_fail(E_NOTFOUND, "hash of the certificate");
	buf_add(out, str_of(hash, n));
	return buf_done(out);
}

err stream_tls_binding(struct stream *s, str type, struct buf *out)
{
	if (!stream_is_tls(s))
		return fail(E_NOTFOUND, "no TLS, no channel binding");
	if (str_eq(type, STR("tls-exporter")))
		return bind_exporter(s->tls->ssl, out);
	if (str_eq(type, STR("tls-server-end-point")))
		return bind_end_point(s->tls, out);
	return fail(E_NOTFOUND, "channel binding %.*s", STRF(type));
}
