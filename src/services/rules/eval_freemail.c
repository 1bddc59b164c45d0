/* Functions over addresses of free mail providers: SpamAssassin's FreeMail. */
#include "services/rules/eval_part.h"

enum {
	BODY_ADDRESSES = 40, /* that are looked for at most */
	LOCAL_PART = 64,
	LABEL = 61,
	LABELS = 4, /* before the top level */
};

struct freemail_memo {
	bool looked, skip;
	struct eval_strings body; /* free mail addresses in the text */
};

/* ---- is it one? ---- */

/* freemail_domains' wildcards: '*' is a run without dots, '?' anything. */
static bool domain_fits(str glob, str s)
{
	size_t star = SIZE_MAX, mark = 0, i = 0, j = 0;

	while (i < s.n) {
		if (j < glob.n && glob.p[j] == '*') {
			star = j++;
			mark = i;
		} else if (j < glob.n &&
			   (glob.p[j] == '?' || ch_lower(glob.p[j]) == ch_lower(s.p[i]))) {
			i++;
			j++;
		} else if (star != SIZE_MAX && s.p[mark] != '.') {
			j = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (j < glob.n && glob.p[j] == '*')
		j++;
	return j == glob.n;
}

static bool domain_is_free(struct eval *e, str domain)
{
	struct scan_strs all;

	/* The list's own '*' matches more; few get this far. */
	if (!rules_listed(e->lists, STR("freemail_domains"), domain))
		return false;
	all = rules_list(e->lists, STR("freemail_domains"));
	for (size_t i = 0; i < all.n; i++)
		if (domain_fits(all.v[i], domain))
			return true;
	return false;
}

/* address: lower case. */
static bool is_freemail(struct eval *e, str address)
{
	str domain = str_skip(address, str_rfind(address, '@') + 1);

	if (domain.n == 0)
		domain = address;
	return address.n && domain_is_free(e, domain) &&
	       !rules_listed(e->lists, STR("freemail_welcomelist"), address) &&
	       !rules_listed(e->lists, STR("freemail_welcomelist"), domain) &&
	       !eval_match(e, EVAL_P_NOT_PERSONAL, address);
}

/* ---- addresses in text ---- */

static bool is_atext(char c)
{
	return ch_alnum(c) || (c && str_find(STR("!#$%&'*+/=?^_`{|}~-"), c) < 19);
}

static bool is_label_char(char c)
{
	return ch_alnum(c) || c == '-';
}

/* Where the local part before the '@' begins; at when there is none. */
static size_t local_begin(str s, size_t from, size_t at)
{
	size_t begin = at, p = at;

	while (p > from && at - p < LOCAL_PART) {
		char c = s.p[p - 1];

		if (!is_atext(c) && !(c == '.' && p < at && is_atext(s.p[p])))
			break;
		p--;
		/* It may begin here: an octet of it, and none before. */
		if (is_atext(c) && (p == 0 || !is_atext(s.p[p - 1])))
			begin = p;
	}
	return begin;
}

/* A label from at: its octets, 0 when it is none. */
static size_t label_at(str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && is_label_char(s.p[at + n]))
		n++;
	return n > LABEL || n == 0 || s.p[at] == '-' || s.p[at + n - 1] == '-' ? 0 : n;
}

/* Where the host from at ends; at when it is none that can be. */
static size_t host_end(struct eval *e, str s, size_t at)
{
	size_t p = at, end = at;

	for (unsigned labels = 0; labels <= LABELS; labels++) {
		size_t n = label_at(s, p);

		if (n == 0)
			break;

		bool more = p + n + 1 < s.n && s.p[p + n] == '.' && ch_alnum(s.p[p + n + 1]);

		if (labels > 0 && !more &&
		    rules_listed(e->lists, STR("util_rb_tld"), str_take(str_skip(s, p), n)))
			end = p + n;
		if (!more)
			break;
		p += n + 1;
	}
	return end;
}

/* The next address at or behind from. */
static bool next_address(struct eval *e, str s, size_t from, size_t *begin, size_t *end)
{
	for (size_t p = from; p < s.n; p++) {
		size_t at = p + str_find(str_skip(s, p), '@');

		if (at >= s.n)
			return false;
		*begin = local_begin(s, from, at);
		*end = host_end(e, s, at + 1);
		if (*begin<at && * end> at + 1)
			return true;
		p = at;
	}
	return false;
}

/* "wrote:" behind an address, but not "fax:" and the like. */
static bool is_attribution(str s)
{
	static const str numbers[] = { S("fax"),   S("facsi"),	S("tel"), S("phone"),
				       S("email"), S("e-mail"), S("mail") };
	size_t n = 0;

	while (n < 10 && n < s.n && ch_space(s.p[n]))
		n++;
	if (n == 0)
		return false;
	s = str_skip(s, n);
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (str_startsi(s, numbers[i]))
			return false;
	n = 0;
	while (n < s.n && ch_alpha(s.p[n]))
		n++;
	return n >= 2 && n <= 11 && n < s.n && s.p[n] == ':';
}

static void blank(char *p, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++)
		p[i] = ' ';
}

