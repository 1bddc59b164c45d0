/* sessions/imap on a unix socket over mailboxes in memory: imap-serve SOCKET. Anybody may be any user; a name is a mailbox of
 * its own. For tests. */
#include <stdio.h>

#include "base/hash.h"
#include "base/limits.h"
#include "run/fiber.h"
#include "sessions/imap/imap.h"

static struct mailstore *store;

static str hostname(void)
{
	return STR("test");
}

WAITS static err login_as(struct stream *io, str login, str origin, struct box **out)
{
	return box_open(store, hash_crc32c(0, login), 1, MIB(300), out);
}

static bool trusted(struct stream *io)
{
	return true;
}

WAITS static err session(void *arg)
{
	static const struct imap_role role = {
		.hostname = hostname, .spool_dir = "/tmp", .login_as = login_as, .trusted = trusted
	};

	return imap_session(arg, &role);
}

WAITS static err serve(void *arg)
{
	struct net_addr address, peer;
	int listener, fd;

	TRY(net_parse(str_z(arg), &address));
	TRY(net_listen(&address, 0600, &listener));
	for (;;) {
		TRY(net_accept(listener, &fd, &peer));
		(void)fiber_spawn("session", session, stream_open(fd, &peer));
	}
}

int main(int argc, char **argv)
{
	struct mailstore_options o = { .keep_expunged = 1000 };

	if (argc != 2 || kv_open_memory(&o.kv) || mailstore_open(&o, &store))
		return 2;
	err e = loop_main(serve, argv[1]);
	(void)fprintf(stderr, "%s: %s\n", err_name(e), err_last()->text);
	return 1;
}
