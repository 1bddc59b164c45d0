#include "posta/cmd.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/enc.h"
#include "base/limits.h"
#include "clients/http/http_client.h"
#include "posta/config.h"
#include "run/fiber.h"

#define CONTROL_TIME 30000 /* milliseconds for a role to answer */

int cmd_load(struct cmd_env *env)
{
	struct buf complaints;

	buf_init(&complaints, LIM_CONF_COMPLAINTS);
	err e = config_read(env->config_path, env->node_option, &complaints, &env->config);

	if (complaints.n)
		fprintf(stderr, "%.*s", STRF(buf_str(&complaints)));
	else if (e)
		fprintf(stderr, "posta: %s\n", err_last()->text);
	buf_free(&complaints);
	if (e)
		return CMD_FAILED;
	env->data = env->config->data;
	return CMD_OK;
}

void cmd_role_env(const struct cmd_env *env, const char *role, struct role_env *out)
{
	config_role_env(env->config, role, env->arena, out);
}

int cmd_usage(const struct cmd_env *env, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "posta %s: ", env->cmd->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n`posta %s --help` shows how to use it\n", env->cmd->name);
	return CMD_USAGE;
}

/* What a terminal might obey is escaped; what is not even UTF-8 becomes U+FFFD. */
static void json_char(struct buf *out, int32_t cp)
{
	if (cp == '"' || cp == '\\')
		buf_fmt(out, "\\%c", (char)cp);
	else if (utf8_shown(cp) || cp > 0xffff)
		utf8_add(out, cp);
	else
		buf_fmt(out, "\\u%04x", (unsigned)cp);
}

void cmd_json(struct buf *out, str s)
{
	buf_addc(out, '"');
	while (s.n)
		json_char(out, utf8_next(&s));
	buf_addc(out, '"');
}

int cmd_failed(const struct cmd_env *env, const char *fmt, ...)
{
	struct buf text, json;
	va_list ap;

	buf_init(&text, KIB(4));
	va_start(ap, fmt);
	buf_vfmt(&text, fmt, ap);
	va_end(ap);
	if (env->json) {
		buf_init(&json, KIB(32));
		buf_add(&json, STR("{\"error\": "));
		cmd_json(&json, buf_str(&text));
		buf_add(&json, STR("}\n"));
		cmd_print(&json);
		buf_free(&json);
	}
	fprintf(stderr, "posta %s: %.*s\n", env->cmd->name, STRF(buf_str(&text)));
	buf_free(&text);
	return CMD_FAILED;
}

struct control {
	struct net_addr to;
	str method, path, body;
	int *status;
	struct buf *answer;
};

WAITS static err ask(void *arg)
{
	struct control *c = arg;

	return http_fetch(&c->to, c->method, c->path, c->body, clock_in(CONTROL_TIME), c->status,
			  c->answer);
}

err cmd_control(const struct cmd_env *env, const char *role, str method, str path, str body,
		int *status, struct buf *answer)
{
	struct control c = {
		.method = method, .path = path, .body = body, .status = status, .answer = answer
	};
	struct role_env role_env;

	cmd_role_env(env, role, &role_env);
	role_socket(&role_env, role, "control", &c.to);
	return loop_main(ask, &c);
}

int cmd_print(const struct buf *b)
{
	bool whole = b->n == 0 || fwrite(b->p, 1, b->n, stdout) == b->n;

	return whole && fflush(stdout) == 0 && !b->e ? CMD_OK : CMD_FAILED;
}
