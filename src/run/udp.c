#include "run/udp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/role.h"

enum {
	RECEIVE_BUFFER = 4 << 20, /* octets that the kernel keeps while a role is replaced */
	BURST = 16,		  /* batches before the loop's other fibers get their turn */
	PAUSE = 100,		  /* milliseconds after an error of the socket itself */
	SKEW = 192,		  /* octets between rows of a batch */
	CONTROL = 64,		  /* octets of one in_pktinfo or in6_pktinfo with its header */
};

METRIC(received, "posta_udp_received_total", "", METRIC_COUNTER, "Datagrams received.");
METRIC(answered, "posta_udp_answered_total", "", METRIC_COUNTER, "Datagrams answered at once.");
METRIC(too_long, "posta_udp_dropped_total", "why=\"long\"", METRIC_COUNTER,
       "Datagrams dropped unread.");
METRIC(unsent, "posta_udp_unsent_total", "", METRIC_COUNTER,
       "Answers that the kernel did not take.");

/* ---- sockets ---- */

static bool is_any(const struct net_addr *a)
{
	const struct sockaddr_in *v4 = (const void *)&a->ss;
	const struct sockaddr_in6 *v6 = (const void *)&a->ss;

	return a->ss.ss_family == AF_INET ? v4->sin_addr.s_addr == INADDR_ANY
					  : IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

static err configure(int fd, const struct net_addr *at, bool reuse)
{
	int on = 1, size = RECEIVE_BUFFER;
	bool v6 = at->ss.ss_family == AF_INET6;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		return E_IO;
	if (is_any(at) && setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
				     v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof(on)) != 0)
		return E_IO;
	return bind(fd, (const void *)&at->ss, at->n) == 0 ? OK : E_IO;
}

err udp_open(const struct net_addr *at, bool reuse, int *out)
{
	CLEANUP(buf_free) struct buf name = { 0 };
	int fd = socket(at->ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && configure(fd, at, reuse) == OK) {
		*out = fd;
		return OK;
	}
	int saved = errno;

	if (fd >= 0)
		(void)close(fd);
	buf_init(&name, 256);
	net_print(at, &name);
	err e = fail(E_IO, "cannot take datagrams at %.*s: %s", STRF(buf_str(&name)),
		     strerror(saved));

	errno = saved; /* who binds again looks at it */
	return e;
}

/* ---- which of our addresses was asked ---- */

/* Room that the kernel's control messages are written to, aligned as they want it. */
union control {
	struct cmsghdr first;
	char octets[CONTROL];
};

static void take_local(struct msghdr *m, struct udp_path *path)
{
	path->has_local = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo i;

			memcpy(&i, CMSG_DATA(c), sizeof(i));
			path->local.v4 = i.ipi_addr;
			path->has_local = true;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo i;

			memcpy(&i, CMSG_DATA(c), sizeof(i));
			path->local.v6 = i.ipi6_addr;
			path->has_local = true;
		}
	}
}

static void put_local(struct msghdr *m, union control *room, const struct udp_path *path)
{
	struct in_pktinfo v4 = { .ipi_spec_dst = path->local.v4 };
	struct in6_pktinfo v6 = { .ipi6_addr = path->local.v6 };
	bool six = path->peer.ss.ss_family == AF_INET6;
	size_t n = six ? sizeof(v6) : sizeof(v4);
	struct cmsghdr *c = &room->first;

	memset(room, 0, sizeof(*room));
	c->cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), six ? (const void *)&v6 : (const void *)&v4, n);
	m->msg_control = room;
	m->msg_controllen = CMSG_SPACE(n);
}

