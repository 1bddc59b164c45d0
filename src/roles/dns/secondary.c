/* Zones that are followed: when each is looked at (RFC 1034 4.3.5, RFC 1035 3.3.13), what a look
 * comes to, and what is served at a start. taking.c has the conversation. */
#include "roles/dns/secondary.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/zones/copy.h"

METRIC(metric_zones, "posta_dns_followed_zones", "", METRIC_GAUGE, "Zones that are followed.");
METRIC(metric_expired, "posta_dns_followed_expired", "", METRIC_GAUGE,
       "Followed zones without contents that may be served.");
METRIC(metric_failed, "posta_dns_refresh_failures_total", "", METRIC_COUNTER,
       "Looks at all primaries of a zone that came to nothing.");

enum {
	RETRY_EMPTY = 2000, /* milliseconds: of a zone that there is nothing of yet; doubled */
	RETRY_EMPTY_MOST = 600000, /* up to this */
	REFRESH_MOST = 7 * 86400,  /* seconds: whatever the zone says */
	LEAVE = 2000,		   /* milliseconds that looks have to end when they are cancelled */
};

/* Up to a tenth less, so that zones do not all come at once. */
static msec jitter(msec ms)
{
	uint16_t r = 0;

	(void)!getrandom(&r, sizeof(r), 0);
	return ms - ms / 10 * r / UINT16_MAX;
}

static void wake(struct followed *f)
{
	f->kicked = true;
	waitq_wake_all(&f->wake);
}

/* ---- the table; its lock is for other loops, this one alone changes it ---- */

static struct secondary *find(const struct followed *f, str apex)
{
	return map_get(&f->zones, apex);
}

static void destroy(struct secondary *s)
{
	mem_free(s->primaries);
	mem_free(s);
}

static void set_primaries(struct followed *f, struct secondary *s,
			  const struct zone_target *primaries, size_t n)
{
	struct zone_target *fresh = mem_get(size_mul(n, sizeof(*fresh)));

	memcpy(fresh, primaries, n * sizeof(*fresh));
	(void)pthread_mutex_lock(&f->lock);
	struct zone_target *old = s->primaries;

	s->primaries = fresh;
	s->nprimaries = n;
	s->at = 0;
	(void)pthread_mutex_unlock(&f->lock);
	mem_free(old);
}

static struct secondary *add(struct followed *f, str apex, const struct zone_target *primaries,
			     size_t n)
{
	struct secondary *s = MEM_NEW(struct secondary);

	s->f = f;
	name_set(&s->apex, apex);
	set_primaries(f, s, primaries, n);
	s->expires = NEVER;
	if (zone_copy_path(f->t->folder, apex, s->path, sizeof(s->path)) != OK)
		s->path[0] = '\0';
	(void)pthread_mutex_lock(&f->lock);
	map_put(&f->zones, apex, s);
	(void)pthread_mutex_unlock(&f->lock);
	metric_set(&metric_zones, (int64_t)f->zones.n);
	return s;
}

static err remove_copy(void *arg)
{
	zone_copy_remove(arg);
	return OK;
}

/* Nothing of the zone stays. */
WAITS static void drop(struct followed *f, struct secondary *s)
{
	(void)pthread_mutex_lock(&f->lock);
	(void)map_remove(&f->zones, dns_name_str(&s->apex));
	(void)pthread_mutex_unlock(&f->lock);
	zones_remove(f->t->o.zones, dns_name_str(&s->apex));
	peers_table_forget(f->t->peers, dns_name_str(&s->apex));
	metric_set(&metric_zones, (int64_t)f->zones.n);
	s->gone = true;
	if (s->path[0])
		(void)!work(POOL_DISK, remove_copy, s->path);
	if (!s->running)
		destroy(s);
}

/* ---- what is there at a start ---- */

struct loading {
	struct secondary *s;
	struct zone *z;
	int64_t checked; /* unix seconds: when it was last known to be the primary's */
};

static err load_copy(void *arg)
{
	struct loading *l = arg;

	return zone_copy_read(l->s->path, dns_name_str(&l->s->apex), &l->z, &l->checked);
}

static msec expire_of(const struct zone *z)
{
	uint32_t timers[4];

	zone_timers(z, timers);
	return (msec)timers[2] * 1000;
}

