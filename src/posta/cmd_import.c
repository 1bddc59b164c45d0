/* posta user import: the hashing and writing steps, and the command. */
#include "posta/cmd_import.h"

#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "run/fiber.h"
#include "run/work.h"

#define IMPORT_MEMORY ((size_t)4 << 30) /* octets that a file may take in memory */
#define BATCH	      64 /* passwords under way at once; the helper threads bound the CPU */

/* ---- progress ---- */

void progress_begin(struct progress *p, const char *what, size_t all)
{
	*p = (struct progress){
		.what = what, .all = all, .began = clock_now(), .tty = isatty(STDERR_FILENO) != 0
	};
	p->shown = p->began;
}

static void show(const struct progress *p, int64_t now)
{
	double seconds = (double)(now - p->began) / 1000;
	double rate = seconds > 0 ? (double)p->done / seconds : 0;
	int filled = p->all ? (int)(p->done * 30 / p->all) : 30;

	if (p->tty)
		fprintf(stderr, "\r%-9s [%.*s%.*s] %zu of %zu, %.0f/s ", p->what, filled,
			"##############################", 30 - filled,
			"..............................", p->done, p->all, rate);
	else
		fprintf(stderr, "%s %zu of %zu, %.0f/s\n", p->what, p->done, p->all, rate);
}

void progress_step(struct progress *p, size_t done)
{
	int64_t now = clock_now();

	p->done = done;
	if (now - p->shown < (p->tty ? 100 : 10000))
		return;
	p->shown = now;
	show(p, now);
}

double progress_end(struct progress *p)
{
	int64_t now = clock_now();

	p->done = p->all;
	if (p->tty) {
		show(p, now);
		fputc('\n', stderr);
	}
	return (double)(now - p->began) / 1000;
}

/* ---- hashing, on all cores ---- */

struct hash_job {
	struct import_row *row;
	char hash[PASSWORD_HASH];
	struct scram_verifier scram;
};

static err hash_one(void *arg)
{
	struct hash_job *j = arg;

	TRY(password_hash(j->row->clear, j->hash));
	return password_scram(j->row->clear, &j->scram);
}

WAITS static err hash_fiber(void *arg)
{
	return work(POOL_CRYPT, hash_one, arg);
}

static err keep_hash(struct import *m, const struct hash_job *j)
{
	struct scram_verifier *v = NEW(&m->arena, struct scram_verifier);

	*v = j->scram;
	j->row->scram = v;
	j->row->hash = arena_dup(&m->arena, str_z(j->hash));
	return j->row->hash.p ? OK : fail(E_LIMIT, "the file is too big for one import; split it");
}

/* Up to BATCH rows from *at on; *line is the one that failed. */
WAITS static err hash_batch(struct import *m, size_t *at, size_t *line)
{
	struct hash_job *jobs = mem_get(BATCH * sizeof(struct hash_job));
	struct fiber *fibers[BATCH];
	size_t n = 0;
	err first = OK;

	for (; *at < m->nrows && n < BATCH; ++*at) {
		if (!m->rows[*at].clear.n)
			continue;
		jobs[n].row = &m->rows[*at];
		fibers[n] = fiber_start("hash", hash_fiber, &jobs[n]);
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		err e = fiber_join(fibers[i]);

		if (!e)
			e = keep_hash(m, &jobs[i]);
		if (e && !first) {
			first = e;
			*line = jobs[i].row->line;
		}
	}
	mem_free(jobs);
	m->progress->done += n;
	progress_step(m->progress, m->progress->done);
	return first;
}

struct hash_all {
	struct import *m;
	size_t line;
};

WAITS static err hash_all(void *arg)
{
	struct hash_all *h = arg;
	err e = OK;

	for (size_t at = 0; !e && at < h->m->nrows;)
		e = hash_batch(h->m, &at, &h->line);
	return e;
}

