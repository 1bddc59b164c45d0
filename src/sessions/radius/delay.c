/* Rejects wait in one list, since all wait equally long; one fiber sends them. */
#include <string.h>

#include "run/metrics.h"
#include "sessions/radius/internal.h"

METRIC(waiting, "posta_radius_delayed", "", METRIC_GAUGE, "Rejects that wait to be sent.");

struct delayed {
	struct link by_due;
	struct radius_source to;
	msec due;
	size_t n;
	char answer[];
};

void delays_init(struct delays *d)
{
	list_init(&d->waiting);
}

static void done(struct delays *d, struct delayed *w)
{
	list_remove(&w->by_due);
	if (w->to.drop)
		w->to.drop(w->to.stream);
	mem_free(w);
	d->n--;
	metric_add(&waiting, -1);
}

void delays_free(struct delays *d)
{
	while (!list_empty(&d->waiting))
		done(d, CONTAINER(d->waiting.next, struct delayed, by_due));
}

WAITS static err send_due(void *arg)
{
	struct delays *d = arg;
	err e = OK;

	while (!e && !list_empty(&d->waiting)) {
		struct delayed *w = CONTAINER(d->waiting.next, struct delayed, by_due);

		if (w->due > clock_now()) {
			e = fiber_sleep(w->due);
			continue;
		}
		w->to.send(&w->to, str_of(w->answer, w->n));
		done(d, w);
	}
	d->running = false;
	return e;
}

void delays_add(struct delays *d, const struct radius_source *to, str answer, msec delay)
{
	if (!delay || d->n >= LIM_RADIUS_DELAYED) {
		to->send(to, answer);
		return;
	}
	struct delayed *w = mem_get(sizeof(*w) + answer.n);

	w->to = *to;
	w->due = clock_now() + delay;
	w->n = answer.n;
	memcpy(w->answer, answer.p, answer.n);
	if (to->hold)
		to->hold(to->stream);
	list_add_tail(&d->waiting, &w->by_due);
	d->n++;
	metric_add(&waiting, 1);
	if (!d->running) {
		d->running = true;
		fiber_spawn("radius delay", send_due, d);
	}
}
