/* posta.conf's group "reports". */
#include "services/reports/reports_send.h"

#include "formats/mailauth/report_uri.h"

#define AT(member) offsetof(struct reports_policy, member)
static const struct conf_key keys[] = {
	{ "send", CONF_BOOL, AT(send), 0, 0, "true",
	  "DMARC aggregate reports and TLS reports leave once a day, to those who ask for them" },
	{ "organization", CONF_STR, AT(organization), 0, 0, "",
	  "who reports; empty: the node's hostname" },
	{ "from", CONF_STR, AT(from), 0, 0, "",
	  "their author, of a domain that is signed; empty: postmaster@ the node's hostname" },
	{ "delay", CONF_DURATION, AT(delay), 0, 86400000, "1h",
	  "how long after the day's end (UTC) its reports leave" },
};
#undef AT

void reports_policy_describe(struct buf *out)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		conf_describe(&keys[i], out);
}

static bool is_on_node(const struct role_env *env, const char *role)
{
	const struct conf_node *nodes = conf_find(env->root, "nodes");

	for (size_t i = 0; i < conf_count(nodes); i++)
		if (str_eq(conf_name(conf_at(nodes, i)), env->node))
			return conf_find(conf_at(nodes, i), role) != NULL;
	return false;
}

static bool is_address(const struct role_env *env, str address)
{
	struct report_uri u;
	str uri = arena_fmt(env->arena, "mailto:%.*s", STRF(address));

	return report_next_uri(&uri, &u) && u.n == address.n;
}

err reports_policy_read(const struct role_env *env, struct buf *complaints,
			struct reports_policy *out)
{
	const struct conf_node *n = conf_find(env->root, "reports");

	TRY(conf_read(n, keys, COUNT(keys), out, env->arena, complaints));
	if (out->from.n && !is_address(env, out->from)) {
		conf_complain(conf_find(n, "from"), complaints,
			      "\"%.*s\" is no plain address; write \"postmaster@example.net\"",
			      STRF(out->from));
		return E_SYNTAX;
	}
	if (!str_printable(out->organization)) {
		conf_complain(conf_find(n, "organization"), complaints,
			      "write a name of letters of ASCII: \"Example\"");
		return E_SYNTAX;
	}
	if (!out->organization.n)
		out->organization = env->hostname;
	if (!out->from.n)
		out->from = arena_fmt(env->arena, "postmaster@%.*s", STRF(env->hostname));
	out->has_submission = is_on_node(env, "submission");
	role_socket(env, "submission", "inside", &out->submission);
	return OK;
}
