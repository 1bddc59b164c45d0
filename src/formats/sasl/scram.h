/* formats/sasl/scram.h: SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both ends.
 * RFC 5802 (messages: section 7, arithmetic: 3), RFC 7677 (SHA-256). Pure: nonces and channel
 * bindings come from the caller, and scram_derive alone takes long (its iterations). Views point
 * into the input or the arena. */
#ifndef FORMATS_SASL_SCRAM_H
#define FORMATS_SASL_SCRAM_H

#include "base/arena.h"
#include "base/buf.h"

#define SCRAM_KEY      32 /* octets of SHA-256 */
#define SCRAM_SALT     16 /* octets of the salts that we draw */
#define SCRAM_SALT_MAX 64
#define SCRAM_LEAST    4096 /* iterations, RFC 7677 4 */

/* What a server keeps instead of a password. */
struct scram_verifier {
	uint8_t salt[SCRAM_SALT_MAX];
	size_t nsalt;
	uint32_t iterations;
	uint8_t stored_key[SCRAM_KEY], server_key[SCRAM_KEY];
};
/* salt, nsalt, iterations given; fills the keys. client_key: NULL, or where a client wants it. The
 * password is brought into its SASLprep form, or used as it is where that forbids it. */
void scram_derive(str password, struct scram_verifier *v, uint8_t client_key[SCRAM_KEY]);

/* ---- messages ---- */
struct scram_first {	      /* client-first-message */
	char binding;	      /* 'n' cannot, 'y' thinks that we cannot, 'p' uses it */
	str binding_type;     /* of 'p': "tls-exporter" */
	str authzid, user;    /* decoded */
	str nonce, gs2, bare; /* gs2: the header as sent; bare: the rest */
};
MUST_USE err scram_parse_first(str m, struct arena *a, struct scram_first *out);
struct scram_server_first {
	str nonce;
	uint8_t salt[SCRAM_SALT_MAX];
	size_t nsalt;
	uint32_t iterations; /* SCRAM_LEAST..LIM_SCRAM_ITERATIONS */
};
MUST_USE err scram_parse_server_first(str m, struct scram_server_first *out);
void scram_print_server_first(str nonce, const struct scram_verifier *v, struct buf *out);
struct scram_final { /* client-final-message */
	str binding; /* decoded c=: gs2 header, then the channel's octets */
	str nonce, without_proof;
	uint8_t proof[SCRAM_KEY];
};
MUST_USE err scram_parse_final(str m, struct arena *a, struct scram_final *out);
/* "v=..." */
void scram_print_server_final(const uint8_t signature[SCRAM_KEY], struct buf *out);

/* ---- arithmetic ---- */
/* auth: client-first-bare "," server-first "," client-final-without-proof. True when the proof is
 * right, and then signature is the server's. Constant time in the secrets. */
bool scram_check(const struct scram_verifier *v, str auth, const uint8_t proof[SCRAM_KEY],
		 uint8_t signature[SCRAM_KEY]);

/* ---- the calling end ---- */
struct scram_client {
	struct buf first_bare, auth;
	str gs2;
	str nonce;
	uint8_t server_key[SCRAM_KEY];
};
/* gs2: "n,,", "y,,", "p=tls-exporter,," (static or as long as c). nonce: printable, no comma,
 * likewise. */
void scram_client_init(struct scram_client *c, str gs2, str nonce);
void scram_client_free(struct scram_client *c);
void scram_client_first(struct scram_client *c, str user, struct buf *out);
/* binding: the channel's octets for 'p', else "". E_SYNTAX, E_DENIED: the nonce is not ours. */
MUST_USE err scram_client_final(struct scram_client *c, str server_first, str password, str binding,
				struct buf *out);
/* E_DENIED: the server does not know the password, or says an error (e=). */
MUST_USE err scram_client_verify(struct scram_client *c, str server_final);

#endif
