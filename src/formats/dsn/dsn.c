#include "formats/dsn/dsn.h"

#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"

enum { FOLD = 76, TEXT_MAX = 900 };

static const struct kind {
	const char *action, *subject, *intro;
} kinds[] = {
	[DSN_FAILED] = { "failed", "Undelivered mail returned to sender",
			 "Your message could not be delivered to the following recipients. It "
			 "will\r\n"
			 "not be tried again." },
	[DSN_DELAYED] = { "delayed", "Delayed mail, still being tried",
			  "Your message could not be delivered yet to the following recipients. "
			  "You\r\n"
			  "need not send it again: it will be tried further." },
	[DSN_DELIVERED] = { "delivered", "Your message was delivered",
			    "Your message was delivered to the following recipients." },
	[DSN_RELAYED] = { "relayed", "Your message was handed on",
			  "Your message was handed on for the following recipients to a server "
			  "that\r\n"
			  "does not report deliveries: you may hear no more of it." },
};

/* The octets of s that cannot break a field; other ones become '?'. UTF-8 stays when it may. */
static void add_clean(struct buf *out, str s, bool utf8)
{
	bool keep = utf8 && utf8_valid(s);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool ok = (c >= 32 && c < 127) || (c > 127 && keep);

		buf_addc(out, ok ? (char)c : c == '\t' ? ' ' : '?');
	}
}

/* s in lines of about FOLD octets, each but the first behind `indent`; cut at TEXT_MAX. at: octets
 * that the first line has already. */
static void add_folded(struct buf *out, str s, size_t at, const char *indent)
{
	str rest = str_take(s, TEXT_MAX), word;

	for (bool first = true; str_word(&rest, &word); first = false) {
		if (!first && at + word.n >= FOLD) {
			buf_fmt(out, "\r\n%s", indent);
			at = str_z(indent).n;
		} else if (!first) {
			buf_addc(out, ' ');
			at++;
		}
		add_clean(out, word, false);
		at += word.n;
	}
}

/* RFC 6533 3: what is not ASCII in the 7-bit form of utf-8-addr-xtext. */
static void add_utf8_xtext(struct buf *out, str address)
{
	int32_t cp;

	while ((cp = utf8_next(&address)) >= 0) {
		if (cp > 32 && cp < 127 && cp != '\\' && cp != '+' && cp != '=')
			buf_addc(out, (char)cp);
		else
			buf_fmt(out, "\\x{%02X}", (unsigned)cp);
	}
}

/* "rfc822; ana@b.example" */
static void add_typed_address(struct buf *out, const struct dsn *d, str address)
{
	if (str_ascii(address)) {
		buf_add(out, STR("rfc822; "));
		add_clean(out, address, false);
	} else if (d->utf8) {
		buf_add(out, STR("utf-8; "));
		add_clean(out, address, true);
	} else {
		buf_add(out, STR("utf-8; "));
		add_utf8_xtext(out, address);
	}
}

/* ORCPT has its type in it: RFC 3461 4.2. */
static void add_orcpt(struct buf *out, const struct dsn *d, str orcpt)
{
	str type, address;

	if (!str_cut(orcpt, ';', &type, &address))
		return;
	buf_add(out, STR("Original-Recipient: "));
	if (str_eqi(type, STR("rfc822")) || str_eqi(type, STR("utf-8"))) {
		add_typed_address(out, d, address);
	} else {
		add_clean(out, type, false);
		buf_add(out, STR("; "));
		add_clean(out, address, d->utf8);
	}
	buf_add(out, STR("\r\n"));
}

static void add_header(struct buf *out, const struct dsn *d)
{
	bool eight = d->eight_bit || (d->utf8 && !str_ascii(d->to));

	buf_add(out, STR("Date: "));
	date_add_rfc5322(out, d->now, 0);
	buf_fmt(out, "\r\nFrom: Mail delivery <MAILER-DAEMON@%.*s>\r\nTo: <", STRF(d->hostname));
	add_clean(out, d->to, d->utf8);
	buf_fmt(out, ">\r\nSubject: %s\r\n", kinds[d->rcpts[0].action].subject);
	buf_fmt(out, "Message-ID: <%.*s@%.*s>\r\n", STRF(d->id), STRF(d->hostname));
	buf_add(out, STR("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"));
	buf_fmt(out,
		"Content-Type: multipart/report; report-type=%s;\r\n"
		"\tboundary=\"=_%.*s\"\r\n",
		d->utf8 ? "global-delivery-status" : "delivery-status", STRF(d->id));
	if (eight)
		buf_add(out, STR("Content-Transfer-Encoding: 8bit\r\n"));
	buf_add(out, STR("\r\nThis is a delivery report in MIME form.\r\n"));
}

