/* Zones: names, the forms of their fields, serials. */
#include "services/directory/dirdb_state.h"

#include "base/date.h"
#include "base/limits.h"
#include "run/net.h"
#include "services/directory/address.h"
#include "services/directory/dirzone.h"

#define PORT 53

/* ---- names ---- */

/* Without the dot at the end, as people write a zone's name; the root stays ".". */
static void print_bare(const struct dns_name *n, struct buf *out)
{
	size_t before = out->n;

	dns_name_print(dns_name_str(n), out);
	if (out->n > before + 1 && !out->e)
		out->n--;
}

static err parse_host(str text, struct dns_name *out)
{
	static const struct dns_name root = { { 0 }, 1 };

	TRY(dns_name_parse(text, dns_name_str(&root), out));
	dns_name_lower(out);
	return OK;
}

err dirzone_name_parse(str text, struct dirzone_name *out)
{
	char space[LIM_SMTP_DOMAIN + 1];
	struct buf b;

	text = str_trim(text);
	if (!str_ascii(text)) /* as A-labels, like domains */
		TRY(dir_domain_parse(text, space, &text));
	if (parse_host(text, &out->wire) || dns_name_is_wildcard(dns_name_str(&out->wire)))
		return fail(E_SYNTAX, "\"%.*s\" is no name for a zone; write example.org",
			    STRF(text));
	buf_init(&b, sizeof(out->space));
	print_bare(&out->wire, &b);
	err e = buf_done(&b);

	if (!e)
		e = str_to_z(buf_str(&b), out->space, sizeof(out->space));
	out->text = str_of(out->space, b.n);
	buf_free(&b);
	return e;
}

err dirzone_find(struct directory *d, str name, uint64_t *id)
{
	struct dirzone_name n;
	int64_t v;

	TRY(dirzone_name_parse(name, &n));
	err e = SQL_GET(d->s, &v, "SELECT id FROM zones WHERE name = ?", SQL_T(n.text));

	if (e)
		return e == E_NOTFOUND
			       ? fail(e, "there is no zone %.*s; add it with: posta zone add %.*s",
				      STRF(n.text), STRF(n.text))
			       : e;
	*id = (uint64_t)v;
	return OK;
}

err dirzone_add_row(struct directory *d, str name)
{
	struct dirzone_name n;

	TRY(dirzone_name_parse(name, &n));
	err e = SQL_RUN(d->s, "INSERT INTO zones (name, serial, created) VALUES (?, 0, ?)",
			SQL_T(n.text), SQL_I(clock_unix()));

	return e == E_EXISTS ? fail(e, "there is a zone %.*s already", STRF(n.text)) : e;
}

/* ---- fields ---- */

err dirzone_check(struct directory *d, uint64_t id)
{
	int64_t fits;

	TRY(SQL_GET(d->s, &fits, "SELECT ttl BETWEEN ttl_min AND ttl_max FROM zones WHERE id = ?",
		    SQL_I(id)));
	return fits ? OK : fail(E_DENIED, "ttl: must lie between ttl-min and ttl-max");
}

err dirzone_clean_host(str text, struct buf *out)
{
	struct dns_name n;

	if (!str_trim(text).n)
		return OK;
	TRY(parse_host(str_trim(text), &n));
	print_bare(&n, out);
	return OK;
}

/* Stored as the address that it means: the SOA's form of it is made when the zone is. */
err dirzone_clean_mailbox(str text, struct buf *out)
{
	struct dns_name n;
	str local, domain;

	text = str_trim(text);
	if (!text.n)
		return OK;
	if (!str_cut(text, '@', &local, &domain))
		return dirzone_clean_host(text, out); /* RFC 1035 8: hostmaster.example.org */
	if (!local.n || local.n > LIM_SMTP_LOCAL || !str_printable(local) ||
	    str_find(local, ' ') != local.n || parse_host(domain, &n))
		return fail(E_SYNTAX, "\"%.*s\" is no address", STRF(text));
	buf_fmt(out, "%.*s@", STRF(local));
	print_bare(&n, out);
	return OK;
}

