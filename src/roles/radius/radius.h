/* roles/radius/radius.h: the role radius: who may come in at the access servers, and what they did
 * there. Decisions; the conversation is in sessions/radius. */
#ifndef ROLES_RADIUS_RADIUS_H
#define ROLES_RADIUS_RADIUS_H

#include "base/limits.h"
#include "formats/radius/hours.h"
#include "formats/radius/pair.h"
#include "run/role.h"
#include "services/access/access.h"
#include "services/accounting/accounting.h"
#include "services/auth/auth.h"
#include "services/realms/realms.h"
#include "sessions/radius/radius.h"

extern const struct role role_radius;

/* ---- settings ---- */
/* What is answered besides what the user's own row says. */
struct radius_profile {
	str name, pool;
	struct conf_strs attributes;
	str text; /* the attributes behind one another */
	str wire; /* the same as octets, where nothing among them is hidden by the packet */
	bool hidden;
	msec session_timeout, idle_timeout, interim; /* 0: none */
	int64_t up_kbit, down_kbit;
};
enum radius_nas_type { NAS_ANY, NAS_MIKROTIK, NAS_WISPR, NAS_PLAIN };
struct radius_client {
	struct radius_nas nas;
	struct conf_strs address;
	str type_text, profile_name;
	bool one; /* its address is one address, not several or a network */
	enum radius_nas_type type;
	const struct radius_profile *profile; /* NULL: the user's, or "default" */
	str tls_name, coa_text;
	struct radius_nas tls_nas; /* the same over TLS: its secret is "radsec" (RFC 6614 2.3) */
	struct net_addr coa;	   /* where it takes Disconnect and CoA (RFC 5176) */
	bool has_coa, dynamic;	   /* dynamic: it may ask for them here */
};
struct radius_network {
	struct net_block block;
	const struct radius_client *client;
};
enum radius_eap_methods { EAP_ALLOW_MD5 = 1, EAP_ALLOW_MSCHAPV2 = 2 };
struct radius_settings {
	str default_domain, dictionary, time_zone;
	int zone; /* minutes east */
	struct radius_limits limits;
	msec memory;
	int64_t failures_station, failures_account;
	msec window;
	bool reply_messages, mschap1;
	const struct conf_node *lists; /* nas and profiles are read by themselves */
	const struct conf_node *realms_node;
	struct realms_settings realms;
	msec realm_probe;
	str tls_ca; /* path */
	struct conf_strs eap_texts;
	unsigned eap;	    /* EAP_ALLOW_* */
	unsigned eap_first; /* the type that is tried first */
	struct radius_client *clients;
	size_t nclients;
	struct radius_network *networks; /* the longest prefix first */
	size_t nnetworks;
	struct radius_profile *profiles;
	size_t nprofiles;
	struct acct_options accounting;
	int64_t acct_log_max, acct_reserve, acct_keep_days;
	msec acct_silent, acct_longest, acct_settle;
};
enum { RADIUS_NKEYS = 27, RADIUS_NNAS_KEYS = 9, RADIUS_NPROFILE_KEYS = 8, RADIUS_NTELCO_KEYS = 3 };
extern const struct conf_key radius_keys[RADIUS_NKEYS];
extern const struct conf_key radius_nas_keys[RADIUS_NNAS_KEYS];		/* of each line of nas */
extern const struct conf_key radius_profile_keys[RADIUS_NPROFILE_KEYS]; /* of profiles */
extern const struct conf_key radius_telco_keys[RADIUS_NTELCO_KEYS];	/* of telcos */
err radius_read_settings(const struct role_env *env, struct buf *complaints, void *settings);
const struct radius_settings *radius_settings(void);
/* NULL: no such. */
const struct radius_profile *radius_profile_find(const struct radius_settings *set, str name);
/* The longest network that has the address; NULL: a stranger. */
const struct radius_nas *radius_nas_of(const struct net_addr *peer);

/* dictionary.c: reads files, so blocks. E_NOTFOUND, E_SYNTAX: file and line are in complaints. */
MUST_USE err radius_dictionary_load(const char *path, struct buf *complaints,
				    struct radius_dict **out);

/* ---- the role's state ---- */
struct eap_table;
struct radius_here {
	struct dirtable *table;
	struct auth *auth;
	struct access *access;
	struct acct *acct;
	struct radius_server *server;
	struct radius_dict *dict; /* for users' own attributes; NULL: it could not be read */
	struct eap_table *eap;
	struct tls_cas *cas; /* of radius.tls_ca, NULL: none */
};
struct radius_here *radius_here(void);

/* ---- one login ---- */
struct radius_login {
	struct radius_request *r;
	const struct radius_client *client;
	const struct radius_settings *set;
	str name;    /* User-Name as it came */
	str calling; /* Calling-Station-Id */
	char place[LIM_RADIUS_PLACE];
	size_t nplace;
	bool known; /* the directory has such a user */
	struct dir_user user;
	struct access_user access;
	/* ---- what the method adds to an accept ---- */
	struct buf eap; /* EAP packet of the answer */
	str ms_success; /* MS-CHAP2-Success */
	unsigned char ms_ident;
	bool ms_keys; /* send, receive are filled */
	unsigned char send[16], receive[16];
	unsigned char ms1_keys[32];
	bool ms1;
};
static inline str radius_place(const struct radius_login *l)
{
	return str_of(l->place, l->nplace);
}

/* access.c */
WAITS err radius_access(struct radius_request *r);
/* reply.c: the answer to one whose password is right. why: "" or why not after all. */
WAITS MUST_USE err radius_check_items(struct radius_login *l, str *why, int64_t *seconds_left);
MUST_USE err radius_accept(struct radius_login *l, int64_t seconds_left);
/* method.c: OK; E_DENIED: the password, or the method; E_LIMIT: the brake; E_AGAIN: a database is
 * away. */
WAITS MUST_USE err radius_pap(struct radius_login *l, str hidden);
WAITS MUST_USE err radius_chap_login(struct radius_login *l, str value);
WAITS MUST_USE err radius_mschap2(struct radius_login *l, str challenge, str value);
WAITS MUST_USE err radius_mschap1(struct radius_login *l, str challenge, str value);
/* What a method does with the user's secret. */
WAITS MUST_USE err radius_secret(struct radius_login *l, bool (*fits)(void *arg, str password),
				 void *arg);
/* eap.c */
struct eap_table *eap_table_new(void);
void eap_table_free(struct eap_table *t); /* NULL allowed */
/* *challenge: the answer is a challenge, begun already. Otherwise as the methods. */
WAITS MUST_USE err radius_eap(struct radius_login *l, bool *challenge);
/* accounting.c */
WAITS err radius_accounting(struct radius_request *r);
/* realm.c: the realm of a user who is none of ours; NULL: it is not named. */
void radius_open_realms(void); /* at the start and at a reload */
const struct realm *radius_realm(str name);
WAITS MUST_USE err radius_forward(struct radius_request *r, const struct realm *realm);
WAITS MUST_USE err radius_forward_accounting(struct radius_request *r, const struct realm *realm);
/* dynamic.c: Disconnect and CoA, RFC 5176 */
WAITS err radius_dynamic(struct radius_request *r);
WAITS err radius_control(str method, str path, str body, struct buf *json);
/* radsec.c: RADIUS over TLS, RFC 6614 */
WAITS err radius_tls(struct stream *io, const struct listener *l);
MUST_USE err radius_load_cas(const struct radius_settings *set, struct tls_cas **out); /* blocks */

#endif
