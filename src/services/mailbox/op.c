/* Ops: the queue of a box, the threads that take turns at boxes, and waiting for them. */
#include "services/mailbox/box.h"

#include <stdio.h>
#include <string.h>

#include "run/log.h"

enum {
	TURN_OPS = 64,	       /* deliveries that share a transaction */
	TURN_OCTETS = 4 << 20, /* of their rows, which bounds it too */
};

/* ---- wakers ---- */
struct waker {
	_Atomic unsigned refs;
	struct loop *loop;
	struct waitq q;
};

struct waker *waker_new(void)
{
	struct waker *w = MEM_NEW(struct waker);

	w->refs = 1;
	w->loop = loop_here();
	waitq_init(&w->q);
	return w;
}

void waker_drop(struct waker *w)
{
	if (w && atomic_fetch_sub(&w->refs, 1) == 1)
		mem_free(w);
}

static void woken(void *arg)
{
	struct waker *w = arg;

	waitq_wake_all(&w->q);
	waker_drop(w);
}

void waker_wake(struct waker *w)
{
	(void)atomic_fetch_add(&w->refs, 1);
	loop_post(w->loop, woken, w);
}

WAITS err waker_wait(struct waker *w, msec deadline)
{
	return waitq_wait(&w->q, deadline);
}

WAITS err waker_wait_input(struct waker *w, struct stream *io)
{
	return stream_fill_or(io, &w->q);
}

/* ---- submitting and waiting ---- */
static void box_ready(struct box *b)
{
	struct mailstore *m = b->store;

	(void)pthread_mutex_lock(&m->mu);
	b->refs++; /* the thread's that will take the turn: ops may be taken back and their box
		      dropped */
	list_add_tail(&m->ready, &b->ready);
	(void)pthread_cond_signal(&m->wake);
	(void)pthread_mutex_unlock(&m->mu);
}

void op_submit(struct box *b, struct op *o)
{
	o->w = fiber_here() ? waker_new() : NULL;
	(void)pthread_cond_init(&o->cond, NULL);
	(void)pthread_mutex_lock(&b->mu);
	list_add_tail(&b->ops, &o->link);
	bool idle = !b->scheduled;
	b->scheduled = true;
	(void)pthread_mutex_unlock(&b->mu);
	if (idle)
		box_ready(b);
}

/* The op of a canceled fiber: taken back, or, when a thread has it, waited for here and now: it
 * lies on our stack. */
static void wait_here(struct box *b, struct op *o, bool canceled)
{
	if (canceled && !o->taken) {
		list_remove(&o->link);
		o->result = fail(E_CANCELED, "canceled before it began");
		o->finished = true;
	}
	while (!o->finished)
		(void)pthread_cond_wait(&o->cond, &b->mu);
}

WAITS err op_wait(struct box *b, struct op *o)
{
	bool finished = false;

	while (o->w && !finished) {
		(void)pthread_mutex_lock(&b->mu);
		finished = o->finished;
		(void)pthread_mutex_unlock(&b->mu);
		if (!finished && waker_wait(o->w, NEVER) != OK)
			break;
	}
	(void)pthread_mutex_lock(&b->mu);
	wait_here(b, o, o->w != NULL);
	(void)pthread_mutex_unlock(&b->mu);
	waker_drop(o->w);
	(void)pthread_cond_destroy(&o->cond);
	return o->result == OK ? OK : fail(o->result, "%s", o->text);
}

WAITS err op_run(struct box *b, struct op *o)
{
	op_submit(b, o);
	return op_wait(b, o);
}

static err run_nothing(struct txn *t, struct op *o)
{
	(void)t;
	(void)o;
	return OK;
}

WAITS err box_fresh(struct box *b)
{
	struct op o = { .run = run_nothing };

	(void)pthread_mutex_lock(&b->mu);
	bool loaded = b->loaded;
	(void)pthread_mutex_unlock(&b->mu);
	return loaded ? OK : op_run(b, &o);
}

/* ---- a turn ---- */
static void op_failed(struct op *o, err e)
{
	o->result = e;
	(void)snprintf(o->text, sizeof(o->text), "%s", err_last()->text);
}

static size_t take_ops(struct box *b, struct op **v)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&b->mu);
	while (n < TURN_OPS && !list_empty(&b->ops)) {
		struct op *o = CONTAINER(b->ops.next, struct op, link);

		if (n && !(o->gather && v[0]->gather))
			break;
		list_remove(&o->link);
		o->taken = true;
		v[n++] = o;
	}
	(void)pthread_mutex_unlock(&b->mu);
	return n;
}

static void turn_commit(struct txn *t, struct op **v, size_t n)
{
	struct box *b = t->b;
	err e = txn_commit(t);

	(void)pthread_mutex_lock(&b->mu);
	if (e == OK)
		txn_publish(t);
	else if (e != E_FULL && e != E_LIMIT)
		b->loaded = false; /* what is stored is in doubt, or somebody else's */
	for (size_t i = 0; i < n; i++) {
		if (v[i]->result == OK && e != OK)
			op_failed(v[i], e);
		else if (v[i]->result == OK && v[i]->done)
			v[i]->done(t, v[i]);
	}
	(void)pthread_mutex_unlock(&b->mu);
}

