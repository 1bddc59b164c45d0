/* clients/smtp/client.h: the connection as the files of this folder see it. */
#ifndef CLIENTS_SMTP_CLIENT_H
#define CLIENTS_SMTP_CLIENT_H

#include "clients/smtp/smtp_client.h"
#include "formats/smtp/smtp.h"
#include "run/log.h"
#include "run/stream.h"

struct smtp_client {
	struct stream *io;
	struct smtp_client_options
		o; /* times filled in; strings are the caller's and not used after open */
	struct smtp_server server;
	struct arena arena;
};

/* One command line, buffered. E_SYNTAX: it would hold a control character. */
WAITS MUST_USE err smtp_say(struct smtp_client *c, str line);
/* Sends what is buffered and reads one reply. A 4xx or 5xx is OK here; an error means that the
 * connection is of no more use, and r has code 0 and the reason. */
WAITS MUST_USE err smtp_hear(struct smtp_client *c, msec patience, struct smtp_reply *r);
/* The same, each line but the first going to the EHLO parser. */
WAITS MUST_USE err smtp_hear_ehlo(struct smtp_client *c, msec patience, struct smtp_reply *r);
/* Our own words in place of a server's: code 0, or the code that the server would have said. */
void smtp_reply_own(struct smtp_reply *r, int code, const char *status, str text);

#endif
