/* NOTIFY sent (RFC 1996): each server that is to be told has a queue of zones and a few fibers, so
 * that one that is silent holds up nobody else. */
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "roles/dns/transfers_state.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(metric_told, "posta_dns_notify_out_total", "answer=\"taken\"", METRIC_COUNTER,
       "NOTIFYs sent, by their end.");
METRIC(metric_refused, "posta_dns_notify_out_total", "answer=\"refused\"", METRIC_COUNTER,
       "NOTIFYs sent, by their end.");
METRIC(metric_silent, "posta_dns_notify_out_total", "answer=\"none\"", METRIC_COUNTER,
       "NOTIFYs sent, by their end.");

enum {
	FIBERS = 8,	   /* that tell one server at once */
	TRIES = 5,	   /* RFC 1996 3.6; less where the server was silent to the last one */
	WAIT_FIRST = 2000, /* milliseconds for an answer; doubled each time */
	SLICE = 250,	   /* milliseconds between looks whether a zone changed again */
	MESSAGE = 1024,
};

/* A zone of which one server is to be told. */
struct notice {
	struct link link;
	struct dns_name apex;
	bool waiting; /* in the queue; else it is being told */
	bool again;   /* it changed meanwhile */
};
struct told {
	struct notifier *n;
	struct zone_target target;
	struct map notices; /* by apex */
	struct link queue;
	struct fiber *fibers[FIBERS]; /* NULL: none there */
	bool silent;		      /* the last one was not answered at all */
};
struct notifier {
	struct transfers *t;
	struct map told; /* by address and key */
	struct waitq ended;
	unsigned fibers;
	bool closing;
};

/* ---- one message ---- */

struct talk {
	struct tsig tsig;
	uint16_t id;
	size_t n;
	char question[MESSAGE], answer[MESSAGE];
};

static err write_question(struct talk *t, const struct zone *z)
{
	struct dns_writer w;
	struct zone_rrset soa;
	const unsigned char *at = NULL;
	str rdata;

	dns_writer_init(&w, t->question, sizeof(t->question));
	dns_writer_header(&w, t->id, DNS_AA | DNS_NOTIFY << 11);
	TRY(dns_writer_question(&w, zone_apex(z), DNS_SOA, DNS_IN));
	/* RFC 1996 3.7: a hint at the new serial. */
	if (zone_find(z, zone_apex(z), DNS_SOA, &soa) && zone_rdata_next(&soa, &at, &rdata))
		TRY(dns_writer_record(&w, DNS_ANSWER, zone_apex(z), DNS_SOA, DNS_IN, soa.ttl,
				      rdata));
	dns_writer_end(&w);
	t->n = w.n;
	if (!t->tsig.key)
		return OK;
	return tsig_sign(&t->tsig, t->question, &t->n, sizeof(t->question), (uint64_t)clock_unix());
}

/* E_AGAIN: something else came. */
static err judge(struct talk *t, size_t n)
{
	unsigned flags;

	if (n < DNS_HEADER || dns_get16(t->answer) != t->id)
		return E_AGAIN;
	flags = dns_get16(t->answer + 2);
	if (!(flags & DNS_QR) || (flags >> 11 & 15) != DNS_NOTIFY)
		return E_AGAIN;
	if (t->tsig.key)
		TRY(tsig_verify_answer(&t->tsig, t->answer, &n, (uint64_t)clock_unix()));
	return flags & 15 ? fail(E_DENIED, "the server answers code %u", flags & 15) : OK;
}

/* A zone that changes again meanwhile is told of at once, not when the pause is over. */
WAITS static err pause_for(const struct notice *n, msec until)
{
	while (clock_now() < until && !n->again)
		TRY(fiber_sleep(until < clock_in(SLICE) ? until : clock_in(SLICE)));
	return OK;
}

WAITS static err hear(struct talk *t, const struct notice *n, int fd, msec deadline)
{
	size_t got;
	err e = E_AGAIN;

	while (e == E_AGAIN) {
		msec slice = deadline < clock_in(SLICE) ? deadline : clock_in(SLICE);

		e = udp_receive(fd, t->answer, sizeof(t->answer), &got, slice);
		if (e == OK)
			e = judge(t, got);
		else if (e == E_TIMEOUT && slice < deadline && !n->again)
			e = E_AGAIN;
	}
	return e;
}

WAITS static err tell_once(const struct told *to, const struct notice *n, const struct zone *z,
			   msec wait)
{
	struct talk *t = MEM_NEW(struct talk);
	int fd = -1;
	err e;

	if (getrandom(&t->id, sizeof(t->id), 0) != sizeof(t->id))
		t->id = (uint16_t)(uintptr_t)t;
	if (to->target.key.n)
		t->tsig.key = transfers_key(to->n->t, dns_name_str(&to->target.key));
	e = to->target.key.n && !t->tsig.key ? fail(E_NOTFOUND, "its key is not in dns.keys")
					     : udp_connect(&to->target.addr, &fd);
	if (e == OK) {
		e = write_question(t, z);
		if (e == OK)
			e = udp_put(fd, str_of(t->question, t->n));
		if (e == OK)
			e = hear(t, n, fd, clock_in(wait));
		fiber_fd_forget(fd);
		(void)close(fd);
	}
	tsig_end(&t->tsig);
	mem_free(t);
	return e;
}

/* ---- one server ---- */

