#include "sessions/login/internal.h"

#include "base/limits.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/role.h"
#include "sessions/sasl/sasl_exchange.h"

METRIC(logins_ok, "posta_proxy_logins_total", "result=\"ok\"", METRIC_COUNTER,
       "Logins of customers.");
METRIC(logins_denied, "posta_proxy_logins_total", "result=\"denied\"", METRIC_COUNTER,
       "Logins of customers.");
METRIC(logins_later, "posta_proxy_logins_total", "result=\"later\"", METRIC_COUNTER,
       "Logins of customers.");
METRIC(crowded, "posta_proxy_crowded_total", "", METRIC_COUNTER,
       "Connections turned away: too many of their network had not logged in.");
METRIC(joined, "posta_proxy_sessions", "", METRIC_GAUGE, "Customers joined to their mailbox now.");

enum { SLOW = 2000 }; /* milliseconds that a wrong password costs the one who sent it */

static msec or_default(msec value, msec dflt)
{
	return value ? value : dflt;
}

/* The networks that the brake of failed logins knows. */
static void count_in(struct login *l)
{
	const struct net_addr *peer = stream_peer(l->io);
	char room[17];

	if (!l->role->waiting || net_is_unix(peer))
		return;
	l->counted = true;
	l->crowded =
		tally_enter(l->role->waiting(), net_prefix(peer, 24, 64, room)) > l->set.waiting;
	if (l->crowded)
		metric_add(&crowded, 1);
}

static void count_out(struct login *l)
{
	char room[17];

	if (l->counted)
		tally_leave(l->role->waiting(), net_prefix(stream_peer(l->io), 24, 64, room));
	l->counted = false;
}

void login_begin(struct login *l, struct stream *io, str service, const struct login_role *role)
{
	*l = (struct login){ .io = io, .role = role, .set = *role->settings(), .service = service };
	l->set.patience = or_default(l->set.patience, 60000);
	l->set.whole = or_default(l->set.whole, 180000);
	l->set.idle = or_default(l->set.idle, 35 * 60000);
	l->set.attempts = or_default(l->set.attempts, 3);
	l->ends = clock_in(l->set.whole);
	arena_init(&l->cmd, LIM_IMAP_PRELOGIN * 4);
	arena_init(&l->session, LIM_IMAP_PRELOGIN * 4);
	l->sasl = (struct sasl_config){ .auth = role->auth(),
					.service = service,
					.peer = stream_peer(io),
					.io = io,
					.scram = l->set.scram };
	l->set.waiting = l->set.waiting ? l->set.waiting : 1000;
	(void)login_plain_allowed(l);
	count_in(l);
}

void login_end(struct login *l)
{
	count_out(l);
	stream_close(l->back.io);
	stream_close(l->io);
	arena_free(&l->cmd);
	arena_free(&l->session);
}

WAITS err login_turn_away(struct login *l, const char *text)
{
	stream_deadline(l->io, clock_in(5000));
	TRY(stream_write(l->io, str_z(text)));
	return stream_flush(l->io);
}

bool login_plain_allowed(struct login *l)
{
	l->sasl.plain = l->set.plain_in_clear || stream_is_tls(l->io);
	return l->sasl.plain;
}

WAITS err login_line(struct login *l, size_t max, str *line)
{
	msec now_and = clock_in(l->set.patience);

	if (!stream_peek(l->io).n)
		TRY(stream_flush(l->io));
	stream_deadline(l->io, now_and < l->ends ? now_and : l->ends);
	return stream_line(l->io, max, LINE_LENIENT, line);
}

WAITS err login_turned(struct login *l, err e)
{
	if (e == E_EOF && stream_flush(l->io) != OK)
		return E_EOF;
	return e;
}

bool login_can_tls(const struct login *l)
{
	struct tls_ctx *ctx = role_tls();
	bool can = ctx && !stream_is_tls(l->io);

	tls_drop(ctx);
	return can;
}

WAITS err login_starttls(struct login *l)
{
	struct tls_ctx *ctx = role_tls();
	bool pushed = false;

	err e = stream_flush(l->io);

	if (e == OK)
		e = stream_tls_accept(l->io, ctx, &pushed);
	tls_drop(ctx);
	TRY(e);
	if (pushed) {
		LOG(LOG_WARN, "login.pushed", KS("why", STR("octets before the TLS handshake")));
		return fail(E_DENIED, "octets before the TLS handshake");
	}
	(void)login_plain_allowed(l);
	return OK;
}

/* The user is known: on to the mailbox. */
static WAITS err enter(struct login *l, const struct dir_user *user, str password)
{
	err e = l->role->connect(stream_peer(l->io), l->service, user, password, &l->session,
				 &l->back);

	if (e == OK) {
		metric_add(&logins_ok, 1);
		LOG(LOG_INFO, "login.ok", KS("service", l->service), KS("user", user->login),
		    KS("tls", stream_tls_info(l->io)));
		return OK;
	}
	LOG(LOG_WARN, "login.backend", KS("user", user->login), KE(e));
	metric_add(&logins_later, 1);
	return e == E_DENIED ? E_DENIED : E_AGAIN;
}

/* A wrong password: slow down, and end it when there were many. */
static WAITS err refuse(struct login *l, err why)
{
	if (why == E_AGAIN) {
		metric_add(&logins_later, 1);
		return why;
	}
	if (why != E_DENIED)
		return why;
	metric_add(&logins_denied, 1);
	LOG(LOG_INFO, "login.denied", KS("service", l->service));
	if (++l->failures >= l->set.attempts)
		l->quit = true;
	TRY(fiber_sleep(clock_in(SLOW)));
	return E_DENIED;
}

WAITS err login_password(struct login *l, str name, str password)
{
	struct dir_user user;
	err e = auth_plain(l->role->auth(), stream_peer(l->io), l->service, name, password,
			   &l->session, &user);

	return e == OK ? enter(l, &user, password) : refuse(l, e);
}

WAITS err login_sasl(struct login *l, str mechanism, bool has_initial, str initial)
{
	struct sasl_server *s;

	TRY(sasl_server_new(&l->sasl, mechanism, &s));
	err e = sasl_exchange(l->io, s, STR("+ "), has_initial, initial);

	e = e == OK ? enter(l, sasl_server_user(s), sasl_server_password(s)) : refuse(l, e);
	sasl_server_free(s);
	return e;
}

WAITS err login_join(struct login *l)
{
	uint64_t up, down;

	count_out(l);
	TRY(stream_flush(l->io));
	stream_deadline(l->io, NEVER);
	stream_deadline(l->back.io, NEVER);
	arena_free(&l->cmd);
	arena_free(&l->session);
	metric_add(&joined, 1);
	err e = stream_splice(l->io, l->back.io, l->set.idle, &up, &down);

	metric_add(&joined, -1);
	return e;
}
