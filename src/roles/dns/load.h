/* roles/dns/load.h: the zones that this node is primary for: those of the directory, kept fresh by
 * its change feed, and master files that posta.conf names. They are built on helper threads and put
 * into the table of zones one by one, so that a change of one zone disturbs no other; a source that
 * is wrong or away leaves what is served as it is. All on the first loop. */
#ifndef ROLES_DNS_LOAD_H
#define ROLES_DNS_LOAD_H

#include "run/role.h"
#include "services/zones/load.h"
#include "services/zones/zones.h"

/* ---- settings: a part of the role's ---- */
struct dns_file {
	str name, path, transfer, notify; /* transfer and notify: as in the directory */
	bool sign;
	struct dns_name apex;
	struct conf_strs transfer_texts, notify_texts;
};
struct dns_load_settings {
	const struct conf_node *zones_node;
	str folder; /* of NAME.zone files; "" none */
	int64_t poll;
	struct dns_file *files;
	size_t nfiles;
};
/* For the role's table of keys, at offset of its struct dns_load_settings. */
#define DNS_LOAD_KEYS(base)                                                                        \
	{ "zones",                                                                                 \
	  CONF_NODE,                                                                               \
	  (base) + offsetof(struct dns_load_settings, zones_node),                                 \
	  0,                                                                                       \
	  0,                                                                                       \
	  "",                                                                                      \
	  "( { name = \"example.org\"; file = \"/etc/posta/example.org.zone\"; }, ... )" },        \
		{ "zone_folder",                                                                   \
		  CONF_STR,                                                                        \
		  (base) + offsetof(struct dns_load_settings, folder),                             \
		  0,                                                                               \
		  0,                                                                               \
		  "",                                                                              \
		  "folder whose NAME.zone files are zones as well; empty: none" },                 \
	{                                                                                          \
		"zone_poll", CONF_DURATION, (base) + offsetof(struct dns_load_settings, poll),     \
			100, 86400000, "5s", "how often zone files are looked at for changes"      \
	}
extern const struct conf_key dns_file_keys[]; /* of each zone */
enum { DNS_FILE_KEYS = 5 };
/* Reads the list behind zones_node; conf_read has filled the rest. */
MUST_USE err dns_load_read(const struct role_env *env, struct buf *complaints,
			   struct dns_load_settings *out);
/* For struct role's reads. */
void dns_load_folders(const struct dns_load_settings *s, void (*add)(void *arg, str folder),
		      void *arg);

/* ---- the loader ---- */
/* What its source says of a zone beside its records. */
struct dns_source {
	uint64_t id; /* row of the directory; 0: a file */
	bool sign;
	str transfer, notify; /* forms: dirzone_clean_transfer, dirzone_clean_notify */
};
struct dns_load_options {
	struct zones *zones;
	const struct dns_load_settings *(*settings)(void); /* the newest */
	const char *directory;				   /* path of directory.db */
	const char *snapshot;				   /* path of the snapshot */
	/* Adds to a checked builder what signing adds. On a helper thread; old is the version in
	 * force, held, or NULL. NULL: nothing signs. */
	err (*sign)(void *arg, struct zone_builder *b, const struct zone *old,
		    const struct dns_source *source);
	/* Told before a zone is put into the table whenever its source said something, and after it
	 * left (source NULL): who may take it, who is told. NULL: nobody listens. */
	void (*said)(void *arg, str apex, const struct dns_source *source);
	void *arg;
};
struct dns_load;
/* Comes back when all zones that can be loaded are served; then a fiber follows their sources. */
WAITS MUST_USE err dns_load_start(const struct dns_load_options *o, struct dns_load **out);
/* New settings, or SIGHUP: all files are read again. */
WAITS MUST_USE err dns_load_reload(struct dns_load *l);
/* NULL allowed. */
WAITS void dns_load_stop(struct dns_load *l);
/* The source of the zone with this apex (lower case); NULL: not from here. Good until the caller
 * waits. */
const struct dns_source *dns_load_source(const struct dns_load *l, str apex);
/* Builds the zone once more although its source has not changed: keys or signatures have. Soon, by
 * the loader's fiber. */
void dns_load_again(struct dns_load *l, str apex);

#endif
