/* Each eval function on small messages; what is expected is what SpamAssassin 4.0.1 says. */
#include "base/test.h"
#include "services/mailauth/mailauth.h"
#include "services/rules/eval_set_test.h"

struct row {
	str call, message;
	unsigned want;
};

static void check(const struct row *rows, size_t n, const struct mailauth_result *auth)
{
	struct set s;
	struct arena a;

	CHECK_OK(set_init(&s, settings_text));
	arena_init(&a, LIM_SCAN_ARENA);
	for (size_t i = 0; i < n; i++) {
		struct scan_envelope env = { .now = 1795262400 };
		void *memo[EVAL_MEMO_COUNT] = { 0 };
		struct scan_mail *m = scan_mail_new(&a, rows[i].message, &env, NULL);

		CHECK_ROW(i, set_ask(&s, m, memo, rows[i].call, auth) == rows[i].want);
		arena_reset(&a);
	}
	arena_free(&a);
	set_free(&s);
}
#define CHECK_ROWS(rows) check(rows, COUNT(rows), NULL)

/* A relay that is not ours gave it to one that is. */
#define RECEIVED(name, ip)                                                                         \
	"Received: from " name " (" name " [" ip "])\n\tby mx.ours.example (Postfix) with ESMTP "  \
	"id 4A1B2\n\tfor <ana@ours.example>; Sat, 21 Nov 2026 10:00:00 +0000\n"

TEST(eval_from_domains)
{
	static const struct row rows[] = {
		{ S("check_equal_from_domains()"),
		  S("Return-Path: <a@x.mail.example>\n" RECEIVED(
			  "a.example", "192.0.2.1") "From: a@other.example\n\nx\n"),
		  1 },
		{ S("check_equal_from_domains()"),
		  S("Return-Path: <a@x.mail.example>\n" RECEIVED(
			  "a.example", "192.0.2.1") "From: a@y.mail.example\n\nx\n"),
		  0 }, /* two labels count */
		{ S("check_equal_from_domains()"), S("From: a@other.example\n\nx\n"), 0 },
		{ S("check_for_matching_env_and_hdr_from()"),
		  S("Return-Path: <A@b.example>\n" RECEIVED(
			  "a.example", "192.0.2.1") "From: X <a@B.example>\n\nx\n"),
		  1 },
		{ S("check_mailfrom_matches_rcvd()"),
		  S("Return-Path: <a@lists.shop.example>\n" RECEIVED(
			  "out.shop.example", "198.51.100.1") "From: a@b.example\n\nx\n"),
		  1 },
		{ S("check_mailfrom_matches_rcvd()"),
		  S("Return-Path: <a@a.co.uk>\n" RECEIVED(
			  "b.co.uk", "198.51.100.1") "From: a@b.example\n\nx\n"),
		  0 }, /* co.uk is nobody's */
		{ S("check_ratware_name_id()"),
		  S("Message-ID: <ABCDEFGHIJKLMNOPQRSTUVWXYZAB.joe@x.example>\n"
		    "From: \"Joe\" <joe@x.example>\n\nx\n"),
		  1 },
		{ S("check_ratware_name_id()"),
		  S("Message-ID: <ABCDEFGHIJKLMNOPQRSTUVWXYZA.joe@x.example>\n"
		    "From: \"Joe\" <joe@x.example>\n\nx\n"),
		  0 }, /* 27 letters */
		{ S("check_ratware_envelope_from()"),
		  S("Return-Path: <bounce-ours.example-ana@mail.example>\n" RECEIVED(
			  "a.example", "192.0.2.1") "To: ana@ours.example\n\nx\n"),
		  1 },
		{ S("check_ratware_envelope_from()"),
		  S("Return-Path: <SRS0=ours.example=ana@mail.example>\n" RECEIVED(
			  "a.example", "192.0.2.1") "To: ana@ours.example\n\nx\n"),
		  0 },
	};

	CHECK_ROWS(rows);
}

