/* run/program.h: another program, started by a role with MAY_SPAWN: it has the role's user, sandbox
 * and process group, and dies with the role. Its standard output and error come line by line; their
 * end is how its own end is seen. On the loop that started it. */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include <sys/types.h>

#include "base/str.h"
#include "run/clock.h"

struct program;
/* argv[0] is the path; NULL-ended. Its environment is empty but for PATH and LC_ALL. E_IO: not even
 * forked; a path that is not there shows as an early end. */
MUST_USE err program_start(char *const argv[], struct program **out);
pid_t program_pid(const struct program *p);
void program_signal(const struct program *p, int sig);
/* The next line, valid until the next call. E_EOF: it has ended, or closed both. */
WAITS MUST_USE err program_line(struct program *p, str *line);
/* Waits for its exit until the deadline, then kills it; gives the status of waitpid(2) and frees
 * p. */
WAITS int program_end(struct program *p, msec deadline);

#endif
