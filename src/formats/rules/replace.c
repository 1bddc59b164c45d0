#include "formats/rules/replace.h"

#include "base/limits.h"

struct pass {
	rule_replacement find;
	void *arg;
	str pre, inter, post;
	bool again;
};

/* The next "<...>" without '<' or '>' inside, from at: where it begins, and its octets; s.n: none.
 */
static size_t next_tag(str s, size_t at, size_t *n)
{
	size_t begin = s.n;

	for (size_t i = at; i < s.n; i++) {
		if (s.p[i] == '<') {
			begin = i;
		} else if (s.p[i] == '>' && begin < s.n) {
			if (i > begin + 1) {
				*n = i + 1 - begin;
				return begin;
			}
			begin = s.n;
		}
	}
	return s.n;
}

static bool has_tag(str s)
{
	size_t n;

	return next_tag(s, 0, &n) < s.n;
}

/* Takes "<pre NAME>" out of *re: what NAME stands for. */
static str take_modifier(struct arena *a, struct pass *p, str kind, str *re)
{
	size_t n, at;

	for (at = next_tag(*re, 0, &n); at < re->n; at = next_tag(*re, at + n, &n)) {
		str tag = str_of(re->p + at + 1, n - 2), word, name;

		if (!str_cut(tag, ' ', &word, &name) || !str_eq(word, kind))
			continue;

		char *out = arena_try(a, re->n, 1);
		struct buf b = { .p = out, .cap = re->n, .max = re->n };

		if (!out)
			return STR("");
		buf_add(&b, str_take(*re, at));
		buf_add(&b, str_skip(*re, at + n));

		str found = p->find(p->arg, kind, name);

		*re = buf_str(&b);
		return found.p ? found : STR("");
	}
	return STR("");
}

static void add_tag(struct pass *p, struct buf *b, str tag)
{
	str found = p->find(p->arg, STR("tag"), str_of(tag.p + 1, tag.n - 2));

	buf_add(b, p->pre);
	buf_add(b, found.p && found.n ? found : tag);
	buf_add(b, p->post);
	if (found.p && has_tag(found))
		p->again = true;
}

static void add_replaced(struct pass *p, struct buf *b, str re)
{
	size_t n, at, last = 0;

	for (at = next_tag(re, 0, &n); at < re.n; at = next_tag(re, last, &n)) {
		/* Between two tags that touch, and before one that begins the pattern. */
		if (at == last)
			buf_add(b, p->inter);
		buf_add(b, str_of(re.p + last, at - last));
		add_tag(p, b, str_of(re.p + at, n));
		last = at + n;
	}
	buf_add(b, str_skip(re, last));
}

err rule_replace(struct arena *a, str re, rule_replacement find, void *arg, str *out)
{
	struct pass p = { .find = find, .arg = arg };
	struct buf b;
	err e;

	*out = re;
	for (unsigned i = 0; i < LIM_RULES_PASSES; i++) {
		p.again = false;
		p.pre = take_modifier(a, &p, STR("pre"), out);
		p.post = take_modifier(a, &p, STR("post"), out);
		p.inter = take_modifier(a, &p, STR("inter"), out);
		buf_init(&b, LIM_RULES_EXPANDED);
		add_replaced(&p, &b, *out);
		*out = arena_dup(a, buf_str(&b));
		e = buf_done(&b);
		buf_free(&b);
		if (e || !out->p)
			return fail(E_LIMIT,
				    "a pattern of more than %zu octets once its tags are "
				    "replaced",
				    LIM_RULES_EXPANDED);
		if (!p.again)
			break;
	}
	return OK;
}
