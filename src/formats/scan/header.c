/* What header rules match: fields by name with modifiers, and names that stand for more. */
#include <string.h>

#include "base/enc.h"
#include "base/hash.h"
#include "formats/mime/header.h"
#include "formats/mime/text.h"
#include "formats/scan/mail.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* ---- encoded words, RFC 2047 as it is written in the wild ---- */

static bool charset_byte(char c)
{
	return (c >= '0' && c <= '9') || (ch_lower(c) >= 'a' && ch_lower(c) <= 'z') || c == '*' ||
	       c == '_' || c == '-';
}

struct word {
	str charset, text;
	char how;
	size_t n; /* octets of all of it */
};

static bool encoded_word(str s, struct word *w)
{
	size_t n = 2, end;

	if (!str_starts(s, STR("=?")))
		return false;
	while (n < s.n && charset_byte(s.p[n]))
		n++;
	if (n == 2 || n + 3 > s.n || s.p[n] != '?' || !strchr("bqBQ", s.p[n + 1]) ||
	    s.p[n + 2] != '?')
		return false;
	w->charset = str_take(str_skip(s, 2), n - 2);
	w->charset = str_take(w->charset, str_find(w->charset, '*'));
	w->how = ch_lower(s.p[n + 1]);
	end = n + 3 + str_find(str_skip(s, n + 3), '?');
	if (end + 1 >= s.n || s.p[end + 1] != '=')
		return false;
	w->text = str_take(str_skip(s, n + 3), end - n - 3);
	w->n = end + 2;
	return true;
}

static void decode_word(struct buf *out, const struct word *w)
{
	struct mime_decoder d;

	if (w->how == 'b') {
		mime_decode_init(&d, MIME_BASE64);
		if (mime_decode_feed(&d, w->text, out) || mime_decode_end(&d, out))
			mime_decode_free(&d);
		return;
	}
	for (size_t i = 0; i < w->text.n; i++) {
		CLEANUP(buf_free) struct buf one;
		char c = w->text.p[i];

		buf_init(&one, 1);
		if (c == '=' && i + 2 < w->text.n &&
		    dec_hex(&one, str_take(str_skip(w->text, i + 1), 2)) == OK) {
			buf_add(out, buf_str(&one));
			i += 2;
		} else {
			buf_addc(out, c == '_' ? ' ' : c);
		}
	}
}

static size_t blanks(str s)
{
	size_t n = 0;

	while (n < s.n && blank(s.p[n]))
		n++;
	return n;
}

/* Words of one charset that follow each other are one text: a character may be cut between them. */
static void decode_words(struct scan_mail *m, struct buf *out, str in)
{
	CLEANUP(buf_free) struct buf run;
	str charset = STR("");
	struct word w, next;

	buf_init(&run, LIM_SCAN_VALUE);
	while (in.n) {
		size_t gap;

		if (!encoded_word(in, &w)) {
			size_t at = 1 + str_find(str_skip(in, 1), '=');

			buf_add(out, str_take(in, at));
			in = str_skip(in, at);
			continue;
		}
		charset = w.charset;
		decode_word(&run, &w);
		in = str_skip(in, w.n);
		gap = blanks(in);
		if (encoded_word(str_skip(in, gap), &next)) {
			in = str_skip(in, gap);
			if (str_eqi(next.charset, charset))
				continue;
		}
		buf_add(out, scan_normalize(m, buf_str(&run), charset));
		buf_reset(&run);
	}
}

str scan_decode_field(struct scan_mail *m, str value, bool structured)
{
	struct buf b;

	if (!str_ascii(value))
		value = scan_normalize(m, value, STR("utf-8"));
	if (structured || str_search(value, STR("=?")) == value.n)
		return value;
	buf_init(&b, 4 * LIM_SCAN_VALUE);
	decode_words(m, &b, value);
	return scan_keep(m, &b);
}

/* Line ends and the blanks behind them become one space. */
static str unfolded(struct scan_mail *m, str raw)
{
	struct buf b;

	raw = str_trim_ws(raw);
	if (str_find(raw, '\n') == raw.n)
		return raw;
	buf_init(&b, raw.n + 1);
	while (raw.n) {
		size_t n = str_find(raw, '\n');

		buf_add(&b, str_take(raw, n));
		if (n < raw.n) {
			size_t gap = blanks(str_skip(raw, n + 1));

			if (gap)
				buf_addc(&b, ' ');
			n += 1 + gap;
		}
		raw = str_skip(raw, n);
	}
	return scan_keep(m, &b);
}

