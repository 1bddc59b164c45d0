#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local struct fault thread_fault;
static _Thread_local struct fault *fault_slot;

const char *err_name(err e)
{
	static const char *const names[] = {
		[OK] = "ok",
		[E_EOF] = "end of file",
		[E_TIMEOUT] = "timed out",
		[E_CANCELED] = "canceled",
		[E_LIMIT] = "over a limit",
		[E_SYNTAX] = "syntax error",
		[E_NOTFOUND] = "not found",
		[E_EXISTS] = "exists already",
		[E_AGAIN] = "try again later",
		[E_DENIED] = "denied",
		[E_FULL] = "no room",
		[E_IO] = "input/output error",
		[E_CORRUPT] = "corrupt data",
	};

	return e < COUNT(names) ? names[e] : "unknown error";
}

err err_fail(err code, const char *file, int line, const char *fmt, ...)
{
	struct fault *f = fault_slot ? fault_slot : &thread_fault;
	va_list ap;

	f->code = code;
	f->file = file;
	f->line = line;
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return code;
}

const struct fault *err_last(void)
{
	return fault_slot ? fault_slot : &thread_fault;
}

struct fault *err_slot(struct fault *slot)
{
	struct fault *was = fault_slot;

	fault_slot = slot;
	return was;
}
