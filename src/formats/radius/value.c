/* Values between text and wire form. */
#include <arpa/inet.h>
#include <string.h>

#include "base/date.h"
#include "base/enc.h"
#include "formats/radius/pair.h"

static err wrong(const struct radius_attr *a, str text, const char *want)
{
	return fail(E_SYNTAX, "%.*s: \"%.*s\" is not %s", STRF(a->name), STRF(str_take(text, 64)),
		    want);
}

static void add_int(struct buf *out, uint64_t v, size_t octets)
{
	while (octets--)
		buf_u8(out, (unsigned)(v >> (8 * octets)) & 0xff);
}

/* ---- addresses ---- */

/* "192.0.2.1", and as FreeRADIUS has it "*", one number, or the first parts of an address. */
static bool parse_ipv4(str text, unsigned char out[4])
{
	uint64_t n, parts[4] = { 0 };
	size_t count = 0;

	if (str_eq(text, STR("*"))) {
		memset(out, 0, 4);
		return true;
	}
	if (str_u64(text, UINT32_MAX, &n) == OK) {
		radius_set32(out, (uint32_t)n);
		return true;
	}
	for (str part; str_next(&text, '.', &part); count++)
		if (count == 4 || str_u64(part, 255, &parts[count]))
			return false;
	for (size_t i = 0; i < 4; i++)
		out[i] = (unsigned char)parts[i];
	return count > 1;
}

static bool parse_ipv6(str text, unsigned char out[16])
{
	char z[64];

	if (str_eq(text, STR("*"))) {
		memset(out, 0, 16);
		return true;
	}
	return str_to_z(text, z, sizeof(z)) == OK && inet_pton(AF_INET6, z, out) == 1;
}

/* address[/bits]; prefix: any bits, else all of them. */
static err parse_address(const struct radius_attr *a, str text, bool v6, bool prefix,
			 struct buf *out)
{
	unsigned char ip[16] = { 0 };
	uint64_t bits = v6 ? 128 : 32, most = bits;
	str address = text, after = STR("");

	if (str_cut(text, '/', &address, &after) && str_u64(after, most, &bits))
		return wrong(a, text,
			     v6 ? "a prefix of 0 to 128 bits" : "a prefix of 0 to 32 bits");
	if (!prefix && bits != most)
		return wrong(a, text, "an address without a prefix length");
	if (v6 ? !parse_ipv6(address, ip) : !parse_ipv4(address, ip))
		return wrong(a, text, v6 ? "an IPv6 address" : "an IPv4 address");
	if (prefix) {
		buf_u8(out, 0);
		buf_u8(out, (unsigned)bits);
	}
	buf_add(out, str_of(ip, v6 ? 16 : 4));
	return OK;
}

static void print_ip(str octets, struct buf *out)
{
	char text[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(octets.n == 4 ? AF_INET : AF_INET6, octets.p, text, sizeof(text));
	buf_add(out, str_z(text));
}

static void print_prefix(str value, size_t octets, struct buf *out)
{
	unsigned char ip[16] = { 0 };
	str address = str_skip(value, 2);

	memcpy(ip, address.p, address.n < octets ? address.n : octets);
	print_ip(str_of(ip, octets), out);
	buf_fmt(out, "/%u", (unsigned char)value.p[1]);
}

/* "aa:bb:...": n groups of some octets. */
static err parse_groups(const struct radius_attr *a, str text, size_t groups, size_t octets,
			struct buf *out)
{
	str whole = text;
	size_t count = 0;

	for (str part; str_next(&text, ':', &part); count++) {
		uint64_t v = 0;

		if (count == groups || !part.n || part.n > 2 * octets)
			return wrong(a, whole, "groups of hex digits");
		for (size_t i = 0; i < part.n; i++) {
			char c = ch_lower(part.p[i]);

			if (!ch_digit(c) && !(c >= 'a' && c <= 'f'))
				return wrong(a, whole, "groups of hex digits");
			v = v << 4 | (uint64_t)(ch_digit(c) ? c - '0' : c - 'a' + 10);
		}
		add_int(out, v, octets);
	}
	return count == groups ? OK : wrong(a, whole, "groups of hex digits");
}

static void print_groups(str value, size_t octets, struct buf *out)
{
	for (size_t i = 0; i + octets <= value.n; i += octets) {
		unsigned v = (unsigned char)value.p[i];

		if (octets == 2)
			v = v << 8 | (unsigned char)value.p[i + 1];
		buf_fmt(out, octets == 2 ? "%s%x" : "%s%02x", i ? ":" : "", v);
	}
}

/* ---- numbers ---- */

static err parse_number(const struct radius_dict *d, const struct radius_attr *a, str text,
			struct buf *out)
{
	size_t octets = a->size ? a->size : 4;
	str word = str_starts(text, STR("::")) ? str_skip(text, 2) : text;
	uint64_t most = octets >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * octets)) - 1, u = 0;
	int64_t v = 0;

	if (radius_dict_value(d, a, word, &v)) {
		u = (uint64_t)v;
	} else if (str_startsi(text, STR("0x"))) {
		CLEANUP(buf_free) struct buf hex = { 0 };

		buf_init(&hex, 8);
		if (text.n < 4 || dec_hex(&hex, str_skip(text, 2)) || buf_done(&hex))
			return wrong(a, text, "a number");
		for (size_t i = 0; i < hex.n; i++)
			u = u << 8 | (unsigned char)hex.p[i];
	} else if (a->kind == RK_SIGNED) {
		if (str_i64(text, &v) || v < INT32_MIN || v > INT32_MAX)
			return wrong(a, text, "a number of 32 bits");
		add_int(out, (uint64_t)v, 4);
		return OK;
	} else if (str_u64(text, most, &u)) {
		return wrong(a, text, "a number in its range, or one of its names");
	}
	if (u > most)
		return wrong(a, text, "a number in its range");
	add_int(out, u, octets);
	return OK;
}

