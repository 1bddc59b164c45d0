/* What a mail says of itself goes through add_text: nothing in it ends a line, turns the direction
 * of writing, is longer than a line or so, or becomes a link. The two bodies are base64, so that no
 * carrier minds their octets and no line of them is a boundary. */
#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "formats/mime/header.h"
#include "services/digest/digest.h"

#define BOUNDARY "=_posta_digest"
#define OLDER	 "Older ones are not listed."

enum { SHOWN = 120 }; /* characters of a field */

static void add_text(struct buf *out, str s)
{
	unsigned n = 0;

	if (!s.n)
		buf_add(out, STR("(none)"));
	for (int32_t c; n < SHOWN && (c = utf8_next(&s)) >= 0; n++) {
		utf8_add(out, utf8_shown(c) ? c : '?');
		if (c == ':' && str_starts(s, STR("//")))
			buf_addc(out, ' ');
	}
	if (s.n)
		buf_add(out, STR("..."));
}

static str domain_of(str address)
{
	return str_skip(address, str_rfind(address, '@') + 1);
}

static void add_address(struct buf *out, str local, str domain)
{
	const struct mime_address a = { .mailbox = local, .domain = domain };

	buf_addc(out, '<');
	mime_add_address(out, &a);
	buf_addc(out, '>');
}

/* RFC 6068 2. */
static void add_link(struct buf *out, str address)
{
	buf_add(out, STR("mailto:"));
	for (size_t i = 0; i < address.n; i++) {
		char c = address.p[i];

		if (ch_alnum(c) || str_find(STR("-._~+@"), c) < 6)
			buf_addc(out, c);
		else
			buf_fmt(out, "%%%02X", (unsigned char)c);
	}
	buf_add(out, STR("?subject=release"));
}

static void add_where(struct buf *out, const struct digest_mail *m)
{
	buf_fmt(out, "%s, score ", m->quarantine ? "quarantine" : "the Spam folder");
	add_text(out, m->score);
	buf_add(out, STR(", "));
	add_text(out, m->place);
}

static void add_count(struct buf *out, const struct digest *d)
{
	buf_fmt(out, "%s%zu mail%s for %.*s held back as spam since the last such list.",
		d->more ? "More than " : "", d->n, d->n == 1 ? "" : "s", STRF(d->login));
}

static void add_help(struct buf *out, const struct digest *d)
{
	buf_fmt(out,
		"If one is no spam, send an empty mail to the address behind \"Release\": the mail "
		"comes\r\ninto the Inbox, and the filter learns from it. Whoever has such an "
		"address can do that: do\r\nnot pass this list on. Mail in quarantine is deleted "
		"after %lld days.",
		(long long)(d->keep / DIGEST_DAY));
}

/* ---- as plain text ---- */
static void add_mail(struct buf *out, const struct digest_mail *m)
{
	buf_add(out, STR("From:    "));
	add_text(out, m->from);
	buf_add(out, STR("\r\nSubject: "));
	add_text(out, m->subject);
	buf_add(out, STR("\r\nCame:    "));
	date_add_rfc5322(out, m->at, 0);
	buf_add(out, STR("\r\nIs in:   "));
	add_where(out, m);
	buf_add(out, STR("\r\nRelease: "));
	if (m->release.n)
		add_link(out, m->release);
	else
		buf_add(out, str_z(m->why));
	buf_add(out, STR("\r\n\r\n"));
}

static void add_plain(struct buf *out, const struct digest *d)
{
	add_count(out, d);
	buf_add(out, STR("\r\n"));
	add_help(out, d);
	buf_add(out, STR("\r\n\r\n"));
	for (size_t i = 0; i < d->n; i++)
		add_mail(out, &d->mails[i]);
	if (d->more)
		buf_add(out, STR(OLDER "\r\n"));
}

