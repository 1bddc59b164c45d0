/* All URIs of a message with their variants, hosts and domains. */
#include <string.h>

#include "base/map.h"
#include "formats/scan/view.h"

struct entry {
	struct entry *next;
	str uri;
	struct view_list clean, hosts, domains, anchors;
	unsigned kinds;
};
struct gather {
	struct scan_mail *m;
	struct map by_uri;
	struct entry *first, **last;
	size_t n;
};

static void add_once(struct scan_mail *m, struct view_list *l, str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i], s))
			return;
	view_push(m, l, s);
}

static struct entry *find_entry(struct gather *g, str uri)
{
	struct entry *e = map_get(&g->by_uri, uri);

	if (e)
		return e;
	if (g->n >= LIM_SCAN_URIS) {
		g->m->cut |= SCAN_CUT_URIS;
		return NULL;
	}
	g->n++;
	e = NEW(g->m->a, struct entry);
	e->uri = uri;
	*g->last = e;
	g->last = &e->next;
	(void)map_put(&g->by_uri, uri, e);
	return e;
}

static struct entry *add(struct gather *g, str uri, unsigned kinds, bool needs_domain)
{
	struct view_list clean = { .n = 0 }, hosts = { .n = 0 }, domains = { .n = 0 };
	struct entry *e;

	view_canon(g->m, uri, &clean);
	for (size_t i = 0; i < clean.n; i++) {
		str domain, host;

		if (clean.v[i].n > LIM_SCAN_URI) {
			g->m->flags |= SCAN_FLAG_URI_TRUNCATED;
			clean.v[i].n = LIM_SCAN_URI;
		}
		if (!view_uri_domain(g->m, clean.v[i], &domain, &host))
			continue;
		add_once(g->m, &domains, domain);
		add_once(g->m, &hosts, host);
	}
	if (clean.n == 0 || (needs_domain && domains.n == 0))
		return NULL;
	e = find_entry(g, uri);
	if (!e)
		return NULL;
	e->kinds |= kinds;
	for (size_t i = 0; i < clean.n; i++)
		add_once(g->m, &e->clean, clean.v[i]);
	for (size_t i = 0; i < hosts.n; i++)
		add_once(g->m, &e->hosts, hosts.v[i]);
	for (size_t i = 0; i < domains.n; i++)
		add_once(g->m, &e->domains, domains.v[i]);
	return e;
}

static void on_text(void *ctx, str uri, unsigned kinds)
{
	(void)add(ctx, uri, kinds, true);
}

static void add_html(struct gather *g, const struct scan_html *h)
{
	for (size_t i = 0; i < h->nuris; i++) {
		const struct scan_html_uri *u = &h->uris[i];
		struct entry *e = add(g, u->uri, u->kinds ? u->kinds : SCAN_URI_PARSED, false);

		for (size_t j = 0; e && j < u->anchors.n && j < LIM_SCAN_URIS; j++)
			add_once(g->m, &e->anchors, u->anchors.v[j]);
	}
}

/* The domains that signed: "d=" of the field. */
static void add_signers(struct gather *g, str name)
{
	struct scan_strs v = scan_headers(g->m, name, false);

	for (size_t i = 0; i < v.n; i++) {
		for (size_t at = 0; at < v.v[i].n; at++) {
			str s = str_skip(v.v[i], at), domain, host;
			size_t n = 1;
			struct out o;
			struct entry *e;

			if (s.p[0] != 'd' || (at && is_word(v.v[i].p[at - 1])))
				continue;
			while (n < s.n && is_space(s.p[n]))
				n++;
			if (n >= s.n || s.p[n] != '=')
				continue;
			s = str_skip(s, n + 1);
			s = str_take(s, str_find(s, ';'));
			/* No name: a field of "d=d=d=..." would take all memory. */
			if (s.n > LIM_SMTP_DOMAIN)
				continue;
			if (!view_out(g->m, &o, 11 + s.n))
				return;
			out_add(&o, STR("domainkeys:"));
			for (n = 0; n < s.n; n++)
				if (!is_space(s.p[n]))
					out_c(&o, s.p[n]);
			if (!view_uri_domain(g->m, out_str(&o), &domain, &host))
				continue;
			e = find_entry(g, out_str(&o));
			if (!e)
				return;
			e->kinds |= SCAN_URI_DKIM;
			add_once(g->m, &e->hosts, host);
			add_once(g->m, &e->domains, domain);
		}
	}
}

struct scan_uris scan_uris(struct scan_mail *m)
{
	struct gather g = { .m = m, .last = &g.first };
	struct scan_htmls htmls = scan_htmls(m);
	struct scan_uri *v;

	if (m->uris_done)
		return m->uris;
	m->uris_done = true;
	map_init(&g.by_uri);
	view_text_uris(m, on_text, &g);
	for (size_t i = 0; i < htmls.n; i++)
		add_html(&g, &htmls.v[i]);
	add_signers(&g, STR("DomainKey-Signature"));
	add_signers(&g, STR("DKIM-Signature"));
	map_free(&g.by_uri);
	v = NEW_TRY(m->a, struct scan_uri, g.n + 1);
	if (!v)
		return m->uris;
	for (struct entry *e = g.first; e; e = e->next)
		v[m->uris.n++] = (struct scan_uri){ .uri = e->uri,
						    .clean = view_strs(&e->clean),
						    .hosts = view_strs(&e->hosts),
						    .domains = view_strs(&e->domains),
						    .anchors = view_strs(&e->anchors),
						    .kinds = e->kinds };
	m->uris.v = v;
	return m->uris;
}

struct scan_htmls scan_htmls(struct scan_mail *m)
{
	struct mime_part *root = &m->root->mime;
	struct scan_html *v;
	size_t n = 0;

	if (m->htmls_done)
		return m->htmls;
	m->htmls_done = true;
	for (struct mime_part *p = root; p; p = mime_next(root, p)) {
		view_render(m, (struct view_part *)p);
		n += ((struct view_part *)p)->html != NULL;
	}
	v = NEW_TRY(m->a, struct scan_html, n + 1);
	if (!v)
		return m->htmls;
	for (struct mime_part *p = root; p; p = mime_next(root, p))
		if (((struct view_part *)p)->html)
			v[m->htmls.n++] = *((struct view_part *)p)->html;
	m->htmls.v = v;
	return m->htmls;
}
