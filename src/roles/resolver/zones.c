/* The names of our own zones, which Unbound asks our own servers for. */
#include "base/limits.h"
#include "roles/resolver/resolver.h"
#include "services/directory/sql.h"

enum { BUSY = 250 }; /* milliseconds that a look at a locked database may take */

/* A name that another program's configuration may hold. */
static bool plain(str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!ch_alnum(name.p[i]) && str_find(STR("-_./"), name.p[i]) == 4)
			return false;
	return name.n > 0 && name.n < 254;
}

static err list(struct sql *s, struct buf *names)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(s, &st, "SELECT name FROM zones WHERE disabled = ? ORDER BY name", SQL_I(0)));
	while ((e = sql_step(st)) == OK)
		if (plain(sql_text(st, 0)))
			buf_fmt(names, "%.*s\n", STRF(sql_text(st, 0)));
	return e == E_EOF ? buf_done(names) : e;
}

err resolver_zones(void *job)
{
	struct resolver_zones *z = job;
	struct sql *s = NULL;

	buf_reset(z->names);
	TRY(sql_open(z->directory, SQL_READ, BUSY, &s));
	err e = list(s, z->names);

	sql_close(s);
	return e;
}
