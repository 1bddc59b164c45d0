#include "base/enc.h"
#include "formats/mime/header.h"
#include "formats/mime/lex.h"
#include "formats/mime/text.h"

#define CHARSET_TOKEN 80 /* octets of charset and language in an encoded word */

/* A run of encoded words in one charset: their bytes are put together before they are converted,
 * since senders split characters between words. */
struct run {
	str charset;
	struct buf bytes;
	unsigned defects;
};

static void run_free(struct run *r)
{
	buf_free(&r->bytes);
}

static void run_flush(struct run *r, struct buf *out)
{
	if (r->bytes.n && !mime_charset(out, r->charset, buf_str(&r->bytes)))
		r->defects |= MIME_D_CHARSET;
	buf_reset(&r->bytes);
}

struct word {
	str charset, text;
	enum mime_encoding encoding;
};

/* Where the next "?=" stands, searched for once: without this a header of unfinished words is
 * quadratic. */
struct closer {
	const char *at; /* NULL: not yet searched for */
};

static const char *close_from(struct closer *c, str in)
{
	if (!c->at || c->at < in.p)
		c->at = in.p + str_search(in, STR("?="));
	return c->at;
}

/* RFC 2047 2, RFC 2231 5: *in stands at "=?". False: no encoded word, *in untouched. Spaces inside
 * are forgiven, as most readers do. */
static bool take_word(str *in, struct closer *closer, struct word *w)
{
	str rest = str_skip(*in, 2);
	str head = str_take(rest, CHARSET_TOKEN);
	size_t n = str_find(head, '?');
	char how = rest.n > n + 2 ? ch_lower(rest.p[n + 1]) : '\0';

	if (n == head.n || n == 0 || (how != 'q' && how != 'b') || rest.p[n + 2] != '?')
		return false;
	head = str_take(head, n);
	head = str_take(head, str_find(head, '*'));
	rest = str_skip(rest, n + 3);
	const char *end = close_from(closer, rest);

	if (end == rest.p + rest.n)
		return false;
	w->charset = head;
	w->encoding = how == 'q' ? MIME_QP : MIME_BASE64;
	w->text = str_of(rest.p, (size_t)(end - rest.p));
	*in = str_skip(rest, w->text.n + 2);
	return true;
}

static int hex(char c)
{
	c = ch_lower(c);
	return ch_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2047 4.2. */
static void add_q(struct buf *out, str t)
{
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];

		if (c == '_') {
			c = ' ';
		} else if (c == '=' && i + 2 < t.n && hex(t.p[i + 1]) >= 0 &&
			   hex(t.p[i + 2]) >= 0) {
			c = (char)(hex(t.p[i + 1]) * 16 + hex(t.p[i + 2]));
			i += 2;
		}
		buf_addc(out, c);
	}
}

static void run_add(struct run *r, struct buf *out, const struct word *w)
{
	struct mime_decoder d;

	if (!str_eqi(r->charset, w->charset))
		run_flush(r, out);
	r->charset = w->charset;
	if (w->encoding == MIME_QP) {
		add_q(&r->bytes, w->text);
		return;
	}
	mime_decode_init(&d, MIME_BASE64);
	if (mime_decode_feed(&d, w->text, &r->bytes) != OK || mime_decode_end(&d, &r->bytes) != OK)
		r->defects |= MIME_D_LIMIT;
}

static size_t blanks(str s)
{
	size_t n = 0;

	while (n < s.n && mime_ws(s.p[n]))
		n++;
	return n;
}

/* Text outside of encoded words: 8 bit bytes are UTF-8 (RFC 6532) or else Latin-1. */
static unsigned add_plain(struct buf *out, str s)
{
	if (str_ascii(s))
		(void)mime_charset(out, STR("utf-8"), s);
	else if (!mime_charset(out, utf8_valid(s) ? STR("utf-8") : STR("windows-1252"), s))
		return MIME_D_CHARSET;
	else if (!utf8_valid(s))
		return MIME_D_8BIT;
	return 0;
}

/* s: unfolded. */
static unsigned decode(struct buf *out, str s)
{
	CLEANUP(run_free) struct run r = { .charset = STR("") };
	struct closer closer = { NULL };
	struct word w;
	str plain = str_take(s, 0);
	bool after = false; /* an encoded word came just before plain */

	buf_init(&r.bytes, LIM_MIME_HEADER);
	while (s.n) {
		size_t n = str_search(s, STR("=?"));

		plain.n += n;
		s = str_skip(s, n);
		if (s.n && take_word(&s, &closer, &w)) {
			/* RFC 2047 6.2: white space between encoded words is not shown. */
			if (!after || blanks(plain) < plain.n) {
				run_flush(&r, out);
				r.defects |= add_plain(out, plain);
			}
			run_add(&r, out, &w);
			plain = str_take(s, 0);
			after = true;
			continue;
		}
		if (s.n) {
			plain.n += 2;
			s = str_skip(s, 2);
		}
	}
	run_flush(&r, out);
	return r.defects | add_plain(out, plain);
}

unsigned mime_decode_words(struct buf *out, str value)
{
	CLEANUP(buf_free) struct buf flat = { 0 };

	value = str_trim_ws(str_take(value, LIM_MIME_HEADER));
	if (str_find(value, '\n') == value.n && str_find(value, '\r') == value.n)
		return decode(out, value);
	buf_init(&flat, LIM_MIME_HEADER);
	mime_unfold(&flat, value);
	return decode(out, buf_str(&flat));
}
