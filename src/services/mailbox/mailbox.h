/* services/mailbox/mailbox.h: a user's mail on a kv partition: folders, mails, flags, quota.
 *
 * One modification counter a user: MODSEQ of RFC 7162, and a JMAP state later, are this number.
 * UIDs and UIDVALIDITY are per folder. A mail's body is a blob shared by all recipients of one
 * delivery; EMAILID names the mail, THREADID its thread. A `box` is the one in-memory copy of a
 * user's folders in this process, counted and shared by all sessions and loops of it; functions
 * that WAIT read or commit through helper threads. No pointer from a box is valid across a wait
 * unless held: results are copied into the caller's arena. */
#ifndef SERVICES_MAILBOX_MAILBOX_H
#define SERVICES_MAILBOX_MAILBOX_H

#include "base/arena.h"
#include "kv/kv.h"
#include "run/fiber.h"
#include "run/spool.h"

struct mailstore; /* all mailboxes of this process */
struct box;	  /* one user's, held */

struct mailstore_options {
	struct kv *kv;
	int64_t keep_expunged; /* milliseconds that an expunged mail stays restorable */
	int64_t body_age; /* milliseconds before a body that nobody refers to is an orphan; 0 = an
			     hour, < 0 = none */
	unsigned threads; /* that commit changes of boxes; 0 = 16 */
	int64_t keep_quarantine; /* milliseconds that a mail stays in quarantine; 0 = 30 days */
	int64_t rest_after; /* milliseconds that a session waits for news before it gives its list
			       of mails up; 0 = a minute */
	/* Tests alone: called between the steps of a delivery: "body" written, "commit" about to,
	 * "committed". */
	void (*fault)(void *arg, const char *where);
	void *fault_arg;
};
MUST_USE err mailstore_open(const struct mailstore_options *o, struct mailstore **out);
void mailstore_close(struct mailstore *m);

/* ---- a user's box ---- */
/* user: the directory's number; epoch: the location's epoch there. Makes the mailbox with INBOX and
 * the special-use folders (Drafts, Sent, Junk "Spam", Trash, Archive) when there is none. quota:
 * octets, 0 = none; the newest value given counts. E_DENIED: another node has taken it. */
WAITS MUST_USE err box_open(struct mailstore *m, uint64_t user, uint64_t epoch, uint64_t quota,
			    struct box **out);
uint64_t box_user(const struct box *b);
struct box *box_hold(struct box *b);
void box_drop(struct box *b);
uint64_t box_modseq(struct box *b); /* highest so far */

struct box_quota {
	uint64_t used, limit; /* octets; limit 0 = none */
	uint64_t mails;
};
void box_quota(struct box *b, struct box_quota *out);

/* ---- folders; names are UTF-8 with '/' between levels; INBOX in any case is INBOX ---- */
enum folder_use {
	USE_NONE,
	USE_INBOX,
	USE_ALL,
	USE_ARCHIVE,
	USE_DRAFTS,
	USE_FLAGGED,
	USE_JUNK,
	USE_SENT,
	USE_TRASH,
	USE_QUARANTINE, /* hidden: no name that a client could say, in no list, outside the quota */
};
struct folder_info {
	uint64_t id; /* of this user, never reused: MAILBOXID */
	str name;
	enum folder_use use;
	bool subscribed, noselect; /* noselect: a parent name without a folder of its own */
	bool has_children;
	uint32_t uidvalidity, uidnext;
	uint32_t mails, recent, unseen, deleted;
	uint64_t octets, modseq; /* sum of sizes; HIGHESTMODSEQ */
};
/* All, sorted by name. In the arena. Subscriptions of names without a folder are given with id 0.
 */
WAITS MUST_USE err box_folders(struct box *b, struct arena *a, struct folder_info **v, size_t *n);
WAITS MUST_USE err box_folder(struct box *b, str name, struct arena *a,
			      struct folder_info *out); /* E_NOTFOUND */
/* E_EXISTS, E_LIMIT (LIM_FOLDERS, name too long), E_SYNTAX (empty level, control characters, not
 * UTF-8). Parents are made too. */
WAITS MUST_USE err box_folder_create(struct box *b, str name, enum folder_use use);
/* E_NOTFOUND; E_DENIED for INBOX; with children: becomes noselect (RFC 9051 6.3.5). */
WAITS MUST_USE err box_folder_delete(struct box *b, str name);
/* With its children. Of INBOX: its mails move to the new folder (RFC 9051 6.3.6). */
WAITS MUST_USE err box_folder_rename(struct box *b, str from, str to);
WAITS MUST_USE err box_subscribe(struct box *b, str name, bool on);

