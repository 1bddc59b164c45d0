/* The table that roles answer from: a struct table under a read-write lock, and the fiber that
 * keeps it fresh. */
#include "services/directory/directory.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/directory/address.h"
#include "services/directory/table.h"

#define BUSY	       250   /* ms that a look at a locked database may take */
#define SNAPSHOT_EVERY 60000 /* ms between two snapshots while things change */
#define LISTENERS      8
#define NOTED	       256 /* users named after one look; more are told as "everything" */

METRIC(metric_reloads, "posta_directory_reloads_total", "", METRIC_COUNTER,
       "Times the table was read whole.");
METRIC(metric_changes, "posta_directory_changes_total", "", METRIC_COUNTER,
       "Changes taken from the feed.");
METRIC(metric_errors, "posta_directory_errors_total", "", METRIC_COUNTER,
       "Looks at the feed that failed.");
METRIC(metric_complete, "posta_directory_complete", "", METRIC_GAUGE,
       "1 while all addresses are known.");

struct listener_fn {
	void (*fn)(void *arg, uint64_t user);
	void *arg;
};
struct dirtable {
	pthread_rwlock_t lock; /* of t; never held across a wait */
	struct table *t;       /* NULL: incomplete */
	char *database, *snapshot;
	msec poll;
	struct sql *db; /* used by one look at a time */
	ino_t inode;
	int64_t data_version;
	struct fiber *tail;
	_Atomic int64_t looked; /* monotonic; 0: never */
	struct listener_fn on[LISTENERS];
	size_t non;
	uint64_t saved_seq;
	bool saved;
	msec next_save;
	bool failing; /* said so already */
};

/* What one look found out, for the fiber. */
struct look {
	struct dirtable *d;
	uint64_t users[NOTED];
	size_t n;
	bool all, reload;
};

/* Those who ask may come one after the other without end: the tail, which has the database locked
 * while it waits for them, goes before new ones. Nobody takes the lock twice. */
static void lock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t a;

	(void)pthread_rwlockattr_init(&a);
#ifdef __GLIBC__ /* elsewhere writers go first by themselves */
	(void)pthread_rwlockattr_setkind_np(&a, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
	(void)pthread_rwlock_init(lock, &a);
	(void)pthread_rwlockattr_destroy(&a);
}

static void write_lock(void *arg)
{
	(void)pthread_rwlock_wrlock(&((struct dirtable *)arg)->lock);
}

static void write_unlock(void *arg)
{
	(void)pthread_rwlock_unlock(&((struct dirtable *)arg)->lock);
}

static void install(struct dirtable *d, struct table *t)
{
	write_lock(d);
	struct table *was = d->t;

	d->t = t;
	write_unlock(d);
	table_free(was);
	metric_set(&metric_complete, 1);
}

/* A database that was put in the place of another one (a restored copy) is another file. */
static err ensure_open(struct dirtable *d)
{
	struct stat st;
	ino_t inode = stat(d->database, &st) ? 0 : st.st_ino;

	if (d->db && inode == d->inode)
		return OK;
	sql_close(d->db);
	d->db = NULL;
	TRY(sql_open(d->database, SQL_READ, BUSY, &d->db));
	d->inode = inode;
	d->data_version = -1;
	return OK;
}

static void note(struct look *l, str kind, uint64_t id)
{
	if (str_eq(kind, STR("alias")) || str_eq(kind, STR("zone")))
		return;
	if (str_eq(kind, STR("domain")) || str_eq(kind, STR("tenant")) || l->n == NOTED)
		l->all = true;
	else
		l->users[l->n++] = id;
}

/* A database file that was lost is made anew, empty, by whoever opens it to write. It is another
 * one (its uuid) and has no domain: what we know goes on, rather than a 550 for everybody. */
static bool is_lost(const struct table *known, const struct table *fresh)
{
	return known && known->domain_ids.n && fresh->domain_ids.n == 0 &&
	       memcmp(known->uuid, fresh->uuid, sizeof(known->uuid)) != 0;
}

static err reload(struct dirtable *d, struct look *l)
{
	struct table *t = NULL;

	TRY(table_load(d->db, &t));
	if (is_lost(d->t, t)) {
		table_free(t);
		return fail(E_CORRUPT,
			    "%s is another directory than before, and empty: was it lost?",
			    d->database);
	}
	install(d, t);
	l->all = l->reload = true;
	metric_add(&metric_reloads, 1);
	return OK;
}

/* The rows of the feed behind ours. *again: the feed does not reach back to us, or something says
 * "all". */
