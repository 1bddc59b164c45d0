/* sessions/dns/reply.h: a message being written: a compiled zone's sets are copied behind the
 * question, names are compressed against the question's (RFC 1035 4.1.4). Whole sets or nothing
 * (RFC 2181 9). */
#ifndef SESSIONS_DNS_REPLY_H
#define SESSIONS_DNS_REPLY_H

#include "services/zones/lookup.h"

enum {
	REPLY_TARGETS = 256, /* names of a message whose addresses go to the additional section */
	REPLY_FOREIGN = 8,   /* names outside the zone that later ones are compressed against */
	POINTER = 0xc000,
	POINTER_MAX = 0x3fff,
};
struct reply_name {
	uint16_t at;		   /* where it stands in the message */
	uint16_t written;	   /* its first octets stand there as they are */
	const unsigned char *name; /* the whole of it, in the zone */
	uint16_t n;
};
struct reply {
	unsigned char *p;
	size_t n, room; /* room: what OPT and TSIG will need is taken off already */
	size_t limit;	/* so many octets may be written, if they are taken back */
	uint16_t counts[3];
	bool dnssec, cut;
	const struct zone *z;
	uint16_t apex_at; /* where the apex stands in the message */
	struct reply_name targets[REPLY_TARGETS], foreign[REPLY_FOREIGN];
	unsigned ntargets, nforeign;
};

/* A set, with its RRSIGs when they are wanted. owner: where its name stands in the message. False:
 * no room, nothing was written. */
bool reply_set(struct reply *r, enum dns_section to, uint16_t owner, const struct zone_set *s,
	       const unsigned char *records);
/* The same below a name that is in no message yet: a node's. */
bool reply_node_set(struct reply *r, enum dns_section to, const struct zone_node *n,
		    const struct zone_set *s, const unsigned char *records);
/* Only its RRSIGs. */
bool reply_sigs(struct reply *r, enum dns_section to, uint16_t owner, const struct zone_set *s,
		const unsigned char *records);
/* The SOA for a negative answer (RFC 2308 3): its TTL lowered, its RRSIGs' too. */
bool reply_soa(struct reply *r);
/* A record that no zone has (a synthesized CNAME, HINFO, TXT); data as they are. */
bool reply_record(struct reply *r, enum dns_section to, uint16_t owner, uint16_t type,
		  uint16_t class, uint32_t ttl, str data);

#endif
