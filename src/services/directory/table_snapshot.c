/* The table in a file, for the time when the database is away. Layout: magic, uuid, key, seq,
 * records (a letter, then varints and length-prefixed bytes), 'E' with the number of records,
 * CRC-32C of all before. */
#include "services/directory/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"

/* The last octet is the form's number; form 1 says nothing of spam but users' levels, in numbers
 * that mean nothing any more. */
static const char magic[8] = "PDIRTAB2";
enum { FIRST_FORM = '1' };

struct writer {
	FILE *f;
	struct buf b;
	uint32_t crc;
	uint64_t records;
};

static err flush(struct writer *w)
{
	TRY(buf_done(&w->b));
	w->crc = hash_crc32c(w->crc, buf_str(&w->b));
	if (w->b.n && fwrite(w->b.p, 1, w->b.n, w->f) != w->b.n)
		return fail(errno == ENOSPC ? E_FULL : E_IO, "snapshot: %s",
			    strerrordesc_np(errno));
	buf_reset(&w->b);
	return OK;
}

static void begin(struct writer *w, char letter, uint64_t id)
{
	buf_addc(&w->b, letter);
	buf_varint(&w->b, id);
	w->records++;
}

static void put_row(struct writer *w, const struct table *t, const struct row *r)
{
	begin(w, r->alias ? 'A' : 'U', r->id);
	buf_varint(&w->b, r->domain);
	buf_lstr(&w->b, str_of(r->local, r->nlocal));
	if (r->alias) {
		buf_lstr(&w->b, str_of(r->targets, r->ntargets));
		return;
	}
	buf_lstr(&w->b, str_z(t->backends[r->backend]));
	buf_u8(&w->b, r->flags);
	buf_u8(&w->b, r->state);
	buf_u8(&w->b, r->spam_level);
	buf_u8(&w->b, r->spam_above);
	buf_varint(&w->b, r->quota);
	buf_varint(&w->b, r->epoch);
	buf_varint(&w->b, r->nlists);
	for (uint32_t i = 0; i < r->nlists; i++)
		buf_u64(&w->b, r->lists[i]);
}

static err put_domains(struct writer *w, const struct table *t)
{
	size_t slot = 0;

	for (struct tnode *n = thash_each(&t->domain_ids, &slot, NULL); n;
	     n = thash_each(&t->domain_ids, &slot, n)) {
		const struct row_domain *d = CONTAINER(n, struct row_domain, by_id);

		begin(w, 'D', d->id);
		buf_lstr(&w->b, str_of(d->name, d->n));
		buf_varint(&w->b, d->alias_of);
		buf_u8(&w->b, d->disabled);
		buf_u8(&w->b, d->spam_level);
		buf_u8(&w->b, d->spam_above);
		if (w->b.n > KIB(60))
			TRY(flush(w));
	}
	return OK;
}

static err put_all(struct writer *w, const struct table *t)
{
	size_t slot = 0;

	buf_add(&w->b, str_of(magic, sizeof(magic)));
	buf_add(&w->b, str_of(t->uuid, sizeof(t->uuid)));
	buf_add(&w->b, str_of(t->key, sizeof(t->key)));
	buf_u64(&w->b, t->seq);
	TRY(put_domains(w, t));
	for (struct tnode *n = thash_each(&t->addresses, &slot, NULL); n;
	     n = thash_each(&t->addresses, &slot, n)) {
		put_row(w, t, CONTAINER(n, struct row, by_address));
		if (w->b.n > KIB(60))
			TRY(flush(w));
	}
	uint64_t records = w->records;

	begin(w, 'E', records);
	TRY(flush(w));
	buf_u32(&w->b, w->crc);
	return flush(w);
}

static err write_file(const struct table *t, const char *path)
{
	struct writer w = { .f = fopen(path, "we") };

	if (!w.f)
		return fail(E_IO, "%s: %s", path, strerrordesc_np(errno));
	(void)fchmod(fileno(w.f), 0600);
	buf_init(&w.b, MIB(2));
	err e = put_all(&w, t);

	buf_free(&w.b);
	if (!e && (fflush(w.f) || fsync(fileno(w.f))))
		e = fail(errno == ENOSPC ? E_FULL : E_IO, "%s: %s", path, strerrordesc_np(errno));
	if (fclose(w.f) && !e)
		e = fail(E_IO, "%s: %s", path, strerrordesc_np(errno));
	return e;
}

