#include "services/accounting/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "run/file.h"
#include "run/log.h"

#define MAGIC "posta-accounts 1" /* begins each file */

enum { HEAD = sizeof(MAGIC) - 1, FRAME = 8, LOCK_TRIES = 300, LOCK_PAUSE = 100000 };

/* The place behind the last record of a file that nobody writes any more. */
#define OVER ((uint64_t)INT64_MAX)

struct acct_log {
	char dir[LIM_FILE_PATH];
	char name[17];
	int dirfd, lock;
	int fd;	     /* the file that is written, -1: none yet */
	bool broken; /* what stands in it past the last sync is not known */

	pthread_mutex_t guard; /* over what follows: written by one thread, read by both */
	uint64_t first, file;  /* numbers of the oldest and of the newest file; file 0: none */
	uint64_t at;	       /* synced octets of the newest, when fd is open */
	uint64_t octets;       /* of all files */
};

static void file_name(uint64_t number, char out[32])
{
	(void)snprintf(out, 32, "%016" PRIx64 ".log", number);
}

static err log_failed(const struct acct_log *l, const char *what)
{
	err e = errno == ENOSPC || errno == EDQUOT ? E_FULL : errno == EACCES ? E_DENIED : E_IO;

	return fail(e, "%s: %s: %s", l->dir, what, strerrordesc_np(errno));
}

/* ---- opening ---- */

/* A process that is being replaced may still have it for a moment. */
static err take_lock(struct acct_log *l)
{
	l->lock = openat(l->dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (l->lock < 0)
		return log_failed(l, "lock");
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(l->lock, LOCK_EX | LOCK_NB) == 0)
			return OK;
		(void)usleep(LOCK_PAUSE);
	}
	return fail(E_AGAIN, "%s: another process writes this log", l->dir);
}

static err take_name(struct acct_log *l)
{
	CLEANUP(buf_free) struct buf name;
	CLEANUP(buf_free) struct buf path;
	unsigned char random[8];

	buf_init(&name, 16);
	buf_init(&path, LIM_FILE_PATH);
	buf_fmt(&path, "%s/name%c", l->dir, 0);
	TRY(buf_done(&path));
	err e = file_read(path.p, &name);

	if (e == E_NOTFOUND) {
		if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return fail(E_IO, "no random octets");
		enc_hex(&name, str_of(random, sizeof(random)));
		e = file_replace(path.p, buf_str(&name), 0600);
	}
	TRY(e);
	if (name.n != 16)
		return fail(E_CORRUPT, "%s: not the name of a log", path.p);
	return str_to_z(buf_str(&name), l->name, sizeof(l->name));
}

