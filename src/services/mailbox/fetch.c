/* Reading a mail: its body, and what is kept beside it. */
#include "services/mailbox/box.h"

#include <string.h>

#include "run/work.h"

struct read_job {
	struct box *box;
	uint64_t folder, offset, n;
	uint32_t uid;
	struct arena *a;
	struct mail_source *source;
	str *body;
	struct mail_cache *cache;
};

static err read_cache(const struct read_job *j, struct cache_rec *rec)
{
	struct key key = key_num2(KEY_CACHE, j->folder, j->uid);
	str row;

	TRY(kv_get(j->box->store->kv, str_z(j->box->part), key_str(&key), j->a, &row));
	return cache_rec_read(row, rec);
}

_Static_assert(sizeof(((struct mail_source *)0)->body) == sizeof(struct body_id), "one id");
static err fill_source(struct mail_source *src, const struct cache_rec *rec)
{
	memcpy(src->body, rec->body.b, sizeof(src->body));
	src->prefix = arena_dup(src->a, rec->prefix);
	src->known = src->prefix.p != NULL;
	return src->known ? OK : fail(E_LIMIT, "header lines before a body do not fit");
}

/* The prefix of this recipient, then the body of all. */
static err read_body(void *arg)
{
	const struct read_job *j = arg;
	struct mail_source *src = j->source;
	struct kv *kv = j->box->store->kv;
	struct cache_rec rec;

	if (!src->known) {
		TRY(read_cache(j, &rec));
		TRY(fill_source(src, &rec));
	}
	str id = str_of(src->body, sizeof(src->body));
	str first = str_take(str_skip(src->prefix, (size_t)j->offset),
			     (size_t)(j->n < SIZE_MAX ? j->n : SIZE_MAX));
	uint64_t from = j->offset > src->prefix.n ? j->offset - src->prefix.n : 0,
		 left = j->n - first.n;
	if (!first.n)
		return kv_blob_get(kv, id, from, left, j->a, j->body);
	struct arena tmp;
	str rest;

	arena_init(&tmp, SIZE_MAX / 2);
	err e = kv_blob_get(kv, id, 0, left, &tmp, &rest);
	char *p = e == OK ? arena_try(j->a, size_add(first.n, rest.n), 1) : NULL;
	if (p) {
		memcpy(p, first.p, first.n);
		if (rest.n)
			memcpy(p + first.n, rest.p, rest.n);
		*j->body = str_of(p, first.n + rest.n);
	} else if (e == OK) {
		e = fail(E_LIMIT, "%zu octets of a mail do not fit", first.n + rest.n);
	}
	arena_free(&tmp);
	return e;
}

WAITS err mail_read(struct folder_view *v, uint32_t uid, struct mail_source *src, uint64_t offset,
		    uint64_t n, struct arena *a, str *out)
{
	struct read_job j = { .box = v->box,
			      .folder = v->folder,
			      .offset = offset,
			      .n = n,
			      .uid = uid,
			      .a = a,
			      .source = src,
			      .body = out };

	*out = STR("");
	return work(POOL_DISK, read_body, &j);
}

WAITS err mail_body(struct folder_view *v, uint32_t uid, uint64_t offset, uint64_t n,
		    struct arena *a, str *out)
{
	struct mail_source src = { .a = a };

	return mail_read(v, uid, &src, offset, n, a, out);
}

/* What was too long to keep is worked out again. */
static err parse_again(const struct read_job *j, const struct cache_rec *rec)
{
	struct parsed p;
	struct arena tmp;
	str message;

	arena_init(&tmp, SIZE_MAX / 2);
	err e = kv_blob_get(j->box->store->kv, body_str(&rec->body), 0, UINT64_MAX, &tmp, &message);
	if (e == OK) {
		message_parse(message, &p);
		j->cache->envelope = arena_dup(j->a, p.cache.envelope);
		j->cache->body = arena_dup(j->a, p.cache.body);
		j->cache->bodystructure = arena_dup(j->a, p.cache.bodystructure);
		parsed_free(&p);
	}
	arena_free(&tmp);
	return e;
}

static err read_cached(void *arg)
{
	const struct read_job *j = arg;
	struct cache_rec rec;

	TRY(read_cache(j, &rec));
	*j->cache = rec.mime;
	j->cache->source.a = j->a;
	TRY(fill_source(&j->cache->source, &rec));
	if (rec.prefix.n) {
		struct buf b; /* a header may have NULs */

		buf_init(&b, size_add(rec.prefix.n, rec.mime.header.n));
		buf_add(&b, rec.prefix);
		buf_add(&b, rec.mime.header);
		j->cache->header = arena_dup(j->a, buf_str(&b));
		buf_free(&b);
		if (!j->cache->header.p)
			return fail(E_LIMIT, "a header does not fit");
	}
	if (!rec.mime.envelope.p || !rec.mime.body.p || !rec.mime.bodystructure.p)
		return parse_again(j, &rec);
	return OK;
}

WAITS err mail_cached(struct folder_view *v, uint32_t uid, struct arena *a, struct mail_cache *out)
{
	struct read_job j = {
		.box = v->box, .folder = v->folder, .uid = uid, .a = a, .cache = out
	};

	*out = (struct mail_cache){ 0 };
	return work(POOL_DISK, read_cached, &j);
}
