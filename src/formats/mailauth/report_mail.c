#include "formats/mailauth/report_mail.h"

#include <zlib.h>

#include "base/date.h"
#include "base/enc.h"

enum { LINE = 57 /* octets that make 76 of base64 */, GZIP = 16 /* for windowBits */ };

static void add_base64(struct buf *out, str bytes)
{
	while (bytes.n) {
		enc_base64(out, str_take(bytes, LINE));
		buf_add(out, STR("\r\n"));
		bytes = str_skip(bytes, LINE);
	}
}

static void add_head(struct buf *out, const struct report_mail *m)
{
	buf_fmt(out, "From: <%.*s>\r\nTo: <%.*s>\r\nDate: ", STRF(m->from), STRF(m->to));
	date_add_rfc5322(out, m->now, 0);
	buf_fmt(out,
		"\r\nSubject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%.*s>\r\n"
		"Message-ID: <%.*s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
		STRF(m->domain), STRF(m->receiver), STRF(m->id), STRF(m->message_id));
	if (m->tls)
		buf_fmt(out, "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\n",
			STRF(m->domain), STRF(m->receiver));
	buf_add(out, m->tls ? STR("Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n")
			    : STR("Content-Type: multipart/mixed;\r\n"));
	/* No line of base64 or of the text begins with "--". */
	buf_add(out, STR(" boundary=\"=_report\"\r\n\r\n"));
}

/* RFC 9990 3.5.1, RFC 8460 5.1. */
static void add_name(struct buf *out, const struct report_mail *m)
{
	buf_fmt(out, "%.*s!%.*s!%lld!%lld!%.*s.%s.gz", STRF(m->receiver), STRF(m->domain),
		(long long)m->begin, (long long)m->end, STRF(m->id), m->tls ? "json" : "xml");
}

void report_mail_print(struct buf *out, const struct report_mail *m)
{
	add_head(out, m);
	buf_fmt(out,
		"--=_report\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
		"This is %s report about %.*s\r\nby %.*s for the day that began at ",
		m->tls ? "a TLS" : "a DMARC aggregate", STRF(m->domain), STRF(m->receiver));
	date_add_iso(out, m->begin);
	buf_fmt(out, ".\r\n\r\n--=_report\r\nContent-Type: %s;\r\n name=\"",
		m->tls ? "application/tlsrpt+gzip" : "application/gzip");
	add_name(out, m);
	buf_add(out, STR("\"\r\nContent-Transfer-Encoding: base64\r\n"
			 "Content-Disposition: attachment;\r\n filename=\""));
	add_name(out, m);
	buf_add(out, STR("\"\r\n\r\n"));
	add_base64(out, m->packed);
	buf_add(out, STR("--=_report--\r\n"));
}

err report_pack(str text, struct buf *out)
{
	z_stream z = { 0 };
	size_t most = compressBound(text.n) + 64;
	unsigned char *p = text.n < UINT32_MAX ? (unsigned char *)buf_room(out, most) : NULL;

	if (!p)
		return fail(E_LIMIT, "a report of %zu octets", text.n);
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, MAX_MEM_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return fail(E_IO, "zlib has no memory");
	z.next_in = (unsigned char *)(uintptr_t)text.p;
	z.avail_in = (unsigned)text.n;
	z.next_out = p;
	z.avail_out = (unsigned)most;
	int rc = deflate(&z, Z_FINISH);

	out->n += rc == Z_STREAM_END ? z.total_out : 0;
	(void)deflateEnd(&z);
	return rc == Z_STREAM_END ? OK : fail(E_IO, "zlib: %d", rc);
}
