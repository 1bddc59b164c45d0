/* services/directory/dirdb_state.h: what the dirdb_*.c share. */
#ifndef SERVICES_DIRECTORY_DIRDB_STATE_H
#define SERVICES_DIRECTORY_DIRDB_STATE_H

#include "services/directory/dirdb.h"

struct directory {
	struct sql *s;
	struct arena scratch; /* of one call */
	bool in_tx;	      /* between directory_begin and commit */
	bool note_all, noted; /* one row "all" stands for every change of this transaction */
	uint64_t last_domain; /* the domain looked up last, for imports; valid within a transaction
			       */
	char last_name[256];
};

/* Opens a transaction unless the caller has one; change_end commits it, or rolls it back when e is
 * an error. */
MUST_USE err change_begin(struct directory *d);
MUST_USE err change_end(struct directory *d, err e);
/* One row of the feed, and the end of the oldest one; inside a transaction. */
MUST_USE err feed_add(struct directory *d, const char *kind, uint64_t id);
MUST_USE err domain_id(struct directory *d, str domain, uint64_t *id);

#endif
