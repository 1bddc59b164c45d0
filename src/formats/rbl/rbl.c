#include "formats/rbl/rbl.h"

#include <string.h>

#include "base/date.h"
#include "base/limits.h"
#include "base/mem.h"
#include "formats/dns/rdata.h"

static const str names[RBL_TYPES] = {
	[RBL_IP4SET] = S("ip4set"),   [RBL_IP4TRIE] = S("ip4trie"), [RBL_IP4TSET] = S("ip4tset"),
	[RBL_IP6TRIE] = S("ip6trie"), [RBL_IP6TSET] = S("ip6tset"), [RBL_DNSET] = S("dnset"),
	[RBL_GENERIC] = S("generic"), [RBL_ZONE] = S("zone"),	    [RBL_COMBINED] = S("combined"),
};

err rbl_type_parse(str text, enum rbl_type *out)
{
	for (unsigned i = 0; i < RBL_TYPES; i++)
		if (str_eq(text, names[i])) {
			*out = (enum rbl_type)i;
			return OK;
		}
	return fail(
		E_NOTFOUND,
		"\"%.*s\" is no type of list; write ip4set, ip4trie, ip4tset, ip6trie, ip6tset, "
		"dnset, generic, zone or combined",
		STRF(text));
}

str rbl_type_name(enum rbl_type t)
{
	return names[t];
}

/* One file being read. */
struct reading {
	struct rbl_reader *r;
	enum rbl_type type; /* of the dataset that the lines belong to */
	bool in_dataset;    /* of a combined file: behind its first $DATASET */
	struct rbl_value dflt;
	uint32_t max_range; /* addresses; 0: any */
	str file;
	struct buf rdata;
};

static void complain(struct reading *g, const char *what)
{
	g->r->bad++;
	if (g->r->complaints)
		buf_fmt(g->r->complaints, "%.*s:%zu: %s\n", STRF(g->file), g->r->lines, what);
}

static str skip_space(str s)
{
	size_t i = 0;

	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	return str_skip(s, i);
}

/* ---- values ---- */

/* ":2:text", ":127.0.0.2:text", ":2", "text". What is left out is the default's: without a second
 * colon the text, too. */
static err take_value(str s, const struct rbl_value *dflt, struct rbl_value *out)
{
	*out = *dflt;
	s = str_trim_ws(s);
	if (s.n && s.p[0] == ':') {
		str a = str_skip(s, 1), txt = STR("");
		uint32_t first = 0;
		unsigned octets = 0;
		uint64_t v;
		bool cut = str_cut(str_skip(s, 1), ':', &a, &txt);

		a = str_trim(a);
		if (a.n && str_u64(a, 255, &v) == OK && v > 0) {
			memcpy(out->a, (unsigned char[]){ 127, 0, 0, (unsigned char)v }, 4);
		} else if (a.n) {
			for (size_t i = 0; i < a.n; i++)
				octets += a.p[i] == '.';
			uint32_t last;
			str rest;

			if (octets != 3 || rbl_range4(a, true, &first, &last, &rest) != OK ||
			    rest.n)
				return fail(E_SYNTAX, "the value \"%.*s\" is no address", STRF(a));
			for (unsigned i = 0; i < 4; i++)
				out->a[i] = (unsigned char)(first >> (24 - 8 * i));
		}
		if (!cut)
			return OK;
		out->txt = skip_space(txt);
		out->has_txt = out->txt.n > 0;
	} else if (s.n) {
		out->txt = s;
		out->has_txt = true;
	}
	return OK;
}

static bool is_comment(str s)
{
	return s.n && (s.p[0] == '#' || s.p[0] == ';');
}

static err entry_value(const struct reading *g, str rest, struct rbl_value *out)
{
	rest = skip_space(rest);
	if (is_comment(rest))
		rest = STR("");
	return take_value(rest, &g->dflt, out);
}

/* ---- entries, one function a type ---- */

static err entry_ip4(struct reading *g, str s, struct rbl_entry *e)
{
	str rest;

	TRY(rbl_range4(s, g->type != RBL_IP4SET, &e->first, &e->last, &rest));
	if (g->max_range && e->last - e->first >= g->max_range)
		return fail(E_SYNTAX, "a range of more addresses than $MAXRANGE4 allows");
	if (g->type == RBL_IP4TSET && e->first != e->last)
		return fail(E_SYNTAX, "ip4tset has single addresses alone");
	return entry_value(g, rest, &e->value);
}

