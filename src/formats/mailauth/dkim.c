#include "formats/mailauth/dkim.h"

#include "base/limits.h"
#include "formats/mailauth/tags.h"

static int hex_of(char c)
{
	return ch_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 2.11 dkim-quoted-printable; white space in it does not count. */
static err undo_quoted(str in, struct arena *a, str *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, LIM_DKIM_FIELD);
	while (in.n) {
		size_t n = 1;

		if (in.p[0] == '=') {
			int high = in.n > 2 ? hex_of(in.p[1]) : -1;
			int low = in.n > 2 ? hex_of(in.p[2]) : -1;

			if (high < 0 || low < 0)
				return fail(E_SYNTAX, "i= is not quoted-printable");
			buf_addc(&b, (char)(high * 16 + low));
			n = 3;
		} else if (str_find(STR(" \t\r\n"), in.p[0]) == 4) {
			buf_addc(&b, in.p[0]);
		}
		in = str_skip(in, n);
	}
	TRY(buf_done(&b));
	*out = arena_dup(a, buf_str(&b));
	return out->p ? OK : fail(E_LIMIT, "memory for i=");
}

/* ---- one tag after the other; value.p NULL: not given ---- */
static err take_algorithm(str v, struct dkim_signature *s)
{
	s->a = v.p ? v : STR("");
	if (!v.p)
		return fail(E_SYNTAX, "no a=");
	if (str_eqi(v, STR("rsa-sha256")))
		s->algorithm = DKIM_RSA_SHA256;
	else if (str_eqi(v, STR("ed25519-sha256")))
		s->algorithm = DKIM_ED25519_SHA256;
	else
		return fail(E_DENIED, "algorithm %.*s is not accepted", STRF(str_take(v, 40)));
	return OK;
}

static err take_canon(str v, struct dkim_signature *s)
{
	str header = v, body = STR("simple");

	s->canon_given = v.p != NULL;
	if (!v.p)
		return OK;
	(void)str_cut(v, '/', &header, &body);
	s->relaxed_header = str_eqi(header, STR("relaxed"));
	s->relaxed_body = str_eqi(body, STR("relaxed"));
	if ((!s->relaxed_header && !str_eqi(header, STR("simple"))) ||
	    (!s->relaxed_body && !str_eqi(body, STR("simple"))))
		return fail(E_SYNTAX, "c= names an unknown form");
	return OK;
}

static bool is_domain(str s)
{
	bool letter = false;

	if (!s.n || s.n > LIM_SPF_NAME || s.p[0] == '.' || s.p[s.n - 1] == '.' ||
	    str_search(s, STR("..")) < s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!ch_alnum(c) && c != '-' && c != '_' && c != '.' && (unsigned char)c < 128)
			return false;
		letter = letter || c != '.';
	}
	return letter;
}

static err take_names(const struct tags *t, struct dkim_signature *s)
{
	str d = tags_value(t, STR("d")), sel = tags_value(t, STR("s"));

	s->domain = d.p ? d : STR("");
	s->selector = sel.p ? sel : STR("");
	if (!is_domain(s->domain))
		return fail(E_SYNTAX, "d= is no domain");
	if (!is_domain(s->selector))
		return fail(E_SYNTAX, "s= is no selector");
	return OK;
}

/* 3.5 i=: in d= or below it. */
static err take_identity(str v, struct arena *a, struct dkim_signature *s)
{
	if (!v.p) {
		s->identity = arena_fmt(a, "@%.*s", STRF(s->domain));
		return s->identity.p ? OK : fail(E_LIMIT, "memory for i=");
	}
	TRY(undo_quoted(v, a, &s->identity));
	size_t at = str_rfind(s->identity, '@');
	str domain = str_skip(s->identity, at + 1);
	bool below = domain.n > s->domain.n && str_endsi(domain, s->domain) &&
		     domain.p[domain.n - s->domain.n - 1] == '.';

	if (at == s->identity.n || (!below && !str_eqi(domain, s->domain)))
		return fail(E_SYNTAX, "i= is not within d=");
	return OK;
}