static err clean_each(str text, struct buf *out, err (*one)(str item, struct buf *out))
{
	str item;

	while (str_next(&text, ',', &item)) {
		item = str_trim(item);
		if (!item.n)
			continue;
		if (out->n)
			buf_addc(out, ',');
		TRY(one(item, out));
	}
	return OK;
}

static err clean_key(str item, struct buf *out)
{
	struct dns_name n;

	if (!item.n || parse_host(item, &n))
		return fail(E_SYNTAX, "\"%.*s\" is no name of a key", STRF(item));
	print_bare(&n, out);
	return OK;
}

/* "192.0.2.0/24", "key:NAME", "192.0.2.1@NAME": that network with that key. */
static err clean_peer(str item, struct buf *out)
{
	str net = item, key = STR("");
	struct net_block b;

	if (str_startsi(item, STR("key:"))) {
		buf_add(out, STR("key:"));
		return clean_key(str_skip(item, 4), out);
	}
	bool keyed = str_cut(item, '@', &net, &key);

	if (net_block_parse(net, &b))
		return fail(E_SYNTAX, "\"%.*s\" is no network; write 192.0.2.0/24 or key:NAME",
			    STRF(net));
	buf_add(out, net);
	if (!keyed)
		return OK;
	buf_addc(out, '@');
	return clean_key(key, out);
}

err dirzone_clean_transfer(str text, struct buf *out)
{
	return clean_each(text, out, clean_peer);
}

/* "192.0.2.1", "[2001:db8::1]:5353", each with "@KEY" where the message is to be signed. */
static err clean_target(str item, struct buf *out)
{
	str address = item, key = STR("");
	CLEANUP(buf_free) struct buf b = { 0 };
	struct net_addr a;

	bool keyed = str_cut(item, '@', &address, &key);

	buf_init(&b, 100);
	if (net_parse(address, &a) || net_is_unix(&a)) {
		bool six = str_find(address, ':') != address.n && !str_starts(address, STR("["));

		buf_fmt(&b, six ? "[%.*s]:%d" : "%.*s:%d", STRF(address), PORT);
		if (net_parse(buf_str(&b), &a) || net_is_unix(&a))
			return fail(E_SYNTAX,
				    "\"%.*s\" is no address; write 192.0.2.1 or "
				    "192.0.2.1:53",
				    STRF(address));
	}
	net_print(&a, out);
	if (!keyed)
		return OK;
	buf_addc(out, '@');
	return clean_key(key, out);
}

err dirzone_clean_notify(str text, struct buf *out)
{
	return clean_each(text, out, clean_target);
}

/* ---- serials ---- */

bool dirzone_serial_before(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(b - a) < UINT32_C(0x80000000);
}

uint32_t dirzone_next_serial(uint32_t now, bool date, int64_t unix_seconds)
{
	uint32_t next = now + 1;
	struct date d = date_of(unix_seconds, 0);
	uint32_t today = (uint32_t)(d.year * 10000 + d.month * 100 + d.day) * 100;

	if (date && dirzone_serial_before(now, today))
		next = today;
	return next ? next : 1;
}

err dirzone_touch(struct directory *d, uint64_t zone)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(d->s, &st, "SELECT serial, serial_policy FROM zones WHERE id = ?",
		      SQL_I(zone)));
	err e = sql_step(st);

	if (e && e != E_EOF)
		return e;
	if (!e) {
		uint32_t now = (uint32_t)sql_int(st, 0);
		/* A new zone's first serial: today's, or 1. */
		uint32_t next = dirzone_next_serial(now, sql_int(st, 1) == 1, clock_unix());

		TRY(SQL_RUN(d->s, "UPDATE zones SET serial = ? WHERE id = ?", SQL_I(next),
			    SQL_I(zone)));
	}
	d->noted = true; /* in the caller's transaction, which directory_note might not see */
	return d->note_all ? OK : feed_add(d, "zone", zone);
}

err dirzone_adopt_serial(struct directory *d, uint64_t zone, uint32_t serial)
{
	int64_t now;

	TRY(SQL_GET(d->s, &now, "SELECT serial FROM zones WHERE id = ?", SQL_I(zone)));
	/* The touch that follows adds one. */
	uint32_t before = serial - 1;

	if (!dirzone_serial_before((uint32_t)now, before))
		return OK;
	return SQL_RUN(d->s, "UPDATE zones SET serial = ? WHERE id = ?", SQL_I(before),
		       SQL_I(zone));
}

