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

/* A local variable that is filled before it is read, where the clearing that the build asks for
 * (-ftrivial-auto-var-init) would be felt at each call. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define UNCLEARED __attribute__((uninitialized))
#else
#define UNCLEARED
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of type T whose member m is at p. */
#define CONTAINER(p, T, m) ((T *)(void *)((char *)(p)-offsetof(T, m)))

#endif
