/* Blobs: a small head (size, tag, checksum) and pieces of BLOB_PIECE octets, each compressed alone
 * with its own checksum, so that a part of a large one is read without the rest and listing and
 * deleting never touch the bytes. Keys: length of id (1 octet), id, 0 (head) or 1, 2, ... (4
 * octets). */
#include "kv/engine.h"

#include <string.h>

#include <zstd.h>

#include "base/hash.h"
#include "base/limits.h"

enum {
	BLOB_PIECE = 128 * 1024, /* plain octets of a piece; part of the format */
	BLOB_WRITE = 4 << 20,	 /* octets of one write to the engine */
	BLOB_LEVEL = 1, /* of zstd: 10 KB of real mail shrink 2.40 times, with level 3 2.44 times in
			   thrice the time */
	PEND_PIECES = 2, /* a blob of so many pieces waits for the next group, a larger one is
			    written by itself */
	DEL_SINGLY = 8,	 /* pieces of a blob that are deleted one by one: a range costs later reads
			    more */
	METHOD_RAW = 0,
	METHOD_ZSTD = 1,
	PIECE_HEAD = 1 + 4 + 4, /* method, plain octets, CRC-32C of key and plain octets */
	KEY_MAX = 1 + LIM_KV_BLOB_ID + 4,
};

struct zstd {
	struct link link;
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
};

/* Contexts are dear to make: one a thread at work, kept for the next. */
static struct zstd *zstd_take(struct kv *k)
{
	(void)pthread_mutex_lock(&k->zstd_mu);
	struct link *l = list_pop(&k->zstd);
	(void)pthread_mutex_unlock(&k->zstd_mu);
	if (l)
		return CONTAINER(l, struct zstd, link);
	struct zstd *z = MEM_NEW(struct zstd);

	z->c = ZSTD_createCCtx();
	z->d = ZSTD_createDCtx();
	return z;
}

static void zstd_give(struct kv *k, struct zstd *z)
{
	(void)pthread_mutex_lock(&k->zstd_mu);
	list_add_head(&k->zstd, &z->link);
	(void)pthread_mutex_unlock(&k->zstd_mu);
}

void blob_init(struct kv *k)
{
	(void)pthread_mutex_init(&k->zstd_mu, NULL);
	list_init(&k->zstd);
}

void blob_end(struct kv *k)
{
	for (struct link *l; (l = list_pop(&k->zstd));) {
		struct zstd *z = CONTAINER(l, struct zstd, link);

		(void)ZSTD_freeCCtx(z->c);
		(void)ZSTD_freeDCtx(z->d);
		mem_free(z);
	}
	(void)pthread_mutex_destroy(&k->zstd_mu);
}

struct piece_key {
	char b[KEY_MAX];
	size_t n;
};

static struct piece_key piece_key(str id, uint32_t piece)
{
	struct piece_key key = { .n = 1 + id.n + 4 };

	key.b[0] = (char)id.n;
	memcpy(key.b + 1, id.p, id.n);
	for (size_t i = 0; i < 4; i++)
		key.b[1 + id.n + i] = (char)(piece >> (24 - 8 * i) & 0xff);
	return key;
}

static err id_check(str id)
{
	return id.n && id.n <= LIM_KV_BLOB_ID ? OK
					      : fail(E_LIMIT, "a blob's id of %zu octets", id.n);
}

/* ---- writing ---- */
struct writer {
	struct kv *k;
	struct zstd *z;
	struct buf bytes; /* keys and values; never moves */
	struct change changes[BLOB_WRITE / BLOB_PIECE + 4];
	size_t n;
	bool flushed; /* a part of it is written */
};

static err writer_flush(struct writer *w)
{
	err e = w->n ? kv_write(w->k, w->changes, w->n, false) : OK;

	w->n = 0;
	w->flushed = true;
	buf_reset(&w->bytes);
	return e;
}

