/* What a message shows. Groups and their weights were chosen by measurement over sources that the
 * model had not seen (decisions 0280, 0282): pairs of words gained nothing; hits of rules as
 * features lost much; who sent it (addresses, lists, relays) tells ham apart that looks like spam;
 * beginnings of words carry over from one source to another. */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "formats/mime/header.h"
#include "services/learning/features.h"

#define WORDS_MAX 1500 /* of the body */
#define WORD_MIN  2
#define WORD_MAX  16 /* octets; longer ones are cut */
#define STEM_MAX  4  /* octets of a word's beginning, where it has more */

static const struct {
	const char *name;
	double weight;
} groups[FEATURES_GROUPS] = {
	[BODY] = { "body", 1.5 },	[STEM] = { "stem", 1 },
	[SUBJECT] = { "subject", 0.5 }, [SUBJECT_STEM] = { "subject-stem", 1 },
	[LINK] = { "link", 1 },		[SHAPE] = { "shape", 0.7 },
	[TAG] = { "tag", 1 },		[PART] = { "part", 0.3 },
	[SENDER] = { "sender", 0.5 },	[RELATION] = { "relation", 0.5 },
};

static uint32_t hash_of(const struct features_work *w, enum features_group g, str prefix, str word)
{
	static const uint8_t key[16] = "posta learning 1";
	char text[80];
	size_t n = 0;

	text[n++] = (char)('a' + (int)g);
	text[n++] = w->bounce && (g == BODY || g == SUBJECT || g == LINK) ? 'B' : '-';
	prefix = str_take(prefix, 8);
	memcpy(text + n, prefix.p, prefix.n);
	n += prefix.n;
	word = str_take(word, sizeof text - n);
	for (size_t i = 0; i < word.n; i++)
		text[n++] = ch_lower(word.p[i]);
	return (uint32_t)hash_sip(key, str_of(text, n));
}

void features_see(struct features_work *w, enum features_group g, str prefix, str word)
{
	uint32_t h = hash_of(w, g, prefix, word);
	size_t at = h & (FEATURES_SLOTS - 1);

	if (!h || w->out->n == LIM_LEARNING_FEATURES) /* 0 is an empty slot */
		return;
	for (; w->seen[at]; at = (at + 1) & (FEATURES_SLOTS - 1)) {
		if (w->seen[at] == h)
			return;
	}
	w->seen[at] = h;
	w->group[w->out->n] = (unsigned char)g;
	w->count[g]++;
	w->out->v[w->out->n++] =
		(struct learning_feature){ .hash = h, .group = groups[g].name, .word = word };
}

void features_see_fmt(struct features_work *w, enum features_group g, const char *fmt, ...)
{
	CLEANUP(buf_free) struct buf b;
	va_list ap;

	buf_init(&b, 128);
	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	features_see(w, g, STR(""), arena_dup(scan_arena(w->m), buf_str(&b)));
}

unsigned features_scale(size_t n)
{
	return n ? 64 - (unsigned)__builtin_clzl(n) : 0;
}

static bool word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

/* Numbers of the same length are one word. Beginnings of words are what inflections share, and
 * languages. */
static void see_word(struct features_work *w, enum features_group g, str word)
{
	enum features_group stem = g == BODY ? STEM : SUBJECT_STEM;
	bool digits = true;

	for (size_t i = 0; i < word.n && digits; i++)
		digits = word.p[i] >= '0' && word.p[i] <= '9';
	if (digits) {
		features_see(w, g, STR("#"), str_take(STR("0000000000000000"), word.n));
		return;
	}
	features_see(w, g, STR(""), word);
	if (word.n > STEM_MAX)
		features_see(w, stem, STR(""), str_take(word, STEM_MAX));
}

/* Scripts without spaces (long runs over 127) are cut into pieces of two signs. */
size_t features_word(str s)
{
	size_t n = 0;

	while (n < s.n && word_byte(s.p[n]))
		n++;
	return n;
}

static size_t see_words(struct features_work *w, enum features_group g, str text, size_t max)
{
	size_t words = 0;

	while (text.n && words < max) {
		size_t n = features_word(text);
		bool foreign = n > WORD_MAX && (unsigned char)text.p[0] >= 0x80;

		if (n < WORD_MIN) {
			text = str_skip(text, n ? n : 1);
			continue;
		}
		if (foreign)
			n = 6;
		see_word(w, g, str_take(text, n > WORD_MAX ? WORD_MAX : n));
		words++;
		text = str_skip(text, n);
	}
	return words;
}

static bool quoted(str paragraph)
{
	return paragraph.n && paragraph.p[0] == '>';
}