static void log_end(const struct told *to, const struct notice *n, err e)
{
	CLEANUP(name_text_free) struct name_text zone = { 0 };
	CLEANUP(name_text_free) struct name_text addr = { 0 };

	metric_add(e == OK ? &metric_told : e == E_DENIED ? &metric_refused : &metric_silent, 1);
	LOG(e == OK ? LOG_INFO : LOG_WARN, "dns.notify",
	    KS("zone", name_text(&zone, dns_name_str(&n->apex))),
	    KS("to", addr_text(&addr, &to->target.addr)), KE(e));
}

WAITS static err tell_current(const struct told *to, const struct notice *n, msec wait)
{
	struct zone *z = zones_get(to->n->t->o.zones, dns_name_str(&n->apex));
	msec until = clock_in(wait);

	if (!z)
		return fail(E_CANCELED, "the zone is gone");
	err e = tell_once(to, n, z, wait);

	zone_drop(z);
	if (e == E_IO) { /* nobody is there: as no answer */
		TRY(pause_for(n, until));
		return fail(E_TIMEOUT, "nobody is there");
	}
	return e;
}

/* All its tries. What the server has not answered by then it learns at its next refresh. */
WAITS static void tell(struct told *to, struct notice *n)
{
	msec wait = WAIT_FIRST;
	err e = E_TIMEOUT;

	for (int i = 0; i < (to->silent ? 1 : TRIES) && e == E_TIMEOUT; i++) {
		e = tell_current(to, n, wait);
		wait *= 2;
		if (e == E_TIMEOUT && n->again) {
			n->again = false;
			wait = WAIT_FIRST;
			i = -1;
		}
	}
	if (e == E_CANCELED)
		return;
	to->silent = e == E_TIMEOUT;
	log_end(to, n, e);
}

WAITS static err told_fiber(void *arg)
{
	struct told *to = arg;
	struct link *l;
	size_t at = 0;

	while (to->fibers[at] != fiber_here())
		at++;
	while (!to->n->closing && (l = list_pop(&to->queue))) {
		struct notice *n = CONTAINER(l, struct notice, link);

		n->waiting = n->again = false;
		tell(to, n);
		if (n->again) {
			n->waiting = true;
			list_add_tail(&to->queue, &n->link);
			continue;
		}
		(void)map_remove(&to->notices, dns_name_str(&n->apex));
		mem_free(n);
	}
	to->fibers[at] = NULL;
	to->n->fibers--;
	waitq_wake_all(&to->n->ended);
	return OK;
}

static void enqueue(struct told *to, str apex)
{
	struct notice *n = map_get(&to->notices, apex);

	if (n) {
		n->again = !n->waiting;
		return;
	}
	n = MEM_NEW(struct notice);
	name_set(&n->apex, apex);
	n->waiting = true;
	map_put(&to->notices, apex, n);
	list_add_tail(&to->queue, &n->link);
	for (size_t i = 0; i < FIBERS; i++)
		if (!to->fibers[i]) {
			to->n->fibers++;
			to->fibers[i] = fiber_spawn("notify", told_fiber, to);
			return;
		}
}

static void free_told(struct told *to)
{
	void *value;
	str key;

	for (size_t at = 0; map_each(&to->notices, &at, &key, &value);)
		mem_free(value);
	map_free(&to->notices);
	mem_free(to);
}

/* One that nothing is said to now gives way. */
static void make_room(struct notifier *n)
{
	void *value;
	str key;

	for (size_t at = 0; map_each(&n->told, &at, &key, &value);) {
		struct told *to = value;

		if (to->notices.n)
			continue;
		(void)map_remove(&n->told, key);
		free_told(to);
		return;
	}
}

static struct told *told_of(struct notifier *n, const struct zone_target *target)
{
	CLEANUP(buf_free) struct buf key = { 0 };

	buf_init(&key, 600);
	net_print(&target->addr, &key);
	buf_addc(&key, '@');
	buf_add(&key, dns_name_str(&target->key));
	struct told *to = map_get(&n->told, buf_str(&key));

	if (!to && n->told.n >= LIM_NOTIFY_TARGETS)
		make_room(n);
	if (to || n->told.n >= LIM_NOTIFY_TARGETS)
		return to;
	to = MEM_NEW(struct told);
	to->n = n;
	to->target = *target;
	map_init(&to->notices);
	list_init(&to->queue);
	map_put(&n->told, buf_str(&key), to);
	return to;
}

/* ---- all of them ---- */

struct notifier *notifier_new(struct transfers *t)
{
	struct notifier *n = MEM_NEW(struct notifier);

	n->t = t;
	map_init(&n->told);
	waitq_init(&n->ended);
	return n;
}

void notifier_tell(struct notifier *n, str apex)
{
	struct zone_peers *p = n->closing ? NULL : peers_table_targets(n->t->peers, apex);

	for (size_t i = 0; p && i < p->ntargets; i++) {
		struct told *to = told_of(n, &p->targets[i]);

		if (to)
			enqueue(to, apex);
	}
	zone_peers_drop(p);
}

WAITS bool notifier_free(struct notifier *n)
{
	void *value;
	str key;

	n->closing = true;
	for (size_t at = 0; map_each(&n->told, &at, &key, &value);)
		for (size_t i = 0; i < FIBERS; i++)
			if (((struct told *)value)->fibers[i])
				fiber_cancel(((struct told *)value)->fibers[i]);
	while (n->fibers)
		if (waitq_wait(&n->ended, clock_in(WAIT_FIRST)) != OK)
			return false;
	for (size_t at = 0; map_each(&n->told, &at, &key, &value);)
		free_told(value);
	map_free(&n->told);
	mem_free(n);
	return true;
}
