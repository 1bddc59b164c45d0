/* services/zones/rollover.h: the keys of a signed zone, and what is to happen with them when: a
 * pure table over stored times (RFC 6781 4.1, RFC 7583, RFC 7344). Nothing waits, nothing is kept.
 *
 * Keys that sign the zone's sets (ZSK) are replaced by pre-publication, by themselves:
 *
 *     PUBLISHED --key_ttl + propagation--> ACTIVE --lifetime--> RETIRED --max_ttl + propagation-->
 * gone
 *
 * Keys that a DS at the parent names (KSK, CSK) by double signature, on command; the middle waits
 * until somebody has seen the new DS at the parent:
 *
 *     PUBLISHED --key_ttl + propagation--> READY --DS seen--> SEEN --ds_ttl + propagation--> ACTIVE
 *
 * and then the old one is RETIRED and gone as above. CDS and CDNSKEY name the key that is READY or
 * SEEN, else the ACTIVE one. The first keys of a zone are ACTIVE from the start. */
#ifndef SERVICES_ZONES_ROLLOVER_H
#define SERVICES_ZONES_ROLLOVER_H

#include "services/zones/key.h"

enum key_state {
	KEY_PUBLISHED = 1, /* in the DNSKEY set */
	KEY_READY,	   /* known everywhere: its DS may stand at the parent */
	KEY_SEEN,	   /* its DS stands there */
	KEY_ACTIVE,
	KEY_RETIRED, /* still in the DNSKEY set, for signatures in caches */
};
enum key_use {
	KEY_SIGNS_KEYS = 1, /* DNSKEY, CDS, CDNSKEY; the parent's DS names it */
	KEY_SIGNS_ZONE = 2, /* all else */
	KEY_SIGNS_BOTH = 3, /* CSK */
};
struct zone_key {
	int64_t id;
	uint8_t algorithm;
	enum key_use use;
	enum key_state state;
	int64_t since, created; /* of the state; unix seconds */
	uint16_t tag, ndnskey, npkcs8;
	unsigned char dnskey[KEY_DNSKEY], pkcs8[KEY_PKCS8]; /* npkcs8 0: not told */
};
enum { ZONE_KEYS = 8 }; /* at most, of one zone */

/* How a zone is signed. Two nodes with the same of it make the same signatures. Seconds. */
struct sign_policy {
	uint8_t algorithm;
	bool split;	       /* KSK and ZSK, not one key for both */
	bool nsec3;	       /* RFC 9276: no iterations, no salt; else NSEC */
	bool leaving;	       /* CDS and CDNSKEY ask the parent to delete the DS (RFC 8078 4) */
	uint32_t validity;     /* of a signature; it is replaced after half of it */
	uint32_t key_ttl;      /* of DNSKEY, CDS, CDNSKEY */
	uint32_t max_ttl;      /* of the zone's records: how long caches may keep one */
	uint32_t ds_ttl;       /* of the DS at the parent */
	uint32_t propagation;  /* until all secondaries have a new version */
	uint32_t zsk_lifetime; /* 0: for ever */
	int64_t since;	       /* when signing (with this policy) began */
	uint32_t bump;	       /* changes of keys and policy since */
};
extern const struct sign_policy sign_policy_default;

struct zone_keys {
	struct sign_policy policy;
	struct zone_key v[ZONE_KEYS];
	size_t n;
};
struct zone_keys *zone_keys_new(void);
void zone_keys_free(struct zone_keys *k); /* wipes; NULL allowed */

/* ---- what a key does in its state ---- */
bool key_signs_keys(const struct zone_key *k);
bool key_signs_zone(const struct zone_key *k);
/* CDS and CDNSKEY name it, and DS lines for the registrar. */
bool key_for_parent(const struct zone_keys *keys, const struct zone_key *k);

/* ---- what is due ---- */
struct key_change {
	enum { KEY_NOTHING, KEY_MAKE, KEY_MOVE, KEY_DROP } what;
	enum key_use use;  /* KEY_MAKE: of a new one, PUBLISHED */
	size_t key;	   /* the others: index */
	enum key_state to; /* KEY_MOVE; to ACTIVE retires those that it replaces */
};
/* The next change that is due now, or KEY_NOTHING and in *next the time of the next one (INT64_MAX:
 * none by itself). */
void rollover_due(const struct zone_keys *keys, int64_t now, struct key_change *out, int64_t *next);
/* What it does to the states (KEY_MAKE: nothing). */
void rollover_apply(struct zone_keys *keys, const struct key_change *c, int64_t now);
/* A roll-over of the key that the parent names: may it begin? E_AGAIN: one is under way. */
MUST_USE err rollover_may_begin(const struct zone_keys *keys, enum key_use use);
/* The new DS was seen at the parent: the change to make. E_NOTFOUND: no key waits for it. */
MUST_USE err rollover_ds_seen(const struct zone_keys *keys, struct key_change *out);

/* ---- serials and times of signatures ---- */
/* Signatures are renewed in SIGN_PARTS parts, one a tick, so that no version changes much and not
 * all expire together. */
enum { SIGN_PARTS = 16 };
int64_t sign_tick(const struct sign_policy *p);		      /* seconds */
int64_t sign_ticks(const struct sign_policy *p, int64_t now); /* since p->since, not negative */
/* What the signed zone's serial is more than its source's (RFC 1982): grows with each tick and
 * each change of keys, alike on every node. */
uint32_t sign_serial_step(const struct sign_policy *p, int64_t now);

#endif
