#include "formats/mailauth/dmarc.h"

#include "base/test.h"

TEST(dmarc_records)
{
	static const struct {
		str in;
		bool is;
		char policy, sub, missing, psd;
		bool strict_dkim, strict_spf, test, usable;
	} rows[] = {
		{ S("v=DMARC1; p=reject"), 1, 'r', 0, 0, 'u', 0, 0, 0, 1 },
		{ S("v = DMARC1 ; p = QUARANTINE;"), 1, 'q', 0, 0, 'u', 0, 0, 0, 1 },
		{ S("v=DMARC1;p=none;sp=quarantine;np=reject;adkim=s;aspf=s;t=y;psd=n"), 1, 'n',
		  'q', 'r', 'n', 1, 1, 1, 1 },
		{ S("v=DMARC1; p=reject; adkim=x; aspf=r; t=n; psd=z"), 1, 'r', 0, 0, 'u', 0, 0, 0,
		  1 },
		{ S("v=DMARC1; sp=none; p=reject; psd=y"), 1, 'r', 'n', 0, 'y', 0, 0, 0, 1 },
		/* 9989 4.10.1: no p, or an odd sp or np, is p=none where reports are asked for */
		{ S("v=DMARC1"), 1, 0, 0, 0, 'u', 0, 0, 0, 0 },
		{ S("v=DMARC1; rua=mailto:a@b.example"), 1, 'n', 0, 0, 'u', 0, 0, 0, 1 },
		{ S("v=DMARC1; p=rejct; rua=mailto:a@b.example"), 1, 'n', 0, 0, 'u', 0, 0, 0, 1 },
		{ S("v=DMARC1; p=reject; sp=all; rua=mailto:a@b.example"), 1, 'n', 0, 0, 'u', 0, 0,
		  0, 1 },
		{ S("v=DMARC1; p=reject; sp=all"), 1, 'r', 0, 0, 'u', 0, 0, 0, 0 },
		{ S("v=DMARC1; rua=none"), 1, 0, 0, 0, 'u', 0, 0, 0, 0 },
		/* what is wrong behind the version is left out */
		{ S("v=DMARC1; what; =; x=; p=reject; pct=0; y=\x80"), 1, 'r', 0, 0, 'u', 0, 0, 0,
		  1 },
		/* 4.7: v first, in this case */
		{ S("p=reject; v=DMARC1"), 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ S("v=dmarc1; p=reject"), 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ S("v=DMARC12; p=reject"), 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ S("v=DMARC1 p=reject"), 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ S("v=spf1 -all"), 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ S(""), 0, 0, 0, 0, 0, 0, 0, 0, 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dmarc_record r;

		CHECK_ROW(i, dmarc_parse(rows[i].in, &r) == rows[i].is);
		if (!rows[i].is)
			continue;
		CHECK_ROW(i, dmarc_usable(&r) == rows[i].usable);
		CHECK_ROW(i, r.policy == rows[i].policy && r.psd == rows[i].psd);
		CHECK_ROW(i, !rows[i].usable ||
				     (r.sub == rows[i].sub && r.missing == rows[i].missing));
		CHECK_ROW(i, r.strict_dkim == rows[i].strict_dkim &&
				     r.strict_spf == rows[i].strict_spf && r.test == rows[i].test);
	}
}

TEST(dmarc_report_addresses) /* 9989 4.7 rua; the size limit of 7489 is passed over */
{
	str rest = STR("mailto:a@b.example!10m, ,x, https://r.example/in ,mailto:"), uri;

	CHECK(dmarc_next_uri(&rest, &uri));
	CHECK_STR(uri, STR("mailto:a@b.example"));
	CHECK(dmarc_next_uri(&rest, &uri));
	CHECK_STR(uri, STR("https://r.example/in"));
	CHECK(!dmarc_next_uri(&rest, &uri));
}
