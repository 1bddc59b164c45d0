/* Which filters a role of this node asks. */
#include "base/limits.h"
#include "services/verdict/verdict.h"

static const struct conf_node *this_node(const struct role_env *env)
{
	const struct conf_node *nodes = conf_find(env->root, "nodes");

	for (size_t i = 0; i < conf_count(nodes); i++)
		if (str_eq(conf_name(conf_at(nodes, i)), env->node))
			return conf_at(nodes, i);
	return NULL;
}

static err read_addresses(const struct role_env *env, struct buf *complaints,
			  const struct conf_strs *texts, struct net_addr *v, size_t *n)
{
	for (size_t i = 0; i < texts->n; i++) {
		if (!texts->v[i].n || str_eq(texts->v[i], STR("none")))
			continue;
		if (net_parse(texts->v[i], &v[*n]) != OK) {
			conf_complain(conf_find(env->conf, "filters"), complaints,
				      "\"%.*s\" is not an address: %s", STRF(texts->v[i]),
				      err_last()->text);
			return E_SYNTAX;
		}
		++*n;
	}
	return OK;
}

err verdict_filters(const struct role_env *env, struct buf *complaints,
		    const struct conf_strs *texts, const struct net_addr **out, size_t *n)
{
	size_t room = texts->n > LIM_FILTERS ? texts->n : LIM_FILTERS;
	struct net_addr *v = arena_get(env->arena, size_mul(room, sizeof(*v)), 16);
	const struct conf_node *node = this_node(env);

	*out = v;
	*n = 0;
	if (texts->n && !(texts->n == 1 && !texts->v[0].n))
		return read_addresses(env, complaints, texts, v, n);
	if (node && conf_find(node, "filter")) {
		role_socket(env, "filter", "filter", v);
		*n = 1;
	} else {
		*n = role_addresses(env, STR(""), "filter.filter", ROLE_REACHED, v, LIM_FILTERS);
	}
	return OK;
}