static void writer_add(struct writer *w, const struct piece_key *key, size_t value_at)
{
	char *at = buf_room(&w->bytes, key->n);

	if (!at)
		return;
	str value = str_of(w->bytes.p + value_at, w->bytes.n - value_at);
	memcpy(at, key->b, key->n);
	w->bytes.n += key->n;
	w->changes[w->n++] = (struct change){
		.what = CHANGE_PUT, .space = SPACE_BLOBS, .key = str_of(at, key->n), .value = value
	};
}

static void add_head(struct writer *w, str id, uint64_t size, str tag)
{
	struct piece_key key = piece_key(id, 0);
	struct buf v;
	size_t at = w->bytes.n;

	buf_init(&v, 8 + LIM_KV_TAG);
	buf_u64(&v, size);
	buf_add(&v, tag);
	checked_add(&w->bytes, str_of(key.b, key.n), buf_str(&v));
	buf_free(&v);
	writer_add(w, &key, at);
}

static err add_piece(struct writer *w, str id, uint32_t number, str plain)
{
	struct piece_key key = piece_key(id, number);
	size_t bound = ZSTD_compressBound(plain.n), at = w->bytes.n;
	uint32_t crc = hash_crc32c(hash_crc32c(0, str_of(key.b, key.n)), plain);
	char *p = buf_room(&w->bytes, PIECE_HEAD + bound);

	if (!p)
		return fail(E_LIMIT, "a piece of %zu octets", plain.n);
	size_t n = ZSTD_compressCCtx(w->z->c, p + PIECE_HEAD, bound, plain.p, plain.n, BLOB_LEVEL);
	bool raw = ZSTD_isError(n) || n >= plain.n;
	buf_u8(&w->bytes, raw ? METHOD_RAW : METHOD_ZSTD);
	buf_u32(&w->bytes, (uint32_t)plain.n);
	buf_u32(&w->bytes, crc);
	if (raw)
		buf_add(&w->bytes, plain);
	else
		w->bytes.n += n;
	writer_add(w, &key, at);
	return buf_done(&w->bytes);
}

/* A small blob goes with the next group of commits. */
static err pieces_end(struct writer *w)
{
	if (w->flushed || w->n > PEND_PIECES + 1)
		return writer_flush(w);
	struct pending *p = MEM_NEW(struct pending);

	p->changes = mem_get(sizeof(*p->changes) * (PEND_PIECES + 1));
	memcpy(p->changes, w->changes, w->n * sizeof(*p->changes));
	p->n = w->n;
	p->bytes = w->bytes;
	if (!commit_pend(w->k, p)) {
		p->bytes = (struct buf){ 0 };
		pending_free(p);
		return writer_flush(w);
	}
	w->bytes = (struct buf){ 0 };
	return OK;
}

static err write_pieces(struct writer *w, str id, str tag, str bytes)
{
	uint32_t number = 1;

	add_head(w, id, bytes.n, tag);
	for (str rest = bytes; rest.n; rest = str_skip(rest, BLOB_PIECE)) {
		TRY(add_piece(w, id, number++, str_take(rest, BLOB_PIECE)));
		if (w->n >= BLOB_WRITE / BLOB_PIECE)
			TRY(writer_flush(w));
	}
	return pieces_end(w);
}

err kv_blob_put_tagged(struct kv *k, str id, str tag, str bytes)
{
	size_t most = bytes.n < BLOB_PIECE ? bytes.n : BLOB_PIECE;
	size_t pieces = (bytes.n < BLOB_WRITE ? bytes.n : BLOB_WRITE) / BLOB_PIECE + 1;
	size_t room =
		pieces * (ZSTD_compressBound(most) + PIECE_HEAD + KEY_MAX) + tag.n + KEY_MAX + 64;

	TRY(id_check(id));
	if (tag.n > LIM_KV_TAG)
		return fail(E_LIMIT, "a blob's tag of %zu octets", tag.n);
	TRY(kv_room(k));
	struct writer *w = MEM_NEW(struct writer);
	w->k = k;
	w->z = zstd_take(k);
	buf_init(&w->bytes, room);
	err e = buf_room(&w->bytes, room) ? write_pieces(w, id, tag, bytes)
					  : fail(E_LIMIT, "a blob of %zu octets", room);
	zstd_give(k, w->z);
	buf_free(&w->bytes);
	mem_free(w);
	return e;
}

