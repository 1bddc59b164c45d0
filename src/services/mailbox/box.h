/* services/mailbox/box.h: inside the mailbox: a user's box in memory, and how it changes.
 *
 * Every change of a box is an `op`. A box's ops wait in its queue; one of the store's own threads
 * takes a turn at it: takes the first op (and the deliveries behind it), lets each put its rows
 * into one transaction, commits once, and publishes the result to memory under the box's mutex. So
 * one thread at a time changes a box, a mail bomb for one user takes one thread, and nobody sees
 * what is not yet synced. The mutex is held for memory operations alone. */
#ifndef SERVICES_MAILBOX_BOX_H
#define SERVICES_MAILBOX_BOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "services/mailbox/mailbox.h"
#include "services/mailbox/record.h"

struct mailstore {
	struct kv *kv;
	struct mailstore_options o;
	pthread_mutex_t mu;   /* boxes and their counts, ready, inflight */
	struct map boxes;     /* user, 8 octets -> struct box */
	struct body_id swept; /* where the next sweep for orphans goes on */
	bool sweeping;	      /* swept is set */
	struct map inflight;  /* ids of bodies that a delivery is about to refer to */
	struct link ready;    /* boxes that wait for a thread */
	pthread_cond_t wake;
	bool stop;
	pthread_t rester; /* puts waiting views to rest */
	pthread_cond_t rest;
	bool resting; /* it was started */
	pthread_t *threads;
	size_t nthreads;
};

/* An immutable list of mails, shared by the box and the views that see it. Mails are added behind
 * the count that its holders know; any other change makes a new one. */
struct snap {
	_Atomic unsigned refs;
	size_t cap;
	struct mail v[];
};
struct snap *snap_new(size_t cap);
struct snap *snap_hold(struct snap *s);
void snap_drop(struct snap *s); /* NULL allowed */

struct folder {
	struct folder_rec rec; /* its bytes are in own */
	char *own;
	struct snap *snap; /* NULL: not read yet */
	size_t n;
	unsigned views;
};

struct box {
	struct mailstore *store;
	uint64_t user;
	unsigned refs; /* under store->mu */
	char part[PART_NAME];
	struct link ready;
	pthread_mutex_t mu; /* all below */
	struct link ops;
	bool scheduled;
	bool loaded; /* memory agrees with what is stored */
	bool fresh;  /* nothing is stored yet */
	uint64_t epoch;
	struct box_rec rec;
	struct folder **folders; /* sorted by name */
	size_t nfolders;
	str *subs; /* subscribed names without a folder, each owned */
	size_t nsubs;
	struct link views;
};

/* ---- a fiber, or a plain thread, waits for another thread ---- */
struct waker;
struct waker *waker_new(void); /* for the calling fiber's loop; one reference */
void waker_drop(struct waker *w);
void waker_wake(struct waker *w); /* from any thread, while the fiber cannot have ended */
WAITS MUST_USE err waker_wait(struct waker *w, msec deadline);
WAITS MUST_USE err waker_wait_input(struct waker *w, struct stream *io); /* E_AGAIN: woken */

/* ---- transactions: what an op means to change, seen by the ops behind it in the same turn ---- */
struct staged {
	struct staged *next;
	struct folder *was; /* NULL: a new folder */
	struct folder_rec rec;
	bool gone;		      /* the folder is deleted */
	struct mail *added, *changed; /* ascending UIDs; in the transaction's arena */
	size_t nadded, cap_added, nchanged;
	const uint32_t *removed; /* ascending */
	size_t nremoved;
	struct snap *old_snap; /* after publishing: what the folder had before */
	size_t old_n;
};
struct txn {
	struct box *b;
	struct kv_batch *batch;
	unsigned kv_flags;
	bool dirty;
	struct box_rec rec;
	struct staged *staged;
	struct count *counts; /* bodies' references, see body.c */
	struct seen *seen;    /* ids of deliveries and threads of this transaction */
	struct arena a;
	str *subs; /* when subs_changed: the new list, in the arena */
	size_t nsubs;
	bool subs_changed;
};
void txn_begin(struct txn *t, struct box *b);
MUST_USE err txn_commit(struct txn *t);
void txn_publish(struct txn *t); /* to memory; box's mutex held */
void txn_end(struct txn *t);
/* A folder as this transaction sees it, to be changed. NULL when absent. */
struct staged *txn_folder(struct txn *t, str name);
struct staged *txn_folder_by_id(struct txn *t, uint64_t id);
struct staged *txn_stage(struct txn *t, struct folder *f);
/* The folder for this use, NULL when there is none. */
struct staged *txn_folder_for(struct txn *t, enum folder_use use);
struct staged *txn_new_folder(struct txn *t, str name, enum folder_use use);
/* The next modification number; the transaction is dirty from here on. */
uint64_t txn_modseq(struct txn *t);
/* Bit of a keyword in the folder, made when new; -1 when there is no room. */
int txn_keyword(struct txn *t, struct staged *s, str name);
/* Adds one mail with a new UID and counts it; m->uid is filled. */
void txn_add_mail(struct txn *t, struct staged *s, struct mail *m);
/* Counts a mail out of (-1) or into (+1) a folder. */
void folder_count(struct folder_rec *r, const struct mail *m, int by);

