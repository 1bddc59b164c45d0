/* run/conf.h: posta.conf (libconfig syntax) as a tree, read through tables, so that every setting
 * has a type, a range, a default and a line of help, and every mistake names file, line and remedy.
 */
#ifndef RUN_CONF_H
#define RUN_CONF_H

#include "base/arena.h"
#include "base/buf.h"

struct conf;	  /* a parsed file; immutable */
struct conf_node; /* a place in it */

/* Views in the result live in it, not in text. "@include" is refused: there is one file, the same
 * on every node. E_SYNTAX: complaints has "posta.conf:12: ..." lines. name: the file's name for
 * messages. */
MUST_USE err conf_parse(str text, str name, struct buf *complaints, struct conf **out);
/* The text for one who may see only some settings at its top: the others, and all comments, become
 * blanks, so that lines and columns stay. text: one that conf_parse took. */
void conf_only(str text, bool (*wanted)(const void *arg, str name), const void *arg,
	       struct buf *out);
void conf_free(struct conf *c);
const struct conf_node *conf_root(const struct conf *c);
/* The child of that name, or NULL ("mx.limits" goes down). */
const struct conf_node *conf_find(const struct conf_node *n, const char *path);
size_t conf_count(const struct conf_node *n);				  /* children; 0 of NULL */
const struct conf_node *conf_at(const struct conf_node *n, size_t index); /* i-th child */
str conf_name(const struct conf_node *n);				  /* "" in a list */
bool conf_is_group(const struct conf_node *n);
/* A string's value; "" and a complaint when n is not a string. */
str conf_str(const struct conf_node *n, struct buf *complaints);

/* One setting: where its value goes in the struct of the role. */
struct conf_key {
	const char *name;
	enum conf_type {
		CONF_BOOL,     /* bool */
		CONF_INT,      /* int64_t, min..max */
		CONF_SIZE,     /* int64_t octets: 10, "64k", "50M", "1G" */
		CONF_REAL,     /* double, min..max: a score, with or without a point */
		CONF_DURATION, /* int64_t milliseconds: "250ms", "30s", "5m", "2h", "5d" */
		CONF_STR,      /* str, lives as long as the tree and the table */
		CONF_STRS,     /* struct conf_strs: one string or a list of them */
		CONF_NODE,     /* const struct conf_node *: read by its owner */
	} type;
	size_t offset;
	int64_t min, max;
	const char *dflt; /* as in the file without quotes ("30s", "true"), lists with commas; NULL:
			     required */
	const char *help; /* one line */
};
struct conf_strs {
	const str *v;
	size_t n;
};
/* Reads group n (NULL: all defaults) into out by keys[nkeys]. Unknown names (with the nearest known
 * one), wrong types and ranges go to complaints, a line each "file:line: what is wrong; write X
 * instead". E_SYNTAX when there was any. */
MUST_USE err conf_read(const struct conf_node *n, const struct conf_key *keys, size_t nkeys,
		       void *out, struct arena *a, struct buf *complaints);
/* The same without judging names that are not in the table. */
MUST_USE err conf_read_known(const struct conf_node *n, const struct conf_key *keys, size_t nkeys,
			     void *out, struct arena *a, struct buf *complaints);
/* The line of help, type, range and default of one key, for `posta check --settings`. */
void conf_describe(const struct conf_key *k, struct buf *out);
/* The nearest of the names to a misspelt one, NULL when none is near. */
const char *conf_nearest(str name, const char *const *names, size_t n);
/* Adds one complaint about n in the same form (n NULL: without a place). What is over the buffer's
 * maximum is left out: the first complaints are the ones to mend. */
void conf_complain(const struct conf_node *n, struct buf *complaints, const char *fmt, ...)
	PRINTF(3, 4);

#endif
