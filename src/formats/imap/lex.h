/* formats/imap/lex.h: the words of IMAP, for both ends.
 * RFC 9051 9 and RFC 3501 9 (formal syntax), RFC 3516 4.4 (literal8), RFC 7888 (non-synchronizing
 * literals). Input is a whole command or response without its last CRLF; a literal stands in it as
 * it came:
 * "{5}\r\nhello". Pure: never waits. Results are views into the input, or into the arena where
 * something had to be unescaped. Every function returns E_SYNTAX with a text that says what was
 * expected, E_LIMIT when the arena is full, and then leaves the cursor where it was or behind it:
 * the caller gives up. */
#ifndef FORMATS_IMAP_LEX_H
#define FORMATS_IMAP_LEX_H

#include "base/arena.h"
#include "base/limits.h"

struct imap_in {
	str rest;
	struct arena *a;
};

/* The octets that an atom may not have: atom-specials of RFC 9051 9 and octets over 127. */
bool imap_atom_char(char c);
/* atom-char or "]". */
bool imap_astring_char(char c);

/* True and eaten when the next octet is c. */
bool imap_eat(struct imap_in *in, char c);
/* True and eaten when the next word is w (any case) and ends there. */
bool imap_eat_word(struct imap_in *in, str w);
bool imap_at_end(const struct imap_in *in);
MUST_USE err imap_expect(struct imap_in *in, char c);
MUST_USE err imap_expect_end(const struct imap_in *in);

MUST_USE err imap_atom(struct imap_in *in, str *out);
/* quoted or literal. Quoted text may hold UTF-8 (RFC 9051); a NUL is an error. */
MUST_USE err imap_string(struct imap_in *in, str *out);
MUST_USE err imap_astring(struct imap_in *in, str *out);
/* p NULL for NIL. */
MUST_USE err imap_nstring(struct imap_in *in, str *out);
/* Decimal digits up to max. E_LIMIT above. */
MUST_USE err imap_number(struct imap_in *in, uint64_t max, uint64_t *out);
/* An astring; "inbox" in any case becomes "INBOX"; modified UTF-7 becomes UTF-8. Valid UTF-8 is
 * taken as such (RFC 9051 5.1, RFC 6855), and where utf8 is true '&' means itself. */
MUST_USE err imap_mailbox(struct imap_in *in, bool utf8, str *out);
/* The same where wildcards may stand (list-mailbox). */
MUST_USE err imap_pattern(struct imap_in *in, bool utf8, str *out);
/* "\Seen" or an atom, as written. */
MUST_USE err imap_flag(struct imap_in *in, str *out);

/* What a line ends with: "{12}", "{12+}", "~{12}"; false when it is no literal. A number over
 * 2^63-1 counts as that. */
struct imap_literal {
	uint64_t size;
	bool nosync, binary; /* "+", "~" */
	size_t at;	     /* where it begins in the line */
};
bool imap_literal_at_end(str line, struct imap_literal *out);

#endif
