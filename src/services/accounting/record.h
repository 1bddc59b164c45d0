/* services/accounting/record.h: one event as the log has it: version, fields, varints. Pure. */
#ifndef SERVICES_ACCOUNTING_RECORD_H
#define SERVICES_ACCOUNTING_RECORD_H

#include "services/accounting/accounting.h"

/* E_SYNTAX: an event that names no NAS or no session; E_LIMIT: a text over LIM_ACCT_TEXT. */
MUST_USE err acct_check(const struct acct_event *e);
/* The name of its NAS. */
str acct_nas(const struct acct_event *e);
/* Adds the record's body (at most LIM_ACCT_RECORD octets). */
void acct_record_print(const struct acct_event *e, struct buf *out);
/* The whole of body. Strings are views of it. E_CORRUPT: no event that acct_check allows. */
MUST_USE err acct_record_parse(str body, struct acct_event *out);

#endif