static uint64_t number_of(str value)
{
	uint64_t u = 0;

	for (size_t i = 0; i < value.n && i < 8; i++)
		u = u << 8 | (unsigned char)value.p[i];
	return u;
}

static void print_number(const struct radius_dict *d, const struct radius_attr *a, str value,
			 enum radius_style style, struct buf *out)
{
	uint64_t u = number_of(value);
	str name = u <= INT64_MAX ? radius_dict_value_name(d, a, (int64_t)u) : STR("");

	if (name.n)
		buf_fmt(out, "%s%.*s", style == RADIUS_NESTED ? "::" : "", STRF(name));
	else if (a->kind == RK_SIGNED)
		buf_fmt(out, "%d", (int32_t)(uint32_t)u);
	else
		buf_fmt(out, "%llu", (unsigned long long)u);
}

/* ---- times ---- */

/* "2019-08-21T07:40:31.123+05:30", or "...Z". E_SYNTAX leaves out untouched. */
static err parse_iso(str text, uint32_t scale, int64_t *out)
{
	static const struct {
		uint8_t at, n;
		uint16_t most;
	} parts[] = { { 0, 4, 9999 }, { 5, 2, 12 },  { 8, 2, 31 },
		      { 11, 2, 23 },  { 14, 2, 59 }, { 17, 2, 60 } };
	uint64_t v[COUNT(parts)] = { 0 }, hours = 0, minutes = 0, fraction = 0;

	if (text.n < 20 || text.p[4] != '-' || text.p[7] != '-' || ch_upper(text.p[10]) != 'T' ||
	    text.p[13] != ':' || text.p[16] != ':')
		return E_SYNTAX;
	for (size_t i = 0; i < COUNT(parts); i++)
		if (str_u64(str_of(text.p + parts[i].at, parts[i].n), parts[i].most, &v[i]))
			return E_SYNTAX;
	str rest = str_skip(text, 19);

	if (rest.n && rest.p[0] == '.') {
		uint32_t unit = scale;

		for (rest = str_skip(rest, 1); rest.n && ch_digit(rest.p[0]);
		     rest = str_skip(rest, 1)) {
			unit /= 10;
			fraction += unit * (uint64_t)(rest.p[0] - '0');
		}
	}
	struct date day = { .year = (int)v[0],
			    .month = (int)v[1],
			    .day = (int)v[2],
			    .hour = (int)v[3],
			    .minute = (int)v[4],
			    .second = (int)v[5] };

	if (rest.n == 6 && (rest.p[0] == '+' || rest.p[0] == '-') && rest.p[3] == ':' &&
	    str_u64(str_of(rest.p + 1, 2), 23, &hours) == OK &&
	    str_u64(str_of(rest.p + 4, 2), 59, &minutes) == OK)
		day.zone = (rest.p[0] == '-' ? -1 : 1) * (int)(hours * 60 + minutes);
	else if (!str_eqi(rest, STR("Z")))
		return E_SYNTAX;
	if (!v[1] || !v[2])
		return E_SYNTAX;
	*out = date_seconds(&day) * scale + (int64_t)fraction;
	return OK;
}

