/* posta store: looks after the store's folder itself, while no store role has it open. */
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/cmd.h"
#include "services/mailbox/mailbox.h"

/* What is written to the folder must belong to the role that owns it, not to root. */
static err become_owner(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return fail(E_NOTFOUND, "%s: %m", dir);
	if (geteuid() != 0 || st.st_uid == 0)
		return OK;
	/* With root's other groups what reads a damaged store would still be half root. */
	if (setgroups(0, NULL) != 0 || setgid(st.st_gid) != 0 || setuid(st.st_uid) != 0)
		return fail(E_IO, "becoming the owner of %s: %m", dir);
	return OK;
}

static int open_store(struct cmd_env *env, const char *dir, struct kv **kv)
{
	err e = become_owner(dir);

	if (e == OK)
		e = kv_open_rocksdb(&(struct kv_options){ .dir = dir, .existing = true }, kv);
	if (e == E_AGAIN)
		return cmd_failed(
			env, "%s is in use: stop the store first, or give a copy with --dir", dir);
	if (e != OK)
		return cmd_failed(env, "%s", err_last()->text);
	return CMD_OK;
}

/* ---- verify ---- */
static void json_lines(struct buf *out, str lines)
{
	str line;

	for (bool first = true; str_next(&lines, '\n', &line); first = false) {
		if (!line.n)
			continue;
		if (!first)
			buf_addc(out, ',');
		cmd_json(out, line);
	}
}

static int verify(struct cmd_env *env, const char *dir)
{
	CLEANUP(buf_free) struct buf report = { 0 };
	CLEANUP(buf_free) struct buf json = { 0 };
	uint64_t findings;
	struct kv *kv = NULL;
	int code = open_store(env, dir, &kv);

	if (code != CMD_OK)
		return code;
	buf_init(&report, LIM_REPORT);
	buf_init(&json, 2 * LIM_REPORT);
	err e = mailstore_verify(kv, &report, &findings);
	kv_close(kv);
	if (e != OK)
		return cmd_failed(env, "%s", err_last()->text);
	if (env->json) {
		buf_fmt(&json, "{\"findings\":%llu,\"report\":[", (unsigned long long)findings);
		json_lines(&json, buf_str(&report));
		buf_add(&json, STR("]}\n"));
	}
	report.e = OK; /* a longer report is cut: the exit code still counts */
	code = cmd_print(env->json ? &json : &report);
	return findings ? CMD_FAILED : code;
}

/* ---- compact ---- */
static int compact(struct cmd_env *env, const char *dir)
{
	struct kv_space before = { 0 }, after = { 0 };
	struct kv *kv = NULL;
	int code = open_store(env, dir, &kv);

	if (code != CMD_OK)
		return code;
	err e = kv_space(kv, &before);
	if (e == OK)
		e = kv_compact(kv);
	if (e == OK)
		e = kv_space(kv, &after);
	kv_close(kv);
	if (e != OK)
		return cmd_failed(env, "%s", err_last()->text);
	(void)printf(env->json ? "{\"before\":%llu,\"after\":%llu}\n"
			       : "%llu octets before, %llu after\n",
		     (unsigned long long)before.used, (unsigned long long)after.used);
	return CMD_OK;
}

static int store(struct cmd_env *env, int argc, char **argv)
{
	const char *what = NULL, *dir = NULL;
	char path[1024];

	for (int i = 1; i < argc; i++) {
		if (str_eq(str_z(argv[i]), STR("--dir")) && i + 1 < argc)
			dir = argv[++i];
		else if (argv[i][0] == '-' || what)
			return cmd_usage(env, "what is \"%s\"?", argv[i]);
		else
			what = argv[i];
	}
	bool verifies = what && str_eq(str_z(what), STR("verify"));
	if (!verifies && !(what && str_eq(str_z(what), STR("compact"))))
		return cmd_usage(env, "verify or compact is wanted");
	if (!dir) {
		struct role_env role;
		int code = cmd_load(env);

		if (code != CMD_OK)
			return code;
		cmd_role_env(env, "store", &role);
		(void)snprintf(path, sizeof(path), "%s/mail", role.data);
		dir = path;
	}
	return verifies ? verify(env, dir) : compact(env, dir);
}

const struct cmd cmd_store = {
	.name = "store",
	.summary = "verify or compact the mail store",
	.help = "usage: posta store verify|compact [--dir DIR]\n\n"
		"verify   walks all mailboxes and bodies and says what is wrong: rows or bodies "
		"that\n"
		"         are damaged, counters that do not agree, mail without a body. Exit code "
		"1\n"
		"         when there was a finding. Changes nothing.\n"
		"compact  gives the space of removed mail back to the disk. The running store does "
		"so\n"
		"         by itself, in small steps.\n\n"
		"  --dir DIR  the store's folder, or a copy of it (default: the one of this "
		"node)\n\n"
		"The store must be stopped, or DIR be a copy.\n\n"
		"example: posta store verify --dir /backup/mail\n",
	.run = store,
};
