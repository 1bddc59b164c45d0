/* services/directory/password.h: password hashes. Pure computation; password_hash and
 * password_verify take tens of milliseconds on purpose: from a fiber through work(POOL_CRYPT). */
#ifndef SERVICES_DIRECTORY_PASSWORD_H
#define SERVICES_DIRECTORY_PASSWORD_H

#include "base/str.h"
#include "formats/sasl/scram.h"

#define PASSWORD_HASH		  384 /* octets of a hash with its NUL, crypt(3)'s CRYPT_OUTPUT_SIZE */
#define PASSWORD_SCRAM_ITERATIONS 15000 /* RFC 7677 4 */

/* yescrypt with libcrypt's default cost. E_SYNTAX: empty, a NUL, not UTF-8; E_LIMIT: over
 * LIM_PASSWORD. */
MUST_USE err password_hash(str password, char out[PASSWORD_HASH]);
/* crypt(3) forms ($y$, $gy$, $7$, $2b$, $6$, $5$, $1$, ...), and those with {SCHEME} before:
 * CRYPT, BLF-CRYPT, SHA256-CRYPT, SHA512-CRYPT, MD5-CRYPT, and in base64 SSHA, SSHA256, SSHA512,
 * SHA, SHA256, SHA512, SMD5, PLAIN-MD5 (hex). Anything else never fits. */
bool password_verify(str password, str hash);
/* A form that password_verify knows. */
bool password_form_known(str hash);
/* Not what password_hash makes today: replace it when the password is seen in clear. */
bool password_form_old(str hash);
/* "{PLAIN}" or "{CLEARTEXT}" before: the password itself is given. */
bool password_in_clear(str hash, str *password);
/* A verifier under a fresh salt. E_IO: no randomness. */
MUST_USE err password_scram(str password, struct scram_verifier *out);

/* An app password: "abcd-efgh-jkmn-pqrs-tuvw", 100 bits of chance, so that a fast hash ({SSHA256})
 * suffices. */
MUST_USE err password_app(char out[32], char hash[PASSWORD_HASH]);

#endif
