#include "run/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

enum { PIECE = 64 << 10 };

static err fail_file(const char *path)
{
	err e = errno == ENOENT ? E_NOTFOUND : errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO;

	return fail(e, "%s: %s", path, strerror(errno));
}

err file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = 0;
	char *room;

	if (fd < 0)
		return fail_file(path);
	size_t left = out->max - out->n; /* one octet more shows a longer file */

	while ((room = buf_room(out, left < PIECE ? (left ? left : 1) : PIECE)) &&
	       (n = read(fd, room, left < PIECE ? (left ? left : 1) : PIECE)) > 0) {
		out->n += (size_t)n;
		left = out->max - out->n;
	}
	err e = n < 0 ? fail_file(path) : OK;
	char more;

	/* Full to its maximum is no error by itself. */
	if (e == OK && out->e && out->n == out->max && read(fd, &more, 1) == 0)
		out->e = OK;
	(void)close(fd);
	if (e)
		return e;
	return buf_done(out) ? fail(E_LIMIT, "%s: longer than %zu octets", path, out->max) : OK;
}

static err write_all(int fd, const char *path, str octets)
{
	while (octets.n) {
		ssize_t n = write(fd, octets.p, octets.n);

		if (n < 0 && errno != EINTR)
			return fail_file(path);
		if (n > 0)
			octets = str_skip(octets, (size_t)n);
	}
	return fsync(fd) == 0 ? OK : fail_file(path);
}

err file_append(const char *path, str octets)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail_file(path);
	err e = write_all(fd, path, octets);

	(void)close(fd);
	return e;
}

static err sync_folder(const char *path)
{
	char folder[LIM_FILE_PATH];
	str p = str_z(path);
	size_t slash = str_rfind(p, '/');

	TRY(str_to_z(slash < p.n ? str_take(p, slash ? slash : 1) : STR("."), folder,
		     sizeof(folder)));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err e = fd >= 0 && fsync(fd) == 0 ? OK : fail_file(folder);

	if (fd >= 0)
		(void)close(fd);
	return e;
}

err file_replace(const char *path, str octets, unsigned mode)
{
	char next[LIM_FILE_PATH];
	int n = snprintf(next, sizeof(next), "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof(next))
		return fail(E_LIMIT, "the path %.100s... is too long", path);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);

	if (fd < 0)
		return fail_file(next);
	err e = fchmod(fd, (mode_t)mode) == 0 ? write_all(fd, next, octets) : fail_file(next);

	(void)close(fd);
	if (e == OK && rename(next, path) != 0)
		e = fail_file(path);
	if (e) {
		(void)unlink(next);
		return e;
	}
	return sync_folder(path);
}
