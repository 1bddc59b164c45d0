/* sessions/imap/internal.h: for the commands alone. */
#ifndef SESSIONS_IMAP_INTERNAL_H
#define SESSIONS_IMAP_INTERNAL_H

#include "formats/imap/command.h"
#include "formats/imap/fetch.h"
#include "formats/imap/list.h"
#include "formats/imap/search.h"
#include "formats/imap/write.h"
#include "formats/mime/imap.h"
#include "sessions/imap/imap.h"

enum imap_state {
	ST_NOAUTH = 1,
	ST_AUTH = 2,
	ST_SELECTED = 4,
	ST_LOGIN = ST_AUTH | ST_SELECTED,
	ST_ANY = ST_NOAUTH | ST_LOGIN,
};
enum imap_cmd_flags {
	CMD_UID = 1,	  /* has a UID form */
	CMD_UID_ONLY = 2, /* MOVE and EXPUNGE have both; none has only this one */
	CMD_HOLDS = 4,	  /* no EXPUNGE before its answer unless UID, RFC 9051 7.5.1 */
	CMD_ARGS = 8,	  /* a space and arguments must follow */
	CMD_NO_ARGS = 16, /* nothing may follow */
};

struct imap {
	struct stream *io;
	const struct imap_role *role;
	enum imap_state state;
	bool bye; /* the session is over after this command */
	bool rev2, utf8, condstore;
	struct buf origin; /* the customer's address, from ID */
	struct buf login;
	struct box *box;
	struct folder_view *view;
	uint32_t *saved; /* SEARCH RETURN (SAVE): uids, ascending; heap */
	size_t nsaved;
	unsigned errors; /* BADs in a row */

	/* The command in hand. */
	struct arena cmd;
	struct buf line; /* literals in place */
	struct buf out;	 /* a response being made */
	struct imap_command c;
	struct imap_in in;	   /* at the arguments */
	struct imap_append append; /* of an APPEND whose message is still to be read */
	bool appending;
	unsigned imap_cmd_flags;
};

/* ---- read.c, session.c: commands ---- */
/* OK: s->c and s->in have a command. E_SYNTAX: it was answered already. Others: the connection is
 * over. */
WAITS MUST_USE err imap_read(struct imap *s);
/* Reads n octets of a refused literal and throws them away. */
WAITS MUST_USE err imap_discard(struct imap *s, uint64_t n);
WAITS MUST_USE err imap_go_on(struct imap *s); /* "+ OK", sent */

/* The client or we made progress: the time of auto-logout begins anew. */
void imap_alive(struct imap *s);
/* Tells the role that the session waits for its client, or goes on. */
void imap_resting(const struct imap *s, bool rests);
/* Gives back the memory of the last command: what an idle session does not need. */
void imap_rest(struct imap *s);

/* ---- reply.c: answers ---- */
/* An untagged or other line; CRLF is added. */
WAITS MUST_USE err imap_say(struct imap *s, const char *fmt, ...) PRINTF(2, 3);
/* s->out and CRLF; s->out is empty then. */
WAITS MUST_USE err imap_say_out(struct imap *s);
/* Untagged news of the selected folder, then "TAG OK text". */
WAITS MUST_USE err imap_ok(struct imap *s, const char *fmt, ...) PRINTF(2, 3);
WAITS MUST_USE err imap_no(struct imap *s, const char *fmt, ...) PRINTF(2, 3);
WAITS MUST_USE err imap_bad(struct imap *s, const char *fmt, ...) PRINTF(2, 3);
/* The answer to a command that ended with e; e itself when the connection is over. */
WAITS MUST_USE err imap_answer_error(struct imap *s, err e);
/* Untagged news of the selected folder. */
WAITS MUST_USE err imap_sync(struct imap *s, bool may_expunge);
/* "(\Seen $x)" of a mail of the view. */
void imap_add_mail_flags(struct imap *s, const struct mail *m, struct buf *out);
/* "\Answered ... \Draft $x" of the folder. */
void imap_add_folder_flags(const struct folder_view *v, struct buf *out);
/* "* 3 FETCH (UID 7 FLAGS (..))" with MODSEQ where the client asked for it. */
WAITS MUST_USE err imap_say_flags(struct imap *s, size_t at);

