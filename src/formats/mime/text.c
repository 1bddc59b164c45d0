#include "formats/mime/text.h"

#include <string.h>

#include "formats/mime/header.h"
#include "formats/mime/lex.h"

/* White space at a line's end is not sent (RFC 2045 6.7 rule 3); a run this long is no accident and
 * stays. */
#define BLANKS_MAX KIB(1)
#define UU_LINE	   100 /* octets of a uuencoded line */
#define CHUNK	   KIB(4)

void mime_decode_init(struct mime_decoder *d, enum mime_encoding encoding)
{
	*d = (struct mime_decoder){ .encoding = encoding };
	buf_init(&d->blanks, encoding == MIME_QP ? BLANKS_MAX : UU_LINE);
}

void mime_decode_free(struct mime_decoder *d)
{
	buf_free(&d->blanks);
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ch_digit(c))
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Other bytes are passed over (RFC 2045 6.8). Padding ends a quantum but not the data: some senders
 * put several encoded pieces one behind the other. */
static void base64_feed(struct mime_decoder *d, str in, struct buf *out)
{
	char chunk[CHUNK / 2];
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		int v = base64_value(in.p[i]);

		if (v < 0) {
			if (in.p[i] == '=')
				d->nbits = 0;
			else if (!mime_ws(in.p[i]))
				d->bad = true;
			continue;
		}
		d->bits = (d->bits << 6 | (unsigned)v) & 0xffff;
		d->nbits += 6;
		if (d->nbits < 8)
			continue;
		d->nbits -= 8;
		chunk[n++] = (char)(d->bits >> d->nbits & 0xff);
		if (n == sizeof(chunk)) {
			buf_add(out, str_of(chunk, n));
			n = 0;
		}
	}
	buf_add(out, str_of(chunk, n));
}

