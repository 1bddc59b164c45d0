/* services/verdict/verdict.h: what becomes of a message for one recipient: the filter's score,
 * held against the recipient's level and lists. Used by mx, whichever filter gave the score, and by
 * the filter for the "recipients" of its answer. Pure but for verdict_listed (the directory's
 * table). Headers: the X-Spam- fields as SpamAssassin writes them, RFC 8601 5 (forged
 * Authentication-Results). */
#ifndef SERVICES_VERDICT_VERDICT_H
#define SERVICES_VERDICT_VERDICT_H

#include "base/buf.h"
#include "run/role.h"
#include "services/directory/directory.h"

enum verdict_place {
	VERDICT_INBOX,
	VERDICT_SPAM,	    /* the Spam folder */
	VERDICT_QUARANTINE, /* a hidden folder, kept 30 days */
	VERDICT_DISCARD,
	VERDICT_REJECT, /* refused at SMTP time, when all recipients say so; else quarantine */
};
#define VERDICT_PLACES 5
const char *verdict_place_name(enum verdict_place p); /* "inbox", "spam", "quarantine", ... */

/* A level: below tag Inbox, below discard Spam, above: quarantine, discard or refusal as user,
 * domain, tenant or platform say. */
struct verdict_level {
	str name;
	double tag, discard;
};
/* 0 (filter off) and 1, the least tolerant, to VERDICT_LEVELS - 1, the most tolerant. dir_user's
 * spam_level is one more than the place here. */
#define VERDICT_LEVELS 6
extern const struct verdict_level verdict_levels[VERDICT_LEVELS];

/* The platform's word, of posta.conf's group "verdict". */
struct verdict_policy {
	unsigned level; /* of users of whom nobody says anything */
	enum verdict_place above, virus, dangerous;
};
/* Reads the group (a role that does names "verdict" in its groups). E_SYNTAX with complaints. */
MUST_USE err verdict_read(const struct role_env *env, struct buf *complaints,
			  struct verdict_policy *out);
void verdict_describe(struct buf *out); /* its settings, for `posta check --settings` */

/* Whom a role asks: the addresses of its setting "filters", "none" for nobody; when it says
 * nothing, this node's filter by its socket, or else those of all nodes. */
MUST_USE err verdict_filters(const struct role_env *env, struct buf *complaints,
			     const struct conf_strs *texts, const struct net_addr **out, size_t *n);

/* What a filter said; of a foreign one, too. */
struct verdict_message {
	bool scanned; /* false: no filter answered */
	double score; /* for this recipient: with what was learned of that user */
	bool refuse; /* the filter wants it refused whatever the score (rspamd's forced "reject") */
	bool virus;
	bool dangerous; /* attachment policy */
	str reason;	/* name of the virus or file, "" */
};
enum verdict_why {
	WHY_SCORE,
	WHY_ALLOWED, /* on the white list, and SPF or DKIM confirms the sender */
	WHY_CONTACT, /* in the address book, likewise */
	WHY_BLOCKED,
	WHY_VIRUS,
	WHY_DANGEROUS,
	WHY_UNSCANNED,
	WHY_OFF,
};
const char *verdict_why_name(enum verdict_why w);
struct verdict_choice {
	enum verdict_place place;
	double tag, discard;
	unsigned level; /* place in verdict_levels */
	enum verdict_why why;
};
/* u: the recipient; NULL for an address elsewhere, which has no folders: the platform's level, and
 * what would be quarantined is refused. listed: verdict_listed's answer. */
void verdict_choose(const struct verdict_policy *p, const struct verdict_message *m,
		    const struct dir_user *u, enum dir_listed listed, struct verdict_choice *out);

/* Who is said to have sent it, and whether SPF or DKIM confirms that. */
struct verdict_sender {
	str envelope, from; /* addresses; "" = <>, no From */
	bool envelope_confirmed, from_confirmed;
};
/* The user's lists over both addresses, From first, since that is what people see. A white list or
 * the address book count only for a confirmed address, a black list always. */
enum dir_listed verdict_listed(struct dirtable *t, uint64_t user, const struct verdict_sender *s);

/* True when the value of an Authentication-Results field (ours: nothing else may be asked) says
 * that this domain sent the message: dmarc=pass of it, or dkim=pass or spf=pass of a domain of the
 * same organisation. */
bool verdict_confirmed(str auth_results, str domain);
/* The part behind the last @, "" without one. */
str verdict_domain(str address);

/* ---- header.c: what is put before the message ---- */
struct verdict_symbol {
	str name;
	double score;
};
/* X-Spam-Status, -Score, -Level and, for what is spam, -Flag; each line at most 78 octets where the
 * symbols' names allow. What a filter said is taken as hostile: no more symbols than
 * LIM_SPAM_TESTS, and no octet that could end a field. place: WHERE and why for people,
 * X-Spam-Place. */
void verdict_add_header(struct buf *out, const struct verdict_message *m,
			const struct verdict_choice *c, const struct verdict_symbol *v, size_t n);
/* "Authentication-Results: value" folded; nothing when the value has octets that no field has, or
 * is over LIM_AUTH_RESULTS. */
void verdict_add_auth_results(struct buf *out, str value);

/* ---- forged.c: fields that only we may write ---- */
/* The length of the message's header with its empty line (or all of it). */
size_t verdict_header_size(str message);
/* True when the header has an X-Spam- or X-Spamd- field, or an Authentication-Results that bears
 * our name or none that can be read. */
bool verdict_has_forged(str header, str hostname);
/* The header without these. */
void verdict_add_clean(struct buf *out, str header, str hostname);

#endif
