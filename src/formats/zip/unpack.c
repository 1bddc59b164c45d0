#include <zlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "formats/zip/zip.h"

enum { STORED = 0, DEFLATED = 8, PIECE = 16 << 10 };

static void *get(void *arg, unsigned n, unsigned size)
{
	return mem_try(size_mul(n, size));
}

static void put(void *arg, void *p)
{
	mem_free(p);
}

static err store(str data, struct buf *out)
{
	str fits = str_take(data, out->max - out->n);

	buf_add(out, fits);
	return fits.n < data.n ? fail(E_LIMIT, "over %zu octets", out->max) : buf_done(out);
}

static err inflate_all(z_stream *z, struct buf *out)
{
	for (;;) {
		size_t left = out->max - out->n, n = left < PIECE ? left : PIECE;
		char *p = n ? buf_room(out, n) : NULL;

		if (!p)
			return fail(E_LIMIT, "over %zu octets", out->max);
		z->next_out = (Bytef *)p;
		z->avail_out = (uInt)n;
		int rc = inflate(z, Z_NO_FLUSH);

		out->n += n - z->avail_out;
		if (rc == Z_STREAM_END)
			return OK;
		if (rc != Z_OK || (z->avail_out && !z->avail_in))
			return fail(E_CORRUPT, "deflated data are broken");
	}
}

err zip_unpack(const struct zip_entry *e, struct buf *out)
{
	z_stream z = { .zalloc = get, .zfree = put };

	if (e->encrypted)
		return fail(E_DENIED, "under a password");
	if (e->method == STORED)
		return store(e->data, out);
	if (e->method != DEFLATED)
		return fail(E_NOTFOUND, "packed by method %u", e->method);
	if (e->data.n > UINT32_MAX)
		return fail(E_LIMIT, "over 4 GiB");
	z.next_in = (Bytef *)(uintptr_t)e->data.p; /* zlib reads it alone */
	z.avail_in = (uInt)e->data.n;
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return fail(E_LIMIT, "no memory to unpack");
	err rc = inflate_all(&z, out);

	(void)inflateEnd(&z);
	return rc;
}