/* A number of the attribute's units, or with "s", "ms", "us". */
static err parse_delta(const struct radius_attr *a, str text, int64_t *out)
{
	int64_t scale = a->scale, unit = scale, n;
	str digits = text;

	if (str_ends(text, STR("ms"))) {
		digits = str_take(text, text.n - 2);
		unit = 1000;
	} else if (str_ends(text, STR("us"))) {
		digits = str_take(text, text.n - 2);
		unit = 1000000;
	} else if (str_ends(text, STR("s"))) {
		digits = str_take(text, text.n - 1);
		unit = 1;
	}
	if (str_i64(digits, &n) || n > INT64_MAX / 1000000 || n < INT64_MIN / 1000000)
		return wrong(a, text, "a number of seconds, or with ms, us");
	*out = unit == scale ? n : unit < scale ? n * (scale / unit) : n / (unit / scale);
	return OK;
}

static err parse_time(const struct radius_attr *a, str text, struct buf *out)
{
	int64_t v = 0;

	if (!(a->kind == RK_DATE && parse_iso(text, a->scale, &v) == OK))
		TRY(parse_delta(a, text, &v));
	add_int(out, (uint64_t)v, 8);
	return OK;
}

static void print_time(const struct radius_attr *a, str value, struct buf *out)
{
	int64_t v = (int64_t)number_of(value), seconds = v / a->scale, part = v % a->scale;
	CLEANUP(buf_free) struct buf date = { 0 };

	if (a->kind == RK_DELTA) {
		buf_fmt(out, "%lld", (long long)v);
		return;
	}
	if (part < 0) {
		part += a->scale;
		seconds--;
	}
	buf_init(&date, 64);
	if (seconds > -(INT64_C(1) << 36) && seconds < INT64_C(1) << 36)
		date_add_iso(&date, seconds);
	buf_fmt(out, "\"%.*s", STRF(str_take(buf_str(&date), date.n ? date.n - 1 : 0)));
	if (a->scale == 1000)
		buf_fmt(out, ".%03d", (int)part);
	else if (a->scale == 1000000)
		buf_fmt(out, ".%06d", (int)part);
	buf_add(out, STR("Z\""));
}

/* ---- all kinds ---- */

static err parse_octets(const struct radius_attr *a, str text, bool quoted, struct buf *out)
{
	if (!quoted && str_startsi(text, STR("0x")))
		return dec_hex(out, str_skip(text, 2)) == OK ? OK : wrong(a, text, "hex digits");
	buf_add(out, text);
	return OK;
}

err radius_value_parse(const struct radius_dict *d, const struct radius_attr *a, str text,
		       bool quoted, struct buf *out)
{
	switch ((enum radius_kind)a->kind) {
	case RK_STRING:
		buf_add(out, text);
		return OK;
	case RK_OCTETS:
		return parse_octets(a, text, quoted, out);
	case RK_IPADDR:
	case RK_IPV4PREFIX:
		return parse_address(a, text, false, a->kind == RK_IPV4PREFIX, out);
	case RK_IPV6ADDR:
	case RK_IPV6PREFIX:
		return parse_address(a, text, true, a->kind == RK_IPV6PREFIX, out);
	case RK_COMBO:
		return parse_address(a, text, str_find(text, ':') < text.n, false, out);
	case RK_IFID:
		return parse_groups(a, text, 4, 2, out);
	case RK_ETHER:
		return parse_groups(a, text, 6, 1, out);
	case RK_DATE:
	case RK_DELTA:
		return parse_time(a, text, out);
	case RK_INTEGER:
	case RK_INTEGER64:
	case RK_SHORT:
	case RK_BYTE:
	case RK_SIGNED:
		return parse_number(d, a, text, out);
	default:
		return wrong(a, text, "a value: it has attributes inside, write { ... }");
	}
}

