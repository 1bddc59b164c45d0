/* services/lists/served.h: which zones a mirror serves, and the answer to one question: from
 * memory, without waiting and without the heap. RFC 5782, RFC 1035, RFC 2308, RFC 6891. */
#ifndef SERVICES_LISTS_SERVED_H
#define SERVICES_LISTS_SERVED_H

#include "formats/dns/message.h"
#include "services/lists/lists.h"

/* A zone of black lists; immutable once it is served. */
struct served_zone {
	struct dns_name name; /* lower case */
	struct list **lists;  /* held */
	size_t nlists;
	bool expired; /* $TIMESTAMP's time is over: SERVFAIL, never "not listed" */
};
struct served {
	struct served_zone *zones;
	size_t nzones;
};
struct served *served_new(size_t nzones);
void served_free(struct served *s); /* drops its lists; NULL allowed */

enum served_what {
	SERVED_LISTED,
	SERVED_NOT,
	SERVED_OTHER,
	SERVED_REFUSED,
	SERVED_MALFORMED,
	SERVED_WHATS
};
/* Writes the answer to one message, at most room octets; 0: none is due. tcp: no truncation. */
size_t served_answer(const struct served *s, str message, bool tcp, char *out, size_t room,
		     enum served_what *what);

#endif
