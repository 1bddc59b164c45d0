/* roles/relay/relay.h: the outgoing queue and its deliveries. */
#ifndef ROLES_RELAY_RELAY_H
#define ROLES_RELAY_RELAY_H

#include "clients/dns/dns.h"
#include "clients/smtp/smtp_client.h"
#include "run/role.h"
#include "services/directory/directory.h"
#include "services/mailauth/reports.h"
#include "services/queue/queue.h"
#include "services/reports/reports_send.h"
#include "sessions/smtp/smtp.h"

extern const struct role role_relay;

/* One line of relay.routes: where a domain's mail goes instead of where its MX says. */
struct relay_route {
	str domain; /* "example.org"; ".example.org": all below it; "*": every other one */
	str to; /* "host:port", "192.0.2.1:25", "unix:/path"; "mx": as DNS says, with this line's
		   TLS and limits */
	str user, password;
	str tls;		      /* "never", "may", "must", "verify" */
	int64_t parallel, per_minute; /* 0: relay's */
};
struct relay_settings {
	str hostname, mx, tls;
	struct conf_strs schedule_texts, resolvers;
	const struct conf_node *routes_node;
	bool dnssec, ipv6, loopback;
	int64_t lifetime, warn, parallel, per_destination, per_minute, reserve, port;
	int64_t idle, reuse, connect, command, data, final;
	struct smtp_limits limits;
	msec *schedule;
	size_t nschedule;
	struct relay_route *routes;
	size_t nroutes;
	struct net_addr signer; /* submission's inside listener */
	bool has_signer;
	struct reports_policy sending;
};
enum { RELAY_NKEYS = 24, RELAY_NROUTE_KEYS = 7 };
extern const struct conf_key relay_keys[RELAY_NKEYS];
extern const struct conf_key relay_route_keys[RELAY_NROUTE_KEYS]; /* of each line of routes */
/* env->arena holds the result. */
MUST_USE err relay_read_settings(const struct role_env *env, struct buf *complaints,
				 void *settings);

/* ---- the process ---- */
struct relay {
	struct queue *queue;
	struct kv *kv;
	struct dns *dns;
	struct dirtable *table;
	struct tls_ctx *tls, *tls_verify;
	struct reports *reports; /* of TLS; NULL: its file cannot be opened */
	struct reports_sender *sender;
	bool stopping;
};
struct relay *relay_here(void);
const struct relay_settings *relay_settings(void); /* in force; lives as long as the process */

/* ---- route.c ---- */
/* What the configuration says of a domain; NULL: what the DNS says. Our own domains go to the mx
 * unless a line names them; "*" is for those of others. */
const struct relay_route *relay_route(const struct relay_settings *set, str domain,
				      struct relay_route *own);
/* "domain" of local@domain; "" for postmaster. */
str relay_domain(str address);
/* Groups and limits: the next hop of a route, or the domain in lower case. Any thread. */
str relay_destination(void *arg, str address, struct arena *a);
struct queue_limits relay_limits(void *arg, str destination);

/* ---- hops.c: the servers to try, in order ---- */
struct relay_hop {
	struct net_addr addr;
	str host; /* name for TLS and for people */
};
struct relay_hops {
	struct relay_hop *v;
	size_t n;
	/* When n is 0: why. */
	enum try_what what;
	char status[12], text[512];
};
/* Never fails: without hops it says why. */
WAITS void relay_hops(const struct relay_route *route, str domain, struct arena *a,
		      struct relay_hops *out);

/* ---- pool.c: connections that wait for the next mail to the same destination ---- */
struct relay_line {
	struct link link;
	struct smtp_client *client;
	char destination[256], server[300];
	msec until; /* then it is closed */
	int64_t used;
};
void relay_pool_open(void);
WAITS void relay_pool_close(void);
/* One that answers; NULL when there is none. */
WAITS struct relay_line *relay_pool_take(str destination);
/* Takes the line over. */
void relay_pool_put(struct relay_line *line);
void relay_line_drop(struct relay_line *line); /* without a word */

/* ---- deliver.c: the queue's attempt ---- */
WAITS void relay_attempt(void *arg, const struct queue_mail *m, struct spool *message,
			 struct queue_try *t, size_t n);

/* ---- reports.c: delivery reports that the queue makes ---- */
#define RELAY_REPORT "report" /* the note of such a mail's recipient */
/* Submission signs it, and hands it back as a mail like others: then the tries are filled. False:
 * there is nobody to sign it, and it goes as it is. */
WAITS bool relay_sign_report(const struct queue_mail *m, struct spool *message, struct queue_try *t,
			     size_t n);

/* ---- accept.c: the trusted listener ---- */
WAITS err relay_session(struct stream *io, const struct listener *l);

#endif
