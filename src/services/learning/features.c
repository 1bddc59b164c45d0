/* What a message shows. Groups and their weights were chosen by measurement over sources that the
 * model had not seen (decision 0280): pairs of words gained nothing; hits of rules as features lost
 * much; who sent it (addresses, lists, relays) tells ham apart that looks like spam. */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "formats/mime/header.h"
#include "services/learning/learning.h"

#define WORDS_MAX  1500	       /* of the body */
#define HTML_MAX   (256 << 10) /* octets of one HTML part that are looked at for tags */
#define WORD_MIN   2
#define WORD_MAX   16	      /* octets; longer ones are cut */
#define SEEN_SLOTS (2 * 4096) /* a power of two, over 2 * LIM_LEARNING_FEATURES */

enum group { BODY, SUBJECT, FROM, LINK, SHAPE, TAG, PART, SENDER, GROUPS };
static const struct {
	const char *name;
	double weight;
} groups[GROUPS] = {
	[BODY] = { "body", 1 },	  [SUBJECT] = { "subject", 0.5 }, [FROM] = { "from", 0.5 },
	[LINK] = { "link", 0.7 }, [SHAPE] = { "shape", 0.7 },	  [TAG] = { "tag", 0.7 },
	[PART] = { "part", 0.7 }, [SENDER] = { "sender", 0.5 },
};

struct work {
	struct scan_mail *m;
	struct learning_features *out;
	unsigned char group[LIM_LEARNING_FEATURES]; /* of each feature */
	uint32_t seen[SEEN_SLOTS];
	size_t count[GROUPS];
	bool bounce; /* its words are somebody else's: they count apart */
};

static uint32_t hash_of(const struct work *w, enum group g, str prefix, str word)
{
	static const uint8_t key[16] = "posta learning 1";
	char text[80];
	size_t n = 0;

	text[n++] = (char)('a' + (int)g);
	text[n++] = w->bounce && (g == BODY || g == SUBJECT || g == LINK || g == FROM) ? 'B' : '-';
	prefix = str_take(prefix, 8);
	memcpy(text + n, prefix.p, prefix.n);
	n += prefix.n;
	word = str_take(word, sizeof text - n);
	for (size_t i = 0; i < word.n; i++)
		text[n++] = ch_lower(word.p[i]);
	return (uint32_t)hash_sip(key, str_of(text, n));
}

static void see(struct work *w, enum group g, str prefix, str word)
{
	uint32_t h = hash_of(w, g, prefix, word) | 1; /* 0 is an empty slot */
	size_t at = h & (SEEN_SLOTS - 1);

	if (w->out->n == LIM_LEARNING_FEATURES)
		return;
	for (; w->seen[at]; at = (at + 1) & (SEEN_SLOTS - 1)) {
		if (w->seen[at] == h)
			return;
	}
	w->seen[at] = h;
	w->group[w->out->n] = (unsigned char)g;
	w->count[g]++;
	w->out->v[w->out->n++] =
		(struct learning_feature){ .hash = h, .group = groups[g].name, .word = word };
}

static void see_fmt(struct work *w, enum group g, const char *fmt, ...) PRINTF(3, 4);
static void see_fmt(struct work *w, enum group g, const char *fmt, ...)
{
	CLEANUP(buf_free) struct buf b;
	va_list ap;

	buf_init(&b, 128);
	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	see(w, g, STR(""), arena_dup(scan_arena(w->m), buf_str(&b)));
}

/* 0, 1, 2 to 3, 4 to 7, ...: how many, roughly. */
static unsigned scale(size_t n)
{
	return n ? 64 - (unsigned)__builtin_clzl(n) : 0;
}

static bool word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

/* Numbers of the same length are one word. */
static void see_word(struct work *w, enum group g, str word)
{
	bool digits = true;

	for (size_t i = 0; i < word.n && digits; i++)
		digits = word.p[i] >= '0' && word.p[i] <= '9';
	if (digits)
		see(w, g, STR("#"), str_take(STR("0000000000000000"), word.n));
	else
		see(w, g, STR(""), word);
}

/* Scripts without spaces (long runs over 127) are cut into pieces of two signs. */
static size_t word_length(str s)
{
	size_t n = 0;

	while (n < s.n && word_byte(s.p[n]))
		n++;
	return n;
}

