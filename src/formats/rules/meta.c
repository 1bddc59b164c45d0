#include "formats/rules/meta.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"

struct parse {
	str rest;
	struct rule_op *v;
	size_t n, cap;
	unsigned depth;	      /* of brackets */
	unsigned stack, most; /* values on the stack while it runs */
};

static void skip_space(struct parse *p)
{
	while (p->rest.n && strchr(" \t\r\n\f\v", p->rest.p[0]) && p->rest.p[0])
		p->rest = str_skip(p->rest, 1);
}

static bool take(struct parse *p, str op)
{
	skip_space(p);
	if (!str_starts(p->rest, op))
		return false;
	p->rest = str_skip(p->rest, op.n);
	return true;
}

static err emit(struct parse *p, struct rule_op op, int operands)
{
	if (p->n == p->cap)
		return fail(E_LIMIT, "more than %d operations", LIM_RULES_OPS);
	p->stack = p->stack + 1 - (unsigned)operands;
	if (p->stack > p->most)
		p->most = p->stack;
	if (p->most > LIM_RULES_STACK)
		return fail(E_LIMIT, "an expression of more than %d open operands",
			    LIM_RULES_STACK);
	p->v[p->n++] = op;
	return OK;
}

static err parse_ternary(struct parse *p);

static err parse_number(struct parse *p)
{
	struct rule_op op = { .kind = RULE_OP_NUMBER };
	double unit = 1;
	bool point = false;
	size_t i = 0;

	for (; i < p->rest.n && i < 20; i++) {
		char c = p->rest.p[i];

		if (c == '.' && !point) {
			point = true;
		} else if (ch_digit(c)) {
			op.number = op.number * 10 + (c - '0');
			unit *= point ? 10 : 1;
		} else {
			break;
		}
	}
	op.number /= unit;
	p->rest = str_skip(p->rest, i);
	return emit(p, op, 0);
}

static err parse_name(struct parse *p)
{
	size_t i = 0;

	while (i < p->rest.n && (ch_alnum(p->rest.p[i]) || p->rest.p[i] == '_'))
		i++;
	if (i == 0)
		return p->rest.n ? fail(E_SYNTAX, "\"%.*s\" where a rule's name belongs",
					STRF(str_take(p->rest, 20)))
				 : fail(E_SYNTAX, "an expression that ends too early");
	if (i > LIM_RULES_NAME)
		return fail(E_LIMIT, "a name of more than %d octets", LIM_RULES_NAME);

	struct rule_op op = { .kind = RULE_OP_NAME, .name = str_take(p->rest, i) };

	p->rest = str_skip(p->rest, i);
	return emit(p, op, 0);
}

/* "rules_matching(GLOB)": the pattern stays as the name; its '*' tells. */
static err parse_matching(struct parse *p)
{
	struct rule_op op = { .kind = RULE_OP_NAME };
	size_t end = str_find(p->rest, ')');

	if (end == p->rest.n)
		return fail(E_SYNTAX, "rules_matching( without )");
	op.name = str_trim_ws(str_take(p->rest, end));
	p->rest = str_skip(p->rest, end + 1);
	if (op.name.n == 0 || op.name.n > LIM_RULES_NAME)
		return fail(E_SYNTAX, "rules_matching() of what?");
	return emit(p, op, 0);
}

/* Brackets are the one thing that nests: bounded here. */
static err parse_unary(struct parse *p)
{
	struct rule_op before[LIM_RULES_DEPTH];
	unsigned n = 0;

	for (;;) {
		skip_space(p);
		bool no = p->rest.n && p->rest.p[0] == '!' && !str_starts(p->rest, STR("!="));

		if (!no && !str_starts(p->rest, STR("-")))
			break;
		if (n == LIM_RULES_DEPTH)
			return fail(E_LIMIT, "more than %d signs in a row", LIM_RULES_DEPTH);
		before[n++].kind = no ? RULE_OP_NOT : RULE_OP_MINUS;
		p->rest = str_skip(p->rest, 1);
	}
	if (take(p, STR("("))) {
		if (++p->depth > LIM_RULES_DEPTH)
			return fail(E_LIMIT, "more than %d brackets inside each other",
				    LIM_RULES_DEPTH);
		TRY(parse_ternary(p));
		p->depth--;
		if (!take(p, STR(")")))
			return fail(E_SYNTAX, "( without )");
	} else if (p->rest.n && (ch_digit(p->rest.p[0]) || p->rest.p[0] == '.')) {
		TRY(parse_number(p));
	} else if (take(p, STR("rules_matching("))) {
		TRY(parse_matching(p));
	} else {
		TRY(parse_name(p));
	}
	while (n)
		TRY(emit(p, (struct rule_op){ .kind = before[--n].kind }, 1));
	return OK;
}

