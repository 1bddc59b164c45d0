/* posta radius sessions, usage: who was on the line, and how much, from the accounting file. */
#include <inttypes.h>

#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "formats/csv/csv.h"
#include "posta/cmd_radius.h"
#include "run/clock.h"
#include "services/accounting/usage.h"

enum { MAX_DEFAULT = 100, MAX_MOST = 10000000 };

enum form { FORM_TABLE, FORM_CSV, FORM_JSON };

struct asked {
	struct cmd_env *env;
	enum form form;
	struct acct_find find;
	struct acct_ask usage;
	struct buf out;
	size_t n;
};

/* ---- options ---- */

/* "2026-11-28", "2026-11-28T12:30", "2026-11-28T12:30:00Z"; UTC. */
static bool parse_time(str s, int64_t *out)
{
	uint64_t v[6] = { 0, 1, 1, 0, 0, 0 };
	static const char ends[] = "--T::Z";
	struct date d;

	for (size_t i = 0; i < COUNT(v) && s.n; i++) {
		str piece = s;

		if (!str_cut(s, ends[i], &piece, &s))
			s = STR("");
		if (str_u64(piece, 9999, &v[i]) != OK)
			return false;
	}
	d = (struct date){ (int)v[0], (int)v[1], (int)v[2], (int)v[3], (int)v[4], (int)v[5], 0, 0 };
	if (s.n || d.year < 1970 || d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 ||
	    d.hour > 23 || d.minute > 59 || d.second > 60)
		return false;
	*out = date_seconds(&d);
	return true;
}

/* "2026-11" gives 202611. */
static bool parse_month(str s, int64_t *out)
{
	str year, month;
	uint64_t y, m;

	if (!str_cut(s, '-', &year, &month) || str_u64(year, 9999, &y) != OK ||
	    str_u64(month, 12, &m) != OK || y < 1970 || m < 1)
		return false;
	*out = (int64_t)(y * 100 + m);
	return true;
}

static bool parse_by(str s, enum acct_by *out)
{
	for (int i = ACCT_BY_USER; i < ACCT_BY_COUNT_; i++)
		if (str_eq(s, str_z(acct_by_names[i]))) {
			*out = (enum acct_by)i;
			return true;
		}
	return false;
}

static bool parse_max(str s, size_t *out)
{
	uint64_t v;

	if (str_u64(s, MAX_MOST, &v) != OK || v == 0)
		return false;
	*out = v;
	return true;
}

static bool take_flag(struct asked *a, str option)
{
	if (str_eq(option, STR("--csv")))
		a->form = FORM_CSV;
	else if (str_eq(option, STR("--open")))
		a->find.open = true;
	else
		return false;
	return true;
}

/* 0: it is no such option, -1: its value is wrong. */
static int take_value(struct asked *a, str option, str value)
{
	bool ok = true;

	if (str_eq(option, STR("--user")))
		a->find.user = a->usage.user = value;
	else if (str_eq(option, STR("--nas")))
		a->find.nas = value;
	else if (str_eq(option, STR("--since")))
		ok = parse_time(value, &a->find.since);
	else if (str_eq(option, STR("--until")))
		ok = parse_time(value, &a->find.until);
	else if (str_eq(option, STR("--month")))
		ok = parse_month(value, &a->usage.month);
	else if (str_eq(option, STR("--by")))
		ok = parse_by(value, &a->usage.by);
	else if (str_eq(option, STR("--max")))
		ok = parse_max(value, &a->find.max);
	else
		return 0;
	return ok && value.n ? 1 : -1;
}

/* allowed: the options of this verb, a space between. */
static int parse(struct asked *a, int argc, char **argv, const char *allowed)
{
	for (int i = 1; i < argc; i++) {
		str option = str_z(argv[i]);
		bool known = false;

		for (str rest = str_z(allowed), one; str_next(&rest, ' ', &one);)
			known |= str_eq(one, option);
		if (!known)
			return cmd_usage(a->env, "\"%s\" is not known here", argv[i]);
		if (take_flag(a, option))
			continue;
		if (i + 1 == argc || take_value(a, option, str_z(argv[i + 1])) < 0)
			return cmd_usage(a->env, "%s: \"%s\" is not understood", argv[i],
					 i + 1 < argc ? argv[i + 1] : "");
		i++;
	}
	a->usage.max = a->find.max;
	return CMD_OK;
}

/* ---- printing ---- */

static void add_time(struct buf *out, int64_t t)
{
	if (t)
		date_add_iso(out, t);
}

