/* run/role.h: what a role is, as data. The supervisor (posta/) opens the listeners, starts the
 * role's process, hands over descriptors, and the role's main (run/role.c) does the rest: loops,
 * sandbox, accepting, reload, draining.
 *
 * Life of a role's process: read (in `posta check` and in the supervisor before start) -> start
 * (in a fiber of the first loop, after the user and sandbox are set) -> session (a fiber a
 * connection, on any loop) -> reload (a new configuration or certificates) -> stop (listeners are
 * quiet, sessions are draining) -> exit. */
#ifndef RUN_ROLE_H
#define RUN_ROLE_H

#include "base/arena.h"
#include "run/conf.h"
#include "run/stream.h"
#include "run/tls.h"
#include "run/udp.h"

enum {
	MAY_CONNECT = 1,   /* TCP to anywhere */
	MAY_DATA = 2,	   /* its own folder <data>/<name>, read and write */
	MAY_DIRECTORY = 4, /* <data>/directory/directory.db, read */
	MAY_SECRETS = 8,   /* <data>/secrets/secrets.db, read and write */
	MAY_SPAWN = 16,	   /* starts other programs: Unbound, or posta itself to compile rules */
	MAY_TLS = 32,	   /* serves TLS: is given the private keys of tls.certs */
	MAY_BIND = 64,	   /* the program that it starts takes ports below 1024 */
	/* <data>/zonekeys/zonekeys.db, read and write, in the place of secrets.db: a file of the
	 * same form without anybody's passwords. Not together with MAY_SECRETS. */
	MAY_ZONE_KEYS = 128,
	MAY_ACCOUNTING = 256, /* the folder of accounting.db, read and write: radius alone */
};

struct listener {
	const char *kind; /* "smtp", "imaps", ...; the setting's name under nodes.<node>.<role> */
	unsigned port;	  /* standard port, the demonstration adds 20000; 0: a unix socket alone */
	bool tls;	  /* from the first byte: the handshake is done before session */
	bool internal;	  /* unix socket <run>/<role>-<kind>.sock for other roles, always there */
	/* internal: names of the roles whose processes may connect (peer credentials); others are
	 * closed at once and counted. NULL-ended. */
	const char *const *peers;
	/* What a connection over the limit is told before it is closed ("421 4.3.2 Too many
	 * connections\r\n"); NULL: nothing. Not used with tls. */
	const char *busy;
	/* One connection; takes io over. role_peer() names who is at the other end of an internal
	 * one. NULL: no stream socket is opened. */
	WAITS err (*session)(struct stream *io, const struct listener *l);
	/* One datagram (run/udp.h): writes at most room octets to out and gives their number; 0:
	 * nothing is said now (udp_send may be used later). Must not wait, on any loop. Not NULL: a
	 * UDP socket is opened at the same address, for each loop one. */
	size_t (*datagram)(const struct udp_query *q, const struct listener *l, char *out,
			   size_t room);
};

struct role_env {
	const char *name;	      /* the role */
	str node;		      /* this node's name */
	str hostname;		      /* its name in greetings and Received fields */
	const struct conf_node *conf; /* the role's own group of posta.conf, may be NULL */
	const struct conf_node *root; /* the whole file */
	const char *data;	      /* <data>/<role>, exists, writable if MAY_DATA */
	const char *directory;	      /* path of directory.db */
	const char *secrets;	      /* path of secrets.db (MAY_SECRETS) or zonekeys.db */
	const char *secret_key;	      /* 32 bytes for reversible secrets there, or NULL */
	const char *accounting;	      /* path of accounting.db (written with MAY_ACCOUNTING) */
	const char *run;	      /* folder of unix sockets */
	const char *trace;	      /* folder of the trace store */
	struct arena *arena;	      /* lives as long as this configuration */
	unsigned loops;		      /* how many threads accept */
};

/* Settings below a role's own: "routes" with the keys of each route. */
struct role_list {
	const char *name;
	const struct conf_key *keys;
	size_t nkeys;
};