err table_save(const struct table *t, const char *path)
{
	char next[4096 / 2];
	int n = snprintf(next, sizeof(next), "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof(next))
		return fail(E_LIMIT, "the snapshot's path is too long");
	err e = write_file(t, next);

	if (!e && rename(next, path))
		e = fail(E_IO, "%s: %s", path, strerrordesc_np(errno));
	if (e)
		(void)unlink(next);
	return e;
}

/* ---- reading ---- */

struct reader {
	struct cur c;
	struct table *t;
	bool first_form;
};

static void get_user(struct reader *rd, uint64_t id)
{
	struct cur *c = &rd->c;

	uint64_t domain = cur_varint(c);
	str local = cur_lstr(c), backend = cur_lstr(c);
	unsigned flags = cur_u8(c);

	if (c->e || local.n > LIM_SMTP_LOCAL)
		return;
	struct row *r = table_put_user(rd->t, id, domain, local, backend, flags);

	r->state = (uint8_t)cur_u8(c);
	r->spam_level = (uint8_t)cur_u8(c);
	if (rd->first_form)
		r->spam_level = 0;
	else
		r->spam_above = (uint8_t)cur_u8(c);
	r->quota = cur_varint(c);
	r->epoch = cur_varint(c);
	uint64_t n = cur_varint(c);

	if (c->e || n > 3 * LIM_DIR_LIST || n > c->rest.n / 8) {
		c->e = E_CORRUPT;
		return;
	}
	uint64_t *lists = n ? mem_get(n * sizeof(uint64_t)) : NULL;

	for (uint64_t i = 0; i < n; i++)
		lists[i] = cur_u64(c);
	table_set_lists(r, lists, (uint32_t)n);
}

static void get_domain(struct reader *rd, uint64_t id)
{
	struct cur *c = &rd->c;
	str name = cur_lstr(c);
	uint64_t alias_of = cur_varint(c);
	bool disabled = cur_u8(c) != 0;
	unsigned level = rd->first_form ? 0 : cur_u8(c), above = rd->first_form ? 0 : cur_u8(c);
	struct row_domain *d = c->e ? NULL : table_put_domain(rd->t, id, name, alias_of, disabled);

	if (!d)
		return;
	d->spam_level = (uint8_t)level;
	d->spam_above = (uint8_t)above;
}

static void get_record(struct reader *rd, unsigned letter, uint64_t id)
{
	struct cur *c = &rd->c;

	if (letter == 'U') {
		get_user(rd, id);
	} else if (letter == 'A') {
		uint64_t domain = cur_varint(c);
		str local = cur_lstr(c), targets = cur_lstr(c);

		if (!c->e && targets.n <= MIB(1))
			table_put_alias(rd->t, id, domain, local, targets);
	} else if (letter == 'D') {
		get_domain(rd, id);
	} else {
		c->e = E_CORRUPT;
	}
}

static err read_records(struct reader *rd)
{
	struct cur *c = &rd->c;

	for (uint64_t n = 0;; n++) {
		unsigned letter = cur_u8(c);
		uint64_t id = cur_varint(c);

		if (c->e)
			return fail(E_CORRUPT, "snapshot: it ends within record %llu",
				    (unsigned long long)n);
		if (letter == 'E')
			return id == n && !c->rest.n
				       ? OK
				       : fail(E_CORRUPT, "snapshot: records are missing");
		get_record(rd, letter, id);
	}
}

static err parse(str file, struct table *t)
{
	if (file.n < sizeof(magic) + 16 + 16 + 8 + 4)
		return fail(E_CORRUPT, "snapshot: %zu octets", file.n);
	struct cur tail = { .rest = str_skip(file, file.n - 4) };
	struct reader rd = { .c = { .rest = str_take(file, file.n - 4) }, .t = t };
	struct cur *c = &rd.c;

	if (cur_u32(&tail) != hash_crc32c(0, c->rest))
		return fail(E_CORRUPT, "snapshot: the checksum is wrong");
	str form = cur_bytes(c, sizeof(magic));
	rd.first_form = form.p[sizeof(magic) - 1] == FIRST_FORM;
	if (!str_eq(str_take(form, 7), str_of(magic, 7)) ||
	    (!rd.first_form && form.p[7] != magic[7]))
		return fail(E_CORRUPT, "snapshot: another kind of file");
	memcpy(t->uuid, cur_bytes(c, 16).p, 16);
	memcpy(t->key, cur_bytes(c, 16).p, 16);
	t->seq = cur_u64(c);
	return read_records(&rd);
}

static err read_file(FILE *f, const char *path, char **out, size_t *n)
{
	struct stat st;

	if (fstat(fileno(f), &st) || st.st_size < 0 || (uint64_t)st.st_size > LIM_SNAPSHOT)
		return fail(E_LIMIT, "%s: no snapshot has %lld octets", path,
			    (long long)st.st_size);
	*n = (size_t)st.st_size;
	if (!(*out = mem_try(*n + 1)))
		return fail(E_LIMIT, "%s: no memory for %zu octets", path, *n);
	if (fread(*out, 1, *n, f) == *n)
		return OK;
	mem_free(*out);
	return fail(E_IO, "%s: it cannot be read", path);
}

err table_restore(const char *path, struct table **out)
{
	FILE *f = fopen(path, "re");
	char *bytes = NULL;
	size_t n = 0;

	if (!f)
		return fail(errno == ENOENT ? E_NOTFOUND : E_IO, "%s: %s", path,
			    strerrordesc_np(errno));
	err e = read_file(f, path, &bytes, &n);

	(void)fclose(f);
	if (e)
		return e;
	struct table *t = table_new();

	e = parse(str_of(bytes, n), t);
	mem_free(bytes);
	if (e)
		table_free(t);
	else
		*out = t;
	return e;
}
