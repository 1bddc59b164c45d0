#include "run/stack.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "run/log.h"
#include "run/sanitize.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13; Debian 12's headers are older */
#endif

static size_t page_size(void)
{
	static _Atomic size_t size;

	if (!size)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

/* A guard by mprotect splits the mapping in two, and vm.max_map_count (65,530) allows some 32,750
 * of those; behind that a fiber without guard is better than no service. */
static void guard(char *p, size_t n)
{
	static atomic_bool no_install, said;

	if (!no_install) {
		if (!madvise(p, n, MADV_GUARD_INSTALL))
			return;
		no_install = true;
	}
	if (mprotect(p, n, PROT_NONE) && !said) {
		said = true;
		LOG(LOG_WARN, "fiber.unguarded", KI("errno", errno),
		    KS("help", STR("raise vm.max_map_count, or run Linux 6.13 or later")));
	}
}

void stack_get(struct stack *s)
{
	size_t page = page_size(), all = LIM_FIBER_STACK + page;
	char *p = mmap(NULL, all, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		LOG(LOG_ERROR, "fiber.no_stack", KI("errno", errno),
		    KS("help", STR("raise vm.max_map_count or the memory limit, or lower the "
				   "number of sessions")));
		abort();
	}
#ifdef MADV_NOHUGEPAGE
	/* Neighbouring stacks melt into one mapping, and a huge page would make each cost 2 MiB. */
	(void)madvise(p, all, MADV_NOHUGEPAGE);
#endif
	guard(p, page);
	s->base = p + page;
	s->size = LIM_FIBER_STACK;
	s->vg = VALGRIND_STACK_REGISTER(s->base, s->base + s->size);
}

void stack_free(struct stack *s)
{
	VALGRIND_STACK_DEREGISTER(s->vg);
	(void)munmap(s->base - page_size(), s->size + page_size());
	s->base = NULL;
}

void stack_trim(struct stack *s, const char *sp)
{
	uintptr_t page = page_size(), low = (uintptr_t)s->base;
	uintptr_t high = ((uintptr_t)sp - 256) & ~(page - 1); /* 256: the red zone and more */

	if (high > low)
		(void)madvise(s->base, high - low, MADV_DONTNEED);
}
