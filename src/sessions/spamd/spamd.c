#include "sessions/spamd/spamd.h"

#include "base/enc.h"
#include "base/limits.h"
#include "formats/spamd/spamd.h"
#include "run/metrics.h"
#include "sessions/spamd/print.h"

METRIC(m_requests, "posta_filter_requests_total", "protocol=\"spamd\"", METRIC_COUNTER,
       "Requests, by protocol.");

enum {
	HEAD_TIME = 30000,  /* milliseconds for a request's head */
	BODY_TIME = 120000, /* for a message */
	SEND_TIME = 60000,
};

struct spamd {
	struct stream *io;
	struct filter *f;
	struct spamd_request r;
	struct buf head, reply;
	struct arena a;
	struct filter_request q;
	str rcpt;
};

/* ---- reading ---- */

WAITS static err read_head(struct spamd *s)
{
	str line;

	do {
		TRY(stream_line(s->io, LIM_SPAMD_LINE, LINE_LENIENT, &line));
		buf_add(&s->head, line);
		buf_addc(&s->head, '\n');
		TRY(buf_done(&s->head));
	} while (line.n);
	return spamd_parse_request(buf_str(&s->head), &s->r);
}

static bool has_message(const struct spamd_request *r)
{
	return r->method != SPAMD_PING && r->method != SPAMD_SKIP;
}

/* With a length exactly so much, without one all that comes. */
WAITS static err read_message(struct spamd *s)
{
	const struct filter_settings *set = filter_settings_of(s->f);
	uint64_t left = s->r.has_length ? s->r.length : UINT64_MAX;

	if (s->r.has_length && s->r.length > (uint64_t)set->message_max)
		return fail(E_LIMIT, "a message over %lld octets", (long long)set->message_max);
	TRY(filter_spool(s->f, &s->q));
	stream_deadline(s->io, clock_in(BODY_TIME));
	while (left) {
		err e = stream_peek(s->io).n ? OK : stream_fill(s->io);

		if (e == E_EOF && !s->r.has_length)
			return OK;
		TRY(e);
		str got = stream_peek(s->io);

		got = str_take(got, left < got.n ? (size_t)left : got.n);
		TRY(spool_add(s->q.message, got));
		left -= got.n;
		stream_eat(s->io, got.n);
	}
	return OK;
}

/* ---- answering ---- */

static void reply_body(struct spamd *s, const struct filter_answer *f, str body)
{
	spamd_print_status(&s->reply, SPAMD_OK, STR("EX_OK"));
	buf_fmt(&s->reply, "Content-length: %zu\r\n", body.n);
	spamd_print_spam(&s->reply, spamd_is_spam(f), f->score, f->required);
	buf_add(&s->reply, STR("\r\n"));
	buf_add(&s->reply, body);
}

static err answer_text(struct spamd *s, const struct filter_answer *f)
{
	CLEANUP(buf_free) struct buf body;
	str message;

	buf_init(&body, size_add((size_t)spool_size(s->q.message), KIB(256)));
	switch (s->r.method) {
	case SPAMD_SYMBOLS:
		spamd_add_symbols(&body, f);
		break;
	case SPAMD_REPORT:
		spamd_add_report(&body, f);
		break;
	case SPAMD_REPORT_IFSPAM:
		if (spamd_is_spam(f))
			spamd_add_report(&body, f);
		break;
	case SPAMD_PROCESS:
	case SPAMD_HEADERS:
		TRY(spool_view(s->q.message, &message));
		spamd_add_message(&body, f, message, filter_settings_of(s->f)->hostname,
				  s->r.method == SPAMD_HEADERS);
		break;
	default:
		break;
	}
	TRY(buf_done(&body));
	reply_body(s, f, buf_str(&body));
	return OK;
}

WAITS static err scan(struct spamd *s)
{
	struct filter_answer answer;

	s->rcpt = s->r.user;
	if (str_find(s->rcpt, '@') < s->rcpt.n) {
		s->q.env.rcpts = &s->rcpt;
		s->q.env.nrcpts = 1;
	}
	TRY(filter_scan(s->f, &s->q, &s->a, &answer));
	return answer_text(s, &answer);
}

