#include "base/date.h"

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char *const weekdays[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

/* Days since 1970-01-01. Years are counted from March, so that the leap day comes last. */
static int64_t days_of(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct date date_of(int64_t seconds, int zone)
{
	struct date d = { .zone = zone };
	int64_t local = seconds + (int64_t)zone * 60;
	int64_t days = (local >= 0 ? local : local - 86399) / 86400;
	int64_t rest = local - days * 86400;
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	d.day = (int)(doy - (153 * mp + 2) / 5 + 1);
	d.month = (int)(mp < 10 ? mp + 3 : mp - 9);
	d.year = (int)(yoe + era * 400 + (d.month <= 2));
	d.hour = (int)(rest / 3600);
	d.minute = (int)(rest / 60 % 60);
	d.second = (int)(rest % 60);
	d.weekday = (int)(((days + 4) % 7 + 7) % 7);
	return d;
}

int64_t date_seconds(const struct date *d)
{
	return days_of(d->year, d->month, d->day) * 86400 + d->hour * 3600 + d->minute * 60 +
	       d->second - (int64_t)d->zone * 60;
}

static int zone_number(int zone)
{
	int a = zone < 0 ? -zone : zone;

	return a / 60 * 100 + a % 60;
}

void date_add_rfc5322(struct buf *out, int64_t seconds, int zone)
{
	struct date d = date_of(seconds, zone);

	buf_fmt(out, "%s, %d %s %04d %02d:%02d:%02d %c%04d", weekdays[d.weekday], d.day,
		months[d.month - 1], d.year, d.hour, d.minute, d.second, zone < 0 ? '-' : '+',
		zone_number(zone));
}

void date_add_imap(struct buf *out, int64_t seconds, int zone)
{
	struct date d = date_of(seconds, zone);

	buf_fmt(out, "%02d-%s-%04d %02d:%02d:%02d %c%04d", d.day, months[d.month - 1], d.year,
		d.hour, d.minute, d.second, zone < 0 ? '-' : '+', zone_number(zone));
}

void date_add_iso(struct buf *out, int64_t seconds)
{
	struct date d = date_of(seconds, 0);

	buf_fmt(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", d.year, d.month, d.day, d.hour, d.minute,
		d.second);
}

int date_month(str name)
{
	for (int i = 0; i < 12; i++)
		if (str_eqi(name, str_z(months[i])))
			return i + 1;
	return 0;
}
