/* base/map.h: a hash table from bytes to a pointer. The hash is keyed per process (SipHash), so a
 * stranger cannot make collisions. Keys are copied, values are the caller's. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_slot;
struct map {
	struct map_slot *slots;
	size_t n, cap; /* members; slots, a power of two or 0 */
};

void map_init(struct map *m);
/* Frees the table, not the values. */
void map_free(struct map *m);
/* NULL when absent. */
void *map_get(const struct map *m, str key);
/* Adds or replaces; value is not NULL. Returns the value that was there, or NULL. */
void *map_put(struct map *m, str key, void *value);
/* Returns the value that was there, or NULL. */
void *map_remove(struct map *m, str key);

/* for (size_t at = 0; map_each(m, &at, &key, &value);) ...
 * Nothing may be added or removed meanwhile. */
bool map_each(const struct map *m, size_t *at, str *key, void **value);

#endif
