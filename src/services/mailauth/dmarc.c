#include "services/mailauth/dmarc.h"

#include "formats/mime/header.h"
#include "services/mailauth/name.h"
#include "services/mailauth/psl.h"

/* A record of the walk. */
struct hit {
	str domain;
	struct dmarc_record record;
};

/* The one record below _dmarc of a domain; several of them are none (4.10). */
WAITS static err find_record(const struct mailauth_dns *dns, str domain, msec deadline,
			     struct arena *a, struct dmarc_record *out, bool *found)
{
	struct dns_answer answer;
	struct dmarc_record one;
	unsigned n = 0;
	str text, name = arena_fmt(a, "_dmarc.%.*s", STRF(domain));

	*found = false;
	if (!name.p || name.n > LIM_SPF_NAME)
		return OK;
	TRY(dns->ask(dns->arg, name, DNS_TXT, deadline, a, &answer));
	for (size_t i = 0; i < answer.n; i++) {
		if (mailauth_txt(answer.rdata[i], a, &text) != OK || !dmarc_parse(text, &one))
			continue;
		*out = one;
		n++;
	}
	*found = n == 1;
	return OK;
}

/* The last n labels. */
static str last_labels(str domain, unsigned n)
{
	while (mailauth_labels(domain) > n)
		domain = mailauth_parent(domain);
	return domain;
}

/* 4.10: the domain, then one label less at a time; of long ones seven labels are next. */
static str next_target(str target)
{
	return mailauth_labels(target) < LIM_DMARC_WALK ? mailauth_parent(target)
							: last_labels(target, LIM_DMARC_WALK - 1);
}

/* 4.10.2, and the list beside it: a record above which others register is no organisation's, even
 * when it does not say psd=y. */
static str organization_of(str domain, const struct hit *hits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (hits[i].record.psd == 'n')
			return hits[i].domain;
		if (hits[i].record.psd == 'y' && hits[i].domain.n != domain.n)
			return last_labels(domain, mailauth_labels(hits[i].domain) + 1);
	}
	if (!n)
		return domain;
	str top = hits[n - 1].domain;

	return top.n != domain.n && psl_is_suffix(top)
		       ? last_labels(domain, mailauth_labels(top) + 1)
		       : top;
}

/* 4.10.1: the author's own, else the organisation's, else that of the suffix above it. */
static void choose_record(struct dmarc_walk *w, const struct hit *hits, size_t n)
{
	for (size_t i = 0; i < n && !w->found; i++) {
		bool between =
			hits[i].domain.n > w->organization.n && hits[i].domain.n != w->domain.n;

		if (between)
			continue;
		w->found = true;
		w->record_domain = hits[i].domain;
		w->record = hits[i].record;
	}
}

WAITS err dmarc_walk(const struct mailauth_dns *dns, str domain, msec deadline, struct arena *a,
		     struct dmarc_walk *out)
{
	struct hit hits[LIM_DMARC_WALK];
	size_t n = 0;
	err lost = OK;

	*out = (struct dmarc_walk){ .domain = domain, .organization = domain };
	for (str at = domain; at.n; at = next_target(at)) {
		struct hit *h = &hits[n];
		bool found = false;
		err e = find_record(dns, at, deadline, a, &h->record, &found);

		if (e == E_CANCELED)
			return e;
		/* An error above a record that was found hides nothing that would be preferred. */
		if (e != OK && !n)
			lost = e;
		if (!found)
			continue;
		h->domain = at;
		n++;
		if (h->record.psd == 'n' || (h->record.psd == 'y' && at.n != domain.n))
			break;
	}
	if (lost != OK)
		return lost;
	out->organization = organization_of(domain, hits, n);
	choose_record(out, hits, n);
	return OK;
}

/* ---- authors ---- */
static void add_author(struct arena *a, str domain, struct dmarc_authors *out)
{
	str name = mailauth_name_of(a, domain);

	for (size_t i = 0; name.p && i < out->n; i++)
		if (str_eq(out->v[i].walk.domain, name))
			return;
	if (!name.p || name.p[0] == '[' || out->n == LIM_DMARC_AUTHORS)
		out->odd = true;
	else
		out->v[out->n++].walk.domain = name;
}

/* of: where the addresses live, which are forgotten. */
static void add_authors(struct arena *a, struct arena *of, str value, struct dmarc_authors *out)
{
	size_t n = 0;

	for (struct mime_address *m = mime_addresses(of, value); m; m = m->next) {
		if (out->odd && out->n == LIM_DMARC_AUTHORS)
			return;
		if (m->kind == MIME_MAILBOX)
			add_author(a, m->domain, out);
		n++;
	}
	/* More than is looked at: some are not known. */
	if (n >= LIM_MIME_ADDRESSES || of->used + KIB(4) > of->max)
		out->odd = true;
}

static void find_authors(str message, struct arena *a, struct dmarc_authors *out)
{
	CLEANUP(arena_free) struct arena of = { 0 };
	struct mime_field f;

	arena_init(&of, LIM_MAILAUTH_ARENA);
	for (struct mime_fields it = mime_fields(message); mime_field(&it, &f);) {
		if (!str_eqi(f.name, STR("From")))
			continue;
		add_authors(a, &of, f.value, out);
		arena_reset(&of);
	}
	out->odd = out->odd || !out->n;
}

/* np= is for domains that do not exist (3.2.13: NXDOMAIN). */
WAITS static err look_missing(const struct mailauth_dns *dns, struct dmarc_author *author,
			      msec deadline, struct arena *a)
{
	const struct dmarc_walk *w = &author->walk;
	struct dns_answer answer;

	if (!w->found || !w->record.missing || str_eq(w->record_domain, w->domain))
		return OK;
	err e = dns->ask(dns->arg, w->domain, DNS_A, deadline, a, &answer);

	author->missing = e == OK && answer.nxdomain;
	return e == E_CANCELED ? e : OK;
}

