/* The chain of Received fields, and how far it can be trusted. */
#include <arpa/inet.h>
#include <string.h>

#include "formats/scan/view.h"

static bool parse_ip(str s, unsigned char out[16])
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char z[INET6_ADDRSTRLEN];

	if (str_to_z(s, z, sizeof(z)) != OK)
		return false;
	memcpy(out, mapped, 12);
	return inet_pton(AF_INET, z, out + 12) == 1 || inet_pton(AF_INET6, z, out) == 1;
}

static bool in_network(const struct scan_network *n, const unsigned char addr[16])
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (memcmp(n->addr, addr, whole) != 0)
		return false;
	return !rest || (n->addr[whole] ^ addr[whole]) >> (8 - rest) == 0;
}

/* The first network that has the address decides. */
static bool listed(const struct scan_network *v, size_t n, str ip)
{
	unsigned char addr[16];

	if (!parse_ip(ip, addr))
		return false;
	for (size_t i = 0; i < n; i++)
		if (in_network(&v[i], addr))
			return !v[i].not ;
	return false;
}

struct trust {
	const struct scan_networks *nets;
	bool trusted, internal, msa; /* still */
};

static void judge(struct trust *t, struct scan_relay *r)
{
	const struct scan_networks *n = t->nets;
	bool given = n && (n->trusted_given || n->internal_given);
	const struct scan_network *tv, *iv;
	size_t tn, in;

	if (t->trusted && !t->msa && !given) {
		if (!r->ip_private && !r->auth.n)
			t->trusted = t->internal = false;
	} else if (t->trusted && !t->msa) {
		tv = n->trusted_given ? n->trusted : n->internal;
		tn = n->trusted_given ? n->ntrusted : n->ninternal;
		iv = n->internal_given ? n->internal : n->trusted;
		in = n->internal_given ? n->ninternal : n->ntrusted;
		if (!r->auth.n && !listed(tv, tn, r->ip)) {
			t->trusted = t->internal = false;
		} else {
			if (t->internal && !r->auth.n && !listed(iv, in, r->ip))
				t->internal = false;
			if (listed(n->msa, n->nmsa, r->ip))
				t->msa = r->msa = true;
		}
	}
	r->trusted = t->trusted;
	r->internal = t->internal;
}

static void add_line(struct scan_mail *m, struct view_list *l, const struct scan_relay *r)
{
	str s = arena_fmt(m->a,
			  "[ ip=%.*s rdns=%.*s helo=%.*s by=%.*s ident=%.*s envfrom=%.*s intl=%d "
			  "id=%.*s auth=%.*s msa=%d ]",
			  STRF(r->ip), STRF(r->rdns), STRF(r->helo), STRF(r->by), STRF(r->ident),
			  r->envfrom.p ? str_width(r->envfrom) : 0,
			  r->envfrom.p ? r->envfrom.p : "", r->internal, STRF(r->id), STRF(r->auth),
			  r->msa);

	if (s.p)
		view_push(m, l, s);
}

static str join(struct scan_mail *m, const struct view_list *l)
{
	struct out o;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].n + 1;
	if (!view_out(m, &o, n))
		return STR("");
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			out_c(&o, ' ');
		out_add(&o, l->v[i]);
	}
	return out_str(&o);
}

static void make_lines(struct scan_mail *m)
{
	struct view_list l[4] = { { .n = 0 } };

	for (size_t i = 0; i < m->relays.n; i++) {
		const struct scan_relay *r = &m->relays.v[i];

		add_line(m, &l[r->trusted ? 0 : 1], r);
		add_line(m, &l[r->internal ? 2 : 3], r);
	}
	for (size_t i = 0; i < 4; i++)
		m->relay_lines[i] = join(m, &l[i]);
	m->relays.trusted_text = m->relay_lines[0];
	m->relays.untrusted_text = m->relay_lines[1];
	m->relays.internal_text = m->relay_lines[2];
	m->relays.external_text = m->relay_lines[3];
}

/* Fields in which web mail notes its client's address stand for a hop before all others. */
static void add_origins(struct scan_mail *m, struct view_list *l)
{
	static const str names[] = {
		S("X-Yahoo-Post-IP"),
		S("X-Originating-IP"),
		S("X-Apparently-From"),
		S("X-SenderIP"),
		S("X-AOL-IP"),
		S("X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp"),
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool found;
		str v = view_last(m, &m->root->fields, names[i], &found), line;

		for (size_t j = 0; found && j < v.n; j++) {
			size_t n = view_ip(str_skip(v, j), j ? v.p[j - 1] : ' ');

			if (!n)
				continue;
			line = arena_fmt(m->a, "from X-Originating-IP: %.*s",
					 STRF(str_of(v.p + j, n)));
			if (line.p)
				view_push(m, l, line);
			break;
		}
	}
}

const struct scan_relays *scan_relays(struct scan_mail *m)
{
	struct view_list lines = { .n = 0 };
	struct scan_strs fields;
	struct scan_relay *v;
	struct trust t = { m->nets, true, true, false };
	str scanner_from = { NULL, 0 };

	if (m->relays_done)
		return &m->relays;
	m->relays_done = true;
	m->relays.last_trusted = m->relays.last_internal = -1;
	m->relays.trusted_text = m->relays.untrusted_text = STR("");
	m->relays.internal_text = m->relays.external_text = STR("");
	for (size_t i = 0; i < 4; i++)
		m->relay_lines[i] = STR("");
	fields = scan_headers(m, STR("Received"), false);
	for (size_t i = 0; i < fields.n; i++)
		view_push(m, &lines, fields.v[i]);
	add_origins(m, &lines);
	v = NEW_TRY(m->a, struct scan_relay,
		    (lines.n < LIM_SCAN_RELAYS ? lines.n : LIM_SCAN_RELAYS) + 1);
	if (!v)
		return &m->relays;
	for (size_t i = 0; i < lines.n && m->relays.n < LIM_SCAN_RELAYS; i++) {
		struct scan_relay *r = &v[m->relays.n];
		bool fetcher = false;
		str sender = scanner_from;

		scanner_from = (str){ NULL, 0 };
		switch (view_received(m, lines.v[i], r, &fetcher, &scanner_from)) {
		case RECEIVED_UNKNOWN:
			m->relays.unparseable++;
			/* fall through */
		case RECEIVED_SKIP:
			if (fetcher && t.trusted)
				m->relays.n = 0; /* from here on as if it came just now */
			m->relays.last_trusted += t.trusted;
			m->relays.last_internal += t.internal;
			continue;
		case RECEIVED_RELAY:
			break;
		}
		if (sender.p)
			r->envfrom = sender;
		judge(&t, r);
		m->relays.last_trusted += t.trusted;
		m->relays.last_internal += t.internal;
		m->relays.n++;
	}
	m->relays.v = v;
	for (size_t i = 0; i < m->relays.n; i++) {
		m->relays.ntrusted += v[i].trusted;
		m->relays.nuntrusted += !v[i].trusted;
		m->relays.ninternal += v[i].internal;
		m->relays.nexternal += !v[i].internal;
	}
	m->relays.trusted = m->relays.internal = v;
	m->relays.untrusted = v + m->relays.ntrusted;
	m->relays.external = v + m->relays.ninternal;
	make_lines(m);
	return &m->relays;
}
