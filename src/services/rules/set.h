/* services/rules/set.h: what a loaded set holds; between this folder's files. */
#ifndef SERVICES_RULES_SET_H
#define SERVICES_RULES_SET_H

#include <stdatomic.h>

#include "base/map.h"
#include "formats/rules/lines.h"
#include "formats/rules/meta.h"
#include "formats/rules/test.h"
#include "services/rules/eval.h"
#include "services/rules/regex.h"
#include "services/rules/rules.h"

struct hs_database;

enum rule_kind {
	RULE_HEADER,
	RULE_BODY,
	RULE_URI,
	RULE_RAWBODY,
	RULE_FULL,
	RULE_MIMEHEADER,
	RULE_META,
	RULE_EVAL_HEADER,
	RULE_EVAL_BODY,
	RULE_EVAL_RAWBODY,
	RULE_EVAL_FULL,
	RULE_NONE, /* named by score or describe alone; "test", "reuse" */
};

struct rule {
	str name;
	enum rule_kind kind;
	unsigned index; /* in the set, and the id of its pattern */
	str file;
	size_t line;

	str re; /* of header, body, uri, rawbody, full, mimeheader; tags replaced */
	struct regex regex;
	str spec; /* header, mimeheader: which field */
	bool exists, negated, has_unset;
	str unset;
	bool captures; /* other rules use its groups */
	bool uses;     /* it uses another one's */

	struct rule_call call; /* of evals */
	const struct eval_function *function;
	struct rule_meta meta;
	str text; /* of a meta, until it is read */

	double score[4];
	bool scored;	/* by a line of its own */
	bool own_score; /* that the administrator wrote */
	str describe, tflags;
	int priority;
	bool multiple, net, learn, nosubject, concat, sub;
	unsigned maxhits; /* 0: no bound */
	unsigned range_min, range_max;
	bool replace;	   /* tags in its pattern are replaced */
	uint64_t lazy_bit; /* of a lazy rule, and of each that hangs on it */
};

/* Patterns that are looked for in the same text. */
struct group {
	enum rule_kind kind;
	str spec;	   /* of header and mimeheader */
	struct rule **all; /* its rules */
	size_t n;
	struct rule **alone; /* those that the database does not have: PCRE2's alone */
	size_t nalone;
	struct rule **special; /* those with exists: or !~ */
	size_t nspecial;
	struct rule **split; /* those of the ASCII database, or that match no ASCII */
	size_t nsplit;
	struct hs_database *db;	   /* for every text; NULL: it would be empty */
	struct hs_database *ascii; /* for texts of octets under 128 */
};

struct rules_lists {
	struct map lists; /* name -> struct list */
};

struct rules {
	atomic_uint refs;
	struct arena a;
	char digest[65];
	struct rule **v; /* in the order of their first line */
	size_t n, cap;
	struct map by_name; /* -> struct rule */
	struct map tags;    /* "tag A", "pre W1" -> str */
	struct rules_lists lists;
	struct group *groups;
	size_t ngroups;
	struct rule **evals, **metas, **capturers, **users;
	struct rule **lazy; /* looked for when a meta hangs on them */
	struct rule **lazy_metas;
	size_t nevals, nmetas, ncapturers, nusers, nlazy, nlazy_metas;
	double required;
	bool own; /* what is read now is the administrator's, not the package's */
	struct buf unsupported;
	size_t told; /* octets of it that the files gave; the rest came with compiling */
};

/* ---- read.c: files into a set ---- */
MUST_USE err rules_read_file(struct rules *r, str file, str text);
/* After the last file: scores, tags, metas. */
MUST_USE err rules_finish(struct rules *r);
struct rule *rules_find(const struct rules *r, str name);
/* One line for rules_unsupported. */
void rules_complain(struct rules *r, str file, size_t line, const char *fmt, ...) PRINTF(4, 5);

/* ---- fitted.c ---- */
void rules_fit(struct rules *r);

/* ---- lists.c ---- */
void lists_init(struct rules_lists *l);
void lists_free(struct rules_lists *l);
/* Takes a setting that is a list; false: it is none. */
bool lists_take(struct rules *r, const struct rule_line *l);
void lists_finish(struct rules *r);

/* ---- groups.c: which patterns are looked for together, in order ---- */
void groups_make(struct rules *r);
void groups_drop_databases(struct rules *r);

/* ---- fold.c ---- */
/* The pattern for Hyperscan, whose caselessness ends at ASCII: octets of Latin-1 letters in both
 * cases, as Perl's /i takes them. */
MUST_USE str rules_fold(struct arena *a, str re);

/* The letters of "(?im)" at a pattern's begin. */
str rules_modes(str re);

/* ---- ascii.c ---- */
/* The pattern without what only octets over 127 can match; p NULL: nothing is left, it matches no
 * ASCII text. False: it cannot be said. */
MUST_USE bool rules_ascii(struct arena *a, str re, str *out);

/* ---- loosen.c ---- */
struct loosened {
	str re;
	double was, is; /* positions, when all repeats are unrolled */
	unsigned times; /* re matches the whole of it so often, one behind the other */
};
/* A pattern that matches wherever re does and is lighter where re is heavy; anchors: without those
 * inside of it, too. False: there is none. */
MUST_USE bool rules_loosen(struct arena *a, str re, bool anchors, struct loosened *out);

/* ---- compile.c ---- */
/* What is known of a rule's pattern once it was compiled; stored in the cache. */
enum pattern_fate {
	FATE_NATIVE = 1, /* the database's word counts */
	FATE_PREFILTER,	 /* PCRE2 has the last word */
	FATE_ALONE,	 /* not in the database */
	FATE_NEVER,	 /* neither can have it: the rule is off */
	FATE_SPLIT,	 /* its ASCII form is in the ASCII database, as a prefilter; other texts are
			    PCRE2's alone */
	FATE_MASK = 7,
	FATE_EMPTY = 8,	 /* it matches "" */
	FATE_UNSET = 16, /* it matches what if-unset gives */
	FATE_WIDE = 32,	 /* PCRE2 needs its 32-bit library for it */
};
MUST_USE err rules_compile(struct rules *r, void (*progress)(void *arg, size_t done, size_t total),
			   void *arg);
/* After the rules' fates are known: alone, special. */
void groups_sort(struct rules *r);

/* ---- lazy.c: after groups_sort ---- */
void rules_set_lazy(struct rules *r);
bool rule_is_lazy(const struct rule *u);

/* ---- cache.c ---- */
/* What the cache depends on beside the files: libraries and CPU. Added to the digest. */
void cache_platform(struct buf *out);
/* E_AGAIN: none, or not of this set. */
MUST_USE err cache_read(struct rules *r, str folder);
MUST_USE err cache_write(struct rules *r, str folder);

#endif