/* Links with an address in them are no addresses. */
static void blank_links(char *p, size_t size)
{
	str s = str_of(p, size);

	for (size_t from = 0; from < s.n;) {
		size_t at = from + str_searchi(str_skip(s, from), STR("http"));
		size_t n = at + 4, end;

		if (at >= s.n)
			return;
		from = n;
		if (n < s.n && ch_lower(s.p[n]) == 's')
			n++;
		if (!str_starts(str_skip(s, n), STR("://")))
			continue;
		for (end = n + 3; end < s.n && !ch_space(s.p[end]) && end - n < 512;)
			end++;

		str link = str_skip(str_take(s, end), at);

		if (str_find(link, '@') < link.n || str_searchi(link, STR("%40")) < link.n)
			blank(p, at > 0 && p[at - 1] == '<' ? at - 1 : at, end);
		from = end;
	}
}

/* Addresses in <> or before "wrote:" are of people who are quoted. */
static void blank_quoted(struct eval *e, char *p, size_t size)
{
	str s = str_of(p, size);
	size_t begin, end;

	for (size_t from = 0; next_address(e, s, from, &begin, &end); from = end) {
		str after = str_skip(s, end);

		if (str_endsi(str_take(s, begin), STR("mailto:")))
			continue;
		if (str_starts(after, STR(">")))
			blank(p, begin > 0 && p[begin - 1] == '<' ? begin - 1 : begin, end + 1);
		else if (is_attribution(after))
			blank(p, begin > 0 && p[begin - 1] == '<' ? begin - 1 : begin,
			      end + str_find(after, ':') + 1);
	}
}

static void add_address(struct eval *e, struct eval_strings *all, str address)
{
	address = eval_lower(e, address);
	if (address.n && !eval_strings_have(all, address))
		eval_strings_add(e, all, address);
}

static void add_of_paragraph(struct eval *e, struct eval_strings *all, str s)
{
	size_t begin, end, from = 0;
	char *p;

	if (str_find(s, '@') == s.n)
		return;
	p = arena_try(scan_arena(e->m), s.n, 1);
	if (!p)
		return;
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i];
	blank_links(p, s.n);
	blank_quoted(e, p, s.n);
	for (; next_address(e, str_of(p, s.n), from, &begin, &end); from = end) {
		add_address(e, all, str_of(p + begin, end - begin));
		if (all->n >= BODY_ADDRESSES)
			return;
	}
}

static void add_of_links(struct eval *e, struct eval_strings *all)
{
	struct scan_uris uris = scan_uris(e->m);
	size_t begin, end;

	for (size_t i = 0; i < uris.n && all->n < BODY_ADDRESSES / 2; i++) {
		str s = str_skip(uris.v[i].uri, 7);

		if (!(uris.v[i].kinds & SCAN_URI_A) || (uris.v[i].kinds & SCAN_URI_PARSED) ||
		    !str_startsi(uris.v[i].uri, STR("mailto:")))
			continue;
		if (next_address(e, s, 0, &begin, &end) && begin == 0)
			add_address(e, all, str_take(s, end));
	}
}

/* A number of the rule files. */
static size_t setting(struct eval *e, str name, size_t otherwise)
{
	struct scan_strs v = rules_list(e->lists, name);
	double n = v.n ? eval_number(v.v[v.n - 1]) : -1;

	return n >= 0 && n < 1000 ? (size_t)n : otherwise;
}

