/* posta/cmd_domain.h: the larger verbs of `posta domain`. */
#ifndef POSTA_CMD_DOMAIN_H
#define POSTA_CMD_DOMAIN_H

#include "posta/cmd_directory.h"
#include "services/directory/address.h"
#include "services/directory/dirmail.h"
#include "services/mailauth/rotate.h"

int cmd_domain_dkim(struct dircmd *c, int argc, char **argv);
int cmd_domain_dns(struct dircmd *c, int argc, char **argv);
/* posta domain dkim --rotate, its options parsed. */
int cmd_domain_rotate(struct dircmd *c);
struct cmd_domain_making {
	uint64_t id;
	str domain;
	str selector; /* "": one of the month */
	bool rsa;
	enum dkim_state state;
	/* Asked in the transaction that adds the record: is the key still wanted? NULL: yes. */
	err (*still)(void *arg);
	void *arg;
};
/* Makes a key, keeps its private half and adds its record; or leaves nothing. */
MUST_USE err cmd_domain_make_key(struct dircmd *c, const struct cmd_domain_making *m,
				 str *selector);
/* Under which name the private half is kept. */
str cmd_domain_key_name(struct dircmd *c, str selector, str domain);
/* For dirmail_dkim_each: the keys of a domain, further ones left out. */
struct cmd_domain_keys {
	struct rotate_key v[32];
	char selectors[32][64];
	size_t n;
};
err cmd_domain_keep_key(void *arg, const struct dir_dkim *k);
/* The private keys of a domain that is no more (DIRCMD_SECRETS). */
MUST_USE err cmd_domain_forget_keys(struct dircmd *c, str domain);

#endif
