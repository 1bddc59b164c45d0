/* The records that write themselves: of each mail domain that lies in a zone of ours, and of the
 * servers' names. They come from the directory alone (tables mail_dns, server_keys, dkim_keys), so
 * that every node makes the same ones under the same serial: decision 0131. */
#include "services/zones/load_mail.h"

#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "formats/dns/rdata.h"
#include "formats/dns/zonefile.h"
#include "services/directory/dirmail.h"

#define TTL 600 /* seconds, where a line names none */

/* ---- what the operator wrote wins: per name and type ---- */

/* The kind of a TXT record is its first word: "v=spf1". Others at the same name stand beside it. */
static str txt_kind(str rdata)
{
	str text = str_skip(rdata, 1);
	size_t n = 0;

	while (n < text.n && text.p[n] != ' ' && text.p[n] != ';')
		n++;
	return str_take(text, n);
}

static void key_of(str owner, uint16_t type, str rdata, struct buf *key)
{
	buf_reset(key);
	buf_add(key, owner);
	if (!type)
		return;
	buf_u8(key, type >> 8);
	buf_u8(key, type & 0xff);
	if (type == DNS_TXT && rdata.n)
		buf_add(key, txt_kind(rdata));
}

static void see(struct zone_load *z, str owner, uint16_t type, str rdata)
{
	CLEANUP(buf_free) struct buf key = { 0 };

	buf_init(&key, KIB(1));
	key_of(owner, type, rdata, &key);
	if (!key.e)
		(void)map_put(&z->seen, buf_str(&key), z);
}

static bool has(const struct zone_load *z, str owner, uint16_t type, str rdata)
{
	CLEANUP(buf_free) struct buf key = { 0 };

	buf_init(&key, KIB(1));
	key_of(owner, type, rdata, &key);
	return key.e || map_get(&z->seen, buf_str(&key));
}

void mail_seen(struct zone_load *z, str owner, uint16_t type, str rdata)
{
	see(z, owner, 0, STR(""));
	see(z, owner, type, rdata);
}

/* Below a delegation or a DNAME nothing is ours to say; nor beside a CNAME. */
static bool hidden(const struct zone_load *z, str owner)
{
	struct zone_rrset set;

	if (zone_builder_find(z->b, owner, DNS_CNAME, &set))
		return true;
	for (str at = owner; at.n > z->apex.n; at = dns_name_parent(at)) {
		if (zone_builder_find(z->b, at, DNS_NS, &set))
			return true;
		if (at.n != owner.n && zone_builder_find(z->b, at, DNS_DNAME, &set))
			return true;
	}
	return owner.n > z->apex.n && zone_builder_find(z->b, z->apex, DNS_DNAME, &set);
}

static err put(struct zone_load *z, str owner, uint16_t type, uint32_t ttl, str rdata)
{
	struct zone_rrset set;

	if (!dns_name_under(owner, z->apex) || hidden(z, owner))
		return OK;
	if (type == DNS_CNAME) { /* alone at its name, or not at all: two domains may ask for it */
		for (size_t i = 0; i < 4; i++) {
			static const uint16_t made[] = { DNS_A, DNS_AAAA, DNS_TXT, DNS_MX };

			if (zone_builder_find(z->b, owner, made[i], &set))
				return OK;
		}
	}
	if (has(z, owner, type == DNS_CNAME ? 0 : type, rdata))
		return OK;
	uint32_t t = zone_load_ttl(z, ttl);

	TRY(zone_builder_add(z->b, owner, type, t, rdata));
	if (z->made)
		z->made->record(z->made->arg, owner, type, t, rdata);
	return OK;
}

/* ---- what all zones share ---- */

static err keep_host(void *arg, const struct zonefile_record *rec)
{
	struct zone_reader *r = arg;
	struct mail_host *h = NEW(&r->shared, struct mail_host);
	struct dns_name owner = { .n = (unsigned char)rec->owner.n };

	memcpy(owner.p, rec->owner.p, rec->owner.n);
	dns_name_lower(&owner);
	*h = (struct mail_host){ .owner = arena_dup(&r->shared, dns_name_str(&owner)),
				 .rdata = arena_dup(&r->shared, rec->rdata),
				 .type = rec->type,
				 .ttl = rec->ttl,
				 .next = r->hosts };
	r->hosts = h;
	return h->owner.p && h->rdata.p ? OK : fail(E_LIMIT, "too many servers' names");
}

static err read_lines(str text, str origin, err (*record)(void *, const struct zonefile_record *),
		      void *arg, const char *what)
{
	CLEANUP(buf_free) struct buf complaints = { 0 };
	const struct zonefile f = { .origin = origin,
				    .ttl = TTL,
				    .ttl_known = true,
				    .record = record,
				    .arg = arg,
				    .complaints = &complaints };

	buf_init(&complaints, KIB(4));
	err e = zonefile_read(&f, text, str_z(what));

	return e && complaints.n ? fail(E_SYNTAX, "%.*s", STRF(buf_str(&complaints))) : e;
}

