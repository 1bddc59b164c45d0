/* The thread that folds the log into the SQL file, and looks after the file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "run/log.h"
#include "run/metrics.h"
#include "services/accounting/record.h"
#include "services/accounting/state.h"

METRIC(folded, "posta_accounting_folded_total", "", METRIC_COUNTER,
       "Accounting events that the database has.");
METRIC(repeated, "posta_accounting_repeated_total", "", METRIC_COUNTER,
       "Accounting events that said nothing new: repeated by the NAS, or overtaken.");
METRIC(waiting, "posta_accounting_log_octets", "", METRIC_GAUGE,
       "Octets of the accounting log that the database does not have yet.");
METRIC(behind, "posta_accounting_behind_seconds", "", METRIC_GAUGE,
       "Age of the oldest accounting event that the database does not have yet.");
METRIC(away, "posta_accounting_database_away", "", METRIC_GAUGE,
       "1 while the accounting database takes nothing.");

enum { CARE_EVERY = 60, RETRY = 1000 };

struct fold {
	struct acct *a;
	struct book book;
	bool open, failing;
	ino_t inode;
	dev_t device;
	struct acct_place at; /* in the log, behind what is folded */
	struct buf records;
	int64_t cared; /* when sessions were last looked after */
	bool tidying;  /* a roll-up or a pruning goes on */
};

/* ---- the file ---- */

/* That there was a database once: then one that is gone is waited for, not made anew, since an
 * operator who moved it away will bring it back. */
