/* Master files: entries of tokens, what each entry means, and what other files and ranges bring. */
#include "formats/dns/zonefile.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"

enum { TOKENS = 4096 }; /* of one entry */

struct token {
	str text; /* without its quotes, escapes as they stand */
	bool quoted;
};
/* Over all files of a zone. */
struct state {
	const struct zonefile *z;
	struct dns_name origin, owner;
	uint32_t ttl, last_ttl; /* $TTL; of the last record that said one */
	bool has_ttl, has_last;
	unsigned errors, depth;
	struct buf joined, wire; /* of one record's data */
	struct token *tokens;
	size_t ntokens;
	bool blank; /* the entry begins with white space: the owner is the last one's */
};
/* One file. */
struct source {
	str text, file;
	size_t at;
	unsigned line, entry; /* where we are; where the entry began */
};

/* Tells and counts an error; gives E_LIMIT when there were too many, so that the reading ends. */
static err complain(struct state *s, const struct source *src, const char *what)
{
	if (s->z->complaints)
		buf_fmt(s->z->complaints, "%.*s:%u: %s\n", STRF(src->file), src->entry, what);
	return ++s->errors < (s->z->errors ? s->z->errors : LIM_ZONE_ERRORS)
		       ? OK
		       : fail(E_LIMIT, "too many errors");
}

/* ---- tokens ---- */

