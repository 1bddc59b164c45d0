/* mail_dns: what our mail domains have in the DNS, as master-file lines, made of the group of that
 * name and, where it is silent, of the nodes' roles and listeners (decision 0131). */
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "formats/dns/name.h"
#include "posta/config_part.h"

struct settings {
	struct conf_strs ns, mx, outgoing, imaps, pop3s, submissions, submission, addresses,
		resolvers;
	str spf, dmarc, tls_rpt, mta_sts, mta_sts_mode, autoconfig;
	bool tlsa;
	int64_t ttl;
};
#define AT(member) offsetof(struct settings, member)
static const struct conf_key keys[] = {
	{ "ns", CONF_STRS, AT(ns), 0, 0, "",
	  "name servers of new zones; none: the nodes with the role dns" },
	{ "mx", CONF_STRS, AT(mx), 0, 0, "",
	  "\"mx.example.net\" or \"20 mx.example.net\"; none: the nodes with the role mx" },
	{ "outgoing", CONF_STRS, AT(outgoing), 0, 0, "",
	  "hosts that send mail, for SPF; none: the nodes with the role relay" },
	{ "spf", CONF_STR, AT(spf), 0, 0, "",
	  "the SPF record; empty: mx and outgoing, all else doubtful; \"none\": no record" },
	{ "dmarc", CONF_STR, AT(dmarc), 0, 0, "v=DMARC1; p=none; rua=mailto:postmaster@{domain}",
	  "the DMARC record; \"none\": no record" },
	{ "tls_rpt", CONF_STR, AT(tls_rpt), 0, 0, "v=TLSRPTv1; rua=mailto:postmaster@{domain}",
	  "the TLS-RPT record; \"none\": no record" },
	{ "mta_sts", CONF_STR, AT(mta_sts), 0, 0, "",
	  "the host that serves the MTA-STS policy over HTTPS; empty: no record" },
	{ "mta_sts_mode", CONF_STR, AT(mta_sts_mode), 0, 0, "testing",
	  "the policy's mode, which its id follows: testing, enforce, none" },
	{ "autoconfig", CONF_STR, AT(autoconfig), 0, 0, "",
	  "the host behind autoconfig and autodiscover; empty: no record" },
	{ "imaps", CONF_STRS, AT(imaps), 0, 0, "",
	  "\"imap.example.net:993\" for SRV; none: the nodes with the role proxy" },
	{ "pop3s", CONF_STRS, AT(pop3s), 0, 0, "", "the same for POP3" },
	{ "submissions", CONF_STRS, AT(submissions), 0, 0, "",
	  "the same for submission over TLS; none: the nodes with the role submission" },
	{ "submission", CONF_STRS, AT(submission), 0, 0, "", "the same with STARTTLS" },
	{ "addresses", CONF_STRS, AT(addresses), 0, 0, "",
	  "\"mx.example.net=192.0.2.1\": addresses of servers; none: those they listen on" },
	{ "tlsa", CONF_BOOL, AT(tlsa), 0, 0, "true",
	  "TLSA records of the mx's certificates (3 1 1)" },
	{ "ttl", CONF_DURATION, AT(ttl), 1000, 86400000, "10m", "TTL of all of them" },
	{ "resolvers", CONF_STRS, AT(resolvers), 0, 0, "",
	  "whom `posta domain dns --check` asks; none: the root and down from it" },
};
#undef AT

void config_mail_settings(struct buf *out)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		conf_describe(&keys[i], out);
}

struct making {
	struct config *c;
	const struct conf_node *nodes, *group;
	struct settings set;
	struct buf *complaints;
	struct buf records, hosts, policy, list;
	err e;
};

/* ---- names and addresses of nodes ---- */

/* A list that was not given holds one empty text. */
static size_t given(const struct conf_strs *l)
{
	return l->n == 1 && !l->v[0].n ? 0 : l->n;
}

/* A host that the DNS can hold: of more than one label. */
static bool is_host(str host)
{
	struct dns_name n;

	return !dns_name_parse(host, STR("\0"), &n) && dns_name_labels(dns_name_str(&n)) > 1;
}

/* What every node makes of the same file: a name that the system has counts where there is one node
 * alone. */
