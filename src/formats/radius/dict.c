#include "formats/radius/dict.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"

/* Three tables with open addressing over the same entries: 8 octets a slot, names kept once. */
struct value {
	const struct radius_attr *attr;
	str name;
	int64_t number;
};
struct slots {
	const void **v;
	size_t n, cap;
};
struct radius_dict {
	struct arena arena;
	struct slots names;    /* struct radius_attr by its name alone; the first one stands */
	struct slots children; /* by parent and name */
	struct slots numbers;  /* by parent and number */
	struct slots words;    /* struct value by attribute and name */
	struct slots labels;   /* by attribute and number; the last one stands: dictionary.compat
				  comes first */
};

enum { NAME = 128 /* octets of a name that are hashed: all that the reader lets in */ };

static uint64_t hash_name(const void *of, str name)
{
	char room[sizeof(of) + NAME];
	size_t n = name.n < NAME ? name.n : NAME;

	memcpy(room, &of, sizeof(of));
	for (size_t i = 0; i < n; i++)
		room[sizeof(of) + i] = ch_lower(name.p[i]);
	return hash_keyed(str_of(room, sizeof(of) + n));
}

static uint64_t hash_number(const void *of, int64_t number)
{
	char room[sizeof(of) + sizeof(number)];

	memcpy(room, &of, sizeof(of));
	memcpy(room + sizeof(of), &number, sizeof(number));
	return hash_keyed(str_of(room, sizeof(room)));
}

/* What tells one table's entries from another's. */
struct kind {
	uint64_t (*hash)(const void *entry);
	bool (*same)(const void *entry, const void *of, str name, int64_t number);
};

static uint64_t hash_flat(const void *e)
{
	return hash_name(NULL, ((const struct radius_attr *)e)->name);
}
static bool same_flat(const void *e, const void *of, str name, int64_t number)
{
	(void)of;
	(void)number;
	return str_eqi(((const struct radius_attr *)e)->name, name);
}
static uint64_t hash_child(const void *e)
{
	const struct radius_attr *a = e;

	return hash_name(a->parent, a->name);
}
static bool same_child(const void *e, const void *of, str name, int64_t number)
{
	const struct radius_attr *a = e;

	(void)number;
	return a->parent == of && str_eqi(a->name, name);
}
static uint64_t hash_number_of(const void *e)
{
	const struct radius_attr *a = e;

	return hash_number(a->parent, a->number);
}
static bool same_number(const void *e, const void *of, str name, int64_t number)
{
	const struct radius_attr *a = e;

	(void)name;
	return a->parent == of && a->number == number;
}
static uint64_t hash_word(const void *e)
{
	const struct value *v = e;

	return hash_name(v->attr, v->name);
}
static bool same_word(const void *e, const void *of, str name, int64_t number)
{
	const struct value *v = e;

	(void)number;
	return v->attr == of && str_eqi(v->name, name);
}
static uint64_t hash_label(const void *e)
{
	const struct value *v = e;

	return hash_number(v->attr, v->number);
}
static bool same_label(const void *e, const void *of, str name, int64_t number)
{
	const struct value *v = e;

	(void)name;
	return v->attr == of && v->number == number;
}
static const struct kind flat = { hash_flat, same_flat }, child = { hash_child, same_child },
			 by_number = { hash_number_of, same_number },
			 word = { hash_word, same_word }, label = { hash_label, same_label };

static size_t slot_of(const struct slots *s, const struct kind *k, uint64_t hash, const void *of,
		      str name, int64_t number)
{
	size_t at = hash & (s->cap - 1);

	while (s->v[at] && !k->same(s->v[at], of, name, number))
		at = (at + 1) & (s->cap - 1);
	return at;
}

static const void *look_up(const struct slots *s, const struct kind *k, uint64_t hash,
			   const void *of, str name, int64_t number)
{
	return s->cap ? s->v[slot_of(s, k, hash, of, name, number)] : NULL;
}

static void grow(struct slots *s, const struct kind *k)
{
	size_t cap = s->cap ? s->cap * 2 : 256;
	const void **v = mem_get(size_mul(cap, sizeof(*v)));

	for (size_t i = 0; i < s->cap; i++) {
		if (!s->v[i])
			continue;
		size_t at = k->hash(s->v[i]) & (cap - 1);

		while (v[at])
			at = (at + 1) & (cap - 1);
		v[at] = s->v[i];
	}
	mem_free(s->v);
	s->v = v;
	s->cap = cap;
}