static void print_string(str s, enum radius_style style, struct buf *out)
{
	buf_addc(out, '"');
	while (s.n) {
		str rest = s;
		int32_t c = utf8_next(&rest);
		str whole = str_take(s, s.n - rest.n);
		unsigned char first = (unsigned char)s.p[0];

		if (first == '"' || first == '\\' || (first == '%' && style == RADIUS_NESTED))
			buf_fmt(out, "\\%c", first);
		else if (first == '\n')
			buf_add(out, STR("\\n"));
		else if (first == '\r')
			buf_add(out, STR("\\r"));
		else if (first == '\t')
			buf_add(out, STR("\\t"));
		else if (first < 0x20 || first == 0x7f || !utf8_shown(c) || !utf8_valid(whole)) {
			for (size_t i = 0; i < whole.n; i++)
				buf_fmt(out, "\\%03o", (unsigned char)whole.p[i]);
		} else
			buf_add(out, whole);
		s = rest;
	}
	buf_addc(out, '"');
}

void radius_value_print(const struct radius_dict *d, const struct radius_attr *a, str value,
			enum radius_style style, struct buf *out)
{
	switch (a ? (enum radius_kind)a->kind : RK_OCTETS) {
	case RK_STRING:
		print_string(value, style, out);
		return;
	case RK_IPADDR:
	case RK_IPV6ADDR:
	case RK_COMBO:
		print_ip(value, out);
		return;
	case RK_IPV4PREFIX:
		print_prefix(value, 4, out);
		return;
	case RK_IPV6PREFIX:
		print_prefix(value, 16, out);
		return;
	case RK_IFID:
		print_groups(value, 2, out);
		return;
	case RK_ETHER:
		print_groups(value, 1, out);
		return;
	case RK_DATE:
	case RK_DELTA:
		print_time(a, value, out);
		return;
	case RK_INTEGER:
	case RK_INTEGER64:
	case RK_SHORT:
	case RK_BYTE:
	case RK_SIGNED:
		print_number(d, a, value, style, out);
		return;
	default:
		buf_add(out, STR("0x"));
		enc_hex(out, value);
		return;
	}
}

/* RFC 3162 2.3: bits behind the prefix become 0, octets behind it are left out. */
static err read_prefix(const struct radius_attr *a, str wire, size_t octets, struct arena *ar,
		       str *out)
{
	unsigned bits = wire.n < 2 ? 255 : (unsigned char)wire.p[1];
	size_t used = (bits + 7) / 8;
	unsigned char ip[18] = { 0 };
	size_t have = wire.n < 2 ? 0 : wire.n - 2;

	if (wire.n < 2 || have > octets || bits > octets * 8 || (octets == 4 && have != 4))
		return fail(E_SYNTAX, "%.*s of %zu octets", STRF(a->name), wire.n);
	ip[1] = (unsigned char)bits;
	memcpy(ip + 2, wire.p + 2, have < used ? have : used);
	if (bits % 8)
		ip[1 + used] &= (unsigned char)(0xff << (8 - bits % 8));
	*out = arena_dup(ar, str_of(ip, 2 + (octets == 4 ? 4 : used)));
	return out->p ? OK : fail(E_LIMIT, "attributes too long");
}

static err read_time(const struct radius_attr *a, str wire, struct arena *ar, str *out)
{
	uint64_t u = number_of(wire);
	unsigned bits = a->size * 8U;
	char wide[8];

	if (a->is_signed && bits < 64 && u >> (bits - 1))
		u |= UINT64_MAX << bits;
	for (size_t i = 0; i < 8; i++)
		wide[i] = (char)(u >> (56 - 8 * i));
	*out = arena_dup(ar, str_of(wide, sizeof(wide)));
	return out->p ? OK : fail(E_LIMIT, "attributes too long");
}

err radius_value_read(const struct radius_attr *a, str wire, struct arena *ar, str *out)
{
	if (a->size && wire.n != a->size)
		return fail(E_SYNTAX, "%.*s of %zu octets", STRF(a->name), wire.n);
	switch ((enum radius_kind)a->kind) {
	case RK_IPV4PREFIX:
		return read_prefix(a, wire, 4, ar, out);
	case RK_IPV6PREFIX:
		return read_prefix(a, wire, 16, ar, out);
	case RK_COMBO:
		if (wire.n != 4 && wire.n != 16)
			return fail(E_SYNTAX, "%.*s of %zu octets", STRF(a->name), wire.n);
		break;
	case RK_DATE:
	case RK_DELTA:
		return read_time(a, wire, ar, out);
	default:
		break;
	}
	*out = wire;
	return OK;
}
