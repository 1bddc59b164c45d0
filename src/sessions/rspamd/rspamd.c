#include "sessions/rspamd/rspamd.h"

#include "base/limits.h"
#include "formats/http/chunks.h"
#include "formats/http/http.h"
#include "run/metrics.h"

METRIC(m_requests, "posta_filter_requests_total", "protocol=\"rspamd\"", METRIC_COUNTER,
       "Requests, by protocol.");

enum {
	IDLE_TIME = 60000,  /* milliseconds between requests; callers keep theirs for less */
	HEAD_TIME = 30000,  /* for a request's head */
	BODY_TIME = 120000, /* for a message: 100 MB at 7 Mbit/s */
	SEND_TIME = 30000,
};

struct rspamd {
	struct stream *io;
	struct filter *f;
	struct buf head, answer;
	struct arena a; /* of one request */
	struct filter_request q;
	str deliver_to;
	const char *type;
	int status;
};

/* ---- what the caller knows ---- */

static str unbracket(str s)
{
	return s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>' ? str_take(str_skip(s, 1), s.n - 2)
								: s;
}

/* The fields live in the head's buffer until the next request. */
static err take_field(struct rspamd *s, str *rcpts, str name, str value)
{
	struct filter_request *q = &s->q;

	static const struct {
		str name;
		size_t offset;
	} known[] = {
		{ S("IP"), offsetof(struct filter_request, env.ip) },
		{ S("Helo"), offsetof(struct filter_request, env.helo) },
		{ S("Hostname"), offsetof(struct filter_request, env.rdns) },
		{ S("User"), offsetof(struct filter_request, env.user) },
		{ S("Queue-Id"), offsetof(struct filter_request, id) },
	};

	if (str_eqi(name, STR("From"))) {
		q->env.from = unbracket(value);
		q->env.known = true;
	} else if (str_eqi(name, STR("Rcpt"))) {
		if (q->env.nrcpts == LIM_SMTP_RCPTS)
			return fail(E_LIMIT, "over %d recipients", LIM_SMTP_RCPTS);
		rcpts[q->env.nrcpts++] = unbracket(value);
		q->env.known = true;
	} else if (str_eqi(name, STR("Deliver-To"))) {
		s->deliver_to = unbracket(value);
	} else if (str_eqi(name, STR("Compression")) || str_eqi(name, STR("Content-Encoding"))) {
		return fail(E_SYNTAX, "send the message as it is, without %.*s", STRF(name));
	}
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eqi(name, known[i].name))
			*(str *)(void *)((char *)q + known[i].offset) = value;
	return OK;
}

static err take_fields(struct rspamd *s, const struct http_request *r)
{
	str *rcpts = NEW_TRY(&s->a, str, LIM_SMTP_RCPTS);
	str rest = r->fields;

	if (!rcpts)
		return fail(E_LIMIT, "no memory for the recipients");
	s->q = (struct filter_request){ .env.rcpts = rcpts };
	s->q.id = s->q.env.ip = s->q.env.helo = s->q.env.rdns = s->q.env.from = s->q.env.user =
		STR("");
	s->deliver_to = STR("");
	while (rest.n) {
		size_t end = str_search(rest, STR("\r\n"));
		str line = str_take(rest, end), name, value;

		rest = str_skip(rest, end + 2);
		if (str_cut(line, ':', &name, &value))
			TRY(take_field(s, rcpts, name, str_trim(value)));
	}
	return OK;
}

/* ---- reading ---- */

WAITS static err read_head(struct rspamd *s, struct http_request *r)
{
	str line;

	buf_reset(&s->head);
	do {
		TRY(stream_line(s->io, LIM_HTTP_HEAD, LINE_CRLF, &line));
		buf_add(&s->head, line);
		buf_add(&s->head, STR("\r\n"));
		TRY(buf_done(&s->head));
	} while (line.n || s->head.n == 2);
	return http_parse_request(buf_str(&s->head), r);
}

WAITS static err read_length(struct rspamd *s, uint64_t left)
{
	while (left) {
		if (stream_peek(s->io).n == 0)
			TRY(stream_fill(s->io));
		str got = stream_peek(s->io);

		got = str_take(got, left < got.n ? (size_t)left : got.n);
		TRY(spool_add(s->q.message, got));
		left -= got.n;
		stream_eat(s->io, got.n);
	}
	return OK;
}

WAITS static err read_chunks(struct rspamd *s)
{
	struct http_chunks c = { 0 };
	bool done = false;

	while (!done) {
		size_t used;
		str data;

		if (stream_peek(s->io).n == 0)
			TRY(stream_fill(s->io));
		TRY(http_chunks_take(&c, stream_peek(s->io), &used, &data, &done));
		TRY(spool_add(s->q.message, data));
		stream_eat(s->io, used);
	}
	return OK;
}

static bool too_long(const struct rspamd *s, const struct http_request *r)
{
	return r->has_length && r->length > (uint64_t)filter_settings_of(s->f)->message_max;
}

