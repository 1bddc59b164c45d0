/* services/queue/state.h: the queue's inside. All of struct queue but `o`, `part` and `born`
 * belongs to the home loop. */
#ifndef SERVICES_QUEUE_STATE_H
#define SERVICES_QUEUE_STATE_H

#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "run/log.h"
#include "run/work.h"
#include "services/queue/queue.h"
#include "services/queue/record.h"

/* One destination that has ready lots, running attempts, or a back-off that still counts. */
struct dest {
	struct link link; /* in queue.ring, queue.asleep, or alone */
	char name[DESTINATION_MAX + 1];
	size_t name_n;
	struct link lots; /* struct ready, oldest first */
	size_t nlots;
	unsigned running;
	bool more;	     /* the store may have ready lots that are not in `lots` */
	bool loading;	     /* a fiber reads the store for it: not freed meanwhile */
	unsigned failures;   /* attempts in a row that found nobody there */
	msec back_off_until; /* no connection before; its lots are put off without one */
	msec rate_until;     /* no attempt before */
	msec minute;	     /* when the minute that `begun` counts began */
	unsigned begun;
	char status[12], text[512], server[256]; /* why it backs off */
};
/* A lot in memory: loaded, or running. In queue.here by lot_name(). */
struct ready {
	struct link link;
	struct queue *q;
	struct dest *dest;
	char id[ID_MAX + 1];
	size_t id_n;
	unsigned no;
	int64_t due;
	bool running;
	bool put_off;	     /* its destination backs off: no connection is made */
	struct fiber *fiber; /* while running */
};
enum { BORN = 8 }; /* octets of a trace id that tell its time */

struct queue {
	struct queue_options o;
	char name[32], hostname[LIM_SMTP_DOMAIN + 1];
	struct kv_part part;
	char born[21]; /* trace id of the time when it was opened */
	struct loop *home;
	struct fiber *dispatcher, *sweeper;
	_Atomic bool closing; /* helper threads look at it too */
	bool poked;	      /* something happened since the dispatcher looked */
	struct waitq wake;    /* the dispatcher's */
	struct waitq idle;    /* queue_close: an attempt ended */
	struct map dests, here;
	struct link ring;     /* destinations that may start something, in turns */
	struct link asleep;   /* destinations that wait for a time */
	struct link attempts; /* running ones */
	unsigned running;
	int64_t next_due;  /* unix milliseconds of the first t key, INT64_MAX: none */
	msec next_wake;	   /* of the first one asleep */
	str locked;	   /* entry that a control request is changing, "" = none */
	bool more_dests;   /* the store has destinations that are not in memory */
	bool missed_dests; /* some came while there was no room */
	struct buf cursor; /* key where the search for them goes on */
	struct map kicks;  /* destinations to be tried now; "" is all */
	bool kicking;
};

static inline str dest_name(const struct dest *d)
{
	return str_of(d->name, d->name_n);
}
static inline str ready_id(const struct ready *r)
{
	return str_of(r->id, r->id_n);
}

/* ---- schedule.c: who is next. Home loop ---- */
void schedule_init(struct queue *q);
void schedule_free(struct queue *q);
WAITS err schedule_fiber(void *queue);
void schedule_poke(struct queue *q);
/* A lot became ready in the store. */
void schedule_note(struct queue *q, str destination, str id, unsigned no, int64_t due);
/* A lot waits in the store until due. */
void schedule_later(struct queue *q, int64_t due);
/* An attempt ended; r is freed. */
void schedule_done(struct queue *q, struct ready *r);
/* The destination answered, or did not. */
void schedule_answered(struct queue *q, struct dest *d);
void schedule_away(struct queue *q, struct dest *d, const struct queue_try *t);
/* The store could not be read: its lots are looked for again in a second. */
void schedule_again(struct queue *q, struct dest *d);
/* Takes a lot that is not running out of memory; what the store says of it counts. E_AGAIN: it is
 * running. */
