/* Settings of rule files into a set, one function a kind. */
#include <stdarg.h>

#include "base/limits.h"
#include "formats/rules/replace.h"
#include "services/rules/set.h"

struct rule *rules_find(const struct rules *r, str name)
{
	return map_get(&r->by_name, name);
}

void rules_complain(struct rules *r, str file, size_t line, const char *fmt, ...)
{
	va_list ap;

	buf_fmt(&r->unsupported, "%.*s:%zu: ", STRF(file), line);
	va_start(ap, fmt);
	buf_vfmt(&r->unsupported, fmt, ap);
	va_end(ap);
	buf_addc(&r->unsupported, '\n');
}

/* One file being read. */
struct reading {
	struct rules *r;
	str file; /* in the set's arena */
};

static err rule_named(struct rules *r, str name, struct rule **out)
{
	struct rule *u = rules_find(r, name);

	if (u) {
		*out = u;
		return OK;
	}
	if (!rule_name_valid(name))
		return fail(E_SYNTAX, "\"%.*s\" is no name for a rule", STRF(name));
	if (r->n == LIM_RULES)
		return fail(E_LIMIT, "more than %d rules", LIM_RULES);
	u = NEW(&r->a, struct rule);
	u->name = arena_dup(&r->a, name);
	u->kind = RULE_NONE;
	u->describe = u->tflags = u->re = u->spec = u->unset = u->text = STR("");
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 1024;
		r->v = mem_resize(r->v, size_mul(r->cap, sizeof(struct rule *)));
	}
	u->index = (unsigned)r->n;
	r->v[r->n++] = u;
	(void)map_put(&r->by_name, u->name, u);
	*out = u;
	return OK;
}

/* The rule is defined anew: what an earlier definition said of its test is gone. */
static void define(const struct reading *g, const struct rule_line *l, struct rule *u,
		   enum rule_kind kind)
{
	u->kind = kind;
	u->file = g->file;
	u->line = l->number;
	u->exists = u->negated = u->has_unset = false;
	u->re = u->spec = u->unset = u->text = STR("");
}

static void keep_pattern(struct rule *u, str re)
{
	u->re = re;
	u->captures = rule_pattern_captures(re);
	u->uses = rule_pattern_uses(re);
}

static err take_call(const struct reading *g, struct rule *u, str text)
{
	struct rule_call call;

	TRY(rule_call_parse(text, &call));
	u->call.function = arena_dup(&g->r->a, call.function);
	u->call.nargs = call.nargs;
	for (size_t i = 0; i < call.nargs; i++)
		u->call.args[i] = arena_dup(&g->r->a, call.args[i]);
	return OK;
}

/* "NAME eval:f()" : what is behind "eval:"; false: it is a pattern. */
static bool is_call(str *text)
{
	if (str_starts(*text, STR("rbleval:")))
		*text = str_skip(*text, 8);
	else if (str_starts(*text, STR("eval:")))
		*text = str_skip(*text, 5);
	else
		return false;
	return true;
}

static err take_header(const struct reading *g, const struct rule_line *l, struct rule *u, str text)
{
	struct rule_header_test t;

	if (is_call(&text)) {
		define(g, l, u, RULE_EVAL_HEADER);
		return take_call(g, u, text);
	}
	TRY(rule_header_parse(&g->r->a, text, &t));
	define(g, l, u, RULE_HEADER);
	u->spec = arena_dup(&g->r->a, t.spec);
	u->unset = arena_dup(&g->r->a, t.unset);
	u->exists = t.exists;
	u->negated = t.negated;
	u->has_unset = t.has_unset;
	keep_pattern(u, t.re);
	return OK;
}

static err take_mimeheader(const struct reading *g, const struct rule_line *l, struct rule *u,
			   str text)
{
	struct rule_header_test t;

	TRY(rule_header_parse(&g->r->a, text, &t));
	if (t.exists)
		return fail(E_SYNTAX, "a mimeheader test needs a pattern");
	define(g, l, u, RULE_MIMEHEADER);
	u->spec = arena_dup(&g->r->a, t.spec);
	u->unset = arena_dup(&g->r->a, t.unset);
	u->negated = t.negated;
	u->has_unset = t.has_unset;
	keep_pattern(u, t.re);
	return OK;
}

