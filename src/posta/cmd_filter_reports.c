/* posta filter reports: what DMARC and TLS reports of a day would tell. */
#include <stdio.h>

#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "posta/cmd_filter.h"
#include "services/mailauth/reports.h"

struct asked {
	str domain; /* p NULL: all */
	int64_t day;
	bool xml, tls;
};
struct listing {
	struct buf *out;
	str domain;
	bool json, first;
};

/* "2026-11-28". */
static bool take_day(str text, int64_t *out)
{
	uint64_t y, m, d;
	str year, rest, month, day;

	if (!str_cut(text, '-', &year, &rest) || !str_cut(rest, '-', &month, &day) ||
	    str_u64(year, 9999, &y) != OK || str_u64(month, 12, &m) != OK ||
	    str_u64(day, 31, &d) != OK || y < 1970 || !m || !d)
		return false;
	struct date date = { .year = (int)y, .month = (int)m, .day = (int)d };

	*out = date_seconds(&date) / REPORTS_DAY;
	return true;
}

static int take_options(struct cmd_env *env, int argc, char **argv, struct asked *a)
{
	a->day = clock_unix() / REPORTS_DAY;
	for (int i = 1; i < argc; i++) {
		str option = str_z(argv[i]);
		bool more = i + 1 < argc;

		if (str_eq(option, STR("--xml")))
			a->xml = true;
		else if (str_eq(option, STR("--tls")))
			a->tls = true;
		else if (str_eq(option, STR("--domain")) && more)
			a->domain = str_z(argv[++i]);
		else if (str_eq(option, STR("--day")) && more &&
			 take_day(str_z(argv[i + 1]), &a->day))
			i++;
		else
			return cmd_usage(env, "\"%s\" is no option, or not well-formed", argv[i]);
	}
	if ((a->xml || a->tls) && !a->domain.p)
		return cmd_usage(env, "one report is of one domain: --domain");
	return CMD_OK;
}

static err list_one(void *arg, const struct reports_domain *d)
{
	struct listing *l = arg;

	if (l->domain.p && !str_eqi(l->domain, d->domain))
		return OK;
	if (l->json) {
		buf_add(l->out, l->first ? STR("\n{\"domain\":") : STR(",\n{\"domain\":"));
		cmd_json(l->out, d->domain);
		buf_fmt(l->out, ",\"messages\":%llu,\"failed\":%llu,\"rua\":",
			(unsigned long long)d->messages, (unsigned long long)d->failed);
		cmd_json(l->out, d->rua);
		buf_add(l->out, STR(",\"record\":"));
		cmd_json(l->out, d->published);
		buf_addc(l->out, '}');
	} else {
		buf_fmt(l->out, "%10llu  %10llu  ", (unsigned long long)d->messages,
			(unsigned long long)d->failed);
		utf8_add_shown(l->out, d->domain);
		buf_add(l->out, STR("  "));
		utf8_add_shown(l->out, d->rua);
		buf_addc(l->out, '\n');
	}
	l->first = false;
	return buf_done(l->out);
}

static err list_all(struct cmd_env *env, struct reports_store *s, const struct asked *a,
		    struct buf *out)
{
	struct listing l = { .out = out, .domain = a->domain, .json = env->json, .first = true };

	buf_add(out, env->json ? STR("[") : STR("  messages      failed  domain  reports to\n"));
	TRY(reports_domains(s, a->day, list_one, &l));
	if (env->json)
		buf_add(out, STR("]\n"));
	return buf_done(out);
}

static err print(struct cmd_env *env, const struct role_env *role, const struct asked *a,
		 struct reports_store *s, struct buf *out)
{
	CLEANUP(buf_free) struct buf email = { 0 };
	struct reports_domain d = { .domain = a->domain };

	if (!a->xml && !a->tls)
		return list_all(env, s, a, out);
	buf_init(&email, 400);
	buf_fmt(&email, "postmaster@%.*s", STRF(role->hostname));
	return a->tls ? reports_tls_json(s, a->day, a->domain, role->hostname, buf_str(&email), out)
		      : reports_xml(s, a->day, &d, role->hostname, buf_str(&email), out);
}

int cmd_filter_reports(struct cmd_env *env, int argc, char **argv)
{
	CLEANUP(buf_free) struct buf out = { 0 };
	struct asked a = { 0 };
	struct reports_store *s;
	struct role_env role;
	int code = take_options(env, argc, argv, &a);

	if (code == CMD_OK)
		code = cmd_load(env);
	if (code != CMD_OK)
		return code;
	cmd_role_env(env, a.tls ? "relay" : "filter", &role);
	if (reports_read(role.data, &s) != OK)
		return cmd_failed(env, "%s", err_last()->text);
	buf_init(&out, MIB(128));
	err e = print(env, &role, &a, s, &out);

	reports_read_close(s);
	return e == OK ? cmd_print(&out) : cmd_failed(env, "%s", err_last()->text);
}
