#include "base/limits.h"
#include "roles/relay/relay.h"

str relay_domain(str address)
{
	size_t at = str_rfind(address, '@');

	return at < address.n ? str_skip(address, at + 1) : STR("");
}

static bool line_names(const struct relay_route *r, str domain)
{
	return str_eqi(r->domain, domain) ||
	       (str_starts(r->domain, STR(".")) && str_endsi(domain, r->domain));
}

static bool is_ours(str domain)
{
	/* <postmaster> is ours, RFC 5321 4.5.1. */
	return !domain.n || str_eqi(domain, relay_settings()->hostname) ||
	       dirtable_domain_is_ours(relay_here()->table, domain);
}

const struct relay_route *relay_route(const struct relay_settings *set, str domain,
				      struct relay_route *own)
{
	for (size_t i = 0; i < set->nroutes; i++)
		if (line_names(&set->routes[i], domain))
			return &set->routes[i];
	if (set->mx.n && is_ours(domain)) {
		*own = (struct relay_route){ .domain = domain, .to = set->mx, .tls = STR("never") };
		return own;
	}
	for (size_t i = 0; i < set->nroutes; i++)
		if (str_eq(set->routes[i].domain, STR("*")))
			return &set->routes[i];
	return NULL;
}

str relay_destination(void *arg, str address, struct arena *a)
{
	struct relay_route own;
	str domain = relay_domain(address);
	const struct relay_route *r = relay_route(relay_settings(), domain, &own);

	(void)arg;
	if (r == &own)
		return STR("mx");
	if (r && !str_eq(r->to, STR("mx")))
		return arena_dup(a, str_take(r->to, 255));
	char *lower = arena_z(a, str_take(domain, 255));

	for (size_t i = 0; lower && lower[i]; i++)
		lower[i] = ch_lower(lower[i]);
	return str_z(lower);
}

struct queue_limits relay_limits(void *arg, str destination)
{
	const struct relay_settings *set = relay_settings();
	struct queue_limits l = { (unsigned)set->per_destination, (unsigned)set->per_minute };

	(void)arg;
	for (size_t i = 0; i < set->nroutes; i++) {
		const struct relay_route *r = &set->routes[i];
		bool fixed = !str_eq(r->to, STR("mx"));

		if (fixed ? !str_eq(r->to, destination) : !line_names(r, destination))
			continue;
		if (r->parallel)
			l.parallel = (unsigned)r->parallel;
		if (r->per_minute)
			l.per_minute = (unsigned)r->per_minute;
		break;
	}
	return l;
}
