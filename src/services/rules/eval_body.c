/* Functions over the text: SpamAssassin's BodyEval. */
#include <unicode/uchar.h>

#include "base/enc.h"
#include "base/map.h"
#include "services/rules/eval_part.h"

struct body_memo {
	bool have_difference, have_stock;
	double difference; /* percent */
	size_t html_words, text_words;
	unsigned stock;
};

static struct body_memo *memo(struct eval *e)
{
	if (!e->memo[EVAL_MEMO_BODY])
		e->memo[EVAL_MEMO_BODY] = NEW(scan_arena(e->m), struct body_memo);
	return e->memo[EVAL_MEMO_BODY];
}

/* ---- multipart_alternative_difference: does the text say what the HTML says? ---- */

struct count {
	unsigned html, text;
};

static bool is_word_char(int32_t c)
{
	return c < 0x80 ? ch_word((char)c)
			: u_isUAlphabetic(c) || c == 0x200C || c == 0x200D ||
				  (U_GET_GC_MASK(c) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK));
}

/* The next run without white space that has a letter or digit in it. */
static bool next_word(str *rest, str *word)
{
	const char *begin = rest->p;
	bool letters = false;

	while (rest->n) {
		const char *at = rest->p;
		int32_t c = utf8_next(rest);

		if (c < 0x80 ? ch_space((char)c) : u_isUWhiteSpace(c)) {
			if (letters) {
				*word = str_of(begin, (size_t)(at - begin));
				return true;
			}
			begin = rest->p;
		}
		letters = letters || is_word_char(c);
	}
	*word = str_of(begin, (size_t)(rest->p - begin));
	return letters;
}

static void count_words(struct eval *e, struct map *words, str text, bool html)
{
	str word;

	while (next_word(&text, &word)) {
		struct count *c = map_get(words, word);

		if (!c) {
			c = arena_try(scan_arena(e->m), sizeof(*c), _Alignof(struct count));
			if (!c)
				return;
			(void)map_put(words, word, c);
		}
		if (html)
			c->html++;
		else
			c->text++;
	}
}

static bool has_image(struct eval *e, const struct mime_part *part)
{
	struct scan_htmls all = scan_htmls(e->m);

	for (size_t i = 0; i < all.n; i++)
		for (size_t j = 0; all.v[i].part == part && j < all.v[i].ntags; j++)
			if (str_eq(all.v[i].tags[j].name, STR("img")))
				return true;
	return false;
}

static void count_part(struct eval *e, struct map *words, const struct mime_part *part, bool *image)
{
	str type = STR("");
	str text = scan_rendered(e->m, part, &type);
	bool html = str_eq(type, STR("text/html"));

	if (!type.n)
		return;
	count_words(e, words, text, html);
	*image = *image || (html && has_image(e, part));
}

static void judge(struct body_memo *m, const struct map *words, bool image)
{
	size_t html = 0, text = 0, left = 0;
	str key;
	void *value;

	for (size_t at = 0; map_each(words, &at, &key, &value);) {
		const struct count *c = value;

		html += c->html > 0;
		text += c->text > 0;
		left += c->html > 0 && (c->text == 0 || c->html > c->text);
	}
	if (html == 0 && image)
		html = left = 1; /* a picture says more than no words */
	if (html == 0)
		return;
	m->html_words = html;
	m->text_words = text;

	double difference = (double)left / (double)html * 100;

	if (difference > m->difference)
		m->difference = difference;
}

static bool is_type(struct eval *e, const struct mime_part *p, str type)
{
	return p && str_eq(scan_part_type(e->m, p), type);
}

/* A meeting request: its calendar has the words. */
static bool is_meeting(struct eval *e, const struct mime_part *root)
{
	return is_type(e, root, STR("multipart/alternative")) && root->nchild == 2 &&
	       is_type(e, root->child, STR("text/html")) &&
	       is_type(e, root->last, STR("text/calendar"));
}

static void difference_look(struct eval *e, struct body_memo *m)
{
	const struct mime_part *root = scan_root(e->m);

	m->have_difference = true;
	if (is_meeting(e, root))
		return;
	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		struct map words;
		bool image = false;

		if (p->kind != MIME_MULTIPART || !is_type(e, p, STR("multipart/alternative")))
			continue;
		map_init(&words);
		for (const struct mime_part *q = p; q; q = mime_next(p, q))
			if (q->kind == MIME_LEAF &&
			    str_starts(scan_part_type(e->m, q), STR("text")))
				count_part(e, &words, q, &image);
		judge(m, &words, image);
		map_free(&words);
	}
}