static err entry_ip6(struct reading *g, str s, struct rbl_entry *e)
{
	str rest;

	TRY(rbl_prefix6(s, e->ip6, &e->bits, &rest));
	if (g->type == RBL_IP6TSET && e->bits != (e->exclude ? 128 : 64))
		return fail(E_SYNTAX, e->exclude ? "ip6tset excludes single addresses alone"
						 : "ip6tset has /64 networks alone");
	return entry_value(g, rest, &e->value);
}

/* A word as a relative name: in wire form without the root's label. "@" or "": no label. */
static err take_name(str word, struct dns_name *out)
{
	if (word.n == 0 || str_eq(word, STR("@"))) {
		out->n = 0;
		return OK;
	}
	TRY(dns_name_parse(word, str_of("", 1), out));
	dns_name_lower(out);
	out->n--;
	return OK;
}

static str next_word(str *s)
{
	size_t i = 0;
	str t = skip_space(*s);

	while (i < t.n && t.p[i] != ' ' && t.p[i] != '\t' && t.p[i] != '\r')
		i++;
	*s = str_skip(t, i);
	return str_take(t, i);
}

/* A name ends at white space; a value may follow a name only behind it. */
static err entry_dnset(struct reading *g, str s, struct rbl_entry *e)
{
	str word = next_word(&s);

	e->plain = e->wildcard = true;
	if (str_starts(word, STR("*."))) {
		e->plain = false;
		word = str_skip(word, 2);
	} else if (word.n && word.p[0] == '.') {
		word = str_skip(word, 1);
	} else {
		e->wildcard = false;
	}
	TRY(take_name(word, &e->name));
	if (e->name.n == 0)
		return fail(E_SYNTAX, "an entry without a name");
	return entry_value(g, s, &e->value);
}

/* "www 3000 A 127.0.0.1": absolute names in the data. */
static err entry_generic(struct reading *g, str s, struct rbl_entry *e)
{
	str word = next_word(&s);

	e->wildcard = g->type == RBL_ZONE && str_starts(word, STR("*."));
	TRY(take_name(e->wildcard ? str_skip(word, 2) : word, &e->name));
	word = next_word(&s);
	if (word.n && ch_digit(word.p[0])) {
		TRY(dns_ttl_parse(word, &e->ttl));
		word = next_word(&s);
	}
	if (str_eqi(word, STR("A")))
		e->rr_type = DNS_A;
	else if (str_eqi(word, STR("TXT")))
		e->rr_type = DNS_TXT;
	else if (str_eqi(word, STR("MX")))
		e->rr_type = DNS_MX;
	else if (str_eqi(word, STR("AAAA")))
		e->rr_type = DNS_AAAA;
	else
		return fail(E_SYNTAX, "\"%.*s\" is none of A, AAAA, TXT and MX", STRF(word));
	buf_reset(&g->rdata);
	s = skip_space(s);
	if (e->rr_type == DNS_TXT && s.n && s.p[0] != '"') { /* the rest of the line is the text */
		s = str_trim_ws(s);
		buf_u8(&g->rdata, (unsigned)(s.n > 255 ? 255 : s.n));
		buf_add(&g->rdata, str_take(s, 255));
	} else {
		TRY(dns_rdata_parse(e->rr_type, str_trim_ws(s), str_of("", 1), &g->rdata));
	}
	e->rdata = buf_str(&g->rdata);
	return buf_done(&g->rdata);
}

static bool has_records(enum rbl_type t)
{
	return t == RBL_GENERIC || t == RBL_ZONE;
}

static err take_entry(struct reading *g, str line, bool *final)
{
	struct rbl_entry e = { .type = g->type };

	if (line.p[0] == '!' && !has_records(g->type)) {
		e.exclude = true;
		line = skip_space(str_skip(line, 1));
	}
	if (g->type == RBL_COMBINED)
		return fail(E_SYNTAX, "an entry before the first $DATASET");
	if (has_records(g->type))
		TRY(entry_generic(g, line, &e));
	else if (g->type == RBL_DNSET)
		TRY(entry_dnset(g, line, &e));
	else if (g->type == RBL_IP6TRIE || g->type == RBL_IP6TSET)
		TRY(entry_ip6(g, line, &e));
	else
		TRY(entry_ip4(g, line, &e));
	*final = true;
	if (++g->r->entries > LIM_RBL_ENTRIES)
		return fail(E_LIMIT, "more than %d entries", LIM_RBL_ENTRIES);
	return g->r->entry(g->r->arg, &e);
}

/* ---- specials ---- */

