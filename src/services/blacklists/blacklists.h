/* services/blacklists/blacklists.h: the black (and white) lists that posta asks, what of a message
 * each is asked for, what its answers are worth, and whether it can be trusted: every list is
 * tested with RFC 5782's points (5: 127.0.0.2 and ::ffff:7f00:2 are listed, 127.0.0.1 and
 * ::ffff:7f00:1 are not; the name TEST, or the one that its owner has for it, is, INVALID is not).
 * One that fails is put aside, with an alarm, until it passes: a list that has ended must never
 * make all mail spam. */
#ifndef SERVICES_BLACKLISTS_BLACKLISTS_H
#define SERVICES_BLACKLISTS_BLACKLISTS_H

#include "base/arena.h"
#include "clients/dns/blacklist.h"
#include "formats/scan/scan.h"
#include "run/role.h"

/* ---- settings ---- */

enum blacklists_of {			    /* what of a message a list is asked for */
		     BLACKLISTS_CLIENT = 1, /* the address of the connection */
		     BLACKLISTS_RELAYS = 2, /* of the relays before it */
		     BLACKLISTS_HELO = 4,
		     BLACKLISTS_RDNS = 8,    /* the name of its address */
		     BLACKLISTS_FROM = 16,   /* the domain of MAIL FROM, */
		     BLACKLISTS_AUTHOR = 32, /* of From and Reply-To */
		     BLACKLISTS_URIS = 64,   /* hosts in text and HTML */
};
enum blacklists_act { BLACKLISTS_SCORE, BLACKLISTS_DEFER, BLACKLISTS_REJECT };

/* What some of a list's codes mean. */
struct blacklists_result {
	const struct blacklist_code *codes;
	size_t ncodes;
	str symbol;
	double score;
	enum blacklists_act act; /* of the mx, before DATA */
};
struct blacklists_list {
	struct blacklist dns;
	unsigned of;	     /* BLACKLISTS_* bits */
	bool domains, hosts; /* names: asked by registered domain, by whole host name */
	bool white;	     /* whom it has nobody refuses before DATA */
	str point;	     /* a name that it has, for its test; "" = none */
	const struct blacklists_result *results;
	size_t nresults;
};
struct blacklists_settings {
	struct blacklists_list *v;
	size_t n;
	int64_t test;			 /* milliseconds between tests */
	int64_t time;			 /* milliseconds for one message */
	int64_t domains, questions;	 /* most domains of URIs; most questions of a message */
	const struct net_block *trusted; /* addresses that are never asked */
	size_t ntrusted;
	struct conf_strs skip; /* domains that are never asked, with all below */
};
/* posta.conf's group "blacklists"; without servers of its own a list is asked at the mirrors of all
 * nodes. */
MUST_USE err blacklists_read(const struct role_env *env, struct buf *complaints,
			     struct blacklists_settings *out);
void blacklists_describe(struct buf *out); /* for `posta check --settings` */

/* ---- state ---- */

struct blacklists; /* any loop may ask; the one that opens it replaces and closes it, too */
/* set must live as long as it does. Tests at once and then again and again, in a fiber of its own.
 */
struct blacklists *blacklists_open(const struct blacklists_settings *set);
/* A reload: the new one tests from now on. Other loops may be asking under the old one, which lives
 * until the new one is closed. */
WAITS struct blacklists *blacklists_replace(struct blacklists *old,
					    const struct blacklists_settings *set);
WAITS void blacklists_close(struct blacklists *b); /* NULL allowed */

/* One test of one list now; E_DENIED with a text: it fails. E_NOTFOUND: nobody answers. */
WAITS MUST_USE err blacklists_test(const struct blacklists_list *l, msec deadline);
bool blacklists_aside(const struct blacklists *b, size_t index);

/* ---- a message ---- */

struct blacklists_message {
	/* Of the client; NULL, or one that is trusted: the nearest relay that is not ours. */
	const struct net_addr *ip;
	str helo, rdns, from; /* "" = not known; from without <> */
	/* The rest of the message: it is read on a helper thread: until the answer is there nobody
	 * else may touch it. */
	struct scan_mail *scan;
};
struct blacklists_hit {
	const struct blacklists_list *list;
	const struct blacklists_result *result; /* symbol, score, what the mx does */
	str what;	/* what was listed, as text: an address or a name; the first of them */
	unsigned times; /* how many were */
	unsigned of;	/* which of the message it was, BLACKLISTS_* bits of all of them */
	uint32_t code;	/* the answer */
};
struct blacklists_hits {
	struct blacklists_hit *v; /* one a result, by the order of the settings */
	size_t n;
	size_t asked, silent; /* questions; those that nobody answered */
	bool cut;	      /* there was more to ask than the settings allow */
};
/* All questions side by side, each once; lists that are aside are left out. Waits until all are
 * answered, the settings' time or the deadline. out lives in a. E_CANCELED; else OK, whatever the
 * answers are: a list that is silent has no effect. */
WAITS MUST_USE err blacklists_message(struct blacklists *b, const struct blacklists_message *q,
				      msec deadline, struct arena *a, struct blacklists_hits *out);
/* Before DATA: the envelope alone, and only the lists that make the mx act, and white ones. */
WAITS MUST_USE err blacklists_envelope(struct blacklists *b, const struct blacklists_message *q,
				       msec deadline, struct arena *a, struct blacklists_hits *out);
/* The hit by which the mx refuses (or defers) before DATA; NULL: none, or a white list has the
 * client. */
const struct blacklists_hit *blacklists_refusal(const struct blacklists_hits *h);
bool blacklists_trusts(const struct blacklists_settings *set, const struct net_addr *who);

#endif
