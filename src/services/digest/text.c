/* What a mail says of itself goes through add_text: nothing in it ends a line, turns the direction
 * of writing, is longer than a line or so, or becomes a link. The body is base64, so that no
 * carrier minds its octets. */
#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "formats/mime/header.h"
#include "services/digest/digest.h"

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

static void add_mail(struct buf *out, const struct digest_mail *m)
{
	buf_add(out, STR("From:    "));
	add_text(out, m->from);
	buf_add(out, STR("\r\nSubject: "));
	add_text(out, m->subject);
	buf_add(out, STR("\r\nCame:    "));
	date_add_rfc5322(out, m->at, 0);
	buf_fmt(out, "\r\nIs in:   %s, score ", m->quarantine ? "quarantine" : "the Spam folder");
	add_text(out, m->score);
	buf_add(out, STR(", "));
	add_text(out, m->place);
	buf_add(out, STR("\r\nRelease: "));
	if (m->release.n)
		add_link(out, m->release);
	else
		buf_add(out, str_z(m->why));
	buf_add(out, STR("\r\n\r\n"));
}

static void add_body(struct buf *out, const struct digest *d)
{
	buf_fmt(out,
		"%s%zu mail%s for %.*s held back as spam since the last such list.\r\n"
		"If one is no spam, send an empty mail to the address behind \"Release\": the "
		"mail comes\r\ninto the Inbox, and the filter learns from it. Whoever has such an "
		"address can do that: do\r\nnot pass this list on. Mail in quarantine is deleted "
		"after %lld days.\r\n\r\n",
		d->more ? "More than " : "", d->n, d->n == 1 ? "" : "s", STRF(d->login),
		(long long)(d->keep / DIGEST_DAY));
	for (size_t i = 0; i < d->n; i++)
		add_mail(out, &d->mails[i]);
	if (d->more)
		buf_add(out, STR("Older ones are not listed.\r\n"));
}

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
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		STRF(d->id), STRF(d->hostname));
}

void digest_print(const struct digest *d, struct buf *out)
{
	CLEANUP(buf_free) struct buf body;

	buf_init(&body, LIM_DIGEST);
	add_header(out, d);
	add_body(&body, d);
	for (str rest = buf_str(&body); rest.n; rest = str_skip(rest, 57)) {
		enc_base64(out, str_take(rest, 57));
		buf_add(out, STR("\r\n"));
	}
	if (buf_done(&body))
		out->e = buf_done(&body);
}