static err take_soa(struct reading *g, str s)
{
	struct rbl_soa soa = { 0 };

	TRY(dns_ttl_parse(next_word(&s), &soa.ttl));
	TRY(dns_name_parse(next_word(&s), str_of("", 1), &soa.primary));
	TRY(dns_name_parse(next_word(&s), str_of("", 1), &soa.mailbox));
	for (unsigned i = 0; i < 5; i++)
		TRY(dns_ttl_parse(next_word(&s), &soa.numbers[i]));
	if (g->r->soa)
		g->r->soa(g->r->arg, &soa);
	return OK;
}

static err take_ns(struct reading *g, str s)
{
	struct dns_name *list = mem_get(RBL_NS * sizeof(*list));
	uint32_t ttl = 0;
	size_t n = 0;
	err e = dns_ttl_parse(next_word(&s), &ttl);

	for (str word = next_word(&s); e == OK && word.n && n < RBL_NS; word = next_word(&s)) {
		if (word.p[0] == '-')
			continue;
		e = dns_name_parse(word, str_of("", 1), &list[n]);
		n += e == OK;
	}
	if (e == OK && g->r->ns)
		g->r->ns(g->r->arg, ttl, list, n);
	mem_free(list);
	return e;
}

/* "2005:01:31:23:59:59" with any of its delimiters, or none: digits in groups. 0 and "-": not
 * said. */
static err take_stamp(str word, int64_t *out)
{
	static const uint8_t widths[6] = { 4, 2, 2, 2, 2, 2 };
	unsigned v[6] = { 0, 1, 1, 0, 0, 0 };
	size_t i = 0, k = 0;

	*out = 0;
	if (word.n == 0 || str_eq(word, STR("0")) || str_eq(word, STR("-")))
		return OK;
	for (; k < 6 && i < word.n; k++) {
		v[k] = 0;
		for (unsigned d = 0; d < widths[k]; d++, i++) {
			if (i >= word.n || !ch_digit(word.p[i]))
				return fail(E_SYNTAX, "\"%.*s\" is no time", STRF(word));
			v[k] = v[k] * 10 + (unsigned)(word.p[i] - '0');
		}
		if (i < word.n && (word.p[i] == ':' || word.p[i] == '-'))
			i++;
	}
	if (i < word.n || k < 3 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 ||
	    v[4] > 59 || v[5] > 60)
		return fail(E_SYNTAX, "\"%.*s\" is no time", STRF(word));
	const struct date d = { .year = (int)v[0],
				.month = (int)v[1],
				.day = (int)v[2],
				.hour = (int)v[3],
				.minute = (int)v[4],
				.second = (int)v[5] };

	*out = date_seconds(&d);
	return OK;
}

static err take_timestamp(struct reading *g, str s)
{
	int64_t made, expires = 0;
	str word = next_word(&s), until = next_word(&s);
	uint32_t more;

	TRY(take_stamp(word, &made));
	if (until.n && until.p[0] == '+') {
		TRY(dns_ttl_parse(str_skip(until, 1), &more));
		expires = made + more;
	} else {
		TRY(take_stamp(until, &expires));
	}
	if (g->r->timestamp)
		g->r->timestamp(g->r->arg, made, expires);
	return OK;
}

/* "/24" or "256"; it never grows. */
static err take_max_range(struct reading *g, str s)
{
	str word = next_word(&s);
	uint64_t v;

	if (word.n && word.p[0] == '/') {
		if (str_u64(str_skip(word, 1), 32, &v) != OK)
			return fail(E_SYNTAX, "$MAXRANGE4 needs a number of addresses or a prefix");
		v = v == 0 ? UINT32_MAX : UINT64_C(1) << (32 - v);
	} else if (str_u64(word, UINT32_MAX, &v) != OK || v == 0) {
		return fail(E_SYNTAX, "$MAXRANGE4 needs a number of addresses or a prefix");
	}
	if (!g->max_range || v < g->max_range)
		g->max_range = (uint32_t)v;
	return OK;
}

static void forget_default(struct reading *g)
{
	g->dflt = (struct rbl_value){ .a = { 127, 0, 0, 2 } };
}

static err take_dataset(struct reading *g, str s, bool *final)
{
	str word = next_word(&s), type = word, name;

	if (g->r->type != RBL_COMBINED)
		return fail(E_SYNTAX, "$DATASET stands in combined files alone");
	(void)str_cut(word, ':', &type, &name);
	TRY(rbl_type_parse(type, &g->type));
	if (g->type == RBL_COMBINED) {
		return fail(E_SYNTAX, "combined lists do not nest");
	}
	g->in_dataset = true;
	g->max_range = 0;
	forget_default(g);
	*final = true;
	return g->r->dataset ? g->r->dataset(g->r->arg, g->type, str_trim_ws(s)) : OK;
}

