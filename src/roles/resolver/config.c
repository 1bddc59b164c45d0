/* The configuration of Unbound, made anew at each start and change. */
#include "roles/resolver/resolver.h"

static void address(const struct net_addr *a, struct buf *out)
{
	net_print_ip(a, out);
	buf_fmt(out, "@%u", net_port(a));
}

void resolver_control_path(const struct resolver_settings *set, struct buf *out)
{
	buf_fmt(out, "%s/control.sock", set->data);
}

static void yes_no(struct buf *out, const char *name, bool on)
{
	buf_fmt(out, "\t%s: %s\n", name, on ? "yes" : "no");
}

/* It has our user, folder and sandbox already; nothing is written but the root's key (RFC 5011). */
static void print_process(const struct resolver_settings *set, struct buf *out)
{
	buf_add(out, STR("server:\n"
			 "\tdo-daemonize: no\n\tusername: \"\"\n\tchroot: \"\"\n\tpidfile: \"\"\n"
			 "\tuse-syslog: no\n\tlogfile: \"\"\n\tverbosity: 1\n\tlog-time-ascii: no\n"
			 "\textended-statistics: yes\n\tstatistics-cumulative: yes\n"
			 "\tidentity: \"\"\n\thide-identity: yes\n\thide-version: yes\n"
			 "\tinterface-automatic: no\n\tso-rcvbuf: 1m\n"));
	buf_fmt(out, "\tdirectory: \"%s\"\n\tnum-threads: %lld\n", set->data,
		(long long)set->threads);
	yes_no(out, "so-reuseport", set->threads > 1);
	for (size_t i = 0; i < set->nlisten; i++) {
		buf_add(out, STR("\tinterface: "));
		address(&set->listen[i], out);
		buf_addc(out, '\n');
	}
	/* Unbound's own default lets the whole of 127.0.0.0/8 in; the last line of a network
	 * counts. */
	buf_add(out, STR("\taccess-control: 127.0.0.0/8 refuse\n"));
	for (size_t i = 0; i < set->networks.n; i++)
		if (set->networks.v[i].n)
			buf_fmt(out, "\taccess-control: %.*s allow\n", STRF(set->networks.v[i]));
	/* This machine: our probe comes from the address that it asks. */
	buf_add(out, STR("\taccess-control: 127.0.0.1 allow\n\taccess-control: ::1 allow\n"));
	for (size_t i = 0; i < set->nlisten; i++)
		if (!net_is_loopback(&set->listen[i])) {
			buf_add(out, STR("\taccess-control: "));
			net_print_ip(&set->listen[i], out);
			buf_add(out, STR(" allow\n"));
		}
	buf_add(out, STR("\taccess-control: 0.0.0.0/0 refuse\n\taccess-control: ::/0 refuse\n"));
}

static void print_answers(const struct resolver_settings *set, struct buf *out)
{
	int64_t share = set->cache / 3, seconds = set->expired_ttl / 1000;

	buf_fmt(out,
		"\tmsg-cache-size: %lld\n\trrset-cache-size: %lld\n\tkey-cache-size: %lld\n"
		"\tedns-buffer-size: %lld\n\tmax-udp-size: %lld\n\tip-ratelimit: %lld\n",
		(long long)share, (long long)(2 * share), (long long)(share / 4 + 1),
		(long long)set->udp_size, (long long)set->udp_size, (long long)set->rate_address);
	yes_no(out, "prefetch", set->prefetch);
	yes_no(out, "prefetch-key", set->prefetch);
	yes_no(out, "serve-expired", set->serve_expired);
	if (set->serve_expired)
		buf_fmt(out,
			"\tserve-expired-ttl: %lld\n\tserve-expired-client-timeout: %lld\n"
			"\tserve-expired-reply-ttl: 30\n",
			(long long)seconds, (long long)set->expired_after);
	buf_add(out, STR("\tharden-glue: yes\n\tharden-dnssec-stripped: yes\n"
			 "\tharden-below-nxdomain: yes\n\tqname-minimisation: yes\n"
			 "\taggressive-nsec: yes\n\tminimal-responses: yes\n"
			 "\tunwanted-reply-threshold: 10000000\n"
			 "\tdo-not-query-localhost: no\n"
			 "\tlocal-zone: \"test.\" nodefault\n"
			 "\tlocal-zone: \"alive.posta.invalid.\" static\n"
			 "\tlocal-data: \"alive.posta.invalid. 0 IN A 127.0.0.1\"\n"));
}

static void print_trust(const struct resolver_settings *set, struct buf *out)
{
	buf_fmt(out, "\tmodule-config: \"%siterator\"\n", set->dnssec ? "validator " : "");
	if (!set->dnssec)
		return;
	buf_fmt(out, "\tauto-trust-anchor-file: \"%s/root.key\"\n", set->data);
	for (size_t i = 0; i < set->anchors.n; i++)
		if (set->anchors.v[i].n)
			buf_fmt(out, "\ttrust-anchor: \"%.*s\"\n", STRF(set->anchors.v[i]));
	for (size_t i = 0; i < set->insecure.n; i++)
		if (set->insecure.v[i].n)
			buf_fmt(out, "\tdomain-insecure: \"%.*s\"\n", STRF(set->insecure.v[i]));
	/* Black lists are local and unsigned. */
	for (size_t i = 0; i < set->nstubs; i++)
		buf_fmt(out, "\tdomain-insecure: \"%.*s\"\n", STRF(set->stubs[i].name));
}

static void print_stub(struct buf *out, str name, const struct net_addr *addr, size_t n)
{
	buf_fmt(out, "stub-zone:\n\tname: \"%.*s\"\n", STRF(name));
	for (size_t i = 0; i < n; i++) {
		buf_add(out, STR("\tstub-addr: "));
		address(&addr[i], out);
		buf_addc(out, '\n');
	}
}

void resolver_config(const struct resolver_settings *set, str zones, struct buf *out)
{
	struct net_addr a;
	str name;

	buf_add(out, STR("# Written by posta; changes are lost.\n"));
	print_process(set, out);
	print_answers(set, out);
	print_trust(set, out);
	buf_add(out, STR("remote-control:\n\tcontrol-enable: yes\n\tcontrol-use-cert: no\n"
			 "\tcontrol-interface: "));
	resolver_control_path(set, out);
	buf_addc(out, '\n');
	for (size_t i = 0; i < set->nstubs; i++)
		print_stub(out, set->stubs[i].name, set->stubs[i].addr, set->stubs[i].naddr);
	while (set->ndns && str_next(&zones, '\n', &name))
		if (name.n)
			print_stub(out, name, set->dns, set->ndns);
	if (!set->forward.n || !set->forward.v[0].n)
		return;
	buf_add(out, STR("forward-zone:\n\tname: \".\"\n"));
	for (size_t i = 0; i < set->forward.n; i++)
		if (net_parse(set->forward.v[i], &a) == OK) {
			buf_add(out, STR("\tforward-addr: "));
			address(&a, out);
			buf_addc(out, '\n');
		}
}
