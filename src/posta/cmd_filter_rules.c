/* posta filter rules: SpamAssassin's rules as they are compiled here. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/cmd_filter.h"
#include "services/filter/filter.h"

enum { MOST = 32 }; /* folders, and files, of the command line */

struct options {
	bool compile, unsupported;
	str folders[MOST], files[MOST];
	size_t nfolders, nfiles;
	const char *cache;
};

/* ---- whose rules ---- */

/* The folder beside the program: what `./run --build` compiled. */
static str beside(struct arena *a)
{
	char self[LIM_FILE_PATH];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));

	if (n <= 0)
		return STR("");
	str path = str_of(self, (size_t)n);

	return arena_fmt(a, "%.*s/rules", STRF(str_take(path, str_rfind(path, '/'))));
}

int cmd_filter_settings(struct cmd_env *env, bool defaults, struct filter_settings *out)
{
	CLEANUP(buf_free) struct buf complaints = { 0 };
	struct role_env role = { .name = "filter", .arena = env->arena };
	bool configured = !defaults && access(env->config_path, R_OK) == 0;

	buf_init(&complaints, KIB(64));
	role.node = role.hostname = STR("localhost");
	if (configured) {
		int code = cmd_load(env);

		if (code != CMD_OK)
			return code;
		cmd_role_env(env, "filter", &role);
	}
	if (filter_read(&role, &complaints, out) != OK)
		return cmd_failed(env, "%.*s", STRF(str_trim_ws(buf_str(&complaints))));
	if (!configured) {
		out->rules.cache = beside(env->arena);
		out->spool_dir = NULL;
		out->directory = NULL;
	}
	return CMD_OK;
}

/* A folder of a role's is written by that role, not by root. */
static err become_owner(const char *folder)
{
	struct stat st;

	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return fail(E_IO, "%s: %s", folder, strerror(errno));
	if (stat(folder, &st) != 0)
		return fail(E_IO, "%s: %s", folder, strerror(errno));
	if (geteuid() != 0 || st.st_uid == 0)
		return OK;
	if (setgroups(0, NULL) != 0 || setgid(st.st_gid) != 0 || setuid(st.st_uid) != 0)
		return fail(E_IO, "becoming the owner of %s: %s", folder, strerror(errno));
	return OK;
}

/* ---- compiling ---- */

static void progress(void *arg, size_t done, size_t total)
{
	size_t *told = arg, percent = total ? done * 100 / total : 100;

	if (percent / 10 == *told / 10 && percent != 100)
		return;
	*told = percent;
	fprintf(stderr, "rules: %zu of %zu patterns compiled\n", done, total);
}

static err load(const struct ruleset_settings *set, struct rules **out)
{
	const struct rules_source src = { .folders = set->folders.v,
					  .nfolders = set->folders.n,
					  .files = set->files.v,
					  .nfiles = set->files.n,
					  .cache = set->cache,
					  .fitted = set->fitted };
	size_t told = 0;

	return rules_load(&src, true, progress, &told, out);
}

static void json_lines(struct buf *out, str lines)
{
	str line;

	for (bool first = true; str_next(&lines, '\n', &line); first = false) {
		if (!line.n)
			continue;
		buf_add(out, first ? STR("\n  ") : STR(",\n  "));
		cmd_json(out, line);
	}
}

static int tell(struct cmd_env *env, const struct options *o, const struct rules *r)
{
	CLEANUP(buf_free) struct buf lines = { 0 }, json = { 0 };

	buf_init(&lines, MIB(4));
	buf_init(&json, MIB(16));
	rules_unsupported(r, &lines);
	if (env->json) {
		buf_fmt(&json, "{\"digest\": \"%.*s\", \"unsupported\": [", STRF(rules_digest(r)));
		json_lines(&json, buf_str(&lines));
		buf_add(&json, STR("\n]}\n"));
		return cmd_print(&json);
	}
	if (o->unsupported)
		return cmd_print(&lines);
	printf("rules: %.16s is ready\n", rules_digest(r).p);
	return CMD_OK;
}

/* ---- the command line ---- */

static bool value(char **argv, int argc, int *i, const char *name, const char **out)
{
	if (!str_eq(str_z(argv[*i]), str_z(name)) || *i + 1 >= argc)
		return false;
	*out = argv[++*i];
	return true;
}

static int parse(struct cmd_env *env, int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		str word = str_z(argv[i]);
		const char *at = NULL;

		if (str_eq(word, STR("--compile")))
			o->compile = true;
		else if (str_eq(word, STR("--unsupported")))
			o->unsupported = true;
		else if (value(argv, argc, &i, "--cache", &o->cache))
			continue;
		else if (o->nfolders < MOST && value(argv, argc, &i, "--folder", &at))
			o->folders[o->nfolders++] = str_z(at);
		else if (o->nfiles < MOST && value(argv, argc, &i, "--file", &at))
			o->files[o->nfiles++] = str_z(at);
		else
			return cmd_usage(env, "what is \"%s\"?", argv[i]);
	}
	return o->compile || o->unsupported || env->json
		       ? CMD_OK
		       : cmd_usage(env, "write --compile or --unsupported");
}

int cmd_filter_rules(struct cmd_env *env, int argc, char **argv)
{
	struct options o = { 0 };
	struct filter_settings set = { 0 };
	struct rules *r = NULL;
	char folder[LIM_FILE_PATH];
	int code = parse(env, argc, argv, &o);

	if (code == CMD_OK)
		code = cmd_filter_settings(env, o.nfolders || o.nfiles, &set);
	if (code != CMD_OK)
		return code;
	if (o.nfolders || o.nfiles) {
		set.rules.folders = (struct conf_strs){ o.folders, o.nfolders };
		set.rules.files = (struct conf_strs){ o.files, o.nfiles };
	}
	if (o.cache)
		set.rules.cache = str_z(o.cache);
	if (set.rules.cache.n &&
	    (str_to_z(set.rules.cache, folder, sizeof(folder)) != OK || become_owner(folder) != OK))
		return cmd_failed(env, "%s", err_last()->text);
	if (load(&set.rules, &r) != OK)
		return cmd_failed(env, "%s", err_last()->text);
	code = tell(env, &o, r);
	rules_drop(r);
	return code;
}
