/* formats/imap/command.h: a command's tag and name, and the arguments of those that have no file of
 * their own. RFC 9051 9 (command, append, id); RFC 2971 (ID). Pure. */
#ifndef FORMATS_IMAP_COMMAND_H
#define FORMATS_IMAP_COMMAND_H

#include "formats/imap/set.h"
#include "formats/imap/store.h"

struct imap_command {
	str tag;  /* "" when it could not be read: answer "* BAD" */
	str name; /* "FETCH"; "UID FETCH" gives uid and "FETCH" */
	bool uid;
};
/* The cursor then stands at the arguments' space, or at the end. */
MUST_USE err imap_parse_command(struct imap_in *in, struct imap_command *out);

/* APPEND as far as its message: 'INBOX (\Seen) "date" ' and the line's end is the message's
 * literal. */
struct imap_append {
	str mailbox;
	struct imap_flags flags;
	int64_t date; /* seconds; 0 = not given */
	struct imap_literal literal;
	bool utf8; /* UTF8 (~{...} : a ")" follows the message, RFC 6855 4 */
};
/* E_AGAIN: the literal that the line ends with is not the message but an earlier argument's. */
MUST_USE err imap_parse_append(struct imap_in *in, bool utf8, struct imap_append *out);

/* NIL or ("name" "value" ...): calls fn for each. */
MUST_USE err imap_parse_id(struct imap_in *in, void (*fn)(void *arg, str name, str value),
			   void *arg);

#endif
