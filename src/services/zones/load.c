/* A zone from the rows of the directory. */
#include "services/zones/load.h"

#include "base/limits.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "services/zones/load_mail.h"

err zone_reader_new(struct directory *d, struct zone_reader **out)
{
	struct zone_reader *r = MEM_NEW(struct zone_reader);

	r->d = d;
	arena_init(&r->shared, MIB(16));
	arena_init(&r->zone, MIB(1));
	buf_init(&r->rdata, LIM_ZONE_RDATA);
	err e = mail_shared_load(r);

	if (e)
		zone_reader_free(r);
	else
		*out = r;
	return e;
}

void zone_reader_free(struct zone_reader *r)
{
	if (!r)
		return;
	arena_free(&r->shared);
	arena_free(&r->zone);
	buf_free(&r->rdata);
	mem_free(r);
}

/* ---- the SOA ---- */

struct soa {
	str primary, mailbox;
	uint32_t numbers[5]; /* serial, refresh, retry, expire, minimum */
};

static void add_name(struct buf *out, const struct dns_name *n)
{
	buf_add(out, dns_name_str(n));
}

/* RFC 1035 8: the local part is one label. */
static err add_mailbox(const struct zone_load *z, str mailbox, struct buf *out)
{
	struct dns_name n;
	str local = STR("hostmaster"), domain = STR("@");

	if (mailbox.n && !str_cut(mailbox, '@', &local, &domain)) {
		TRY(dns_name_parse(mailbox, STR("\0"), &n));
		add_name(out, &n);
		return OK;
	}
	TRY(dns_name_parse(domain, str_eq(domain, STR("@")) ? z->apex : STR("\0"), &n));
	if (local.n > DNS_LABEL_MAX || local.n + 1 + n.n > DNS_NAME_MAX)
		return fail(E_SYNTAX, "the mailbox \"%.*s\" is too long", STRF(mailbox));
	buf_u8(out, (unsigned)local.n);
	buf_add(out, local);
	add_name(out, &n);
	return OK;
}

/* The name in the SOA when none is set: the first name server. */
static err add_primary(const struct zone_load *z, str primary, struct buf *out)
{
	struct zone_rrset ns;
	const unsigned char *at = NULL;
	struct dns_name n;
	str rdata;

	if (primary.n) {
		TRY(dns_name_parse(primary, STR("\0"), &n));
		add_name(out, &n);
	} else if (zone_builder_find(z->b, z->apex, DNS_NS, &ns) &&
		   zone_rdata_next(&ns, &at, &rdata)) {
		buf_add(out, rdata);
	} else {
		buf_add(out, z->apex);
	}
	return OK;
}

static err add_soa(struct zone_load *z, const struct soa *s)
{
	struct buf *b = &z->r->rdata;

	buf_reset(b);
	TRY(add_primary(z, s->primary, b));
	TRY(add_mailbox(z, s->mailbox, b));
	for (size_t i = 0; i < COUNT(s->numbers); i++)
		buf_u32(b, s->numbers[i]);
	TRY(buf_done(b));
	return zone_builder_add(z->b, z->apex, DNS_SOA, z->ttl, buf_str(b));
}

/* ---- records ---- */

uint32_t zone_load_ttl(const struct zone_load *z, int64_t ttl)
{
	int64_t t = ttl < 0 ? z->ttl : ttl;

	t = t < z->ttl_min ? z->ttl_min : t;
	return (uint32_t)(t > z->ttl_max ? z->ttl_max : t);
}

static err add_row(struct zone_load *z, struct sql_stmt *st)
{
	struct dns_name owner;
	uint16_t type;

	TRY(dns_name_parse(sql_text(st, 0), z->apex, &owner));
	dns_name_lower(&owner);
	TRY(dns_type_parse(sql_text(st, 1), &type));
	buf_reset(&z->r->rdata);
	TRY(dns_rdata_parse(type, sql_text(st, 2), z->apex, &z->r->rdata));
	TRY(buf_done(&z->r->rdata));
	str rdata = buf_str(&z->r->rdata);

	if (z->mail)
		mail_seen(z, dns_name_str(&owner), type, rdata);
	return zone_builder_add(z->b, dns_name_str(&owner), type, zone_load_ttl(z, sql_int(st, 3)),
				rdata);
}

static err add_rows(struct zone_load *z)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	char why[sizeof(err_last()->text)];
	int64_t n = 0;
	err e;

	TRY(SQL_QUERY(directory_sql(z->r->d), &st,
		      "SELECT name, type, data, COALESCE(ttl, -1) FROM records WHERE zone_id = ?",
		      SQL_I(z->about->id)));
	while ((e = sql_step(st)) == OK) {
		if (++n > LIM_ZONE_RECORDS)
			return fail(E_LIMIT, "over %d records", LIM_ZONE_RECORDS);
		e = add_row(z, st);
		if (!e)
			continue;
		if (str_to_z(str_z(err_last()->text), why, sizeof(why)))
			return e;
		return fail(e, "%.*s %.*s: %s", STRF(sql_text(st, 0)), STRF(sql_text(st, 1)), why);
	}
	return e == E_EOF ? OK : e;
}

/* ---- the row of the zone ---- */

static err read_row(struct zone_load *z, struct soa *soa)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct arena *a = &z->r->zone;

	TRY(SQL_QUERY(
		directory_sql(z->r->d), &st,
		"SELECT name, primary_server, mailbox, serial, refresh, retry, expire, minimum,"
		" ttl, ttl_min, ttl_max, signed, disabled, transfer, notify FROM zones"
		" WHERE id = ?",
		SQL_I(z->about->id)));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? fail(E_NOTFOUND, "the zone is not in the directory") : e;
	TRY(dirzone_name_parse(sql_text(st, 0), &z->about->name));
	soa->primary = arena_dup(a, sql_text(st, 1));
	soa->mailbox = arena_dup(a, sql_text(st, 2));
	for (int i = 0; i < 5; i++)
		soa->numbers[i] = (uint32_t)sql_int(st, 3 + i);
	z->ttl_min = sql_int(st, 9);
	z->ttl_max = sql_int(st, 10);
	z->ttl = (uint32_t)sql_int(st, 8);
	z->ttl = zone_load_ttl(z, -1);
	z->about->serial = soa->numbers[0];
	z->about->sign = sql_int(st, 11) != 0;
	z->about->disabled = sql_int(st, 12) != 0;
	z->about->transfer = arena_dup(a, sql_text(st, 13));
	z->about->notify = arena_dup(a, sql_text(st, 14));
	return OK;
}

static err fill(struct zone_load *z)
{
	struct soa soa;

	TRY(read_row(z, &soa));
	if (z->about->disabled)
		return OK;
	z->apex = dns_name_str(&z->about->name.wire);
	z->b = zone_builder_new(z->apex);
	TRY(mail_wanted(z));
	TRY(add_rows(z));
	if (z->mail)
		TRY(mail_add(z));
	return add_soa(z, &soa);
}

err zone_read(struct zone_reader *r, uint64_t id, const struct zone_made *made,
	      struct zone_about *about, struct zone_builder **out)
{
	struct zone_load z = { .r = r, .about = about, .made = made };

	arena_reset(&r->zone);
	map_init(&z.seen);
	*about = (struct zone_about){ .id = id };
	*out = NULL;
	err e = fill(&z);

	map_free(&z.seen);
	if (e)
		zone_builder_free(z.b);
	else
		*out = z.b;
	return e;
}
