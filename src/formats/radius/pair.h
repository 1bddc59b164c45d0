/* formats/radius/pair.h: attributes by the dictionary: from the wire, to the wire, as text. For
 * settings, logs and tools: the serving of requests goes by packet.h alone. Pure. Pairs and what
 * they point to live in the arena (or in the packet that they were read from).
 *
 * RFC 2865 5 (types), 5.26 (vendors); 2868 3 (tags, Tunnel-Password); 6929 (extended, TLV); 8044.
 */
#ifndef FORMATS_RADIUS_PAIR_H
#define FORMATS_RADIUS_PAIR_H

#include "base/limits.h"
#include "formats/radius/dict.h"
#include "formats/radius/packet.h"

struct radius_pair {
	struct radius_pair *next, *children, *last; /* last of the children */
	const struct radius_attr *attr; /* NULL: nobody knows it; &radius_tag: number is a tag */
	uint32_t number;
	bool raw; /* value does not fit the attribute's type */
	/* Of one without children: in wire form, in clear, without tag; dates and times in 8
	 * octets.
	 */
	str value;
};
/* "Tag-1 = { ... }": what belongs together (RFC 2868 3). */
extern const struct radius_attr radius_tag;

/* What hidden values are hidden with. authenticator: the request's. salt: of the next
 * Tunnel-Password, counted on. */
struct radius_hiding {
	str secret;
	const unsigned char *authenticator;
	unsigned salt;
};

/* attributes: of a checked packet. hiding NULL: hidden values stay as they are, raw. Never fails
 * but for E_LIMIT (the arena): what does not fit its type is raw. */
MUST_USE err radius_pairs_read(const struct radius_dict *d, str attributes,
			       const struct radius_hiding *hiding, struct arena *a,
			       struct radius_pair **out);
/* E_LIMIT: too long for an attribute. E_DENIED: a hidden one without hiding. */
MUST_USE err radius_pairs_write(const struct radius_pair *p, struct radius_hiding *hiding,
				struct buf *out);
/* Some attribute among them is hidden on the wire: it must be written for each answer anew. */
bool radius_pairs_hidden(const struct radius_pair *p);

/* "Framed-Pool = gold, Mikrotik-Rate-Limit = \"2M/8M\"": FreeRADIUS 3's names, or 4's with parents
 * ("Vendor-Specific.Mikrotik = { ... }"), values quoted where they have blanks, "Attr:1" or
 * "Tag-1 = { }" for tags, "Attr-26.311.7" or "raw.26..." for numbers. E_SYNTAX, E_NOTFOUND an
 * attribute, E_LIMIT; the text says what. */
MUST_USE err radius_pairs_parse(const struct radius_dict *d, str text, struct arena *a,
				struct radius_pair **out);
enum radius_style {
	RADIUS_FLAT,   /* one name each: "Service-Type = Framed-User", secrets left out */
	RADIUS_NESTED, /* as FreeRADIUS 4 */
};
void radius_pairs_print(const struct radius_dict *d, const struct radius_pair *p,
			enum radius_style style, struct buf *out);

/* ---- inside ---- */
/* A value's text (unquoted; quoted says whether it was) to its wire form. */
MUST_USE err radius_value_parse(const struct radius_dict *d, const struct radius_attr *a, str text,
				bool quoted, struct buf *out);
void radius_value_print(const struct radius_dict *d, const struct radius_attr *a, str value,
			enum radius_style style, struct buf *out);
/* The wire form as a pair keeps it (prefixes cut, dates wide). E_SYNTAX: not of its type. */
MUST_USE err radius_value_read(const struct radius_attr *a, str wire, struct arena *ar, str *out);

/* Where a leaf goes: a step down the tree, and whether a new node is begun there. */
struct radius_step {
	const struct radius_attr *attr;
	uint32_t number;
	bool fresh;
};
struct radius_build {
	const struct radius_dict *d;
	struct arena *a;
	struct radius_pair root; /* its children are the result */
	size_t count;
	struct radius_step steps[LIM_RADIUS_DEPTH];
	size_t depth;
};
/* E_LIMIT. leaf is copied; below Tag-N where tag is not 0. */
MUST_USE err radius_build_add(struct radius_build *b, unsigned tag, const struct radius_pair *leaf);
MUST_USE err radius_build_enter(struct radius_build *b, const struct radius_attr *a,
				uint32_t number, bool fresh);

#endif
