/* Rows with all their fields, for show, list and export. */
#include "services/directory/dirdb_state.h"

#include "base/limits.h"

static const char *const sides[] = { "forwards", "vacations", "dialups" };

static void add_column(struct buf *q, const struct dir_kind *k, const struct dir_field *f)
{
	switch (f->type) {
	case DIR_TENANT_REF:
		buf_fmt(q, ", (SELECT name FROM tenants r WHERE r.id = m.%s)", f->column);
		return;
	case DIR_DOMAIN_REF:
		buf_fmt(q, ", (SELECT name FROM domains r WHERE r.id = m.%s)", f->column);
		return;
	default:
		break;
	}
	if (!f->table) {
		buf_fmt(q, ", m.%s", f->column);
		return;
	}
	/* A user without a row of that table has its defaults. */
	if (f->type == DIR_TEXT || f->type == DIR_ADDRESSES)
		buf_fmt(q, ", COALESCE(%s.%s, '')", f->table, f->column);
	else
		buf_fmt(q, ", COALESCE(%s.%s, %lld)", f->table, f->column, (long long)f->dflt);
}

static void add_select(struct buf *q, const struct dir_kind *k)
{
	bool user = k == &dir_user_kind;

	buf_fmt(q, "SELECT m.id, %s", user ? "m.local, d.name" : "m.name, ''");
	for (size_t i = 0; i < k->nfields; i++)
		add_column(q, k, &k->fields[i]);
	buf_fmt(q, " FROM %s m", k->table);
	if (!user)
		return;
	buf_add(q, STR(" JOIN domains d ON d.id = m.domain_id"));
	for (size_t i = 0; i < COUNT(sides); i++)
		buf_fmt(q, " LEFT JOIN %s ON %s.user_id = m.id", sides[i], sides[i]);
}

static void add_where(struct buf *q, const struct dir_kind *k, str within, uint64_t one,
		      struct sql_value *v, size_t *n)
{
	buf_add(q, STR(" WHERE 1 = 1"));
	if (one) {
		buf_add(q, STR(" AND m.id = ?"));
		v[(*n)++] = SQL_I(one);
	}
	if (within.n) {
		buf_add(q,
			k == &dir_user_kind ? STR(" AND d.name = ?")
			: k == &dir_domain
				? STR(" AND m.tenant_id = (SELECT id FROM tenants WHERE name = ?)")
				: STR(" AND m.parent_id = (SELECT id FROM tenants WHERE name = "
				      "?)"));
		v[(*n)++] = SQL_T(within);
	}
	buf_add(q,
		k == &dir_user_kind ? STR(" ORDER BY d.name, m.local") : STR(" ORDER BY m.name"));
}

/* All values of the row in one buffer, cut into views when it no longer grows. */
static err make_row(struct sql_stmt *st, const struct dir_kind *k, struct buf *b,
		    struct dir_row *row)
{
	size_t ends[DIR_FIELDS], start;

	buf_reset(b);
	buf_add(b, sql_text(st, 1));
	if (k == &dir_user_kind)
		buf_fmt(b, "@%.*s", STRF(sql_text(st, 2)));
	start = b->n;
	for (size_t i = 0; i < k->nfields; i++) {
		dir_value_print(&k->fields[i], st, (int)i + 3, b);
		ends[i] = b->n;
	}
	TRY(buf_done(b));
	row->kind = k;
	row->id = (uint64_t)sql_int(st, 0);
	row->name = str_take(buf_str(b), start);
	for (size_t i = 0; i < k->nfields; start = ends[i++])
		row->values[i] = str_skip(str_take(buf_str(b), ends[i]), start);
	return OK;
}

err directory_each(struct directory *d, const struct dir_kind *k, str within, uint64_t one,
		   err (*fn)(void *arg, const struct dir_row *row), void *arg)
{
	CLEANUP(buf_free) struct buf q = { 0 };
	CLEANUP(buf_free) struct buf values = { 0 };
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct sql_value v[2];
	struct dir_row row;
	size_t n = 0;
	err e;

	buf_init(&q, KIB(8));
	buf_init(&values, MIB(1));
	add_select(&q, k);
	add_where(&q, k, within, one, v, &n);
	TRY(buf_done(&q));
	TRY(sql_query(d->s, buf_str(&q), v, n, &st));
	while ((e = sql_step(st)) == OK) {
		TRY(make_row(st, k, &values, &row));
		TRY(fn(arg, &row));
	}
	return e == E_EOF ? OK : e;
}
