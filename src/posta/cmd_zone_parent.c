#include "posta/cmd_zone_parent.h"

#include "clients/dns/dns.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "posta/config.h"

#define ASK 10000 /* ms */

struct asking {
	struct dircmd *c;
	str name;
	struct dns_options options;
	struct dns_answer answer;
};

WAITS static err ask(void *arg)
{
	struct asking *k = arg;
	struct dns *d = NULL;

	TRY(dns_open(&k->options, &d));
	err e = dns_ask(d, k->name, DNS_DS, clock_in(ASK), k->c->env->arena, &k->answer);

	dns_close(d);
	return e;
}

err zone_parent_ds(struct dircmd *c, str name, str resolver, str **rdata, size_t *n)
{
	const struct config_mail *m = &c->env->config->mail;
	struct asking k = { .c = c,
			    .name = name,
			    .options = { .forward = m->resolvers, .nforward = m->nresolvers } };

	if (resolver.n) {
		k.options.forward = &resolver;
		k.options.nforward = 1;
	}
	k.options.dnssec = k.options.nforward == 0; /* as cmd_domain_dns.c */
	TRY(loop_main(ask, &k));
	*rdata = k.answer.rdata;
	*n = k.answer.n;
	return OK;
}

err zone_parent_has(const struct zone_key *k, str apex, const str *rdata, size_t n, bool *has)
{
	unsigned char ds[KEY_DS];

	*has = false;
	TRY(key_ds(apex, str_of(k->dnskey, k->ndnskey), ds));
	for (size_t i = 0; i < n; i++)
		*has |= str_eq(rdata[i], str_of(ds, sizeof(ds)));
	return OK;
}

static err print_one(struct dircmd *c, const struct zone_keys *keys, const struct zone_key *k,
		     str apex, struct buf *out)
{
	unsigned char ds[KEY_DS];
	str rdata = str_of(ds, sizeof(ds));

	TRY(key_ds(apex, str_of(k->dnskey, k->ndnskey), ds));
	if (!c->env->json) {
		dns_name_print(apex, out);
		buf_fmt(out, " %u IN DS ", keys->policy.ds_ttl);
		dns_rdata_print(DNS_DS, rdata, out);
		buf_addc(out, '\n');
		return buf_done(out);
	}
	buf_fmt(out, "%s{\"key_tag\": %u, \"algorithm\": %u, \"digest_type\": %u, \"ds\": \"",
		out->p[out->n - 1] == '[' ? "" : ", ", k->tag, k->algorithm, KEY_DS_SHA256);
	dns_rdata_print(DNS_DS, rdata, out);
	buf_add(out, STR("\"}"));
	return buf_done(out);
}

err zone_ds_print(struct dircmd *c, const struct zone_keys *keys, str apex, struct buf *out)
{
	if (c->env->json)
		buf_addc(out, '[');
	for (size_t i = 0; i < keys->n; i++)
		if (key_for_parent(keys, &keys->v[i]))
			TRY(print_one(c, keys, &keys->v[i], apex, out));
	if (c->env->json)
		buf_addc(out, ']');
	return buf_done(out);
}