WAITS static void load(struct secondary *s)
{
	CLEANUP(name_text_free) struct name_text name = { 0 };
	struct loading l = { .s = s };
	err e = s->path[0] ? work(POOL_DISK, load_copy, &l) : E_NOTFOUND;
	str zone = name_text(&name, dns_name_str(&s->apex));

	if (e == E_NOTFOUND || s->gone) {
		zone_drop(l.z);
		return;
	}
	if (e != OK) {
		LOG(LOG_WARN, "dns.secondary.copy", KS("zone", zone), KE(e));
		return;
	}
	msec age = (clock_unix() - l.checked) * 1000;

	s->expires = clock_in(expire_of(l.z) - (age > 0 ? age : 0));
	if (s->expires <= clock_now()) {
		LOG(LOG_WARN, "dns.secondary.expired", KS("zone", zone), KI("age_ms", age));
		zone_drop(l.z);
		return;
	}
	s->have = true;
	zones_put(s->f->t->o.zones, l.z);
}

/* s may be gone behind it. */
WAITS static void load_member(struct secondary *s)
{
	s->running = true;
	load(s);
	s->running = false;
	if (s->gone)
		destroy(s);
}

/* ---- when ---- */

static void expire(struct followed *f, struct secondary *s)
{
	CLEANUP(name_text_free) struct name_text name = { 0 };

	LOG(LOG_ERROR, "dns.secondary.expired",
	    KS("zone", name_text(&name, dns_name_str(&s->apex))));
	s->have = false;
	s->expires = NEVER;
	zones_remove(f->t->o.zones, dns_name_str(&s->apex));
}

static msec retry_empty(const struct secondary *s)
{
	msec ms = RETRY_EMPTY;

	for (unsigned i = 1; i < s->failures && ms < RETRY_EMPTY_MOST; i++)
		ms *= 2;
	return ms;
}

/* The time of the next look, and of the zone's end. */
static void schedule(struct secondary *s, bool good)
{
	const struct dns_transfer_settings *set = s->f->t->o.settings();
	struct zone *z = zones_get(s->f->t->o.zones, dns_name_str(&s->apex));
	uint32_t timers[4] = { 0 };
	msec ms;

	s->failures = good ? 0 : s->failures + 1;
	if (z)
		zone_timers(z, timers);
	ms = timers[good ? 0 : 1] > REFRESH_MOST ? (msec)REFRESH_MOST * 1000
						 : (msec)timers[good ? 0 : 1] * 1000;
	if (!z)
		ms = retry_empty(s);
	else if (ms < set->refresh_least)
		ms = set->refresh_least;
	s->due = clock_in(jitter(ms));
	if (z && good)
		s->expires = clock_in(expire_of(z));
	zone_drop(z);
}

static void log_failure(const struct secondary *s, err e)
{
	CLEANUP(name_text_free) struct name_text name = { 0 };

	metric_add(&metric_failed, 1);
	LOG(LOG_WARN, "dns.secondary.failed", KS("zone", name_text(&name, dns_name_str(&s->apex))),
	    KI("times", s->failures + 1), KE(e));
}

/* The primaries in turn, beginning with the one that answered last. */
WAITS static err look(struct secondary *s)
{
	err e = E_NOTFOUND;

	for (size_t i = 0; i < s->nprimaries && !s->gone && !s->f->closing; i++) {
		size_t at = (s->at + i) % s->nprimaries;
		const struct zone_target primary = s->primaries[at];

		e = secondary_take(s, &primary);
		if (e == OK)
			s->at = at;
		if (e == OK || e == E_CANCELED)
			return e;
	}
	return e;
}

WAITS static err look_fiber(void *arg)
{
	struct secondary *s = arg;
	struct followed *f = s->f;

	s->again = false;
	err e = look(s);

	if (e != OK && e != E_CANCELED && !s->gone)
		log_failure(s, e);
	f->looking--;
	s->running = false;
	s->look = NULL;
	if (s->gone) {
		destroy(s);
	} else {
		schedule(s, e == OK);
		if (s->again)
			s->due = clock_now();
	}
	wake(f);
	return OK;
}

static void begin_look(struct followed *f, struct secondary *s)
{
	s->running = true;
	f->looking++;
	s->look = fiber_spawn("secondary", look_fiber, s);
}

/* Begins what is due; gives the time of the next thing to do. */
static msec turn(struct followed *f)
{
	const struct dns_transfer_settings *set = f->t->o.settings();
	msec now = clock_now(), next = NEVER;
	int64_t expired = 0;
	void *value;
	str key;

	for (size_t at = 0; map_each(&f->zones, &at, &key, &value);) {
		struct secondary *s = value;

		if (s->expires <= now)
			expire(f, s);
		if (!s->running && s->due <= now && f->looking < set->transfers_max)
			begin_look(f, s);
		expired += !s->have;
		if (!s->running && s->due > now && s->due < next)
			next = s->due;
		if (s->expires < next)
			next = s->expires;
	}
	metric_set(&metric_expired, expired);
	return next;
}

