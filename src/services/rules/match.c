/* Patterns in their texts: one pass of Hyperscan a text, PCRE2 where it has the last word. */
#include <hs.h>

#include "base/limits.h"
#include "services/rules/run.h"

/* A text that is being looked at. */
struct looking {
	struct run *g;
	const struct group *in;
	str text;
	unsigned at; /* its number among its kind: body lines, parts */
};

static bool confirm(struct looking *l, struct rule *u)
{
	struct regex_match m;

	return (u->regex.fate & FATE_MASK) == FATE_NATIVE || l->text.n == 0 ||
	       regex_find(&u->regex, l->g->s->room, l->text, 0, false, &m, &l->g->ran_out);
}

static void count(struct looking *l, struct rule *u)
{
	struct outcome *x = &l->g->v[u->index];
	unsigned most = u->maxhits, n;

	if (most && x->hits >= most)
		return;
	n = l->text.n == 0 ? 1 /* known to match, where on_match is called */
			   : regex_count(&u->regex, l->g->s->room, l->text,
					 most ? most - x->hits : 0, &l->g->ran_out);
	for (unsigned i = 0; i < n; i++)
		run_hit(l->g, u, 1);
}

/* Parts: the first part that has it ends it; a rule may look at some parts alone. */
static bool is_part_asked(const struct looking *l, const struct rule *u)
{
	return l->in->kind != RULE_MIMEHEADER ||
	       (!u->concat && l->at >= u->range_min && l->at <= u->range_max &&
		l->g->v[u->index].hits == 0);
}

/* The database, or a rule of its own, says that u may match the text. */
static void on_match(struct looking *l, struct rule *u)
{
	struct outcome *x = &l->g->v[u->index];

	if (!run_is_on(l->g, u) || (x->hits && !u->multiple) || !is_part_asked(l, u))
		return;
	if (u->nosubject && l->in->kind == RULE_BODY && l->at == 0)
		return;
	if (u->negated)
		x->matched = x->matched || confirm(l, u);
	else if (u->multiple)
		count(l, u);
	else if (confirm(l, u))
		run_hit(l->g, u, 1);
}

/* A repeated pattern is looked for once; so many ends far enough apart are what a text with all of
 * them has at least. True once in a text. */
static bool is_often(struct looking *l, const struct rule *u, uint64_t end)
{
	struct outcome *x = &l->g->v[u->index];

	if (x->scan != l->g->scans) {
		x->scan = l->g->scans;
		x->seen = 0;
	} else if (end < x->last + u->regex.apart) {
		return false;
	}
	x->last = end;
	return ++x->seen == u->regex.times;
}

static int heard(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		 void *arg)
{
	struct looking *l = arg;
	struct rule *u = l->g->r->v[id];

	(void)from;
	(void)flags;
	if (u->regex.times == 0 || is_often(l, u, to))
		on_match(l, u);
	return 0;
}

static void scan(struct looking *l, const hs_database_t *db)
{
	l->g->scans++;
	if (db && l->text.n <= UINT32_MAX)
		(void)hs_scan(db, l->text.p, (unsigned)l->text.n, 0, l->g->s->hs, heard, l);
}

/* Texts that the ASCII database does not know; lazy rules leave theirs for later. */
static void look_split(struct looking *l)
{
	for (size_t i = 0; i < l->in->nsplit; i++) {
		struct rule *u = l->in->split[i];

		if (rule_is_lazy(u))
			l->g->put_off |= u->lazy_bit;
		else
			on_match(l, u);
	}
}

static void look(struct looking *l)
{
	const struct group *in = l->in;

	if (l->text.n == 0) { /* what matches nothing is known */
		for (size_t i = 0; i < in->n; i++)
			if (in->all[i]->regex.fate & FATE_EMPTY)
				on_match(l, in->all[i]);
		return;
	}
	scan(l, in->db);
	if (in->nsplit && str_ascii(l->text))
		scan(l, in->ascii);
	else
		look_split(l);
	for (size_t i = 0; i < in->nalone; i++)
		on_match(l, in->alone[i]);
}

static void set_ready(struct run *g, const struct group *in)
{
	for (size_t i = 0; i < in->n; i++)
		if (run_is_on(g, in->all[i]))
			g->v[in->all[i]->index].ready = true;
}

