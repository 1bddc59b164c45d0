/* roles/mx/mx.h: mail from the Internet. Takes it, finds whose it is, and says 250 only when every
 * copy is synced at its back-end, handed to relay, or in this process's queue. */
#ifndef ROLES_MX_MX_H
#define ROLES_MX_MX_H

#include <stdatomic.h>

#include "base/limits.h"
#include "clients/dns/dns.h"
#include "clients/filter/filter_client.h"
#include "clients/smtp/smtp_client.h"
#include "run/role.h"
#include "services/backends/backends.h"
#include "services/blacklists/blacklists.h"
#include "services/directory/directory.h"
#include "services/queue/queue.h"
#include "services/rates/rates.h"
#include "services/verdict/verdict.h"
#include "sessions/smtp/smtp.h"

extern const struct role role_mx;

/* Where copies go: a back-end (LMTP), or relay for addresses elsewhere (SMTP). Shared by all loops.
 */
struct mx_home {
	str name;   /* of the back-end; "" = the store of this node */
	bool relay; /* the way out */
	bool ours;  /* a posta store: its directory is ours, so its "unknown" is a delay, not a fact
		     */
	enum backend_spam spam;
	const struct net_addr *addr; /* tried in turn */
	size_t naddr;
	_Atomic int64_t
		away_until; /* it did not answer: until then nobody waits for it (monotonic, ms) */
};

struct mx_settings {
	str hostname;
	struct smtp_limits limits;
	struct mx_home *homes; /* homes[0] is relay */
	size_t nhomes;
	struct blacklists_settings blacklists;
	struct conf_strs resolver_texts;
	const struct net_addr *resolvers; /* for names of addresses */
	size_t nresolvers;
	int64_t rdns_time;
	struct verdict_policy verdict;
	const struct net_addr *filters; /* none: mail is not scanned */
	size_t nfilters;
	bool defer; /* 451 while no filter answers, rather than mail without a verdict */
	/* as conf_read gives them; msec for durations */
	int64_t message_max, rcpts_max;
	int64_t connections, connections_network,
		connection_rate; /* at a time; of a network; of it in a minute */
	int64_t unknown_slow, unknown_refuse, unknown_window,
		tarpit;					/* unknown recipients of a network */
	int64_t rate_recipient, rate_pair, rate_window; /* mails to one; from one to one; 0 = any */
	int64_t backend_timeout, delivery_timeout, backend_pause;
	int64_t queue_reserve, queue_lifetime;
	int64_t filter_timeout, filter_pause, authenticate_timeout;
	bool authenticate, dnssec;
	struct conf_strs filter_texts;
	str filter_away;
};
struct mx {
	struct dirtable *table;
	struct kv *kv;
	struct queue *queue;
	struct tally *now;		       /* connections by network */
	struct blacklists *_Atomic blacklists; /* tested on the first loop */
	struct dns *dns[LIM_LOOPS];	       /* opened on its loop when it is first needed */
	struct filters *filters;	       /* NULL: none named */
	struct rates *connects, *unknown, *rcpt, *pair;
	_Atomic int64_t rdns_paused; /* until then no resolver is waited for (monotonic, ms) */
};
/* Between start and stop. Settings: a reload makes new ones, old ones stay readable. */
struct mx *mx_here(void);
const struct mx_settings *mx_settings(void);

struct mx_batch;

/* ---- policy.c: who may talk, how often ---- */
WAITS MUST_USE err mx_connect(struct smtp_info *i, struct verdict *v);
void mx_gone(struct smtp_info *i);
/* An unknown recipient: 550, later (tarpit), in the end 421. */
void mx_unknown_rcpt(const struct smtp_info *i, struct verdict *v);
/* False (and v says 452 4.2.1) when this recipient, or this pair, gets too much. Counts. */
bool mx_rate_ok(str from, str to, struct verdict *v);

/* ---- rdns.c ---- */
/* Fills i->rdns, once. */
WAITS MUST_USE err mx_know_name(struct smtp_info *i);
MUST_USE err mx_read_resolvers(const struct role_env *env, struct buf *complaints,
			       struct mx_settings *set);

/* ---- lists.c: black lists before DATA ---- */
/* Ours, and networks that are trusted: whatever lists say. */
bool mx_exempt(const struct smtp_info *i);
/* At MAIL: fills b->listed. */
WAITS MUST_USE err mx_ask_lists(struct smtp_info *i, struct smtp_tx *t, struct mx_batch *b);
/* At RCPT: true when one refuses, v says it. */
bool mx_lists_refuse(const struct mx_batch *b, const struct smtp_rcpt *r, struct verdict *v);