static str node_host(const struct making *m, const struct conf_node *node)
{
	const struct conf_node *n = conf_find(node, "hostname");

	if (n)
		return conf_str(n, m->complaints);
	return conf_count(m->nodes) == 1 ? m->c->hostname : STR("");
}

/* The i-th node with this role whose name is fit for the DNS, or NULL. */
static const struct conf_node *node_with(const struct making *m, const char *role, size_t i)
{
	for (size_t k = 0; k < conf_count(m->nodes); k++) {
		const struct conf_node *n = conf_at(m->nodes, k);

		if (conf_find(n, role) && is_host(node_host(m, n)) && i-- == 0)
			return n;
	}
	return NULL;
}

/* The i-th text of a setting's list or, where there is none, the i-th such node's name. */
static bool host_at(const struct making *m, const struct conf_strs *l, const char *role, size_t i,
		    str *out)
{
	const struct conf_node *n;

	if (given(l)) {
		*out = i < l->n ? l->v[i] : STR("");
		return i < l->n;
	}
	n = node_with(m, role, i);
	*out = n ? node_host(m, n) : STR("");
	return n != NULL;
}

static void complain(struct making *m, const char *key, str value, const char *like)
{
	conf_complain(conf_find(m->group, key), m->complaints,
		      "\"%.*s\" does not fit; write \"%s\"", STRF(value), like);
	m->e = E_SYNTAX;
}

/* ---- lines ---- */

static void line(struct making *m, const char *name, const char *type)
{
	buf_fmt(&m->records, "%s %lld %s ", name, (long long)(m->set.ttl / 1000), type);
}

static void add_host(struct buf *out, str host)
{
	buf_add(out, host);
	if (!str_ends(host, STR(".")))
		buf_addc(out, '.');
}

/* RFC 1035 3.3.14: strings of at most 255 octets. */
static void txt(struct making *m, const char *name, str text)
{
	line(m, name, "TXT");
	for (size_t i = 0; i < text.n; i++) {
		if (i % 200 == 0)
			buf_add(&m->records, i ? STR("\" \"") : STR("\""));
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_addc(&m->records, '\\');
		buf_addc(&m->records, text.p[i]);
	}
	buf_add(&m->records, STR("\"\n"));
}

static void text_setting(struct making *m, const char *key, str text, const char *name)
{
	if (!text.n || str_eqi(text, STR("none")))
		return;
	if (!str_printable(text) || text.n > 1000)
		complain(m, key, text, "v=...");
	else
		txt(m, name, text);
}

static void mx(struct making *m)
{
	str item;

	for (size_t i = 0; host_at(m, &m->set.mx, "mx", i, &item); i++) {
		str number = STR("10"), host = item;
		uint64_t preference;

		(void)str_cut(item, ' ', &number, &host);
		host = str_trim(host);
		if (!is_host(host) || str_u64(number, 65535, &preference)) {
			complain(m, "mx", item, "10 mx.example.net");
			continue;
		}
		line(m, "@", "MX");
		buf_fmt(&m->records, "%llu ", (unsigned long long)preference);
		add_host(&m->records, host);
		buf_addc(&m->records, '\n');
		buf_fmt(&m->policy, "mx: %.*s\n", STRF(host));
	}
}

/* RFC 7208 5. Others are doubtful (~all) rather than refused: a forwarder is no forger, and DMARC
 * decides. */
static void spf(struct making *m)
{
	str host;

	if (m->set.spf.n) {
		text_setting(m, "spf", m->set.spf, "@");
		return;
	}
	buf_reset(&m->list);
	buf_add(&m->list, STR("v=spf1 mx"));
	for (size_t i = 0; host_at(m, &m->set.outgoing, "relay", i, &host); i++) {
		if (is_host(host))
			buf_fmt(&m->list, " a:%.*s", STRF(host));
		else
			complain(m, "outgoing", host, "out.example.net");
	}
	buf_add(&m->list, STR(" ~all"));
	txt(m, "@", buf_str(&m->list));
}