static err take_text(const struct reading *g, const struct rule_line *l, struct rule *u, str text,
		     enum rule_kind pattern, enum rule_kind call)
{
	str re;

	if (call != RULE_NONE && is_call(&text)) {
		define(g, l, u, call);
		return take_call(g, u, text);
	}
	TRY(rule_pattern_parse(&g->r->a, text, &re));
	define(g, l, u, pattern);
	keep_pattern(u, re);
	return OK;
}

static err take_test(const struct reading *g, const struct rule_line *l, str key, struct rule *u,
		     str text)
{
	if (text.n == 0)
		return fail(E_SYNTAX, "%.*s %.*s without a test", STRF(key), STRF(u->name));
	if (str_eq(key, STR("header")))
		return take_header(g, l, u, text);
	if (str_eq(key, STR("mimeheader")))
		return take_mimeheader(g, l, u, text);
	if (str_eq(key, STR("body")))
		return take_text(g, l, u, text, RULE_BODY, RULE_EVAL_BODY);
	if (str_eq(key, STR("rawbody")))
		return take_text(g, l, u, text, RULE_RAWBODY, RULE_EVAL_RAWBODY);
	if (str_eq(key, STR("full")))
		return take_text(g, l, u, text, RULE_FULL, RULE_EVAL_FULL);
	if (str_eq(key, STR("uri")))
		return take_text(g, l, u, text, RULE_URI, RULE_NONE);

	struct rule_meta meta;

	TRY(rule_meta_parse(&g->r->a, text, &meta)); /* read again once all names are known */
	define(g, l, u, RULE_META);
	u->text = arena_dup(&g->r->a, text);
	return OK;
}

static err take_score(const struct rules *r, struct rule *u, str text)
{
	struct rule_scores s;

	TRY(rule_scores_parse(text, &s));
	if (s.relative && !u->scored)
		return fail(E_SYNTAX, "a relative score before any other");
	for (int i = 0; i < 4; i++)
		u->score[i] = s.relative ? u->score[i] + s.v[i] : s.v[i];
	u->scored = true;
	u->own_score = r->own;
	return OK;
}

static err take_priority(struct rule *u, str text)
{
	int64_t v;
	str word;

	if (!rule_word(&text, &word) || str_i64(word, &v) || v < -1000000 || v > 1000000)
		return fail(E_SYNTAX, "\"%.*s\" is no priority", STRF(text));
	u->priority = (int)v;
	return OK;
}

/* What speaks of a rule by name. done false: it is another setting. */
static err take_of_rule(const struct reading *g, const struct rule_line *l, bool *done)
{
	static const str tests[] = { S("header"), S("body"),	 S("rawbody"),	  S("full"),
				     S("uri"),	  S("meta"),	 S("mimeheader"), S("score"),
				     S("tflags"), S("describe"), S("priority") };
	str rest = l->value, name;
	struct rule *u;
	size_t which = 0;

	while (which < COUNT(tests) && !str_eq(l->key, tests[which]))
		which++;
	*done = which < COUNT(tests);
	if (!*done)
		return OK;
	if (!rule_word(&rest, &name))
		return fail(E_SYNTAX, "%.*s without a rule's name", STRF(l->key));
	TRY(rule_named(g->r, name, &u));
	rest = str_trim_ws(rest);
	if (which < 7)
		return take_test(g, l, l->key, u, rest);
	if (which == 7)
		return take_score(g->r, u, rest);
	if (which == 8)
		u->tflags = arena_dup(&g->r->a, rest);
	else if (which == 9)
		u->describe = arena_dup(&g->r->a, rest);
	else
		return take_priority(u, rest);
	return OK;
}

