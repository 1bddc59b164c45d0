/* roles/dns/transfers.h: zones given to other servers and taken from them: who may, what is told to
 * whom, what is followed. What dns.c needs of it; the parts share transfers_state.h. Everything
 * runs on the first loop but where it says otherwise. */
#ifndef ROLES_DNS_TRANSFERS_H
#define ROLES_DNS_TRANSFERS_H

#include "run/role.h"
#include "services/zones/peers.h"
#include "sessions/dns/dns.h"

/* ---- settings: a part of the role's ---- */
/* A zone that is followed; a catalog: its members are followed as well (RFC 9432). */
struct dns_secondary {
	struct dns_name zone;
	struct zone_target *primaries;
	size_t nprimaries;
	str transfer, notify; /* lists as the directory has them */
	bool catalog;
};
struct dns_transfer_settings {
	const struct conf_node *keys_node, *secondary_node, *catalogs_node;
	struct conf_strs transfer_texts, notify_texts;
	str catalog_name;
	int64_t transfers_max, transfer_time, transfer_size, journal_zone, journal_max;
	int64_t refresh_least;
	/* made of those */
	str transfer, notify; /* of zones that say nothing themselves */
	struct tsig_key *keys;
	size_t nkeys;
	struct dns_secondary *secondaries; /* and followed catalogs */
	size_t nsecondaries;
	struct dns_name catalog; /* that we make; n 0: none */
};
#define DNS_TRANSFER_AT(base, member) ((base) + offsetof(struct dns_transfer_settings, member))
/* For the role's table of keys, at offset of its struct dns_transfer_settings. */
/* clang-format off */
#define DNS_TRANSFER_KEYS(base)                                                                    \
	{ "keys", CONF_NODE, DNS_TRANSFER_AT(base, keys_node), 0, 0, "",                           \
	  "TSIG keys: ( { name = \"xfer.example\"; algorithm = \"hmac-sha256\"; secret = \"...\"; }, ... )" }, \
	{ "transfer", CONF_STRS, DNS_TRANSFER_AT(base, transfer_texts), 0, 0, "",                  \
	  "who may take zones that name nobody: networks, key:NAME, network@KEY for both" },       \
	{ "notify", CONF_STRS, DNS_TRANSFER_AT(base, notify_texts), 0, 0, "",                      \
	  "who is told of changes of zones that name nobody: \"192.0.2.1:53\", \"192.0.2.1@KEY\" to sign" }, \
	{ "secondary", CONF_NODE, DNS_TRANSFER_AT(base, secondary_node), 0, 0, "",                 \
	  "zones taken from others: ( { name = \"example.org\"; primaries = [\"192.0.2.1\"]; }, ... )" }, \
	{ "catalog", CONF_STR, DNS_TRANSFER_AT(base, catalog_name), 0, 0, "",                      \
	  "name of a catalog zone that lists every zone that somebody may take; empty: none" },    \
	{ "catalogs", CONF_NODE, DNS_TRANSFER_AT(base, catalogs_node), 0, 0, "",                   \
	  "catalog zones taken from others, and with them their members; as secondary" },          \
	{ "transfers_max", CONF_INT, DNS_TRANSFER_AT(base, transfers_max), 1, 1000, "16",          \
	  "transfers under way at once, in either direction" },                                    \
	{ "transfer_time", CONF_DURATION, DNS_TRANSFER_AT(base, transfer_time), 100, 3600000, "30s", \
	  "how long one message of a transfer may take" },                                         \
	{ "transfer_size", CONF_SIZE, DNS_TRANSFER_AT(base, transfer_size), 1 << 10, INT64_MAX, "1G", \
	  "octets of a zone that is taken" },                                                      \
	{ "journal_zone", CONF_SIZE, DNS_TRANSFER_AT(base, journal_zone), 1 << 10, 1 << 30, "1M",  \
	  "octets of one zone's differences that are kept for incremental transfers" },            \
	{ "journal", CONF_SIZE, DNS_TRANSFER_AT(base, journal_max), 1 << 10, (int64_t)16 << 30, "64M", \
	  "octets of all zones' differences" },                                                    \
	{ "refresh_least", CONF_DURATION, DNS_TRANSFER_AT(base, refresh_least), 500, 86400000, "60s", \
	  "shortest time between two looks at a primary, whatever its zone says" }
/* clang-format on */
enum { DNS_KEY_KEYS = 3, DNS_SECONDARY_KEYS = 5 };
extern const struct conf_key dns_key_keys[DNS_KEY_KEYS], dns_secondary_keys[DNS_SECONDARY_KEYS];
/* Reads the lists behind the nodes; conf_read has filled the rest. */
MUST_USE err dns_transfers_read(const struct role_env *env, struct buf *complaints,
				struct dns_transfer_settings *out);

/* ---- life ---- */
struct dns_transfers_options {
	struct zones *zones;
	const struct dns_transfer_settings *(*settings)(void); /* the newest; any loop */
	/* Has a source this zone, be it that it is refused for now? First loop. */
	bool (*known)(str apex);
	const char *folder; /* the role's own */
};
/* Before the first zone is put: copies of followed zones are served at once. */
WAITS MUST_USE err dns_transfers_start(const struct dns_transfers_options *o);
/* All sources have been read once: from now on the catalog says what is there. */
void dns_transfers_ready(void);
WAITS void dns_transfers_reload(void);
/* Before the table of zones is freed. False: something still uses it, so that it must stay. */
WAITS MUST_USE bool dns_transfers_stop(void);
/* A zone's own lists, "" for the default ones; before the zone is put, and when they change. */
void dns_transfers_peers(str apex, str transfer, str notify);
/* GET /transfers: followed zones as JSON. E_NOTFOUND: another path. */
MUST_USE err dns_transfers_control(str method, str path, struct buf *json);

/* ---- for struct dns_role: any loop ---- */
const struct tsig_key *dns_transfers_key(void *arg, str name);
size_t dns_transfers_notify(const struct dns_request *r, char *out, size_t room);
WAITS err dns_transfers_send(struct stream *io, const struct dns_request *r);
size_t dns_transfers_ixfr(const struct dns_request *r, char *out, size_t room);
bool dns_transfers_awaited(str name);

#endif
