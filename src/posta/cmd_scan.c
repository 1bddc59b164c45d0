/* posta scan: files through the filter, without a running one. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "posta/cmd_filter.h"
#include "run/file.h"
#include "run/log.h"
#include "run/work.h"
#include "services/filter/filter.h"

enum { JOBS_MOST = 64, DEPTH = 32 };

struct files {
	char **v;
	size_t n, room;
};
struct scanning {
	struct cmd_env *env;
	struct filter_settings set;
	struct files files;
	struct filter *filter;
	size_t next, failed;
	unsigned jobs;
	bool spamassassin;
};

/* ---- which files ---- */

static void add_file(struct files *f, const char *path)
{
	str p = str_z(path);

	if (f->n == f->room) {
		f->room = f->room ? 2 * f->room : 1024;
		f->v = mem_resize(f->v, size_mul(f->room, sizeof(*f->v)));
	}
	f->v[f->n] = mem_get(p.n + 1);
	memcpy(f->v[f->n++], p.p, p.n);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(str_z(*(char *const *)a), str_z(*(char *const *)b));
}

/* A folder's files by name, then what is in its folders. */
static void add_path(struct files *f, const char *path, unsigned depth)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct files in = { 0 };
	const struct dirent *at;
	DIR *d = depth < DEPTH ? opendir(path) : NULL;

	if (!d) {
		add_file(f, path);
		return;
	}
	buf_init(&b, LIM_FILE_PATH);
	while ((at = readdir(d))) {
		if (at->d_name[0] == '.')
			continue;
		buf_reset(&b);
		buf_fmt(&b, "%s/%s%c", path, at->d_name, 0);
		if (buf_done(&b) == OK)
			add_file(&in, b.p);
	}
	(void)closedir(d);
	if (in.n)
		qsort(in.v, in.n, sizeof(*in.v), by_name);
	for (size_t i = 0; i < in.n; i++) {
		add_path(f, in.v[i], depth + 1);
		mem_free(in.v[i]);
	}
	mem_free(in.v);
}

static bool add_list(struct files *f, const char *name)
{
	FILE *in = str_eq(str_z(name), STR("-")) ? stdin : fopen(name, "r");
	char line[LIM_FILE_PATH];

	if (!in)
		return false;
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line)
			add_path(f, line, 0);
	}
	if (in != stdin)
		(void)fclose(in);
	return true;
}

static void free_files(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		mem_free(f->v[i]);
	mem_free(f->v);
}

/* ---- one file ---- */

static bool is_spam(const struct filter_answer *f)
{
	return f->score >= f->required || f->virus.n || f->dangerous.n;
}

static void print_json(const char *path, const struct filter_answer *f, struct buf *out)
{
	buf_add(out, STR("{\"file\": "));
	cmd_json(out, str_z(path));
	buf_fmt(out, ", \"score\": %.4g, \"required\": %.4g, \"symbols\": [", f->score,
		f->required);
	for (size_t i = 0; i < f->nsymbols; i++) {
		buf_add(out, i ? STR(", {\"name\": ") : STR("{\"name\": "));
		cmd_json(out, f->symbols[i].name);
		buf_fmt(out, ", \"score\": %.4g}", f->symbols[i].score);
	}
	buf_fmt(out, "], \"verdict\": \"%s\", \"ms\": %.3f, \"steps\": {",
		is_spam(f) ? "spam" : "ham", f->ms);
	for (size_t i = 0; i < f->nsteps; i++) {
		if (i)
			buf_add(out, STR(", "));
		cmd_json(out, f->steps[i].name);
		buf_fmt(out, ": %.3f", f->steps[i].ms);
	}
	buf_fmt(out, "}, \"incomplete\": %s}\n", f->incomplete ? "true" : "false");
}

static void print_plain(const char *path, const struct filter_answer *f, struct buf *out)
{
	buf_fmt(out, "%s: %.1f of %.1f, %s, %.1f ms", path, f->score, f->required,
		is_spam(f) ? "spam" : "ham", f->ms);
	for (size_t i = 0; i < f->nsteps; i++)
		buf_fmt(out, "%s%.*s %.1f", i ? ", " : " (", STRF(f->steps[i].name),
			f->steps[i].ms);
	buf_add(out, f->nsteps ? STR(")\n") : STR("\n"));
	for (size_t i = 0; i < f->nsymbols; i++)
		buf_fmt(out, "%9.2f  %-28.*s %.*s\n", f->symbols[i].score, STRF(f->symbols[i].name),
			STRF(f->symbols[i].text));
}

struct reading {
	const char *path;
	struct buf *out;
};

static err read_file(void *arg)
{
	struct reading *r = arg;

	return file_read(r->path, r->out);
}

WAITS static err fill(struct scanning *s, const char *path, struct spool *to)
{
	CLEANUP(buf_free) struct buf text;
	struct reading r = { path, &text };

	buf_init(&text, (size_t)s->set.message_max);
	TRY(work(POOL_DISK, read_file, &r));
	return spool_add(to, buf_str(&text));
}

