#include "services/access/access.h"

#include <pthread.h>
#include <string.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/directory/sql.h"

METRIC(from_memory, "posta_access_memory_total", "", METRIC_COUNTER,
       "Answers about users from memory, while the directory was away.");
METRIC(remembered, "posta_access_users", "", METRIC_GAUGE, "Users in memory.");

enum { BUSY = 2000 /* ms that a read waits for the database's writer */ };
enum text {
	ADDRESS,
	ADDRESS6,
	PREFIX6,
	POOL,
	PROFILE,
	ATTRIBUTES,
	HOURS,
	CALLING,
	CALLED,
	NAS,
	TEXTS
};

/* A row in one piece of memory: the texts stand behind it. */
struct entry {
	struct link by_use; /* the one used last at the end */
	uint64_t id;
	bool stale; /* the feed named it, or all */
	size_t n[TEXTS];
	struct access_user user; /* its views point into text */
	char text[];
};
struct access {
	struct dirtable *table;
	char *database;
	pthread_mutex_t lock; /* of users, by_use */
	struct map users;
	struct link by_use;
	_Atomic msec keep;
	_Atomic uint64_t era;
	pthread_mutex_t db; /* of sql; taken on helper threads alone */
	struct sql *sql;
};

static str *text_of(struct access_user *u, enum text t)
{
	str *const all[TEXTS] = { &u->address, &u->address6,   &u->prefix6, &u->pool,
				  &u->profile, &u->attributes, &u->hours,   &u->calling,
				  &u->called,  &u->nas };

	return all[t];
}

static str key_of(const uint64_t *id)
{
	return str_of(id, sizeof(*id));
}

static void drop(struct access *a, struct entry *e)
{
	(void)map_remove(&a->users, key_of(&e->id));
	list_remove(&e->by_use);
	mem_free(e);
	metric_add(&remembered, -1);
}

static void on_change(void *arg, uint64_t user)
{
	struct access *a = arg;

	(void)pthread_mutex_lock(&a->lock);
	a->era++;
	if (user) {
		struct entry *e = map_get(&a->users, key_of(&user));

		if (e)
			e->stale = true;
	} else {
		LIST_EACH (l, &a->by_use)
			CONTAINER(l, struct entry, by_use)->stale = true;
	}
	(void)pthread_mutex_unlock(&a->lock);
}

err access_open(struct dirtable *table, const char *database, msec keep, struct access **out)
{
	struct access *a = MEM_NEW(struct access);
	size_t n = str_z(database).n;

	a->table = table;
	a->database = mem_get(n + 1);
	memcpy(a->database, database, n);
	a->keep = keep;
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_mutex_init(&a->db, NULL);
	map_init(&a->users);
	list_init(&a->by_use);
	dirtable_on_change(table, on_change, a);
	*out = a;
	return OK;
}

void access_close(struct access *a)
{
	if (!a)
		return;
	dirtable_no_change(a->table, a);
	while (!list_empty(&a->by_use))
		drop(a, CONTAINER(a->by_use.next, struct entry, by_use));
	map_free(&a->users);
	sql_close(a->sql);
	(void)pthread_mutex_destroy(&a->lock);
	(void)pthread_mutex_destroy(&a->db);
	mem_free(a->database);
	mem_free(a);
}

void access_keep(struct access *a, msec keep)
{
	a->keep = keep;
}

/* ---- memory ---- */

static err copy_out(const struct entry *e, struct arena *ar, struct access_user *out)
{
	*out = e->user;
	for (int t = 0; t < TEXTS; t++) {
		str *s = text_of(out, (enum text)t);

		*s = arena_dup(ar, *s);
		if (!s->p)
			return fail(E_LIMIT, "a user's access takes too much memory");
	}
	return OK;
}

/* E_NOTFOUND: not there, or (fresh) not to be trusted. */
static err recall(struct access *a, uint64_t id, bool fresh, struct arena *ar,
		  struct access_user *out)
{
	err e = E_NOTFOUND;

	(void)pthread_mutex_lock(&a->lock);
	struct entry *n = map_get(&a->users, key_of(&id));

	if (n && !(fresh && n->stale)) {
		list_remove(&n->by_use);
		list_add_tail(&a->by_use, &n->by_use);
		e = copy_out(n, ar, out);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return e;
}

static struct entry *entry_of(uint64_t id, const struct access_user *u)
{
	struct access_user copy = *u;
	size_t n = sizeof(struct entry);

