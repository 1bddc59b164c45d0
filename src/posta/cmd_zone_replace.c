/* The records of a zone become those of a master file: the difference in rows, and the SOA's
 * fields. */
#include <stdio.h>

#include "base/limits.h"
#include "base/map.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "posta/cmd_zone.h"

/* ---- the difference, in rows ---- */

struct wanted {
	struct dir_record r;
	bool there;
};
struct replacing {
	struct directory *d;
	uint64_t id;
	str apex;
	int64_t ttl, least, most; /* the zone's; of the file's records */
	struct arena a;
	struct map rows; /* name, type, data -> struct wanted */
	struct dir_record *drop;
	size_t ndrop, cap;
	struct zone_counts *n;
};

static str key_of(struct replacing *p, const struct dir_record *r)
{
	return arena_fmt(&p->a, "%.*s %.*s %.*s", STRF(r->name), STRF(r->type), STRF(r->data));
}

static bool made_by_signing(uint16_t type)
{
	return type == DNS_RRSIG || type == DNS_NSEC || type == DNS_NSEC3 || type == DNS_NSEC3PARAM;
}

static err want(void *arg, const struct zone_rrset *s)
{
	struct replacing *p = arg;
	str rdata;

	for (const unsigned char *at = NULL; zone_rdata_next(s, &at, &rdata);) {
		if (s->type == DNS_SOA)
			continue;
		if (made_by_signing(s->type)) {
			p->n->skipped++;
			continue;
		}
		struct wanted *w = NEW(&p->a, struct wanted);

		TRY(dirzone_record_of(p->apex, s->owner, s->type, rdata, &p->a, &w->r));
		w->r.ttl = s->ttl == p->ttl ? -1 : (int64_t)s->ttl;
		p->least = s->ttl < p->least ? s->ttl : p->least;
		p->most = s->ttl > p->most ? s->ttl : p->most;
		str key = key_of(p, &w->r);

		if (!key.p)
			return fail(E_LIMIT, "the zone is too large");
		(void)map_put(&p->rows, key, w);
	}
	return OK;
}

/* Rows are gathered first: nothing is deleted under a reading statement. */
static err compare(void *arg, const struct dir_record *r)
{
	struct replacing *p = arg;
	struct wanted *w = map_get(&p->rows, key_of(p, r));

	if (w && w->r.ttl == r->ttl) {
		w->there = true;
		return OK;
	}
	if (p->ndrop == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->drop = mem_resize(p->drop, size_mul(p->cap, sizeof(*p->drop)));
	}
	p->drop[p->ndrop++] = (struct dir_record){ .name = arena_dup(&p->a, r->name),
						   .type = arena_dup(&p->a, r->type),
						   .data = arena_dup(&p->a, r->data) };
	return OK;
}

/* A zone that comes from elsewhere brings its TTLs; one that is here has its policy. */
static err adapt_policy(struct replacing *p)
{
	return SQL_RUN(directory_sql(p->d),
		       "UPDATE zones SET ttl_min = MIN(ttl_min, ?), ttl_max = MAX(ttl_max, ?)"
		       " WHERE id = ?",
		       SQL_I(p->least), SQL_I(p->most), SQL_I(p->id));
}

static err apply(struct replacing *p)
{
	str key;
	void *value;

	for (size_t i = 0; i < p->ndrop; i++) {
		int64_t n;

		TRY(dirzone_record_remove(p->d, p->id, &p->drop[i], &n));
		p->n->removed++;
	}
	for (size_t at = 0; map_each(&p->rows, &at, &key, &value);) {
		const struct wanted *w = value;

		if (w->there)
			continue;
		TRY(dirzone_record_add(p->d, p->id, &w->r));
		p->n->added++;
	}
	return OK;
}

/* ---- the SOA's fields ---- */

struct soa {
	str primary, mailbox; /* wire */
	uint32_t numbers[5];  /* serial, refresh, retry, expire, minimum */
};