static bool structured_field(str name)
{
	static const str names[] = { S("received"),	     S("message-id"),  S("date"),
				     S("resent-message-id"), S("resent-date"), S("mime-version"),
				     S("references"),	     S("in-reply-to") };

	if (str_startsi(name, STR("list-")))
		return true;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (str_eqi(name, names[i]))
			return true;
	}
	return false;
}

str scan_field_value(struct scan_mail *m, struct scan_field *f)
{
	if (!f->value.p)
		f->value = scan_decode_field(m, unfolded(m, f->raw), structured_field(f->name));
	return f->value;
}

/* ---- lists of what a request found ---- */

struct list {
	struct scan_mail *m;
	str v[64];
	size_t n;
};

static void add(struct list *l, str s)
{
	if (l->n < COUNT(l->v))
		l->v[l->n++] = s;
}

static str with_newline(struct scan_mail *m, str s)
{
	str r = arena_fmt(m->a, "%.*s\n", STRF(s));

	return r.p ? r : s;
}

static void add_fields(struct list *l, str name, bool raw)
{
	struct scan_mail *m = l->m;

	for (size_t i = 0; i < m->nfields; i++) {
		if (str_eqi(m->fields[i].name, name))
			add(l, raw ? m->fields[i].raw
				   : with_newline(m, scan_field_value(m, &m->fields[i])));
	}
}

/* ---- ALL and its kin ---- */

static bool is_received(const struct scan_field *f)
{
	return str_eqi(f->name, STR("Received"));
}

/* Fields from the first-th Received field to before the last-th; -1 begins with the first field. */
static str all_fields(struct scan_mail *m, int first, int last, bool raw)
{
	struct buf b;
	int received = -1;

	buf_init(&b, LIM_SCAN_HEADER + LIM_SCAN_VALUE + LIM_SCAN_NAME);
	for (size_t i = 0; i < m->nfields && b.n < LIM_SCAN_HEADER; i++) {
		struct scan_field *f = &m->fields[i];

		received += is_received(f);
		if (received < first || received > last)
			continue;
		if (raw)
			buf_fmt(&b, "%.*s:%.*s", STRF(f->name), STRF(f->raw));
		else
			buf_fmt(&b, "%.*s: %.*s\n", STRF(f->name), STRF(scan_field_value(m, f)));
		if (received == last && is_received(f))
			break;
	}
	return scan_keep(m, &b);
}

static bool all_kin(struct list *l, str name, bool raw)
{
	struct scan_mail *m = l->m;
	const struct scan_relays *r;
	str s;

	if (!str_starts(name, STR("ALL")))
		return false;
	if (str_eq(name, STR("ALL"))) {
		add(l, raw ? m->header : all_fields(m, -1, INT32_MAX, false));
		return true;
	}
	r = scan_relays(m);
	if (str_eq(name, STR("ALL-TRUSTED")))
		s = all_fields(m, -1, r->last_trusted + 1, raw);
	else if (str_eq(name, STR("ALL-INTERNAL")))
		s = all_fields(m, -1, r->last_internal + 1, raw);
	else if (str_eq(name, STR("ALL-UNTRUSTED")))
		s = all_fields(m, r->last_trusted + 1, INT32_MAX, raw);
	else if (str_eq(name, STR("ALL-EXTERNAL")))
		s = all_fields(m, r->last_internal + 1, INT32_MAX, raw);
	else
		return false;
	if (s.n)
		add(l, s);
	return true;
}

/* ---- the envelope's sender ---- */

static bool field_before_received(struct scan_mail *m, const char *name)
{
	for (size_t i = 0; i < m->nfields; i++) {
		if (str_eqi(m->fields[i].name, str_z(name)))
			return true;
		if (is_received(&m->fields[i]))
			return false;
	}
	return false;
}

static bool first_address(struct scan_mail *m, const char *name, str *out)
{
	for (size_t i = 0; i < m->nfields; i++) {
		struct mime_address *v;

		if (!str_eqi(m->fields[i].name, str_z(name)))
			continue;
		if (str_eq(str_trim_ws(m->fields[i].raw), STR("<>"))) {
			*out = STR("");
			return true;
		}
		v = mime_addresses(m->a, m->fields[i].raw);
		if (!v || !v->mailbox.p || !v->domain.p)
			return false;
		*out = v->domain.p ? arena_fmt(m->a, "%.*s@%.*s", STRF(v->mailbox), STRF(v->domain))
				   : v->mailbox;
		return true;
	}
	return false;
}

