#include "posta/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posta/mail_dns.h"
#include "run/log.h"

#define FILES_WANTED 1048576 /* descriptors of a process, if the machine lets us */
#define STOP_AGAIN   500     /* milliseconds: a second request so soon is an echo of the first */
#define STOP_MOST    10000 /* milliseconds that a stop takes at most beyond the sessions' own time */

/* ---- starting ---- */

static err block_signals(struct supervisor *s)
{
	static const int ours[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGUSR2 };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < COUNT(ours); i++)
		(void)sigaddset(&set, ours[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? fail(E_IO, "signalfd: %s", strerror(errno)) : OK;
}

/* Roles inherit it. Where we may not raise the hard limit, the soft one goes up to it. */
static void raise_limits(void)
{
	struct rlimit r = { FILES_WANTED, FILES_WANTED };

	if (setrlimit(RLIMIT_NOFILE, &r) == 0 || getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		LOG(LOG_WARN, "limits", KI("descriptors", r.rlim_cur));
}

static err read_config(const struct supervisor *s, struct config **out)
{
	struct buf complaints;

	buf_init(&complaints, LIM_CONF_COMPLAINTS);
	err e = config_read(s->path, s->node, &complaints, out);

	if (complaints.n)
		fprintf(stderr, "%.*s", STRF(buf_str(&complaints)));
	buf_free(&complaints);
	return e;
}

/* Slots as the configuration in force wants them. */
static void set_slots(struct supervisor *s)
{
	for (size_t i = 0; i < s->nslots; i++)
		s->slots[i].wanted = false;
	for (size_t i = 0; i < s->config->nroles; i++) {
		struct slot *slot = slot_of(s, str_z(s->config->roles[i].role->name));

		if (!slot)
			continue;
		slot->wanted = true;
		if (slot->nprocs == 0 && slot->restart_at == NEVER)
			slot->restart_at = clock_now();
	}
}

static err begin(struct supervisor *s, int resume)
{
	TRY(block_signals(s));
	raise_limits();
	(void)umask(027);
	TRY(read_config(s, &s->config));
	log_setup("supervisor", s->config->log_level);
	TRY(sup_identities(s));
	TRY(sup_folders(s, s->config));
	sup_databases(s->config);
	if (resume >= 0)
		TRY(sup_resume(s, resume));
	else
		TRY(sup_lock(s));
	TRY(sup_certs(s, s->config));
	TRY(sup_listen(s, s->config));
	mail_dns_refresh(s->config);
	sup_listen_prune(s);
	set_slots(s);
	keeper_begin(s);
	if (!s->drop && resume < 0)
		printf("posta: not root, so every role runs as user %u; seccomp and Landlock are "
		       "on\n",
		       geteuid());
	return OK;
}

/* ---- what is said when all are there ---- */

static void print_table(const struct supervisor *s)
{
	printf("\n  %-12s %-12s %s\n", "role", "listener", "address");
	for (size_t i = 0; i < s->config->nroles; i++) {
		const struct config_role *r = &s->config->roles[i];

		for (size_t l = 0; l < r->nlisteners; l++)
			if (!net_is_unix(&r->listeners[l].addr))
				printf("  %-12s %-12s %.*s%s\n", r->role->name,
				       r->listeners[l].l->kind, STRF(r->listeners[l].text),
				       r->listeners[l].l->tls ? "  (TLS)" : "");
	}
}

static void print_motd(const char *path)
{
	FILE *f = path ? fopen(path, "re") : NULL;
	int c;

	while (f && (c = getc(f)) != EOF)
		putchar(c);
	if (f)
		fclose(f);
}

static void announce(struct supervisor *s)
{
	if (s->announced || !slots_all_ready(s))
		return;
	s->announced = true;
	print_table(s);
	print_motd(s->motd);
	puts("posta is ready");
	fflush(stdout);
}

/* ---- signals ---- */

static bool same_listeners(const struct config_role *a, const struct config_role *b)
{
	bool same = a->nlisteners == b->nlisteners && a->loops == b->loops;

	for (size_t i = 0; same && i < a->nlisteners; i++)
		same = a->listeners[i].l == b->listeners[i].l &&
		       str_eq(a->listeners[i].text, b->listeners[i].text);
	return same;
}

static const struct config_role *role_in(const struct config *c, const struct role *r)
{
	for (size_t i = 0; i < c->nroles; i++)
		if (c->roles[i].role == r)
			return &c->roles[i];
	return NULL;
}

/* A role that reloads is told; one that cannot, or whose addresses changed, gets a new process. */
static void reload_slot(struct supervisor *s, struct slot *slot, const struct config *old)
{
	const struct config_role *was = role_in(old, slot->role),
				 *is = role_in(s->config, slot->role);
	bool same_text = str_eq(old->text, s->config->text);

	if (!was || !is)
		return;
	if (!same_listeners(was, is) || (!slot->role->read && !slot->role->reload && !same_text) ||
	    old->log_level != s->config->log_level) {
		slot->replace = true;
		return;
	}
	for (size_t i = 0; i < slot->nprocs; i++) {
		struct sup_proc *p = &slot->procs[i];

		/* One that starts was told the old one and is not listening to another yet. */
		if (p->state == PROC_STARTING)
			slot->replace = true;
		else if (p->state == PROC_READY && sup_tell(s, slot, p) != OK)
			LOG(LOG_ERROR, "role.reload", KS("role", str_z(slot->role->name)),
			    KE(E_IO));
	}
}

static err reload(struct supervisor *s)
{
	struct config *fresh, *old = s->config;

	TRY(read_config(s, &fresh));
	err e = str_eq(str_z(fresh->data), str_z(old->data)) &&
				str_eq(str_z(fresh->run), str_z(old->run))
			? OK
			: fail(E_DENIED, "\"data\" and \"run\" change with a new start only");

	if (e == OK)
		e = sup_folders(s, fresh);
	if (e == OK)
		e = sup_listen(s, fresh);
	if (e == OK)
		e = sup_certs(s, fresh);
	if (e) {
		sup_listen_prune(s);
		config_free(fresh);
		return e;
	}
	s->config = fresh;
	log_setup("supervisor", fresh->log_level);
	mail_dns_refresh(fresh);
	sup_listen_prune(s);
	set_slots(s);
	keeper_begin(s);
	for (size_t i = 0; i < s->nslots; i++)
		reload_slot(s, &s->slots[i], old);
	config_free(old);
	return OK;
}

static void on_hup(struct supervisor *s)
{
	err e = reload(s);

	if (e)
		LOG(LOG_ERROR, "config.refused", KE(e), KS("in_force", STR("the old one")));
	else
		LOG(LOG_INFO, "config.reloaded", KS("file", str_z(s->path)));
}

/* The first request lets sessions end; the second does not wait. */
static void on_stop(struct supervisor *s)
{
	msec now = clock_now();

	if (s->stopping) {
		if (now - s->stop_since >= STOP_AGAIN)
			s->stop_at = now;
		return;
	}
	LOG(LOG_INFO, "stop");
	s->stopping = true;
	s->stop_since = now;
	s->stop_at = now + s->config->drain + STOP_MOST;
	for (size_t i = 0; i < s->nslots; i++)
		for (size_t k = 0; k < s->slots[i].nprocs; k++)
			slot_drain(&s->slots[i], &s->slots[i].procs[k], s->config->drain);
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!keeper_exit(s, pid, status))
			slot_exit(s, pid, status);
}

static void on_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			on_hup(s);
		else if (info.ssi_signo == SIGUSR2 && !s->stopping)
			sup_reexec(s);
		else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			on_stop(s);
	}
	reap(s);
}

