/* Patterns into Hyperscan's databases. */
#include <hs.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "services/rules/set.h"

#define MANY   HS_FLAG_ALLOWEMPTY
#define ALWAYS (HS_FLAG_SINGLEMATCH | MANY)

struct compiling {
	struct rules *r;
	struct arena scratch;
	void (*progress)(void *arg, size_t done, size_t total);
	void *arg;
	size_t done, total;
};

static void step(struct compiling *c, size_t n)
{
	c->done += n;
	if (c->progress)
		c->progress(c->arg, c->done, c->total);
}

/* Patterns with more positions than that take seconds each. */
enum { POSITIONS_MOST = 2000 };

/* What Hyperscan may get of a pattern, from the best down. */
enum form {
	FORM_AS_IS,
	FORM_LIGHTER, /* PCRE2 has the last word on this and the next */
	FORM_WITHOUT_ANCHORS,
	FORMS,
};

/* NUL-ended, both cases of Latin-1 spelled out. NULL: it cannot be said so. */
static const char *expression(struct compiling *c, const struct rule *u, enum form form,
			      unsigned *times)
{
	str re = rules_fold(&c->scratch, u->re);
	struct loosened light = { .re = re };
	bool known = rules_loosen(&c->scratch, re, form == FORM_WITHOUT_ANCHORS, &light);
	bool heavy = known && light.was > POSITIONS_MOST && 2 * light.is < light.was;

	if (form == FORM_AS_IS ? heavy : !known)
		return NULL;
	*times = 1;
	if (form != FORM_AS_IS) {
		re = light.re;
		*times = light.times;
	}
	return str_find(re, 0) == re.n ? arena_z(&c->scratch, re) : NULL;
}

/* Is most of it for octets over 127, as where each letter is one of its look-alikes? Then such
 * texts are left to PCRE2: databases of these patterns are large, slow, and slow to make. out NULL:
 * no ASCII text matches. */
static bool is_split(struct compiling *c, const struct rule *u, const char **out)
{
	struct loosened light;
	str re;

	*out = NULL;
	if (!rules_ascii(&c->scratch, u->re, &re) || 2 * re.n + 64 > u->re.n ||
	    str_find(re, 0) < re.n)
		return false;
	if (re.p && rules_loosen(&c->scratch, re, false, &light) && 2 * light.is < light.was)
		re = light.re;
	*out = re.p ? arena_z(&c->scratch, re) : NULL;
	return !re.p || *out;
}

/* least (may be NULL): octets of the shortest match. */
static bool takes(const char *re, unsigned flags, unsigned *least)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;
	bool ok = hs_expression_info(re, flags, &info, &error) == HS_SUCCESS;

	if (info && least)
		*least = info->min_width;
	if (info)
		free(info); /* allowed: the library's own allocation */
	if (error)
		(void)hs_free_compile_error(error);
	return ok;
}

struct formed {
	const char *re; /* NULL: Hyperscan takes none of its forms */
	bool native;
	unsigned times, least;
};

/* The first form that it takes. */
static struct formed form_of(struct compiling *c, const struct rule *u)
{
	for (enum form f = FORM_AS_IS; f < FORMS; f++) {
		struct formed x = { .re = NULL };

		x.re = expression(c, u, f, &x.times);
		x.native = x.re && f == FORM_AS_IS && takes(x.re, ALWAYS, NULL);
		if (x.re && (x.native || takes(x.re, ALWAYS | HS_FLAG_PREFILTER, &x.least)))
			return x;
	}
	return (struct formed){ .re = NULL };
}

static void set_fate(struct compiling *c, struct regex *x, const struct rule *u)
{
	const char *re;
	struct formed form;

	if (is_split(c, u, &re) && (!re || takes(re, ALWAYS | HS_FLAG_PREFILTER, NULL))) {
		x->fate = FATE_SPLIT;
		return;
	}
	form = form_of(c, u);
	x->fate = !form.re ? FATE_ALONE : form.native ? FATE_NATIVE : FATE_PREFILTER;
	if (form.re && form.times > 1 && form.least > 0) {
		x->times = form.times < 255 ? (unsigned char)form.times : 255;
		x->apart = form.least < 255 ? (unsigned char)form.least : 255;
	}
}