/* NULL: so many addresses that they say nothing. */
static const struct eval_strings *body_freemails(struct eval *e)
{
	struct freemail_memo *m = e->memo[EVAL_MEMO_FREEMAIL];
	struct eval_strings all = { .n = 0 };
	struct scan_strs body;

	if (!m)
		m = e->memo[EVAL_MEMO_FREEMAIL] = NEW(scan_arena(e->m), struct freemail_memo);
	if (m->looked)
		return m->skip ? NULL : &m->body;
	m->looked = true;
	add_of_links(e, &all);
	body = scan_body(e->m);
	for (size_t i = 0; i < body.n && all.n < BODY_ADDRESSES; i++)
		add_of_paragraph(e, &all, body.v[i]);

	size_t most = setting(e, STR("freemail_max_body_emails"), 5);
	size_t most_free = setting(e, STR("freemail_max_body_freemails"), 3);
	bool skips = setting(e, STR("freemail_skip_when_over_max"), 1);

	for (size_t i = 0; i < all.n && !m->skip; i++) {
		if (i + 1 == most && skips)
			m->skip = true;
		else if (is_freemail(e, all.v[i]))
			eval_strings_add(e, &m->body, all.v[i]);
		m->skip = m->skip || (m->body.n == most_free && most_free && skips);
	}
	return m->skip ? NULL : &m->body;
}

/* ---- the functions ---- */

static struct scan_strs lowered(struct eval *e, str name)
{
	struct scan_strs found = eval_addresses(e, name);
	struct eval_strings all = { .n = 0 };

	for (size_t i = 0; i < found.n && i < LIM_RULES_ADDRESSES; i++)
		eval_strings_add(e, &all, eval_lower(e, found.v[i]));
	return (struct scan_strs){ .v = all.v, .n = all.n };
}

static bool fits(struct eval *e, str address)
{
	return is_freemail(e, address) && (!e->pattern || eval_match_own(e, address));
}

unsigned eval_check_freemail_header(struct eval *e)
{
	str name = eval_arg(e, 0);
	struct scan_strs all;

	if (str_ends(name, STR(":addr")))
		name.n -= 5;
	all = lowered(e, name);
	for (size_t i = 0; i < all.n; i++)
		if (fits(e, all.v[i]))
			return 1;
	return 0;
}

unsigned eval_check_freemail_from(struct eval *e)
{
	struct scan_strs all = eval_all_from(e);

	for (size_t i = 0; i < all.n; i++)
		if (fits(e, eval_lower(e, all.v[i])))
			return 1;
	return 0;
}

static bool any_free(struct eval *e, struct scan_strs all)
{
	for (size_t i = 0; i < all.n; i++)
		if (is_freemail(e, all.v[i]))
			return true;
	return false;
}

static bool have_common(struct scan_strs a, struct scan_strs b)
{
	for (size_t i = 0; i < a.n; i++)
		for (size_t j = 0; j < b.n; j++)
			if (str_eq(a.v[i], b.v[j]))
				return true;
	return false;
}

/* Answers go to another free address than the one that writes, or than one in the text. */
unsigned eval_check_freemail_replyto(struct eval *e)
{
	bool reply = str_eq(eval_arg(e, 0), STR("reply"));
	struct scan_strs from, to, answers;
	const struct eval_strings *body;
	bool from_free, to_free;

	if (eval_match(e, EVAL_P_BULK_SENDER, eval_header(e, STR("EnvelopeFrom"))))
		return 0;
	from = lowered(e, STR("From"));
	to = lowered(e, STR("Reply-To"));
	from_free = any_free(e, from);
	to_free = any_free(e, to);
	if (from_free && to_free && !have_common(from, to))
		return 1;
	if (reply ? (to.n && !to_free) || !from_free : !to_free)
		return 0;
	answers = !reply || to_free ? to : from;
	body = body_freemails(e);
	for (size_t i = 0; body && i < body->n; i++)
		for (size_t j = 0; j < answers.n; j++)
			if (!str_eq(body->v[i], answers.v[j]))
				return 1;
	return 0;
}
