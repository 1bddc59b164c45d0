/* services/rules/rules.h: SpamAssassin's rule files, compiled and matched.
 * A rule set is read from files, its patterns go into Hyperscan databases, and the whole is
 * serialised beside its digest: compiling takes tens of seconds and is a process of its own
 * (`posta filter rules --compile`), a start from the cache is a read. A set is immutable and
 * shared by threads; each thread brings its own scratch. */
#ifndef SERVICES_RULES_RULES_H
#define SERVICES_RULES_RULES_H

#include "formats/scan/scan.h"
#include "run/fiber.h"

struct rules;	      /* a set; counted */
struct rules_scratch; /* what one thread needs to match; grows to the set */
struct mailauth_result;

struct rules_source {
	const str *folders; /* each one's *.cf in name order, as SpamAssassin reads them */
	size_t nfolders;
	const str *files; /* after the folders: local.cf, scores */
	size_t nfiles;
	str cache;   /* folder of serialised sets; "" = none */
	bool fitted; /* posta's own scores in place of those of the first folder */
};
/* Reads and compiles (or takes from the cache). Blocks: call it through work() or in a process of
 * its own. E_SYNTAX: the fault's text has file and line. compile false: E_AGAIN when the cache has
 * no set of these files, this library and CPU. progress (may be NULL): done of total patterns. */
MUST_USE err rules_load(const struct rules_source *src, bool compile,
			void (*progress)(void *arg, size_t done, size_t total), void *arg,
			struct rules **out);
struct rules *rules_hold(struct rules *r);
void rules_drop(struct rules *r); /* NULL allowed */
str rules_digest(const struct rules *r);

/* What is in the files and cannot be done: "file:line: what", one line each. */
void rules_unsupported(const struct rules *r, struct buf *out);

struct rules_scratch *rules_scratch_new(void);
void rules_scratch_free(struct rules_scratch *s);

struct rules_hit {
	str name; /* of the set */
	double score;
	str describe;
	unsigned times; /* of "multiple" rules */
};
struct rules_result {
	struct rules_hit *v; /* scored rules that hit, in the mail's arena */
	size_t n;
	double score;
	double required; /* required_score of the files */
	bool ran_out;	 /* the CPU budget or a match limit ended it: what had hit counts */
};
struct rules_options {
	int64_t budget_us; /* CPU time for one message; 0 = none */
	const struct mailauth_result
		*auth; /* SPF, DKIM, DMARC results for their evals; NULL: unknown */
	bool net;      /* score sets 1 and 3 in place of 0 and 2 */
	bool learned;  /* score sets 2 and 3 in place of 0 and 1 */
	bool subrules; /* also the __ rules that hit, for comparison */
};
/* CPU work, never waits: on a helper thread for a message from outside. */
MUST_USE err rules_run(const struct rules *r, struct rules_scratch *s, struct scan_mail *m,
		       const struct rules_options *o, struct rules_result *out);

#endif