/* What becomes of one pattern. E_SYNTAX: it is none. */
static err judge(struct compiling *c, struct rule *u)
{
	bool wide, ran_out = false;
	err e = regex_check(u->re, &wide);

	if (e == E_LIMIT) {
		u->regex.fate = FATE_NEVER;
		rules_complain(c->r, u->file, u->line, "%.*s: %s", STRF(u->name), err_last()->text);
		return OK;
	}
	if (e) {
		struct fault was = *err_last();

		return fail(e, "%.*s:%zu: %.*s: %s", STRF(u->file), u->line, STRF(u->name),
			    was.text);
	}
	set_fate(c, &u->regex, u);
	if (wide)
		u->regex.fate |= FATE_WIDE;

	struct regex_room *room = regex_room_new();
	struct regex_match m;

	if (regex_find(&u->regex, room, STR(""), 0, false, &m, &ran_out))
		u->regex.fate |= FATE_EMPTY;
	if (u->has_unset && regex_find(&u->regex, room, u->unset, 0, false, &m, &ran_out))
		u->regex.fate |= FATE_UNSET;
	regex_room_free(room);
	return OK;
}

struct expressions {
	const char **v;
	unsigned *flags, *ids;
	struct rule **rules;
	size_t n;
};

/* Those of one database: of all texts, or of ASCII. */
static void collect(struct compiling *c, const struct group *g, bool ascii, struct expressions *x)
{
	x->n = 0;
	for (size_t i = 0; i < g->n; i++) {
		struct rule *u = g->all[i];
		unsigned fate = u->regex.fate & FATE_MASK;
		const char *re = NULL;

		if (u->exists)
			continue;
		if (ascii && fate == FATE_SPLIT)
			(void)is_split(c, u, &re);
		else if (!ascii && (fate == FATE_NATIVE || fate == FATE_PREFILTER))
			re = form_of(c, u).re;
		if (!re)
			continue;
		x->v[x->n] = re;
		x->flags[x->n] = u->regex.times	       ? MANY | HS_FLAG_PREFILTER
				 : fate == FATE_NATIVE ? ALWAYS
						       : ALWAYS | HS_FLAG_PREFILTER;
		x->ids[x->n] = u->index;
		x->rules[x->n++] = u;
	}
}

/* A pattern that passed alone may fail in company (it is too large then): it stands alone, and the
 * rest is tried again. */
static err build(struct compiling *c, struct group *g, bool ascii, struct expressions *x)
{
	hs_database_t **db = ascii ? &g->ascii : &g->db;

	for (;;) {
		hs_compile_error_t *error = NULL;
		int at;

		collect(c, g, ascii, x);
		if (x->n == 0)
			return OK;
		if (hs_compile_multi(x->v, x->flags, x->ids, (unsigned)x->n, HS_MODE_BLOCK, NULL,
				     db, &error) == HS_SUCCESS)
			return OK;
		*db = NULL;
		at = error ? error->expression : -1;

		err e = at < 0 || (size_t)at >= x->n
				? fail(E_IO, "patterns do not compile together: %s",
				       error ? error->message : "no word why")
				: OK;

		if (error)
			(void)hs_free_compile_error(error);
		TRY(e);
		x->rules[at]->regex.fate =
			(unsigned char)((x->rules[at]->regex.fate & ~FATE_MASK) | FATE_ALONE);
	}
}

static err compile_group(struct compiling *c, struct group *g)
{
	struct expressions x = {
		.v = mem_get(g->n * sizeof(*x.v)),
		.flags = mem_get(g->n * sizeof(*x.flags)),
		.ids = mem_get(g->n * sizeof(*x.ids)),
		.rules = mem_get(g->n * sizeof(struct rule *)),
	};
	err e = build(c, g, false, &x);

	if (e == OK)
		e = build(c, g, true, &x);

	mem_free(x.v);
	mem_free(x.flags);
	mem_free(x.ids);
	mem_free(x.rules);
	return e;
}

static err compile_all(struct compiling *c)
{
	struct rules *r = c->r;

	for (size_t i = 0; i < r->n; i++) {
		struct rule *u = r->v[i];

		if (u->kind > RULE_MIMEHEADER || u->exists)
			continue;
		TRY(judge(c, u));
		step(c, 1);
		arena_reset(&c->scratch);
	}
	for (size_t i = 0; i < r->ngroups; i++) {
		TRY(compile_group(c, &r->groups[i]));
		step(c, r->groups[i].n);
		arena_reset(&c->scratch);
	}
	return OK;
}

err rules_compile(struct rules *r, void (*progress)(void *arg, size_t done, size_t total),
		  void *arg)
{
	struct compiling c = { .r = r, .progress = progress, .arg = arg };

	for (size_t i = 0; i < r->n; i++)
		c.total += r->v[i]->kind <= RULE_MIMEHEADER && !r->v[i]->exists;
	for (size_t i = 0; i < r->ngroups; i++)
		c.total += r->groups[i].n;
	arena_init(&c.scratch, LIM_RULES_ARENA);

	err e = compile_all(&c);

	arena_free(&c.scratch);
	return e;
}