/* What is forgotten of spam is taught as ham: a model has no single lessons to take back. */
WAITS static err tell(struct spamd *s)
{
	bool local = (s->r.set | s->r.remove) & SPAMD_LOCAL;

	if (!local || (s->r.set && s->r.class == SPAMD_NO_CLASS))
		return fail(E_SYNTAX, "write Message-class, and Set or Remove: local");
	TRY(filter_teach(s->f, &s->q, s->r.user, s->r.set ? s->r.class == SPAMD_SPAM : false));
	spamd_print_status(&s->reply, SPAMD_OK, STR("EX_OK"));
	buf_fmt(&s->reply, "%s: local\r\nContent-length: 0\r\n\r\n",
		s->r.set ? "DidSet" : "DidRemove");
	return OK;
}

WAITS static err run(struct spamd *s)
{
	if (s->r.method == SPAMD_SKIP)
		return OK;
	if (s->r.method == SPAMD_PING) {
		spamd_print_status(&s->reply, SPAMD_OK, STR("PONG"));
		return OK;
	}
	return s->r.method == SPAMD_TELL ? tell(s) : scan(s);
}

static void answer_error(struct spamd *s, err e)
{
	static const struct {
		err e;
		int code;
		const char *name;
	} rows[] = {
		{ E_SYNTAX, SPAMD_PROTOCOL, "EX_PROTOCOL" },
		{ E_LIMIT, SPAMD_DATA, "EX_DATAERR" },
		{ E_NOTFOUND, SPAMD_UNAVAILABLE, "EX_UNAVAILABLE" },
		{ E_AGAIN, SPAMD_TEMPFAIL, "EX_TEMPFAIL" },
		{ E_FULL, SPAMD_TEMPFAIL, "EX_TEMPFAIL" },
		{ E_TIMEOUT, SPAMD_TIMEOUT, "EX_TIMEOUT" },
	};
	CLEANUP(buf_free) struct buf text;
	int code = SPAMD_SOFTWARE;
	const char *name = "EX_SOFTWARE";

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].e == e) {
			code = rows[i].code;
			name = rows[i].name;
		}
	buf_init(&text, KIB(1));
	buf_fmt(&text, "%s ", name);
	utf8_add_shown(&text, str_z(*err_last()->text ? err_last()->text : err_name(e)));
	buf_reset(&s->reply);
	spamd_print_status(&s->reply, code, buf_str(&text));
	buf_add(&s->reply, STR("\r\n"));
}

WAITS static err serve(struct spamd *s)
{
	stream_deadline(s->io, clock_in(HEAD_TIME));
	err e = read_head(s);

	if (e == OK && has_message(&s->r))
		e = read_message(s);
	if (e && e != E_LIMIT && e != E_SYNTAX && e != E_FULL)
		return e; /* nobody is there to be answered */
	metric_add(&m_requests, 1);
	if (e == OK)
		e = run(s);
	if (e == OK)
		e = buf_done(&s->reply);
	if (e == E_CANCELED)
		return e;
	if (e)
		answer_error(s, e);
	stream_deadline(s->io, clock_in(SEND_TIME));
	TRY(stream_write(s->io, buf_str(&s->reply)));
	return stream_flush(s->io);
}

WAITS err spamd_session(struct stream *io, struct filter *f)
{
	struct spamd s = { .io = io, .f = f };
	struct scan_envelope *env = &s.q.env;

	s.q.id = env->ip = env->helo = env->rdns = env->from = env->user = STR("");
	buf_init(&s.head, LIM_HTTP_HEAD);
	buf_init(&s.reply, size_add((size_t)filter_settings_of(f)->message_max, MIB(1)));
	arena_init(&s.a, LIM_FILTER_ARENA);
	err e = serve(&s);

	spool_drop(s.q.message);
	buf_free(&s.head);
	buf_free(&s.reply);
	arena_free(&s.a);
	stream_close(io);
	return e == E_EOF ? OK : e;
}
