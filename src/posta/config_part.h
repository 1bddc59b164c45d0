/* posta/config_part.h: the parts of config_read, for config*.c alone. Each adds its complaints and
 * gives E_SYNTAX when there was one. */
#ifndef POSTA_CONFIG_PART_H
#define POSTA_CONFIG_PART_H

#include "posta/config.h"

/* Complains about n, with the nearest of the tables' and the roles' names. */
void config_unknown(const struct conf_node *n, const struct conf_key *keys, size_t nkeys,
		    struct buf *complaints);
/* Refuses names in a node's group that are neither settings nor roles. */
MUST_USE err config_node_names(const struct conf_node *n, const struct conf_key *keys, size_t nkeys,
			       struct buf *complaints);
/* The roles of node n with their listeners; each role's own check. */
MUST_USE err config_roles(struct config *c, const struct conf_node *n, struct buf *complaints);
/* The settings of nodes.<node>.<role>, described. */
void config_role_settings(struct buf *out);
/* tls.certs; the settings of each. */
void config_cert_settings(struct buf *out);
MUST_USE err config_certs(struct config *c, const struct conf_node *tls, struct buf *complaints);
/* mail_dns, and what the nodes say where it is silent. */
MUST_USE err config_mail(struct config *c, struct buf *complaints);
void config_mail_settings(struct buf *out);
/* dkim. */
MUST_USE err config_dkim(struct config *c, struct buf *complaints);
void config_dkim_settings(struct buf *out);
/* The golden rules: which roles may not share a machine; no address twice. */
MUST_USE err config_rules(struct config *c, const struct conf_node *n, struct buf *complaints);

#endif