static err take_ttl(struct reading *g, str s)
{
	uint32_t ttl;

	TRY(dns_ttl_parse(next_word(&s), &ttl));
	if (g->r->ttl)
		g->r->ttl(g->r->arg, ttl);
	return OK;
}

/* s: behind the dollar sign. */
static err take_special(struct reading *g, str s, bool *final)
{
	str rest = s, word;

	if (s.n && (ch_digit(s.p[0]) || s.p[0] == '=')) {
		if (g->r->variable)
			g->r->variable(g->r->arg,
				       s.p[0] == '=' ? RBL_BASE : (unsigned)(s.p[0] - '0'),
				       str_trim_ws(str_skip(s, 1)));
		return OK;
	}
	word = next_word(&rest);
	if (str_eqi(word, STR("SOA")))
		return take_soa(g, rest);
	if (str_eqi(word, STR("NS")))
		return take_ns(g, rest);
	if (str_eqi(word, STR("TTL")))
		return take_ttl(g, rest);
	if (str_eqi(word, STR("TIMESTAMP")))
		return take_timestamp(g, rest);
	if (str_eqi(word, STR("MAXRANGE4")))
		return take_max_range(g, rest);
	if (str_eqi(word, STR("DATASET")))
		return take_dataset(g, rest, final);
	return fail(E_SYNTAX, "$%.*s is not known", STRF(word));
}

/* ---- lines ---- */

static err take_line(struct reading *g, str line, bool *final)
{
	line = skip_space(line);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0)
		return OK;
	if (line.p[0] == '$')
		return take_special(g, str_skip(line, 1), final);
	if (line.n > 1 && line.p[1] == '$' && (is_comment(line) || line.p[0] == ':'))
		return take_special(g, str_skip(line, 2), final);
	if (is_comment(line))
		return OK;
	if (line.p[0] == ':' && !has_records(g->type) &&
	    !(g->type == RBL_IP6TRIE && str_starts(line, STR("::"))) &&
	    !(g->type == RBL_IP6TSET && str_starts(line, STR("::")))) {
		const struct rbl_value none = { .a = { 127, 0, 0, 2 } };

		return take_value(line, &none, &g->dflt);
	}
	return take_entry(g, line, final);
}

err rbl_read(struct rbl_reader *r, str text, str file)
{
	struct reading g = { .r = r, .type = r->type, .file = file };
	err e = OK;

	r->lines = r->entries = r->bad = 0;
	forget_default(&g);
	buf_init(&g.rdata, LIM_ZONE_RDATA);
	while (text.n && e == OK) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		bool final = false;

		r->lines++;
		err bad = take_line(&g, str_of(text.p, n), &final);

		text = str_skip(text, n + 1);
		if (bad && final)
			e = bad;
		else if (bad)
			complain(&g, err_last()->text);
		if (r->bad > LIM_RBL_BAD)
			e = fail(E_SYNTAX, "%.*s is no %.*s: more than %d bad lines", STRF(file),
				 STRF(names[r->type]), LIM_RBL_BAD);
	}
	buf_free(&g.rdata);
	return e;
}

/* ---- texts ---- */

static void add_text(str txt, const str vars[RBL_VARIABLES], str asked, str base, struct buf *out)
{
	for (size_t i = 0; i < txt.n && out->n < 255; i++) {
		char c = txt.p[i], d = i + 1 < txt.n ? txt.p[i + 1] : '\0';

		if (c != '$') {
			buf_addc(out, c);
		} else if (d == '$') {
			buf_addc(out, '$');
			i++;
		} else if (d == '=' && base.p) {
			buf_add(out, str_take(base.n ? base : asked, 255 - out->n));
			i++;
		} else if (ch_digit(d) && vars[d - '0'].p) {
			buf_add(out, str_take(vars[d - '0'], 255 - out->n));
			i++;
		} else {
			buf_add(out, str_take(asked, 255 - out->n));
		}
	}
}

void rbl_text(str txt, const str vars[RBL_VARIABLES], str asked, struct buf *out)
{
	bool bare = txt.n && txt.p[0] == '=';

	if (vars[RBL_BASE].p && !bare)
		add_text(vars[RBL_BASE], vars, asked, txt.p ? txt : STR(""), out);
	else
		add_text(bare ? str_skip(txt, 1) : txt, vars, asked, (str){ 0 }, out);
}