/* ---- mails ---- */
enum {
	FLAG_SEEN = 1,
	FLAG_ANSWERED = 2,
	FLAG_FLAGGED = 4,
	FLAG_DELETED = 8,
	FLAG_DRAFT = 16,
	FLAG_RECENT = 32
};
struct mail_id {
	uint8_t b[8]; /* of this user */
};
struct mail {
	uint32_t uid;
	unsigned flags;	   /* FLAG_* */
	uint64_t keywords; /* bit i: i-th of folder_view.keywords */
	uint64_t modseq;
	uint64_t size;		      /* RFC822.SIZE */
	int64_t received;	      /* INTERNALDATE, seconds */
	int64_t saved;		      /* SAVEDATE, seconds */
	struct mail_id email, thread; /* EMAILID, THREADID: printed as hex by mail_id_print */
};
void mail_id_print(const struct mail_id *id, struct buf *out);

/* A folder as one session sees it: a list of mails ordered by UID, which changes only when the
 * session calls folder_sync (so that sequence numbers hold still between). */
struct folder_view {
	struct box *box; /* held */
	uint64_t folder; /* id */
	uint32_t uidvalidity, uidnext;
	uint64_t modseq; /* up to which the view has seen changes */
	struct mail *mails;
	size_t n;
	str keywords[64]; /* LIM_KEYWORDS */
	size_t nkeywords;
	bool readonly, gone;	   /* gone: the folder was deleted meanwhile */
	struct arena arena;	   /* keywords */
	uint32_t first_recent_uid; /* mails from here on are \Recent; FLAG_RECENT never stands in
				      mails[].flags */
};
/* examine: \Recent is not taken. E_NOTFOUND (also for noselect). */
WAITS MUST_USE err folder_open(struct box *b, str name, bool examine, struct folder_view **out);
void folder_close(struct folder_view *v);
enum folder_use folder_use_of(const struct folder_view *v); /* USE_NONE when it is gone, too */
/* What changed since the last call (by anyone), for untagged replies. Arrays live in the arena.
 * Expunged ones are left in the view when !may_expunge (RFC 9051 7.5.1: not during FETCH, STORE,
 * SEARCH). */
struct folder_changes {
	uint32_t *expunged_seq; /* in the order to be sent: each counts after those before it */
	uint32_t *expunged_uid;
	size_t nexpunged;
	uint32_t *changed_seq; /* flags changed, by another session; positions after the expunged
				  ones went */
	size_t nchanged;
	bool exists;   /* the number of mails grew */
	bool keywords; /* there are new keywords */
};
WAITS MUST_USE err folder_sync(struct folder_view *v, bool may_expunge, struct arena *a,
			       struct folder_changes *out);
/* Sleeps until the box has something new for this view (IDLE), or the deadline; E_TIMEOUT. Any
 * thread's change wakes it. */
WAITS MUST_USE err folder_wait(struct folder_view *v, msec deadline);
/* The same; input on io ends it too (*input), io's deadline holds. */
struct stream;
WAITS MUST_USE err folder_wait_or_input(struct folder_view *v, struct stream *io, bool *input);
/* Position of uid in v->mails, or v->n; the first one >= uid. */
size_t folder_at_uid(const struct folder_view *v, uint32_t uid);

/* Flags: what to do with the given ones. */
enum flag_op { FLAGS_SET, FLAGS_ADD, FLAGS_REMOVE };
struct flag_change {
	enum flag_op op;
	unsigned flags;
	const str *keywords; /* names; made when new */
	size_t nkeywords;
	uint64_t unchanged_since; /* UINT64_MAX: no condition (RFC 7162 3.1.3) */
};
/* uids[n] ascending. The view shows the result at once. modified: uids that the condition kept from
 * changing, in the arena. E_LIMIT: too many keywords. */
WAITS MUST_USE err folder_store(struct folder_view *v, const uint32_t *uids, size_t n,
				const struct flag_change *c, struct arena *a, uint32_t **modified,
				size_t *nmodified);
/* Expunges those of uids that are \Deleted (all: uids NULL). The view learns of it by folder_sync.
 */
WAITS MUST_USE err folder_expunge(struct folder_view *v, const uint32_t *uids, size_t n);
/* COPYUID: pairs in the order of uids. move: atomically takes them from here. E_NOTFOUND: no such
 * folder; E_FULL: quota. */
struct copied {
	uint32_t uidvalidity;
	uint32_t *from, *to;
	size_t n;
};
WAITS MUST_USE err folder_copy(struct folder_view *v, const uint32_t *uids, size_t n, str to,
			       bool move, struct arena *a, struct copied *out);

/* ---- reading a mail; all in the arena ---- */
/* E_NOTFOUND when expunged and reclaimed meanwhile. */
WAITS MUST_USE err mail_body(struct folder_view *v, uint32_t uid, uint64_t offset, uint64_t n,
			     struct arena *a, str *out);
/* Where a mail's octets stand: found by the first read (or mail_cached) and good for the next ones,
 * so that they reach the end although the mail is expunged or moved meanwhile. Zeroed at first but
 * for a, where prefix lives. */