/* ---- as HTML: no script, no picture, no style of others ---- */
static void add_escaped(struct buf *out, const struct buf *text)
{
	for (size_t i = 0; i < text->n; i++) {
		char c = text->p[i];

		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
			buf_fmt(out, "&#%d;", c);
		else
			buf_addc(out, c);
	}
}

static void add_cell(struct buf *out, struct buf *text)
{
	buf_add(out, STR("<td>"));
	add_escaped(out, text);
	buf_add(out, STR("</td>\r\n"));
	buf_reset(text);
}

static void add_row(struct buf *out, struct buf *text, const struct digest_mail *m)
{
	buf_add(out, STR("<tr>"));
	add_text(text, m->from);
	add_cell(out, text);
	add_text(text, m->subject);
	add_cell(out, text);
	date_add_rfc5322(text, m->at, 0);
	add_cell(out, text);
	add_where(text, m);
	add_cell(out, text);
	if (m->release.n) { /* nothing in it needs to be escaped */
		buf_add(out, STR("<td><a href=\""));
		add_link(out, m->release);
		buf_add(out, STR("\">Release</a></td>"));
	} else {
		buf_add(text, str_z(m->why));
		add_cell(out, text);
	}
	buf_add(out, STR("</tr>\r\n"));
}

static void add_html(struct buf *out, const struct digest *d)
{
	CLEANUP(buf_free) struct buf text;

	buf_init(&text, KIB(4));
	buf_add(out, STR("<!DOCTYPE html>\r\n<html><body>\r\n<p>"));
	add_count(&text, d);
	add_escaped(out, &text);
	buf_reset(&text);
	buf_add(out, STR("</p>\r\n<p>"));
	add_help(&text, d);
	add_escaped(out, &text);
	buf_reset(&text);
	buf_add(out, STR("</p>\r\n<table border=\"1\" cellpadding=\"4\">\r\n<tr><th>From</th>"
			 "<th>Subject</th><th>Came</th><th>Is in</th><th></th></tr>\r\n"));
	for (size_t i = 0; i < d->n; i++)
		add_row(out, &text, &d->mails[i]);
	buf_add(out, STR("</table>\r\n"));
	if (d->more)
		buf_add(out, STR("<p>" OLDER "</p>\r\n"));
	buf_add(out, STR("</body></html>\r\n"));
}

/* ---- the message ---- */
static void add_header(struct buf *out, const struct digest *d)
{
	str domain = domain_of(d->login);

	buf_add(out, STR("From: \"Spam filter\" "));
	add_address(out, STR("postmaster"), domain);
	buf_add(out, STR("\r\nTo: "));
	add_address(out, str_take(d->login, str_rfind(d->login, '@')), domain);
	buf_fmt(out, "\r\nSubject: %zu%s mail%s held back as spam\r\nDate: ", d->n,
		d->more ? " and more" : "", d->n == 1 ? "" : "s");
	date_add_rfc5322(out, d->now, 0);
	buf_fmt(out,
		"\r\nMessage-ID: <%.*s@%.*s>\r\nAuto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/alternative; boundary=\"" BOUNDARY "\"\r\n\r\n",
		STRF(d->id), STRF(d->hostname));
}

static void add_part(struct buf *out, const char *type, const struct digest *d,
		     void (*add)(struct buf *out, const struct digest *d))
{
	CLEANUP(buf_free) struct buf body;

	buf_init(&body, LIM_DIGEST);
	add(&body, d);
	buf_fmt(out,
		"--" BOUNDARY "\r\nContent-Type: %s; charset=utf-8\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		type);
	for (str rest = buf_str(&body); rest.n; rest = str_skip(rest, 57)) {
		enc_base64(out, str_take(rest, 57));
		buf_add(out, STR("\r\n"));
	}
	if (buf_done(&body))
		out->e = buf_done(&body);
}

void digest_print(const struct digest *d, struct buf *out)
{
	add_header(out, d);
	add_part(out, "text/plain", d, add_plain);
	add_part(out, "text/html", d, add_html);
	buf_add(out, STR("--" BOUNDARY "--\r\n"));
}
