/* Many loops on one box: deliveries, flags, expunges and IDLE at once; run under ThreadSanitizer
 * too. */
#include "base/test.h"
#include "services/mailbox/box.h"
#include "services/mailbox/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

enum { LOOPS = 4, MAILS = 60 };

struct world {
	struct kv *kv;
	struct mailstore *m;
	_Atomic unsigned waiting; /* idlers that are in place */
	_Atomic unsigned idled;	  /* mails that the idlers have seen */
	_Atomic unsigned expunged;
};
struct actor {
	struct world *w;
	err (*fn)(void *);
	err result;
	pthread_t thread;
};

static void *on_a_loop(void *arg)
{
	struct actor *a = arg;

	a->result = loop_main(a->fn, a->w);
	return NULL;
}

WAITS static err deliver(void *arg)
{
	struct world *w = arg;
	struct box *b;

	TRY(box_open(w->m, 1, 0, 0, &b));
	while (w->waiting < LOOPS)
		TRY(fiber_sleep(clock_in(1)));
	for (int i = 0; i < MAILS; i++) {
		struct spool *s = spool_new("/tmp", LIM_MESSAGE);
		struct delivery d = { .box = b };

		TRY(spool_add(s, STR("Subject: x\r\n\r\ny\r\n")));
		mailstore_deliver(w->m, s, &d, 1);
		spool_drop(s);
		TRY(d.result);
	}
	box_drop(b);
	return OK;
}

/* Waits for mail as IDLE does until all of it came. */
WAITS static err idle(void *arg)
{
	struct world *w = arg;
	struct folder_changes ch;
	struct folder_view *v;
	struct arena a;
	struct box *b;
	uint32_t highest = 0;
	err e = OK;

	arena_init(&a, MIB(1));
	TRY(box_open(w->m, 1, 0, 0, &b));
	TRY(folder_open(b, STR("INBOX"), false, &v));
	w->waiting++;
	while (highest < LOOPS * MAILS && e == OK) {
		e = folder_wait(v, NEVER);
		arena_reset(&a);
		if (e == OK)
			e = folder_sync(v, true, &a, &ch);
		for (size_t i = 1; i < v->n && e == OK; i++) {
			if (v->mails[i - 1].uid >= v->mails[i].uid)
				e = fail(E_CORRUPT, "UIDs out of order");
		}
		highest = v->uidnext - 1;
	}
	w->idled += highest;
	folder_close(v);
	box_drop(b);
	arena_free(&a);
	return e;
}

/* Flags each mail as deleted and expunges it, now and then, while others come. */
WAITS static err clean_up(void *arg)
{
	struct world *w = arg;
	struct folder_changes ch;
	struct folder_view *v;
	struct arena a;
	struct box *b;
	err e = OK;

	arena_init(&a, MIB(1));
	TRY(box_open(w->m, 1, 0, 0, &b));
	TRY(folder_open(b, STR("INBOX"), false, &v));
	while (w->expunged < LOOPS * MAILS / 2 && e == OK) {
		uint32_t *modified, uid;
		size_t n;

		arena_reset(&a);
		e = folder_wait(v, clock_in(1000)) == E_TIMEOUT ? OK : e;
		TRY(folder_sync(v, true, &a, &ch));
		w->expunged += (unsigned)ch.nexpunged;
		if (!v->n)
			continue;
		uid = v->mails[v->n / 2].uid;
		TRY(folder_store(
			v, &uid, 1,
			&(struct flag_change){ FLAGS_ADD, FLAG_DELETED, NULL, 0, UINT64_MAX }, &a,
			&modified, &n));
		TRY(folder_expunge(v, &uid, 1));
	}
	folder_close(v);
	box_drop(b);
	arena_free(&a);
	return e;
}

/* A session that is cut off while it works. */
WAITS static err append_until_cut(struct box *b, struct spool *s)
{
	struct appended out;
	err e = OK;

	while (e == OK)
		e = box_append(b, s, &(struct append){ 0 }, &out);
	return e == E_CANCELED ? OK : e;
}

WAITS static err restless(void *arg)
{
	struct world *w = arg;
	struct spool *s = spool_new("/tmp", LIM_MESSAGE);
	struct box *b;
	err e = spool_add(s, STR("Subject: cut\r\n\r\n"));

	if (e == OK)
		e = box_open(w->m, 2, 0, 0, &b);
	if (e == OK) {
		e = append_until_cut(b, s);
		box_drop(b);
	}
	spool_drop(s);
	return e;
}

WAITS static err cut_off(void *arg)
{
	for (int i = 0; i < 20; i++) {
		struct fiber *f = fiber_start("restless", restless, arg);

		TRY(fiber_sleep(clock_in(i % 5)));
		fiber_cancel(f);
		err e = fiber_join(f);
		if (e != OK && e != E_CANCELED)
			return e;
	}
	return OK;
}