WAITS static err followed_fiber(void *arg)
{
	struct followed *f = arg;

	for (;;) {
		f->kicked = false;
		msec next = turn(f);

		while (!f->kicked && clock_now() < next) {
			err e = waitq_wait(&f->wake, next);

			if (e == E_CANCELED)
				return e;
		}
	}
}

/* ---- settings ---- */

static void apply_setting(struct followed *f, const struct dns_secondary *d)
{
	struct secondary *s = find(f, dns_name_str(&d->zone));

	if (!s)
		s = add(f, dns_name_str(&d->zone), d->primaries, d->nprimaries);
	else
		set_primaries(f, s, d->primaries, d->nprimaries);
	s->from_catalog = (struct dns_name){ 0 };
	s->catalog = d->catalog;
	s->named = true;
	s->due = clock_now();
	peers_table_set(f->t->peers, dns_name_str(&d->zone), d->transfer, d->notify);
}

/* The first zone that nobody names any more; catalog: whose members are meant, n 0: the settings'.
 */
static struct secondary *unnamed(const struct followed *f, str catalog)
{
	void *value;
	str key;

	for (size_t at = 0; map_each(&f->zones, &at, &key, &value);) {
		struct secondary *s = value;

		if (!s->named && str_eq(dns_name_str(&s->from_catalog), catalog))
			return s;
	}
	return NULL;
}

static void begin_naming(struct followed *f, str catalog)
{
	void *value;
	str key;

	for (size_t at = 0; map_each(&f->zones, &at, &key, &value);) {
		struct secondary *s = value;

		if (str_eq(dns_name_str(&s->from_catalog), catalog))
			s->named = false;
	}
}

/* A catalog that is followed no more leaves nothing of its members (RFC 9432 5.5). */
WAITS static void end_naming(struct followed *f, str catalog)
{
	struct secondary *s;

	while ((s = unnamed(f, catalog))) {
		CLEANUP(name_text_free) struct name_text name = { 0 };
		struct dns_name apex = s->apex;
		bool members = s->catalog;

		LOG(LOG_INFO, "dns.secondary.removed",
		    KS("zone", name_text(&name, dns_name_str(&apex))));
		drop(f, s);
		if (!members)
			continue;
		begin_naming(f, dns_name_str(&apex));
		while ((s = unnamed(f, dns_name_str(&apex))))
			drop(f, s);
	}
}

WAITS void followed_configure(struct followed *f)
{
	const struct dns_transfer_settings *set = f->t->o.settings();

	begin_naming(f, STR(""));
	for (size_t i = 0; i < set->nsecondaries; i++)
		apply_setting(f, &set->secondaries[i]);
	end_naming(f, STR(""));
	wake(f);
}

/* ---- members of catalogs ---- */

void followed_members_begin(struct followed *f, str catalog)
{
	begin_naming(f, catalog);
}

WAITS void followed_members_end(struct followed *f, str catalog)
{
	end_naming(f, catalog);
	wake(f);
}

WAITS void followed_member(struct followed *f, str catalog, str apex, uint64_t label)
{
	CLEANUP(name_text_free) struct name_text name = { 0 };
	struct secondary *c = find(f, catalog), *s = find(f, apex);

	if (!c)
		return;
	if (s && !str_eq(dns_name_str(&s->from_catalog), catalog)) {
		/* RFC 9432 5.2: who has a zone keeps it. */
		LOG(LOG_WARN, "dns.catalog.clash", KS("zone", name_text(&name, apex)));
		return;
	}
	if (s && s->label != label) { /* RFC 9432 5.6: another zone of the same name */
		drop(f, s);
		s = NULL;
	}
	if (!s) {
		struct zone *other = zones_get(f->t->o.zones, apex);

		if (other) { /* another source has it */
			zone_drop(other);
			LOG(LOG_WARN, "dns.catalog.clash", KS("zone", name_text(&name, apex)));
			return;
		}
		s = add(f, apex, c->primaries, c->nprimaries);
		name_set(&s->from_catalog, catalog);
		s->label = label;
		LOG(LOG_INFO, "dns.catalog.member", KS("zone", name_text(&name, apex)));
		s->named = true;
		load_member(s);
		return;
	}
	s->named = true;
}

/* ---- life ---- */

WAITS static void load_all(struct followed *f)
{
	const struct dns_transfer_settings *set = f->t->o.settings();

	for (size_t i = 0; i < set->nsecondaries; i++) {
		struct secondary *s = find(f, dns_name_str(&set->secondaries[i].zone));

		load(s);
		struct zone *z = s->have && s->catalog
					 ? zones_get(f->t->o.zones, dns_name_str(&s->apex))
					 : NULL;

		if (z)
			catalog_apply(f->t, z);
		zone_drop(z);
	}
}

