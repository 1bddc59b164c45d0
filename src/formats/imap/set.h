/* formats/imap/set.h: sequence sets. RFC 9051 9 (sequence-set, seq-range), RFC 5182 ($). Pure. */
#ifndef FORMATS_IMAP_SET_H
#define FORMATS_IMAP_SET_H

#include "formats/imap/lex.h"

struct imap_range {
	uint32_t lo, hi; /* 0 is "*" before imap_set_resolve */
};
struct imap_set {
	struct imap_range *v;
	size_t n;
	bool saved; /* "$": the result that SEARCH saved */
};

/* At most LIM_IMAP_SET ranges (E_LIMIT). */
MUST_USE err imap_parse_set(struct imap_in *in, struct imap_set *out);
/* Puts max in the place of "*", then sorts and joins the ranges, so that they ascend and do not
 * touch. With max 0 (an empty folder) what is "*" alone or begins beyond falls away: "*" means no
 * number then. */
void imap_set_resolve(struct imap_set *s, uint32_t max);
/* Of a resolved set. */
bool imap_set_has(const struct imap_set *s, uint32_t number);
/* The largest number written in it ("*" aside); 0 when there is none. Before resolving. */
uint32_t imap_set_largest(const struct imap_set *s);

/* "1:3,7" of ascending numbers. The shortest form, as COPYUID and ESEARCH want it. */
void imap_add_numbers(struct buf *out, const uint32_t *v, size_t n);
/* As written, "*" where 0. For requests of a client. */
void imap_add_set(struct buf *out, const struct imap_set *s);

#endif
