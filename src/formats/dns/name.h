/* formats/dns/name.h: domain names. Two forms: text as in master files (RFC 1035 5.1, 4343: escapes
 * \X and \DDD) and wire (RFC 1035 3.1: labels with their lengths, the root's 0 at the end, never
 * compressed here). A wire name is a str of 1 to 255 octets that this module made or checked.
 * Pure; nothing is allocated. */
#ifndef FORMATS_DNS_NAME_H
#define FORMATS_DNS_NAME_H

#include "base/buf.h"

enum { DNS_NAME_MAX = 255, DNS_LABEL_MAX = 63, DNS_LABELS_MAX = 127 };

struct dns_name {
	unsigned char p[DNS_NAME_MAX];
	unsigned char n; /* 0: no name */
};
static inline str dns_name_str(const struct dns_name *n)
{
	return str_of(n->p, n->n);
}

/* text: "www", "www.example.", "@" (the origin). A name without a dot at its end is put under
 * origin (a wire name; "" refuses such names... see E_SYNTAX). Case is kept. E_SYNTAX: empty label,
 * label over 63, bad escape, relative without origin. E_LIMIT: over 255 octets. */
MUST_USE err dns_name_parse(str text, str origin, struct dns_name *out);
/* "www.example." with escapes where RFC 1035 5.1 needs them; the root is ".". */
void dns_name_print(str wire, struct buf *out);
/* Checks octets from elsewhere: true when s is exactly one uncompressed wire name. */
bool dns_name_valid(str s);

/* A to Z made small (RFC 4343), in place. */
void dns_name_lower(struct dns_name *n);
bool dns_name_eq(str a, str b); /* case-insensitive */
/* Canonical order of RFC 4034 6.1: <0, 0, >0. */
int dns_name_cmp(str a, str b);
/* Labels without the root: 0 for ".". */
unsigned dns_name_labels(str wire);
/* The name without its first label; the root gives itself. */
str dns_name_parent(str wire);
/* Is name equal to or below zone? */
bool dns_name_under(str name, str zone);
/* "*" + wire. E_LIMIT over 255. */
MUST_USE err dns_name_wildcard(str wire, struct dns_name *out);
bool dns_name_is_wildcard(str wire);

#endif
