#include "base/date.h"
#include "formats/mime/header.h"
#include "formats/mime/lex.h"

#define UNSET	  (-1)
#define DATE_LOOK 200 /* octets of a date that are looked at */

struct when {
	struct date d; /* year, month, day, hour are UNSET (or 0) until seen */
	bool time, zone;
};

/* RFC 5322 4.3. Military letters but Z were used with either sign and so say nothing. */
static const struct {
	str name;
	int minutes;
} zones[] = {
	{ S("ut"), 0 },	    { S("utc"), 0 },	{ S("gmt"), 0 },    { S("z"), 0 },
	{ S("est"), -300 }, { S("edt"), -240 }, { S("cst"), -360 }, { S("cdt"), -300 },
	{ S("mst"), -420 }, { S("mdt"), -360 }, { S("pst"), -480 }, { S("pdt"), -420 },
	{ S("cet"), 60 },   { S("cest"), 120 }, { S("met"), 60 },   { S("mest"), 120 },
	{ S("wet"), 0 },    { S("bst"), 60 },	{ S("eet"), 120 },  { S("eest"), 180 },
	{ S("msk"), 180 },  { S("jst"), 540 },	{ S("art"), -180 }, { S("brt"), -180 },
};

static int number(str *in, size_t *digits)
{
	int v = 0;
	size_t n = 0;

	while (n < in->n && n < 6 && ch_digit(in->p[n]))
		v = v * 10 + (in->p[n++] - '0');
	*in = str_skip(*in, n);
	*digits = n;
	return v;
}

/* *in stands behind the sign: hhmm, hh:mm or hh. */
static void take_zone(struct when *w, str *in, int sign)
{
	size_t digits, more = 0;
	int v = number(in, &digits);

	if (digits <= 2) {
		v *= 100;
		if (mime_peek(*in) == ':') {
			*in = str_skip(*in, 1);
			v += number(in, &more);
		}
	}
	if (digits == 0 || digits > 4 || v / 100 > 23 || v % 100 > 59)
		return;
	w->d.zone = sign * (v / 100 * 60 + v % 100);
	w->zone = true;
}

/* Passes over a ':' and the white space around it (RFC 5322 4.3, A.6.3). */
static bool colon(str *in)
{
	str at = *in;

	(void)mime_skip_cfws(&at, NULL);
	if (mime_peek(at) != ':')
		return false;
	at = str_skip(at, 1);
	(void)mime_skip_cfws(&at, NULL);
	*in = at;
	return true;
}

/* *in stands behind the hours and their colon. */
static bool take_time(struct when *w, str *in, int hour)
{
	size_t digits;

	w->d.hour = hour;
	w->d.minute = number(in, &digits);
	w->d.second = 0;
	if (!digits)
		return false;
	if (colon(in))
		w->d.second = number(in, &digits);
	if (mime_peek(*in) == '.') {
		*in = str_skip(*in, 1);
		(void)number(in, &digits);
	}
	w->time = true;
	return hour < 24 && w->d.minute < 60 && w->d.second <= 60;
}

/* RFC 5322 4.3: two digits under 50 are of this century, three count from 1900. */
static int full_year(int v, size_t digits)
{
	return digits == 2 ? (v < 50 ? 2000 + v : 1900 + v) : digits == 3 ? 1900 + v : v;
}

static bool take_number(struct when *w, str *in)
{
	size_t digits;
	int v = number(in, &digits);

	if (!w->time && colon(in))
		return take_time(w, in, v);
	if (digits == 4 && w->d.day == UNSET && w->d.month == 0)
		w->d.year = v; /* ISO 8601 */
	else if (w->d.month == 0 && w->d.year != UNSET)
		w->d.month = v;
	else if (w->d.day == UNSET && digits <= 2)
		w->d.day = v;
	else if (w->d.year == UNSET)
		w->d.year = full_year(v, digits);
	return true;
}

static void take_name(struct when *w, str *in)
{
	size_t n = 0;

	while (n < in->n && ch_alpha(in->p[n]))
		n++;
	str name = str_take(*in, n);

	*in = str_skip(*in, n);
	if (w->d.month == 0 && n >= 3)
		w->d.month = date_month(str_take(name, 3));
	if (!w->time)
		return;
	if (str_eqi(name, STR("pm")) && w->d.hour < 12)
		w->d.hour += 12;
	if (str_eqi(name, STR("am")) && w->d.hour == 12)
		w->d.hour = 0;
	for (size_t i = 0; i < COUNT(zones) && !w->zone; i++)
		if (str_eqi(name, zones[i].name)) {
			w->d.zone = zones[i].minutes;
			w->zone = true;
		}
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool possible(const struct date *d)
{
	return d->year >= 1900 && d->year <= 9999 && d->month >= 1 && d->month <= 12 &&
	       d->day >= 1 && d->day <= month_days(d->year, d->month);
}

err mime_date_parse(str value, int64_t *seconds, int *zone)
{
	struct when w = { .d = { .year = UNSET, .day = UNSET } };

	for (value = str_take(str_trim_ws(value), DATE_LOOK); value.n;) {
		(void)mime_skip_cfws(&value, NULL);
		if (!value.n)
			break;
		char c = value.p[0];

		if (ch_digit(c)) {
			if (!take_number(&w, &value))
				return fail(E_SYNTAX, "a time of day that does not exist");
		} else if (ch_alpha(c)) {
			take_name(&w, &value);
		} else {
			value = str_skip(value, 1);
			if ((c == '+' || c == '-') && w.time && !w.zone &&
			    ch_digit(mime_peek(value)))
				take_zone(&w, &value, c == '+' ? 1 : -1);
		}
	}
	if (!possible(&w.d))
		return fail(E_SYNTAX, "no date");
	*seconds = date_seconds(&w.d);
	*zone = w.d.zone;
	return OK;
}
