#include "run/clock.h"

#include <stdatomic.h>
#include <time.h>

#include "run/loop_state.h"

static _Atomic msec fake_monotonic = -1, fake_unix_ms = -1;

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool clock_faked(void)
{
	return atomic_load(&fake_monotonic) >= 0;
}

msec clock_fresh(void)
{
	msec fake = atomic_load(&fake_monotonic);

	return fake >= 0 ? fake : clock_ms(CLOCK_MONOTONIC);
}

msec clock_now(void)
{
	struct loop *l = loop_here();

	return l && !clock_faked() ? l->now : clock_fresh();
}

msec clock_in(msec ms)
{
	msec at;

	return __builtin_add_overflow(clock_now(), ms, &at) ? NEVER : at;
}

int64_t clock_unix_ms(void)
{
	return clock_faked() ? atomic_load(&fake_unix_ms) : clock_ms(CLOCK_REALTIME);
}

int64_t clock_unix(void)
{
	return clock_unix_ms() / 1000;
}

void clock_fake(msec monotonic, int64_t unix_seconds)
{
	atomic_store(&fake_unix_ms, unix_seconds * 1000);
	atomic_store(&fake_monotonic, monotonic);
}

void clock_jump(msec to)
{
	msec from = atomic_load(&fake_monotonic);

	if (from < 0 || to <= from)
		return;
	atomic_fetch_add(&fake_unix_ms, to - from);
	atomic_store(&fake_monotonic, to);
}
