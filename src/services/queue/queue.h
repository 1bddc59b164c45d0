/* services/queue/queue.h: mail that waits. One process owns a queue: a kv store with one partition.
 * An entry is one message for one or more recipients with one envelope sender. Its recipients of
 * one destination (at most LIM_QUEUE_LOT) make a lot: lots are scheduled, tried, held and released
 * alone, recipients have their own outcome. The retry times, outcomes and DSNs are durable: a DSN
 * enters the queue as an entry of its own (from <>) in the same commit that removes the failed
 * recipients, so neither can be lost or doubled by a crash. Lives on the loop that opened it;
 * queue_add and queue_kick may be called from any loop of the process. */
#ifndef SERVICES_QUEUE_QUEUE_H
#define SERVICES_QUEUE_QUEUE_H

#include "kv/kv.h"
#include "run/fiber.h"
#include "run/spool.h"

struct queue;

struct queue_rcpt {
	str address;	 /* as it will be said in RCPT */
	str orcpt;	 /* RFC 3461, xtext decoded ("rfc822;ana@b.example"), "" = none */
	unsigned notify; /* SMTP_NOTIFY_* of formats/smtp, 0 = not given */
	str delivery;	 /* delivery id for LMTP to a posta store */
	str note; /* the owner's own word, at most LIM_QUEUE_NOTE octets; comes back as it was */
};
struct queue_mail {
	str id;	       /* trace id; names the entry ("-2" is added when it is taken) */
	str from;      /* envelope sender, "" = <> */
	str envid;     /* RFC 3461, xtext decoded */
	bool ret_hdrs; /* RET=HDRS */
	bool smtputf8, body8bit;
	int64_t arrived; /* unix seconds; 0 = now */
	const struct queue_rcpt *rcpts;
	size_t nrcpts;
};

/* What became of one recipient in one attempt. */
enum try_what {
	TRY_DELIVERED, /* in its mailbox: a "delivered" DSN if asked for */
	TRY_RELAYED,   /* next hop without DSN: a "relayed" DSN if asked for */
	TRY_PASSED,    /* next hop took the DSN request over: none from us */
	TRY_LATER,
	TRY_FAILED,
	TRY_HOLD, /* the mailbox is moving: again in a minute; neither counted nor expired */
};
struct queue_try {
	const struct queue_rcpt *rcpt;
	enum try_what what;
	bool away; /* with TRY_LATER: the destination itself does not answer; its other mail waits
		      too */
	char status[12];  /* "4.4.1"; "" = made from what */
	char text[512];	  /* remote server's answer or our reason */
	char server[256]; /* who said so, "" = we */
};
struct queue_limits {
	unsigned parallel;   /* attempts at a time; 0 = queue_options.per_destination */
	unsigned per_minute; /* attempts begun in a minute; 0 = any */
};
struct queue_options {
	struct kv *kv; /* borrowed; nobody else uses its partition "queue" or its blobs */
	const char *spool_dir;
	str name;		 /* "relay", "mx": for logs and trace stages ("relay.queued") */
	str hostname;		 /* for DSNs: Reporting-MTA, MAILER-DAEMON@hostname */
	const char *report_note; /* a DSN's recipient carries it as its note; NULL: none. Borrowed
				  */
	/* Tries to deliver to t[n] recipients of one destination; fills each (they come as
	 * TRY_LATER). Runs in a fiber of the queue, whose trace id is the entry's. DSNs come by
	 * here as well: m->from "" and the sender as recipient. */
	WAITS void (*attempt)(void *arg, const struct queue_mail *m, struct spool *message,
			      struct queue_try *t, size_t n);
	/* The key by which recipients of an entry are grouped and limited (domain; back-end): no
	 * NUL, at most 255 octets. */
	str (*destination)(void *arg, str address, struct arena *a);
	/* Limits of one destination; may be NULL. */
	struct queue_limits (*limits)(void *arg, str destination);
	void *arg;
	const msec *schedule; /* delays before the 2nd, 3rd, ... attempt; the last one repeats.
				 Borrowed */
	size_t nschedule;
	msec lifetime;	   /* then failed */
	msec warn;	   /* a "delayed" DSN once after this; 0 = none */
	unsigned parallel; /* attempts at a time, all destinations */
	unsigned per_destination;
};
/* Strings of o are copied, the rest is borrowed until queue_close. */
WAITS MUST_USE err queue_open(const struct queue_options *o, struct queue **out);
/* Another schedule, lifetime, warn, limits; all else of o is as at queue_open and not looked at.
 * The queue's loop. */
void queue_configure(struct queue *q, const struct queue_options *o);
/* Starts no more attempts, waits for the running ones up to the deadline, then cancels them (they
 * stay queued). */
WAITS void queue_close(struct queue *q, msec deadline);
/* Any loop. Synced on OK. E_FULL: disk reserve (452 4.3.1). E_LIMIT: over LIM_SMTP_RCPTS
 * recipients. */
WAITS MUST_USE err queue_add(struct queue *q, const struct queue_mail *m, struct spool *message);
/* Any loop. Tries now all that wait for this destination ("": everything), held ones aside. */
void queue_kick(struct queue *q, str destination);
/* Control: GET /queue?after=ID&max=N&destination=D&address=A, GET /queue/ID, GET /queue/ID/message
 * (its header as text), POST /queue/flush?destination=D, POST /queue/ID/retry|hold|release, DELETE
 * /queue/ID; JSON. The queue's loop alone. E_NOTFOUND: no such path or entry. E_AGAIN: that entry
 * is under way. */
WAITS MUST_USE err queue_control(struct queue *q, str method, str path, str body, struct buf *json);

#endif