static void run_world(err (*const fns[])(void *), size_t n, struct world *w)
{
	struct actor actors[16] = { 0 };
	struct buf report;
	uint64_t findings;

	CHECK_OK(kv_open_memory(&w->kv));
	CHECK_OK(mailstore_open(
		&(struct mailstore_options){
			.kv = w->kv, .body_age = -1, .threads = 3, .rest_after = 5 },
		&w->m));
	for (size_t i = 0; i < n; i++) {
		actors[i] = (struct actor){ .w = w, .fn = fns[i] };
		CHECK(!pthread_create(&actors[i].thread, NULL, on_a_loop, &actors[i]));
	}
	for (size_t i = 0; i < n; i++) {
		CHECK(!pthread_join(actors[i].thread, NULL));
		CHECK_ROW(i, actors[i].result == OK);
	}
	CHECK_OK(mailstore_reclaim(w->m));
	mailstore_close(w->m);
	buf_init(&report, MIB(1));
	CHECK_OK(mailstore_verify(w->kv, &report, &findings));
	CHECK(findings == 0);
	buf_free(&report);
	kv_close(w->kv);
}

TEST(mailbox_many_loops)
{
	static err (*const fns[])(void *) = {
		deliver, deliver, deliver, deliver, idle, idle, idle, idle, clean_up,
	};
	struct world w = { 0 };

	run_world(fns, COUNT(fns), &w);
	CHECK(w.idled == LOOPS * LOOPS * MAILS);
	CHECK(w.expunged >= LOOPS * MAILS / 2);
}

TEST(mailbox_sessions_are_cut_off)
{
	static err (*const fns[])(void *) = { cut_off, cut_off };
	struct world w = { 0 };

	run_world(fns, COUNT(fns), &w);
}

/* ---- a view that rests ---- */
struct rester {
	struct world w;
	struct folder_view *v;
	struct folder_changes ch;
	struct arena a;
	_Atomic bool open, done;
};

WAITS static err rest_until_news(void *arg)
{
	struct rester *r = arg;
	struct box *b;

	TRY(box_open(r->w.m, 1, 0, 0, &b));
	TRY(folder_open(b, STR("INBOX"), false, &r->v));
	box_drop(b);
	r->open = true;
	TRY(folder_wait(r->v, NEVER));
	TRY(folder_sync(r->v, true, &r->a, &r->ch));
	r->done = true;
	return OK;
}

static void *rester_loop(void *arg)
{
	struct rester *r = arg;
	static err result;

	result = loop_main(rest_until_news, r);
	return &result;
}

static bool is_resting(struct rester *r)
{
	struct view *v = view_of(r->v);
	struct box *b = r->v->box;

	(void)pthread_mutex_lock(&b->mu);
	bool is = v->resting;
	(void)pthread_mutex_unlock(&b->mu);
	return is;
}

static void set_waiting(struct rester *r, bool waiting)
{
	(void)pthread_mutex_lock(&r->v->box->mu);
	view_of(r->v)->waiting = waiting;
	(void)pthread_mutex_unlock(&r->v->box->mu);
}

static void add_mail(struct box *b)
{
	struct spool *s = spool_new("/tmp", LIM_MESSAGE);
	struct appended out;

	CHECK_OK(spool_add(s, STR("Subject: x\r\n\r\ny\r\n")));
	CHECK_OK(box_append(b, s, &(struct append){ 0 }, &out));
	spool_drop(s);
}

static void change_while_resting(struct rester *r, struct box *b)
{
	static const struct flag_change deleted = { FLAGS_ADD, FLAG_DELETED, NULL, 0, UINT64_MAX };
	static const struct flag_change seen = { FLAGS_ADD, FLAG_SEEN, NULL, 0, UINT64_MAX };
	struct folder_view *v;
	uint32_t *modified;
	size_t n;

	CHECK(r->v->n == 0 && !box_find(b, STR("INBOX"))->snap); /* nobody holds the list */
	CHECK_OK(folder_open(b, STR("INBOX"), true, &v));
	set_waiting(r, false); /* sleeps through all of it, as a slow loop would */
	CHECK_OK(folder_store(v, (uint32_t[]){ 2, 5 }, 2, &deleted, &r->a, &modified, &n));
	CHECK_OK(folder_expunge(v, NULL, 0));
	CHECK_OK(folder_store(v, (uint32_t[]){ 3 }, 1, &seen, &r->a, &modified, &n));
	set_waiting(r, true);
	add_mail(b);
	folder_close(v);
}

TEST(mailbox_rests_while_idle)
{
	struct rester r = { 0 };
	struct box *b;
	pthread_t thread;
	void *result;

	arena_init(&r.a, MIB(1));
	CHECK_OK(kv_open_memory(&r.w.kv));
	CHECK_OK(mailstore_open(
		&(struct mailstore_options){ .kv = r.w.kv, .threads = 2, .rest_after = 8 },
		&r.w.m));
	CHECK_OK(box_open(r.w.m, 1, 0, 0, &b));
	for (int i = 0; i < 6; i++)
		add_mail(b);
	CHECK(!pthread_create(&thread, NULL, rester_loop, &r));
	while (!r.open || !is_resting(&r))
		(void)usleep(1000);
	change_while_resting(&r, b);
	CHECK(!pthread_join(thread, &result) && *(err *)result == OK && r.done);
	CHECK(r.ch.nexpunged == 2 && r.ch.expunged_seq[0] == 2 && r.ch.expunged_uid[1] == 5);
	CHECK(r.ch.nchanged == 1 && r.ch.changed_seq[0] == 2 && r.ch.exists);
	CHECK(r.v->n == 5 && r.v->mails[1].flags == FLAG_SEEN && r.v->mails[4].uid == 7);
	folder_close(r.v);
	box_drop(b);
	mailstore_close(r.w.m);
	kv_close(r.w.kv);
	arena_free(&r.a);
}
