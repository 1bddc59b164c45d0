/* A role's process: fork, execute, tell. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "posta/supervisor.h"
#include "run/channel.h"
#include "run/clock.h"
#include "run/file.h"

#define CHANNEL_FD 3 /* in the role's process */

/* ---- certificates ---- */

static void wipe(struct buf *certs, struct buf *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_wipe(&keys[i]);
		buf_free(&certs[i]);
	}
}

void sup_certs_free(struct supervisor *s)
{
	wipe(s->certs, s->keys, s->ncerts);
	s->ncerts = 0;
}

static err try_certs(const struct buf *certs, const struct buf *keys, size_t n)
{
	static struct tls_cert pairs[LIM_CERTS]; /* too large for a stack */
	struct tls_ctx *ctx;

	if (n == 0)
		return OK;
	for (size_t i = 0; i < n; i++)
		pairs[i] = (struct tls_cert){ buf_str(&certs[i]), buf_str(&keys[i]) };
	TRY(tls_server_new(pairs, n, &ctx));
	tls_drop(ctx);
	return OK;
}

err sup_certs(struct supervisor *s, const struct config *c)
{
	static struct buf certs[LIM_CERTS], keys[LIM_CERTS]; /* the supervisor has one thread */
	size_t n = 0;
	err e = OK;

	while (n < c->ncerts && e == OK) {
		buf_init(&certs[n], LIM_CERT_PEM);
		buf_init(&keys[n], LIM_CERT_PEM);
		e = file_read(c->certs[n].cert, &certs[n]);
		if (e == OK)
			e = file_read(c->certs[n].key, &keys[n]);
		n++;
	}
	if (e == OK)
		e = try_certs(certs, keys, n);
	if (e) {
		wipe(certs, keys, n);
		return e;
	}
	sup_certs_free(s);
	memcpy(s->certs, certs, n * sizeof(*certs));
	memcpy(s->keys, keys, n * sizeof(*keys));
	s->ncerts = n;
	return OK;
}

/* ---- telling ---- */

static err send_memfds(int channel, enum channel_type type, str body, const str *bytes, unsigned n)
{
	int fds[CHANNEL_FDS];
	unsigned made = 0;
	err e = OK;

	while (made < n && e == OK) {
		e = channel_memfd("posta", bytes[made], &fds[made]);
		made += e == OK;
	}
	if (e == OK)
		e = channel_send(channel, type, body, fds, n);
	while (made)
		(void)close(fds[--made]);
	return e;
}

static const struct config_role *role_config(const struct config *c, const struct role *r)
{
	for (size_t i = 0; i < c->nroles; i++)
		if (c->roles[i].role == r)
			return &c->roles[i];
	return NULL;
}

static void add_group(struct setup_config *out, uint32_t gid, bool wanted)
{
	if (wanted && out->ngroups < SETUP_GROUPS)
		out->groups[out->ngroups++] = gid;
}

static void fill_user(const struct supervisor *s, const struct role *r, struct setup_config *out)
{
	for (size_t i = 0; i < s->npeers; i++) {
		out->peers[i] = s->peers[i];
		if (str_eq(s->peers[i].role, str_z(r->name)))
			out->uid = s->peers[i].uid;
	}
	out->npeers = s->npeers;
	out->drop = s->drop;
	out->gid = s->group_posta;
	add_group(out, s->group_trace, true);
	add_group(out, s->group_directory, r->may & MAY_DIRECTORY);
	add_group(out, s->group_secrets, r->may & MAY_SECRETS);
	add_group(out, s->group_zone_keys, r->may & MAY_ZONE_KEYS);
}

/* "nodes" names no secrets; other roles' groups do: a smart host's password, a back-end's. */
static bool may_see(const void *arg, str name)
{
	const struct role *r = arg;

	for (size_t i = 0; r->groups && r->groups[i]; i++)
		if (str_eq(name, str_z(r->groups[i])))
			return true;
	return str_eq(name, STR("nodes")) || str_eq(name, str_z(r->name));
}

static err send_config(const struct config *c, const struct role *r, int channel, str body)
{
	CLEANUP(buf_wipe) struct buf text;

	buf_init(&text, LIM_CONF);
	conf_only(c->text, may_see, r, &text);
	TRY(buf_done(&text));
	str seen = buf_str(&text);

	return send_memfds(channel, CHANNEL_CONFIG, body, &seen, 1);
}

