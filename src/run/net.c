#include "run/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/fiber.h"
#include "run/log.h"

enum {
	BACKLOG = 1024,
	ACCEPT_BURST = 16,
	ACCEPT_PAUSE = 100 /* ms without descriptors or memory */
};

/* ---- text ---- */

static err parse_unix(str path, struct net_addr *out)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (str_to_z(path, un.sun_path, sizeof(un.sun_path)) != OK || !path.n)
		return fail(E_SYNTAX, "\"%.*s\" is no path of a socket (1 to %zu octets)",
			    STRF(path), sizeof(un.sun_path) - 1);
	*out = (struct net_addr){ .n = sizeof(un) };
	memcpy(&out->ss, &un, sizeof(un));
	return OK;
}

static err parse_port(str text, str port, in_port_t *out)
{
	uint64_t n;

	if (str_u64(port, 65535, &n) != OK)
		return fail(E_SYNTAX, "\"%.*s\" needs a port from 0 to 65535 behind its last colon",
			    STRF(text));
	*out = htons((uint16_t)n);
	return OK;
}

static err parse_v4(str text, str ip, str port, struct net_addr *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	char z[INET_ADDRSTRLEN];

	TRY(parse_port(text, port, &in.sin_port));
	if (str_to_z(ip, z, sizeof(z)) != OK || inet_pton(AF_INET, z, &in.sin_addr) != 1)
		return fail(E_SYNTAX,
			    "\"%.*s\" is no address; write 127.0.0.1:25, [::1]:25 or "
			    "unix:/path",
			    STRF(text));
	*out = (struct net_addr){ .n = sizeof(in) };
	memcpy(&out->ss, &in, sizeof(in));
	return OK;
}

static err parse_v6(str text, str ip, str port, struct net_addr *out)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6 };
	char z[INET6_ADDRSTRLEN];

	TRY(parse_port(text, port, &in.sin6_port));
	if (str_to_z(ip, z, sizeof(z)) != OK || inet_pton(AF_INET6, z, &in.sin6_addr) != 1)
		return fail(E_SYNTAX, "\"%.*s\" has no IPv6 address between its brackets",
			    STRF(text));
	*out = (struct net_addr){ .n = sizeof(in) };
	memcpy(&out->ss, &in, sizeof(in));
	return OK;
}

err net_parse(str text, struct net_addr *out)
{
	if (str_starts(text, STR("unix:")))
		return parse_unix(str_skip(text, 5), out);
	if (str_starts(text, STR("/")))
		return parse_unix(text, out);
	if (str_starts(text, STR("["))) {
		size_t end = str_search(text, STR("]:"));

		if (end == text.n)
			return fail(E_SYNTAX, "\"%.*s\" has no \"]:port\" at its end", STRF(text));
		return parse_v6(text, str_skip(str_take(text, end), 1), str_skip(text, end + 2),
				out);
	}
	size_t colon = str_rfind(text, ':');

	if (str_find(text, ':') != colon)
		return fail(E_SYNTAX, "\"%.*s\": write an IPv6 address with brackets: [::1]:25",
			    STRF(text));
	return parse_v4(text, str_take(text, colon), str_skip(text, colon + 1), out);
}

static const struct sockaddr_in *as_v4(const struct net_addr *a)
{
	return (const struct sockaddr_in *)(const void *)&a->ss;
}
static const struct sockaddr_in6 *as_v6(const struct net_addr *a)
{
	return (const struct sockaddr_in6 *)(const void *)&a->ss;
}
static const struct sockaddr_un *as_unix(const struct net_addr *a)
{
	return (const struct sockaddr_un *)(const void *)&a->ss;
}

bool net_is_unix(const struct net_addr *a)
{
	return a->ss.ss_family == AF_UNIX;
}

/* The octets of the address; IPv4 inside IPv6 counts as IPv4. n: 4, 16, or 0. */
static str ip_octets(const struct net_addr *a)
{
	if (a->ss.ss_family == AF_INET)
		return str_of(&as_v4(a)->sin_addr, 4);
	if (a->ss.ss_family != AF_INET6)
		return STR("");
	const struct in6_addr *in = &as_v6(a)->sin6_addr;

	if (IN6_IS_ADDR_V4MAPPED(in))
		return str_of(in->s6_addr + 12, 4);
	return str_of(in, 16);
}

void net_print_ip(const struct net_addr *a, struct buf *out)
{
	str ip = ip_octets(a);
	char z[INET6_ADDRSTRLEN];

	if (!ip.n)
		buf_add(out, STR("unix"));
	else if (inet_ntop(ip.n == 4 ? AF_INET : AF_INET6, ip.p, z, sizeof(z)))
		buf_add(out, str_z(z));
}

