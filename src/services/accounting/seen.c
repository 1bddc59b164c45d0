/* Events that the SQL file does not have yet, by login; and the open sessions of a user. */
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "run/work.h"
#include "services/accounting/record.h"
#include "services/accounting/state.h"

static str lowered(str s, char *out, size_t cap)
{
	s = str_take(s, cap);
	for (size_t i = 0; i < s.n; i++)
		out[i] = ch_lower(s.p[i]);
	return str_of(out, s.n);
}

static void drop(struct acct *a, struct acct_seen *s)
{
	struct acct_user *u = s->user;

	list_remove(&s->age);
	list_remove(&s->same);
	mem_free(s);
	a->nseen--;
	if (!list_empty(&u->seen))
		return;
	(void)map_remove(&a->users, u->login);
	mem_free(u);
}

static struct acct_user *user_of(struct acct *a, str login)
{
	struct acct_user *u = map_get(&a->users, login);

	if (u)
		return u;
	u = mem_get(size_add(sizeof(*u), login.n));
	memcpy(u->text, login.p, login.n);
	u->login = str_of(u->text, login.n);
	list_init(&u->seen);
	(void)map_put(&a->users, login, u);
	return u;
}

static str put(char **at, str s)
{
	str copy = str_of(*at, s.n);

	if (s.n) /* an empty one may point nowhere */
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

void acct_seen_add(struct acct *a, const struct acct_event *e)
{
	char text[LIM_ACCT_TEXT];
	str login = lowered(e->login, text, sizeof(text)), nas = acct_nas(e);

	if (!login.n || e->kind == ACCT_ON || e->kind == ACCT_OFF)
		return;
	if (a->nseen == LIM_ACCT_SEEN)
		drop(a, CONTAINER(a->seen.next, struct acct_seen, age));
	struct acct_seen *s =
		mem_get(size_add(sizeof(*s), nas.n + e->session.n + e->login.n + e->calling.n));
	char *at = s->text;

	s->kind = e->kind;
	s->open = (struct acct_open){ .nas = put(&at, nas),
				      .session = put(&at, e->session),
				      .login = put(&at, e->login),
				      .calling = put(&at, e->calling),
				      .port = e->port,
				      .ip = e->ip,
				      .start = e->arrived - e->seconds,
				      .heard = e->arrived };
	s->user = user_of(a, login);
	list_add_tail(&a->seen, &s->age);
	list_add_tail(&s->user->seen, &s->same);
	a->nseen++;
}

void acct_seen_drop(struct acct *a, const struct acct_event *e)
{
	char text[LIM_ACCT_TEXT];
	struct acct_user *u = map_get(&a->users, lowered(e->login, text, sizeof(text)));

	if (!u)
		return;
	LIST_EACH (at, &u->seen) {
		struct acct_seen *s = CONTAINER(at, struct acct_seen, same);

		if (s->kind == e->kind && str_eq(s->open.session, e->session) &&
		    str_eq(s->open.nas, acct_nas(e))) {
			drop(a, s);
			return;
		}
	}
}

void acct_seen_free(struct acct *a)
{
	while (!list_empty(&a->seen))
		drop(a, CONTAINER(a->seen.next, struct acct_seen, age));
	map_free(&a->users);
}

/* ---- open sessions ---- */

struct ask {
	struct acct *a;
	str login;
	size_t max, n;
	struct arena *arena;
	struct acct_open *rows;
};

static const char open_sql[] =
	"SELECT n.name, l.session, c.name, l.port, l.ip, l.start, l.heard FROM account AS u"
	" JOIN live AS l ON l.account=u.id JOIN nas AS n ON n.id=l.nas"
	" LEFT JOIN number AS c ON c.id=l.calling"
	" WHERE u.name=?1 AND l.stop=0 ORDER BY l.start DESC LIMIT ?2";

/* The file may have been replaced since. */
static err reader(struct acct *a, struct sql **out)
{
	struct stat st;

	if (stat(a->database, &st) != 0)
		return fail(E_AGAIN, "%s is away", a->database);
	if (a->reader && a->reader_inode != (int64_t)st.st_ino) {
		sql_close(a->reader);
		a->reader = NULL;
	}
	if (!a->reader)
		TRY(sql_open(a->database, SQL_READ, 500, &a->reader));
	a->reader_inode = (int64_t)st.st_ino;
	*out = a->reader;
	return OK;
}

static err read_rows(struct ask *q, struct sql *s)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(s, &st, open_sql, SQL_T(q->login), SQL_I(q->max)));
	while (q->n < q->max && (e = sql_step(st)) == OK)
		q->rows[q->n++] =
			(struct acct_open){ .nas = arena_dup(q->arena, sql_text(st, 0)),
					    .session = arena_dup(q->arena, sql_text(st, 1)),
					    .login = arena_dup(q->arena, q->login),
					    .calling = arena_dup(q->arena, sql_text(st, 2)),
					    .port = (uint32_t)sql_int(st, 3),
					    .ip = (uint32_t)sql_int(st, 4),
					    .start = sql_int(st, 5),
					    .heard = sql_int(st, 6) };
	return q->n == q->max || e == E_EOF ? OK : e;
}

static err read_open(void *arg)
{
	struct ask *q = arg;
	struct sql *s;

	(void)pthread_mutex_lock(&q->a->reading);
	err e = reader(q->a, &s);

	if (e == OK)
		e = read_rows(q, s);
	(void)pthread_mutex_unlock(&q->a->reading);
	return e;
}

static void merge_one(struct ask *q, const struct acct_seen *s)
{
	size_t i = 0;

	while (i < q->n && !(str_eq(q->rows[i].session, s->open.session) &&
			     str_eq(q->rows[i].nas, s->open.nas)))
		i++;
	if (s->kind == ACCT_STOP) {
		if (i < q->n)
			q->rows[i] = q->rows[--q->n];
		return;
	}
	if (i < q->n || q->n == q->max)
		return;
	struct acct_open o = s->open;

	o.nas = arena_dup(q->arena, o.nas);
	o.session = arena_dup(q->arena, o.session);
	o.login = arena_dup(q->arena, o.login);
	o.calling = arena_dup(q->arena, o.calling);
	q->rows[q->n++] = o;
}

static void merge(struct ask *q)
{
	(void)pthread_mutex_lock(&q->a->lock);
	struct acct_user *u = map_get(&q->a->users, q->login);

	if (u)
		LIST_EACH (at, &u->seen)
			merge_one(q, CONTAINER(at, struct acct_seen, same));
	(void)pthread_mutex_unlock(&q->a->lock);
}

WAITS err acct_sessions_of(struct acct *a, str login, size_t max, struct arena *arena,
			   struct acct_open **out, size_t *n)
{
	char text[LIM_ACCT_TEXT];
	struct ask q = {
		.a = a, .login = lowered(login, text, sizeof(text)), .max = max, .arena = arena
	};

	q.rows = NEW_TRY(arena, struct acct_open, max);
	*out = q.rows;
	*n = 0;
	if (!q.rows)
		return fail(E_LIMIT, "%zu sessions", max);
	err e = work(POOL_DISK, read_open, &q);

	if (e)
		q.n = 0;
	merge(&q);
	*n = q.n;
	return e == OK ? OK : fail(E_AGAIN, "the accounting database is away");
}
