/* base/date.h: civil dates from seconds since 1970 and back; proleptic Gregorian, UTC. No clock. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include "base/buf.h"

struct date {
	int year, month, day;	  /* month and day from 1 */
	int hour, minute, second; /* second up to 60 */
	int zone;		  /* minutes east of UTC */
	int weekday;		  /* 0 Sunday; filled by date_of, ignored by date_seconds */
};

/* Local civil time at zone minutes east. */
struct date date_of(int64_t seconds, int zone);
/* Seconds since 1970 of a civil date in its zone. */
int64_t date_seconds(const struct date *d);

/* RFC 5322 3.3: "Sat, 21 Nov 2026 23:48:59 +0000" */
void date_add_rfc5322(struct buf *out, int64_t seconds, int zone);
/* RFC 9051 date-time, without quotes: "21-Nov-2026 23:48:59 +0000" */
void date_add_imap(struct buf *out, int64_t seconds, int zone);
/* RFC 3339: "2026-11-21T23:48:59Z" */
void date_add_iso(struct buf *out, int64_t seconds);
/* 1..12 of "jan".."dec" in any case, 0 for another word. */
int date_month(str name);

#endif
