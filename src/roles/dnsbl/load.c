/* A list's files: whether they are whole, and what they say. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/limits.h"
#include "roles/dnsbl/dnsbl.h"

enum { PIECE = 1 << 20 };

static err path_of(str file, char out[LIM_FILE_PATH])
{
	return str_to_z(file, out, LIM_FILE_PATH);
}

void dnsbl_look(const struct dnsbl_list *l, struct dnsbl_marks *out)
{
	char path[LIM_FILE_PATH];
	struct stat st;

	*out = (struct dnsbl_marks){ .n = l->files.n };
	for (size_t i = 0; i < l->files.n; i++)
		if (path_of(l->files.v[i], path) == OK && stat(path, &st) == 0)
			out->v[i] = (struct dnsbl_mark){ st.st_size,
							 st.st_mtim.tv_sec * INT64_C(1000000000) +
								 st.st_mtim.tv_nsec,
							 (int64_t)st.st_ino };
}

bool dnsbl_marks_eq(const struct dnsbl_marks *a, const struct dnsbl_marks *b)
{
	return a->n == b->n && memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0;
}

int64_t dnsbl_newest(const struct dnsbl_marks *m)
{
	int64_t newest = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].mtime > newest)
			newest = m->v[i].mtime;
	return newest / 1000000000;
}

/* Plain, or compressed by gzip: zlib reads both. */
static err read_whole(const char *path, struct buf *out)
{
	gzFile f = gzopen(path, "rbe");
	char *room;
	int n = 0;

	if (!f)
		return fail(errno == ENOENT ? E_NOTFOUND : E_IO, "%s: %s", path, strerror(errno));
	(void)gzbuffer(f, PIECE);
	while ((room = buf_room(out, PIECE)) && (n = gzread(f, room, PIECE)) > 0)
		out->n += (size_t)n;
	bool cut = n < 0 || !gzeof(f);

	/* A compressed file that ends too early says so at the end only. */
	if (gzclose(f) != Z_OK)
		cut = true;
	if (buf_done(out) != OK)
		return fail(E_LIMIT, "%s: longer than %zu octets", path, LIM_RBL_FILE);
	return cut ? fail(E_CORRUPT, "%s cannot be read to its end", path) : OK;
}

/* What was cut has no end of its last line, or not the line that says the end. */
static err check_end(const struct dnsbl_list *l, str text, const char *path)
{
	str last = text;

	if (text.n == 0)
		return fail(E_CORRUPT, "%s is empty", path);
	if (text.p[text.n - 1] != '\n')
		return fail(E_CORRUPT, "%s does not end with a whole line: is it still written?",
			    path);
	if (l->end.n == 0)
		return OK;
	last = str_trim_ws(text);
	size_t at = str_rfind(last, '\n');

	last = at < last.n ? str_skip(last, at + 1) : last;
	return str_eq(str_trim_ws(last), l->end)
		       ? OK
		       : fail(E_CORRUPT, "%s does not end with \"%.*s\": it is not whole", path,
			      STRF(l->end));
}

static err read_file(const struct dnsbl_list *l, size_t i, struct buf *text)
{
	char path[LIM_FILE_PATH];

	TRY(path_of(l->files.v[i], path));
	buf_init(text, LIM_RBL_FILE);
	TRY(read_whole(path, text));
	return check_end(l, buf_str(text), path);
}

static err build(const struct dnsbl_job *j, const struct buf *texts, struct list **out)
{
	const struct list_options o = { .type = j->l->type, .ttl = (uint32_t)j->l->ttl };
	struct list_file files[DNSBL_FILES];

	for (size_t i = 0; i < j->l->files.n; i++)
		files[i] = (struct list_file){ j->l->files.v[i], buf_str(&texts[i]),
					       j->marks->v[i].mtime / 1000000000 };
	TRY(list_load(&o, files, j->l->files.n, j->complaints, out));
	if (list_made(*out) <= j->now)
		return OK;
	list_drop(*out);
	return fail(E_CORRUPT, "$TIMESTAMP is in the future");
}

err dnsbl_load(void *job)
{
	struct dnsbl_job *j = job;
	struct buf texts[DNSBL_FILES] = { 0 };
	struct dnsbl_marks after;
	err e = OK;

	for (size_t i = 0; i < j->l->files.n && e == OK; i++)
		e = read_file(j->l, i, &texts[i]);
	if (e == OK)
		e = build(j, texts, &j->out);
	for (size_t i = 0; i < j->l->files.n; i++)
		buf_free(&texts[i]);
	dnsbl_look(j->l, &after);
	if (e != OK || dnsbl_marks_eq(&after, j->marks))
		return e;
	list_drop(j->out);
	j->out = NULL;
	return fail(E_AGAIN, "the files changed while they were read");
}
