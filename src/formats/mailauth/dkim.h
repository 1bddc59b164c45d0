/* formats/mailauth/dkim.h: DKIM-Signature (RFC 6376 3.5, RFC 8463), the two signed fields of ARC
 * (RFC 8617 4.1), and key records (RFC 6376 3.6.1). Pure. Views point into the text; what is
 * decoded lives in the arena. */
#ifndef FORMATS_MAILAUTH_DKIM_H
#define FORMATS_MAILAUTH_DKIM_H

#include "base/arena.h"
#include "formats/mailauth/canon.h"

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };
enum dkim_kind { DKIM_SIGNATURE, DKIM_ARC_MESSAGE, DKIM_ARC_SEAL };

struct dkim_signature {
	enum dkim_algorithm algorithm;
	bool relaxed_header, relaxed_body, canon_given; /* c= */
	str a, domain, selector, identity; /* identity: i= with its quoted-printable undone, or
					      "@d"; "" in ARC */
	str names;			   /* h=: dkim_next_name */
	str b, bh;			   /* decoded; bh has 32 octets, none in a seal */
	str b_text;			   /* as it stands, for header.b */
	str b_whole;			   /* what is taken out before the field itself is hashed */
	bool limited;			   /* l= */
	uint64_t length;
	int64_t time, expires; /* t=, x=; -1: not given */
	unsigned instance;     /* i= of ARC */
	str chain;	       /* cv= of a seal */
};
/* value: of the field, behind its colon. out: what could be read is filled in also on errors, so
 * that it can be reported. E_SYNTAX: not to be understood (other versions too); E_DENIED: an
 * algorithm or a query that we do not take (RFC 8301: rsa-sha1); E_LIMIT. */
MUST_USE err dkim_parse(str value, enum dkim_kind kind, struct arena *a,
			struct dkim_signature *out);
/* The next of h=; false at the end. */
bool dkim_next_name(str *rest, str *name);
/* i= of an ARC field alone, 0 when there is none: also of ARC-Authentication-Results (4.1.1). */
unsigned dkim_instance(str value);
/* The field with b= emptied, its line end kept (RFC 6376 3.7). p NULL: the arena is full. */
str dkim_without_b(const struct canon_field *f, const struct dkim_signature *s, struct arena *a);

struct dkim_key {
	bool ed25519; /* else RSA */
	bool revoked; /* p= is empty */
	bool test;    /* t=y */
	bool strict;  /* t=s: i= in d= itself alone */
	str bytes;    /* p=, decoded */
};
/* E_SYNTAX: no key record; E_DENIED: one that is not for us (k=, h=, s=). */
MUST_USE err dkim_parse_key(str text, struct arena *a, struct dkim_key *out);

/* ---- writing ---- */
struct dkim_writing {
	enum dkim_algorithm algorithm;
	bool relaxed_header, relaxed_body;
	str domain, selector, identity; /* identity "": none */
	const str *names;		/* h=, in this order */
	size_t nnames;
	int64_t time, expires; /* -1: none */
	str bh;		       /* 32 octets */
	unsigned instance;     /* of ARC */
	str chain;	       /* cv= of a seal */
};
/* The whole field without a line end, folded, ending with "b=": dkim_write_b adds the rest. */
void dkim_write(struct buf *out, enum dkim_kind kind, const struct dkim_writing *w);
/* The signature in lines, and a CRLF. */
void dkim_write_b(struct buf *out, str signature);

#endif
