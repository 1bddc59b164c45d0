#include "services/queue/record.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"

/* A lot of version 1 has no notes. */
enum { VERSION = 2, FIRST = 1, DUE = 8, LOT = 2 };

/* ---- keys ---- */
struct writer {
	char *p;
	size_t n;
};

static void put(struct writer *w, str s)
{
	if (s.n)
		memcpy(w->p + w->n, s.p, s.n);
	w->n += s.n;
}

static void put_number(struct writer *w, uint64_t v, unsigned octets)
{
	while (octets--)
		w->p[w->n++] = (char)(v >> (8 * octets) & 0xff);
}

/* kind [destination \0] [due] id [\0 lot] */
static str make_key(struct arena *a, char kind, const str *destination, const int64_t *due, str id,
		    const unsigned *no)
{
	size_t n = 1 + (destination ? destination->n + 1 : 0) + (due ? DUE : 0) + id.n +
		   (no ? 1 + LOT : 0);
	struct writer w = { arena_try(a, n, 1), 0 };

	if (!w.p)
		return (str){ NULL, 0 };
	w.p[w.n++] = kind;
	if (destination) {
		put(&w, *destination);
		w.p[w.n++] = '\0';
	}
	if (due)
		put_number(&w, (uint64_t)*due, DUE);
	put(&w, id);
	if (no) {
		w.p[w.n++] = '\0';
		put_number(&w, *no, LOT);
	}
	return str_of(w.p, w.n);
}

str key_entry(struct arena *a, str id)
{
	return make_key(a, 'e', NULL, NULL, id, NULL);
}

str key_lot(struct arena *a, str id, unsigned no)
{
	return make_key(a, 'l', NULL, NULL, id, &no);
}

str key_due(struct arena *a, int64_t due, str id, unsigned no)
{
	return make_key(a, 't', NULL, &due, id, &no);
}

str key_ready(struct arena *a, str destination, int64_t due, str id, unsigned no)
{
	return make_key(a, 'w', &destination, &due, id, &no);
}

str key_aside(struct arena *a, str id, unsigned no)
{
	return make_key(a, 'x', NULL, NULL, id, &no);
}

void range_lots(struct arena *a, str id, str *from, str *to)
{
	*from = make_key(a, 'l', &id, NULL, STR(""), NULL);
	*to = make_key(a, 'l', NULL, NULL, id, NULL);
	*to = arena_fmt(a, "%.*s\x01", STRF(*to));
}

void range_ready(struct arena *a, str destination, str *from, str *to)
{
	*from = make_key(a, 'w', &destination, NULL, STR(""), NULL);
	*to = arena_fmt(a, "w%.*s\x01", STRF(destination));
}

/* Takes "id \0 lot" apart. */
static err parse_tail(str tail, str *id, unsigned *no)
{
	if (tail.n < 1 + 1 + LOT || tail.p[tail.n - LOT - 1] != '\0')
		return fail(E_CORRUPT, "a key of the queue");
	struct cur c = { .rest = str_skip(tail, tail.n - LOT) };

	*id = str_take(tail, tail.n - LOT - 1);
	*no = cur_u8(&c) << 8;
	*no |= cur_u8(&c);
	return OK;
}

err parse_lot_key(str key, str *id, unsigned *no)
{
	return parse_tail(str_skip(key, 1), id, no);
}

err parse_due_key(str key, int64_t *due, str *id, unsigned *no)
{
	struct cur c = { .rest = str_skip(key, 1) };

	*due = (int64_t)cur_u64(&c);
	return c.e == OK ? parse_tail(c.rest, id, no) : fail(E_CORRUPT, "a key of the queue");
}

err parse_ready_key(str key, str *destination, int64_t *due, str *id, unsigned *no)
{
	str tail;

	if (!str_cut(str_skip(key, 1), '\0', destination, &tail))
		return fail(E_CORRUPT, "a key of the queue");
	struct cur c = { .rest = tail };

	*due = (int64_t)cur_u64(&c);
	return c.e == OK ? parse_tail(c.rest, id, no) : fail(E_CORRUPT, "a key of the queue");
}

/* ---- records ---- */
static void seal(struct buf *out, size_t from)
{
	buf_u32(out, hash_crc32c(0, str_skip(buf_str(out), from)));
}