TEST(eval_dates)
{
	static const struct row rows[] = {
		{ S("check_for_shifted_date('3', '6')"),
		  S(RECEIVED("a.example",
			     "192.0.2.1") "Date: Sat, 21 Nov 2026 14:00:00 +0000\n\nx"),
		  1 },
		{ S("check_for_shifted_date('3', '6')"),
		  S(RECEIVED("a.example",
			     "192.0.2.1") "Date: Sat, 21 Nov 2026 14:00:00 +0400\n\nx"),
		  0 },
		{ S("check_for_shifted_date('-6', '-3')"),
		  S(RECEIVED("a.example", "192.0.2.1") "Date: 21 Nov 26 01:00 EST\n\nx"), 1 },
		{ S("check_for_shifted_date('undef', '-96')"),
		  S(RECEIVED("a.example", "192.0.2.1") "Date: Mon Nov  2 23:00:00 2026\n\nx"), 1 },
		{ S("check_for_shifted_date('96', 'undef')"),
		  S(RECEIVED("a.example", "192.0.2.1") "Date: 31 Feb 2027 99:99:99 +0000\n\nx"),
		  1 },
		{ S("check_for_shifted_date('3', '6')"), S("Date: x\n\nx"), 0 },
		{ S("check_outlook_message_id()"),
		  S("Message-ID: <000001c2$00000000$00000000$@x>\nDate: Sat, 21 Nov 2026 10:00:00 "
		    "+0000\n\nx"),
		  0 }, /* not of this form */
		{ S("check_outlook_message_id()"),
		  S("Message-ID: <000001c25d1a$0b2a3c40$0100a8c0@x>\nDate: Sat, 21 Nov 2026 "
		    "10:00:00 "
		    "+0000\n\nx"),
		  1 },
		{ S("check_outlook_message_id()"),
		  S("Message-ID: <000001c259c7$0b2a3c40$0100a8c0@x>\nDate: Wed, 11 Sep 2002 "
		    "18:30:00 "
		    "+0000\n\nx"),
		  0 },
	};

	CHECK_ROWS(rows);
}

TEST(eval_subject)
{
	static const struct row rows[] = {
		{ S("subject_is_all_caps()"), S("Subject: BUY THIS NOW!\n\nx"), 1 },
		{ S("subject_is_all_caps()"), S("Subject: Re: FWD: BUY THIS NOW\n\nx"), 1 },
		{ S("subject_is_all_caps()"), S("Subject: BUY this NOW\n\nx"), 0 },
		{ S("subject_is_all_caps()"), S("Subject: SHORT ONE\n\nx"), 0 },
		{ S("subject_is_all_caps()"), S("Subject: =?koi8-r?Q?BUY_THIS_NOW_ALL?=\n\nx"), 0 },
		{ S("check_for_to_in_subject('user')"),
		  S("To: ana@ours.example\nSubject: Ana\n\nx"), 1 },
		{ S("check_for_to_in_subject('user')"),
		  S("To: ana@ours.example\nSubject: ana, look\n\nx"), 1 },
		{ S("check_for_to_in_subject('user')"),
		  S("To: ana@ours.example\nSubject: Ana, look\n\nx"), 0 }, /* case counts here */
		{ S("check_for_to_in_subject('user')"),
		  S("To: ana@ours.example\nSubject: Re: hello ana\n\nx"), 1 },
		{ S("check_for_to_in_subject('address')"),
		  S("To: ana@ours.example\nSubject: to ANA@ours.example!\n\nx"), 1 },
		{ S("check_subject_in_welcomelist()"),
		  S("Subject: The Quarterly Report of May\n\nx"), 1 },
		{ S("check_subject_in_welcomelist()"), S("Subject: The yearly report\n\nx"), 0 },
	};

	CHECK_ROWS(rows);
}

