/* services/zones/journal_part.h: the journal's inside: steps and their chains, frames of the file.
 */
#ifndef SERVICES_ZONES_JOURNAL_PART_H
#define SERVICES_ZONES_JOURNAL_PART_H

#include <stdatomic.h>

#include "base/list.h"
#include "formats/dns/message.h"
#include "services/zones/journal.h"

struct chain;
struct step {
	struct journal_step s;
	_Atomic unsigned refs;
	uint64_t digest;       /* of the zone behind it */
	struct chain *of;      /* NULL: in no chain */
	struct link mine, all; /* of its chain, of all steps: oldest first */
	char octets[];	       /* of both halves */
};
/* Copies the halves; one reference. NULL: no memory. */
struct step *step_new(uint32_t from, uint32_t to, uint64_t digest, str deleted, str added);
void step_drop(struct step *s);
/* Octets that it is counted with. */
size_t step_size(const struct step *s);

/* ---- journal_step.c: pure ---- */
void journal_record_add(struct buf *out, const struct journal_record *r);
/* What two zones (held) differ in. E_NOTFOUND: nothing; E_LIMIT: over max; E_SYNTAX: the serial did
 * not go up (RFC 1982). */
MUST_USE err journal_diff(const struct zone *from, const struct zone *to, size_t max,
			  struct step **out);
/* A hash of all that a zone says. */
uint64_t journal_digest(const struct zone *z);

/* ---- journal_file.c: frames; pure but for the two that write ---- */
struct journal_frame {
	str apex;
	bool forget; /* the zone has no differences any more; the rest is nothing */
	struct journal_step step;
	uint64_t digest;
};
void journal_frame_add(struct buf *out, const struct journal_frame *f);
/* Reads a whole file; gives the octets up to where it is sound. A frame's views live as long as the
 * file's octets. */
size_t journal_read(str file, void (*fn)(void *arg, const struct journal_frame *f), void *arg);
extern const str journal_magic;

#endif
