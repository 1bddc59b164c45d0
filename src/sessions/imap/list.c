#include "sessions/imap/internal.h"

struct listing {
	struct imap *s;
	struct imap_list l;
	str *patterns; /* reference and pattern together */
	struct folder_info *v;
	size_t n;
	bool lsub;
};

static bool wanted_name(const struct listing *q, str name)
{
	for (size_t i = 0; i < q->l.npatterns; i++)
		if (imap_match(q->patterns[i], name))
			return true;
	return false;
}

static bool special(const struct folder_info *f)
{
	return f->use != USE_NONE && f->use != USE_INBOX;
}

/* The selection options alone. */
static bool selected(const struct listing *q, const struct folder_info *f)
{
	if ((q->l.options & IMAP_L_SUBSCRIBED) && !f->subscribed)
		return false;
	if ((q->l.options & IMAP_L_SPECIAL) && !special(f))
		return false;
	return f->id != 0 || (q->l.options & IMAP_L_SUBSCRIBED);
}

static bool is_below(str name, str parent)
{
	return name.n > parent.n + 1 && str_starts(name, parent) && name.p[parent.n] == '/';
}

/* RFC 5258 3.5: a descendant is selected and is not shown itself. */
static bool child_selected(const struct listing *q, size_t at)
{
	str parent = q->v[at].name;

	for (size_t i = 0; i < q->n; i++)
		if (is_below(q->v[i].name, parent) && selected(q, &q->v[i]) &&
		    !wanted_name(q, q->v[i].name))
			return true;
	return false;
}

struct words {
	struct buf *out;
	const char *sep;
};

static void word(struct words *w, const char *text)
{
	buf_fmt(w->out, "%s%s", w->sep, text);
	w->sep = " ";
}

static void add_attributes(const struct listing *q, const struct folder_info *f, struct buf *out)
{
	static const char *const uses[] = {
		[USE_ALL] = "\\All",	     [USE_ARCHIVE] = "\\Archive", [USE_DRAFTS] = "\\Drafts",
		[USE_FLAGGED] = "\\Flagged", [USE_JUNK] = "\\Junk",	  [USE_SENT] = "\\Sent",
		[USE_TRASH] = "\\Trash",
	};
	struct words w = { out, "" };
	unsigned o = q->l.options;

	if (f->id == 0 || f->noselect)
		word(&w, q->l.extended || q->s->rev2 ? "\\NonExistent" : "\\Noselect");
	if ((o & (IMAP_L_SUBSCRIBED | IMAP_LR_SUBSCRIBED)) && f->subscribed)
		word(&w, "\\Subscribed");
	if (!q->lsub && f->id != 0)
		word(&w, f->has_children ? "\\HasChildren" : "\\HasNoChildren");
	if (!q->lsub && (unsigned)f->use < COUNT(uses) && uses[f->use])
		word(&w, uses[f->use]);
}

WAITS static err say_row(const struct listing *q, const struct folder_info *f, bool childinfo)
{
	struct imap *s = q->s;

	buf_reset(&s->out);
	buf_add(&s->out, q->lsub ? STR("* LSUB (") : STR("* LIST ("));
	add_attributes(q, f, &s->out);
	buf_add(&s->out, STR(") \"/\" "));
	imap_put_mailbox(&s->out, f->name, s->rev2 || s->utf8);
	if (childinfo)
		buf_add(&s->out, STR(" (CHILDINFO (\"SUBSCRIBED\"))"));
	TRY(imap_say_out(s));
	if ((q->l.options & IMAP_LR_STATUS) && f->id != 0 && !f->noselect)
		return imap_say_status(s, f, q->l.status);
	return OK;
}

WAITS static err say_rows(const struct listing *q)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct folder_info *f = &q->v[i];
		if (!wanted_name(q, f->name))
			continue;
		bool child = (q->l.options & IMAP_L_RECURSIVE) && child_selected(q, i);
		if (child || selected(q, f))
			TRY(say_row(q, f, child));
	}
	return OK;
}

/* Every pattern with the reference before it, RFC 9051 6.3.9. */
static err add_references(struct listing *q)
{
	struct imap *s = q->s;

	q->patterns = NEW_TRY(&s->cmd, str, q->l.npatterns);
	if (!q->patterns)
		return fail(E_LIMIT, "Too many patterns");
	for (size_t i = 0; i < q->l.npatterns; i++) {
		q->patterns[i] = q->l.patterns[i];
		if (q->l.reference.n == 0)
			continue;
		q->patterns[i] = arena_fmt(&s->cmd, "%.*s%.*s", STRF(q->l.reference),
					   STRF(q->l.patterns[i]));
		if (!q->patterns[i].p)
			return fail(E_LIMIT, "Too many patterns");
	}
	return OK;
}

/* LIST "" "" asks for the separator. */
WAITS static err say_root(struct imap *s)
{
	TRY(imap_say(s, "* LIST (\\Noselect) \"/\" \"\""));
	return imap_ok(s, "Done");
}

WAITS err imap_cmd_list(struct imap *s)
{
	struct listing q = { .s = s };

	TRY(imap_parse_list(&s->in, s->rev2 || s->utf8, &q.l));
	if (!q.l.extended && q.l.patterns[0].n == 0)
		return say_root(s);
	if (q.l.status & IMAP_ST_HIGHESTMODSEQ)
		s->condstore = true;
	TRY(add_references(&q));
	TRY(box_folders(s->box, &s->cmd, &q.v, &q.n));
	TRY(say_rows(&q));
	return imap_ok(s, "Done");
}

/* RFC 3501 6.3.9: where "%" hides a subscribed child, its parent is shown as \Noselect. */
WAITS static err say_hidden(const struct listing *q, size_t at)
{
	struct folder_info f = q->v[at];

	for (size_t i = 0; i < q->n; i++) {
		const struct folder_info *c = &q->v[i];
		if (!is_below(c->name, f.name) || !c->subscribed || wanted_name(q, c->name))
			continue;
		f.noselect = true;
		return say_row(q, &f, false);
	}
	return OK;
}

WAITS err imap_cmd_lsub(struct imap *s)
{
	struct listing q = { .s = s, .lsub = true };

	TRY(imap_parse_list(&s->in, s->rev2 || s->utf8, &q.l));
	if (q.l.extended)
		return fail(E_SYNTAX, "LSUB has no options");
	TRY(add_references(&q));
	TRY(box_folders(s->box, &s->cmd, &q.v, &q.n));
	for (size_t i = 0; i < q.n; i++) {
		if (!wanted_name(&q, q.v[i].name))
			continue;
		if (q.v[i].subscribed)
			TRY(say_row(&q, &q.v[i], false));
		else
			TRY(say_hidden(&q, i));
	}
	return imap_ok(s, "Done");
}
