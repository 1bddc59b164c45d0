#include "sessions/imap/section.h"

#include "formats/mime/header.h"

enum { PIECE = 64 * 1024 }; /* octets of a mail that are read and sent at once */

static void set_range(struct imap_plan *p, size_t at, size_t n)
{
	p->how = PLAN_RANGE;
	p->at = at;
	p->n = n;
	p->whole = n;
}

static void set_text(struct imap_plan *p, str text)
{
	p->how = PLAN_TEXT;
	p->text = text;
	p->whole = text.n;
}

static bool listed(const struct imap_section *s, str name)
{
	for (size_t i = 0; i < s->nfields; i++)
		if (str_eqi(s->fields[i], name))
			return true;
	return false;
}

/* HEADER.FIELDS: the fields as they are, then the empty line. */
static err filter(struct imap_mail *m, const struct imap_section *s, str header,
		  struct imap_plan *p)
{
	struct buf b;
	struct mime_field f;

	buf_init(&b, size_add(header.n, 2));
	for (struct mime_fields it = mime_fields(header); mime_field(&it, &f);)
		if (listed(s, f.name) == (s->what == IMAP_S_FIELDS))
			buf_add(&b, f.raw);
	buf_add(&b, STR("\r\n"));
	str text = arena_dup(&m->s->cmd, buf_str(&b));
	buf_free(&b);
	if (!text.p)
		return fail(E_LIMIT, "Header too large");
	set_text(p, text);
	return OK;
}

/* Of the whole message: the cache knows where its header ends. */
WAITS static err plan_top(struct imap_mail *m, const struct imap_section *s, struct imap_plan *p)
{
	str header;

	if (s->what == IMAP_S_ALL) {
		set_range(p, 0, (size_t)m->m->size);
		return OK;
	}
	TRY(imap_load_header(m, &header));
	if (s->what == IMAP_S_HEADER)
		set_text(p, header);
	else if (s->what == IMAP_S_TEXT)
		set_range(p, header.n, (size_t)m->m->size - header.n);
	else
		return filter(m, s, header, p);
	return OK;
}

WAITS static err plan_part(struct imap_mail *m, const struct imap_section *s, struct imap_plan *p)
{
	static const enum mime_section_text what[] = {
		[IMAP_S_ALL] = MIME_S_ALL,	 [IMAP_S_HEADER] = MIME_S_HEADER,
		[IMAP_S_FIELDS] = MIME_S_HEADER, [IMAP_S_FIELDS_NOT] = MIME_S_HEADER,
		[IMAP_S_TEXT] = MIME_S_TEXT,	 [IMAP_S_MIME] = MIME_S_MIME,
	};
	size_t at, n;
	str header;

	TRY(imap_load_parts(m));
	if (!mime_section_range(m->root, s->numbers, s->nnumbers, what[s->what], &at, &n))
		return OK; /* NIL */
	set_range(p, at, n);
	if (s->what != IMAP_S_FIELDS && s->what != IMAP_S_FIELDS_NOT)
		return OK;
	TRY(imap_octets(m, at, n, &m->s->cmd, &header));
	return filter(m, s, header, p);
}

/* ---- octets in pieces, decoded or not ---- */

struct flow {
	struct imap_mail *m;
	const struct imap_plan *p;
	struct arena piece;
	struct buf out;
	struct mime_decoder d;
	uint64_t total; /* octets so far */
	bool nul;
	bool send; /* the second time: [from, from + count) goes out */
};

static bool has_nul(str s)
{
	return str_find(s, '\0') < s.n;
}

/* A literal has no NUL (RFC 9051 4.3); 0x80 stands for it, as the size is told already. */
WAITS static err send_without_nul(struct stream *io, str s)
{
	for (size_t n; s.n > 0; s = str_skip(s, n + 1)) {
		n = str_find(s, '\0');
		TRY(stream_write(io, str_take(s, n)));
		if (n < s.n)
			TRY(stream_write(io, STR("\x80")));
	}
	return OK;
}

WAITS static err flow_octets(struct flow *f, str s)
{
	const struct imap_plan *p = f->p;
	uint64_t begin = f->total;

	f->total += s.n;
	if (!f->send) {
		f->nul = f->nul || has_nul(s);
		return OK;
	}
	if (f->total <= p->from || begin >= p->from + p->count)
		return OK;
	if (begin < p->from) {
		s = str_skip(s, (size_t)(p->from - begin));
		begin = p->from;
	}
	if (s.n > p->from + p->count - begin)
		s = str_take(s, (size_t)(p->from + p->count - begin));
	if (p->literal8)
		return stream_write(f->m->s->io, s);
	return send_without_nul(f->m->s->io, s);
}

