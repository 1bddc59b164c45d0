/* posta domain dns: what a mail domain needs in the DNS, and whether it is there. */
#include "posta/cmd_domain.h"

#include <stdio.h>

#include "base/limits.h"
#include "clients/dns/dns.h"
#include "formats/dns/rdata.h"
#include "formats/dns/zonefile.h"
#include "posta/config.h"
#include "services/zones/load.h"

#define ASK 10000 /* ms for one question */

enum state { UNASKED, FINE, MISSING, DIFFERS, UNKNOWN };
static const char *const words[] = { "", "OK", "missing", "differs", "unknown" };

struct record {
	struct record *next;
	str owner, rdata; /* wire */
	uint16_t type;
	uint32_t ttl;
	enum state state;
	str found; /* what is published instead, or why nothing is known */
};
struct asking {
	struct dircmd *c;
	struct record *first, **last;
	struct dns_options options;
	str resolver;
	struct dns *dns;
	bool bad;
};

/* ---- what it needs ---- */

static err keep(void *arg, const struct zonefile_record *r)
{
	struct asking *k = arg;
	struct arena *a = k->c->env->arena;
	struct record *x = NEW(a, struct record);

	*x = (struct record){ .owner = arena_dup(a, r->owner),
			      .rdata = arena_dup(a, r->rdata),
			      .type = r->type,
			      .ttl = r->ttl,
			      .found = STR("") };
	*k->last = x;
	k->last = &x->next;
	return x->owner.p && x->rdata.p ? OK : fail(E_LIMIT, "too many records");
}

static err gather(struct asking *k, str domain, uint64_t id)
{
	CLEANUP(buf_free) struct buf text = { 0 };
	CLEANUP(buf_free) struct buf complaints = { 0 };
	const struct zonefile z = { .origin = STR("\0"),
				    .ttl = 600,
				    .ttl_known = true,
				    .record = keep,
				    .arg = k,
				    .complaints = &complaints };

	buf_init(&text, 4 * LIM_MAIL_DNS);
	buf_init(&complaints, KIB(4));
	TRY(mail_domain_lines(k->c->d, domain, id, k->c->env->config->mail.records, &text));
	err e = zonefile_read(&z, buf_str(&text), STR("mail_dns"));

	return e && complaints.n ? fail(E_SYNTAX, "%.*s", STRF(buf_str(&complaints))) : e;
}

/* ---- what is published ---- */

/* Strings joined: how they are cut means nothing (RFC 7208 3.3, RFC 6376 3.6.2.2). */
static str joined(str rdata, struct arena *a)
{
	struct buf b;

	buf_init(&b, LIM_ZONE_RDATA);
	while (rdata.n) {
		size_t n = (unsigned char)rdata.p[0];

		buf_add(&b, str_take(str_skip(rdata, 1), n));
		rdata = str_skip(rdata, 1 + n);
	}
	str s = arena_dup(a, buf_str(&b));

	buf_free(&b);
	return s;
}

static str canonical(uint16_t type, str rdata, struct arena *a)
{
	char *p = arena_z(a, rdata);

	if (!p)
		return STR("");
	if (type == DNS_TXT)
		return joined(rdata, a);
	dns_rdata_canonical(type, p, rdata.n);
	return str_of(p, rdata.n);
}

static str first_word(str text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] != ' ' && text.p[n] != ';')
		n++;
	return str_take(text, n);
}

static str printed(uint16_t type, str rdata, struct arena *a)
{
	struct buf b;

	buf_init(&b, LIM_ZONE_RDATA_TEXT);
	dns_rdata_print(type, rdata, &b);
	str s = arena_dup(a, buf_str(&b));

	buf_free(&b);
	return s;
}

static bool wanted(const struct asking *k, str owner, uint16_t type, str form, struct arena *a)
{
	for (const struct record *r = k->first; r; r = r->next)
		if (r->type == type && dns_name_eq(r->owner, owner) &&
		    str_eq(canonical(type, r->rdata, a), form))
			return true;
	return false;
}

/* Ours is there, and nothing that would take its place: another MX, another SPF. */
static void judge(const struct asking *k, struct record *r, const struct dns_answer *answer)
{
	struct arena *a = k->c->env->arena;
	str own = canonical(r->type, r->rdata, a);

	r->state = MISSING;
	for (size_t i = 0; i < answer->n; i++) {
		str form = canonical(r->type, answer->rdata[i], a);
		bool rival = r->type != DNS_TXT || str_eqi(first_word(form), first_word(own));

		if (str_eq(form, own)) {
			r->state = r->state == DIFFERS ? DIFFERS : FINE;
		} else if (rival && !wanted(k, r->owner, r->type, form, a)) {
			r->state = DIFFERS;
			r->found = printed(r->type, answer->rdata[i], a);
		}
	}
}