struct role {
	const char *name;
	const char *user; /* "posta-mx" */
	unsigned may;
	const struct listener *listeners;
	size_t nlisteners;
	/* Reads the role's settings into a zeroed struct of this many octets; complaints as
	 * conf_read. Nothing is opened. What it points to lives in env->arena. Called by `posta
	 * check`, before start and before each reload; role_settings() gives the newest that was
	 * read without a complaint. */
	size_t settings;
	err (*read)(const struct role_env *env, struct buf *complaints, void *settings);
	/* Folders outside its data that its settings name and that it may read (zone files): add
	 * for each. /etc and /usr may be read anyway. Those of the start: a folder that a reload
	 * names waits for the next start. NULL: none. */
	void (*reads)(const void *settings, void (*add)(void *arg, str folder), void *arg);
	/* Opens what it needs. Its data stay in the role's own file as one static state pointer. An
	 * error is logged and ends the process; the supervisor tries again with back-off. */
	WAITS err (*start)(const struct role_env *env);
	/* New configuration (already read: role_settings). NULL: nothing more is to do; without
	 * read as well, the process is replaced instead. */
	WAITS err (*reload)(const struct role_env *env);
	/* No new sessions come; called once, in a fiber of the first loop, after the sessions have
	 * ended or their time is over. Closes what start opened. */
	WAITS void (*stop)(void);
	/* Answers a control request (HTTP on <run>/<role>-control.sock, root and the supervisor's
	 * user only), on the first loop: method, path with its query ("/queue/ID?max=5"), body;
	 * writes JSON. E_NOTFOUND: no such path. NULL: only /metrics, /health. */
	WAITS err (*control)(str method, str path, str body, struct buf *json);
	/* Other groups at the top of posta.conf that it reads ("backends"), NULL-ended, or NULL:
	 * `posta check` takes them for known, and its process is given no others but its own and
	 * "nodes" (decision 0100). */
	const char *const *groups;
	/* The table of its settings, for `posta check --settings`; may be NULL. */
	const struct conf_key *keys;
	size_t nkeys;
	/* For the same: groups and lists among keys, with the settings of each item. */
	const struct role_list *lists;
	size_t nlists;
	bool wide;	/* a loop a core, where the configuration says nothing else */
	bool exclusive; /* one process at a time (it owns a database): a replacement waits for the
			   old one's end */
};

/* The server certificate context in force; the caller holds it (tls_drop). NULL when none is
 * configured. */
struct tls_ctx *role_tls(void);
/* The same certificate as a client's: for servers that ask who we are (RADIUS over TLS). It
 * verifies nobody by itself: stream_tls_connect_to. */
struct tls_ctx *role_tls_client(void);
/* The settings in force, as the role's read function filled them. From any loop; they live until
 * the process ends, so that sessions may go on with those that they began with. */
const void *role_settings(void);
/* The index of the loop that the caller runs on, 0 to loops - 1. */
unsigned role_loop(void);
/* The loop of that index, for loop_post. */
struct loop *role_loop_at(unsigned i);
/* The role at the other end of an internal listener's connection ("mx"), or "" for a stranger or
 * TCP peer. In a run without root all roles share one user: then any process of that user counts as
 * every listed role and "*" is given. */
str role_peer(struct stream *io, const struct listener *l);
/* True once draining began: sessions say goodbye at the next good moment. */
bool role_draining(void);
/* The path of another role's internal socket: "<run>/<role>-<kind>.sock". */
void role_socket(const struct role_env *env, const char *role, const char *kind,
		 struct net_addr *out);

/* The addresses of a role's listener ("resolver.resolver") on a node, "" for all nodes.
 * ROLE_REACHED: as others connect to it; 0.0.0.0 and :: are left out where they are another
 * machine's. Gives their number. */
enum role_address { ROLE_AS_SAID, ROLE_REACHED };
size_t role_addresses(const struct role_env *env, str node, const char *path, enum role_address how,
		      struct net_addr *out, size_t max);

/* A session says true where it waits for the peer's next command and holds nothing, false when it
 * goes on: a draining role ends those at once (the wait gives E_CANCELED) and the others when they
 * get there. */
void role_idle(bool idle);

/* main() of a role's process: channel is the descriptor of the supervisor's channel, control serves
 * one connection of the control socket (sessions/http). Returns the exit code. */
int role_main(const struct role *r, int channel,
	      err (*control)(struct stream *io, const struct listener *l));

/* ---- for the control session ---- */
/* Answers a request in the name of this process: GET /health, GET /metrics, else the role's own
 * control function. type: of the answer's body. E_NOTFOUND, E_DENIED (the monitor may ask for these
 * two alone), or the role's error. */
WAITS MUST_USE err role_answer(struct stream *io, str method, str path, str body,
			       struct buf *answer, const char **type);

#endif
