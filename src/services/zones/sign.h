/* services/zones/sign.h: DNSSEC of a zone of ours (RFC 4034, 4035, 5155, 7344, 9276): an unsigned
 * builder gets DNSKEY, CDS, CDNSKEY, NSEC or NSEC3 and RRSIGs.
 *
 * The result is a function of the records, the keys, the policy and the tick of time (rollover.h):
 * two nodes make the same octets, and what the version in force has for a set that is as it was is
 * taken over instead of computed. Pure computation, 50 us a signature: through work(POOL_CPU). */
#ifndef SERVICES_ZONES_SIGN_H
#define SERVICES_ZONES_SIGN_H

#include "services/zones/rollover.h"
#include "services/zones/zone.h"

struct sign_result {
	size_t signatures, made; /* all of them; those that had to be computed */
	int64_t next;		 /* unix seconds: when it is to be signed again */
};
/* fresh: checked, unsigned; what it has of DNSSEC from elsewhere (but DS and DNSKEY) is dropped.
 * old: the version in force, or NULL. The serial is raised by sign_serial_step. E_DENIED: no key
 * signs the zone. E_CORRUPT: a key cannot be read. */
MUST_USE err zone_sign(struct zone_builder *fresh, const struct zone *old,
		       const struct zone_keys *keys, int64_t now, struct sign_result *out);

/* ---- for sign*.c ---- */
/* An owner with authoritative data, or an empty non-terminal. */
struct sign_owner {
	str name;
	const uint16_t *types; /* ascending: what stands there */
	size_t ntypes;
	bool cut;
};
struct sign_chain {
	struct zone_builder *b;
	const struct sign_owner *owners; /* in canonical order */
	size_t n;
	uint32_t ttl; /* RFC 9077 */
};
MUST_USE err sign_nsec(const struct sign_chain *c);
MUST_USE err sign_nsec3(const struct sign_chain *c);

#endif
