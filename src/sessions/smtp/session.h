/* sessions/smtp/session.h: one conversation, as the files of this folder see it. A command's file
 * holds its function; the table of verbs is in session.c. */
#ifndef SESSIONS_SMTP_SESSION_H
#define SESSIONS_SMTP_SESSION_H

#include "run/fiber.h"
#include "run/log.h"
#include "sessions/smtp/smtp.h"

/* Where the conversation stands; a command says in which of these it is legal. */
enum {
	ST_NEW = 1,   /* no hello yet, or since STARTTLS */
	ST_HELLO = 2, /* between transactions */
	ST_MAIL = 4,  /* MAIL accepted, no recipient yet */
	ST_RCPT = 8,  /* at least one recipient */
	ST_BDAT = 16, /* between chunks */
	ST_ANY = 31,
};

struct smtp {
	struct stream *io;
	const struct smtp_role *role;
	const struct smtp_limits *lim;
	struct smtp_info info;
	struct smtp_tx tx;
	struct arena session, txa;
	unsigned state, ext; /* ST_*, SMTP_EXT_* announced by the last hello */
	bool implicit_tls, quit;
	size_t rcpts_room;
	int64_t errors, transactions;
	msec whole;	       /* deadline of the session */
	struct smtp_data data; /* the message that is coming in */
	err message_error;     /* why it cannot be kept, OK so far */
	char line[LIM_SMTP_LINE];
};

/* ---- replies: buffered; the session flushes before it waits for input ---- */
WAITS MUST_USE err smtp_answer(struct smtp *s, const char *fmt, ...) PRINTF(2, 3);
/* The same for a mistake of the client; too many of them end the session with 421. */
WAITS MUST_USE err smtp_complain(struct smtp *s, const char *fmt, ...) PRINTF(2, 3);
void smtp_count_error(struct smtp *s);
/* A parser's error with err_last()'s words: 501, or 555 for a parameter that we do not offer (RFC
 * 5321 4.2.4). */
WAITS MUST_USE err smtp_answer_parse(struct smtp *s, err e);
/* The role's word, after its delay; an empty one is a 451. */
WAITS MUST_USE err smtp_answer_verdict(struct smtp *s, const struct verdict *v);
/* What a role's function came back with: OK goes on to the verdict, a cancel ends the session,
 * anything else is logged and makes the verdict a 451. */
MUST_USE err smtp_asked(struct smtp *s, const char *what, err e, struct verdict *v);

/* ---- time: a wait ends at the sooner of ms from now and the session's end ---- */
void smtp_patience(struct smtp *s, msec ms);

/* ---- the transaction ---- */
void smtp_tx_reset(struct smtp *s); /* RFC 5321 4.1.1.5; the hello stays */
/* BDAT's and DATA's common part (message.c). */
WAITS MUST_USE err smtp_message_begin(struct smtp *s, bool bdat);
WAITS MUST_USE err smtp_message_add(struct smtp *s, str piece);
/* The last octet has come: asks the role, answers, ends the transaction. */
WAITS MUST_USE err smtp_message_end(struct smtp *s);
/* Header line of this hop (received.c). */
void smtp_add_received(const struct smtp *s, struct buf *out);
/* Received fields in the message's header. */
WAITS MUST_USE err smtp_count_received(struct spool *message, unsigned *n);

/* ---- commands ---- */
WAITS MUST_USE err smtp_cmd_auth(struct smtp *s, str args); /* auth.c, RFC 4954 */
WAITS MUST_USE err smtp_cmd_bdat(struct smtp *s, str args); /* bdat.c, RFC 3030 */
WAITS MUST_USE err smtp_cmd_data(struct smtp *s, str args); /* data.c, RFC 5321 4.1.1.4 */
WAITS MUST_USE err smtp_cmd_ehlo(struct smtp *s,
				 str args); /* hello.c, RFC 5321 4.1.1.1, RFC 2033 4.1 */
WAITS MUST_USE err smtp_cmd_helo(struct smtp *s, str args);
WAITS MUST_USE err smtp_cmd_mail(struct smtp *s, str args);	/* mail.c, RFC 5321 4.1.1.2 */
WAITS MUST_USE err smtp_cmd_rcpt(struct smtp *s, str args);	/* rcpt.c, RFC 5321 4.1.1.3 */
WAITS MUST_USE err smtp_cmd_starttls(struct smtp *s, str args); /* starttls.c, RFC 3207 */

#endif