WAITS static err read_message(struct rspamd *s, const struct http_request *r)
{
	const struct filter_settings *set = filter_settings_of(s->f);
	str expect;

	if (too_long(s, r))
		return fail(E_LIMIT, "a message over %lld octets", (long long)set->message_max);
	TRY(take_fields(s, r));
	TRY(filter_spool(s->f, &s->q));
	stream_deadline(s->io, clock_in(BODY_TIME));
	/* RFC 9110 10.1.1: the client waits to hear that it may go on. */
	if (http_field(r->fields, STR("Expect"), &expect) == OK &&
	    str_eqi(expect, STR("100-continue"))) {
		TRY(stream_write(s->io, STR("HTTP/1.1 100 Continue\r\n\r\n")));
		TRY(stream_flush(s->io));
	}
	return r->chunked ? read_chunks(s) : read_length(s, r->length);
}

/* ---- answering ---- */

WAITS static err check(struct rspamd *s, const struct http_request *r)
{
	struct filter_answer answer;

	(void)r;
	TRY(filter_scan(s->f, &s->q, &s->a, &answer));
	s->type = "application/json";
	filter_answer_print(&answer, &s->answer);
	return buf_done(&s->answer);
}

/* Whose lesson it is: User, or who would have had it. */
WAITS static err learn(struct rspamd *s, bool spam)
{
	const struct filter_request *q = &s->q;
	str user = q->env.user.n ? q->env.user : s->deliver_to;

	if (user.n == 0 && q->env.nrcpts == 1)
		user = q->env.rcpts[0];
	TRY(filter_teach(s->f, q, user, spam));
	s->type = "application/json";
	buf_add(&s->answer, STR("{\"success\":true}"));
	return OK;
}

WAITS static err learn_spam(struct rspamd *s, const struct http_request *r)
{
	(void)r;
	return learn(s, true);
}

WAITS static err learn_ham(struct rspamd *s, const struct http_request *r)
{
	(void)r;
	return learn(s, false);
}

WAITS static err ping(struct rspamd *s, const struct http_request *r)
{
	(void)r;
	buf_add(&s->answer, STR("pong\r\n"));
	return OK;
}

static const struct {
	str path;
	bool message;
	WAITS err (*run)(struct rspamd *s, const struct http_request *r);
} paths[] = {
	{ S("/checkv2"), true, check },	     { S("/check"), true, check },
	{ S("/symbols"), true, check },	     { S("/learnspam"), true, learn_spam },
	{ S("/learnham"), true, learn_ham }, { S("/ping"), false, ping },
};

WAITS static err answer(struct rspamd *s, const struct http_request *r)
{
	for (size_t i = 0; i < COUNT(paths); i++)
		if (str_eq(r->path, paths[i].path)) {
			if (paths[i].message && spool_size(s->q.message) == s->q.before)
				return fail(E_SYNTAX, "no message: send it as the body");
			return paths[i].run(s, r);
		}
	return fail(E_NOTFOUND, "no such path; POST /checkv2");
}

WAITS static err send_answer(struct rspamd *s, bool more)
{
	CLEANUP(buf_free) struct buf head;

	buf_init(&head, LIM_HTTP_HEAD);
	http_print_response(&head, s->status, str_z(s->type), s->answer.n, more);
	stream_deadline(s->io, clock_in(SEND_TIME));
	TRY(stream_write(s->io, buf_str(&head)));
	TRY(stream_write(s->io, buf_str(&s->answer)));
	return stream_flush(s->io);
}

static void answer_error(struct rspamd *s, err e)
{
	buf_reset(&s->answer);
	s->type = "application/json";
	s->status = http_status_of(e);
	buf_add(&s->answer, STR("{\"error\":"));
	filter_json_string(&s->answer, str_z(*err_last()->text ? err_last()->text : err_name(e)));
	buf_addc(&s->answer, '}');
}

/* One request; *more says whether another may follow. */
WAITS static err serve_one(struct rspamd *s, bool *more)
{
	struct http_request r = { 0 };

	stream_deadline(s->io, clock_in(HEAD_TIME));
	s->status = 200;
	s->type = "text/plain";
	buf_reset(&s->answer);
	err e = read_head(s, &r);

	if (e == OK)
		e = read_message(s, &r);
	if (e && e != E_LIMIT && e != E_SYNTAX && e != E_FULL)
		return e; /* nobody is there to be answered */
	metric_add(&m_requests, 1);
	*more = e == OK && r.keep_alive;
	if (e == OK)
		e = answer(s, &r);
	if (e == E_CANCELED)
		return e;
	if (e)
		answer_error(s, e);
	return send_answer(s, *more);
}

/* Between requests nothing is lost by an end. */
WAITS static err wait_for_next(struct stream *io)
{
	if (role_draining())
		return E_EOF;
	if (stream_peek(io).n)
		return OK;
	stream_deadline(io, clock_in(IDLE_TIME));
	role_idle(true);
	TRY(stream_fill(io));
	role_idle(false);
	return OK;
}

WAITS err rspamd_session(struct stream *io, struct filter *f)
{
	struct rspamd s = { .io = io, .f = f };
	bool more = true;
	err e;

	buf_init(&s.head, LIM_FILTER_HEAD);
	buf_init(&s.answer, LIM_FILTER_ANSWER);
	arena_init(&s.a, LIM_FILTER_ARENA);
	do {
		arena_reset(&s.a);
		more = false;
		e = serve_one(&s, &more);
		spool_drop(s.q.message);
		s.q.message = NULL;
	} while (e == OK && more && wait_for_next(io) == OK);
	buf_free(&s.head);
	buf_free(&s.answer);
	arena_free(&s.a);
	stream_close(io);
	return e == E_EOF ? OK : e;
}
