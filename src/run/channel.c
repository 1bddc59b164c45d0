#include "run/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
	struct cmsghdr align;
};

err channel_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return fail(E_IO, "socketpair: %s", strerror(errno));
	return OK;
}

static void attach(struct msghdr *m, union control *c, const int *fds, unsigned nfds)
{
	m->msg_control = c->bytes;
	m->msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
	struct cmsghdr *h = CMSG_FIRSTHDR(m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
	memcpy(CMSG_DATA(h), fds, sizeof(int) * nfds);
}

err channel_send(int fd, enum channel_type type, str body, const int *fds, unsigned nfds)
{
	char head = (char)type;
	struct iovec iov[2] = { { &head, 1 }, { (char *)(uintptr_t)body.p, body.n } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	union control c = { 0 };

	if (body.n + 1 > LIM_CHANNEL || nfds > CHANNEL_FDS)
		return fail(E_LIMIT, "a message of %zu bytes", body.n);
	if (nfds)
		attach(&m, &c, fds, nfds);
	if (sendmsg(fd, &m, MSG_NOSIGNAL) >= 0)
		return OK;
	if (errno == EAGAIN)
		return fail(E_AGAIN, "the other end of the channel does not read");
	return fail(errno == EPIPE || errno == ECONNRESET ? E_EOF : E_IO, "channel: %s",
		    strerror(errno));
}

static void take_fds(struct msghdr *m, struct channel_msg *out)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		/* The control buffer has room for CHANNEL_FDS alone; the kernel drops the rest. */
		for (size_t i = 0; i < n && out->nfds < CHANNEL_FDS; i++)
			memcpy(&out->fds[out->nfds++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
}

err channel_recv(int fd, struct channel_msg *out)
{
	struct iovec iov = { out->bytes, sizeof(out->bytes) };
	union control c = { 0 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = c.bytes,
			    .msg_controllen = sizeof(c.bytes) };
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	out->nfds = 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return E_AGAIN;
	if (n < 0)
		return fail(errno == ECONNRESET ? E_EOF : E_IO, "channel: %s", strerror(errno));
	take_fds(&m, out);
	if (n == 0)
		return fail(E_EOF, "the other end of the channel is gone");
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		channel_close_fds(out);
		return fail(E_CORRUPT, "a message on the channel is too long");
	}
	out->type = (enum channel_type)(unsigned char)out->bytes[0];
	out->body = str_of(out->bytes + 1, (size_t)n - 1);
	return OK;
}

void channel_close_fds(struct channel_msg *m)
{
	for (unsigned i = 0; i < m->nfds; i++)
		(void)close(m->fds[i]);
	m->nfds = 0;
}

static err write_all(int fd, str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return fail(E_IO, "memory file: %s", strerror(errno));
		s = str_skip(s, n > 0 ? (size_t)n : 0);
	}
	return OK;
}

err channel_memfd(const char *name, str bytes, int *fd)
{
	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return fail(E_IO, "memfd_create: %s", strerror(errno));
	err e = write_all(*fd, bytes);

	if (e == OK &&
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
		e = fail(E_IO, "memory file: %s", strerror(errno));
	if (e)
		(void)close(*fd);
	return e;
}

err channel_read_memfd(int fd, size_t max, struct buf *out)
{
	off_t size = lseek(fd, 0, SEEK_END);
	off_t at = 0;

	if (size < 0 || (size_t)size > max)
		return fail(E_LIMIT, "a memory file is too long");
	char *p = size ? buf_room(out, (size_t)size) : NULL;

	if (size && !p)
		return fail(E_LIMIT, "no room for a memory file");
	while (at < size) {
		ssize_t n = pread(fd, p + at, (size_t)(size - at), at);

		if (n <= 0)
			return fail(E_IO, "memory file: %s", n ? strerror(errno) : "cut short");
		at += n;
	}
	out->n += (size_t)size;
	return OK;
}