static str unix_path(const struct net_addr *a)
{
	size_t head = offsetof(struct sockaddr_un, sun_path), most = a->n > head ? a->n - head : 0;

	return str_of(as_unix(a)->sun_path, strnlen(as_unix(a)->sun_path, most));
}

void net_print(const struct net_addr *a, struct buf *out)
{
	if (!ip_octets(a).n) {
		buf_add(out, STR("unix:"));
		if (net_is_unix(a))
			buf_add(out, unix_path(a));
		return;
	}
	bool v6 = ip_octets(a).n == 16;

	buf_add(out, v6 ? STR("[") : STR(""));
	net_print_ip(a, out);
	buf_fmt(out, "%s:%u", v6 ? "]" : "", net_port(a));
}

bool net_is_loopback(const struct net_addr *a)
{
	str ip = ip_octets(a);

	if (ip.n == 4)
		return ip.p[0] == 127 || ip.p[0] == 0;
	return ip.n == 16 && (IN6_IS_ADDR_LOOPBACK(&as_v6(a)->sin6_addr) ||
			      IN6_IS_ADDR_UNSPECIFIED(&as_v6(a)->sin6_addr));
}

unsigned net_port(const struct net_addr *a)
{
	if (a->ss.ss_family == AF_INET)
		return ntohs(as_v4(a)->sin_port);
	return a->ss.ss_family == AF_INET6 ? ntohs(as_v6(a)->sin6_port) : 0;
}

void net_set_port(struct net_addr *a, unsigned port)
{
	if (a->ss.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&a->ss)->sin_port = htons((uint16_t)port);
	else if (a->ss.ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)&a->ss)->sin6_port = htons((uint16_t)port);
}

/* ---- networks ---- */

static void keep_bits(unsigned char *p, size_t n, unsigned bits)
{
	for (size_t i = 0; i < n; i++) {
		unsigned have = bits > 8 * i ? bits - 8 * (unsigned)i : 0;

		if (have < 8)
			p[i] &= (unsigned char)(0xff00 >> have);
	}
}

str net_prefix(const struct net_addr *a, unsigned bits4, unsigned bits6, char out[17])
{
	str ip = ip_octets(a);
	unsigned char key[17] = { ip.n == 4 ? 4 : ip.n ? 6 : 0 };

	memcpy(key + 1, ip.p, ip.n);
	keep_bits(key + 1, ip.n, ip.n == 4 ? bits4 : bits6);
	memcpy(out, key, sizeof(key));
	return str_of(out, 1 + ip.n);
}

err net_block_parse(str text, struct net_block *out)
{
	str ip = text, bits = STR("");
	bool cut = str_cut(text, '/', &ip, &bits);
	struct net_block b = { .family = str_find(ip, ':') < ip.n ? AF_INET6 : AF_INET };
	unsigned most = b.family == AF_INET ? 32 : 128;
	uint64_t n = most;
	char z[INET6_ADDRSTRLEN];

	if (cut && str_u64(bits, most, &n) != OK)
		return fail(E_SYNTAX, "\"%.*s\" needs a number from 0 to %u behind its slash",
			    STRF(text), most);
	if (str_to_z(ip, z, sizeof(z)) != OK || inet_pton(b.family, z, b.ip) != 1)
		return fail(E_SYNTAX, "\"%.*s\" is no network; write 10.0.0.0/8 or 2001:db8::/32",
			    STRF(text));
	b.bits = (unsigned char)n;
	keep_bits(b.ip, sizeof(b.ip), b.bits);
	*out = b;
	return OK;
}

bool net_block_has(const struct net_block *b, const struct net_addr *a)
{
	str ip = ip_octets(a);
	unsigned char own[16] = { 0 };

	if (ip.n != (b->family == AF_INET ? 4u : 16u))
		return false;
	memcpy(own, ip.p, ip.n);
	keep_bits(own, sizeof(own), b->bits);
	return !memcmp(own, b->ip, sizeof(own));
}

/* ---- sockets ---- */

static err fail_at(const struct net_addr *a, const char *what, int fd)
{
	int saved = errno;
	struct buf name;

	if (fd >= 0)
		(void)close(fd);
	buf_init(&name, 256);
	net_print(a, &name);
	err e = fail(E_IO, "%s %.*s: %s", what, STRF(buf_str(&name)), strerror(saved));

	buf_free(&name);
	return e;
}

static int open_socket(const struct net_addr *a)
{
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd >= 0 && !net_is_unix(a))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static const struct sockaddr *as_any(const struct net_addr *a)
{
	return (const struct sockaddr *)(const void *)&a->ss;
}