static err had_file(const struct acct *a, bool mark, bool *had)
{
	char path[LIM_FILE_PATH];
	int n = snprintf(path, sizeof(path), "%s/has-database", a->dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return fail(E_LIMIT, "%s: too long", a->dir);
	*had = access(path, F_OK) == 0;
	return mark && !*had ? sql_make(path, 0600) : OK;
}

static void shut(struct fold *f)
{
	if (f->open)
		book_close(&f->book);
	f->open = false;
}

static err open_file(struct fold *f)
{
	struct stat st;
	bool had;

	TRY(had_file(f->a, false, &had));
	if (had && access(f->a->database, F_OK) != 0)
		return fail(E_NOTFOUND,
			    "%s is gone: bring it back, or remove %s/has-database for a new one",
			    f->a->database, f->a->dir);
	TRY(book_open(f->a->database, !had, &f->book));
	f->open = true;
	if (stat(f->a->database, &st) != 0)
		return fail(E_IO, "%s: %s", f->a->database, strerrordesc_np(errno));
	f->inode = st.st_ino;
	f->device = st.st_dev;
	TRY(had_file(f->a, true, &had));
	TRY(book_begin(&f->book));
	err e = book_place(&f->book, log_name(f->a->log), &f->at);

	book_rollback(&f->book);
	return e;
}

/* Still the file of that name? */
static err ready(struct fold *f)
{
	struct stat st;

	if (f->open &&
	    (stat(f->a->database, &st) != 0 || st.st_ino != f->inode || st.st_dev != f->device))
		shut(f);
	if (f->open)
		return OK;
	err e = open_file(f);

	if (e)
		shut(f);
	return e;
}

/* ---- a batch ---- */

static err apply_all(struct fold *f, const struct acct_options *o, struct acct_place next,
		     uint64_t *n)
{
	str rest = buf_str(&f->records), body;
	struct acct_event e;

	while (log_next(&rest, &body)) {
		if (acct_record_parse(body, &e) != OK) { /* its CRC is right: a newer posta's */
			LOG(LOG_ERROR, "accounting.unknown_record", KI("octets", body.n));
			continue;
		}
		TRY(book_apply(&f->book, &e, o->telcos, o->ntelcos));
		++*n;
	}
	return book_set_place(&f->book, log_name(f->a->log), next, clock_unix());
}

/* The settings, with strings of the arena's own. */
static void copy_options(struct acct *a, struct arena *arena, struct acct_options *o)
{
	(void)pthread_mutex_lock(&a->lock);
	*o = a->options;
	struct acct_telco *t =
		arena_get(arena, size_mul(o->ntelcos + 1, sizeof(*t)), _Alignof(struct acct_telco));

	for (size_t i = 0; i < o->ntelcos; i++)
		t[i] = (struct acct_telco){ arena_dup(arena, o->telcos[i].name),
					    arena_dup(arena, o->telcos[i].nas),
					    arena_dup(arena, o->telcos[i].called) };
	o->telcos = t;
	(void)pthread_mutex_unlock(&a->lock);
}

static void count_folded(struct fold *f, uint64_t n)
{
	struct acct *a = f->a;
	str rest = buf_str(&f->records), body;
	struct acct_event e;

	(void)pthread_mutex_lock(&a->lock);
	while (log_next(&rest, &body))
		if (acct_record_parse(body, &e) == OK)
			acct_seen_drop(a, &e);
	a->state.folded += n;
	a->state.repeated += f->book.repeated;
	(void)pthread_mutex_unlock(&a->lock);
	metric_add(&folded, (int64_t)n);
	metric_add(&repeated, (int64_t)f->book.repeated);
}

/* E_EOF: all is folded. */
static err batch(struct fold *f, const struct acct_options *o)
{
	struct acct_place next = f->at;
	uint64_t n = 0;

	err e = log_read(f->a->log, &next, LIM_ACCT_BATCH, &f->records);

	if (e == E_EOF)
		f->at = next;
	TRY(e);
	next.at += f->records.n;
	f->book.repeated = 0;
	TRY(book_begin(&f->book));
	e = apply_all(f, o, next, &n);

	if (e == OK)
		e = book_commit(&f->book);
	if (e) {
		book_rollback(&f->book);
		return e;
	}
	f->at = next;
	log_forget(f->a->log, next);
	count_folded(f, n);
	return OK;
}

/* ---- care ---- */

/* A part of the roll-up, then of the pruning, so that events are folded in between. *more: it is
 * not over. */
static err tidy(struct fold *f, const struct acct_options *o, int64_t now, bool *more)
{
	size_t n = 0;

	TRY(book_roll(&f->book, (now - o->settle) / DAY, &n));
	if (!n && o->keep_days)
		TRY(book_prune(&f->book, now / DAY - o->keep_days, &n));
	*more = n > 0;
	return OK;
}

/* Only after the log is folded: what waits there may be the sign of life. E_EOF: nothing is to do
 * now. */
static err care(struct fold *f, const struct acct_options *o)
{
	int64_t now = clock_unix();
	size_t closed = 0;

	if (now - f->cared < CARE_EVERY && !f->tidying)
		return E_EOF;
	if (!f->tidying && (o->silent || o->longest))
		TRY(book_silent(&f->book, o->silent ? now - o->silent : 0,
				o->longest ? now - o->longest : 0, &closed));
	if (closed)
		LOG(LOG_INFO, "accounting.silent", KI("sessions", closed));
	f->cared = now;
	TRY(tidy(f, o, now, &f->tidying));
	return f->tidying ? OK : E_EOF;
}

/* ---- the thread ---- */

static void say_state(struct fold *f, err e)
{
	struct acct *a = f->a;

	if (e && !f->failing)
		LOG(LOG_ERROR, "accounting.database", KS("path", str_z(a->database)), KE(e));
	else if (!e && f->failing)
		LOG(LOG_INFO, "accounting.database_again", KS("path", str_z(a->database)));
	f->failing = e != OK;
	(void)pthread_mutex_lock(&a->lock);
	a->state.database = !f->failing;
	a->folded = f->at;
	if (!e)
		a->oldest = 0;
	int64_t old = a->oldest ? clock_unix() - a->oldest : 0;

	(void)pthread_mutex_unlock(&a->lock);
	metric_set(&away, f->failing);
	metric_set(&behind, old);
	metric_set(&waiting, (int64_t)log_octets(a->log, f->at));
}

/* One round; E_EOF when all is folded. */
static err turn(struct fold *f)
{
	struct acct_options o;
	struct arena arena;

	TRY(ready(f));
	arena_init(&arena, MIB(1));
	copy_options(f->a, &arena, &o);
	err e = batch(f, &o);

	if (e == E_EOF)
		e = care(f, &o);
	arena_free(&arena);
	return e;
}

/* Until a batch is due: events gather meanwhile. */
static bool pause_after(struct acct *a, err e)
{
	struct timespec until;

	(void)pthread_mutex_lock(&a->lock);
	msec ms = e == E_EOF ? a->options.fold_every : RETRY;

	(void)pthread_mutex_unlock(&a->lock);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	int64_t ns = until.tv_nsec + ms % 1000 * 1000000;

	until.tv_sec += ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	(void)pthread_mutex_lock(&a->lock);
	while (!a->stop)
		if (pthread_cond_timedwait(&a->synced, &a->lock, &until) == ETIMEDOUT)
			break;
	bool stop = a->stop;

	(void)pthread_mutex_unlock(&a->lock);
	return stop;
}

void *acct_fold_thread(void *arg)
{
	struct fold f = { .a = arg };
	bool stop = false;

	buf_init(&f.records, LIM_ACCT_BATCH + LIM_ACCT_RECORD);
	while (!stop) {
		err e = turn(&f);

		if (e == OK) {
			(void)pthread_mutex_lock(&f.a->lock);
			f.a->folded = f.at;
			stop = f.a->stop;
			(void)pthread_mutex_unlock(&f.a->lock);
			continue;
		}
		say_state(&f, e == E_EOF ? OK : e);
		stop = pause_after(f.a, e);
	}
	shut(&f);
	buf_free(&f.records);
	return NULL;
}
