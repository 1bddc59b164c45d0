/* What lists are asked of a message, and what the answers come to. */
#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "base/mem.h"
#include "run/metrics.h"
#include "services/blacklists/gather.h"
#include "services/mailauth/psl.h"

METRIC(odd, "posta_blacklist_odd_total", "", METRIC_COUNTER,
       "Answers with a code that the list's configuration does not name.");
METRIC(m_cut, "posta_blacklist_cut_total", "", METRIC_COUNTER,
       "Messages with more to ask of black lists than the settings allow.");
METRIC(m_hits, "posta_blacklist_hits_total", "", METRIC_COUNTER,
       "Meanings of black lists that messages had.");

/* ---- things ---- */

static bool wants(const struct gathering *g, const struct blacklists_list *l)
{
	bool acts = l->white;

	for (size_t i = 0; i < l->nresults; i++)
		acts |= l->results[i].act != BLACKLISTS_SCORE;
	return !g->quick || acts;
}

unsigned gather_wants(const struct gathering *g)
{
	const struct blacklists_settings *set = g->b->set;
	unsigned of = 0;

	for (size_t i = 0; i < set->n; i++)
		if (!g->aside[i] && wants(g, &set->v[i]))
			of |= set->v[i].of;
	return of;
}

static bool skipped(const struct blacklists_settings *set, str host)
{
	for (size_t i = 0; i < set->skip.n; i++) {
		str s = set->skip.v[i];

		if (s.n && str_endsi(host, s) && (host.n == s.n || host.p[host.n - s.n - 1] == '.'))
			return true;
	}
	return false;
}

/* NULL: it is there already, or there is no room. */
static struct thing *add(struct gathering *g, str text, unsigned of, unsigned rank)
{
	for (size_t i = 0; i < g->n; i++)
		if (str_eqi(g->things[i].text, text)) {
			struct thing *t = &g->things[i];

			t->of |= of;
			t->rank = rank < t->rank ? rank : t->rank;
			return NULL;
		}
	if (g->n == g->room) {
		g->cut = true;
		return NULL;
	}
	struct thing *t = &g->things[g->n++];

	*t = (struct thing){ .text = arena_dup(g->a, text), .of = of, .rank = rank };
	return t;
}

void gather_ip(struct gathering *g, const struct net_addr *ip, unsigned of, unsigned rank)
{
	struct buf text;

	if (blacklists_trusts(g->b->set, ip))
		return;
	buf_init(&text, 64);
	net_print_ip(ip, &text);
	struct thing *t = add(g, buf_str(&text), of, rank);

	buf_free(&text);
	if (t) {
		t->is_ip = true;
		t->ip = *ip;
	}
}

bool gather_host_ip(str host, struct net_addr *out)
{
	char z[64];
	struct in_addr v4;
	struct sockaddr_in *sin = (void *)&out->ss;
	struct sockaddr_in6 *sin6 = (void *)&out->ss;

	*out = (struct net_addr){ 0 };
	if (host.n && host.p[0] == '[')
		host = str_take(str_skip(host, 1), host.n - 2);
	if (!host.n || str_to_z(host, z, sizeof(z)) != OK)
		return false;
	if (inet_pton(AF_INET6, z, &sin6->sin6_addr) == 1) {
		out->ss.ss_family = AF_INET6;
		out->n = sizeof(*sin6);
		return true;
	}
	if (!ch_digit(host.p[0]) || !ch_alnum(host.p[host.n - 1]) || !inet_aton(z, &v4))
		return false;
	out->ss.ss_family = AF_INET;
	sin->sin_addr = v4;
	out->n = sizeof(*sin);
	return true;
}

enum { HOST_ROOM = DNS_NAME_MAX * 4 }; /* octets of a name before its letters are ASCII */