static err tell_config(const struct supervisor *s, const struct config_role *r, int channel)
{
	const struct config *c = s->config;
	struct setup_config setup = { .loops = r->loops,
				      .max_connections = r->max_connections,
				      .log_level = c->log_level };
	struct role_env env;
	struct arena a;
	struct buf body;

	arena_init(&a, KIB(64));
	config_role_env(c, r->role->name, &a, &env);
	fill_user(s, r->role, &setup);
	setup.role = str_z(r->role->name);
	setup.node = c->node;
	setup.hostname = c->hostname;
	setup.path = str_z(c->path);
	setup.data = str_z(env.data);
	setup.directory = str_z(env.directory);
	setup.secrets = str_z(env.secrets);
	setup.secret_key = str_z(env.secret_key);
	setup.run = str_z(env.run);
	setup.trace = str_z(env.trace);
	setup.accounting = str_z(env.accounting);
	buf_init(&body, LIM_CHANNEL);
	setup_write(&setup, &body);
	err e = buf_done(&body);

	if (e == OK)
		e = send_config(c, r->role, channel, buf_str(&body));
	buf_free(&body);
	arena_free(&a);
	return e;
}

/* Private keys go to those alone who show them to the world. */
static err tell_certs(const struct supervisor *s, const struct role *r, int channel)
{
	for (size_t i = 0; i < s->ncerts && (r->may & MAY_TLS); i++) {
		const str pair[2] = { buf_str(&s->certs[i]), buf_str(&s->keys[i]) };

		TRY(send_memfds(channel, CHANNEL_CERT, STR(""), pair, 2));
	}
	return OK;
}

static err tell_socket(int channel, unsigned index, int fd)
{
	char byte = (char)index;

	if (fd < 0)
		return fail(E_NOTFOUND, "a listener is not open");
	return channel_send(channel, CHANNEL_LISTEN, str_of(&byte, 1), &fd, 1);
}

static err tell_sockets(const struct supervisor *s, const struct config_role *r, int channel)
{
	const struct role *role = r->role;
	struct buf path;

	for (size_t i = 0; i < r->nlisteners; i++) {
		const struct config_listener *l = &r->listeners[i];
		unsigned index = (unsigned)(l->l - role->listeners);

		for (int k = SUP_STREAM; k < (int)r->loops; k++)
			if (k == SUP_STREAM ? l->l->session != NULL : l->l->datagram != NULL)
				TRY(tell_socket(
					channel, index,
					sup_socket_of(s, role->name, l->l->kind, l->text, k)));
	}
	buf_init(&path, KIB(1));
	buf_fmt(&path, "%s/%s-control.sock", s->config->run, role->name);
	err e = tell_socket(channel, CHANNEL_LISTEN_CONTROL,
			    sup_socket_of(s, role->name, "control", buf_str(&path), SUP_STREAM));

	buf_free(&path);
	return e;
}

err sup_tell(const struct supervisor *s, const struct slot *slot, struct sup_proc *p)
{
	const struct config_role *r = role_config(s->config, slot->role);

	if (!r)
		return fail(E_NOTFOUND, "the role is not configured");
	TRY(tell_config(s, r, p->channel));
	TRY(tell_certs(s, slot->role, p->channel));
	if (p->state != PROC_STARTING)
		return channel_send(p->channel, CHANNEL_RELOAD, STR(""), NULL, 0);
	TRY(tell_sockets(s, r, p->channel));
	return channel_send(p->channel, CHANNEL_START, STR(""), NULL, 0);
}

/* ---- fork and execute ---- */

/* Between fork and exec: only what is safe there. */
static NORETURN void become_role(const struct role *r, int channel)
{
	char name[64], fd[] = { '0' + CHANNEL_FD, '\0' };
	char program[] = "posta", command[] = "role";
	char *argv[] = { program, command, name, fd, NULL };
	sigset_t none;

	(void)snprintf(name, sizeof(name), "%s", r->name);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (channel == CHANNEL_FD)
		(void)fcntl(channel, F_SETFD, 0);
	else
		(void)dup2(channel, CHANNEL_FD);
	(void)execv("/proc/self/exe", argv);
	_exit(126);
}

err sup_spawn(struct supervisor *s, struct slot *slot, msec now)
{
	int ends[2];

	if (slot->nprocs == SLOT_PROCS)
		return fail(E_AGAIN, "too many processes of it are still draining");
	TRY(channel_pair(ends));
	pid_t pid = fork();

	if (pid == 0)
		become_role(slot->role, ends[1]);
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return fail(E_IO, "fork: %s", strerror(errno));
	}
	struct sup_proc *p = &slot->procs[slot->nprocs++];

	*p = (struct sup_proc){
		.pid = pid, .channel = ends[0], .state = PROC_STARTING, .since = now
	};
	err e = sup_tell(s, slot, p);

	/* What was not told everything leaves when its channel closes; its exit is then handled
	 * like a crash. */
	if (e) {
		(void)close(p->channel);
		p->channel = -1;
	}
	return e;
}
