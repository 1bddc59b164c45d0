#include "formats/milter/milter.h"

static uint32_t get32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

uint32_t milter_length(const char four[4])
{
	return get32(four);
}

err milter_parse_options(str data, struct milter_options *out)
{
	if (data.n < 12)
		return fail(E_SYNTAX, "options of %zu octets", data.n);
	*out = (struct milter_options){ get32(data.p), get32(data.p + 4), get32(data.p + 8) };
	if (out->version < 2)
		return fail(E_SYNTAX, "milter version %u; 2 to 6 are spoken here", out->version);
	return OK;
}

bool milter_next(str *rest, str *out)
{
	return str_cut(*rest, '\0', out, rest);
}

/* RFC 5321 4.1.3's prefix is left out. */
static str bare(str addr)
{
	return str_startsi(addr, STR("IPv6:")) ? str_skip(addr, 5) : addr;
}

err milter_parse_connect(str data, struct milter_connect *out)
{
	struct milter_connect c = { .addr = STR("") };

	if (!milter_next(&data, &c.host) || data.n == 0)
		return fail(E_SYNTAX, "a connection without a name and a family");
	c.family = data.p[0];
	data = str_skip(data, 1);
	if (c.family == 'U') {
		*out = c;
		return OK;
	}
	if (data.n < 3)
		return fail(E_SYNTAX, "a connection without an address");
	c.port = get32((char[4]){ 0, 0, data.p[0], data.p[1] });
	data = str_skip(data, 2);
	if (!milter_next(&data, &c.addr))
		return fail(E_SYNTAX, "a connection's address without an end");
	c.addr = bare(c.addr);
	*out = c;
	return OK;
}

err milter_parse_header(str data, str *name, str *value)
{
	str n, v;

	if (!milter_next(&data, &n) || !milter_next(&data, &v) || n.n == 0)
		return fail(E_SYNTAX, "a header field without a name and a value");
	*name = n;
	*value = v;
	return OK;
}

static str unbrace(str s)
{
	return s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}' ? str_take(str_skip(s, 1), s.n - 2)
							       : s;
}

str milter_macro(str data, str name)
{
	str n, v;

	while (milter_next(&data, &n) && milter_next(&data, &v))
		if (str_eq(unbrace(n), name))
			return v;
	return STR("");
}

static void begin(struct buf *out, char command, size_t n)
{
	buf_u32(out, (uint32_t)n + 1);
	buf_addc(out, command);
}

void milter_print(struct buf *out, char command, str data)
{
	begin(out, command, data.n);
	buf_add(out, data);
}

void milter_print_options(struct buf *out, const struct milter_options *o)
{
	begin(out, MILTER_OPTIONS, 12);
	buf_u32(out, o->version);
	buf_u32(out, o->actions);
	buf_u32(out, o->steps);
}

static void add_z(struct buf *out, str s)
{
	buf_add(out, s);
	buf_addc(out, '\0');
}

void milter_print_add(struct buf *out, str name, str value)
{
	begin(out, MILTER_ADD_HEADER, name.n + value.n + 2);
	add_z(out, name);
	add_z(out, value);
}

static void print_at(struct buf *out, char command, uint32_t at, str name, str value)
{
	begin(out, command, 4 + name.n + value.n + 2);
	buf_u32(out, at);
	add_z(out, name);
	add_z(out, value);
}

void milter_print_insert(struct buf *out, uint32_t at, str name, str value)
{
	print_at(out, MILTER_INSERT_HEADER, at, name, value);
}

void milter_print_change(struct buf *out, uint32_t index, str name, str value)
{
	print_at(out, MILTER_CHANGE_HEADER, index, name, value);
}

void milter_print_text(struct buf *out, char command, str text)
{
	begin(out, command, text.n + 1);
	add_z(out, text);
}
