#include "roles/dns/load.h"

#include <string.h>

#include "base/limits.h"
#include "roles/dns/load_state.h"
#include "run/log.h"
#include "run/metrics.h"

#define POLL 250 /* ms between two looks at the directory */

METRIC(metric_loads, "posta_dns_zone_loads_total", "", METRIC_COUNTER,
       "Zones that were built from their source.");
METRIC(metric_refused, "posta_dns_zone_refused_total", "", METRIC_COUNTER,
       "Zones whose source was wrong: the version before stays.");

/* ---- entries ---- */

static str id_key(uint64_t id, char space[8])
{
	memcpy(space, &id, 8);
	return str_of(space, 8);
}

struct load_entry *load_find(const struct dns_load *l, str apex)
{
	return map_get(&l->by_apex, apex);
}

struct load_entry *load_find_id(const struct dns_load *l, uint64_t id)
{
	char space[8];

	return map_get(&l->by_id, id_key(id, space));
}

static void entry_free(struct load_entry *e)
{
	mem_free(e->transfer);
	mem_free(e->notify);
	mem_free(e->path);
	mem_free(e->includes);
	mem_free(e);
}

void load_remove(struct dns_load *l, struct load_entry *e)
{
	char space[8];

	zones_remove(l->o.zones, dns_name_str(&e->apex));
	if (l->o.said)
		l->o.said(l->o.arg, dns_name_str(&e->apex), NULL);
	if (e->source.id)
		(void)map_remove(&l->by_id, id_key(e->source.id, space));
	(void)map_remove(&l->by_apex, dns_name_str(&e->apex));
	entry_free(e);
}

static char *copy(const char *z)
{
	str s = str_z(z);
	char *p = mem_get(s.n + 1);

	memcpy(p, s.p, s.n);
	return p;
}

/* The entry of a zone that is built, made when it is new. */
static struct load_entry *entry_of(struct dns_load *l, const struct load_item *it)
{
	struct load_entry *e = load_find(l, dns_name_str(&it->apex));
	char space[8];

	if (e && e->source.id &&
	    e->source.id != it->id) /* removed and added again, or now a file */
		(void)map_remove(&l->by_id, id_key(e->source.id, space));
	if (!e) {
		e = MEM_NEW(struct load_entry);
		e->apex = it->apex;
		(void)map_put(&l->by_apex, dns_name_str(&e->apex), e);
	}
	e->source.id = it->id;
	if (it->id)
		(void)map_put(&l->by_id, id_key(it->id, space), e);
	return e;
}

/* Of which files the zone was made, or should have been. */
static void fill_files(struct load_entry *e, const struct load_item *it)
{
	str includes = buf_str(&it->includes);

	e->stamp = it->stamp;
	mem_free(e->includes);
	e->includes = NULL;
	e->included = it->included;
	if (!includes.n || it->includes.e)
		return;
	e->includes = mem_get(includes.n + 1);
	memcpy(e->includes, includes.p, includes.n);
}

static void fill_entry(struct load_entry *e, const struct load_item *it)
{
	mem_free(e->transfer);
	mem_free(e->notify);
	mem_free(e->path);
	e->transfer = copy(it->transfer);
	e->notify = copy(it->notify);
	e->path = it->path ? copy(it->path) : NULL;
	e->source.sign = it->sign;
	e->source.transfer = str_z(e->transfer);
	e->source.notify = str_z(e->notify);
	e->serial = it->serial;
	fill_files(e, it);
	e->listed = it->listed;
	e->again = e->missing = false;
}

/* ---- what a built item means ---- */

static void name_of(const struct load_item *it, struct buf *out)
{
	buf_init(out, KIB(2));
	if (it->apex.n)
		dns_name_print(dns_name_str(&it->apex), out);
	else
		buf_fmt(out, "number %llu", (unsigned long long)it->id);
}

/* The version before stays. The stamp is kept, so that a file is not read again before it changes.
 */
static void refuse(struct dns_load *l, const struct load_item *it)
{
	CLEANUP(buf_free) struct buf name = { 0 };
	struct load_entry *e = it->apex.n ? load_find(l, dns_name_str(&it->apex)) : NULL;
	str lines = buf_str(&it->why), line;

	metric_add(&metric_refused, 1);
	name_of(it, &name);
	for (unsigned n = 0; n < 10 && str_next(&lines, '\n', &line);)
		if (line.n) {
			LOG(LOG_ERROR, "dns.zone_refused", KS("zone", buf_str(&name)),
			    KS("why", line), KI("served", it->old != NULL));
			n++;
		}
	if (e && e->path && it->path) {
		fill_files(e, it);
		e->again = false;
	}
	if (!e && it->path) { /* remembered, so that the next look does not read it again */
		e = entry_of(l, it);
		fill_entry(e, it);
		e->seen = l->looks;
	}
}

