#include "sessions/imap/internal.h"

#include "base/enc.h"
#include "run/log.h"

/* Base64 of the name to act for; RFC 4422 appendix A. "=" is an empty response. */
WAITS static err read_name(struct imap *s, struct buf *name)
{
	str coded;

	if (imap_eat(&s->in, ' ')) {
		coded = s->in.rest;
	} else {
		TRY(stream_write(s->io, STR("+ \r\n")));
		TRY(stream_flush(s->io));
		TRY(stream_line(s->io, LIM_SASL, LINE_LENIENT, &coded));
		if (str_eq(coded, STR("*")))
			return fail(E_SYNTAX, "Given up");
	}
	if (str_eq(coded, STR("=")) || dec_base64(name, coded) || name->n == 0)
		return fail(E_SYNTAX, "Expected base64 of a name");
	return OK;
}

WAITS static err logged_in(struct imap *s, str name)
{
	buf_init(&s->login, name.n); /* no more than it needs: 10,000 sessions have one */
	buf_add(&s->login, name);
	s->state = ST_AUTH;
	LOG(LOG_INFO, "imap.login", KS("user", name), KS("peer", buf_str(&s->origin)));
	struct buf caps;
	buf_init(&caps, LIM_IMAP_RESPONSE);
	imap_capabilities(s, &caps);
	err e = imap_ok(s, "[CAPABILITY %.*s] Logged in", STRF(buf_str(&caps)));
	buf_free(&caps);
	return e;
}

WAITS static err refused(struct imap *s, str name, err e)
{
	LOG(LOG_WARN, "imap.refused", KS("user", name), KS("peer", buf_str(&s->origin)), KE(e));
	switch (e) {
	case E_EOF:
	case E_TIMEOUT:
	case E_CANCELED:
		return e;
	case E_DENIED:
	case E_NOTFOUND:
		return imap_no(s, "[AUTHENTICATIONFAILED] No such mailbox for you");
	default:
		return imap_no(s, "[UNAVAILABLE] The mailbox is not available now");
	}
}

/* RFC 9051 6.2.2; EXTERNAL of RFC 4422 appendix A: who may name users is the listener's to say. */
WAITS err imap_cmd_authenticate(struct imap *s)
{
	CLEANUP(buf_free) struct buf name;
	str mechanism;

	buf_init(&name, LIM_USER);
	TRY(imap_atom(&s->in, &mechanism));
	if (!str_eqi(mechanism, STR("EXTERNAL")))
		return imap_no(s, "[CANNOT] Only EXTERNAL here");
	TRY(read_name(s, &name));
	err e = s->role->login_as(s->io, buf_str(&name), buf_str(&s->origin), &s->box);
	return e ? refused(s, buf_str(&name), e) : logged_in(s, buf_str(&name));
}

/* Passwords are the proxy's business: LOGINDISABLED, RFC 9051 6.2.3. */
WAITS err imap_cmd_login(struct imap *s)
{
	return imap_no(s, "[PRIVACYREQUIRED] No passwords here");
}

WAITS err imap_cmd_starttls(struct imap *s)
{
	return imap_bad(s, "TLS ends at the proxy");
}

void imap_capabilities(struct imap *s, struct buf *out)
{
	if (s->state == ST_NOAUTH) {
		buf_add(out, STR("IMAP4rev1 IMAP4rev2 SASL-IR LITERAL+ ID ENABLE LOGINDISABLED "
				 "AUTH=EXTERNAL"));
		return;
	}
	buf_add(out,
		STR("IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE NAMESPACE CHILDREN UIDPLUS MOVE "
		    "UNSELECT SPECIAL-USE CREATE-SPECIAL-USE CONDSTORE ESEARCH SEARCHRES WITHIN "
		    "LIST-EXTENDED LIST-STATUS STATUS=SIZE BINARY OBJECTID SAVEDATE UTF8=ACCEPT "
		    "QUOTA QUOTA=RES-STORAGE"));
}

WAITS err imap_cmd_capability(struct imap *s)
{
	buf_reset(&s->out);
	buf_add(&s->out, STR("* CAPABILITY "));
	imap_capabilities(s, &s->out);
	TRY(imap_say_out(s));
	return imap_ok(s, "Done");
}

WAITS err imap_cmd_logout(struct imap *s)
{
	imap_close_view(s);
	s->bye = true;
	TRY(imap_say(s, "* BYE Good-bye"));
	return imap_ok(s, "Done");
}

WAITS err imap_cmd_noop(struct imap *s)
{
	return imap_ok(s, "Done");
}

WAITS err imap_cmd_check(struct imap *s)
{
	return imap_ok(s, "Done");
}

static void id_field(void *arg, str name, str value)
{
	struct imap *s = arg;

	if (!str_eqi(name, STR("x-originating-ip")) || s->origin.n || value.n > 64 ||
	    !str_printable(value) || !s->role->trusted || !s->role->trusted(s->io))
		return;
	buf_init(&s->origin, value.n);
	buf_add(&s->origin, value);
}

/* RFC 2971. The proxy tells the customer's address in it before it logs in. */
WAITS err imap_cmd_id(struct imap *s)
{
	TRY(imap_parse_id(&s->in, id_field, s));
	TRY(imap_say(s, "* ID (\"name\" \"posta\")"));
	return imap_ok(s, "Done");
}

static bool enable(struct imap *s, str name)
{
	if (str_eqi(name, STR("CONDSTORE")))
		s->condstore = true;
	else if (str_eqi(name, STR("IMAP4rev2")))
		s->rev2 = true;
	else if (str_eqi(name, STR("UTF8=ACCEPT")))
		s->utf8 = true;
	else
		return false;
	return true;
}

/* RFC 9051 6.3.1; RFC 5161: what is unknown is passed over. */
WAITS err imap_cmd_enable(struct imap *s)
{
	struct buf on;
	str name;
	err e;

	buf_init(&on, LIM_IMAP_LINE);
	do {
		e = imap_atom(&s->in, &name);
		if (!e && enable(s, name))
			buf_fmt(&on, " %.*s", STRF(name));
	} while (!e && imap_eat(&s->in, ' '));
	if (!e)
		e = imap_expect_end(&s->in);
	if (!e)
		e = imap_say(s, "* ENABLED%.*s", STRF(buf_str(&on)));
	buf_free(&on);
	return e ? e : imap_ok(s, "Done");
}

WAITS err imap_cmd_namespace(struct imap *s)
{
	TRY(imap_say(s, "* NAMESPACE ((\"\" \"/\")) NIL NIL"));
	return imap_ok(s, "Done");
}
