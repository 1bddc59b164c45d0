/* formats/rules/test.h: what stands behind a rule's name: patterns, header tests, calls.
 * Pure: never waits. Views point into the input or into the arena. */
#ifndef FORMATS_RULES_TEST_H
#define FORMATS_RULES_TEST_H

#include "base/arena.h"

/* "/re/i", "m{re}x", "m,re,": out is the expression with its modifiers before it, "(?i)re", in a
 * spelling that PCRE2 and Hyperscan take as Perl takes the original. E_SYNTAX; E_LIMIT:
 * LIM_RULES_PATTERN. */
MUST_USE err rule_pattern_parse(struct arena *a, str text, str *out);
/* Does it name a group that other rules use ("(?<NAME>"), or use one ("%{NAME}")? */
bool rule_pattern_captures(str re);
bool rule_pattern_uses(str re);
/* The first "%{NAME}": what stands before it, the name, the rest. */
bool rule_pattern_template(str re, str *before, str *name, str *rest);

/* "From:addr =~ /re/i [if-unset: x]", "X-Foo !~ /re/", "exists:X-Foo". */
struct rule_header_test {
	str spec; /* with its modifiers, "From:addr" */
	bool exists, negated;
	bool has_unset;
	str unset;
	str re;
};
MUST_USE err rule_header_parse(struct arena *a, str text, struct rule_header_test *out);

/* "check_foo('a', \"b\", 3)". E_SYNTAX, E_LIMIT: over RULE_ARGS. */
#define RULE_ARGS 16
struct rule_call {
	str function;
	str args[RULE_ARGS];
	size_t nargs;
};
MUST_USE err rule_call_parse(str text, struct rule_call *out);

/* "3", "-0.5 0 (1) 0": one score or four; relative: in brackets, added to what stands. */
struct rule_scores {
	double v[4];
	bool relative;
};
MUST_USE err rule_scores_parse(str text, struct rule_scores *out);

/* Letters, digits and '_', no digit first. */
bool rule_name_valid(str s);
/* Does a list of tflags have this word; its number for "maxhits=5" (word "maxhits"). */
bool rule_has_flag(str tflags, str word);
bool rule_flag_number(str tflags, str word, unsigned *out);
/* '*' is any run, '?' any octet; ASCII case does not count. */
bool rule_glob(str pattern, str s);

#endif
