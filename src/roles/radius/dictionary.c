/* The dictionary's files. */
#include "roles/radius/radius.h"
#include "run/file.h"

struct files {
	str folder; /* of the first one, with its slash: the others stand there */
	struct buf *texts;
	size_t n;
	size_t octets;
};

static err open_file(void *arg, str name, str *text)
{
	struct files *f = arg;
	CLEANUP(buf_free) struct buf path = { 0 };

	if (f->n == LIM_RADIUS_DICT_FILES)
		return fail(E_LIMIT, "over %d files", LIM_RADIUS_DICT_FILES);
	buf_init(&path, LIM_FILE_PATH);
	if (!str_starts(name, STR("/")))
		buf_add(&path, f->folder);
	buf_add(&path, name);
	buf_addc(&path, '\0');
	TRY(buf_done(&path));
	struct buf *b = &f->texts[f->n];

	buf_init(b, LIM_RADIUS_DICT_TEXT - f->octets);
	err e = file_read(path.p, b);

	f->n++;
	f->octets += b->n;
	*text = buf_str(b);
	return e;
}

err radius_dictionary_load(const char *path, struct buf *complaints, struct radius_dict **out)
{
	str whole = str_z(path);
	size_t slash = str_rfind(whole, '/');
	struct files f = { .folder = slash < whole.n ? str_take(whole, slash + 1) : STR("") };
	const struct radius_dict_source from = { open_file, &f };
	struct radius_dict *d = radius_dict_new();

	f.texts = mem_get(size_mul(LIM_RADIUS_DICT_FILES, sizeof(*f.texts)));
	err e = radius_dict_read(d, &from, str_skip(whole, f.folder.n), complaints);

	for (size_t i = 0; i < f.n; i++)
		buf_free(&f.texts[i]);
	mem_free(f.texts);
	if (e)
		radius_dict_free(d);
	else
		*out = d;
	return e;
}
