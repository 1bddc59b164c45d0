/* A compiled set as a file: "posta rules 4\n", the digest, the patterns' fates, the databases. */
#define PCRE2_CODE_UNIT_WIDTH 0
#include <hs.h>
#include <pcre2.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/limits.h"
#include "run/file.h"
#include "services/rules/set.h"

static const str magic = S("posta rules 4\n");

void cache_platform(struct buf *out)
{
	hs_platform_info_t p = { 0 };

	(void)hs_populate_platform(&p);
	buf_fmt(out, "%.*s%s %d.%d %u %llx", STRF(magic), hs_version(), PCRE2_MAJOR, PCRE2_MINOR,
		p.tune, p.cpu_features);
}

/* NUL-ended, in the set's arena. */
static const char *path_of(struct rules *r, str folder)
{
	return arena_fmt(&r->a, "%.*s/rules-%.16s.cache%c", STRF(folder), r->digest, 0).p;
}

static bool is_counted(const struct rule *u)
{
	return u->kind <= RULE_MIMEHEADER && !u->exists;
}

static err add_database(const hs_database_t *db, struct buf *out)
{
	char *bytes = NULL;
	size_t n = 0;
	err e = OK;

	if (db && hs_serialize_database(db, &bytes, &n) != HS_SUCCESS)
		e = fail(E_IO, "a compiled set cannot be serialised");
	buf_lstr(out, str_of(bytes, n));
	free(bytes); /* allowed: the library's own allocation */
	return e;
}

static void seal(struct buf *b)
{
	uint32_t crc = hash_crc32c(0, str_skip(buf_str(b), magic.n + 64 + 4));

	for (unsigned i = 0; i < 4; i++)
		b->p[magic.n + 64 + i] = (char)(crc >> (24 - 8 * i));
}

err cache_write(struct rules *r, str folder)
{
	const char *path = path_of(r, folder);
	struct buf b, fates;
	err e = path ? OK : fail(E_LIMIT, "the cache's path is too long");

	buf_init(&b, LIM_RULES_CACHE);
	buf_init(&fates, 3 * LIM_RULES);
	for (size_t i = 0; i < r->n; i++)
		if (is_counted(r->v[i])) {
			buf_u8(&fates, r->v[i]->regex.fate);
			buf_u8(&fates, r->v[i]->regex.times);
			buf_u8(&fates, r->v[i]->regex.apart);
		}
	buf_add(&b, magic);
	buf_add(&b, str_of(r->digest, 64));
	buf_u32(&b, 0); /* the check sum of what follows, once it is known */
	buf_lstr(&b, buf_str(&fates));
	buf_lstr(&b, str_skip(buf_str(&r->unsupported), r->told));
	buf_varint(&b, r->ngroups);
	for (size_t i = 0; i < r->ngroups && e == OK; i++) {
		e = add_database(r->groups[i].db, &b);
		if (e == OK)
			e = add_database(r->groups[i].ascii, &b);
	}
	if (e == OK)
		e = buf_done(&b);
	if (e == OK)
		seal(&b);
	if (e == OK) {
		(void)mkdir(arena_z(&r->a, folder),
			    0755); /* what is wrong with it, the file tells */
		e = file_replace(path, buf_str(&b), 0644);
	}
	buf_free(&fates);
	buf_free(&b);
	return e;
}

static err take_fates(struct rules *r, str fates)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!is_counted(r->v[i]))
			continue;
		if (fates.n - n < 3)
			return fail(E_AGAIN, "the cache has fewer patterns than the set");
		r->v[i]->regex.fate = (unsigned char)fates.p[n];
		r->v[i]->regex.times = (unsigned char)fates.p[n + 1];
		r->v[i]->regex.apart = (unsigned char)fates.p[n + 2];
		n += 3;
	}
	return n == fates.n ? OK : fail(E_AGAIN, "the cache has more patterns than the set");
}

static err take_database(struct cur *c, hs_database_t **out)
{
	str bytes = cur_lstr(c);

	if (c->e)
		return fail(E_AGAIN, "the cache is cut short");
	if (bytes.n == 0 || hs_deserialize_database(bytes.p, bytes.n, out) == HS_SUCCESS)
		return OK;
	*out = NULL;
	return fail(E_AGAIN, "the cache holds a database that cannot be read");
}

static err take_databases(struct rules *r, struct cur *c)
{
	if (cur_varint(c) != r->ngroups)
		return fail(E_AGAIN, "the cache has other groups than the set");
	for (size_t i = 0; i < r->ngroups; i++) {
		TRY(take_database(c, &r->groups[i].db));
		TRY(take_database(c, &r->groups[i].ascii));
	}
	return OK;
}

static err take_all(struct rules *r, str octets)
{
	struct cur c = { .rest = octets };

	if (!str_eq(cur_bytes(&c, magic.n), magic) ||
	    !str_eq(cur_bytes(&c, 64), str_of(r->digest, 64)))
		return fail(E_AGAIN, "the cache is of another set");

	uint32_t crc = cur_u32(&c);

	if (c.e || hash_crc32c(0, c.rest) != crc)
		return fail(E_AGAIN, "the cache is damaged");

	str fates = cur_lstr(&c);
	str complaints = cur_lstr(&c);

	TRY(take_fates(r, fates));
	TRY(take_databases(r, &c));
	buf_add(&r->unsupported, complaints);
	return OK;
}

err cache_read(struct rules *r, str folder)
{
	const char *path = path_of(r, folder);
	struct buf b;
	err e;

	buf_init(&b, LIM_RULES_CACHE);
	e = path ? file_read(path, &b) : E_LIMIT;
	e = e ? fail(E_AGAIN, "no compiled set of these rules") : take_all(r, buf_str(&b));
	if (e)
		groups_drop_databases(r);
	buf_free(&b);
	return e;
}
