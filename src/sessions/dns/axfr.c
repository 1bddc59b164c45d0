/* A whole zone (RFC 5936 2.2): its SOA, all else, its SOA again. */
#include "sessions/dns/transfer.h"

err transfer_soa(const struct zone *z, struct zone_rrset *set, str *rdata)
{
	const unsigned char *at = NULL;

	if (!zone_find(z, zone_apex(z), DNS_SOA, set) || !zone_rdata_next(set, &at, rdata))
		return fail(E_CORRUPT, "a zone without a SOA");
	return OK;
}

WAITS static err send_set(struct transfer_out *o, const struct zone_rrset *set)
{
	str rdata;

	for (const unsigned char *p = NULL; zone_rdata_next(set, &p, &rdata);)
		TRY(transfer_out_record(o, set->owner, set->type, set->ttl, rdata));
	return OK;
}

WAITS static err send_rest(struct transfer_out *o, struct zone_walk *walk)
{
	struct zone_rrset set;
	err e;

	while ((e = zone_walk_next(walk, &set)) == OK)
		if (set.type != DNS_SOA)
			TRY(send_set(o, &set));
	return e == E_EOF ? OK : e;
}

WAITS err transfer_whole(struct transfer_out *o, struct zone *z)
{
	CLEANUP(zone_walk_free) struct zone_walk *walk = zone_walk_new(z);
	struct zone_rrset soa;
	str rdata;

	o->done->form = TRANSFER_WHOLE;
	TRY(transfer_soa(z, &soa, &rdata));
	TRY(transfer_out_record(o, zone_apex(z), DNS_SOA, soa.ttl, rdata));
	TRY(send_rest(o, walk));
	TRY(transfer_out_record(o, zone_apex(z), DNS_SOA, soa.ttl, rdata));
	return transfer_out_end(o);
}
