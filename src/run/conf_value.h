/* run/conf_value.h: the values of settings as text: "64k", "30s", "true". Pure. */
#ifndef RUN_CONF_VALUE_H
#define RUN_CONF_VALUE_H

#include "run/conf.h"

/* "10", "64k", "50M", "1G", "2T" (powers of 1024). E_SYNTAX, E_LIMIT. */
MUST_USE err conf_parse_size(str s, int64_t *octets);
/* "0", "250ms", "30s", "5m", "2h", "5d", "1w". E_SYNTAX (also without a unit), E_LIMIT. */
MUST_USE err conf_parse_duration(str s, int64_t *ms);
/* "true", "false". */
MUST_USE err conf_parse_bool(str s, bool *out);
/* The shortest such text of a value. type: CONF_INT, CONF_REAL, CONF_SIZE or CONF_DURATION. */
void conf_print_value(enum conf_type type, int64_t v, struct buf *out);

#endif
