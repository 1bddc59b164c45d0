#include "run/role_proc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/log.h"

struct role_proc role_proc;

void proc_say(const struct role_proc *p, enum channel_type type, str text)
{
	if (channel_send(p->channel, type, str_take(text, KIB(1)), NULL, 0) != OK)
		LOG(LOG_WARN, "role.channel", KE(E_IO));
}

static void conf_drop(struct role_conf *c)
{
	if (!c)
		return;
	conf_free(c->conf);
	arena_free(&c->arena);
	mem_free(c);
}

static void pending_clear(struct role_pending *pending)
{
	for (size_t i = 0; i < pending->ncerts; i++) {
		struct tls_cert *t = &pending->certs[i];

		mem_wipe((char *)(uintptr_t)t->key_pem.p, t->key_pem.n);
		mem_free((char *)(uintptr_t)t->key_pem.p);
		mem_free((char *)(uintptr_t)t->cert_pem.p);
	}
	pending->ncerts = 0;
	conf_drop(pending->conf);
	pending->conf = NULL;
}

void proc_free(struct role_proc *p)
{
	pending_clear(&p->pending);
	while (p->conf) {
		struct role_conf *c = p->conf;

		p->conf = c->older;
		conf_drop(c);
	}
	tls_drop(p->tls);
	tls_drop(p->tls_client);
	p->tls = p->tls_client = NULL;
}

static void fill_env(struct role_conf *c, const struct role *role, unsigned loops)
{
	const struct setup_config *s = &c->setup;

	c->env = (struct role_env){
		.name = role->name,
		.node = s->node,
		.hostname = s->hostname,
		.conf = conf_find(conf_root(c->conf), role->name),
		.root = conf_root(c->conf),
		.data = s->data.p,
		.directory = s->directory.p,
		.secrets = s->secrets.p,
		.secret_key = role->may & (MAY_SECRETS | MAY_ZONE_KEYS) ? s->secret_key.p : NULL,
		.run = s->run.p,
		.trace = s->trace.p,
		.accounting = s->accounting.p,
		.arena = &c->arena,
		.loops = loops,
	};
}

static err take_config(struct role_proc *p, struct channel_msg *m)
{
	struct buf text, complaints;

	if (m->nfds != 1)
		return fail(E_CORRUPT, "a configuration without its text");
	pending_clear(&p->pending);
	struct role_conf *c = p->pending.conf = MEM_NEW(struct role_conf);

	arena_init(&c->arena, LIM_CONF * 4);
	TRY(setup_read(m->body, &c->arena, &c->setup));
	buf_init(&text, LIM_CONF);
	buf_init(&complaints, LIM_CONF_COMPLAINTS);
	err e = channel_read_memfd(m->fds[0], LIM_CONF, &text);

	if (e == OK)
		e = conf_parse(buf_str(&text), c->setup.path, &complaints, &c->conf);
	c->text = arena_dup(&c->arena, buf_str(&text));
	buf_free(&text);
	buf_free(&complaints);
	if (e == OK)
		fill_env(c, p->role, c->setup.loops);
	return e;
}

static err take_pem(int fd, str *out)
{
	struct buf b;

	buf_init(&b, LIM_CERT_PEM);
	err e = channel_read_memfd(fd, LIM_CERT_PEM, &b);

	if (e)
		buf_free(&b);
	else
		*out = buf_str(&b); /* the memory goes with it */
	return e;
}

static err take_cert(struct role_proc *p, struct channel_msg *m)
{
	struct role_pending *pending = &p->pending;

	if (m->nfds != 2 || pending->ncerts == LIM_CERTS)
		return fail(E_CORRUPT, "a certificate without its key, or too many");
	struct tls_cert *t = &pending->certs[pending->ncerts++];

	*t = (struct tls_cert){ 0 };
	TRY(take_pem(m->fds[0], &t->cert_pem));
	return take_pem(m->fds[1], &t->key_pem);
}

