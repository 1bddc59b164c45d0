/* What can be said only when all files are read: scores, replaced tags, metas, order. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "formats/rules/replace.h"
#include "services/rules/set.h"

static void set_scores(struct rule *u)
{
	double s = str_starts(u->name, STR("T_")) ? 0.01 : 1;

	if (u->scored)
		return;
	if (rule_has_flag(u->tflags, STR("nice")))
		s = -s;
	for (int i = 0; i < 4; i++)
		u->score[i] = s;
}

/* "range=1-3", "range=2-", "range=2" */
static void set_range(struct rule *u)
{
	str rest = u->tflags, word, low, high;
	uint64_t v;

	u->range_min = 0;
	u->range_max = 1000;
	while (rule_word(&rest, &word)) {
		if (!str_starts(word, STR("range=")))
			continue;
		word = str_skip(word, 6);
		bool two = str_cut(word, '-', &low, &high);

		if (!two)
			low = high = word;
		if (str_u64(low, 100000, &v) == OK)
			u->range_min = (unsigned)v;
		if (str_u64(high, 100000, &v) == OK)
			u->range_max = (unsigned)v;
	}
}

static void set_flags(struct rule *u)
{
	u->multiple = rule_has_flag(u->tflags, STR("multiple"));
	u->net = rule_has_flag(u->tflags, STR("net"));
	u->learn = rule_has_flag(u->tflags, STR("learn"));
	u->nosubject = rule_has_flag(u->tflags, STR("nosubject"));
	u->concat = rule_has_flag(u->tflags, STR("concat"));
	u->sub = str_starts(u->name, STR("__"));
	u->maxhits = 0;
	(void)rule_flag_number(u->tflags, STR("maxhits"), &u->maxhits);
	set_range(u);
}

static str find_tag(void *arg, str kind, str name)
{
	struct rules *r = arg;
	char key[2 * LIM_RULES_NAME];
	struct buf b = { .p = key, .cap = sizeof(key), .max = sizeof(key) };
	const str *found;

	buf_fmt(&b, "%.*s %.*s", STRF(kind), STRF(name));
	found = buf_done(&b) == OK ? map_get(&r->tags, buf_str(&b)) : NULL;
	return found ? *found : str_of(NULL, 0);
}

static err placed(const struct rule *u, err e)
{
	struct fault was = *err_last();

	return fail(e, "%.*s:%zu: %.*s: %s", STRF(u->file), u->line, STRF(u->name), was.text);
}

static bool has_pattern(const struct rule *u)
{
	return u->re.n > 0 && u->kind <= RULE_MIMEHEADER && !u->exists;
}

/* ---- metas ---- */

static int by_name(const void *a, const void *b)
{
	const struct rule *const *x = a, *const *y = b;

	return str_cmp((*x)->name, (*y)->name);
}

/* "rules_matching(FOO_*)" as "(FOO_A+FOO_B)". */
static void add_matching(const struct rules *r, const struct rule *u, str glob, struct buf *out)
{
	struct rule **all = mem_get(size_mul(r->n + 1, sizeof(*all)));
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->v[i] != u && r->v[i]->kind != RULE_NONE && rule_glob(glob, r->v[i]->name))
			all[n++] = r->v[i];
	qsort(all, n, sizeof(struct rule *), by_name);
	buf_addc(out, '(');
	for (size_t i = 0; i < n; i++)
		buf_fmt(out, "%s%.*s", i ? "+" : "", STRF(all[i]->name));
	buf_add(out, n ? STR(")") : STR("0)"));
	mem_free(all);
}

static err expand_matching(struct rules *r, struct rule *u)
{
	static const str call = S("rules_matching(");
	struct buf b;
	str rest = u->text;
	size_t at = str_search(rest, call), end;

	if (at == rest.n)
		return OK;
	buf_init(&b, LIM_RULES_LINE);
	for (; at < rest.n; at = str_search(rest, call)) {
		buf_add(&b, str_take(rest, at));
		rest = str_skip(rest, at + call.n);
		end = str_find(rest, ')');
		add_matching(r, u, str_trim_ws(str_take(rest, end)), &b);
		rest = str_skip(rest, end + 1);
	}
	buf_add(&b, rest);
	u->text = arena_dup(&r->a, buf_str(&b));

	err e = buf_done(&b);

	buf_free(&b);
	return e ? fail(e, "rules_matching() gives too many rules") : OK;
}

