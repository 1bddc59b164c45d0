#include "formats/imap/search.h"

#include <assert.h>

#include "base/date.h"
#include "base/enc.h"
#include "formats/imap/write.h"

enum arg {
	A_NONE,
	A_TEXT,
	A_DATE,
	A_NUMBER,
	A_SET,
	A_KEYWORD,
	A_HEADER,
	A_MODSEQ,
	A_NOT,
	A_OR,
	A_ID
};

/* Each key of the grammar: its word, what follows, what it becomes. not: the same turned round. */
static const struct word {
	str name;
	enum arg arg;
	enum imap_key_op op;
	bool not ;
	int64_t number;
	str field;
} words[] = {
	{ S("ALL"), A_NONE, IMAP_K_ALL },
	{ S("ANSWERED"), A_NONE, IMAP_K_FLAG, false, IMAP_ANSWERED },
	{ S("BCC"), A_TEXT, IMAP_K_HEADER, false, 0, S("Bcc") },
	{ S("BEFORE"), A_DATE, IMAP_K_BEFORE },
	{ S("BODY"), A_TEXT, IMAP_K_BODY },
	{ S("CC"), A_TEXT, IMAP_K_HEADER, false, 0, S("Cc") },
	{ S("DELETED"), A_NONE, IMAP_K_FLAG, false, IMAP_DELETED },
	{ S("DRAFT"), A_NONE, IMAP_K_FLAG, false, IMAP_DRAFT },
	{ S("EMAILID"), A_ID, IMAP_K_EMAILID },
	{ S("FLAGGED"), A_NONE, IMAP_K_FLAG, false, IMAP_FLAGGED },
	{ S("FROM"), A_TEXT, IMAP_K_HEADER, false, 0, S("From") },
	{ S("HEADER"), A_HEADER, IMAP_K_HEADER },
	{ S("KEYWORD"), A_KEYWORD, IMAP_K_KEYWORD },
	{ S("LARGER"), A_NUMBER, IMAP_K_LARGER },
	{ S("MODSEQ"), A_MODSEQ, IMAP_K_MODSEQ },
	{ S("NEW"), A_NONE, IMAP_K_NEW },
	{ S("NOT"), A_NOT, IMAP_K_NOT },
	{ S("OLD"), A_NONE, IMAP_K_FLAG, true, IMAP_RECENT },
	{ S("OLDER"), A_NUMBER, IMAP_K_OLDER },
	{ S("ON"), A_DATE, IMAP_K_ON },
	{ S("OR"), A_OR, IMAP_K_OR },
	{ S("RECENT"), A_NONE, IMAP_K_FLAG, false, IMAP_RECENT },
	{ S("SAVEDATESUPPORTED"), A_NONE, IMAP_K_ALL },
	{ S("SAVEDBEFORE"), A_DATE, IMAP_K_SAVEDBEFORE },
	{ S("SAVEDON"), A_DATE, IMAP_K_SAVEDON },
	{ S("SAVEDSINCE"), A_DATE, IMAP_K_SAVEDSINCE },
	{ S("SEEN"), A_NONE, IMAP_K_FLAG, false, IMAP_SEEN },
	{ S("SENTBEFORE"), A_DATE, IMAP_K_SENTBEFORE },
	{ S("SENTON"), A_DATE, IMAP_K_SENTON },
	{ S("SENTSINCE"), A_DATE, IMAP_K_SENTSINCE },
	{ S("SINCE"), A_DATE, IMAP_K_SINCE },
	{ S("SMALLER"), A_NUMBER, IMAP_K_SMALLER },
	{ S("SUBJECT"), A_TEXT, IMAP_K_HEADER, false, 0, S("Subject") },
	{ S("TEXT"), A_TEXT, IMAP_K_TEXT },
	{ S("THREADID"), A_ID, IMAP_K_THREADID },
	{ S("TO"), A_TEXT, IMAP_K_HEADER, false, 0, S("To") },
	{ S("UID"), A_SET, IMAP_K_UID },
	{ S("UNANSWERED"), A_NONE, IMAP_K_FLAG, true, IMAP_ANSWERED },
	{ S("UNDELETED"), A_NONE, IMAP_K_FLAG, true, IMAP_DELETED },
	{ S("UNDRAFT"), A_NONE, IMAP_K_FLAG, true, IMAP_DRAFT },
	{ S("UNFLAGGED"), A_NONE, IMAP_K_FLAG, true, IMAP_FLAGGED },
	{ S("UNKEYWORD"), A_KEYWORD, IMAP_K_KEYWORD, true },
	{ S("UNSEEN"), A_NONE, IMAP_K_FLAG, true, IMAP_SEEN },
	{ S("YOUNGER"), A_NUMBER, IMAP_K_YOUNGER },
};

struct parse {
	struct imap_in *in;
	struct imap_search *s;
	unsigned depth, keys;
};

static err parse_key(struct parse *p, struct imap_key **out);

static struct imap_key *new_key(struct parse *p, enum imap_key_op op)
{
	struct imap_key *k = NEW_TRY(p->in->a, struct imap_key, 1);

