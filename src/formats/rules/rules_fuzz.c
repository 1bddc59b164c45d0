/* Any text as a rule file: each line's parts are read, metas are computed. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/rules/lines.h"
#include "formats/rules/meta.h"
#include "formats/rules/replace.h"
#include "formats/rules/test.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static double value_of(void *arg, const struct rule_op *op)
{
	(void)arg;
	if (op->name.n == 0 || op->name.n > LIM_RULES_NAME)
		abort();
	return (double)op->name.n;
}

static str find_tag(void *arg, str kind, str name)
{
	(void)arg;
	(void)kind;
	return name.n % 2 ? name : STR("<A><BC>");
}

static err take_line(void *arg, const struct rule_line *l)
{
	struct arena *a = arg;
	struct rule_header_test t;
	struct rule_meta m;
	struct rule_call c;
	struct rule_scores s;
	unsigned number;
	str re, before, name, rest;

	if (l->key.n == 0)
		abort();
	if (rule_meta_parse(a, l->value, &m) == OK)
		(void)rule_meta_value(&m, value_of, NULL);
	if (rule_pattern_parse(a, l->value, &re) == OK) {
		(void)rule_pattern_captures(re);
		if (rule_pattern_template(re, &before, &name, &rest) &&
		    before.n + name.n + rest.n + 3 != re.n)
			abort();
		(void)!rule_replace(a, re, find_tag, NULL, &re);
	}
	(void)!rule_header_parse(a, l->value, &t);
	if (rule_call_parse(l->value, &c) == OK && c.nargs > RULE_ARGS)
		abort();
	(void)!rule_scores_parse(l->value, &s);
	(void)rule_flag_number(l->value, STR("maxhits"), &number);
	(void)rule_glob(l->key, l->value);
	return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct rule_reader r = { .a = &a, .line = take_line, .arg = &a };

	arena_init(&a, MIB(8));
	(void)!rule_lines_read(&r, STR("fuzz"), str_of(p, n));
	arena_free(&a);
	return 0;
}