/* ---- ops ---- */
struct op {
	struct link link;
	/* Puts its rows into t; an error changes nothing (the turn's other ops go on when gather).
	 */
	err (*run)(struct txn *t, struct op *o);
	/* After the commit, the box's mutex held; NULL: nothing to do. */
	void (*done)(struct txn *t, struct op *o);
	bool gather;  /* may share a transaction with others of its kind */
	bool opening; /* box_open's: sets the epoch before anything is read */
	bool taken, finished;
	err result;
	struct waker *w;
	pthread_cond_t cond;
	char text[256];
};
void op_submit(struct box *b, struct op *o);
/* Waits for the op; a canceled fiber takes it back when no thread has it yet. */
WAITS MUST_USE err op_wait(struct box *b, struct op *o);
WAITS MUST_USE err op_run(struct box *b, struct op *o);
/* Makes memory agree with what is stored again, after a commit of unknown outcome. */
WAITS MUST_USE err box_fresh(struct box *b);

/* ---- box.c ---- */
MUST_USE err box_load(struct box *b);
struct folder *box_find(const struct box *b, str name);
struct folder *box_find_id(const struct box *b, uint64_t id);
void box_add_folder(struct box *b, struct folder *f);
void box_remove_folder(struct box *b, struct folder *f);
void folder_own(struct folder *f,
		const struct folder_rec *r); /* takes a copy of r with its bytes */
void folder_free(struct folder *f);
void box_set_subs(struct box *b, const str *v, size_t n);
/* Any box, by the epoch that is stored, for care. */
WAITS MUST_USE err box_open_stored(struct mailstore *m, uint64_t user, struct box **out);
struct kv_part box_part(const struct box *b);

/* ---- view.c ---- */
struct view {
	struct folder_view pub;
	struct snap *snap;
	struct waker *w;
	struct link link; /* box->views */
	bool waiting;	  /* in folder_wait, and not woken yet */
	msec since;	  /* waiting */
	bool resting;	  /* its list is given up: rest.c */
	struct buf uids;
	size_t rested_n;
};
struct view *view_of(struct folder_view *v);
/* One view less wants the folder's list in memory. Box's mutex held; f may be NULL. */
void folder_unview(struct box *b, struct folder *f);
/* A transaction changed the folder: wakes those who wait for it. Box's mutex held. */
void views_wake(struct box *b, uint64_t folder);
/* Reads the folder's mails unless they are in memory. In a store's thread, in the box's turn. */
MUST_USE err folder_load(struct box *b, struct folder *f);
/* The folder of a view, its mails in memory. E_NOTFOUND: it is gone. */
MUST_USE err view_stage(struct txn *t, struct view *v, struct staged **s);
/* The mail of that UID, looked for from index *from on, which moves there; NULL when there is none.
 */
const struct mail *folder_mail(const struct folder *f, uint32_t uid, size_t *from);
/* The view takes changed[n] (after publishing) as seen. Box's mutex held. */
void view_apply(struct txn *t, struct view *v, const struct staged *s);

/* ---- rest.c ---- */
void *rest_thread(void *m);
/* Ends waiting; the view has its list again. */
WAITS MUST_USE err view_rouse(struct view *v);

/* ---- body.c: blobs and who refers to them ---- */
void body_new_id(struct body_id *id);
MUST_USE err body_put(struct mailstore *m, const struct body_id *id, const uint64_t *users,
		      size_t n, str bytes);
void body_inflight(struct mailstore *m, const struct body_id *id, bool on);
/* Changes how often this partition refers to a body; dropped: it no longer does. */
MUST_USE err body_count(struct txn *t, const struct body_id *id, int by, bool *dropped);
void body_counts_put(struct txn *t); /* their rows */
struct reclaimed {
	size_t bodies;
	uint64_t octets; /* of plain bytes */
};
/* Deletes the body unless a partition refers to it, a delivery is about to, or it is younger than
 * the guard; adds it to *gone. */
MUST_USE err body_reclaim(struct mailstore *m, const struct body_id *id, struct reclaimed *gone);

/* ---- cache.c: what MIME says about a message ---- */
struct parsed {
	struct arena a;
	struct mail_cache cache;
	uint64_t refs[LIM_THREAD_REFS]; /* hashes of message ids with the base subject, its own
					   first */
	size_t nrefs;
};
/* Fills out, which the caller frees; takes any bytes. */
void message_parse(str message, struct parsed *out);
void parsed_free(struct parsed *p);

/* ---- expunge.c ---- */
/* The mail leaves its folder's counts, its row waits under the time of its expunging. The caller
 * lists it in removed. */
void expunge_one(struct txn *t, struct staged *s, const struct mail *m, uint64_t now);

/* ---- quarantine.c ---- */
/* Its name has an empty level: folder_name, through which all that clients say goes, refuses it. */
#define QUARANTINE "/Quarantine"
/* False: it is outside the quota. */
static inline bool folder_counts(const struct folder_rec *r)
{
	return r->use != USE_QUARANTINE;
}
/* The folder for a place, made when there is none. */
MUST_USE err place_folder(struct txn *t, enum folder_use place, struct staged **out);
/* Expunges mails whose time in quarantine is over, at most max rows; *more: there are others. */
MUST_USE err quarantine_expire(struct txn *t, uint64_t before, size_t max, bool *more);

/* ---- held.c ---- */
/* Remembers when a mail that was held back came. */
void held_note(struct txn *t, const struct staged *s, uint32_t uid);

/* ---- append.c ---- */
/* Tests alone: where a delivery is. */
void op_fault(struct mailstore *m, const char *where);

/* ---- thread.c ---- */
/* The thread of a mail, by what this partition knows of its references; remembers them. */
MUST_USE err thread_find(struct txn *t, const struct parsed *p, const struct mail_id *email,
			 struct mail_id *thread);
/* Delivery ids. */
MUST_USE err delivery_seen(struct txn *t, str id, bool *seen);
void delivery_remember(struct txn *t, str id);

#endif