/* TLSA 3 1 1 for port 25 of each server whose keys are known (RFC 7672 3.1.1). */
static err load_keys(struct zone_reader *r)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	CLEANUP(buf_free) struct buf line = { 0 };
	err e;

	buf_init(&line, LIM_MAIL_DNS);
	TRY(SQL_QUERY(directory_sql(r->d), &st,
		      "SELECT host, spki FROM server_keys ORDER BY host, spki"));
	while ((e = sql_step(st)) == OK)
		buf_fmt(&line, "_25._tcp.%.*s. TLSA 3 1 1 %.*s\n", STRF(sql_text(st, 0)),
			STRF(sql_text(st, 1)));
	TRY(e == E_EOF ? buf_done(&line) : e);
	return read_lines(buf_str(&line), STR("\0"), keep_host, r, "server_keys");
}

err mail_shared_load(struct zone_reader *r)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	r->lines = STR("");
	TRY(SQL_QUERY(directory_sql(r->d), &st, "SELECT records, hosts FROM mail_dns"));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? OK : e;
	r->lines = arena_dup(&r->shared, sql_text(st, 0));
	if (!r->lines.p)
		return fail(E_LIMIT, "the records of mail domains are too many");
	TRY(read_lines(sql_text(st, 1), STR("\0"), keep_host, r, "mail_dns"));
	return load_keys(r);
}

/* ---- one zone ---- */

static err lies_here(const struct zone_load *z, str owner, bool *here)
{
	CLEANUP(buf_free) struct buf name = { 0 };
	uint64_t id = 0;

	*here = false;
	if (!dns_name_under(owner, z->apex))
		return OK;
	buf_init(&name, KIB(2));
	dns_name_print(owner, &name);
	TRY(buf_done(&name));
	err e = dirzone_above(z->r->d, buf_str(&name), false, &id);

	*here = !e && id == z->about->id;
	return e == E_NOTFOUND ? OK : e;
}

err mail_wanted(struct zone_load *z)
{
	int64_t n;

	TRY(SQL_GET(directory_sql(z->r->d), &n,
		    "SELECT EXISTS (SELECT 1 FROM domains WHERE zone_id = ?)",
		    SQL_I(z->about->id)));
	z->mail = n != 0;
	for (struct mail_host *h = z->r->hosts; h && !z->mail; h = h->next)
		z->mail = dns_name_under(h->owner, z->apex);
	return OK;
}

static err put_hosts(struct zone_load *z)
{
	for (struct mail_host *h = z->r->hosts; h; h = h->next) {
		bool here;

		TRY(lies_here(z, h->owner, &here));
		if (here)
			TRY(put(z, h->owner, h->type, h->ttl, h->rdata));
	}
	return OK;
}

static err put_record(void *arg, const struct zonefile_record *rec)
{
	struct dns_name owner = { .n = (unsigned char)rec->owner.n };

	memcpy(owner.p, rec->owner.p, rec->owner.n);
	dns_name_lower(&owner);
	return put(arg, dns_name_str(&owner), rec->type, rec->ttl, rec->rdata);
}

/* "{domain}" in a line stands for the domain's name. */
static void substitute(str lines, str domain, struct buf *out)
{
	static const str word = S("{domain}");

	for (;;) {
		size_t at = str_search(lines, word);

		buf_add(out, str_take(lines, at));
		if (at == lines.n)
			return;
		buf_add(out, domain);
		lines = str_skip(lines, at + word.n);
	}
}

/* RFC 6376 3.6.1, RFC 8463 2; strings of at most 255 octets are joined by the reader. */
static err dkim_lines(struct directory *d, uint64_t domain, struct buf *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(directory_sql(d), &st,
		      "SELECT selector, algorithm, CASE state WHEN ? THEN '' ELSE public_key END"
		      " FROM dkim_keys WHERE domain_id = ? ORDER BY selector",
		      SQL_I(DKIM_REVOKED), SQL_I(domain)));
	while ((e = sql_step(st)) == OK) {
		str key = sql_text(st, 2);

		buf_fmt(out, "%.*s._domainkey TXT ( \"v=DKIM1; k=%.*s; p=\"", STRF(sql_text(st, 0)),
			STRF(sql_text(st, 1)));
		for (; key.n; key = str_skip(key, 200))
			buf_fmt(out, " \"%.*s\"", STRF(str_take(key, 200)));
		buf_add(out, STR(" )\n"));
	}
	return e == E_EOF ? OK : e;
}

err mail_domain_lines(struct directory *d, str domain, uint64_t id, str lines, struct buf *out)
{
	buf_fmt(out, "$ORIGIN %.*s.\n", STRF(domain));
	substitute(lines, domain, out);
	TRY(dkim_lines(d, id, out));
	return buf_done(out);
}

static err put_domain(struct zone_load *z, str domain, uint64_t id)
{
	CLEANUP(buf_free) struct buf text = { 0 };

	buf_init(&text, 4 * LIM_MAIL_DNS);
	TRY(mail_domain_lines(z->r->d, domain, id, z->r->lines, &text));
	return read_lines(buf_str(&text), STR("\0"), put_record, z, "mail_dns");
}

err mail_add(struct zone_load *z)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(put_hosts(z));
	TRY(SQL_QUERY(directory_sql(z->r->d), &st,
		      "SELECT id, name FROM domains WHERE zone_id = ? ORDER BY name",
		      SQL_I(z->about->id)));
	while ((e = sql_step(st)) == OK)
		TRY(put_domain(z, sql_text(st, 1), (uint64_t)sql_int(st, 0)));
	return e == E_EOF ? OK : e;
}
