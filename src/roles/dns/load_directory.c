/* Zones of the directory: all at once, then one by one as the change feed names them. */
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "roles/dns/load_state.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/directory/table.h"
#include "services/zones/snapshot.h"

#define SNAPSHOT_EVERY 60000 /* ms between two snapshots while zones change */
#define TURN	       1000  /* zones that are compared between two turns of the others */
#define NAMED	       1000  /* zones named by one look; with more of them all are compared */

METRIC(metric_errors, "posta_dns_directory_errors_total", "", METRIC_COUNTER,
       "Looks at the directory's zones that failed.");

/* What one look found. */
struct zone_row {
	uint64_t id;
	uint32_t serial;
	str name;
};
struct look {
	struct dns_load *l;
	struct arena a;
	struct zone_row *rows; /* all zones, or those that the feed names (id alone) */
	size_t n, cap;
	bool all, other; /* other: another database than before */
	uint64_t seq;
	char uuid[16];
};

static struct zone_row *add_row(struct look *k)
{
	if (k->n == k->cap) {
		k->cap = k->cap ? 2 * k->cap : 64;
		k->rows = mem_resize(k->rows, size_mul(k->cap, sizeof(*k->rows)));
	}
	k->rows[k->n] = (struct zone_row){ .name = STR("") };
	return &k->rows[k->n++];
}

/* ---- on a helper thread ---- */

static err list_all(struct look *k, struct sql *s)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	k->all = true;
	k->n = 0;
	TRY(SQL_QUERY(s, &st, "SELECT id, serial, name FROM zones WHERE disabled = 0"));
	while ((e = sql_step(st)) == OK) {
		struct zone_row *r = add_row(k);

		r->id = (uint64_t)sql_int(st, 0);
		r->serial = (uint32_t)sql_int(st, 1);
		r->name = arena_dup(&k->a, sql_text(st, 2));
	}
	return e == E_EOF ? OK : e;
}

/* The zones that the feed names since our last look; *all: it says "all", or does not reach back.
 */
static err list_named(struct look *k, struct sql *s, bool *all)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	uint64_t seq = k->l->seq;
	err e;

	TRY(SQL_QUERY(s, &st, "SELECT seq, kind, id FROM changes WHERE seq > ? ORDER BY seq",
		      SQL_I(seq)));
	while ((e = sql_step(st)) == OK && !*all) {
		*all = (uint64_t)sql_int(st, 0) != seq + 1 || k->n == NAMED ||
		       str_eq(sql_text(st, 1), STR("all"));
		seq++;
		if (str_eq(sql_text(st, 1), STR("zone")))
			add_row(k)->id = (uint64_t)sql_int(st, 2);
	}
	if (e != OK && e != E_EOF)
		return e;
	*all |= seq != k->seq;
	return OK;
}

static err read_steady(struct look *k, struct sql *s)
{
	struct dns_load *l = k->l;
	bool all = !l->known || l->all;

	TRY(table_head(s, k->uuid, &k->seq));
	k->other = l->known && memcmp(k->uuid, l->uuid, sizeof(k->uuid)) != 0;
	all |= k->other || k->seq < l->seq;
	if (!all)
		TRY(list_named(k, s, &all));
	return all ? list_all(k, s) : OK;
}

/* A database that was put in the place of another one is another file. */
static err ensure_open(struct dns_load *l)
{
	struct stat st;
	ino_t inode = stat(l->o.directory, &st) ? 0 : st.st_ino;

	if (l->db && inode == l->inode)
		return OK;
	directory_close(l->db);
	l->db = NULL;
	TRY(directory_open(l->o.directory, false, &l->db));
	l->inode = inode;
	l->data_version = -1;
	return OK;
}

static err look(void *arg)
{
	struct look *k = arg;
	struct dns_load *l = k->l;
	int64_t version;

	TRY(ensure_open(l));
	struct sql *s = directory_sql(l->db);

	TRY(sql_data_version(s, &version));
	k->seq = l->seq;
	memcpy(k->uuid, l->uuid, sizeof(k->uuid));
	if (l->known && !l->all && version == l->data_version)
		return OK;
	TRY(sql_begin(s, SQL_READ));
	err e = read_steady(k, s);

	sql_rollback(s);
	if (!e)
		l->data_version = version;
	return e;
}

static err look_at_snapshot(void *arg)
{
	struct look *k = arg;
	struct directory *d = NULL;

	TRY(zone_snapshot_open(k->l->o.snapshot, &d));
	err e = table_head(directory_sql(d), k->uuid, &k->seq);

	if (!e)
		e = list_all(k, directory_sql(d));
	directory_close(d);
	return e;
}

/* ---- on the loop ---- */

static void want(struct load_batch *b, const struct zone_row *r, const struct load_entry *e)
{
	struct load_item *it = batch_add(b);

	it->id = r->id;
	if (e)
		it->apex = e->apex;
}

