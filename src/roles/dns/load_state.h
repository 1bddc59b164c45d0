/* roles/dns/load_state.h: what load*.c share. */
#ifndef ROLES_DNS_LOAD_STATE_H
#define ROLES_DNS_LOAD_STATE_H

#include "base/map.h"
#include "roles/dns/load.h"
#include "run/fiber.h"

/* A zone that is served from here, or that would be were it not refused. */
struct load_entry {
	struct dns_source source;
	char *transfer, *notify, *path; /* path: of a file, else NULL */
	struct dns_name apex;
	uint32_t serial; /* the directory's */
	struct zone_stamp stamp;
	char *includes; /* of a file: what it includes, as struct zone_file has it; NULL: nothing */
	uint32_t included;
	bool listed;   /* the file stands in posta.conf, not in the folder */
	bool again;    /* build it anew */
	bool missing;  /* said so already */
	unsigned seen; /* the last look that found its source */
};
struct dns_load {
	struct dns_load_options o;
	struct map by_apex, by_id; /* struct load_entry */
	struct fiber *follow;
	struct waitq wake;
	/* the directory: used by one look at a time */
	struct directory *db;
	ino_t inode;
	int64_t data_version;
	uint64_t seq;
	char uuid[16];
	bool known;		 /* seq and uuid are of what is served */
	bool all;		 /* compare every zone at the next look */
	bool failing, no_folder; /* said so already */
	bool dirty;		 /* newer than the snapshot */
	msec next_save, next_files;
	bool reread, again;
	unsigned looks;
};

/* ---- building: load_build.c ---- */
struct load_item {
	uint64_t id; /* of the directory; 0: a file */
	const char *path;
	struct dns_name apex; /* n 0: told by the directory's row */
	bool sign, listed;
	const char *transfer, *notify; /* of a file */
	struct zone_stamp stamp;
	struct buf includes; /* of a file, as struct zone_file has it */
	uint32_t included;
	struct zone *old; /* held while it is built */
	/* what came of it */
	struct zone *fresh;
	char *own_transfer, *own_notify; /* of the directory's row */
	uint32_t serial;
	bool gone, same, late; /* no row or disabled; as old; changed without a new serial */
	err e;
	struct buf why;
};
struct load_batch {
	struct dns_load *l;
	const char *database; /* of the items with an id */
	struct arena a;	      /* the items' texts */
	struct load_item *v;
	size_t n, cap, next, done;
	msec said;
};
void batch_init(struct load_batch *b, struct dns_load *l, const char *database);
struct load_item *batch_add(struct load_batch *b);
void batch_drop(struct load_batch *b);
/* Builds all and puts each into the table as it is ready; then drops the batch. */
WAITS MUST_USE err batch_run(struct load_batch *b);

/* ---- entries: load.c ---- */
struct load_entry *load_find(const struct dns_load *l, str apex);
struct load_entry *load_find_id(const struct dns_load *l, uint64_t id);
/* Serves it no more. */
void load_remove(struct dns_load *l, struct load_entry *e);
/* What a built item means for the table. */
void load_install(struct dns_load *l, struct load_item *it);

/* ---- sources ---- */
WAITS MUST_USE err load_directory(struct dns_load *l);
/* At a start without the directory. */
WAITS MUST_USE err load_snapshot(struct dns_load *l);
WAITS void load_save(struct dns_load *l);
WAITS MUST_USE err load_files(struct dns_load *l, bool reread);
/* Those that dns_load_again named. */
WAITS MUST_USE err load_marked(struct dns_load *l);

#endif