TEST(eval_fields)
{
	static const struct row rows[] = {
		{ S("check_for_missing_to_header()"), S("From: a@b.example\n\nx"), 1 },
		{ S("check_for_missing_to_header()"), S("To: a@b.example\n\nx"), 0 },
		{ S("check_illegal_chars('Subject','0.00','2')"), S("Subject: a\xe4\xf6\n\nx"), 1 },
		{ S("check_illegal_chars('Subject','0.00','2')"), S("Subject: a\xe4\xa3\n\nx"), 0 },
		{ S("check_illegal_chars('Subject','0.00','2')"),
		  S("Subject: \xc3\xa4\xc3\xb6\n\nx"), 0 }, /* UTF-8 is fine */
		{ S("check_header_count_range('Subject','2','999')"),
		  S("Subject: a\nSubject: b\n\nx"), 1 },
		{ S("check_header_count_range('Subject','2','999')"),
		  S("Subject: a\nSubject: a\n\nx"), 0 }, /* the same twice is one */
		{ S("check_unresolved_template()"), S("X-Note: %TO_NAME\n\nx"), 1 },
		{ S("check_unresolved_template()"), S("Subject: %TO_NAME\n\nx"), 0 },
		{ S("similar_recipients('0.65','undef')"),
		  S("To: ana@a.example, anb@a.example, anc@a.example\n"
		    "Cc: and@a.example, ane@a.example\n\nx"),
		  1 },
		{ S("similar_recipients('0.65','undef')"),
		  S("To: ana@a.example, bnb@b.example, cnc@c.example\n"
		    "Cc: dnd@d.example, ene@e.example\n\nx"),
		  0 },
		{ S("sorted_recipients()"),
		  S("To: a@x.example, b@x.example, c@x.example, d@x.example, e@x.example, "
		    "f@x.example, g@x.example\n\nx"),
		  1 },
	};

	CHECK_ROWS(rows);
}

TEST(eval_relays)
{
	static const struct row rows[] = {
		{ S("check_no_relays()"), S("From: a@b.example\n\nx"), 1 },
		{ S("check_all_trusted()"), S("From: a@b.example\n\nx"), 0 },
		{ S("check_no_relays()"), S(RECEIVED("a.example", "192.0.2.1") "\nx"), 0 },
		{ S("check_relays_unparseable()"), S("Received: from a b c d e f g; x\n\nx"), 1 },
		{ S("gated_through_received_hdr_remover()"), S("From: a@b.example\n\nx"), 1 },
		{ S("gated_through_received_hdr_remover()"),
		  S(RECEIVED("a.example", "192.0.2.1") "\nx"), 0 },
		{ S("check_for_forged_gmail_received_headers()"),
		  S(RECEIVED("a.example", "192.0.2.1") "From: a@gmail.com\n\nx"), 1 },
		{ S("check_for_forged_gmail_received_headers()"),
		  S(RECEIVED("a.example", "192.0.2.1") "X-Received: by 10.1.2.3 with SMTP id "
						       "ab12\nFrom: a@gmail.com\n\nx"),
		  0 },
		{ S("check_for_forged_yahoo_received_headers()"),
		  S(RECEIVED("a.example", "192.0.2.1") "From: a@yahoo.com\n\nx"), 1 },
		{ S("check_for_forged_yahoo_received_headers()"),
		  S(RECEIVED("a.example", "192.0.2.1") "From: a@notyahoo.com\n\nx"), 0 },
		{ S("check_for_no_hotmail_received_headers()"),
		  S(RECEIVED("a.example", "192.0.2.1") "From: a@hotmail.com\n\nx"), 1 },
		{ S("check_for_forged_hotmail_received_headers()"),
		  S(RECEIVED("mail.hotmail.com", "192.0.2.1") "From: a@hotmail.com\n\nx"), 1 },
		{ S("check_for_fake_aol_relay_in_rcvd()"),
		  S("Received: from x by rly-ab12.mx.aol.com with SMTP; x\n\nx"), 1 },
		{ S("check_for_fake_aol_relay_in_rcvd()"),
		  S("Received: from x by rly-ab12.mx.aol.com (8.8.8/8.8.8/AOL-5.0.0) with SMTP; "
		    "x\n\nx"),
		  0 },
		{ S("check_for_forged_juno_received_headers()"),
		  S(RECEIVED("a.example", "192.0.2.1") "From: a@juno.com\n\nx"), 1 },
	};

	CHECK_ROWS(rows);
}

