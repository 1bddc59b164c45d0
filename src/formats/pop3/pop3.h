/* formats/pop3/pop3.h: POP3's commands. RFC 1939 3, 9; RFC 2449 4 (255 octets a line); RFC 5034
 * (AUTH); RFC 6856 (UTF8). Pure: never waits, allocates nothing. Views in the result point into the
 * input. */
#ifndef FORMATS_POP3_POP3_H
#define FORMATS_POP3_POP3_H

#include "base/str.h"

struct pop3_command {
	str verb;    /* as sent: compare without case */
	str args[2]; /* separated by one space; "" when absent */
	unsigned nargs;
	str rest; /* all behind the verb's space: PASS's password may hold spaces (RFC 1939 7) */
};
/* line: without CRLF. E_SYNTAX: no verb of three or four letters, NUL, or bytes over 127 outside
 * PASS, USER, APOP (RFC 6856 2). */
MUST_USE err pop3_parse(str line, struct pop3_command *out);

/* A message number: 1.. max. E_SYNTAX: not a number; E_NOTFOUND: out of range. */
MUST_USE err pop3_number(str arg, size_t max, size_t *out);

#endif