static bool number_of(str name, uint64_t *out)
{
	uint64_t v = 0;

	if (name.n != 20 || !str_ends(name, STR(".log")))
		return false;
	for (size_t i = 0; i < 16; i++) {
		char c = name.p[i];

		if (!ch_digit(c) && (c < 'a' || c > 'f'))
			return false;
		v = v << 4 | (unsigned)(ch_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*out = v;
	return v > 0;
}

static err find_files(struct acct_log *l)
{
	int fd = dup(l->dirfd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *at;
	struct stat st;

	if (!d)
		return log_failed(l, "list");
	while ((at = readdir(d))) {
		uint64_t n;

		if (!number_of(str_z(at->d_name), &n))
			continue;
		l->first = !l->first || n < l->first ? n : l->first;
		l->file = n > l->file ? n : l->file;
		if (fstatat(l->dirfd, at->d_name, &st, 0) == 0)
			l->octets += (uint64_t)st.st_size;
	}
	(void)closedir(d);
	return OK;
}

static err open_folder(struct acct_log *l, const char *dir)
{
	TRY(str_to_z(str_z(dir), l->dir, sizeof(l->dir)));
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return log_failed(l, "make");
	l->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dirfd < 0)
		return log_failed(l, "open");
	TRY(take_lock(l));
	TRY(take_name(l));
	return find_files(l);
}

err log_open(const char *dir, struct acct_log **out)
{
	struct acct_log *l = MEM_NEW(struct acct_log);

	l->dirfd = l->lock = l->fd = -1;
	(void)pthread_mutex_init(&l->guard, NULL);
	err e = open_folder(l, dir);

	if (e) {
		log_close(l);
		return e;
	}
	*out = l;
	return OK;
}

void log_close(struct acct_log *l)
{
	if (!l)
		return;
	const int fds[] = { l->fd, l->dirfd, l->lock };

	for (size_t i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	(void)pthread_mutex_destroy(&l->guard);
	mem_free(l);
}

str log_name(const struct acct_log *l)
{
	return str_z(l->name);
}

/* ---- writing ---- */

void log_frame(struct buf *out, str body)
{
	buf_u32(out, (uint32_t)body.n);
	buf_u32(out, hash_crc32c(0, body));
	buf_add(out, body);
}

static err write_at(const struct acct_log *l, str s, uint64_t at)
{
	while (s.n) {
		ssize_t n = pwrite(l->fd, s.p, s.n, (off_t)at); /* allowed: the log's own thread */

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return log_failed(l, "write");
		s = str_skip(s, (size_t)n);
		at += (uint64_t)n;
	}
	return OK;
}

/* The old file is synced already. The new one's name must last before a record in it does. */
static err next_file(struct acct_log *l)
{
	char name[32];

	if (l->fd >= 0)
		(void)close(l->fd);
	file_name(l->file + 1, name);
	l->fd = openat(l->dirfd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (l->fd < 0)
		return log_failed(l, name);
	(void)pthread_mutex_lock(&l->guard);
	l->file++;
	l->first = l->first ? l->first : l->file;
	l->at = HEAD;
	l->octets += HEAD;
	(void)pthread_mutex_unlock(&l->guard);
	l->broken = true; /* until this is on the disk */
	TRY(write_at(l, STR(MAGIC), 0));
	if (fsync(l->fd) != 0 || fsync(l->dirfd) != 0)
		return log_failed(l, "sync");
	l->broken = false;
	return OK;
}

static err room_for(struct acct_log *l, size_t n, uint64_t max, uint64_t reserve)
{
	struct statvfs v;

	(void)pthread_mutex_lock(&l->guard);
	uint64_t have = l->octets;

	(void)pthread_mutex_unlock(&l->guard);
	if (have + n > max)
		return fail(E_FULL,
			    "%s: %" PRIu64 " octets wait to be folded, the limit is %" PRIu64,
			    l->dir, have, max);
	if (reserve && fstatvfs(l->dirfd, &v) == 0 &&
	    (uint64_t)v.f_bavail * v.f_frsize < reserve + n)
		return fail(E_FULL, "%s: the disk has less free than its reserve", l->dir);
	return OK;
}

err log_append(struct acct_log *l, str records, uint64_t max, uint64_t reserve)
{
	TRY(room_for(l, records.n, max, reserve));
	if (l->fd < 0 || l->broken || l->at > LIM_ACCT_SEGMENT)
		TRY(next_file(l));
	err e = write_at(l, records, l->at);

	if (e == OK && fdatasync(l->fd) != 0) {
		l->broken = true; /* the kernel may have dropped the pages: never trust it again */
		e = log_failed(l, "sync");
	}
	if (e) {
		l->broken = ftruncate(l->fd, (off_t)l->at) != 0 || l->broken;
		return e;
	}
	(void)pthread_mutex_lock(&l->guard);
	l->at += records.n;
	l->octets += records.n;
	(void)pthread_mutex_unlock(&l->guard);
	return OK;
}

/* ---- reading ---- */

static uint32_t u32_at(const char *p)
{
	struct cur c = { .rest = str_of(p, 4) };

	return cur_u32(&c);
}

/* The octets of the first record with its frame, 0: there is none. */
static size_t frame_at(str octets)
{
	if (octets.n < FRAME)
		return 0;
	size_t n = u32_at(octets.p);

	if (n == 0 || n > LIM_ACCT_RECORD || octets.n - FRAME < n)
		return 0;
	return hash_crc32c(0, str_of(octets.p + FRAME, n)) == u32_at(octets.p + 4) ? FRAME + n : 0;
}

size_t log_whole(str octets)
{
	size_t at = 0, n;

	while ((n = frame_at(str_skip(octets, at))) != 0)
		at += n;
	return at;
}

bool log_next(str *rest, str *body)
{
	size_t n = frame_at(*rest);

	if (!n)
		return false;
	*body = str_of(rest->p + FRAME, n - FRAME);
	*rest = str_skip(*rest, n);
	return true;
}

static uint64_t first_file(struct acct_log *l)
{
	(void)pthread_mutex_lock(&l->guard);
	uint64_t n = l->first;

	(void)pthread_mutex_unlock(&l->guard);
	return n;
}

struct acct_place log_end(struct acct_log *l)
{
	(void)pthread_mutex_lock(&l->guard);
	struct acct_place p = { l->file, l->fd >= 0 ? l->at : OVER };

	(void)pthread_mutex_unlock(&l->guard);
	return p;
}

/* At most max octets at p, up to limit. */
static err read_some(struct acct_log *l, struct acct_place p, uint64_t limit, size_t max,
		     struct buf *out)
{
	char name[32];
	struct stat st;
	err e = OK;

	file_name(p.file, name);
	int fd = openat(l->dirfd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? OK : log_failed(l, name); /* a gap in the numbers */
	if (fstat(fd, &st) == 0 && (uint64_t)st.st_size < limit)
		limit = (uint64_t)st.st_size;
	while (e == OK && p.at < limit && out->n < max) {
		size_t want = limit - p.at < max - out->n ? (size_t)(limit - p.at) : max - out->n;
		char *to = buf_room(out, want);
		ssize_t n =
			to ? pread(fd, to, want, (off_t)p.at) /* allowed: the log's own thread */
			   : -1;

		if (n < 0 && errno != EINTR)
			e = log_failed(l, name);
		if (n == 0)
			break;
		out->n += n > 0 ? (size_t)n : 0;
		p.at += n > 0 ? (uint64_t)n : 0;
	}
	(void)close(fd);
	return e;
}

static void say_torn(const struct acct_log *l, struct acct_place p, size_t n)
{
	if (n)
		LOG(LOG_WARN, "accounting.torn", KS("folder", str_z(l->dir)), KI("file", p.file),
		    KI("at", p.at), KI("octets", n));
}

err log_read(struct acct_log *l, struct acct_place *p, size_t max, struct buf *out)
{
	for (;;) {
		struct acct_place end = log_end(l);

		if (end.file == 0)
			return E_EOF;
		if (p->file < first_file(l) || p->file > end.file) /* removed by hand */
			*p = (struct acct_place){ first_file(l), 0 };
		p->at = p->at < HEAD ? HEAD : p->at;
		buf_reset(out);
		uint64_t limit = p->file == end.file ? end.at : OVER;

		TRY(read_some(l, *p, limit, max, out));
		size_t whole = log_whole(buf_str(out));

		if (whole) {
			out->n = whole;
			return OK;
		}
		say_torn(l, *p, out->n);
		if (p->file == end.file) {
			p->at = end.at;
			return E_EOF;
		}
		*p = (struct acct_place){ p->file + 1, 0 };
	}
}

void log_forget(struct acct_log *l, struct acct_place p)
{
	char name[32];
	struct stat st;

	while (l->first && l->first < p.file && l->first < log_end(l).file) {
		file_name(l->first, name);
		uint64_t n = fstatat(l->dirfd, name, &st, 0) == 0 ? (uint64_t)st.st_size : 0;

		if (unlinkat(l->dirfd, name, 0) != 0 && errno != ENOENT)
			return; /* tried again after the next batch */
		(void)pthread_mutex_lock(&l->guard);
		l->first++;
		l->octets -= n < l->octets ? n : l->octets;
		(void)pthread_mutex_unlock(&l->guard);
	}
}

uint64_t log_octets(struct acct_log *l, struct acct_place p)
{
	struct acct_place end = log_end(l);

	(void)pthread_mutex_lock(&l->guard);
	uint64_t n = l->octets;

	(void)pthread_mutex_unlock(&l->guard);
	if (p.file != end.file) /* older ones are gone, or nearly */
		return n;
	return end.at == OVER && p.at != OVER ? n : end.at - (p.at < end.at ? p.at : end.at);
}
