#include "formats/mailauth/tags.h"

#include "base/enc.h"

static bool is_name(str s)
{
	if (!s.n || !ch_alpha(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

/* VALCHAR and white space; bytes over 127 for RFC 8616. */
static bool is_value(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 127)
			return false;
	}
	return true;
}

err tags_parse(str text, struct tags *out)
{
	str rest = text, one;

	out->n = 0;
	while (str_next(&rest, ';', &one)) {
		struct tag t;

		/* One ';' may stand behind the last. */
		if (!rest.p && out->n && !str_trim_ws(one).n)
			break;
		if (!str_cut(one, '=', &t.name, &t.whole))
			return fail(E_SYNTAX, "a tag without '='");
		t.name = str_trim_ws(t.name);
		t.value = str_trim_ws(t.whole);
		if (!is_name(t.name) || !is_value(t.value))
			return fail(E_SYNTAX, "a tag's name or value has other characters");
		if (tags_find(out, t.name))
			return fail(E_SYNTAX, "tag %.*s= twice", STRF(str_take(t.name, 20)));
		if (out->n == LIM_DKIM_TAGS)
			return fail(E_LIMIT, "more than %d tags", LIM_DKIM_TAGS);
		out->v[out->n++] = t;
	}
	return OK;
}

const struct tag *tags_find(const struct tags *t, str name)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i].name, name))
			return &t->v[i];
	return NULL;
}

str tags_value(const struct tags *t, str name)
{
	const struct tag *found = tags_find(t, name);

	return found ? found->value : (str){ 0 };
}

err tags_base64(str value, struct arena *a, str *out)
{
	CLEANUP(buf_free) struct buf text = { 0 };
	CLEANUP(buf_free) struct buf bytes = { 0 };

	buf_init(&text, LIM_DKIM_FIELD);
	buf_init(&bytes, LIM_DKIM_FIELD);
	for (size_t i = 0; i < value.n; i++)
		if (str_find(STR(" \t\r\n"), value.p[i]) == 4)
			buf_addc(&text, value.p[i]);
	while (text.n % 4)
		buf_addc(&text, '=');
	TRY(buf_done(&text));
	TRY(dec_base64(&bytes, buf_str(&text)));
	TRY(buf_done(&bytes));
	*out = arena_dup(a, buf_str(&bytes));
	return out->p ? OK : fail(E_LIMIT, "memory for %zu octets", bytes.n);
}

bool tags_word(str *rest, str *word)
{
	if (!rest->p || !str_next(rest, ':', word))
		return false;
	*word = str_trim_ws(*word);
	return true;
}
