#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static NORETURN void out_of_memory(size_t n)
{
	(void)fprintf(stderr, "posta: no memory for %zu bytes\n", n);
	abort();
}

void *mem_get(size_t n)
{
	void *p = mem_try(n);

	if (!p)
		out_of_memory(n);
	return p;
}

void *mem_try(size_t n)
{
	return calloc(1, n ? n : 1);
}

void *mem_resize(void *p, size_t n)
{
	void *q = mem_resize_try(p, n);

	if (!q)
		out_of_memory(n);
	return q;
}

void *mem_resize_try(void *p, size_t n)
{
	return realloc(p, n ? n : 1);
}

void mem_free(void *p)
{
	free(p);
}

void mem_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

size_t size_add(size_t a, size_t b)
{
	size_t r;

	return __builtin_add_overflow(a, b, &r) ? SIZE_MAX : r;
}

size_t size_mul(size_t a, size_t b)
{
	size_t r;

	return __builtin_mul_overflow(a, b, &r) ? SIZE_MAX : r;
}
