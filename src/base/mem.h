/* base/mem.h: the heap. malloc and its family appear in base/ only.
 * Out of memory for a size that the program chose is not an error that anyone can handle: the
 * process ends and the supervisor starts it again. Sizes that come from the wire use mem_try. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* n bytes, zeroed; never NULL. The caller frees with mem_free. */
MUST_USE void *mem_get(size_t n);
/* n bytes, zeroed, or NULL. */
MUST_USE void *mem_try(size_t n);
/* p grown or shrunk to n bytes, not zeroed beyond the old size; never NULL. */
MUST_USE void *mem_resize(void *p, size_t n);
/* As mem_resize; NULL, and p untouched, when there is no memory. */
MUST_USE void *mem_resize_try(void *p, size_t n);
/* NULL is allowed. */
void mem_free(void *p);
/* Overwrites secrets so that the compiler cannot leave it out. */
void mem_wipe(void *p, size_t n);

#define MEM_NEW(T) ((T *)mem_get(sizeof(T)))

/* Checked arithmetic: the result, or SIZE_MAX when it does not fit (which no allocation grants). */
size_t size_add(size_t a, size_t b);
size_t size_mul(size_t a, size_t b);

#endif
