/* services/filter/ruleset.h: the rule set in force. It is looked for in the cache; where it is not,
 * or the files have changed, a process of its own compiles it (`posta filter rules --compile`), and
 * the old set serves until the new one is there. A file with a fault is told with its line, and
 * nothing changes. */
#ifndef SERVICES_FILTER_RULESET_H
#define SERVICES_FILTER_RULESET_H

#include "base/arena.h"
#include "run/conf.h"
#include "services/rules/rules.h"

struct ruleset_settings {
	struct conf_strs folders, files; /* as rules_source has them */
	str cache;			 /* folder of compiled sets */
	bool fitted;			 /* posta's own scores */
	str program;			 /* posta itself; "" = whoever runs this */
	int64_t check;			 /* milliseconds between looks at the files; 0: never */
};
struct ruleset;
/* Takes the set from the cache; compile: waits for it where it is not there, else starts a process
 * and comes back without. E_SYNTAX, E_IO where compile is set alone. */
WAITS MUST_USE err ruleset_open(const struct ruleset_settings *set, bool compile,
				struct ruleset **out);
/* Other settings; the files are looked at now. */
void ruleset_configure(struct ruleset *r, const struct ruleset_settings *set);
WAITS void ruleset_close(struct ruleset *r); /* NULL allowed */

/* The set in force, held; NULL: none yet. */
struct rules *ruleset_get(struct ruleset *r);
/* For one rules_run; given back by _put. Any thread. */
struct rules_scratch *ruleset_scratch(struct ruleset *r);
void ruleset_put(struct ruleset *r, struct rules_scratch *s);

/* The folders that SpamAssassin reads: what sa-update fetched where there is such a folder, what
 * the package brought else. Blocks. */
struct conf_strs ruleset_default_folders(struct arena *a);

#endif
