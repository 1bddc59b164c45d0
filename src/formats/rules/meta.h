/* formats/rules/meta.h: the arithmetic of meta rules: "(A + B > 1) && !C".
 * Perl's operators, precedence and values: && and || give the operand that decided. Pure. */
#ifndef FORMATS_RULES_META_H
#define FORMATS_RULES_META_H

#include "base/arena.h"

enum rule_op_kind {
	RULE_OP_NUMBER,
	RULE_OP_NAME, /* the value of a rule */
	RULE_OP_NOT,
	RULE_OP_MINUS,
	RULE_OP_MUL,
	RULE_OP_DIV,
	RULE_OP_ADD,
	RULE_OP_SUB,
	RULE_OP_LT,
	RULE_OP_LE,
	RULE_OP_GT,
	RULE_OP_GE,
	RULE_OP_EQ,
	RULE_OP_NE,
	RULE_OP_XOR,
	RULE_OP_AND,
	RULE_OP_OR,
	RULE_OP_IF, /* three operands: condition, then, else */
};
struct rule_op {
	enum rule_op_kind kind;
	double number;
	str name;
	void *user; /* whoever resolves names puts what he found here */
};
/* In the order of evaluation (operands first), for a stack of LIM_RULES_STACK. */
struct rule_meta {
	struct rule_op *v;
	size_t n;
};
/* E_SYNTAX, E_LIMIT (LIM_RULES_OPS, LIM_RULES_DEPTH). Names are not looked up. "()" is no
 * operation at all: n 0. */
MUST_USE err rule_meta_parse(struct arena *a, str text, struct rule_meta *out);
/* value: of the name's op. Division by 0 is 0. */
double rule_meta_value(const struct rule_meta *m,
		       double (*value)(void *arg, const struct rule_op *), void *arg);

#endif
