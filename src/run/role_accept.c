/* Connections: loop 0 accepts and deals them out to the loops in turn. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/log.h"
#include "run/metrics.h"
#include "run/role_proc.h"

#define TLS_ACCEPT_TIME 30000 /* milliseconds for a handshake on connect */
#define ACCEPT_PAUSE	100   /* milliseconds without accepting when descriptors are out */
#define DRAIN_LOOK	10    /* milliseconds between looks at the number of sessions */
#define CANCEL_TIME	5000  /* milliseconds that canceled sessions have to leave */

METRIC(accepted, "posta_connections_total", "", METRIC_COUNTER, "Connections accepted.");
METRIC(open_now, "posta_connections", "", METRIC_GAUGE, "Connections open now.");
METRIC(over_limit, "posta_connections_refused_total", "why=\"limit\"", METRIC_COUNTER,
       "Connections closed at once.");
METRIC(strangers, "posta_connections_refused_total", "why=\"stranger\"", METRIC_COUNTER,
       "Connections closed at once.");
METRIC(tls_failed, "posta_tls_failures_total", "", METRIC_COUNTER,
       "TLS handshakes on connect that failed.");

struct role_session {
	struct role_loop *loop;
	const struct listener *l;
	struct net_addr peer;
	int fd;
	struct fiber *fiber;
	bool idle;
};
/* The loop of this thread, once it has had a session. */
static _Thread_local struct role_loop *loop_of_thread;

static str fiber_key(struct fiber *const *f)
{
	return str_of(f, sizeof(struct fiber *));
}

void role_idle(bool idle)
{
	struct fiber *f = fiber_here();
	struct role_session *s =
		loop_of_thread ? map_get(&loop_of_thread->sessions, fiber_key(&f)) : NULL;

	if (!s)
		return;
	s->idle = idle;
	if (idle && role_draining())
		fiber_cancel(s->fiber);
}

/* ---- who may connect ---- */

static str role_of_uid(const struct setup_config *s, uid_t uid)
{
	for (size_t i = 0; i < s->npeers; i++)
		if (s->peers[i].uid == uid && s->peers[i].role.n)
			return s->peers[i].role;
	return STR("");
}

static bool is_listed(const struct listener *l, str role)
{
	for (size_t i = 0; l->peers && l->peers[i]; i++)
		if (str_eq(str_z(l->peers[i]), role))
			return true;
	return false;
}

str role_peer(struct stream *io, const struct listener *l)
{
	const struct setup_config *s = &role_proc.conf->setup;
	struct net_cred cred;

	if (!l->internal || net_peer_cred(stream_fd(io), &cred) != OK)
		return STR("");
	if (!s->drop)
		return cred.uid == geteuid() ? STR("*") : STR("");
	str role = role_of_uid(s, cred.uid);

	return is_listed(l, role) ? role : STR("");
}

/* The supervisor's own user (root, or the caller) may use the control sockets whole, monitor may
 * look. */
static bool is_operator(uid_t uid)
{
	const struct setup_config *s = &role_proc.conf->setup;

	if (uid == 0 || !s->drop)
		return uid == 0 || uid == geteuid();
	for (size_t i = 0; i < s->npeers; i++)
		if (s->peers[i].uid == uid && s->peers[i].role.n == 0)
			return true;
	return false;
}

static bool may_connect(const struct role_proc *p, const struct listener *l, int fd)
{
	const struct setup_config *s = &p->conf->setup;
	struct net_cred cred;
	str role;

	if (!l->internal || net_peer_cred(fd, &cred) != OK)
		return !l->internal || l->port != 0;
	role = role_of_uid(s, cred.uid);
	if (l == &p->control)
		return is_operator(cred.uid) || str_eq(role, STR("monitor"));
	return s->drop ? is_listed(l, role) : cred.uid == geteuid();
}

