/* A list as a whole: loading its datasets from texts, and asking them. */
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "formats/dns/types.h"
#include "services/lists/table.h"

enum { TTL = 2100 }; /* seconds, rbldnsd's own default */

/* ---- loading ---- */

struct load {
	struct list *l;
	const struct list_options *o;
	struct loading now; /* the dataset that the lines belong to */
	bool has_ns;
	str common[RBL_VARIABLES]; /* of a combined file: said before its first $DATASET */
	uint32_t ttl;
	size_t cap;
};

err loading_value(struct loading *l, const struct rbl_value *v, uint32_t *out)
{
	struct table *t = l->t;
	CLEANUP(buf_free) struct buf key = { 0 };

	/* Most lists have one value for all: no map is asked. */
	if (t->nvalues > 1) {
		const struct table_value *last = &t->values[t->nvalues - 1];
		bool same =
			memcmp(last->a, v->a, 4) == 0 && (last->txt != UINT32_MAX) == v->has_txt;

		if (same &&
		    (!v->has_txt ||
		     str_eq(v->txt, str_of(t->texts + last->txt + 2,
					   (size_t)(unsigned char)t->texts[last->txt] << 8 |
						   (unsigned char)t->texts[last->txt + 1])))) {
			*out = t->nvalues - 1;
			return OK;
		}
	}
	buf_init(&key, KIB(64));
	buf_add(&key, str_of(v->a, 4));
	buf_u8(&key, v->has_txt);
	if (v->has_txt)
		buf_add(&key, str_take(v->txt, KIB(32)));
	TRY(buf_done(&key));
	void *known = map_get(&l->known, buf_str(&key));

	if (known) {
		*out = (uint32_t)(uintptr_t)known;
		return OK;
	}
	if (t->nvalues == UINT32_MAX / 4 || t->ntexts > UINT32_MAX - KIB(64))
		return fail(E_LIMIT, "too many values");
	if ((t->nvalues & (t->nvalues - 1)) == 0) /* a power of two: full */
		t->values =
			mem_resize(t->values, size_mul(2 * (size_t)t->nvalues, sizeof(*t->values)));
	struct table_value *to = &t->values[t->nvalues];

	memcpy(to->a, v->a, 4);
	to->txt = UINT32_MAX;
	if (v->has_txt) {
		str txt = str_take(v->txt, KIB(32));

		to->txt = (uint32_t)t->ntexts;
		t->texts = mem_resize(t->texts, t->ntexts + 2 + txt.n);
		t->texts[t->ntexts] = (char)(txt.n >> 8);
		t->texts[t->ntexts + 1] = (char)(txt.n & 255);
		memcpy(t->texts + t->ntexts + 2, txt.p, txt.n);
		t->ntexts += 2 + txt.n;
	}
	map_put(&l->known, buf_str(&key), (void *)(uintptr_t)t->nvalues);
	*out = t->nvalues++;
	return OK;
}

static void begin_table(struct load *d, enum rbl_type type)
{
	struct list *l = d->l;

	if (l->ntables == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 4;
		l->tables = mem_resize(l->tables, size_mul(d->cap, sizeof(*l->tables)));
	}
	struct table *t = &l->tables[l->ntables++];

	*t = (struct table){ .type = type, .ttl = d->ttl, .nvalues = 1 };
	memcpy(t->vars, d->common, sizeof(t->vars));
	t->values = MEM_NEW(struct table_value);
	d->now = (struct loading){ .t = t };
	map_init(&d->now.known);
	buf_init(&d->now.octets, UINT32_MAX);
}

static err end_table(struct load *d)
{
	struct table *t = d->now.t;
	err e = OK;

	if (!t)
		return OK;
	t->values = mem_resize(t->values, size_mul(t->nvalues, sizeof(*t->values)));
	switch (t->type) {
	case RBL_IP4SET:
	case RBL_IP4TSET:
		ip4_finish(&d->now);
		break;
	case RBL_DNSET:
	case RBL_GENERIC:
	case RBL_ZONE:
		e = names_finish(&d->now);
		break;
	default:
		prefix_finish(&d->now);
	}
	map_free(&d->now.known);
	buf_free(&d->now.octets);
	d->now.t = NULL;
	return e;
}

