#include "services/verdict/verdict.h"

/* The scale is SpamAssassin's: 5 is its own bound. */
const struct verdict_level verdict_levels[VERDICT_LEVELS] = {
	{ S("off"), 0, 0 },	{ S("very-strict"), 3, 8 }, { S("strict"), 4, 10 },
	{ S("normal"), 5, 12 }, { S("lenient"), 7, 16 },    { S("very-lenient"), 10, 25 },
};

const char *verdict_place_name(enum verdict_place p)
{
	static const char *const names[] = { "inbox", "spam", "quarantine", "discard", "reject" };

	return names[p];
}

const char *verdict_why_name(enum verdict_why w)
{
	static const char *const names[] = { "score", "allowed",   "contact",	"blocked",
					     "virus", "dangerous", "unscanned", "off" };

	return names[w];
}

static enum verdict_place above(const struct verdict_policy *p, const struct dir_user *u)
{
	static const enum verdict_place of[] = {
		[ABOVE_QUARANTINE] = VERDICT_QUARANTINE,
		[ABOVE_DISCARD] = VERDICT_DISCARD,
		[ABOVE_REJECT] = VERDICT_REJECT,
	};
	bool says = u && u->spam_above > ABOVE_DEFAULT && u->spam_above < COUNT(of);

	return says ? of[u->spam_above] : p->above;
}

static void decide(struct verdict_choice *c, enum verdict_place place, enum verdict_why why)
{
	c->place = place;
	c->why = why;
}

static void by_score(const struct verdict_policy *p, const struct verdict_message *m,
		     const struct dir_user *u, struct verdict_choice *c)
{
	if (m->refuse || m->score >= c->discard)
		decide(c, above(p, u), WHY_SCORE);
	else
		decide(c, m->score >= c->tag ? VERDICT_SPAM : VERDICT_INBOX, WHY_SCORE);
}

/* What is dangerous outweighs everything the user said of senders and scores. */
static void choose(const struct verdict_policy *p, const struct verdict_message *m,
		   const struct dir_user *u, enum dir_listed listed, struct verdict_choice *c)
{
	if (m->virus)
		decide(c, p->virus, WHY_VIRUS);
	else if (m->dangerous)
		decide(c, p->dangerous, WHY_DANGEROUS);
	else if (listed == LISTED_BLOCK)
		decide(c, above(p, u), WHY_BLOCKED);
	else if (listed == LISTED_ALLOW || listed == LISTED_CONTACT)
		decide(c, VERDICT_INBOX, listed == LISTED_ALLOW ? WHY_ALLOWED : WHY_CONTACT);
	else if (!m->scanned)
		decide(c, VERDICT_INBOX, WHY_UNSCANNED);
	else if (!c->level)
		decide(c, VERDICT_INBOX, WHY_OFF);
	else
		by_score(p, m, u, c);
}

void verdict_choose(const struct verdict_policy *p, const struct verdict_message *m,
		    const struct dir_user *u, enum dir_listed listed, struct verdict_choice *out)
{
	unsigned level = u && u->spam_level ? u->spam_level - 1 : p->level;

	/* A number of a newer program's directory. */
	if (level >= VERDICT_LEVELS)
		level = p->level;
	*out = (struct verdict_choice){ .level = level,
					.tag = verdict_levels[level].tag,
					.discard = verdict_levels[level].discard };
	choose(p, m, u, listed, out);
	if (!u && out->place == VERDICT_QUARANTINE)
		out->place = VERDICT_REJECT;
}

static enum dir_listed listed_as(struct dirtable *t, uint64_t user, str address, bool confirmed)
{
	enum dir_listed l = address.n ? dirtable_listed(t, user, address) : LISTED_NOT;

	return l == LISTED_BLOCK || confirmed ? l : LISTED_NOT;
}

enum dir_listed verdict_listed(struct dirtable *t, uint64_t user, const struct verdict_sender *s)
{
	enum dir_listed l = listed_as(t, user, s->from, s->from_confirmed);

	return l != LISTED_NOT ? l : listed_as(t, user, s->envelope, s->envelope_confirmed);
}

str verdict_domain(str address)
{
	size_t at = str_rfind(address, '@');

	return at < address.n ? str_skip(address, at + 1) : STR("");
}