	for (int t = 0; t < TEXTS; t++)
		n += text_of(&copy, (enum text)t)->n;
	struct entry *e = mem_get(n);
	char *at = e->text;

	e->id = id;
	e->user = *u;
	for (int t = 0; t < TEXTS; t++) {
		str *s = text_of(&e->user, (enum text)t);

		if (s->n)
			memcpy(at, s->p, s->n);
		*s = str_of(at, s->n);
		at += s->n;
	}
	return e;
}

/* Not kept when the feed said something since the row was asked for: it may be the old one. */
static void keep_row(struct access *a, uint64_t id, const struct access_user *u, uint64_t era)
{
	struct entry *n = entry_of(id, u);

	(void)pthread_mutex_lock(&a->lock);
	struct entry *old = map_get(&a->users, key_of(&id));

	n->stale = a->era != era;
	if (old)
		drop(a, old);
	else if (a->users.n >= LIM_ACCESS_USERS)
		drop(a, CONTAINER(a->by_use.next, struct entry, by_use));
	(void)map_put(&a->users, key_of(&n->id), n);
	list_add_tail(&a->by_use, &n->by_use);
	metric_add(&remembered, 1);
	(void)pthread_mutex_unlock(&a->lock);
}

/* ---- the database, on helper threads ---- */

struct job {
	struct access *a;
	uint64_t id;
	struct arena *ar;
	struct access_user *out;
};

static err read_row(struct access *a, struct job *j)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct access_user *u = j->out;

	TRY(SQL_QUERY(a->sql, &st,
		      "SELECT address, address6, prefix6, pool, profile, attributes, hours,"
		      " calling, called, nas, enabled, any_password, sessions, session_timeout,"
		      " idle_timeout, up_kbit, down_kbit, expires FROM dialups WHERE user_id = ?",
		      SQL_I(j->id)));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? OK : e;
	for (int t = 0; t < TEXTS; t++) {
		str *s = text_of(u, (enum text)t);

		*s = arena_dup(j->ar, sql_text(st, t));
		if (!s->p)
			return fail(E_LIMIT, "a user's access takes too much memory");
	}
	u->enabled = sql_int(st, 10) != 0;
	u->any_password = sql_int(st, 11) != 0;
	u->sessions = sql_int(st, 12);
	u->session_timeout = sql_int(st, 13);
	u->idle_timeout = sql_int(st, 14);
	u->up_kbit = sql_int(st, 15);
	u->down_kbit = sql_int(st, 16);
	u->expires = sql_int(st, 17);
	return OK;
}

static err read_job(void *arg)
{
	struct job *j = arg;
	struct access *a = j->a;

	(void)pthread_mutex_lock(&a->db);
	err e = a->sql ? OK : sql_open(a->database, SQL_READ, BUSY, &a->sql);

	if (!e)
		e = read_row(a, j);
	if (e && e != E_LIMIT) { /* a fresh connection may see a restored file */
		sql_close(a->sql);
		a->sql = NULL;
	}
	(void)pthread_mutex_unlock(&a->db);
	return e;
}

static void nothing(struct access_user *out)
{
	*out = (struct access_user){ 0 };
	for (int t = 0; t < TEXTS; t++)
		*text_of(out, (enum text)t) = STR("");
}

err access_find(struct access *a, uint64_t user, struct arena *ar, struct access_user *out)
{
	bool away = dirtable_age(a->table) > a->keep;
	uint64_t era = a->era;

	err e = away ? E_NOTFOUND : recall(a, user, true, ar, out);

	if (e != E_NOTFOUND)
		return e;
	struct job j = { a, user, ar, out };

	nothing(out);
	e = work(POOL_DISK, read_job, &j);
	if (!e)
		keep_row(a, user, out, era);
	if (!e || e == E_CANCELED || e == E_LIMIT)
		return e;
	LOG(LOG_WARN, "access.directory", KE(e));
	e = away ? E_NOTFOUND : recall(a, user, false, ar, out);
	if (e != E_NOTFOUND) {
		metric_add(&from_memory, 1);
		return e;
	}
	return fail(E_AGAIN, "the directory is away");
}
