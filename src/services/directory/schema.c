#include "services/directory/schema.h"

#include <stdio.h>

/* Numbers of users are never given twice (AUTOINCREMENT): mailboxes and secrets hang on them. */
static const char accounts[] =
	/* One row: identity of this database, and the key under which the roles hash list entries.
	 */
	"CREATE TABLE identity (one INTEGER PRIMARY KEY CHECK (one = 1), uuid BLOB NOT NULL,"
	"  hash_key BLOB NOT NULL);"
	"INSERT INTO identity VALUES (1, randomblob(16), randomblob(16));"
	/* The change feed: numbered from this row in the same transaction as the change. */
	"CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
	"INSERT INTO counters VALUES ('change', 0);"
	"CREATE TABLE changes (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,"
	"  id INTEGER NOT NULL);"
	"CREATE TABLE tenants (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
	"  parent_id INTEGER REFERENCES tenants(id), contact TEXT NOT NULL DEFAULT '',"
	"  max_domains INTEGER NOT NULL DEFAULT 0, max_users INTEGER NOT NULL DEFAULT 0,"
	"  disabled INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL);"
	"CREATE TABLE domains (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
	"  tenant_id INTEGER REFERENCES tenants(id), alias_of INTEGER REFERENCES domains(id),"
	"  quota INTEGER NOT NULL DEFAULT 314572800, disabled INTEGER NOT NULL DEFAULT 0,"
	"  created INTEGER NOT NULL);"
	"CREATE INDEX domains_tenant ON domains(tenant_id);"
	"CREATE INDEX domains_alias ON domains(alias_of);"
	"CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  domain_id INTEGER NOT NULL REFERENCES domains(id), local TEXT NOT NULL,"
	"  name TEXT NOT NULL DEFAULT '', flags INTEGER NOT NULL DEFAULT 0,"
	"  quota INTEGER NOT NULL DEFAULT 314572800, spam_level INTEGER NOT NULL DEFAULT 0,"
	/* where the mailbox lives */
	"  backend TEXT NOT NULL DEFAULT '', protocol INTEGER NOT NULL DEFAULT 0,"
	"  state INTEGER NOT NULL DEFAULT 1, move_to TEXT NOT NULL DEFAULT '',"
	"  epoch INTEGER NOT NULL DEFAULT 1,"
	"  created INTEGER NOT NULL, UNIQUE (domain_id, local));"
	/* local '' is the domain's catch-all */
	"CREATE TABLE aliases (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  domain_id INTEGER NOT NULL REFERENCES domains(id), local TEXT NOT NULL,"
	"  created INTEGER NOT NULL, UNIQUE (domain_id, local));"
	"CREATE TABLE alias_targets (alias_id INTEGER NOT NULL REFERENCES aliases(id) ON DELETE "
	"CASCADE,"
	"  target TEXT NOT NULL, PRIMARY KEY (alias_id, target)) WITHOUT ROWID;"
	"CREATE TABLE contacts (user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  address TEXT NOT NULL, name TEXT NOT NULL DEFAULT '',"
	"  PRIMARY KEY (user_id, address)) WITHOUT ROWID;"
	/* block 0: allowed, 1: blocked; pattern: an address, or '@domain' */
	"CREATE TABLE lists (user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  pattern TEXT NOT NULL, block INTEGER NOT NULL,"
	"  PRIMARY KEY (user_id, pattern)) WITHOUT ROWID;"
	"CREATE TABLE forwards (user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,"
	"  targets TEXT NOT NULL DEFAULT '', keep INTEGER NOT NULL DEFAULT 1);"
	"CREATE TABLE vacations (user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE "
	"CASCADE,"
	"  enabled INTEGER NOT NULL DEFAULT 0, subject TEXT NOT NULL DEFAULT '',"
	"  body TEXT NOT NULL DEFAULT '', starts INTEGER NOT NULL DEFAULT 0,"
	"  ends INTEGER NOT NULL DEFAULT 0, days INTEGER NOT NULL DEFAULT 7);";

