#include <string.h>

#include "base/enc.h"
#include "base/hash.h"
#include "base/limits.h"
#include "roles/dns/dns.h"

#define AT(member) offsetof(struct dns_settings, member)
const struct conf_key dns_keys[DNS_KEYS] = {
	DNS_LOAD_KEYS(AT(load)),
	DNS_TRANSFER_KEYS(AT(transfers)),
	{ "udp_size", CONF_INT, AT(answer.udp_size), 512, 4096, "1232",
	  "octets of the largest answer over UDP" },
	{ "cookies", CONF_BOOL, AT(answer.cookies), 0, 0, "true", "answer DNS cookies (RFC 7873)" },
	{ "cookie_secrets", CONF_STRS, AT(secrets), 0, 0, "",
	  "of cookies, 32 hexadecimal digits, the same on all servers of an address: the one in "
	  "use, then the one before it; none: drawn at each start" },
	{ "cookie_required", CONF_BOOL, AT(answer.cookie_required), 0, 0, "false",
	  "over UDP, who shows no good cookie is sent to TCP or told to come again" },
	{ "version", CONF_STR, AT(answer.version), 0, 0, "",
	  "answer to version.bind; empty: refused" },
	{ "identity", CONF_STR, AT(answer.identity), 0, 0, "",
	  "answer to hostname.bind, id.server and NSID; empty: refused" },
	{ "extended_errors", CONF_BOOL, AT(answer.extended_errors), 0, 0, "true",
	  "say why a question is refused (RFC 8914)" },
	{ "rrl_rate", CONF_INT, AT(answer.rrl_rate), 0, 1000000, "200",
	  "answers a second over UDP to one network, of one kind about one name; 0: no limit" },
	{ "rrl_slip", CONF_INT, AT(answer.rrl_slip), 0, 100, "2",
	  "each so many-th answer over the rate goes out cut, so that real clients come by TCP; "
	  "0: none does" },
	{ "rrl_exempt", CONF_STRS, AT(exempt), 0, 0, "127.0.0.0/8, ::1",
	  "networks without that limit" },
	{ "rrl_ipv4", CONF_INT, AT(answer.rrl_v4), 8, 32, "24", "bits of an IPv4 network" },
	{ "rrl_ipv6", CONF_INT, AT(answer.rrl_v6), 16, 128, "56", "bits of an IPv6 network" },
	{ "tcp_idle", CONF_DURATION, AT(answer.tcp_idle), 100, 600000, "10s",
	  "then a connection without a question ends" },
	{ "tcp_queries", CONF_INT, AT(answer.tcp_queries), 1, INT64_MAX, "100000",
	  "questions over one connection" },
	{ "tcp_clients", CONF_INT, AT(answer.tcp_clients), 1, 100000, "100",
	  "connections of one network at a time" },
};
#undef AT

/* 32 hexadecimal digits. */
static err read_secret(str text, uint8_t out[16])
{
	CLEANUP(buf_wipe) struct buf octets = { 0 };

	buf_init(&octets, 16);
	if (dec_hex(&octets, text) != OK || octets.n != 16)
		return E_SYNTAX;
	memcpy(out, octets.p, 16);
	return OK;
}

/* Of this process alone, the same after a reload. */
static void draw_secret(uint8_t out[16])
{
	uint64_t halves[2] = { hash_keyed(STR("dns cookie 0")), hash_keyed(STR("dns cookie 1")) };

	memcpy(out, halves, sizeof(halves));
}

static err read_secrets(const struct conf_node *n, struct dns_settings *set, struct buf *complaints)
{
	struct dns_service *a = &set->answer;

	if (set->secrets.n > COUNT(a->secrets)) {
		conf_complain(n, complaints, "cookie_secrets has %zu; write at most %zu",
			      set->secrets.n, COUNT(a->secrets));
		return E_SYNTAX;
	}
	for (size_t i = 0; i < set->secrets.n; i++)
		if (read_secret(set->secrets.v[i], a->secrets[i]) != OK) {
			conf_complain(n, complaints,
				      "a cookie secret is not 32 hexadecimal digits; write what "
				      "`openssl rand -hex 16` prints");
			return E_SYNTAX;
		}
	a->nsecrets = (unsigned)set->secrets.n;
	if (!a->nsecrets) {
		draw_secret(a->secrets[0]);
		a->nsecrets = 1;
	}
	return OK;
}

static err read_exempt(const struct role_env *env, struct dns_settings *set, struct buf *complaints)
{
	struct net_block *v = arena_get(env->arena, size_mul(set->exempt.n + 1, sizeof(*v)),
					_Alignof(struct net_block));

	for (size_t i = 0; i < set->exempt.n; i++)
		if (net_block_parse(set->exempt.v[i], &v[i]) != OK) {
			conf_complain(env->conf, complaints,
				      "rrl_exempt: \"%.*s\" is no network; write \"192.0.2.0/24\"",
				      STRF(set->exempt.v[i]));
			return E_SYNTAX;
		}
	set->answer.exempt = v;
	set->answer.nexempt = set->exempt.n;
	return OK;
}

/* A character string of RFC 1035 3.3, which NSID takes over. */
static err check_text(const struct conf_node *n, const char *name, str text, struct buf *complaints)
{
	if (text.n <= UINT8_MAX)
		return OK;
	conf_complain(n, complaints, "%s has %zu octets; write at most %d", name, text.n,
		      UINT8_MAX);
	return E_SYNTAX;
}

err dns_read_settings(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct dns_settings *set = settings;

	TRY(conf_read(env->conf, dns_keys, DNS_KEYS, set, env->arena, complaints));
	TRY(check_text(env->conf, "version", set->answer.version, complaints));
	TRY(check_text(env->conf, "identity", set->answer.identity, complaints));
	TRY(read_secrets(env->conf, set, complaints));
	TRY(read_exempt(env, set, complaints));
	TRY(dns_load_read(env, complaints, &set->load));
	return dns_transfers_read(env, complaints, &set->transfers);
}

void dns_reads(const void *settings, void (*add)(void *arg, str folder), void *arg)
{
	const struct dns_settings *set = settings;

	dns_load_folders(&set->load, add, arg);
}