static err on_entry(void *arg, const struct rbl_entry *e)
{
	struct load *d = arg;

	d->now.t->entries++;
	d->l->entries++;
	switch (e->type) {
	case RBL_IP4SET:
	case RBL_IP4TSET:
		return ip4_add(&d->now, e);
	case RBL_DNSET:
	case RBL_GENERIC:
	case RBL_ZONE:
		return names_add(&d->now, e);
	default:
		return prefix_add(&d->now, e);
	}
}

/* "proxies @ a.b": relative names. */
static err on_dataset(void *arg, enum rbl_type type, str subzones)
{
	struct load *d = arg;
	str word;

	TRY(end_table(d));
	if (d->l->ntables == LIM_RBL_DATASETS)
		return fail(E_LIMIT, "more than %d datasets", LIM_RBL_DATASETS);
	begin_table(d, type);
	while (str_word(&subzones, &word) && d->now.t->nsubzones < COUNT(d->now.t->subzones)) {
		struct dns_name n = { .n = 0 };

		if (!str_eq(word, STR("@"))) {
			TRY(dns_name_parse(word, str_of("", 1), &n));
			dns_name_lower(&n);
			n.n--;
		}
		d->now.t->subzones[d->now.t->nsubzones++] =
			arena_dup(&d->l->arena, dns_name_str(&n));
	}
	return OK;
}

static void on_soa(void *arg, const struct rbl_soa *s)
{
	struct load *d = arg;

	if (!d->l->has_soa)
		d->l->soa = *s;
	d->l->has_soa = true;
}

static void on_ns(void *arg, uint32_t ttl, const struct dns_name *names, size_t n)
{
	struct load *d = arg;

	if (d->has_ns)
		return;
	d->has_ns = true;
	d->l->ns_ttl = ttl;
	d->l->ns = arena_get(&d->l->arena, size_mul(n, sizeof(*names)), 16);
	if (n)
		memcpy(d->l->ns, names, n * sizeof(*names));
	d->l->nns = n;
}

static void on_ttl(void *arg, uint32_t ttl)
{
	struct load *d = arg;

	if (d->now.t)
		d->now.t->ttl = ttl;
	else
		d->ttl = ttl;
}

static void on_variable(void *arg, unsigned which, str text)
{
	struct load *d = arg;
	str *to = d->now.t ? &d->now.t->vars[which] : &d->common[which];

	*to = arena_dup(&d->l->arena, text);
	if (!to->p)
		*to = STR("");
}

static void on_timestamp(void *arg, int64_t made, int64_t expires)
{
	struct load *d = arg;

	if (made > d->l->made)
		d->l->made = made;
	if (expires && (!d->l->expires || expires < d->l->expires))
		d->l->expires = expires;
}

static void table_free(struct table *t)
{
	for (unsigned i = 0; i < LEVELS; i++)
		keys_free(&t->level[i]);
	mem_free(t->values);
	mem_free(t->texts);
	mem_free(t->net6);
	mem_free(t->addr6);
	mem_free(t->values6.p);
	mem_free(t->slots);
	mem_free(t->pool);
}

static void loading_free(struct loading *l)
{
	if (!l->t)
		return;
	for (unsigned i = 0; i < LEVELS; i++)
		mem_free(l->level[i].v);
	mem_free(l->prefixes);
	mem_free(l->names);
	map_free(&l->known);
	buf_free(&l->octets);
}

static err load_file(struct load *d, const struct list_file *f, struct buf *complaints)
{
	struct rbl_reader r = { .type = d->o->type,
				.entry = on_entry,
				.dataset = on_dataset,
				.soa = on_soa,
				.ns = on_ns,
				.ttl = on_ttl,
				.variable = on_variable,
				.timestamp = on_timestamp,
				.arg = d,
				.complaints = complaints };

	if (f->time > d->l->newest)
		d->l->newest = f->time;
	/* A combined file's common part, and $TTL before any entry, hold for its own datasets. */
	if (d->o->type == RBL_COMBINED)
		TRY(end_table(d));
	return rbl_read(&r, f->text, f->name);
}

