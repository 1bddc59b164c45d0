/* posta queue: looks at and changes the queues of relay and mx, over their control sockets. */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/limits.h"
#include "posta/cmd.h"

static const char *const roles[] = { "relay", "mx" };

struct asked {
	const char *role; /* NULL: each */
	const char *destination, *address;
	const char *words[3]; /* list; show ID; flush DESTINATION */
	int nwords;
};

/* ---- asking ---- */
static void add_escaped(struct buf *out, const char *z)
{
	str s = str_z(z);

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (ch_alnum(c) || c == '-' || c == '.' || c == '_')
			buf_addc(out, c);
		else
			buf_fmt(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

/* A role that this node does not have has no socket: nothing to complain of. */
static bool is_here(const struct cmd_env *env, const char *role)
{
	CLEANUP(buf_free) struct buf path;
	struct role_env e;
	struct net_addr at;

	cmd_role_env(env, role, &e);
	role_socket(&e, role, "control", &at);
	buf_init(&path, 300);
	net_print(&at, &path);
	buf_addc(&path, '\0');
	return buf_done(&path) == OK && access(path.p + 5 /* unix: */, F_OK) == 0;
}

static bool wanted_role(const struct cmd_env *env, const struct asked *a, const char *role)
{
	return a->role ? str_eq(str_z(a->role), str_z(role)) : is_here(env, role);
}

/* NULL, and in why what was wrong, when the answer is not JSON. */
static json_t *get(const struct cmd_env *env, const char *role, str method, const struct buf *path,
		   int *status, char why[200])
{
	CLEANUP(buf_free) struct buf answer;
	json_error_t e;

	buf_init(&answer, LIM_HTTP_BODY);
	*status = 0;
	err fetched = cmd_control(env, role, method, buf_str(path), STR(""), status, &answer);
	str said = fetched == OK ? str_trim_ws(buf_str(&answer)) : str_z(err_last()->text);

	(void)snprintf(why, 200, "%.*s", STRF(str_take(said, 199)));
	return fetched == OK && *status == 200
		       ? json_loadb(answer.p ? answer.p : "", answer.n, 0, &e)
		       : NULL;
}

static const char *member(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s ? s : "";
}

/* ---- printing ---- */
/* What others sent must not speak to the terminal. */
static void put(const char *z)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_HTTP_ANSWER);
	utf8_add_shown(&b, str_z(z));
	(void)fwrite(b.p, 1, b.n, stdout);
}

static void put_lines(str text)
{
	CLEANUP(buf_free) struct buf b;
	str line;

	buf_init(&b, LIM_HTTP_ANSWER);
	while (str_next(&text, '\n', &line)) {
		if (!text.p && !line.n) /* behind the last line end */
			break;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		for (str word; str_next(&line, '\t', &word);) {
			utf8_add_shown(&b, word);
			if (line.p)
				buf_addc(&b, '\t');
		}
		buf_addc(&b, '\n');
	}
	(void)fwrite(b.p, 1, b.n, stdout);
}

static void print_recipient(const json_t *r)
{
	bool held = str_eq(str_z(member(r, "state")), STR("held"));

	fputs("    ", stdout);
	put(member(r, "address"));
	fputs("  ", stdout);
	put(member(r, "state"));
	printf(" after %d attempts", (int)json_integer_value(json_object_get(r, "attempts")));
	if (!held)
		printf(", next %s", member(r, "next"));
	fputs("\n", stdout);
	if (!*member(r, "text"))
		return;
	fputs("        ", stdout);
	put(member(r, "status"));
	if (*member(r, "server")) {
		fputs(" ", stdout);
		put(member(r, "server"));
	}
	fputs(": ", stdout);
	put(member(r, "text"));
	fputs("\n", stdout);
}

static void print_entry(const json_t *j, const char *queue)
{
	const json_t *rcpts = json_object_get(j, "recipients");
	size_t all = (size_t)json_integer_value(json_object_get(j, "nrcpts"));

	printf("%s  %s  ", member(j, "id"), queue);
	if (*member(j, "error")) {
		printf("unreadable: %s\n", member(j, "error"));
		return;
	}
	printf("%s  %lld octets  from <", member(j, "arrived"),
	       (long long)json_integer_value(json_object_get(j, "size")));
	put(member(j, "from"));
	fputs(">\n", stdout);
	for (size_t i = 0; i < json_array_size(rcpts); i++)
		print_recipient(json_array_get(rcpts, i));
	if (all > json_array_size(rcpts))
		printf("    and %zu more\n", all - json_array_size(rcpts));
}