	if (k)
		k->op = op;
	return k;
}

/* "SP key" *("SP key") into an AND; at the first key. */
static err parse_and(struct parse *p, struct imap_key *and)
{
	struct imap_key **last = &and->child;

	do {
		TRY(parse_key(p, last));
		last = &(*last)->next;
	} while (imap_eat(p->in, ' '));
	return OK;
}

static err parse_text(struct parse *p, str *out)
{
	TRY(imap_astring(p->in, out));
	if (!utf8_valid(*out))
		return fail(E_SYNTAX, "Search text is not in the charset");
	return OK;
}

static err parse_search_date(struct imap_in *in, int64_t *days)
{
	str s;

	TRY(imap_astring(in, &s));
	return imap_parse_date(s, days);
}

/* "MODSEQ 5" or 'MODSEQ "/flags/\\Draft" all 5' (RFC 7162 3.1.5); we keep one value a mail, which
 * is what the entry's value can be at most, so the entry does not matter. */
static err parse_modseq(struct parse *p, struct imap_key *k)
{
	str entry, type;
	uint64_t v;

	if (p->in->rest.n && p->in->rest.p[0] == '"') {
		TRY(imap_string(p->in, &entry));
		TRY(imap_expect(p->in, ' '));
		TRY(imap_atom(p->in, &type));
		if (!str_eqi(type, STR("all")) && !str_eqi(type, STR("priv")) &&
		    !str_eqi(type, STR("shared")))
			return fail(E_SYNTAX, "Unknown entry type");
		TRY(imap_expect(p->in, ' '));
	}
	TRY(imap_number(p->in, (uint64_t)INT64_MAX, &v));
	k->number = (int64_t)v;
	p->s->modseq = true;
	return OK;
}

static err parse_arg(struct parse *p, const struct word *w, struct imap_key *k)
{
	struct imap_in *in = p->in;
	uint64_t v;

	if (w->arg == A_NONE)
		return OK;
	TRY(imap_expect(in, ' '));
	switch (w->arg) {
	case A_NONE:
		return OK;
	case A_HEADER:
		TRY(imap_astring(in, &k->field));
		TRY(imap_expect(in, ' '));
		return parse_text(p, &k->text);
	case A_TEXT:
		return parse_text(p, &k->text);
	case A_KEYWORD:
		return imap_flag(in, &k->text);
	case A_ID:
		return imap_atom(in, &k->text);
	case A_DATE:
		return parse_search_date(in, &k->number);
	case A_NUMBER:
		TRY(imap_number(in, (uint64_t)INT64_MAX, &v));
		k->number = (int64_t)v;
		return OK;
	case A_SET:
		return imap_parse_set(in, &k->set);
	case A_MODSEQ:
		return parse_modseq(p, k);
	case A_NOT:
		return parse_key(p, &k->child);
	case A_OR:
		TRY(parse_key(p, &k->child));
		TRY(imap_expect(in, ' '));
		return parse_key(p, &k->child->next);
	}
	return OK;
}

static err parse_word(struct parse *p, struct imap_key **out)
{
	str name;

	TRY(imap_atom(p->in, &name));
	for (size_t i = 0; i < COUNT(words); i++) {
		const struct word *w = &words[i];
		if (!str_eqi(name, w->name))
			continue;
		struct imap_key *k = new_key(p, w->op), *top = k;
		if (w->not )
			top = new_key(p, IMAP_K_NOT);
		if (!k || !top)
			return fail(E_LIMIT, "Command too large");
		if (w->not )
			top->child = k;
		k->number = w->number;
		k->field = w->field;
		*out = top;
		return parse_arg(p, w, k);
	}
	return fail(E_SYNTAX, "Unknown search key");
}

static bool at_set(str s)
{
	return s.n && (ch_digit(s.p[0]) || s.p[0] == '*' || s.p[0] == '$');
}

static err parse_key(struct parse *p, struct imap_key **out)
{
	err e;

	if (++p->keys > LIM_IMAP_KEYS)
		return fail(E_LIMIT, "More than %d search keys", LIM_IMAP_KEYS);
	if (++p->depth > LIM_IMAP_DEPTH)
		return fail(E_LIMIT, "Search keys nested over %d", LIM_IMAP_DEPTH);
	if (imap_eat(p->in, '(')) {
		*out = new_key(p, IMAP_K_AND);
		if (!*out)
			return fail(E_LIMIT, "Command too large");
		TRY(parse_and(p, *out));
		e = imap_expect(p->in, ')');
	} else if (at_set(p->in->rest)) {
		*out = new_key(p, IMAP_K_SET);
		if (!*out)
			return fail(E_LIMIT, "Command too large");
		e = imap_parse_set(p->in, &(*out)->set);
	} else {
		e = parse_word(p, out);
	}
	p->depth--;
	return e;
}

static const struct {
	str name;
	unsigned bit;
} returns[] = {
	{ S("MIN"), IMAP_R_MIN },     { S("MAX"), IMAP_R_MAX },	  { S("ALL"), IMAP_R_ALL },
	{ S("COUNT"), IMAP_R_COUNT }, { S("SAVE"), IMAP_R_SAVE },
};

