/* services/filter/filter.h: one message, every test, one answer. The steps run side by side where
 * they wait (sender authentication, black lists, clamd) and then, on a helper thread, where they
 * work (rules, learning), all under one deadline. A step that is away, slow or out of its budget
 * costs its symbols, never the answer: a symbol says so (CLAMD_AWAY), the answer is marked
 * incomplete, and it is counted. One loop uses a filter. */
#ifndef SERVICES_FILTER_FILTER_H
#define SERVICES_FILTER_FILTER_H

#include "formats/filter/answer.h"
#include "formats/scan/scan.h"
#include "run/role.h"
#include "run/spool.h"
#include "services/attachments/attachments.h"
#include "services/blacklists/blacklists.h"
#include "services/filter/ruleset.h"
#include "services/reports/reports_send.h"
#include "services/verdict/verdict.h"

enum filter_away { FILTER_MARK, FILTER_LATER }; /* what the answer says while clamd is away */

struct filter_settings {
	str hostname;
	double required, reject; /* of the answer's action */
	struct conf_strs peer_texts;
	struct net_block *peers; /* who may ask over TCP */
	size_t npeers;
	int64_t scans; /* at a time */
	int64_t time;  /* milliseconds for one message */
	int64_t message_max;
	const char *spool_dir, *directory; /* directory.db, or NULL */
	struct {
		struct conf_strs texts;
		struct net_addr *addr;
		size_t n;
		int64_t pause, max;
		str away_text;
		enum filter_away away;
	} clamd;
	str milter_reject;
	bool milter_quarantine; /* rather than refuse, where a mail server asks by milter */
	struct blacklists_settings lists;
	struct verdict_policy verdict;
	struct conf_strs networks_texts[3];
	struct scan_networks networks;
	struct conf_strs resolvers;
	bool dnssec;
	bool auth;		       /* SPF, DKIM, DMARC, ARC */
	int64_t auth_time;	       /* milliseconds for these */
	bool learning;		       /* with the users' models in <spool_dir>/learning.db */
	bool net;		       /* rules score as they do with black lists and the DNS */
	struct ruleset_settings rules; /* no folders and no files: no rules */
	int64_t budget;		       /* milliseconds of CPU that the rules have for one message */
	struct reports_policy reports; /* of what was counted */
	bool attachments_on;
	struct attachments_settings attachments;
};
/* The settings of posta.conf's group "filter" that are the filter's own, and the groups that its
 * steps have ("blacklists", "verdict"). keys: those, for the role's table. */
enum { FILTER_KEYS = 27 };
extern const struct conf_key filter_keys[FILTER_KEYS];
MUST_USE err filter_read(const struct role_env *env, struct buf *complaints,
			 struct filter_settings *out);

struct filter;
/* set lives as long as the filter, and as those that filter_configure gave it. compile: rules that
 * are not in the cache are compiled now, and a fault in them is one; else they come when they are
 * ready. */
WAITS MUST_USE err filter_open(const struct filter_settings *set, bool compile,
			       struct filter **out);
/* What comes from now on has these settings; what is under way ends with its own. */
WAITS MUST_USE err filter_configure(struct filter *f, const struct filter_settings *set);
/* The DNS as sender authentication asks it, whatever the settings in force are then. */
struct mailauth_dns filter_dns(struct filter *f);
/* No scan is under way. NULL allowed. */
WAITS void filter_close(struct filter *f);
const struct filter_settings *filter_settings_of(const struct filter *f);

struct filter_request {
	struct spool *message;
	size_t before;		  /* octets of it that filter_spool put there */
	struct scan_envelope env; /* hostname and now are filled in */
	str id;			  /* the caller's name for it, for the log */
};
/* q->message for a message that is about to come. Where the client's address is known it begins
 * with a Received field such as the caller's server will put there, so that rules look at that hop
 * as at any other; where the message turns out to have one already, this one is passed over. */
WAITS MUST_USE err filter_spool(struct filter *f, struct filter_request *q);
/* What the answer points to lives in a, made for it (LIM_FILTER_ARENA). E_CANCELED, E_LIMIT, E_IO
 * (the message cannot be read). */
WAITS MUST_USE err filter_scan(struct filter *f, const struct filter_request *q, struct arena *a,
			       struct filter_answer *out);

/* One lesson of a user (a login or an address): the message is spam, or is not. E_NOTFOUND: nothing
 * is learned here. */
WAITS MUST_USE err filter_teach(struct filter *f, const struct filter_request *q, str user,
				bool spam);
/* Forgets what a user taught. E_NOTFOUND. */
WAITS MUST_USE err filter_forget(struct filter *f, str user);

#endif
