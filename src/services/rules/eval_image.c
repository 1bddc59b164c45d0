/* Functions over attached pictures: SpamAssassin's ImageInfo. Widths and heights are read from the
 * first octets of each; nothing is decoded. */
#include "services/rules/eval_part.h"

enum image_type {
	IMAGE_GIF,
	IMAGE_PNG,
	IMAGE_JPEG,
	IMAGE_TYPES,
};
struct image {
	enum image_type type;
	uint32_t width, height; /* 0 0: not known */
	str name;
};
struct images {
	struct image *v;
	size_t n;
};

static uint32_t number(str s, size_t at, unsigned octets, bool little)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < octets; i++) {
		size_t k = little ? at + octets - 1 - i : at + i;

		v = v << 8 | (k < s.n ? (unsigned char)s.p[k] : 0);
	}
	return v;
}

static void size_gif(str s, struct image *out)
{
	if (s.n < 13 || !(str_starts(s, STR("GIF87a")) || str_starts(s, STR("GIF89a"))))
		return;
	out->width = number(s, 6, 2, true);
	out->height = number(s, 8, 2, true);
}

/* Chunks are looked for octet group by octet group, as SpamAssassin does: eight at a time. */
static void size_png(str s, struct image *out)
{
	if (!str_starts(s, STR("\x89PNG\x0d\x0a\x1a\x0a")))
		return;
	for (size_t at = 8; at + 8 <= s.n; at += 8) {
		str type = str_take(str_skip(s, at + 4), 4);

		if (str_eq(type, STR("IEND")))
			return;
		if (str_eq(type, STR("IHDR")) && number(s, at, 4, false) == 13) {
			out->width = number(s, at + 8, 4, false);
			out->height = number(s, at + 12, 4, false);
			return;
		}
	}
}

static bool is_frame(unsigned mark)
{
	return mark >= 0xC0 && mark <= 0xCF && mark != 0xC4 && mark != 0xC8 && mark != 0xCC;
}

static void size_jpeg(str s, struct image *out)
{
	if (!str_starts(s, STR("\xFF\xD8")))
		return;
	for (size_t at = 2; at + 4 <= s.n && (unsigned char)s.p[at] == 0xFF;) {
		unsigned mark = (unsigned char)s.p[at + 1];
		uint32_t length = number(s, at + 2, 2, false);

		if (mark == 0xDA || mark == 0xD9 || length < 2)
			return;
		if (is_frame(mark)) {
			out->height = number(s, at + 5, 2, false);
			out->width = number(s, at + 7, 2, false);
			return;
		}
		at += 2 + length;
	}
}

static bool image_of(struct eval *e, const struct mime_part *p, struct image *out)
{
	static void (*const sizes[])(str, struct image *) = { size_gif, size_png, size_jpeg };
	static const struct {
		str type;
		enum image_type is;
	} types[] = {
		{ S("image/gif"), IMAGE_GIF },
		{ S("image/png"), IMAGE_PNG },
		{ S("image/jpeg"), IMAGE_JPEG },
		{ S("image/jpg"), IMAGE_JPEG },
	};
	str type = scan_part_type(e->m, p);
	bool found;

	if (p->kind != MIME_LEAF ||
	    !str_eqi(str_trim_ws(scan_part_header(e->m, p, STR("Content-Transfer-Encoding"), false,
						  &found)),
		     STR("base64")))
		return false;
	for (size_t i = 0; i < COUNT(types); i++) {
		if (!str_eq(type, types[i].type))
			continue;
		*out = (struct image){ .type = types[i].is, .name = mime_filename(p) };
		sizes[out->type](scan_decoded(e->m, p), out);
		return true;
	}
	return false;
}

static const struct images *images(struct eval *e)
{
	struct images *all = e->memo[EVAL_MEMO_IMAGE];
	const struct mime_part *root = scan_root(e->m);
	struct image found;
	size_t n = 0;

	if (all)
		return all;
	all = e->memo[EVAL_MEMO_IMAGE] = NEW(scan_arena(e->m), struct images);
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		n++;
	all->v = NEW_TRY(scan_arena(e->m), struct image, n);
	for (const struct mime_part *p = root; p && all->v; p = mime_next(root, p))
		if (image_of(e, p, &found))
			all->v[all->n++] = found;
	return all;
}

/* "all", "gif", "png", "jpeg": argument 0. */
static bool is_wanted(const struct eval *e, const struct image *i)
{
	static const str names[IMAGE_TYPES] = { S("gif"), S("png"), S("jpeg") };

	return str_eq(eval_arg(e, 0), STR("all")) || str_eq(eval_arg(e, 0), names[i->type]);
}

static double pixels(struct eval *e)
{
	const struct images *all = images(e);
	double sum = 0;

	for (size_t i = 0; i < all->n; i++)
		if (is_wanted(e, &all->v[i]))
			sum += (double)all->v[i].width * (double)all->v[i].height;
	return sum;
}

/* From argument 1 up to argument 2, if that is given. */
static bool is_between(const struct eval *e, double v)
{
	return v >= eval_arg_number(e, 1) && (e->nargs < 3 || v <= eval_arg_number(e, 2));
}

unsigned eval_image_count(struct eval *e)
{
	const struct images *all = images(e);
	double n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += is_wanted(e, &all->v[i]);
	return e->nargs > 1 && is_between(e, n);
}

unsigned eval_pixel_coverage(struct eval *e)
{
	return e->nargs > 1 && is_between(e, pixels(e));
}

unsigned eval_image_to_text_ratio(struct eval *e)
{
	double text = 0, area;

	if (e->nargs < 3)
		return 0;
	for (size_t i = 0; i < e->body.n; i++)
		text += (double)e->body.v[i].n;
	area = pixels(e);
	if (text <= 0 || area <= 0)
		return 0;
	return text / area >= eval_arg_number(e, 1) && text / area < eval_arg_number(e, 2);
}

unsigned eval_image_named(struct eval *e)
{
	const struct images *all = images(e);

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].width && all->v[i].height && all->v[i].name.n &&
		    str_eq(all->v[i].name, eval_arg(e, 0)))
			return 1;
	return 0;
}

unsigned eval_image_size_exact(struct eval *e)
{
	const struct images *all = images(e);

	for (size_t i = 0; i < all->n; i++) {
		double h = all->v[i].height - eval_arg_number(e, 1);
		double w = all->v[i].width - eval_arg_number(e, 2);

		if (is_wanted(e, &all->v[i]) && all->v[i].width && all->v[i].height && h >= 0 &&
		    h <= 0 && w >= 0 && w <= 0)
			return 1;
	}
	return 0;
}

unsigned eval_image_size_range(struct eval *e)
{
	const struct images *all = images(e);

	for (size_t i = 0; i < all->n; i++) {
		double h = all->v[i].height, w = all->v[i].width;

		if (is_wanted(e, &all->v[i]) && h > 0 && w > 0 && h >= eval_arg_number(e, 1) &&
		    w >= eval_arg_number(e, 2) && (e->nargs < 4 || h <= eval_arg_number(e, 3)) &&
		    (e->nargs < 5 || w <= eval_arg_number(e, 4)))
			return 1;
	}
	return 0;
}
