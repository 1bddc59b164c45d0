/* What RFCs ask of a zone's contents. */
#include "base/attr.h"
#include "base/limits.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "services/zones/builder.h"

struct check {
	struct zone_builder *b;
	struct buf *errors, *warnings;
	size_t nerrors, nwarnings;
	const struct builder_node
		*cut; /* the delegation or DNAME that the nodes at hand are below */
};

static void complain(struct check *c, bool error, const struct builder_node *n, const char *fmt,
		     ...) PRINTF(4, 5);
static void complain(struct check *c, bool error, const struct builder_node *n, const char *fmt,
		     ...)
{
	struct buf *out = error ? c->errors : c->warnings;
	size_t *count = error ? &c->nerrors : &c->nwarnings;
	va_list ap;

	if (++*count > LIM_ZONE_COMPLAINTS || !out)
		return;
	dns_name_print(builder_owner(n), out);
	buf_add(out, STR(": "));
	va_start(ap, fmt);
	buf_vfmt(out, fmt, ap);
	va_end(ap);
	buf_addc(out, '\n');
}

/* ---- one owner ---- */

static bool goes_with_cname(uint16_t type)
{
	return type == DNS_CNAME || type == DNS_RRSIG || type == DNS_NSEC || type == DNS_NSEC3;
}

static void check_singles(struct check *c, const struct builder_node *n)
{
	const struct builder_set *cname = builder_set(n, DNS_CNAME, 0);
	const struct builder_set *dname = builder_set(n, DNS_DNAME, 0);

	if (cname && cname->n > 1)
		complain(c, true, n, "has %u CNAME records, may have one (RFC 1034 3.6.2)",
			 cname->n);
	if (dname && dname->n > 1)
		complain(c, true, n, "has %u DNAME records, may have one (RFC 6672 2.4)", dname->n);
	for (const struct builder_set *s = n->sets; cname && s; s = s->next)
		if (!goes_with_cname(s->type)) {
			complain(c, true, n, "has other records beside CNAME (RFC 1034 3.6.2)");
			break;
		}
}

static void check_apex(struct check *c, const struct builder_node *n)
{
	const struct builder_set *soa = builder_set(n, DNS_SOA, 0);

	if (!soa)
		complain(c, true, n, "the zone has no SOA record");
	else if (soa->n != 1)
		complain(c, true, n, "has %u SOA records", soa->n);
	if (!builder_set(n, DNS_NS, 0))
		complain(c, true, n, "the zone has no NS records");
	if (builder_set(n, DNS_DS, 0))
		complain(c, true, n, "DS stands in the parent's zone (RFC 4035 2.4)");
}

/* ---- what data point at ---- */

/* Is it below a delegation of this zone? Then its addresses are not ours to know. */
static bool is_delegated(const struct check *c, str name)
{
	str apex = zone_builder_apex(c->b);

	for (; name.n > apex.n; name = dns_name_parent(name))
		if (builder_set(builder_node(c->b, name), DNS_NS, 0))
			return true;
	return false;
}

/* The node that answers for it, by itself or by a wildcard (RFC 4592). */
static const struct builder_node *target(const struct check *c, str name)
{
	str apex = zone_builder_apex(c->b);

	for (str up = name; up.n >= apex.n; up = dns_name_parent(up)) {
		const struct builder_node *n = builder_node(c->b, up);
		struct dns_name wild;

		if (n && n->sets && up.n == name.n)
			return n;
		if (zone_builder_has(c->b, up)) {
			if (up.n == name.n || dns_name_wildcard(up, &wild) != OK)
				return NULL;
			n = builder_node(c->b, dns_name_str(&wild));
			return n && n->sets ? n : NULL;
		}
		if (up.n == apex.n)
			break;
	}
	return NULL;
}

static bool has_address(const struct builder_node *n)
{
	return n && (builder_set(n, DNS_A, 0) || builder_set(n, DNS_AAAA, 0));
}

static void check_target(struct check *c, const struct builder_node *n, const char *type, str name,
			 str cut)
{
	struct buf text;

	if (!dns_name_under(name, zone_builder_apex(c->b)) || name.n == 1)
		return;
	bool glue = cut.n && dns_name_under(name, cut);
	const struct builder_node *t = glue ? builder_node(c->b, name) : target(c, name);

	if (!glue && is_delegated(c, name))
		return;
	buf_init(&text, 5 * DNS_NAME_MAX);
	dns_name_print(name, &text);
	bool ns = str_eq(str_z(type), STR("NS"));

	/* Mail is delivered to an MX at a CNAME all the same: BIND warns of it as well. */
	if (t && builder_set(t, DNS_CNAME, 0))
		complain(c, ns, n, "%s %.*s is a CNAME (RFC 2181 10.3)", type,
			 STRF(buf_str(&text)));
	else if (!has_address(t))
		complain(c, ns, n, "%s %.*s has no address", type, STRF(buf_str(&text)));
	buf_free(&text);
}

static void check_set(struct check *c, const struct builder_node *n, uint16_t type,
		      const char *what, size_t skip)
{
	const struct builder_set *s = builder_set(n, type, 0);
	bool at_apex = n->n == c->b->apex.n;

	for (uint32_t at = 0; s && at < s->size; at += 2 + dns_get16(s->data + at)) {
		str name = str_skip(str_of(s->data + at + 2, dns_get16(s->data + at)), skip);

		check_target(c, n, what, name,
			     type == DNS_NS && !at_apex ? builder_owner(n) : STR(""));
	}
}

/* ---- all owners, in canonical order ---- */

static bool is_below_cut(struct check *c, const struct builder_node *n)
{
	if (c->cut && n != c->cut && dns_name_under(builder_owner(n), builder_owner(c->cut)))
		return true;
	c->cut = NULL;
	if (builder_set(n, DNS_DNAME, 0) || (n->n != c->b->apex.n && builder_set(n, DNS_NS, 0)))
		c->cut = n;
	return false;
}

static bool is_glue(const struct builder_node *n)
{
	for (const struct builder_set *s = n->sets; s; s = s->next)
		if (s->type != DNS_A && s->type != DNS_AAAA)
			return false;
	return true;
}

static void check_node(struct check *c, const struct builder_node *n)
{
	check_singles(c, n);
	if (is_below_cut(c, n)) {
		bool hashed = builder_set(n, DNS_NSEC3, 0) != NULL;
		bool delegated = c->cut->n != c->b->apex.n && builder_set(c->cut, DNS_NS, 0);

		/* At a delegation the DNAME is the child's, and glue may stand below it. */
		if (builder_set(c->cut, DNS_DNAME, 0) && !delegated && !hashed)
			complain(c, true, n, "stands below a DNAME (RFC 6672 2.4)");
		else if (!is_glue(n) && !hashed)
			complain(c, false, n, "stands below a delegation and is never served");
		return;
	}
	check_set(c, n, DNS_NS, "NS", 0);
	check_set(c, n, DNS_MX, "MX", 2);
	check_set(c, n, DNS_SRV, "SRV", 6);
}

err zone_builder_check(struct zone_builder *b, struct buf *errors, struct buf *warnings)
{
	struct check c = { .b = b, .errors = errors, .warnings = warnings };
	const struct builder_node *apex = builder_node(b, zone_builder_apex(b));

	builder_sort(b);
	if (apex)
		check_apex(&c, apex);
	else if (errors)
		buf_add(errors, STR("the zone is empty\n"));
	for (size_t i = 0; i < b->nsorted; i++)
		check_node(&c, b->sorted[i]);
	return !apex || c.nerrors ? fail(E_SYNTAX, "the zone has %zu errors", c.nerrors) : OK;
}
