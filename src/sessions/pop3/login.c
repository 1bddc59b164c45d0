#include "sessions/pop3/internal.h"

#include "base/enc.h"
#include "base/limits.h"

/* RFC 2449 5; RFC 6856 2. */
WAITS err pop3_capa(struct pop3 *s, const struct pop3_command *c)
{
	TRY(pop3_ok(s, "Capabilities follow"));
	if (s->state == ST_AUTHORIZATION)
		TRY(stream_write(s->io, STR("SASL EXTERNAL\r\n")));
	return stream_write(
		s->io, STR("TOP\r\nUIDL\r\nUTF8\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
			   "IMPLEMENTATION posta\r\n.\r\n"));
}

/* INBOX as it is now: numbers and sizes hold still until QUIT. */
static WAITS err open_inbox(struct pop3 *s)
{
	TRY(folder_open(s->box, STR("INBOX"), false, &s->view));
	s->deleted = mem_get(size_mul(s->view->n + 1, sizeof(bool)));
	s->state = ST_TRANSACTION;
	return pop3_ok(s, "%zu messages", s->view->n);
}

static WAITS err login(struct pop3 *s, str name)
{
	switch (s->role->login_as(s->io, name, &s->box)) {
	case OK:
		return open_inbox(s);
	case E_AGAIN:
		return pop3_err(s, "[SYS/TEMP] The mailbox is not available now");
	default:
		return pop3_err(s, "[AUTH] No such mailbox for you");
	}
}

/* RFC 5034 4 with RFC 4422 appendix A: EXTERNAL, the authorization identity as initial response or
 * after a challenge. */
WAITS err pop3_auth(struct pop3 *s, const struct pop3_command *c)
{
	CLEANUP(buf_free) struct buf name = { 0 };
	str coded = c->args[1];

	if (!str_eqi(c->args[0], STR("EXTERNAL")))
		return pop3_err(s, "Only EXTERNAL here");
	if (c->nargs == 1) {
		TRY(stream_write(s->io, STR("+ \r\n")));
		TRY(stream_flush(s->io));
		TRY(stream_line(s->io, LIM_SASL, LINE_LENIENT, &coded));
	}
	buf_init(&name, LIM_USER);
	if (dec_base64(&name, coded) != OK || name.n == 0)
		return pop3_err(s, "Not base64 of a name");
	return login(s, buf_str(&name));
}

/* RFC 6856 2: messages go out as they are, so there is nothing to switch. */
WAITS err pop3_utf8(struct pop3 *s, const struct pop3_command *c)
{
	return pop3_ok(s, "UTF-8 it is");
}