/* Small letters, A-labels, no dot at the end; "" when it is no name. */
static str plain_host(str host, char z[HOST_ROOM])
{
	uint8_t *ascii = NULL;
	err e = OK;

	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!host.n || str_to_z(host, z, HOST_ROOM) != OK)
		return STR("");
	for (size_t i = 0; i < host.n; i++) {
		if (str_find(STR("-._:[]"), z[i]) == 6 && !ch_alnum(z[i]) && !(z[i] & 0x80))
			return STR("");
		z[i] = ch_lower(z[i]);
	}
	if (!str_ascii(host)) {
		if (idn2_lookup_u8((const uint8_t *)z, &ascii,
				   IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
			return STR("");
		e = str_to_z(str_z((const char *)ascii), z, HOST_ROOM);
		idn2_free(ascii);
	}
	str s = str_z(z);

	return e == OK && s.n <= DNS_NAME_MAX ? s : STR("");
}

void gather_host(struct gathering *g, str text, unsigned of, unsigned rank)
{
	char room[HOST_ROOM];
	str host = plain_host(text, room);
	struct net_addr ip;

	if (gather_host_ip(host, &ip)) {
		gather_ip(g, &ip, of, rank);
		return;
	}
	size_t domain = psl_organization(host).n;

	if (!domain || skipped(g->b->set, host))
		return;
	struct thing *t = add(g, host, of, rank);

	if (t)
		t->domain = str_skip(t->text, host.n - domain);
}

void gather_mail_domain(struct gathering *g, str address, unsigned of)
{
	size_t at = str_rfind(address, '@');

	if (at < address.n)
		gather_host(g, str_skip(address, at + 1), of, 0);
}

void gather_envelope(struct gathering *g)
{
	const struct blacklists_message *q = g->q;
	unsigned of = gather_wants(g);

	if (q->ip)
		gather_ip(g, q->ip, BLACKLISTS_CLIENT, 0);
	if (of & BLACKLISTS_HELO)
		gather_host(g, q->helo, BLACKLISTS_HELO, 0);
	if (of & BLACKLISTS_RDNS)
		gather_host(g, q->rdns, BLACKLISTS_RDNS, 0);
	if (of & BLACKLISTS_FROM)
		gather_mail_domain(g, q->from, BLACKLISTS_FROM);
}

/* ---- questions ---- */

static void ask_one(struct gathering *g, size_t thing, size_t list, str name)
{
	const struct blacklist *l = &g->b->set->v[list].dns;
	const struct thing *t = &g->things[thing];
	struct blacklist_question *q = &g->v[g->nv];

	if (g->nv == g->most) {
		g->cut = true;
		return;
	}
	if ((t->is_ip ? blacklist_ip(l, &t->ip, q) : blacklist_domain(l, name, q)) != OK)
		return;
	for (size_t i = 0; i < g->nv; i++) /* two hosts of one domain */
		if (g->list[i] == list &&
		    str_eq(dns_name_str(&g->v[i].name), dns_name_str(&q->name))) {
			g->things[g->thing[i]].of |= t->of;
			return;
		}
	g->thing[g->nv] = thing;
	g->list[g->nv++] = list;
}

static void ask_of(struct gathering *g, size_t thing)
{
	const struct thing *t = &g->things[thing];

	for (size_t i = 0; i < g->b->set->n; i++) {
		const struct blacklists_list *l = &g->b->set->v[i];

		if (!(l->of & t->of) || g->aside[i] || !wants(g, l))
			continue;
		if (t->is_ip) {
			ask_one(g, thing, i, t->text);
			continue;
		}
		if (l->domains)
			ask_one(g, thing, i, t->domain);
		if (l->hosts)
			ask_one(g, thing, i, t->text);
	}
}

/* What is no link first, then links by rank: of those the settings' number. */
static void make_questions(struct gathering *g)
{
	int64_t left = g->b->set->domains;

	for (size_t i = 0; i < g->n; i++)
		if (g->things[i].of & ~(unsigned)BLACKLISTS_URIS)
			ask_of(g, i);
	for (unsigned rank = 0; rank < GATHER_RANKS; rank++)
		for (size_t i = 0; i < g->n; i++) {
			if (g->things[i].of != BLACKLISTS_URIS || g->things[i].rank != rank)
				continue;
			g->cut |= left == 0;
			if (left) {
				left--;
				ask_of(g, i);
			}
		}
}

void gather_begin(struct gathering *g)
{
	const struct blacklists_settings *set = g->b->set;
	size_t most = (size_t)set->questions, few = set->n * GATHER_ENVELOPE;

	most = g->quick && few < most ? few : most;
	g->most = most;
	for (size_t i = 0; i < set->n; i++)
		g->aside[i] = g->b->health[i].aside;
	g->room = 4 * (size_t)set->domains + GATHER_HOPS + 2 * GATHER_AUTHORS + 4;
	g->things = arena_get(g->a, size_mul(g->room, sizeof(*g->things)), 16);
	g->v = arena_get(g->a, size_mul(most + 1, sizeof(*g->v)), 16);
	g->thing = arena_get(g->a, size_mul(most, sizeof(*g->thing)), 16);
	g->list = arena_get(g->a, size_mul(most, sizeof(*g->list)), 16);
}

/* ---- answers ---- */

static struct blacklists_hit *hit_of(struct blacklists_hits *out, size_t room,
				     const struct blacklists_result *r)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i].result == r)
			return &out->v[i];
	return out->n < room ? &out->v[out->n++] : NULL;
}

