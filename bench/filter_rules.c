/* Messages against SpamAssassin's installed rules, as the filter runs them: for each line of
 * standard input, "ID<tab>PATH", one line "ID<tab>SCORE<tab>RULES<tab>SUBRULES<tab>MICROSECONDS",
 * where rules that hit n times are written NAME(n). bench/filter_hits.py compares these with
 * SpamAssassin's own; the time is CPU of this process, from the bytes to the score.
 * --now SECONDS: the date for rules that look at the clock. --scores FILE: one more rule file.
 * --cache DIR: where compiled sets lie. --subrules 1: those, too, which costs
 * more. --repeat N: each message N times, the mean counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "run/file.h"
#include "services/rules/rules.h"

struct options {
	int64_t now;
	str scores, cache;
	unsigned repeat;
	bool subrules;
};

static double cpu(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void progress(void *arg, size_t done, size_t total)
{
	(void)arg;
	if (done % 50 == 0 || done == total)
		(void)fprintf(stderr, "\rcompiling %zu of %zu%s", done, total,
			      done == total ? "\n" : "");
}

static err load(const struct options *o, struct rules **out)
{
	const str folders[] = { STR("/usr/share/spamassassin"), STR("/etc/spamassassin") };
	struct rules_source src = { .folders = folders,
				    .nfolders = COUNT(folders),
				    .files = &o->scores,
				    .nfiles = o->scores.n > 0,
				    .cache = o->cache };

	return rules_load(&src, true, progress, NULL, out);
}

static void print_names(const struct rules_result *res, bool sub)
{
	const char *comma = "";

	for (size_t i = 0; i < res->n; i++) {
		if (str_starts(res->v[i].name, STR("__")) != sub)
			continue;
		(void)printf("%s%.*s", comma, STRF(res->v[i].name));
		if (res->v[i].times > 1)
			(void)printf("(%u)", res->v[i].times);
		comma = ",";
	}
	(void)printf("\t");
}

static err run_once(const struct rules *r, struct rules_scratch *s, const struct options *o,
		    struct arena *a, str message, struct rules_result *res)
{
	struct scan_envelope env = { .now = o->now };
	struct rules_options ro = { .subrules = o->subrules };

	arena_reset(a);
	return rules_run(r, s, scan_mail_new(a, message, &env, NULL), &ro, res);
}

static err run_file(const struct rules *r, struct rules_scratch *s, const struct options *o,
		    struct arena *a, str id, const char *path)
{
	struct rules_result res = { .n = 0 };
	struct buf b;
	double t;

	buf_init(&b, LIM_MESSAGE);
	err e = file_read(path, &b);

	t = cpu();
	for (unsigned i = 0; i < o->repeat && e == OK; i++)
		e = run_once(r, s, o, a, buf_str(&b), &res);
	t = cpu() - t;
	if (e == OK) {
		(void)printf("%.*s\t%.3f\t", STRF(id), res.score);
		print_names(&res, false);
		print_names(&res, true);
		(void)printf("%.0f%s\n", t * 1e6 / o->repeat, res.ran_out ? "\tran out" : "");
	}
	buf_free(&b);
	return e;
}

static err run_all(const struct options *o)
{
	struct rules *r = NULL;
	struct rules_scratch *s = rules_scratch_new();
	struct arena a;
	char line[2048];
	double t = cpu();
	err e = load(o, &r);

	if (e == OK)
		(void)fprintf(stderr, "ready in %.3f s\n", cpu() - t);
	arena_init(&a, LIM_SCAN_ARENA);
	while (e == OK && fgets(line, sizeof(line), stdin)) {
		str all = str_z(line), id, path;

		all.n -= all.n && all.p[all.n - 1] == '\n';
		line[all.n] = 0;
		if (str_cut(all, '\t', &id, &path))
			e = run_file(r, s, o, &a, id, path.p);
	}
	arena_free(&a);
	rules_scratch_free(s);
	if (r)
		rules_drop(r);
	return e;
}

int main(int argc, char **argv)
{
	struct options o = { .now = time(NULL), .repeat = 1, .scores = STR(""), .cache = STR("") };

	for (int i = 1; i + 1 < argc; i += 2) {
		str k = str_z(argv[i]), v = str_z(argv[i + 1]);
		uint64_t n = 0;

		if (str_eq(k, STR("--scores")))
			o.scores = v;
		else if (str_eq(k, STR("--cache")))
			o.cache = v;
		else if (str_u64(v, UINT32_MAX, &n) == OK && str_eq(k, STR("--now")))
			o.now = (int64_t)n;
		else if (n <= 1 && str_eq(k, STR("--subrules")))
			o.subrules = n;
		else if (n && str_eq(k, STR("--repeat")))
			o.repeat = (unsigned)n;
		else
			return 2;
	}
	if (run_all(&o) != OK) {
		(void)fprintf(stderr, "%s\n", err_last()->text);
		return 1;
	}
	return 0;
}