static err take_listener(struct role_proc *p, struct channel_msg *m)
{
	struct cur c = { .rest = m->body };
	unsigned index = cur_u8(&c);
	bool control = index == CHANNEL_LISTEN_CONTROL;

	if (c.e || m->nfds != 1 || p->nsockets == SETUP_LISTENERS ||
	    (!control && index >= p->role->nlisteners))
		return fail(E_CORRUPT, "a listener that this role does not have");
	struct role_socket *s = &p->sockets[p->nsockets++];

	socklen_t n = sizeof(int);
	int type = 0;

	(void)getsockopt(m->fds[0], SOL_SOCKET, SO_TYPE, &type, &n);
	s->l = control ? &p->control : &p->role->listeners[index];
	s->udp = type == SOCK_DGRAM;
	s->fd = m->fds[0];
	if (s->udp ? !s->l->datagram : !s->l->session)
		return fail(E_CORRUPT, "a socket of a kind that the listener does not have");
	m->nfds = 0;
	return OK;
}

err proc_take(struct role_proc *p, struct channel_msg *m)
{
	err e = fail(E_CORRUPT, "message %d of the supervisor is not known", (int)m->type);

	if (m->type == CHANNEL_CONFIG)
		e = take_config(p, m);
	else if (m->type == CHANNEL_CERT)
		e = take_cert(p, m);
	else if (m->type == CHANNEL_LISTEN)
		e = take_listener(p, m);
	channel_close_fds(m);
	return e;
}

err proc_receive_start(struct role_proc *p)
{
	static struct channel_msg m; /* before there are threads; too large for a stack */

	for (;;) {
		struct pollfd pfd = { .fd = p->channel, .events = POLLIN };
		err e = channel_recv(p->channel, &m);

		if (e == E_AGAIN) {
			if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
				return fail(E_IO, "poll: %s", strerror(errno));
			continue;
		}
		TRY(e);
		if (m.type == CHANNEL_START && p->pending.conf)
			return OK;
		TRY(proc_take(p, &m));
	}
}

/* The role's settings, in the memory of its configuration. */
static err read_settings(const struct role_proc *p, struct role_conf *c, const void **out)
{
	CLEANUP(buf_free) struct buf complaints;

	buf_init(&complaints, LIM_CONF_COMPLAINTS);
	*out = NULL;
	if (!p->role->read)
		return OK;
	void *settings = arena_get(&c->arena, p->role->settings, 16);

	if (p->role->read(&c->env, &complaints, settings) != OK)
		return fail(E_SYNTAX, "%.*s", STRF(buf_str(&complaints)));
	*out = settings;
	return OK;
}

static err make_tls(const struct role_pending *pending, struct tls_ctx **server,
		    struct tls_ctx **client)
{
	TRY(tls_server_new(pending->certs, pending->ncerts, server));
	err e = tls_client_new(false, STR(""), client);

	if (e == OK)
		e = tls_client_show(*client, &pending->certs[0]);
	if (e) {
		tls_drop(*client);
		tls_drop(*server);
	}
	return e;
}

err proc_commit(struct role_proc *p)
{
	struct role_pending *pending = &p->pending;
	struct tls_ctx *fresh = NULL, *client = NULL, *old, *old_client;
	const void *settings;

	if (!pending->conf)
		return fail(E_CORRUPT, "a reload without a configuration");
	TRY(read_settings(p, pending->conf, &settings));
	if (pending->ncerts)
		TRY(make_tls(pending, &fresh, &client));
	pthread_mutex_lock(&p->tls_lock);
	old = p->tls;
	old_client = p->tls_client;
	p->tls = fresh;
	p->tls_client = client;
	pthread_mutex_unlock(&p->tls_lock);
	tls_drop(old);
	tls_drop(old_client);

	if (!p->conf) /* while there is one thread; another level is another process */
		log_setup(p->role->name, (enum log_level)pending->conf->setup.log_level);
	pending->conf->older = p->conf;
	p->conf = pending->conf;
	atomic_store(&p->settings, settings);
	pending->conf = NULL;
	pending_clear(pending);
	return OK;
}