/* Shares of capitals and of bytes over 127, exclamation marks and the like. */
static void shape_of_text(struct features_work *w, struct scan_strs body)
{
	size_t letters = 0, capitals = 0, high = 0, bangs = 0, money = 0, all = 0;

	for (size_t i = 1; i < body.n; i++) {
		all += body.v[i].n;
		for (size_t k = 0; k < body.v[i].n; k++) {
			char c = body.v[i].p[k];

			capitals += c >= 'A' && c <= 'Z';
			letters += ch_lower(c) >= 'a' && ch_lower(c) <= 'z';
			high += (unsigned char)c >= 0x80;
			bangs += c == '!';
			money += c == '$';
		}
	}
	features_see_fmt(w, SHAPE, "length %u", features_scale(all));
	features_see_fmt(w, SHAPE, "capitals %zu", letters ? 10 * capitals / letters : 0);
	features_see_fmt(w, SHAPE, "foreign %u", features_scale(all ? 100 * high / all : 0));
	features_see_fmt(w, SHAPE, "! %u", features_scale(bangs));
	features_see_fmt(w, SHAPE, "$ %u", features_scale(money));
}

static void see_body(struct features_work *w)
{
	struct scan_strs body = scan_body_visible(w->m);
	size_t left = WORDS_MAX;
	bool quotes = false;

	for (size_t i = 1; i < body.n && left; i++) {
		if (quoted(body.v[i]))
			quotes = true;
		else
			left -= see_words(w, BODY, body.v[i], left);
	}
	if (quotes)
		features_see(w, SHAPE, STR(""), STR("quotes"));
	shape_of_text(w, body);
}

str features_header(struct features_work *w, const char *spec)
{
	bool found;

	return scan_header(w->m, str_z(spec), &found);
}

static bool has(struct features_work *w, const char *name)
{
	bool found;

	(void)scan_header(w->m, str_z(name), &found);
	return found;
}

static void see_subject(struct features_work *w)
{
	str s = str_trim_ws(features_header(w, "Subject"));
	size_t capitals = 0, letters = 0;

	(void)see_words(w, SUBJECT, s, 100);
	for (size_t i = 0; i < s.n; i++) {
		capitals += s.p[i] >= 'A' && s.p[i] <= 'Z';
		letters += ch_lower(s.p[i]) >= 'a' && ch_lower(s.p[i]) <= 'z';
	}
	if (str_startsi(s, STR("re:")))
		features_see(w, SHAPE, STR(""), STR("subject re:"));
	if (str_find(s, '!') < s.n)
		features_see(w, SHAPE, STR(""), STR("subject !"));
	if (letters && capitals == letters)
		features_see(w, SHAPE, STR(""), STR("subject capitals"));
}

str features_domain(str address)
{
	size_t at = str_rfind(address, '@');

	if (at == address.n)
		return STR("");
	address = str_skip(address, at + 1);
	return str_trim_ws(str_take(address, str_find(address, '>')));
}

str features_top(str host)
{
	size_t dot = str_rfind(host, '.');

	return dot < host.n ? str_skip(host, dot + 1) : STR("");
}

str features_registered(str host)
{
	str r = scan_registered_domain(host);

	return r.n ? r : host;
}

