/* run/clock.h: the two clocks. Deadlines are absolute, monotonic, in milliseconds; dates are
 * seconds since 1970. Tests put a simulated clock in their place. */
#ifndef RUN_CLOCK_H
#define RUN_CLOCK_H

#include <stdint.h>

typedef int64_t msec;
#define NEVER INT64_MAX

/* Monotonic now, as of this loop's last wake-up where a loop runs. */
msec clock_now(void);
/* now + ms, NEVER when it would not fit. */
msec clock_in(msec ms);
/* Seconds since 1970, and the same in milliseconds. */
int64_t clock_unix(void);
int64_t clock_unix_ms(void);
/* Tests alone: both clocks stand still at these values until set again; negative: real clocks. */
void clock_fake(msec monotonic, int64_t unix_seconds);

#endif
