#include "formats/imap/write.h"

#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "formats/imap/lex.h"
#include "formats/imap/utf7.h"

static bool quotable(str s, bool utf8)
{
	if (s.n > LIM_IMAP_QUOTED)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return str_ascii(s) || (utf8 && utf8_valid(s));
}

static void put_literal(struct buf *out, str s)
{
	size_t nuls = 0;

	for (size_t i = 0; i < s.n; i++)
		nuls += s.p[i] == '\0';
	buf_fmt(out, "{%zu}\r\n", s.n - nuls);
	if (nuls == 0) {
		buf_add(out, s);
		return;
	}
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i])
			buf_addc(out, s.p[i]);
}

void imap_put_string(struct buf *out, str s, bool utf8)
{
	if (!quotable(s, utf8)) {
		put_literal(out, s);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

void imap_put_astring(struct buf *out, str s, bool utf8)
{
	bool atom = s.n > 0 && !str_eqi(s, STR("NIL"));

	for (size_t i = 0; i < s.n && atom; i++)
		atom = imap_astring_char(s.p[i]);
	if (atom)
		buf_add(out, s);
	else
		imap_put_string(out, s, utf8);
}

void imap_put_mailbox(struct buf *out, str name, bool utf8)
{
	if (utf8 || (str_ascii(name) && str_find(name, '&') == name.n)) {
		imap_put_string(out, name, utf8);
		return;
	}
	struct buf b;
	buf_init(&b, size_mul(name.n, 6) + 8);
	utf7_encode(name, &b);
	imap_put_string(out, buf_str(&b), false);
	buf_free(&b);
}

void imap_put_text(struct buf *out, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		buf_addc(out, c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
	}
}

/* n digits at *s. */
static bool digits(str *s, size_t n, int *out)
{
	uint64_t v;

	if (s->n < n || str_u64(str_take(*s, n), 9999, &v))
		return false;
	*s = str_skip(*s, n);
	*out = (int)v;
	return true;
}

static bool eat(str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static int days_in(int month, int year)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* "-Nov-2026" */
static bool month_year(str *s, struct date *d)
{
	if (!eat(s, '-') || s->n < 3)
		return false;
	d->month = date_month(str_take(*s, 3));
	*s = str_skip(*s, 3);
	return d->month && eat(s, '-') && digits(s, 4, &d->year) && d->day >= 1 &&
	       d->day <= days_in(d->month, d->year);
}

static bool clock_of(str *s, struct date *d)
{
	return digits(s, 2, &d->hour) && eat(s, ':') && digits(s, 2, &d->minute) && eat(s, ':') &&
	       digits(s, 2, &d->second) && d->hour < 24 && d->minute < 60 && d->second <= 60;
}

err imap_parse_date_time(str s, int64_t *seconds)
{
	struct date d = { 0 };
	int zh = 0, zm = 0;

	bool ok = eat(&s, ' ') ? digits(&s, 1, &d.day) : digits(&s, 2, &d.day);
	ok = ok && month_year(&s, &d) && eat(&s, ' ') && clock_of(&s, &d) && eat(&s, ' ');
	if (!ok || s.n != 5)
		return fail(E_SYNTAX, "Invalid date-time");
	bool west = eat(&s, '-');
	if ((!west && !eat(&s, '+')) || !digits(&s, 2, &zh) || !digits(&s, 2, &zm) || zm > 59)
		return fail(E_SYNTAX, "Invalid date-time");
	d.zone = west ? -(zh * 60 + zm) : zh * 60 + zm;
	*seconds = date_seconds(&d);
	return OK;
}

err imap_parse_date(str s, int64_t *days)
{
	struct date d = { 0 };

	bool two = s.n > 1 && ch_digit(s.p[1]);
	if (!digits(&s, two ? 2 : 1, &d.day) || !month_year(&s, &d) || s.n != 0)
		return fail(E_SYNTAX, "Invalid date");
	int64_t t = date_seconds(&d);
	*days = (t - (t < 0 ? 86399 : 0)) / 86400;
	return OK;
}
