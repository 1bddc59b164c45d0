#include <hs.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "services/rules/run.h"

struct rules_scratch *rules_scratch_new(void)
{
	struct rules_scratch *s = MEM_NEW(struct rules_scratch);

	s->room = regex_room_new();
	return s;
}

void rules_scratch_free(struct rules_scratch *s)
{
	if (!s)
		return;
	if (s->hs)
		(void)hs_free_scratch(s->hs);
	regex_room_free(s->room);
	rules_drop(s->of);
	mem_free(s->v);
	mem_free(s);
}

/* Grows to the set; the set is held, so that its address cannot come to mean another one. */
static err fit(struct rules_scratch *s, const struct rules *r)
{
	if (s->of == r)
		return OK;
	for (size_t i = 0; i < r->ngroups; i++) {
		const struct group *in = &r->groups[i];

		if ((in->db && hs_alloc_scratch(in->db, &s->hs) != HS_SUCCESS) ||
		    (in->ascii && hs_alloc_scratch(in->ascii, &s->hs) != HS_SUCCESS))
			return fail(E_IO, "no scratch for a set of rules");
	}
	if (s->cap < r->n) {
		mem_free(s->v);
		s->cap = r->n;
		s->v = mem_get(size_mul(s->cap, sizeof(*s->v)));
	}
	rules_drop(s->of);
	s->of = rules_hold((struct rules *)(uintptr_t)r); /* its count alone changes */
	return OK;
}

static int64_t cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool run_goes_on(struct run *g)
{
	if (!g->stopped && g->until_us && cpu_us() > g->until_us)
		g->stopped = g->ran_out = true;
	return !g->stopped;
}

bool run_is_on(const struct run *g, const struct rule *u)
{
	return u->score[g->set] != 0;
}

void run_hit(struct run *g, const struct rule *u, double value)
{
	struct outcome *x = &g->v[u->index];

	if (!run_is_on(g, u) || (x->hits && !u->multiple))
		return;
	x->ready = true;
	x->value += value > 0 ? value : 1;
	x->hits++;
}

static void run_eval(struct run *g, struct rule *u)
{
	if (!run_is_on(g, u) || !u->function || !u->function->run || (u->net && !(g->set & 1)) ||
	    (u->learn && !(g->set & 2)))
		return;
	g->e.rule = u->name;
	g->e.args = u->call.args;
	g->e.nargs = u->call.nargs;
	g->e.pattern = u->regex.re.n ? &u->regex : NULL;
	g->e.body = u->kind == RULE_EVAL_BODY	   ? scan_body(g->m)
		    : u->kind == RULE_EVAL_RAWBODY ? scan_rawbody(g->m)
						   : (struct scan_strs){ .n = 0 };

	unsigned n = u->function->run(&g->e);

	g->v[u->index].ready = true;
	if (n)
		run_hit(g, u, n);
}

/* As many as rules hit, however little the message's views left of their memory: a message that
 * takes all of it is not to lose what was found. */
static void collect(const struct run *g, struct rules_result *out)
{
	size_t n = 0;

	for (size_t i = 0; i < g->r->n; i++)
		n += g->v[i].hits > 0;
	out->v = arena_get(scan_arena(g->m), size_mul(n + 1, sizeof(*out->v)),
			   _Alignof(struct rules_hit));
	for (size_t i = 0; i < g->r->n; i++) {
		const struct rule *u = g->r->v[i];
		const struct outcome *x = &g->v[i];

		if (x->hits == 0 || (u->sub && !g->o->subrules))
			continue;

		struct rules_hit *h = &out->v[out->n++];

		*h = (struct rules_hit){ .name = u->name,
					 .describe = u->describe,
					 .score = u->sub ? 0 : u->score[g->set] * x->hits,
					 .times = (unsigned)x->value };
		out->score += h->score;
	}
}

/* Which domains are registries, by the set's own lists. */
static bool is_registry(const void *lists, unsigned level, str name)
{
	static const str names[] = { S("util_rb_tld"), S("util_rb_2tld"), S("util_rb_3tld") };

	return rules_listed(lists, names[level - 1], name);
}

err rules_run(const struct rules *r, struct rules_scratch *s, struct scan_mail *m,
	      const struct rules_options *o, struct rules_result *out)
{
	const struct scan_lists views = { .ctx = &r->lists, .registry = is_registry };

	*out = (struct rules_result){ .required = r->required };
	TRY(fit(s, r));
	memset(s->v, 0, r->n * sizeof(*s->v));
	regex_room_reset(s->room);

	struct run g = { .r = r,
			 .s = s,
			 .m = m,
			 .o = o,
			 .v = s->v,
			 .set = (o->net ? 1u : 0) + (o->learned ? 2u : 0),
			 .until_us = o->budget_us ? cpu_us() + o->budget_us : 0 };

	g.e = (struct eval){
		.m = m, .lists = &r->lists, .auth = o->auth, .room = s->room, .memo = g.memo
	};
	if (rules_list(&r->lists, STR("util_rb_tld")).n)
		scan_use_lists(m, &views); /* else the public suffix list */
	map_init(&g.captured);
	run_capturers(&g);
	run_groups(&g);
	run_users(&g);
	for (size_t i = 0; i < r->nevals && run_goes_on(&g); i++)
		run_eval(&g, r->evals[i]);
	run_lazy(&g);
	run_metas(&g);
	scan_use_lists(m, NULL);
	map_free(&g.captured);
	out->ran_out = g.ran_out;
	collect(&g, out);
	return OK;
}
