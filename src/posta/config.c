#include "posta/config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/config_part.h"
#include "run/file.h"
#include "services/backends/backends.h"
#include "services/attachments/attachments.h"
#include "services/blacklists/blacklists.h"
#include "services/reports/reports_send.h"
#include "services/verdict/verdict.h"

struct top {
	str node, data, accounting, run, log;
	const struct conf_node *nodes, *tls, *mail_dns, *dkim;
};
static const struct conf_key top_keys[] = {
	{ "node", CONF_STR, offsetof(struct top, node), 0, 0, "",
	  "which of \"nodes\" this machine is" },
	{ "data", CONF_STR, offsetof(struct top, data), 0, 0, "/var/lib/posta",
	  "folder of all data" },
	{ "run", CONF_STR, offsetof(struct top, run), 0, 0, "/run/posta",
	  "folder of the unix sockets" },
	{ "accounting", CONF_STR, offsetof(struct top, accounting), 0, 0, "",
	  "folder of accounting.db, which two radius servers of one machine may share; default: in "
	  "data" },
	{ "log", CONF_STR, offsetof(struct top, log), 0, 0, "info",
	  "the least that is logged: debug, info, warn or error" },
	{ "nodes", CONF_NODE, offsetof(struct top, nodes), 0, 0, NULL,
	  "the machines and the roles of each" },
	{ "tls", CONF_NODE, offsetof(struct top, tls), 0, 0, "", "certs: the certificates" },
	{ "mail_dns", CONF_NODE, offsetof(struct top, mail_dns), 0, 0, "",
	  "what mail domains have in the DNS" },
	{ "dkim", CONF_NODE, offsetof(struct top, dkim), 0, 0, "", "how DKIM keys take turns" },
};

struct node {
	bool all_in_one;
	str hostname;
	int64_t drain, loops;
};
static const struct conf_key node_keys[] = {
	{ "all_in_one", CONF_BOOL, offsetof(struct node, all_in_one), 0, 0, "false",
	  "allow incoming and outgoing mail on one machine" },
	{ "hostname", CONF_STR, offsetof(struct node, hostname), 0, 0, "",
	  "its name in greetings; default: the system's" },
	{ "drain", CONF_DURATION, offsetof(struct node, drain), 0, 3600 * 1000, "20s",
	  "time that sessions get to end in at a stop or upgrade" },
	{ "loops", CONF_INT, offsetof(struct node, loops), 0, 256, "0",
	  "threads of a role with many sessions; 0: one a core" },
};

static bool is_group_of_a_role(str name)
{
	for (size_t i = 0; roles[i]; i++) {
		if (str_eq(name, str_z(roles[i]->name)))
			return true;
		for (size_t g = 0; roles[i]->groups && roles[i]->groups[g]; g++)
			if (str_eq(name, str_z(roles[i]->groups[g])))
				return true;
	}
	return false;
}

/* The top without the groups that roles read for themselves, so that conf_read judges the rest. */
static err read_top(struct config *c, struct buf *complaints, struct top *top)
{
	const struct conf_node *root = conf_root(c->conf);
	bool bad = false;

	for (size_t i = 0; i < conf_count(root); i++) {
		const struct conf_node *n = conf_at(root, i);
		bool known = is_group_of_a_role(conf_name(n));

		for (size_t k = 0; k < COUNT(top_keys); k++)
			known |= str_eq(conf_name(n), str_z(top_keys[k].name));
		if (!known) {
			config_unknown(n, top_keys, COUNT(top_keys), complaints);
			bad = true;
		}
	}
	err e = conf_read_known(root, top_keys, COUNT(top_keys), top, &c->arena, complaints);

	return bad ? E_SYNTAX : e;
}

/* The file's own nodes only: which one is this machine. */
static err pick_node(struct config *c, const struct top *top, const char *option,
		     struct buf *complaints, const struct conf_node **out)
{
	str want = option ? str_z(option) : top->node;
	struct buf names;

