#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
	mem_free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}

void buf_wipe(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->cap);
	buf_free(b);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->e = OK;
}

static char *stuck(struct buf *b)
{
	b->e = E_LIMIT;
	return NULL;
}

char *buf_room(struct buf *b, size_t n)
{
	size_t want = size_add(b->n, n);

	if (b->e != OK || want > b->max)
		return stuck(b);
	if (want > b->cap) {
		size_t cap = b->cap ? b->cap : 256;

		while (cap < want)
			cap = size_mul(cap, 2);
		if (cap > b->max)
			cap = b->max;
		char *p = mem_resize_try(b->p, cap);

		if (!p)
			return stuck(b);
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->n;
}

void buf_add(struct buf *b, str s)
{
	char *at = s.n ? buf_room(b, s.n) : NULL;

	if (at) {
		memcpy(at, s.p, s.n);
		b->n += s.n;
	}
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, str_of(&c, 1));
}

void buf_vfmt(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	/* One byte more: vsnprintf writes a NUL behind. */
	char *at = n < 0 ? stuck(b) : buf_room(b, (size_t)n + 1);

	if (at) {
		(void)vsnprintf(at, (size_t)n + 1, fmt, ap);
		b->n += (size_t)n;
	}
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(b, fmt, ap);
	va_end(ap);
}

void buf_u8(struct buf *b, unsigned v)
{
	buf_addc(b, (char)(v & 0xff));
}

static void big_endian(struct buf *b, uint64_t v, unsigned octets)
{
	while (octets--)
		buf_u8(b, (unsigned)(v >> (8 * octets)) & 0xff);
}

void buf_u32(struct buf *b, uint32_t v)
{
	big_endian(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
	big_endian(b, v, 8);
}

void buf_varint(struct buf *b, uint64_t v)
{
	for (; v > 127; v >>= 7)
		buf_u8(b, (unsigned)(v & 127) | 128);
	buf_u8(b, (unsigned)v);
}

void buf_lstr(struct buf *b, str s)
{
	buf_varint(b, s.n);
	buf_add(b, s);
}

void buf_eat(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

str cur_bytes(struct cur *c, size_t n)
{
	str s = str_take(c->rest, n);

	if (c->e != OK || s.n != n) {
		c->e = E_CORRUPT;
		return STR("");
	}
	c->rest = str_skip(c->rest, n);
	return s;
}

static uint64_t from_big_endian(struct cur *c, size_t octets)
{
	str s = cur_bytes(c, octets);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | (unsigned char)s.p[i];
	return v;
}

unsigned cur_u8(struct cur *c)
{
	return (unsigned)from_big_endian(c, 1);
}

uint32_t cur_u32(struct cur *c)
{
	return (uint32_t)from_big_endian(c, 4);
}

uint64_t cur_u64(struct cur *c)
{
	return from_big_endian(c, 8);
}

uint64_t cur_varint(struct cur *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned b = cur_u8(c);

		v |= (uint64_t)(b & 127) << shift;
		if (b < 128)
			return v;
	}
	c->e = E_CORRUPT;
	return 0;
}

str cur_lstr(struct cur *c)
{
	uint64_t n = cur_varint(c);

	if (n > c->rest.n) {
		c->e = E_CORRUPT;
		return STR("");
	}
	return cur_bytes(c, (size_t)n);
}
