#include <stdio.h>

#include "sessions/smtp/smtp.h"

void verdict_set(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
	/* What came from a client or another server must not become a line of its own. */
	for (char *p = v->text; *p; p++) {
		if (*p < ' ' || *p == 127)
			*p = '?';
	}
}
