/* The name of a client's address: for lists, for the Received field, and for rules. Asked once a
 * connection, at its first MAIL; networks that are trusted are not asked about. */
#include "base/limits.h"
#include "clients/dns/reverse.h"
#include "roles/mx/mx.h"
#include "run/log.h"

enum { PAUSE = 10000 }; /* milliseconds in which nobody waits for resolvers that did not answer */

WAITS err mx_know_name(struct smtp_info *i)
{
	const struct mx_settings *set = mx_settings();
	struct mx *mx = mx_here();

	if (i->rdns.p)
		return OK;
	i->rdns = STR("");
	if (mx_exempt(i) || !set->rdns_time || clock_now() < mx->rdns_paused)
		return OK;
	err e = reverse_name(set->resolvers, set->nresolvers, i->peer, clock_in(set->rdns_time),
			     i->session, &i->rdns);

	if (e == E_CANCELED)
		return e;
	if (e) {
		mx->rdns_paused = clock_in(PAUSE);
		LOG(LOG_WARN, "mx.rdns", KE(e));
	}
	return OK;
}

err mx_read_resolvers(const struct role_env *env, struct buf *complaints, struct mx_settings *set)
{
	const struct conf_strs *texts = &set->resolver_texts;
	size_t n = texts->n && texts->v[0].n ? texts->n : 0;
	struct net_addr *at = arena_get(env->arena, (size_add(n, LIM_ADDRESSES)) * sizeof(*at), 16);

	set->resolvers = at;
	if (!n)
		set->nresolvers = role_addresses(env, env->node, "resolver.resolver", ROLE_REACHED,
						 at, LIM_ADDRESSES);
	for (size_t i = 0; i < n; i++) {
		if (net_parse(texts->v[i], &at[i]) != OK || net_is_unix(&at[i])) {
			conf_complain(conf_find(env->conf, "resolvers"), complaints,
				      "\"%.*s\" is no address; write it as \"192.0.2.53:53\"",
				      STRF(texts->v[i]));
			return E_SYNTAX;
		}
		set->nresolvers++;
	}
	return OK;
}
