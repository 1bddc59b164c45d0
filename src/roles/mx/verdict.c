/* The place of each copy, and the groups of copies that are delivered alike. */
#include "base/limits.h"
#include "roles/mx/mx.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/trace/trace.h"

#define PLACE(id, place)                                                                           \
	METRIC(id, "posta_mx_verdicts_total", "place=\"" place "\"", METRIC_COUNTER,               \
	       "Copies of messages, by the place that their recipient's verdict gave them.")
PLACE(m_inbox, "inbox");
PLACE(m_spam, "spam");
PLACE(m_quarantine, "quarantine");
PLACE(m_discard, "discard");
PLACE(m_reject, "reject");

static struct metric *const places[VERDICT_PLACES] = { &m_inbox, &m_spam, &m_quarantine, &m_discard,
						       &m_reject };

/* What the filter said, for this recipient: with what it learned of that user. */
static struct verdict_message message_for(const struct mx_scan *s, const struct mx_copy *c)
{
	struct verdict_message m = s->message;

	for (size_t i = 0; i < s->nrecipients; i++)
		if (c->user && str_eqi(s->recipients[i].address, c->address))
			m.score = s->recipients[i].score;
	return m;
}

/* The first names of what hit, for the trace. */
static void add_names(struct buf *out, const struct mx_scan *s)
{
	enum { NAMES = 12 };

	for (size_t i = 0; i < s->nsymbols && i < NAMES; i++)
		buf_fmt(out, "%s%.*s", i ? "," : "", STRF(str_take(s->symbols[i].name, 40)));
	if (s->nsymbols > NAMES)
		buf_fmt(out, ",... %zu", s->nsymbols);
}

static void note(const struct mx_copy *c, const struct verdict_choice *v,
		 const struct verdict_message *m, const struct mx_scan *s)
{
	CLEANUP(buf_free) struct buf names;

	metric_add(places[v->place], 1);
	buf_init(&names, KIB(1));
	add_names(&names, s);
	trace_event("mx.verdict", c->address,
		    "%s by %s: score %.1f, level %.*s (%.1f, %.1f)%s%.*s; %.*s",
		    verdict_place_name(v->place), verdict_why_name(v->why), m->score,
		    STRF(verdict_levels[v->level].name), v->tag, v->discard,
		    m->reason.n ? ", " : "", STRF(str_take(m->reason, 100)), STRF(buf_str(&names)));
}

/* What this place is at that home: a foreign store has no quarantine, an address elsewhere no
 * folder at all. */
static enum verdict_place place_at(const struct mx_copy *c, enum verdict_place p)
{
	if (!c->user || !c->home)
		return p;
	return p == VERDICT_QUARANTINE && c->home->spam != BACKEND_SPAM_POSTA ? VERDICT_SPAM : p;
}

/* Where a copy goes whose recipient would refuse what others take. */
static enum verdict_place instead_of_refusal(const struct mx_copy *c)
{
	return c->user ? place_at(c, VERDICT_QUARANTINE) : VERDICT_DISCARD;
}

/* The group with this place and header, made when new. */
static err group_of(struct mx_batch *b, size_t *room, enum verdict_place place, str head,
		    size_t *out)
{
	for (*out = 0; *out < b->ngroups; ++*out)
		if (b->groups[*out].place == place && str_eq(b->groups[*out].head, head))
			return OK;
	if (b->ngroups == *room) {
		size_t more = *room ? *room * 2 : 4;
		struct mx_group *v = NEW_TRY(b->a, struct mx_group, more);

		if (!v)
			return fail(E_LIMIT, "no memory for %zu verdicts", more);
		for (size_t i = 0; i < b->ngroups; i++)
			v[i] = b->groups[i];
		b->groups = v;
		*room = more;
	}
	str own = arena_dup(b->a, head);

	if (head.n && !own.p)
		return fail(E_LIMIT, "no memory for the header of a verdict");
	b->groups[b->ngroups++] = (struct mx_group){ place, own };
	return OK;
}

/* The fields that go before the message in this place. */
static err make_head(const struct mx_scan *s, const struct verdict_message *m,
		     const struct verdict_choice *v, struct buf *head)
{
	buf_reset(head);
	if (s->asked || v->place != VERDICT_INBOX)
		verdict_add_header(head, m, v, s->symbols, s->nsymbols);
	verdict_add_auth_results(head, s->auth_results);
	return buf_done(head);
}

static void choose(const struct mx_batch *b, const struct mx_scan *s, const struct mx_copy *c,
		   const struct verdict_message *m, struct verdict_choice *out)
{
	struct dir_user u = { 0 };
	enum dir_listed listed = LISTED_NOT;

	/* Not there: removed since its RCPT; its back-end will say so. */
	if (c->user && dirtable_user(mx_here()->table, c->user, b->a, &u) == OK)
		listed = verdict_listed(mx_here()->table, c->user, &s->sender);
	verdict_choose(&mx_settings()->verdict, m, c->user ? &u : NULL, listed, out);
	out->place = c->release ? VERDICT_INBOX : place_at(c, out->place);
}

static bool is_wanted(const struct mx_copy *c)
{
	return c->state == COPY_WELCOME || c->state == COPY_AWAY || c->state == COPY_LATER;
}

