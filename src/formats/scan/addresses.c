/* Addresses in From, To and the like, as SpamAssassin's own parser finds them. */
#include <string.h>

#include "formats/mime/header.h"
#include "formats/scan/view.h"

static size_t skip_spaces(str s, size_t at)
{
	while (at < s.n && is_space(s.p[at]))
		at++;
	return at;
}

/* Behind a quoted string that starts at s[at]; 0: it has no end. */
static size_t quoted(str s, size_t at)
{
	for (at++; at < s.n; at++) {
		if (s.p[at] == '"')
			return at + 1;
		if (s.p[at] == '\\' && ++at >= s.n)
			return 0;
	}
	return 0;
}

/* Behind a comment without comments in it; 0: there is none. */
static size_t comment(str s, size_t at)
{
	if (at >= s.n || s.p[at] != '(')
		return 0;
	for (at++; at < s.n; at++) {
		if (s.p[at] == ')')
			return at + 1;
		if (s.p[at] == '(')
			return 0;
		if (s.p[at] == '\\' && ++at >= s.n)
			return 0;
	}
	return 0;
}

static bool atom(char c)
{
	return !is_space(c) && str_find(STR("<>()[],:;"), c) == 9;
}

/* Behind local@domain at s[at]; 0: that is none. */
static size_t address(str s, size_t at)
{
	size_t i = at;

	if (i < s.n && s.p[i] == '"' && quoted(s, i) && quoted(s, i) < s.n &&
	    s.p[quoted(s, i)] == '@') {
		i = quoted(s, i);
	} else {
		while (i < s.n && atom(s.p[i]) && s.p[i] != '@')
			i++;
		if (i == at)
			return 0;
	}
	if (i >= s.n || s.p[i] != '@')
		return 0;
	at = ++i;
	if (i < s.n && s.p[i] == '[') {
		for (i++; i < s.n && (ch_digit(s.p[i]) || s.p[i] == ':' || s.p[i] == '.'); i++)
			;
		return i > at + 1 && i < s.n && s.p[i] == ']' ? i + 1 : 0;
	}
	while (i < s.n && atom(s.p[i]) && s.p[i] != '"')
		i++;
	return i > at ? i : 0;
}

static bool is_address(str s)
{
	size_t quotes = 0;

	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		quotes += s.p[i] == '"';
	return s.n && address(s, 0) == s.n && quotes != 1 && !str_starts(s, STR("\"\"@"));
}

/* Behind quoted strings and text without separators. */
static size_t phrase(str s, size_t at)
{
	while (at < s.n && s.p[at] != ',' && s.p[at] != ';' && s.p[at] != '<') {
		size_t n;

		if (s.p[at] != '"') {
			at++;
			continue;
		}
		n = quoted(s, at);
		if (!n)
			break;
		at = n;
	}
	return at;
}

/* What may follow an address: a comment, then a separator or the end. Behind it; 0: something
 * else. */
static size_t tail(str s, size_t at, str *note)
{
	size_t i = skip_spaces(s, at), n = comment(s, i);

	*note = (str){ NULL, 0 };
	if (n) {
		*note = str_of(s.p + i + 1, n - i - 2);
		i = skip_spaces(s, n);
	}
	if (i >= s.n)
		return s.n + 1;
	return s.p[i] == ',' || s.p[i] == ';' ? i + 1 : 0;
}

/* More <...> behind an address are passed over. */
static size_t angle_tail(str s, size_t at, str *note)
{
	size_t n = tail(s, at, note);

	while (!n) {
		size_t i = skip_spaces(s, at);

		if (i >= s.n || s.p[i] != '<')
			return 0;
		at = view_find_from(s, '>', i) + 1;
		if (at > s.n)
			return 0;
		n = tail(s, at, note);
	}
	return n;
}

/* "<...>" at s[at]: what stands in it, and where it all ends; 0: none. */
static size_t angle(str s, size_t at, str *in, str *note)
{
	size_t from = skip_spaces(s, at + 1), x = from, run, n;
	unsigned tries = 0;

	while (x < s.n && s.p[x] != '>' && s.p[x] != '@')
		x++;
	if (x == s.n)
		return 0;
	for (run = x; run < s.n && !is_space(s.p[run]); run++)
		;
	for (size_t end = run; end > x && tries < 64; end--) {
		size_t gt = end == run ? skip_spaces(s, end) : end;

		if (gt >= s.n || s.p[gt] != '>')
			continue;
		tries++;
		n = angle_tail(s, gt + 1, note);
		if (n) {
			*in = str_of(s.p + from, end - from);
			return n;
		}
	}
	if (s.p[x] != '>')
		return 0;
	for (run = x; run > from && is_space(s.p[run - 1]); run--)
		;
	*in = str_of(s.p + from, run - from);
	return angle_tail(s, x + 1, note);
}

static str no_comments(struct scan_mail *m, str s, bool unquote)
{
	struct out o;

	if (str_find(s, '(') == s.n && (!unquote || str_find(s, '"') == s.n))
		return s;
	if (!view_out(m, &o, s.n))
		return s;
	for (size_t i = 0; i < s.n;) {
		size_t n = unquote && s.p[i] == '"' ? quoted(s, i) : 0;

		if (n) {
			for (i++; i + 1 < n; i++) {
				if (s.p[i] == '\\' && i + 2 < n)
					i++;
				out_c(&o, s.p[i]);
			}
			i = n;
		} else if (s.p[i] == '(' && (n = comment(s, i))) {
			i = n;
		} else {
			out_c(&o, s.p[i++]);
		}
	}
	return out_str(&o);
}

