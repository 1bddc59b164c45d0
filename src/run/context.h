/* run/context.h: the switch between two stacks: registers that a call preserves, and the rounding
 * modes. */
#ifndef RUN_CONTEXT_H
#define RUN_CONTEXT_H

#include <stddef.h>

#if defined(__x86_64__) || defined(__aarch64__)
struct context {
	void *sp;
};
#else
#include <ucontext.h>
struct context {
	ucontext_t uc;
};
#endif

/* The first switch to c calls entry at the top of stack[0..n); entry must not return. */
void context_make(struct context *c, char *stack, size_t n, void (*entry)(void));
void context_switch(struct context *from, struct context *to);

#endif
