#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 4000 };

struct arena_chunk {
	struct arena_chunk *below;
	size_t size, used;
	_Alignas(16) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

static void drop_top(struct arena *a)
{
	struct arena_chunk *c = a->top;

	a->top = c->below;
	mem_free(c);
}

void arena_reset(struct arena *a)
{
	while (a->top && (a->top->below || a->top->size > CHUNK))
		drop_top(a);
	if (a->top) {
		memset(a->top->bytes, 0, a->top->used);
		a->top->used = 0;
	}
	a->used = 0;
}

void arena_free(struct arena *a)
{
	while (a->top)
		drop_top(a);
	a->used = 0;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){ a->top, a->top ? a->top->used : 0, a->used };
}

void arena_release(struct arena *a, struct arena_mark m)
{
	while (a->top != m.top)
		drop_top(a);
	if (a->top) {
		memset(a->top->bytes + m.top_used, 0, a->top->used - m.top_used);
		a->top->used = m.top_used;
	}
	a->used = m.used;
}

/* Room of n bytes in the top chunk, or in a new one; NULL when the heap has none. */
static void *take(struct arena *a, size_t n, size_t align)
{
	struct arena_chunk *c = a->top;
	size_t at = c ? size_add(c->used, align - 1) & ~(align - 1) : 0;

	if (!c || at > c->size || n > c->size - at) {
		size_t size = n > CHUNK ? n : CHUNK;

		c = mem_try(size_add(sizeof(*c), size));
		if (!c)
			return NULL;
		c->size = size;
		c->below = a->top;
		a->top = c;
		at = 0;
	}
	c->used = at + n;
	a->used += n;
	return c->bytes + at;
}

void *arena_get(struct arena *a, size_t n, size_t align)
{
	void *p = take(a, n, align);

	/* As mem_get: the program chose the size. */
	return p ? p : mem_get(SIZE_MAX);
}

void *arena_try(struct arena *a, size_t n, size_t align)
{
	if (size_add(a->used, n) > a->max)
		return NULL;
	return take(a, n, align);
}

str arena_dup(struct arena *a, str s)
{
	char *p = arena_z(a, s);

	return p ? str_of(p, s.n) : (str){ NULL, 0 };
}

char *arena_z(struct arena *a, str s)
{
	char *p = arena_try(a, size_add(s.n, 1), 1);

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

str arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : arena_try(a, (size_t)n + 1, 1);

	if (!p)
		return (str){ NULL, 0 };
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return str_of(p, (size_t)n);
}
