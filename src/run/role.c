/* A role's process from its first message to its end. */
#include "run/role.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run/log.h"
#include "run/role_proc.h"
#include "run/sandbox.h"

struct tls_ctx *role_tls(void)
{
	struct role_proc *p = &role_proc;

	pthread_mutex_lock(&p->tls_lock);
	struct tls_ctx *t = p->tls ? tls_hold(p->tls) : NULL;

	pthread_mutex_unlock(&p->tls_lock);
	return t;
}

struct tls_ctx *role_tls_client(void)
{
	struct role_proc *p = &role_proc;

	pthread_mutex_lock(&p->tls_lock);
	struct tls_ctx *t = p->tls_client ? tls_hold(p->tls_client) : NULL;

	pthread_mutex_unlock(&p->tls_lock);
	return t;
}

const void *role_settings(void)
{
	return atomic_load(&role_proc.settings);
}

unsigned role_loop(void)
{
	const struct role_proc *p = &role_proc;
	unsigned i = 0;

	while (i + 1 < p->nloops && p->loops[i].loop != loop_here())
		i++;
	return i;
}

struct loop *role_loop_at(unsigned i)
{
	return role_proc.loops[i].loop;
}

bool role_draining(void)
{
	return atomic_load(&role_proc.draining);
}

void role_socket(const struct role_env *env, const char *role, const char *kind,
		 struct net_addr *out)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s-%s.sock", env->run, role, kind);
	if (net_parse(str_z(path), out) != OK)
		*out = (struct net_addr){ 0 };
}

/* ---- the channel, once the role runs ---- */

WAITS static err next_message(struct role_proc *p, struct channel_msg *m)
{
	for (;;) {
		err e = channel_recv(p->channel, m);

		if (e != E_AGAIN)
			return e;
		TRY(fiber_wait_read(p->channel, NEVER));
	}
}

WAITS static void reload(struct role_proc *p)
{
	err e = proc_commit(p);

	if (e == OK && p->role->reload)
		e = p->role->reload(&p->conf->env);
	LOG(e ? LOG_ERROR : LOG_INFO, "role.reload", KE(e));
	if (e)
		proc_say(p, CHANNEL_FAILED, str_z(err_last()->text));
	else
		proc_say(p, CHANNEL_RELOADED, STR(""));
}

/* Serves the channel until the role is told to leave; *ms: how long sessions may take. */
WAITS static err serve_channel(struct role_proc *p, unsigned *ms)
{
	static struct channel_msg
		m; /* one fiber alone reads the channel; too large for its stack */

	for (;;) {
		TRY(next_message(p, &m));
		if (m.type == CHANNEL_DRAIN) {
			struct cur c = { .rest = m.body };

			*ms = cur_u32(&c);
			return OK;
		}
		if (m.type == CHANNEL_RELOAD)
			reload(p);
		else
			TRY(proc_take(p, &m));
	}
}

/* ---- life ---- */

WAITS static err run_role(struct role_proc *p)
{
	const struct role *r = p->role;
	unsigned ms = 0;

	if (r->start)
		TRY(r->start(&p->conf->env));
	accept_start(p);
	proc_say(p, CHANNEL_READY, STR(""));
	LOG(LOG_INFO, "role.ready", KI("loops", p->nloops), KI("listeners", p->nsockets));

	/* A supervisor that is gone ends the role too: nobody would start its next one. */
	err e = serve_channel(p, &ms);

	LOG(LOG_INFO, "role.drain", KE(e), KI("sessions", atomic_load(&p->sessions)));
	accept_stop(p);
	sessions_drain(p, clock_in(ms));
	if (r->stop)
		r->stop();
	return OK;
}

WAITS static err first_fiber(void *arg)
{
	struct role_proc *p = arg;
	err e = run_role(p);

	if (e) {
		LOG(LOG_ERROR, "role.failed", KE(e));
		proc_say(p, CHANNEL_FAILED, str_z(err_last()->text));
	}
	for (size_t i = 0; i < p->nloops; i++)
		loop_stop(p->loops[i].loop);
	return e;
}

