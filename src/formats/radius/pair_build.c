/* The tree of pairs: where a leaf is put. */
#include "formats/radius/pair.h"

const struct radius_attr radius_tag = { .name = S("Tag"), .kind = RK_TLV };

static struct radius_pair *append(struct radius_build *b, struct radius_pair *to)
{
	struct radius_pair *p = NEW_TRY(b->a, struct radius_pair, 1);

	if (!p || ++b->count > LIM_RADIUS_PAIRS)
		return NULL;
	if (to->last)
		to->last->next = p;
	else
		to->children = p;
	to->last = p;
	return p;
}

/* The node of a step: the last one, where it is the same, or a new one. */
static struct radius_pair *descend(struct radius_build *b, struct radius_pair *at,
				   const struct radius_step *s)
{
	struct radius_pair *last = at->last;

	if (!s->fresh && last && last->attr == s->attr && last->number == s->number &&
	    last->children && !last->raw)
		return last;
	last = append(b, at);
	if (last) {
		last->attr = s->attr;
		last->number = s->number;
		last->value = STR("");
	}
	return last;
}

err radius_build_add(struct radius_build *b, unsigned tag, const struct radius_pair *leaf)
{
	const struct radius_step tagged = { &radius_tag, tag, false };
	struct radius_pair *at = tag ? descend(b, &b->root, &tagged) : &b->root;

	for (size_t i = 0; at && i < b->depth; i++) {
		at = descend(b, at, &b->steps[i]);
		b->steps[i].fresh = false;
	}
	struct radius_pair *p = at ? append(b, at) : NULL;

	if (!p)
		return fail(E_LIMIT, "over %d attributes", LIM_RADIUS_PAIRS);
	p->attr = leaf->attr;
	p->number = leaf->number;
	p->raw = leaf->raw;
	p->value = leaf->value;
	return OK;
}

err radius_build_enter(struct radius_build *b, const struct radius_attr *a, uint32_t number,
		       bool fresh)
{
	if (b->depth == LIM_RADIUS_DEPTH)
		return fail(E_LIMIT, "attributes over %d deep", LIM_RADIUS_DEPTH);
	b->steps[b->depth++] = (struct radius_step){ a, number, fresh };
	return OK;
}