/* Binary operators from the weakest to the strongest; all bind to the left. */
static const struct binary {
	str text;
	enum rule_op_kind kind;
	unsigned level;
} binaries[] = {
	{ S("||"), RULE_OP_OR, 0 }, { S("&&"), RULE_OP_AND, 1 }, { S("^"), RULE_OP_XOR, 2 },
	{ S("=="), RULE_OP_EQ, 3 }, { S("!="), RULE_OP_NE, 3 },	 { S("<="), RULE_OP_LE, 4 },
	{ S(">="), RULE_OP_GE, 4 }, { S("<"), RULE_OP_LT, 4 },	 { S(">"), RULE_OP_GT, 4 },
	{ S("+"), RULE_OP_ADD, 5 }, { S("-"), RULE_OP_SUB, 5 },	 { S("*"), RULE_OP_MUL, 6 },
	{ S("/"), RULE_OP_DIV, 6 },
};

static const struct binary *peek_binary(struct parse *p)
{
	skip_space(p);
	for (size_t i = 0; i < COUNT(binaries); i++)
		if (str_starts(p->rest, binaries[i].text))
			return &binaries[i];
	return NULL;
}

/* Operators wait on a stack of their own until a weaker one comes. */
static err parse_binary(struct parse *p)
{
	const struct binary *wait[8];
	unsigned n = 0;

	TRY(parse_unary(p));
	for (;;) {
		const struct binary *b = peek_binary(p);

		while (n && (!b || wait[n - 1]->level >= b->level))
			TRY(emit(p, (struct rule_op){ .kind = wait[--n]->kind }, 2));
		if (!b)
			return OK;
		p->rest = str_skip(p->rest, b->text.n);
		assert(n < COUNT(wait)); /* each is stronger than the one below */
		wait[n++] = b;
		TRY(parse_unary(p));
	}
}

static err parse_ternary(struct parse *p)
{
	unsigned open = 0;

	TRY(parse_binary(p));
	while (take(p, STR("?"))) { /* binds to the right: "a ? b : c ? d : e" */
		if (++open > LIM_RULES_DEPTH)
			return fail(E_LIMIT, "more than %d ?: in a row", LIM_RULES_DEPTH);
		TRY(parse_binary(p));
		if (!take(p, STR(":")))
			return fail(E_SYNTAX, "? without :");
		TRY(parse_binary(p));
	}
	while (open--)
		TRY(emit(p, (struct rule_op){ .kind = RULE_OP_IF }, 3));
	return OK;
}

err rule_meta_parse(struct arena *a, str text, struct rule_meta *out)
{
	struct parse p = { .rest = text };

	*out = (struct rule_meta){ .n = 0 };
	if (text.n > LIM_RULES_LINE)
		return fail(E_LIMIT, "an expression of more than %zu octets", LIM_RULES_LINE);
	if (take(&p, STR("(")) && take(&p, STR(")"))) {
		skip_space(&p);
		if (p.rest.n == 0)
			return OK;
	}
	p.rest = text;
	p.cap = text.n < LIM_RULES_OPS ? text.n + 1 : LIM_RULES_OPS;
	p.v = mem_get(p.cap * sizeof(*p.v));

	err e = parse_ternary(&p);

	skip_space(&p);
	if (e == OK && p.rest.n)
		e = fail(E_SYNTAX, "\"%.*s\" behind an expression", STRF(str_take(p.rest, 20)));
	if (e == OK) {
		out->v = arena_get(a, p.n * sizeof(*p.v), _Alignof(struct rule_op));
		out->n = p.n;
		memcpy(out->v, p.v, p.n * sizeof(*p.v));
	}
	mem_free(p.v);
	return e;
}

static double binary(enum rule_op_kind k, double a, double b)
{
	switch (k) {
	case RULE_OP_MUL:
		return a * b;
	case RULE_OP_DIV:
		return b == 0 ? 0 : a / b;
	case RULE_OP_ADD:
		return a + b;
	case RULE_OP_SUB:
		return a - b;
	case RULE_OP_LT:
		return a < b;
	case RULE_OP_LE:
		return a <= b;
	case RULE_OP_GT:
		return a > b;
	case RULE_OP_GE:
		return a >= b;
	case RULE_OP_EQ:
		return a == b;
	case RULE_OP_NE:
		return a != b;
	case RULE_OP_XOR: /* of integers, as Perl's */
		return a >= 0 && b >= 0 && a < 1e9 && b < 1e9 ? (unsigned)a ^ (unsigned)b : 0;
	case RULE_OP_AND:
		return a != 0 ? b : a;
	default: /* RULE_OP_OR */
		return a != 0 ? a : b;
	}
}

double rule_meta_value(const struct rule_meta *m,
		       double (*value)(void *arg, const struct rule_op *), void *arg)
{
	double s[LIM_RULES_STACK];
	unsigned n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct rule_op *op = &m->v[i];

		if (op->kind == RULE_OP_NUMBER) {
			s[n++] = op->number;
		} else if (op->kind == RULE_OP_NAME) {
			s[n++] = value(arg, op);
		} else if (op->kind == RULE_OP_NOT) {
			s[n - 1] = s[n - 1] == 0;
		} else if (op->kind == RULE_OP_MINUS) {
			s[n - 1] = -s[n - 1];
		} else if (op->kind == RULE_OP_IF) {
			n -= 2;
			s[n - 1] = s[n - 1] != 0 ? s[n] : s[n + 1];
		} else {
			n--;
			s[n - 1] = binary(op->kind, s[n - 1], s[n]);
		}
	}
	return n ? s[0] : 0;
}
