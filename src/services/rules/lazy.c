/* Costly sub-rules, looked for only when a meta's outcome hangs on them. A pattern that Hyperscan
 * cannot take costs as much as a hundred that it can, and what it is for (a threat, with a Bitcoin
 * address in it) is mostly decided by the rest. So do those that it has for ASCII texts alone, as
 * far as other texts go. Until one has run its value is anything from what it has up, and metas
 * have intervals. */
#include <math.h>

#include "base/limits.h"
#include "services/rules/run.h"

struct span {
	double low, high;
};

static bool is_point(struct span a)
{
	return a.low == a.high;
}

static struct span truth(bool may_be_false, bool may_be_true)
{
	return (struct span){ may_be_false ? 0 : 1, may_be_true ? 1 : 0 };
}

static bool may_be_zero(struct span a)
{
	return a.low <= 0 && a.high >= 0;
}

static bool may_be_more(struct span a)
{
	return a.low != 0 || a.high != 0;
}

static struct span hull(struct span a, struct span b)
{
	return (struct span){ a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high };
}

static struct span less(struct span a, struct span b, bool or_equal)
{
	bool always = or_equal ? a.high <= b.low : a.high < b.low;
	bool never = or_equal ? a.low > b.high : a.low >= b.high;

	return truth(!always, !never);
}

static struct span equal(struct span a, struct span b)
{
	return truth(!(is_point(a) && is_point(b) && a.low == b.low),
		     a.low <= b.high && b.low <= a.high);
}

static struct span negate(struct span a)
{
	return truth(a.low <= 0 ? may_be_more(a) : true, may_be_zero(a));
}

static struct span binary(enum rule_op_kind k, struct span a, struct span b)
{
	switch (k) {
	case RULE_OP_ADD:
		return (struct span){ a.low + b.low, a.high + b.high };
	case RULE_OP_SUB:
		return (struct span){ a.low - b.high, a.high - b.low };
	case RULE_OP_LT:
		return less(a, b, false);
	case RULE_OP_LE:
		return less(a, b, true);
	case RULE_OP_GT:
		return less(b, a, false);
	case RULE_OP_GE:
		return less(b, a, true);
	case RULE_OP_EQ:
		return equal(a, b);
	case RULE_OP_NE:
		return negate(equal(a, b));
	case RULE_OP_AND:
		return !may_be_zero(a) ? b : !may_be_more(a) ? a : hull((struct span){ 0, 0 }, b);
	case RULE_OP_OR:
		return !may_be_zero(a) ? a : !may_be_more(a) ? b : hull(a, b);
	default: /* products and the like of what is not known are anything */
		return (struct span){ -INFINITY, INFINITY };
	}
}

/* The values that a meta may come to. */
static struct span span_of(const struct rule_meta *m, const struct span *v)
{
	struct span s[LIM_RULES_STACK];
	unsigned n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct rule_op *op = &m->v[i];
		const struct rule *d = op->user;

		if (op->kind == RULE_OP_NUMBER) {
			s[n++] = (struct span){ op->number, op->number };
		} else if (op->kind == RULE_OP_NAME) {
			s[n++] = d ? v[d->index] : (struct span){ 0, 0 };
		} else if (op->kind == RULE_OP_NOT) {
			s[n - 1] = negate(s[n - 1]);
		} else if (op->kind == RULE_OP_MINUS) {
			s[n - 1] = (struct span){ -s[n - 1].high, -s[n - 1].low };
		} else if (op->kind == RULE_OP_IF) {
			n -= 2;
			s[n - 1] = hull(s[n], s[n + 1]);
		} else {
			n--;
			s[n - 1] = binary(op->kind, s[n - 1], s[n]);
		}
	}
	return n ? s[0] : (struct span){ 0, 0 };
}

/* As metas have it: a hit counts at least 1, and one that is no hit 0. */
static struct span as_value(struct span a)
{
	if (!may_be_more(a))
		return (struct span){ 0, 0 };

	double high = a.high >= 1 ? a.high : 1;

	return (struct span){ may_be_zero(a) ? 0 : a.low > 0 && a.low < 1 ? a.low : 1, high };
}

static bool may_be_lazy(const struct rule *u)
{
	unsigned fate = u->regex.fate & FATE_MASK;

	return u->sub && !u->negated && (fate == FATE_ALONE || fate == FATE_SPLIT) &&
	       (u->kind == RULE_BODY || u->kind == RULE_RAWBODY) && !u->captures && !u->uses;
}