/* fetchmail writes an envelope sender of its own. */
static bool fetched_by_user(struct scan_mail *m)
{
	bool found;
	str sender = scan_header(m, STR("X-Sender:first:addr"), &found);

	for (size_t i = 0; i < m->nfields && str_find(sender, '@') < sender.n; i++) {
		if (is_received(&m->fields[i]) &&
		    str_search(m->fields[i].raw, STR("(fetchmail")) < m->fields[i].raw.n)
			return true;
	}
	return false;
}

static bool find_envelope_from(struct scan_mail *m, str *out)
{
	static const char *const names[] = { "X-Envelope-From", "Envelope-Sender", "Return-Path" };
	const struct scan_relays *r;
	const struct scan_relay *last = NULL;

	if (m->env && m->env->known) {
		*out = m->env->from;
		return true;
	}
	r = scan_relays(m);
	if (r->nuntrusted)
		last = &r->untrusted[0];
	else if (r->ntrusted)
		last = &r->trusted[r->ntrusted - 1];
	if (last && last->envfrom.n && str_find(last->envfrom, '@') > 0 &&
	    str_find(last->envfrom, '@') < last->envfrom.n) {
		*out = last->envfrom;
		return true;
	}
	if (fetched_by_user(m))
		return false;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (field_before_received(m, names[i]) && first_address(m, names[i], out))
			return true;
	}
	return false;
}

static bool envelope_from(struct scan_mail *m, str *out)
{
	if (!m->has_envelope_from)
		m->has_envelope_from = find_envelope_from(m, &m->envelope_from) ? 1 : -1;
	*out = m->envelope_from;
	return m->has_envelope_from > 0;
}

/* ---- modifiers ---- */

enum {
	RAW = 1,
	ADDR = 2,
	NAME = 4,
	HOST = 8,
	DOMAIN = 16,
	ADDRESS_IP = 32,
	REVERSED = 64,
	FIRST = 128,
	LAST = 256
};

static str modifiers(str spec, unsigned *out)
{
	static const struct {
		str word;
		unsigned bits;
	} words[] = {
		{ S("raw"), RAW },
		{ S("addr"), ADDR },
		{ S("name"), NAME },
		{ S("host"), HOST },
		{ S("domain"), HOST | DOMAIN },
		{ S("ip"), ADDRESS_IP },
		{ S("revip"), ADDRESS_IP | REVERSED },
		{ S("first"), FIRST },
		{ S("last"), LAST },
	};
	str name, rest, word;

	*out = 0;
	if (!str_cut(spec, ':', &name, &rest))
		return spec;
	while (str_next(&rest, ':', &word)) {
		for (size_t i = 0; i < COUNT(words); i++) {
			if (str_eq(word, words[i].word))
				*out |= words[i].bits;
		}
	}
	return name;
}

/* White space folded, the quotes around all of it removed. */
static str tidy_name(struct scan_mail *m, str name)
{
	struct buf b;
	bool gap = false;

	name = str_trim_ws(scan_decode_field(m, name, false));
	buf_init(&b, name.n + 1);
	for (size_t i = 0; i < name.n; i++) {
		if (blank(name.p[i])) {
			gap = true;
			continue;
		}
		if (gap)
			buf_addc(&b, ' ');
		gap = false;
		buf_addc(&b, name.p[i]);
	}
	name = scan_keep(m, &b);
	if (name.n > 1 && name.p[0] == '\'' && name.p[name.n - 1] == '\'')
		name = str_take(str_skip(name, 1), name.n - 2);
	return name;
}

static void addresses_of(struct list *l, unsigned how)
{
	struct list in = *l;

	l->n = 0;
	for (size_t i = 0; i < in.n; i++) {
		for (struct mime_address *v = mime_addresses(l->m->a, in.v[i]); v; v = v->next) {
			if (v->kind != MIME_MAILBOX)
				continue;
			if ((how & ADDR) && v->mailbox.p && v->domain.p)
				add(l, arena_fmt(l->m->a, "%.*s@%.*s", STRF(v->mailbox),
						 STRF(v->domain)));
			else if ((how & ADDR) && v->mailbox.n &&
				 str_find(v->mailbox, '@') < v->mailbox.n)
				add(l, v->mailbox);
			else if ((how & NAME) && v->name.p)
				add(l, how & RAW ? v->name : tidy_name(l->m, v->name));
		}
	}
}