static err follow(struct dirtable *d, struct look *l, bool *again)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct table_guard g = { write_lock, write_unlock, d };
	uint64_t seq = d->t->seq;
	err e;

	TRY(SQL_QUERY(d->db, &st, "SELECT seq, kind, id FROM changes WHERE seq > ? ORDER BY seq",
		      SQL_I(seq)));
	while ((e = sql_step(st)) == OK) {
		if ((uint64_t)sql_int(st, 0) != seq + 1 || str_eq(sql_text(st, 1), STR("all"))) {
			*again = true;
			return OK;
		}
		seq++;
		TRY(table_refresh(d->db, d->t, sql_text(st, 1), (uint64_t)sql_int(st, 2), &g));
		note(l, sql_text(st, 1), (uint64_t)sql_int(st, 2));
		metric_add(&metric_changes, 1);
	}
	if (e != E_EOF)
		return e;
	d->t->seq = seq;
	return OK;
}

static err catch_up(struct dirtable *d, struct look *l, bool *again)
{
	char uuid[16];
	uint64_t head;

	TRY(table_head(d->db, uuid, &head));
	if (memcmp(uuid, d->t->uuid, sizeof(uuid)) != 0 || head < d->t->seq) {
		*again = true;
		return OK;
	}
	TRY(follow(d, l, again));
	if (d->t->seq != head)
		*again = true;
	return OK;
}

/* One look at the database; on a helper thread. The tail is the only one that changes d->t, so
 * reading it here needs no lock. */
static err look(void *arg)
{
	struct look *l = arg;
	struct dirtable *d = l->d;
	bool again = false;
	int64_t version;

	TRY(ensure_open(d));
	TRY(sql_data_version(d->db, &version));
	if (d->t && version == d->data_version)
		return OK;
	if (d->t) {
		TRY(sql_begin(d->db, SQL_READ));
		err e = catch_up(d, l, &again);

		sql_rollback(d->db);
		TRY(e);
	}
	if (!d->t || again)
		TRY(reload(d, l));
	d->data_version = version;
	return OK;
}

static err save(void *arg)
{
	struct dirtable *d = arg;

	return table_save(d->t, d->snapshot);
}

static err restore(void *arg)
{
	struct dirtable *d = arg;
	struct table *t = NULL;

	TRY(table_restore(d->snapshot, &t));
	if (d->t && !is_lost(t, d->t)) {
		table_free(t);
		return fail(E_EXISTS, "the database has a table");
	}
	install(d, t);
	return OK;
}

static void tell(struct dirtable *d, const struct look *l)
{
	for (size_t i = 0; i < d->non; i++) {
		if (l->all) {
			d->on[i].fn(d->on[i].arg, 0);
			continue;
		}
		for (size_t k = 0; k < l->n; k++)
			d->on[i].fn(d->on[i].arg, l->users[k]);
	}
}

WAITS static err look_once(struct dirtable *d)
{
	struct look *l = MEM_NEW(struct look);

	l->d = d;
	err e = work(POOL_DISK, look, l);

	if (e) {
		metric_add(&metric_errors, 1);
		if (!d->failing)
			LOG(LOG_WARN, "directory.away", KS("database", str_z(d->database)), KE(e),
			    KI("complete", d->t != NULL));
		d->failing = true;
	} else {
		if (d->failing)
			LOG(LOG_INFO, "directory.back", KS("database", str_z(d->database)));
		d->failing = false;
		atomic_store(&d->looked, clock_now() ? clock_now() : 1);
	}
	if (l->reload && !e)
		LOG(LOG_INFO, "directory.loaded", KI("seq", d->t->seq), KI("users", d->t->users.n),
		    KI("aliases", d->t->aliases.n), KI("domains", d->t->domain_ids.n));
	tell(d, l); /* also what a look that failed half-way had changed */
	mem_free(l);
	return e;
}

WAITS static void save_if_due(struct dirtable *d)
{
	if (!d->snapshot || !d->t || (d->saved && d->saved_seq == d->t->seq) ||
	    clock_now() < d->next_save)
		return;
	d->next_save = clock_in(SNAPSHOT_EVERY);
	err e = work(POOL_DISK, save, d);

	if (e) {
		LOG(LOG_WARN, "directory.snapshot", KS("path", str_z(d->snapshot)), KE(e));
		return;
	}
	d->saved = true;
	d->saved_seq = d->t->seq;
}

WAITS static err tail(void *arg)
{
	struct dirtable *d = arg;

	for (;;) {
		save_if_due(d);
		TRY(fiber_sleep(clock_in(d->poll)));
		if (look_once(d) == E_CANCELED)
			return E_CANCELED;
	}
}

static char *copy_z(const char *z)
{
	str s = str_z(z);
	char *p = mem_get(s.n + 1);

	memcpy(p, s.p, s.n);
	return p;
}