WAITS struct followed *followed_new(struct transfers *t)
{
	struct followed *f = MEM_NEW(struct followed);

	f->t = t;
	t->followed = f; /* catalogs look for it */
	(void)pthread_mutex_init(&f->lock, NULL);
	map_init(&f->zones);
	waitq_init(&f->wake);
	followed_configure(f);
	load_all(f);
	f->fiber = fiber_start("followed", followed_fiber, f);
	return f;
}

WAITS bool followed_free(struct followed *f)
{
	void *value;
	str key;

	fiber_cancel(f->fiber);
	(void)!fiber_join(f->fiber);
	f->closing = true; /* no further primary is tried */
	for (size_t at = 0; map_each(&f->zones, &at, &key, &value);)
		if (((struct secondary *)value)->look)
			fiber_cancel(((struct secondary *)value)->look);
	while (f->looking)
		if (waitq_wait(&f->wake, clock_in(LEAVE)) != OK)
			return false;
	for (size_t at = 0; map_each(&f->zones, &at, &key, &value);)
		destroy(value);
	map_free(&f->zones);
	(void)pthread_mutex_destroy(&f->lock);
	mem_free(f);
	return true;
}

/* ---- asked from other loops ---- */

struct kick {
	struct followed *f;
	struct dns_name apex;
};

/* On the first loop. */
static void kicked(void *arg)
{
	struct kick *k = arg;
	struct secondary *s = find(k->f, dns_name_str(&k->apex));

	if (s) {
		s->again = s->running;
		s->due = clock_now();
		wake(k->f);
	}
	mem_free(k);
}

static bool from_primary(const struct secondary *s, const struct net_addr *peer, str key)
{
	for (size_t i = 0; i < s->nprimaries; i++) {
		const struct zone_target *p = &s->primaries[i];

		if (p->key.n ? key.n && dns_name_eq(dns_name_str(&p->key), key)
			     : zone_addr_eq(&p->addr, peer))
			return true;
	}
	return false;
}

err followed_notified(struct followed *f, str apex, const struct net_addr *peer, str key)
{
	(void)pthread_mutex_lock(&f->lock);
	const struct secondary *s = find(f, apex);
	err e = !s ? E_NOTFOUND : from_primary(s, peer, key) ? OK : E_DENIED;

	(void)pthread_mutex_unlock(&f->lock);
	if (e == OK) {
		struct kick *k = MEM_NEW(struct kick);

		k->f = f;
		name_set(&k->apex, apex);
		loop_post(f->t->home, kicked, k);
	}
	return e;
}

bool followed_has(struct followed *f, str apex)
{
	(void)pthread_mutex_lock(&f->lock);
	bool has = find(f, apex) != NULL;

	(void)pthread_mutex_unlock(&f->lock);
	return has;
}

bool followed_catalog(struct followed *f, str apex)
{
	(void)pthread_mutex_lock(&f->lock);
	const struct secondary *s = find(f, apex);
	bool catalog = s && s->catalog;

	(void)pthread_mutex_unlock(&f->lock);
	return catalog;
}

bool followed_awaits(struct followed *f, str name)
{
	struct dns_name lower;
	bool found = false;

	name_set(&lower, name);
	(void)pthread_mutex_lock(&f->lock);
	for (str at = dns_name_str(&lower); f->zones.n && !found; at = dns_name_parent(at)) {
		found = find(f, at) != NULL;
		if (at.n <= 1)
			break;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return found;
}

static void print_zone(const struct secondary *s, struct buf *json)
{
	CLEANUP(name_text_free) struct name_text name = { 0 };
	struct zone *z = zones_get(s->f->t->o.zones, dns_name_str(&s->apex));

	/* A name's text has no octet that JSON would not take, but for the backslash. */
	buf_add(json, STR("{\"zone\":\""));
	str text = name_text(&name, dns_name_str(&s->apex));

	for (size_t i = 0; i < text.n; i++)
		buf_fmt(json, text.p[i] == '\\' || text.p[i] == '"' ? "\\%c" : "%c", text.p[i]);
	buf_fmt(json, "\",\"serial\":%lld,\"served\":%s,\"failures\":%u,\"refresh_in\":%lld}",
		z ? (long long)zone_serial(z) : -1LL, z ? "true" : "false", s->failures,
		(long long)(s->due > clock_now() ? (s->due - clock_now()) / 1000 : 0));
	zone_drop(z);
}

void followed_print(struct followed *f, struct buf *json)
{
	bool first = true;
	void *value;
	str key;

	buf_add(json, STR("{\"zones\":["));
	for (size_t at = 0; map_each(&f->zones, &at, &key, &value); first = false) {
		buf_add(json, first ? STR("") : STR(","));
		print_zone(value, json);
	}
	buf_add(json, STR("]}\n"));
}