TEST(eval_freemail)
{
	static const struct row rows[] = {
		{ S("check_freemail_from()"), S("From: joe@gmail.com\n\nx"), 1 },
		{ S("check_freemail_from()"), S("From: joe@mail.org\n\nx"), 1 }, /* mail.* */
		{ S("check_freemail_from()"), S("From: joe@mail.co.uk\n\nx"),
		  0 }, /* no dots in '*' */
		{ S("check_freemail_from()"), S("From: a@webmail-12.example\n\nx"), 1 },
		{ S("check_freemail_from()"), S("From: news@gmail.com\n\nx"), 0 }, /* listed */
		{ S("check_freemail_from()"), S("From: support@gmail.com\n\nx"), 0 },
		{ S("check_freemail_header('Reply-To', '\\d@')"),
		  S("Reply-To: joe9@gmail.com\n\nx"), 1 },
		{ S("check_freemail_header('Reply-To', '\\d@')"), S("Reply-To: joe@gmail.com\n\nx"),
		  0 },
		{ S("check_freemail_replyto('replyto')"),
		  S("From: joe@gmail.com\nReply-To: jim@yahoo.com\n\nx"), 1 },
		{ S("check_freemail_replyto('replyto')"),
		  S("From: joe@gmail.com\nReply-To: Joe@gmail.com\n\nx"), 0 },
		{ S("check_freemail_replyto('replyto')"),
		  S("From: a@b.example\nReply-To: joe@gmail.com\n\nwrite to jim.x@yahoo.com now\n"),
		  1 },
		{ S("check_freemail_replyto('replyto')"),
		  S("From: a@b.example\nReply-To: joe@gmail.com\n\n<jim@yahoo.com> wrote\n"), 0 },
		{ S("check_freemail_replyto('replyto')"),
		  S("From: a@b.example\nReply-To: joe@gmail.com\n\njim@yahoo.com wrote: so\n"), 0 },
		{ S("check_freemail_replyto('reply')"),
		  S("From: joe@gmail.com\n\ncall jim@yahoo.com fax: 12\n"), 1 },
		{ S("check_freemail_replyto('reply')"),
		  S("From: joe@gmail.com\n\nhttp://x.example/?jim@yahoo.com\n"), 0 },
		{ S("check_freemail_replyto('reply')"),
		  S("From: joe@gmail.com\n\njim@yahoo.commm and jim@yahoo.com.x9\n"), 0 },
	};

	CHECK_ROWS(rows);
}

TEST(eval_lists)
{
	static const struct row rows[] = {
		{ S("check_from_in_list('BANKS')"), S("From: a@bank.example\n\nx"), 1 },
		{ S("check_from_in_list('BANKS')"), S("From: a@x.BANK.example\n\nx"), 1 },
		{ S("check_from_in_list('BANKS')"), S("From: a@ebank.example\n\nx"), 0 },
		{ S("check_replyto_in_list('BANKS')"), S("Reply-To: a@bank.example\n\nx"), 1 },
		{ S("check_from_in_blacklist()"), S("From: a@block.example\n\nx"), 1 },
		{ S("check_to_in_blocklist()"), S("Cc: trap@ours.example\n\nx"), 1 },
		{ S("check_from_in_welcomelist()"), S("From: boss@example.com\n\nx"), 1 },
		{ S("check_from_in_default_welcomelist()"),
		  S(RECEIVED("out.shop.example", "198.51.100.1") "From: a@shop.example\n\nx"), 1 },
		{ S("check_from_in_default_welcomelist()"),
		  S(RECEIVED("a.example", "192.0.2.99") "From: a@shop.example\n\nx"), 1 },
		{ S("check_from_in_default_welcomelist()"),
		  S(RECEIVED("badshop.example", "198.51.100.1") "From: a@shop.example\n\nx"), 0 },
		{ S("check_uri_host_listed('BAD')"), S("\nsee http://www.bad-host.com/x\n"), 1 },
		{ S("check_uri_host_listed('BAD')"), S("\nsee http://a.good.bad-host.com/x\n"), 0 },
		{ S("check_uri_host_listed('BAD')"), S("\nsee http://192.0.2.7/x\n"), 1 },
		{ S("check_uri_host_listed('BAD')"), S("\nsee http://notbad-host.com/x\n"), 0 },
		{ S("check_uri_host_listed('NONE')"), S("\nsee http://bad-host.com/x\n"), 0 },
		{ S("have_any_bounce_relays()"), S("\nx"), 1 },
		{ S("check_welcomelist_bounce_relays()"),
		  S("\n> Received: from x by mx.ours.example with SMTP\n"), 1 },
		{ S("check_welcomelist_bounce_relays()"),
		  S("\n> Received: from x by mx.other.example with SMTP\n"), 0 },
	};

	CHECK_ROWS(rows);
}

