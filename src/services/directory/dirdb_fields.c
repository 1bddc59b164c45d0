/* What can be said of tenants, domains, users and zones: the one table that the command line, CSV
 * and JSON share. */
#include "services/directory/dirdb.h"
#include "services/directory/dialup.h"
#include "services/directory/dirzone.h"

static const char *const protocols[] = { "lmtp", "smtp", "maildir", NULL };
static const char *const states[] = { "home", "moving", "dual", NULL };

/* Strictest first, as services/verdict has them. */
static const char *const levels[] = { "default", "off",	    "very-strict",  "strict",
				      "normal",	 "lenient", "very-lenient", NULL };
static const char *const aboves[] = { "default", "quarantine", "discard", "reject", NULL };
static const char *const digests[] = { "default", "off", "quarantine", "all", NULL };
#define SPAM_FIELDS(whose)                                                                         \
	{ "spam-level",                                                                            \
	  DIR_WORD,                                                                                \
	  "spam_level",                                                                            \
	  0,                                                                                       \
	  .words = levels,                                                                         \
	  .help = "off, very-strict, strict, normal, lenient, very-lenient; default: " whose },    \
		{ "spam-above",                                                                    \
		  DIR_WORD,                                                                        \
		  "spam_above",                                                                    \
		  0,                                                                               \
		  .words = aboves,                                                                 \
		  .help = "mail over the level's upper bound: quarantine, discard, reject; "       \
			  "default: " whose },                                                     \
	{                                                                                          \
		"digest", DIR_WORD, "digest", 0,                                                   \
			.words = digests,                                                          \
			.help = "a mail a day that lists what came into quarantine, or all that "  \
				"was held back: off, quarantine, all; default: " whose             \
	}