/* Ops that a large transaction has no room for wait for the next turn. */
static void put_back(struct box *b, struct op **v, size_t n)
{
	(void)pthread_mutex_lock(&b->mu);
	while (n--) {
		v[n]->taken = false;
		list_add_head(&b->ops, &v[n]->link);
	}
	(void)pthread_mutex_unlock(&b->mu);
}

/* How many of v were done. */
static size_t turn_run(struct box *b, struct op **v, size_t n)
{
	struct txn t;
	err e = OK;
	size_t done = 0;

	if (!b->loaded && !v[0]->opening)
		e = box_load(b);
	if (v[0]->opening)
		e = v[0]->run(NULL, v[0]); /* takes the epoch and loads */
	txn_begin(&t, b);
	while (done < n && kv_batch_size(t.batch) < TURN_OCTETS) {
		struct op *o = v[done++];
		err one = e != OK ? e : o->run(&t, o);

		o->result = OK;
		if (one != OK)
			op_failed(o, one);
	}
	/* An op that fails alone may have staged something: it must not be written. */
	if (v[0]->result == OK || v[0]->gather)
		turn_commit(&t, v, done);
	txn_end(&t);
	put_back(b, v + done, n - done);
	return done;
}

static void turn(struct box *b)
{
	struct op *v[TURN_OPS];
	size_t n = take_ops(b, v);

	if (n)
		n = turn_run(b, v, n);
	(void)pthread_mutex_lock(&b->mu);
	for (size_t i = 0; i < n; i++) {
		v[i]->finished = true;
		if (v[i]->w)
			waker_wake(v[i]->w);
		(void)pthread_cond_signal(&v[i]->cond);
	}
	bool more = !list_empty(&b->ops);
	b->scheduled = more;
	(void)pthread_mutex_unlock(&b->mu);
	if (more)
		box_ready(b);
}

static void *store_thread(void *arg)
{
	struct mailstore *m = arg;

	(void)pthread_mutex_lock(&m->mu);
	for (;;) {
		struct link *l = list_pop(&m->ready);

		if (l) {
			struct box *b = CONTAINER(l, struct box, ready);

			(void)pthread_mutex_unlock(&m->mu);
			turn(b);
			box_drop(b);
			(void)pthread_mutex_lock(&m->mu);
		} else if (m->stop) {
			break;
		} else {
			(void)pthread_cond_wait(&m->wake, &m->mu);
		}
	}
	(void)pthread_mutex_unlock(&m->mu);
	return NULL;
}

err mailstore_open(const struct mailstore_options *o, struct mailstore **out)
{
	struct mailstore *m = MEM_NEW(struct mailstore);

	m->kv = o->kv;
	m->o = *o;
	if (!m->o.body_age)
		m->o.body_age = 3600 * 1000;
	if (!m->o.keep_quarantine)
		m->o.keep_quarantine = 30ll * 24 * 3600 * 1000;
	if (!m->o.rest_after)
		m->o.rest_after = 60 * 1000;
	(void)pthread_mutex_init(&m->mu, NULL);
	(void)pthread_cond_init(&m->wake, NULL);
	(void)pthread_cond_init(&m->rest, NULL);
	map_init(&m->boxes);
	map_init(&m->inflight);
	list_init(&m->ready);
	size_t threads = o->threads ? o->threads : 16;
	m->threads = mem_get(size_mul(threads, sizeof(*m->threads)));
	for (; m->nthreads < threads; m->nthreads++) {
		if (pthread_create(&m->threads[m->nthreads], NULL, store_thread, m)) {
			mailstore_close(m);
			return fail(E_IO, "no thread for the mail store");
		}
	}
	m->resting = !pthread_create(&m->rester, NULL, rest_thread, m);
	*out = m;
	return OK;
}

void mailstore_close(struct mailstore *m)
{
	if (!m)
		return;
	(void)pthread_mutex_lock(&m->mu);
	m->stop = true;
	(void)pthread_cond_broadcast(&m->wake);
	(void)pthread_cond_signal(&m->rest);
	(void)pthread_mutex_unlock(&m->mu);
	for (size_t i = 0; i < m->nthreads; i++)
		(void)pthread_join(m->threads[i], NULL);
	if (m->resting)
		(void)pthread_join(m->rester, NULL);
	if (m->boxes.n) {
		/* Sessions that did not end in time hold boxes: what they point to stays until the
		 * process ends. */
		LOG(LOG_WARN, "mailbox.close", KI("boxes", m->boxes.n));
		return;
	}
	map_free(&m->boxes);
	map_free(&m->inflight);
	(void)pthread_cond_destroy(&m->wake);
	(void)pthread_cond_destroy(&m->rest);
	(void)pthread_mutex_destroy(&m->mu);
	mem_free(m->threads);
	mem_free(m);
}