MUST_USE err schedule_unload(struct queue *q, str id, unsigned no);
/* The lot's record in memory, NULL when it is neither loaded nor running. */
struct ready *schedule_find(struct queue *q, str id, unsigned no);

/* ---- store.c: what stands in the partition. Blocks: helper threads ---- */
struct stored_mail { /* an entry to be */
	const struct queue_mail *mail;
	str message; /* NULL p: from spool */
	struct spool *spool;
	struct arena *arena;
	struct lot *lots;
	size_t nlots;
	str id, blob; /* results */
	int64_t now;  /* unix milliseconds */
};
/* Groups the recipients into lots. Any thread. */
MUST_USE err store_lots(struct queue *q, struct stored_mail *s);
MUST_USE err store_add(struct queue *q, struct stored_mail *s);
/* Adds the entry to a batch of the caller's, whose commit makes it real; its blob is put already.
 * id is free for sure. */
MUST_USE err store_add_to(struct queue *q, struct stored_mail *s, struct kv_batch *b);

struct loaded {
	struct arena *arena;
	str id;
	unsigned no;
	struct entry entry;
	struct lot lot;
};
/* E_NOTFOUND, E_CORRUPT. */
MUST_USE err store_load(struct queue *q, struct loaded *l);
/* Moves what cannot be read out of the way. */
MUST_USE err store_aside(struct queue *q, str destination, int64_t due, str id, unsigned no,
			 const char *why);
/* The lot is over, or goes on as *l->lot says (keep; old_due: where its key stands). dsn[ndsn]
 * enter with it. */
MUST_USE err store_outcome(struct queue *q, struct loaded *l, bool keep, int64_t old_due,
			   struct stored_mail *dsn, size_t ndsn);
/* A page of ready lots of a destination; of lots that became due (moved to ready); of destinations
 * with ready lots. */
struct page {
	struct arena *arena;
	str destination;
	size_t max;
	struct page_row {
		str destination, id;
		unsigned no;
		int64_t due;
	} * rows;
	size_t n;
	bool more;
	int64_t now, next_due;
};
MUST_USE err store_ready(struct queue *q, struct page *p);
MUST_USE err store_due(struct queue *q, struct page *p);
/* cursor: where to go on; empty at the end. */
MUST_USE err store_destinations(struct queue *q, struct page *p, struct buf *cursor);
/* Lots of an entry, in order. */
MUST_USE err store_lots_of(struct queue *q, str id, struct arena *a, struct lot **lots, size_t *n);
/* Moves lots that wait for their time to the ready ones: those of a destination in `which`, after
 * the key `cursor`, of one page; cursor empty at the end. */
MUST_USE err store_kick(struct queue *q, struct page *p, const struct map *which,
			struct buf *cursor);
/* After a crash: blobs without an entry that were put before this queue was opened, entries without
 * lots. */
MUST_USE err store_sweep(struct queue *q, uint64_t *entries);

/* ---- attempt.c ---- */
WAITS err attempt_fiber(void *ready);

/* ---- report.c: which DSNs an attempt calls for. Blocks ---- */
enum report {
	REPORT_NONE,
	REPORT_FAILED,
	REPORT_DELAYED,
	REPORT_DELIVERED,
	REPORT_RELAYED,
	REPORT_KINDS
};
/* What the sender asked to hear of a recipient's outcome, RFC 3461 4.1. */
enum report report_wanted(const struct loaded *l, const struct queue_rcpt *r, enum report of);
/* One DSN for those of t[n] whose what[i] is kind; false in *any when there is none. retry_until:
 * unix seconds. */
MUST_USE err report_make(struct queue *q, const struct loaded *l, str message,
			 const struct queue_try *t, const enum report *what, size_t n,
			 enum report kind, int64_t retry_until, struct stored_mail *dsn, bool *any);

/* "relay.queued": the stage's name, with the queue's before it. */
struct stage {
	char text[64];
};
struct stage stage_of(const struct queue *q, const char *what);

#endif
