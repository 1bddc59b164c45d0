/* run/udp.h: datagrams. A fiber of each loop reads its socket in batches (recvmmsg), has each
 * datagram answered at once, and sends the answers in one call (sendmmsg). Every loop has a socket
 * of its own of the address (SO_REUSEPORT), which the supervisor keeps open: a role that is
 * replaced loses no datagram. */
#ifndef RUN_UDP_H
#define RUN_UDP_H

#include <netinet/in.h>

#include "run/net.h"

enum {
	UDP_BATCH = 32, /* datagrams of one system call */
	UDP_IN = 4096,	/* octets: longer ones are dropped and counted (RADIUS's largest) */
	UDP_OUT = 4096, /* octets of an answer */
};

/* Where a datagram came from and where an answer goes: plain data, may be kept beyond the call. */
struct udp_path {
	int fd;
	struct net_addr peer;
	bool has_local; /* the socket is bound to all addresses: answer from the one that was asked
			 */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	} local;
};
struct udp_query {
	str data; /* the datagram: lives until the function returns */
	const struct udp_path *path;
};

struct listener;
/* Reads until it is cancelled. Listeners with .datagram have it run by run/role; called on the
 * loop's own fiber. */
WAITS err udp_serve(int fd, const struct listener *l);
/* Sends one datagram, from any loop, without waiting: what the kernel has no room for is lost, as
 * datagrams may be. */
void udp_send(const struct udp_path *to, str data);
/* A non-blocking, close-on-exec UDP socket. reuse: one of several of the same address. */
MUST_USE err udp_open(const struct net_addr *at, bool reuse, int *fd);

/* ---- for clients ---- */
/* A socket with a random port that takes datagrams from this one address alone. */
MUST_USE err udp_connect(const struct net_addr *to, int *fd);
/* Both of a connected socket. udp_receive waits for the next datagram; E_TIMEOUT; E_IO: nobody is
 * there, too. Cut at room octets. fiber_fd_forget before close. */
MUST_USE err udp_put(int fd, str data);
/* The same without waiting: E_AGAIN when nothing is there. A peer that is not there tells nothing.
 */
MUST_USE err udp_take(int fd, char *p, size_t room, size_t *n);
WAITS MUST_USE err udp_receive(int fd, char *p, size_t room, size_t *n, msec deadline);

#endif
