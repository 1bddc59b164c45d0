/* formats/mailauth/tags.h: tag=value lists, RFC 6376 3.2. Pure; views point into the text. */
#ifndef FORMATS_MAILAUTH_TAGS_H
#define FORMATS_MAILAUTH_TAGS_H

#include "base/arena.h"
#include "base/limits.h"

struct tag {
	str name, value; /* value: without white space at its ends */
	str whole;	 /* the value with it: from behind '=' to ';' */
};
struct tags {
	struct tag v[LIM_DKIM_TAGS];
	size_t n;
};
/* E_SYNTAX: the grammar, or a name twice (then nothing of the list counts); E_LIMIT. */
MUST_USE err tags_parse(str text, struct tags *out);
/* NULL when it is not there. Names are case sensitive. */
const struct tag *tags_find(const struct tags *t, str name);
/* The value; p NULL when it is not there. */
str tags_value(const struct tags *t, str name);

/* The base64 of a value, white space in it left out; missing padding is forgiven. E_SYNTAX,
 * E_LIMIT. */
MUST_USE err tags_base64(str value, struct arena *a, str *out);
/* The next word of a list with ':' between words, its white space cut off; false at the end. */
bool tags_word(str *rest, str *word);

#endif