static const char access_and_dns[] =
	"CREATE TABLE dialups (user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,"
	"  enabled INTEGER NOT NULL DEFAULT 0, address TEXT NOT NULL DEFAULT '',"
	"  prefix6 TEXT NOT NULL DEFAULT '', pool TEXT NOT NULL DEFAULT '',"
	"  sessions INTEGER NOT NULL DEFAULT 1, session_timeout INTEGER NOT NULL DEFAULT 0,"
	"  idle_timeout INTEGER NOT NULL DEFAULT 0, up_kbit INTEGER NOT NULL DEFAULT 0,"
	"  down_kbit INTEGER NOT NULL DEFAULT 0, attributes TEXT NOT NULL DEFAULT '',"
	"  address6 TEXT NOT NULL DEFAULT '', profile TEXT NOT NULL DEFAULT '',"
	"  hours TEXT NOT NULL DEFAULT '', calling TEXT NOT NULL DEFAULT '',"
	"  called TEXT NOT NULL DEFAULT '', nas TEXT NOT NULL DEFAULT '',"
	"  expires INTEGER NOT NULL DEFAULT 0, any_password INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE zones (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
	"  tenant_id INTEGER REFERENCES tenants(id), primary_server TEXT NOT NULL DEFAULT '',"
	"  mailbox TEXT NOT NULL DEFAULT '', serial INTEGER NOT NULL DEFAULT 1,"
	/* 0: counted, 1: YYYYMMDDnn */
	"  serial_policy INTEGER NOT NULL DEFAULT 0,"
	"  refresh INTEGER NOT NULL DEFAULT 3600, retry INTEGER NOT NULL DEFAULT 600,"
	"  expire INTEGER NOT NULL DEFAULT 1209600, minimum INTEGER NOT NULL DEFAULT 300,"
	"  ttl INTEGER NOT NULL DEFAULT 600, ttl_min INTEGER NOT NULL DEFAULT 60,"
	"  ttl_max INTEGER NOT NULL DEFAULT 86400, signed INTEGER NOT NULL DEFAULT 0,"
	"  transfer TEXT NOT NULL DEFAULT '', notify TEXT NOT NULL DEFAULT '',"
	"  disabled INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL);"
	/* name: relative to the zone, "@" its apex; data: as a master file has it, names whole */
	"CREATE TABLE records (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  zone_id INTEGER NOT NULL REFERENCES zones(id) ON DELETE CASCADE, name TEXT NOT NULL,"
	"  type TEXT NOT NULL, ttl INTEGER, data TEXT NOT NULL,"
	"  UNIQUE (zone_id, name, type, data));";

/* What mail domains have in the DNS (decision 0131). */
static const char mail_records[] =
	/* the closest zone above the domain, kept by whoever adds or removes either */
	"ALTER TABLE domains ADD COLUMN zone_id INTEGER REFERENCES zones(id);"
	"CREATE INDEX domains_zone ON domains(zone_id);"
	/* records: master-file lines for each domain; hosts: for the servers' own names */
	"CREATE TABLE mail_dns (one INTEGER PRIMARY KEY CHECK (one = 1), records TEXT NOT NULL,"
	"  hosts TEXT NOT NULL);"
	/* the public keys that a mail server shows, for TLSA; spki: SHA-256, hex */
	"CREATE TABLE server_keys (host TEXT NOT NULL, spki TEXT NOT NULL,"
	"  PRIMARY KEY (host, spki)) WITHOUT ROWID;"
	"CREATE TABLE dkim_keys (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  domain_id INTEGER NOT NULL REFERENCES domains(id) ON DELETE CASCADE,"
	"  selector TEXT NOT NULL, algorithm TEXT NOT NULL, public_key TEXT NOT NULL,"
	"  state INTEGER NOT NULL DEFAULT 1, created INTEGER NOT NULL,"
	"  UNIQUE (domain_id, selector));";

/* What users, domains and tenants say of spam (services/verdict): 0 the level above's word. Levels
 * were numbers from 1, lenient, to 20, strict; they are words from the strictest on. */
static const char spam_levels[] =
	"UPDATE users SET spam_level = CASE WHEN spam_level = 0 THEN 0 WHEN spam_level <= 4 THEN 6"
	"  WHEN spam_level <= 8 THEN 5 WHEN spam_level <= 12 THEN 4 WHEN spam_level <= 16 THEN 3"
	"  ELSE 2 END;"
	"ALTER TABLE users ADD COLUMN spam_above INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domains ADD COLUMN spam_level INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domains ADD COLUMN spam_above INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE tenants ADD COLUMN spam_level INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE tenants ADD COLUMN spam_above INTEGER NOT NULL DEFAULT 0;";

/* dkim_keys.state: enum dkim_state (dirmail.h), since when. Domains whose mail is signed: sign. */
static const char dkim_states[] =
	"ALTER TABLE dkim_keys ADD COLUMN since INTEGER NOT NULL DEFAULT 0;"
	"UPDATE dkim_keys SET since = created;"
	"ALTER TABLE domains ADD COLUMN sign INTEGER NOT NULL DEFAULT 1;";

/* Who gets a list of what was held back (services/digest): 0 the level above's word. */
static const char digests[] = "ALTER TABLE users ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;"
			      "ALTER TABLE domains ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;"
			      "ALTER TABLE tenants ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;";

