#include "formats/imap/list.h"

#include "formats/imap/write.h"

struct option {
	str name;
	unsigned bit;
};

static const struct option status_items[] = {
	{ S("MESSAGES"), IMAP_ST_MESSAGES },
	{ S("UIDNEXT"), IMAP_ST_UIDNEXT },
	{ S("UIDVALIDITY"), IMAP_ST_UIDVALIDITY },
	{ S("UNSEEN"), IMAP_ST_UNSEEN },
	{ S("DELETED"), IMAP_ST_DELETED },
	{ S("SIZE"), IMAP_ST_SIZE },
	{ S("RECENT"), IMAP_ST_RECENT },
	{ S("HIGHESTMODSEQ"), IMAP_ST_HIGHESTMODSEQ },
	{ S("MAILBOXID"), IMAP_ST_MAILBOXID },
	{ S("DELETED-STORAGE"), IMAP_ST_DELETED_STORAGE },
};
static const struct option selects[] = {
	{ S("SUBSCRIBED"), IMAP_L_SUBSCRIBED },
	{ S("REMOTE"), IMAP_L_REMOTE },
	{ S("RECURSIVEMATCH"), IMAP_L_RECURSIVE },
	{ S("SPECIAL-USE"), IMAP_L_SPECIAL },
};
static const struct option returns[] = {
	{ S("SUBSCRIBED"), IMAP_LR_SUBSCRIBED },
	{ S("CHILDREN"), IMAP_LR_CHILDREN },
	{ S("SPECIAL-USE"), IMAP_LR_SPECIAL },
	{ S("STATUS"), IMAP_LR_STATUS },
};

/* One word of a table; 0 and E_SYNTAX when it has none. */
static err parse_option(struct imap_in *in, const struct option *v, size_t n, unsigned *bit)
{
	str word;

	TRY(imap_atom(in, &word));
	for (size_t i = 0; i < n; i++)
		if (str_eqi(word, v[i].name)) {
			*bit = v[i].bit;
			return OK;
		}
	return fail(E_SYNTAX, "Unknown option or item");
}

static void add_options(struct buf *out, const struct option *v, size_t n, unsigned bits)
{
	const char *sep = "";

	for (size_t i = 0; i < n; i++) {
		if (!(bits & v[i].bit))
			continue;
		buf_fmt(out, "%s%.*s", sep, STRF(v[i].name));
		sep = " ";
	}
}

err imap_parse_status_items(struct imap_in *in, unsigned *out)
{
	unsigned all = 0, bit = 0;

	TRY(imap_expect(in, '('));
	do {
		TRY(parse_option(in, status_items, COUNT(status_items), &bit));
		all |= bit;
	} while (imap_eat(in, ' '));
	TRY(imap_expect(in, ')'));
	*out = all;
	return OK;
}

void imap_add_status_items(struct buf *out, unsigned items)
{
	buf_addc(out, '(');
	add_options(out, status_items, COUNT(status_items), items);
	buf_addc(out, ')');
}

static err parse_selects(struct imap_in *in, struct imap_list *l)
{
	unsigned bit = 0;

	l->extended = true;
	if (!imap_eat(in, ')')) {
		do {
			TRY(parse_option(in, selects, COUNT(selects), &bit));
			l->options |= bit;
		} while (imap_eat(in, ' '));
		TRY(imap_expect(in, ')'));
	}
	/* RFC 5258 3.1: RECURSIVEMATCH needs something to select by. */
	if ((l->options & IMAP_L_RECURSIVE) && !(l->options & (IMAP_L_SUBSCRIBED | IMAP_L_SPECIAL)))
		return fail(E_SYNTAX, "RECURSIVEMATCH alone");
	return imap_expect(in, ' ');
}

static err parse_returns(struct imap_in *in, struct imap_list *l)
{
	unsigned bit = 0;

	l->extended = true;
	TRY(imap_expect(in, ' '));
	if (!imap_eat_word(in, STR("RETURN")))
		return fail(E_SYNTAX, "Expected RETURN");
	TRY(imap_expect(in, ' '));
	TRY(imap_expect(in, '('));
	if (imap_eat(in, ')'))
		return OK;
	do {
		TRY(parse_option(in, returns, COUNT(returns), &bit));
		l->options |= bit;
		if (bit == IMAP_LR_STATUS) {
			TRY(imap_expect(in, ' '));
			TRY(imap_parse_status_items(in, &l->status));
		}
	} while (imap_eat(in, ' '));
	return imap_expect(in, ')');
}

