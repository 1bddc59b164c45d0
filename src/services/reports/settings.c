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
	{ "via", CONF_STR, AT(via), 0, 0, "",
	  "\"192.0.2.5:587\": the submission server that takes and signs them, for nodes without "
	  "one; empty: this node's" },
	{ "via_name", CONF_STR, AT(via_name), 0, 0, "",
	  "its name, which its certificate must bear" },
	{ "via_verify", CONF_BOOL, AT(via_verify), 0, 0, "true",
	  "false: its certificate is not looked at (a network of one's own)" },
	{ "user", CONF_STR, AT(user), 0, 0, "", "login there" },
	{ "password", CONF_STR, AT(password), 0, 0, "", "its password" },
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

/* Over TLS always: a password goes along. */
static err read_via(const struct conf_node *n, struct buf *complaints, struct reports_policy *out)
{
	const char *like = NULL;

	if (net_parse(out->via, &out->submission) != OK || net_is_unix(&out->submission))
		like = "via = \"192.0.2.5:587\"";
	else if (!out->user.n || !out->password.n)
		like = "user = \"reports@example.net\" and password";
	else if (out->via_verify && !out->via_name.n)
		like = "via_name = \"smtp.example.net\"";
	out->has_submission = true;
	if (!like)
		return OK;
	conf_complain(n, complaints, "\"via\" needs an address, a login and a name; write %s",
		      like);
	return E_SYNTAX;
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
	if (out->via.n)
		return read_via(n, complaints, out);
	out->has_submission = is_on_node(env, "submission");
	role_socket(env, "submission", "inside", &out->submission);
	return OK;
}