/* ---- lesson.c: mail into and out of Spam ---- */
/* Tells the role of mails that came from the folder of a view (NULL: from outside) into another
 * one.
 */
WAITS MUST_USE err imap_lesson(struct imap *s, const struct folder_view *from, str to,
			       const uint32_t *uids, size_t n);

/* ---- pick.c: which mails a set names ---- */
struct imap_pick {
	uint32_t *at; /* positions in the view, ascending */
	size_t n;
};
/* In the arena of the command. E_SYNTAX: a sequence number that does not exist. */
MUST_USE err imap_pick(struct imap *s, struct imap_set *set, bool uid, struct imap_pick *out);
/* Parses the set at s->in first. */
MUST_USE err imap_pick_arg(struct imap *s, struct imap_pick *out);
/* Their uids, in the arena of the command; NULL when it is full. */
uint32_t *imap_pick_uids(struct imap *s, const struct imap_pick *p);

/* ---- content.c: a mail's octets ---- */
struct imap_mail {
	struct imap *s;
	const struct mail *m;
	bool cached, scanned;
	struct mail_source source;
	struct mail_cache cache;
	struct mime_part *root;
};
/* n octets from at, in the arena. */
WAITS MUST_USE err imap_octets(struct imap_mail *m, uint64_t at, uint64_t n, struct arena *a,
			       str *out);
/* Fills m->cache once. E_NOTFOUND: the mail is gone. */
WAITS MUST_USE err imap_load_cache(struct imap_mail *m);
/* Fills m->root once, by reading the whole mail in pieces. */
WAITS MUST_USE err imap_load_parts(struct imap_mail *m);
/* The header, whole. */
WAITS MUST_USE err imap_load_header(struct imap_mail *m, str *out);

/* ---- the folder ---- */
void imap_close_view(struct imap *s);
/* name: of a folder whose absence is answered by [TRYCREATE]. */
WAITS MUST_USE err imap_trycreate(struct imap *s, err e);
/* "STATUS name (...)" */
WAITS MUST_USE err imap_say_status(struct imap *s, const struct folder_info *f, unsigned items);
void imap_capabilities(struct imap *s, struct buf *out);
/* SEARCH's keys on one mail; *yes. today: days since 1970 are in UTC. */
WAITS MUST_USE err imap_matches(struct imap *s, const struct imap_key *k, size_t at, bool *yes);

/* ---- the commands, one file each ---- */
WAITS err imap_cmd_append(struct imap *s);
WAITS err imap_cmd_authenticate(struct imap *s);
WAITS err imap_cmd_capability(struct imap *s);
WAITS err imap_cmd_check(struct imap *s);
WAITS err imap_cmd_close(struct imap *s);
WAITS err imap_cmd_copy(struct imap *s);
WAITS err imap_cmd_create(struct imap *s);
WAITS err imap_cmd_delete(struct imap *s);
WAITS err imap_cmd_enable(struct imap *s);
WAITS err imap_cmd_examine(struct imap *s);
WAITS err imap_cmd_expunge(struct imap *s);
WAITS err imap_cmd_fetch(struct imap *s);
WAITS err imap_cmd_getquota(struct imap *s);
WAITS err imap_cmd_getquotaroot(struct imap *s);
WAITS err imap_cmd_id(struct imap *s);
WAITS err imap_cmd_idle(struct imap *s);
WAITS err imap_cmd_list(struct imap *s);
WAITS err imap_cmd_login(struct imap *s);
WAITS err imap_cmd_logout(struct imap *s);
WAITS err imap_cmd_lsub(struct imap *s);
WAITS err imap_cmd_move(struct imap *s);
WAITS err imap_cmd_namespace(struct imap *s);
WAITS err imap_cmd_noop(struct imap *s);
WAITS err imap_cmd_rename(struct imap *s);
WAITS err imap_cmd_search(struct imap *s);
WAITS err imap_cmd_select(struct imap *s);
WAITS err imap_cmd_setquota(struct imap *s);
WAITS err imap_cmd_starttls(struct imap *s);
WAITS err imap_cmd_status(struct imap *s);
WAITS err imap_cmd_store(struct imap *s);
WAITS err imap_cmd_subscribe(struct imap *s);
WAITS err imap_cmd_unselect(struct imap *s);
WAITS err imap_cmd_unsubscribe(struct imap *s);

#endif
