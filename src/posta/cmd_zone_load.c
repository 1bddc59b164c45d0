/* posta zone load, edit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/cmd_zone.h"

/* ---- load ---- */

static int say(struct dircmd *c, str name, const struct zone_counts *n)
{
	str what = arena_fmt(c->env->arena, "loaded (%zu records added, %zu removed%s)%c", n->added,
			     n->removed, n->skipped ? ", signatures left out" : "", 0);

	return dircmd_done(c, "zone", name, what.p);
}

/* Reads the text into a builder; complaints go to standard error. */
static err parse(struct dircmd *c, const struct dirzone_name *name, const char *path, int64_t ttl,
		 struct zone_builder **b)
{
	CLEANUP(buf_free) struct buf complaints = { 0 };
	CLEANUP(buf_free) struct buf text = { 0 };
	struct zone_file f = { .path = path,
			       .apex = dns_name_str(&name->wire),
			       .ttl = (uint32_t)ttl,
			       .ttl_known = true,
			       .complaints = &complaints };
	bool input = str_eq(str_z(path), STR("-"));

	(void)c;
	buf_init(&complaints, MIB(1));
	buf_init(&text, LIM_ZONE_FILE);
	err e = input ? zone_slurp(path, &text) : OK;

	if (!e)
		e = input ? zone_read_text(&f, buf_str(&text), STR("-"), b) : zone_read_file(&f, b);
	if (complaints.n)
		fprintf(stderr, "%.*s", STRF(buf_str(&complaints)));
	if (e && complaints.n)
		return fail(E_SYNTAX, "%s has mistakes; nothing was changed", path);
	return e;
}

static err zone_ttl(struct directory *d, uint64_t id, int64_t *out)
{
	return SQL_GET(directory_sql(d), out, "SELECT ttl FROM zones WHERE id = ?", SQL_I(id));
}

/* The zone of that name, which is made when there is none. */
static err begin(struct dircmd *c, struct zone_change *z, str name, bool *fresh)
{
	uint64_t id;

	*fresh = false;
	err e = dirzone_find(c->d, name, &id);

	if (e && e != E_NOTFOUND)
		return e;
	if (!e)
		return zone_change_begin(z, c, name);
	*fresh = true;
	*z = (struct zone_change){ .c = c };
	buf_init(&z->before, KIB(1));
	TRY(dirzone_name_parse(name, &z->name));
	TRY(directory_begin(c->d));
	e = directory_add(c->d, &dir_zone, name, NULL, 0, &z->id);
	if (e)
		directory_rollback(c->d);
	return e;
}

static err load_into(struct zone_change *z, const char *path, bool fresh, struct zone_counts *n)
{
	struct zone_builder *b = NULL;
	int64_t ttl = 0;
	err e = zone_ttl(z->c->d, z->id, &ttl);

	if (!e)
		e = parse(z->c, &z->name, path, ttl, &b);
	if (!e)
		e = zone_replace(z->c->d, z->id, b, fresh, n);
	zone_builder_free(b);
	z->unchanged = !fresh && !n->added && !n->removed && !n->fields;
	return e;
}

int cmd_zone_load(struct dircmd *c, int argc, char **argv)
{
	struct zone_change *z = NEW(c->env->arena, struct zone_change);
	struct zone_counts n = { 0 };
	bool fresh;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 2, 2);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE);
	if (code)
		return code;
	err e = begin(c, z, c->words[0], &fresh);

	if (!e)
		e = zone_change_end(z,
				    load_into(z, arena_z(c->env->arena, c->words[1]), fresh, &n));
	return e ? dircmd_error(c, e) : say(c, z->name.text, &n);
}

/* ---- edit ---- */

static err write_temporary(char *path, const struct buf *text)
{
	int fd = mkstemps(path, 5);

	if (fd < 0)
		return fail(E_IO, "%s: %s", path, strerrordesc_np(errno));
	FILE *f = fdopen(fd, "w");
	bool ok = f && fwrite(text->p, 1, text->n, f) == text->n;

	if (f)
		ok = !fclose(f) && ok;
	else
		(void)close(fd);
	return ok ? OK : fail(E_IO, "%s: it cannot be written", path);
}

/* $VISUAL, $EDITOR or vi, as a shell would run it: it may have options. */
static err run_editor(char *path)
{
	const char *editor = getenv("VISUAL");
	char command[] = "exec $POSTA_EDITOR \"$1\"", sh[] = "sh", dash_c[] = "-c";
	char *argv[] = { sh, dash_c, command, sh, path, NULL };
	int status = -1;

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	pid_t pid = fork();

	if (pid == 0) {
		(void)setenv("POSTA_EDITOR", editor && *editor ? editor : "vi", 1);
		(void)execv("/bin/sh", argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return fail(E_IO, "the editor: %s", strerrordesc_np(errno));
	return status == 0 ? OK : fail(E_IO, "the editor ended with an error");
}

static err same_text(const char *path, const struct buf *text, bool *same)
{
	CLEANUP(buf_free) struct buf now = { 0 };

	buf_init(&now, LIM_ZONE_FILE);
	TRY(zone_slurp(path, &now));
	*same = str_eq(buf_str(&now), buf_str(text));
	return OK;
}

static err edit_zone(struct dircmd *c, char *path, struct zone_counts *n, bool *same)
{
	CLEANUP(buf_free) struct buf text = { 0 };
	struct zone_change *z = NEW(c->env->arena, struct zone_change);
	uint64_t id = 0;

	buf_init(&text, LIM_ZONE_FILE);
	TRY(dirzone_find(c->d, c->words[0], &id));
	TRY(zone_text(c->d, id, true, &text));
	TRY(write_temporary(path, &text));
	TRY(run_editor(path));
	TRY(same_text(path, &text, same));
	if (*same)
		return OK;
	TRY(zone_change_begin(z, c, c->words[0]));
	return zone_change_end(z, load_into(z, path, false, n));
}

int cmd_zone_edit(struct dircmd *c, int argc, char **argv)
{
	char path[] = "/tmp/posta-zone-XXXXXX.zone";
	struct zone_counts n = { 0 };
	bool same = false;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE);
	if (code)
		return code;
	err e = edit_zone(c, path, &n, &same);

	if (e) {
		code = dircmd_error(c, e);
		if (access(path, F_OK) == 0)
			fprintf(stderr, "what you wrote is in %s: posta zone load %.*s %s\n", path,
				STRF(c->words[0]), path);
		return code;
	}
	(void)unlink(path);
	return same ? dircmd_done(c, "zone", c->words[0], "unchanged") : say(c, c->words[0], &n);
}