WAITS static err scan_file(struct scanning *s, const char *path)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf out;
	struct filter_request q = { .id = STR("") };
	struct filter_answer answer;

	arena_init(&a, LIM_FILTER_ARENA);
	buf_init(&out, LIM_FILTER_ANSWER);
	q.env.ip = q.env.helo = q.env.rdns = q.env.from = q.env.user = STR("");
	q.message = spool_new("/tmp", (uint64_t)s->set.message_max);
	err e = fill(s, path, q.message);

	if (e == OK)
		e = filter_scan(s->filter, &q, &a, &answer);
	spool_drop(q.message);
	TRY(e);
	if (s->env->json)
		print_json(path, &answer, &out);
	else
		print_plain(path, &answer, &out);
	return cmd_print(&out) == CMD_OK ? OK : fail(E_IO, "standard output is closed");
}

WAITS static err worker(void *arg)
{
	struct scanning *s = arg;

	while (s->next < s->files.n) {
		const char *path = s->files.v[s->next++];

		if (scan_file(s, path) == OK)
			continue;
		fprintf(stderr, "posta scan: %s\n", err_last()->text);
		s->failed++;
	}
	return OK;
}

WAITS static err scan_all(void *arg)
{
	struct scanning *s = arg;
	struct fiber *workers[JOBS_MOST];

	TRY(filter_open(&s->set, true, &s->filter));
	for (unsigned i = 0; i < s->jobs; i++)
		workers[i] = fiber_start("scan", worker, s);
	for (unsigned i = 0; i < s->jobs; i++)
		(void)!fiber_join(workers[i]);
	filter_close(s->filter);
	return OK;
}

/* ---- the command line ---- */

/* The installed rules' own scores and nothing else, so that two programs can be compared. */
static void only_rules(struct filter_settings *set)
{
	set->auth = set->attachments_on = set->learning = set->net = false;
	set->lists.n = set->clamd.n = 0;
	set->rules.fitted = false;
	set->budget = 0;
	set->directory = NULL;
}

static int parse(struct scanning *s, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		str word = str_z(argv[i]);
		uint64_t n;

		if (str_eq(word, STR("--spamassassin"))) {
			s->spamassassin = true;
		} else if (str_eq(word, STR("--jobs")) && i + 1 < argc) {
			if (str_u64(str_z(argv[++i]), JOBS_MOST, &n) != OK || n == 0)
				return cmd_usage(s->env, "--jobs is a number from 1 to %d",
						 JOBS_MOST);
			s->jobs = (unsigned)n;
		} else if (str_eq(word, STR("--files-from")) && i + 1 < argc) {
			if (!add_list(&s->files, argv[++i]))
				return cmd_failed(s->env, "%s: %s", argv[i], strerror(errno));
		} else if (word.n > 1 && word.p[0] == '-' && !str_eq(word, STR("--"))) {
			return cmd_usage(s->env, "what is \"%s\"?", argv[i]);
		} else if (!str_eq(word, STR("--"))) {
			add_path(&s->files, argv[i], 0);
		}
	}
	return s->files.n ? CMD_OK : cmd_usage(s->env, "which files?");
}

static int scan(struct scanning *s, int argc, char **argv)
{
	int code = parse(s, argc, argv);

	if (code == CMD_OK)
		code = cmd_filter_settings(s->env, false, &s->set);
	if (code != CMD_OK)
		return code;
	if (s->spamassassin)
		only_rules(&s->set);
	s->set.scans = s->jobs;
	work_threads(POOL_CPU, s->jobs);
	log_setup("scan", LOG_WARN);
	if (loop_main(scan_all, s) != OK)
		return cmd_failed(s->env, "%s", err_last()->text);
	return s->failed ? CMD_FAILED : CMD_OK;
}

static int run(struct cmd_env *env, int argc, char **argv)
{
	struct scanning *s = MEM_NEW(struct scanning);

	s->env = env;
	s->jobs = 1;
	int code = scan(s, argc, argv);

	free_files(&s->files);
	mem_free(s);
	return code;
}

const struct cmd cmd_scan = {
	.name = "scan",
	.summary = "messages in files: score, symbols, where the time goes",
	.help = "usage: posta scan [--spamassassin] [--jobs N] [--files-from LIST] "
		"FILE|FOLDER...\n\n"
		"Each file is one message. With posta.conf its filter group says what is asked; "
		"without, "
		"the\n"
		"rules of SpamAssassin's package. With --json a line each: file, score, required, "
		"symbols,\n"
		"verdict, ms, steps.\n\n"
		"  --spamassassin     the installed rules with their own scores alone: no DNS, no "
		"lists, no\n"
		"                     viruses, no learning\n"
		"  --jobs N           so many at a time, told as they are done\n"
		"  --files-from LIST  more files, a line each; \"-\": standard input\n\n"
		"example: posta scan --json --spamassassin mail/\n",
	.run = run,
};
