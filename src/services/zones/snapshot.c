#include "services/zones/snapshot.h"

#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"

/* What zone_read asks for, table by table; users and tenants are none of it. A checksum over all
 * values is kept with them. */
static const struct table {
	const char *from, *to;
	int columns;
} tables[] = {
	{ "SELECT uuid FROM identity", "UPDATE identity SET uuid = ?", 1 },
	{ "SELECT id, name, primary_server, mailbox, serial, serial_policy, refresh, retry, expire,"
	  " minimum, ttl, ttl_min, ttl_max, signed, transfer, notify, disabled, created FROM zones"
	  " ORDER BY id",
	  "INSERT INTO zones (id, name, primary_server, mailbox, serial, serial_policy, refresh,"
	  " retry, expire, minimum, ttl, ttl_min, ttl_max, signed, transfer, notify, disabled,"
	  " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	  18 },
	{ "SELECT id, zone_id, name, type, ttl, data FROM records ORDER BY id",
	  "INSERT INTO records (id, zone_id, name, type, ttl, data) VALUES (?, ?, ?, ?, ?, ?)", 6 },
	{ "SELECT id, name, zone_id, created FROM domains WHERE zone_id IS NOT NULL ORDER BY id",
	  "INSERT INTO domains (id, name, zone_id, created) VALUES (?, ?, ?, ?)", 4 },
	{ "SELECT one, records, hosts FROM mail_dns",
	  "INSERT INTO mail_dns (one, records, hosts) VALUES (?, ?, ?)", 3 },
	{ "SELECT host, spki FROM server_keys ORDER BY host, spki",
	  "INSERT INTO server_keys (host, spki) VALUES (?, ?)", 2 },
	{ "SELECT id, domain_id, selector, algorithm, public_key, state, created FROM dkim_keys"
	  " WHERE domain_id IN (SELECT id FROM domains WHERE zone_id IS NOT NULL) ORDER BY id",
	  "INSERT INTO dkim_keys (id, domain_id, selector, algorithm, public_key, state, created)"
	  " VALUES (?, ?, ?, ?, ?, ?, ?)",
	  7 },
};
#define COLUMNS 18

static uint32_t sum_value(uint32_t sum, const struct sql_value *v)
{
	char kind = (char)v->kind;
	char number[8];

	for (int i = 0; i < 8; i++)
		number[i] = (char)(v->i >> 8 * i);
	sum = hash_crc32c(sum, str_of(&kind, 1));
	return hash_crc32c(sum, v->kind == SQL_INT ? str_of(number, 8) : v->s);
}

static err copy_table(struct sql *from, struct sql *to, const struct table *t, uint32_t *sum)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct sql_value v[COLUMNS];
	err e;

	TRY(sql_query(from, str_z(t->from), NULL, 0, &st));
	while ((e = sql_step(st)) == OK) {
		for (int i = 0; i < t->columns; i++) {
			v[i] = sql_column(st, i);
			*sum = sum_value(*sum, &v[i]);
		}
		if (to)
			TRY(sql_run(to, str_z(t->to), v, (size_t)t->columns));
	}
	return e == E_EOF ? OK : e;
}

/* to: NULL sums alone. */
static err copy_all(struct sql *from, struct sql *to, uint32_t *sum)
{
	*sum = 0;
	for (size_t i = 0; i < COUNT(tables); i++)
		TRY(copy_table(from, to, &tables[i], sum));
	return OK;
}

static err fill(struct directory *d, struct directory *to)
{
	uint32_t sum;

	TRY(sql_begin(directory_sql(to), SQL_WRITE));
	TRY(copy_all(directory_sql(d), directory_sql(to), &sum));
	TRY(SQL_RUN(directory_sql(to), "INSERT INTO counters (name, value) VALUES ('sum', ?)",
		    SQL_I(sum)));
	return sql_commit(directory_sql(to));
}

err zone_snapshot_save(struct directory *d, const char *path)
{
	char next[LIM_FILE_PATH];
	struct directory *to = NULL;
	int n = snprintf(next, sizeof(next), "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof(next))
		return fail(E_LIMIT, "the snapshot's path is too long");
	(void)unlink(next);
	err e = directory_open(next, true, &to);

	if (!e)
		e = sql_begin(directory_sql(d), SQL_READ);
	if (!e) {
		e = fill(d, to);
		sql_rollback(directory_sql(d));
	}
	directory_close(to);
	if (!e && rename(next, path))
		e = fail(E_IO, "%s cannot be renamed", next);
	if (e)
		(void)unlink(next);
	return e;
}

static err look_over(struct directory *d)
{
	int64_t said;
	uint32_t sum;

	TRY(SQL_GET(directory_sql(d), &said, "SELECT value FROM counters WHERE name = 'sum'"));
	TRY(copy_all(directory_sql(d), NULL, &sum));
	return said == (int64_t)sum ? OK : fail(E_CORRUPT, "the zones' snapshot: wrong checksum");
}

err zone_snapshot_open(const char *path, struct directory **out)
{
	TRY(directory_open(path, false, out));
	err e = look_over(*out);

	if (e) {
		directory_close(*out);
		*out = NULL;
	}
	return e;
}