static str one_at(str s)
{
	size_t at = str_find(s, '@'), next = view_find_from(s, '@', at + 1);

	return str_take(s, next);
}

struct found {
	struct scan_mail *m;
	struct view_address *v;
	size_t n, cap;
};

static void add(struct found *f, str phr, str addr, str note)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 4;
		struct view_address *v = f->n < LIM_MIME_ADDRESSES
						 ? NEW_TRY(f->m->a, struct view_address, cap)
						 : NULL;

		if (!v)
			return;
		if (f->n)
			memcpy(v, f->v, f->n * sizeof(*v));
		f->v = v;
		f->cap = cap;
	}
	f->v[f->n++] = (struct view_address){ phr.p ? phr : note, addr.p ? one_at(addr) : addr };
}

static void settle(struct found *f, str phr, str addr, str note)
{
	static const str none = { NULL, 0 };

	if (addr.p && !is_address(addr))
		addr = none;
	if (phr.p) {
		size_t at;

		phr = no_comments(f->m, phr, true);
		at = str_find(phr, '@');
		if (!addr.p && is_address(phr) &&
		    view_fqdn_valid(view_to_ascii(f->m, str_skip(one_at(phr), at + 1)))) {
			addr = phr;
			phr = none;
		} else if (phr.n == 0 || (addr.p && str_eq(phr, addr))) {
			phr = none;
		}
	}
	add(f, phr, addr, note);
}

/* One address at the start of s; behind it, 0: none. */
static size_t one(struct found *f, str s)
{
	static const str none = { NULL, 0 };
	size_t from = skip_spaces(s, 0), end = phrase(s, from), n;
	str in, note, phr = none;

	if (end < s.n && s.p[end] == '<') {
		n = angle(s, end, &in, &note);
		if (end > from)
			phr = str_of(s.p + from, end - from);
		if (n) {
			settle(f, phr, no_comments(f->m, in, false), note);
			return n;
		}
	}
	n = address(s, from);
	if (n && (end = tail(s, n, &note))) {
		settle(f, none, str_of(s.p + from, n - from), note);
		return end;
	}
	end = phrase(s, from);
	n = end > from ? tail(s, end, &note) : 0;
	if (n)
		settle(f, str_of(s.p + from, end - from), none, note);
	return n;
}

/* "group name:" before the addresses. */
static str no_group(str s)
{
	size_t end = 0, colon;

	while (end < s.n && str_find(STR("\"()<>"), s.p[end]) == 5)
		end++;
	colon = str_rfind(str_take(s, end), ':');
	if (colon == 0 || colon >= end)
		return s;
	colon = skip_spaces(s, colon + 1);
	if (colon < s.n && s.p[colon] == ';')
		return STR("");
	return str_skip(s, colon);
}

static str prepare(struct scan_mail *m, str s)
{
	struct out o;

	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	if (str_search(s, STR("\\\\")) < s.n && view_out(m, &o, s.n)) {
		for (size_t i = 0; i < s.n; i++)
			if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '\\')
				i++;
			else
				out_c(&o, s.p[i]);
		s = out_str(&o);
	}
	return no_group(s);
}

/* When there is more than commas tell, the MIME parser's reading. */
static void by_mime(struct found *f, str value)
{
	struct found g = { .m = f->m };
	struct out o;

	for (struct mime_address *a = mime_addresses(f->m->a, value); a; a = a->next) {
		static const str none = { NULL, 0 };
		str addr = none;

		if (a->kind != MIME_MAILBOX)
			continue;
		if (a->mailbox.p && a->domain.p && a->domain.n &&
		    view_out(f->m, &o, a->mailbox.n + 1 + a->domain.n)) {
			out_add(&o, a->mailbox);
			out_c(&o, '@');
			out_add(&o, a->domain);
			addr = out_str(&o);
		}
		add(&g, a->name.n ? a->name : none, addr, none);
	}
	if (g.n > f->n)
		*f = g;
}

struct view_address *view_addresses(struct scan_mail *m, str value, size_t *n)
{
	struct found f = { .m = m };
	str s = prepare(m, value);
	size_t commas = 0;

	if (s.n == 0) {
		*n = 0;
		return NULL;
	}
	for (size_t took; s.n && (took = one(&f, s)) > 0;)
		s = str_skip(s, took);
	for (size_t i = 0; i < s.n; i++) { /* what is left: <a@b> anywhere */
		size_t end;

		i += str_find(str_skip(s, i), '<');
		end = i < s.n ? address(s, i + 1) : 0;
		if (end && end < s.n && s.p[end] == '>' &&
		    is_address(str_of(s.p + i + 1, end - i - 1)))
			add(&f, (str){ NULL, 0 }, str_of(s.p + i + 1, end - i - 1),
			    (str){ NULL, 0 });
	}
	for (size_t i = 0; i < value.n; i++)
		commas += value.p[i] == ',';
	if (f.n == 0 || f.n < commas + 1)
		by_mime(&f, value);
	*n = f.n;
	return f.v;
}