#define HTML "Content-Type: text/html\n\n"
TEST(eval_html)
{
	static const struct row rows[] = {
		{ S("html_test('html')"), S(HTML "<p>x"), 1 },
		{ S("html_test('html')"), S("\n<p>x"), 0 },
		{ S("html_tag_exists('center')"), S(HTML "<center>x</center>"), 1 },
		{ S("html_tag_exists('center')"), S(HTML "<p>x"), 0 },
		{ S("html_tag_balance('body', '!= 0')"), S(HTML "<body>x"), 1 },
		{ S("html_tag_balance('body', '!= 0')"), S(HTML "<body>x</body>"), 0 },
		{ S("html_image_only('0000','0400')"), S(HTML "<img src=x>"), 1 },
		{ S("html_image_only('0400','0800')"), S(HTML "<img src=x>"), 0 },
		{ S("html_eval('length', '< 384')"), S(HTML "<p>x"), 1 },
		{ S("html_range('length', '0', '1024')"), S(HTML "<p>x"), 1 },
		{ S("html_range('length', '1024', 'inf')"), S(HTML "<p>x"), 0 },
		{ S("html_range('max_size', '5', '6')"), S(HTML "<font size=6>x</font>"), 1 },
		{ S("html_range('no_such', '0', '6')"), S(HTML "<p>x"), 0 },
		{ S("html_text_match('title', '.{6}')"), S(HTML "<title>abcdef</title>x"), 1 },
		{ S("html_text_match('title', '.{7}')"), S(HTML "<title>abcdef</title>x"), 0 },
		{ S("html_text_match('anchor', '<img>')"), S(HTML "<a href=x><img src=y></a>"), 1 },
		{ S("html_title_subject_ratio('3.5')"),
		  S("Subject: a\n" HTML "<title>abcdefgh</title>x"), 1 },
		{ S("check_https_http_mismatch('1','10')"),
		  S(HTML "<a href=\"http://bad.example/\">https://bank.example/</a>"), 1 },
		{ S("check_https_http_mismatch('1','10')"),
		  S(HTML "<a href=\"http://x.bank.example/\">https://bank.example/</a>"), 0 },
		{ S("check_https_ip_mismatch()"),
		  S(HTML "<a href=\"http://192.0.2.1/\">https://bank.example/</a>"), 1 },
		{ S("check_https_ip_mismatch()"),
		  S(HTML "<a href=\"http://192.0.2.1/\">https://192.0.2.1/</a>"), 0 },
	};

	CHECK_ROWS(rows);
}

#define ALTERNATIVE(text, html)                                                                    \
	"Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: "                   \
	"text/plain\n\n" text "\n--b\nContent-Type: text/html\n\n" html "\n--b--\n"
