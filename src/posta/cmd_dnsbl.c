/* posta dnsbl: the lists of the running mirror, and files before they are served. */
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "base/date.h"
#include "base/limits.h"
#include "posta/cmd.h"
#include "run/file.h"
#include "services/blacklists/blacklists.h"
#include "services/lists/lists.h"

/* ---- the running role ---- */

static json_t *ask(const struct cmd_env *env, str method, str path)
{
	CLEANUP(buf_free) struct buf answer = { 0 };
	json_error_t e;
	json_t *j;
	int status;

	buf_init(&answer, LIM_HTTP_ANSWER);
	if (cmd_control(env, "dnsbl", method, path, STR(""), &status, &answer) != OK) {
		(void)!cmd_failed(env, "%s", err_last()->text);
		return NULL;
	}
	if (status != 200) {
		(void)!cmd_failed(env, "%.*s", STRF(str_trim_ws(buf_str(&answer))));
		return NULL;
	}
	if (env->json) {
		(void)!cmd_print(&answer);
		return json_object();
	}
	j = json_loadb(answer.p ? answer.p : "", answer.n, 0, &e);
	if (!j)
		(void)!cmd_failed(env, "the role's answer is not JSON");
	return j;
}

static const char *text(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s ? s : "";
}

static void print_list(const json_t *l)
{
	const json_t *alarms = json_object_get(l, "alarms");
	CLEANUP(buf_free) struct buf when = { 0 };
	json_int_t changed = json_integer_value(json_object_get(l, "changed"));

	buf_init(&when, 64);
	if (changed)
		date_add_iso(&when, changed);
	else
		buf_addc(&when, '-');
	printf("%-32s %-9s %10lld %12lld  %-21.*s", text(l, "zone"), text(l, "type"),
	       (long long)json_integer_value(json_object_get(l, "entries")),
	       (long long)json_integer_value(json_object_get(l, "octets")), STRF(buf_str(&when)));
	for (size_t i = 0; i < json_array_size(alarms); i++)
		printf(" %s", json_string_value(json_array_get(alarms, i)));
	putchar('\n');
}

static int show(const struct cmd_env *env, str method, str path)
{
	json_t *j = ask(env, method, path);
	const json_t *lists = json_object_get(j, "lists");

	if (!j)
		return CMD_FAILED;
	if (!env->json)
		printf("%-32s %-9s %10s %12s  %-21s %s\n", "zone", "type", "entries", "octets",
		       "changed", "alarms");
	for (size_t i = 0; i < json_array_size(lists); i++)
		print_list(json_array_get(lists, i));
	json_decref(j);
	return CMD_OK;
}

static int accept_list(const struct cmd_env *env, const char *zone)
{
	CLEANUP(buf_free) struct buf path = { 0 };

	buf_init(&path, KIB(1));
	buf_fmt(&path, "/accept/%s", zone);
	return show(env, STR("POST"), buf_str(&path));
}

/* ---- files ---- */