static void take_codes(const struct gathering *g, size_t i, size_t room,
		       struct blacklists_hits *out)
{
	const struct blacklists_list *l = &g->b->set->v[g->list[i]];
	const struct thing *t = &g->things[g->thing[i]];

	for (size_t k = 0; k < l->nresults; k++) {
		uint32_t code = 0;

		for (size_t j = 0; j < g->v[i].ncodes; j++)
			for (size_t c = 0; c < l->results[k].ncodes && !code; c++)
				if (blacklist_code_has(&l->results[k].codes[c], g->v[i].codes[j]))
					code = g->v[i].codes[j];
		struct blacklists_hit *h = code ? hit_of(out, room, &l->results[k]) : NULL;

		if (!h)
			continue;
		if (!h->times++)
			*h = (struct blacklists_hit){ .list = l,
						      .result = &l->results[k],
						      .what = t->text,
						      .code = code,
						      .times = 1 };
		h->of |= t->of & l->of;
	}
}

static size_t all_results(const struct blacklists_settings *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		n += set->v[i].nresults;
	return n;
}

static void take_answers(const struct gathering *g, struct blacklists_hits *out)
{
	size_t room = all_results(g->b->set);

	out->v = arena_get(g->a, size_mul(room + 1, sizeof(*out->v)), 16);
	for (size_t i = 0; i < g->nv; i++) {
		out->silent += g->v[i].what == BLACKLIST_SILENT;
		metric_add(&odd, g->v[i].what == BLACKLIST_ODD);
		if (g->v[i].what == BLACKLIST_LISTED)
			take_codes(g, i, room, out);
	}
	metric_add(&m_hits, (int64_t)out->n);
}

WAITS err gather_ask(struct gathering *g, msec deadline, struct blacklists_hits *out)
{
	msec end = clock_in(g->b->set->time);

	*out = (struct blacklists_hits){ 0 };
	make_questions(g);
	out->asked = g->nv;
	out->cut = g->cut;
	metric_add(&m_cut, g->cut);
	if (g->nv)
		TRY(blacklist_ask(g->v, g->nv, end < deadline ? end : deadline));
	take_answers(g, out);
	return OK;
}

WAITS err blacklists_envelope(struct blacklists *b, const struct blacklists_message *q,
			      msec deadline, struct arena *a, struct blacklists_hits *out)
{
	struct gathering g = { .b = b, .q = q, .a = a, .quick = true };

	*out = (struct blacklists_hits){ 0 };
	if (!b->set->n)
		return OK;
	gather_begin(&g);
	if (!gather_wants(&g))
		return OK;
	gather_envelope(&g);
	return gather_ask(&g, deadline, out);
}

const struct blacklists_hit *blacklists_refusal(const struct blacklists_hits *h)
{
	const struct blacklists_hit *worst = NULL;

	for (size_t i = 0; i < h->n; i++) {
		if (h->v[i].list->white && (h->v[i].of & BLACKLISTS_CLIENT))
			return NULL;
		if (!h->v[i].list->white && h->v[i].result->act != BLACKLISTS_SCORE &&
		    (!worst || h->v[i].result->act > worst->result->act))
			worst = &h->v[i];
	}
	return worst;
}

bool blacklists_trusts(const struct blacklists_settings *set, const struct net_addr *who)
{
	for (size_t i = 0; i < set->ntrusted; i++)
		if (net_block_has(&set->trusted[i], who))
			return true;
	return net_is_unix(who);
}
