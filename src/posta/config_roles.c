/* A node's roles and their addresses. */
#include <unistd.h>

#include "base/limits.h"
#include "posta/config.h"
#include "posta/config_part.h"

static const size_t max_names = 64;

void config_unknown(const struct conf_node *n, const struct conf_key *keys, size_t nkeys,
		    struct buf *complaints)
{
	const char *names[64];
	size_t count = 0;

	for (size_t i = 0; i < nkeys && count < max_names; i++)
		names[count++] = keys[i].name;
	for (size_t i = 0; roles[i] && count < max_names; i++)
		names[count++] = roles[i]->name;
	const char *near = conf_nearest(conf_name(n), names, count);

	if (near)
		conf_complain(n, complaints,
			      "unknown setting or role \"%.*s\"; write \"%s\" instead",
			      STRF(conf_name(n)), near);
	else
		conf_complain(n, complaints, "unknown setting or role \"%.*s\"; remove it",
			      STRF(conf_name(n)));
}

err config_node_names(const struct conf_node *n, const struct conf_key *keys, size_t nkeys,
		      struct buf *complaints)
{
	bool bad = false;

	for (size_t i = 0; i < conf_count(n); i++) {
		const struct conf_node *at = conf_at(n, i);
		bool known = role_find(conf_name(at)) != NULL;

		for (size_t k = 0; k < nkeys; k++)
			known |= str_eq(conf_name(at), str_z(keys[k].name));
		if (!known)
			config_unknown(at, keys, nkeys, complaints);
		bad |= !known;
	}
	return bad ? E_SYNTAX : OK;
}

static err add_address(const struct conf_node *n, const struct listener *l, struct config_role *r,
		       struct buf *complaints)
{
	struct config_listener *to = &r->listeners[r->nlisteners];
	str text = conf_str(n, complaints);

	if (text.n == 0)
		return E_SYNTAX;
	if (net_parse(text, &to->addr) != OK) {
		conf_complain(n, complaints,
			      "%s; write an address such as \"127.0.0.1:%u\" or \"[::1]:%u\"",
			      err_last()->text, l->port, l->port);
		return E_SYNTAX;
	}
	to->l = l;
	to->text = text;
	r->nlisteners++;
	return OK;
}

/* nodes.<node>.<role>.<kind>: one address or a list. */
static err add_addresses(const struct conf_node *n, const struct listener *l, struct config_role *r,
			 struct buf *complaints)
{
	err e = OK;

	if (conf_count(n) == 0)
		return add_address(n, l, r, complaints);
	if (conf_count(n) > LIM_ADDRESSES) {
		conf_complain(n, complaints, "more than %d addresses; write fewer", LIM_ADDRESSES);
		return E_SYNTAX;
	}
	for (size_t i = 0; i < conf_count(n); i++)
		if (add_address(conf_at(n, i), l, r, complaints) != OK)
			e = E_SYNTAX;
	return e;
}

static const struct listener *kind_of(const struct role *r, str kind)
{
	for (size_t i = 0; i < r->nlisteners; i++)
		if (r->listeners[i].port && str_eq(kind, str_z(r->listeners[i].kind)))
			return &r->listeners[i];
	return NULL;
}

static void complain_kind(const struct conf_node *n, const struct role *r, struct buf *complaints)
{
	struct buf kinds;

	buf_init(&kinds, KIB(1));
	for (size_t i = 0; i < r->nlisteners; i++)
		if (r->listeners[i].port)
			buf_fmt(&kinds, "%s\"%s\"", kinds.n ? ", " : "", r->listeners[i].kind);
	conf_complain(n, complaints, "the role %s has no listener \"%.*s\"; it has %.*s", r->name,
		      STRF(conf_name(n)),
		      STRF(kinds.n ? buf_str(&kinds) : STR("none with an address")));
	buf_free(&kinds);
}

