#include <openssl/err.h>
#include <stdlib.h>

#include "base/limits.h"
#include "services/mailauth/dkim_part.h"

/* One walk over the body, for bodies of one form in the order of their lengths, the unlimited ones
 * last. */
struct walk {
	struct dkim_body **v;
	size_t n, at; /* those before at have their hash */
	EVP_MD_CTX *md;
	uint64_t done;
	bool bad;
};

static void hash_one(struct walk *w, struct dkim_body *b)
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	w->bad = w->bad || !copy || EVP_MD_CTX_copy_ex(copy, w->md) != 1 ||
		 EVP_DigestFinal_ex(copy, b->hash, NULL) != 1;
	EVP_MD_CTX_free(copy);
}

static void feed(struct walk *w, str s)
{
	w->bad = w->bad || EVP_DigestUpdate(w->md, s.p, s.n) != 1;
	w->done += s.n;
}

static void walk_add(void *arg, str s)
{
	struct walk *w = arg;

	while (w->at < w->n && w->v[w->at]->limited && w->v[w->at]->length - w->done <= s.n) {
		struct dkim_body *b = w->v[w->at];
		size_t part = (size_t)(b->length - w->done);

		feed(w, str_take(s, part));
		s = str_skip(s, part);
		hash_one(w, b);
		b->partial = true; /* unless nothing follows */
		w->at++;
	}
	if (w->at < w->n)
		feed(w, s);
	else
		w->done += s.n;
}

static void walk_end(struct walk *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i]->limited && w->v[i]->length == w->done)
			w->v[i]->partial = false;
	for (; w->at < w->n; w->at++) {
		w->v[w->at]->missing = w->v[w->at]->limited && w->v[w->at]->length != w->done;
		hash_one(w, w->v[w->at]);
	}
}

static int by_length(const void *a, const void *b)
{
	const struct dkim_body *const *x = a, *const *y = b;

	if ((*x)->limited != (*y)->limited)
		return (*x)->limited ? -1 : 1;
	return ((*x)->length > (*y)->length) - ((*x)->length < (*y)->length);
}

static err walk(str body, bool relaxed, struct dkim_body **v, size_t n)
{
	struct walk w = { .v = v, .n = n, .md = EVP_MD_CTX_new() };
	struct canon_body c;

	w.bad = !w.md || EVP_DigestInit_ex(w.md, EVP_sha256(), NULL) != 1;
	if (!w.bad) {
		canon_body_begin(&c, relaxed, (struct canon_sink){ walk_add, &w });
		canon_body_add(&c, body);
		canon_body_end(&c);
		walk_end(&w);
	}
	EVP_MD_CTX_free(w.md);
	ERR_clear_error();
	return w.bad ? fail(E_IO, "libcrypto does not hash") : OK;
}

err dkim_hash_bodies(str body, struct dkim_body **v, size_t n)
{
	struct dkim_body *same[LIM_DKIM_SIGNATURES + 1];

	for (int relaxed = 0; relaxed < 2; relaxed++) {
		size_t k = 0;

		for (size_t i = 0; i < n && k < COUNT(same); i++)
			if (v[i]->relaxed == (relaxed == 1))
				same[k++] = v[i];
		qsort(same, k, sizeof(same[0]), by_length);
		if (k)
			TRY(walk(body, relaxed == 1, same, k));
	}
	return OK;
}

void dkim_sink(void *arg, str bytes)
{
	/* A failure shows at the end, when the context gives no hash. */
	(void)EVP_DigestUpdate(arg, bytes.p, bytes.n);
}

static err add_header(const struct canon_message *m, bool relaxed, str names,
		      const struct canon_field *own, struct arena *a, EVP_MD_CTX *md)
{
	const struct canon_sink sink = { dkim_sink, md };
	bool *used = NEW_TRY(a, bool, m->n + 1);
	size_t at;
	str name;

	if (!used)
		return fail(E_LIMIT, "memory for %zu fields", m->n);
	while (dkim_next_name(&names, &name))
		if (canon_take(m, name, used, &at))
			canon_field(&m->fields[at], relaxed, false, sink);
	canon_field(own, relaxed, true, sink);
	return OK;
}

err dkim_hash_header(const struct canon_message *m, bool relaxed, str names,
		     const struct canon_field *own, struct arena *a, unsigned char hash[DKIM_HASH])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	err e = OK;

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		e = fail(E_IO, "libcrypto does not hash");
	if (e == OK)
		e = add_header(m, relaxed, names, own, a, md);
	if (e == OK && EVP_DigestFinal_ex(md, hash, NULL) != 1)
		e = fail(E_IO, "libcrypto does not hash");
	EVP_MD_CTX_free(md);
	return e;
}
