/* What happens to one role's processes. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posta/supervisor.h"
#include "run/channel.h"
#include "run/log.h"

#define BACKOFF_FIRST 100 /* milliseconds */
#define BACKOFF_MOST  30000
#define BACKOFF_RESET 60000 /* a process that lived this long starts the series anew */
#define DRAIN_GRACE   10000 /* beyond the time given, before SIGKILL */

struct slot *slot_of(struct supervisor *s, str role)
{
	const struct role *r = role_find(role);

	for (size_t i = 0; i < s->nslots; i++)
		if (s->slots[i].role == r)
			return &s->slots[i];
	if (!r || s->nslots == SUP_ROLES)
		return NULL;
	s->slots[s->nslots] =
		(struct slot){ .role = r, .restart_at = NEVER, .backoff = BACKOFF_FIRST };
	return &s->slots[s->nslots++];
}

static void close_channel(struct sup_proc *p)
{
	if (p->channel >= 0)
		(void)close(p->channel);
	p->channel = -1;
}

void slot_drain(struct slot *slot, struct sup_proc *p, msec ms)
{
	struct buf body;

	if (p->state == PROC_DRAINING)
		return;
	p->state = PROC_DRAINING;
	p->since = clock_now();
	buf_init(&body, 8);
	buf_u32(&body, (uint32_t)ms);
	if (p->channel < 0 ||
	    channel_send(p->channel, CHANNEL_DRAIN, buf_str(&body), NULL, 0) != OK) {
		LOG(LOG_WARN, "role.drain", KS("role", str_z(slot->role->name)), KE(E_IO));
		close_channel(p);
	}
	buf_free(&body);
}

static struct sup_proc *current(struct slot *slot)
{
	for (size_t i = slot->nprocs; i > 0; i--)
		if (slot->procs[i - 1].state != PROC_DRAINING)
			return &slot->procs[i - 1];
	return NULL;
}

static void became_ready(struct supervisor *s, struct slot *slot, struct sup_proc *p)
{
	if (p->state == PROC_STARTING)
		p->state = PROC_READY;
	for (size_t i = 0; i < slot->nprocs; i++)
		if (&slot->procs[i] != p)
			slot_drain(slot, &slot->procs[i], s->config->drain);
	slot->replacing = false;
	LOG(LOG_INFO, "role.ready", KS("role", str_z(slot->role->name)), KI("pid", p->pid));
}

void slot_message(struct supervisor *s, struct slot *slot, struct sup_proc *p)
{
	static struct channel_msg m; /* the supervisor has one thread */
	err e = channel_recv(p->channel, &m);

	if (e == E_AGAIN)
		return;
	if (e) { /* its exit follows, or it is killed: nobody can talk to it any more */
		close_channel(p);
		if (e != E_EOF)
			(void)kill(p->pid, SIGKILL);
		return;
	}
	channel_close_fds(&m);
	if (m.type == CHANNEL_READY)
		became_ready(s, slot, p);
	else if (m.type == CHANNEL_RELOADED)
		LOG(LOG_INFO, "role.reloaded", KS("role", str_z(slot->role->name)));
	else if (m.type == CHANNEL_FAILED)
		LOG(LOG_ERROR, "role.failed", KS("role", str_z(slot->role->name)),
		    KS("why", m.body));
}

static void plan_restart(struct slot *slot, msec lived)
{
	if (lived >= BACKOFF_RESET)
		slot->backoff = BACKOFF_FIRST;
	slot->restart_at = clock_in(slot->backoff);
	LOG(LOG_WARN, "role.restart", KS("role", str_z(slot->role->name)),
	    KI("in_ms", slot->backoff));
	slot->backoff = slot->backoff * 2 > BACKOFF_MOST ? BACKOFF_MOST : slot->backoff * 2;
}

