/* services/directory/dialup.h: what is typed about a user's access, judged and brought to the form
 * that is stored. E_SYNTAX with a text that says what is wanted. "" stays "". */
#ifndef SERVICES_DIRECTORY_DIALUP_H
#define SERVICES_DIRECTORY_DIALUP_H

#include "base/buf.h"

MUST_USE err dialup_clean_address(str text, struct buf *out);
MUST_USE err dialup_clean_address6(str text, struct buf *out);
MUST_USE err dialup_clean_prefix6(str text, struct buf *out);
MUST_USE err dialup_clean_hours(str text, struct buf *out);

#endif