int import_hash(struct import *m)
{
	struct hash_all h = { .m = m };
	struct progress p;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!m->nclear)
		return CMD_OK;
	work_threads(POOL_CRYPT, cores > 0 && cores < 256 ? (unsigned)cores : 2);
	m->progress = &p;
	progress_begin(&p, "hashing", m->nclear);
	err e = loop_main(hash_all, &h);
	double seconds = progress_end(&p);

	if (!e)
		fprintf(stderr, "hashed %zu passwords in %.1f s, %.0f/s\n", m->nclear, seconds,
			seconds > 0 ? (double)m->nclear / seconds : 0);
	return e ? import_failed(m, h.line, e) : CMD_OK;
}

/* ---- writing ---- */

static err put_secret(struct import *m, const struct import_row *row, uint64_t id, bool fresh)
{
	struct secret was = { 0 };
	str chap = m->chap ? row->clear : STR("");

	if (fresh)
		TRY(secrets_remove(m->c->s, id)); /* see cmd_user_password.c */
	if (!row->hash.n)
		return OK;
	if (!fresh) {
		TRY(secrets_get(m->c->s, id, &was));
		TRY(directory_note(m->c->d, "password", id));
	}
	return secrets_put(m->c->s, id, row->hash, row->scram, was.has_chap ? row->clear : chap);
}

static err write_row(struct import *m, const struct import_row *row)
{
	struct dir_set sets[LIM_CSV_FIELDS];
	uint64_t id = 0;
	size_t n = 0;

	for (size_t i = 0; i < m->ncolumns; i++)
		if (row->values[i].n)
			sets[n++] = (struct dir_set){ m->columns[i], row->values[i] };
	bool there = m->update && directory_find(m->c->d, &dir_user_kind, row->address, &id) == OK;

	TRY(there ? directory_set(m->c->d, &dir_user_kind, row->address, sets, n)
		  : directory_add(m->c->d, &dir_user_kind, row->address, sets, n, &id));
	m->added += !there;
	m->updated += there;
	return put_secret(m, row, id, !there);
}

static err write_rows(struct import *m, size_t *line)
{
	for (size_t i = 0; i < m->nrows; i++) {
		*line = m->rows[i].line;
		TRY(write_row(m, &m->rows[i]));
		if (i % 256 == 0)
			progress_step(m->progress, i);
	}
	return OK;
}

int import_write(struct import *m)
{
	struct dircmd *c = m->c;
	struct progress p;
	size_t line = 0;
	err e = directory_begin(c->d);

	if (!e)
		e = secrets_begin(c->s);
	if (e)
		return dircmd_error(c, e);
	m->progress = &p;
	progress_begin(&p, "importing", m->nrows);
	directory_note_all(c->d);
	e = write_rows(m, &line);
	m->progress = NULL;
	if (e)
		return import_failed(m, line, e);
	e = secrets_commit(c->s);
	if (!e)
		e = directory_commit(c->d);
	double seconds = progress_end(&p);

	if (e)
		return dircmd_error(c, e);
	fprintf(stderr, "imported %zu users in %.1f s, %.0f/s\n", m->nrows, seconds,
		seconds > 0 ? (double)m->nrows / seconds : 0);
	return CMD_OK;
}

/* ---- the command ---- */

static int import(struct import *m)
{
	int code = import_read(m, m->c->words[0].p);

	if (!code)
		code = import_hash(m);
	if (!code)
		code = import_write(m);
	if (code)
		return code;
	if (m->c->env->json)
		printf("{\"added\": %zu, \"updated\": %zu}\n", m->added, m->updated);
	else
		printf("%zu users added, %zu updated\n", m->added, m->updated);
	return CMD_OK;
}

int cmd_user_import(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { { "--update" }, { "--chap" }, { NULL } };
	int code = dircmd_parse(c, argc, argv, NULL, options, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_SECRETS);
	if (code)
		return code;
	struct import m = { .c = c };

	arena_init(&m.arena, IMPORT_MEMORY);
	m.update = dircmd_given(c, "--update") != NULL;
	m.chap = dircmd_given(c, "--chap") != NULL;
	code = import(&m);
	arena_free(&m.arena);
	mem_free(m.rows);
	return code;
}
