#include "formats/spamd/spamd.h"

#include "base/limits.h"
#include "base/test.h"

TEST(spamd_request)
{
	static const struct {
		str in;
		err want;
		enum spamd_method method;
		uint64_t length;
		str user;
	} rows[] = {
		{ S("CHECK SPAMC/1.5\r\nUser: ana\r\nContent-length: 12\r\n\r\n"), OK, SPAMD_CHECK,
		  12, S("ana") },
		{ S("PING SPAMC/1.2\r\n\r\n"), OK, SPAMD_PING, 0, S("") },
		{ S("PROCESS SPAMC/1.4\nContent-length:7\nX-Other: y\n\n"), OK, SPAMD_PROCESS, 7,
		  S("") },
		{ S("TELL SPAMC/1.5\r\nMessage-class: spam\r\nSet: local,remote\r\n\r\n"), OK,
		  SPAMD_TELL, 0, S("") },
		{ S("check SPAMC/1.5\r\n\r\n"), E_SYNTAX, 0, 0, S("") },
		{ S("CHECK SPAMC/2.0\r\n\r\n"), E_SYNTAX, 0, 0, S("") },
		{ S("CHECK\r\n\r\n"), E_SYNTAX, 0, 0, S("") },
		{ S("CHECK SPAMC/1.5\r\nContent-length: -1\r\n\r\n"), E_SYNTAX, 0, 0, S("") },
		{ S("CHECK SPAMC/1.5\r\nContent-length: 1\r\nContent-length: 2\r\n\r\n"), E_SYNTAX,
		  0, 0, S("") },
		{ S("CHECK SPAMC/1.5\r\nCompress: zlib\r\n\r\n"), E_SYNTAX, 0, 0, S("") },
		{ S("CHECK SPAMC/1.5\r\nnonsense\r\n\r\n"), E_SYNTAX, 0, 0, S("") },
		{ S(""), E_SYNTAX, 0, 0, S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spamd_request r = { 0 };

		CHECK_ROW(i, spamd_parse_request(rows[i].in, &r) == rows[i].want);
		if (rows[i].want != OK)
			continue;
		CHECK_ROW(i, r.method == rows[i].method && r.length == rows[i].length);
		CHECK_STR_ROW(i, r.user, rows[i].user);
	}
}

TEST(spamd_tell)
{
	struct spamd_request r;

	CHECK_OK(spamd_parse_request(STR("TELL SPAMC/1.5\r\nMessage-class: ham\r\nSet: local, "
					 "remote\r\nRemove: local\r\n\r\n"),
				     &r));
	CHECK(r.class == SPAMD_HAM && r.set == (SPAMD_LOCAL | SPAMD_REMOTE) &&
	      r.remove == SPAMD_LOCAL);
}
