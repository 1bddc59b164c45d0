#include "run/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/work.h"

/* The file has the first `written` octets, ram those behind. Reading changes neither, as other
 * threads may read at the same time. */
struct spool {
	_Atomic unsigned holds;
	int fd; /* -1: all in memory */
	uint64_t size, max, written;
	struct buf ram;
	err broken;
	char *dir;
	pthread_mutex_t lock; /* over map, since any thread may ask for the view */
	char *map;
	size_t mapped;
};

enum { COPY = 65536 };

struct spool *spool_new(const char *dir, uint64_t max)
{
	struct spool *s = MEM_NEW(struct spool);
	size_t n = str_z(dir).n;

	s->holds = 1;
	s->fd = -1;
	s->max = max;
	s->dir = mem_get(n + 1);
	memcpy(s->dir, dir, n);
	(void)pthread_mutex_init(&s->lock, NULL);
	buf_init(&s->ram, LIM_MESSAGE_RAM);
	return s;
}

struct spool *spool_hold(struct spool *s)
{
	atomic_fetch_add(&s->holds, 1);
	return s;
}

void spool_drop(struct spool *s)
{
	if (!s || atomic_fetch_sub(&s->holds, 1) > 1)
		return;
	if (s->map)
		(void)munmap(s->map, s->mapped);
	if (s->fd >= 0)
		(void)close(s->fd);
	(void)pthread_mutex_destroy(&s->lock);
	buf_free(&s->ram);
	mem_free(s->dir);
	mem_free(s);
}

uint64_t spool_size(const struct spool *s)
{
	return s->size;
}

/* ---- writing; in a helper thread ---- */

static err disk_error(const char *what, const char *dir)
{
	if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
		return fail(E_FULL, "%s in %s: %s", what, dir, strerror(errno));
	return fail(E_IO, "%s in %s: %s", what, dir, strerror(errno));
}

/* A file without a name: no crash leaves it behind. */
static err open_unlinked(const char *dir, int *fd)
{
#ifdef O_TMPFILE
	*fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return OK;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
		return disk_error("spool file", dir);
#endif
	struct buf name;

	buf_init(&name, 4096);
	buf_fmt(&name, "%s/spool.XXXXXX", dir);
	buf_u8(&name, 0);
	if (buf_done(&name) == OK && (*fd = mkostemp(name.p, O_CLOEXEC)) >= 0)
		(void)unlink(name.p);
	int saved = errno;

	buf_free(&name);
	errno = saved;
	return *fd >= 0 ? OK : disk_error("spool file", dir);
}

struct spill {
	struct spool *s;
	str more; /* octets behind those in ram */
};

static err write_at(const struct spool *s, uint64_t at, str bytes)
{
	while (bytes.n) {
		ssize_t n = pwrite(s->fd, bytes.p, bytes.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return disk_error("spool file", s->dir);
		at += (uint64_t)n;
		bytes = str_skip(bytes, (size_t)n);
	}
	return OK;
}

static err spill(void *arg)
{
	struct spill *job = arg;
	struct spool *s = job->s;

	if (s->fd < 0)
		TRY(open_unlinked(s->dir, &s->fd));
	TRY(write_at(s, s->written, buf_str(&s->ram)));
	s->written += s->ram.n;
	buf_reset(&s->ram);
	TRY(write_at(s, s->written, job->more));
	s->written += job->more.n;
	return OK;
}

WAITS err spool_add(struct spool *s, str bytes)
{
	if (s->broken != OK)
		return s->broken;
	if (bytes.n > s->max - s->size)
		return s->broken = fail(E_LIMIT, "a message of more than %llu octets",
					(unsigned long long)s->max);
	s->size += bytes.n;
	if (bytes.n <= s->ram.max - s->ram.n) {
		buf_add(&s->ram, bytes);
		s->broken = buf_done(&s->ram);
		return s->broken;
	}
	struct spill job = { s, bytes };

	s->broken = work(POOL_DISK, spill, &job);
	return s->broken;
}

/* ---- reading ---- */

struct fetch {
	const struct spool *s;
	uint64_t offset;
	char *p;
	size_t n, got;
};

static err fetch(void *arg)
{
	struct fetch *f = arg;

	for (;;) {
		ssize_t n = pread(f->s->fd, f->p, f->n, (off_t)f->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(E_IO, "spool file: %s", n ? strerror(errno) : "it is shorter");
		f->got = (size_t)n;
		return OK;
	}
}

WAITS err spool_read(struct spool *s, uint64_t offset, char *p, size_t n, size_t *got)
{
	*got = 0;
	if (s->broken != OK)
		return s->broken;
	if (offset >= s->size || !n)
		return OK;
	if (offset >= s->written) {
		str have = str_skip(buf_str(&s->ram), (size_t)(offset - s->written));

		*got = have.n < n ? have.n : n;
		memcpy(p, have.p, *got);
		return OK;
	}
	struct fetch f = { .s = s, .offset = offset, .p = p, .n = n };

	if (f.n > s->written - offset)
		f.n = (size_t)(s->written - offset);
	TRY(work(POOL_DISK, fetch, &f));
	*got = f.got;
	return OK;
}

static err map_file(struct spool *s)
{
	TRY(write_at(s, s->written, buf_str(&s->ram))); /* now the file has all of it */
	char *p = mmap(NULL, (size_t)s->size, PROT_READ, MAP_SHARED, s->fd, 0);

	if (p == MAP_FAILED)
		return fail(E_IO, "spool file: mmap: %s", strerror(errno));
	s->map = p;
	s->mapped = (size_t)s->size;
	return OK;
}

err spool_view(struct spool *s, str *out)
{
	err e = s->broken;

	(void)pthread_mutex_lock(&s->lock);
	if (e == OK && s->fd >= 0 && !s->map)
		e = map_file(s);
	if (e == OK)
		*out = s->map ? str_of(s->map, s->mapped) : buf_str(&s->ram);
	(void)pthread_mutex_unlock(&s->lock);
	return e;
}

static void free_buf(char **p)
{
	mem_free(*p);
}

WAITS err spool_send(struct spool *s, uint64_t from, struct stream *io)
{
	CLEANUP(free_buf) char *p = NULL;

	if (s->broken != OK)
		return s->broken;
	if (s->written)
		p = mem_get(COPY);
	while (from < s->size) {
		size_t got;

		if (from >= s->written)
			return stream_write(
				io, str_skip(buf_str(&s->ram), (size_t)(from - s->written)));
		TRY(spool_read(s, from, p, COPY, &got));
		TRY(stream_write(io, str_of(p, got)));
		from += got;
	}
	return OK;
}