	if (want.n == 0 && conf_count(top->nodes) == 1) {
		*out = conf_at(top->nodes, 0);
		return OK;
	}
	buf_init(&names, KIB(1));
	for (size_t i = 0; i < conf_count(top->nodes); i++) {
		const struct conf_node *n = conf_at(top->nodes, i);

		buf_fmt(&names, "%s\"%.*s\"", i ? ", " : "", STRF(conf_name(n)));
		if (str_eq(conf_name(n), want))
			*out = n;
	}
	if (!*out && want.n == 0)
		conf_complain(top->nodes, complaints,
			      "which node is this? write node = ...; or --node, one of %.*s",
			      STRF(buf_str(&names)));
	else if (!*out)
		conf_complain(top->nodes, complaints,
			      "there is no node \"%.*s\"; write one of %.*s", STRF(want),
			      STRF(buf_str(&names)));
	buf_free(&names);
	return *out ? OK : E_SYNTAX;
}

static str own_hostname(struct arena *a)
{
	char name[256] = "";

	(void)gethostname(name, sizeof(name) - 1);
	return arena_dup(a, str_z(name[0] ? name : "localhost"));
}

static void set_paths(struct config *c, const struct top *top)
{
	c->data = arena_z(&c->arena, top->data);
	c->run = arena_z(&c->arena, top->run);
	c->directory = arena_fmt(&c->arena, "%s/directory/directory.db%c", c->data, 0).p;
	c->secrets = arena_fmt(&c->arena, "%s/secrets/secrets.db%c", c->data, 0).p;
	c->secret_key = arena_fmt(&c->arena, "%s/secrets/secret.key%c", c->data, 0).p;
	c->zone_keys = arena_fmt(&c->arena, "%s/zonekeys/zonekeys.db%c", c->data, 0).p;
	c->zone_key = arena_fmt(&c->arena, "%s/zonekeys/zone.key%c", c->data, 0).p;
	c->trace = arena_fmt(&c->arena, "%s/trace%c", c->data, 0).p;
	str accounting = top->accounting.n ? top->accounting
					   : arena_fmt(&c->arena, "%s/accounting", c->data);

	c->accounting = arena_fmt(&c->arena, "%.*s/accounting.db%c", STRF(accounting), 0).p;
}

static err read_log_level(struct config *c, str name, struct buf *complaints)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_eq(name, str_z(names[i]))) {
			c->log_level = (enum log_level)i;
			return OK;
		}
	conf_complain(conf_find(conf_root(c->conf), "log"), complaints,
		      "\"%.*s\" is no level; write debug, info, warn or error", STRF(name));
	return E_SYNTAX;
}

static err read_node(struct config *c, const struct conf_node *n, struct buf *complaints)
{
	struct node node;

	TRY(config_node_names(n, node_keys, COUNT(node_keys), complaints));
	TRY(conf_read_known(n, node_keys, COUNT(node_keys), &node, &c->arena, complaints));
	c->node = conf_name(n);
	c->all_in_one = node.all_in_one;
	c->hostname = node.hostname.n ? node.hostname : own_hostname(&c->arena);
	c->drain = node.drain;
	c->loops = (unsigned)node.loops;
	err e = config_roles(c, n, complaints), e2 = config_mail(c, complaints);
	err e3 = config_dkim(c, complaints);

	return e ? e : e2 ? e2 : e3;
}

static err read_all(struct config *c, const char *option, struct buf *complaints)
{
	struct top top = { 0 };
	const struct conf_node *node = NULL;

	TRY(conf_parse(c->text, str_z(c->path), complaints, &c->conf));
	err e = read_top(c, complaints, &top);

	if (top.data.n)
		set_paths(c, &top);
	if (top.log.p && read_log_level(c, top.log, complaints) != OK)
		e = E_SYNTAX;
	if (top.nodes && pick_node(c, &top, option, complaints, &node) == OK) {
		err e2 = read_node(c, node, complaints);

		e = e ? e : e2;
	} else {
		e = E_SYNTAX;
	}
	err e3 = config_certs(c, top.tls, complaints);

	e = e ? e : e3;
	return e ? e : config_rules(c, node, complaints);
}

