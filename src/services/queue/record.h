/* services/queue/record.h: how a queue stands in its partition.
 *   e<id>                        entry: envelope, name of the message's blob, number of lots it
 * began with l<id>\0<lot>                 lot: destination, state, recipients and what was last
 * heard of each t<due><id>\0<lot>            waits for its time; the value is the destination
 *   w<destination>\0<due><id>\0<lot>   ready to be tried
 *   x<id>\0<lot>                 set aside: bytes that could not be read, and why
 * <due> is unix milliseconds, 8 octets, big-endian; <lot> 2 octets. A lot has at most one of t and
 * w; a held one none. Records end with a CRC-32C. Pure; results live in the arena given. */
#ifndef SERVICES_QUEUE_RECORD_H
#define SERVICES_QUEUE_RECORD_H

#include "services/queue/queue.h"

enum { ID_MAX = 40, DESTINATION_MAX = 255 };

struct entry {
	str id, blob; /* id: trace id, "-2" behind when it was taken */
	str from, envid;
	bool ret_hdrs, smtputf8, body8bit;
	int64_t arrived; /* unix seconds */
	uint64_t size;
	unsigned nlots; /* that it began with */
};
enum lot_state { LOT_WAITING, LOT_HELD };
struct lot_rcpt {
	struct queue_rcpt r;
	str status, text, server; /* of the last attempt */
};
struct lot {
	str id; /* of its entry */
	unsigned no;
	str destination;
	enum lot_state state;
	unsigned attempts;
	bool warned;
	int64_t due;	  /* unix milliseconds; of its key in t or w */
	int64_t last_try; /* unix milliseconds, 0 = never */
	struct lot_rcpt *rcpts;
	size_t nrcpts;
};

/* Keys. p NULL when the arena is full. */
str key_entry(struct arena *a, str id);
str key_lot(struct arena *a, str id, unsigned no);
str key_due(struct arena *a, int64_t due, str id, unsigned no);
str key_ready(struct arena *a, str destination, int64_t due, str id, unsigned no);
str key_aside(struct arena *a, str id, unsigned no);
/* The first and last possible keys of an entry's lots, of a destination's ready lots. */
void range_lots(struct arena *a, str id, str *from, str *to);
void range_ready(struct arena *a, str destination, str *from, str *to);
/* E_CORRUPT when the key has not that form. */
MUST_USE err parse_lot_key(str key, str *id, unsigned *no);
MUST_USE err parse_due_key(str key, int64_t *due, str *id, unsigned *no);
MUST_USE err parse_ready_key(str key, str *destination, int64_t *due, str *id, unsigned *no);

void entry_print(struct buf *out, const struct entry *e);
MUST_USE err entry_parse(str value, str id, struct entry *out); /* views into value */
void lot_print(struct buf *out, const struct lot *l);
MUST_USE err lot_parse(str value, str id, unsigned no, struct arena *a, struct lot *out);

/* The trace id of an entry: its id without "-2". */
str entry_trace(str id);

#endif