WAITS static err flow_piece(struct flow *f, str bytes, bool last)
{
	if (f->p->how != PLAN_DECODED)
		return flow_octets(f, bytes);
	buf_reset(&f->out);
	TRY(mime_decode_feed(&f->d, bytes, &f->out));
	if (last)
		TRY(mime_decode_end(&f->d, &f->out));
	return flow_octets(f, buf_str(&f->out));
}

WAITS static err flow_pieces(struct flow *f)
{
	const struct imap_plan *p = f->p;
	size_t at = p->at, end = p->at + p->n;
	str bytes;

	/* What is not decoded can begin in the middle. */
	if (f->send && p->how == PLAN_RANGE) {
		at += (size_t)p->from;
		end = at + (size_t)p->count;
		f->total = p->from;
	}
	while (at < end) {
		size_t n = end - at < PIECE ? end - at : PIECE;
		arena_reset(&f->piece);
		TRY(imap_octets(f->m, at, n, &f->piece, &bytes));
		if (bytes.n == 0)
			return fail(E_CORRUPT, "mail %u is shorter than its size", f->m->m->uid);
		at += bytes.n;
		imap_alive(f->m->s);
		TRY(flow_piece(f, bytes, at >= end));
	}
	return OK;
}

WAITS static err flow(struct flow *f)
{
	arena_init(&f->piece, PIECE * 2);
	buf_init(&f->out, PIECE * 4);
	mime_decode_init(&f->d, f->p->encoding);
	err e = flow_pieces(f);
	arena_free(&f->piece);
	buf_free(&f->out);
	return e;
}

/* BINARY: RFC 9051 6.4.5, RFC 3516 4.2. The size is that of the decoded octets, so they are decoded
 * twice. */
WAITS static err plan_binary(struct imap_mail *m, const struct imap_section *s, struct imap_plan *p)
{
	if (s->nnumbers == 0) {
		set_range(p, 0, (size_t)m->m->size);
	} else {
		TRY(plan_part(m, s, p));
		if (p->how == PLAN_NIL)
			return OK;
		const struct mime_part *part = mime_section(m->root, s->numbers, s->nnumbers);
		if (part->kind == MIME_LEAF && part->encoding == MIME_UNKNOWN)
			return fail(E_DENIED, "Unknown Content-Transfer-Encoding");
		p->encoding = part->encoding;
		if (part->kind == MIME_LEAF &&
		    (part->encoding == MIME_QP || part->encoding == MIME_BASE64 ||
		     part->encoding == MIME_UUENCODE))
			p->how = PLAN_DECODED;
	}
	struct flow f = { .m = m, .p = p };
	TRY(flow(&f));
	p->whole = f.total;
	p->literal8 = f.nul;
	return OK;
}

/* What is short is read now; of what is long it is at least known where it stands: another session
 * may move or expunge the mail while we send it. */
WAITS static err hold(struct imap_mail *m, struct imap_plan *p)
{
	str bytes;

	if (p->how != PLAN_RANGE || p->literal8)
		return OK;
	bool small = p->count <= PIECE;
	if (!small && m->source.known)
		return OK;
	TRY(imap_octets(m, p->at + p->from, small ? p->count : 1, &m->s->cmd, &bytes));
	if (!small)
		return OK;
	if (bytes.n < p->count)
		return fail(E_CORRUPT, "mail %u is shorter than its size", m->m->uid);
	set_text(p, bytes);
	p->from = 0;
	return OK;
}

WAITS err imap_plan(struct imap_mail *m, const struct imap_section *s, struct imap_plan *out)
{
	struct imap_plan p = { .how = PLAN_NIL };

	if (s->kind == IMAP_BINARY || s->kind == IMAP_BINARY_SIZE)
		TRY(plan_binary(m, s, &p));
	else if (s->nnumbers == 0)
		TRY(plan_top(m, s, &p));
	else
		TRY(plan_part(m, s, &p));
	p.count = p.whole;
	if (s->partial) {
		p.from = s->offset < p.whole ? s->offset : p.whole;
		p.count = s->count < p.whole - p.from ? s->count : p.whole - p.from;
	}
	TRY(hold(m, &p));
	*out = p;
	return OK;
}

WAITS err imap_send_plan(struct imap_mail *m, const struct imap_plan *p)
{
	struct stream *io = m->s->io;

	if (p->how == PLAN_NIL)
		return stream_write(io, STR("NIL"));
	if (p->count == 0)
		return stream_write(io, STR("\"\""));
	TRY(stream_fmt(io, "%s{%llu}\r\n", p->literal8 ? "~" : "", (unsigned long long)p->count));
	if (p->how == PLAN_TEXT)
		return send_without_nul(
			io, str_take(str_skip(p->text, (size_t)p->from), (size_t)p->count));
	struct flow f = { .m = m, .p = p, .send = true };
	return flow(&f);
}
