/* An upgrade: this process executes the new program and keeps its id, sockets and children. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "posta/supervisor.h"
#include "run/channel.h"
#include "run/log.h"

#define HANDOVER_VERSION 1
#define HANDOVER_MOST	 MIB(1)
#define CHECK_TIME	 10000 /* milliseconds that the new program has to accept the configuration */

static void write_state(const struct supervisor *s, struct buf *out)
{
	buf_u8(out, HANDOVER_VERSION);
	buf_u8(out, s->announced);
	buf_u32(out, (uint32_t)s->lock);
	buf_u32(out, (uint32_t)s->nsockets);
	for (size_t i = 0; i < s->nsockets; i++) {
		buf_lstr(out, s->sockets[i].key);
		buf_u32(out, (uint32_t)s->sockets[i].fd);
	}
	buf_u32(out, (uint32_t)s->nslots);
	for (size_t i = 0; i < s->nslots; i++) {
		const struct slot *slot = &s->slots[i];

		buf_lstr(out, str_z(slot->role->name));
		buf_u32(out, (uint32_t)slot->nprocs);
		for (size_t k = 0; k < slot->nprocs; k++) {
			buf_u32(out, (uint32_t)slot->procs[k].pid);
			buf_u32(out, (uint32_t)slot->procs[k].channel);
			buf_u8(out, slot->procs[k].state);
		}
	}
}

static void keep_over_exec(const struct supervisor *s, int state, bool keep)
{
	int flags = keep ? 0 : FD_CLOEXEC;

	(void)fcntl(state, F_SETFD, flags);
	(void)fcntl(s->lock, F_SETFD, flags);
	for (size_t i = 0; i < s->nsockets; i++)
		(void)fcntl(s->sockets[i].fd, F_SETFD, flags);
	for (size_t i = 0; i < s->nslots; i++)
		for (size_t k = 0; k < s->slots[i].nprocs; k++)
			if (s->slots[i].procs[k].channel >= 0)
				(void)fcntl(s->slots[i].procs[k].channel, F_SETFD, flags);
}

/* A copy that argv may point to. */
static char *copied(char *to, size_t n, const char *from)
{
	(void)snprintf(to, n, "%s", from);
	return to;
}

struct args {
	char program[4096], path[4096], node[256], motd[4096], fd[16];
	char run[8], check[8], config[12], node_option[8], motd_option[8], resume[12];
	char *argv[12];
};

/* resume -1: `posta check`, otherwise `posta run --resume N`. */
static void make_args(const struct supervisor *s, int resume, struct args *a)
{
	size_t n = 0;

	a->argv[n++] = copied(a->program, sizeof(a->program), s->exe);
	a->argv[n++] = copied(a->run, sizeof(a->run), resume < 0 ? "check" : "run");
	a->argv[n++] = copied(a->config, sizeof(a->config), "--config");
	a->argv[n++] = copied(a->path, sizeof(a->path), s->path);
	if (s->node) {
		a->argv[n++] = copied(a->node_option, sizeof(a->node_option), "--node");
		a->argv[n++] = copied(a->node, sizeof(a->node), s->node);
	}
	if (resume >= 0) {
		(void)snprintf(a->fd, sizeof(a->fd), "%d", resume);
		a->argv[n++] = copied(a->resume, sizeof(a->resume), "--resume");
		a->argv[n++] = a->fd;
		if (s->motd) {
			a->argv[n++] = copied(a->motd_option, sizeof(a->motd_option), "--motd");
			a->argv[n++] = copied(a->motd, sizeof(a->motd), s->motd);
		}
	}
	a->argv[n] = NULL;
}

/* Waits for one child alone: the roles' exits stay for the loop. */
static bool ended_well(pid_t pid)
{
	const struct timespec pause = { 0, 10 * 1000000L };
	msec until = clock_now() + CHECK_TIME;
	int status = 0;

	while (clock_now() < until) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		(void)nanosleep(&pause, NULL);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return false;
}

/* The new program must start and accept the configuration before it gets everything. */
static err try_program(const struct supervisor *s)
{
	static struct args a;

	make_args(s, -1, &a);
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null >= 0)
			(void)dup2(null, STDOUT_FILENO);
		(void)execv(s->exe, a.argv);
		_exit(126);
	}
	if (pid < 0)
		return fail(E_IO, "fork: %s", strerror(errno));
	return ended_well(pid) ? OK : fail(E_IO, "%s check does not accept %s", s->exe, s->path);
}

static err reexec(struct supervisor *s)
{
	static struct args a;
	struct buf state;
	int fd;

	TRY(try_program(s));
	buf_init(&state, HANDOVER_MOST);
	write_state(s, &state);
	err e = buf_done(&state);

	if (e == OK)
		e = channel_memfd("posta-handover", buf_str(&state), &fd);
	buf_free(&state);
	TRY(e);
	make_args(s, fd, &a);
	keep_over_exec(s, fd, true);
	(void)execv(s->exe, a.argv);
	e = fail(E_IO, "%s: %s", s->exe, strerror(errno));
	keep_over_exec(s, fd, false);
	(void)close(fd);
	return e;
}

void sup_reexec(struct supervisor *s)
{
	LOG(LOG_INFO, "upgrade", KS("program", str_z(s->exe)));
	err e = reexec(s);

	LOG(LOG_ERROR, "upgrade.refused", KE(e));
}

/* ---- the new program's side ---- */

static void read_proc(struct cur *c, struct slot *slot)
{
	struct sup_proc p = { .pid = (pid_t)cur_u32(c), .channel = (int)cur_u32(c) };
	unsigned state = cur_u8(c);

	p.state = state == PROC_READY ? PROC_READY : PROC_DRAINING;
	p.since = clock_now();
	if (!slot ||
	    slot->nprocs == SLOT_PROCS) { /* a role that this program does not have: EOF ends it */
		(void)close(p.channel);
		return;
	}
	slot->procs[slot->nprocs++] = p;
	if (state == PROC_STARTING) { /* it does not know that it is wanted no more */
		slot->procs[slot->nprocs - 1].state = PROC_READY;
		slot_drain(slot, &slot->procs[slot->nprocs - 1], 0);
	}
}

static void read_state(struct supervisor *s, struct cur *c)
{
	s->announced = cur_u8(c) != 0;
	s->lock = (int)cur_u32(c);
	for (uint32_t n = cur_u32(c); n > 0 && c->e == OK; n--) {
		str key = cur_lstr(c);

		sup_socket_add(s, key, (int)cur_u32(c));
	}
	for (uint32_t n = cur_u32(c); n > 0 && c->e == OK; n--) {
		struct slot *slot = slot_of(s, cur_lstr(c));

		for (uint32_t k = cur_u32(c); k > 0 && c->e == OK; k--)
			read_proc(c, slot);
		if (slot)
			slot->replace = slot->nprocs > 0;
	}
}

err sup_resume(struct supervisor *s, int fd)
{
	struct buf state;

	buf_init(&state, HANDOVER_MOST);
	err e = channel_read_memfd(fd, HANDOVER_MOST, &state);
	struct cur c = { .rest = buf_str(&state) };

	if (e == OK && cur_u8(&c) != HANDOVER_VERSION)
		e = fail(E_CORRUPT, "the program before handed over in another version");
	if (e == OK) {
		read_state(s, &c);
		e = c.e ? fail(E_CORRUPT, "what was handed over does not parse") : OK;
	}
	buf_free(&state);
	keep_over_exec(s, fd, false);
	(void)close(fd);
	LOG(LOG_INFO, "upgrade.done", KI("sockets", s->nsockets));
	return e;
}
