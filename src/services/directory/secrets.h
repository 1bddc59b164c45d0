/* services/directory/secrets.h: secrets.db, the second database: hashes, SCRAM verifiers, CHAP
 * secrets, app passwords, by the user's number; and private keys, by name. Only roles with
 * MAY_SECRETS can open it. SQLite with a write-ahead log, since roles write to it too (a verifier
 * at the first login). Every call may block: from a fiber go through work(POOL_DISK). One thread at
 * a time uses one struct secrets. Errors as in sql.h. */
#ifndef SERVICES_DIRECTORY_SECRETS_H
#define SERVICES_DIRECTORY_SECRETS_H

#include "services/directory/password.h"
#include "services/directory/sql.h"

struct secrets;
/* key: path of the 32 octets that seal CHAP secrets, or NULL (then CHAP calls give E_DENIED). make:
 * creates the database and the key when absent. */
MUST_USE err secrets_open(const char *path, const char *key, bool make, struct secrets **out);
void secrets_close(struct secrets *s);	    /* NULL allowed */
struct sql *secrets_sql(struct secrets *s); /* for services/zones/keystore.c */
MUST_USE err secrets_begin(struct secrets *s);
MUST_USE err secrets_commit(struct secrets *s);
void secrets_rollback(struct secrets *s);

struct secret {
	char crypt[PASSWORD_HASH]; /* "": no password */
	bool has_scram, has_chap;
	struct scram_verifier scram;
};
/* Zeros for a user without secrets. Wipe with mem_wipe. */
MUST_USE err secrets_get(struct secrets *s, uint64_t user, struct secret *out);
/* Replaces all that hangs on the password. scram: NULL none. chap: the password in clear to be
 * sealed, or "". */
MUST_USE err secrets_put(struct secrets *s, uint64_t user, str crypt,
			 const struct scram_verifier *scram, str chap);
/* What a login in clear taught: only if the hash is still `was`. */
MUST_USE err secrets_learn(struct secrets *s, uint64_t user, str was, str crypt,
			   const struct scram_verifier *scram);
MUST_USE err secrets_remove(struct secrets *s, uint64_t user);
/* The CHAP secret in clear. E_NOTFOUND; E_CORRUPT: another key, or another user's row. */
MUST_USE err secrets_chap(struct secrets *s, uint64_t user, struct buf *out);

/* service: "" any. */
MUST_USE err secrets_app_add(struct secrets *s, uint64_t user, str label, str service, str hash);
MUST_USE err secrets_app_remove(struct secrets *s, uint64_t user, str label);
MUST_USE err secrets_app_each(struct secrets *s, uint64_t user,
			      err (*fn)(void *arg, str label, str service, str hash,
					int64_t created),
			      void *arg);

/* ---- private keys of the platform, sealed under their names: "dkim:SELECTOR._domainkey.DOMAIN"
 * ---- */
/* Replaces. E_LIMIT: over LIM_SEALED_KEY octets; E_DENIED: no sealing key. */
MUST_USE err secrets_key_put(struct secrets *s, str name, str clear);
/* E_EXISTS when there is one: of two processes one is first. */
MUST_USE err secrets_key_add(struct secrets *s, str name, str clear);
/* In clear: wipe it. E_NOTFOUND; E_CORRUPT: another sealing key, or another name's row. */
MUST_USE err secrets_key_get(struct secrets *s, str name, struct buf *out);
MUST_USE err secrets_key_remove(struct secrets *s, str name);
/* Names that begin so, in order. */
MUST_USE err secrets_key_each(struct secrets *s, str prefix, err (*fn)(void *arg, str name),
			      void *arg);

/* A salt for a user who does not exist, always the same for the same login. */
MUST_USE err secrets_fake_salt(struct secrets *s, str login, uint8_t salt[SCRAM_SALT]);
/* Users with a password and without a verifier: who could not log in by SCRAM. */
MUST_USE err secrets_without_scram(struct secrets *s, int64_t *out);

#endif
