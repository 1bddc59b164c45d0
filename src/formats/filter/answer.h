/* formats/filter/answer.h: what a filter says about a message, and the JSON that says it: rspamd's
 * answer to POST /checkv2, with posta's "recipients", "virus", "dangerous", "auth_results",
 * "incomplete" and "steps" beside it. Pure. */
#ifndef FORMATS_FILTER_ANSWER_H
#define FORMATS_FILTER_ANSWER_H

#include "base/arena.h"
#include "base/buf.h"

struct filter_symbol {
	str name, text;
	double score;
};
struct filter_recipient { /* posta's filter alone: "recipients" */
	str address, place;
	double score; /* with that user's learning */
};
struct filter_step { /* where the time went */
	str name;
	double ms;
};
struct filter_answer {
	double score, required;
	str action; /* rspamd's: "no action", "add header", "reject", "soft reject", ... */
	struct filter_symbol *symbols;
	size_t nsymbols;
	struct filter_recipient *recipients;
	size_t nrecipients;
	str auth_results; /* an Authentication-Results field's value, "" = none given */
	str virus;	  /* its name, "" = none */
	str dangerous;	  /* a file name that the attachment policy refuses, "" = none */
	bool incomplete;  /* something that should have been asked was away */
	str message_id;	  /* "" = none */
	const struct filter_step *steps;
	size_t nsteps;
	double ms; /* in all */
};

/* E_SYNTAX: no such JSON, or without a score; E_LIMIT: over LIM_FILTER_ANSWER octets,
 * LIM_FILTER_SYMBOLS symbols, LIM_FILTER_JSON_DEPTH levels, or the arena's maximum. Texts live in
 * a. */
MUST_USE err filter_answer_parse(str json, struct arena *a, struct filter_answer *out);
void filter_answer_print(const struct filter_answer *f, struct buf *out);
/* s as a JSON string, quotes included; what is no UTF-8 becomes U+FFFD. */
void filter_json_string(struct buf *out, str s);

#endif