static void log_exit(const struct slot *slot, const struct sup_proc *p, int status)
{
	bool planned = p->state == PROC_DRAINING && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	LOG(planned ? LOG_INFO : LOG_ERROR, "role.exit", KS("role", str_z(slot->role->name)),
	    KI("pid", p->pid), KI("code", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
	    KI("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
}

static void remove_proc(struct slot *slot, struct sup_proc *p)
{
	close_channel(p);
	slot->nprocs--;
	for (; p < &slot->procs[slot->nprocs]; p++)
		p[0] = p[1];
}

static void ended(struct supervisor *s, struct slot *slot, struct sup_proc *p, int status)
{
	bool crashed = p->state != PROC_DRAINING, starting = p->state == PROC_STARTING;
	msec lived = clock_now() - p->since;

	log_exit(slot, p, status);
	remove_proc(slot, p);
	if (s->stopping || !slot->wanted)
		return;
	if (current(slot)) {
		/* The replacement did not come up: the old one goes on. */
		if (crashed && starting && slot->replacing) {
			LOG(LOG_ERROR, "role.replace", KS("role", str_z(slot->role->name)),
			    KS("why", STR("the new one failed")));
			slot->replacing = false;
		}
	} else if (crashed) {
		plan_restart(slot, lived);
	} else if (slot->restart_at == NEVER) {
		slot->restart_at = clock_now(); /* an exclusive role made room */
	}
}

void slot_exit(struct supervisor *s, pid_t pid, int status)
{
	for (size_t i = 0; i < s->nslots; i++)
		for (size_t k = 0; k < s->slots[i].nprocs; k++)
			if (s->slots[i].procs[k].pid == pid) {
				ended(s, &s->slots[i], &s->slots[i].procs[k], status);
				return;
			}
}

static void start(struct supervisor *s, struct slot *slot, msec now)
{
	slot->restart_at = NEVER;
	size_t before = slot->nprocs;
	err e = sup_spawn(s, slot, now);

	if (!e)
		return;
	LOG(LOG_ERROR, "role.start", KS("role", str_z(slot->role->name)), KE(e));
	if (slot->nprocs == before)
		plan_restart(slot, 0);
}

static void begin_replacing(struct supervisor *s, struct slot *slot, msec now)
{
	struct sup_proc *old = current(slot);

	slot->replace = false;
	slot->replacing = true;
	LOG(LOG_INFO, "role.replace", KS("role", str_z(slot->role->name)));
	if (old && slot->role->exclusive)
		slot_drain(slot, old, s->config->drain);
	else
		start(s, slot, now);
}

static bool anyone_replacing(const struct supervisor *s)
{
	for (size_t i = 0; i < s->nslots; i++)
		if (s->slots[i].replacing)
			return true;
	return false;
}

/* Kills what has not left in its time; returns when the next one is due. */
static msec kill_late(struct supervisor *s, struct slot *slot, msec now)
{
	msec next = NEVER;

	for (size_t k = 0; k < slot->nprocs; k++) {
		struct sup_proc *p = &slot->procs[k];
		msec due = p->since + s->config->drain + DRAIN_GRACE;

		if (p->state != PROC_DRAINING || p->killed)
			continue;
		if (s->stopping && s->stop_at < due)
			due = s->stop_at;
		if (due <= now) {
			LOG(LOG_ERROR, "role.kill", KS("role", str_z(slot->role->name)),
			    KI("pid", p->pid));
			(void)kill(p->pid, SIGKILL);
			p->killed = true;
		} else if (due < next) {
			next = due;
		}
	}
	return next;
}

static msec tick(struct supervisor *s, struct slot *slot, msec now)
{
	msec next = kill_late(s, slot, now);

	if (s->stopping)
		return next;
	if (!slot->wanted) {
		for (size_t k = 0; k < slot->nprocs; k++)
			slot_drain(slot, &slot->procs[k], s->config->drain);
		return next;
	}
	if (slot->restart_at <= now)
		start(s, slot, now);
	if (slot->replace && !anyone_replacing(s))
		begin_replacing(s, slot, now);
	return slot->restart_at < next ? slot->restart_at : next;
}

msec slot_tick(struct supervisor *s, msec now)
{
	msec next = NEVER;

	for (size_t i = 0; i < s->nslots; i++) {
		msec at = tick(s, &s->slots[i], now);

		next = at < next ? at : next;
	}
	return next;
}

bool slots_all_ready(const struct supervisor *s)
{
	for (size_t i = 0; i < s->nslots; i++) {
		bool ready = !s->slots[i].wanted;

		for (size_t k = 0; k < s->slots[i].nprocs; k++)
			ready |= s->slots[i].procs[k].state == PROC_READY;
		if (!ready)
			return false;
	}
	return true;
}

bool slots_empty(const struct supervisor *s)
{
	for (size_t i = 0; i < s->nslots; i++)
		if (s->slots[i].nprocs)
			return false;
	return true;
}