static err parse_return(struct imap_in *in, struct imap_search *s)
{
	str word;

	s->extended = true;
	TRY(imap_expect(in, ' '));
	TRY(imap_expect(in, '('));
	if (!imap_eat(in, ')')) {
		do {
			size_t i = 0;
			TRY(imap_atom(in, &word));
			while (i < COUNT(returns) && !str_eqi(word, returns[i].name))
				i++;
			if (i == COUNT(returns))
				return fail(E_SYNTAX, "Unknown search return option");
			s->ret |= returns[i].bit;
		} while (imap_eat(in, ' '));
		TRY(imap_expect(in, ')'));
	}
	if (s->ret == 0)
		s->ret = IMAP_R_ALL;
	return imap_expect(in, ' ');
}

err imap_parse_search(struct imap_in *in, struct imap_search *out)
{
	struct imap_search s = { 0 };
	struct parse p = { .in = in, .s = &s };

	if (imap_eat_word(in, STR("RETURN")))
		TRY(parse_return(in, &s));
	s.charset = STR("");
	if (imap_eat_word(in, STR("CHARSET"))) {
		TRY(imap_expect(in, ' '));
		TRY(imap_astring(in, &s.charset));
		if (!str_eqi(s.charset, STR("UTF-8")) && !str_eqi(s.charset, STR("US-ASCII")))
			return fail(E_DENIED, "Unknown charset");
		TRY(imap_expect(in, ' '));
	}
	s.key = new_key(&p, IMAP_K_AND);
	if (!s.key)
		return fail(E_LIMIT, "Command too large");
	TRY(parse_and(&p, s.key));
	TRY(imap_expect_end(in));
	*out = s;
	return OK;
}

static const struct word *word_of(const struct imap_key *k, bool not )
{
	for (size_t i = 0; i < COUNT(words); i++) {
		const struct word *w = &words[i];
		if (w->op != k->op || w->not != not )
			continue;
		if (k->op == IMAP_K_FLAG && w->number != k->number)
			continue;
		if (k->op == IMAP_K_HEADER && w->arg != A_HEADER)
			continue;
		return w;
	}
	return NULL;
}

static void add_arg(struct buf *out, const struct word *w, const struct imap_key *k)
{
	switch (w->arg) {
	case A_HEADER:
		buf_addc(out, ' ');
		imap_put_astring(out, k->field, false);
		buf_addc(out, ' ');
		imap_put_string(out, k->text, false);
		break;
	case A_TEXT:
		buf_addc(out, ' ');
		imap_put_string(out, k->text, false);
		break;
	case A_KEYWORD:
	case A_ID:
		buf_fmt(out, " %.*s", STRF(k->text));
		break;
	case A_DATE: {
		static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
		struct date d = date_of(k->number * 86400, 0);
		buf_fmt(out, " %d-%.3s-%04d", d.day, months + (d.month - 1) * 3, d.year);
		break;
	}
	case A_NUMBER:
	case A_MODSEQ:
		buf_fmt(out, " %lld", (long long)k->number);
		break;
	case A_SET:
		buf_addc(out, ' ');
		imap_add_set(out, &k->set);
		break;
	case A_NONE:
	case A_NOT:
	case A_OR:
		break;
	}
}

/* Depth: a parsed key's, at most LIM_IMAP_DEPTH and the NOT of a word. */
static void add_key(struct buf *out, const struct imap_key *k)
{
	const struct word *w = k->op == IMAP_K_NOT ? word_of(k->child, true) : NULL;

	if (w) {
		buf_add(out, w->name);
		add_arg(out, w, k->child);
	} else if (k->op == IMAP_K_SET) {
		imap_add_set(out, &k->set);
	} else if (k->op == IMAP_K_AND) {
		for (const struct imap_key *c = k->child; c; c = c->next) {
			buf_addc(out, c == k->child ? '(' : ' ');
			add_key(out, c);
		}
		buf_addc(out, ')');
	} else {
		w = word_of(k, false);
		assert(w); /* each key that is parsed has a word */
		buf_add(out, w->name);
		add_arg(out, w, k);
		for (const struct imap_key *c = k->child; c; c = c->next) {
			buf_addc(out, ' ');
			add_key(out, c);
		}
	}
}

void imap_add_search(struct buf *out, const struct imap_search *s)
{
	if (s->extended) {
		const char *sep = "";
		buf_add(out, STR("RETURN ("));
		for (size_t i = 0; i < COUNT(returns); i++) {
			if (!(s->ret & returns[i].bit))
				continue;
			buf_fmt(out, "%s%.*s", sep, STRF(returns[i].name));
			sep = " ";
		}
		buf_add(out, STR(") "));
	}
	if (s->charset.n)
		buf_fmt(out, "CHARSET %.*s ", STRF(s->charset));
	for (const struct imap_key *c = s->key->child; c; c = c->next) {
		if (c != s->key->child)
			buf_addc(out, ' ');
		add_key(out, c);
	}
}
