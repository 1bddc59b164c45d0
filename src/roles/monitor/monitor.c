/* Each scrape asks every role of this node for its figures; one that does not answer counts as
 * down. */
#include "roles/monitor/monitor.h"

#include "base/limits.h"
#include "clients/http/http_client.h"
#include "run/log.h"
#include "sessions/http/http.h"

#define FETCH_TIME 1000 /* milliseconds for one role's answer */

static const struct role_env *monitor; /* set by start and reload, on the only loop */

/* A role by its socket; true when it answered. */
WAITS static bool fetch(const char *role, struct families *f)
{
	struct net_addr to;
	struct buf text;
	int status = 0;

	role_socket(monitor, role, "control", &to);
	buf_init(&text, LIM_HTTP_ANSWER);
	err e = http_fetch(&to, STR("GET"), STR("/metrics"), STR(""), clock_in(FETCH_TIME), &status,
			   &text);
	bool up = e == OK && status == 200;

	if (up)
		families_add(f, buf_str(&text));
	else
		LOG(LOG_WARN, "monitor.down", KS("role", str_z(role)), KE(e));
	buf_free(&text);
	return up;
}

/* The roles of this node are the groups in its own group. */
WAITS static err scrape(struct buf *out)
{
	const struct conf_node *nodes = conf_find(monitor->root, "nodes"), *node = NULL;
	struct families *f = families_new();
	struct buf up;

	buf_init(&up, KIB(8));
	buf_add(&up, STR("# HELP posta_up Whether a role of this node answers.\n# TYPE posta_up "
			 "gauge\n"));
	for (size_t i = 0; i < conf_count(nodes); i++)
		if (str_eq(conf_name(conf_at(nodes, i)), monitor->node))
			node = conf_at(nodes, i);
	for (size_t i = 0; i < conf_count(node); i++) {
		const struct conf_node *n = conf_at(node, i);
		char name[64];

		if (!conf_is_group(n) || str_to_z(conf_name(n), name, sizeof(name)) != OK)
			continue;
		bool answers = fetch(name, f);

		buf_fmt(&up, "posta_up{role=\"%s\"} %d\n", name, answers);
	}
	buf_add(out, buf_str(&up));
	families_print(f, out);
	buf_free(&up);
	families_free(f);
	return buf_done(out);
}

WAITS static err answer(struct stream *io, const struct http_request *r, str body,
			struct http_answer *out)
{
	(void)io;
	(void)body;
	if (!str_eq(r->method, STR("GET")) && !str_eq(r->method, STR("HEAD")))
		return fail(E_DENIED, "only GET");
	if (!str_eq(r->path, STR("/metrics")))
		return fail(E_NOTFOUND, "the figures are at /metrics");
	out->type = "text/plain; version=0.0.4";
	return scrape(&out->body);
}

WAITS static err session(struct stream *io, const struct listener *l)
{
	(void)l;
	return http_serve(io, answer);
}

WAITS static err configure(const struct role_env *env)
{
	monitor = env;
	return OK;
}

static const struct listener listeners[] = {
	{ .kind = "metrics", .port = 9100, .session = session },
};

const struct role role_monitor = {
	.name = "monitor",
	.user = "posta-monitor",
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.start = configure,
	.reload = configure,
};
