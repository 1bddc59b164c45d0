/* formats/radius/hours.h: login hours as UUCP wrote them and RADIUS servers since:
 * "Wk0800-1800,Sa0900-1300|Su". Days Mo Tu We Th Fr Sa Su, Wk (Monday to Friday), Al or Any;
 * several may stand together; without times the whole day; 2200-0600 is the day's two ends. Pure.
 */
#ifndef FORMATS_RADIUS_HOURS_H
#define FORMATS_RADIUS_HOURS_H

#include "base/str.h"

enum { HOURS_DAY = 1440, HOURS_WEEK = 7 * HOURS_DAY };
struct radius_hours {
	unsigned char minutes[HOURS_WEEK / 8]; /* a bit each, from Sunday 00:00 */
};
/* E_SYNTAX with a text that says what. "": always. */
MUST_USE err radius_hours_parse(str text, struct radius_hours *out);
/* Minutes that a login at this minute of the week may last; 0: not now; HOURS_WEEK: for ever. */
unsigned radius_hours_left(const struct radius_hours *h, unsigned minute);

#endif
