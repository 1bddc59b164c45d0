/* A binary heap of timers by time, then by order of start. */
#include "run/loop_state.h"

#include "base/mem.h"

static bool earlier(const struct timer *a, const struct timer *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void put(struct timers *h, size_t at, struct timer *t)
{
	h->heap[at] = t;
	t->place = at + 1;
}

static void sift_up(struct timers *h, size_t at)
{
	struct timer *t = h->heap[at];

	for (size_t up; at > 0 && (up = (at - 1) / 2, earlier(t, h->heap[up])); at = up)
		put(h, at, h->heap[up]);
	put(h, at, t);
}

static void sift_down(struct timers *h, size_t at)
{
	struct timer *t = h->heap[at];

	for (size_t down; (down = 2 * at + 1) < h->n; at = down) {
		if (down + 1 < h->n && earlier(h->heap[down + 1], h->heap[down]))
			down++;
		if (!earlier(h->heap[down], t))
			break;
		put(h, at, h->heap[down]);
	}
	put(h, at, t);
}

void timer_add(struct timers *h, struct timer *t, msec at)
{
	if (h->n == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 64;
		h->heap = mem_resize(h->heap, size_mul(h->cap, sizeof(struct timer *)));
	}
	t->at = at;
	t->order = h->order++;
	h->heap[h->n++] = t;
	sift_up(h, h->n - 1);
}

void timer_remove(struct timers *h, struct timer *t)
{
	if (!t->place)
		return;
	size_t at = t->place - 1;
	struct timer *moved = h->heap[--h->n];

	t->place = 0;
	if (moved == t)
		return;
	put(h, at, moved);
	sift_down(h, at);
	sift_up(h, moved->place - 1);
}

struct timer *timer_first(const struct timers *h)
{
	return h->n ? h->heap[0] : NULL;
}

void timers_free(struct timers *h)
{
	mem_free(h->heap);
	*h = (struct timers){ 0 };
}