TEST(eval_body)
{
	static const struct row rows[] = {
		{ S("multipart_alternative_difference('99', '100')"),
		  S(ALTERNATIVE("one two", "<p>three four")), 1 },
		{ S("multipart_alternative_difference('99', '100')"),
		  S(ALTERNATIVE("one two", "<p>one two")), 0 },
		{ S("multipart_alternative_difference('99', '100')"),
		  S(ALTERNATIVE("one two", "<p>one three")), 0 }, /* 50 % */
		{ S("multipart_alternative_difference('99', '100')"),
		  S(ALTERNATIVE("one two", "<img src=x>")), 1 },
		{ S("multipart_alternative_difference_count('3', '1')"),
		  S(ALTERNATIVE("a b c d e f g h i j", "<p>one two")), 1 },
		{ S("check_body_length('4')"), S("\nabc\n"), 1 },
		{ S("check_body_length('4')"), S("\nabcd\n"), 0 },
		{ S("check_blank_line_ratio('80','90','4')"), S("\na\n\n\n\n\n\n"), 1 },
		{ S("check_blank_line_ratio('80','90','4')"), S("\na\nb\nc\nd\n"), 0 },
		{ S("tvd_vertical_words('0','10')"), S("Subject: abcdefghijkl\n\nabcdefghijkl\n"),
		  1 },
		{ S("tvd_vertical_words('0','10')"), S("Subject: x\n\na b c d e f g h\n"), 0 },
		{ S("check_stock_info('2')"), S("\nSymbol: ABCD\nTicker: 3.50\n"), 1 },
		{ S("check_stock_info('2')"), S("\nSymbol: ABCD\nTicker\n"), 0 },
	};

	CHECK_ROWS(rows);
}

