#include <zlib.h>

#include "base/test.h"
#include "formats/mailauth/report_mail.h"
#include "formats/mailauth/report_uri.h"

TEST(report_uris)
{
	static const struct {
		str in, first;
		uint64_t max;
		size_t n;
	} rows[] = {
		{ S("mailto:r@b.example"), S("r@b.example"), UINT64_MAX, 1 },
		{ S(" mailto:R.x+1@B.Example!10m , mailto:s@b.example"), S("R.x+1@b.example"),
		  10 << 20, 2 },
		{ S("https://b.example/r,mailto:r@b.example!500"), S("r@b.example"), 500, 1 },
		{ S("mailto:a%21b%2Cc@b.example"), S(""), 0, 0 }, /* ',' is no dot-atom */
		{ S("mailto:a%21b@b.example!1K"), S("a!b@b.example"), 1024, 1 },
		{ S("mailto:r@b.example?subject=x"), S("r@b.example"), UINT64_MAX, 1 },
		{ S("mailto:r@b.example!"), S("r@b.example"), 0, 1 },
		{ S("mailto:r@b.example!9999999999999999999999m"), S("r@b.example"), 0, 1 },
		{ S("mailto:r@b.example!99999999999t"), S("r@b.example"), 0, 1 },
		{ S("mailto:%0d%0aBcc:x@b.example"), S(""), 0, 0 },
		{ S("mailto:r@b.example>"), S(""), 0, 0 },
		{ S("mailto:\"r x\"@b.example"), S(""), 0, 0 },
		{ S("mailto:r@[192.0.2.1]"), S(""), 0, 0 },
		{ S("mailto:r@localhost"), S(""), 0, 0 },
		{ S("mailto:r@b..example"), S(""), 0, 0 },
		{ S("mailto:.r@b.example"), S(""), 0, 0 },
		{ S("mailto:r%@b.example,mailto:r%4@b.example,mailto:%zz@b.example"), S(""), 0, 0 },
		{ S("mailto:,mailto,:,,"), S(""), 0, 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct report_uri u;
		str rest = rows[i].in;
		size_t n = 0;

		for (; report_next_uri(&rest, &u); n++)
			if (!n) {
				CHECK_ROW(i, str_eq(report_address(&u), rows[i].first));
				CHECK_ROW(i, u.max == rows[i].max);
				CHECK_ROW(i, str_ends(rows[i].first, report_host(&u)));
			}
		CHECK_ROW(i, n == rows[i].n);
	}
}

TEST(report_tls_records) /* RFC 8460 3 */
{
	CHECK_STR(report_tls_rua(STR("v=TLSRPTv1; rua=mailto:r@b.example,https://x")),
		  STR("mailto:r@b.example,https://x"));
	CHECK_STR(report_tls_rua(STR("v=TLSRPTv1;rua=mailto:r@b.example;")),
		  STR("mailto:r@b.example"));
	CHECK_STR(report_tls_rua(STR("v=TLSRPTv2; rua=mailto:r@b.example")), STR(""));
	CHECK_STR(report_tls_rua(STR("rua=mailto:r@b.example; v=TLSRPTv1")), STR(""));
	CHECK_STR(report_tls_rua(STR("v=TLSRPTv1")), STR(""));
	CHECK_STR(report_tls_rua(STR("")), STR(""));
}

TEST(report_packs)
{
	static unsigned char back[100000];
	static char text[50000];
	struct buf b;
	z_stream z = { 0 };

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * i >> 7);
	buf_init(&b, KIB(200));
	CHECK_OK(report_pack(str_of(text, sizeof(text)), &b));
	CHECK(inflateInit2(&z, MAX_WBITS + 16) == Z_OK);
	z.next_in = (unsigned char *)b.p;
	z.avail_in = (unsigned)b.n;
	z.next_out = back;
	z.avail_out = sizeof(back);
	CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END);
	CHECK(z.total_out == sizeof(text));
	CHECK(str_eq(str_of(back, sizeof(text)), str_of(text, sizeof(text))));
	(void)inflateEnd(&z);
	buf_free(&b);
	buf_init(&b, 100);
	CHECK(report_pack(str_of(text, sizeof(text)), &b) == E_LIMIT);
	buf_free(&b);
}

TEST(report_mails)
{
	struct buf b;
	struct report_mail m = { .from = STR("postmaster@mx.a.example"),
				 .receiver = STR("mx.a.example"),
				 .to = STR("r@b.example"),
				 .message_id = STR("x@mx.a.example"),
				 .begin = 1700006400,
				 .end = 1700092799,
				 .now = 1700100000,
				 .domain = STR("b.example"),
				 .id = STR("19676.b.example"),
				 .packed = STR("abc") };

	buf_init(&b, KIB(10));
	report_mail_print(&b, &m);
	CHECK(str_search(buf_str(&b),
			 STR("Subject: Report Domain: b.example\r\n Submitter: mx.a.example\r\n"
			     " Report-ID: <19676.b.example>\r\n")) < b.n);
	CHECK(str_search(buf_str(&b), STR("\r\nYWJj\r\n--=_report--\r\n")) < b.n);
	CHECK(str_search(buf_str(&b), STR("filename=\"mx.a.example!b.example!1700006400!1700092799!"
					  "19676.b.example.xml.gz\"")) < b.n);
	buf_reset(&b);
	m.tls = true;
	report_mail_print(&b, &m);
	CHECK(str_search(buf_str(&b), STR("\r\nTLS-Report-Domain: b.example\r\n")) < b.n);
	CHECK(str_search(buf_str(&b), STR("report-type=\"tlsrpt\"")) < b.n);
	CHECK(str_search(buf_str(&b), STR("application/tlsrpt+gzip")) < b.n);
	buf_free(&b);
}
