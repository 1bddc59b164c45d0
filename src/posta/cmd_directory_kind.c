/* add, set, show, list, remove of what is described by a table of fields. */
#include "posta/cmd_directory.h"

#include <stdio.h>

#include "base/limits.h"

int dircmd_kind_add(struct dircmd *c, const struct dir_kind *k, int argc, char **argv)
{
	uint64_t id;
	int code = dircmd_parse(c, argc, argv, k, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE);
	if (code)
		return code;
	err e = directory_add(c->d, k, c->words[0], c->sets, c->nsets, &id);

	return e ? dircmd_error(c, e) : dircmd_done(c, k->name, c->words[0], "added");
}

int dircmd_kind_set(struct dircmd *c, const struct dir_kind *k, int argc, char **argv)
{
	int code = dircmd_parse(c, argc, argv, k, NULL, 1, 1);

	if (!code && !c->nsets)
		code = cmd_usage(c->env, "say what to set: --%s VALUE, ...", k->fields[0].name);
	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE);
	if (code)
		return code;
	err e = directory_set(c->d, k, c->words[0], c->sets, c->nsets);

	return e ? dircmd_error(c, e) : dircmd_done(c, k->name, c->words[0], "changed");
}

int dircmd_kind_remove(struct dircmd *c, const struct dir_kind *k, int argc, char **argv)
{
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE);
	if (code)
		return code;
	err e = directory_remove(c->d, k, c->words[0]);

	return e ? dircmd_error(c, e) : dircmd_done(c, k->name, c->words[0], "removed");
}

/* ---- printing ---- */

static void field_json(const struct dir_field *f, str value, struct buf *out)
{
	uint64_t size;

	buf_fmt(out, ", \"%s\": ", f->name);
	if (f->type == DIR_INT)
		buf_add(out, value);
	else if (f->type == DIR_SIZE && !dir_size_parse(value, &size))
		buf_fmt(out, "%llu", (unsigned long long)size);
	else if (f->type == DIR_BOOL || f->type == DIR_FLAG)
		buf_add(out, str_eq(value, STR("yes")) ? STR("true") : STR("false"));
	else if (!value.n && (f->type == DIR_TENANT_REF || f->type == DIR_DOMAIN_REF))
		buf_add(out, STR("null"));
	else
		cmd_json(out, value);
}

void dircmd_row_json(const struct dir_row *row, struct buf *out)
{
	buf_fmt(out, "{\"%s\": ", row->kind->name);
	cmd_json(out, row->name);
	buf_fmt(out, ", \"id\": %llu", (unsigned long long)row->id);
	for (size_t i = 0; i < row->kind->nfields; i++)
		field_json(&row->kind->fields[i], row->values[i], out);
	buf_addc(out, '}');
}

static err show_row(void *arg, const struct dir_row *row)
{
	struct buf *b = arg;

	buf_fmt(b, "%-24s %.*s\n%-24s %llu\n", row->kind->name, STRF(row->name), "id",
		(unsigned long long)row->id);
	for (size_t i = 0; i < row->kind->nfields; i++)
		if (row->values[i].n)
			buf_fmt(b, "%-24s %.*s\n", row->kind->fields[i].name, STRF(row->values[i]));
	return buf_done(b);
}

static err show_json(void *arg, const struct dir_row *row)
{
	struct buf *b = arg;

	dircmd_row_json(row, b);
	buf_addc(b, '\n');
	return buf_done(b);
}

int dircmd_kind_show(struct dircmd *c, const struct dir_kind *k, int argc, char **argv)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	uint64_t id = 0;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_READ);
	if (code)
		return code;
	buf_init(&b, MIB(2));
	err e = directory_find(c->d, k, c->words[0], &id);

	if (!e)
		e = directory_each(c->d, k, STR(""), id, c->env->json ? show_json : show_row, &b);
	return e ? dircmd_error(c, e) : cmd_print(&b);
}

/* A line of a list: the name, then what is not as usual. */
static void list_line(const struct dir_row *row, struct buf *out)
{
	buf_fmt(out, "%-32.*s", STRF(row->name));
	for (size_t i = 0; i < row->kind->nfields; i++) {
		const struct dir_field *f = &row->kind->fields[i];
		str v = row->values[i];
		bool flag = f->type == DIR_BOOL || f->type == DIR_FLAG;

		if (f->table || f->shown || !v.n || str_eq(v, STR("no")) || str_eq(v, STR("0")) ||
		    (f->dflt_text && str_eq(v, str_z(f->dflt_text))))
			continue;
		if (flag)
			buf_fmt(out, " %s", f->name);
		else if (f->type != DIR_WORD || !str_eq(v, str_z(f->words[0])))
			buf_fmt(out, " %s=%.*s", f->name, STRF(v));
	}
	buf_addc(out, '\n');
}

static err list_row(void *arg, const struct dir_row *row)
{
	struct dircmd_out *o = arg;

	if (o->c->env->json)
		dircmd_row_json(row, &o->line);
	else
		list_line(row, &o->line);
	return dircmd_out_line(o);
}

/* What a list may be narrowed to must exist: a mistyped name is no empty list. */
static err check_within(struct dircmd *c, const struct dir_kind *k)
{
	uint64_t id;

	if (!c->nwords)
		return OK;
	return directory_find(c->d, k == &dir_user_kind ? &dir_domain : &dir_tenant, c->words[0],
			      &id);
}

int dircmd_kind_list(struct dircmd *c, const struct dir_kind *k, int argc, char **argv)
{
	struct dircmd_out o;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 0, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_READ);
	if (code)
		return code;
	err e = check_within(c, k);

	if (e)
		return dircmd_error(c, e);
	dircmd_out_begin(&o, c);
	e = directory_each(c->d, k, c->nwords ? c->words[0] : STR(""), 0, list_row, &o);
	return dircmd_out_end(&o, e);
}