/* replace_tag, replace_pre, replace_inter, replace_post: under "tag NAME". */
static err take_replacement(struct rules *r, const struct rule_line *l)
{
	str name, rest = l->value;
	str kind = str_skip(l->key, STR("replace_").n);

	if (!rule_word(&rest, &name))
		return fail(E_SYNTAX, "%.*s without a name", STRF(l->key));

	str *value = NEW(&r->a, str);
	str key = arena_fmt(&r->a, "%.*s %.*s", STRF(kind), STRF(name));

	*value = arena_dup(&r->a, str_trim_ws(rest));
	(void)map_put(&r->tags, key, value);
	return OK;
}

static err take_replace(struct rules *r, const struct rule_line *l)
{
	str name, rest = l->value;
	struct rule *u;

	if (!str_eq(l->key, STR("replace_rules")))
		return take_replacement(r, l);
	while (rule_word(&rest, &name)) {
		TRY(rule_named(r, name, &u));
		u->replace = true;
	}
	return OK;
}

/* Settings that say nothing about which rules hit: reports, learning, plug-ins' ways. */
static const str indifferent[] = {
	S("add_header"),
	S("asn_lookup"),
	S("bayes_"),
	S("clear_headers"),
	S("clear_report_template"),
	S("clear_unsafe_report_template"),
	S("dns_"),
	S("fns_"),
	S("lock_method"),
	S("normalize_charset"),
	S("ok_languages"),
	S("remove_header"),
	S("report"),
	S("require_"),
	S("reuse"),
	S("rewrite_header"),
	S("spf_"),
	S("test"),
	S("trusted_networks"),
	S("internal_networks"),
	S("msa_networks"),
	S("unsafe_report"),
	S("url_shortener_"),
	S("use_"),
};

/* What asks the network: the filter's black lists have settings of their own. */
static const str networked[] = { S("askdns"),	     S("dns_block_rule"), S("uridnssub"),
				 S("urirhssub"),     S("uridnsbl"),	  S("urirhsbl"),
				 S("urinsrhssub"),   S("urinsrhsbl"),	  S("urifullnsrhssub"),
				 S("urifullnsrhsbl") };

static bool is_indifferent(str key)
{
	for (size_t i = 0; i < COUNT(indifferent); i++) {
		str s = indifferent[i];

		if (s.p[s.n - 1] == '_' ? str_starts(key, s) : str_eq(key, s))
			return true;
	}
	return str_starts(key, STR("report_"));
}

static err take_networked(const struct reading *g, const struct rule_line *l)
{
	str rest = l->value, name;
	struct rule *u;

	if (!rule_word(&rest, &name) || !rule_name_valid(name))
		return OK;
	TRY(rule_named(g->r, name, &u));
	rules_complain(g->r, g->file, l->number,
		       "%.*s: %.*s asks the network, which the filter's own black lists do",
		       STRF(name), STRF(l->key));
	return OK;
}

static err take_line(void *arg, const struct rule_line *l)
{
	struct reading *g = arg;
	bool done;
	struct rule_scores s;

	TRY(take_of_rule(g, l, &done));
	if (done)
		return OK;
	if (str_eq(l->key, STR("required_score")) || str_eq(l->key, STR("required_hits"))) {
		TRY(rule_scores_parse(l->value, &s));
		g->r->required = s.v[0];
		return OK;
	}
	if (str_starts(l->key, STR("replace_")) && !str_eq(l->key, STR("replace_start")) &&
	    !str_eq(l->key, STR("replace_end")))
		return take_replace(g->r, l);
	for (size_t i = 0; i < COUNT(networked); i++)
		if (str_eq(l->key, networked[i]))
			return take_networked(g, l);
	if (lists_take(g->r, l) || is_indifferent(l->key))
		return OK;
	rules_complain(g->r, g->file, l->number, "unknown setting %.*s", STRF(l->key));
	return OK;
}

err rules_read_file(struct rules *r, str file, str text)
{
	struct reading g = { .r = r, .file = arena_dup(&r->a, file) };
	struct rule_reader reader = { .a = &r->a, .line = take_line, .arg = &g };

	TRY(rule_lines_read(&reader, file, text));
	return r->a.used > LIM_RULES_ARENA
		       ? fail(E_LIMIT, "rules take more than %zu octets", LIM_RULES_ARENA)
		       : OK;
}
