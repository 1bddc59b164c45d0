/* What lists are asked of a message's content: its links, authors and relays. */
#include "formats/scan/scan.h"
#include "run/work.h"
#include "services/blacklists/gather.h"
#include "services/blacklists/hidden.h"

enum { HIDDEN = 20 }; /* hosts of a paragraph that no program would find */

/* Plain text may hold a link that its writer does not want followed. */
static void add_hidden(void *arg, str host)
{
	struct gathering *g = arg;

	if (scan_host_valid(host)) /* else it is prose */
		gather_host(g, host, BLACKLISTS_URIS, 1);
}

/* The likeliest first: what a reader clicks, then what he reads, then what is loaded. */
static unsigned rank_of(unsigned kinds)
{
	if (kinds & (SCAN_URI_A | SCAN_URI_FORM))
		return 0;
	if (kinds & SCAN_URI_PARSED)
		return 1;
	if (kinds & SCAN_URI_IMG)
		return 2;
	return kinds & (SCAN_URI_DKIM | SCAN_URI_HEADER) ? 4 : 3;
}

static void add_uris(struct gathering *g)
{
	struct scan_uris uris = scan_uris(g->q->scan);
	struct scan_strs body = scan_body(g->q->scan);

	for (unsigned rank = 0; rank < GATHER_RANKS; rank++)
		for (size_t i = 0; i < uris.n; i++)
			for (size_t k = 0; k < uris.v[i].hosts.n; k++)
				if (rank_of(uris.v[i].kinds) == rank)
					gather_host(g, uris.v[i].hosts.v[k], BLACKLISTS_URIS, rank);
	for (size_t i = 0; i < body.n; i++)
		blacklists_hidden(body.v[i], HIDDEN, add_hidden, g);
}

static void add_authors(struct gathering *g, str field)
{
	struct scan_strs v = scan_addresses(g->q->scan, field);

	for (size_t i = 0; i < v.n && i < GATHER_AUTHORS; i++)
		gather_mail_domain(g, v.v[i], BLACKLISTS_AUTHOR);
}

static void add_relays(struct gathering *g)
{
	const struct scan_relays *r = scan_relays(g->q->scan);
	bool first = !g->q->ip || blacklists_trusts(g->b->set, g->q->ip);
	unsigned n = 0;

	for (size_t i = 0; i < r->n && n < GATHER_HOPS; i++) {
		struct net_addr ip;

		if (r->v[i].trusted || r->v[i].ip_private || !gather_host_ip(r->v[i].ip, &ip))
			continue;
		gather_ip(g, &ip, first ? BLACKLISTS_CLIENT : BLACKLISTS_RELAYS, 0);
		first = false;
		n++;
	}
}

static err gather(void *arg)
{
	struct gathering *g = arg;
	unsigned of = gather_wants(g);

	gather_envelope(g);
	if (of & (BLACKLISTS_CLIENT | BLACKLISTS_RELAYS))
		add_relays(g);
	if (of & BLACKLISTS_AUTHOR) {
		add_authors(g, STR("From"));
		add_authors(g, STR("Reply-To"));
	}
	if (of & BLACKLISTS_URIS)
		add_uris(g);
	return OK;
}

WAITS err blacklists_message(struct blacklists *b, const struct blacklists_message *q,
			     msec deadline, struct arena *a, struct blacklists_hits *out)
{
	struct gathering g = { .b = b, .q = q, .a = a };

	*out = (struct blacklists_hits){ 0 };
	if (!b->set->n)
		return OK;
	gather_begin(&g);
	/* Views of a large message take their time. */
	TRY(work(POOL_CPU, gather, &g));
	return gather_ask(&g, deadline, out);
}