static size_t see_words(struct work *w, enum group g, str text, size_t max)
{
	size_t words = 0;

	while (text.n && words < max) {
		size_t n = word_length(text);
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
static void shape_of_text(struct work *w, struct scan_strs body)
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
	see_fmt(w, SHAPE, "length %u", scale(all));
	see_fmt(w, SHAPE, "capitals %zu", letters ? 10 * capitals / letters : 0);
	see_fmt(w, SHAPE, "foreign %u", scale(all ? 100 * high / all : 0));
	see_fmt(w, SHAPE, "! %u", scale(bangs));
	see_fmt(w, SHAPE, "$ %u", scale(money));
}

static void see_body(struct work *w)
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
		see(w, SHAPE, STR(""), STR("quotes"));
	shape_of_text(w, body);
}

static str header(struct work *w, const char *spec)
{
	bool found;

	return scan_header(w->m, str_z(spec), &found);
}

static bool has(struct work *w, const char *name)
{
	bool found;

	(void)scan_header(w->m, str_z(name), &found);
	return found;
}

static void see_subject(struct work *w)
{
	str s = str_trim_ws(header(w, "Subject"));
	size_t capitals = 0, letters = 0;

	(void)see_words(w, SUBJECT, s, 100);
	for (size_t i = 0; i < s.n; i++) {
		capitals += s.p[i] >= 'A' && s.p[i] <= 'Z';
		letters += ch_lower(s.p[i]) >= 'a' && ch_lower(s.p[i]) <= 'z';
	}
	if (str_startsi(s, STR("re:")))
		see(w, SHAPE, STR(""), STR("subject re:"));
	if (str_find(s, '!') < s.n)
		see(w, SHAPE, STR(""), STR("subject !"));
	if (letters && capitals == letters)
		see(w, SHAPE, STR(""), STR("subject capitals"));
}

static str domain_of(str address)
{
	size_t at = str_rfind(address, '@');

	return at < address.n ? str_trim_ws(str_skip(address, at + 1)) : STR("");
}

static str top_of(str host)
{
	size_t dot = str_rfind(host, '.');

	return dot < host.n ? str_skip(host, dot + 1) : STR("");
}

static str registered(str host)
{
	str r = scan_registered_domain(host);

	return r.n ? r : host;
}

