#include "sessions/pop3/internal.h"

#include <inttypes.h>

WAITS err pop3_mail(struct pop3 *s, str arg, size_t *index, bool *answered)
{
	size_t number;
	err e = pop3_number(arg, s->view->n, &number);

	*answered = e != OK || s->deleted[number - 1];
	if (!*answered) {
		*index = number - 1;
		return OK;
	}
	return e == E_SYNTAX ? pop3_err(s, "A message number is wanted")
			     : pop3_err(s, "No such message");
}

/* RFC 1939 5. */
WAITS err pop3_stat(struct pop3 *s, const struct pop3_command *c)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < s->view->n; i++)
		if (!s->deleted[i])
			octets += s->view->mails[i].size;
	return pop3_ok(s, "%zu %" PRIu64, s->view->n - s->ndeleted, octets);
}

/* One mail's line of a listing, without its end. */
typedef void (*list_line)(const struct pop3 *s, size_t index, struct buf *out);

static void size_line(const struct pop3 *s, size_t index, struct buf *out)
{
	buf_fmt(out, "%zu %" PRIu64, index + 1, s->view->mails[index].size);
}

/* RFC 1939 7: unique for all time, for this folder, since a UID is never given twice. */
static void uid_line(const struct pop3 *s, size_t index, struct buf *out)
{
	buf_fmt(out, "%zu %08x%08x", index + 1, s->view->uidvalidity, s->view->mails[index].uid);
}

static WAITS err listing(struct pop3 *s, const struct pop3_command *c, list_line line)
{
	CLEANUP(buf_free) struct buf b;
	size_t index;
	bool answered;

	buf_init(&b, 100);
	if (c->nargs) {
		err e = pop3_mail(s, c->args[0], &index, &answered);

		if (answered)
			return e;
		line(s, index, &b);
		return pop3_ok(s, "%.*s", STRF(buf_str(&b)));
	}
	TRY(pop3_ok(s, "%zu messages", s->view->n - s->ndeleted));
	for (size_t i = 0; i < s->view->n; i++) {
		if (s->deleted[i])
			continue;
		buf_reset(&b);
		line(s, i, &b);
		buf_add(&b, STR("\r\n"));
		TRY(stream_write(s->io, buf_str(&b)));
	}
	return stream_write(s->io, STR(".\r\n"));
}

WAITS err pop3_list(struct pop3 *s, const struct pop3_command *c)
{
	return listing(s, c, size_line);
}

WAITS err pop3_uidl(struct pop3 *s, const struct pop3_command *c)
{
	return listing(s, c, uid_line);
}
