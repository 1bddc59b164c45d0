/* Dates as mail has them, well formed or not; and how far a message's date is from its relays'. */
#include "base/date.h"
#include "services/rules/eval_part.h"

enum {
	DATE_WORDS = 512, /* of a field that is parsed; a date is near its front */
};

struct words {
	str v[DATE_WORDS];
	size_t n;
};

static void words_take(struct words *w, size_t at, size_t n)
{
	for (size_t i = at; i + n < w->n; i++)
		w->v[i] = w->v[i + n];
	w->n -= n;
}

static bool is_digits(str s, size_t min, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_digit(s.p[i]))
			return false;
	return s.n >= min && s.n <= max;
}

/* "1:22:333" */
static bool is_clock(str s)
{
	str part;
	unsigned n = 0;

	for (; str_next(&s, ':', &part); n++)
		if (!is_digits(part, 1, SIZE_MAX))
			return false;
	return n == 3;
}

static int number(str s)
{
	int v = 0;

	for (size_t i = 0; i < s.n && v < 100000; i++)
		v = v * 10 + (s.p[i] - '0');
	return v;
}

/* "21 Nov 2026", years of min to max digits. */
static bool day_month_year(struct words *w, size_t min, size_t max, struct date *d, size_t *digits)
{
	for (size_t i = 0; i + 2 < w->n; i++) {
		if (!is_digits(w->v[i], 1, SIZE_MAX) || !date_month(w->v[i + 1]) ||
		    !is_digits(w->v[i + 2], min, max))
			continue;
		d->day = number(w->v[i]);
		d->month = date_month(w->v[i + 1]);
		d->year = number(w->v[i + 2]);
		*digits = w->v[i + 2].n;
		words_take(w, i, 3);
		return true;
	}
	return false;
}

/* "Nov 21 23:48:59 2026": its time is lost, as it is for SpamAssassin. */
static bool month_day_clock_year(struct words *w, struct date *d)
{
	for (size_t i = 0; i + 3 < w->n; i++) {
		if (!date_month(w->v[i]) || !is_digits(w->v[i + 1], 1, SIZE_MAX) ||
		    !is_clock(w->v[i + 2]) || !is_digits(w->v[i + 3], 4, 4))
			continue;
		d->month = date_month(w->v[i]);
		d->day = number(w->v[i + 1]);
		d->year = number(w->v[i + 3]);
		words_take(w, i, 4);
		return true;
	}
	return false;
}

static bool take_day(struct words *w, struct date *d)
{
	size_t digits = 4;

	if (!day_month_year(w, 4, 4, d, &digits) && !month_day_clock_year(w, d) &&
	    !day_month_year(w, 2, 3, d, &digits))
		return false;
	if (digits == 2 && d->year < 50)
		d->year += 2000;
	else if (digits != 4)
		d->year += 1900;
	return true;
}

/* "9:48" or "23:48:59" */
static void take_time(struct words *w, struct date *d)
{
	for (size_t i = 0; i < w->n; i++) {
		str h, m, s = STR("0");

		if (!str_cut(w->v[i], ':', &h, &m) || !is_digits(h, 1, 2))
			continue;
		if ((str_cut(m, ':', &m, &s) && !is_digits(s, 2, 2)) || !is_digits(m, 2, 2))
			continue;
		d->hour = number(h);
		d->minute = number(m);
		d->second = number(s);
		words_take(w, i, 1);
		return;
	}
}

