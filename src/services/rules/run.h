/* services/rules/run.h: one message against one set; between this folder's files. */
#ifndef SERVICES_RULES_RUN_H
#define SERVICES_RULES_RUN_H

#include "services/rules/set.h"

struct hs_scratch;

/* What is known of a rule while a message is looked at. */
struct outcome {
	double value;	     /* as metas see it; 0: no hit */
	unsigned hits;	     /* times that its score counts */
	bool ready;	     /* it ran; metas that need one which did not wait until the end */
	bool matched;	     /* its pattern matched this text: for !~ */
	unsigned scan, seen; /* ends of its prefilter in the text of that scan */
	uint64_t last;
};
struct rules_scratch {
	struct rules *of; /* held */
	struct hs_scratch *hs;
	struct regex_room *room;
	struct outcome *v;
	size_t cap;
};
struct run {
	const struct rules *r;
	struct rules_scratch *s;
	struct scan_mail *m;
	const struct rules_options *o;
	struct outcome *v;
	unsigned set; /* of scores */
	int64_t until_us;
	bool ran_out, stopped;
	unsigned scans;
	uint64_t put_off;      /* lazy rules that have texts which are not ASCII to look at */
	struct map captured;   /* name -> struct captured */
	struct scan_strs uris; /* each variant of each once; v NULL: not asked for yet */
	struct eval e;
	void *memo[EVAL_MEMO_COUNT];
};

/* Has it a score, so that it runs at all? */
bool run_is_on(const struct run *g, const struct rule *u);
void run_hit(struct run *g, const struct rule *u, double value);
/* False when the message's CPU time is used up: the rest is left out. */
bool run_goes_on(struct run *g);

/* ---- match.c ---- */
void run_groups(struct run *g);
/* A lazy rule in the texts that its group left to it. */
void run_late(struct run *g, struct rule *u);
/* ---- lazy.c ---- */
void run_lazy(struct run *g);
/* ---- capture.c: rules that keep groups, and rules that use them ---- */
void run_capturers(struct run *g);
void run_users(struct run *g);
/* The texts that a rule's pattern is looked for in; not for mimeheader. */
struct scan_strs run_texts(struct run *g, const struct rule *u);
/* ---- run_meta.c ---- */
void run_metas(struct run *g);

#endif
