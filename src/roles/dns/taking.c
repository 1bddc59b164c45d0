/* A look at a primary: its serial, then what changed, or the whole zone where that fails. */
#include <string.h>

#include "clients/dns/xfr.h"
#include "roles/dns/secondary.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/zones/copy.h"

METRIC(metric_whole, "posta_dns_transfers_in_total", "kind=\"whole\"", METRIC_COUNTER,
       "Zones taken, by what came.");
METRIC(metric_changes, "posta_dns_transfers_in_total", "kind=\"changes\"", METRIC_COUNTER,
       "Zones taken, by what came.");
METRIC(metric_current, "posta_dns_transfers_in_total", "kind=\"current\"", METRIC_COUNTER,
       "Zones taken, by what came.");

enum { CONNECT = 10000, LONGEST = 3600 * 1000 };

struct taking {
	struct secondary *s;
	const struct zone_target *primary;
	const struct tsig_key *key;
	struct stream *io;
	struct zone *old;	/* held; NULL: none */
	struct zone_builder *b; /* what came is put in here */
	struct zone *fresh;
	struct xfr_result result;
};

WAITS static err open_stream(struct taking *t)
{
	int fd;

	stream_close(t->io);
	t->io = NULL;
	TRY(net_connect(&t->primary->addr, NULL, clock_in(CONNECT), &fd));
	t->io = stream_open(fd, &t->primary->addr);
	return OK;
}

/* ---- records ---- */

static err on_whole(void *arg)
{
	struct taking *t = arg;

	zone_builder_free(t->b);
	t->b = zone_builder_new(dns_name_str(&t->s->apex));
	return OK;
}

static err on_record(void *arg, bool added, const struct xfr_record *r)
{
	struct taking *t = arg;

	if (added)
		return zone_builder_add(t->b, r->owner, r->type, r->ttl, r->rdata);
	err e = zone_builder_remove(t->b, r->owner, r->type, r->rdata);

	return e == E_NOTFOUND ? fail(E_SYNTAX, "a difference removes what we do not have") : e;
}

static err load_old(void *arg)
{
	struct taking *t = arg;

	return zone_builder_load(t->b, t->old);
}

WAITS static err take(struct taking *t, bool incremental)
{
	const struct dns_transfer_settings *set = t->s->f->t->o.settings();
	const struct xfr x = { .zone = dns_name_str(&t->s->apex),
			       .key = t->key,
			       .incremental = incremental,
			       .serial = t->old ? zone_serial(t->old) : 0,
			       .records_max = LIM_ZONE_RECORDS,
			       .octets_max = (uint64_t)set->transfer_size,
			       .idle = set->transfer_time,
			       .deadline = clock_in(LONGEST),
			       .whole = on_whole,
			       .record = on_record,
			       .arg = t };

	TRY(on_whole(t));
	if (incremental)
		TRY(work(POOL_CPU, load_old, t));
	return xfr_take(t->io, &x, &t->result);
}

/* Not every server has IXFR, and what it says may not fit what we have (RFC 1995 2: then AXFR). */
WAITS static err take_somehow(struct taking *t)
{
	err e = t->old ? take(t, true) : E_NOTFOUND;

	if (e == OK || e == E_CANCELED || e == E_TIMEOUT || e == E_DENIED)
		return e;
	if (t->old) {
		CLEANUP(name_text_free) struct name_text name = { 0 };

		LOG(LOG_INFO, "dns.secondary.whole",
		    KS("zone", name_text(&name, dns_name_str(&t->s->apex))), KE(e));
		TRY(open_stream(t));
	}
	return take(t, false);
}

/* ---- what came is judged, stored and served ---- */

/* As RFC 1034 4.3.5 and RFC 1035 5.2 need it; what else is wrong with it is the primary's to mend:
 * a zone of somebody else's is served as it is. On a helper thread. */
static err compile(void *arg)
{
	struct taking *t = arg;
	struct zone_rrset set;

	if (!zone_builder_find(t->b, zone_builder_apex(t->b), DNS_NS, &set))
		return fail(E_SYNTAX, "a zone without NS records at its apex");
	if (zone_builder_serial(t->b) != t->result.serial)
		return fail(E_SYNTAX, "the zone's serial is not the one that was said");
	TRY(zone_compile(t->b, &t->fresh));
	zone_builder_free(t->b); /* here, since it may be large */
	t->b = NULL;
	return OK;
}

static err store(void *arg)
{
	struct taking *t = arg;

	return zone_copy_write(t->s->path, t->fresh);
}

static err touch(void *arg)
{
	struct secondary *s = arg;

	return zone_copy_touch(s->path, clock_unix());
}

static void log_taken(const struct taking *t, msec began)
{
	CLEANUP(name_text_free) struct name_text name = { 0 };
	CLEANUP(name_text_free) struct name_text addr = { 0 };
	bool whole = t->result.form == XFR_WHOLE;

	metric_add(whole ? &metric_whole : &metric_changes, 1);
	LOG(LOG_INFO, "dns.secondary.taken",
	    KS("zone", name_text(&name, dns_name_str(&t->s->apex))),
	    KS("from", addr_text(&addr, &t->primary->addr)),
	    KS("what", whole ? STR("whole") : STR("changes")), KI("serial", t->result.serial),
	    KI("records", t->result.records), KI("octets", t->result.octets),
	    KI("ms", clock_now() - began));
}

WAITS static err install(struct taking *t)
{
	struct secondary *s = t->s;

	TRY(work(POOL_CPU, compile, t));
	err e = s->path[0] ? work(POOL_DISK, store, t) : OK;

	if (e != OK) /* it is served all the same */
		LOG(LOG_WARN, "dns.secondary.copy", KE(e));
	if (s->gone)
		return fail(E_NOTFOUND, "the zone is followed no more");
	struct zone *held = s->catalog ? zone_hold(t->fresh) : NULL;

	s->have = true;
	zones_put(s->f->t->o.zones, t->fresh);
	t->fresh = NULL;
	if (held)
		catalog_apply(s->f->t, held);
	zone_drop(held);
	return OK;
}

WAITS static err look(struct taking *t)
{
	msec began = clock_now();
	uint32_t serial;

	TRY(open_stream(t));
	TRY(xfr_serial(t->io, dns_name_str(&t->s->apex), t->key, clock_in(CONNECT), &serial));
	bool newer = !t->old || serial_later(serial, zone_serial(t->old));

	if (newer)
		TRY(take_somehow(t));
	if (!newer || t->result.form == XFR_CURRENT) {
		metric_add(&metric_current, 1);
		if (t->s->path[0] && work(POOL_DISK, touch, t->s) != OK)
			LOG(LOG_DEBUG, "dns.secondary.copy", KE(E_IO));
		return OK;
	}
	TRY(install(t));
	log_taken(t, began);
	return OK;
}

WAITS err secondary_take(struct secondary *s, const struct zone_target *primary)
{
	struct taking t = { .s = s, .primary = primary };

	if (primary->key.n) {
		t.key = transfers_key(s->f->t, dns_name_str(&primary->key));
		if (!t.key)
			return fail(E_NOTFOUND, "the primary's key is not in dns.keys");
	}
	t.old = s->have ? zones_get(s->f->t->o.zones, dns_name_str(&s->apex)) : NULL;
	err e = look(&t);

	stream_close(t.io);
	zone_drop(t.old);
	zone_drop(t.fresh);
	zone_builder_free(t.b);
	return e;
}
