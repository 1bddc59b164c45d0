/* The sockets. They stay open while roles come and go: connections wait in their backlog. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "posta/supervisor.h"
#include "run/channel.h"

#define BIND_TRIES 50  /* a predecessor that was killed may still hold a port for a moment */
#define BIND_PAUSE 100 /* milliseconds */

/* A listener may have a stream socket and, for each loop of its role, a datagram socket. */
static void key_of(struct buf *out, const char *role, const char *kind, str text, int udp)
{
	buf_fmt(out, "%s/%s/%.*s", role, kind, STRF(text));
	if (udp != SUP_STREAM)
		buf_fmt(out, "#udp%d", udp);
}

static struct sup_socket *find(const struct supervisor *s, str key)
{
	for (size_t i = 0; i < s->nsockets; i++)
		if (str_eq(s->sockets[i].key, key))
			return (struct sup_socket *)(uintptr_t)&s->sockets[i];
	return NULL;
}

void sup_socket_add(struct supervisor *s, str key, int fd)
{
	struct buf copy;

	if (s->nsockets == SUP_SOCKETS) {
		(void)close(fd);
		return;
	}
	buf_init(&copy, key.n + 1);
	buf_add(&copy, key);
	s->sockets[s->nsockets++] = (struct sup_socket){ .key = buf_str(&copy), .fd = fd };
}

int sup_socket_of(const struct supervisor *s, const char *role, const char *kind, str text, int udp)
{
	struct buf key;

	buf_init(&key, KIB(1));
	key_of(&key, role, kind, text, udp);
	const struct sup_socket *at = find(s, buf_str(&key));

	buf_free(&key);
	return at ? at->fd : -1;
}

/* Bind retries only where the address is taken by what may be dying. */
static err open_socket(const struct net_addr *a, int udp, int *fd)
{
	err e = OK;

	for (int i = 0; i < BIND_TRIES; i++) {
		const struct timespec pause = { 0, BIND_PAUSE * 1000000L };

		e = udp == SUP_STREAM ? net_listen(a, 0660, fd) : udp_open(a, true, fd);
		if (e == OK || errno != EADDRINUSE || net_is_unix(a))
			break;
		(void)nanosleep(&pause, NULL);
	}
	return e;
}

/* The group of all roles may reach a unix socket; who may speak is the role's own check of
 * credentials. */
static err give_to_group(const struct supervisor *s, const struct net_addr *a, str text)
{
	char path[256];

	if (!s->drop || !net_is_unix(a))
		return OK;
	TRY(str_to_z(str_starts(text, STR("unix:")) ? str_skip(text, 5) : text, path,
		     sizeof(path)));
	if (chown(path, 0, s->group_posta) != 0)
		return fail(E_IO, "%s: %s", path, strerror(errno));
	return OK;
}

static err want(struct supervisor *s, const char *role, const char *kind, const struct net_addr *a,
		str text, int udp)
{
	struct buf key;
	int fd;
	err e = OK;

	buf_init(&key, KIB(1));
	key_of(&key, role, kind, text, udp);
	if (s->nsockets == SUP_SOCKETS) {
		e = fail(E_LIMIT, "more than %d sockets", SUP_SOCKETS);
	} else if (!find(s, buf_str(&key))) {
		e = open_socket(a, udp, &fd);
		if (e == OK) {
			sup_socket_add(s, buf_str(&key), fd);
			e = give_to_group(s, a, text);
		}
	}
	buf_free(&key);
	return e;
}

static void control_path(const struct config *c, const char *role, struct buf *out)
{
	buf_fmt(out, "%s/%s-control.sock", c->run, role);
}

static err want_role(struct supervisor *s, const struct config *c, const struct config_role *r)
{
	struct net_addr control;
	struct buf path;

	for (size_t i = 0; i < r->nlisteners; i++) {
		const struct config_listener *l = &r->listeners[i];

		if (l->l->session)
			TRY(want(s, r->role->name, l->l->kind, &l->addr, l->text, SUP_STREAM));
		for (unsigned k = 0; l->l->datagram && k < r->loops; k++)
			TRY(want(s, r->role->name, l->l->kind, &l->addr, l->text, (int)k));
	}
	buf_init(&path, KIB(1));
	control_path(c, r->role->name, &path);
	err e = net_parse(buf_str(&path), &control);

	if (e == OK)
		e = want(s, r->role->name, "control", &control, buf_str(&path), SUP_STREAM);
	buf_free(&path);
	return e;
}

static void drop_from(struct supervisor *s, size_t first)
{
	for (size_t i = first; i < s->nsockets; i++) {
		(void)close(s->sockets[i].fd);
		mem_free((char *)(uintptr_t)s->sockets[i].key.p);
	}
	s->nsockets = first;
}

err sup_listen(struct supervisor *s, const struct config *c)
{
	size_t before = s->nsockets;

	for (size_t i = 0; i < c->nroles; i++) {
		err e = want_role(s, c, &c->roles[i]);

		if (e) {
			drop_from(s, before);
			return e;
		}
	}
	return OK;
}

static bool is_wanted(const struct supervisor *s, str key)
{
	struct buf b;
	bool found = false;

	buf_init(&b, KIB(2));
	for (size_t i = 0; i < s->config->nroles && !found; i++) {
		const struct config_role *r = &s->config->roles[i];

		for (size_t l = 0; l < r->nlisteners && !found; l++)
			for (int k = SUP_STREAM; k < (int)r->loops && !found; k++) {
				buf_reset(&b);
				key_of(&b, r->role->name, r->listeners[l].l->kind,
				       r->listeners[l].text, k);
				found = str_eq(key, buf_str(&b));
			}
		buf_reset(&b);
		buf_fmt(&b, "%s/control/", r->role->name);
		found |= str_starts(key, buf_str(&b));
	}
	buf_free(&b);
	return found;
}

void sup_listen_prune(struct supervisor *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->nsockets; i++) {
		if (is_wanted(s, s->sockets[i].key)) {
			s->sockets[kept++] = s->sockets[i];
			continue;
		}
		(void)close(s->sockets[i].fd);
		mem_free((char *)(uintptr_t)s->sockets[i].key.p);
	}
	s->nsockets = kept;
}
