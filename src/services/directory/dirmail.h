/* services/directory/dirmail.h: what mail domains have in the DNS, as the directory keeps it: lines
 * from posta.conf, keys of mail servers, DKIM keys. Whoever changes one of them raises the serials
 * of the zones in which it is seen, in the same transaction: decision 0131. Everything may block
 * (SQL). Errors as in dirdb.h. */
#ifndef SERVICES_DIRECTORY_DIRMAIL_H
#define SERVICES_DIRECTORY_DIRMAIL_H

#include "services/directory/dirdb.h"

/* records: master-file lines relative to a domain, "{domain}" for its name. hosts: lines of whole
 * names. OK and no change when they are there already. */
MUST_USE err dirmail_store(struct directory *d, str records, str hosts);
/* The lines in force: "" when nothing was stored. Views in a. */
MUST_USE err dirmail_lines(struct directory *d, struct arena *a, str *records);
/* The public keys (SHA-256 of the SPKI, hex) of a host's certificates replace those before. */
MUST_USE err dirmail_store_keys(struct directory *d, str host, const str *spki, size_t n);

struct dir_dkim {
	str selector, algorithm, public_key; /* "rsa" or "ed25519"; base64 of RFC 6376 3.6.1's p= */
	int64_t created;
};
/* E_EXISTS; E_SYNTAX: the selector is no name. */
MUST_USE err dirmail_dkim_add(struct directory *d, uint64_t domain, const struct dir_dkim *k);
MUST_USE err dirmail_dkim_remove(struct directory *d, uint64_t domain, str selector);
MUST_USE err dirmail_dkim_each(struct directory *d, uint64_t domain,
			       err (*fn)(void *arg, const struct dir_dkim *k), void *arg);

#endif