bool rule_is_lazy(const struct rule *u)
{
	return u->lazy_bit && may_be_lazy(u);
}

/* Which of the lazy rules that have not run the outcome hangs on: the bits of one meta's. */
static uint64_t asked(struct run *g, struct span *v, uint64_t waiting)
{
	const struct rules *r = g->r;

	for (size_t i = 0; i < r->nlazy; i++) {
		const struct rule *u = r->lazy[i];

		v[u->index].low = g->v[u->index].value;
		v[u->index].high = waiting & u->lazy_bit ? INFINITY : g->v[u->index].value;
	}
	for (size_t i = 0; i < r->nlazy_metas; i++) {
		const struct rule *u = r->lazy_metas[i];
		uint64_t bits = u->lazy_bit & waiting;

		v[u->index] = as_value(span_of(&u->meta, v));
		if (bits && !u->sub && run_is_on(g, u) && v[u->index].low == 0 &&
		    v[u->index].high > 0)
			return bits;
	}
	return 0;
}

/* What has still to be looked for: all of a text, or what is not ASCII. */
static uint64_t unknown(const struct run *g)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < g->r->nlazy; i++) {
		const struct rule *u = g->r->lazy[i];
		bool has = g->v[u->index].hits && !u->multiple;

		if ((u->regex.fate & FATE_MASK) == FATE_ALONE || (g->put_off & u->lazy_bit && !has))
			bits |= u->lazy_bit;
	}
	return bits;
}

void run_lazy(struct run *g)
{
	const struct rules *r = g->r;
	uint64_t waiting = unknown(g), bits;
	struct span *v;

	if (!waiting)
		return;
	v = mem_get(size_mul(r->n + 1, sizeof(*v)));
	for (size_t i = 0; i < r->n; i++)
		v[i] = (struct span){ g->v[i].value, g->v[i].value };
	while (waiting && run_goes_on(g) &&
	       (bits = g->o->subrules ? waiting : asked(g, v, waiting)))
		for (size_t i = 0; i < r->nlazy; i++)
			if (bits & r->lazy[i]->lazy_bit) {
				run_late(g, r->lazy[i]);
				waiting &= ~r->lazy[i]->lazy_bit;
				break;
			}
	mem_free(v);
}

/* The metas that hang on a lazy rule and those that one of these needs, in order. */
static void set_metas(struct rules *r)
{
	bool *needed = mem_get(r->n + 1);
	size_t n = 0;

	for (size_t i = r->nmetas; i > 0; i--) {
		const struct rule *u = r->metas[i - 1];

		needed[u->index] = needed[u->index] || u->lazy_bit;
		for (size_t k = 0; needed[u->index] && k < u->meta.n; k++) {
			const struct rule *d = u->meta.v[k].user;

			if (u->meta.v[k].kind == RULE_OP_NAME && d)
				needed[d->index] = true;
		}
	}
	r->lazy_metas =
		arena_get(&r->a, (r->nmetas + 1) * sizeof(struct rule *), _Alignof(struct rule *));
	for (size_t i = 0; i < r->nmetas; i++)
		if (needed[r->metas[i]->index])
			r->lazy_metas[n++] = r->metas[i];
	r->nlazy_metas = n;
	mem_free(needed);
}

/* One bit for each lazy rule, in it and in each meta that hangs on it; metas come in order. */
void rules_set_lazy(struct rules *r)
{
	r->lazy = arena_get(&r->a, 64 * sizeof(struct rule *), _Alignof(struct rule *));
	for (size_t i = 0; i < r->n && r->nlazy < 64; i++)
		if (may_be_lazy(r->v[i])) {
			r->v[i]->lazy_bit = (uint64_t)1 << r->nlazy;
			r->lazy[r->nlazy++] = r->v[i];
		}
	for (size_t i = 0; i < r->nmetas; i++)
		for (size_t k = 0; k < r->metas[i]->meta.n; k++) {
			const struct rule *d = r->metas[i]->meta.v[k].user;

			if (d && r->metas[i]->meta.v[k].kind == RULE_OP_NAME)
				r->metas[i]->lazy_bit |= d->lazy_bit;
		}
	set_metas(r);
}
