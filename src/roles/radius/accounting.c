/* Accounting-Request: attributes to an event, durable before the answer. */
#include <arpa/inet.h>
#include <string.h>

#include "roles/radius/radius.h"
#include "run/log.h"

static str text(const struct radius_packet *p, unsigned type)
{
	str v;

	(void)radius_find(p, type, &v);
	return str_take(v, LIM_ACCT_TEXT);
}

static uint32_t number(const struct radius_packet *p, unsigned type)
{
	uint32_t v = 0;

	return radius_find_u32(p, type, &v) ? v : 0;
}

/* RFC 2869 5.1, 5.2: 32 more bits. */
static uint64_t octets(const struct radius_packet *p, unsigned low, unsigned high, bool *giga)
{
	uint32_t more = 0;

	*giga |= radius_find_u32(p, high, &more);
	return (uint64_t)more << 32 | number(p, low);
}

static str ip_text(struct arena *a, int family, str octets_of)
{
	char z[INET6_ADDRSTRLEN];

	if (octets_of.n != (family == AF_INET ? 4 : 16) ||
	    !inet_ntop(family, octets_of.p, z, sizeof(z)))
		return STR("");
	str s = arena_dup(a, str_z(z));

	return s.p ? s : STR("");
}

/* The name of its settings, where those are of one access server. A network of them, or a proxy
 * that speaks for several, counts each by itself: their session ids and restarts are their own. */
static str nas_name(struct radius_request *r, const struct acct_event *e)
{
	const struct radius_client *c = r->nas->more;
	CLEANUP(buf_free) struct buf peer;

	buf_init(&peer, 128);
	net_print_ip(&r->source.path.peer, &peer);
	if (c->one && str_eq(e->nas_address, buf_str(&peer)))
		return c->nas.name;
	str own = e->nas_identifier.n ? e->nas_identifier : e->nas_address;
	str name = arena_fmt(&r->arena, "%.*s/%.*s", STRF(c->nas.name), STRF(own));

	return name.n <= LIM_ACCT_TEXT ? name : own;
}

static void set_nas(struct radius_request *r, struct acct_event *e)
{
	const struct radius_packet *p = &r->packet;
	CLEANUP(buf_free) struct buf peer = { 0 };

	e->nas_identifier = text(p, RADIUS_NAS_IDENTIFIER);
	e->nas_address = ip_text(&r->arena, AF_INET, text(p, RADIUS_NAS_IP_ADDRESS));
	if (!e->nas_address.n)
		e->nas_address = ip_text(&r->arena, AF_INET6, text(p, RADIUS_NAS_IPV6_ADDRESS));
	if (!e->nas_address.n) {
		buf_init(&peer, 128);
		net_print_ip(&r->source.path.peer, &peer);
		e->nas_address = arena_dup(&r->arena, buf_str(&peer));
	}
	e->nas = nas_name(r, e);
	e->port = number(p, RADIUS_NAS_PORT);
	e->port_id = text(p, RADIUS_NAS_PORT_ID);
}

/* As the directory has it, so that "ana" and "ana@demo.test" are one. */
static void set_user(struct radius_request *r, struct acct_event *e)
{
	struct dir_user user;
	size_t at;

	e->login = text(&r->packet, RADIUS_USER_NAME);
	e->realm = STR("");
	if (e->login.n &&
	    dirtable_login(radius_here()->table, e->login, radius_settings()->default_domain,
			   &r->arena, &user) == OK) {
		e->login = str_take(user.login, LIM_ACCT_TEXT);
		e->user = (int64_t)user.id;
	}
	at = str_rfind(e->login, '@');
	if (at < e->login.n)
		e->realm = str_skip(e->login, at + 1);
}

static void set_addresses(const struct radius_packet *p, struct acct_event *e)
{
	str v;

	e->ip = number(p, RADIUS_FRAMED_IP_ADDRESS);
	if (radius_find(p, RADIUS_FRAMED_IPV6_ADDRESS, &v) && v.n == 16) {
		memcpy(e->ip6, v.p, 16);
		e->has_ip6 = true;
	}
	v = text(p, RADIUS_DELEGATED_IPV6_PREFIX);
	v = v.n ? v : text(p, RADIUS_FRAMED_IPV6_PREFIX);
	if (v.n < 2 || v.n > 18 || (unsigned char)v.p[1] > 128)
		return;
	memcpy(e->prefix, v.p + 2, v.n - 2);
	e->prefix_bits = (unsigned char)v.p[1];
}

static void set_use(const struct radius_packet *p, struct acct_event *e)
{
	e->seconds = number(p, RADIUS_ACCT_SESSION_TIME);
	e->in = octets(p, RADIUS_ACCT_INPUT_OCTETS, RADIUS_ACCT_INPUT_GIGAWORDS, &e->gigawords);
	e->out = octets(p, RADIUS_ACCT_OUTPUT_OCTETS, RADIUS_ACCT_OUTPUT_GIGAWORDS, &e->gigawords);
	e->packets_in = number(p, RADIUS_ACCT_INPUT_PACKETS);
	e->packets_out = number(p, RADIUS_ACCT_OUTPUT_PACKETS);
	e->cause = number(p, RADIUS_ACCT_TERMINATE_CAUSE);
}

err radius_accounting(struct radius_request *r)
{
	const struct radius_packet *p = &r->packet;
	struct acct_event e = { .arrived = clock_unix() };

	e.kind = (enum acct_kind)number(p, RADIUS_ACCT_STATUS_TYPE);
	if (e.kind != ACCT_START && e.kind != ACCT_STOP && e.kind != ACCT_INTERIM &&
	    e.kind != ACCT_ON && e.kind != ACCT_OFF)
		return OK; /* tunnels and the like (RFC 2867): taken note of, so that it is not sent
			      for ever */
	e.stamp = number(p, RADIUS_EVENT_TIMESTAMP);
	e.delay = number(p, RADIUS_ACCT_DELAY_TIME);
	set_nas(r, &e);
	set_user(r, &e);
	set_addresses(p, &e);
	set_use(p, &e);
	e.session = text(p, RADIUS_ACCT_SESSION_ID);
	e.multi = text(p, RADIUS_ACCT_MULTI_SESSION_ID);
	e.called = text(p, RADIUS_CALLED_STATION);
	e.calling = text(p, RADIUS_CALLING_STATION);
	e.class = text(p, RADIUS_CLASS);
	err bad = acct_append(radius_here()->acct, &e);
	/* A guest's provider counts, too. Nothing is answered until it has: the repeat counts once.
	 */
	const struct realm *realm = bad ? NULL : radius_realm(text(p, RADIUS_USER_NAME));

	if (realm)
		return radius_forward_accounting(r, realm);

	if (bad)
		LOG(LOG_WARN, "radius.accounting", KS("nas", e.nas), KS("session", e.session),
		    KE(bad));
	return bad;
}