static err parse_patterns(struct imap_in *in, bool utf8, struct imap_list *l)
{
	l->patterns = NEW_TRY(in->a, str, LIM_IMAP_PATTERNS);
	if (!l->patterns)
		return fail(E_LIMIT, "Command too large");
	if (!imap_eat(in, '(')) {
		l->npatterns = 1;
		return imap_pattern(in, utf8, &l->patterns[0]);
	}
	l->extended = true;
	do {
		if (l->npatterns == LIM_IMAP_PATTERNS)
			return fail(E_LIMIT, "More than %d patterns", LIM_IMAP_PATTERNS);
		TRY(imap_pattern(in, utf8, &l->patterns[l->npatterns++]));
	} while (imap_eat(in, ' '));
	return imap_expect(in, ')');
}

err imap_parse_list(struct imap_in *in, bool utf8, struct imap_list *out)
{
	struct imap_list l = { 0 };

	if (imap_eat(in, '('))
		TRY(parse_selects(in, &l));
	TRY(imap_mailbox(in, utf8, &l.reference));
	TRY(imap_expect(in, ' '));
	TRY(parse_patterns(in, utf8, &l));
	if (!imap_at_end(in))
		TRY(parse_returns(in, &l));
	TRY(imap_expect_end(in));
	*out = l;
	return OK;
}

#define SELECTS (IMAP_L_SUBSCRIBED | IMAP_L_REMOTE | IMAP_L_RECURSIVE | IMAP_L_SPECIAL)

static void add_returns(struct buf *out, const struct imap_list *l)
{
	unsigned words = l->options & ~(unsigned)(SELECTS | IMAP_LR_STATUS);

	buf_add(out, STR(" RETURN ("));
	add_options(out, returns, COUNT(returns), words);
	if (l->options & IMAP_LR_STATUS) {
		buf_add(out, words ? STR(" STATUS ") : STR("STATUS "));
		imap_add_status_items(out, l->status);
	}
	buf_addc(out, ')');
}

void imap_add_list(struct buf *out, const struct imap_list *l, bool utf8)
{
	if (l->options & SELECTS) {
		buf_addc(out, '(');
		add_options(out, selects, COUNT(selects), l->options);
		buf_add(out, STR(") "));
	}
	imap_put_mailbox(out, l->reference, utf8);
	buf_add(out, l->npatterns == 1 ? STR(" ") : STR(" ("));
	for (size_t i = 0; i < l->npatterns; i++) {
		if (i > 0)
			buf_addc(out, ' ');
		imap_put_mailbox(out, l->patterns[i], utf8);
	}
	if (l->npatterns != 1)
		buf_addc(out, ')');
	if (l->options & ~(unsigned)SELECTS)
		add_returns(out, l);
}

/* Greedy with one point of return a wildcard: a later one makes the earlier ones' choices final,
 * except that a '%' that cannot be stretched over '/' falls back to the last '*'. */
static bool match(str p, str s, bool below)
{
	size_t i = 0, j = 0, star_i = SIZE_MAX, star_j = 0, part_i = SIZE_MAX, part_j = 0;

	for (;;) {
		if (below && j == s.n && i < p.n)
			return true;
		if (i < p.n && p.p[i] == '*') {
			star_i = ++i;
			star_j = j;
			part_i = SIZE_MAX;
			continue;
		}
		if (i < p.n && p.p[i] == '%') {
			part_i = ++i;
			part_j = j;
			continue;
		}
		if (j == s.n && i == p.n)
			return !below || star_i != SIZE_MAX;
		if (j < s.n && i < p.n && p.p[i] == s.p[j]) {
			i++;
			j++;
			continue;
		}
		if (part_i != SIZE_MAX && part_j < s.n && s.p[part_j] != '/') {
			i = part_i;
			j = ++part_j;
			continue;
		}
		if (star_i == SIZE_MAX || star_j >= s.n)
			return below && star_i != SIZE_MAX;
		i = star_i;
		j = ++star_j;
		part_i = SIZE_MAX;
	}
}

bool imap_match(str pattern, str name)
{
	if (str_eq(name, STR("INBOX")) && str_eqi(pattern, name))
		return true;
	return match(pattern, name, false);
}

bool imap_match_below(str pattern, str name)
{
	struct buf b;

	if (name.n > LIM_FOLDER_NAME)
		return false;
	buf_init(&b, name.n + 1);
	buf_add(&b, name);
	buf_addc(&b, '/');
	bool yes = match(pattern, buf_str(&b), true);
	buf_free(&b);
	return yes;
}