/* RFC 8461 3.1: the id changes with the policy. */
static void mta_sts(struct making *m)
{
	if (!m->set.mta_sts.n)
		return;
	if (!is_host(m->set.mta_sts)) {
		complain(m, "mta_sts", m->set.mta_sts, "mta-sts.example.net");
		return;
	}
	buf_fmt(&m->policy, "mode: %.*s\n", STRF(m->set.mta_sts_mode));
	buf_reset(&m->list);
	buf_fmt(&m->list, "v=STSv1; id=%08x%04zx;", hash_crc32c(0, buf_str(&m->policy)),
		m->policy.n & 0xffff);
	txt(m, "_mta-sts", buf_str(&m->list));
	line(m, "mta-sts", "CNAME");
	add_host(&m->records, m->set.mta_sts);
	buf_addc(&m->records, '\n');
}

static void autoconfig(struct making *m)
{
	static const char *const names[] = { "autoconfig", "autodiscover" };

	if (!m->set.autoconfig.n)
		return;
	if (!is_host(m->set.autoconfig)) {
		complain(m, "autoconfig", m->set.autoconfig, "www.example.net");
		return;
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		line(m, names[i], "CNAME");
		add_host(&m->records, m->set.autoconfig);
		buf_addc(&m->records, '\n');
	}
}

/* ---- SRV: RFC 6186 3, RFC 8314 5.1 ---- */

/* The port of the first address of a kind of listener; 0: the node has none. */
static unsigned port_of(const struct conf_node *node, const char *path, struct buf *complaints)
{
	const struct conf_node *n = conf_find(node, path);
	struct net_addr a;

	if (n && conf_count(n))
		n = conf_at(n, 0);
	if (!n || net_parse(conf_str(n, complaints), &a) || net_is_unix(&a))
		return 0;
	return net_port(&a);
}

static void srv_line(struct making *m, const char *name, str host, unsigned port)
{
	line(m, name, "SRV");
	buf_fmt(&m->records, "0 1 %u ", port);
	add_host(&m->records, host);
	buf_addc(&m->records, '\n');
}

static void srv(struct making *m, const char *name, const char *key, const struct conf_strs *l,
		const char *role, const char *path)
{
	for (size_t i = 0; given(l) && i < l->n; i++) {
		size_t colon = str_rfind(l->v[i], ':');
		str host = str_take(l->v[i], colon);
		uint64_t port;

		if (!is_host(host) || str_u64(str_skip(l->v[i], colon + 1), 65535, &port))
			complain(m, key, l->v[i], "mail.example.net:993");
		else
			srv_line(m, name, host, (unsigned)port);
	}
	for (size_t i = 0; !given(l) && node_with(m, role, i); i++) {
		const struct conf_node *node = node_with(m, role, i);
		unsigned port = port_of(node, path, m->complaints);

		if (port)
			srv_line(m, name, node_host(m, node), port);
	}
}

/* ---- addresses of the servers' names ---- */

static void host_line(struct making *m, str host, const struct net_addr *a)
{
	CLEANUP(buf_free) struct buf text = { 0 };

	buf_init(&text, KIB(2));
	add_host(&text, host);
	buf_fmt(&text, " %lld %s ", (long long)(m->set.ttl / 1000),
		a->ss.ss_family == AF_INET6 ? "AAAA" : "A");
	net_print_ip(a, &text);
	buf_addc(&text, '\n');
	if (str_search(buf_str(&m->hosts), buf_str(&text)) == m->hosts.n)
		buf_add(&m->hosts, buf_str(&text));
}

/* 0.0.0.0 and :: say nothing of where a node can be reached. */
static bool is_any(const struct net_addr *a)
{
	CLEANUP(buf_free) struct buf text = { 0 };

	buf_init(&text, 100);
	net_print_ip(a, &text);
	return str_eq(buf_str(&text), STR("0.0.0.0")) || str_eq(buf_str(&text), STR("::"));
}

static void listen_address(struct making *m, str host, const struct conf_node *n)
{
	struct net_addr a;

	if (!net_parse(conf_str(n, m->complaints), &a) && !net_is_unix(&a) && !is_any(&a))
		host_line(m, host, &a);
}

