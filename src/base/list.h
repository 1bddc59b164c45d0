/* base/list.h: a doubly linked ring inside its members. The head is a link without a member. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct link {
	struct link *prev, *next;
};

static inline void list_init(struct link *head)
{
	head->prev = head->next = head;
}
static inline bool list_empty(const struct link *head)
{
	return head->next == head;
}
static inline void list_add_tail(struct link *head, struct link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}
static inline void list_add_head(struct link *head, struct link *l)
{
	list_add_tail(head->next, l);
}
/* Safe on a link that is in no list when it was list_init'ed. */
static inline void list_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}
/* Takes the first one out; NULL when empty. */
static inline struct link *list_pop(struct link *head)
{
	struct link *l = head->next;

	if (l == head)
		return NULL;
	list_remove(l);
	return l;
}

/* The body must not remove l; use list_pop for that. */
#define LIST_EACH(l, head) for (struct link *l = (head)->next; l != (head); l = l->next)

#endif
