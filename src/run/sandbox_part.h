/* run/sandbox_part.h: the two halves of sandbox_enter, for sandbox*.c alone. */
#ifndef RUN_SANDBOX_PART_H
#define RUN_SANDBOX_PART_H

#include "run/sandbox.h"

/* Landlock. *on false: this kernel has none. */
MUST_USE err sandbox_files(const struct sandbox *s, bool *on);
/* seccomp. */
MUST_USE err sandbox_calls(unsigned may);

#endif
