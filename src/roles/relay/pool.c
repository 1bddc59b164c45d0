#include <string.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "roles/relay/relay.h"

/* Home loop alone, as the queue's attempts. */
static struct {
	struct link idle; /* oldest first */
	size_t n;
	struct fiber *reaper;
} pool;

void relay_line_drop(struct relay_line *line)
{
	smtp_client_close(line->client);
	mem_free(line);
}

WAITS static err say_goodbye(void *arg)
{
	struct relay_line *line = arg;

	smtp_client_quit(line->client);
	mem_free(line);
	return OK;
}

static struct relay_line *take_out(struct link *l)
{
	list_remove(l);
	pool.n--;
	return CONTAINER(l, struct relay_line, link);
}

static void close_old(msec before)
{
	struct link *next;

	for (struct link *l = pool.idle.next; l != &pool.idle; l = next) {
		next = l->next;
		if (CONTAINER(l, struct relay_line, link)->until <= before)
			(void)fiber_spawn("relay.quit", say_goodbye, take_out(l));
	}
}

WAITS static err reaper(void *arg)
{
	(void)arg;
	for (;;) {
		TRY(fiber_sleep(clock_in(1000)));
		close_old(clock_now());
	}
}

void relay_pool_open(void)
{
	list_init(&pool.idle);
	pool.n = 0;
	pool.reaper = fiber_start("relay.pool", reaper, NULL);
}

WAITS void relay_pool_close(void)
{
	fiber_cancel(pool.reaper);
	if (fiber_join(pool.reaper) == OK)
		return;
	for (struct link *l; (l = list_pop(&pool.idle));)
		relay_line_drop(CONTAINER(l, struct relay_line, link));
}

static struct relay_line *find(str destination)
{
	LIST_EACH (l, &pool.idle)
		if (str_eq(str_z(CONTAINER(l, struct relay_line, link)->destination), destination))
			return take_out(l);
	return NULL;
}

WAITS struct relay_line *relay_pool_take(str destination)
{
	struct relay_line *line;

	/* The server may have gone meanwhile: a RSET tells, before anything of the mail is said. */
	while ((line = find(destination))) {
		if (smtp_client_reset(line->client) == OK)
			return line;
		relay_line_drop(line);
	}
	return NULL;
}

void relay_pool_put(struct relay_line *line)
{
	const struct relay_settings *set = relay_settings();

	line->used++;
	if (relay_here()->stopping || line->used >= set->reuse || set->idle <= 0) {
		(void)fiber_spawn("relay.quit", say_goodbye, line);
		return;
	}
	line->until = clock_in(set->idle);
	list_add_tail(&pool.idle, &line->link);
	if (++pool.n > LIM_RELAY_IDLE)
		(void)fiber_spawn("relay.quit", say_goodbye, take_out(pool.idle.next));
}