static int print_json(json_t *j)
{
	int rc = json_dumpf(j, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);

	fputs("\n", stdout);
	json_decref(j);
	return rc == 0 ? CMD_OK : CMD_FAILED;
}

/* ---- list ---- */
static void list_path(const struct asked *a, const char *after, struct buf *path)
{
	buf_reset(path);
	buf_add(path, STR("/queue?max=200&after="));
	add_escaped(path, after);
	if (a->destination) {
		buf_add(path, STR("&destination="));
		add_escaped(path, a->destination);
	}
	if (a->address) {
		buf_add(path, STR("&address="));
		add_escaped(path, a->address);
	}
}

/* All pages of one queue: printed, or appended to all. */
static int list_role(const struct cmd_env *env, const struct asked *a, const char *role,
		     json_t *all, size_t *n)
{
	CLEANUP(buf_free) struct buf path;
	char after[128] = "";
	bool more = true;

	buf_init(&path, KIB(4));
	while (more) {
		int status;
		char why[200];

		list_path(a, after, &path);
		json_t *page = get(env, role, STR("GET"), &path, &status, why);
		json_t *entries = json_object_get(page, "entries");

		if (status != 200 || !page) {
			json_decref(page);
			return cmd_failed(env, "%s: %s", role, why);
		}
		for (size_t i = 0; i < json_array_size(entries); i++) {
			json_t *entry = json_array_get(entries, i);

			(void)json_object_set_new(entry, "queue", json_string(role));
			if (all)
				(void)json_array_append(all, entry);
			else
				print_entry(entry, role);
		}
		*n += json_array_size(entries);
		more = json_is_string(json_object_get(page, "after"));
		(void)snprintf(after, sizeof(after), "%s", member(page, "after"));
		json_decref(page);
	}
	return CMD_OK;
}

static int list(struct cmd_env *env, const struct asked *a)
{
	json_t *all = env->json ? json_array() : NULL;
	int code = CMD_OK;
	size_t n = 0, asked = 0;

	for (size_t i = 0; i < COUNT(roles) && code == CMD_OK; i++) {
		if (!wanted_role(env, a, roles[i]))
			continue;
		asked++;
		code = list_role(env, a, roles[i], all, &n);
	}
	if (code == CMD_OK && !asked)
		code = cmd_failed(env, "neither relay nor mx runs on this node");
	if (code != CMD_OK) {
		json_decref(all);
		return code;
	}
	if (all)
		return print_json(all);
	printf(n ? "%zu messages wait\n" : "no message waits\n", n);
	return CMD_OK;
}

/* ---- one entry ---- */
static int show(const struct cmd_env *env, const char *role, const char *id, json_t *entry)
{
	CLEANUP(buf_free) struct buf path = { 0 };
	int status;
	char why[200];

	if (env->json)
		return print_json(entry);
	print_entry(entry, role);
	json_decref(entry);
	buf_init(&path, KIB(4));
	buf_add(&path, STR("/queue/"));
	add_escaped(&path, id);
	buf_add(&path, STR("/message"));
	json_t *message = get(env, role, STR("GET"), &path, &status, why);

	fputs("\n", stdout);
	put_lines(str_z(member(message, "header")));
	json_decref(message);
	return CMD_OK;
}

/* One request about an entry to the queue that has it. */
static int entry_request(struct cmd_env *env, const struct asked *a, str method, const char *action)
{
	CLEANUP(buf_free) struct buf path;
	const char *id = a->words[1];

	buf_init(&path, KIB(4));
	buf_add(&path, STR("/queue/"));
	add_escaped(&path, id);
	if (*action)
		buf_fmt(&path, "/%s", action);
	for (size_t i = 0; i < COUNT(roles); i++) {
		int status;
		char why[200];

		if (!wanted_role(env, a, roles[i]))
			continue;
		json_t *j = get(env, roles[i], method, &path, &status, why);

		if (status == 200 && str_eq(method, STR("GET")))
			return show(env, roles[i], id, j);
		json_decref(j);
		if (status == 200) {
			if (env->json)
				puts("{\"ok\":true}");
			return CMD_OK;
		}
		if (status != 404)
			return cmd_failed(env, "%s: %s", roles[i], why);
	}
	return cmd_failed(env, "no queue has %s", id);
}