static bool is_end(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' || c == '(' ||
	       c == ')' || c == '"';
}

static err take_quoted(struct source *src, struct token *t)
{
	size_t begin = ++src->at;

	for (; src->at < src->text.n && src->text.p[src->at] != '\n'; src->at++) {
		if (src->text.p[src->at] == '"') {
			*t = (struct token){ str_of(src->text.p + begin, src->at - begin), true };
			src->at++;
			return OK;
		}
		if (src->text.p[src->at] == '\\' && src->at + 1 < src->text.n &&
		    src->text.p[src->at + 1] != '\n')
			src->at++;
	}
	return fail(E_SYNTAX, "a quoted text has no end on its line");
}

static void take_plain(struct source *src, struct token *t)
{
	size_t begin = src->at;

	while (src->at < src->text.n && !is_end(src->text.p[src->at])) {
		if (src->text.p[src->at] == '\\' && src->at + 1 < src->text.n &&
		    src->text.p[src->at + 1] != '\n')
			src->at++;
		src->at++;
	}
	*t = (struct token){ str_of(src->text.p + begin, src->at - begin), false };
}

static void skip_line(struct source *src)
{
	while (src->at < src->text.n && src->text.p[src->at] != '\n')
		src->at++;
}

static err take_token(struct state *s, struct source *src)
{
	if (s->ntokens == TOKENS)
		return fail(E_SYNTAX, "an entry of more than %d fields", TOKENS);
	struct token *t = &s->tokens[s->ntokens];

	if (src->text.p[src->at] == '"')
		TRY(take_quoted(src, t));
	else
		take_plain(src, t);
	s->ntokens++;
	return OK;
}

/* One entry's tokens: up to the end of its line, or of the parentheses that it opens. E_EOF: none
 * is left. E_SYNTAX: it is malformed, and the reading goes on behind its line. */
static err take_entry(struct state *s, struct source *src)
{
	unsigned open = 0;
	err e = OK;

	s->ntokens = 0;
	src->entry = src->line;
	if (src->at == src->text.n)
		return E_EOF;
	s->blank = src->text.p[src->at] == ' ' || src->text.p[src->at] == '\t';
	while (src->at < src->text.n && e == OK) {
		char c = src->text.p[src->at];

		if (c == '\n') {
			src->at++;
			src->line++;
			if (open == 0)
				return OK;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			src->at++;
		} else if (c == ';') {
			skip_line(src);
		} else if (c == '(') {
			open++;
			src->at++;
		} else if (c == ')') {
			e = open ? OK : fail(E_SYNTAX, "a ) without its (");
			open -= open > 0;
			src->at++;
		} else {
			e = take_token(s, src);
		}
	}
	if (e == OK && open)
		e = fail(E_SYNTAX, "a ( without its )");
	if (e)
		skip_line(src);
	return e;
}

/* ---- records ---- */

/* The data's fields as one text again. */
static err join(struct state *s, size_t first)
{
	buf_reset(&s->joined);
	for (size_t i = first; i < s->ntokens; i++) {
		const struct token *t = &s->tokens[i];

		if (i > first)
			buf_addc(&s->joined, ' ');
		if (t->quoted)
			buf_addc(&s->joined, '"');
		buf_add(&s->joined, t->text);
		if (t->quoted)
			buf_addc(&s->joined, '"');
	}
	return buf_done(&s->joined) == OK ? OK : fail(E_SYNTAX, "an entry is too long");
}

static bool is_class(str t)
{
	return str_eqi(t, STR("IN")) || str_eqi(t, STR("CLASS1"));
}

/* [ttl] [class] type, the first two in either order (RFC 1035 5.1). */
struct head {
	uint32_t ttl;
	bool has_ttl;
	uint16_t type;
};

static err take_head(const struct state *s, size_t *at, struct head *h)
{
	bool has_class = false;

	*h = (struct head){ 0 };
	for (; *at < s->ntokens; ++*at) {
		str t = s->tokens[*at].text;

		if (s->tokens[*at].quoted)
			break;
		if (!has_class && is_class(t)) {
			has_class = true;
		} else if (!h->has_ttl && t.n && ch_digit(t.p[0])) {
			err e = dns_ttl_parse(t, &h->ttl);

			TRY(e);
			if (h->ttl > INT32_MAX) /* RFC 2181 8 */
				return fail(E_SYNTAX, "the TTL %.*s is over 2147483647", STRF(t));
			h->has_ttl = true;
		} else if (str_eqi(t, STR("CH")) || str_eqi(t, STR("HS")) ||
			   str_startsi(t, STR("CLASS"))) {
			return fail(E_SYNTAX, "class %.*s: only IN is served", STRF(t));
		} else {
			++*at;
			return dns_type_parse(t, &h->type) == OK
				       ? OK
				       : fail(E_SYNTAX, "\"%.*s\" is no type", STRF(t));
		}
	}
	return fail(E_SYNTAX, "a record without a type");
}

/* RFC 2308 4, RFC 1035 5.1: its own, $TTL's, the last one said, or a SOA's own minimum. */
static err choose_ttl(struct state *s, struct head *h)
{
	str data = buf_str(&s->wire);

	if (h->has_ttl) {
		s->last_ttl = h->ttl;
		s->has_last = true;
	} else if (s->has_ttl) {
		h->ttl = s->ttl;
	} else if (s->has_last) {
		h->ttl = s->last_ttl;
	} else if (h->type == DNS_SOA && data.n >= 20) {
		h->ttl = s->last_ttl = dns_get32(data.p + data.n - 4);
		s->has_last = true;
	} else if (s->z->ttl_known) {
		h->ttl = s->z->ttl;
	} else {
		return fail(E_SYNTAX, "no TTL: none here, no $TTL, and none before");
	}
	return OK;
}

/* The entry from its at-th token on, which is its TTL, class or type. Errors of the record function
 * come back as E_CANCELED's like: they are marked in *final. */
static err take_record(struct state *s, const struct source *src, size_t at, bool *final)
{
	struct head h;

	TRY(take_head(s, &at, &h));
	if (h.type == DNS_OPT || h.type == DNS_TSIG || (h.type >= 128 && h.type <= 255) ||
	    h.type == 0)
		return fail(E_SYNTAX, "a type that no zone has");
	TRY(join(s, at));
	buf_reset(&s->wire);
	err e = dns_rdata_parse(h.type, buf_str(&s->joined), dns_name_str(&s->origin), &s->wire);

	if (e)
		return E_SYNTAX;
	TRY(choose_ttl(s, &h));
	const struct zonefile_record r = { .owner = dns_name_str(&s->owner),
					   .type = h.type,
					   .ttl = h.ttl,
					   .rdata = buf_str(&s->wire),
					   .file = src->file,
					   .line = src->entry };

	e = s->z->record(s->z->arg, &r);
	*final = e != OK;
	return e;
}

/* ---- directives ---- */

static err need_tokens(const struct state *s, size_t least, size_t most)
{
	if (s->ntokens < least)
		return fail(E_SYNTAX, "%.*s needs more", STRF(s->tokens[0].text));
	return s->ntokens <= most
		       ? OK
		       : fail(E_SYNTAX, "\"%.*s\" is too much", STRF(s->tokens[most].text));
}

static err set_origin(struct state *s)
{
	struct dns_name n;

	TRY(need_tokens(s, 2, 2));
	TRY(dns_name_parse(s->tokens[1].text, dns_name_str(&s->origin), &n));
	s->origin = n;
	return OK;
}

static err set_ttl(struct state *s)
{
	uint32_t ttl;

	TRY(need_tokens(s, 2, 2));
	TRY(dns_ttl_parse(s->tokens[1].text, &ttl));
	if (ttl > INT32_MAX)
		return fail(E_SYNTAX, "a TTL over 2147483647");
	s->ttl = ttl;
	s->has_ttl = true;
	return OK;
}

static err read_source(struct state *s, struct source *src);

/* RFC 1035 5.1: the included file begins with the given origin, or with ours; afterwards origin and
 * owner are what they were. */
static err include(struct state *s, const struct source *src, bool *final)
{
	const struct dns_name origin = s->origin, owner = s->owner;
	struct source in = { .line = 1 };

	TRY(need_tokens(s, 2, 3));
	if (!s->z->include)
		return fail(E_SYNTAX, "$INCLUDE is not allowed here");
	if (s->depth == LIM_ZONE_INCLUDES)
		return fail(E_SYNTAX, "more than %d files include each other", LIM_ZONE_INCLUDES);
	if (s->ntokens == 3)
		TRY(dns_name_parse(s->tokens[2].text, dns_name_str(&origin), &s->origin));
	in.file = s->tokens[1].text;
	err e = s->z->include(s->z->arg, in.file, src->file, &in.text);

	if (e) {
		s->origin = origin;
		return E_SYNTAX;
	}
	s->depth++;
	e = read_source(s, &in);
	s->depth--;
	s->origin = origin;
	s->owner = owner;
	*final = e != OK;
	return e;
}

/* ---- $GENERATE ---- */

struct range {
	uint64_t first, last, step;
};

static err take_range(str t, struct range *r)
{
	str span = t, step = STR(""), first, last;

	r->step = 1;
	if (str_cut(t, '/', &span, &step) &&
	    (str_u64(step, INT32_MAX, &r->step) != OK || r->step == 0))
		return fail(E_SYNTAX, "the step of \"%.*s\"", STRF(t));
	if (!str_cut(span, '-', &first, &last) || str_u64(first, INT32_MAX, &r->first) != OK ||
	    str_u64(last, INT32_MAX, &r->last) != OK || r->last < r->first)
		return fail(E_SYNTAX, "\"%.*s\" is no range; write 1-100 or 0-254/2", STRF(t));
	if ((r->last - r->first) / r->step >= LIM_ZONE_GENERATE)
		return fail(E_SYNTAX, "$GENERATE of more than %d records", LIM_ZONE_GENERATE);
	return OK;
}

/* Nibbles from the lowest one, a dot between; width counts the dots as well (BIND). */
static void add_nibbles(struct buf *out, uint64_t v, uint64_t width, bool upper)
{
	int64_t left = (int64_t)width;

	do {
		buf_fmt(out, upper ? "%X" : "%x", (unsigned)(v & 15));
		v >>= 4;
		left--;
		if (left > 0 || v) {
			buf_addc(out, '.');
			left--;
		}
	} while (v || left > 0);
}

static err add_number(struct buf *out, int64_t v, uint64_t width, char base)
{
	int w = (int)width;

	if (v < 0)
		return fail(E_SYNTAX, "$GENERATE gives a number below 0");
	switch (base) {
	case 'd':
		buf_fmt(out, "%0*lld", w, (long long)v);
		return OK;
	case 'o':
		buf_fmt(out, "%0*llo", w, (unsigned long long)v);
		return OK;
	case 'x':
		buf_fmt(out, "%0*llx", w, (unsigned long long)v);
		return OK;
	case 'X':
		buf_fmt(out, "%0*llX", w, (unsigned long long)v);
		return OK;
	case 'n':
	case 'N':
		add_nibbles(out, (uint64_t)v, width, base == 'N');
		return OK;
	default:
		return fail(E_SYNTAX, "$GENERATE knows the bases d, o, x, X, n and N");
	}
}

/* "offset[,width[,base]]" */
static err add_braces(str t, uint64_t i, struct buf *out)
{
	str offset = t, rest = STR(""), width = STR("0"), base = STR("d");
	int64_t o;
	uint64_t w;

	if (str_cut(t, ',', &offset, &rest)) {
		width = rest;
		(void)str_cut(rest, ',', &width, &base);
	}
	if (str_i64(offset, &o) != OK || o > INT32_MAX || o < -(int64_t)INT32_MAX ||
	    str_u64(width, DNS_NAME_MAX, &w) != OK || base.n != 1)
		return fail(E_SYNTAX, "\"${%.*s}\" in $GENERATE", STRF(t));
	return add_number(out, (int64_t)i + o, w, base.p[0]);
}

/* The text with each $ replaced; $$ is a $, and so is \$. */
static err substitute(str t, uint64_t i, struct buf *out)
{
	for (size_t at = 0; at < t.n; at++) {
		char c = t.p[at];

		if (c == '\\' && at + 1 < t.n) {
			if (t.p[at + 1] != '$')
				buf_addc(out, c);
			buf_addc(out, t.p[++at]);
		} else if (c != '$') {
			buf_addc(out, c);
		} else if (at + 1 < t.n && t.p[at + 1] == '$') {
			buf_addc(out, '$');
			at++;
		} else if (at + 1 < t.n && t.p[at + 1] == '{') {
			str in = str_skip(t, at + 2);
			size_t n = str_find(in, '}');

			if (n == in.n)
				return fail(E_SYNTAX, "a ${ without its }");
			TRY(add_braces(str_take(in, n), i, out));
			at += n + 2;
		} else {
			TRY(add_number(out, (int64_t)i, 0, 'd'));
		}
	}
	return OK;
}

/* One line as it would stand in the file: owner, TTL, class, type, data. */
static err generate_line(struct state *s, const str *parts, size_t n, uint64_t i, struct buf *line)
{
	buf_reset(line);
	for (size_t k = 0; k < n; k++) {
		if (k)
			buf_addc(line, ' ');
		if (k == 0 || k + 1 == n)
			TRY(substitute(parts[k], i, line));
		else
			buf_add(line, parts[k]);
	}
	return buf_done(line) == OK ? OK : fail(E_SYNTAX, "$GENERATE makes too long a line");
}

static err take_line(struct state *s, struct source *src, bool *final);

/* $GENERATE range owner [ttl] [class] type data */
static err generate(struct state *s, const struct source *src, bool *final)
{
	CLEANUP(buf_free) struct buf line = { 0 }, kept = { 0 };
	str parts[16];
	struct range r;
	size_t n = 0, at = 0;

	TRY(need_tokens(s, 4, COUNT(parts)));
	TRY(take_range(s->tokens[1].text, &r));
	/* The tokens are used again by each line: kept apart, the data as one part. */
	size_t type = 3;
	uint16_t ignored;

	while (type < s->ntokens && dns_type_parse(s->tokens[type].text, &ignored) != OK)
		type++;
	if (type + 1 >= s->ntokens)
		return fail(E_SYNTAX, "$GENERATE needs a type and data");
	TRY(join(s, type + 1));
	buf_init(&kept, LIM_ZONE_ENTRY * 2);
	for (size_t i = 2; i <= type; i++)
		buf_add(&kept, s->tokens[i].text);
	buf_add(&kept, buf_str(&s->joined));
	TRY(buf_done(&kept));
	for (size_t i = 2; i <= type; i++) {
		parts[n++] = str_of(kept.p + at, s->tokens[i].text.n);
		at += s->tokens[i].text.n;
	}
	parts[n++] = str_skip(buf_str(&kept), at);
	buf_init(&line, LIM_ZONE_ENTRY);
	for (uint64_t i = r.first; i <= r.last; i += r.step) {
		struct source one = { .file = src->file, .line = src->entry };

		TRY(generate_line(s, parts, n, i, &line));
		one.text = buf_str(&line);
		TRY(take_entry(s, &one));
		one.entry = src->entry;
		TRY(take_line(s, &one, final));
	}
	return OK;
}

/* ---- entries ---- */

/* An entry that is a record: its owner, and the rest. */
static err take_line(struct state *s, struct source *src, bool *final)
{
	if (!s->blank)
		TRY(dns_name_parse(s->tokens[0].text, dns_name_str(&s->origin), &s->owner));
	else if (s->owner.n == 0)
		return fail(E_SYNTAX, "the first record has no owner");
	return take_record(s, src, s->blank ? 0 : 1, final);
}

static err take_meaning(struct state *s, struct source *src, bool *final)
{
	str word = s->tokens[0].text;

	if (s->blank || s->tokens[0].quoted || word.n == 0 || word.p[0] != '$')
		return take_line(s, src, final);
	if (str_eqi(word, STR("$ORIGIN")))
		return set_origin(s);
	if (str_eqi(word, STR("$TTL")))
		return set_ttl(s);
	if (str_eqi(word, STR("$INCLUDE")))
		return include(s, src, final);
	if (str_eqi(word, STR("$GENERATE")))
		return generate(s, src, final);
	return fail(E_SYNTAX, "%.*s is no directive", STRF(word));
}

static err read_source(struct state *s, struct source *src)
{
	for (;;) {
		bool final = false;
		err e = take_entry(s, src);

		if (e == E_EOF)
			return OK;
		if (e == OK && s->ntokens == 0)
			continue;
		if (e == OK)
			e = take_meaning(s, src, &final);
		if (final)
			return e;
		if (e)
			TRY(complain(s, src, err_last()->text));
	}
}

err zonefile_read(const struct zonefile *z, str text, str file)
{
	struct state s = { .z = z };
	struct source src = { .text = text, .file = file, .line = 1 };

	if (z->origin.n > DNS_NAME_MAX)
		return fail(E_SYNTAX, "the origin is no name");
	memcpy(s.origin.p, z->origin.p, z->origin.n);
	s.origin.n = (unsigned char)z->origin.n;
	buf_init(&s.joined, LIM_ZONE_ENTRY);
	buf_init(&s.wire, LIM_ZONE_ENTRY);
	s.tokens = mem_get(TOKENS * sizeof(*s.tokens));
	err e = read_source(&s, &src);

	buf_free(&s.joined);
	buf_free(&s.wire);
	mem_free(s.tokens);
	if (e == OK && s.errors)
		e = fail(E_SYNTAX, "%.*s has errors", STRF(file));
	return e;
}
