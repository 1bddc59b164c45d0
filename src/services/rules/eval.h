/* services/rules/eval.h: SpamAssassin's eval functions: what a rule file calls by name
 * ("eval:check_for_shifted_date('3','6')"). One table, sorted by name; one file a plug-in. */
#ifndef SERVICES_RULES_EVAL_H
#define SERVICES_RULES_EVAL_H

#include "services/rules/rules.h"

struct regex;
struct regex_room;
struct rules_lists; /* freemail_domains, util_rb_*, welcomelist_from and the like, of the set */

struct eval {
	struct scan_mail *m;
	const struct rules_lists *lists;
	const struct mailauth_result *auth; /* NULL: unknown */
	const str *args;		    /* unquoted */
	size_t nargs;
	str rule;	       /* the rule that asks */
	struct scan_strs body; /* the body that a body or rawbody eval is handed */
	struct regex *pattern; /* the argument that is one, compiled; NULL: none, or not valid */
	struct regex_room *room;
	void **memo; /* one pointer a function file and mail: results that several rules
			share; NULL at first. Index EVAL_MEMO_*. */
};
/* How many times it hit; 0 = not. Never waits, never fails: what it cannot know is 0. */
typedef unsigned (*eval_fn)(struct eval *e);
enum eval_memo {
	EVAL_MEMO_HEADER,
	EVAL_MEMO_BODY,
	EVAL_MEMO_HTML,
	EVAL_MEMO_MIME,
	EVAL_MEMO_URI,
	EVAL_MEMO_FREEMAIL,
	EVAL_MEMO_IMAGE,
	EVAL_MEMO_PDF,
	EVAL_MEMO_LISTS,
	EVAL_MEMO_DATE,
	EVAL_MEMO_RECEIVED,
	EVAL_MEMO_COUNT
};

struct eval_function {
	str name;
	eval_fn run; /* NULL: known, and answered elsewhere (black lists, learning): named in
			rules_unsupported with why */
	const char *why;
	unsigned pattern; /* which argument is a pattern, counted from 1; 0: none */
};
/* NULL: no such function. */
const struct eval_function *eval_find(str name);

/* Settings of the set that evals ask. Does the list (a setting's name: "freemail_domains",
 * "util_rb_tld", "enlist_uri_host WLNAME", "welcomelist_from") have this value, with the wildcards
 * that the setting allows? value: any case. */
bool rules_listed(const struct rules_lists *l, str list, str value);
/* The values of a list as written, in order. */
struct scan_strs rules_list(const struct rules_lists *l, str list);

#endif