err kv_blob_put(struct kv *k, str id, str bytes)
{
	return kv_blob_put_tagged(k, id, STR(""), bytes);
}

/* ---- reading ---- */
static err get_head(struct kv *k, str key, struct buf *b)
{
	err e = k->engine->ops->get(k->engine, SPACE_BLOBS, key, b);

	if (e != E_NOTFOUND)
		return e;
	/* It may wait for its commit; or it did when we looked and has been written since: look
	 * again. */
	if (commit_pends(k, key))
		TRY(commit_settle(k));
	return k->engine->ops->get(k->engine, SPACE_BLOBS, key, b);
}

static err read_head(struct kv *k, str id, uint64_t *size, struct arena *a, str *tag)
{
	struct buf b;
	str v = STR("");

	TRY(id_check(id));
	struct piece_key key = piece_key(id, 0);
	buf_init(&b, LIM_KV_TAG + 64);
	err e = get_head(k, str_of(key.b, key.n), &b);
	if (e == OK)
		e = checked_take(str_of(key.b, key.n), buf_str(&b), &v);
	struct cur c = { .rest = v };
	*size = cur_u64(&c);
	if (e == OK && a) {
		*tag = arena_dup(a, c.rest);
		if (!tag->p)
			e = fail(E_LIMIT, "a blob's tag of %zu octets does not fit", c.rest.n);
	}
	buf_free(&b);
	return e;
}

err kv_blob_size(struct kv *k, str id, uint64_t *size)
{
	return read_head(k, id, size, NULL, NULL);
}

err kv_blob_tag(struct kv *k, str id, struct arena *a, str *tag)
{
	uint64_t size;

	return read_head(k, id, &size, a, tag);
}

/* The plain octets of one stored piece, which must be `want`, to out. */
static err unpack(struct zstd *z, str key, str stored, size_t want, char *out)
{
	struct cur c = { .rest = stored };
	unsigned method = cur_u8(&c);
	uint32_t plain = cur_u32(&c), crc = cur_u32(&c);

	if (c.e != OK || plain != want)
		return fail(E_CORRUPT, "a piece of a blob has %u octets, not %zu", plain, want);
	if (method == METHOD_RAW && c.rest.n == want)
		memcpy(out, c.rest.p, want);
	else if (method != METHOD_ZSTD ||
		 ZSTD_decompressDCtx(z->d, out, want, c.rest.p, c.rest.n) != want)
		return fail(E_CORRUPT, "a piece of a blob does not unpack");
	if (hash_crc32c(hash_crc32c(0, key), str_of(out, want)) != crc)
		return fail(E_CORRUPT, "checksum of a piece of a blob");
	return OK;
}

static err read_piece(struct kv *k, struct zstd *z, str id, uint32_t number, size_t want,
		      struct buf *raw, char *out)
{
	struct piece_key key = piece_key(id, number);

	buf_reset(raw);
	err e = k->engine->ops->get(k->engine, SPACE_BLOBS, str_of(key.b, key.n), raw);
	if (e == E_NOTFOUND)
		return fail(E_CORRUPT, "piece %u of a blob is missing", number);
	TRY(e);
	return unpack(z, str_of(key.b, key.n), buf_str(raw), want, out);
}