/* ---- the loop ---- */

static void wait_once(struct supervisor *s, msec until)
{
	struct pollfd fds[1 + SUP_ROLES * SLOT_PROCS] = { { .fd = s->signals, .events = POLLIN } };
	pid_t pids[1 + SUP_ROLES * SLOT_PROCS];
	nfds_t n = 1;
	msec now = clock_now();
	int ms = until == NEVER	       ? -1
		 : until <= now	       ? 0
		 : until - now > 60000 ? 60000
				       : (int)(until - now);

	for (size_t i = 0; i < s->nslots; i++)
		for (size_t k = 0; k < s->slots[i].nprocs; k++)
			if (s->slots[i].procs[k].channel >= 0) {
				pids[n] = s->slots[i].procs[k].pid;
				fds[n++] = (struct pollfd){ .fd = s->slots[i].procs[k].channel,
							    .events = POLLIN };
			}
	if (poll(fds, n, ms) <= 0)
		return;
	for (nfds_t f = 1; f < n; f++)
		for (size_t i = 0; fds[f].revents && i < s->nslots; i++)
			for (size_t k = 0; k < s->slots[i].nprocs; k++)
				if (s->slots[i].procs[k].pid == pids[f] &&
				    s->slots[i].procs[k].channel >= 0)
					slot_message(s, &s->slots[i], &s->slots[i].procs[k]);
	/* Last: a process's words come before its end. */
	if (fds[0].revents)
		on_signals(s);
}

static void end(struct supervisor *s)
{
	for (size_t i = 0; i < s->nsockets; i++) {
		str path = str_skip(s->sockets[i].key, str_find(s->sockets[i].key, '/') + 1);
		char z[256];

		path = str_skip(path, str_find(path, '/') + 1);
		if (path.n && path.p[0] == '/' && str_to_z(path, z, sizeof(z)) == OK)
			(void)unlink(z);
		(void)close(s->sockets[i].fd);
		mem_free((char *)(uintptr_t)s->sockets[i].key.p);
	}
	sup_certs_free(s);
	config_free(s->config);
}

int supervise(const char *path, const char *node, const char *motd, int resume)
{
	static struct supervisor s; /* large, and the only one */
	ssize_t n = readlink("/proc/self/exe", s.exe, sizeof(s.exe) - 1);

	log_setup("supervisor", LOG_INFO);
	setlinebuf(stdout);
	s.exe[n > 0 ? n : 0] = '\0';
	s.path = path;
	s.node = node;
	s.motd = motd;
	if (begin(&s, resume) != OK) {
		fprintf(stderr, "posta run: %s\n", err_last()->text);
		return 1;
	}
	while (!s.stopping || !slots_empty(&s)) {
		msec now = clock_now(), slots = slot_tick(&s, now), keeper = keeper_tick(&s, now);

		wait_once(&s, slots < keeper ? slots : keeper);
		announce(&s);
	}
	end(&s);
	LOG(LOG_INFO, "stopped");
	return 0;
}
