#include "services/zones/peers.h"

#include <pthread.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

enum { PORT = 53 };

/* ---- one item ---- */

static err parse_key(str text, struct dns_name *out)
{
	if (!text.n || dns_name_parse(text, STR("\0"), out) != OK)
		return fail(E_SYNTAX, "\"%.*s\" is no name of a key", STRF(text));
	dns_name_lower(out);
	return OK;
}

err zone_access_parse(str item, struct zone_access *out)
{
	str net = item, key;

	*out = (struct zone_access){ 0 };
	if (str_startsi(item, STR("key:")))
		return parse_key(str_skip(item, 4), &out->key);
	if (str_cut(item, '@', &net, &key))
		TRY(parse_key(key, &out->key));
	out->has_net = true;
	if (net_block_parse(net, &out->net) != OK)
		return fail(E_SYNTAX,
			    "\"%.*s\" is no network; write 192.0.2.0/24, key:NAME or "
			    "192.0.2.1@NAME",
			    STRF(item));
	return OK;
}

err zone_target_parse(str item, struct zone_target *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	str address = item, key;

	*out = (struct zone_target){ 0 };
	if (str_cut(item, '@', &address, &key))
		TRY(parse_key(key, &out->key));
	if (net_parse(address, &out->addr) == OK && !net_is_unix(&out->addr))
		return OK;
	bool six = str_find(address, ':') != address.n && !str_starts(address, STR("["));

	buf_init(&b, 100);
	buf_fmt(&b, six ? "[%.*s]:%d" : "%.*s:%d", STRF(address), PORT);
	if (buf_done(&b) != OK || net_parse(buf_str(&b), &out->addr) != OK ||
	    net_is_unix(&out->addr))
		return fail(E_SYNTAX,
			    "\"%.*s\" is no address; write 192.0.2.1, 192.0.2.1:53 or "
			    "192.0.2.1@KEY",
			    STRF(item));
	return OK;
}

bool zone_addr_eq(const struct net_addr *a, const struct net_addr *b)
{
	char one[17], other[17];

	return str_eq(net_prefix(a, 32, 128, one), net_prefix(b, 32, 128, other));
}

/* ---- lists ---- */

static size_t count_items(str list)
{
	str item;
	size_t n = 0;

	while (str_next(&list, ',', &item))
		n++;
	return n;
}

struct zone_peers *zone_peers_new(str access, str targets)
{
	struct zone_peers *p = MEM_NEW(struct zone_peers);
	str item;

	p->refs = 1;
	p->access = mem_get(size_mul(count_items(access) + 1, sizeof(*p->access)));
	p->targets = mem_get(size_mul(count_items(targets) + 1, sizeof(*p->targets)));
	while (str_next(&access, ',', &item))
		p->naccess += zone_access_parse(str_trim(item), &p->access[p->naccess]) == OK;
	while (str_next(&targets, ',', &item))
		p->ntargets += zone_target_parse(str_trim(item), &p->targets[p->ntargets]) == OK;
	return p;
}

struct zone_peers *zone_peers_hold(struct zone_peers *p)
{
	atomic_fetch_add(&p->refs, 1);
	return p;
}

void zone_peers_drop(struct zone_peers *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	mem_free(p->access);
	mem_free(p->targets);
	mem_free(p);
}

bool zone_peers_allow(const struct zone_peers *p, const struct net_addr *peer, str key)
{
	for (size_t i = 0; i < p->naccess; i++) {
		const struct zone_access *a = &p->access[i];

		if (a->has_net && !net_block_has(&a->net, peer))
			continue;
		if (a->key.n && (!key.n || !dns_name_eq(dns_name_str(&a->key), key)))
			continue;
		return true;
	}
	return false;
}

/* ---- the table ---- */

struct peers_table {
	pthread_mutex_t lock; /* held for a look-up */
	struct map zones;
	struct zone_peers *dflt;
};

struct peers_table *peers_table_new(void)
{
	struct peers_table *t = MEM_NEW(struct peers_table);

	(void)pthread_mutex_init(&t->lock, NULL);
	map_init(&t->zones);
	t->dflt = zone_peers_new(STR(""), STR(""));
	return t;
}

void peers_table_free(struct peers_table *t)
{
	void *value;
	str key;

	if (!t)
		return;
	for (size_t at = 0; map_each(&t->zones, &at, &key, &value);)
		zone_peers_drop(value);
	map_free(&t->zones);
	zone_peers_drop(t->dflt);
	(void)pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

void peers_table_default(struct peers_table *t, str access, str targets)
{
	struct zone_peers *fresh = zone_peers_new(access, targets);

	(void)pthread_mutex_lock(&t->lock);
	struct zone_peers *old = t->dflt;

	t->dflt = fresh;
	(void)pthread_mutex_unlock(&t->lock);
	zone_peers_drop(old);
}

void peers_table_set(struct peers_table *t, str apex, str access, str targets)
{
	struct zone_peers *fresh = access.n || targets.n ? zone_peers_new(access, targets) : NULL;

	(void)pthread_mutex_lock(&t->lock);
	struct zone_peers *old =
		fresh ? map_put(&t->zones, apex, fresh) : map_remove(&t->zones, apex);

	(void)pthread_mutex_unlock(&t->lock);
	zone_peers_drop(old);
}

void peers_table_forget(struct peers_table *t, str apex)
{
	peers_table_set(t, apex, STR(""), STR(""));
}

/* With the lock held: the zone's list, or the default one where it has none. */
static struct zone_peers *access_of(const struct peers_table *t, str apex)
{
	struct zone_peers *p = map_get(&t->zones, apex);

	return p && p->naccess ? p : t->dflt;
}

bool peers_table_allow(struct peers_table *t, str apex, const struct net_addr *peer, str key)
{
	(void)pthread_mutex_lock(&t->lock);
	bool allowed = zone_peers_allow(access_of(t, apex), peer, key);

	(void)pthread_mutex_unlock(&t->lock);
	return allowed;
}

bool peers_table_given(struct peers_table *t, str apex)
{
	(void)pthread_mutex_lock(&t->lock);
	bool given = access_of(t, apex)->naccess > 0;

	(void)pthread_mutex_unlock(&t->lock);
	return given;
}

struct zone_peers *peers_table_targets(struct peers_table *t, str apex)
{
	(void)pthread_mutex_lock(&t->lock);
	struct zone_peers *p = map_get(&t->zones, apex);

	if (!p || !p->ntargets)
		p = t->dflt;
	if (p->ntargets)
		(void)zone_peers_hold(p);
	else
		p = NULL;
	(void)pthread_mutex_unlock(&t->lock);
	return p;
}
