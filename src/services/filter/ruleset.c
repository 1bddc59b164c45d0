#include "services/filter/ruleset.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/program.h"
#include "run/work.h"

METRIC(m_loads, "posta_filter_rules_loads_total", "", METRIC_COUNTER, "Rule sets taken.");
METRIC(m_alarm, "posta_filter_rules_alarm", "", METRIC_GAUGE,
       "1 while the rule files have a fault, and an older set serves.");

enum {
	LEAVE = 2000,  /* milliseconds that the compiling process has to end */
	SCRATCHES = 64 /* that are kept */
};

struct ruleset {
	const struct ruleset_settings *set;
	struct rules *now;
	uint64_t marks; /* of the files that were last looked at */
	struct fiber *watch;
	struct waitq poke;
	bool poked;
	pthread_mutex_t lock; /* of the scratches: helper threads take them */
	struct rules_scratch *scratch[SCRATCHES];
	size_t nscratch;
};

/* ---- looking at the files; on a helper thread ---- */

struct look {
	const struct ruleset_settings *set;
	uint64_t marks;
};

static void mix(uint64_t *h, str s)
{
	*h = *h * 0x9e3779b97f4a7c15u + hash_crc32c((uint32_t)*h, s);
}

static void look_file(struct look *l, const char *path)
{
	struct stat st;
	int64_t v[3] = { 0 };

	if (stat(path, &st) == 0) {
		v[0] = st.st_size;
		v[1] = st.st_mtim.tv_sec;
		v[2] = st.st_mtim.tv_nsec;
	}
	mix(&l->marks, str_z(path));
	mix(&l->marks, str_of(v, sizeof(v)));
}

static bool join(str folder, const char *name, char *out)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_FILE_PATH);
	buf_fmt(&b, "%.*s/%s", STRF(folder), name);
	return buf_done(&b) == OK && str_to_z(buf_str(&b), out, LIM_FILE_PATH) == OK;
}

/* The sum does not depend on the order in which a folder gives its names. */
static void look_folder(struct look *l, str folder)
{
	char path[LIM_FILE_PATH];
	const struct dirent *at;
	uint64_t sum = 0;

	if (str_to_z(folder, path, sizeof(path)) != OK)
		return;
	DIR *d = opendir(path);

	while (d && (at = readdir(d))) {
		struct look one = { .set = l->set };

		if (!str_ends(str_z(at->d_name), STR(".cf")) || !join(folder, at->d_name, path))
			continue;
		look_file(&one, path);
		sum += one.marks;
	}
	if (d)
		(void)closedir(d);
	mix(&l->marks, str_of(&sum, sizeof(sum)));
}

static err look(void *arg)
{
	struct look *l = arg;
	char path[LIM_FILE_PATH];

	l->marks = 1;
	for (size_t i = 0; i < l->set->folders.n; i++)
		look_folder(l, l->set->folders.v[i]);
	for (size_t i = 0; i < l->set->files.n; i++)
		if (str_to_z(l->set->files.v[i], path, sizeof(path)) == OK)
			look_file(l, path);
	return OK;
}

/* ---- loading ---- */

struct load {
	const struct ruleset_settings *set;
	bool compile;
	struct rules *out;
};

static err load(void *arg)
{
	struct load *l = arg;
	const struct rules_source src = { .folders = l->set->folders.v,
					  .nfolders = l->set->folders.n,
					  .files = l->set->files.v,
					  .nfiles = l->set->files.n,
					  .cache = l->set->cache,
					  .fitted = l->set->fitted };

	return rules_load(&src, l->compile, NULL, NULL, &l->out);
}

WAITS static err take(struct ruleset *r, bool compile)
{
	struct load l = { .set = r->set, .compile = compile };
	err e = work(POOL_DISK, load, &l);

	if (e)
		return e;
	struct rules *old = r->now;

	r->now = l.out;
	metric_add(&m_loads, 1);
	LOG(LOG_INFO, "filter.rules", KS("digest", str_take(rules_digest(r->now), 16)));
	rules_drop(old);
	return OK;
}

/* ---- compiling, in a process of its own ---- */

enum { ARGS = 64 };

struct args {
	char *v[ARGS + 1];
	size_t n;
	struct arena a;
};

static void arg(struct args *k, const char *option, str value)
{
	if (k->n + 2 > ARGS)
		return;
	if (option)
		k->v[k->n++] = arena_z(&k->a, str_z(option));
	k->v[k->n++] = arena_z(&k->a, value);
}

static void print_args(const struct ruleset_settings *set, struct args *k)
{
	char self[LIM_FILE_PATH] = "/proc/self/exe";

	arena_init(&k->a, KIB(64));
	arg(k, NULL, set->program.n ? set->program : str_z(self));
	arg(k, NULL, STR("filter"));
	arg(k, NULL, STR("rules"));
	arg(k, NULL, STR("--compile"));
	arg(k, "--cache", set->cache);
	for (size_t i = 0; i < set->folders.n; i++)
		arg(k, "--folder", set->folders.v[i]);
	for (size_t i = 0; i < set->files.n; i++)
		arg(k, "--file", set->files.v[i]);
}