static err read_pieces(struct kv *k, struct zstd *z, str id, uint64_t size, uint64_t from,
		       char *out, size_t n)
{
	struct buf raw;
	char *plain = mem_get(BLOB_PIECE);
	err e = OK;

	buf_init(&raw, 2 * BLOB_PIECE);
	for (size_t done = 0; done < n && e == OK;) {
		uint64_t at = from + done, first = at / BLOB_PIECE * BLOB_PIECE;
		size_t want = (size_t)(size - first < BLOB_PIECE ? size - first : BLOB_PIECE);
		size_t skip = (size_t)(at - first);
		size_t part = want - skip < n - done ? want - skip : n - done;

		e = read_piece(k, z, id, (uint32_t)(first / BLOB_PIECE + 1), want, &raw, plain);
		if (e == OK)
			memcpy(out + done, plain + skip, part);
		done += part;
	}
	buf_free(&raw);
	mem_free(plain);
	return e;
}

err kv_blob_get(struct kv *k, str id, uint64_t offset, uint64_t n, struct arena *a, str *bytes)
{
	uint64_t size;

	TRY(kv_blob_size(k, id, &size));
	if (offset > size)
		offset = size;
	if (n > size - offset)
		n = size - offset;
	char *p = arena_try(a, size_add((size_t)n, 1), 1);
	if (!p)
		return fail(E_LIMIT, "%llu octets of a blob do not fit", (unsigned long long)n);
	struct zstd *z = zstd_take(k);
	err e = read_pieces(k, z, id, size, offset, p, (size_t)n);
	zstd_give(k, z);
	*bytes = e == OK ? str_of(p, (size_t)n) : STR("");
	return e;
}

err kv_blob_del(struct kv *k, str id)
{
	uint64_t size;
	struct piece_key from, to;

	err e = kv_blob_size(k, id, &size);
	if (e == E_NOTFOUND)
		return OK;
	if (e != OK && e != E_CORRUPT)
		return e;
	if (e == E_CORRUPT || size > (uint64_t)BLOB_PIECE * DEL_SINGLY) {
		from = piece_key(id, 0);
		to = piece_key(id, UINT32_MAX);
		struct change range = { CHANGE_DEL_RANGE, SPACE_BLOBS, str_of(from.b, from.n),
					str_of(to.b, to.n) };
		return kv_write(k, &range, 1, false);
	}
	struct piece_key keys[DEL_SINGLY + 1];
	struct change v[DEL_SINGLY + 1];
	size_t n = (size_t)((size + BLOB_PIECE - 1) / BLOB_PIECE) + 1;
	for (size_t i = 0; i < n; i++) {
		keys[i] = piece_key(id, (uint32_t)i);
		v[i] = (struct change){ .what = CHANGE_DEL,
					.space = SPACE_BLOBS,
					.key = str_of(keys[i].b, keys[i].n) };
	}
	return kv_write(k, v, n, false);
}

/* ---- listing: one seek a blob, so that the pieces are never read ---- */
static bool first_row(void *arg, str key, str value)
{
	str *id = arg;
	char *copy = (char *)(uintptr_t)id->p;

	(void)value;
	id->n = key.n ? (unsigned char)key.p[0] : 0;
	if (id->n && id->n <= LIM_KV_BLOB_ID && id->n + 5 == key.n)
		memcpy(copy, key.p + 1, id->n);
	else
		id->n = 0;
	return false;
}

err kv_blobs(struct kv *k, str after, size_t max, struct arena *a, str **ids, size_t *n)
{
	char room[LIM_KV_BLOB_ID];
	str id = after;

	*n = 0;
	*ids = NEW_TRY(a, str, max);
	if (!*ids)
		return fail(E_LIMIT, "%zu ids of blobs do not fit", max);
	TRY(commit_settle(k));
	while (*n < max) {
		struct piece_key from = piece_key(id.n ? id : STR(""), id.n ? UINT32_MAX : 0);

		id = str_of(room, 0);
		TRY(k->engine->ops->range(k->engine, SPACE_BLOBS, str_of(from.b, from.n), STR(""),
					  false, first_row, &id));
		if (!id.n)
			break;
		str copy = arena_dup(a, id);
		if (!copy.p)
			return fail(E_LIMIT, "ids of blobs do not fit");
		(*ids)[(*n)++] = copy;
	}
	return OK;
}
