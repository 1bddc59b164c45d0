#include "formats/radius/hours.h"

#include <string.h>

static bool take_days(str *rest, unsigned *days)
{
	static const struct {
		str name;
		unsigned days;
	} names[] = { { S("Any"), 0x7f }, { S("Al"), 0x7f }, { S("Wk"), 0x3e }, { S("Su"), 1 },
		      { S("Mo"), 2 },	  { S("Tu"), 4 },    { S("We"), 8 },	{ S("Th"), 16 },
		      { S("Fr"), 32 },	  { S("Sa"), 64 } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_startsi(*rest, names[i].name)) {
			*days |= names[i].days;
			*rest = str_skip(*rest, names[i].name.n);
			return true;
		}
	return false;
}

static bool take_time(str text, unsigned *minute)
{
	uint64_t v;

	if (text.n != 4 || str_u64(text, 2400, &v) || v % 100 > 59)
		return false;
	*minute = (unsigned)(v / 100 * 60 + v % 100);
	return true;
}

static void allow(struct radius_hours *out, unsigned day, unsigned from, unsigned to)
{
	for (unsigned m = from; m < to; m++) {
		unsigned at = day * HOURS_DAY + m;

		out->minutes[at / 8] |= (unsigned char)(1 << at % 8);
	}
}

static err take_piece(str piece, struct radius_hours *out)
{
	unsigned days = 0, from = 0, to = HOURS_DAY;
	str rest = piece, first, second;

	while (take_days(&rest, &days))
		;
	if (!days || (rest.n && (!str_cut(rest, '-', &first, &second) || !take_time(first, &from) ||
				 !take_time(second, &to))))
		return fail(E_SYNTAX, "\"%.*s\" is no time of the week; write Wk0800-1800",
			    STRF(str_take(piece, 32)));
	for (unsigned day = 0; day < 7; day++) {
		if (!(days >> day & 1))
			continue;
		allow(out, day, from, from < to ? to : HOURS_DAY);
		if (from >= to)
			allow(out, day, 0, to);
	}
	return OK;
}

err radius_hours_parse(str text, struct radius_hours *out)
{
	memset(out, text.n ? 0 : 0xff, sizeof(*out));
	while (text.n) {
		size_t end = 0;

		while (end < text.n && text.p[end] != ',' && text.p[end] != '|')
			end++;
		TRY(take_piece(str_trim(str_take(text, end)), out));
		text = str_skip(text, end + 1);
	}
	return OK;
}

unsigned radius_hours_left(const struct radius_hours *h, unsigned minute)
{
	unsigned n = 0;

	for (; n < HOURS_WEEK; n++) {
		unsigned at = (minute + n) % HOURS_WEEK;

		if (!(h->minutes[at / 8] >> at % 8 & 1))
			break;
	}
	return n;
}
