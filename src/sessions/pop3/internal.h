/* sessions/pop3/internal.h: what the commands of a POP3 session share. */
#ifndef SESSIONS_POP3_INTERNAL_H
#define SESSIONS_POP3_INTERNAL_H

#include "base/arena.h"
#include "formats/pop3/pop3.h"
#include "sessions/pop3/pop3.h"

enum { ST_AUTHORIZATION = 1, ST_TRANSACTION = 2, ST_ANY = 3 };

struct pop3 {
	struct stream *io;
	const struct pop3_role *role;
	struct arena cmd;  /* dies with the command, or with a piece of a mail */
	struct arena mail; /* where the mail that is being sent stands */
	unsigned state;
	bool quit;		  /* QUIT came: leave the loop */
	struct box *box;	  /* after login */
	struct folder_view *view; /* INBOX as it was at login: numbers hold still */
	bool *deleted;		  /* one a mail: marked by DELE */
	size_t ndeleted;
};

struct pop3_verb {
	str verb;
	unsigned when;
	WAITS err (*run)(struct pop3 *s, const struct pop3_command *c);
};

/* "+OK text" and "-ERR text". */
WAITS err pop3_ok(struct pop3 *s, const char *fmt, ...) PRINTF(2, 3);
WAITS err pop3_err(struct pop3 *s, const char *fmt, ...) PRINTF(2, 3);
/* The index of the mail that arg names; E_NOTFOUND after the -ERR was written (not there, or
 * deleted). */
WAITS err pop3_mail(struct pop3 *s, str arg, size_t *index, bool *answered);

/* login.c */
WAITS err pop3_capa(struct pop3 *s, const struct pop3_command *c);
WAITS err pop3_auth(struct pop3 *s, const struct pop3_command *c);
WAITS err pop3_utf8(struct pop3 *s, const struct pop3_command *c);
/* retr.c: RFC 1939 5 RETR, 7 TOP */
WAITS err pop3_retr(struct pop3 *s, const struct pop3_command *c);
WAITS err pop3_top(struct pop3 *s, const struct pop3_command *c);
/* list.c */
WAITS err pop3_stat(struct pop3 *s, const struct pop3_command *c);
WAITS err pop3_list(struct pop3 *s, const struct pop3_command *c);
WAITS err pop3_uidl(struct pop3 *s, const struct pop3_command *c);
/* dele.c */
WAITS err pop3_dele(struct pop3 *s, const struct pop3_command *c);
WAITS err pop3_rset(struct pop3 *s, const struct pop3_command *c);
/* RFC 1939 6: the UPDATE state; removes what was marked. */
WAITS err pop3_update(struct pop3 *s);

#endif