#define CAPS "THIS IS ALL IN CAPITALS AND LONG ENOUGH TO COUNT FOR IT "
TEST(eval_mime)
{
	static const struct row rows[] = {
		{ S("check_for_mime_html()"), S(HTML "x"), 1 },
		{ S("check_for_mime_html_only()"), S(ALTERNATIVE("a", "b")), 0 },
		{ S("check_mime_multipart_ratio('0.00','0.01')"), S(ALTERNATIVE("a", "b")), 0 },
		{ S("check_for_mime('mime_attachment')"), S("Content-Disposition: attachment\n\nx"),
		  1 },
		{ S("check_for_mime('mime_base64_encoded_text')"),
		  S("Content-Transfer-Encoding: base64\n\neA==\n"), 1 },
		{ S("check_for_mime('mime_base64_encoded_text')"),
		  S("Content-Type: text/plain; charset=utf-8\n"
		    "Content-Transfer-Encoding: base64\n\neA==\n"),
		  0 },
		{ S("check_for_mime('mime_bad_iso_charset')"),
		  S("Content-Type: text/plain; charset=iso-1252-1\n\nx"), 1 },
		{ S("check_for_mime('mime_bad_iso_charset')"),
		  S("Content-Type: text/plain; charset=\"ISO-8859-15\"\n\nx"), 0 },
		{ S("check_for_mime('mime_qp_count')"),
		  S("Content-Transfer-Encoding: quoted-printable\n\n=41 x\n"), 1 },
		{ S("check_for_mime('mime_qp_count')"),
		  S("Content-Transfer-Encoding: quoted-printable\n\nx=20\n"), 0 },
		{ S("check_for_ascii_text_illegal()"),
		  S("Content-Type: text/plain; charset=us-ascii\n\n\xe4\n"), 1 },
		{ S("check_for_ascii_text_illegal()"),
		  S("Content-Type: text/plain; charset=utf-8\n\n\xe4\n"), 0 },
		{ S("check_abundant_unicode_ratio(0.02)"), S("\n&#x20AC;&#x20AC; ab\n"), 1 },
		{ S("check_base64_length('79')"),
		  S("Content-Transfer-Encoding: base64\n\n"
		    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NT"
		    "Y3"
		    "ODkw\n"),
		  1 },
		{ S("check_ma_non_text()"),
		  S("Content-Type: multipart/alternative; boundary=b\n\n--b\n"
		    "Content-Type: application/pdf\n\nx\n--b--\n"),
		  1 },
		{ S("check_ma_non_text()"), S(ALTERNATIVE("a", "b")), 0 },
		{ S("check_for_uppercase('75','100')"), S("\n" CAPS CAPS CAPS CAPS "\n"), 1 },
		{ S("check_for_uppercase('75','100')"), S("\n" CAPS "\n"), 0 }, /* too short */
		{ S("check_for_uppercase('75','100')"),
		  S("Content-Type: text/plain; charset=koi8-r\n\n" CAPS CAPS CAPS CAPS "\n"), 0 },
		{ S("image_count('all',1,1)"),
		  S("Content-Type: image/gif\nContent-Transfer-Encoding: base64\n\n"
		    "R0lGODlhLAEsAYAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7\n"),
		  1 },
		{ S("pixel_coverage('gif','90000','90000')"),
		  S("Content-Type: image/gif\nContent-Transfer-Encoding: base64\n\n"
		    "R0lGODlhLAEsAYAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7\n"),
		  1 },
		{ S("image_size_exact('all',1,2)"),
		  S("Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n"
		    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAYAAAD0In+KAAAA\n"),
		  1 },
		{ S("image_size_range('jpeg',3,4,3,4)"),
		  S("Content-Type: image/jpg\nContent-Transfer-Encoding: base64\n\n"
		    "/9j/4AAEAAD/wAALCAADAAQBAREA\n"),
		  1 },
	};

	CHECK_ROWS(rows);
}

TEST(eval_auth)
{
	static struct mailauth_dkim signature = { .result = AUTH_PASS,
						  .domain = S("signer.example"),
						  .identity = S("@signer.example"),
						  .bits = 2048 };
	static const struct mailauth_result auth = {
		.spf = AUTH_PASS,
		.spf_helo = AUTH_FAIL,
		.dkim = &signature,
		.ndkim = 1,
		.dmarc = { .result = AUTH_FAIL, .domain = S("a.example"), .policy = 'q' },
		.arc = AUTH_PASS,
		.arc_instances = 1,
	};
	static const struct row rows[] = {
		{ S("check_for_spf_pass()"), S("\nx"), 1 },
		{ S("check_for_spf_fail()"), S("\nx"), 0 },
		{ S("check_for_spf_helo_fail()"), S("\nx"), 1 },
		{ S("check_dkim_signed()"), S("\nx"), 1 },
		{ S("check_dkim_valid()"), S("\nx"), 1 },
		{ S("check_dkim_valid('*.signer.example')"), S("\nx"), 1 },
		{ S("check_dkim_valid('other.example')"), S("\nx"), 0 },
		{ S("check_dkim_valid_author_sig()"), S("From: a@signer.example\n\nx"), 1 },
		{ S("check_dkim_valid_author_sig()"), S("From: a@other.example\n\nx"), 0 },
		{ S("check_for_dkim_welcomelist_from()"), S("From: a@signed.example\n\nx"), 1 },
		{ S("check_for_dkim_welcomelist_from()"), S("From: a@other.example\n\nx"), 0 },
		{ S("check_for_def_spf_welcomelist_from()"),
		  S("Return-Path: <a@author.example>\n" RECEIVED(
			  "a.example", "192.0.2.1") "From: a@b.example\n\nx"),
		  1 },
		{ S("check_dmarc_quarantine()"), S("\nx"), 1 },
		{ S("check_dmarc_reject()"), S("\nx"), 0 },
		{ S("check_dmarc_pass()"), S("\nx"), 0 },
		{ S("check_arc_valid()"), S("\nx"), 1 },
	};
	static const struct row unknown[] = {
		{ S("check_for_spf_none()"), S("\nx"), 0 },
		{ S("check_dkim_valid()"), S("\nx"), 0 },
		{ S("check_dmarc_missing()"), S("\nx"), 0 },
	};

	check(rows, COUNT(rows), &auth);
	CHECK_ROWS(unknown);
}

TEST(eval_names)
{
	CHECK(eval_find(STR("check_rbl")) && !eval_find(STR("check_rbl"))->run);
	CHECK(eval_find(STR("check_rbl"))->why);
	CHECK(eval_find(STR("tvd_vertical_words"))->run);
	CHECK(eval_find(STR("check_abundant_unicode_ratio"))->run); /* the first */
	CHECK(!eval_find(STR("no_such_function")));
}