/* Of all zones those whose serial is another one; what is gone is served no more. */
WAITS static err compare_all(struct look *k, struct load_batch *b)
{
	struct dns_load *l = k->l;
	struct load_entry *gone[64];
	str key;
	void *value;
	size_t n;

	l->looks++;
	for (size_t i = 0; i < k->n; i++) {
		if (i % TURN == TURN - 1)
			TRY(fiber_yield());
		struct load_entry *e = load_find_id(l, k->rows[i].id);
		struct dirzone_name name;

		if (e)
			e->seen = l->looks;
		if (e && e->serial == k->rows[i].serial && !k->other)
			continue;
		if (!e && !dirzone_name_parse(k->rows[i].name, &name)) {
			struct load_entry *file = load_find(l, dns_name_str(&name.wire));

			if (file && file->path)
				continue; /* posta.conf's file is served instead: load_install says
					     so */
		}
		want(b, &k->rows[i], e);
	}
	do { /* a map may not shrink while it is walked */
		n = 0;
		for (size_t at = 0; n < COUNT(gone) && map_each(&l->by_id, &at, &key, &value);) {
			struct load_entry *e = value;

			if (e->seen != l->looks)
				gone[n++] = e;
		}
		for (size_t i = 0; i < n; i++)
			load_remove(l, gone[i]);
	} while (n);
	return OK;
}

static void compare_named(struct look *k, struct load_batch *b)
{
	for (size_t i = 0; i < k->n; i++) {
		bool twice = false;

		for (size_t j = 0; j < i; j++)
			twice |= k->rows[j].id == k->rows[i].id;
		if (!twice)
			want(b, &k->rows[i], load_find_id(k->l, k->rows[i].id));
	}
}

/* Serves what the look found. */
WAITS static err take(struct look *k, const char *database)
{
	struct dns_load *l = k->l;
	struct load_batch b;

	batch_init(&b, l, database);
	err e = OK;

	if (k->all)
		e = compare_all(k, &b);
	else
		compare_named(k, &b);
	size_t n = b.n;

	l->dirty |= n > 0 || k->all;
	if (e)
		batch_drop(&b);
	else
		e = batch_run(&b);
	TRY(e);
	l->seq = k->seq;
	memcpy(l->uuid, k->uuid, sizeof(l->uuid));
	l->known = true;
	l->all = false;
	if (k->all)
		LOG(LOG_INFO, "dns.directory", KI("zones", l->by_id.n), KI("built", n),
		    KI("seq", l->seq));
	return OK;
}

static void look_end(struct look *k)
{
	arena_free(&k->a);
	mem_free(k->rows);
	mem_free(k);
}

static struct look *look_begin(struct dns_load *l)
{
	struct look *k = MEM_NEW(struct look);

	k->l = l;
	arena_init(&k->a, SIZE_MAX);
	return k;
}

/* A database without any zone that is not the one whose zones are served, or were by the snapshot:
 * where it was lost, a new and empty one stands in its place. What was served stays. */
WAITS static err believe(struct dns_load *l, struct look *k)
{
	if (!k->all || k->n)
		return OK;
	if (!l->known && load_snapshot(l) == E_CANCELED)
		return E_CANCELED;
	if (l->by_id.n && memcmp(k->uuid, l->uuid, sizeof(k->uuid)) != 0)
		return fail(E_DENIED, "the directory is another one, without any zone");
	return OK;
}

WAITS err load_directory(struct dns_load *l)
{
	struct look *k = look_begin(l);
	err e = work(POOL_DISK, look, k);

	if (!e)
		e = believe(l, k);
	if (!e && (k->all || k->n || !l->known || k->seq != l->seq))
		e = take(k, l->o.directory);
	look_end(k);
	if (e == E_CANCELED)
		return e;
	if (e) {
		metric_add(&metric_errors, 1);
		if (!l->failing)
			LOG(LOG_WARN, "dns.directory_away", KE(e), KI("zones", l->by_id.n));
	} else if (l->failing) {
		LOG(LOG_INFO, "dns.directory_back", KI("zones", l->by_id.n));
	}
	l->failing = e != OK;
	return e;
}

WAITS err load_snapshot(struct dns_load *l)
{
	struct look *k = look_begin(l);
	err e = work(POOL_DISK, look_at_snapshot, k);

	if (!e)
		e = take(k, l->o.snapshot);
	look_end(k);
	l->all = true; /* when the directory is back, every zone is compared with it */
	l->dirty = false;
	if (e && e != E_CANCELED && e != E_NOTFOUND)
		LOG(LOG_WARN, "dns.no_snapshot", KE(e));
	else if (!e)
		LOG(LOG_INFO, "dns.from_snapshot", KI("zones", l->by_id.n));
	return e;
}

static err save(void *arg)
{
	struct dns_load *l = arg;

	return l->db ? zone_snapshot_save(l->db, l->o.snapshot) : E_NOTFOUND;
}

WAITS void load_save(struct dns_load *l)
{
	if (!l->dirty || l->failing || clock_now() < l->next_save)
		return;
	l->next_save = clock_in(SNAPSHOT_EVERY);
	l->dirty = false;
	err e = work(POOL_DISK, save, l);

	if (e && e != E_CANCELED)
		LOG(LOG_WARN, "dns.snapshot", KE(e));
}
