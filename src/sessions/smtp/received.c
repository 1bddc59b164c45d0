#include "base/date.h"
#include "sessions/smtp/session.h"

enum { BLOCK = 2048 };

/* RFC 3848, RFC 6531 4.3: the protocol names of "with". */
static void add_with(const struct smtp *s, struct buf *out)
{
	const char *base = s->role->lmtp ? "LMTP" : s->info.esmtp ? "ESMTP" : "SMTP";

	buf_fmt(out, "%s%s%s%s", s->tx.mail.smtputf8 ? "UTF8" : "",
		s->tx.mail.smtputf8 && !s->role->lmtp ? "SMTP" : base, s->info.tls ? "S" : "",
		s->info.user ? "A" : "");
}

/* The client's own words, so that they cannot end the comment or the field they stand in. */
static void add_name(struct buf *out, str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		buf_addc(out, ch_alnum(c) || str_find(STR(".-_:[]"), c) < 6 ? c : '?');
	}
}

/* RFC 5321 4.4. */
void smtp_add_received(const struct smtp *s, struct buf *out)
{
	buf_add(out, STR("Received: from "));
	add_name(out, s->info.helo);
	if (net_is_unix(s->info.peer)) {
		buf_add(out, STR(" (local)"));
	} else {
		buf_add(out, STR(" ("));
		add_name(out, s->info.rdns);
		buf_add(out, s->info.rdns.n ? STR(" [") : STR("["));
		net_print_ip(s->info.peer, out);
		buf_add(out, STR("])"));
	}
	if (s->info.tls)
		buf_fmt(out, "\r\n\t(using %.*s)", STRF(s->info.tls_info));
	buf_fmt(out, "\r\n\tby %.*s with ", STRF(s->role->hostname()));
	add_with(s, out);
	buf_fmt(out, " id %s", s->tx.id);
	/* Naming one of several would tell the others of a blind copy. */
	if (s->tx.nrcpts == 1)
		buf_fmt(out, "\r\n\tfor <%.*s>", STRF(s->tx.rcpts[0].to.text));
	buf_add(out, STR(";\r\n\t"));
	date_add_rfc5322(out, clock_unix(), 0);
	buf_add(out, STR("\r\n"));
}

/* Walks the header line by line; a line's first octets decide. */
struct walk {
	unsigned hops;
	size_t column;
	bool match, end; /* so far it is "received:"; the empty line has come */
};

static void walk_octet(struct walk *w, char c)
{
	static const char name[] = "received:";

	if (c == '\n') {
		w->end = w->column == 0;
		w->column = 0;
		w->match = true;
		return;
	}
	if (c == '\r')
		return;
	if (w->column < sizeof(name) - 1 && ch_lower(c) != name[w->column])
		w->match = false;
	w->column++;
	w->hops += w->match && w->column == sizeof(name) - 1;
}

WAITS err smtp_count_received(struct spool *message, unsigned *n)
{
	struct walk w = { .match = true };
	char block[BLOCK];
	uint64_t at = 0;
	size_t got = 1;

	while (got && !w.end && at < LIM_MIME_HEADER) {
		TRY(spool_read(message, at, block, sizeof(block), &got));
		for (size_t i = 0; i < got && !w.end; i++)
			walk_octet(&w, block[i]);
		at += got;
	}
	*n = w.hops;
	return OK;
}
