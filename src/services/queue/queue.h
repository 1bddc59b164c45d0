/* services/queue/queue.h: mail that waits. One process owns a queue: a kv store with one partition.
 * An entry is one message for one or more recipients with one envelope sender; each recipient has its own state.
 * queue_add returns after the entry is synced. Attempts are made by fibers of the queue through `attempt`. */
#ifndef SERVICES_QUEUE_QUEUE_H
#define SERVICES_QUEUE_QUEUE_H

#include "kv/kv.h"
#include "run/fiber.h"
#include "run/spool.h"

struct queue;

struct queue_rcpt {
	str address;      /* as it will be said in RCPT */
	str orcpt;        /* RFC 3461, xtext decoded, "" = none */
	unsigned notify;  /* SMTP_NOTIFY_* of formats/smtp */
	str delivery;     /* delivery id for LMTP to a posta store */
};
struct queue_mail {
	str id;           /* trace id; names the entry */
	str from;         /* envelope sender, "" = <> */
	str envid;        /* RFC 3461 */
	bool ret_hdrs;    /* RET=HDRS */
	bool smtputf8, body8bit;
	int64_t arrived;  /* unix seconds; 0 = now */
	const struct queue_rcpt *rcpts;
	size_t nrcpts;
};

/* What became of one recipient in one attempt. */
enum try_what { TRY_DELIVERED, TRY_RELAYED /* next hop without DSN */, TRY_LATER, TRY_FAILED, TRY_HOLD };
struct queue_try {
	const struct queue_rcpt *rcpt;
	enum try_what what;
	char status[12];  /* "4.4.1" */
	char text[512];   /* remote server's answer or our reason */
	char server[256]; /* who said so */
};
struct queue_options {
	struct kv *kv;
	const char *spool_dir;
	str name;              /* "relay", "mx": for metrics and trace stages */
	str hostname;          /* for DSNs' Reporting-MTA */
	/* Tries to deliver to t[n] recipients of one destination; fills each. Runs in a fiber of the queue. */
	WAITS void (*attempt)(void *arg, const struct queue_mail *m, struct spool *message, struct queue_try *t, size_t n);
	/* The key by which recipients of an entry are grouped and limited (domain; back-end). */
	str (*destination)(void *arg, str address, struct arena *a);
	/* Hands a DSN on: complete message, from <>. The queue retries when it fails. */
	WAITS err (*bounce)(void *arg, str to, struct spool *dsn);
	void *arg;
	const msec *schedule;  /* delays between attempts; the last one repeats */
	size_t nschedule;
	msec lifetime;         /* then failed */
	msec warn;             /* a "delayed" DSN once after this; 0 = none */
	unsigned parallel;     /* attempts at a time, all destinations */
	unsigned per_destination;
};
WAITS MUST_USE err queue_open(const struct queue_options *o, struct queue **out);
/* Waits for running attempts up to the deadline. */
WAITS void queue_close(struct queue *q, msec deadline);
/* Synced on OK. E_FULL: disk reserve. */
WAITS MUST_USE err queue_add(struct queue *q, const struct queue_mail *m, struct spool *message);
/* Tries now all that wait for this destination ("": everything). */
void queue_kick(struct queue *q, str destination);
/* Control: GET /queue, GET /queue/ID (and /queue/ID/message), POST /queue/ID/retry|hold|release, DELETE /queue/ID; JSON. */
WAITS MUST_USE err queue_control(struct queue *q, str method, str path, str body, struct buf *json);

#endif