static void node_addresses(struct making *m, const struct conf_node *node)
{
	static const char *const paths[] = {
		"mx.smtp",     "submission.submission", "submission.submissions",
		"proxy.imaps", "proxy.pop3s",		"dns.dns",
		"web.https"
	};
	str host = node_host(m, node);

	if (!is_host(host))
		return;
	for (size_t i = 0; i < COUNT(paths); i++) {
		const struct conf_node *n = conf_find(node, paths[i]);

		if (n && !conf_count(n))
			listen_address(m, host, n);
		for (size_t k = 0; k < conf_count(n); k++)
			listen_address(m, host, conf_at(n, k));
	}
}

static void addresses(struct making *m)
{
	const struct conf_strs *l = &m->set.addresses;

	for (size_t i = 0; given(l) && i < l->n; i++) {
		str host, text;
		struct net_addr a;
		CLEANUP(buf_free) struct buf at = { 0 };

		buf_init(&at, 200);
		if (str_cut(l->v[i], '=', &host, &text))
			buf_fmt(&at, str_find(text, ':') < text.n ? "[%.*s]:0" : "%.*s:0",
				STRF(text));
		if (!at.n || !is_host(host) || net_parse(buf_str(&at), &a) || net_is_unix(&a))
			complain(m, "addresses", l->v[i], "mx.example.net=192.0.2.1");
		else
			host_line(m, host, &a);
	}
	for (size_t i = 0; !given(l) && i < conf_count(m->nodes); i++)
		node_addresses(m, conf_at(m->nodes, i));
}

/* ---- all of it ---- */

static void name_servers(struct making *m)
{
	str host;

	buf_reset(&m->list);
	for (size_t i = 0; host_at(m, &m->set.ns, "dns", i, &host); i++) {
		if (!is_host(host))
			complain(m, "ns", host, "ns1.example.net");
		else
			buf_fmt(&m->list, "%s%.*s", m->list.n ? "," : "", STRF(host));
	}
	m->c->mail.ns = arena_dup(&m->c->arena, buf_str(&m->list));
}

static void make(struct making *m)
{
	const struct settings *s = &m->set;

	name_servers(m);
	mx(m);
	if (m->policy.n) { /* without an mx nothing is said of mail */
		spf(m);
		text_setting(m, "dmarc", s->dmarc, "_dmarc");
		text_setting(m, "tls_rpt", s->tls_rpt, "_smtp._tls");
		mta_sts(m);
	}
	autoconfig(m);
	srv(m, "_imaps._tcp", "imaps", &s->imaps, "proxy", "proxy.imaps");
	srv(m, "_pop3s._tcp", "pop3s", &s->pop3s, "proxy", "proxy.pop3s");
	srv(m, "_submissions._tcp", "submissions", &s->submissions, "submission",
	    "submission.submissions");
	srv(m, "_submission._tcp", "submission", &s->submission, "submission",
	    "submission.submission");
	addresses(m);
}

err config_mail(struct config *c, struct buf *complaints)
{
	struct making m = { .c = c, .complaints = complaints };

	m.nodes = conf_find(conf_root(c->conf), "nodes");
	m.group = conf_find(conf_root(c->conf), "mail_dns");
	TRY(conf_read(m.group, keys, COUNT(keys), &m.set, &c->arena, complaints));
	buf_init(&m.records, LIM_MAIL_DNS);
	buf_init(&m.hosts, LIM_MAIL_DNS);
	buf_init(&m.policy, LIM_MAIL_DNS);
	buf_init(&m.list, LIM_MAIL_DNS);
	make(&m);
	c->mail.records = arena_dup(&c->arena, buf_str(&m.records));
	c->mail.hosts = arena_dup(&c->arena, buf_str(&m.hosts));
	c->mail.tlsa = m.set.tlsa;
	c->mail.resolvers = m.set.resolvers.v;
	c->mail.nresolvers = given(&m.set.resolvers);
	if (m.records.e || m.hosts.e) {
		conf_complain(m.group, complaints, "over %zu octets of records; write fewer",
			      LIM_MAIL_DNS);
		m.e = E_SYNTAX;
	}
	buf_free(&m.records);
	buf_free(&m.hosts);
	buf_free(&m.policy);
	buf_free(&m.list);
	return m.e;
}
