/* How what a message says of itself agrees with where it came from and where it leads: the sender's
 * domain beside that of the relays, of the links and of the pictures, his name beside his domain.
 * Words change from one wave of spam to the next, these less (decision 0280). */
#include <string.h>

#include "services/learning/features.h"

#define HOSTS_MAX   32	/* different domains that are counted */
#define RELAYS_MAX  8	/* relays that are looked at */
#define NAMES_MAX   8	/* words of a name that are looked for in a domain, ... */
#define NAME_MIN    4	/* and octets that such a word has at least */
#define TEXT_MAX    200 /* octets of a link's text */
#define ANCHORS_MAX 4	/* texts of one link */

static bool same(str a, str b)
{
	return a.n && b.n && str_eqi(features_registered(a), features_registered(b));
}

static const char *relation(str domain, str from)
{
	return !domain.n ? "none" : same(domain, from) ? "same" : "other";
}

/* 0 to 3, 4 to 7, 8 to 15, more. */
static size_t few(size_t n)
{
	return n < 4 ? n : n < 8 ? 4 : n < 16 ? 5 : 6;
}

/* "Handango" in "handango.com". */
static const char *name_in(str name, str domain)
{
	const char *answer = "none";

	for (unsigned words = 0; name.n && words < NAMES_MAX; words++) {
		size_t n = features_word(name);

		if (n >= NAME_MIN && str_searchi(domain, str_take(name, n)) < domain.n)
			return "yes";
		if (n >= NAME_MIN)
			answer = "no";
		name = str_skip(name, n ? n : 1);
	}
	return answer;
}

static void of_sender(struct features_work *w, str address, str from, str name)
{
	str local = str_take(address, str_find(address, '@'));
	str to = features_header(w, "To:addr");
	const struct scan_relays *r = scan_relays(w->m);
	bool rdns = false, helo = false;
	size_t digits = 0;

	for (size_t i = 0; i < r->n && i < RELAYS_MAX; i++) {
		rdns = rdns || same(r->v[i].rdns, from);
		helo = helo || same(r->v[i].helo, from);
	}
	for (size_t i = 0; i < local.n; i++)
		digits += local.p[i] >= '0' && local.p[i] <= '9';
	features_see_fmt(w, RELATION, "relay's name %d helo %d", rdns, helo);
	features_see_fmt(w, RELATION, "return-path %s",
			 relation(features_domain(features_header(w, "Return-Path:addr")), from));
	features_see_fmt(w, RELATION, "message-id %s",
			 relation(features_domain(features_header(w, "Message-ID")), from));
	features_see_fmt(w, RELATION, "to %s", relation(features_domain(to), from));
	features_see_fmt(w, RELATION, "to himself %d", to.n && str_eqi(to, address));
	features_see_fmt(w, RELATION, "name in domain %s", name_in(name, from));
	features_see_fmt(w, RELATION, "name with @ %d", str_find(name, '@') < name.n);
	features_see_fmt(w, RELATION, "name's words %zu", few(features_count(name, ' ')));
	features_see_fmt(w, RELATION, "address's digits %zu", few(digits));
}

struct tally {
	str from, name;
	size_t links, own, pictures, own_pictures;
	str hosts[HOSTS_MAX]; /* registered domains */
	size_t nhosts;
	bool numeric, lies;
};

static void count_host(struct tally *t, str host)
{
	size_t i = 0;

	while (i < t->nhosts && !str_eqi(t->hosts[i], host))
		i++;
	if (i == t->nhosts && i < HOSTS_MAX)
		t->hosts[t->nhosts++] = host;
}

/* Its text is one word with a dot, like a host, and not this one. */
static bool lies(const struct scan_uri *x, str host)
{
	for (size_t i = 0; i < x->anchors.n && i < ANCHORS_MAX; i++) {
		str text = str_take(str_trim_ws(x->anchors.v[i]), TEXT_MAX);

		if (str_find(text, ' ') == text.n && str_find(text, '.') < text.n &&
		    str_searchi(text, host) == text.n)
			return true;
	}
	return false;
}

static void of_link(struct features_work *w, struct tally *t, const struct scan_uri *x)
{
	str host = x->hosts.v[0], domain = features_registered(host), top = features_top(host);
	bool own = same(domain, t->from);

	if (x->kinds & SCAN_URI_IMG) {
		t->pictures++;
		t->own_pictures += own;
	} else {
		t->links++;
		t->own += own;
	}
	count_host(t, domain);
	t->lies = t->lies || lies(x, domain);
	t->numeric = t->numeric || (top.n && top.p[0] >= '0' && top.p[0] <= '9');
	features_see_fmt(w, RELATION, "name in link %s", name_in(t->name, host));
}

static const char *share(size_t own, size_t all)
{
	if (!all)
		return "none";
	if (!own)
		return "other";
	return own == all ? "own" : 2 * own >= all ? "mostly own" : "some own";
}

void features_relations(struct features_work *w)
{
	struct tally t = { .name = features_header(w, "From:name") };
	str address = features_header(w, "From:addr");
	struct scan_uris u = scan_uris(w->m);

	t.from = features_domain(address);
	of_sender(w, address, t.from, t.name);
	for (size_t i = 0; i < u.n && i < FEATURES_LINKS; i++) {
		const struct scan_uri *x = &u.v[i];

		if (x->hosts.n && !(x->kinds & (SCAN_URI_DKIM | SCAN_URI_HEADER)))
			of_link(w, &t, x);
	}
	features_see_fmt(w, RELATION, "links %s", share(t.own, t.links));
	features_see_fmt(w, RELATION, "pictures %s", share(t.own_pictures, t.pictures));
	features_see_fmt(w, RELATION, "domains %zu", few(t.nhosts));
	features_see_fmt(w, RELATION, "another host in the text %d", t.lies);
	features_see_fmt(w, RELATION, "address for a host %d", t.numeric);
}
