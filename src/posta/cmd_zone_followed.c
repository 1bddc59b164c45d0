/* posta zone followed: the zones that the running name server takes from others. */
#include <jansson.h>
#include <stdio.h>

#include "base/limits.h"
#include "posta/cmd_zone.h"

static void print_line(const json_t *z)
{
	long long serial = json_integer_value(json_object_get(z, "serial"));
	long long failures = json_integer_value(json_object_get(z, "failures"));
	const char *name = json_string_value(json_object_get(z, "zone"));

	printf("%-40s ", name ? name : "");
	if (json_is_true(json_object_get(z, "served")))
		printf("serial %-12lld", serial);
	else
		printf("%-19s", "NOT SERVED");
	printf(" next look in %lld s",
	       (long long)json_integer_value(json_object_get(z, "refresh_in")));
	if (failures)
		printf(", failed %lld times", failures);
	putchar('\n');
}

static int print_table(const struct cmd_env *env, const struct buf *answer)
{
	json_error_t e;
	json_t *j = json_loadb(answer->p ? answer->p : "", answer->n, 0, &e), *z;
	size_t i;

	if (!j)
		return cmd_failed(env, "the name server's answer is not understood");
	json_array_foreach(json_object_get(j, "zones"), i, z) print_line(z);
	json_decref(j);
	return CMD_OK;
}

int cmd_zone_followed(struct dircmd *c, int argc, char **argv)
{
	CLEANUP(buf_free) struct buf answer = { 0 };
	int status = 0, code = dircmd_parse(c, argc, argv, NULL, NULL, 0, 0);

	if (code == CMD_OK)
		code = cmd_load(c->env);
	if (code != CMD_OK)
		return code;
	buf_init(&answer, LIM_HTTP_ANSWER);
	if (cmd_control(c->env, "dns", STR("GET"), STR("/transfers"), STR(""), &status, &answer) !=
		    OK ||
	    status != 200)
		return cmd_failed(c->env, "the name server does not answer; is it running?");
	return c->env->json ? cmd_print(&answer) : print_table(c->env, &answer);
}