static void add_part(struct buf *out, const struct dsn *d, const char *type, bool eight)
{
	buf_fmt(out, "\r\n--=_%.*s\r\nContent-Type: %s\r\n", STRF(d->id), type);
	if (eight)
		buf_add(out, STR("Content-Transfer-Encoding: 8bit\r\n"));
	buf_add(out, STR("\r\n"));
}

/* The part for people. */
static void add_text(struct buf *out, const struct dsn *d)
{
	add_part(out, d, d->utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
		 d->utf8);
	buf_fmt(out, "This is the mail system at %.*s.\r\n\r\n%s\r\n", STRF(d->hostname),
		kinds[d->rcpts[0].action].intro);
	for (size_t i = 0; i < d->nrcpts; i++) {
		const struct dsn_rcpt *r = &d->rcpts[i];

		buf_add(out, STR("\r\n<"));
		add_clean(out, r->address, d->utf8);
		buf_add(out, STR(">\r\n    "));
		if (r->server.n) {
			add_clean(out, r->server, false);
			buf_add(out, STR(" said:\r\n    "));
		}
		add_folded(out, r->text, 4, "    ");
		buf_add(out, STR("\r\n"));
	}
	if (d->rcpts[0].action == DSN_DELAYED && d->retry_until) {
		buf_add(out, STR("\r\nIt will be tried until "));
		date_add_rfc5322(out, d->retry_until, 0);
		buf_add(out, STR(".\r\n"));
	}
	buf_fmt(out, "\r\nFor questions to your provider, the number of this message: %.*s\r\n",
		STRF(d->original_id));
}

/* RFC 3464 2.3. */
static void add_recipient(struct buf *out, const struct dsn *d, const struct dsn_rcpt *r)
{
	buf_add(out, STR("\r\n"));
	add_orcpt(out, d, r->orcpt);
	buf_add(out, STR("Final-Recipient: "));
	add_typed_address(out, d, r->address);
	buf_fmt(out, "\r\nAction: %s\r\nStatus: ", kinds[r->action].action);
	add_clean(out, r->status, false);
	buf_add(out, STR("\r\n"));
	if (r->server.n) {
		buf_add(out, STR("Remote-MTA: dns; "));
		add_clean(out, r->server, false);
		buf_add(out, STR("\r\n"));
	}
	if (r->text.n) {
		/* RFC 3464 2.3.6: the type says who speaks. */
		str type = r->server.n ? STR("Diagnostic-Code: smtp; ")
				       : STR("Diagnostic-Code: X-Posta; ");

		buf_add(out, type);
		add_folded(out, r->text, type.n, "    ");
		buf_add(out, STR("\r\n"));
	}
	buf_add(out, STR("Last-Attempt-Date: "));
	date_add_rfc5322(out, d->now, 0);
	buf_fmt(out, "\r\nFinal-Log-ID: %.*s\r\n", STRF(d->original_id));
	if (r->action == DSN_DELAYED && d->retry_until) {
		buf_add(out, STR("Will-Retry-Until: "));
		date_add_rfc5322(out, d->retry_until, 0);
		buf_add(out, STR("\r\n"));
	}
}

/* RFC 3464 2.2 and one group a recipient. */
static void add_status(struct buf *out, const struct dsn *d)
{
	add_part(out, d, d->utf8 ? "message/global-delivery-status" : "message/delivery-status",
		 d->utf8);
	if (d->envid.n) {
		buf_add(out, STR("Original-Envelope-Id: "));
		add_clean(out, d->envid, false);
		buf_add(out, STR("\r\n"));
	}
	buf_fmt(out, "Reporting-MTA: dns; %.*s\r\nArrival-Date: ", STRF(d->hostname));
	date_add_rfc5322(out, d->arrived, 0);
	buf_add(out, STR("\r\n"));
	for (size_t i = 0; i < d->nrcpts; i++)
		add_recipient(out, d, &d->rcpts[i]);
}

void dsn_print_head(struct buf *out, const struct dsn *d)
{
	static const char *const types[2][2] = { { "message/rfc822", "text/rfc822-headers" },
						 { "message/global", "message/global-headers" } };

	add_header(out, d);
	add_text(out, d);
	add_status(out, d);
	add_part(out, d, types[d->utf8][d->headers_only], d->eight_bit);
}

void dsn_print_tail(struct buf *out, const struct dsn *d, bool ended)
{
	if (!ended)
		buf_add(out, STR("\r\n"));
	buf_fmt(out, "\r\n--=_%.*s--\r\n", STRF(d->id));
}

str dsn_header_of(str message)
{
	str head = str_take(message, LIM_DSN_HEADER);

	if (str_starts(head, STR("\r\n")))
		return str_take(head, 0);
	size_t end = str_search(head, STR("\r\n\r\n"));

	if (end < head.n)
		return str_take(head, end + 2);
	if (message.n <= LIM_DSN_HEADER) /* no body */
		return head;
	size_t line = str_rfind(head, '\n');

	return line < head.n ? str_take(head, line + 1) : str_take(head, 0);
}