WAITS static err compile(const struct ruleset_settings *set)
{
	CLEANUP(buf_free) struct buf last;
	struct args k = { .n = 0 };
	struct program *p;
	str line;

	buf_init(&last, KIB(4));
	print_args(set, &k);
	err e = program_start(k.v, &p);

	arena_free(&k.a);
	TRY(e);
	LOG(LOG_INFO, "filter.compile", KI("pid", program_pid(p)));
	while (program_line(p, &line) == OK) {
		buf_reset(&last);
		buf_add(&last, str_take(line, KIB(1)));
		LOG(LOG_DEBUG, "filter.compile", KS("says", line));
	}
	int status = program_end(p, clock_in(LEAVE));

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return OK;
	return last.n ? fail(E_SYNTAX, "%.*s", STRF(str_take(buf_str(&last), 200)))
		      : fail(E_IO, "the program that compiles rules ended with status %d", status);
}

/* ---- watching ---- */

WAITS static err renew(struct ruleset *r)
{
	err e = take(r, false);

	if (e != E_AGAIN)
		return e;
	TRY(compile(r->set));
	return take(r, false);
}

WAITS static err look_again(struct ruleset *r)
{
	struct look l = { .set = r->set };

	TRY(work(POOL_DISK, look, &l));
	if (l.marks == r->marks)
		return OK;
	err e = renew(r);

	if (e == E_CANCELED)
		return e;
	r->marks = l.marks; /* a fault is told once, and looked at again when the files change */
	metric_set(&m_alarm, e != OK);
	if (e)
		LOG(LOG_ERROR, "filter.rules", KE(e), KI("old_set_serves", r->now != NULL));
	return OK;
}

WAITS static err watch(void *arg)
{
	struct ruleset *r = arg;

	for (;;) {
		r->poked = false;
		TRY(look_again(r));
		if (r->poked)
			continue;
		err e = waitq_wait(&r->poke, r->set->check ? clock_in(r->set->check) : NEVER);

		if (e != OK && e != E_TIMEOUT)
			return e;
	}
}

WAITS err ruleset_open(const struct ruleset_settings *set, bool wait, struct ruleset **out)
{
	struct ruleset *r = MEM_NEW(struct ruleset);
	struct look l = { .set = set };

	r->set = set;
	waitq_init(&r->poke);
	(void)pthread_mutex_init(&r->lock, NULL);
	err e = work(POOL_DISK, look, &l);

	if (e == OK)
		e = take(r, wait);
	if (e == OK)
		r->marks = l.marks;
	if (e && (wait || e == E_CANCELED)) {
		(void)pthread_mutex_destroy(&r->lock);
		mem_free(r);
		return e;
	}
	if (!wait)
		r->watch = fiber_start("rules", watch, r);
	*out = r;
	return OK;
}

void ruleset_configure(struct ruleset *r, const struct ruleset_settings *set)
{
	r->set = set;
	r->poked = true;
	waitq_wake_all(&r->poke);
}

WAITS void ruleset_close(struct ruleset *r)
{
	if (!r)
		return;
	if (r->watch) {
		fiber_cancel(r->watch);
		(void)!fiber_join(r->watch);
	}
	while (r->nscratch)
		rules_scratch_free(r->scratch[--r->nscratch]);
	rules_drop(r->now);
	(void)pthread_mutex_destroy(&r->lock);
	mem_free(r);
}

/* ---- using it ---- */

struct rules *ruleset_get(struct ruleset *r)
{
	return r->now ? rules_hold(r->now) : NULL;
}

struct rules_scratch *ruleset_scratch(struct ruleset *r)
{
	struct rules_scratch *s = NULL;

	(void)pthread_mutex_lock(&r->lock);
	if (r->nscratch)
		s = r->scratch[--r->nscratch];
	(void)pthread_mutex_unlock(&r->lock);
	return s ? s : rules_scratch_new();
}

void ruleset_put(struct ruleset *r, struct rules_scratch *s)
{
	(void)pthread_mutex_lock(&r->lock);
	if (r->nscratch < SCRATCHES) {
		r->scratch[r->nscratch++] = s;
		s = NULL;
	}
	(void)pthread_mutex_unlock(&r->lock);
	if (s)
		rules_scratch_free(s);
}

/* ---- where SpamAssassin has its rules ---- */

#define PACKAGE "/usr/share/spamassassin"
#define LOCAL	"/etc/spamassassin"
#define UPDATES "/var/lib/spamassassin"

/* Names of folders in it, sorted; at most max. version: those that a version has. */
static size_t subfolders(str folder, bool version, struct arena *a, str *v, size_t max)
{
	char path[LIM_FILE_PATH];
	const struct dirent *at;
	struct stat st;
	size_t n = 0;

	if (str_to_z(folder, path, sizeof(path)) != OK)
		return 0;
	DIR *d = opendir(path);

	while (d && n < max && (at = readdir(d)))
		if (at->d_name[0] != '.' && (!version || ch_digit(at->d_name[0])) &&
		    join(folder, at->d_name, path) && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			v[n++] = arena_dup(a, str_z(path));
	if (d)
		(void)closedir(d);
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && str_cmp(v[k - 1], v[k]) > 0; k--) {
			str t = v[k];

			v[k] = v[k - 1];
			v[k - 1] = t;
		}
	return n;
}

/* One folder a version of SpamAssassin ("4.000001"), in it one a channel. */
struct conf_strs ruleset_default_folders(struct arena *a)
{
	enum { MOST = 32 };
	str *v = arena_get(a, MOST * sizeof(*v), _Alignof(str));
	size_t n = subfolders(STR(UPDATES), true, a, v, MOST);

	n = n ? subfolders(v[n - 1], false, a, v, MOST - 1) : 0;
	if (n == 0)
		v[n++] = STR(PACKAGE);
	v[n++] = STR(LOCAL);
	return (struct conf_strs){ v, n };
}