err config_read(const char *path, const char *node, struct buf *complaints, struct config **out)
{
	struct config *c = MEM_NEW(struct config);
	struct buf text;
	err e;

	arena_init(&c->arena, LIM_CONF * 4);
	buf_init(&text, LIM_CONF);
	c->path = arena_z(&c->arena, str_z(path));
	e = file_read(path, &text);
	if (e == E_NOTFOUND)
		e = fail(E_IO, "%s: no such file; name the configuration with --config FILE", path);
	c->text = arena_dup(&c->arena, buf_str(&text));
	buf_free(&text);
	if (e == OK)
		e = read_all(c, node, complaints);
	if (e) {
		config_free(c);
		return e == E_IO || e == E_LIMIT ? e : fail(E_SYNTAX, "%s has errors", path);
	}
	*out = c;
	return OK;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	conf_free(c->conf);
	arena_free(&c->arena);
	mem_free(c);
}

static bool has_zone_keys(const char *role)
{
	for (size_t i = 0; roles[i]; i++)
		if (str_eq(str_z(roles[i]->name), str_z(role)))
			return roles[i]->may & MAY_ZONE_KEYS;
	return false;
}

void config_role_env(const struct config *c, const char *role, struct arena *a,
		     struct role_env *out)
{
	bool zone_keys = has_zone_keys(role);

	*out = (struct role_env){
		.name = role,
		.node = c->node,
		.hostname = c->hostname,
		.conf = conf_find(conf_root(c->conf), role),
		.root = conf_root(c->conf),
		.data = arena_fmt(a, "%s/%s%c", c->data, role, 0).p,
		.directory = c->directory,
		.secrets = zone_keys ? c->zone_keys : c->secrets,
		.secret_key = zone_keys ? c->zone_key : c->secret_key,
		.run = c->run,
		.trace = c->trace,
		.accounting = c->accounting,
		.arena = a,
		.loops = c->loops ? c->loops : 1,
	};
}

static void describe_keys(const struct conf_key *keys, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		conf_describe(&keys[i], out);
}

static void describe_role(const struct role *r, struct buf *out)
{
	buf_fmt(out, "\nnodes.<node>.%s: addresses, a list of \"ADDRESS:PORT\" each\n", r->name);
	for (size_t l = 0; l < r->nlisteners; l++)
		if (r->listeners[l].port)
			buf_fmt(out, "  %-24s standard port %u%s\n", r->listeners[l].kind,
				r->listeners[l].port, r->listeners[l].tls ? ", TLS" : "");
	if (r->nkeys)
		buf_fmt(out, "\n%s:\n", r->name);
	describe_keys(r->keys, r->nkeys, out);
	for (size_t i = 0; i < r->nlists; i++) {
		buf_fmt(out, "\n%s.%s, each:\n", r->name, r->lists[i].name);
		describe_keys(r->lists[i].keys, r->lists[i].nkeys, out);
	}
}

void config_settings(struct buf *out)
{
	buf_add(out, STR("posta.conf:\n"));
	describe_keys(top_keys, COUNT(top_keys), out);
	buf_add(out, STR("\ntls.certs, each:\n"));
	config_cert_settings(out);
	buf_add(out, STR("\nbackends.<name>:\n"));
	backends_describe(out);
	buf_add(out, STR("\nattachments:\n"));
	attachments_describe(out);
	buf_add(out, STR("\nblacklists:\n"));
	blacklists_describe(out);
	buf_add(out, STR("\nverdict:\n"));
	verdict_describe(out);
	buf_add(out, STR("\nreports:\n"));
	reports_policy_describe(out);
	buf_add(out, STR("\nmail_dns:\n"));
	config_mail_settings(out);
	buf_add(out, STR("\ndkim:\n"));
	config_dkim_settings(out);
	buf_add(out, STR("\nnodes.<node>:\n"));
	describe_keys(node_keys, COUNT(node_keys), out);
	buf_add(out, STR("\nnodes.<node>.<role>:\n"));
	config_role_settings(out);
	for (size_t i = 0; roles[i]; i++)
		describe_role(roles[i], out);
}