/* All say no, and one of them says it aloud. */
static bool all_refuse(const struct mx_batch *b, const struct verdict_choice *v)
{
	bool aloud = false;

	for (size_t i = 0; i < b->n; i++) {
		if (!is_wanted(&b->v[i]))
			continue;
		if (v[i].place != VERDICT_REJECT && v[i].place != VERDICT_DISCARD)
			return false;
		aloud = aloud || v[i].place == VERDICT_REJECT;
	}
	return aloud;
}

static void refuse(const struct mx_scan *s, struct verdict *v)
{
	str reason = s->message.reason;
	bool printable = reason.n < 100 && str_printable(reason) && str_ascii(reason);

	if (!printable)
		reason = STR("not named");
	if (s->message.virus)
		verdict_set(v, "550 5.7.1 Message has a virus: %.*s", STRF(reason));
	else if (s->message.dangerous)
		verdict_set(v, "550 5.7.1 Message has a file that is not taken here: %.*s",
			    STRF(reason));
	else
		verdict_set(v, "550 5.7.1 Message looks like spam to its recipients");
}

/* Each copy into its group. */
static err group(struct mx_batch *b, const struct mx_scan *s, struct verdict_choice *v,
		 struct buf *head)
{
	size_t room = 0;

	b->ngroups = 0;
	for (size_t i = 0; i < b->n; i++) {
		struct mx_copy *c = &b->v[i];
		struct verdict_message m = message_for(s, c);

		if (v[i].place == VERDICT_REJECT)
			v[i].place = instead_of_refusal(c);
		TRY(make_head(s, &m, &v[i], head));
		TRY(group_of(b, &room, v[i].place, buf_str(head), &c->group));
		if (!is_wanted(c))
			continue;
		note(c, &v[i], &m, s);
		if (v[i].place == VERDICT_DISCARD)
			c->state = COPY_DROPPED;
	}
	return OK;
}

err mx_give_verdicts(struct mx_batch *b, const struct mx_scan *scan, struct verdict *v)
{
	struct verdict_choice *choices = NEW_TRY(b->a, struct verdict_choice, b->n + 1);
	CLEANUP(buf_free) struct buf head;

	buf_init(&head, LIM_SPAM_HEADER);
	if (!choices)
		return fail(E_LIMIT, "no memory for %zu verdicts", b->n);
	for (size_t i = 0; i < b->n; i++) {
		struct verdict_message m = message_for(scan, &b->v[i]);

		choose(b, scan, &b->v[i], &m, &choices[i]);
	}
	if (all_refuse(b, choices)) {
		for (size_t i = 0; i < b->n; i++)
			if (is_wanted(&b->v[i]))
				note(&b->v[i], &choices[i], &scan->message, scan);
		refuse(scan, v);
		return OK;
	}
	return group(b, scan, choices, &head);
}

/* ---- the queue's copies ---- */
str mx_note(const struct mx_batch *b, const struct mx_copy *c)
{
	enum verdict_place p = b->groups[c->group].place;

	return p == VERDICT_INBOX ? STR("") : str_z(verdict_place_name(p));
}

/* The message in the queue has its header already. */
err mx_groups_of_queue(struct mx_batch *b)
{
	b->ngroups = VERDICT_QUARANTINE + 1;
	b->groups = NEW_TRY(b->a, struct mx_group, b->ngroups);
	if (!b->groups)
		return fail(E_LIMIT, "no memory for the queue's verdicts");
	for (size_t i = 0; i < b->ngroups; i++)
		b->groups[i] = (struct mx_group){ (enum verdict_place)i, STR("") };
	return OK;
}

size_t mx_group_of_note(const struct mx_batch *b, str note)
{
	for (size_t i = 0; i < b->ngroups; i++)
		if (str_eq(note, str_z(verdict_place_name(b->groups[i].place))))
			return i;
	return VERDICT_INBOX;
}

/* ---- the folder as detail ---- */
static str detail_of(const struct mx_copy *c, enum verdict_place p)
{
	bool takes = c->user && c->home && c->home->spam != BACKEND_SPAM_HEADER;

	if (!takes || p == VERDICT_INBOX)
		return STR("");
	return place_at(c, p) == VERDICT_QUARANTINE ? STR("Quarantine") : STR("Spam");
}

/* False where somebody else's address looks like this user's with a detail. */
static bool is_free(const struct mx_batch *b, const struct mx_copy *c, str address)
{
	struct dir_answer a;

	return dirtable_address(mx_here()->table, address, b->a, &a) == OK && a.what == DIR_USER &&
	       a.user.id == c->user && a.detail.n;
}

str mx_address(const struct mx_batch *b, const struct mx_copy *c)
{
	str detail = detail_of(c, b->groups[c->group].place), local, domain, with;

	if (!detail.n || !str_cut(c->address, '@', &local, &domain))
		return c->address;
	with = arena_fmt(b->a, "%.*s+%.*s@%.*s", STRF(local), STRF(detail), STRF(domain));
	if (with.p && !is_free(b, c, with)) {
		LOG(LOG_WARN, "mx.detail_taken", KS("address", with));
		return c->address; /* tagged in the Inbox rather than read by another */
	}
	return with;
}