static int named_zone(str name)
{
	static const struct {
		str name;
		int minutes;
	} zones[] = {
		{ S("NDT"), -150 },  { S("AST"), -240 },  { S("ADT"), -180 },  { S("NST"), -210 },
		{ S("EST"), -300 },  { S("EDT"), -240 },  { S("CST"), -360 },  { S("CDT"), -300 },
		{ S("MST"), -420 },  { S("MDT"), -360 },  { S("PST"), -480 },  { S("PDT"), -420 },
		{ S("HST"), -600 },  { S("AKST"), -540 }, { S("AKDT"), -480 }, { S("HADT"), -540 },
		{ S("HAST"), -600 }, { S("BST"), 60 },	  { S("IST"), 60 },    { S("WEST"), 60 },
		{ S("CET"), 60 },    { S("CEST"), 120 },  { S("EET"), 120 },   { S("EEST"), 180 },
		{ S("MSK"), 180 },   { S("MSD"), 240 },	  { S("MET"), 60 },    { S("MEZ"), 60 },
		{ S("MEST"), 120 },  { S("MESZ"), 120 },  { S("BRST"), -120 }, { S("BRT"), -180 },
		{ S("AEST"), 600 },  { S("AEDT"), 660 },  { S("ACST"), 570 },  { S("ACDT"), 630 },
		{ S("AWST"), 480 },  { S("NZST"), 720 },  { S("NZDT"), 780 },  { S("JST"), 540 },
		{ S("KST"), 540 },   { S("HKT"), 480 },	  { S("SGT"), 480 },   { S("PHT"), 480 },
		{ S("IDT"), 180 },
	};

	for (size_t i = 0; i < COUNT(zones); i++)
		if (str_eq(zones[i].name, name))
			return zones[i].minutes;
	return 0;
}

/* The first run of two to four capitals in a word, "" without one. */
static str capitals(str w)
{
	for (size_t i = 0; i < w.n;) {
		size_t n = 0;
		bool upper = true;

		for (; i + n < w.n && ch_word(w.p[i + n]); n++)
			upper = upper && w.p[i + n] >= 'A' && w.p[i + n] <= 'Z';
		if (upper && n >= 2 && n <= 4)
			return str_take(str_skip(w, i), n);
		i += n + 1;
	}
	return STR("");
}

/* Minutes east. */
static int take_zone(const struct words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		str z = w->v[i];

		if (z.n == 5 && (z.p[0] == '+' || z.p[0] == '-') &&
		    is_digits(str_skip(z, 1), 4, 4)) {
			int v = number(str_take(str_skip(z, 1), 2)) * 60 + number(str_skip(z, 3));

			return z.p[0] == '-' ? -v : v;
		}
	}
	for (size_t i = 0; i < w->n; i++)
		if (capitals(w->v[i]).n)
			return named_zone(capitals(w->v[i]));
	return 0;
}