err role_answer(struct stream *io, str method, str path, str body, struct buf *answer,
		const char **type)
{
	const struct role *r = role_proc.role;
	struct net_cred cred;

	*type = "text/plain; version=0.0.4";
	if (str_eq(path, STR("/metrics"))) {
		metrics_print(str_z(r->name), answer);
		return buf_done(answer);
	}
	if (str_eq(path, STR("/health"))) {
		buf_add(answer, role_draining() ? STR("draining\n") : STR("ok\n"));
		return OK;
	}
	*type = "application/json";
	TRY(net_peer_cred(stream_fd(io), &cred));
	if (!is_operator(cred.uid))
		return fail(E_DENIED, "user %u may not ask for this", cred.uid);
	return r->control ? r->control(method, path, body, answer)
			  : fail(E_NOTFOUND, "no such path");
}

/* ---- a session's life ---- */

WAITS static err serve(struct role_session *s)
{
	struct stream *io = stream_open(s->fd, &s->peer);

	if (s->l->tls) {
		struct tls_ctx *ctx = role_tls();
		bool had_input;

		stream_deadline(io, clock_in(TLS_ACCEPT_TIME));
		err e = ctx ? stream_tls_accept(io, ctx, &had_input)
			    : fail(E_NOTFOUND, "no certificate");

		tls_drop(ctx);
		if (e) {
			metric_add(&tls_failed, 1);
			LOG(LOG_DEBUG, "tls.failed", KE(e));
			stream_close(io);
			return e;
		}
		stream_deadline(io, NEVER);
	}
	return s->l->session(io, s->l);
}

WAITS static err session_fiber(void *arg)
{
	struct role_session *s = arg;

	err e = serve(s);

	map_remove(&s->loop->sessions, fiber_key(&s->fiber));
	mem_free(s);
	metric_add(&open_now, -1);
	atomic_fetch_sub(&role_proc.sessions, 1);
	return e;
}

/* On the session's loop. */
static void begin(void *arg)
{
	struct role_session *s = arg;

	loop_of_thread = s->loop;
	s->fiber = fiber_spawn(s->l->kind, session_fiber, s);
	map_put(&s->loop->sessions, fiber_key(&s->fiber), s);
}

