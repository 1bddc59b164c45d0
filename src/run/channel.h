/* run/channel.h: between supervisor and role: typed, bounded binary messages that carry
 * descriptors, over a SOCK_SEQPACKET pair, so that each send is one receive. Neither end trusts the
 * other: what does not parse ends the role. Non-blocking; nothing here waits. */
#ifndef RUN_CHANNEL_H
#define RUN_CHANNEL_H

#include "base/buf.h"
#include "base/limits.h"

enum channel_type {
	/* supervisor to role */
	CHANNEL_CONFIG = 1, /* run/role_setup.h; descriptor: the text of posta.conf */
	CHANNEL_CERT,	    /* descriptors: chain, key */
	CHANNEL_LISTEN,	    /* u8 index into the role's listeners, LISTEN_CONTROL for the control
			       socket; descriptor */
	CHANNEL_START,	    /* all is said: begin */
	CHANNEL_RELOAD,	    /* all is said again: take it over */
	CHANNEL_DRAIN,	    /* u32 milliseconds that sessions have to end in, then leave */
	/* role to supervisor */
	CHANNEL_READY,	  /* it accepts */
	CHANNEL_RELOADED, /* the new configuration is in force */
	CHANNEL_FAILED,	  /* text: why it ends or did not reload */
};
enum { CHANNEL_FDS = 2, CHANNEL_LISTEN_CONTROL = 255 };

struct channel_msg {
	enum channel_type type;
	str body; /* lies in bytes */
	int fds[CHANNEL_FDS];
	unsigned nfds;
	char bytes[LIM_CHANNEL];
};

/* Both ends, non-blocking and close-on-exec. */
MUST_USE err channel_pair(int ends[2]);
/* The descriptors stay the caller's. E_AGAIN: the other end does not read; E_EOF: it is gone;
 * E_LIMIT: too long. */
MUST_USE err channel_send(int fd, enum channel_type type, str body, const int *fds, unsigned nfds);
/* Descriptors in out are the caller's (channel_close_fds). E_AGAIN: nothing there; E_EOF;
 * E_CORRUPT. */
MUST_USE err channel_recv(int fd, struct channel_msg *out);
void channel_close_fds(struct channel_msg *m);

/* A sealed memory file with these bytes, to be sent; and its whole content, at most max octets,
 * read back. */
MUST_USE err channel_memfd(const char *name, str bytes, int *fd);
MUST_USE err channel_read_memfd(int fd, size_t max, struct buf *out);

#endif
