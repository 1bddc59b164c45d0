#include "services/learning/models.h"

#include <pthread.h>
#include <string.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "services/directory/sql.h"

#define BUSY 2000 /* ms that another process (a command) may hold the lock */

struct cached {
	struct link recent; /* newest first */
	char *user;
	size_t user_n, n;
	char model[]; /* n octets; none: the user never taught */
};

struct learning_models {
	pthread_mutex_t lock;
	struct sql *sql;
	int64_t version; /* of the file when it was last read: a command may have changed it */
	struct map by_user;
	struct link recent;
	size_t max;
};

static const char schema[] = "CREATE TABLE IF NOT EXISTS models (user TEXT PRIMARY KEY, model BLOB "
			     "NOT NULL) WITHOUT ROWID;";

static void drop(struct learning_models *s, struct cached *c)
{
	list_remove(&c->recent);
	(void)map_remove(&s->by_user, str_of(c->user, c->user_n));
	mem_free(c->user);
	mem_free(c);
}

static struct cached *oldest(struct learning_models *s)
{
	return (struct cached *)((char *)s->recent.prev - offsetof(struct cached, recent));
}

static void forget_all(struct learning_models *s)
{
	while (!list_empty(&s->recent))
		drop(s, oldest(s));
}

static struct cached *keep(struct learning_models *s, str user, str model)
{
	struct cached *c = map_get(&s->by_user, user);

	if (c)
		drop(s, c);
	while (s->by_user.n >= s->max)
		drop(s, oldest(s));
	c = mem_get(sizeof *c + model.n);
	c->user = mem_get(user.n + 1);
	memcpy(c->user, user.p, user.n);
	c->user_n = user.n;
	c->n = model.n;
	memcpy(c->model, model.p, model.n);
	(void)map_put(&s->by_user, user, c);
	list_add_head(&s->recent, &c->recent);
	return c;
}

err learning_models_open(const char *path, size_t cached, struct learning_models **out)
{
	struct learning_models *s = MEM_NEW(struct learning_models);
	err e = sql_open(path, SQL_CREATE | SQL_WAL, BUSY, &s->sql);

	if (e == OK)
		e = sql_exec(s->sql, schema);
	if (e) {
		sql_close(s->sql);
		mem_free(s);
		return e;
	}
	pthread_mutex_init(&s->lock, NULL);
	map_init(&s->by_user);
	list_init(&s->recent);
	s->max = cached ? cached : 1;
	*out = s;
	return OK;
}

void learning_models_close(struct learning_models *s)
{
	if (!s)
		return;
	forget_all(s);
	map_free(&s->by_user);
	sql_close(s->sql);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

static str fold(str user, char *out, size_t room)
{
	user = str_take(user, room);
	for (size_t i = 0; i < user.n; i++)
		out[i] = ch_lower(user.p[i]);
	return str_of(out, user.n);
}

static err read_model(struct learning_models *s, str user, struct cached **out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	int64_t version;

	TRY(sql_data_version(s->sql, &version));
	if (version != s->version)
		forget_all(s);
	s->version = version;
	*out = map_get(&s->by_user, user);
	if (*out) {
		list_remove(&(*out)->recent);
		list_add_head(&s->recent, &(*out)->recent);
		return OK;
	}
	TRY(SQL_QUERY(s->sql, &st, "SELECT model FROM models WHERE user=?", SQL_T(user)));
	err e = sql_step(st);

	if (e && e != E_EOF)
		return e;
	*out = keep(s, user, e ? STR("") : sql_text(st, 0));
	return OK;
}

err learning_models_get(struct learning_models *s, str user, struct arena *a, str *model)
{
	char low[LIM_SMTP_PATH];
	struct cached *c;

	pthread_mutex_lock(&s->lock);
	err e = read_model(s, fold(user, low, sizeof low), &c);

	if (e == OK) {
		*model = arena_dup(a, str_of(c->model, c->n));
		if (!model->p)
			e = fail(E_LIMIT, "no memory for a model");
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

static err write_model(struct learning_models *s, str user, str model)
{
	TRY(SQL_RUN(s->sql,
		    "INSERT INTO models (user, model) VALUES (?, ?)"
		    " ON CONFLICT (user) DO UPDATE SET model=excluded.model",
		    SQL_T(user), SQL_B(model)));
	(void)keep(s, user, model);
	return OK;
}

err learning_models_teach(struct learning_models *s, const struct learning_start *start, str user,
			  const struct learning_features *f, bool spam, int64_t now)
{
	CLEANUP(arena_free) struct arena a;
	char low[LIM_SMTP_PATH];
	struct cached *c;
	str model;

	arena_init(&a, 2 * LEARNING_MODEL_MAX);
	user = fold(user, low, sizeof low);
	pthread_mutex_lock(&s->lock);
	err e = read_model(s, user, &c);

	if (e == OK)
		e = learning_teach(start, str_of(c->model, c->n), f, spam, now, &a, &model);
	if (e == OK)
		e = write_model(s, user, model);
	pthread_mutex_unlock(&s->lock);
	return e;
}

err learning_models_reset(struct learning_models *s, str user)
{
	char low[LIM_SMTP_PATH];
	struct cached *c;

	user = fold(user, low, sizeof low);
	pthread_mutex_lock(&s->lock);
	err e = SQL_RUN(s->sql, "DELETE FROM models WHERE user=?", SQL_T(user));

	if (e == OK && sql_changed(s->sql) == 0)
		e = fail(E_NOTFOUND, "%.*s has taught nothing", STRF(user));
	c = map_get(&s->by_user, user);
	if (c)
		drop(s, c);
	pthread_mutex_unlock(&s->lock);
	return e;
}

err learning_models_each(struct learning_models *s,
			 void (*fn)(void *arg, const struct learning_lessons *l), void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct learning_lessons l;
	err e;

	pthread_mutex_lock(&s->lock);
	e = sql_query(s->sql, STR("SELECT user, model FROM models ORDER BY user"), NULL, 0, &st);
	while (e == OK && (e = sql_step(st)) == OK) {
		learning_lessons_of(sql_text(st, 1), &l);
		l.user = sql_text(st, 0);
		fn(arg, &l);
	}
	pthread_mutex_unlock(&s->lock);
	return e == E_EOF ? OK : e;
}
