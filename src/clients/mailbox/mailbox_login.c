#include "clients/mailbox/mailbox_login.h"

#include "base/enc.h"
#include "base/limits.h"

/* The SASL message of this login. */
static void add_message(const struct mailbox_login *how, struct buf *out)
{
	CLEANUP(buf_wipe) struct buf plain;

	buf_init(&plain, LIM_SASL);
	if (how->how == LOGIN_MASTER || how->how == LOGIN_EXTERNAL)
		buf_add(&plain, how->name);
	if (how->how != LOGIN_EXTERNAL) {
		buf_addc(&plain, '\0');
		buf_add(&plain, how->how == LOGIN_MASTER ? how->authcid : how->name);
		buf_addc(&plain, '\0');
		buf_add(&plain, how->password);
	}
	enc_base64(out, buf_str(&plain));
	buf_add(out, STR("\r\n"));
}

static WAITS err send_message(struct stream *io, const struct mailbox_login *how)
{
	CLEANUP(buf_wipe) struct buf line;

	buf_init(&line, LIM_SASL * 2);
	add_message(how, &line);
	TRY(buf_done(&line));
	TRY(stream_write(io, buf_str(&line)));
	return stream_flush(io);
}

static const char *mechanism(const struct mailbox_login *how)
{
	return how->how == LOGIN_EXTERNAL ? "EXTERNAL" : "PLAIN";
}

/* The next line; one that is too long is no answer to a login. */
static WAITS err answer(struct stream *io, str *line)
{
	err e = stream_line(io, LIM_IMAP_PRELOGIN, LINE_LENIENT, line);

	return e == E_LIMIT ? fail(E_SYNTAX, "the back-end's line is too long") : e;
}

/* ---- POP3 ---- */

static err pop3_judge(str line)
{
	if (str_starts(line, STR("+OK")))
		return OK;
	if (!str_starts(line, STR("-ERR")))
		return fail(E_SYNTAX, "the back-end does not speak POP3");
	bool later = str_search(line, STR("[SYS/TEMP]")) < line.n ||
		     str_search(line, STR("[IN-USE]")) < line.n;

	return fail(later ? E_AGAIN : E_DENIED, "back-end: %.*s", STRF(str_take(line, 200)));
}

WAITS err pop3_login(struct stream *io, const struct mailbox_login *how)
{
	str line;

	TRY(answer(io, &line));
	TRY(pop3_judge(line));
	TRY(stream_fmt(io, "AUTH %s\r\n", mechanism(how)));
	TRY(stream_flush(io));
	TRY(answer(io, &line));
	if (!str_starts(line, STR("+ ")) && !str_eq(line, STR("+")))
		return pop3_judge(line);
	TRY(send_message(io, how));
	TRY(answer(io, &line));
	return pop3_judge(line);
}

/* ---- IMAP ---- */

/* What stands in "[CAPABILITY ...]" of a line, if it has that code. */
static str capability_code(str line)
{
	str rest = str_skip(line, str_searchi(line, STR("[CAPABILITY ")));
	str code;

	rest = str_skip(rest, STR("[CAPABILITY ").n);
	return str_cut(rest, ']', &code, &rest) ? code : STR("");
}

/* The rest of a tagged answer, behind tag and space. */
static err imap_judge(str line)
{
	if (str_startsi(line, STR("OK")))
		return OK;
	if (!str_startsi(line, STR("NO")) && !str_startsi(line, STR("BAD")))
		return fail(E_SYNTAX, "the back-end does not speak IMAP");
	bool later = str_searchi(line, STR("[UNAVAILABLE]")) < line.n ||
		     str_searchi(line, STR("[INUSE]")) < line.n;

	return fail(later ? E_AGAIN : E_DENIED, "back-end: %.*s", STRF(str_take(line, 200)));
}

/* Reads up to the tagged answer, or to a continuation when one is wanted. */
static WAITS err imap_answer(struct stream *io, str tag, bool *go_on, str *line)
{
	for (;;) {
		TRY(answer(io, line));
		if (go_on && str_starts(*line, STR("+"))) {
			*go_on = true;
			return OK;
		}
		if (str_starts(*line, STR("* BYE")))
			return fail(E_AGAIN, "back-end: %.*s", STRF(str_take(*line, 200)));
		str before, after;

		if (str_cut(*line, ' ', &before, &after) && str_eq(before, tag)) {
			*line = after;
			return imap_judge(after);
		}
	}
}

/* Who the customer is, for the store's log: the field names are Dovecot's. */
static WAITS err tell_customer(struct stream *io, const struct net_addr *customer)
{
	CLEANUP(buf_free) struct buf ip;
	str line;

	buf_init(&ip, 100);
	net_print_ip(customer, &ip);
	TRY(stream_fmt(io, "i ID (\"x-originating-ip\" \"%.*s\" \"x-originating-port\" \"%u\")\r\n",
		       STRF(buf_str(&ip)), net_port(customer)));
	TRY(stream_flush(io));
	return imap_answer(io, STR("i"), NULL, &line);
}

WAITS err imap_login(struct stream *io, const struct mailbox_login *how, struct arena *a,
		     str *capability)
{
	bool go_on = false;
	str line;

	TRY(answer(io, &line));
	if (!str_startsi(line, STR("* OK")))
		return str_startsi(line, STR("* BYE"))
			       ? fail(E_AGAIN, "back-end: %.*s", STRF(str_take(line, 200)))
			       : fail(E_SYNTAX, "the back-end does not speak IMAP");
	if (how->customer)
		TRY(tell_customer(io, how->customer));
	TRY(stream_fmt(io, "a AUTHENTICATE %s\r\n", mechanism(how)));
	TRY(stream_flush(io));
	TRY(imap_answer(io, STR("a"), &go_on, &line));
	if (!go_on)
		return fail(E_SYNTAX, "the back-end asked for nothing");
	TRY(send_message(io, how));
	TRY(imap_answer(io, STR("a"), NULL, &line));
	*capability = arena_dup(a, capability_code(line));
	return OK;
}
