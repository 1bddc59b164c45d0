#include "base/date.h"
#include "run/log.h"
#include "sessions/imap/section.h"

enum { CHUNK = 64 }; /* mails that become \Seen by one commit */

struct fetching {
	struct imap *s;
	struct imap_fetch f;
	struct imap_pick p;
	bool seen; /* a section that makes mails \Seen */
	bool gone; /* a mail was expunged and reclaimed meanwhile */
	bool unknown_cte;
};

/* ---- one mail's items ---- */

static void add_id(struct buf *out, const char *name, char letter, const struct mail_id *id)
{
	buf_fmt(out, " %s (%c", name, letter);
	mail_id_print(id, out);
	buf_addc(out, ')');
}

static void add_date(struct buf *out, const char *name, int64_t seconds)
{
	buf_fmt(out, " %s \"", name);
	date_add_imap(out, seconds, 0);
	buf_addc(out, '"');
}

/* What stands in the view. UID comes always: RFC 9051 7.5.2 wants it after UID commands, and nobody
 * minds. */
static void add_plain(struct fetching *q, size_t at, bool flags, struct buf *out)
{
	const struct mail *m = &q->s->view->mails[at];
	unsigned items = q->f.items;

	buf_fmt(out, "* %zu FETCH (UID %u", at + 1, m->uid);
	if (flags || (items & IMAP_F_FLAGS)) {
		buf_add(out, STR(" FLAGS "));
		imap_add_mail_flags(q->s, m, out);
	}
	if (items & IMAP_F_DATE)
		add_date(out, "INTERNALDATE", m->received);
	if (items & IMAP_F_SIZE)
		buf_fmt(out, " RFC822.SIZE %llu", (unsigned long long)m->size);
	if ((items & IMAP_F_MODSEQ) || (q->s->condstore && flags))
		buf_fmt(out, " MODSEQ (%llu)", (unsigned long long)m->modseq);
	if (items & IMAP_F_EMAILID)
		add_id(out, "EMAILID", 'M', &m->email);
	if (items & IMAP_F_THREADID)
		add_id(out, "THREADID", 'T', &m->thread);
	if (items & IMAP_F_SAVEDATE)
		add_date(out, "SAVEDATE", m->saved);
}

/* From the cache, or (too big for it) from the mail itself. */
WAITS static err add_structures(struct fetching *q, struct imap_mail *m, struct buf *out)
{
	unsigned items = q->f.items;

	if (!(items & (IMAP_F_ENVELOPE | IMAP_F_BODY | IMAP_F_BODYSTRUCTURE)))
		return OK;
	TRY(imap_load_cache(m));
	const struct mail_cache *c = &m->cache;
	const struct {
		unsigned bit;
		const char *name;
		str text;
	} rows[] = {
		{ IMAP_F_ENVELOPE, "ENVELOPE", c->envelope },
		{ IMAP_F_BODY, "BODY", c->body },
		{ IMAP_F_BODYSTRUCTURE, "BODYSTRUCTURE", c->bodystructure },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!(items & rows[i].bit))
			continue;
		buf_fmt(out, " %s ", rows[i].name);
		if (rows[i].text.n) {
			buf_add(out, rows[i].text);
			continue;
		}
		TRY(imap_load_parts(m));
		if (rows[i].bit == IMAP_F_ENVELOPE)
			mime_add_envelope(m->root, out);
		else
			mime_add_bodystructure(m->root, out, rows[i].bit == IMAP_F_BODYSTRUCTURE);
	}
	return OK;
}

WAITS static err send_section(struct fetching *q, struct imap_mail *m,
			      const struct imap_section *sec, const struct imap_plan *p)
{
	struct buf name;

	buf_init(&name, LIM_IMAP_COMMAND);
	buf_addc(&name, ' ');
	imap_add_section(&name, sec, q->s->rev2 || q->s->utf8);
	buf_addc(&name, ' ');
	err e = buf_done(&name);
	if (!e)
		e = stream_write(q->s->io, buf_str(&name));
	buf_free(&name);
	if (e)
		return e;
	if (sec->kind == IMAP_BINARY_SIZE)
		return stream_fmt(q->s->io, "%llu", (unsigned long long)p->whole);
	return imap_send_plan(m, p);
}

static size_t count_sections(const struct imap_fetch *f)
{
	size_t n = 0;

	for (const struct imap_section *s = f->sections; s; s = s->next)
		n++;
	return n;
}

WAITS static err make_plans(struct fetching *q, struct imap_mail *m, struct imap_plan *plans)
{
	size_t i = 0;

	for (const struct imap_section *s = q->f.sections; s; s = s->next) {
		err e = imap_plan(m, s, &plans[i++]);
		if (e == E_DENIED)
			q->unknown_cte = true; /* NIL for this one */
		else
			TRY(e);
	}
	return OK;
}