static bool host_byte(char c)
{
	return (c >= '0' && c <= '9') || (ch_lower(c) >= 'a' && ch_lower(c) <= 'z') || c == '.' ||
	       c == '-' || c == '_';
}

/* The last host behind an '@', else the first that has a known top. */
static str host_in(str line)
{
	size_t at = str_rfind(line, '@');
	str rest = at < line.n ? str_skip(line, at + 1) : line;

	while (rest.n) {
		size_t n = 0;

		while (n < rest.n && host_byte(rest.p[n]))
			n++;
		while (n && (rest.p[n - 1] == '.' || rest.p[n - 1] == '-' || rest.p[n - 1] == '_'))
			n--;
		if (n && str_find(str_take(rest, n), '.') < n && scan_host_valid(str_take(rest, n)))
			return str_take(rest, n);
		rest = str_skip(rest, n + 1);
	}
	return STR("");
}

static bool quad(str s)
{
	str piece, rest = s;
	unsigned n = 0;
	uint64_t v;

	while (str_next(&rest, '.', &piece)) {
		if (str_u64(piece, 255, &v) || ++n > 4)
			return false;
	}
	return n == 4;
}

static str ip_in(str line)
{
	while (line.n) {
		size_t n = 0;

		while (n < line.n && ((line.p[n] >= '0' && line.p[n] <= '9') || line.p[n] == '.'))
			n++;
		if (n && quad(str_take(line, n)))
			return str_take(line, n);
		line = str_skip(line, n + 1);
	}
	return STR("");
}

static str reversed(struct scan_mail *m, str ip)
{
	str rest = ip, v[4] = { { 0 } };

	for (size_t i = 0; i < 4; i++)
		(void)str_next(&rest, '.', &v[i]);
	return arena_fmt(m->a, "%.*s.%.*s.%.*s.%.*s", STRF(v[3]), STRF(v[2]), STRF(v[1]),
			 STRF(v[0]));
}

static void hosts_of(struct list *l, unsigned how)
{
	struct list in = *l;

	l->n = 0;
	for (size_t i = 0; i < in.n; i++) {
		str s;

		if (how & ADDRESS_IP) {
			s = ip_in(in.v[i]);
			if (s.n && (how & REVERSED))
				s = reversed(l->m, s);
		} else if (how & ADDR) {
			s = str_skip(in.v[i], str_rfind(in.v[i], '@') + 1);
		} else {
			s = host_in(in.v[i]);
		}
		if (s.n && (how & DOMAIN))
			s = scan_registered_domain(s);
		if (s.n)
			add(l, s);
	}
}

static void metadata(struct list *l, str name)
{
	const struct scan_relays *r = scan_relays(l->m);

	if (str_eqi(name, STR("X-Spam-Relays-Untrusted")))
		add(l, r->untrusted_text);
	else if (str_eqi(name, STR("X-Spam-Relays-Trusted")))
		add(l, r->trusted_text);
	else if (str_eqi(name, STR("X-Spam-Relays-External")))
		add(l, r->external_text);
	else if (str_eqi(name, STR("X-Spam-Relays-Internal")))
		add(l, r->internal_text);
}

static void gather(struct list *l, str name, unsigned how)
{
	static const str ids[] = { S("X-Message-Id"), S("Resent-Message-Id"),
				   S("X-Original-Message-ID"), S("Message-Id") };
	bool raw = how & (RAW | ADDR | NAME);
	str from;

	if (all_kin(l, name, how & RAW))
		return;
	if (str_startsi(name, STR("X-Spam-Relays-"))) {
		metadata(l, name);
	} else if (str_eqi(name, STR("EnvelopeFrom"))) {
		if (envelope_from(l->m, &from))
			add(l, from);
	} else if (str_eqi(name, STR("ToCc"))) {
		add_fields(l, STR("To"), how & RAW);
		add_fields(l, STR("Cc"), how & RAW);
	} else if (str_eq(name, STR("MESSAGEID"))) {
		for (size_t i = 0; i < COUNT(ids); i++)
			add_fields(l, ids[i], how & RAW);
	} else {
		add_fields(l, name, raw);
	}
}

static void request(struct scan_mail *m, str spec, struct list *l)
{
	unsigned how;
	str name = modifiers(spec, &how);

	l->m = m;
	l->n = 0;
	gather(l, name, how);
	if (l->n && (how & FIRST))
		l->n = 1;
	else if (l->n && (how & LAST)) {
		l->v[0] = l->v[l->n - 1];
		l->n = 1;
	}
	if (how & (ADDR | NAME))
		addresses_of(l, how);
	if (how & (HOST | ADDRESS_IP))
		hosts_of(l, how);
}

