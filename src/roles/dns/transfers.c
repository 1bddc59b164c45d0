/* Who may take a zone, and the parts together. */
#include "roles/dns/transfers.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "roles/dns/transfers_state.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "sessions/dns/transfer.h"

METRIC(metric_whole, "posta_dns_transfers_out_total", "kind=\"whole\"", METRIC_COUNTER,
       "Zones given away, by what was sent.");
METRIC(metric_changes, "posta_dns_transfers_out_total", "kind=\"changes\"", METRIC_COUNTER,
       "Zones given away, by what was sent.");
METRIC(metric_current, "posta_dns_transfers_out_total", "kind=\"current\"", METRIC_COUNTER,
       "Zones given away, by what was sent.");
METRIC(metric_broken, "posta_dns_transfers_out_total", "kind=\"broken\"", METRIC_COUNTER,
       "Zones given away, by what was sent.");
METRIC(metric_refused, "posta_dns_transfers_out_total", "kind=\"refused\"", METRIC_COUNTER,
       "Zones given away, by what was sent.");
METRIC(metric_notified, "posta_dns_notify_in_total", "answer=\"taken\"", METRIC_COUNTER,
       "NOTIFYs that came.");
METRIC(metric_ignored, "posta_dns_notify_in_total", "answer=\"refused\"", METRIC_COUNTER,
       "NOTIFYs that came.");

enum { STOP = 2000 }; /* milliseconds that sessions have to see that they are cancelled */

static struct transfers *transfers; /* set by dns_transfers_start */

/* ---- texts for logs ---- */

str name_text(struct name_text *t, str wire)
{
	buf_init(&t->b, KIB(2));
	dns_name_print(wire, &t->b);
	return buf_str(&t->b);
}

str addr_text(struct name_text *t, const struct net_addr *a)
{
	buf_init(&t->b, 200);
	net_print(a, &t->b);
	return buf_str(&t->b);
}

void name_text_free(struct name_text *t)
{
	buf_free(&t->b);
}

/* ---- given away ---- */

static str key_of(const struct dns_request *r)
{
	return r->tsig && r->tsig->key ? dns_name_str(&r->tsig->key->name) : STR("");
}

/* The zone, held, when it may be given; else NULL and the answer. */
static struct zone *judge(const struct dns_request *r, unsigned *rcode)
{
	struct dns_name apex;

	name_set(&apex, dns_name_str(&r->q->name));
	struct zone *z = zones_get(transfers->o.zones, dns_name_str(&apex));

	if (!z) {
		*rcode = followed_has(transfers->followed, dns_name_str(&apex)) ? DNS_SERVFAIL
										: DNS_NOTAUTH;
		return NULL;
	}
	if (peers_table_allow(transfers->peers, dns_name_str(&apex), r->peer, key_of(r)))
		return z;
	*rcode = DNS_REFUSED;
	zone_drop(z);
	return NULL;
}

static void log_refused(const struct dns_request *r, unsigned rcode)
{
	CLEANUP(name_text_free) struct name_text zone = { 0 };
	CLEANUP(name_text_free) struct name_text peer = { 0 };
	CLEANUP(name_text_free) struct name_text key = { 0 };

	metric_add(&metric_refused, 1);
	LOG(LOG_WARN, "dns.transfer.refused",
	    KS("zone", name_text(&zone, dns_name_str(&r->q->name))),
	    KS("peer", addr_text(&peer, r->peer)), KS("key", name_text(&key, key_of(r))),
	    KI("rcode", rcode));
}

static void log_sent(const struct dns_request *r, const struct transfer_done *d, msec began, err e)
{
	static struct metric *const counters[] = { &metric_whole, &metric_changes,
						   &metric_current };
	static const char *const names[] = { "whole", "changes", "current" };
	CLEANUP(name_text_free) struct name_text zone = { 0 };
	CLEANUP(name_text_free) struct name_text peer = { 0 };

	metric_add(e == OK ? counters[d->form] : &metric_broken, 1);
	LOG(e == OK ? LOG_INFO : LOG_WARN, "dns.transfer.sent",
	    KS("zone", name_text(&zone, dns_name_str(&r->q->name))),
	    KS("peer", addr_text(&peer, r->peer)), KS("what", str_z(names[d->form])),
	    KI("from", d->from), KI("to", d->to), KI("messages", d->messages),
	    KI("records", d->records), KI("octets", d->octets), KI("ms", clock_now() - began),
	    KE(e));
}

WAITS static err send_zone(struct stream *io, const struct dns_request *r, struct zone *z,
			   msec slow)
{
	struct transfer_done done = { 0 };
	msec began = clock_now();
	err e = transfer_send(io, r, z, transfers->journal, slow, &done);

	if (e == E_SYNTAX && !done.messages)
		return transfer_refuse(io, r, DNS_FORMERR, slow);
	log_sent(r, &done, began, e);
	return e;
}