WAITS static err send_mail(struct fetching *q, struct imap_mail *m, const struct imap_plan *plans)
{
	struct imap *s = q->s;
	size_t i = 0;

	TRY(buf_done(&s->out));
	TRY(stream_write(s->io, buf_str(&s->out)));
	for (const struct imap_section *sec = q->f.sections; sec; sec = sec->next)
		TRY(send_section(q, m, sec, &plans[i++]));
	return stream_write(s->io, STR(")\r\n"));
}

WAITS static err fetch_mail(struct fetching *q, size_t at, bool flags)
{
	struct imap *s = q->s;
	struct mail copy = s->view->mails[at];
	struct imap_mail m = { .s = s, .m = &copy };
	struct imap_plan *plans = NEW_TRY(&s->cmd, struct imap_plan, count_sections(&q->f) + 1);

	if (!plans)
		return fail(E_LIMIT, "Too many sections");
	err e = make_plans(q, &m, plans);
	if (!e) {
		buf_reset(&s->out);
		add_plain(q, at, flags, &s->out);
		e = add_structures(q, &m, &s->out);
	}
	if (e == E_NOTFOUND) {
		q->gone = true;
		return OK;
	}
	TRY(e);
	e = send_mail(q, &m, plans);
	if (e && e != E_EOF && e != E_TIMEOUT && e != E_CANCELED) {
		/* The line is begun, no answer can follow: the connection ends. */
		LOG(LOG_ERROR, "imap.fetch", KS("user", buf_str(&s->login)), KI("uid", copy.uid),
		    KE(e));
		return E_EOF;
	}
	return e;
}

/* ---- the mails of the command ---- */

static bool unseen(const struct fetching *q, size_t at)
{
	return q->seen && !(q->s->view->mails[at].flags & FLAG_SEEN);
}

/* RFC 9051 6.4.5: BODY[...] without PEEK makes \Seen; the changed flags come in the same response.
 */
WAITS static err make_seen(struct fetching *q, const uint32_t *at, size_t n, bool *changed)
{
	static const struct flag_change seen = { .op = FLAGS_ADD,
						 .flags = FLAG_SEEN,
						 .unchanged_since = UINT64_MAX };
	uint32_t uids[CHUNK], *modified;
	size_t k = 0, nmodified;

	for (size_t i = 0; i < n; i++) {
		changed[i] = unseen(q, at[i]);
		if (changed[i])
			uids[k++] = q->s->view->mails[at[i]].uid;
	}
	if (k == 0)
		return OK;
	err e = folder_store(q->s->view, uids, k, &seen, &q->s->cmd, &modified, &nmodified);
	/* A full disk must not keep anybody from reading. */
	return e == E_FULL ? OK : e;
}

WAITS static err fetch_chunk(struct fetching *q, const uint32_t *at, size_t n)
{
	bool changed[CHUNK] = { false };

	TRY(make_seen(q, at, n, changed));
	for (size_t i = 0; i < n; i++) {
		imap_alive(q->s);
		struct arena_mark mark = arena_mark(&q->s->cmd);
		err e = fetch_mail(q, at[i], changed[i]);
		arena_release(&q->s->cmd, mark);
		TRY(e);
	}
	return OK;
}

/* CHANGEDSINCE, RFC 7162 3.1.4.1. */
static void keep_changed(struct fetching *q)
{
	size_t to = 0;

	for (size_t i = 0; i < q->p.n; i++)
		if (q->s->view->mails[q->p.at[i]].modseq > q->f.since)
			q->p.at[to++] = q->p.at[i];
	q->p.n = to;
}

WAITS err imap_cmd_fetch(struct imap *s)
{
	struct fetching q = { .s = s };

	TRY(imap_pick_arg(s, &q.p));
	TRY(imap_expect(&s->in, ' '));
	TRY(imap_parse_fetch(&s->in, &q.f));
	if (q.f.items & IMAP_F_MODSEQ)
		s->condstore = true;
	if (q.f.has_since)
		keep_changed(&q);
	for (const struct imap_section *sec = q.f.sections; sec; sec = sec->next)
		q.seen = q.seen || !sec->peek;
	if (s->view->readonly)
		q.seen = false;
	for (size_t i = 0; i < q.p.n; i += CHUNK)
		TRY(fetch_chunk(&q, q.p.at + i, q.p.n - i < CHUNK ? q.p.n - i : CHUNK));
	if (q.gone)
		return imap_no(s, "[EXPUNGEISSUED] Some messages are gone");
	if (q.unknown_cte)
		return imap_no(s, "[UNKNOWN-CTE] Some parts cannot be decoded");
	return imap_ok(s, "Done");
}
