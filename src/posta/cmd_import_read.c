/* The first step of an import: the whole file into memory, checked as far as it can be without the
 * database. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "formats/csv/csv.h"
#include "posta/cmd_import.h"
#include "services/directory/address.h"

#define CHUNK KIB(64)

struct reader {
	FILE *f;
	struct buf in, space;
	size_t at; /* of in, behind the records taken */
	bool last;
	size_t line;
	struct csv_record r;
};

int import_failed(struct import *m, size_t line, err e)
{
	const struct fault *f = err_last();

	return cmd_failed(m->c->env, "line %zu: %s; nothing was imported", line,
			  f->code == e && f->text[0] ? f->text : err_name(e));
}

static err fill(struct reader *r)
{
	buf_eat(&r->in, r->at);
	r->at = 0;
	char *p = buf_room(&r->in, CHUNK);

	if (!p)
		return fail(E_LIMIT, "a record of more than %zu octets", LIM_CSV_LINE);
	size_t n = fread(p, 1, CHUNK, r->f);

	r->in.n += n;
	if (n < CHUNK && ferror(r->f))
		return fail(E_IO, "%s", strerrordesc_np(errno));
	r->last = n < CHUNK;
	return OK;
}

/* The next record into r->r; r->line is its first line. */
static err next(struct reader *r, size_t *lines)
{
	r->line += *lines;
	for (;;) {
		err e = csv_parse(str_skip(buf_str(&r->in), r->at), r->last, &r->space, &r->r);

		if (e == OK) {
			r->at += r->r.used;
			*lines = r->r.lines;
			return OK;
		}
		if (e != E_AGAIN)
			return e;
		TRY(fill(r));
	}
}

/* ---- the first line: names of columns ---- */

static err column(struct import *m, size_t i, str name)
{
	static const struct special {
		str name;
		int value;
	} special[] = {
		{ S("address"), COLUMN_ADDRESS },
		{ S("password"), COLUMN_PASSWORD },
		{ S("hash"), COLUMN_HASH },
	};

	for (size_t k = 0; k < COUNT(special); k++)
		if (str_eq(name, special[k].name))
			m->special[i] = special[k].value;
	if (!m->special[i])
		m->columns[i] = dir_field_find(&dir_user_kind, name);
	for (size_t k = 0; k < i; k++)
		if (m->columns[k] == m->columns[i] && m->special[k] == m->special[i])
			return fail(E_SYNTAX, "the column \"%.*s\" stands there twice", STRF(name));
	if (m->special[i])
		return OK;
	if (!m->columns[i])
		return fail(E_SYNTAX,
			    "\"%.*s\" is no column; there are address, password, hash and the "
			    "options of `posta user --help`",
			    STRF(name));
	return OK;
}

static err header(struct import *m, const struct csv_record *r)
{
	bool address = false;

	for (size_t i = 0; i < r->n; i++) {
		str name = r->fields[i];

		if (i == 0 &&
		    str_starts(name, STR("\xef\xbb\xbf"))) /* the mark that spreadsheets write */
			name = str_skip(name, 3);
		TRY(column(m, i, str_trim(name)));
		address |= m->special[i] == COLUMN_ADDRESS;
	}
	m->ncolumns = r->n;
	return address ? OK
		       : fail(E_SYNTAX,
			      "the first line must name the columns, \"address\" among them");
}

/* ---- rows ---- */

static err take_hash(struct import *m, struct import_row *row, str hash)
{
	str clear;

	if (password_in_clear(hash, &clear)) {
		row->clear = clear;
	} else if (password_form_known(hash)) {
		row->hash = hash;
	} else {
		return fail(E_SYNTAX, "hash: no form of hash that posta knows");
	}
	(void)m;
	return OK;
}

static err take_row(struct import *m, const struct csv_record *r, size_t line)
{
	struct dir_address a;

	if (m->nrows == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 1024;
		m->rows = mem_resize(m->rows, size_mul(m->cap, sizeof(*m->rows)));
	}
	struct import_row *row = &m->rows[m->nrows];
	str *values = NEW_TRY(&m->arena, str, m->ncolumns);

	if (!values)
		return fail(E_LIMIT, "the file is too big for one import; split it");
	*row = (struct import_row){
		.values = values, .line = line, .clear = STR(""), .hash = STR("")
	};
	if (r->n != m->ncolumns)
		return fail(E_SYNTAX, "%zu fields, but the first line names %zu", r->n,
			    m->ncolumns);
	for (size_t i = 0; i < r->n; i++) {
		str v = arena_dup(&m->arena, r->fields[i]);

		if (!v.p)
			return fail(E_LIMIT, "the file is too big for one import; split it");
		values[i] = m->columns[i] ? v : STR("");
		if (m->special[i] == COLUMN_ADDRESS)
			row->address = v;
		else if (m->special[i] == COLUMN_PASSWORD && v.n)
			row->clear = v;
		else if (m->special[i] == COLUMN_HASH && v.n)
			TRY(take_hash(m, row, v));
	}
	TRY(dir_address_parse(row->address, true, &a));
	if (row->clear.n && row->hash.n)
		return fail(E_SYNTAX, "a password and a hash: give one");
	if (row->clear.n > LIM_PASSWORD)
		return fail(E_LIMIT, "the password has %zu octets; %d are allowed", row->clear.n,
			    LIM_PASSWORD);
	m->nclear += row->clear.n != 0;
	m->nrows++;
	return OK;
}

static int read_all(struct import *m, struct reader *r)
{
	size_t lines = 0;
	err e = next(r, &lines);

	if (!e)
		e = header(m, &r->r);
	while (!e) {
		e = next(r, &lines);
		bool empty = !e && r->r.n == 1 && !r->r.fields[0].n && m->ncolumns > 1;

		if (!e && !empty)
			e = take_row(m, &r->r, r->line);
	}
	if (e == E_EOF && !m->ncolumns)
		return cmd_failed(m->c->env, "the file is empty");
	return e == E_EOF ? CMD_OK : import_failed(m, r->line, e);
}

int import_read(struct import *m, const char *path)
{
	struct reader r = { .line = 1 };
	bool standard = str_eq(str_z(path), STR("-"));

	r.f = standard ? stdin : fopen(path, "re");
	if (!r.f)
		return cmd_failed(m->c->env, "%s: %s", path, strerrordesc_np(errno));
	buf_init(&r.in, LIM_CSV_LINE + 2 * CHUNK);
	buf_init(&r.space, LIM_CSV_LINE);
	int code = read_all(m, &r);

	buf_free(&r.in);
	buf_free(&r.space);
	if (!standard)
		(void)fclose(r.f);
	return code;
}