static void print_checked(const struct cmd_env *env, const char *path, const struct list *l,
			  size_t bad, double seconds)
{
	if (env->json)
		printf("{\"file\": \"%s\", \"entries\": %zu, \"octets\": %zu, \"bad\": %zu, "
		       "\"seconds\": %.3f}\n",
		       path, list_entries(l), list_octets(l), bad, seconds);
	else
		printf("%s: %zu entries, %zu octets in memory, %zu bad lines, loaded in %.3f s\n",
		       path, list_entries(l), list_octets(l), bad, seconds);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int check(const struct cmd_env *env, const char *type, const char *path)
{
	CLEANUP(buf_free) struct buf file = { 0 }, complaints = { 0 };
	struct list_options o = { 0 };
	struct list *l;
	str lines, line;
	size_t bad = 0;

	if (rbl_type_parse(str_z(type), &o.type) != OK)
		return cmd_usage(env, "%s", err_last()->text);
	buf_init(&file, LIM_RBL_FILE);
	buf_init(&complaints, MIB(16));
	double began = now();

	if (file_read(path, &file) != OK)
		return cmd_failed(env, "%s", err_last()->text);
	const struct list_file f = { str_z(path), buf_str(&file), 0 };
	err e = list_load(&o, &f, 1, &complaints, &l);
	double took = now() - began;

	lines = buf_str(&complaints);
	while (lines.n && str_next(&lines, '\n', &line) && line.n) {
		fprintf(stderr, "%.*s\n", STRF(line));
		bad++;
	}
	if (e)
		return cmd_failed(env, "%s", err_last()->text);
	print_checked(env, path, l, bad, took);
	list_drop(l);
	return bad ? CMD_FAILED : CMD_OK;
}

/* ---- asking, as mx and the filter do ---- */

struct query {
	const struct blacklists_settings *set;
	const char *what;
	struct blacklist_question *v;
	size_t n;
};

WAITS static err query_fiber(void *arg)
{
	struct query *q = arg;
	struct net_addr who;
	struct buf with_port;

	buf_init(&with_port, 300);
	buf_fmt(&with_port, str_find(str_z(q->what), ':') < str_z(q->what).n ? "[%s]:0" : "%s:0",
		q->what);
	bool ip = net_parse(buf_str(&with_port), &who) == OK;

	buf_free(&with_port);
	for (size_t i = 0; i < q->set->n; i++) {
		const struct blacklist *l = &q->set->v[i].dns;
		err e = ip ? blacklist_ip(l, &who, &q->v[q->n])
			   : blacklist_domain(l, str_z(q->what), &q->v[q->n]);

		if (e == E_SYNTAX)
			return e;
		q->n += e == OK;
	}
	return blacklist_ask(q->v, q->n, clock_in(3000));
}

static void print_answer(const struct cmd_env *env, const struct blacklist_question *q, bool first)
{
	static const char *const words[] = { [BLACKLIST_SILENT] = "no answer",
					     [BLACKLIST_NOT] = "not listed",
					     [BLACKLIST_LISTED] = "listed",
					     [BLACKLIST_ODD] = "a code that means nothing",
					     [BLACKLIST_ERROR] = "refused by the list" };
	char code[20] = "";

	if (q->code)
		(void)snprintf(code, sizeof(code), "%u.%u.%u.%u", q->code >> 24,
			       q->code >> 16 & 255, q->code >> 8 & 255, q->code & 255);
	if (env->json)
		printf("%s\n  {\"list\": \"%.*s\", \"answer\": \"%s\", \"code\": \"%s\"}",
		       first ? "" : ",", STRF(q->list->label), words[q->what], code);
	else
		printf("%-32.*s %-26s %s\n", STRF(q->list->label), words[q->what], code);
}

static int query(struct cmd_env *env, const char *what)
{
	struct blacklists_settings set = { 0 };
	CLEANUP(buf_free) struct buf complaints = { 0 };
	struct role_env role;
	bool listed = false;

	buf_init(&complaints, KIB(64));
	cmd_role_env(env, "mx", &role);
	if (blacklists_read(&role, &complaints, &set) != OK)
		return cmd_failed(env, "%.*s", STRF(str_trim_ws(buf_str(&complaints))));
	if (set.n == 0)
		return cmd_failed(
			env, "posta.conf names no lists; write blacklists: { lists = ( { zone = "
			     "\"bl.example.org\"; } ); };");
	struct query q = { .set = &set, .what = what };

	q.v = arena_get(env->arena, size_mul(set.n, sizeof(*q.v)), 16);
	if (loop_main(query_fiber, &q) != OK)
		return cmd_failed(env, "%s", err_last()->text);
	if (env->json)
		printf("[");
	for (size_t i = 0; i < q.n; i++) {
		print_answer(env, &q.v[i], i == 0);
		listed |= q.v[i].what == BLACKLIST_LISTED;
	}
	if (env->json)
		printf("\n]\n");
	return listed ? CMD_FAILED : CMD_OK;
}

static int run(struct cmd_env *env, int argc, char **argv)
{
	str word = argc > 1 ? str_z(argv[1]) : STR("list");

	if (str_eq(word, STR("check")))
		return argc == 5 && str_eq(str_z(argv[2]), STR("--type"))
			       ? check(env, argv[3], argv[4])
			       : cmd_usage(env, "write: posta dnsbl check --type TYPE FILE");
	int code = cmd_load(env);

	if (code != CMD_OK)
		return code;
	if (str_eq(word, STR("list")) && argc <= 2)
		return show(env, STR("GET"), STR("/lists"));
	if (str_eq(word, STR("reload")) && argc == 2)
		return show(env, STR("POST"), STR("/check"));
	if (str_eq(word, STR("accept")) && argc == 3)
		return accept_list(env, argv[2]);
	if (str_eq(word, STR("query")) && argc == 3)
		return query(env, argv[2]);
	return cmd_usage(
		env, "list, reload, query ADDRESS|DOMAIN, accept ZONE, or check --type TYPE FILE");
}

const struct cmd cmd_dnsbl = {
	.name = "dnsbl",
	.summary = "the mirror of DNS black lists",
	.help = "usage: posta dnsbl [list]\n"
		"       posta dnsbl reload\n"
		"       posta dnsbl accept ZONE\n"
		"       posta dnsbl query ADDRESS|DOMAIN\n"
		"       posta dnsbl check --type TYPE FILE\n"
		"\n"
		"  list     the lists of the running role: entries, memory, age, alarms\n"
		"  reload   looks at the files now rather than at the next look\n"
		"  accept   takes a list that shrank more than dnsbl.lists.max_shrink allows\n"
		"  query    asks the lists of posta.conf's group blacklists; exit code 1 when one "
		"lists it\n"
		"  check    reads a data file (ip4set, ip4trie, ip4tset, ip6trie, ip6tset, dnset, "
		"generic,\n"
		"           combined) and tells every bad line; exit code 1 when there was one\n"
		"\n"
		"example: posta dnsbl check --type ip4set /var/lib/lists/dialups\n",
	.run = run,
};