static err take_h(str v, enum dkim_kind kind, struct dkim_signature *s)
{
	str rest = v, name;
	size_t n = 0;
	bool from = false;

	s->names = v;
	while (dkim_next_name(&rest, &name)) {
		if (!name.n)
			return fail(E_SYNTAX, "h= has an empty name");
		if (++n > LIM_DKIM_NAMES)
			return fail(E_LIMIT, "h= has more than %d names", LIM_DKIM_NAMES);
		from = from || str_eqi(name, STR("from"));
		/* RFC 8617 4.1.2 */
		if (kind == DKIM_ARC_MESSAGE && str_eqi(name, STR("arc-seal")))
			return fail(E_SYNTAX, "h= of an ARC-Message-Signature names ARC-Seal");
	}
	return from ? OK : fail(E_SYNTAX, "h= does not sign From");
}

static err take_number(const struct tags *t, str name, int64_t *out)
{
	str v = tags_value(t, name);
	uint64_t u;

	*out = -1;
	if (!v.p)
		return OK;
	if (str_u64(v, INT64_MAX, &u) != OK)
		return fail(E_SYNTAX, "%.*s= is no number", STRF(name));
	*out = (int64_t)u;
	return OK;
}

static err take_times(const struct tags *t, struct dkim_signature *s)
{
	TRY(take_number(t, STR("t"), &s->time));
	TRY(take_number(t, STR("x"), &s->expires));
	if (s->expires >= 0 && s->time >= 0 && s->expires <= s->time)
		return fail(E_SYNTAX, "x= is not behind t=");
	return OK;
}

static err take_query(str v)
{
	str rest = v, word;

	while (tags_word(&rest, &word))
		if (str_eqi(word, STR("dns/txt")))
			return OK;
	return v.p ? fail(E_DENIED, "q= names no query that we know") : OK;
}

static err take_length(const struct tags *t, struct dkim_signature *s)
{
	str v = tags_value(t, STR("l"));

	s->limited = v.p != NULL;
	if (v.p && str_u64(v, UINT64_MAX, &s->length) != OK)
		return fail(E_SYNTAX, "l= is no number");
	return OK;
}

static err take_signature(const struct tags *t, struct arena *a, struct dkim_signature *s)
{
	const struct tag *b = tags_find(t, STR("b"));

	if (!b || tags_base64(b->value, a, &s->b) != OK || !s->b.n)
		return fail(E_SYNTAX, "b= is no signature");
	s->b_text = b->value;
	s->b_whole = b->whole;
	return OK;
}

static err take_body_hash(const struct tags *t, struct arena *a, struct dkim_signature *s)
{
	str v = tags_value(t, STR("bh"));

	if (!v.p || tags_base64(v, a, &s->bh) != OK || s->bh.n != 32)
		return fail(E_SYNTAX, "bh= is no SHA-256 hash");
	return OK;
}

/* "1" to "50" (RFC 8617 4.2.1). */
static unsigned instance_of(str v)
{
	uint64_t n = 0;

	return v.p && str_u64(v, LIM_ARC_INSTANCES, &n) == OK ? (unsigned)n : 0;
}

/* RFC 8617 4.1.3: a seal covers the chain alone, so that h=, bh= and l= have no meaning in it. */
static err take_seal(const struct tags *t, struct dkim_signature *s)
{
	str cv = tags_value(t, STR("cv"));

	if (tags_find(t, STR("h")))
		return fail(E_SYNTAX, "an ARC-Seal with h=");
	s->chain = cv.p ? cv : STR("");
	if (!str_eqi(s->chain, STR("none")) && !str_eqi(s->chain, STR("pass")) &&
	    !str_eqi(s->chain, STR("fail")))
		return fail(E_SYNTAX, "cv= is not none, pass or fail");
	s->relaxed_header = true; /* 5.1.1 */
	return OK;
}

static err take_message(const struct tags *t, enum dkim_kind kind, struct arena *a,
			struct dkim_signature *s)
{
	TRY(take_canon(tags_value(t, STR("c")), s));
	TRY(take_h(tags_value(t, STR("h")), kind, s));
	TRY(take_length(t, s));
	TRY(take_query(tags_value(t, STR("q"))));
	return take_body_hash(t, a, s);
}

