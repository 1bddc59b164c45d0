/* posta/cmd_zone.h: what the verbs of `posta zone` share. */
#ifndef POSTA_CMD_ZONE_H
#define POSTA_CMD_ZONE_H

#include "posta/cmd_directory.h"
#include "services/directory/dirzone.h"
#include "services/zones/load.h"

/* A change of one zone: one transaction, refused when it brings a mistake into the zone. */
struct zone_change {
	struct dircmd *c;
	uint64_t id;
	struct dirzone_name name;
	struct buf before; /* mistakes that were there already */
	bool unchanged;	   /* the serial stays */
};
/* Finds the zone and begins; on an error nothing is begun. */
MUST_USE err zone_change_begin(struct zone_change *z, struct dircmd *c, str name);
/* Raises the serial, looks at the zone as it would be and commits; what was wrong is printed.
 * E_DENIED: there are new mistakes, nothing was changed. On e the change is given up. */
MUST_USE err zone_change_end(struct zone_change *z, err e);

/* Mistakes of a zone as it stands now, "owner: reason" lines; warnings may be NULL. */
MUST_USE err zone_mistakes(struct directory *d, uint64_t id, struct buf *errors,
			   struct buf *warnings);
/* The text that edit shows and show prints: SOA and the operator's records, then what the mail
 * configuration gives as comments (edit) or records. */
MUST_USE err zone_text(struct directory *d, uint64_t id, bool edit, struct buf *out);
/* Makes the records of zone id those of the builder; adds the counts. Inside a change. */
struct zone_counts {
	size_t added, removed, skipped;
	size_t fields; /* of the SOA */
};
MUST_USE err zone_replace(struct directory *d, uint64_t id, struct zone_builder *b, bool fresh,
			  struct zone_counts *n);
/* Reads a whole file, or standard input for "-". */
MUST_USE err zone_slurp(const char *path, struct buf *out);

/* The verbs, each in a file of its own. */
int cmd_zone_record(struct dircmd *c, int argc, char **argv);
int cmd_zone_load(struct dircmd *c, int argc, char **argv);
int cmd_zone_edit(struct dircmd *c, int argc, char **argv);
int cmd_zone_check(struct dircmd *c, int argc, char **argv);
int cmd_zone_followed(struct dircmd *c, int argc, char **argv);
int cmd_zone_sign(struct dircmd *c, int argc, char **argv);
int cmd_zone_unsign(struct dircmd *c, int argc, char **argv);
int cmd_zone_keys(struct dircmd *c, int argc, char **argv);
int cmd_zone_ds(struct dircmd *c, int argc, char **argv);
int cmd_zone_ds_seen(struct dircmd *c, int argc, char **argv);
int cmd_zone_roll(struct dircmd *c, int argc, char **argv);
/* The keys of a zone that is no more (DIRCMD_ZONE_KEYS). */
MUST_USE err cmd_zone_forget_keys(struct dircmd *c, str name);

#endif