static err add_internal(struct config *c, const struct listener *l, struct config_role *r)
{
	struct config_listener *to = &r->listeners[r->nlisteners++];

	to->l = l;
	to->text = arena_fmt(&c->arena, "%s/%s-%s.sock", c->run, r->role->name, l->kind);
	return to->text.p ? net_parse(to->text, &to->addr)
			  : fail(E_LIMIT, "the path of a socket is too long");
}

struct of_role {
	int64_t loops, max_connections;
};
static const struct conf_key role_keys[] = {
	{ "loops", CONF_INT, offsetof(struct of_role, loops), 0, LIM_LOOPS, "0",
	  "threads with sessions; 0: the role's own number" },
	{ "max_connections", CONF_INT, offsetof(struct of_role, max_connections), 1, 1000000,
	  "10000", "connections at a time; those above are closed with a temporary error" },
};

static bool is_role_key(str name)
{
	for (size_t i = 0; i < COUNT(role_keys); i++)
		if (str_eq(name, str_z(role_keys[i].name)))
			return true;
	return false;
}

static unsigned cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > LIM_LOOPS ? LIM_LOOPS : (unsigned)n;
}

static err read_role_keys(struct config *c, struct config_role *r, const struct conf_node *n,
			  struct buf *complaints)
{
	struct of_role of;

	TRY(conf_read_known(n, role_keys, COUNT(role_keys), &of, &c->arena, complaints));
	r->max_connections = (unsigned)of.max_connections;
	r->loops = (unsigned)of.loops;
	if (r->loops == 0)
		r->loops = !r->role->wide ? 1 : c->loops ? c->loops : cores();
	return OK;
}

void config_role_settings(struct buf *out)
{
	for (size_t i = 0; i < COUNT(role_keys); i++)
		conf_describe(&role_keys[i], out);
}

static err read_role(struct config *c, const struct role *role, const struct conf_node *n,
		     struct buf *complaints)
{
	struct config_role *r = &c->roles[c->nroles++];
	size_t count = role->nlisteners;

	r->role = role;
	err e = read_role_keys(c, r, n, complaints);

	for (size_t i = 0; i < conf_count(n); i++)
		count += conf_count(conf_at(n, i)) + 1;
	r->listeners = arena_get(&c->arena, size_mul(count, sizeof(*r->listeners)),
				 _Alignof(struct config_listener));
	for (size_t i = 0; i < conf_count(n); i++) {
		const struct listener *l = kind_of(role, conf_name(conf_at(n, i)));

		if (is_role_key(conf_name(conf_at(n, i))))
			continue;
		if (!l)
			complain_kind(conf_at(n, i), role, complaints);
		if (!l || add_addresses(conf_at(n, i), l, r, complaints) != OK)
			e = E_SYNTAX;
	}
	for (size_t i = 0; i < role->nlisteners && e == OK; i++)
		if (role->listeners[i].internal)
			e = add_internal(c, &role->listeners[i], r);
	return e;
}

static err check_role(const struct config *c, const struct role *role, struct arena *a,
		      struct buf *complaints)
{
	struct role_env env;
	size_t before = complaints->n;

	config_role_env(c, role->name, a, &env);
	void *settings = arena_get(a, role->settings, 16);
	err e = role->read ? role->read(&env, complaints, settings) : OK;

	if (e && complaints->n == before)
		conf_complain(env.conf, complaints, "%s: %s", role->name, err_last()->text);
	return e ? E_SYNTAX : OK;
}

err config_roles(struct config *c, const struct conf_node *n, struct buf *complaints)
{
	size_t count = 0;
	err e = OK;

	while (roles[count])
		count++;
	c->roles = arena_get(&c->arena, size_mul(count + 1, sizeof(*c->roles)),
			     _Alignof(struct config_role));
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *at = conf_find(n, roles[i]->name);

		if (at && (read_role(c, roles[i], at, complaints) != OK ||
			   check_role(c, roles[i], &c->arena, complaints) != OK))
			e = E_SYNTAX;
	}
	if (c->nroles == 0) {
		conf_complain(n, complaints,
			      "the node has no role; write for example monitor: { };");
		e = E_SYNTAX;
	}
	return e;
}