static int days_of(int year, int month)
{
	if (month == 2)
		return year % 4 == 0 && (year % 100 != 0 || year % 400 != 0) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* What cannot be is pulled to the nearest that can. */
static void mend(struct date *d)
{
	if (d->second > 59)
		d->second = 59;
	if (d->minute > 59)
		d->minute = 59;
	if (d->hour > 23)
		d->hour = 23;
	if (d->day > days_of(d->year, d->month)) {
		d->day = 1;
		if (++d->month > 12) {
			d->month = 1;
			d->year++;
		}
	}
	if (d->year > 2037)
		d->year = 2037;
	if (d->year < 1970)
		d->year = 1970;
}

static void take_words(struct words *w, str s)
{
	for (size_t i = 0; i < s.n && w->n < DATE_WORDS;) {
		size_t n = 0;

		while (i + n < s.n && !ch_space(s.p[i + n]) && s.p[i + n] != ',')
			n++;
		if (n)
			w->v[w->n++] = str_take(str_skip(s, i), n);
		i += n + 1;
	}
}

bool eval_parse_date(struct eval *e, str date, int64_t *out)
{
	struct arena *a = scan_arena(e->m);
	struct arena_mark mark = arena_mark(a);
	struct words *w = NEW(a, struct words);
	struct date d = { 0 };
	bool ok;
	int zone;

	take_words(w, date);
	ok = take_day(w, &d) && d.day > 0;
	if (ok)
		take_time(w, &d);
	zone = take_zone(w);
	arena_release(a, mark);
	if (!ok)
		return false;
	mend(&d);
	*out = date_seconds(&d) - (int64_t)zone * 60;
	if (zone > 0 && *out < 0)
		*out = 0;
	return true;
}

/* ---- check_for_shifted_date ---- */

struct times {
	int64_t *v;
	size_t n;
};

static bool header_time(struct eval *e, int64_t *out)
{
	static const str names[] = { S("Resent-Date"), S("Date") };

	for (size_t i = 0; i < COUNT(names); i++) {
		struct scan_strs all = scan_headers(e->m, names[i], false);

		for (size_t j = 0; j < all.n; j++)
			if (eval_parse_date(e, all.v[j], out))
				return true;
	}
	return false;
}

static bool received_time(struct eval *e, str field, int64_t *out)
{
	struct regex_match m;

	return eval_match_at(e, EVAL_P_DATE_IN_RECEIVED, field, 0, &m) &&
	       eval_parse_date(e, str_take(str_skip(field, m.begin), m.end - m.begin), out);
}

/* The relays' times, without those of this machine's own fetchmail. */
static struct times received_times(struct eval *e)
{
	str rest = eval_header(e, STR("Received")), line;
	struct eval_strings fields = { .n = 0 };
	struct times t = { .n = 0 };
	size_t first = 0;

	while (eval_line(&rest, &line))
		if (str_trim_ws(line).n && fields.n < LIM_RULES_ADDRESSES)
			eval_strings_add(e, &fields, line);
	if (fields.n && eval_match(e, EVAL_P_FETCHMAIL, fields.v[0]) && fields.n > 1 &&
	    eval_match(e, EVAL_P_FETCHMAIL_BY, fields.v[1]))
		first = 2;
	else if (fields.n && !eval_match(e, EVAL_P_FETCHMAIL, fields.v[0]) &&
		 eval_match(e, EVAL_P_FETCHMAIL_BY, fields.v[0]))
		first = 1;
	t.v = NEW_TRY(scan_arena(e->m), int64_t, fields.n + 1);
	for (size_t i = first; t.v && i < fields.n; i++)
		if (received_time(e, fields.v[i], &t.v[t.n]))
			t.n++;
	return t;
}

static int64_t distance(int64_t a)
{
	return a < 0 ? -a : a;
}

/* Seconds that the message's date is ahead of the relay's that is nearest to it. */
static int64_t date_difference(struct eval *e)
{
	int64_t sent, best = 0;
	struct times t;

	if (!header_time(e, &sent))
		return 0;
	t = received_times(e);
	if (t.n > 1 && t.v[t.n - 1] == sent)
		t.n--; /* the first relay's is the sender's own */
	for (size_t i = 0; i < t.n; i++)
		if (i == 0 || distance(sent - t.v[i]) < distance(best))
			best = sent - t.v[i];
	return best;
}

unsigned eval_check_for_shifted_date(struct eval *e)
{
	int64_t **memo = (int64_t **)&e->memo[EVAL_MEMO_DATE];

	if (!*memo) {
		*memo = NEW(scan_arena(e->m), int64_t);
		**memo = date_difference(e);
	}
	return eval_in_range(e, 0, (double)**memo / 3600);
}

/* ---- check_outlook_message_id ---- */

/* A number of hexadecimal digits at the front of s, which moves behind it. */
static bool take_hex(str *s, size_t digits, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < digits; i++) {
		char c = i < s->n ? s->p[i] : '\0';

		if (!ch_digit(c) && (c < 'a' || c > 'f'))
			return false;
		*out = *out << 4 | (uint32_t)(ch_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*s = str_skip(*s, digits);
	return true;
}

static bool take_char(str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

/* Outlook's middle digits are the upper half of a FILETIME: 429.5 seconds each. */
static bool outlook_is_near(struct eval *e, uint32_t token, str date)
{
	int64_t t = 0;

	if (!eval_parse_date(e, date, &t))
		t = 0;

	int64_t expected = (int64_t)((double)t * 0.0023283064365387 + 27111902.8329849);

	return distance((int64_t)token - expected) < 250;
}

unsigned eval_check_outlook_message_id(struct eval *e)
{
	str id = eval_header(e, STR("MESSAGEID"));
	uint32_t skipped, token;

	if (!take_char(&id, '<') || !take_hex(&id, 4, &skipped) || !take_hex(&id, 8, &token) ||
	    !take_char(&id, '$') || !take_hex(&id, 8, &skipped) || !take_char(&id, '$') ||
	    !take_hex(&id, 8, &skipped) || !take_char(&id, '@'))
		return 0;
	return !outlook_is_near(e, token, eval_header(e, STR("Date"))) &&
	       !outlook_is_near(e, token, eval_header(e, STR("Received")));
}
