/* posta filter quarantine: looks at mail beyond its recipients' levels and lets it go, over the
 * control socket of the store. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/enc.h"
#include "base/limits.h"
#include "posta/cmd_filter.h"

static void add_escaped(struct buf *out, const char *z)
{
	str s = str_z(z);

	for (size_t i = 0; i < s.n; i++) {
		if (ch_alnum(s.p[i]) || str_find(STR("-._"), s.p[i]) < 3)
			buf_addc(out, s.p[i]);
		else
			buf_fmt(out, "%%%02X", (unsigned)(unsigned char)s.p[i]);
	}
}

/* The store's answer; NULL after a complaint. */
static json_t *ask(const struct cmd_env *env, str method, const struct buf *path, int *code)
{
	CLEANUP(buf_free) struct buf answer;
	json_error_t why;
	json_t *j = NULL;
	int status = 0;

	buf_init(&answer, LIM_HTTP_ANSWER);
	err e = buf_done(path);

	if (!e)
		e = cmd_control(env, "store", method, buf_str(path), STR(""), &status, &answer);
	if (!e && status == 200)
		j = json_loadb(answer.p ? answer.p : "", answer.n, 0, &why);
	if (j)
		return j;
	if (e)
		*code = cmd_failed(env, "store: %s", err_last()->text);
	else if (status == 404)
		*code = cmd_failed(env, "no such mail in quarantine, or no such user");
	else
		*code = cmd_failed(env, "store: %.*s",
				   STRF(str_take(str_trim_ws(buf_str(&answer)), 300)));
	return NULL;
}

/* ---- list ---- */
/* What strangers wrote must not speak to the terminal. */
static void put(const json_t *j, const char *member, int width)
{
	CLEANUP(buf_free) struct buf b;
	const char *s = json_string_value(json_object_get(j, member));

	buf_init(&b, KIB(4));
	utf8_add_shown(&b, str_z(s ? s : ""));
	printf("%-*.*s  ", width, str_width(buf_str(&b)), buf_str(&b).p);
}

static void print_mails(const json_t *mails)
{
	for (size_t i = 0; i < json_array_size(mails); i++) {
		const json_t *m = json_array_get(mails, i);

		printf("%6" JSON_INTEGER_FORMAT "  ",
		       json_integer_value(json_object_get(m, "uid")));
		put(m, "user", 20);
		put(m, "arrived", 20);
		put(m, "score", 6);
		put(m, "from", 30);
		put(m, "subject", 0);
		fputs("\n", stdout);
	}
}

static int print_json(json_t *j)
{
	int rc = json_dumpf(j, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);

	fputs("\n", stdout);
	json_decref(j);
	return rc == 0 ? CMD_OK : CMD_FAILED;
}

/* One user's, or page by page everybody's. */
static int list(struct cmd_env *env, const char *user)
{
	CLEANUP(buf_free) struct buf path;
	json_t *all = json_array();
	int64_t after = 0;
	int code = CMD_OK;
	size_t n = 0;

	buf_init(&path, KIB(4));
	while (after >= 0 && code == CMD_OK) {
		buf_reset(&path);
		if (user)
			buf_add(&path, STR("/quarantine?user="));
		else
			buf_fmt(&path, "/quarantine?after=%" PRId64, after);
		add_escaped(&path, user ? user : "");
		json_t *page = ask(env, STR("GET"), &path, &code);
		json_t *mails = json_object_get(page, "mails");
		const json_t *next = json_object_get(page, "after");

		n += json_array_size(mails);
		if (env->json)
			(void)json_array_extend(all, mails);
		else
			print_mails(mails);
		after = json_is_integer(next) ? json_integer_value(next) : -1;
		json_decref(page);
	}
	if (env->json && code == CMD_OK)
		return print_json(all);
	json_decref(all);
	if (code == CMD_OK)
		printf(n ? "%zu mails in quarantine\n" : "no mail in quarantine\n", n);
	return code;
}

/* ---- one mail ---- */
static void mail_path(struct buf *path, const char *user, const char *uid, const char *action)
{
	buf_reset(path);
	buf_add(path, STR("/quarantine/"));
	add_escaped(path, user);
	buf_addc(path, '/');
	add_escaped(path, uid);
	buf_add(path, str_z(action));
}

static void put_lines(str text)
{
	CLEANUP(buf_free) struct buf b;
	str line;

	buf_init(&b, LIM_HTTP_ANSWER);
	while (str_next(&text, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		utf8_add_shown(&b, line);
		buf_addc(&b, '\n');
	}
	(void)fwrite(b.p, 1, b.n, stdout);
}

static int show(struct cmd_env *env, const char *user, const char *uid)
{
	CLEANUP(buf_free) struct buf path;
	int code = CMD_OK;

	buf_init(&path, KIB(4));
	mail_path(&path, user, uid, "");
	json_t *j = ask(env, STR("GET"), &path, &code);

	if (!j)
		return code;
	if (env->json)
		return print_json(j);
	const char *text = json_string_value(json_object_get(j, "text"));

	put_lines(str_z(text ? text : ""));
	json_decref(j);
	return CMD_OK;
}

/* Each of the mails; the first that cannot be had ends it. */
static int change(struct cmd_env *env, char **words, int n, str method, const char *action)
{
	CLEANUP(buf_free) struct buf path;
	int code = CMD_OK;

	buf_init(&path, KIB(4));
	for (int i = 1; i < n && code == CMD_OK; i++) {
		mail_path(&path, words[0], words[i], action);
		json_decref(ask(env, method, &path, &code));
	}
	if (code == CMD_OK && env->json)
		puts("{\"ok\":true}");
	else if (code == CMD_OK)
		printf("%d %s\n", n - 1, *action ? "released" : "deleted");
	return code;
}

int cmd_filter_quarantine(struct cmd_env *env, int argc, char **argv)
{
	str verb = argc > 1 ? str_z(argv[1]) : STR("list");
	int n = argc > 2 ? argc - 2 : 0;
	char **words = argv + 2;
	int code = CMD_OK;

	if (!str_eq(verb, STR("list")) && argc == 2 && str_find(verb, '@') < verb.n) {
		verb = STR("list"); /* posta filter quarantine USER */
		words = argv + 1;
		n = 1;
	}
	bool lists = str_eq(verb, STR("list")), shows = str_eq(verb, STR("show"));
	bool releases = str_eq(verb, STR("release")), deletes = str_eq(verb, STR("delete"));

	if (!lists && !shows && !releases && !deletes)
		return cmd_usage(env, "there is no \"quarantine %.*s\"", STRF(verb));
	if (lists ? n > 1 : shows ? n != 2 : n < 2)
		return cmd_usage(env, "quarantine %.*s wants %s", STRF(verb),
				 lists ? "at most a user" : "a user and numbers of mails");
	code = cmd_load(env);
	if (code != CMD_OK)
		return code;
	if (lists)
		return list(env, n ? words[0] : NULL);
	if (shows)
		return show(env, words[0], words[1]);
	return releases ? change(env, words, n, STR("POST"), "/release")
			: change(env, words, n, STR("DELETE"), "");
}
