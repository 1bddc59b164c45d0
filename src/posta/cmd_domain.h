/* posta/cmd_domain.h: the larger verbs of `posta domain`. */
#ifndef POSTA_CMD_DOMAIN_H
#define POSTA_CMD_DOMAIN_H

#include "posta/cmd_directory.h"
#include "services/directory/address.h"
#include "services/directory/dirmail.h"

int cmd_domain_dkim(struct dircmd *c, int argc, char **argv);
int cmd_domain_dns(struct dircmd *c, int argc, char **argv);
/* The private keys of a domain that is no more (DIRCMD_SECRETS). */
MUST_USE err cmd_domain_forget_keys(struct dircmd *c, str domain);

#endif
