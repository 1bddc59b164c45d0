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

/* What becomes of a key (services/mailauth/rotate.h). All but those that were removed are
 * published; a REVOKED one with an empty p=. */
enum dkim_state {
	DKIM_ACTIVE = 1, /* signs */
	DKIM_COMING,	 /* does not sign yet: caches may know that there is no such key */
	DKIM_GOING,	 /* signs no more; mail that it signed is under way */
	DKIM_REVOKED,
};
struct dir_dkim {
	str selector, algorithm, public_key; /* "rsa" or "ed25519"; base64 of RFC 6376 3.6.1's p= */
	int64_t created;
	enum dkim_state state;
	int64_t since; /* of the state */
};
/* E_EXISTS; E_SYNTAX: the selector is no name. */
MUST_USE err dirmail_dkim_add(struct directory *d, uint64_t domain, const struct dir_dkim *k);
MUST_USE err dirmail_dkim_remove(struct directory *d, uint64_t domain, str selector);
MUST_USE err dirmail_dkim_move(struct directory *d, uint64_t domain, str selector,
			       enum dkim_state to, int64_t now);
/* The ACTIVE keys of a domain, by its name; none when its mail is not to be signed. */
MUST_USE err dirmail_dkim_signing(struct directory *d, str domain,
				  err (*fn)(void *arg, const struct dir_dkim *k), void *arg);
/* The zone of the directory in which the domain's records are served; "": none. */
MUST_USE err dirmail_zone_of(struct directory *d, uint64_t domain, struct arena *a, str *out);
/* In the order in which they were added. */
MUST_USE err dirmail_dkim_each(struct directory *d, uint64_t domain,
			       err (*fn)(void *arg, const struct dir_dkim *k), void *arg);

#endif