static void add_ip(struct buf *out, const struct acct_session *s)
{
	uint32_t ip = (uint32_t)s->ip;

	if (ip)
		buf_fmt(out, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
	if (ip && s->ip6.n)
		buf_addc(out, ' ');
	buf_add(out, s->ip6);
}

/* A column of one row: text, or a number. */
struct cell {
	const char *name;
	int width; /* of the table; 0: not shown there, negative: to the left */
	bool number;
	struct buf text;
};

static void print_head(struct asked *a, const struct cell *c, size_t n)
{
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		if (a->form == FORM_CSV)
			buf_fmt(&a->out, "%s%s", i ? "," : "", c[i].name);
		else if (c[i].width)
			buf_fmt(&a->out, "%s%*s", first ? "" : "  ", c[i].width, c[i].name);
		first = first && !c[i].width;
	}
	buf_add(&a->out, a->form == FORM_CSV ? STR("\r\n") : STR("\n"));
}

static void pad(struct buf *out, int n)
{
	for (int i = 0; i < n; i++)
		buf_addc(out, ' ');
}

/* What a NAS sent must not speak to the terminal. */
static void print_cell(struct asked *a, const struct cell *c, bool first)
{
	CLEANUP(buf_free) struct buf shown;

	buf_init(&shown, KIB(2));
	utf8_add_shown(&shown, buf_str(&c->text));
	if (!first)
		buf_add(&a->out, STR("  "));
	pad(&a->out, c->width > 0 ? c->width - (int)shown.n : 0);
	buf_add(&a->out, buf_str(&shown));
	pad(&a->out, c->width < 0 ? -c->width - (int)shown.n : 0);
}

static void print_json_cell(struct asked *a, const struct cell *c, bool first)
{
	buf_add(&a->out, first ? STR("\n{") : STR(", "));
	cmd_json(&a->out, str_z(c->name));
	buf_add(&a->out, STR(": "));
	if (c->number)
		buf_add(&a->out, buf_str(&c->text));
	else
		cmd_json(&a->out, buf_str(&c->text));
}

/* Lists may be longer than memory should hold: what is ready goes out. */
static err flush(struct asked *a, size_t least)
{
	TRY(buf_done(&a->out));
	if (a->out.n < least)
		return OK;
	if (cmd_print(&a->out) != CMD_OK)
		return fail(E_IO, "the output takes no more");
	buf_reset(&a->out);
	return OK;
}

static err print_row(struct asked *a, struct cell *c, size_t n)
{
	bool first = true;

	if (a->n++ == 0 && a->form != FORM_JSON)
		print_head(a, c, n);
	else if (a->form == FORM_JSON && a->n > 1)
		buf_addc(&a->out, ',');
	for (size_t i = 0; i < n; i++) {
		if (a->form == FORM_CSV) {
			buf_add(&a->out, i ? STR(",") : STR(""));
			csv_print(buf_str(&c[i].text), &a->out);
		} else if (a->form == FORM_JSON) {
			print_json_cell(a, &c[i], i == 0);
		} else if (c[i].width) {
			print_cell(a, &c[i], first);
			first = false;
		}
		buf_free(&c[i].text);
	}
	buf_add(&a->out, a->form == FORM_JSON  ? STR("}")
			 : a->form == FORM_CSV ? STR("\r\n")
					       : STR("\n"));
	return flush(a, KIB(64));
}

static struct cell cell(const char *name, int width, str text)
{
	struct cell c = { .name = name, .width = width };

	buf_init(&c.text, KIB(2));
	buf_add(&c.text, text);
	return c;
}

static struct cell number(const char *name, int width, int64_t v)
{
	struct cell c = { .name = name, .width = width, .number = true };

	buf_init(&c.text, 32);
	buf_fmt(&c.text, "%" PRId64, v);
	return c;
}

static struct cell moment(const char *name, int width, int64_t t)
{
	struct cell c = cell(name, width, STR(""));

	add_time(&c.text, t);
	return c;
}

static err print_session(void *arg, const struct acct_session *s)
{
	struct cell c[] = { cell("user", -24, s->user),	      cell("nas", -16, s->nas),
			    number("port", 0, s->port),	      cell("session", 0, s->session),
			    moment("start", -20, s->start),   moment("stop", -20, s->stop),
			    number("seconds", 8, s->seconds), number("octets_in", 13, s->in),
			    number("octets_out", 13, s->out), cell("address", -15, STR("")),
			    cell("called", 0, s->called),     cell("calling", -12, s->calling),
			    cell("telco", 0, s->telco),	      cell("cause", -16, STR("")) };

	add_ip(&c[9].text, s);
	acct_cause_print(s->cause, &c[13].text);
	return print_row(arg, c, COUNT(c));
}

