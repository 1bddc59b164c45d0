/* posta filter learn, forget: lessons in a user's name, by the running role. */
#include <stdio.h>

#include "base/limits.h"
#include "posta/cmd_filter.h"
#include "run/file.h"

static int ask(struct cmd_env *env, str path, str body)
{
	CLEANUP(buf_free) struct buf answer = { 0 };
	int status;

	buf_init(&answer, LIM_HTTP_ANSWER);
	if (cmd_control(env, "filter", STR("POST"), path, body, &status, &answer) != OK)
		return cmd_failed(env, "%s", err_last()->text);
	if (status != 200)
		return cmd_failed(env, "%.*s", STRF(str_trim_ws(buf_str(&answer))));
	return CMD_OK;
}

static int teach(struct cmd_env *env, const char *what, const char *user, const char *file)
{
	CLEANUP(buf_free) struct buf message = { 0 };

	/* The control socket takes no more, and more than its beginning no filter learns from. */
	buf_init(&message, LIM_HTTP_BODY);
	err e = file_read(str_eq(str_z(file), STR("-")) ? "/dev/stdin" : file, &message);

	if (e != OK && e != E_LIMIT)
		return cmd_failed(env, "%s", err_last()->text);
	return ask(env, arena_fmt(env->arena, "/learn/%s/%s", what, user), buf_str(&message));
}

int cmd_filter_learn(struct cmd_env *env, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int done = 0;

	if (argc < 4 || (!str_eq(str_z(what), STR("spam")) && !str_eq(str_z(what), STR("ham"))))
		return cmd_usage(env, "write: learn spam|ham USER FILE...");
	int code = cmd_load(env);

	for (int i = 3; i < argc && code == CMD_OK; i++) {
		code = teach(env, what, argv[2], argv[i]);
		done += code == CMD_OK;
	}
	if (code == CMD_OK && env->json)
		printf("{\"user\": \"%s\", \"learned\": %d}\n", argv[2], done);
	else if (code == CMD_OK)
		printf("%s: %d messages learned as %s\n", argv[2], done, what);
	return code;
}

int cmd_filter_forget(struct cmd_env *env, int argc, char **argv)
{
	if (argc != 2)
		return cmd_usage(env, "write: forget USER");
	int code = cmd_load(env);

	return code != CMD_OK ? code
			      : ask(env, arena_fmt(env->arena, "/forget/%s", argv[1]), STR(""));
}
