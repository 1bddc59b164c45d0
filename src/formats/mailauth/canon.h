/* formats/mailauth/canon.h: the canonical forms of headers and bodies, RFC 6376 3.4. Pure, in
 * linear time, in pieces: what comes out goes to a function. Lines of the input end with CRLF or
 * LF; those of the output with CRLF. */
#ifndef FORMATS_MAILAUTH_CANON_H
#define FORMATS_MAILAUTH_CANON_H

#include "base/arena.h"

struct canon_sink {
	void (*add)(void *arg, str bytes);
	void *arg;
};

/* ---- body, 3.4.3 and 3.4.4 ---- */
struct canon_body {
	struct canon_sink sink;
	bool relaxed;
	bool cr;	/* the last octet was a CR that may belong to a line end */
	bool space;	/* white space that goes out if more of the line comes (relaxed) */
	bool written;	/* octets of a line went out */
	uint64_t lines; /* line ends that go out if more comes */
	size_t n;	/* of block */
	char block[1024];
};
void canon_body_begin(struct canon_body *c, bool relaxed, struct canon_sink sink);
void canon_body_add(struct canon_body *c, str piece);
void canon_body_end(struct canon_body *c);

/* ---- header, 3.4.1 and 3.4.2 ---- */
struct canon_field {
	str name; /* before the colon, without white space at its end */
	str raw;  /* the whole field with its line ends */
};
struct canon_message {
	struct canon_field *fields;
	size_t n;
	str body;
};
/* Fields and body. A line without a colon is a field that nobody can name. E_LIMIT: over
 * LIM_DKIM_FIELDS or LIM_DKIM_HEADER. */
MUST_USE err canon_split(str message, struct arena *a, struct canon_message *out);
/* Behind the colon. */
str canon_value(const struct canon_field *f);

/* One field; last: without its line end, as the signature's own. */
void canon_field(const struct canon_field *f, bool relaxed, bool last, struct canon_sink sink);

/* Finds fields of a name from the last one up, each once (5.4.2). used: n of zeros at first. False
 * when there is none left: the empty string is signed. */
bool canon_take(const struct canon_message *m, str name, bool *used, size_t *at);

#endif