static const char secrets[] =
	/* fake: for what a stranger is told of a user who does not exist (SCRAM salt) */
	"CREATE TABLE identity (one INTEGER PRIMARY KEY CHECK (one = 1), fake BLOB NOT NULL);"
	"INSERT INTO identity VALUES (1, randomblob(32));"
	"CREATE TABLE passwords (user_id INTEGER PRIMARY KEY, crypt TEXT NOT NULL DEFAULT '',"
	"  changed INTEGER NOT NULL);"
	"CREATE TABLE scram (user_id INTEGER PRIMARY KEY, salt BLOB NOT NULL, iterations INTEGER "
	"NOT NULL,"
	"  stored_key BLOB NOT NULL, server_key BLOB NOT NULL);"
	"CREATE TABLE chap (user_id INTEGER PRIMARY KEY, sealed BLOB NOT NULL);"
	"CREATE TABLE app_passwords (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT "
	"NULL,"
	"  label TEXT NOT NULL, service TEXT NOT NULL DEFAULT '', hash TEXT NOT NULL,"
	"  created INTEGER NOT NULL, UNIQUE (user_id, label));";

static const char private_keys[] =
	"CREATE TABLE private_keys (name TEXT PRIMARY KEY, sealed BLOB NOT NULL,"
	"  created INTEGER NOT NULL);";

/* How zones are signed and with which keys (services/zones/rollover.h); the private halves are in
 * private_keys. Used in zonekeys.db, which is of this schema too (decision 0121). */
static const char zone_keys[] =
	"CREATE TABLE zone_signing (zone TEXT PRIMARY KEY, algorithm INTEGER NOT NULL,"
	"  split INTEGER NOT NULL, nsec3 INTEGER NOT NULL, leaving INTEGER NOT NULL,"
	"  validity INTEGER NOT NULL, key_ttl INTEGER NOT NULL, max_ttl INTEGER NOT NULL,"
	"  ds_ttl INTEGER NOT NULL, propagation INTEGER NOT NULL, zsk_lifetime INTEGER NOT NULL,"
	"  since INTEGER NOT NULL, bump INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE zone_keys (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  zone TEXT NOT NULL REFERENCES zone_signing(zone), algorithm INTEGER NOT NULL,"
	"  use INTEGER NOT NULL, state INTEGER NOT NULL, since INTEGER NOT NULL,"
	"  created INTEGER NOT NULL, dnskey BLOB NOT NULL);"
	"CREATE INDEX zone_keys_zone ON zone_keys(zone);";

static const struct schema_step directory_steps[] = {
	{ "accounts, addresses, lists, change feed", accounts },
	{ "dial-up profiles, DNS zones", access_and_dns },
	{ "DKIM keys and records of mail domains", mail_records },
	{ "spam levels of domains and tenants", spam_levels },
	{ "states of DKIM keys", dkim_states },
	{ "digests of held mail", digests },
};
static const struct schema_step secret_steps[] = {
	{ "passwords, SCRAM verifiers, CHAP secrets, app passwords", secrets },
	{ "private keys", private_keys },
	{ "keys of zones", zone_keys },
};
const struct schema schema_directory = { "directory", directory_steps, COUNT(directory_steps) };
const struct schema schema_secrets = { "secrets", secret_steps, COUNT(secret_steps) };

err schema_version(struct sql *s, int64_t *out)
{
	int64_t tables = 0;

	TRY(SQL_GET(s, &tables,
		    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
		    SQL_T(STR("schema_version"))));
	*out = 0;
	if (!tables)
		return OK;
	return SQL_GET(s, out, "SELECT COALESCE(MAX(version), 0) FROM schema_version");
}

static err run_steps(struct sql *s, const struct schema *sc, int64_t now)
{
	int64_t have;

	TRY(schema_version(s, &have));
	if (have < 0 || (uint64_t)have > sc->nsteps)
		return fail(E_DENIED,
			    "the %s database has schema %lld, this program knows up to %zu: run "
			    "the newer program",
			    sc->name, (long long)have, sc->nsteps);
	if (have == 0)
		TRY(sql_exec(s, "CREATE TABLE schema_version (version INTEGER PRIMARY KEY,"
				" what TEXT NOT NULL, at INTEGER NOT NULL)"));
	for (size_t i = (size_t)have; i < sc->nsteps; i++) {
		TRY(sql_exec(s, sc->steps[i].text));
		TRY(SQL_RUN(s, "INSERT INTO schema_version VALUES (?, ?, ?)", SQL_I(i + 1),
			    SQL_T(str_z(sc->steps[i].what)), SQL_I(now)));
	}
	return OK;
}

err schema_migrate(struct sql *s, const struct schema *sc, int64_t now)
{
	int64_t have;

	TRY(schema_version(s, &have));
	if ((uint64_t)have == sc->nsteps)
		return OK; /* the usual case takes no write lock */
	TRY(sql_begin(s, SQL_WRITE));
	err e = run_steps(s, sc, now);

	if (!e)
		e = sql_commit(s);
	if (e)
		sql_rollback(s);
	return e;
}
