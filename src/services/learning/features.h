/* services/learning/features.h: how features are gathered. For this folder's features.c and
 * relations.c alone; callers read learning.h. */
#ifndef SERVICES_LEARNING_FEATURES_H
#define SERVICES_LEARNING_FEATURES_H

#include "base/limits.h"
#include "services/learning/learning.h"

#define FEATURES_SLOTS (2 * 4096) /* a power of two, over 2 * LIM_LEARNING_FEATURES */
#define FEATURES_LINKS 100	  /* of a message */

enum features_group {
	BODY,
	STEM, /* beginnings of the body's words, ... */
	SUBJECT,
	SUBJECT_STEM,
	LINK,
	SHAPE,
	TAG,
	PART,
	SENDER,
	RELATION,
	FEATURES_GROUPS
};

struct features_work {
	struct scan_mail *m;
	struct learning_features *out;
	unsigned char group[LIM_LEARNING_FEATURES]; /* of each feature */
	uint32_t seen[FEATURES_SLOTS];
	size_t count[FEATURES_GROUPS];
	bool bounce; /* its words are somebody else's: they count apart */
};

/* A feature once more: seen before, it changes nothing. prefix: at most 8 octets count. word lives
 * as long as the mail. */
void features_see(struct features_work *w, enum features_group g, str prefix, str word);
void features_see_fmt(struct features_work *w, enum features_group g, const char *fmt, ...)
	PRINTF(3, 4);

str features_header(struct features_work *w, const char *spec); /* "": there is none */
str features_domain(str address);				/* behind the "@" */
str features_registered(str host);				/* the host itself when none is */
str features_top(str host);					/* "com" */
size_t features_word(str s); /* octets of the word that s begins with */
size_t features_count(str s, char c);
/* 0, 1, 2 to 3, 4 to 7, ...: how many, roughly. */
unsigned features_scale(size_t n);

/* relations.c */
void features_relations(struct features_work *w);

#endif
