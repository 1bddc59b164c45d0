/* services/blacklists/gather.h: what a message's lists are asked, while it is put together. */
#ifndef SERVICES_BLACKLISTS_GATHER_H
#define SERVICES_BLACKLISTS_GATHER_H

#include "base/limits.h"
#include "services/blacklists/state.h"

enum {
	GATHER_RANKS = 5,
	GATHER_HOPS = 8,
	GATHER_AUTHORS = 10,
	GATHER_ENVELOPE = 7 /* questions of an envelope to a list: an address, three names twice */
};

/* What is asked of a message, each once: an address or a name. */
struct thing {
	str text;   /* as asked */
	str domain; /* a name's registered domain */
	bool is_ip;
	struct net_addr ip;
	unsigned of;
	unsigned rank; /* of links: the likeliest first */
};
struct gathering {
	struct blacklists *b;
	const struct blacklists_message *q;
	bool quick; /* only lists that make the mx act, and white ones */
	struct arena *a;
	struct thing *things;
	size_t n, room;
	struct blacklist_question *v; /* the questions, */
	size_t *thing;		      /* and of what each is, */
	size_t *list;		      /* and of which list */
	size_t nv, most;
	bool cut;
	bool aside[LIM_BLACKLISTS]; /* now: the lists' tests go on meanwhile */
};

/* Before anything is added. */
void gather_begin(struct gathering *g);
/* What any list that will be asked is asked for: BLACKLISTS_* bits. */
unsigned gather_wants(const struct gathering *g);
void gather_ip(struct gathering *g, const struct net_addr *ip, unsigned of, unsigned rank);
/* A name, or an address as a link has it; in any charset and case. */
void gather_host(struct gathering *g, str host, unsigned of, unsigned rank);
void gather_mail_domain(struct gathering *g, str address, unsigned of);
/* Everything but the content. */
void gather_envelope(struct gathering *g);
/* Asks, and takes the answers. */
WAITS MUST_USE err gather_ask(struct gathering *g, msec deadline, struct blacklists_hits *out);

/* The host of a link as an address: with brackets, or a number in any form that browsers take. */
bool gather_host_ip(str host, struct net_addr *out);

#endif
