/* services/digest/digest.h: the mail that lists for a user what was held back, and the addresses in
 * it that release: ana+release-TICKET@demo.test, so that any mail program can. A ticket is good for
 * one mail of one user until a day; an HMAC (RFC 2104, SHA-256, cut to 80 bits) under a key of the
 * store binds it. What a ticket needs beside the address (user, folder) is not in it. Pure. */
#ifndef SERVICES_DIGEST_DIGEST_H
#define SERVICES_DIGEST_DIGEST_H

#include "base/buf.h"

enum { DIGEST_KEY = 32, DIGEST_DAY = 86400 };

/* ---- ticket.c ---- */
struct digest_ticket {
	uint64_t user, folder; /* ids */
	uint32_t uid;
	bool quarantine; /* in quarantine, else in the Spam folder */
	unsigned day;	 /* the last one on which it is good, since 1970 */
};
/* Adds the detail, "release-" and 26 letters and digits. */
void digest_add_detail(struct buf *out, const uint8_t key[DIGEST_KEY],
		       const struct digest_ticket *t);
/* True when a detail has that form, whatever it is worth. */
bool digest_is_release(str detail);
/* uid, quarantine and day, as the detail says and nobody has checked. E_SYNTAX: not of the form. */
MUST_USE err digest_read_detail(str detail, struct digest_ticket *t);
/* OK: made with this key for this ticket, user and folder included. E_DENIED: not. */
MUST_USE err digest_check(str detail, const uint8_t key[DIGEST_KEY], const struct digest_ticket *t);

/* ---- text.c ---- */
struct digest_mail {
	str from, subject; /* for people, of the mail: hostile */
	str score, place;  /* as X-Spam-Score and X-Spam-Place have them */
	int64_t at;	   /* seconds since 1970 */
	bool quarantine;
	str release;	 /* the address, "" for none */
	const char *why; /* there is none */
};
struct digest {
	str login, hostname;
	int64_t now, keep; /* seconds since 1970; seconds that a mail stays in quarantine */
	const struct digest_mail *mails;
	size_t n;
	bool more; /* there are older ones that are not listed */
	str id;	   /* of the message, without brackets and domain */
};
/* Adds the whole message, RFC 5322 and MIME, lines of at most 998 octets. */
void digest_print(const struct digest *d, struct buf *out);

#endif
