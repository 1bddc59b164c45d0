/* run/role_proc.h: the state of a role's process, for role*.c alone. One instance a process.
 * Loop 0 runs on the main thread: channel, accepting, start, reload, stop. Sessions run on all
 * loops. */
#ifndef RUN_ROLE_PROC_H
#define RUN_ROLE_PROC_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "run/fiber.h"
#include "run/role.h"
#include "run/role_setup.h"

/* A configuration as the role sees it. Sessions may look at an old one, so each lives until the
 * process ends. */
struct role_conf {
	struct role_conf *older;
	struct arena arena;
	struct setup_config setup;
	struct conf *conf;
	str text;
	struct role_env env;
};

/* What has arrived on the channel and is not in force yet. */
struct role_pending {
	struct role_conf *conf;
	struct tls_cert certs[LIM_CERTS];
	size_t ncerts;
};

struct role_loop {
	struct loop *loop;
	pthread_t thread;
	struct map
		sessions; /* struct fiber * to struct role_session *; touched on this loop alone */
};

struct role_socket {
	const struct listener *l;
	int fd;
	bool udp;
	struct role_loop *loop;	 /* of a datagram socket: who reads it */
	struct fiber *accepting; /* accepts on loop 0, or reads on its own loop */
	_Atomic bool ended;	 /* a datagram socket's fiber, seen from loop 0 */
};

struct role_proc {
	const struct role *role;
	int channel;
	struct listener control; /* the control socket as a listener */
	struct role_pending pending;
	struct role_conf *conf;		/* the newest in force */
	_Atomic(const void *) settings; /* what the role read of it */
	pthread_mutex_t tls_lock;
	struct tls_ctx *tls, *tls_client; /* under tls_lock */
	struct role_socket sockets[SETUP_LISTENERS];
	size_t nsockets;
	struct role_loop loops[LIM_LOOPS];
	size_t nloops;
	size_t next_loop; /* who gets the next connection */
	_Atomic bool draining;
	_Atomic int64_t sessions;
};
extern struct role_proc role_proc;

/* role_proc.c: the channel's messages. */
/* Blocks until CHANNEL_START has come. */
MUST_USE err proc_receive_start(struct role_proc *p);
/* Keeps one message of a setup; its descriptors are taken over. */
MUST_USE err proc_take(struct role_proc *p, struct channel_msg *m);
/* What is pending becomes the newest configuration, certificates included. */
MUST_USE err proc_commit(struct role_proc *p);
void proc_free(struct role_proc *p);
/* Tells the supervisor; a supervisor that is gone is noticed elsewhere. */
void proc_say(const struct role_proc *p, enum channel_type type, str text);

/* role_accept.c: connections. All on loop 0. */
void accept_start(struct role_proc *p);
WAITS void accept_stop(struct role_proc *p);
/* Ends idle sessions, waits for the others until the deadline, then cancels them and waits for
 * their end. */
WAITS void sessions_drain(struct role_proc *p, msec deadline);

#endif
