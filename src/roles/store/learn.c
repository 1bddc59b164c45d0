/* What users say of mails by moving them, told to a filter in their name: in the background, a
 * bounded number at a time; what is too much is counted and forgotten, since no mail hangs on it.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "clients/filter/filter_client.h"
#include "roles/store/store.h"
#include "run/log.h"
#include "run/metrics.h"

enum {
	LESSONS = 64, /* at a time */
	PIECE = 32768,
	PATIENCE = 10000, /* for one mail */
	STOPPING = 3000,
};

#define LESSON(id, result)                                                                         \
	METRIC(id, "posta_store_lessons_total", "result=\"" result "\"", METRIC_COUNTER,           \
	       "Mails that users moved into or out of Spam, by what came of telling a filter.")
LESSON(m_taught, "taught");
LESSON(m_failed, "failed");
LESSON(m_dropped, "dropped");

static struct {
	struct filters *filters;
	_Atomic int busy;
	_Atomic bool stopping;
} learn;

struct lesson {
	struct box *box; /* held */
	bool spam;
	str folder;
	size_t n;
	uint32_t uids[];
};

bool store_learns(void)
{
	return learn.filters != NULL;
}

err store_learn_open(void)
{
	const struct store_settings *set = store_settings();

	learn.stopping = false;
	return set->nfilters ? filters_open(set->filters, set->nfilters, PATIENCE, &learn.filters)
			     : OK;
}

WAITS void store_learn_close(void)
{
	msec until = clock_in(STOPPING);

	learn.stopping = true;
	while (learn.busy > 0 && clock_now() < until && fiber_sleep(clock_in(20)) == OK)
		;
	if (learn.busy > 0)
		return; /* the process ends: what they hold goes with it */
	filters_close(learn.filters);
	learn.filters = NULL;
}

static void lesson_free(struct lesson *l)
{
	box_drop(l->box);
	mem_free(l);
	atomic_fetch_sub(&learn.busy, 1);
}

/* The mail's first LIM_LESSON octets, as they were scanned: without what we put before them. */
WAITS static err read_mail(struct folder_view *v, uint32_t uid, struct buf *out)
{
	CLEANUP(arena_free) struct arena keep, piece;
	struct mail_source src = { .a = &keep };
	str got;

	arena_init(&keep, KIB(256));
	arena_init(&piece, KIB(256));
	do {
		arena_reset(&piece);
		TRY(mail_read(v, uid, &src, out->n, PIECE, &piece, &got));
		buf_add(out, got);
	} while (got.n && out->n + PIECE <= LIM_LESSON);
	buf_eat(out, src.prefix.n < out->n ? src.prefix.n : 0);
	return buf_done(out);
}

WAITS static err add_clean(str message, struct spool *to)
{
	CLEANUP(buf_free) struct buf header;
	size_t n = verdict_header_size(message);

	buf_init(&header, n);
	verdict_add_clean(&header, str_take(message, n), store_settings()->hostname);
	TRY(spool_add(to, buf_str(&header)));
	return spool_add(to, str_skip(message, n));
}

WAITS static err teach(const struct lesson *l, str user, struct folder_view *v, uint32_t uid)
{
	CLEANUP(buf_free) struct buf message;
	const struct filter_question q = { .message = spool_new(store_settings()->lmtp.spool_dir,
								LIM_LESSON),
					   .ip = STR(""),
					   .helo = STR(""),
					   .rdns = STR(""),
					   .from = STR(""),
					   .id = STR(""),
					   .user = user,
					   .rcpts = &user,
					   .nrcpts = 1 };

	buf_init(&message, LIM_LESSON + PIECE);
	err e = read_mail(v, uid, &message);

	if (!e)
		e = add_clean(buf_str(&message), q.message);
	if (!e)
		e = filter_learn(learn.filters, &q, l->spam, clock_in(PATIENCE));
	spool_drop(q.message);
	return e;
}

WAITS static err teach_all(const struct lesson *l, str user, struct folder_view *v)
{
	for (size_t i = 0; i < l->n && !learn.stopping; i++) {
		err e = teach(l, user, v, l->uids[i]);

		if (e == E_CANCELED)
			return e;
		metric_add(e ? &m_failed : &m_taught, 1);
		if (e && e != E_NOTFOUND) { /* the next ones will not do better */
			LOG(LOG_WARN, "store.lesson", KS("user", user), KE(e));
			metric_add(&m_failed, (int64_t)(l->n - i - 1));
			return OK;
		}
	}
	return OK;
}

WAITS static err run(struct lesson *l)
{
	CLEANUP(arena_free) struct arena a;
	struct folder_view *v;
	struct dir_user u;

	arena_init(&a, KIB(64));
	TRY(dirtable_user(store_here()->table, box_user(l->box), &a, &u));
	TRY(folder_open(l->box, l->folder, true, &v));
	err e = teach_all(l, u.login, v);

	folder_close(v);
	return e;
}

WAITS static err lesson_fiber(void *arg)
{
	struct lesson *l = arg;
	err e = run(l);

	lesson_free(l);
	return e == E_CANCELED ? e : OK;
}

void store_lesson(struct box *b, str folder, const uint32_t *uids, size_t n, bool spam)
{
	size_t taken = n < LIM_LESSON_MAILS ? n : LIM_LESSON_MAILS;

	metric_add(&m_dropped, (int64_t)(n - taken));
	if (atomic_fetch_add(&learn.busy, 1) >= LESSONS || learn.stopping) {
		atomic_fetch_sub(&learn.busy, 1);
		metric_add(&m_dropped, (int64_t)taken);
		return;
	}
	size_t list = size_mul(taken, sizeof(uint32_t));
	struct lesson *l = mem_get(size_add(size_add(sizeof(*l), list), folder.n));
	char *name = (char *)l->uids + list;

	memcpy(l->uids, uids, list);
	memcpy(name, folder.p, folder.n);
	l->box = box_hold(b);
	l->spam = spam;
	l->folder = str_of(name, folder.n);
	l->n = taken;
	(void)fiber_spawn("store.lesson", lesson_fiber, l);
}
