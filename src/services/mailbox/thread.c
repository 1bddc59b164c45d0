/* What a partition remembers of mail beyond the mail itself: which thread a message id belongs to,
 * which deliveries it has seen. Both are asked within a transaction, where an earlier mail of the
 * same turn counts too. */
#include "services/mailbox/box.h"

#include <string.h>

#include "run/clock.h"

struct seen {
	struct seen *next;
	str key, value;
};

static err remembered(struct txn *t, str key, str *value)
{
	for (const struct seen *s = t->seen; s; s = s->next) {
		if (str_eq(s->key, key)) {
			*value = s->value;
			return OK;
		}
	}
	return kv_get(t->b->store->kv, str_z(t->b->part), key, &t->a, value);
}

static void remember(struct txn *t, str key, str value)
{
	struct seen *s = NEW(&t->a, struct seen);

	s->key = arena_dup(&t->a, key);
	s->value = arena_dup(&t->a, value);
	s->next = t->seen;
	t->seen = s;
	kv_put(t->batch, key, value);
}

err thread_find(struct txn *t, const struct parsed *p, const struct mail_id *email,
		struct mail_id *thread)
{
	bool known[LIM_THREAD_REFS] = { false }, found = false;
	struct buf row;

	*thread = *email; /* the first mail of a thread names it */
	for (size_t i = 0; i < p->nrefs; i++) {
		struct key key = key_num(KEY_REF, p->refs[i]);
		str value;

		err e = remembered(t, key_str(&key), &value);
		if (e == E_NOTFOUND)
			continue;
		TRY(e);
		known[i] = true;
		if (!found && value.n >= sizeof(thread->b))
			memcpy(thread->b, value.p, sizeof(thread->b));
		found = true;
	}
	buf_init(&row, 32);
	buf_add(&row, str_of(thread->b, sizeof(thread->b)));
	buf_u64(&row, (uint64_t)clock_unix());
	for (size_t i = 0; i < p->nrefs; i++) {
		struct key key = key_num(KEY_REF, p->refs[i]);

		if (!known[i])
			remember(t, key_str(&key), buf_str(&row));
	}
	buf_free(&row);
	return OK;
}

err delivery_seen(struct txn *t, str id, bool *seen)
{
	struct key key = key_text(KEY_DELIVERY, id);
	str value;

	err e = remembered(t, key_str(&key), &value);
	*seen = e == OK;
	return e == E_NOTFOUND ? OK : e;
}

void delivery_remember(struct txn *t, str id)
{
	struct key key = key_text(KEY_DELIVERY, id);
	struct buf row;
	uint64_t now = (uint64_t)clock_unix();

	buf_init(&row, 16);
	buf_u64(&row, now);
	remember(t, key_str(&key), buf_str(&row));
	buf_free(&row);
	key = key_num_text(KEY_DELIVERED, now, id);
	kv_put(t->batch, key_str(&key), STR(""));
	t->rec.deliveries++;
}
