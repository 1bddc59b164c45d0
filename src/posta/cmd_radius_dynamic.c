/* posta radius disconnect, coa: changes a session at the access server that has it (RFC 5176),
 * through the running role. */
#include <jansson.h>
#include <stdio.h>

#include "base/limits.h"
#include "posta/cmd_radius.h"

/* Exit code: were all of them acknowledged? */
static int print_sessions(const struct cmd_env *env, const struct buf *answer)
{
	json_error_t e;
	json_t *j = json_loadb(answer->p ? answer->p : "", answer->n, 0, &e);
	const json_t *list = json_object_get(j, "sessions");
	int code = json_is_array(list) ? CMD_OK : CMD_FAILED;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);
		const char *said = json_string_value(json_object_get(s, "answer"));
		json_int_t cause = json_integer_value(json_object_get(s, "cause"));

		if (!said || !str_eq(str_z(said), STR("ack")))
			code = CMD_FAILED;
		if (env->json)
			continue;
		printf("%s at %s: %s", json_string_value(json_object_get(s, "session")),
		       json_string_value(json_object_get(s, "nas")), said ? said : "");
		if (cause)
			printf(", cause %lld", (long long)cause);
		putchar('\n');
	}
	json_decref(j);
	if (env->json)
		(void)!cmd_print(answer);
	return code;
}

static int ask(struct cmd_env *env, const char *what, const char *login, const char *session,
	       str body)
{
	CLEANUP(buf_free) struct buf path = { 0 }, answer = { 0 };
	int status, code = cmd_load(env);

	if (code != CMD_OK)
		return code;
	buf_init(&path, KIB(2));
	buf_init(&answer, LIM_HTTP_ANSWER);
	buf_fmt(&path, "/%s/%s%s%s", what, login, session ? "/" : "", session ? session : "");
	if (cmd_control(env, "radius", STR("POST"), buf_str(&path), body, &status, &answer) != OK)
		return cmd_failed(env, "%s", err_last()->text);
	if (status != 200)
		return cmd_failed(env, "%.*s", STRF(str_trim_ws(buf_str(&answer))));
	return print_sessions(env, &answer);
}

int cmd_radius_disconnect(struct cmd_env *env, int argc, char **argv)
{
	if (argc < 2 || argc > 3)
		return cmd_usage(env, "write: posta radius disconnect LOGIN [SESSION]");
	return ask(env, "disconnect", argv[1], argc > 2 ? argv[2] : NULL, STR(""));
}

int cmd_radius_coa(struct cmd_env *env, int argc, char **argv)
{
	if (argc < 3 || argc > 4)
		return cmd_usage(
			env, "write: posta radius coa LOGIN \"ATTRIBUTE = VALUE, ...\" [SESSION]");
	return ask(env, "coa", argv[1], argc > 3 ? argv[3] : NULL, str_z(argv[2]));
}