static size_t count_char(str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

/* Whom it says it comes from, and to how many it goes. */
static void see_people(struct work *w)
{
	str from = domain_of(header(w, "From:addr")), reply = domain_of(header(w, "Reply-To:addr"));

	(void)see_words(w, FROM, header(w, "From:name"), 20);
	if (from.n) {
		see(w, FROM, STR("@"), registered(from));
		see(w, FROM, STR("."), top_of(from));
	}
	if (reply.n && str_eqi(reply, from)) {
		see(w, SHAPE, STR(""), STR("reply-to same"));
	} else if (reply.n) {
		see(w, SHAPE, STR(""), STR("reply-to other"));
		see(w, FROM, STR("r@"), registered(reply));
	}
	see_fmt(w, SHAPE, "to %u", scale(count_char(header(w, "To"), '@')));
	see_fmt(w, SHAPE, "cc %u", scale(count_char(header(w, "Cc"), '@')));
}

static void see_address(struct work *w, const char *spec, const char *prefix, bool whole)
{
	str address = header(w, spec), domain = domain_of(address);

	if (!domain.n)
		return;
	see(w, SENDER, str_z(prefix), registered(domain));
	see(w, SENDER, str_z(prefix), domain);
	if (whole)
		see(w, SENDER, str_z(prefix), str_trim_ws(address));
}

/* Who really handled it: what a friend's mail has in common with the friend's next mail. */
static void see_sender(struct work *w)
{
	const struct scan_relays *r = scan_relays(w->m);
	str list = header(w, "List-Id");

	see_address(w, "From:addr", "f", true);
	see_address(w, "Return-Path:addr", "p", false);
	see_address(w, "Sender:addr", "s", true);
	see_address(w, "Reply-To:addr", "r", true);
	see_address(w, "List-Post:addr", "l", true);
	see_address(w, "Message-ID", "m", false);
	if (list.n)
		see(w, SENDER, STR("list"), str_trim_ws(list));
	for (size_t i = 0; i < r->n && i < 6; i++) {
		if (r->v[i].rdns.n)
			see(w, SENDER, STR("via"), registered(r->v[i].rdns));
	}
}

/* The words of a path, as long as they are words. */
static void see_path(struct work *w, str uri)
{
	size_t at = str_search(uri, STR("://"));
	str path = at < uri.n ? str_skip(uri, at + 3) : uri;
	unsigned words = 0;

	path = str_take(str_skip(path, str_find(path, '/')), 80);
	while (path.n && words < 6) {
		size_t n = word_length(path);
		str word = str_take(path, n);
		bool digits = false;

		for (size_t i = 0; i < n; i++)
			digits = digits || (word.p[i] >= '0' && word.p[i] <= '9');
		if (n >= WORD_MIN && n <= WORD_MAX && !digits) {
			see(w, LINK, STR("/"), word);
			words++;
		}
		path = str_skip(path, n ? n : 1);
	}
}

static void see_links(struct work *w)
{
	struct scan_uris u = scan_uris(w->m);
	size_t hosts = 0, links = 0;

	for (size_t i = 0; i < u.n && i < 100; i++) {
		const struct scan_uri *x = &u.v[i];

		if (x->kinds & (SCAN_URI_DKIM | SCAN_URI_HEADER))
			continue;
		links++;
		for (size_t k = 0; k < x->hosts.n && k < 4; k++) {
			hosts++;
			see(w, LINK, STR("@"), registered(x->hosts.v[k]));
			see(w, LINK, STR("."), top_of(x->hosts.v[k]));
		}
		see_path(w, x->uri);
	}
	see_fmt(w, SHAPE, "links %u", scale(links));
	see_fmt(w, SHAPE, "hosts %u", scale(hosts));
}

struct tags {
	struct tag {
		char name[12];
		size_t n;
	} v[48];
	size_t n;
};

static void count_tag(struct tags *t, str name)
{
	char low[12] = "";

	name = str_take(name, sizeof low - 1);
	for (size_t i = 0; i < name.n; i++)
		low[i] = ch_lower(name.p[i]);
	for (size_t i = 0; i < t->n; i++) {
		if (!memcmp(t->v[i].name, low, sizeof low)) {
			t->v[i].n++;
			return;
		}
	}
	if (t->n == COUNT(t->v))
		return;
	memcpy(t->v[t->n].name, low, sizeof low);
	t->v[t->n++].n = 1;
}

static void count_tags(struct tags *t, str html)
{
	for (html = str_take(html, HTML_MAX); html.n;) {
		size_t at = str_find(html, '<'), n = 0;

		html = str_skip(html, at + 1);
		while (n < html.n && word_byte(html.p[n]))
			n++;
		if (n)
			count_tag(t, str_take(html, n));
	}
}

static str extension(str file)
{
	size_t dot = str_rfind(file, '.');

	return dot < file.n ? str_take(str_skip(file, dot + 1), 8) : STR("none");
}

/* How it is built: types, encodings, charsets, names of files, tags. */
static void see_parts(struct work *w)
{
	const struct mime_part *root = scan_root(w->m);
	struct tags tags = { .n = 0 };
	size_t files = 0;
	bool html = false, text = false;

	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		str file = mime_filename(p), charset = mime_param(p->params, STR("charset"));

		see_fmt(w, PART, "type %.*s/%.*s", STRF(str_take(p->type, 32)),
			STRF(str_take(p->subtype, 48)));
		if (p->kind != MIME_LEAF)
			continue;
		see(w, PART, STR("enc"), p->encoding_name);
		if (file.n) {
			files++;
			see(w, PART, STR("file"), extension(file));
		}
		if (!str_eq(p->type, STR("text")))
			continue;
		see(w, PART, STR("cs"), charset.n ? charset : STR("none"));
		if (str_eq(p->subtype, STR("html"))) {
			html = true;
			count_tags(&tags, scan_decoded(w->m, p));
		} else {
			text = true;
		}
	}
	for (size_t i = 0; i < tags.n; i++) {
		see_fmt(w, TAG, "%s %u", tags.v[i].name, scale(tags.v[i].n) / 2);
		if (str_eq(str_z(tags.v[i].name), STR("img")))
			see_fmt(w, SHAPE, "pictures %u", scale(tags.v[i].n));
	}
	see_fmt(w, SHAPE, "html %d text %d", html, text);
	see_fmt(w, SHAPE, "files %u", scale(files));
}

/* A delivery report: its text is mostly the message that it is about. */
static bool is_bounce(struct work *w)
{
	const struct mime_part *root = scan_root(w->m);
	str from = header(w, "From:addr");

	return (str_eq(root->type, STR("multipart")) && str_eq(root->subtype, STR("report"))) ||
	       str_startsi(from, STR("mailer-daemon")) || str_startsi(from, STR("postmaster@")) ||
	       str_eq(str_trim_ws(header(w, "Return-Path")), STR("<>")) ||
	       str_startsi(header(w, "Auto-Submitted"), STR("auto-replied")) ||
	       has(w, "X-Failed-Recipients");
}

void learning_features(struct scan_mail *m, struct learning_features *out)
{
	struct arena *a = scan_arena(m);
	struct work *w = arena_try(a, sizeof *w, _Alignof(struct work));

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
	see_body(w);
	for (size_t i = 0; i < out->n; i++) {
		enum group g = w->group[i];

		out->v[i].value = (float)(groups[g].weight / sqrt((double)w->count[g]));
	}
}
