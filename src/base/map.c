#include "base/map.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct map_slot {
	char *key; /* NULL: free */
	size_t n;
	uint64_t hash;
	void *value;
};

void map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void map_free(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		mem_free(m->slots[i].key);
	mem_free(m->slots);
	map_init(m);
}

/* The slot that holds key, or the free one where it would go. cap > n. */
static struct map_slot *probe(const struct map *m, str key, uint64_t hash)
{
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];

		if (!s->key || (s->hash == hash && str_eq(str_of(s->key, s->n), key)))
			return s;
	}
}

void *map_get(const struct map *m, str key)
{
	return m->n ? probe(m, key, hash_keyed(key))->value : NULL;
}

static void grow(struct map *m)
{
	struct map bigger = { .n = m->n, .cap = m->cap ? m->cap * 2 : 16 };

	bigger.slots = mem_get(size_mul(bigger.cap, sizeof(*bigger.slots)));
	for (size_t i = 0; i < m->cap; i++) {
		const struct map_slot *s = &m->slots[i];

		if (s->key)
			*probe(&bigger, str_of(s->key, s->n), s->hash) = *s;
	}
	mem_free(m->slots);
	*m = bigger;
}

void *map_put(struct map *m, str key, void *value)
{
	if (m->n * 4 >= m->cap * 3)
		grow(m);
	uint64_t hash = hash_keyed(key);
	struct map_slot *s = probe(m, key, hash);
	void *was = s->value;

	if (!s->key) {
		s->key = mem_get(key.n + 1);
		if (key.n)
			memcpy(s->key, key.p, key.n);
		s->n = key.n;
		s->hash = hash;
		m->n++;
	}
	s->value = value;
	return was;
}

void *map_remove(struct map *m, str key)
{
	if (!m->n)
		return NULL;
	struct map_slot *s = probe(m, key, hash_keyed(key));
	void *was = s->value;

	if (!s->key)
		return NULL;
	mem_free(s->key);
	*s = (struct map_slot){ 0 };
	m->n--;
	/* Those behind may have come here because this slot was taken: put them anew. */
	for (size_t i = (size_t)(s - m->slots + 1) & (m->cap - 1); m->slots[i].key;
	     i = (i + 1) & (m->cap - 1)) {
		struct map_slot moved = m->slots[i];

		m->slots[i] = (struct map_slot){ 0 };
		*probe(m, str_of(moved.key, moved.n), moved.hash) = moved;
	}
	return was;
}

bool map_each(const struct map *m, size_t *at, str *key, void **value)
{
	for (; *at < m->cap; ++*at) {
		const struct map_slot *s = &m->slots[*at];

		if (!s->key)
			continue;
		*key = str_of(s->key, s->n);
		*value = s->value;
		++*at;
		return true;
	}
	return false;
}
