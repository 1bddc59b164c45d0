/* formats/mailauth/spf.h: an SPF record, RFC 7208 4.6, 5, 6, 7, 12. Pure. Views point into the
 * text. A record is taken as a whole: a syntax error anywhere makes all of it invalid (4.6). */
#ifndef FORMATS_MAILAUTH_SPF_H
#define FORMATS_MAILAUTH_SPF_H

#include "base/arena.h"

enum spf_mechanism { SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS };
struct spf_term {
	enum spf_mechanism what;
	char qualifier; /* + - ~ ? */
	str text;	/* whole, for people */
	str domain;	/* domain-spec with its macros; p NULL: not given */
	unsigned char ip[16];
	unsigned bits4, bits6;
};
struct spf_record {
	struct spf_term *terms;
	size_t n;
	str redirect, explain; /* domain-specs; p NULL: not given */
};

/* "v=spf1" and a space or the end: the others at a name do not count (4.5). */
bool spf_is_record(str text);
/* text: a record that spf_is_record took. E_SYNTAX with a text that names the term; E_LIMIT. */
MUST_USE err spf_parse(str text, struct arena *a, struct spf_record *out);

/* ---- macros, section 7 ---- */
struct spf_macros {
	str local, sender; /* %{l}, %{o}; %{s} is both */
	str domain;	   /* %{d} */
	str helo;	   /* %{h} */
	str ip;		   /* %{i}: dotted quad, or nibbles with dots */
	bool six;	   /* %{v} */
	str validated;	   /* %{p} */
	str shown;	   /* %{c}: the address as people write it */
	str receiver;	   /* %{r} */
	int64_t now;	   /* %{t} */
};
/* Does the text use this macro (lower case)? */
bool spf_uses(str text, char letter);
/* A domain-spec: out is the name, cut from the left to LIM_SPF_NAME octets (7.3), without a dot at
 * its end; it may be no valid name. E_SYNTAX, E_LIMIT. */
MUST_USE err spf_expand_name(str spec, const struct spf_macros *m, struct buf *out);
/* What exp= leads to (6.2): spaces and %{c}, %{r}, %{t} too. */
MUST_USE err spf_expand_text(str text, const struct spf_macros *m, struct buf *out);

/* Is it a domain-spec / a macro-string? For spf_parse. */
bool spf_domain_spec(str s);
bool spf_macro_string(str s);

#endif
