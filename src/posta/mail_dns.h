/* posta/mail_dns.h: posta.conf's part of what mail domains have in the DNS goes to the directory,
 * from where every name server makes the same records: decision 0131. */
#ifndef POSTA_MAIL_DNS_H
#define POSTA_MAIL_DNS_H

#include "posta/config.h"
#include "services/directory/dirdb.h"

/* Stores the lines of config->mail and, where this node is an mx, the keys of its certificates.
 * Costs a look when nothing changed. */
MUST_USE err mail_dns_publish(struct directory *d, const struct config *c);
/* The same for a running supervisor: opens the directory when there is one, and logs. */
void mail_dns_refresh(const struct config *c);

#endif