static err finish_meta(struct rules *r, struct rule *u)
{
	TRY(expand_matching(r, u));
	TRY(rule_meta_parse(&r->a, u->text, &u->meta));
	for (size_t i = 0; i < u->meta.n; i++) {
		struct rule_op *op = &u->meta.v[i];

		if (op->kind == RULE_OP_NAME)
			op->user = rules_find(r, op->name);
	}
	return OK;
}

/* Metas into an order in which each comes behind those that it needs. SpamAssassin leaves out
 * metas that wait for each other. */
static void order_metas(struct rules *r)
{
	bool *done = mem_get(r->n + 1), again = true;
	struct rule **ordered = mem_get(size_mul(r->nmetas + 1, sizeof(struct rule *)));
	size_t n = 0;

	while (again) {
		again = false;
		for (size_t i = 0; i < r->nmetas; i++) {
			struct rule *u = r->metas[i];
			bool waits = false;

			for (size_t k = 0; k < u->meta.n && !done[u->index]; k++) {
				const struct rule *d = u->meta.v[k].user;

				waits = waits || (u->meta.v[k].kind == RULE_OP_NAME && d &&
						  d->kind == RULE_META && !done[d->index]);
			}
			if (waits || done[u->index])
				continue;
			done[u->index] = again = true;
			ordered[n++] = u;
		}
	}
	for (size_t i = 0; i < r->nmetas; i++) {
		struct rule *u = r->metas[i];

		if (done[u->index])
			continue;
		rules_complain(r, u->file, u->line, "%.*s: metas that need each other",
			       STRF(u->name));
		u->meta.n = 0;
		ordered[n++] = u;
	}
	mem_free(r->metas);
	r->metas = ordered;
	mem_free(done);
}

/* ---- evals ---- */

static void finish_eval(struct rules *r, struct rule *u)
{
	const struct eval_function *f = eval_find(u->call.function);
	bool wide;

	u->function = f;
	if (!f)
		rules_complain(r, u->file, u->line, "%.*s: no function %.*s()", STRF(u->name),
			       STRF(u->call.function));
	else if (!f->run)
		rules_complain(r, u->file, u->line, "%.*s: %.*s(): %s", STRF(u->name),
			       STRF(u->call.function), f->why);
	if (!f || !f->pattern || u->call.nargs < f->pattern)
		return;

	str re = u->call.args[f->pattern - 1];

	if (regex_check(re, &wide) == OK)
		u->regex.re = re;
	else
		rules_complain(r, u->file, u->line, "%.*s: %s", STRF(u->name), err_last()->text);
}

static void add(struct rules *r, struct rule ***v, size_t *n, struct rule *u)
{
	if (!*v)
		*v = mem_get(size_mul(r->n + 1, sizeof(struct rule *)));
	(*v)[(*n)++] = u;
}

static err finish_rule(struct rules *r, struct rule *u)
{
	set_flags(u);
	set_scores(u);
	if (u->replace && has_pattern(u))
		TRY(rule_replace(&r->a, u->re, find_tag, r, &u->re));
	u->regex.re = u->re;
	if (u->kind == RULE_META) {
		TRY(finish_meta(r, u));
		add(r, &r->metas, &r->nmetas, u);
	} else if (u->kind >= RULE_EVAL_HEADER && u->kind <= RULE_EVAL_FULL) {
		finish_eval(r, u);
		add(r, &r->evals, &r->nevals, u);
	} else if (u->captures && has_pattern(u)) {
		add(r, &r->capturers, &r->ncapturers, u);
	} else if (u->uses && has_pattern(u)) {
		add(r, &r->users, &r->nusers, u);
	}
	return OK;
}

err rules_finish(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		err e = finish_rule(r, r->v[i]);

		if (e)
			return placed(r->v[i], e);
	}
	order_metas(r);
	lists_finish(r);
	groups_make(r);
	r->told = r->unsupported.n;
	return OK;
}