WAITS err dns_transfers_send(struct stream *io, const struct dns_request *r)
{
	const struct dns_transfer_settings *set = transfers->o.settings();
	unsigned rcode = DNS_NOERROR;
	struct zone *z = judge(r, &rcode);
	err e;

	if (!z) {
		log_refused(r, rcode);
		return transfer_refuse(io, r, rcode, set->transfer_time);
	}
	if (atomic_fetch_add(&transfers->sending, 1) >= set->transfers_max) {
		log_refused(r, DNS_SERVFAIL);
		e = transfer_refuse(io, r, DNS_SERVFAIL, set->transfer_time);
	} else {
		e = send_zone(io, r, z, set->transfer_time);
	}
	atomic_fetch_sub(&transfers->sending, 1);
	zone_drop(z);
	return e;
}

size_t dns_transfers_ixfr(const struct dns_request *r, char *out, size_t room)
{
	unsigned rcode = DNS_NOERROR;
	struct zone *z = judge(r, &rcode);

	if (!z) {
		metric_add(&metric_refused, 1);
		return notify_answer(r, rcode, out, room);
	}
	size_t n = transfer_datagram(r, z, transfers->journal, out, room);

	zone_drop(z);
	return n ? n : notify_answer(r, DNS_FORMERR, out, room);
}

/* ---- taken ---- */

size_t dns_transfers_notify(const struct dns_request *r, char *out, size_t room)
{
	struct dns_name apex;
	uint32_t serial;
	bool has_serial;

	if (notify_parse(r, &has_serial, &serial) != OK)
		return notify_answer(r, DNS_FORMERR, out, room);
	name_set(&apex, dns_name_str(&r->q->name));
	err e = followed_notified(transfers->followed, dns_name_str(&apex), r->peer, key_of(r));

	metric_add(e == OK ? &metric_notified : &metric_ignored, 1);
	return notify_answer(r,
			     e == OK	     ? DNS_NOERROR
			     : e == E_DENIED ? DNS_REFUSED
					     : DNS_NOTAUTH,
			     out, room);
}

const struct tsig_key *dns_transfers_key(void *arg, str name)
{
	(void)arg;
	return transfers_key(transfers, name);
}

bool dns_transfers_awaited(str name)
{
	return followed_awaits(transfers->followed, name);
}

void dns_transfers_peers(str apex, str transfer, str notify)
{
	CLEANUP(name_text_free) struct name_text name = { 0 };

	if (followed_has(transfers->followed, apex))
		LOG(LOG_ERROR, "dns.zone_twice", KS("zone", name_text(&name, apex)),
		    KS("why", STR("dns.secondary has it as well; take it out of one of them")));
	peers_table_set(transfers->peers, apex, transfer, notify);
	catalog_maker_wake(transfers->maker);
}

err dns_transfers_control(str method, str path, struct buf *json)
{
	if (!str_eq(method, STR("GET")) || !str_eq(path, STR("/transfers")))
		return E_NOTFOUND;
	followed_print(transfers->followed, json);
	return OK;
}

/* ---- life ---- */

static void told(void *arg, str apex, struct zone *fresh)
{
	struct transfers *t = arg;

	if (fresh)
		notifier_tell(t->notifier, apex);
	catalog_maker_wake(t->maker);
}

static err make_folder(void *arg)
{
	(void)mkdir(arg, 0700); /* what is wrong with it shows when it is used */
	return OK;
}

WAITS err dns_transfers_start(const struct dns_transfers_options *o)
{
	const struct dns_transfer_settings *set = o->settings();
	struct transfers *t = MEM_NEW(struct transfers);
	char path[LIM_FILE_PATH];
	struct journal_options j = { .path = path,
				     .zone_max = (size_t)set->journal_zone,
				     .max = (size_t)set->journal_max,
				     .told = told,
				     .arg = t };

	t->o = *o;
	t->home = loop_here();
	(void)snprintf(path, sizeof(path), "%s/journal", o->folder);
	(void)snprintf(t->folder, sizeof(t->folder), "%s/copies", o->folder);
	TRY(work(POOL_DISK, make_folder, t->folder));
	t->peers = peers_table_new();
	peers_table_default(t->peers, set->transfer, set->notify);
	t->notifier = notifier_new(t);
	t->maker = catalog_maker_new(t);
	transfers = t;
	TRY(journal_open(&j, o->zones, &t->journal));
	t->followed = followed_new(t);
	return OK;
}

void dns_transfers_ready(void)
{
	transfers->ready = true;
	catalog_maker_wake(transfers->maker);
}

WAITS void dns_transfers_reload(void)
{
	const struct dns_transfer_settings *set = transfers->o.settings();

	peers_table_default(transfers->peers, set->transfer, set->notify);
	journal_configure(transfers->journal, (size_t)set->journal_zone, (size_t)set->journal_max);
	followed_configure(transfers->followed);
	catalog_maker_wake(transfers->maker);
}

WAITS bool dns_transfers_stop(void)
{
	struct transfers *t = transfers;
	msec end = clock_in(STOP);

	if (!t)
		return true;
	while (atomic_load(&t->sending) && clock_now() < end)
		if (fiber_sleep(clock_in(20)) != OK)
			break;
	struct catalog_maker *maker = t->maker;

	t->maker = NULL; /* what is still told wakes nobody */
	catalog_maker_free(maker);
	if (atomic_load(&t->sending) || !followed_free(t->followed))
		return false;
	journal_close(t->journal); /* tells the notifier of what is still waiting */
	if (!notifier_free(t->notifier))
		return false;
	peers_table_free(t->peers);
	transfers = NULL;
	mem_free(t);
	return true;
}
