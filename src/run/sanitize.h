/* run/sanitize.h: what AddressSanitizer, ThreadSanitizer and valgrind must be told about stacks.
 * Without them all of it is nothing. */
#ifndef RUN_SANITIZE_H
#define RUN_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#if defined(__has_feature)
#define SAN_HAS(f) __has_feature(f)
#else
#define SAN_HAS(f) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SAN_HAS(address_sanitizer)
#define SAN_ADDRESS 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define SAN_ADDRESS 0
#endif

#if defined(__SANITIZE_THREAD__) || SAN_HAS(thread_sanitizer)
#define SAN_THREAD 1
#include <sanitizer/tsan_interface.h>
#else
#define SAN_THREAD 0
#endif

#ifndef POSTA_VALGRIND
#define POSTA_VALGRIND 0
#endif
#if POSTA_VALGRIND
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND		    0
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id)	    ((void)(id))
#endif

/* What is kept of one side of a switch. */
struct san_side {
	void *fake;	  /* AddressSanitizer's frames of this side */
	const void *base; /* its stack, when another thread's or a fiber's */
	size_t size;
	void *thread; /* ThreadSanitizer's */
};

/* Before a switch from a to b; gone: a ends and never comes back. */
static inline void san_leave(struct san_side *a, struct san_side *b, bool gone)
{
#if SAN_ADDRESS
	__sanitizer_start_switch_fiber(gone ? NULL : &a->fake, b->base, b->size);
#endif
#if SAN_THREAD
	__tsan_switch_to_fiber(b->thread, 0);
#endif
	(void)a, (void)b, (void)gone;
}
/* After it, on the side that runs now; from: learns the bounds of the stack that was left. */
static inline void san_arrive(struct san_side *now, struct san_side *from)
{
#if SAN_ADDRESS
	__sanitizer_finish_switch_fiber(now->fake, &from->base, &from->size);
#endif
	(void)now, (void)from;
}
static inline void san_thread_new(struct san_side *s)
{
#if SAN_THREAD
	s->thread = __tsan_create_fiber(0);
#endif
	(void)s;
}
static inline void san_thread_here(struct san_side *s)
{
#if SAN_THREAD
	s->thread = __tsan_get_current_fiber();
#endif
	(void)s;
}
static inline void san_thread_free(struct san_side *s)
{
#if SAN_THREAD
	__tsan_destroy_fiber(s->thread);
#endif
	(void)s;
}
/* A stack begins a new life: frames that never returned left their red zones. */
static inline void san_stack_clean(char *p, size_t n)
{
#if SAN_ADDRESS
	__asan_unpoison_memory_region(p, n);
#endif
	(void)p, (void)n;
}

#endif
