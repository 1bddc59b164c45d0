/* Functions over what the HTML parts showed: SpamAssassin's HTMLEval. Each is true when it is for
 * one part. */
#include "services/rules/eval_part.h"

static const struct scan_html_tag *tag_of(const struct scan_html *h, str name)
{
	for (size_t i = 0; i < h->ntags; i++)
		if (str_eq(h->tags[i].name, name))
			return &h->tags[i];
	return NULL;
}

/* "!= 0", "< 384": what rules compare with. */
static bool compares(double value, str expression)
{
	static const str ops[] = { S("<="), S(">="), S("=="), S("!="), S("<"), S(">") };
	str s = str_trim_ws(expression);
	size_t i = 0;

	while (i < COUNT(ops) && !str_starts(s, ops[i]))
		i++;
	if (i == COUNT(ops))
		return false;

	double other = eval_number(str_skip(s, ops[i].n));

	switch (i) {
	case 0:
		return value <= other;
	case 1:
		return value >= other;
	case 2:
		return value >= other && value <= other;
	case 3:
		return value < other || value > other;
	case 4:
		return value < other;
	default:
		return value > other;
	}
}

unsigned eval_html_tag_balance(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);

	for (size_t i = 0; i < all.n; i++) {
		const struct scan_html_tag *t = tag_of(&all.v[i], eval_arg(e, 0));

		if (t && compares(t->inside, eval_arg(e, 1)))
			return 1;
	}
	return 0;
}

unsigned eval_html_tag_exists(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);

	for (size_t i = 0; i < all.n; i++)
		if (tag_of(&all.v[i], eval_arg(e, 0)))
			return 1;
	return 0;
}

unsigned eval_html_image_only(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);

	for (size_t i = 0; i < all.n; i++) {
		double n = (double)all.v[i].length;

		if (tag_of(&all.v[i], STR("img")) && (all.v[i].have & SCAN_HTML_LENGTH) &&
		    n > eval_arg_number(e, 0) && n <= eval_arg_number(e, 1))
			return 1;
	}
	return 0;
}

unsigned eval_html_image_ratio(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);

	for (size_t i = 0; i < all.n; i++) {
		const struct scan_html *h = &all.v[i];

		if (!(h->have & SCAN_HTML_NON_SPACE) || !(h->have & SCAN_HTML_IMAGE_AREA) ||
		    h->image_area <= 0)
			continue;

		double ratio = (double)h->non_space_len / h->image_area;

		if (ratio > eval_arg_number(e, 0) && ratio <= eval_arg_number(e, 1))
			return 1;
	}
	return 0;
}

unsigned eval_html_charset_faraway(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);

	if (eval_any_locale(e))
		return 0;
	for (size_t i = 0; i < all.n; i++) {
		str rest = all.v[i].charsets, word;
		unsigned bad = 0, fine = 0;

		while (str_word(&rest, &word)) {
			if (eval_charset_ok(e, word))
				fine++;
			else
				bad++;
		}
		if (bad && bad >= fine)
			return 1;
	}
	return 0;
}

unsigned eval_html_test(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);
	str test = eval_arg(e, 0);

	for (size_t i = 0; i < all.n; i++) {
		const struct scan_html *h = &all.v[i];

		if (str_eq(test, STR("html")) || (h->embeds && str_eq(test, STR("embeds"))) ||
		    (h->font_face_bad && str_eq(test, STR("font_face_bad"))) ||
		    (h->font_invalid_color && str_eq(test, STR("font_invalid_color"))) ||
		    (h->font_low_contrast && str_eq(test, STR("font_low_contrast"))) ||
		    (h->form_action_mailto && str_eq(test, STR("form_action_mailto"))))
			return 1;
	}
	return 0;
}

/* A number that HTML.pm knows by this name; false when it has none. */
static bool number_of(const struct scan_html *h, str name, double *out)
{
	const struct {
		str name;
		unsigned have;
		double value;
	} numbers[] = {
		{ STR("length"), SCAN_HTML_LENGTH, (double)h->length },
		{ STR("image_area"), SCAN_HTML_IMAGE_AREA, h->image_area },
		{ STR("non_space_len"), SCAN_HTML_NON_SPACE, (double)h->non_space_len },
		{ STR("closed_extra_ratio"), SCAN_HTML_CLOSED_EXTRA, h->closed_extra_ratio },
		{ STR("bad_tag_ratio"), SCAN_HTML_BAD_TAG, h->bad_tag_ratio },
		{ STR("non_element_ratio"), SCAN_HTML_NON_ELEMENT, h->non_element_ratio },
		{ STR("obfuscation_ratio"), SCAN_HTML_OBFUSCATION, h->obfuscation_ratio },
		{ STR("min_size"), SCAN_HTML_SIZES, h->min_size },
		{ STR("max_size"), SCAN_HTML_SIZES, h->max_size },
	};

	for (size_t i = 0; i < COUNT(numbers); i++)
		if (str_eq(numbers[i].name, name)) {
			*out = numbers[i].value;
			return h->have & numbers[i].have;
		}
	return false;
}

unsigned eval_html_eval(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);
	double value;

	for (size_t i = 0; i < all.n; i++)
		if (number_of(&all.v[i], eval_arg(e, 0), &value) && compares(value, eval_arg(e, 1)))
			return 1;
	return 0;
}

unsigned eval_html_range(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);
	bool open = e->nargs < 3 || str_eq(eval_arg(e, 2), STR("inf"));
	double value;

	for (size_t i = 0; i < all.n; i++)
		if (number_of(&all.v[i], eval_arg(e, 0), &value) && value > eval_arg_number(e, 1) &&
		    (open || value <= eval_arg_number(e, 2)))
			return 1;
	return 0;
}

static struct scan_strs texts_of(const struct scan_html *h, str name)
{
	if (str_eq(name, STR("anchor")))
		return h->anchor;
	if (str_eq(name, STR("comment")))
		return h->comment;
	if (str_eq(name, STR("script")))
		return h->script;
	if (str_eq(name, STR("title")))
		return h->title;
	return (struct scan_strs){ .n = 0 };
}

static unsigned text_matches(struct eval *e, bool want)
{
	struct scan_htmls all = scan_htmls(e->m);

	for (size_t i = 0; i < all.n && e->pattern; i++) {
		struct scan_strs texts = texts_of(&all.v[i], eval_arg(e, 0));

		for (size_t j = 0; j < texts.n; j++)
			if (eval_match_own(e, texts.v[j]) == want)
				return 1;
	}
	return 0;
}

unsigned eval_html_text_match(struct eval *e)
{
	return text_matches(e, true);
}

unsigned eval_html_text_not_match(struct eval *e)
{
	return text_matches(e, false);
}

unsigned eval_html_title_subject_ratio(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);
	str subject = eval_header(e, STR("Subject"));

	for (size_t i = 0; i < all.n && subject.n; i++)
		for (size_t j = 0; j < all.v[i].title.n; j++)
			if ((double)all.v[i].title.v[j].n / (double)subject.n >
			    eval_arg_number(e, 0))
				return 1;
	return 0;
}

unsigned eval_check_iframe_src(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);

	for (size_t i = 0; i < all.n; i++)
		for (size_t j = 0; j < all.v[i].nuris; j++)
			if (all.v[i].uris[j].iframe)
				return 1;
	return 0;
}