static err print_sum(void *arg, const struct acct_sum *s)
{
	struct asked *a = arg;
	const char *what = a->usage.by == ACCT_BY_ALL ? "of" : acct_by_names[a->usage.by];
	struct cell c[] = { cell(what, -28, s->name),
			    number("sessions", 12, s->sessions),
			    number("minutes", 14, s->seconds / 60),
			    number("seconds", 0, s->seconds),
			    number("octets_in", 18, s->in),
			    number("octets_out", 18, s->out) };

	return print_row(a, c, COUNT(c));
}

/* ---- the verbs ---- */

static int finish(struct asked *a, err e, const char *path)
{
	int code = CMD_OK;

	if (a->form == FORM_JSON)
		buf_add(&a->out, STR("]\n"));
	if (e == OK)
		e = flush(a, 1);
	if (e == E_NOTFOUND)
		code = cmd_failed(a->env, "%s: there is no accounting yet", path);
	else if (e)
		code = cmd_failed(a->env, "%s", err_last()->text);
	buf_free(&a->out);
	return code;
}

static int begin(struct asked *a, int argc, char **argv, const char *allowed, const char **path)
{
	struct role_env role;

	a->find.max = MAX_DEFAULT;
	a->form = a->env->json ? FORM_JSON : FORM_TABLE;
	int code = parse(a, argc, argv, allowed);

	if (code == CMD_OK)
		code = cmd_load(a->env);
	if (code != CMD_OK)
		return code;
	cmd_role_env(a->env, "radius", &role);
	*path = role.accounting;
	buf_init(&a->out, MIB(1));
	if (a->form == FORM_JSON)
		buf_addc(&a->out, '[');
	return CMD_OK;
}

int cmd_radius_sessions(struct cmd_env *env, int argc, char **argv)
{
	struct asked a = { .env = env };
	const char *path;
	int code = begin(&a, argc, argv, "--user --nas --open --since --until --max --csv", &path);

	if (code != CMD_OK)
		return code;
	return finish(&a, acct_list(path, &a.find, clock_unix(), print_session, &a), path);
}

int cmd_radius_usage(struct cmd_env *env, int argc, char **argv)
{
	struct asked a = { .env = env };
	const char *path;
	int code = begin(&a, argc, argv, "--by --user --month --max --csv", &path);

	if (code != CMD_OK)
		return code;
	return finish(&a, acct_usage(path, &a.usage, print_sum, &a), path);
}

static const struct {
	const char *name;
	int (*run)(struct cmd_env *env, int argc, char **argv);
} verbs[] = {
	{ "sessions", cmd_radius_sessions },
	{ "usage", cmd_radius_usage },
	{ "disconnect", cmd_radius_disconnect },
	{ "coa", cmd_radius_coa },
};

static int run(struct cmd_env *env, int argc, char **argv)
{
	for (size_t i = 0; i < COUNT(verbs) && argc > 1; i++)
		if (str_eq(str_z(argv[1]), str_z(verbs[i].name)))
			return verbs[i].run(env, argc - 1, argv + 1);
	return cmd_usage(env, "what: sessions, usage, disconnect or coa?");
}

const struct cmd cmd_radius = {
	.name = "radius",
	.summary = "who is on the line, and what was used",
	.help = "usage: posta radius sessions [--user NAME] [--nas NAME] [--open] [--since TIME]\n"
		"                             [--until TIME] [--max N] [--csv | --json]\n"
		"       posta radius usage [--by user|nas|telco|called|cause|month|day]\n"
		"                          [--user NAME] [--month YYYY-MM] [--max N] [--csv | "
		"--json]\n"
		"       posta radius disconnect LOGIN [SESSION]\n"
		"       posta radius coa LOGIN \"ATTRIBUTE = VALUE, ...\" [SESSION]\n\n"
		"sessions  the newest 100 (--max), open ones first. TIME is 2026-11-28 or\n"
		"          2026-11-28T12:30, UTC. Single sessions are kept for a set time; "
		"without\n"
		"          --since those of the last 31 days are looked at, of a user a year.\n"
		"usage     sessions, minutes and octets of what is over, in the month (UTC) in "
		"which\n"
		"          it ended; in: from the user, out: to the user. The sums are kept for "
		"good.\n"
		"disconnect, coa  end or change the user's open sessions (or one of them) at the\n"
		"          access server that has them; exit code 1 unless all were "
		"acknowledged.\n\n"
		"examples: posta radius sessions --user ana@demo.test --open\n"
		"          posta radius usage --by month --user ana@demo.test\n"
		"          posta radius usage --by telco --month 2026-11 --csv\n",
	.run = run,
};