/* ---- copies: what a recipient's address came down to ---- */
enum mx_state {
	COPY_NEW,
	COPY_WELCOME, /* its back-end said yes at RCPT; or nobody was asked (relay) */
	COPY_AWAY,    /* its back-end does not answer, or the user is moving: to be queued */
	COPY_LATER,   /* refused for now */
	COPY_FAILED,  /* refused for good */
	COPY_KEPT,    /* synced there */
	COPY_QUEUED,  /* synced here */
	COPY_DROPPED, /* its recipient's verdict: nobody gets it */
};
/* Copies of one verdict: one transaction for each back-end. */
struct mx_group {
	enum verdict_place place;
	str head; /* header fields put before the message */
};
struct mx_copy {
	enum mx_state state;
	struct mx_home *home; /* NULL when its back-end is not in posta.conf: COPY_AWAY */
	uint64_t user;	      /* 0: elsewhere */
	str address;	      /* login, or the address elsewhere */
	bool moving;
	bool release; /* it tells a store of ours to release a mail (services/digest): the detail
			 stays in address, and no verdict makes another place of it */
	str orcpt;    /* "rfc822;" and what the client said */
	size_t owner; /* the queue's: which of its recipients */
	size_t group; /* in mx_batch.groups */
	struct smtp_reply reply; /* who refused and how */
};
/* The copies of one message, and what its envelope says. */
struct mx_batch {
	struct smtp_out_mail mail;
	struct spool *message;
	struct arena *a;
	struct mx_copy *v; /* moves while it grows */
	size_t n, room;
	struct mx_group *groups; /* at least one */
	size_t ngroups;
	str listed;		/* by a black list: what each recipient is told, "" = by none */
	struct mx_lines *lines; /* connections kept by a session; NULL: one each time */
};
/* route.c: adds the copies of one address that are not there yet. *what: what the address is
 * (DIR_ALIAS with nothing behind it becomes DIR_UNKNOWN). first..: copies of this address, in idx
 * (an array in the arena). E_LIMIT: too many. */
MUST_USE err mx_route(struct mx_batch *b, str address, size_t owner, enum dir_what *what,
		      size_t **idx, size_t *n);
/* Adds a copy for an address that is not ours; to relay. */
MUST_USE err mx_route_elsewhere(struct mx_batch *b, str address, size_t owner);

/* rcpt.c: the decisions of a transaction. */
WAITS MUST_USE err mx_mail(struct smtp_info *i, struct smtp_tx *t, struct verdict *v);
WAITS MUST_USE err mx_rcpt(struct smtp_info *i, struct smtp_tx *t, const struct smtp_rcpt *r,
			   void **data, struct verdict *v);
WAITS MUST_USE err mx_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v);

/* What a filter said of a message, and what else the verdicts want to know. */
struct mx_scan {
	struct verdict_message message;
	struct verdict_sender sender;
	struct verdict_symbol *symbols;
	size_t nsymbols;
	const struct filter_recipient *recipients; /* a user's own score */
	size_t nrecipients;
	str auth_results; /* the field's value, "" */
	bool asked;	  /* there are filters, and it was for them */
	bool later;	  /* a filter, or the settings, want the sender to come again */
};
/* scan.c: reads the header and asks a filter, within filter_timeout. *clean: the message without
 * the fields that only we may write, or NULL when it has none; the caller drops it. */
WAITS MUST_USE err mx_scan(const struct smtp_info *i, const struct smtp_tx *t, struct mx_batch *b,
			   struct mx_scan *out, struct spool **clean);
/* authenticate.c: asks the DNS who sent the message (E_CANCELED; other errors leave the sender
 * unconfirmed); *s has an Authentication-Results value then. */
WAITS MUST_USE err mx_authenticate(const struct smtp_info *i, const struct smtp_tx *t,
				   struct arena *a, struct mx_scan *s);
WAITS void mx_authenticate_close(void);
/* verdict.c: the place of each copy, and the groups. v: set when the message is refused now. */
MUST_USE err mx_give_verdicts(struct mx_batch *b, const struct mx_scan *scan, struct verdict *v);
/* What the queue remembers of a copy's place, and the groups to deliver its recipients in. */
str mx_note(const struct mx_batch *b, const struct mx_copy *c);
MUST_USE err mx_groups_of_queue(struct mx_batch *b);
size_t mx_group_of_note(const struct mx_batch *b, str note);
/* The address that a copy's back-end is told: with its place as detail where it takes that. p NULL:
 * no memory. */
str mx_address(const struct mx_batch *b, const struct mx_copy *c);

/* lines.c: connections to back-ends. */
struct mx_lines;
struct mx_lines *mx_lines_new(struct arena *session);
void mx_lines_close(struct mx_lines *l); /* NULL allowed */
/* Asks the copy's back-end whether it would take it (RFC 5321 RCPT): state becomes WELCOME, AWAY,
 * LATER or FAILED. */
WAITS MUST_USE err mx_ask(struct mx_batch *b, struct mx_copy *c);
/* Delivers the copies that are WELCOME: KEPT, AWAY, LATER or FAILED. */
WAITS MUST_USE err mx_deliver(struct mx_batch *b);

/* spare.c: the queue for what cannot be delivered now. */
WAITS MUST_USE err mx_queue_open(const struct role_env *env);
WAITS void mx_queue_close(void);
/* Puts the copies that are AWAY or LATER into the queue, synced: QUEUED. */
WAITS MUST_USE err mx_queue_copies(struct mx_batch *b, str id);

/* outcome.c, pure: the one answer for several copies. */
/* At RCPT: over idx[n]. Accepts when one is WELCOME or AWAY. */
void mx_rcpt_outcome(const struct mx_batch *b, const size_t *idx, size_t n, struct verdict *v);
/* After mx_deliver: must something be queued before 250? */
bool mx_must_queue(const struct mx_batch *b);
/* After queueing: the answer to DATA. */
void mx_data_outcome(const struct mx_batch *b, err queued, struct verdict *v);
/* What a reply of a back-end means for a copy. ours: see mx_home. */
enum mx_state mx_judge(const struct smtp_reply *r, bool ours);

#endif
