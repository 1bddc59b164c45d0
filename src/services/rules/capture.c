/* Groups that a pattern keeps by name for others: "(?<NAME>...)" and "%{NAME}". */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "services/rules/run.h"

struct captured {
	str v[LIM_RULES_CAPTURES];
	size_t n;
};

static int compare_str(const void *a, const void *b)
{
	return str_cmp(*(const str *)a, *(const str *)b);
}

/* Each variant of each URI once. */
static struct scan_strs all_uris(struct run *g)
{
	struct scan_uris u = scan_uris(g->m);
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < u.n; i++)
		n += u.v[i].clean.n;

	str *v = NEW_TRY(scan_arena(g->m), str, n + 1);

	if (!v)
		return (struct scan_strs){ .n = 0 };
	n = 0;
	for (size_t i = 0; i < u.n; i++)
		for (size_t k = 0; k < u.v[i].clean.n; k++)
			v[n++] = u.v[i].clean.v[k];
	qsort(v, n, sizeof(*v), compare_str);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !str_eq(v[i], v[kept - 1]))
			v[kept++] = v[i];
	return (struct scan_strs){ .v = v, .n = kept };
}

struct scan_strs run_texts(struct run *g, const struct rule *u)
{
	bool found;
	str *one;

	if (u->kind == RULE_BODY)
		return scan_body(g->m);
	if (u->kind == RULE_RAWBODY)
		return scan_rawbody(g->m);
	if (u->kind == RULE_URI)
		return g->uris.v ? g->uris : (g->uris = all_uris(g));
	one = NEW(scan_arena(g->m), str);
	*one = u->kind == RULE_FULL ? scan_full(g->m) : scan_header(g->m, u->spec, &found);
	return (struct scan_strs){ .v = one, .n = 1 };
}

static void keep(void *arg, str name, str value)
{
	struct run *g = arg;
	struct captured *c = map_get(&g->captured, name);

	if (!c) {
		c = NEW(scan_arena(g->m), struct captured);
		(void)map_put(&g->captured, name, c);
	}
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->v[i], value))
			return;
	if (c->n < LIM_RULES_CAPTURES)
		c->v[c->n++] = value;
}

void run_capturers(struct run *g)
{
	for (size_t i = 0; i < g->r->ncapturers && run_goes_on(g); i++) {
		struct rule *u = g->r->capturers[i];

		if (!run_is_on(g, u) || u->kind == RULE_MIMEHEADER)
			continue;

		struct scan_strs texts = run_texts(g, u);

		for (size_t k = 0; k < texts.n; k++)
			if (regex_captures(&u->regex, g->s->room, texts.v[k], keep, g,
					   &g->ran_out)) {
				run_hit(g, u, 1);
				if (!u->multiple)
					break;
			}
		g->v[u->index].ready = true;
	}
}

/* The values as alternatives, each octet that could mean something escaped. */
static void add_values(struct buf *b, const struct captured *c)
{
	buf_add(b, STR("(?:"));
	for (size_t i = 0; i < c->n; i++) {
		buf_add(b, i ? STR("|") : STR(""));
		for (size_t k = 0; k < c->v[i].n; k++) {
			if (!ch_alnum(c->v[i].p[k]) && c->v[i].p[k] != '_' &&
			    !((unsigned char)c->v[i].p[k] & 0x80))
				buf_addc(b, '\\');
			buf_addc(b, c->v[i].p[k]);
		}
	}
	buf_addc(b, ')');
}

/* False: a group that it needs was not kept, so that the rule does not run. */
static bool fill(const struct run *g, str re, struct buf *out)
{
	str before, name, rest;

	while (rule_pattern_template(re, &before, &name, &rest)) {
		const struct captured *c = map_get(&g->captured, name);

		if (!c)
			return false;
		buf_add(out, before);
		add_values(out, c);
		re = rest;
	}
	buf_add(out, re);
	return buf_done(out) == OK;
}

static void run_user(struct run *g, const struct rule *u, struct regex *x)
{
	struct scan_strs texts = run_texts(g, u);
	unsigned most = u->multiple ? u->maxhits : 1, n = 0;

	for (size_t i = 0; i < texts.n && (most == 0 || n < most); i++)
		n += regex_count(x, g->s->room, texts.v[i], most ? most - n : 0, &g->ran_out);
	if (u->negated)
		n = n == 0;
	for (unsigned i = 0; i < n; i++)
		run_hit(g, u, 1);
}

void run_users(struct run *g)
{
	struct buf b;

	buf_init(&b, LIM_RULES_EXPANDED);
	for (size_t i = 0; i < g->r->nusers && run_goes_on(g); i++) {
		const struct rule *u = g->r->users[i];
		struct regex x = { .fate = FATE_ALONE };

		if (!run_is_on(g, u) || u->kind == RULE_MIMEHEADER)
			continue;
		buf_reset(&b);
		if (fill(g, u->re, &b)) {
			x.re = buf_str(&b);
			run_user(g, u, &x);
			regex_free(&x);
		}
		g->v[u->index].ready = true;
	}
	buf_free(&b);
}
