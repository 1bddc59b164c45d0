/* posta trace: a message's way through the roles of this machine. */
#include <stdio.h>

#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "posta/cmd.h"
#include "services/trace/trace.h"

enum { IDS = 20 };

static void add_time(struct buf *out, int64_t ms)
{
	CLEANUP(buf_free) struct buf iso;

	buf_init(&iso, 40);
	date_add_iso(&iso, ms / 1000);
	buf_add(out, str_take(buf_str(&iso), 19));
	buf_fmt(out, ".%03dZ", (int)(ms % 1000));
}

static void print_json_row(struct buf *out, const struct trace_row *r, bool first)
{
	buf_add(out, first ? STR("\n{\"at\":\"") : STR(",\n{\"at\":\""));
	add_time(out, r->at_ms);
	buf_add(out, STR("\",\"id\":"));
	cmd_json(out, r->id);
	buf_add(out, STR(",\"role\":"));
	cmd_json(out, r->role);
	buf_add(out, STR(",\"stage\":"));
	cmd_json(out, r->stage);
	buf_add(out, STR(",\"address\":"));
	cmd_json(out, r->address);
	buf_add(out, STR(",\"detail\":"));
	cmd_json(out, r->detail);
	buf_addc(out, '}');
}

static void print_row(struct buf *out, const struct trace_row *r)
{
	buf_add(out, STR("  "));
	add_time(out, r->at_ms);
	buf_fmt(out, "  %-18.*s  ", STRF(r->stage));
	utf8_add_shown(out, r->address);
	if (r->address.n)
		buf_add(out, STR("  "));
	utf8_add_shown(out, r->detail);
	buf_addc(out, '\n');
}

/* A block for each message, in the order in which they began. */
static void print_table(struct buf *out, struct trace_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str id = rows[i].id;

		if (!rows[i].role.n) /* printed with an earlier row's block */
			continue;
		utf8_add_shown(out, id);
		buf_addc(out, '\n');
		for (size_t k = i; k < n; k++) {
			if (!rows[k].role.n || !str_eq(rows[k].id, id))
				continue;
			print_row(out, &rows[k]);
			rows[k].role = STR("");
		}
	}
}

static int run(struct cmd_env *env, int argc, char **argv)
{
	struct role_env role;
	struct trace_row *rows;
	size_t n;
	struct arena a;
	struct buf out;

	if (argc != 2)
		return cmd_usage(env, "one id or address is wanted");
	int code = cmd_load(env);

	if (code != CMD_OK)
		return code;
	cmd_role_env(env, "relay", &role);
	/* "-2" of an entry's name in the queue is no part of the trace id. */
	str what = str_z(argv[1]);

	if (str_find(what, '@') == what.n)
		what = str_take(what, str_find(what, '-'));
	arena_init(&a, MIB(64));
	if (trace_find(role.trace, what, IDS, &a, &rows, &n) != OK) {
		code = cmd_failed(env, "%s", err_last()->text);
		arena_free(&a);
		return code;
	}
	buf_init(&out, MIB(128));
	if (env->json) {
		buf_addc(&out, '[');
		for (size_t i = 0; i < n; i++)
			print_json_row(&out, &rows[i], i == 0);
		buf_add(&out, STR("]\n"));
	} else {
		print_table(&out, rows, n);
	}
	code = n || env->json
		       ? cmd_print(&out)
		       : cmd_failed(env, "nothing is known of %s (events are kept for 14 days)",
				    argv[1]);
	buf_free(&out);
	arena_free(&a);
	return code;
}

const struct cmd cmd_trace = {
	.name = "trace",
	.summary = "follow a message through all roles of this machine",
	.help = "usage: posta trace ID|ADDRESS [--json]\n\n"
		"Shows what every role of this machine did with a message, from its first byte to\n"
		"the folder or the answer of the server elsewhere. ID is the number in the "
		"topmost\n"
		"Received field, in the log and in a delivery report; for an ADDRESS (sender or\n"
		"recipient) the newest 20 messages are shown.\n\n"
		"example: posta trace ana@demo.test\n",
	.run = run,
};