static int flush(struct cmd_env *env, const struct asked *a)
{
	CLEANUP(buf_free) struct buf path;
	int code = CMD_OK;

	buf_init(&path, KIB(4));
	buf_add(&path, STR("/queue/flush?destination="));
	if (a->nwords > 1)
		add_escaped(&path, a->words[1]);
	for (size_t i = 0; i < COUNT(roles) && code == CMD_OK; i++) {
		int status;
		char why[200];

		if (!wanted_role(env, a, roles[i]))
			continue;
		json_decref(get(env, roles[i], STR("POST"), &path, &status, why));
		if (status != 200)
			code = cmd_failed(env, "%s: %s", roles[i], why);
	}
	if (code == CMD_OK && env->json)
		puts("{\"ok\":true}");
	return code;
}

/* ---- the command ---- */
static const struct word {
	str name;
	int least, most; /* words with it */
	str method;
	const char *action;
} words[] = {
	{ S("list"), 1, 1, S(""), "" },
	{ S("show"), 2, 2, S("GET"), "" },
	{ S("retry"), 2, 2, S("POST"), "retry" },
	{ S("hold"), 2, 2, S("POST"), "hold" },
	{ S("release"), 2, 2, S("POST"), "release" },
	{ S("remove"), 2, 2, S("DELETE"), "" },
	{ S("flush"), 1, 2, S(""), "" },
};

static int parse(struct cmd_env *env, int argc, char **argv, struct asked *a)
{
	static const struct {
		const char *name;
		size_t offset;
	} options[] = {
		{ "--role", offsetof(struct asked, role) },
		{ "--destination", offsetof(struct asked, destination) },
		{ "--address", offsetof(struct asked, address) },
	};

	for (int i = 1; i < argc; i++) {
		const char **value = NULL;

		for (size_t k = 0; k < COUNT(options); k++)
			if (str_eq(str_z(argv[i]), str_z(options[k].name)))
				value = (const char **)(void *)((char *)a + options[k].offset);
		if (value && i + 1 < argc)
			*value = argv[++i];
		else if (value || argv[i][0] == '-' || a->nwords == 3)
			return cmd_usage(env, "what is \"%s\"?", argv[i]);
		else
			a->words[a->nwords++] = argv[i];
	}
	if (!a->nwords)
		a->words[a->nwords++] = "list";
	if (a->role && !str_eq(str_z(a->role), STR("relay")) && !str_eq(str_z(a->role), STR("mx")))
		return cmd_usage(env, "--role is relay or mx");
	return CMD_OK;
}

static int run(struct cmd_env *env, int argc, char **argv)
{
	struct asked a = { 0 };
	int code = parse(env, argc, argv, &a);

	if (code != CMD_OK)
		return code;
	for (size_t i = 0; i < COUNT(words); i++) {
		const struct word *w = &words[i];

		if (!str_eq(str_z(a.words[0]), w->name))
			continue;
		if (a.nwords < w->least || a.nwords > w->most)
			return cmd_usage(env, "%s %s", a.words[0],
					 w->least > 1 ? "wants an ID" : "got too many words");
		code = cmd_load(env);
		if (code != CMD_OK)
			return code;
		if (w->method.n)
			return entry_request(env, &a, w->method, w->action);
		return str_eq(w->name, STR("list")) ? list(env, &a) : flush(env, &a);
	}
	return cmd_usage(env, "there is no \"posta queue %s\"", a.words[0]);
}

const struct cmd cmd_queue = {
	.name = "queue",
	.summary = "look at mail that waits, and change its fate",
	.help = "usage: posta queue [list] [--role relay|mx] [--destination D] [--address A] "
		"[--json]\n"
		"       posta queue show ID          envelope, last answers, header\n"
		"       posta queue retry ID         try now\n"
		"       posta queue hold ID          do not try until released\n"
		"       posta queue release ID\n"
		"       posta queue remove ID        without a report to the sender\n"
		"       posta queue flush [DESTINATION]   try all now, or all for a destination\n\n"
		"The queues are those of relay (to the outside) and mx (to mailboxes that are "
		"away).\n\n"
		"example: posta queue list --destination example.org\n",
	.run = run,
};