err dkim_parse(str value, enum dkim_kind kind, struct arena *a, struct dkim_signature *out)
{
	struct dkim_signature *s = out;
	struct tags t;

	*s = (struct dkim_signature){ .a = STR(""),
				      .domain = STR(""),
				      .selector = STR(""),
				      .identity = STR(""),
				      .b_text = STR(""),
				      .chain = STR(""),
				      .time = -1,
				      .expires = -1 };
	if (value.n > LIM_DKIM_FIELD)
		return fail(E_LIMIT, "the field has over %zu octets", LIM_DKIM_FIELD);
	TRY(tags_parse(value, &t));
	err algorithm = take_algorithm(tags_value(&t, STR("a")), s);

	TRY(take_names(&t, s));
	if (kind == DKIM_SIGNATURE) {
		/* 3.5 v=: before all that another version may mean otherwise */
		if (!str_eq(tags_value(&t, STR("v")), STR("1")))
			return fail(E_SYNTAX, "v= is not 1");
		TRY(take_identity(tags_value(&t, STR("i")), a, s));
	} else {
		s->instance = instance_of(tags_value(&t, STR("i")));
		if (!s->instance)
			return fail(E_SYNTAX, "i= is not from 1 to %d", LIM_ARC_INSTANCES);
	}
	TRY(take_signature(&t, a, s));
	TRY(take_times(&t, s));
	TRY(kind == DKIM_ARC_SEAL ? take_seal(&t, s) : take_message(&t, kind, a, s));
	if (algorithm != OK)
		return take_algorithm(tags_value(&t, STR("a")), s);
	return OK;
}

bool dkim_next_name(str *rest, str *name)
{
	return tags_word(rest, name);
}

unsigned dkim_instance(str value)
{
	str one, name, v;

	/* In ARC-Authentication-Results the first; in the others anywhere. */
	while (str_next(&value, ';', &one))
		if (str_cut(one, '=', &name, &v) && str_eq(str_trim_ws(name), STR("i")))
			return instance_of(str_trim_ws(v));
	return 0;
}

str dkim_without_b(const struct canon_field *f, const struct dkim_signature *s, struct arena *a)
{
	size_t before = (size_t)(s->b_whole.p - f->raw.p);
	str behind = str_skip(f->raw, before + s->b_whole.n);

	/* The line end stays, though it stands within the last tag's white space. */
	if (!behind.n)
		behind = STR("\r\n");
	return arena_fmt(a, "%.*s%.*s", STRF(str_take(f->raw, before)), STRF(behind));
}

/* ---- key records ---- */
static bool has_word(str list, str word, str any)
{
	str one;

	while (tags_word(&list, &one))
		if (str_eqi(one, word) || (any.n && str_eq(one, any)))
			return true;
	return false;
}

err dkim_parse_key(str text, struct arena *a, struct dkim_key *out)
{
	struct tags t;

	*out = (struct dkim_key){ 0 };
	TRY(tags_parse(text, &t));
	str v = tags_value(&t, STR("v")), k = tags_value(&t, STR("k")),
	    p = tags_value(&t, STR("p"));
	str h = tags_value(&t, STR("h")), s = tags_value(&t, STR("s"));
	str flags = tags_value(&t, STR("t"));

	if (v.p && (!str_eq(v, STR("DKIM1")) || tags_find(&t, STR("v")) != t.v))
		return fail(E_SYNTAX, "v= of the key is not DKIM1, or not first");
	if (!p.p)
		return fail(E_SYNTAX, "no p= in the key");
	out->ed25519 = k.p && str_eqi(k, STR("ed25519"));
	if (k.p && !out->ed25519 && !str_eqi(k, STR("rsa")))
		return fail(E_DENIED, "k=%.*s is not known", STRF(str_take(k, 20)));
	if (h.p && !has_word(h, STR("sha256"), STR("")))
		return fail(E_DENIED, "the key's h= has no sha256");
	if (s.p && !has_word(s, STR("email"), STR("*")))
		return fail(E_DENIED, "the key's s= is not for mail");
	out->test = has_word(flags, STR("y"), STR(""));
	out->strict = has_word(flags, STR("s"), STR(""));
	out->revoked = !p.n;
	if (p.n && tags_base64(p, a, &out->bytes) != OK)
		return fail(E_SYNTAX, "p= of the key is no base64");
	return OK;
}