static void put(struct slots *s, const struct kind *k, const void *entry, const void *of, str name,
		int64_t number, bool replace)
{
	if ((s->n + 1) * 2 > s->cap)
		grow(s, k);
	size_t at = slot_of(s, k, k->hash(entry), of, name, number);

	if (s->v[at] && !replace)
		return;
	s->n += s->v[at] == NULL;
	s->v[at] = entry;
}

struct radius_dict *radius_dict_new(void)
{
	struct radius_dict *d = MEM_NEW(struct radius_dict);

	arena_init(&d->arena, LIM_RADIUS_DICT);
	return d;
}

void radius_dict_free(struct radius_dict *d)
{
	if (!d)
		return;
	mem_free(d->names.v);
	mem_free(d->children.v);
	mem_free(d->numbers.v);
	mem_free(d->words.v);
	mem_free(d->labels.v);
	arena_free(&d->arena);
	mem_free(d);
}

struct arena *radius_dict_arena(struct radius_dict *d)
{
	return &d->arena;
}

static err keep_name(struct radius_dict *d, str *name)
{
	if (!name->n || name->n > NAME)
		return fail(E_LIMIT, "a name of %zu octets", name->n);
	*name = arena_dup(&d->arena, *name);
	return name->p ? OK
		       : fail(E_LIMIT, "the dictionary is over %zu octets",
			      (size_t)LIM_RADIUS_DICT);
}

err radius_dict_add(struct radius_dict *d, const struct radius_attr *a,
		    const struct radius_attr **out)
{
	const struct radius_attr *old = radius_dict_child(d, a->parent, a->name);

	if (old && old->number == a->number && old->kind == a->kind) {
		*out = old;
		return OK;
	}
	struct radius_attr *n = NEW_TRY(&d->arena, struct radius_attr, 1);

	if (!n)
		return fail(E_LIMIT, "the dictionary is over %zu octets", (size_t)LIM_RADIUS_DICT);
	*n = *a;
	TRY(keep_name(d, &n->name));
	put(&d->names, &flat, n, NULL, n->name, 0, false);
	put(&d->children, &child, n, n->parent, n->name, 0, true);
	if (!(n->flags & RA_VIRTUAL))
		put(&d->numbers, &by_number, n, n->parent, n->name, n->number, true);
	*out = n;
	return OK;
}

err radius_dict_add_value(struct radius_dict *d, const struct radius_attr *a, str name,
			  int64_t value)
{
	struct value *v = NEW_TRY(&d->arena, struct value, 1);

	if (!v)
		return fail(E_LIMIT, "the dictionary is over %zu octets", (size_t)LIM_RADIUS_DICT);
	*v = (struct value){ a, name, value };
	TRY(keep_name(d, &v->name));
	put(&d->words, &word, v, a, v->name, 0, true);
	put(&d->labels, &label, v, a, v->name, value, true);
	return OK;
}

const struct radius_attr *radius_dict_name(const struct radius_dict *d, str name)
{
	return look_up(&d->names, &flat, hash_name(NULL, name), NULL, name, 0);
}

const struct radius_attr *radius_dict_child(const struct radius_dict *d,
					    const struct radius_attr *parent, str name)
{
	return look_up(&d->children, &child, hash_name(parent, name), parent, name, 0);
}

const struct radius_attr *radius_dict_number(const struct radius_dict *d,
					     const struct radius_attr *parent, uint32_t number)
{
	return look_up(&d->numbers, &by_number, hash_number(parent, number), parent, STR(""),
		       number);
}

bool radius_dict_value(const struct radius_dict *d, const struct radius_attr *a, str name,
		       int64_t *out)
{
	const struct value *v = look_up(&d->words, &word, hash_name(a, name), a, name, 0);

	if (v)
		*out = v->number;
	return v != NULL;
}

str radius_dict_value_name(const struct radius_dict *d, const struct radius_attr *a, int64_t value)
{
	const struct value *v =
		look_up(&d->labels, &label, hash_number(a, value), a, STR(""), value);

	return v ? v->name : STR("");
}

size_t radius_dict_count(const struct radius_dict *d)
{
	return d->children.n + d->words.n;
}