/* ---- fields ---- */

/* A field that is not there is "", or what the rule says for that. */
static void look_absent(struct looking *l)
{
	l->text = STR("");
	for (size_t i = 0; i < l->in->n; i++) {
		struct rule *u = l->in->all[i];

		if (u->regex.fate & (u->has_unset ? FATE_UNSET : FATE_EMPTY))
			on_match(l, u);
	}
}

static void look_header(struct run *g, const struct group *in)
{
	bool found;
	struct looking l = { .g = g, .in = in, .text = scan_header_all(g->m, in->spec, &found) };

	if (found)
		look(&l);
	else
		look_absent(&l);
	for (size_t i = 0; i < in->nspecial; i++) {
		struct rule *u = in->special[i];
		bool matched = g->v[u->index].matched;

		if (u->exists)
			matched = found;
		if (u->negated ? !matched : matched)
			run_hit(g, u, 1);
	}
}

/* "Content-Type:raw" */
static str part_value(struct run *g, const struct mime_part *p, str spec)
{
	bool found, raw = str_endsi(spec, STR(":raw"));
	str v;

	if (raw)
		spec.n -= 4;
	v = scan_part_header(g->m, p, spec, raw, &found);
	return found ? v : str_of(NULL, 0);
}

/* All parts' fields as one text. */
static void look_concat(struct run *g, const struct group *in, struct rule *u)
{
	struct looking l = { .g = g, .in = in };
	struct buf b;
	unsigned at = 0;

	buf_init(&b, LIM_SMTP_TX);
	for (const struct mime_part *p = scan_root(g->m); p; p = mime_next(scan_root(g->m), p)) {
		str v = part_value(g, p, in->spec);

		if (++at < u->range_min || at > u->range_max)
			continue;
		buf_add(&b, v.p ? v : u->unset);
		if (b.n == 0 || b.p[b.n - 1] != '\n')
			buf_addc(&b, '\n');
	}
	l.text = buf_str(&b);
	if (u->multiple)
		count(&l, u);
	else if (regex_count(&u->regex, g->s->room, l.text, 1, &g->ran_out))
		run_hit(g, u, 1);
	buf_free(&b);
}

static void look_parts(struct run *g, const struct group *in)
{
	struct looking l = { .g = g, .in = in };

	for (const struct mime_part *p = scan_root(g->m); p; p = mime_next(scan_root(g->m), p)) {
		l.at++;
		l.text = part_value(g, p, in->spec);
		if (l.text.p)
			look(&l);
		else
			look_absent(&l);
	}
	for (size_t i = 0; i < in->n; i++) {
		if (in->all[i]->negated) /* SpamAssassin's own way with !~ on parts */
			run_hit(g, in->all[i], 1);
		else if (in->all[i]->concat && run_is_on(g, in->all[i]))
			look_concat(g, in, in->all[i]);
	}
}

/* ---- bodies ---- */

static void look_texts(struct run *g, const struct group *in)
{
	struct scan_strs texts = run_texts(g, in->all[0]);
	struct looking l = { .g = g, .in = in };

	for (size_t i = 0; i < texts.n; i++) {
		if (i % 32 == 31 && !run_goes_on(g))
			return;
		l.text = texts.v[i];
		l.at = (unsigned)i;
		look(&l);
	}
}

void run_late(struct run *g, struct rule *u)
{
	struct scan_strs texts = run_texts(g, u);
	struct group in = { .kind = u->kind, .spec = u->spec };
	struct looking l = { .g = g, .in = &in };
	bool split = (u->regex.fate & FATE_MASK) == FATE_SPLIT;

	for (size_t i = 0; i < texts.n && (i % 32 != 31 || run_goes_on(g)); i++) {
		l.text = texts.v[i];
		l.at = (unsigned)i;
		if (l.text.n && (!split || !str_ascii(l.text)))
			on_match(&l, u);
	}
}

void run_groups(struct run *g)
{
	for (size_t i = 0; i < g->r->ngroups && run_goes_on(g); i++) {
		const struct group *in = &g->r->groups[i];

		if (in->kind == RULE_HEADER)
			look_header(g, in);
		else if (in->kind == RULE_MIMEHEADER)
			look_parts(g, in);
		else
			look_texts(g, in);
		set_ready(g, in);
	}
}