void udp_send(const struct udp_path *to, str data)
{
	struct iovec v = { .iov_base = (char *)(uintptr_t)data.p, .iov_len = data.n };
	union control room;
	struct msghdr m = { .msg_name = (void *)(uintptr_t)&to->peer.ss,
			    .msg_namelen = to->peer.n,
			    .msg_iov = &v,
			    .msg_iovlen = 1 };

	if (to->has_local)
		put_local(&m, &room, to);
	if (sendmsg(to->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		metric_add(&unsent, 1);
}

/* ---- for clients ---- */

static err fail_peer(const char *what)
{
	return fail(E_IO, "%s a datagram: %s", what, strerror(errno));
}

err udp_connect(const struct net_addr *to, int *out)
{
	int fd = socket(to->ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail_peer("no socket for");
	if (connect(fd, (const void *)&to->ss, to->n) != 0) {
		err e = fail_peer("no way for");

		(void)close(fd);
		return e;
	}
	*out = fd;
	return OK;
}

err udp_put(int fd, str data)
{
	return send(fd, data.p, data.n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0
		       ? OK
		       : fail_peer("cannot send");
}

err udp_take(int fd, char *p, size_t room, size_t *n)
{
	ssize_t got;

	do {
		got = recv(fd, p, room, MSG_DONTWAIT);
	} while (got < 0 && (errno == EINTR || errno == ECONNREFUSED));
	if (got < 0)
		return errno == EAGAIN ? E_AGAIN : fail_peer("cannot receive");
	*n = (size_t)got;
	return OK;
}

WAITS err udp_receive(int fd, char *p, size_t room, size_t *n, msec deadline)
{
	for (;;) {
		ssize_t got = recv(fd, p, room, MSG_DONTWAIT);

		if (got >= 0) {
			*n = (size_t)got;
			return OK;
		}
		if (errno != EAGAIN && errno != EINTR)
			return fail_peer("cannot receive");
		if (errno == EAGAIN)
			TRY(fiber_wait_read(fd, deadline));
	}
}

/* ---- a socket's fiber ---- */

struct batch {
	struct udp_path path[UDP_BATCH];
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec vin[UDP_BATCH], vout[UDP_BATCH];
	union control cin[UDP_BATCH], cout[UDP_BATCH];
	/* Rows of a page each would fall on the same lines of the cache. */
	char data[UDP_BATCH][UDP_IN + SKEW], answer[UDP_BATCH][UDP_OUT + SKEW];
};

static void batch_free(struct batch **b)
{
	mem_free(*b);
}

/* What the kernel has written over is set again: the first n. */
static void prepare(struct batch *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		b->vin[i] = (struct iovec){ b->data[i], UDP_IN };
		b->in[i].msg_hdr = (struct msghdr){ .msg_name = &b->path[i].peer.ss,
						    .msg_namelen = sizeof(b->path[i].peer.ss),
						    .msg_iov = &b->vin[i],
						    .msg_iovlen = 1,
						    .msg_control = &b->cin[i],
						    .msg_controllen = sizeof(b->cin[i]) };
	}
}

/* Has the i-th datagram answered; true when there is something to send, which becomes the k-th. */
static bool answer(struct batch *b, unsigned i, unsigned k, int fd, const struct listener *l)
{
	struct mmsghdr *in = &b->in[i], *out = &b->out[k];
	struct udp_path *path = &b->path[i];
	struct udp_query q = { str_of(b->data[i], in->msg_len), path };

	if (in->msg_hdr.msg_flags & MSG_TRUNC) {
		metric_add(&too_long, 1);
		return false;
	}
	path->fd = fd;
	path->peer.n = in->msg_hdr.msg_namelen;
	take_local(&in->msg_hdr, path);
	size_t n = l->datagram(&q, l, b->answer[k], UDP_OUT);

	if (n == 0)
		return false;
	b->vout[k] = (struct iovec){ b->answer[k], n };
	out->msg_hdr = (struct msghdr){ .msg_name = &path->peer.ss,
					.msg_namelen = path->peer.n,
					.msg_iov = &b->vout[k],
					.msg_iovlen = 1 };
	if (path->has_local)
		put_local(&out->msg_hdr, &b->cout[k], path);
	return true;
}

/* One that cannot be sent (no route, a full queue) does not hold up the others. */
static void send_all(int fd, struct batch *b, unsigned n)
{
	for (unsigned sent = 0; sent < n;) {
		int k = sendmmsg(fd, b->out + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (k > 0) {
			sent += (unsigned)k;
		} else if (errno != EINTR) {
			metric_add(&unsent, 1);
			sent++;
		}
	}
}

/* Errors that belong to an earlier answer's peer, or to nobody. */
static bool is_peers(int e)
{
	return e == EINTR || e == ECONNREFUSED || e == EHOSTUNREACH || e == ENETUNREACH ||
	       e == ECONNRESET || e == EPERM;
}

WAITS static err after_failure(int fd)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return fiber_wait_read(fd, NEVER);
	if (is_peers(errno))
		return OK;
	LOG(LOG_WARN, "udp.failed", KS("why", str_z(strerror(errno))));
	return fiber_sleep(clock_in(PAUSE));
}

WAITS err udp_serve(int fd, const struct listener *l)
{
	CLEANUP(batch_free) struct batch *b = MEM_NEW(struct batch);

	TRY(fiber_fd_input(fd));
	prepare(b, UDP_BATCH);
	for (unsigned turn = 1;; turn++) {
		int n = recvmmsg(fd, b->in, UDP_BATCH, MSG_DONTWAIT, NULL);
		unsigned k = 0;

		if (n < 0) {
			TRY(after_failure(fd));
			continue;
		}
		for (unsigned i = 0; i < (unsigned)n; i++)
			k += answer(b, i, k, fd, l);
		send_all(fd, b, k);
		prepare(b, (unsigned)n);
		metric_add(&received, n);
		metric_add(&answered, k);
		/* Fewer than asked for: the queue was seen empty, and what comes later is an edge.
		 */
		if (n < UDP_BATCH)
			TRY(fiber_wait_read(fd, NEVER));
		else if (turn % BURST == 0)
			TRY(fiber_yield());
	}
}
