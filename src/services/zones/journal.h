/* services/zones/journal.h: what changed from one version of a zone to the next, for incremental
 * transfers (RFC 1995): in memory, and in one file, so that a restart forgets nothing.
 *
 * Whoever changes a zone is not held up: a fiber of the loop that opened the journal takes changes
 * down, one after the other. A difference that is not known yet, or no more, is no harm: the zone
 * is transferred whole. The file is never needed to serve; where it cannot be written, the journal
 * goes on in memory. */
#ifndef SERVICES_ZONES_JOURNAL_H
#define SERVICES_ZONES_JOURNAL_H

#include "base/buf.h"
#include "services/zones/zones.h"

struct journal;
struct journal_options {
	const char *path;     /* the file, made where absent; copied */
	size_t zone_max, max; /* octets of one zone's differences, of all zones' */
	/* Told of each change after it was taken down, on the journal's fiber: fresh NULL: the zone
	 * is gone. Must not wait. */
	void (*told)(void *arg, str apex, struct zone *fresh);
	void *arg;
};
/* Before the first zone is put. What the file holds of a zone is used when the zone that is put
 * first has the serial and the contents at its end. */
WAITS MUST_USE err journal_open(const struct journal_options *o, struct zones *z,
				struct journal **out);
/* Takes down what is waiting. No zone may change afterwards. NULL allowed. */
WAITS void journal_close(struct journal *j);
/* Other bounds, from now on. */
void journal_configure(struct journal *j, size_t zone_max, size_t max);

/* ---- reading, on any loop ---- */
struct journal_record {
	str owner;
	uint16_t type;
	uint32_t ttl;
	str rdata;
};
/* From one serial to the next: both halves begin with their SOA. Immutable. */
struct journal_step {
	uint32_t from, to;
	str deleted, added; /* of journal_next */
};
/* for (str rest = step->deleted; journal_next(&rest, &record);) */
bool journal_next(str *rest, struct journal_record *out);

struct journal_steps {
	const struct journal_step **v; /* in order */
	size_t n;
	size_t octets; /* of both halves of all */
};
/* What leads from one serial to another, held. E_NOTFOUND. */
MUST_USE err journal_find(struct journal *j, str apex, uint32_t from, uint32_t to,
			  struct journal_steps *out);
void journal_steps_drop(struct journal_steps *s); /* for CLEANUP; zeroed is allowed */
/* Makes one step of several (RFC 1995 5): what was added and deleted again is left out. E_LIMIT:
 * not done, s is as it was. */
MUST_USE err journal_condense(struct journal_steps *s);

#endif
