/* formats/rules/lines.h: SpamAssassin's rule files, line by line: comments, languages, conditions.
 * The grammar as Mail::SpamAssassin::Conf(3) describes it. Pure: never waits. */
#ifndef FORMATS_RULES_LINES_H
#define FORMATS_RULES_LINES_H

#include "base/arena.h"

/* One setting that counts. Views into the file's text, or into the arena where "\#" stood. */
struct rule_line {
	str key;   /* lower case, '-' as '_'; in the arena when it was not written so */
	str value; /* trimmed, may be "" */
	size_t number;
};
struct rule_reader {
	struct arena *a; /* for lines that must be changed */
	/* An error ends the reading; the fault's text is given file and line. */
	err (*line)(void *arg, const struct rule_line *l);
	/* Does a plug-in that the built-in list does not name count as loaded? May be NULL. */
	bool (*plugin)(void *arg, str name);
	void *arg;
};
/* file: for faults. E_SYNTAX: a condition that cannot be read, an else or endif without if, an if
 * without endif. E_LIMIT: LIM_RULES_LINE, LIM_RULES_IFS. Otherwise what line() returned. */
MUST_USE err rule_lines_read(const struct rule_reader *r, str file, str text);

/* The value of an if line. E_SYNTAX. */
MUST_USE err rule_condition(const struct rule_reader *r, str text, bool *out);

/* The next run of bytes that are no white space. */
bool rule_word(str *rest, str *word);

/* Digits with at most one point, no sign; "" is 0. False: it is something else. */
MUST_USE bool rule_decimal(str s, double *out);

#endif