/* A cursor over what the checksum covers. */
static err open_record(str value, struct cur *c, unsigned *version)
{
	size_t n = value.n < 4 ? 0 : value.n - 4;
	struct cur sum = { .rest = str_skip(value, n) };

	*c = (struct cur){ .rest = str_take(value, n) };
	if (cur_u32(&sum) != hash_crc32c(0, c->rest) || sum.e != OK)
		return fail(E_CORRUPT, "checksum of a queue record");
	*version = cur_u8(c);
	if (*version < FIRST || *version > VERSION)
		return fail(E_CORRUPT, "version of a queue record");
	return OK;
}

static err close_record(const struct cur *c)
{
	return c->e == OK && !c->rest.n ? OK : fail(E_CORRUPT, "length of a queue record");
}

void entry_print(struct buf *out, const struct entry *e)
{
	size_t from = out->n;

	buf_u8(out, VERSION);
	buf_u8(out,
	       (unsigned)e->ret_hdrs | (unsigned)e->smtputf8 << 1 | (unsigned)e->body8bit << 2);
	buf_u64(out, (uint64_t)e->arrived);
	buf_varint(out, e->size);
	buf_varint(out, e->nlots);
	buf_lstr(out, e->blob);
	buf_lstr(out, e->from);
	buf_lstr(out, e->envid);
	seal(out, from);
}

err entry_parse(str value, str id, struct entry *out)
{
	struct cur c;
	unsigned version;

	TRY(open_record(value, &c, &version));
	unsigned flags = cur_u8(&c);

	*out = (struct entry){
		.id = id, .ret_hdrs = flags & 1, .smtputf8 = flags & 2, .body8bit = flags & 4
	};
	out->arrived = (int64_t)cur_u64(&c);
	out->size = cur_varint(&c);
	out->nlots = (unsigned)cur_varint(&c);
	out->blob = cur_lstr(&c);
	out->from = cur_lstr(&c);
	out->envid = cur_lstr(&c);
	return close_record(&c);
}

void lot_print(struct buf *out, const struct lot *l)
{
	size_t from = out->n;

	buf_u8(out, VERSION);
	buf_u8(out, (unsigned)l->state | (unsigned)l->warned << 4);
	buf_lstr(out, l->destination);
	buf_varint(out, l->attempts);
	buf_u64(out, (uint64_t)l->due);
	buf_u64(out, (uint64_t)l->last_try);
	buf_varint(out, l->nrcpts);
	for (size_t i = 0; i < l->nrcpts; i++) {
		const struct lot_rcpt *r = &l->rcpts[i];

		buf_lstr(out, r->r.address);
		buf_lstr(out, r->r.orcpt);
		buf_u8(out, r->r.notify);
		buf_lstr(out, r->r.delivery);
		buf_lstr(out, r->r.note);
		buf_lstr(out, r->status);
		buf_lstr(out, r->text);
		buf_lstr(out, r->server);
	}
	seal(out, from);
}

static void parse_rcpt(struct cur *c, unsigned version, struct lot_rcpt *r)
{
	r->r.address = cur_lstr(c);
	r->r.orcpt = cur_lstr(c);
	r->r.notify = cur_u8(c);
	r->r.delivery = cur_lstr(c);
	r->r.note = version > FIRST ? cur_lstr(c) : STR("");
	r->status = cur_lstr(c);
	r->text = cur_lstr(c);
	r->server = cur_lstr(c);
}

err lot_parse(str value, str id, unsigned no, struct arena *a, struct lot *out)
{
	struct cur c;
	unsigned version;

	TRY(open_record(value, &c, &version));
	unsigned flags = cur_u8(&c);

	*out = (struct lot){ .id = id, .no = no, .state = flags & 15, .warned = flags & 16 };
	out->destination = cur_lstr(&c);
	out->attempts = (unsigned)cur_varint(&c);
	out->due = (int64_t)cur_u64(&c);
	out->last_try = (int64_t)cur_u64(&c);
	out->nrcpts = cur_varint(&c);
	if (c.e != OK || out->nrcpts > LIM_QUEUE_LOT)
		return fail(E_CORRUPT, "length of a queue record");
	out->rcpts = NEW_TRY(a, struct lot_rcpt, out->nrcpts + 1);
	if (!out->rcpts)
		return fail(E_LIMIT, "memory for a lot of %zu", out->nrcpts);
	for (size_t i = 0; i < out->nrcpts; i++)
		parse_rcpt(&c, version, &out->rcpts[i]);
	return close_record(&c);
}

str entry_trace(str id)
{
	return str_take(id, str_find(id, '-'));
}
