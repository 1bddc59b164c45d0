/* Where other roles are reached, as posta.conf says. */
#include "base/limits.h"
#include "run/role.h"

/* A listener on all addresses is reached on its own machine alone. */
static bool reach(struct net_addr *a, bool here)
{
	CLEANUP(buf_free) struct buf ip = { 0 };
	unsigned port = net_port(a);

	buf_init(&ip, 64);
	net_print_ip(a, &ip);
	bool any6 = str_eq(buf_str(&ip), STR("::"));

	if (!any6 && !str_eq(buf_str(&ip), STR("0.0.0.0")))
		return true;
	if (!here || net_parse(any6 ? STR("[::1]:1") : STR("127.0.0.1:1"), a) != OK)
		return false;
	net_set_port(a, port);
	return true;
}

static bool take(const struct conf_node *n, bool here, enum role_address how, struct net_addr *out)
{
	CLEANUP(buf_free) struct buf ignored = { 0 };

	buf_init(&ignored, KIB(1));
	return net_parse(conf_str(n, &ignored), out) == OK && !net_is_unix(out) &&
	       (how == ROLE_AS_SAID || reach(out, here));
}

size_t role_addresses(const struct role_env *env, str node, const char *path, enum role_address how,
		      struct net_addr *out, size_t max)
{
	const struct conf_node *nodes = conf_find(env->root, "nodes");
	size_t n = 0;

	for (size_t i = 0; i < conf_count(nodes); i++) {
		const struct conf_node *at = conf_at(nodes, i), *l = conf_find(at, path);
		bool here = str_eq(conf_name(at), env->node);
		size_t count = conf_count(l);

		if (!l || (node.n && !str_eq(node, conf_name(at))))
			continue;
		for (size_t k = 0; k < (count ? count : 1) && n < max; k++)
			n += take(count ? conf_at(l, k) : l, here, how, &out[n]);
	}
	return n;
}
