/* run/tls.h: certificates and their reload. A context is counted: sessions that began with the old
 * certificate finish with it. */
#ifndef RUN_TLS_H
#define RUN_TLS_H

#include "base/str.h"
#include "base/err.h"

struct tls_ctx;

struct tls_cert {
	str cert_pem, key_pem; /* chain, leaf first; private key */
};
/* A server context with one certificate a name (SNI picks by the certificates' subjectAltName; the
 * first one is the default). E_SYNTAX with OpenSSL's reason when a pair does not fit. */
MUST_USE err tls_server_new(const struct tls_cert *certs, size_t n, struct tls_ctx **out);
/* A client context. verify: against the system's certificates, or ca_pem when not "". */
MUST_USE err tls_client_new(bool verify, str ca_pem, struct tls_ctx **out);
/* The certificate that a client context shows to servers that ask for one; before its first use. */
MUST_USE err tls_client_show(struct tls_ctx *c, const struct tls_cert *cert);
struct tls_ctx *tls_hold(struct tls_ctx *c);
void tls_drop(struct tls_ctx *c); /* NULL allowed */

/* Authorities of our own choosing, for peers that know each other (RFC 6614): beside any context.
 */
struct tls_cas;
MUST_USE err tls_cas_new(str pem, struct tls_cas **out);
struct tls_cas *tls_cas_hold(struct tls_cas *c);
void tls_cas_drop(struct tls_cas *c); /* NULL allowed */

#endif