static void remove_gone(struct dns_load *l, const struct load_item *it)
{
	struct load_entry *e = load_find_id(l, it->id);

	if (e)
		load_remove(l, e);
}

void load_install(struct dns_load *l, struct load_item *it)
{
	struct load_entry *e = it->apex.n ? load_find(l, dns_name_str(&it->apex)) : NULL;
	CLEANUP(buf_free) struct buf name = { 0 };

	if (it->gone) {
		remove_gone(l, it);
		return;
	}
	if (it->e) {
		refuse(l, it);
		return;
	}
	name_of(it, &name);
	if (it->id && e && e->path) {
		LOG(LOG_WARN, "dns.zone_twice", KS("zone", buf_str(&name)),
		    KS("served", str_z(e->path)));
		return;
	}
	if (it->late)
		LOG(LOG_WARN, "dns.serial_not_raised", KS("zone", buf_str(&name)),
		    KI("serial", zone_serial(it->fresh)));
	e = entry_of(l, it);
	fill_entry(e, it);
	e->seen = l->looks;
	metric_add(&metric_loads, 1);
	if (l->o.said)
		l->o.said(l->o.arg, dns_name_str(&e->apex), &e->source);
	if (it->same && it->old)
		return;
	zones_put(l->o.zones, it->fresh);
	it->fresh = NULL;
}

const struct dns_source *dns_load_source(const struct dns_load *l, str apex)
{
	const struct load_entry *e = l ? load_find(l, apex) : NULL;

	return e ? &e->source : NULL;
}

/* ---- again ---- */

void dns_load_again(struct dns_load *l, str apex)
{
	struct load_entry *e = load_find(l, apex);

	if (!e)
		return;
	e->again = l->again = true;
	waitq_wake_all(&l->wake);
}

WAITS err load_marked(struct dns_load *l)
{
	struct load_batch b;
	str key;
	void *value;

	l->again = false;
	batch_init(&b, l, l->failing ? l->o.snapshot : l->o.directory);
	for (size_t at = 0; map_each(&l->by_apex, &at, &key, &value);) {
		struct load_entry *e = value;

		if (!e->again)
			continue;
		struct load_item *it = batch_add(&b);

		e->again = false;
		it->id = e->source.id;
		it->apex = e->apex;
		it->sign = e->source.sign;
		it->listed = e->listed;
		it->stamp = e->stamp;
		it->path = e->path ? arena_z(&b.a, str_z(e->path)) : NULL;
		it->transfer = arena_z(&b.a, e->source.transfer);
		it->notify = arena_z(&b.a, e->source.notify);
	}
	return batch_run(&b);
}

/* ---- life ---- */

WAITS static err follow(void *arg)
{
	struct dns_load *l = arg;
	err e = OK;

	/* What fails has been logged, and is looked at again. */
	while (e != E_CANCELED) {
		e = waitq_wait(&l->wake, clock_in(POLL));
		if (e != E_CANCELED && (l->reread || clock_now() >= l->next_files)) {
			bool reread = l->reread;

			l->reread = false;
			e = load_files(l, reread);
		}
		if (e != E_CANCELED && l->again)
			e = load_marked(l);
		if (e != E_CANCELED)
			e = load_directory(l);
		if (e != E_CANCELED)
			load_save(l);
	}
	return e;
}

WAITS static err load_first(struct dns_load *l)
{
	TRY(load_files(l, true));
	err e = load_directory(l);

	if (e == E_CANCELED)
		return e;
	if (e && !l->known && load_snapshot(l) == E_CANCELED)
		return E_CANCELED;
	return OK;
}

WAITS err dns_load_start(const struct dns_load_options *o, struct dns_load **out)
{
	struct dns_load *l = MEM_NEW(struct dns_load);

	l->o = *o;
	l->data_version = -1;
	map_init(&l->by_apex);
	map_init(&l->by_id);
	waitq_init(&l->wake);
	*out = l;
	err e = load_first(l);

	if (!e)
		l->follow = fiber_start("dns sources", follow, l);
	return e;
}

WAITS err dns_load_reload(struct dns_load *l)
{
	l->reread = true;
	waitq_wake_all(&l->wake);
	return OK;
}

WAITS void dns_load_stop(struct dns_load *l)
{
	str key;
	void *value;

	if (!l)
		return;
	if (l->follow) {
		fiber_cancel(l->follow);
		err e = fiber_join(l->follow);

		if (e != E_CANCELED)
			LOG(LOG_ERROR, "dns.sources", KE(e));
		l->next_save = 0;
		load_save(l);
	}
	for (size_t at = 0; map_each(&l->by_apex, &at, &key, &value);)
		entry_free(value);
	map_free(&l->by_apex);
	map_free(&l->by_id);
	directory_close(l->db);
	mem_free(l);
}
