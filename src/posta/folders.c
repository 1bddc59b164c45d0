/* Users, groups and folders, before anything is started. */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posta/supervisor.h"
#include "run/log.h"
#include "services/directory/dirdb.h"
#include "services/directory/secrets.h"

static err group_of(const char *name, uint32_t *gid)
{
	const struct group *g = getgrnam(name);

	if (!g)
		return fail(
			E_NOTFOUND,
			"the group %s does not exist; ./run creates it, or: groupadd --system %s",
			name, name);
	*gid = g->gr_gid;
	return OK;
}

static err add_peer(struct supervisor *s, const struct role *r)
{
	const struct passwd *pw = getpwnam(r->user);

	if (!pw)
		return fail(E_NOTFOUND,
			    "the user %s does not exist; ./run creates it, or: useradd --system "
			    "--no-create-home %s",
			    r->user, r->user);
	if (s->npeers == SETUP_PEERS)
		return fail(E_LIMIT, "more than %d roles", SETUP_PEERS);
	s->peers[s->npeers++] = (struct setup_peer){ str_z(r->name), pw->pw_uid };
	return OK;
}

err sup_identities(struct supervisor *s)
{
	s->drop = geteuid() == 0;
	s->npeers = 0;
	s->peers[s->npeers++] = (struct setup_peer){ STR(""), geteuid() };
	if (!s->drop)
		return OK;
	TRY(group_of("posta", &s->group_posta));
	TRY(group_of("posta-directory", &s->group_directory));
	TRY(group_of("posta-secrets", &s->group_secrets));
	TRY(group_of("posta-zonekeys", &s->group_zone_keys));
	TRY(group_of("posta-trace", &s->group_trace));
	for (size_t i = 0; roles[i]; i++)
		TRY(add_peer(s, roles[i]));
	return OK;
}

static err make_parents(const char *path)
{
	char at[LIM_FILE_PATH];

	TRY(str_to_z(str_z(path), at, sizeof(at)));
	for (char *p = at + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(at, 0755) != 0 && errno != EEXIST)
			return fail(E_IO, "%s: %s", at, strerror(errno));
		*p = '/';
	}
	return OK;
}

static err folder(const struct supervisor *s, const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	TRY(make_parents(path));
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return fail(E_IO, "%s: %s", path, strerror(errno));
	if (!s->drop)
		return OK;
	if (chown(path, uid, gid) != 0 || chmod(path, mode) != 0)
		return fail(E_IO, "%s: %s", path, strerror(errno));
	return OK;
}

/* A role can write in the folder: a link that it put there must not lead root to a file elsewhere,
 * so the very file that was looked at is changed. */
static err share_file(int dir, const char *path, const char *name, gid_t gid, mode_t mode)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	err e = OK;

	if (fd < 0)
		return OK;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    (fchown(fd, st.st_uid, gid) != 0 || fchmod(fd, mode) != 0))
		e = fail(E_IO, "%s/%s: %s", path, name, strerror(errno));
	(void)close(fd);
	return e;
}

/* What a command of the operator made in a shared folder belongs to its group as well. */
static err share_files(const struct supervisor *s, const char *path, gid_t gid, mode_t mode)
{
	DIR *d = s->drop ? opendir(path) : NULL;
	const struct dirent *at;
	err e = OK;

	while (d && e == OK && (at = readdir(d)))
		e = share_file(dirfd(d), path, at->d_name, gid, mode);
	if (d)
		(void)closedir(d);
	return e;
}

static err role_folder(const struct supervisor *s, const struct config *c, const struct role *r,
		       struct arena *a)
{
	const struct passwd *pw = s->drop ? getpwnam(r->user) : NULL;
	const char *path = arena_fmt(a, "%s/%s%c", c->data, r->name, 0).p;

	if (s->drop && !pw)
		return fail(E_NOTFOUND, "the user %s does not exist", r->user);
	TRY(folder(s, path, pw ? pw->pw_uid : 0, pw ? pw->pw_gid : 0, 0700));
	if (!(r->may & MAY_ACCOUNTING))
		return OK;
	str accounting = str_take(str_z(c->accounting), str_rfind(str_z(c->accounting), '/'));

	return folder(s, arena_z(a, accounting), pw ? pw->pw_uid : 0, pw ? pw->pw_gid : 0, 0700);
}

static err all_folders(const struct supervisor *s, const struct config *c, struct arena *a)
{
	const char *directory = arena_fmt(a, "%s/directory%c", c->data, 0).p;
	const char *secrets = arena_fmt(a, "%s/secrets%c", c->data, 0).p;
	const char *zone_keys = arena_fmt(a, "%s/zonekeys%c", c->data, 0).p;

	TRY(folder(s, c->data, 0, 0, 0755));
	TRY(folder(s, c->run, 0, s->group_posta, 0750));
	TRY(folder(s, directory, 0, s->group_directory, s->drop ? 02750 : 0750));
	TRY(folder(s, secrets, 0, s->group_secrets, s->drop ? 02770 : 0700));
	TRY(folder(s, zone_keys, 0, s->group_zone_keys, s->drop ? 02770 : 0700));
	TRY(folder(s, c->trace, 0, s->group_trace, s->drop ? 02770 : 0700));
	TRY(share_files(s, directory, s->group_directory, 0640));
	TRY(share_files(s, secrets, s->group_secrets, 0660));
	TRY(share_files(s, zone_keys, s->group_zone_keys, 0660));
	for (size_t i = 0; i < c->nroles; i++)
		TRY(role_folder(s, c, c->roles[i].role, a));
	return OK;
}

err sup_folders(const struct supervisor *s, const struct config *c)
{
	struct arena a;

	arena_init(&a, MIB(1));
	err e = all_folders(s, c, &a);

	arena_free(&a);
	return e;
}

err sup_lock(struct supervisor *s)
{
	char path[LIM_FILE_PATH];
	struct buf b;

	buf_init(&b, sizeof(path));
	buf_fmt(&b, "%s/posta.lock", s->config->run);
	err e = str_to_z(buf_str(&b), path, sizeof(path));

	buf_free(&b);
	TRY(e);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return fail(E_IO, "%s: %s", path, strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		return fail(E_EXISTS,
			    "%s: another posta runs with this folder; stop it, or give \"run\" "
			    "another folder",
			    path);
	return OK;
}

static void open_secrets(const char *path, const char *key)
{
	struct secrets *s = NULL;
	err e = secrets_open(path, key, true, &s);

	if (e)
		LOG(LOG_WARN, "supervisor.secrets", KS("path", str_z(path)), KE(e));
	secrets_close(s);
}

void sup_databases(const struct config *c)
{
	struct directory *d = NULL;
	err e = directory_open(c->directory, true, &d);

	if (e)
		LOG(LOG_WARN, "supervisor.directory", KS("path", str_z(c->directory)), KE(e));
	directory_close(d);
	open_secrets(c->secrets, c->secret_key);
	open_secrets(c->zone_keys, c->zone_key);
}
