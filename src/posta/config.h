/* posta/config.h: posta.conf as a whole: which node this is, where its folders are, which roles it
 * has on which addresses, which certificates. What belongs to one role is read by that role. */
#ifndef POSTA_CONFIG_H
#define POSTA_CONFIG_H

#include "base/arena.h"
#include "run/conf.h"
#include "run/log.h"
#include "run/net.h"
#include "run/role.h"

struct config_listener {
	const struct listener *l;
	struct net_addr addr;
	str text; /* as written; for internal ones the path */
};
struct config_role {
	const struct role *role;
	struct config_listener *listeners; /* internal ones included */
	size_t nlisteners;
	unsigned loops, max_connections;
};
struct config_cert {
	const char *cert, *key; /* paths */
};
struct config {
	struct arena arena;
	struct conf *conf;
	str text; /* the file */
	const char *path;
	str node, hostname;
	bool all_in_one;
	enum log_level log_level;
	int64_t drain; /* milliseconds that sessions get to end in */
	unsigned loops;
	const char *data, *run;
	const char *directory, *secrets, *secret_key, *trace; /* as in struct role_env */
	const char *accounting;				      /* in a folder of its own */
	const char *zone_keys, *zone_key; /* the same two for roles with MAY_ZONE_KEYS */
	struct config_role *roles;
	size_t nroles;
	struct config_cert *certs;
	size_t ncerts;
	struct config_mail {
		str records, hosts; /* as the directory's mail_dns holds them */
		str ns;		    /* name servers of new zones, a comma between */
		bool tlsa;
		const str *resolvers;
		size_t nresolvers;
	} mail;
	struct config_dkim { /* milliseconds; rotate 0: keys change by command alone */
		int64_t rotate, wait, keep, revoked, look;
	} dkim;
};

/* Reads and checks the file: grammar, every setting, every role's check, the golden rules. node:
 * NULL takes the file's "node", or the only one. E_IO: no such file; E_SYNTAX: complaints has a
 * line each. Lines that begin with "warning: " may be in complaints even when it is OK. */
MUST_USE err config_read(const char *path, const char *node, struct buf *complaints,
			 struct config **out);
void config_free(struct config *c);
/* What the process of role sees. arena: the lifetime of the paths made here. */
void config_role_env(const struct config *c, const char *role, struct arena *a,
		     struct role_env *out);

/* All settings with their types, ranges and defaults, for `posta check --settings`. */
void config_settings(struct buf *out);

/* All roles of this build, NULL-ended; posta/roles.c. */
extern const struct role *const roles[];
const struct role *role_find(str name); /* NULL when there is none */

#endif
