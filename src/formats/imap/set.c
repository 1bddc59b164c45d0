#include "formats/imap/set.h"

#include <stdlib.h>

static err one_number(struct imap_in *in, uint32_t *out)
{
	uint64_t v;

	if (imap_eat(in, '*')) {
		*out = 0;
		return OK;
	}
	TRY(imap_number(in, UINT32_MAX, &v));
	if (v == 0)
		return fail(E_SYNTAX, "Zero in a message set");
	*out = (uint32_t)v;
	return OK;
}

/* Ranges there are at most: commas before the first octet that no set has. */
static size_t count_ranges(str s)
{
	size_t n = 1;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ',')
			n++;
		else if (!ch_digit(s.p[i]) && s.p[i] != ':' && s.p[i] != '*')
			break;
	}
	return n;
}

err imap_parse_set(struct imap_in *in, struct imap_set *out)
{
	struct imap_set s = { 0 };

	if (imap_eat(in, '$')) {
		s.saved = true;
		*out = s;
		return OK;
	}
	size_t max = count_ranges(in->rest);
	if (max > LIM_IMAP_SET)
		return fail(E_LIMIT, "More than %d ranges in a message set", LIM_IMAP_SET);
	s.v = NEW_TRY(in->a, struct imap_range, max);
	if (!s.v)
		return fail(E_LIMIT, "Message set too large");
	do {
		struct imap_range *r = &s.v[s.n++];
		TRY(one_number(in, &r->lo));
		r->hi = r->lo;
		if (imap_eat(in, ':'))
			TRY(one_number(in, &r->hi));
	} while (imap_eat(in, ','));
	*out = s;
	return OK;
}

static int by_low(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

void imap_set_resolve(struct imap_set *s, uint32_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct imap_range r = s->v[i];
		if (r.lo == 0)
			r.lo = max;
		if (r.hi == 0)
			r.hi = max;
		if (r.lo == 0 || r.hi == 0)
			continue;
		s->v[n++] = r.lo <= r.hi ? r : (struct imap_range){ r.hi, r.lo };
	}
	s->n = n;
	if (n == 0)
		return;
	qsort(s->v, n, sizeof s->v[0], by_low);
	size_t to = 0;
	for (size_t i = 1; i < n; i++) {
		struct imap_range r = s->v[i], *last = &s->v[to];
		if (last->hi == UINT32_MAX || r.lo <= last->hi + 1) {
			if (r.hi > last->hi)
				last->hi = r.hi;
		} else {
			s->v[++to] = r;
		}
	}
	s->n = to + 1;
}

bool imap_set_has(const struct imap_set *s, uint32_t number)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (number < s->v[mid].lo)
			hi = mid;
		else if (number > s->v[mid].hi)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

uint32_t imap_set_largest(const struct imap_set *s)
{
	uint32_t max = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].lo > max)
			max = s->v[i].lo;
		if (s->v[i].hi > max)
			max = s->v[i].hi;
	}
	return max;
}

static void add_range(struct buf *out, uint32_t lo, uint32_t hi)
{
	if (lo)
		buf_fmt(out, "%u", lo);
	else
		buf_addc(out, '*');
	if (hi == lo)
		return;
	if (hi)
		buf_fmt(out, ":%u", hi);
	else
		buf_add(out, STR(":*"));
}

void imap_add_numbers(struct buf *out, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t j = i + 1;
		while (j < n && v[j] == v[j - 1] + 1)
			j++;
		if (i > 0)
			buf_addc(out, ',');
		add_range(out, v[i], v[j - 1]);
		i = j;
	}
}

void imap_add_set(struct buf *out, const struct imap_set *s)
{
	if (s->saved) {
		buf_addc(out, '$');
		return;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_range(out, s->v[i].lo, s->v[i].hi);
	}
}
