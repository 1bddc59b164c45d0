#include "services/rules/rules.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "run/file.h"
#include "services/rules/set.h"

/* ---- files ---- */

struct files {
	struct arena a;
	const char *v[LIM_RULES_FILES];
	size_t n;
	size_t package; /* so many of the first folder */
};

static err files_add(struct files *f, str path)
{
	if (f->n == LIM_RULES_FILES)
		return fail(E_LIMIT, "more than %d rule files", LIM_RULES_FILES);
	f->v[f->n] = arena_z(&f->a, path);
	return f->v[f->n++] ? OK : fail(E_LIMIT, "the paths of rule files are too long");
}

static int compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return str_cmp(str_z(*x), str_z(*y));
}

/* A folder that is not there has no files, as sa-update's before its first run. */
static err files_of(struct files *f, str folder)
{
	const char *path = arena_z(&f->a, folder);
	size_t first = f->n;
	struct dirent *d;
	DIR *dir;
	err e = OK;

	dir = path ? opendir(path) : NULL;
	if (!dir)
		return OK;
	while (e == OK && (d = readdir(dir))) {
		str name = str_z(d->d_name);

		if (name.p[0] != '.' && str_ends(name, STR(".cf")))
			e = files_add(f, arena_fmt(&f->a, "%.*s/%.*s", STRF(folder), STRF(name)));
	}
	(void)closedir(dir);
	qsort(f->v + first, f->n - first, sizeof(f->v[0]), compare);
	return e;
}

static err files_find(struct files *f, const struct rules_source *src)
{
	for (size_t i = 0; i < src->nfolders; i++) {
		TRY(files_of(f, src->folders[i]));
		f->package = i ? f->package : f->n;
	}
	for (size_t i = 0; i < src->nfiles; i++)
		TRY(files_add(f, src->files[i]));
	return OK;
}

/* ---- a set ---- */

static struct rules *set_new(void)
{
	struct rules *r = MEM_NEW(struct rules);

	atomic_init(&r->refs, 1);
	arena_init(&r->a, LIM_RULES_ARENA);
	map_init(&r->by_name);
	map_init(&r->tags);
	lists_init(&r->lists);
	buf_init(&r->unsupported, MIB(1));
	r->required = 5;
	return r;
}

static void set_free(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		regex_free(&r->v[i]->regex);
	groups_drop_databases(r);
	mem_free(r->groups);
	mem_free(r->evals);
	mem_free(r->metas);
	mem_free(r->capturers);
	mem_free(r->users);
	mem_free(r->v);
	map_free(&r->by_name);
	map_free(&r->tags);
	lists_free(&r->lists);
	buf_free(&r->unsupported);
	arena_free(&r->a);
	mem_free(r);
}

struct rules *rules_hold(struct rules *r)
{
	atomic_fetch_add(&r->refs, 1);
	return r;
}

void rules_drop(struct rules *r)
{
	if (r && atomic_fetch_sub(&r->refs, 1) == 1)
		set_free(r);
}

str rules_digest(const struct rules *r)
{
	return str_of(r->digest, 64);
}

void rules_unsupported(const struct rules *r, struct buf *out)
{
	buf_add(out, buf_str(&r->unsupported));
}

/* ---- loading ---- */

static void digest_add(EVP_MD_CTX *c, str s)
{
	(void)EVP_DigestUpdate(c, s.p, s.n);
	(void)EVP_DigestUpdate(c, "", 1);
}

/* The patterns as they were read are part of it, too: another version of the reader makes another
 * set of the same files. */
static void digest_end(EVP_MD_CTX *c, struct rules *r)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct buf b;

	for (size_t i = 0; i < r->n; i++) {
		digest_add(c, r->v[i]->name);
		digest_add(c, r->v[i]->spec);
		digest_add(c, r->v[i]->re);
	}
	buf_init(&b, 2 * sizeof(sum));
	cache_platform(&b);
	digest_add(c, buf_str(&b));
	(void)EVP_DigestFinal_ex(c, sum, NULL);
	buf_reset(&b);
	enc_hex(&b, str_of(sum, 32));
	memcpy(r->digest, buf_str(&b).p, b.n < 64 ? b.n : 64);
	buf_free(&b);
}

static err read_files(struct rules *r, const struct files *f)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	struct buf text;
	err e = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) ? OK
							      : fail(E_IO, "no SHA-256 to be had");

	buf_init(&text, LIM_RULES_FILE);
	for (size_t i = 0; i < f->n && e == OK; i++) {
		buf_reset(&text);
		e = file_read(f->v[i], &text);
		if (e)
			break;
		digest_add(c, str_z(f->v[i]));
		digest_add(c, buf_str(&text));
		r->own = i >= f->package;
		e = rules_read_file(r, str_z(f->v[i]), buf_str(&text));
	}
	if (e == OK)
		e = rules_finish(r);
	if (e == OK)
		digest_end(c, r);
	EVP_MD_CTX_free(c);
	buf_free(&text);
	return e;
}

static err load(struct rules *r, const struct rules_source *src, bool compile,
		void (*progress)(void *arg, size_t done, size_t total), void *arg)
{
	struct files *f = MEM_NEW(struct files);
	err e;

	arena_init(&f->a, MIB(4));
	e = files_find(f, src);
	if (e == OK && f->n == 0)
		e = fail(E_NOTFOUND, "no rule file in any of the folders");
	if (e == OK)
		e = read_files(r, f);
	arena_free(&f->a);
	mem_free(f);
	TRY(e);
	e = src->cache.n ? cache_read(r, src->cache) : fail(E_AGAIN, "no cache");
	if (e && !compile)
		return e;
	if (e) {
		TRY(rules_compile(r, progress, arg));
		if (src->cache.n)
			TRY(cache_write(r, src->cache));
	}
	if (src->fitted)
		rules_fit(r);
	rules_set_lazy(r);
	groups_sort(r);
	return OK;
}

err rules_load(const struct rules_source *src, bool compile,
	       void (*progress)(void *arg, size_t done, size_t total), void *arg,
	       struct rules **out)
{
	struct rules *r = set_new();
	err e = load(r, src, compile, progress, arg);

	if (e)
		rules_drop(r);
	else
		*out = r;
	return e;
}
