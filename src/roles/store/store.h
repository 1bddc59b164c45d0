/* roles/store/store.h: mailboxes. LMTP in (lmtp.c); IMAP and POP3 out have a file each. One process
 * with several loops, since one process can open RocksDB. */
#ifndef ROLES_STORE_STORE_H
#define ROLES_STORE_STORE_H

#include "run/role.h"
#include "services/directory/directory.h"
#include "services/mailbox/mailbox.h"
#include "services/verdict/verdict.h"
#include "sessions/smtp/smtp.h"

extern const struct role role_store;

struct store_settings {
	str hostname;			    /* in greetings */
	str backend;			    /* this store's name in users' locations */
	bool over_quota_permanent;	    /* 552 5.2.2 rather than 452 4.2.2 */
	const struct net_block *lmtp_peers; /* who may use LMTP over TCP */
	size_t nlmtp_peers;
	const struct net_block *place_peers; /* whose user+Spam and user+Quarantine name a place */
	size_t nplace_peers;
	struct smtp_limits lmtp;
	/* as conf_read gives them */
	int64_t message_max, rcpts_max, reserve, keep_expunged, reclaim;
	int64_t keep_quarantine;
	str digest_word;
	enum dir_digest digest; /* of users of whom nobody says anything */
	int64_t digest_at, digest_every;
	const struct net_addr *filters;
	size_t nfilters;
	struct conf_strs filter_texts;
	struct conf_strs lmtp_peer_texts, place_peer_texts;
};
/* Those in force; a reload makes new ones, old ones stay readable. */
const struct store_settings *store_settings(void);

/* What the sessions of this process stand on, between start and stop. */
struct store {
	struct kv *kv;
	struct mailstore *mail;
	struct dirtable *table;
};
const struct store *store_here(void);

/* Is this user's mailbox here, now? E_AGAIN: it lives elsewhere or is moving (LMTP 451 4.2.0, login
 * [UNAVAILABLE]); E_DENIED: another node has taken it, E_IO and the like. OK: *box is held by the
 * caller. */
WAITS MUST_USE err store_open_box(const struct dir_user *u, struct box **box);

/* learn.c: what users say of mails, told to a filter in their name. */
MUST_USE err store_learn_open(void);
WAITS void store_learn_close(void);
bool store_learns(void); /* there is a filter to tell */
void store_lesson(struct box *b, str folder, const uint32_t *uids, size_t n, bool spam);
/* digest.c: tells users once a day what was held back. */
WAITS MUST_USE err store_digest_open(const struct role_env *env);
WAITS err store_digest_fiber(void *arg);
/* release.c: what they do with it. Reads this store's key, made at its first start. */
WAITS MUST_USE err store_release_open(const struct role_env *env);
/* The address that releases a mail of a user, until day; p NULL: the login is too long for one. */
str store_release_address(struct arena *a, const struct dir_user *u, uint64_t folder, uint32_t uid,
			  bool quarantine, unsigned day);
/* At RCPT, of a detail of that form: v is set unless the address is one that this store gave this
 * user, and still good. */
WAITS MUST_USE err store_release_check(const struct dir_user *u, struct box *b, str detail,
				       struct verdict *v);
/* After the data; v says what came of it. */
WAITS MUST_USE err store_release(struct box *b, str login, str detail, struct verdict *v);
/* quarantine.c: the control requests of `posta filter quarantine`. */
WAITS MUST_USE err store_control(str method, str path, str body, struct buf *json);

/* Sessions of the listeners. */
WAITS MUST_USE err store_lmtp_session(struct stream *io, const struct listener *l); /* lmtp.c */
WAITS MUST_USE err store_imap_session(struct stream *io, const struct listener *l); /* imap.c */
WAITS MUST_USE err store_pop3_session(struct stream *io, const struct listener *l); /* pop3.c */

#endif