static const struct dir_field tenant_fields[] = {
	{ "parent", DIR_TENANT_REF, "parent_id", .help = "the tenant that this one belongs to" },
	{ "contact", DIR_TEXT, "contact", .help = "whom to write to" },
	{ "max-domains", DIR_INT, "max_domains", 0, 1000000,
	  .help = "domains it may have, 0: any number" },
	{ "max-users", DIR_INT, "max_users", 0, 100000000,
	  .help = "users it may have, 0: any number" },
	{ "disabled", DIR_BOOL, "disabled", .help = "yes: no login and no mail for its domains" },
	SPAM_FIELDS("its parent's, or the platform's"),
};
static const struct dir_field domain_fields[] = {
	{ "tenant", DIR_TENANT_REF, "tenant_id", .help = "the reseller it belongs to" },
	{ "alias-of", DIR_DOMAIN_REF, "alias_of",
	  .help = "the domain whose addresses this one stands for" },
	{ "quota", DIR_SIZE, "quota", .help = "quota that new users get (300M)" },
	{ "disabled", DIR_BOOL, "disabled", .help = "yes: no login and no mail" },
	{ "sign", DIR_BOOL, "sign", .dflt_text = "yes",
	  .help = "no: its mail goes out without DKIM signatures (yes)" },
	SPAM_FIELDS("its tenant's, or the platform's"),
};
static const struct dir_field user_fields[] = {
	{ "name", DIR_TEXT, "name", .help = "the person's name" },
	{ "quota", DIR_SIZE, "quota", .help = "octets of the mailbox: 300M, 2G; 0: no limit" },
	{ "disabled", DIR_FLAG, "flags", USER_DISABLED, .help = "yes: no login, mail is refused" },
	{ "admin", DIR_FLAG, "flags", USER_ADMIN, .help = "yes: may administer the platform" },
	{ "no-login", DIR_FLAG, "flags", USER_NO_LOGIN,
	  .help = "yes: mail comes in, nobody logs in" },
	SPAM_FIELDS("the domain's"),
	{ "backend", DIR_TEXT, "backend",
	  .help = "back-end of posta.conf where the mailbox lives; \"\": the store" },
	{ "protocol", DIR_WORD, "protocol", 0, .words = protocols,
	  .help = "how mail is handed to it: lmtp, smtp, maildir" },
	{ "state", DIR_WORD, "state", HOME_HERE, .words = states,
	  .help = "home, moving (mail is held), dual" },
	{ "move-to", DIR_TEXT, "move_to",
	  .help = "back-end that a move or dual delivery leads to" },
	{ "epoch", DIR_INT, "epoch", .shown = true, .help = "counts the moves" },
	{ "forward", DIR_ADDRESSES, "targets", .table = "forwards",
	  .help = "addresses to forward to, a comma between" },
	{ "forward-keep", DIR_BOOL, "keep", .dflt = 1, .table = "forwards",
	  .help = "no: forwarded mail is not kept here (yes)" },
	{ "vacation", DIR_BOOL, "enabled", .table = "vacations",
	  .help = "yes: answer for the absent" },
	{ "vacation-subject", DIR_TEXT, "subject", .table = "vacations",
	  .help = "the answer's subject" },
	{ "vacation-text", DIR_TEXT, "body", .table = "vacations", .help = "the answer's text" },
	{ "vacation-from", DIR_DATE, "starts", .table = "vacations",
	  .help = "first day: 2026-12-24" },
	{ "vacation-until", DIR_DATE, "ends", .table = "vacations", .help = "last day" },
	{ "vacation-days", DIR_INT, "days", 1, 365, .dflt = 7, .dflt_text = "7",
	  .table = "vacations", .help = "days between answers to one sender (7)" },
	{ "dialup", DIR_BOOL, "enabled", .table = "dialups",
	  .help = "yes: may use dial-up, PPPoE or Wi-Fi access" },
	{ "dialup-address", DIR_TEXT, "address", .table = "dialups", .clean = dialup_clean_address,
	  .help = "fixed IPv4 address" },
	{ "dialup-address6", DIR_TEXT, "address6", .table = "dialups",
	  .clean = dialup_clean_address6, .help = "fixed IPv6 address" },
	{ "dialup-prefix6", DIR_TEXT, "prefix6", .table = "dialups", .clean = dialup_clean_prefix6,
	  .help = "delegated IPv6 prefix" },
	{ "dialup-pool", DIR_TEXT, "pool", .table = "dialups",
	  .help = "address pool of the access server" },
	{ "dialup-sessions", DIR_INT, "sessions", 0, 1000, .dflt = 1, .dflt_text = "1",
	  .table = "dialups", .help = "sessions at once (1); 0: any number" },
	{ "dialup-session-timeout", DIR_INT, "session_timeout", 0, 31622400, .table = "dialups",
	  .help = "seconds, 0: none" },
	{ "dialup-idle-timeout", DIR_INT, "idle_timeout", 0, 31622400, .table = "dialups",
	  .help = "seconds, 0: none" },
	{ "dialup-up", DIR_INT, "up_kbit", 0, 100000000, .table = "dialups",
	  .help = "kbit/s, 0: no limit" },
	{ "dialup-down", DIR_INT, "down_kbit", 0, 100000000, .table = "dialups",
	  .help = "kbit/s, 0: no limit" },
	{ "dialup-profile", DIR_TEXT, "profile", .table = "dialups",
	  .help = "profile of posta.conf; \"\": the one called default, where there is one" },
	{ "dialup-attributes", DIR_TEXT, "attributes", .table = "dialups",
	  .help = "RADIUS attributes of the answer: Filter-Id = x, ..." },
	{ "dialup-hours", DIR_TEXT, "hours", .table = "dialups", .clean = dialup_clean_hours,
	  .help = "when: Wk0800-1800,Sa; \"\": always" },
	{ "dialup-calling", DIR_TEXT, "calling", .table = "dialups",
	  .help = "from which numbers or stations, a comma between, * at the end for any rest" },
	{ "dialup-called", DIR_TEXT, "called", .table = "dialups",
	  .help = "to which numbers, alike" },
	{ "dialup-nas", DIR_TEXT, "nas", .table = "dialups",
	  .help = "at which access servers, by their names, alike" },
	{ "dialup-expires", DIR_DATE, "expires", .table = "dialups",
	  .help = "the last day: 2026-12-31" },
	{ "dialup-any-password", DIR_BOOL, "any_password", .table = "dialups",
	  .help = "yes: any password is right (free access); not for MS-CHAP" },
};
/* Seconds of a SOA and of a TTL: 31 bits, RFC 2181 8. */
#define SECONDS 0, INT32_MAX
static const char *const serials[] = { "counter", "date", NULL };
static const struct dir_field zone_fields[] = {
	{ "tenant", DIR_TENANT_REF, "tenant_id", .help = "the reseller it belongs to" },
	{ "primary", DIR_TEXT, "primary_server", .clean = dirzone_clean_host,
	  .help = "name of the primary server in the SOA; \"\": the first NS" },
	{ "mailbox", DIR_TEXT, "mailbox", .clean = dirzone_clean_mailbox,
	  .help = "who answers for the zone, an address; \"\": hostmaster at it" },
	{ "serial", DIR_INT, "serial", .shown = true, .help = "raised by each change" },
	{ "serial-policy", DIR_WORD, "serial_policy", 0, .words = serials,
	  .help = "counter, or date: YYYYMMDDnn" },
	{ "refresh", DIR_INT, "refresh", SECONDS, .dflt_text = "3600",
	  .help = "seconds between a secondary's looks (3600)" },
	{ "retry", DIR_INT, "retry", SECONDS, .dflt_text = "600",
	  .help = "seconds until it tries again (600)" },
	{ "expire", DIR_INT, "expire", SECONDS, .dflt_text = "1209600",
	  .help = "seconds that it serves without us (1209600)" },
	{ "minimum", DIR_INT, "minimum", SECONDS, .dflt_text = "300",
	  .help = "seconds that \"there is none\" may be remembered (300)" },
	{ "ttl", DIR_INT, "ttl", SECONDS, .dflt_text = "600",
	  .help = "seconds of records that name no TTL (600)" },
	{ "ttl-min", DIR_INT, "ttl_min", SECONDS, .dflt_text = "60",
	  .help = "the least TTL of a record (60)" },
	{ "ttl-max", DIR_INT, "ttl_max", SECONDS, .dflt_text = "86400",
	  .help = "the largest TTL of a record (86400)" },
	{ "signed", DIR_BOOL, "signed", .shown = true, .help = "by posta zone sign" },
	{ "transfer", DIR_TEXT, "transfer", .clean = dirzone_clean_transfer,
	  .help = "who may transfer it: networks, key:NAME, a comma between" },
	{ "notify", DIR_TEXT, "notify", .clean = dirzone_clean_notify,
	  .help = "whom to tell of changes: addresses, a comma between" },
	{ "disabled", DIR_BOOL, "disabled", .help = "yes: it is not served" },
};
_Static_assert(COUNT(zone_fields) <= DIR_FIELDS, "DIR_FIELDS is too small");
_Static_assert(COUNT(user_fields) <= DIR_FIELDS, "DIR_FIELDS is too small");

const struct dir_kind dir_tenant = { "tenant", "tenants", tenant_fields, COUNT(tenant_fields) };
const struct dir_kind dir_domain = { "domain", "domains", domain_fields, COUNT(domain_fields) };
const struct dir_kind dir_user_kind = { "user", "users", user_fields, COUNT(user_fields) };

const struct dir_kind dir_zone = { "zone", "zones", zone_fields, COUNT(zone_fields) };

const struct dir_field *dir_field_find(const struct dir_kind *k, str name)
{
	for (size_t i = 0; i < k->nfields; i++)
		if (str_eq(name, str_z(k->fields[i].name)))
			return &k->fields[i];
	return NULL;
}

str dir_field_default(const struct dir_field *f)
{
	switch (f->type) {
	case DIR_BOOL:
	case DIR_FLAG:
		return f->dflt ? STR("yes") : STR("no");
	case DIR_INT:
		return str_z(f->dflt_text ? f->dflt_text : "0");
	case DIR_WORD:
		return str_z(f->words[0]);
	default:
		return STR("");
	}
}
