/* roles/dnsbl/dnsbl.h: the mirror of DNS black lists. For dnsbl/ alone. */
#ifndef ROLES_DNSBL_DNSBL_H
#define ROLES_DNSBL_DNSBL_H

#include "run/conf.h"
#include "formats/dns/tsig.h"
#include "run/net.h"
#include "run/role.h"
#include "services/lists/served.h"

extern const struct role role_dnsbl;

struct dnsbl_list {
	str zone; /* "bl.example.org" */
	struct dns_name name;
	str type_text;
	enum rbl_type type;
	struct conf_strs files;
	int64_t ttl, max_age, max_shrink; /* seconds; milliseconds; percent */
	str end;			  /* last line of a complete file; "": any */
	/* of a list that comes by transfer: then its file is our own */
	struct conf_strs primary_texts;
	str key_text;
	struct net_addr *primaries;
	size_t nprimaries;
	struct tsig_key *key; /* NULL: none */
};
struct dnsbl_settings {
	const struct conf_node *lists_node;
	struct conf_strs network_texts;
	int64_t check, settle;
	struct dnsbl_list *lists;
	size_t nlists;
	struct net_block *networks;
	size_t nnetworks;
};
enum { DNSBL_KEYS = 4, DNSBL_LIST_KEYS = 9 };
extern const struct conf_key dnsbl_keys[DNSBL_KEYS];
extern const struct conf_key dnsbl_list_keys[DNSBL_LIST_KEYS];
MUST_USE err dnsbl_read(const struct role_env *env, struct buf *complaints, void *settings);

/* load.c: reading a list's files. Blocks: in a helper thread. */
enum { DNSBL_FILES = 16 };
/* What tells one version of a file from the next. */
struct dnsbl_mark {
	int64_t size, mtime, inode; /* mtime in nanoseconds; all 0: it is not there */
};
struct dnsbl_marks {
	struct dnsbl_mark v[DNSBL_FILES];
	size_t n;
};
void dnsbl_look(const struct dnsbl_list *l, struct dnsbl_marks *out);
bool dnsbl_marks_eq(const struct dnsbl_marks *a, const struct dnsbl_marks *b);
int64_t dnsbl_newest(const struct dnsbl_marks *m); /* seconds since 1970; 0: nothing is there */
struct dnsbl_job {
	const struct dnsbl_list *l;
	const struct dnsbl_marks *marks; /* E_AGAIN when the files are others by now */
	int64_t now;
	struct buf *complaints;
	struct list *out;
};
err dnsbl_load(void *job);

/* transfer.c: fetches a list's zone again and again and writes its file, from where it is loaded as
 * any other. arg: a struct dnsbl_list of the settings. */
WAITS err dnsbl_follow(void *arg);

#endif
