#include "base/enc.h"
#include "clients/smtp/client.h"

/* What a refusal means to the caller: may it try later or not. */
static err refused(const struct smtp_reply *r, const char *what)
{
	return fail(r->code >= 500 ? E_DENIED : E_AGAIN, "%s: %s", what, r->text);
}

WAITS static err greet(struct smtp_client *c, struct smtp_reply *r)
{
	TRY(smtp_hear(c, c->o.command, r));
	return r->code == 220 ? OK : refused(r, "greeting");
}

WAITS static err say_hello(struct smtp_client *c, const char *verb, struct smtp_reply *r)
{
	char line[LIM_SMTP_DOMAIN + 8];
	struct buf b;

	buf_init(&b, sizeof(line));
	buf_fmt(&b, "%s %.*s", verb, STRF(str_take(c->o.helo, LIM_SMTP_DOMAIN)));
	err e = buf_done(&b) ? E_LIMIT : smtp_say(c, buf_str(&b));

	buf_free(&b);
	return e ? e : smtp_hear_ehlo(c, c->o.command, r);
}

WAITS static err hello(struct smtp_client *c, struct smtp_reply *r)
{
	TRY(say_hello(c, c->o.lmtp ? "LHLO" : "EHLO", r));
	if (r->code == 250)
		return OK;
	/* RFC 5321 3.2: a server that does not know EHLO. */
	if (c->o.lmtp || r->code < 500)
		return refused(r, "hello");
	TRY(say_hello(c, "HELO", r));
	c->server.ext = 0;
	return r->code == 250 ? OK : refused(r, "hello");
}

WAITS static err start_tls(struct smtp_client *c, struct smtp_reply *r)
{
	if (!(c->server.ext & SMTP_EXT_STARTTLS)) {
		if (c->o.tls == SMTP_TLS_MAY)
			return OK;
		smtp_reply_own(r, 0, "4.7.4", STR("server does not offer STARTTLS"));
		return fail(E_DENIED, "server does not offer STARTTLS");
	}
	TRY(smtp_say(c, STR("STARTTLS")));
	TRY(smtp_hear(c, c->o.command, r));
	if (r->code != 220)
		return c->o.tls == SMTP_TLS_MAY ? OK : refused(r, "STARTTLS");
	/* RFC 3207 4.2 at this end: an answer that came before TLS is not the server's. */
	if (stream_peek(c->io).n) {
		smtp_reply_own(r, 0, "4.7.0", STR("octets in clear behind the STARTTLS reply"));
		return fail(E_IO, "octets in clear behind the STARTTLS reply");
	}
	stream_deadline(c->io, clock_in(c->o.command));
	err e = stream_tls_connect(c->io, c->o.tls_ctx, c->o.tls_name);

	if (e) {
		smtp_reply_own(r, 0, "4.7.5", str_z(err_last()->text));
		return e;
	}
	return hello(c, r);
}

WAITS static err auth_plain(struct smtp_client *c, struct smtp_reply *r)
{
	struct buf secret, line;

	buf_init(&secret, LIM_SASL);
	buf_init(&line, LIM_SASL * 2);
	buf_addc(&secret, 0);
	buf_add(&secret, c->o.auth_user);
	buf_addc(&secret, 0);
	buf_add(&secret, c->o.auth_password);
	buf_add(&line, STR("AUTH PLAIN "));
	enc_base64(&line, buf_str(&secret));
	err e = buf_done(&secret) || buf_done(&line) ? E_LIMIT : smtp_say(c, buf_str(&line));

	buf_wipe(&secret);
	buf_wipe(&line);
	TRY(e);
	TRY(smtp_hear(c, c->o.command, r));
	return r->code == 235 ? OK : refused(r, "AUTH");
}

WAITS static err set_up(struct smtp_client *c, struct smtp_reply *r)
{
	TRY(greet(c, r));
	TRY(hello(c, r));
	if (c->o.tls != SMTP_TLS_NEVER)
		TRY(start_tls(c, r));
	return c->o.auth_user.n ? auth_plain(c, r) : OK;
}

static void fill_times(struct smtp_client_options *o)
{
	/* RFC 5321 4.5.3.2. */
	o->connect = o->connect ? o->connect : 30 * 1000;
	o->command = o->command ? o->command : 5 * 60 * 1000;
	o->data = o->data ? o->data : 3 * 60 * 1000;
	o->final = o->final ? o->final : 10 * 60 * 1000;
}

WAITS static err open_once(const struct net_addr *to, const struct net_addr *from,
			   const struct smtp_client_options *o, struct smtp_client **out,
			   struct smtp_reply *r)
{
	int fd;
	struct smtp_client_options times = *o;

	fill_times(&times);
	err e = net_connect(to, from, clock_in(times.connect), &fd);
	if (e) {
		smtp_reply_own(r, 0, "4.4.1",
			       e == E_TIMEOUT ? STR("connection timed out")
					      : str_z(err_last()->text));
		return e;
	}
	struct smtp_client *c = smtp_client_over(stream_open(fd, to), &times);

	e = set_up(c, r);
	if (e && !r->text[0])
		smtp_reply_own(r, 0, "4.4.0", str_z(err_last()->text));
	if (e)
		smtp_client_close(c);
	else
		*out = c;
	return e;
}

struct smtp_client *smtp_client_over(struct stream *io, const struct smtp_client_options *o)
{
	struct smtp_client *c = MEM_NEW(struct smtp_client);

	c->io = io;
	c->o = *o;
	fill_times(&c->o);
	c->server.auth = STR("");
	arena_init(&c->arena, KIB(64));
	return c;
}

WAITS err smtp_client_begin(struct smtp_client *c, struct smtp_reply *reply)
{
	return set_up(c, reply);
}

WAITS err smtp_client_open(const struct net_addr *to, const struct net_addr *from,
			   const struct smtp_client_options *o, struct smtp_client **out,
			   struct smtp_reply *reply)
{
	struct smtp_client_options plain = *o;

	*reply = (struct smtp_reply){ 0 };
	err e = open_once(to, from, o, out, reply);
	/* RFC 7435: opportunistic. Whose TLS is broken gets the mail in clear, as if it had none.
	 */
	if (e == OK || e == E_CANCELED || o->tls != SMTP_TLS_MAY ||
	    !str_starts(str_z(reply->status), STR("4.7.5")) || reply->code)
		return e;
	plain.tls = SMTP_TLS_NEVER;
	return open_once(to, from, &plain, out, reply);
}

void smtp_client_close(struct smtp_client *c)
{
	if (!c)
		return;
	stream_close(c->io);
	arena_free(&c->arena);
	mem_free(c);
}

WAITS void smtp_client_quit(struct smtp_client *c)
{
	struct smtp_reply r;

	if (!c)
		return;
	/* Nobody's mail hangs on the answer: five seconds for courtesy. */
	if (smtp_say(c, STR("QUIT")) == OK && smtp_hear(c, 5000, &r) == OK)
		LOG(LOG_DEBUG, "smtp.client.quit", KI("code", r.code));
	smtp_client_close(c);
}

unsigned smtp_client_ext(const struct smtp_client *c)
{
	return c->server.ext;
}

str smtp_client_tls(const struct smtp_client *c)
{
	return stream_tls_info(c->io);
}
