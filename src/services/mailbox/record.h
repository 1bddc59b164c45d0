/* services/mailbox/record.h: keys and rows of a user's partition. Keys begin with a letter, numbers
 * are big-endian, so that rows sort; docs/design/mailbox.md has the table. Pure. */
#ifndef SERVICES_MAILBOX_RECORD_H
#define SERVICES_MAILBOX_RECORD_H

#include "base/limits.h"
#include "services/mailbox/mailbox.h"

enum { PART_NAME = 20 };
/* "u/" and 16 hexadecimal digits. */
str part_name(uint64_t user, char out[PART_NAME]);
MUST_USE err part_user(str name, uint64_t *user);

struct body_id {
	uint8_t b[16]; /* milliseconds since 1970 (6 octets), random */
};
static inline str body_str(const struct body_id *id)
{
	return str_of(id->b, sizeof(id->b));
}
int64_t body_made(const struct body_id *id); /* milliseconds since 1970 */

enum {
	KEY_BOX = 'B',	     /* the box */
	KEY_DELIVERY = 'D',  /* delivery id -> seconds */
	KEY_FOLDER = 'F',    /* folder */
	KEY_GRAVE = 'G',     /* deleted folder, its mails wait to be reclaimed */
	KEY_SUB = 'S',	     /* subscribed name without a folder */
	KEY_DELIVERED = 'T', /* seconds, delivery id: the order to forget them in */
	KEY_BODY = 'b',	     /* body -> how many mails of this partition refer to it */
	KEY_CACHE = 'c',     /* folder, uid -> body, prefix, what MIME said */
	KEY_EXPUNGED = 'e',  /* milliseconds, folder, uid -> the mail as it was */
	KEY_MAIL = 'm',	     /* folder, uid -> mail */
	KEY_HELD = 'q',	     /* milliseconds, folder, uid: when a mail that was held back came */
	KEY_REF = 't',	     /* hash of a message id and base subject -> thread */
};
struct key {
	char b[LIM_DELIVERY_ID + 24]; /* longer texts have keys of their own: sub_key */
	size_t n;
};
static inline str key_str(const struct key *k)
{
	return str_of(k->b, k->n);
}
struct key key_plain(char what);
struct key key_num(char what, uint64_t n);
struct key key_num2(char what, uint64_t n, uint32_t uid);
struct key key_num3(char what, uint64_t when, uint64_t folder, uint32_t uid);
struct key key_text(char what, str text);
struct key key_num_text(char what, uint64_t n, str text);
/* KEY_SUB and the name, in the arena. */
str sub_key(struct arena *a, str name);

struct box_rec {
	uint64_t modseq, next_folder;
	uint32_t uidvalidity; /* the highest given so far */
	uint64_t quota, used, mails, deliveries;
};
struct folder_rec {
	uint64_t id;
	str name;
	enum folder_use use;
	bool subscribed, noselect;
	uint32_t uidvalidity, uidnext, recent; /* recent: UIDs from here on were seen by nobody */
	uint32_t mails, unseen, deleted;
	uint64_t octets, modseq;
	str *keywords;
	size_t nkeywords;
};
/* What is kept beside a mail and read only when somebody wants to see it. */
struct cache_rec {
	struct body_id body;
	str prefix; /* header lines before the body */
	struct mail_cache mime;
};
void box_rec_add(struct buf *out, const struct box_rec *r);
MUST_USE err box_rec_read(str row, struct box_rec *r);
void folder_rec_add(struct buf *out, const struct folder_rec *r);
MUST_USE err folder_rec_read(uint64_t id, str row, struct arena *a,
			     struct folder_rec *r); /* views into row */
void mail_rec_add(struct buf *out, const struct mail *m);
MUST_USE err mail_rec_read(uint32_t uid, str row, struct mail *m);
void cache_rec_add(struct buf *out, const struct cache_rec *r);
MUST_USE err cache_rec_read(str row, struct cache_rec *r); /* views into row */

/* "INBOX" in any case as the first level becomes INBOX. E_SYNTAX, E_LIMIT. */
MUST_USE err folder_name(str name, struct arena *a, str *out);

#endif