err list_load(const struct list_options *o, const struct list_file *files, size_t n,
	      struct buf *complaints, struct list **out)
{
	struct load d = { .l = MEM_NEW(struct list), .o = o, .ttl = o->ttl ? o->ttl : TTL };
	err e = OK;

	d.l->holds = 1;
	arena_init(&d.l->arena, MIB(64));
	if (o->type != RBL_COMBINED)
		begin_table(&d, o->type);
	for (size_t i = 0; i < n && e == OK; i++)
		e = load_file(&d, &files[i], complaints);
	if (e == OK)
		e = end_table(&d);
	if (e) {
		loading_free(&d.now);
		list_drop(d.l);
		return e;
	}
	if (d.l->has_soa && d.l->soa.numbers[0] == 0)
		d.l->soa.numbers[0] = (uint32_t)d.l->newest;
	*out = d.l;
	return OK;
}

struct list *list_hold(struct list *l)
{
	atomic_fetch_add(&l->holds, 1);
	return l;
}

void list_drop(struct list *l)
{
	if (!l || atomic_fetch_sub(&l->holds, 1) > 1)
		return;
	for (size_t i = 0; i < l->ntables; i++)
		table_free(&l->tables[i]);
	mem_free(l->tables);
	arena_free(&l->arena);
	mem_free(l);
}

size_t list_entries(const struct list *l)
{
	return l->entries;
}

static size_t keys_octets(const struct keys *k)
{
	return (size_t)k->n * (4 + (k->values.p ? k->values.width : 0)) + (k->index ? 262148 : 0);
}

size_t list_octets(const struct list *l)
{
	size_t sum = sizeof(*l) + l->arena.used;

	for (size_t i = 0; i < l->ntables; i++) {
		const struct table *t = &l->tables[i];

		for (unsigned k = 0; k < LEVELS; k++)
			sum += keys_octets(&t->level[k]);
		sum += sizeof(*t) + t->nvalues * sizeof(*t->values) + t->ntexts +
		       t->nnet6 * sizeof(*t->net6) + (size_t)t->naddr6 * (16 + t->values6.width) +
		       (size_t)t->nslots * sizeof(*t->slots) + t->npool;
	}
	return sum;
}

int64_t list_expires(const struct list *l)
{
	return l->expires;
}

int64_t list_made(const struct list *l)
{
	return l->made;
}

const struct rbl_soa *list_soa(const struct list *l)
{
	return l->has_soa ? &l->soa : NULL;
}

size_t list_ns(const struct list *l, uint32_t *ttl, const struct dns_name **names)
{
	*ttl = l->ns_ttl ? l->ns_ttl : TTL;
	*names = l->ns;
	return l->nns;
}

/* ---- asking ---- */

static int nibble(unsigned char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_ip4(str labels, uint32_t *out)
{
	const unsigned char *p = (const void *)labels.p, *end = p + labels.n;
	uint32_t ip = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned octet = 0;

		if (p >= end || *p == 0 || *p > 3)
			return false;
		for (unsigned n = *p++; n; n--, p++) {
			if (*p < '0' || *p > '9')
				return false;
			octet = octet * 10 + (*p - '0');
		}
		if (octet > 255)
			return false;
		ip |= octet << (8 * i);
	}
	*out = ip;
	return p == end;
}

static bool read_ip6(str labels, unsigned char out[16])
{
	const unsigned char *p = (const void *)labels.p;

	if (labels.n != 64)
		return false;
	for (unsigned i = 0; i < 32; i++) {
		int v = p[2 * i] == 1 ? nibble(p[2 * i + 1]) : -1;

		if (v < 0)
			return false;
		if (i % 2 == 0)
			out[15 - i / 2] = (unsigned char)v;
		else
			out[15 - i / 2] |= (unsigned char)(v << 4);
	}
	return true;
}

