#include "run/conf_value.h"

struct unit {
	str name;
	int64_t factor;
};
/* The largest first: conf_print_value takes the first that divides. */
static const struct unit size_units[] = {
	{ S("T"), INT64_C(1) << 40 }, { S("G"), 1 << 30 }, { S("M"), 1 << 20 },
	{ S("k"), 1 << 10 },	      { S(""), 1 },
};
static const struct unit time_units[] = {
	{ S("w"), INT64_C(7) * 86400 * 1000 },
	{ S("d"), 86400 * 1000 },
	{ S("h"), 3600 * 1000 },
	{ S("m"), 60 * 1000 },
	{ S("s"), 1000 },
	{ S("ms"), 1 },
};

static err parse_units(str s, const struct unit *u, size_t n, int64_t *out)
{
	size_t digits = 0;
	uint64_t v;

	while (digits < s.n && ch_digit(s.p[digits]))
		digits++;
	TRY(str_u64(str_take(s, digits), INT64_MAX, &v));
	str unit = str_skip(s, digits);

	for (size_t i = 0; i < n; i++)
		if (str_eqi(u[i].name, unit)) {
			if (__builtin_mul_overflow((int64_t)v, u[i].factor, out))
				return fail(E_LIMIT, "%.*s is too large", STRF(s));
			return OK;
		}
	return fail(E_SYNTAX, "\"%.*s\" is no unit here", STRF(unit));
}

err conf_parse_size(str s, int64_t *octets)
{
	return parse_units(s, size_units, COUNT(size_units), octets);
}

err conf_parse_duration(str s, int64_t *ms)
{
	if (str_eq(s, STR("0"))) {
		*ms = 0;
		return OK;
	}
	return parse_units(s, time_units, COUNT(time_units), ms);
}

err conf_parse_bool(str s, bool *out)
{
	*out = str_eqi(s, STR("true"));
	if (*out || str_eqi(s, STR("false")))
		return OK;
	return fail(E_SYNTAX, "neither true nor false");
}

void conf_print_value(enum conf_type type, int64_t v, struct buf *out)
{
	const struct unit *u = type == CONF_SIZE ? size_units : time_units;
	size_t n = type == CONF_SIZE ? COUNT(size_units) : COUNT(time_units);

	if (type == CONF_INT || type == CONF_REAL || v == 0) {
		buf_fmt(out, "%lld", (long long)v);
		return;
	}
	while (n > 1 && v % u->factor != 0)
		u++, n--;
	buf_fmt(out, "%lld%.*s", (long long)(v / u->factor), STRF(u->name));
}
