/* run/tls_ctx.h: for tls.c and stream_tls.c alone: what a context consists of. */
#ifndef RUN_TLS_CTX_H
#define RUN_TLS_CTX_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "run/tls.h"

struct tls_ctx {
	_Atomic unsigned holds;
	SSL_CTX **ctx; /* [0] is the default */
	size_t n;
	bool server, verify;
};
struct tls_cas {
	_Atomic unsigned holds;
	X509_STORE *store;
};

/* fail(code, what and the first reason of OpenSSL's queue), which is emptied. */
MUST_USE err tls_fail(err code, const char *what);

#endif
