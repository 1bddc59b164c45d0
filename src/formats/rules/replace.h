/* formats/rules/replace.h: tags in patterns ("<A>"), replaced by what replace_tag, replace_pre,
 * replace_inter and replace_post of the files give. Pure. */
#ifndef FORMATS_RULES_REPLACE_H
#define FORMATS_RULES_REPLACE_H

#include "base/arena.h"

/* kind: "tag", "pre", "inter", "post". The expression of a name; p NULL when there is none. */
typedef str (*rule_replacement)(void *arg, str kind, str name);
/* In at most LIM_RULES_PASSES passes, since a replacement may have tags. E_LIMIT:
 * LIM_RULES_PATTERN. */
MUST_USE err rule_replace(struct arena *a, str re, rule_replacement find, void *arg, str *out);

#endif