void list_question_read(str labels, struct list_question *q)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	q->labels = labels;
	q->is_ip4 = read_ip4(labels, &q->ip4);
	q->is_ip6 = !q->is_ip4 && read_ip6(labels, q->ip6);
	if (!q->is_ip6 || memcmp(q->ip6, mapped, sizeof(mapped)) != 0)
		return;
	/* ::ffff:192.0.2.1 is 192.0.2.1 to lists of IPv4 addresses. */
	q->is_ip4 = true;
	q->ip4 = (uint32_t)q->ip6[12] << 24 | (uint32_t)q->ip6[13] << 16 |
		 (uint32_t)q->ip6[14] << 8 | q->ip6[15];
}

static size_t find_values(const struct table *t, const struct list_question *q, str *listed,
			  uint32_t values[LIST_HITS], bool *found)
{
	switch (t->type) {
	case RBL_IP4SET:
	case RBL_IP4TSET:
		return q->is_ip4 ? ip4_find(t, q->ip4, values, found) : 0;
	case RBL_IP4TRIE:
		return q->is_ip4 ? prefix_find4(t, q->ip4, values, found) : 0;
	case RBL_IP6TRIE:
	case RBL_IP6TSET:
		return q->is_ip6 ? prefix_find6(t, q->ip6, values, found) : 0;
	case RBL_DNSET:
		return names_find(t, listed, values, found);
	default:
		return 0;
	}
}

static void fill_hit(const struct table *t, uint32_t number, str listed, struct list_hit *out)
{
	const struct table_value *v = &t->values[number];
	const unsigned char *txt = v->txt == UINT32_MAX ? NULL : (const void *)(t->texts + v->txt);

	*out = (struct list_hit){ .type = DNS_A,
				  .ttl = t->ttl,
				  .rdata = str_of(v->a, 4),
				  .labels = listed,
				  .vars = t->vars };
	out->ip6 = t->type == RBL_IP6TRIE || t->type == RBL_IP6TSET;
	out->has_txt = t->vars[RBL_BASE].p != NULL; /* the base template speaks for itself */
	if (v->txt == UINT32_MAX)
		return;
	out->has_txt = true;
	out->txt = str_of(txt + 2, (size_t)txt[0] << 8 | txt[1]);
}

/* Do the last labels of a relative name equal sub? */
static bool is_below(str labels, str sub)
{
	while (labels.n > sub.n)
		labels = str_skip(labels, (unsigned char)labels.p[0] + 1u);
	return str_eq(labels, sub);
}

static size_t find_in(const struct table *t, const struct list_question *q,
		      struct list_hit hits[LIST_HITS], size_t n, bool *exists)
{
	UNCLEARED uint32_t values[LIST_HITS];
	bool found = false;

	if (t->type == RBL_GENERIC || t->type == RBL_ZONE) {
		size_t more = names_records(t, q->labels, hits, n);

		*exists |= more > n;
		return more;
	}
	str listed = q->labels;
	size_t k = find_values(t, q, &listed, values, &found);

	*exists |= found;
	for (size_t i = 0; i < k && n < LIST_HITS; i++)
		fill_hit(t, values[i], listed, &hits[n++]);
	return n;
}

size_t list_find(const struct list *l, const struct list_question *q,
		 struct list_hit hits[LIST_HITS], size_t n, bool *exists)
{

	for (size_t i = 0; i < l->ntables; i++) {
		const struct table *t = &l->tables[i];

		if (t->nsubzones == 0)
			n = find_in(t, q, hits, n, exists);
		for (unsigned s = 0; s < t->nsubzones; s++) {
			struct list_question below;
			str sub = t->subzones[s];

			if (sub.n == 0) {
				n = find_in(t, q, hits, n, exists);
				continue;
			}
			if (!is_below(q->labels, sub))
				continue;
			list_question_read(str_take(q->labels, q->labels.n - sub.n), &below);
			*exists |= below.labels.n == 0;
			n = find_in(t, &below, hits, n, exists);
		}
	}
	return n;
}
