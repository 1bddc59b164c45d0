#include "sessions/dns/rrl.h"

#include <stdatomic.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"

enum { WAYS = 8 }; /* slots that a key may be in: one line of the processor's cache */

/* A slot: 32 bits of the key's hash, 12 of the second, 20 of the count. */
struct rrl {
	_Atomic uint64_t slots[LIM_RRL_SLOTS];
};

struct rrl *rrl_new(void)
{
	return MEM_NEW(struct rrl);
}

void rrl_free(struct rrl *r)
{
	mem_free(r);
}

static uint64_t make(uint64_t tag, uint32_t second, uint64_t count)
{
	return tag << 32 | (uint64_t)(second & 0xfff) << 20 | (count & 0xfffff);
}

/* The key's slot, or the one of its set that matters least: of another second, or the lowest
 * count. */
static _Atomic uint64_t *slot(struct rrl *r, uint64_t hash, uint32_t second)
{
	_Atomic uint64_t *set = &r->slots[(hash & (LIM_RRL_SLOTS / WAYS - 1)) * WAYS], *least = set;
	uint64_t lowest = UINT64_MAX;

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t v = atomic_load_explicit(&set[i], memory_order_relaxed);
		uint64_t count = (v >> 20 & 0xfff) == (second & 0xfff) ? v & 0xfffff : 0;

		if (v >> 32 == hash >> 32)
			return &set[i];
		if (count < lowest) {
			lowest = count;
			least = &set[i];
		}
	}
	return least;
}

/* Two loops that count at once may lose one: a limit need not be exact. */
static uint64_t count(struct rrl *r, uint64_t hash, uint32_t second)
{
	_Atomic uint64_t *s = slot(r, hash, second);
	uint64_t v = atomic_load_explicit(s, memory_order_relaxed), n = v & 0xfffff;

	if (v >> 32 != hash >> 32 || (v >> 20 & 0xfff) != (second & 0xfff))
		n = 0;
	if (n < 0xfffff)
		n++;
	atomic_store_explicit(s, make(hash >> 32, second, n), memory_order_relaxed);
	return n;
}

enum rrl_verdict rrl_count(struct rrl *r, const struct rrl_limit *l, const struct net_addr *peer,
			   enum rrl_kind kind, uint64_t about, uint32_t second)
{
	char room[17];
	struct {
		uint64_t network, about;
	} key = { hash_keyed(net_prefix(peer, (unsigned)l->v4, (unsigned)l->v6, room)),
		  about * 8 + kind };
	uint64_t n = count(r, hash_keyed(str_of(&key, sizeof(key))), second);

	if (n <= (uint64_t)l->rate)
		return RRL_SEND;
	return l->slip && (n - (uint64_t)l->rate) % (uint64_t)l->slip == 0 ? RRL_CUT : RRL_DROP;
}