static bool find_soa(struct zone_builder *b, struct soa *out)
{
	struct zone_rrset set;
	const unsigned char *at = NULL;
	size_t names[2];
	str rdata;

	if (!b || !zone_builder_find(b, zone_builder_apex(b), DNS_SOA, &set) ||
	    !zone_rdata_next(&set, &at, &rdata) || dns_rdata_names(DNS_SOA, rdata, names) != 2 ||
	    rdata.n < names[1] + 20)
		return false;
	out->primary = str_take(rdata, names[1]);
	out->mailbox = str_skip(str_take(rdata, rdata.n - 20), names[1]);
	for (size_t i = 0; i < COUNT(out->numbers); i++)
		out->numbers[i] = dns_get32(rdata.p + rdata.n - 20 + 4 * i);
	return true;
}

/* RFC 1035 8: the first label is the local part. */
static void print_mailbox(str wire, struct buf *out)
{
	size_t local = (unsigned char)wire.p[0];

	buf_add(out, str_take(str_skip(wire, 1), local));
	buf_addc(out, '@');
	dns_name_print(str_skip(wire, 1 + local), out);
}

static err set_text(struct replacing *p, const char *field, struct buf *text)
{
	const struct dir_field *f = dir_field_find(&dir_zone, str_z(field));
	struct sql_value v;
	char query[100];

	p->n->fields++;
	TRY(buf_done(text));
	TRY(dir_value_parse(p->d, f, buf_str(text), &p->a, &v));
	int n = snprintf(query, sizeof(query), "UPDATE zones SET %s = ? WHERE id = ?", f->column);

	return sql_run(directory_sql(p->d), str_of(query, (size_t)n),
		       (struct sql_value[]){ v, SQL_I(p->id) }, 2);
}

/* What differs from the SOA that is served: the others stay as they were set, or unset. */
static err take_soa(struct replacing *p, const struct soa *now, const struct soa *fresh)
{
	static const char *const names[] = { NULL, "refresh", "retry", "expire", "minimum" };
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, KIB(4));
	if (!dns_name_eq(now->primary, fresh->primary)) {
		dns_name_print(fresh->primary, &b);
		TRY(set_text(p, "primary", &b));
	}
	buf_reset(&b);
	if (!dns_name_eq(now->mailbox, fresh->mailbox)) {
		print_mailbox(fresh->mailbox, &b);
		TRY(set_text(p, "mailbox", &b));
	}
	for (size_t i = 1; i < COUNT(names); i++) {
		if (now->numbers[i] == fresh->numbers[i])
			continue;
		buf_reset(&b);
		buf_fmt(&b, "%u", fresh->numbers[i]);
		TRY(set_text(p, names[i], &b));
	}
	p->n->fields += dirzone_serial_before(now->numbers[0], fresh->numbers[0]);
	return dirzone_adopt_serial(p->d, p->id, fresh->numbers[0]);
}

static err replace_soa(struct replacing *p, struct zone_builder *b)
{
	struct zone_reader *r = NULL;
	struct zone_builder *old = NULL;
	struct zone_about about;
	struct soa now = { .primary = STR(""), .mailbox = STR("") }, fresh;

	if (!find_soa(b, &fresh))
		return OK;
	TRY(zone_reader_new(p->d, &r));
	err e = zone_read(r, p->id, NULL, &about, &old);

	if (!e && old)
		(void)find_soa(old, &now);
	e = take_soa(p, &now, &fresh);
	zone_builder_free(old);
	zone_reader_free(r);
	return e;
}

static err replace(struct replacing *p, struct zone_builder *b, bool fresh)
{
	TRY(SQL_GET(directory_sql(p->d), &p->ttl, "SELECT ttl FROM zones WHERE id = ?",
		    SQL_I(p->id)));
	TRY(zone_builder_each(b, want, p));
	TRY(dirzone_record_each(p->d, p->id, compare, p));
	if (fresh)
		TRY(adapt_policy(p));
	TRY(apply(p));
	return replace_soa(p, b);
}

err zone_replace(struct directory *d, uint64_t id, struct zone_builder *b, bool fresh,
		 struct zone_counts *n)
{
	struct replacing p = {
		.d = d, .id = id, .apex = zone_builder_apex(b), .least = INT32_MAX, .n = n
	};

	arena_init(&p.a, LIM_ZONE_FILE);
	map_init(&p.rows);
	err e = replace(&p, b, fresh);

	map_free(&p.rows);
	mem_free(p.drop);
	arena_free(&p.a);
	return e;
}
