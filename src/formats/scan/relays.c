/* The chain of Received fields: which relays are ours, which are not. Without settings it is
 * inferred, as SpamAssassin does: addresses of private networks and relays that asked for a login
 * are trusted, up to the first that is neither. */
#include <arpa/inet.h>
#include <string.h>

#include "formats/scan/mail.h"
#include "formats/scan/received.h"

static bool parse_ip(str ip, unsigned char out[16])
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char z[64];

	if (str_to_z(ip, z, sizeof z))
		return false;
	if (inet_pton(AF_INET6, z, out) == 1)
		return true;
	memcpy(out, mapped, 12);
	return inet_pton(AF_INET, z, out + 12) == 1;
}

static bool within(const unsigned char *ip, const struct scan_network *n)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (memcmp(ip, n->addr, whole))
		return false;
	return !rest || !((ip[whole] ^ n->addr[whole]) & (0xff00u >> rest) & 0xff);
}

/* The first network that holds it decides. 127.0.0.1 and ::1 are always ours. */
static bool listed(str ip, const struct scan_network *v, size_t n)
{
	unsigned char addr[16];

	if (!parse_ip(ip, addr))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (within(addr, &v[i]))
			return !v[i].not ;
	}
	return str_starts(ip, STR("127.")) || str_eq(ip, STR("::1"));
}

struct chain {
	bool trusted, internal, msa; /* still */
};

static void infer(struct chain *c, const struct scan_relay *r)
{
	if (!r->ip_private && !r->auth.n)
		c->trusted = c->internal = false;
}

static void look_up(struct chain *c, const struct scan_networks *nets, struct scan_relay *r)
{
	bool given = nets->trusted_given;
	const struct scan_network *t = given ? nets->trusted : nets->internal;
	size_t nt = given ? nets->ntrusted : nets->ninternal;
	bool in = nets->internal_given;

	if (!r->auth.n && !listed(r->ip, t, nt)) {
		c->trusted = c->internal = false;
		return;
	}
	if (c->internal && !r->auth.n &&
	    !listed(r->ip, in ? nets->internal : nets->trusted,
		    in ? nets->ninternal : nets->ntrusted))
		c->internal = false;
	if (nets->nmsa && listed(r->ip, nets->msa, nets->nmsa))
		c->msa = r->msa = true;
}

static void print(struct buf *out, const struct scan_relay *r)
{
	buf_fmt(out,
		"%s[ ip=%.*s rdns=%.*s helo=%.*s by=%.*s ident=%.*s envfrom=%.*s intl=%d id=%.*s "
		"auth=%.*s msa=%d ]",
		out->n ? " " : "", STRF(r->ip), STRF(r->rdns), STRF(r->helo), STRF(r->by),
		STRF(r->ident), STRF(r->envfrom), r->internal, STRF(r->id), STRF(r->auth), r->msa);
}

static str text_of(struct scan_mail *m, const struct scan_relay *v, size_t n)
{
	struct buf b;

	buf_init(&b, MIB(1));
	for (size_t i = 0; i < n; i++)
		print(&b, &v[i]);
	return scan_keep(m, &b);
}

/* The client of this very connection, which no field tells of yet. */
static bool from_envelope(const struct scan_mail *m, struct scan_relay *r)
{
	const struct scan_envelope *e = m->env;

	if (!e || !e->ip.n)
		return false;
	*r = (struct scan_relay){ .ip = e->ip,
				  .rdns = e->rdns,
				  .helo = e->helo,
				  .by = e->hostname,
				  .ident = STR(""),
				  .envfrom = e->from,
				  .id = STR(""),
				  .auth = e->user.n ? STR("ESMTPA") : STR(""),
				  .raw = STR(""),
				  .no_reverse_dns = !e->rdns.n,
				  .ip_private = received_private(e->ip) };
	return true;
}

static void place(struct scan_mail *m, struct chain *c, struct scan_relay *r, int index)
{
	const struct scan_networks *n = m->nets;
	struct scan_relays *all = &m->relays;

	if (c->trusted && !c->msa) {
		if (n && (n->trusted_given || n->internal_given))
			look_up(c, n, r);
		else
			infer(c, r);
	}
	r->internal = c->internal;
	r->trusted = c->trusted;
	if (c->trusted) {
		all->ntrusted++;
		all->last_trusted = index;
	} else {
		all->nuntrusted++;
	}
	if (c->internal) {
		all->ninternal++;
		all->last_internal = index;
	} else {
		all->nexternal++;
	}
}

const struct scan_relays *scan_relays(struct scan_mail *m)
{
	struct scan_relays *all = &m->relays;
	struct chain c = { true, true, false };
	struct scan_relay *v;
	str envfrom = STR("");
	int index = -1;

	if (m->has_relays)
		return all;
	m->has_relays = true;
	all->last_trusted = all->last_internal = -1;
	all->trusted_text = all->untrusted_text = all->internal_text = all->external_text = STR("");
	v = NEW_TRY(m->a, struct scan_relay, LIM_SCAN_RELAYS + 1);
	all->v = all->trusted = all->untrusted = all->internal = all->external = v;
	if (!v)
		return all;
	if (from_envelope(m, &v[0])) {
		place(m, &c, &v[0], -1);
		all->n = 1;
	}
	for (size_t i = 0; i < m->nfields && all->n < LIM_SCAN_RELAYS; i++) {
		struct scan_field *f = &m->fields[i];

		if (!str_eqi(f->name, STR("Received")))
			continue;
		index++;
		switch (received_parse(scan_field_value(m, f), m->a, &envfrom, &v[all->n])) {
		case RECEIVED_RELAY:
			place(m, &c, &v[all->n], index);
			all->n++;
			break;
		case RECEIVED_FETCHED:
			if (c.trusted) {
				all->n = all->ntrusted = all->ninternal = all->nexternal = 0;
			}
			if (c.trusted)
				all->last_trusted = index;
			if (c.internal)
				all->last_internal = index;
			break;
		case RECEIVED_UNKNOWN:
			all->unparseable++;
			/* fall through */
		case RECEIVED_NO_HOP:
			if (c.trusted)
				all->last_trusted = index;
			if (c.internal)
				all->last_internal = index;
			break;
		}
	}
	all->untrusted = v + all->ntrusted;
	all->external = v + all->ninternal;
	all->trusted_text = text_of(m, v, all->ntrusted);
	all->untrusted_text = text_of(m, all->untrusted, all->nuntrusted);
	all->internal_text = text_of(m, v, all->ninternal);
	all->external_text = text_of(m, all->external, all->nexternal);
	return all;
}
