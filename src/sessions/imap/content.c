#include "sessions/imap/internal.h"

enum { SCAN_PIECE = 128 * 1024 }; /* octets read at once while a mail is taken apart */

WAITS err imap_octets(struct imap_mail *m, uint64_t at, uint64_t n, struct arena *a, str *out)
{
	if (!m->source.a)
		m->source.a = &m->s->cmd;
	return mail_read(m->s->view, m->m->uid, &m->source, at, n, a, out);
}

WAITS err imap_load_cache(struct imap_mail *m)
{
	if (m->cached)
		return OK;
	TRY(mail_cached(m->s->view, m->m->uid, &m->s->cmd, &m->cache));
	m->source = m->cache.source;
	m->cached = true;
	return OK;
}

WAITS static err scan_pieces(struct imap_mail *m, struct mime_scan *scan, struct arena *piece)
{
	str bytes;

	for (uint64_t at = 0; at < m->m->size; at += bytes.n) {
		arena_reset(piece);
		TRY(imap_octets(m, at, SCAN_PIECE, piece, &bytes));
		if (bytes.n == 0)
			return fail(E_CORRUPT, "mail %u is shorter than its size", m->m->uid);
		mime_scan_feed(scan, bytes);
	}
	return OK;
}

WAITS err imap_load_parts(struct imap_mail *m)
{
	struct arena piece;

	if (m->scanned)
		return OK;
	struct mime_scan *scan = NEW(&m->s->cmd, struct mime_scan);
	mime_scan_init(scan, &m->s->cmd);
	arena_init(&piece, SCAN_PIECE * 2);
	err e = scan_pieces(m, scan, &piece);
	arena_free(&piece);
	m->root = mime_scan_end(scan);
	m->scanned = e == OK;
	return e;
}

WAITS err imap_load_header(struct imap_mail *m, str *out)
{
	TRY(imap_load_cache(m));
	if (m->cache.header_whole) {
		*out = m->cache.header;
		return OK;
	}
	TRY(imap_load_parts(m));
	return imap_octets(m, 0, m->root->body_at, &m->s->cmd, out);
}