struct mail_source {
	struct arena *a;
	bool known;
	uint8_t body[16];
	str prefix;
};
WAITS MUST_USE err mail_read(struct folder_view *v, uint32_t uid, struct mail_source *src,
			     uint64_t offset, uint64_t n, struct arena *a, str *out);
struct mail_cache {
	struct mail_source source;	   /* known; its arena is the one given */
	str envelope, body, bodystructure; /* IMAP text as formats/mime/imap.h writes it */
	str header; /* the raw header, up to LIM_CACHE_HEADER octets, for common header fields */
	bool header_whole;
};
WAITS MUST_USE err mail_cached(struct folder_view *v, uint32_t uid, struct arena *a,
			       struct mail_cache *out);

/* ---- adding ---- */
struct append {
	str folder;	       /* "" = INBOX */
	enum folder_use place; /* instead of folder: USE_JUNK, USE_QUARANTINE; made when there is
				  none. USE_NONE: folder counts */
	unsigned flags;
	const str *keywords;
	size_t nkeywords;
	int64_t received; /* INTERNALDATE; 0 = now */
	str delivery; /* delivery id: when the partition remembers it, nothing is added and OK comes
			 back; "" = none */
};
struct appended {
	uint32_t uidvalidity, uid;
	bool duplicate;
};
/* APPEND. E_FULL (quota or disk: err_last says which; see box_full_is_quota), E_NOTFOUND. */
WAITS MUST_USE err box_append(struct box *b, struct spool *message, const struct append *how,
			      struct appended *out);

/* One message to many boxes of this store: the body is written once, then one commit a box, in
 * parallel. results[i] per box: OK, E_FULL, ... prefix[i]: header lines put before the message for
 * that recipient (Return-Path, Delivered-To), or "" . */
struct delivery {
	struct box *box;
	str folder, prefix;
	enum folder_use place; /* as in struct append */
	str delivery;	       /* id */
	err result;
	bool over_quota; /* result E_FULL because of the quota, or the quarantine's bound */
};
WAITS void mailstore_deliver(struct mailstore *m, struct spool *message, struct delivery *v,
			     size_t n);
/* Before the data: would `size` octets fit? E_FULL over quota; *disk says that it is the disk's
 * reserve instead. */
MUST_USE err box_room(struct box *b, uint64_t size, bool *disk);

/* ---- the quarantine: a folder of its own kind, to be seen by these alone ---- */
/* A view like any other: mails, mail_read; folder_copy moves out of it (quota counts then).
 * E_NOTFOUND: nothing was ever quarantined. */
WAITS MUST_USE err quarantine_open(struct box *b, struct folder_view **out);
/* Takes mails out for good (restorable as any expunged one). */
WAITS MUST_USE err quarantine_delete(struct folder_view *v, const uint32_t *uids, size_t n);
/* Up to max users with a number above after, ascending: all who have something in quarantine, and
 * some for whom deliveries held back what is elsewhere now, or in Spam. */
WAITS MUST_USE err mailstore_quarantined(struct mailstore *m, uint64_t after, uint64_t *users,
					 size_t max, size_t *n);

/* ---- what deliveries held back: in quarantine, or in the Spam folder ---- */
struct held {
	uint64_t folder; /* as in struct folder_view */
	uint32_t uid;
	int64_t at; /* when it came, milliseconds since 1970 */
};
/* The mails that came at since or later and before until, the newest max of them, by time; *more:
 * there are others. A mail that was moved or expunged since is given all the same. */
WAITS MUST_USE err box_held(struct box *b, int64_t since, int64_t until, size_t max,
			    struct arena *a, struct held **v, size_t *n, bool *more);
/* Looks at the next HELD_LOOK users behind *after, which moves on: users[n] have such mails. *end:
 * these were the last ones. */
#define HELD_LOOK 200
WAITS MUST_USE err mailstore_held(struct mailstore *m, int64_t since, int64_t until,
				  uint64_t *after, uint64_t users[HELD_LOOK], size_t *n, bool *end);
/* The folder where deliveries put what they hold back, USE_JUNK or USE_QUARANTINE: its id, read
 * from nothing but memory, or a view, whose \Recent is not taken. E_NOTFOUND. */
WAITS MUST_USE err place_id(struct box *b, enum folder_use place, uint64_t *folder);
WAITS MUST_USE err place_open(struct box *b, enum folder_use place, struct folder_view **out);

/* ---- care: called by the store role now and then, and by commands ---- */
/* Reclaims expunged mails over their time and bodies that nobody refers to; works in small steps.
 */
WAITS MUST_USE err mailstore_reclaim(struct mailstore *m);
/* Walks everything: checksums, counters, bodies without reference, references without body. Writes
 * a line a finding; *findings counts them. For `posta store verify` (store stopped or on a
 * checkpoint). */
MUST_USE err mailstore_verify(struct kv *kv, struct buf *report, uint64_t *findings);

#endif
