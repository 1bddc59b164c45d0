#include "formats/milter/milter.h"

#include "base/limits.h"
#include "base/test.h"

TEST(milter_connect)
{
	static const struct {
		str in;
		err want;
		char family;
		unsigned port;
		str host, addr;
	} rows[] = {
		{ S("mail.example\0004\x1f\x90"
		    "192.0.2.1\0"),
		  OK, '4', 8080, S("mail.example"), S("192.0.2.1") },
		{ S("[2001:db8::1]\0006\0\031IPv6:2001:db8::1\0"), OK, '6', 25, S("[2001:db8::1]"),
		  S("2001:db8::1") },
		{ S("localhost\0U"), OK, 'U', 0, S("localhost"), S("") },
		{ S("localhost\0L\0\0/run/x\0"), OK, 'L', 0, S("localhost"), S("/run/x") },
		{ S("x\0004\0\0192.0.2.1"), E_SYNTAX, 0, 0, S(""), S("") }, /* no NUL */
		{ S("x\0004\0"), E_SYNTAX, 0, 0, S(""), S("") },
		{ S("x\0"), E_SYNTAX, 0, 0, S(""), S("") },
		{ S("x"), E_SYNTAX, 0, 0, S(""), S("") },
		{ S(""), E_SYNTAX, 0, 0, S(""), S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct milter_connect c = { 0 };

		CHECK_ROW(i, milter_parse_connect(rows[i].in, &c) == rows[i].want);
		if (rows[i].want != OK)
			continue;
		CHECK_ROW(i, c.family == rows[i].family && c.port == rows[i].port);
		CHECK_STR_ROW(i, c.host, rows[i].host);
		CHECK_STR_ROW(i, c.addr, rows[i].addr);
	}
}

TEST(milter_pieces)
{
	struct milter_options o;
	str name, value;

	CHECK_OK(milter_parse_options(STR("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), &o));
	CHECK(o.version == 6 && o.actions == 0x1ff && o.steps == 0x1fffff);
	CHECK(milter_parse_options(STR("\0\0\0\6\0\0"), &o) == E_SYNTAX);
	CHECK(milter_parse_options(STR("\0\0\0\1\0\0\0\0\0\0\0\0"), &o) == E_SYNTAX);
	CHECK_OK(milter_parse_header(STR("Subject\0 hello\0"), &name, &value));
	CHECK_STR(value, STR(" hello"));
	CHECK(milter_parse_header(STR("Subject\0hello"), &name, &value) == E_SYNTAX);
	CHECK(milter_parse_header(STR("\0hello\0"), &name, &value) == E_SYNTAX);
	CHECK_STR(milter_macro(STR("i\0ABC\0{auth_authen}\0ana\0"), STR("auth_authen")),
		  STR("ana"));
	CHECK_STR(milter_macro(STR("i\0ABC\0j"), STR("j")), STR(""));
}

TEST(milter_print)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, KIB(4));
	milter_print(&b, MILTER_CONTINUE, STR(""));
	milter_print_insert(&b, 0, STR("A"), STR("b"));
	milter_print_text(&b, MILTER_REPLY, STR("550 no"));
	CHECK_STR(buf_str(&b), STR("\0\0\0\1c\0\0\0\011i\0\0\0\0A\0b\0\0\0\0\010y550 no\0"));
	CHECK(milter_length(b.p + 5) == 9);
}
