/* run/stack.h: stacks of fibers: address space reserved, pages as they are touched, a guard page
 * below. */
#ifndef RUN_STACK_H
#define RUN_STACK_H

#include <stddef.h>

struct stack {
	char *base; /* lowest usable octet; the guard page lies below */
	size_t size;
	unsigned vg; /* valgrind's name for it */
};

/* Ends the process when there is no address space: callers bound the number of fibers. */
void stack_get(struct stack *s);
void stack_free(struct stack *s);
/* Gives the pages below sp back to the system; what is above stays. */
void stack_trim(struct stack *s, const char *sp);

#endif
