/* sessions/imap/imap.h: IMAP over a mailbox, as store serves it to the proxy.
 * RFC 9051 and RFC 3501 with IDLE (2177), NAMESPACE (2342), ID (2971), UNSELECT (3691), UIDPLUS
 * (4315), SASL-IR (4959), ENABLE (5161), SPECIAL-USE (6154), MOVE (6851), LITERAL+ (7888),
 * CONDSTORE (7162), ESEARCH (4731), SEARCHRES (5182), LIST-EXTENDED (5258), LIST-STATUS (5819),
 * CHILDREN (3348), BINARY (3516), OBJECTID (8474), STATUS=SIZE (8438), SAVEDATE (8514), QUOTA
 * (9208), WITHIN (5032), UTF8=ACCEPT (6855). Customers never speak to it directly: their TLS,
 * passwords and brakes end at the proxy, which names the user by AUTHENTICATE EXTERNAL. */
#ifndef SESSIONS_IMAP_IMAP_H
#define SESSIONS_IMAP_IMAP_H

#include "run/stream.h"
#include "services/mailbox/mailbox.h"

struct imap_role {
	str (*hostname)(void);
	/* The process is to end: sessions say BYE between commands. May be NULL. */
	bool (*draining)(void);
	/* Told when the session begins and ends to wait for its client (role_idle). May be NULL. */
	void (*resting)(bool);
	/* Auto-logout, RFC 9051 5.4 asks at least 30 minutes; 0 = 30 minutes. */
	msec idle;
	/* Where big messages of APPEND go while they come; the most octets of one, 0 = LIM_MESSAGE.
	 */
	const char *spool_dir;
	uint64_t message_max;
	/* EXTERNAL: opens the mailbox of the user whom this peer names. E_NOTFOUND: no such user;
	 * E_AGAIN: not here or not now; E_DENIED: this peer may not. origin: the customer's address
	 * as the peer says, "" unknown. */
	WAITS err (*login_as)(struct stream *io, str login, str origin, struct box **out);
	/* The user said of mails what they are, by putting them into or taking them out of Spam.
	 * uids[n] in the folder where they are now; copied. Must not wait. May be NULL. */
	void (*lesson)(struct box *b, str folder, const uint32_t *uids, size_t n, bool spam);
	/* True: this peer may tell the customer's address by ID. */
	bool (*trusted)(struct stream *io);
};
/* Runs one connection to its end; closes io. */
WAITS err imap_session(struct stream *io, const struct imap_role *role);

#endif