static void *loop_thread(void *arg)
{
	loop_run(arg);
	return NULL;
}

static err make_loops(struct role_proc *p)
{
	unsigned n = p->conf->setup.loops;

	p->nloops = n < 1 ? 1 : n > LIM_LOOPS ? LIM_LOOPS : n;
	for (size_t i = 0; i < p->nloops; i++) {
		map_init(&p->loops[i].sessions);
		TRY(loop_new(&p->loops[i].loop));
	}
	for (size_t i = 1; i < p->nloops; i++)
		if (pthread_create(&p->loops[i].thread, NULL, loop_thread, p->loops[i].loop) != 0)
			return fail(E_IO, "no thread for a loop");
	return OK;
}

struct first {
	struct role_proc *p;
	err result;
};

WAITS static err first_of_loop(void *arg)
{
	struct first *f = arg;

	f->result = first_fiber(f->p);
	return f->result;
}

static void spawn_first(void *arg)
{
	fiber_spawn("role", first_of_loop, arg);
}

static err run_loops(struct role_proc *p)
{
	struct first first = { p, OK };

	TRY(make_loops(p));
	loop_post(p->loops[0].loop, spawn_first, &first);
	loop_run(p->loops[0].loop);
	for (size_t i = 1; i < p->nloops; i++)
		pthread_join(p->loops[i].thread, NULL);
	for (size_t i = 0; i < p->nloops; i++) {
		loop_free(p->loops[i].loop);
		map_free(&p->loops[i].sessions);
	}
	return first.result;
}

/* The supervisor alone decides: a terminal's Ctrl-C reaches the whole process group. */
static void ignore_signals(void)
{
	static const int ignored[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE
	};

	for (size_t i = 0; i < COUNT(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
}

struct readable {
	struct arena *arena;
	const char *v[LIM_ROLE_READS];
	size_t n;
};

static void add_readable(void *arg, str folder)
{
	struct readable *r = arg;

	for (size_t i = 0; i < r->n; i++)
		if (str_eq(str_z(r->v[i]), folder))
			return;
	if (!folder.n || r->n == LIM_ROLE_READS)
		return;
	char *z = arena_get(r->arena, size_add(folder.n, 1), 1); /* the settings may fill it */

	memcpy(z, folder.p, folder.n);
	r->v[r->n++] = z;
}

static err enter(struct role_proc *p)
{
	const struct role_env *env;
	struct readable reads = { 0 };
	str missing;

	TRY(proc_receive_start(p));
	TRY(sandbox_user(&p->pending.conf->setup, p->role->may));
	TRY(proc_commit(p)); /* the settings say what may be read */
	env = &p->conf->env;
	reads.arena = &p->conf->arena;
	if (p->role->reads)
		p->role->reads(role_settings(), add_readable, &reads);
	struct sandbox s = { .may = p->role->may,
			     .data = env->data,
			     .directory = env->directory,
			     .secrets = env->secrets,
			     .run = env->run,
			     .trace = env->trace,
			     .accounting = env->accounting,
			     .reads = reads.v,
			     .nreads = reads.n };

	TRY(sandbox_enter(&s, &missing));
	if (missing.n)
		LOG(LOG_WARN, "role.sandbox", KS("missing", missing));
	return OK;
}

int role_main(const struct role *r, int channel,
	      err (*control)(struct stream *io, const struct listener *l))
{
	struct role_proc *p = &role_proc;

	ignore_signals();
	log_setup(r->name, LOG_INFO);
	p->role = r;
	p->channel = channel;
	p->control = (struct listener){ .kind = "control", .internal = true, .session = control };
	pthread_mutex_init(&p->tls_lock, NULL);
	err e = enter(p);

	if (e == OK)
		e = run_loops(p);
	else {
		LOG(LOG_ERROR, "role.failed", KE(e));
		proc_say(p, CHANNEL_FAILED, str_z(err_last()->text));
	}
	proc_free(p);
	return e == OK ? 0 : 1;
}