static err set_signed(struct directory *d, uint64_t zone, bool on, uint32_t step)
{
	int64_t serial;

	TRY(SQL_GET(d->s, &serial, "SELECT serial FROM zones WHERE id = ?", SQL_I(zone)));
	TRY(SQL_RUN(d->s, "UPDATE zones SET signed = ?, serial = ? WHERE id = ?", SQL_I(on),
		    SQL_I((uint32_t)((uint32_t)serial + step)), SQL_I(zone)));
	return dirzone_touch(d, zone);
}

err dirzone_set_signed(struct directory *d, uint64_t zone, bool on, uint32_t step)
{
	TRY(directory_begin(d));
	err e = set_signed(d, zone, on, step);

	if (!e)
		e = directory_commit(d);
	if (e)
		directory_rollback(d);
	return e;
}

err dirzone_above(struct directory *d, str name, bool strictly, uint64_t *id)
{
	struct dirzone_name n;

	TRY(dirzone_name_parse(name, &n));
	str at = n.text;

	for (unsigned labels = 0; labels <= DNS_LABELS_MAX; labels++) {
		int64_t v;
		size_t dot = str_find(at, '.');

		if (!strictly || labels) {
			err e = SQL_GET(d->s, &v, "SELECT id FROM zones WHERE name = ?", SQL_T(at));

			if (e != E_NOTFOUND) {
				*id = (uint64_t)v;
				return e;
			}
		}
		if (str_eq(at, STR(".")))
			break;
		at = dot < at.n ? str_skip(at, dot + 1) : STR(".");
	}
	return fail(E_NOTFOUND, "no zone of the directory holds %.*s", STRF(n.text));
}

err dirzone_touch_above(struct directory *d, str name, bool strictly)
{
	uint64_t id = 0;
	err e = dirzone_above(d, name, strictly, &id);

	return e ? e == E_NOTFOUND ? OK : e : dirzone_touch(d, id);
}

/* ---- which zone a mail domain lies in: the closest one, kept with the domain ---- */

static struct sql_value or_null(err e, uint64_t id)
{
	return e == E_NOTFOUND ? SQL_NIL : SQL_I(id);
}

err dirzone_take_domains(struct directory *d, str zone_name, uint64_t zone)
{
	struct dirzone_name n;
	uint64_t parent = 0;
	err e = dirzone_above(d, zone_name, true, &parent);

	if (e && e != E_NOTFOUND)
		return e;
	TRY(dirzone_name_parse(zone_name, &n));
	if (str_eq(n.text, STR(".")))
		return SQL_RUN(d->s, "UPDATE domains SET zone_id = ? WHERE zone_id IS NULL",
			       SQL_I(zone));
	return SQL_RUN(d->s,
		       "UPDATE domains SET zone_id = ? WHERE COALESCE(zone_id, 0) = ?"
		       " AND (name = ? OR SUBSTR(name, ?) = '.' || ?)",
		       SQL_I(zone), SQL_I(parent), SQL_T(n.text), SQL_I(-(int64_t)n.text.n - 1),
		       SQL_T(n.text));
}

err dirzone_leave_domains(struct directory *d, str zone_name, uint64_t zone)
{
	uint64_t parent = 0;
	err e = dirzone_above(d, zone_name, true, &parent);

	if (e && e != E_NOTFOUND)
		return e;
	return SQL_RUN(d->s, "UPDATE domains SET zone_id = ? WHERE zone_id = ?", or_null(e, parent),
		       SQL_I(zone));
}

err dirzone_place_domain(struct directory *d, str domain, uint64_t id)
{
	uint64_t zone = 0;
	err e = dirzone_above(d, domain, false, &zone);

	if (e && e != E_NOTFOUND)
		return e;
	return SQL_RUN(d->s, "UPDATE domains SET zone_id = ? WHERE id = ?", or_null(e, zone),
		       SQL_I(id));
}
