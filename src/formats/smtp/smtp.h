/* formats/smtp/smtp.h: the grammar of SMTP and LMTP, both ends.
 * RFC 5321 4.1, 4.2 (commands, paths, replies), 1870 SIZE, 2033 LMTP, 3030 BDAT, 3461 DSN, 3463
 * status codes, 4954 AUTH, 6152 BODY, 6531 SMTPUTF8, 9422 LIMITS. Pure: never waits. Results live
 * in the arena given or point into the input. On error out is untouched and err_last() says what
 * was wrong in words that may be sent to the client (no input is repeated there). */
#ifndef FORMATS_SMTP_SMTP_H
#define FORMATS_SMTP_SMTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

/* Extensions: what a server announced, or what we announce. */
enum {
	SMTP_EXT_SIZE = 1,
	SMTP_EXT_8BITMIME = 2,
	SMTP_EXT_SMTPUTF8 = 4,
	SMTP_EXT_CHUNKING = 8,
	SMTP_EXT_STARTTLS = 16,
	SMTP_EXT_ENHANCED = 32,
	SMTP_EXT_DSN = 64,
	SMTP_EXT_PIPELINING = 128,
	SMTP_EXT_AUTH = 256,
	SMTP_EXT_DELIVERYID = 512, /* XDELIVERYID: a posta store's LMTP, docs/decisions/0060 */
	SMTP_EXT_LIMITS = 1024,
};
/* RFC 3461 4.1 NOTIFY; 0 = not given. */
enum {
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8
};
enum smtp_body { SMTP_BODY_NONE, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };
enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };

/* ---- addresses ---- */
/* A mailbox, RFC 5321 4.1.2. text is its one canonical spelling: domain in lower case (ASCII part),
 * the local part quoted only when it must be. local is unquoted. */
struct smtp_address {
	str text;   /* "ana@demo.test"; "" for <> */
	str local;  /* may hold '@', '%', '!', space: what was quoted */
	str domain; /* "[192.0.2.1]" for a literal; "" for <> and <postmaster> */
	bool utf8;  /* has octets over 127 (RFC 6531) */
};
/* Mailbox alone, no brackets. E_SYNTAX, E_LIMIT (LIM_SMTP_LOCAL, _DOMAIN, _PATH, arena). */
MUST_USE err smtp_parse_address(str in, struct arena *a, struct smtp_address *out);
/* A domain name or address literal, RFC 5321 4.1.2, U-labels allowed. */
bool smtp_domain_valid(str domain);

/* ---- commands: args is what follows the verb and one space, without CRLF ---- */
struct smtp_mail {
	struct smtp_address from;
	uint64_t size; /* SIZE=, 0 = not given */
	enum smtp_body body;
	bool smtputf8;
	enum smtp_ret ret;
	str envid;	 /* decoded, "" = none */
	str auth;	 /* AUTH=, decoded, "" = none */
	str delivery_id; /* XDELIVERYID=, decoded, "" = none */
};
struct smtp_rcpt {
	struct smtp_address to; /* a source route is dropped, RFC 5321 C */
	unsigned notify;	/* SMTP_NOTIFY_* */
	str orcpt;		/* "rfc822;ana@demo.test", decoded, "" = none */
	bool routed;		/* there was a source route */
};
/* ext: SMTP_EXT_* that we announced. E_SYNTAX: grammar (501). E_LIMIT: a part is too long (501).
 * E_DENIED: a parameter that is unknown or not announced (555). E_EXISTS: a parameter twice (501).
 */
MUST_USE err smtp_parse_mail(str args, unsigned ext, struct arena *a, struct smtp_mail *out);
MUST_USE err smtp_parse_rcpt(str args, unsigned ext, struct arena *a, struct smtp_rcpt *out);
/* HELO, EHLO, LHLO: the name as given. Lenient: RFC 5321 4.1.4 lets no mail be refused for a bad
 * name, so one word of visible octets, at most LIM_SMTP_DOMAIN, does. */
MUST_USE err smtp_parse_helo(str args, str *name);
MUST_USE err smtp_parse_bdat(str args, uint64_t *size, bool *last);
/* initial: base64 as received, "=" means an empty one; has_initial false when absent. */
MUST_USE err smtp_parse_auth(str args, str *mechanism, bool *has_initial, str *initial);
/* "MAIL FROM:<a@b.c> SIZE=10 ..." as a client says it; only what ext has is said. */
void smtp_print_mail(struct buf *out, const struct smtp_mail *m, unsigned ext);
void smtp_print_rcpt(struct buf *out, const struct smtp_rcpt *r, unsigned ext);

/* ---- message content ---- */
/* DATA's decoder, RFC 5321 4.1.1.4, 4.5.2. Only CRLF "." CRLF ends it; a CR or LF alone never is a
 * line end and is counted, so that the caller refuses the message (SMTP smuggling). The result does
 * not depend on how the input is cut. while (smtp_data_next(&d, &in, &piece)) add(piece); takes
 * octets from in and gives content, a view into in or static; false: in is used up, or d.done and
 * the rest of in is the next command. Start with zeroes, bdat set for BDAT: nothing is unstuffed
 * and nothing ends it. */
struct smtp_data {
	unsigned char state;
	bool done;
	bool bdat;     /* set by the caller: only judge line ends */
	uint64_t size; /* content octets given so far */
	uint64_t bare; /* CR or LF that stood alone */
};
bool smtp_data_next(struct smtp_data *d, str *in, str *piece);
/* BDAT's end: a CR that was the last octet counts as bare. */
void smtp_data_end(struct smtp_data *d);

/* The encoder of a client: doubles leading dots, makes every line end CRLF (a bare CR or LF too, so
 * that no smuggled end of data leaves), cut-invariant. Start with zeroes. smtp_stuff_end adds a
 * missing last CRLF and, for DATA, the dot. bdat: line ends alone. */
struct smtp_stuff {
	bool bdat;
	unsigned char state;
};
void smtp_stuff(struct smtp_stuff *s, str in, struct buf *out);
void smtp_stuff_end(struct smtp_stuff *s, struct buf *out);

/* ---- replies ---- */
/* One line "250-2.1.0 text". more: '-' follows the code. status "" when the text has no enhanced
 * code (RFC 3463) of the same class. E_SYNTAX. */
struct smtp_reply_line {
	int code;
	bool more;
	str status, text; /* text is behind the status */
};
MUST_USE err smtp_parse_reply_line(str line, struct smtp_reply_line *out);
/* What an EHLO or LHLO reply announces: call with the text of every line but the first. */
struct smtp_server {
	unsigned ext;
	uint64_t size;	   /* SIZE, 0 = none or no limit */
	str auth;	   /* "PLAIN LOGIN", a view */
	uint64_t rcpt_max; /* LIMITS RCPTMAX, 0 = not said */
};
void smtp_parse_ehlo_line(str text, struct smtp_server *out);
/* Makes text safe to be one line of a reply or a log: other octets than printable ASCII become '?';
 * cut to max. */
void smtp_add_clean(struct buf *out, str text, size_t max);

#endif
