/* Which filter is asked, and which next. */
#include "base/limits.h"
#include "base/mem.h"
#include "clients/filter/internal.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(m_answered, "posta_filter_questions_total", "what=\"answered\"", METRIC_COUNTER,
       "Questions to filters.");
METRIC(m_failed, "posta_filter_questions_total", "what=\"failed\"", METRIC_COUNTER,
       "Questions to filters.");
METRIC(m_given_up, "posta_filter_questions_total", "what=\"given up\"", METRIC_COUNTER,
       "Questions to filters.");

enum {
	CONNECT = 2000, /* milliseconds, of those that there are */
	SPARE = 200,	/* milliseconds below which no other is begun with */
	FRESH = 3000,	/* one that answered so lately is coming back: worth waiting for */
	STEP = 50,	/* between looks at it */
	REFUSED = 100,	/* milliseconds that one which cannot be reached is left alone */
};

err filters_open(const struct net_addr *addr, size_t n, msec pause, struct filters **out)
{
	if (n == 0 || n > LIM_ADDRESSES)
		return fail(E_LIMIT, "%zu filters; 1 to %d can be asked", n, LIM_ADDRESSES);
	struct filters *f = MEM_NEW(struct filters);

	f->v = mem_get(size_mul(n, sizeof(*f->v)));
	f->n = n;
	f->pause = pause;
	(void)pthread_mutex_init(&f->lock, NULL);
	for (size_t i = 0; i < n; i++) {
		f->v[i].addr = addr[i];
		atomic_store(&f->v[i].answered, -FRESH);
	}
	*out = f;
	return OK;
}

void filters_close(struct filters *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++)
		filter_idle_close(&f->v[i]);
	(void)pthread_mutex_destroy(&f->lock);
	mem_free(f->v);
	mem_free(f);
}

/* The one of those not tried yet that is up and has least to do; NULL: none. Who is equal comes by
 * turns. */
static struct filter *choose(struct filters *f, uint64_t tried)
{
	unsigned turn = atomic_fetch_add(&f->turn, 1);
	struct filter *best = NULL;

	for (size_t k = 0; k < f->n; k++) {
		size_t i = (turn + k) % f->n;
		struct filter *c = &f->v[i];

		if (tried >> i & 1 || atomic_load(&c->down) > clock_now())
			continue;
		if (!best || atomic_load(&c->busy) < atomic_load(&best->busy))
			best = c;
	}
	return best;
}

static bool other_left(struct filters *f, uint64_t tried)
{
	for (size_t i = 0; i < f->n; i++)
		if (!(tried >> i & 1) && atomic_load(&f->v[i].down) <= clock_now())
			return true;
	return false;
}

/* Half of the time is left for another, where there is one. */
static msec share(struct filters *f, uint64_t tried, msec deadline)
{
	msec left = deadline - clock_now();

	return other_left(f, tried) && left > 2 * SPARE ? clock_in(left / 2) : deadline;
}

static msec earlier(msec a, msec b)
{
	return a < b ? a : b;
}

struct asking {
	struct filters *f;
	struct filter *to;
	str path;
	const struct filter_question *q;
	struct buf *answer;
	int status;
};

WAITS static err over(struct asking *k, struct stream *io, msec deadline, bool *begun)
{
	bool keep;

	stream_deadline(io, deadline);
	buf_reset(k->answer);
	err e = filter_exchange(io, k->path, k->q, &k->status, k->answer, &keep, begun);

	if (e == OK && keep)
		filter_idle_keep(k->f, k->to, io);
	else
		stream_close(io);
	return e;
}

/* A kept connection that had died meanwhile is no sign of anything: a new one is tried at once. */
WAITS static err ask_one(struct asking *k, msec deadline)
{
	struct stream *io = filter_idle_take(k->f, k->to);
	bool begun;
	int fd;

	if (io) {
		err e = over(k, io, deadline, &begun);

		if (e == OK || e == E_CANCELED || e == E_TIMEOUT || begun)
			return e;
	}
	TRY(net_connect(&k->to->addr, NULL, earlier(deadline, clock_in(CONNECT)), &fd));
	return over(k, stream_open(fd, &k->to->addr), deadline, &begun);
}

static bool fresh(struct filters *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (clock_now() - atomic_load(&f->v[i].answered) < FRESH)
			return true;
	return false;
}

/* One that hangs costs every message its share of the time, so it is left alone for a while; one
 * that refuses costs little. */
static void mark_down(struct filters *f, struct filter *c, err e)
{
	msec pause = e == E_TIMEOUT ? f->pause : earlier(f->pause, REFUSED);
	CLEANUP(buf_free) struct buf who;

	buf_init(&who, 200);
	net_print(&c->addr, &who);
	metric_add(&m_failed, 1);
	LOG(LOG_WARN, "filter.away", KS("filter", buf_str(&who)), KE(e));
	atomic_store(&c->down, clock_in(pause));
}

/* Reads what came; an answer that cannot be read is none. */
typedef err take_answer(str body, struct arena *a, struct filter_answer *out);

WAITS static err attempt(struct asking *k, uint64_t tried, msec deadline, struct arena *a,
			 take_answer *take, struct filter_answer *out)
{
	atomic_fetch_add(&k->to->busy, 1);
	k->status = 0;
	err e = ask_one(k, share(k->f, tried, deadline));

	atomic_fetch_sub(&k->to->busy, 1);
	if (e == E_CANCELED)
		return e;
	if (e) {
		mark_down(k->f, k->to, e);
		return e;
	}
	atomic_store(&k->to->answered, clock_now());
	atomic_store(&k->to->down, 0);
	if (k->status != 200)
		e = fail(E_AGAIN, "status %d: %.*s", k->status,
			 STRF(str_take(str_trim_ws(buf_str(k->answer)), 100)));
	else if (take)
		e = take(buf_str(k->answer), a, out);
	if (e)
		LOG(LOG_WARN, "filter.refused", KE(e));
	metric_add(e ? &m_failed : &m_answered, 1);
	return e;
}

WAITS static err ask(struct filters *f, str path, const struct filter_question *q, msec deadline,
		     struct arena *a, take_answer *take, struct filter_answer *out)
{
	CLEANUP(buf_free) struct buf answer;
	struct asking k = { .f = f, .path = path, .q = q, .answer = &answer };
	uint64_t tried = 0;
	bool heard = false;

	buf_init(&answer, LIM_FILTER_ANSWER);
	while (deadline - clock_now() > 0) {
		k.to = choose(f, tried);
		if (k.to) {
			tried |= (uint64_t)1 << (k.to - f->v);
			err e = attempt(&k, tried, deadline, a, take, out);

			if (e == OK || e == E_CANCELED)
				return e;
			heard |= k.status != 0;
			continue;
		}
		/* All are away, or cannot do with this one. A filter that just died has its
		 * supervisor. */
		if (heard || !fresh(f))
			break;
		TRY(fiber_sleep(earlier(deadline, clock_in(STEP))));
		tried = 0;
	}
	metric_add(&m_given_up, 1);
	return fail(E_AGAIN, "no filter answered");
}

WAITS err filter_check(struct filters *f, const struct filter_question *q, msec deadline,
		       struct arena *a, struct filter_answer *out)
{
	return ask(f, STR("/checkv2"), q, deadline, a, filter_answer_parse, out);
}

WAITS err filter_learn(struct filters *f, const struct filter_question *q, bool spam, msec deadline)
{
	return ask(f, spam ? STR("/learnspam") : STR("/learnham"), q, deadline, NULL, NULL, NULL);
}