WAITS static err ask_one(struct asking *k, struct record *r)
{
	struct arena *a = k->c->env->arena;
	struct dns_answer answer;
	struct buf name;

	buf_init(&name, KIB(2));
	dns_name_print(r->owner, &name);
	err e = dns_ask(k->dns, buf_str(&name), r->type, clock_in(ASK), a, &answer);

	buf_free(&name);
	if (e == E_CANCELED)
		return e;
	if (e) {
		r->state = UNKNOWN;
		r->found = arena_dup(a, str_z(err_last()->text));
	} else {
		judge(k, r, &answer);
	}
	k->bad |= r->state != FINE;
	return OK;
}

WAITS static err ask_all(void *arg)
{
	struct asking *k = arg;
	err e = OK;

	TRY(dns_open(&k->options, &k->dns));
	for (struct record *r = k->first; r && !e; r = r->next)
		e = ask_one(k, r);
	dns_close(k->dns);
	return e;
}

static void set_resolvers(struct asking *k, const struct dircmd_option *o)
{
	const struct config_mail *m = &k->c->env->config->mail;

	k->options = (struct dns_options){ .forward = m->resolvers, .nforward = m->nresolvers };
	if (o->given) {
		k->resolver = o->value;
		k->options.forward = &k->resolver;
		k->options.nforward = 1;
	}
	/* Whom the operator names he trusts; from the root down the answers prove themselves. */
	k->options.dnssec = k->options.nforward == 0;
}

/* ---- printing ---- */

static void print_json(const struct record *r, bool check, struct buf *out)
{
	struct buf b;

	buf_init(&b, LIM_ZONE_RDATA_TEXT);
	dns_name_print(r->owner, &b);
	buf_add(out, STR("{\"name\": "));
	cmd_json(out, buf_str(&b));
	buf_reset(&b);
	dns_type_print(r->type, &b);
	buf_fmt(out, ", \"ttl\": %u, \"type\": \"%.*s\", \"data\": ", r->ttl, STRF(buf_str(&b)));
	buf_reset(&b);
	dns_rdata_print(r->type, r->rdata, &b);
	cmd_json(out, buf_str(&b));
	if (check) {
		buf_fmt(out, ", \"state\": \"%s\", \"found\": ", words[r->state]);
		cmd_json(out, r->found);
	}
	buf_addc(out, '}');
	buf_free(&b);
}

static int print(struct asking *k, bool check)
{
	struct dircmd_out o;
	err e = OK;

	dircmd_out_begin(&o, k->c);
	for (struct record *r = k->first; r && !e; r = r->next) {
		if (k->c->env->json) {
			print_json(r, check, &o.line);
		} else {
			if (check)
				buf_fmt(&o.line, "%-8s ", words[r->state]);
			zone_print_record(r->owner, r->type, r->ttl, r->rdata, &o.line);
			if (check && r->found.n)
				buf_fmt(&o.line, "         %s: %.*s\n",
					r->state == DIFFERS ? "published" : "because",
					STRF(r->found));
		}
		e = dircmd_out_line(&o);
	}
	return dircmd_out_end(&o, e);
}

int cmd_domain_dns(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { { .name = "--check" },
					   { .name = "--resolver", .takes = true },
					   { 0 } };
	struct asking k = { .c = c, .last = &k.first };
	char space[LIM_SMTP_DOMAIN + 1];
	str domain;
	uint64_t id = 0;
	int code = dircmd_parse(c, argc, argv, NULL, options, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_READ);
	if (code)
		return code;
	err e = dir_domain_parse(c->words[0], space, &domain);

	if (!e)
		e = directory_find(c->d, &dir_domain, domain, &id);
	if (!e)
		e = gather(&k, domain, id);
	if (!e && !k.first)
		e = fail(E_NOTFOUND,
			 "posta.conf names no mx for it: mail_dns.mx, or a node with mx");
	set_resolvers(&k, &options[1]);
	if (!e && options[0].given)
		e = loop_main(ask_all, &k);
	if (e)
		return dircmd_error(c, e);
	code = print(&k, options[0].given);
	return code ? code : k.bad ? CMD_FAILED : CMD_OK;
}
