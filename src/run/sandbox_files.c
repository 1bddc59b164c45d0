/* Landlock by raw system calls: glibc has no names for them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/role.h"
#include "run/sandbox_part.h"

/* What ABI 1 knows and what newer ones added (REFER with 2, TRUNCATE with 3); headers of Debian 12
 * end at 2. */
#define RIGHTS_READ                                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_WRITE                                                                               \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                           \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                               \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define RIGHT_REFER    (UINT64_C(1) << 13)
#define RIGHT_TRUNCATE (UINT64_C(1) << 14)
#define RIGHTS_OF_FILE                                                                             \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |                               \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)

struct rules {
	int fd;
	uint64_t handled;
};

static uint64_t rights_of_abi(long abi)
{
	uint64_t r = RIGHTS_READ | RIGHTS_WRITE;

	if (abi >= 2)
		r |= RIGHT_REFER;
	if (abi >= 3)
		r |= RIGHT_TRUNCATE;
	return r;
}

/* A path that is not there needs no rule. */
static err allow(const struct rules *r, const char *path, uint64_t rights)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == EACCES
			       ? OK
			       : fail(E_IO, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rights &= RIGHTS_OF_FILE;
	struct landlock_path_beneath_attr at = { .allowed_access = rights & r->handled,
						 .parent_fd = fd };
	long ret = syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &at, 0);
	err e = ret == 0 ? OK : fail(E_IO, "landlock: %s: %s", path, strerror(errno));

	(void)close(fd);
	return e;
}

/* The folder of a file's path. */
static err allow_folder_of(const struct rules *r, const char *path, uint64_t rights)
{
	char folder[LIM_FILE_PATH];
	str p = str_z(path);

	TRY(str_to_z(str_take(p, str_rfind(p, '/')), folder, sizeof(folder)));
	return allow(r, folder, rights);
}

static err add_rules(const struct rules *r, const struct sandbox *s)
{
	/* What the C library, OpenSSL, ICU, RocksDB and the resolver look at. */
	static const char *const system[] = { "/usr",
					      "/lib",
					      "/lib64",
					      "/etc",
					      "/proc",
					      "/sys",
					      "/run/systemd/resolve",
					      "/var/lib/unbound" };
	static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/urandom",
					       "/dev/random" };
	uint64_t rw = r->handled & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;

	for (size_t i = 0; i < COUNT(system); i++)
		TRY(allow(r, system[i], RIGHTS_READ));
	for (size_t i = 0; i < COUNT(devices); i++)
		TRY(allow(r, devices[i], rw));
	TRY(allow(r, s->run, RIGHTS_READ));
	TRY(allow(r, s->trace, rw));
	for (size_t i = 0; i < s->nreads; i++)
		TRY(allow(r, s->reads[i], RIGHTS_READ & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE));
	/* A role may start posta itself again, wherever that lies: the filter to compile rules. */
	if (s->may & MAY_SPAWN)
		TRY(allow(r, "/proc/self/exe", RIGHTS_READ));
	if (s->may & MAY_DATA)
		TRY(allow(r, s->data, rw));
	if (s->may & MAY_DIRECTORY)
		TRY(allow_folder_of(r, s->directory, RIGHTS_READ));
	if (s->may & (MAY_SECRETS | MAY_ZONE_KEYS))
		TRY(allow_folder_of(r, s->secrets, rw));
	if (s->may & MAY_ACCOUNTING)
		TRY(allow_folder_of(r, s->accounting, rw));
	return OK;
}

err sandbox_files(const struct sandbox *s, bool *on)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = { .handled_access_fs = rights_of_abi(abi) };
	struct rules r = { .handled = attr.handled_access_fs };

	*on = abi > 0;
	if (!*on)
		return OK;
	r.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (r.fd < 0)
		return fail(E_IO, "landlock: %s", strerror(errno));
	err e = add_rules(&r, s);

	if (e == OK && syscall(SYS_landlock_restrict_self, r.fd, 0) != 0)
		e = fail(E_IO, "landlock: %s", strerror(errno));
	(void)close(r.fd);
	return e;
}