unsigned eval_multipart_alternative_difference(struct eval *e)
{
	struct body_memo *m = memo(e);
	double min = eval_arg_number(e, 0);
	str max = eval_arg(e, 1);

	if (!m->have_difference)
		difference_look(e, m);
	return ((min >= 0 && min <= 0) || m->difference > min) &&
	       (str_eq(max, STR("undef")) || m->difference <= eval_number(max));
}

unsigned eval_multipart_alternative_difference_count(struct eval *e)
{
	struct body_memo *m = memo(e);

	if (!m->have_difference)
		difference_look(e, m);
	return (double)m->html_words > eval_arg_number(e, 1) && m->html_words &&
	       (double)m->text_words / (double)m->html_words > eval_arg_number(e, 0);
}

/* ---- shape ---- */

unsigned eval_check_blank_line_ratio(struct eval *e)
{
	struct scan_strs raw = scan_rawbody(e->m);
	double blank = 0, lines = 0, least = e->nargs > 2 ? eval_arg_number(e, 2) : 1, ratio;
	double min = eval_arg_number(e, 0);

	for (size_t i = 0; i < raw.n; i++) {
		str rest = raw.v[i], line;

		while (eval_line(&rest, &line)) {
			lines++;
			blank += str_trim_ws(line).n == 0;
		}
	}
	ratio = lines < (least < 1 ? 1 : least) ? -1 : 100 * blank / lines;
	return (ratio > min || (min >= 0 && min <= 0)) && ratio <= eval_arg_number(e, 1);
}

/* Words that stand one letter a word: percent of spaces in the worst paragraph. */
unsigned eval_tvd_vertical_words(struct eval *e)
{
	int worst = -1;
	double max = eval_arg_number(e, 1);

	for (size_t i = 0; i < e->body.n; i++) {
		str s = e->body.v[i];
		size_t spaces = 0, others;
		int percent = 100;

		if (s.n <= 5)
			continue;
		for (size_t j = 0; j < s.n; j++)
			spaces += s.p[j] == ' ';
		others = s.n - spaces;
		if (spaces <= others)
			percent = (int)(100 * spaces / others);
		worst = percent > worst ? percent : worst;
	}
	return worst >= eval_arg_number(e, 0) && worst < (max >= 100 ? 101 : max);
}

unsigned eval_check_body_length(struct eval *e)
{
	return (double)scan_pristine_body(e->m).n <= eval_arg_number(e, 0);
}

/* ---- check_stock_info: "Symbol: ABCD", "Target price: 3.50" ---- */

static str only_letters(struct eval *e, str s)
{
	char *p = arena_try(scan_arena(e->m), s.n, 1);
	size_t n = 0;

	for (size_t i = 0; p && i < s.n; i++)
		if (ch_alpha(s.p[i]))
			p[n++] = ch_lower(s.p[i]);
	return str_of(p, n);
}

/* What stands before the colon, of 3 to 30 octets; "" when the line has no such thing. */
static str label_of(str line)
{
	size_t colon;

	line = str_trim_ws(line);
	colon = str_find(line, ':');
	if (colon == 0 || colon >= line.n || str_trim_ws(str_skip(line, colon + 1)).n == 0)
		return STR("");

	str label = str_take(line, colon);

	if (label.n > 30)
		label = str_trim_ws(label);
	return label.n >= 3 && label.n <= 30 ? label : STR("");
}

static unsigned stock_look(struct eval *e)
{
	const struct mime_part *root = scan_root(e->m), *p = root;
	struct eval_strings seen = { .n = 0 };
	struct regex_match at;
	str text, type, line;

	while (p && !(p->kind == MIME_LEAF && is_type(e, p, STR("text/plain"))))
		p = mime_next(root, p);
	if (!p)
		return 0;
	text = scan_rendered(e->m, p, &type);
	while (seen.n < LIM_RULES_ADDRESSES && eval_line(&text, &line)) {
		str label = label_of(line);

		if (label.n == 0)
			continue;
		label = only_letters(e, label);
		if (!eval_match_at(e, EVAL_P_STOCK_WORD, label, 0, &at))
			continue;
		label = str_take(str_skip(label, at.begin), at.end - at.begin);
		if (!eval_strings_have(&seen, label))
			eval_strings_add(e, &seen, label);
	}
	return (unsigned)seen.n;
}

unsigned eval_check_stock_info(struct eval *e)
{
	struct body_memo *m = memo(e);

	if (!m->have_stock) {
		m->have_stock = true;
		m->stock = stock_look(e);
	}
	return m->stock >= eval_arg_number(e, 0);
}