static int hex(char c)
{
	c = ch_lower(c);
	return ch_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte behind a '='. held: what came behind it before; it is given out as it stands when it is
 * no token. */
static bool qp_token(struct mime_decoder *d, char c, struct buf *out)
{
	if (d->state == 1) {
		if (c == '\n') {
			d->state = 0; /* soft line break */
			return true;
		}
		if (c == '\r' || c == ' ' || c == '\t')
			return true; /* RFC 2045 6.7 (3): padding behind it */
		if (hex(c) >= 0) {
			d->held[0] = c;
			d->state = 2;
			return true;
		}
		d->bad = true;
		d->state = 0;
		buf_addc(out, '=');
		return false;
	}
	d->state = 0;
	if (hex(c) >= 0) {
		buf_addc(out, (char)(hex(d->held[0]) * 16 + hex(c)));
		return true;
	}
	d->bad = true;
	buf_addc(out, '=');
	buf_addc(out, d->held[0]);
	return false;
}

static void qp_blank(struct mime_decoder *d, char c, struct buf *out)
{
	if (d->blanks.n == d->blanks.max) {
		buf_add(out, buf_str(&d->blanks));
		buf_reset(&d->blanks);
	}
	buf_addc(&d->blanks, c);
}

/* Drops trailing white space before a line end, keeps a CR that stands before it. */
static void qp_line_end(struct mime_decoder *d, struct buf *out)
{
	if (str_ends(buf_str(&d->blanks), STR("\r")))
		buf_addc(out, '\r');
	buf_reset(&d->blanks);
	buf_addc(out, '\n');
}

static void qp_feed(struct mime_decoder *d, str in, struct buf *out)
{
	while (in.n) {
		char c = in.p[0];

		if (d->state) {
			if (qp_token(d, c, out))
				in = str_skip(in, 1);
			continue;
		}
		if (c == '\n') {
			qp_line_end(d, out);
			in = str_skip(in, 1);
			continue;
		}
		if (mime_ws(c)) {
			qp_blank(d, c, out);
			in = str_skip(in, 1);
			continue;
		}
		buf_add(out, buf_str(&d->blanks));
		buf_reset(&d->blanks);
		if (c == '=') {
			d->state = 1;
			in = str_skip(in, 1);
			continue;
		}
		size_t n = 1;

		while (n < in.n && in.p[n] != '=' && !mime_ws(in.p[n]))
			n++;
		buf_add(out, str_take(in, n));
		in = str_skip(in, n);
	}
}

/* A whole line of the data between "begin" and "end". */
static void uu_line(struct mime_decoder *d, str line, struct buf *out)
{
	if (d->state == 0) {
		d->state = str_starts(line, STR("begin "));
		return;
	}
	if (!line.n || str_starts(line, STR("end")))
		d->done = d->done || line.n;
	if (!line.n || d->done)
		return;
	size_t want = (size_t)((line.p[0] - ' ') & 63);

	line = str_skip(line, 1);
	for (; want && line.n; line = str_skip(line, 4)) {
		unsigned v = 0;

		for (size_t i = 0; i < 4; i++)
			v = v << 6 | (i < line.n ? (unsigned)(line.p[i] - ' ') & 63 : 0);
		for (int shift = 16; shift >= 0 && want; shift -= 8, want--)
			buf_addc(out, (char)(v >> shift & 0xff));
	}
}

static str uu_text(const struct buf *b)
{
	str line = buf_str(b);

	if (str_ends(line, STR("\r")))
		line.n--;
	return line;
}

static void uu_feed(struct mime_decoder *d, str in, struct buf *out)
{
	while (in.n && !d->done) {
		size_t n = str_find(in, '\n');
		str piece = str_take(in, n);

		buf_add(&d->blanks, str_take(piece, d->blanks.max - d->blanks.n));
		if (n < in.n) {
			uu_line(d, uu_text(&d->blanks), out);
			buf_reset(&d->blanks);
		}
		in = str_skip(in, n + 1);
	}
}

static void feed(struct mime_decoder *d, str in, struct buf *out)
{
	switch (d->encoding) {
	case MIME_BASE64:
		return base64_feed(d, in, out);
	case MIME_QP:
		return qp_feed(d, in, out);
	case MIME_UUENCODE:
		return uu_feed(d, in, out);
	default:
		return buf_add(out, in);
	}
}

/* Goes by chunks that are sure to fit, and byte by byte near the end, so that out is filled to its
 * maximum. */
err mime_decode_feed(struct mime_decoder *d, str in, struct buf *out)
{
	while (in.n) {
		size_t room = out->max - out->n, kept = d->blanks.n + 4;
		size_t n = room > kept ? room - kept : 1;

		if (room == 0)
			return E_LIMIT;
		str piece = str_take(in, n);

		in = str_skip(in, n);
		feed(d, piece, out);
		TRY(buf_done(out));
	}
	return OK;
}

err mime_decode_end(struct mime_decoder *d, struct buf *out)
{
	if (d->encoding == MIME_QP && d->state) {
		d->bad = true;
		buf_addc(out, '=');
		if (d->state == 2)
			buf_addc(out, d->held[0]);
	}
	if (d->encoding == MIME_UUENCODE && d->blanks.n && !d->done)
		uu_line(d, uu_text(&d->blanks), out);
	mime_decode_free(d);
	return buf_done(out);
}

err mime_decode_body(const struct mime_part *p, struct buf *out)
{
	struct mime_decoder d;

	mime_decode_init(&d, p->kind == MIME_LEAF ? p->encoding : MIME_8BIT);
	err e = mime_decode_feed(&d, p->body, out);

	if (e != OK) {
		mime_decode_free(&d);
		return e;
	}
	return mime_decode_end(&d, out);
}

/* The decoded bytes are held once; what they become is bounded by out. */
err mime_text(const struct mime_part *p, struct buf *out)
{
	CLEANUP(buf_free) struct buf bytes;
	str charset = mime_param(p->params, STR("charset"));
	size_t room = out->max - out->n;

	/* No charset needs more than 4 octets for one of UTF-8, stateful ones a few more. */
	buf_init(&bytes, size_mul(size_add(room, 16), 4));
	err e = mime_decode_body(p, &bytes);

	if (e != OK && e != E_LIMIT)
		return e;
	(void)mime_charset(out, charset, buf_str(&bytes));
	return e == E_LIMIT || out->max - out->n < 4 ? E_LIMIT : OK;
}

err mime_all_text(const struct mime_part *p, struct buf *out)
{
	for (const struct mime_part *q = p; q; q = mime_next(p, q)) {
		if (q->kind != MIME_LEAF || !str_eq(q->type, STR("text")))
			continue;
		TRY(mime_text(q, out));
		buf_addc(out, '\n');
	}
	return buf_done(out);
}
