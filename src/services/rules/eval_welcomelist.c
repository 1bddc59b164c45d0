/* Functions over lists of addresses and subjects that the rule files have: SpamAssassin's WLBLEval
 * and WelcomeListSubject. Lists of users are services/verdict's. */
#include <arpa/inet.h>
#include <string.h>

#include "formats/rules/test.h"
#include "services/rules/eval_part.h"

static unsigned any_listed(struct eval *e, struct scan_strs addresses, str list)
{
	for (size_t i = 0; i < addresses.n; i++)
		if (rules_listed(e->lists, list, addresses.v[i]))
			return 1;
	return 0;
}

unsigned eval_check_from_in_blocklist(struct eval *e)
{
	return any_listed(e, eval_all_from(e), STR("blocklist_from"));
}

unsigned eval_check_to_in_blocklist(struct eval *e)
{
	return any_listed(e, eval_all_to(e), STR("blocklist_to"));
}

unsigned eval_check_to_in_welcomelist(struct eval *e)
{
	return any_listed(e, eval_all_to(e), STR("welcomelist_to"));
}

unsigned eval_check_to_in_more_spam(struct eval *e)
{
	return any_listed(e, eval_all_to(e), STR("more_spam_to"));
}

unsigned eval_check_to_in_all_spam(struct eval *e)
{
	return any_listed(e, eval_all_to(e), STR("all_spam_to"));
}

/* enlist_addrlist's list of this name, or a setting's. */
static str list_named(struct eval *e)
{
	str list = arena_fmt(scan_arena(e->m), "enlist_addrlist %.*s", STRF(eval_arg(e, 0)));

	return rules_list(e->lists, list).n ? list : eval_arg(e, 0);
}

unsigned eval_check_from_in_list(struct eval *e)
{
	return any_listed(e, eval_all_from(e), list_named(e));
}

unsigned eval_check_to_in_list(struct eval *e)
{
	return any_listed(e, eval_all_to(e), list_named(e));
}

unsigned eval_check_replyto_in_list(struct eval *e)
{
	str address = eval_header(e, STR("Reply-To:addr"));

	return address.n && rules_listed(e->lists, list_named(e), address);
}

/* ---- welcomelist_from_rcvd: an address and the relay that it must come from ---- */

/* An address of either family in 16 octets. */
static bool address_of(str text, unsigned char out[16])
{
	char z[INET6_ADDRSTRLEN];

	memset(out, 0, 16);
	out[10] = out[11] = 0xFF;
	if (str_to_z(text, z, sizeof(z)) != OK)
		return false;
	return inet_pton(AF_INET, z, out + 12) == 1 || inet_pton(AF_INET6, z, out) == 1;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned rest = bits % 8;

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

/* "[192.0.2]", "[192.0.2.1]", "[2001:db8::]/32" */
static bool network_has(str network, str ip)
{
	size_t end = str_find(network, ']');
	str text = str_skip(str_take(network, end), 1), bits = str_skip(network, end + 1);
	unsigned char a[16], b[16];
	uint64_t n = 128;

	if (bits.n == 0)
		(void)str_cut(text, '/', &text, &bits);
	else
		bits = str_skip(bits, 1);
	if (bits.n == 0 && str_find(text, ':') == text.n && !eval_is_ipv4(text)) {
		while (text.n && text.p[text.n - 1] == '.')
			text.n--;
		return str_starts(ip, text) && str_starts(str_skip(ip, text.n), STR("."));
	}
	if (!address_of(text, a) || !address_of(ip, b) || (bits.n && str_u64(bits, 128, &n) != OK))
		return false;
	if (bits.n && str_find(text, ':') == text.n)
		n += 96;
	return n <= 128 && same_bits(a, b, (unsigned)n);
}

static bool relay_is(const struct scan_relay *r, str domain)
{
	if (str_starts(domain, STR("[")))
		return r->ip.n && network_has(domain, r->ip);
	return str_endsi(r->rdns, domain) &&
	       (r->rdns.n == domain.n || r->rdns.p[r->rdns.n - domain.n - 1] == '.');
}

/* The newest relay that is not ours; when all are ours, any of them. */
static bool came_from(struct eval *e, str domain)
{
	const struct scan_relays *r = scan_relays(e->m);

	for (size_t i = 0; i < r->n; i++) {
		if (r->nuntrusted && r->v[i].trusted)
			continue;
		if (relay_is(&r->v[i], domain))
			return true;
		if (r->nuntrusted)
			return false;
	}
	return false;
}

/* A line "address domain domain..." that this address and its relay fit. */
static bool line_fits(struct eval *e, str line, str address)
{
	str glob, domain;

	if (!str_word(&line, &glob) || !rule_glob(glob, address))
		return false;
	while (str_word(&line, &domain))
		if (came_from(e, domain))
			return true;
	return false;
}

static unsigned from_with_relay(struct eval *e, str list)
{
	struct scan_strs lines = rules_list(e->lists, list), from = eval_all_from(e);

	for (size_t i = 0; i < from.n; i++)
		for (size_t j = 0; j < lines.n; j++)
			if (line_fits(e, lines.v[j], from.v[i]))
				return 1;
	return 0;
}

unsigned eval_check_from_in_welcomelist(struct eval *e)
{
	return any_listed(e, eval_all_from(e), STR("welcomelist_from")) ||
	       from_with_relay(e, STR("welcomelist_from_rcvd"));
}

unsigned eval_check_from_in_default_welcomelist(struct eval *e)
{
	return from_with_relay(e, STR("def_welcomelist_from_rcvd"));
}

/* ---- subjects ---- */

/* Such a value may stand anywhere in the subject. */
static unsigned subject_listed(struct eval *e, str list)
{
	struct scan_strs values = rules_list(e->lists, list);
	str subject = eval_header(e, STR("Subject"));

	for (size_t i = 0; i < values.n && subject.n; i++) {
		str glob = arena_fmt(scan_arena(e->m), "*%.*s*", STRF(values.v[i]));

		if (glob.p && rule_glob(glob, subject))
			return 1;
	}
	return 0;
}

unsigned eval_check_subject_in_welcomelist(struct eval *e)
{
	return subject_listed(e, STR("welcomelist_subject"));
}

unsigned eval_check_subject_in_blocklist(struct eval *e)
{
	return subject_listed(e, STR("blocklist_subject"));
}
