/* run/net.h: addresses and sockets. */
#ifndef RUN_NET_H
#define RUN_NET_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/buf.h"
#include "run/clock.h"

struct net_addr {
	struct sockaddr_storage ss;
	socklen_t n;
};

/* "127.0.0.1:25", "[::1]:25", "unix:/path" or "/path". E_SYNTAX with a text that says what is
 * wrong. */
MUST_USE err net_parse(str text, struct net_addr *out);
/* "127.0.0.1:25", "[::1]:25", "unix:/path". */
void net_print(const struct net_addr *a, struct buf *out);
/* The address alone, without port, "unix" for unix sockets. */
void net_print_ip(const struct net_addr *a, struct buf *out);
bool net_is_unix(const struct net_addr *a);
/* Whom a connection to it reaches is this very machine: 0.0.0.0 and :: too, as Linux takes them. */
bool net_is_loopback(const struct net_addr *a);
unsigned net_port(const struct net_addr *a);
void net_set_port(struct net_addr *a, unsigned port);
/* The network that limits count by: IPv4 /bits4 (24), IPv6 /bits6 (64 or 48), as bytes for a map
 * key. */
str net_prefix(const struct net_addr *a, unsigned bits4, unsigned bits6, char out[17]);
/* "10.0.0.0/8", "::1" : networks of settings. */
struct net_block {
	unsigned char ip[16];
	unsigned char family, bits;
};
MUST_USE err net_block_parse(str text, struct net_block *out);
bool net_block_has(const struct net_block *b, const struct net_addr *a);

/* A listening, non-blocking, close-on-exec TCP or unix socket. Unix: an old socket file is
 * replaced; mode gives its permissions. E_IO with a text that names the address. */
MUST_USE err net_listen(const struct net_addr *a, unsigned mode, int *fd);
/* The next connection, TCP_NODELAY set. */
WAITS MUST_USE err net_accept(int listen_fd, int *fd, struct net_addr *peer);
/* from: local address to bind, or NULL. */
WAITS MUST_USE err net_connect(const struct net_addr *to, const struct net_addr *from,
			       msec deadline, int *fd);
/* uid, gid and pid of a unix socket's peer. E_DENIED for another kind of socket. */
struct net_cred {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};
MUST_USE err net_peer_cred(int fd, struct net_cred *out);

#endif