/* A socket file that an earlier process left; never another kind of file. */
static void remove_old(const struct net_addr *a)
{
	struct stat st;

	if (!lstat(as_unix(a)->sun_path, &st) && S_ISSOCK(st.st_mode))
		(void)unlink(as_unix(a)->sun_path);
}

err net_listen(const struct net_addr *a, unsigned mode, int *out)
{
	int fd = open_socket(a), on = 1;

	if (fd < 0)
		return fail_at(a, "cannot open a socket for", -1);
	if (net_is_unix(a))
		remove_old(a);
	else
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ss.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	/* The mode of the file is that of the socket at bind (Linux): no moment with wider rights.
	 */
	if (net_is_unix(a) && fchmod(fd, (mode_t)mode))
		return fail_at(a, "cannot set the mode of", fd);
	if (bind(fd, as_any(a), a->n))
		return fail_at(a, "cannot listen on", fd);
	if (net_is_unix(a) && chmod(as_unix(a)->sun_path, (mode_t)mode))
		return fail_at(a, "cannot set the mode of", fd);
	if (listen(fd, BACKLOG))
		return fail_at(a, "cannot listen on", fd);
	*out = fd;
	return OK;
}

/* Errors of the connection that went away meanwhile, accept(2). */
static bool accept_again(int e)
{
	static const int list[] = { EINTR,     ECONNABORTED, EPROTO,	  ENETDOWN,   ENOPROTOOPT,
				    EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, EOPNOTSUPP, EPERM };

	for (size_t i = 0; i < COUNT(list); i++) {
		if (e == list[i])
			return true;
	}
	return false;
}

/* A flood of connections leaves the loop to the sessions now and then. A cancel meanwhile is seen
 * by the next call: this connection was accepted, and closing it unread would reset it. */
WAITS static err take_turns(void)
{
	static _Thread_local unsigned burst;

	if (++burst % ACCEPT_BURST)
		return OK;
	err e = fiber_yield();

	return e == E_CANCELED ? OK : e;
}

WAITS err net_accept(int listen_fd, int *fd, struct net_addr *peer)
{
	for (;;) {
		int on = 1;

		*peer = (struct net_addr){ .n = sizeof(peer->ss) };
		*fd = accept4(listen_fd, (struct sockaddr *)(void *)&peer->ss, &peer->n,
			      SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (*fd >= 0) {
			if (!net_is_unix(peer))
				(void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			return take_turns();
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			TRY(fiber_wait_read(listen_fd, NEVER));
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			 errno == ENOMEM) {
			LOG(LOG_ERROR, "net.accept", KS("why", str_z(strerror(errno))));
			TRY(fiber_sleep(clock_in(ACCEPT_PAUSE)));
		} else if (!accept_again(errno))
			return fail(E_IO, "accept: %s", strerror(errno));
	}
}

static void close_watched(int *fd)
{
	if (*fd < 0)
		return;
	fiber_fd_forget(*fd);
	(void)close(*fd);
}

/* The peer says no: E_AGAIN would hide why; E_IO with the reason in the text. */
WAITS err net_connect(const struct net_addr *to, const struct net_addr *from, msec deadline,
		      int *out)
{
	CLEANUP(close_watched) int fd = open_socket(to);
	int why = 0;
	socklen_t n = sizeof(why);

	if (fd < 0)
		return fail_at(to, "cannot open a socket for", -1);
	if (from && bind(fd, as_any(from), from->n))
		return fail_at(from, "cannot connect from", -1);
	if (connect(fd, as_any(to), to->n)) {
		/* EAGAIN: a unix socket's backlog is full, and nothing will say when it is not. */
		if (errno != EINPROGRESS && errno != EINTR)
			return fail_at(to, "cannot connect to", -1);
		TRY(fiber_wait_write(fd, deadline));
		for (;;) {
			struct net_addr peer = { .n = sizeof(peer.ss) };

			if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) || why) {
				errno = why ? why : errno;
				return fail_at(to, "cannot connect to", -1);
			}
			if (!getpeername(fd, (struct sockaddr *)(void *)&peer.ss, &peer.n))
				break;
			TRY(fiber_wait_write(fd, deadline)); /* an edge from before the connect */
		}
	}
	*out = fd;
	fd = -1; /* NOLINT(clang-analyzer-deadcode.DeadStores): close_watched looks at it */
	return OK;
}

err net_peer_cred(int fd, struct net_cred *out)
{
	struct ucred c;
	struct net_addr own = { .n = sizeof(own.ss) };
	socklen_t n = sizeof(c);

	if (getsockname(fd, (struct sockaddr *)(void *)&own.ss, &own.n) || !net_is_unix(&own) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n))
		return fail(E_DENIED, "the peer is not on a unix socket");
	*out = (struct net_cred){ .uid = c.uid, .gid = c.gid, .pid = c.pid };
	return OK;
}