static void turn_away(const struct listener *l, int fd)
{
	metric_add(&over_limit, 1);
	/* A new socket's buffer is empty: this neither blocks nor is cut. */
	if (l->busy && !l->tls &&
	    send(fd, l->busy, str_z(l->busy).n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		LOG(LOG_DEBUG, "accept.busy", KS("why", str_z(strerror(errno))));
	(void)close(fd);
}

static void deal(struct role_proc *p, const struct listener *l, int fd, const struct net_addr *peer)
{
	metric_add(&accepted, 1);
	if (!may_connect(p, l, fd)) {
		metric_add(&strangers, 1);
		LOG(LOG_WARN, "accept.stranger", KS("listener", str_z(l->kind)));
		(void)close(fd);
		return;
	}
	if (l != &p->control && atomic_load(&p->sessions) >= p->conf->setup.max_connections) {
		turn_away(l, fd);
		return;
	}
	struct role_session *s = MEM_NEW(struct role_session);

	atomic_fetch_add(&p->sessions, 1);
	metric_add(&open_now, 1);
	s->l = l;
	s->fd = fd;
	s->peer = *peer;
	s->loop = l == &p->control ? &p->loops[0] : &p->loops[p->next_loop++ % p->nloops];
	loop_post(s->loop->loop, begin, s);
}

WAITS static err accept_fiber(void *arg)
{
	struct role_socket *s = arg;

	for (;;) {
		struct net_addr peer;
		int fd;
		err e = net_accept(s->fd, &fd, &peer);

		if (e == E_CANCELED)
			return e;
		if (e) {
			LOG(LOG_WARN, "accept.failed", KS("listener", str_z(s->l->kind)), KE(e));
			TRY(fiber_sleep(clock_in(ACCEPT_PAUSE)));
			continue;
		}
		deal(&role_proc, s->l, fd, &peer);
	}
}

/* ---- datagrams: on the loop that reads them ---- */

WAITS static err datagram_fiber(void *arg)
{
	struct role_socket *s = arg;
	err e = udp_serve(s->fd, s->l);

	fiber_fd_forget(s->fd);
	(void)close(s->fd);
	s->accepting = NULL;
	atomic_store(&s->ended, true);
	return e;
}

static void begin_datagrams(void *arg)
{
	struct role_socket *s = arg;

	loop_of_thread = s->loop;
	s->accepting = fiber_spawn("datagrams", datagram_fiber, s);
}

static void end_datagrams(void *arg)
{
	struct role_socket *s = arg;

	if (s->accepting)
		fiber_cancel(s->accepting);
}

/* The supervisor names each address's datagram sockets one after the other, one a loop. */
static void start_datagrams(struct role_proc *p)
{
	size_t next = 0;

	for (size_t i = 0; i < p->nsockets; i++) {
		struct role_socket *s = &p->sockets[i];

		if (!s->udp)
			continue;
		s->loop = &p->loops[next++ % p->nloops];
		loop_post(s->loop->loop, begin_datagrams, s);
	}
}

WAITS static void stop_datagrams(struct role_proc *p)
{
	for (size_t i = 0; i < p->nsockets; i++)
		if (p->sockets[i].udp)
			loop_post(p->sockets[i].loop->loop, end_datagrams, &p->sockets[i]);
	for (size_t i = 0; i < p->nsockets; i++)
		while (p->sockets[i].udp && !atomic_load(&p->sockets[i].ended))
			if (fiber_sleep(clock_in(1)) != OK)
				return;
}

void accept_start(struct role_proc *p)
{
	for (size_t i = 0; i < p->nsockets; i++)
		if (!p->sockets[i].udp)
			p->sockets[i].accepting =
				fiber_start("accept", accept_fiber, &p->sockets[i]);
	start_datagrams(p);
}

WAITS void accept_stop(struct role_proc *p)
{
	for (size_t i = 0; i < p->nsockets; i++) {
		struct role_socket *s = &p->sockets[i];

		if (s->udp || !s->accepting)
			continue;
		fiber_cancel(s->accepting);
		(void)!fiber_join(s->accepting);
		s->accepting = NULL;
		fiber_fd_forget(s->fd);
		(void)close(s->fd);
	}
	stop_datagrams(p);
}

/* ---- draining ---- */

static void cancel_sessions(struct role_loop *loop, bool idle_only)
{
	void *value;
	str key;

	for (size_t at = 0; map_each(&loop->sessions, &at, &key, &value);) {
		struct role_session *s = value;

		if (!idle_only || s->idle)
			fiber_cancel(s->fiber);
	}
}

static void cancel_idle(void *arg)
{
	cancel_sessions(arg, true);
}

static void cancel_all(void *arg)
{
	cancel_sessions(arg, false);
}

WAITS static bool wait_for_none(struct role_proc *p, msec deadline)
{
	while (atomic_load(&p->sessions) > 0) {
		if (clock_now() >= deadline || fiber_sleep(clock_in(DRAIN_LOOK)) != OK)
			return false;
	}
	return true;
}

WAITS void sessions_drain(struct role_proc *p, msec deadline)
{
	atomic_store(&p->draining, true);
	for (size_t i = 0; i < p->nloops; i++)
		loop_post(p->loops[i].loop, cancel_idle, &p->loops[i]);
	if (wait_for_none(p, deadline))
		return;
	LOG(LOG_WARN, "drain.late", KI("sessions", atomic_load(&p->sessions)));
	for (size_t i = 0; i < p->nloops; i++)
		loop_post(p->loops[i].loop, cancel_all, &p->loops[i]);
	if (!wait_for_none(p, clock_in(CANCEL_TIME)))
		LOG(LOG_ERROR, "drain.stuck", KI("sessions", atomic_load(&p->sessions)));
}
