/* From sources to compiled zones, on helper threads: source, check, signing, compiling. */
#include <string.h>

#include "base/limits.h"
#include "roles/dns/load_state.h"
#include "run/log.h"
#include "run/work.h"

#define WORKERS	 4    /* fibers that keep the helper threads busy */
#define CHUNK	 64   /* zones that one of them takes at a time */
#define PROGRESS 1000 /* ms between two lines about a long loading */

struct chunk {
	struct load_batch *b;
	struct load_item *v;
	size_t n;
};

void batch_init(struct load_batch *b, struct dns_load *l, const char *database)
{
	*b = (struct load_batch){ .l = l, .database = database, .said = clock_now() };
	arena_init(&b->a, SIZE_MAX);
}

struct load_item *batch_add(struct load_batch *b)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 16;
		b->v = mem_resize(b->v, size_mul(b->cap, sizeof(*b->v)));
	}
	struct load_item *it = &b->v[b->n++];

	*it = (struct load_item){ 0 };
	buf_init(&it->why, KIB(16));
	buf_init(&it->includes, size_mul(LIM_ZONE_FILES + 1, LIM_FILE_PATH));
	return it;
}

/* ---- on a helper thread ---- */

static char *copy(str s)
{
	char *p = mem_get(s.n + 1);

	memcpy(p, s.p, s.n);
	return p;
}

static err changed(void *arg, bool added, const struct zone_rrset *s, str rdata)
{
	(void)added;
	(void)s;
	(void)rdata;
	*(bool *)arg = true;
	return E_EOF; /* one difference is enough */
}

/* A file that was touched may say the same as before; one that says something else should have
 * another serial, or no secondary comes to see it. */
static void compare(struct load_item *it)
{
	bool differs = false;

	if (!it->old || it->id || it->sign)
		return;
	err e = zone_diff(it->old, it->fresh, changed, &differs);

	it->same = !e && !differs;
	it->late = differs && !dirzone_serial_before(zone_serial(it->old), zone_serial(it->fresh));
}

static err finish(struct dns_load *l, struct load_item *it, struct zone_builder *b)
{
	const struct dns_source source = { .id = it->id,
					   .sign = it->sign,
					   .transfer = str_z(it->transfer),
					   .notify = str_z(it->notify) };

	TRY(zone_builder_check(b, &it->why, NULL));
	if (l->o.sign)
		TRY(l->o.sign(l->o.arg, b, it->old, &source));
	TRY(zone_compile(b, &it->fresh));
	compare(it);
	return OK;
}

static err read_row(struct load_item *it, struct zone_reader *r, struct directory *d,
		    struct zone_builder **b)
{
	struct zone_about *about = MEM_NEW(struct zone_about);

	err e = sql_begin(directory_sql(d), SQL_READ);

	if (!e) {
		e = zone_read(r, it->id, NULL, about, b);
		sql_rollback(directory_sql(d));
	}
	it->gone = e == E_NOTFOUND || (!e && !*b);
	if (!e || e == E_SYNTAX) {
		it->apex = about->name.wire;
		it->serial = about->serial;
		it->sign = about->sign;
		it->transfer = it->own_transfer = copy(about->transfer);
		it->notify = it->own_notify = copy(about->notify);
	}
	mem_free(about);
	return it->gone ? OK : e;
}

static err read_path(struct load_item *it, struct zone_builder **b)
{
	struct zone_file f = { .path = it->path,
			       .apex = dns_name_str(&it->apex),
			       .complaints = &it->why,
			       .includes = &it->includes };
	err e = zone_read_file(&f, b);

	it->included = f.included;

	if (f.stamp.inode)
		it->stamp = f.stamp;
	return e;
}

static void build(struct dns_load *l, struct load_item *it, struct zone_reader *r,
		  struct directory *d)
{
	struct zone_builder *b = NULL;

	it->e = it->id ? read_row(it, r, d, &b) : read_path(it, &b);
	if (!it->e && b)
		it->e = finish(l, it, b);
	if (it->e && !it->why.n)
		buf_fmt(&it->why, "%s\n", err_last()->text);
	zone_builder_free(b);
}

static bool any_row(const struct chunk *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].id)
			return true;
	return false;
}

static err build_chunk(void *arg)
{
	struct chunk *c = arg;
	struct zone_reader *r = NULL;
	struct directory *d = NULL;
	err e = OK;

	if (any_row(c)) {
		e = directory_open(c->b->database, false, &d);
		if (!e)
			e = zone_reader_new(d, &r);
	}
	for (size_t i = 0; i < c->n && !e; i++)
		build(c->b->l, &c->v[i], r, d);
	zone_reader_free(r);
	directory_close(d);
	return e;
}

/* ---- on the loop ---- */

static void item_end(struct load_item *it)
{
	zone_drop(it->old);
	zone_drop(it->fresh);
	mem_free(it->own_transfer);
	mem_free(it->own_notify);
	buf_free(&it->why);
	buf_free(&it->includes);
	it->old = it->fresh = NULL;
	it->own_transfer = it->own_notify = NULL;
}

static void say_progress(struct load_batch *b)
{
	if (b->n < CHUNK || clock_now() < b->said + PROGRESS)
		return;
	b->said = clock_now();
	LOG(LOG_INFO, "dns.loading", KI("zones", b->done), KI("of", b->n));
}

WAITS static err worker(void *arg)
{
	struct load_batch *b = arg;

	while (b->next < b->n) {
		struct chunk c = { b, b->v + b->next, 0 };
		size_t share = b->n / WORKERS / 2 + 1;

		share = share > CHUNK ? CHUNK : share;
		c.n = b->n - b->next < share ? b->n - b->next : share;
		b->next += c.n;
		for (size_t i = 0; i < c.n; i++)
			if (c.v[i].apex.n)
				c.v[i].old = zones_get(b->l->o.zones, dns_name_str(&c.v[i].apex));
		TRY(work(POOL_CPU, build_chunk, &c));
		for (size_t i = 0; i < c.n; i++) {
			load_install(b->l, &c.v[i]);
			item_end(&c.v[i]);
		}
		b->done += c.n;
		say_progress(b);
	}
	return OK;
}

void batch_drop(struct load_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		item_end(&b->v[i]);
	mem_free(b->v);
	arena_free(&b->a);
}

WAITS err batch_run(struct load_batch *b)
{
	struct fiber *f[WORKERS];
	size_t n = b->n < WORKERS ? b->n : WORKERS;
	err e = OK;

	for (size_t i = 0; i < n; i++)
		f[i] = fiber_start("dns load", worker, b);
	for (size_t i = 0; i < n; i++) {
		err e2 = fiber_join(f[i]);

		e = e ? e : e2;
	}
	batch_drop(b);
	return e;
}
