/* The records of zones. */
#include "services/directory/dirdb_state.h"

#include "base/limits.h"
#include "formats/dns/rdata.h"
#include "services/directory/dirzone.h"

/* ---- the form that is stored ---- */

static err refuse_type(uint16_t type)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, 100);
	dns_type_print(type, &b);
	if (type == DNS_SOA)
		return fail(E_DENIED, "the SOA is made of the zone's settings: posta zone set");
	if (type == DNS_RRSIG || type == DNS_NSEC || type == DNS_NSEC3 || type == DNS_NSEC3PARAM)
		return fail(E_DENIED, "%.*s records are made by posta zone sign",
			    STRF(buf_str(&b)));
	if (!type || type == DNS_OPT || (type >= 128 && type <= 255)) /* RFC 6895 3.1 */
		return fail(E_DENIED, "%.*s is no type of stored records", STRF(buf_str(&b)));
	return OK;
}

/* "@", "www" or, for what has dots in its labels, with escapes. */
static err print_owner(str apex, str owner, struct buf *out)
{
	if (!dns_name_under(owner, apex))
		return fail(E_SYNTAX, "the name lies outside the zone");
	if (dns_name_eq(owner, apex)) {
		buf_addc(out, '@');
		return OK;
	}
	struct dns_name rest = { .n = (unsigned char)(owner.n - apex.n + 1) };

	for (size_t i = 0; i + 1 < rest.n; i++)
		rest.p[i] = (unsigned char)owner.p[i];
	dns_name_print(dns_name_str(&rest), out);
	if (!out->e)
		out->n--; /* the dot at its end */
	return OK;
}

err dirzone_record_of(str apex, str owner, uint16_t type, str rdata, struct arena *a,
		      struct dir_record *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	TRY(refuse_type(type));
	buf_init(&b, LIM_ZONE_RDATA_TEXT);
	TRY(print_owner(apex, owner, &b));
	size_t name = b.n;

	dns_type_print(type, &b);
	size_t word = b.n;

	dns_rdata_print(type, rdata, &b);
	TRY(buf_done(&b));
	str all = arena_dup(a, buf_str(&b));

	if (!all.p)
		return fail(E_LIMIT, "no memory for a record");
	out->name = str_take(all, name);
	out->type = str_skip(str_take(all, word), name);
	out->data = str_skip(all, word);
	return OK;
}

err dirzone_record_parse(str apex, str name, str type, str data, struct arena *a,
			 struct dir_record *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct dns_name owner;
	uint16_t number;

	if (!str_ascii(name)) /* RFC 5891: nobody would find it by these octets */
		return fail(E_SYNTAX, "\"%.*s\" is not ASCII; write A-labels (xn--...)",
			    STRF(name));
	if (dns_name_parse(name, apex, &owner))
		return fail(E_SYNTAX, "\"%.*s\" is no name", STRF(name));
	if (!dns_name_under(dns_name_str(&owner), apex))
		return fail(E_SYNTAX, "\"%.*s\" lies outside the zone", STRF(name));
	dns_name_lower(&owner);
	if (dns_type_parse(type, &number))
		return fail(E_SYNTAX, "\"%.*s\" is no type of records", STRF(type));
	TRY(refuse_type(number));
	buf_init(&b, LIM_ZONE_RDATA);
	TRY(dns_rdata_parse(number, data, apex, &b));
	TRY(buf_done(&b));
	return dirzone_record_of(apex, dns_name_str(&owner), number, buf_str(&b), a, out);
}

/* ---- rows ---- */

/* RFC 2181 5.2 is seen to when the zone is built; here what the zone's owner wanted. */
static err check_ttl(struct directory *d, uint64_t zone, int64_t ttl)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	if (ttl < 0)
		return OK;
	TRY(SQL_QUERY(d->s, &st, "SELECT ttl_min, ttl_max FROM zones WHERE id = ?", SQL_I(zone)));
	TRY(sql_step(st));
	if (ttl >= sql_int(st, 0) && ttl <= sql_int(st, 1))
		return OK;
	return fail(E_DENIED,
		    "a TTL of %lld; this zone's are %lld to %lld (posta zone set --ttl-min, "
		    "--ttl-max)",
		    (long long)ttl, (long long)sql_int(st, 0), (long long)sql_int(st, 1));
}

err dirzone_record_add(struct directory *d, uint64_t zone, const struct dir_record *r)
{
	TRY(check_ttl(d, zone, r->ttl));
	err e = SQL_RUN(d->s,
			"INSERT INTO records (zone_id, name, type, ttl, data) VALUES (?, ?, ?, ?, "
			"?)",
			SQL_I(zone), SQL_T(r->name), SQL_T(r->type),
			r->ttl < 0 ? SQL_NIL : SQL_I(r->ttl), SQL_T(r->data));

	return e == E_EXISTS ? fail(e, "there is a record %.*s %.*s %.*s already", STRF(r->name),
				    STRF(r->type), STRF(r->data))
			     : e;
}

err dirzone_record_remove(struct directory *d, uint64_t zone, const struct dir_record *r,
			  int64_t *removed)
{
	TRY(SQL_RUN(d->s,
		    "DELETE FROM records WHERE zone_id = ? AND name = ? AND (? = '' OR type = ?)"
		    " AND (? = '' OR data = ?)",
		    SQL_I(zone), SQL_T(r->name), SQL_T(r->type), SQL_T(r->type), SQL_T(r->data),
		    SQL_T(r->data)));
	*removed = sql_changed(d->s);
	return *removed ? OK
			: fail(E_NOTFOUND, "there is no record %.*s%s%.*s%s%.*s", STRF(r->name),
			       r->type.n ? " " : "", STRF(r->type), r->data.n ? " " : "",
			       STRF(r->data));
}

err dirzone_record_each(struct directory *d, uint64_t zone,
			err (*fn)(void *arg, const struct dir_record *r), void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(d->s, &st,
		      "SELECT name, type, data, COALESCE(ttl, -1) FROM records WHERE zone_id = ?"
		      " ORDER BY name, type, data",
		      SQL_I(zone)));
	while ((e = sql_step(st)) == OK) {
		struct dir_record r = { .name = sql_text(st, 0),
					.type = sql_text(st, 1),
					.data = sql_text(st, 2),
					.ttl = sql_int(st, 3) };

		TRY(fn(arg, &r));
	}
	return e == E_EOF ? OK : e;
}