err dirtable_open(const struct dirtable_options *o, struct dirtable **out)
{
	struct dirtable *d = MEM_NEW(struct dirtable);

	lock_init(&d->lock);
	d->database = copy_z(o->database);
	d->snapshot = o->snapshot ? copy_z(o->snapshot) : NULL;
	d->poll = o->poll ? o->poll : 250;
	if ((look_once(d) || d->t->domain_ids.n == 0) && d->snapshot) {
		err e = work(POOL_DISK, restore, d);

		if (e == E_EXISTS)
			LOG(LOG_INFO, "directory.empty");
		else if (e)
			LOG(LOG_WARN, "directory.no_table", KS("snapshot", str_z(d->snapshot)),
			    KE(e));
		else
			LOG(LOG_INFO, "directory.from_snapshot", KI("seq", d->t->seq),
			    KI("users", d->t->users.n));
	}
	d->tail = fiber_start("directory tail", tail, d);
	*out = d;
	return OK;
}

void dirtable_close(struct dirtable *d)
{
	if (!d)
		return;
	fiber_cancel(d->tail);
	err e = fiber_join(d->tail);

	if (e != E_CANCELED)
		LOG(LOG_WARN, "directory.tail", KE(e));
	sql_close(d->db);
	table_free(d->t);
	(void)pthread_rwlock_destroy(&d->lock);
	mem_free(d->database);
	mem_free(d->snapshot);
	mem_free(d);
}

void dirtable_on_change(struct dirtable *d, void (*fn)(void *arg, uint64_t user), void *arg)
{
	assert(d->non < LISTENERS);
	d->on[d->non++] = (struct listener_fn){ fn, arg };
}

void dirtable_no_change(struct dirtable *d, const void *arg)
{
	for (size_t i = 0; i < d->non; i++)
		if (d->on[i].arg == arg)
			d->on[i--] = d->on[--d->non];
}

/* ---- questions: under the read lock, no wait ---- */

static const struct table *hold(struct dirtable *d)
{
	(void)pthread_rwlock_rdlock(&d->lock);
	return d->t;
}

static void drop(struct dirtable *d)
{
	(void)pthread_rwlock_unlock(&d->lock);
}

bool dirtable_complete(struct dirtable *d)
{
	bool there = hold(d) != NULL;

	drop(d);
	return there;
}

msec dirtable_age(struct dirtable *d)
{
	int64_t looked = atomic_load(&d->looked);

	return looked ? clock_now() - looked : NEVER;
}

err dirtable_address(struct dirtable *d, str address, struct arena *a, struct dir_answer *out)
{
	const struct table *t = hold(d);
	err e = OK;

	if (t)
		e = table_address(t, address, a, out);
	else
		*out = (struct dir_answer){ .what = DIR_NOTABLE, .detail = STR("") };
	drop(d);
	return e;
}

err dirtable_login(struct dirtable *d, str login, str default_domain, struct arena *a,
		   struct dir_user *out)
{
	const struct table *t = hold(d);
	err e = t ? table_login(t, login, default_domain, a, out) : E_AGAIN;

	drop(d);
	return e;
}

err dirtable_user(struct dirtable *d, uint64_t id, struct arena *a, struct dir_user *out)
{
	const struct table *t = hold(d);
	const struct row *u = t ? table_user(t, id) : NULL;
	err e = !t ? E_AGAIN : u ? table_fill_user(t, u, a, out) : E_NOTFOUND;

	drop(d);
	return e;
}

bool dirtable_domain_is_ours(struct dirtable *d, str domain)
{
	char space[LIM_SMTP_DOMAIN + 1];
	str clean;

	if (dir_domain_parse(domain, space, &clean))
		return false;
	const struct table *t = hold(d);
	bool ours = t && table_domain(t, clean);

	drop(d);
	return ours;
}

bool dirtable_may_send_as(struct dirtable *d, uint64_t user, str address)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	struct dir_answer answer;
	struct dir_user own;
	bool may = false;

	arena_init(&a, MIB(1));
	if (dirtable_user(d, user, &a, &own) || dirtable_address(d, address, &a, &answer))
		return false;
	if (answer.what == DIR_USER)
		return answer.user.id == user;
	for (size_t i = 0; answer.what == DIR_ALIAS && i < answer.ntargets; i++)
		may |= str_eq(answer.targets[i], own.login);
	return may;
}

enum dir_listed dirtable_listed(struct dirtable *d, uint64_t user, str sender)
{
	const struct table *t = hold(d);
	enum dir_listed l = t ? table_listed(t, user, sender) : LISTED_NOT;

	drop(d);
	return l;
}
