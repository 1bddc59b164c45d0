#include "run/fiber.h"
#include "sessions/imap/match.h"

enum { TURN = 2000 }; /* mails without a wait before other fibers have a turn */

struct found {
	uint32_t *seq, *uid;
	size_t n;
	uint64_t modseq; /* the highest of those found */
};

WAITS static err run_search(struct imap *s, const struct imap_search *q, struct found *f)
{
	size_t n = s->view->n;

	f->seq = NEW_TRY(&s->cmd, uint32_t, n + 1);
	f->uid = NEW_TRY(&s->cmd, uint32_t, n + 1);
	if (!f->seq || !f->uid)
		return fail(E_LIMIT, "Too many messages");
	for (size_t i = 0; i < n; i++) {
		bool yes = false;
		if (i % TURN == TURN - 1)
			TRY(fiber_yield());
		TRY(imap_match_mail(s, q->key, i, &yes));
		if (!yes)
			continue;
		const struct mail *m = &s->view->mails[i];
		f->seq[f->n] = (uint32_t)i + 1;
		f->uid[f->n++] = m->uid;
		if (m->modseq > f->modseq)
			f->modseq = m->modseq;
	}
	return OK;
}

/* RFC 9051 6.4.4.1: MIN or MAX alone save just those; else all. */
static void save(struct imap *s, const struct imap_search *q, const struct found *f)
{
	bool ends = (q->ret & (IMAP_R_MIN | IMAP_R_MAX)) && !(q->ret & (IMAP_R_ALL | IMAP_R_COUNT));

	mem_free(s->saved);
	s->saved = mem_try(size_mul(f->n + 1, sizeof s->saved[0]));
	s->nsaved = 0;
	for (size_t i = 0; s->saved && i < f->n; i++) {
		bool min = i == 0 && (q->ret & IMAP_R_MIN);
		bool max = i == f->n - 1 && (q->ret & IMAP_R_MAX);
		if (!ends || min || max)
			s->saved[s->nsaved++] = f->uid[i];
	}
}

/* RFC 3501 7.2.5. */
WAITS static err say_search(struct imap *s, const struct imap_search *q, const struct found *f)
{
	const uint32_t *v = s->c.uid ? f->uid : f->seq;

	TRY(stream_write(s->io, STR("* SEARCH")));
	for (size_t i = 0; i < f->n; i++)
		TRY(stream_fmt(s->io, " %u", v[i]));
	if (q->modseq && f->n)
		TRY(stream_fmt(s->io, " (MODSEQ %llu)", (unsigned long long)f->modseq));
	return stream_write(s->io, STR("\r\n"));
}

static void add_results(const struct imap_search *q, const struct found *f, const uint32_t *v,
			struct buf *out)
{
	if ((q->ret & IMAP_R_MIN) && f->n)
		buf_fmt(out, " MIN %u", v[0]);
	if ((q->ret & IMAP_R_MAX) && f->n)
		buf_fmt(out, " MAX %u", v[f->n - 1]);
	if (q->ret & IMAP_R_COUNT)
		buf_fmt(out, " COUNT %zu", f->n);
	if ((q->ret & IMAP_R_ALL) && f->n) {
		buf_add(out, STR(" ALL "));
		imap_add_numbers(out, v, f->n);
	}
	if (q->modseq && f->n)
		buf_fmt(out, " MODSEQ %llu", (unsigned long long)f->modseq);
}

/* RFC 9051 7.3.4. */
WAITS static err say_esearch(struct imap *s, const struct imap_search *q, const struct found *f)
{
	struct buf b;

	buf_init(&b, size_add(size_mul(f->n, 11), 1000));
	buf_add(&b, STR("* ESEARCH (TAG "));
	imap_put_string(&b, s->c.tag, false);
	buf_add(&b, s->c.uid ? STR(") UID") : STR(")"));
	add_results(q, f, s->c.uid ? f->uid : f->seq, &b);
	buf_add(&b, STR("\r\n"));
	err e = buf_done(&b);
	if (!e)
		e = stream_write(s->io, buf_str(&b));
	buf_free(&b);
	return e;
}

WAITS static err search(struct imap *s, struct imap_search *q)
{
	struct found f = { 0 };

	if (q->modseq)
		s->condstore = true;
	if (s->rev2 && !q->extended) {
		q->extended = true;
		q->ret = IMAP_R_ALL;
	}
	TRY(imap_match_prepare(s, q->key));
	TRY(run_search(s, q, &f));
	if (q->ret & IMAP_R_SAVE)
		save(s, q, &f);
	if (!q->extended)
		TRY(say_search(s, q, &f));
	else if (q->ret != IMAP_R_SAVE)
		TRY(say_esearch(s, q, &f));
	return imap_ok(s, "Done");
}

WAITS err imap_cmd_search(struct imap *s)
{
	struct imap_search q = { 0 };

	err e = imap_parse_search(&s->in, &q);
	/* RFC 6855 3: in UTF-8 mode there is nothing to name. */
	if (!e && s->utf8 && q.charset.n)
		e = fail(E_SYNTAX, "No CHARSET after ENABLE UTF8=ACCEPT");
	if (!e)
		e = search(s, &q);
	/* RFC 9051 6.4.4.1: a failed SAVE leaves nothing saved. */
	if (e && (q.ret & IMAP_R_SAVE))
		s->nsaved = 0;
	if (e == E_DENIED)
		return imap_no(s, "[BADCHARSET (US-ASCII UTF-8)] Unknown charset");
	return e;
}