static str join(struct scan_mail *m, const struct list *l)
{
	struct buf b;
	size_t all = 0;

	if (l->n == 1)
		return l->v[0];
	for (size_t i = 0; i < l->n; i++)
		all += l->v[i].n;
	buf_init(&b, all + 1);
	for (size_t i = 0; i < l->n; i++)
		buf_add(&b, l->v[i]);
	return scan_keep(m, &b);
}

/* All that was found; a line each where it has no line end of its own. */
static str join_lines(struct scan_mail *m, const struct list *l)
{
	struct buf b;
	size_t all = 0;
	bool ended = l->v[0].n && l->v[0].p[l->v[0].n - 1] == '\n';

	if (l->n == 1)
		return l->v[0];
	for (size_t i = 0; i < l->n; i++)
		all += l->v[i].n + 1;
	buf_init(&b, all + 1);
	for (size_t i = 0; i < l->n; i++) {
		if (i && !ended)
			buf_addc(&b, '\n');
		buf_add(&b, l->v[i]);
	}
	return scan_keep(m, &b);
}

str scan_header_all(struct scan_mail *m, str spec, bool *found)
{
	struct list l;
	str all;

	if (str_find(spec, ':') == spec.n)
		return scan_header(m, spec, found);
	request(m, spec, &l);
	*found = l.n > 0;
	all = l.n ? join_lines(m, &l) : STR("");
	return all;
}

static str compute(struct scan_mail *m, str spec, bool *found)
{
	struct list l;
	unsigned how;
	str name = modifiers(spec, &how);

	request(m, spec, &l);
	*found = l.n > 0;
	if (!l.n)
		return STR("");
	if ((how & (ADDR | NAME | HOST | ADDRESS_IP)) || str_eq(name, STR("EnvelopeFrom"))) {
		str s = l.v[0];

		return s.n && s.p[s.n - 1] == '\n' ? str_take(s, s.n - 1) : s;
	}
	return join(m, &l);
}

str scan_header(struct scan_mail *m, str spec, bool *found)
{
	size_t at = hash_keyed(spec) % SCAN_MEMOS;
	struct scan_memo *memo;

	while ((memo = &m->memos[at])->spec.p && !str_eq(memo->spec, spec))
		at = (at + 1) % SCAN_MEMOS;
	if (!memo->spec.p) {
		bool there;
		str value = compute(m, spec, &there);

		if (m->nmemos > SCAN_MEMOS / 2) { /* full enough: not remembered */
			*found = there;
			return value;
		}
		for (at = hash_keyed(spec) % SCAN_MEMOS;
		     m->memos[at].spec.p;) /* it may have grown meanwhile */
			at = (at + 1) % SCAN_MEMOS;
		memo = &m->memos[at];
		*memo = (struct scan_memo){ arena_dup(m->a, spec), value, there };
		m->nmemos++;
	}
	*found = memo->found;
	return memo->value;
}

static struct scan_strs copy(struct scan_mail *m, const struct list *l)
{
	str *v = NEW_TRY(m->a, str, l->n ? l->n : 1);

	if (!v)
		return (struct scan_strs){ NULL, 0 };
	memcpy(v, l->v, l->n * sizeof *v);
	return (struct scan_strs){ v, l->n };
}

struct scan_strs scan_headers(struct scan_mail *m, str name, bool raw)
{
	struct list l = { .m = m };

	add_fields(&l, name, raw);
	return copy(m, &l);
}

struct scan_strs scan_addresses(struct scan_mail *m, str name)
{
	struct list l = { .m = m };

	add_fields(&l, name, true);
	addresses_of(&l, ADDR);
	return copy(m, &l);
}

str scan_part_header(struct scan_mail *m, const struct mime_part *part, str name, bool raw,
		     bool *found)
{
	struct mime_fields it = mime_fields(part->header);
	struct mime_field f;
	struct buf b;
	bool any = false;

	buf_init(&b, LIM_SCAN_VALUE);
	while (mime_field(&it, &f)) {
		if (!str_eqi(f.name, name))
			continue;
		any = true;
		if (raw)
			buf_add(&b, f.value);
		else
			buf_add(&b,
				scan_decode_field(m, unfolded(m, f.value), structured_field(name)));
		buf_addc(&b, '\n');
	}
	*found = any;
	return scan_keep(m, &b);
}
