/* base/attr.h: the few words that we add to C. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_USE	  __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED		  __attribute__((unused))
#define NORETURN	  __attribute__((noreturn))

/* Marks a function that can sleep. Only WAITS functions call it; tools/waits checks. */
#define WAITS

/* CLEANUP(fn) T x: fn(&x) runs when x leaves its scope, by whichever door. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of type T whose member m is at p. */
#define CONTAINER(p, T, m) ((T *)(void *)((char *)(p)-offsetof(T, m)))

#endif
