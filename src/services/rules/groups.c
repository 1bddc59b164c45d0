/* Which patterns are looked for together: one group a view, for fields one a spec. */
#include <hs.h>
#include <stdlib.h>
#include <string.h>

#include "services/rules/set.h"

/* Rules whose pattern goes with the others of its text. Those that need another one's groups are
 * matched apart, in pattern.c. */
static bool is_grouped(const struct rule *u)
{
	return u->kind <= RULE_MIMEHEADER && (u->exists || u->re.n > 0) && !u->captures && !u->uses;
}

static int compare(const void *a, const void *b)
{
	const struct rule *const *x = a, *const *y = b;
	int c = (int)(*x)->kind - (int)(*y)->kind;

	if (c == 0)
		c = str_cmp((*x)->spec, (*y)->spec);
	return c ? c : (*x)->index < (*y)->index ? -1 : 1;
}

static bool is_same(const struct rule *a, const struct rule *b)
{
	return a->kind == b->kind && str_eq(a->spec, b->spec);
}

void groups_make(struct rules *r)
{
	struct rule **all = arena_get(&r->a, (r->n + 1) * sizeof(*all), _Alignof(struct rule *));
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (is_grouped(r->v[i]))
			all[n++] = r->v[i];
	qsort(all, n, sizeof(struct rule *), compare);
	r->groups = mem_get(size_mul(n + 1, sizeof(*r->groups)));
	for (size_t i = 0; i < n; i++) {
		struct group *g = r->ngroups ? &r->groups[r->ngroups - 1] : NULL;

		if (!g || !is_same(g->all[0], all[i])) {
			g = &r->groups[r->ngroups++];
			g->kind = all[i]->kind;
			g->spec = all[i]->spec;
			g->all = &all[i];
		}
		g->n++;
	}
}

static struct rule **list(struct rules *r, const struct group *g)
{
	return arena_get(&r->a, g->n * sizeof(struct rule *), _Alignof(struct rule *));
}

void groups_sort(struct rules *r)
{
	for (size_t i = 0; i < r->ngroups; i++) {
		struct group *g = &r->groups[i];

		g->alone = list(r, g);
		g->special = list(r, g);
		g->split = list(r, g);
		for (size_t k = 0; k < g->n; k++) {
			struct rule *u = g->all[k];

			if (u->exists || u->negated)
				g->special[g->nspecial++] = u;
			if (u->exists)
				continue;
			if ((u->regex.fate & FATE_MASK) == FATE_ALONE && !rule_is_lazy(u))
				g->alone[g->nalone++] = u;
			else if ((u->regex.fate & FATE_MASK) == FATE_SPLIT)
				g->split[g->nsplit++] = u;
		}
	}
}

void groups_drop_databases(struct rules *r)
{
	for (size_t i = 0; i < r->ngroups; i++) {
		struct group *g = &r->groups[i];

		if (g->db)
			(void)hs_free_database(g->db);
		if (g->ascii)
			(void)hs_free_database(g->ascii);
		g->db = g->ascii = NULL;
	}
}