WAITS err dmarc_discover(const struct mailauth_dns *dns, str message, msec deadline,
			 struct arena *a, struct dmarc_authors *out)
{
	*out = (struct dmarc_authors){ 0 };
	find_authors(message, a, out);
	for (size_t i = 0; i < out->n; i++) {
		struct dmarc_author *author = &out->v[i];

		author->e = dmarc_walk(dns, author->walk.domain, deadline, a, &author->walk);
		if (author->e == E_CANCELED)
			return author->e;
		TRY(look_missing(dns, author, deadline, a));
	}
	return OK;
}

/* ---- alignment, 4.4 ---- */
struct judge {
	const struct mailauth_dns *dns;
	msec deadline;
	struct arena *a;
	bool unsure; /* what might have been aligned could not be looked up */
};

WAITS static err is_aligned(struct judge *j, const struct dmarc_walk *author, str domain,
			    bool strict, bool *aligned)
{
	struct dmarc_walk w;
	str name = mailauth_name_of(j->a, domain);

	*aligned = name.p && str_eq(name, author->domain);
	/* What is not below the author's organisation cannot have the same one. */
	if (*aligned || strict || !name.p || !mailauth_under(name, author->organization))
		return OK;
	err e = dmarc_walk(j->dns, name, j->deadline, j->a, &w);

	if (e == E_CANCELED)
		return e;
	j->unsure = j->unsure || e != OK;
	*aligned = e == OK && str_eq(w.organization, author->organization);
	return OK;
}

/* Says whether an identifier with this result passes and is aligned. A temporary error of one that
 * would be aligned leaves the question open. */
WAITS static err judge_one(struct judge *j, const struct dmarc_walk *author, enum auth_result r,
			   str domain, bool strict, bool *passes)
{
	bool aligned;

	if (r != AUTH_PASS && r != AUTH_TEMPERROR)
		return OK;
	TRY(is_aligned(j, author, domain, strict, &aligned));
	*passes = *passes || (aligned && r == AUTH_PASS);
	j->unsure = j->unsure || (aligned && r == AUTH_TEMPERROR);
	return OK;
}

/* 4.10.1; t=y asks for one step less (4.7). */
static char policy_of(const struct dmarc_author *author, const struct dmarc_record *r)
{
	char p = r->policy;

	if (!str_eq(author->walk.record_domain, author->walk.domain)) {
		if (author->missing && r->missing)
			p = r->missing;
		else if (r->sub)
			p = r->sub;
	}
	if (r->test)
		p = p == 'r' ? 'q' : 'n';
	return p;
}

WAITS static err judge_author(struct judge *j, const struct dmarc_author *author,
			      const struct mailauth_result *r, struct mailauth_dmarc *out)
{
	struct dmarc_record record = author->walk.record;

	*out = (struct mailauth_dmarc){ .domain = author->walk.domain,
					.organization = author->walk.organization,
					.record_domain = STR(""),
					.rua = STR(""),
					.ruf = STR(""),
					.published = STR("") };
	if (!author->walk.found) {
		str listed = psl_organization(author->walk.domain);

		out->result = author->e == OK ? AUTH_NONE : AUTH_TEMPERROR;
		out->organization = listed.n ? listed : author->walk.domain;
		return OK;
	}
	if (!dmarc_usable(&record))
		return OK;
	out->record_domain = author->walk.record_domain;
	out->rua = record.rua;
	out->ruf = record.ruf;
	out->published = record.text;
	out->policy = policy_of(author, &record);
	j->unsure = false;
	TRY(judge_one(j, &author->walk, r->spf, r->spf_domain, record.strict_spf,
		      &out->spf_aligned));
	for (size_t i = 0; i < r->ndkim; i++)
		TRY(judge_one(j, &author->walk, r->dkim[i].result, r->dkim[i].domain,
			      record.strict_dkim, &out->dkim_aligned));
	out->result = out->spf_aligned || out->dkim_aligned ? AUTH_PASS
		      : j->unsure			    ? AUTH_TEMPERROR
							    : AUTH_FAIL;
	return OK;
}

/* How bad a result is: with several authors the worst counts (10.5), lest a second address that is
 * honest covers for the first. */
static unsigned badness(const struct mailauth_dmarc *d)
{
	switch (d->result) {
	case AUTH_FAIL:
		return d->policy == 'r' ? 6 : d->policy == 'q' ? 5 : 4;
	case AUTH_TEMPERROR:
		return 3;
	case AUTH_PERMERROR:
		return 2;
	default:
		return d->result == AUTH_NONE;
	}
}

WAITS err dmarc_judge(const struct mailauth_dns *dns, const struct dmarc_authors *authors,
		      msec deadline, struct arena *a, struct mailauth_result *out)
{
	struct judge j = { .dns = dns, .deadline = deadline, .a = a };
	struct mailauth_dmarc one;

	out->dmarc = (struct mailauth_dmarc){ .result = AUTH_PERMERROR,
					      .domain = STR(""),
					      .organization = STR(""),
					      .record_domain = STR(""),
					      .rua = STR(""),
					      .ruf = STR(""),
					      .published = STR("") };
	for (size_t i = 0; i < authors->n; i++) {
		TRY(judge_author(&j, &authors->v[i], out, &one));
		if (i == 0 || badness(&one) > badness(&out->dmarc))
			out->dmarc = one;
	}
	if (authors->odd && badness(&out->dmarc) < 2)
		out->dmarc.result = AUTH_PERMERROR;
	return OK;
}