size_t features_count(str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

/* To whom answers go, and to how many it went. */
static void see_people(struct features_work *w)
{
	str from = features_domain(features_header(w, "From:addr")),
	    reply = features_domain(features_header(w, "Reply-To:addr"));

	if (reply.n && str_eqi(reply, from))
		features_see(w, SHAPE, STR(""), STR("reply-to same"));
	else if (reply.n)
		features_see(w, SHAPE, STR(""), STR("reply-to other"));
	features_see_fmt(w, SHAPE, "to %u",
			 features_scale(features_count(features_header(w, "To"), '@')));
	features_see_fmt(w, SHAPE, "cc %u",
			 features_scale(features_count(features_header(w, "Cc"), '@')));
}

static void see_address(struct features_work *w, const char *spec, const char *prefix, bool whole)
{
	str address = features_header(w, spec), domain = features_domain(address);

	if (!domain.n)
		return;
	features_see(w, SENDER, str_z(prefix), features_registered(domain));
	features_see(w, SENDER, str_z(prefix), domain);
	if (whole)
		features_see(w, SENDER, str_z(prefix), str_trim_ws(address));
}

/* Who really handled it: what a friend's mail has in common with the friend's next mail. */
static void see_sender(struct features_work *w)
{
	const struct scan_relays *r = scan_relays(w->m);
	str list = features_header(w, "List-Id");

	see_address(w, "From:addr", "f", true);
	see_address(w, "Return-Path:addr", "p", false);
	see_address(w, "Sender:addr", "s", true);
	see_address(w, "Reply-To:addr", "r", true);
	see_address(w, "List-Post:addr", "l", true);
	see_address(w, "Message-ID", "m", false);
	if (list.n)
		features_see(w, SENDER, STR("list"), str_trim_ws(list));
	for (size_t i = 0; i < r->n && i < 6; i++) {
		if (r->v[i].rdns.n)
			features_see(w, SENDER, STR("via"), features_registered(r->v[i].rdns));
	}
}

/* The words of a path, as long as they are words. */
static void see_path(struct features_work *w, str uri)
{
	size_t at = str_search(uri, STR("://"));
	str path = at < uri.n ? str_skip(uri, at + 3) : uri;
	unsigned words = 0;

	path = str_take(str_skip(path, str_find(path, '/')), 80);
	while (path.n && words < 6) {
		size_t n = features_word(path);
		str word = str_take(path, n);
		bool digits = false;

		for (size_t i = 0; i < n; i++)
			digits = digits || (word.p[i] >= '0' && word.p[i] <= '9');
		if (n >= WORD_MIN && n <= WORD_MAX && !digits) {
			features_see(w, LINK, STR("/"), word);
			words++;
		}
		path = str_skip(path, n ? n : 1);
	}
}

static void see_links(struct features_work *w)
{
	struct scan_uris u = scan_uris(w->m);
	size_t hosts = 0, links = 0;

	for (size_t i = 0; i < u.n && i < FEATURES_LINKS; i++) {
		const struct scan_uri *x = &u.v[i];

		if (x->kinds & (SCAN_URI_DKIM | SCAN_URI_HEADER))
			continue;
		links++;
		for (size_t k = 0; k < x->hosts.n && k < 4; k++) {
			hosts++;
			features_see(w, LINK, STR("@"), features_registered(x->hosts.v[k]));
			features_see(w, LINK, STR("."), features_top(x->hosts.v[k]));
		}
		see_path(w, x->uri);
	}
	features_see_fmt(w, SHAPE, "links %u", features_scale(links));
	features_see_fmt(w, SHAPE, "hosts %u", features_scale(hosts));
}

static void see_tags(struct features_work *w)
{
	struct scan_htmls all = scan_htmls(w->m);

	for (size_t i = 0; i < all.n; i++) {
		for (size_t k = 0; k < all.v[i].ntags; k++) {
			const struct scan_html_tag *t = &all.v[i].tags[k];

			if (!t->starts)
				continue;
			features_see_fmt(w, TAG, "%.*s %u", STRF(str_take(t->name, 11)),
					 features_scale(t->starts) / 2);
			if (str_eq(t->name, STR("img")))
				features_see_fmt(w, SHAPE, "pictures %u",
						 features_scale(t->starts));
		}
	}
}

static str extension(str file)
{
	size_t dot = str_rfind(file, '.');

	return dot < file.n ? str_take(str_skip(file, dot + 1), 8) : STR("none");
}

/* How it is built: types, encodings, charsets, names of files, tags. */
static void see_parts(struct features_work *w)
{
	const struct mime_part *root = scan_root(w->m);
	size_t files = 0;
	bool html = false, text = false;

	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		str file = mime_filename(p), charset = mime_param(p->params, STR("charset"));

		features_see_fmt(w, PART, "type %.*s/%.*s", STRF(str_take(p->type, 32)),
				 STRF(str_take(p->subtype, 48)));
		if (p->kind != MIME_LEAF)
			continue;
		features_see(w, PART, STR("enc"), p->encoding_name);
		if (file.n) {
			files++;
			features_see(w, PART, STR("file"), extension(file));
		}
		if (!str_eq(p->type, STR("text")))
			continue;
		features_see(w, PART, STR("cs"), charset.n ? charset : STR("none"));
		if (str_eq(p->subtype, STR("html")))
			html = true;
		else
			text = true;
	}
	see_tags(w);
	features_see_fmt(w, SHAPE, "html %d text %d", html, text);
	features_see_fmt(w, SHAPE, "files %u", features_scale(files));
}

/* A delivery report: its text is mostly the message that it is about. */
static bool is_bounce(struct features_work *w)
{
	const struct mime_part *root = scan_root(w->m);
	str from = features_header(w, "From:addr");

	return (str_eq(root->type, STR("multipart")) && str_eq(root->subtype, STR("report"))) ||
	       str_startsi(from, STR("mailer-daemon")) || str_startsi(from, STR("postmaster@")) ||
	       str_eq(str_trim_ws(features_header(w, "Return-Path")), STR("<>")) ||
	       str_startsi(features_header(w, "Auto-Submitted"), STR("auto-replied")) ||
	       has(w, "X-Failed-Recipients");
}

void learning_features(struct scan_mail *m, struct learning_features *out)
{
	struct arena *a = scan_arena(m);
	struct features_work *w = arena_try(a, sizeof *w, _Alignof(struct features_work));

	*out = (struct learning_features){ .n = 0 };
	out->v = NEW_TRY(a, struct learning_feature, LIM_LEARNING_FEATURES);
	if (!w || !out->v)
		return;
	w->m = m;
	w->out = out;
	w->bounce = is_bounce(w);
	see_parts(w); /* the few first, so that a long body cannot crowd them out */
	see_people(w);
	see_sender(w);
	see_subject(w);
	see_links(w);
	features_relations(w);
	see_body(w);
	for (size_t i = 0; i < out->n; i++) {
		enum features_group g = w->group[i];

		out->v[i].value = (float)(groups[g].weight / sqrt((double)w->count[g]));
	}
}
