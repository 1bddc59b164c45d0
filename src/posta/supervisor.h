/* posta/supervisor.h: the process that owns the sockets and starts each role as a process of its
 * own. One thread, one poll loop, no fibers and no parsing of what strangers send. State for
 * supervisor*.c, slot.c, spawn.c, listen.c and handover.c alone; cmd_run.c calls supervise(). */
#ifndef POSTA_SUPERVISOR_H
#define POSTA_SUPERVISOR_H

#include <sys/types.h>

#include "posta/config.h"
#include "run/role_setup.h"

enum { SLOT_PROCS = 8, SUP_ROLES = 32, SUP_SOCKETS = 512 };

/* A socket outlives roles, reloads and upgrades. Its key is "role/kind/address". */
struct sup_socket {
	str key; /* on the heap */
	int fd;
};

enum proc_state { PROC_STARTING, PROC_READY, PROC_DRAINING };
struct sup_proc {
	pid_t pid;
	int channel; /* -1 when it is closed */
	enum proc_state state;
	msec since; /* its start, or the start of draining */
	bool killed;
};

/* A role of this node: usually one process; two while one replaces the other. */
struct slot {
	const struct role *role;
	struct sup_proc procs[SLOT_PROCS];
	size_t nprocs;
	msec restart_at, backoff; /* restart_at: NEVER when nothing is planned */
	bool wanted;		  /* by the configuration in force */
	bool replace;		  /* its process is to be replaced, when its turn comes */
	bool replacing;
};

struct supervisor {
	struct config *config;
	const char *path, *node; /* of posta.conf; --node or NULL */
	const char *motd;	 /* printed before "posta is ready", may be NULL */
	char exe[4096];		 /* path of this program when it began */
	bool drop;		 /* roles run as their own users */
	uint32_t group_posta, group_directory, group_secrets, group_zone_keys, group_trace;
	struct setup_peer peers[SETUP_PEERS];
	size_t npeers;
	struct buf certs[LIM_CERTS], keys[LIM_CERTS];
	size_t ncerts;
	struct sup_socket sockets[SUP_SOCKETS];
	size_t nsockets;
	struct slot slots[SUP_ROLES];
	size_t nslots;
	int signals, lock;
	struct {
		pid_t pid; /* 0: none runs */
		msec at;   /* the next one's start */
	} keeper;
	bool announced, stopping;
	msec stop_since, stop_at; /* when stopping: the last process is killed */
};

/* posta run. resume: descriptor of a handover, or -1. Returns the exit code. */
int supervise(const char *path, const char *node, const char *motd, int resume);

/* ---- listen.c ---- */
/* Opens what config names and is not open yet; nothing is closed. On error what was opened anew is
 * closed. */
MUST_USE err sup_listen(struct supervisor *s, const struct config *c);
/* Marks those of the configuration in force, closes the others. */
void sup_listen_prune(struct supervisor *s);
/* The descriptor of one listener, -1 when it is not open. udp: its datagram socket for this loop.
 */
enum { SUP_STREAM = -1 };
int sup_socket_of(const struct supervisor *s, const char *role, const char *kind, str text,
		  int udp);
/* Adds one that was handed over. */
void sup_socket_add(struct supervisor *s, str key, int fd);

/* ---- folders.c ---- */
/* Users, groups, folders, their owners. Texts say what to do. */
MUST_USE err sup_identities(struct supervisor *s);
MUST_USE err sup_folders(const struct supervisor *s, const struct config *c);
/* The directory's databases: made when absent, brought to this program's schema, and rolled back
 * where a writer died, since roles that only read cannot. A locked one is logged and left: nothing
 * waits for it. */
void sup_databases(const struct config *c);
/* One supervisor a run folder. */
MUST_USE err sup_lock(struct supervisor *s);

/* ---- spawn.c ---- */
/* Starts one more process of the slot's role and tells it everything. */
MUST_USE err sup_spawn(struct supervisor *s, struct slot *slot, msec now);
/* Tells a running process the configuration in force. */
MUST_USE err sup_tell(const struct supervisor *s, const struct slot *slot, struct sup_proc *p);
/* Reads the configuration's certificates and tries them. */
MUST_USE err sup_certs(struct supervisor *s, const struct config *c);
void sup_certs_free(struct supervisor *s);

/* ---- slot.c ---- */
struct slot *slot_of(struct supervisor *s, str role); /* adds it; NULL when there are too many */
void slot_message(struct supervisor *s, struct slot *slot, struct sup_proc *p);
void slot_exit(struct supervisor *s, pid_t pid, int status);
void slot_drain(struct slot *slot, struct sup_proc *p, msec ms);
/* Starts, replaces and kills what is due; returns when to look again. */
msec slot_tick(struct supervisor *s, msec now);
bool slots_all_ready(const struct supervisor *s);
bool slots_empty(const struct supervisor *s);

/* ---- keeper.c: DKIM keys are seen to by a process of their own, now and then ---- */
void keeper_begin(struct supervisor *s);
/* Starts one when it is due; returns when to look again. */
msec keeper_tick(struct supervisor *s, msec now);
/* False: it is not ours. */
bool keeper_exit(struct supervisor *s, pid_t pid, int status);

/* ---- handover.c ---- */
/* Becomes the program that lies at s->exe now, with sockets and processes. Returns when that fails:
 * all goes on. */
void sup_reexec(struct supervisor *s);
MUST_USE err sup_resume(struct supervisor *s, int fd);

#endif
