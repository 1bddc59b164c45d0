/* posta user export: CSV that import takes back. */
#include <stdio.h>

#include "base/mem.h"
#include "formats/csv/csv.h"
#include "posta/cmd_directory.h"

struct export
{
	struct dircmd_out o;
	bool hashes;
};

static err hash_of(struct export *x, uint64_t user, struct secret *out)
{
	*out = (struct secret){ 0 };
	return x->hashes ? secrets_get(x->o.c->s, user, out) : OK;
}

static void csv_row(const struct dir_row *row, const struct secret *s, bool hashes, struct buf *out)
{
	csv_print(row->name, out);
	if (hashes) {
		buf_addc(out, ',');
		csv_print(str_z(s->crypt), out);
	}
	for (size_t i = 0; i < row->kind->nfields; i++) {
		if (row->kind->fields[i].shown)
			continue;
		buf_addc(out, ',');
		/* what is as usual stays empty: the file is smaller, and import has less to write
		 */
		if (!str_eq(row->values[i], dir_field_default(&row->kind->fields[i])))
			csv_print(row->values[i], out);
	}
	buf_add(out, STR("\r\n"));
}

static err export_row(void *arg, const struct dir_row *row)
{
	struct export *x = arg;
	struct secret s;

	TRY(hash_of(x, row->id, &s));
	if (!x->o.c->env->json) {
		csv_row(row, &s, x->hashes, &x->o.line);
	} else {
		dircmd_row_json(row, &x->o.line);
		if (x->hashes && x->o.line.n) {
			x->o.line.n--; /* the brace */
			buf_add(&x->o.line, STR(", \"hash\": "));
			cmd_json(&x->o.line, str_z(s.crypt));
			buf_addc(&x->o.line, '}');
		}
	}
	mem_wipe(&s, sizeof(s));
	return dircmd_out_line(&x->o);
}

static void print_header(bool hashes)
{
	fputs(hashes ? "address,hash" : "address", stdout);
	for (size_t i = 0; i < dir_user_kind.nfields; i++)
		if (!dir_user_kind.fields[i].shown)
			printf(",%s", dir_user_kind.fields[i].name);
	fputs("\r\n", stdout);
}

int cmd_user_export(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { { "--hashes" }, { NULL } };
	uint64_t domain;
	int code = dircmd_parse(c, argc, argv, NULL, options, 0, 1);

	if (code)
		return code;
	struct export x = { .hashes = dircmd_given(c, "--hashes") != NULL };

	code = dircmd_open(c, DIRCMD_READ | (x.hashes ? DIRCMD_SECRETS : 0));
	if (code)
		return code;
	str within = c->nwords ? c->words[0] : STR("");
	err e = within.n ? directory_find(c->d, &dir_domain, within, &domain) : OK;

	if (e)
		return dircmd_error(c, e);
	dircmd_out_begin(&x.o, c);
	if (!c->env->json)
		print_header(x.hashes);
	e = directory_each(c->d, &dir_user_kind, within, 0, export_row, &x);
	return dircmd_out_end(&x.o, e);
}
