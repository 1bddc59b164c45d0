#include <stdio.h>
#include <string.h>

#include "formats/html/html.h"

/* CSS Color 4, 6.1; sorted. */
static const struct {
	str name;
	uint32_t rgb;
} names[] = {
	{ S("aliceblue"), 0xf0f8ff },
	{ S("antiquewhite"), 0xfaebd7 },
	{ S("aqua"), 0x00ffff },
	{ S("aquamarine"), 0x7fffd4 },
	{ S("azure"), 0xf0ffff },
	{ S("beige"), 0xf5f5dc },
	{ S("bisque"), 0xffe4c4 },
	{ S("black"), 0x000000 },
	{ S("blanchedalmond"), 0xffebcd },
	{ S("blue"), 0x0000ff },
	{ S("blueviolet"), 0x8a2be2 },
	{ S("brown"), 0xa52a2a },
	{ S("burlywood"), 0xdeb887 },
	{ S("cadetblue"), 0x5f9ea0 },
	{ S("chartreuse"), 0x7fff00 },
	{ S("chocolate"), 0xd2691e },
	{ S("coral"), 0xff7f50 },
	{ S("cornflowerblue"), 0x6495ed },
	{ S("cornsilk"), 0xfff8dc },
	{ S("crimson"), 0xdc143c },
	{ S("cyan"), 0x00ffff },
	{ S("darkblue"), 0x00008b },
	{ S("darkcyan"), 0x008b8b },
	{ S("darkgoldenrod"), 0xb8860b },
	{ S("darkgray"), 0xa9a9a9 },
	{ S("darkgreen"), 0x006400 },
	{ S("darkgrey"), 0xa9a9a9 },
	{ S("darkkhaki"), 0xbdb76b },
	{ S("darkmagenta"), 0x8b008b },
	{ S("darkolivegreen"), 0x556b2f },
	{ S("darkorange"), 0xff8c00 },
	{ S("darkorchid"), 0x9932cc },
	{ S("darkred"), 0x8b0000 },
	{ S("darksalmon"), 0xe9967a },
	{ S("darkseagreen"), 0x8fbc8f },
	{ S("darkslateblue"), 0x483d8b },
	{ S("darkslategray"), 0x2f4f4f },
	{ S("darkslategrey"), 0x2f4f4f },
	{ S("darkturquoise"), 0x00ced1 },
	{ S("darkviolet"), 0x9400d3 },
	{ S("deeppink"), 0xff1493 },
	{ S("deepskyblue"), 0x00bfff },
	{ S("dimgray"), 0x696969 },
	{ S("dimgrey"), 0x696969 },
	{ S("dodgerblue"), 0x1e90ff },
	{ S("firebrick"), 0xb22222 },
	{ S("floralwhite"), 0xfffaf0 },
	{ S("forestgreen"), 0x228b22 },
	{ S("fuchsia"), 0xff00ff },
	{ S("gainsboro"), 0xdcdcdc },
	{ S("ghostwhite"), 0xf8f8ff },
	{ S("gold"), 0xffd700 },
	{ S("goldenrod"), 0xdaa520 },
	{ S("gray"), 0x808080 },
	{ S("green"), 0x008000 },
	{ S("greenyellow"), 0xadff2f },
	{ S("grey"), 0x808080 },
	{ S("honeydew"), 0xf0fff0 },
	{ S("hotpink"), 0xff69b4 },
	{ S("indianred"), 0xcd5c5c },
	{ S("indigo"), 0x4b0082 },
	{ S("ivory"), 0xfffff0 },
	{ S("khaki"), 0xf0e68c },
	{ S("lavender"), 0xe6e6fa },
	{ S("lavenderblush"), 0xfff0f5 },
	{ S("lawngreen"), 0x7cfc00 },
	{ S("lemonchiffon"), 0xfffacd },
	{ S("lightblue"), 0xadd8e6 },
	{ S("lightcoral"), 0xf08080 },
	{ S("lightcyan"), 0xe0ffff },
	{ S("lightgoldenrodyellow"), 0xfafad2 },
	{ S("lightgray"), 0xd3d3d3 },
	{ S("lightgreen"), 0x90ee90 },
	{ S("lightgrey"), 0xd3d3d3 },
	{ S("lightpink"), 0xffb6c1 },
	{ S("lightsalmon"), 0xffa07a },
	{ S("lightseagreen"), 0x20b2aa },
	{ S("lightskyblue"), 0x87cefa },
	{ S("lightslategray"), 0x778899 },
	{ S("lightslategrey"), 0x778899 },
	{ S("lightsteelblue"), 0xb0c4de },
	{ S("lightyellow"), 0xffffe0 },
	{ S("lime"), 0x00ff00 },
	{ S("limegreen"), 0x32cd32 },
	{ S("linen"), 0xfaf0e6 },
	{ S("magenta"), 0xff00ff },
	{ S("maroon"), 0x800000 },
	{ S("mediumaquamarine"), 0x66cdaa },
	{ S("mediumblue"), 0x0000cd },
	{ S("mediumorchid"), 0xba55d3 },
	{ S("mediumpurple"), 0x9370db },
	{ S("mediumseagreen"), 0x3cb371 },
	{ S("mediumslateblue"), 0x7b68ee },
	{ S("mediumspringgreen"), 0x00fa9a },
	{ S("mediumturquoise"), 0x48d1cc },
	{ S("mediumvioletred"), 0xc71585 },
	{ S("midnightblue"), 0x191970 },
	{ S("mintcream"), 0xf5fffa },
	{ S("mistyrose"), 0xffe4e1 },
	{ S("moccasin"), 0xffe4b5 },
	{ S("navajowhite"), 0xffdead },
	{ S("navy"), 0x000080 },
	{ S("oldlace"), 0xfdf5e6 },
	{ S("olive"), 0x808000 },
	{ S("olivedrab"), 0x6b8e23 },
	{ S("orange"), 0xffa500 },
	{ S("orangered"), 0xff4500 },
	{ S("orchid"), 0xda70d6 },
	{ S("palegoldenrod"), 0xeee8aa },
	{ S("palegreen"), 0x98fb98 },
	{ S("paleturquoise"), 0xafeeee },
	{ S("palevioletred"), 0xdb7093 },
	{ S("papayawhip"), 0xffefd5 },
	{ S("peachpuff"), 0xffdab9 },
	{ S("peru"), 0xcd853f },
	{ S("pink"), 0xffc0cb },
	{ S("plum"), 0xdda0dd },
	{ S("powderblue"), 0xb0e0e6 },
	{ S("purple"), 0x800080 },
	{ S("red"), 0xff0000 },
	{ S("rosybrown"), 0xbc8f8f },
	{ S("royalblue"), 0x4169e1 },
	{ S("saddlebrown"), 0x8b4513 },
	{ S("salmon"), 0xfa8072 },
	{ S("sandybrown"), 0xf4a460 },
	{ S("seagreen"), 0x2e8b57 },
	{ S("seashell"), 0xfff5ee },
	{ S("sienna"), 0xa0522d },
	{ S("silver"), 0xc0c0c0 },
	{ S("skyblue"), 0x87ceeb },
	{ S("slateblue"), 0x6a5acd },
	{ S("slategray"), 0x708090 },
	{ S("slategrey"), 0x708090 },
	{ S("snow"), 0xfffafa },
	{ S("springgreen"), 0x00ff7f },
	{ S("steelblue"), 0x4682b4 },
	{ S("tan"), 0xd2b48c },
	{ S("teal"), 0x008080 },
	{ S("thistle"), 0xd8bfd8 },
	{ S("tomato"), 0xff6347 },
	{ S("turquoise"), 0x40e0d0 },
	{ S("violet"), 0xee82ee },
	{ S("wheat"), 0xf5deb3 },
	{ S("white"), 0xffffff },
	{ S("whitesmoke"), 0xf5f5f5 },
	{ S("yellow"), 0xffff00 },
	{ S("yellowgreen"), 0x9acd32 },
};

static size_t put(char out[HTML_COLOR], str s)
{
	if (s.n)
		memcpy(out, s.p, s.n);
	return s.n;
}

static size_t put_rgb(char out[HTML_COLOR], uint32_t rgb)
{
	return (size_t)snprintf(out, HTML_COLOR, "#%06x", rgb & 0xffffff);
}

static bool find(str s, uint32_t *rgb)
{
	size_t lo = 0, hi = sizeof(names) / sizeof(names[0]);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = str_cmpi(names[mid].name, s);

		if (c == 0) {
			*rgb = names[mid].rgb;
			return true;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static bool hex(char c)
{
	c = ch_lower(c);
	return ch_digit(c) || (c >= 'a' && c <= 'f');
}

/* "rgb(1, 2, 3)" or in per cent, anywhere in s. */
static bool read_rgb(str s, uint32_t *rgb)
{
	size_t at = str_searchi(s, STR("rgb("));
	bool percent = false;

	s = str_skip(s, at + 4);
	*rgb = 0;
	for (unsigned i = 0; i < 3; i++) {
		unsigned v = 0;
		size_t n = 0;

		while (i && s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
			s = str_skip(s, 1);
		while (n < s.n && ch_digit(s.p[n]) && n < 6)
			v = v * 10 + (unsigned)(s.p[n++] - '0');
		s = str_skip(s, n);
		if (i == 0)
			percent = s.n && s.p[0] == '%';
		if (!n || percent != (s.n && s.p[0] == '%'))
			return false;
		if (percent) {
			s = str_skip(s, 1);
			v = v * 255 / 100;
		}
		if (i < 2 && (!s.n || s.p[0] != ','))
			return false;
		s = str_skip(s, i < 2);
		*rgb = *rgb << 8 | (v & 0xff);
	}
	while (s.n && s.p[0] == ' ')
		s = str_skip(s, 1);
	return s.n && s.p[0] == ')';
}

size_t html_color(str value, char out[HTML_COLOR])
{
	char digits[6];
	size_t n = 0;
	uint32_t rgb;

	value = str_trim_ws(value);
	if (find(value, &rgb) || (value.n && read_rgb(value, &rgb)))
		return put_rgb(out, rgb);
	if (value.n == 0 || value.p[0] != '#')
		return put(out, STR("invalid"));
	for (size_t i = 1; i < value.n; i++) {
		if (!hex(value.p[i]))
			return put(out, STR("invalid"));
		if (n < sizeof(digits))
			digits[n++] = ch_lower(value.p[i]);
	}
	if (n > 3 && n < 6)
		n = 3;
	while (n % 3)
		digits[n++] = '0';
	out[0] = '#';
	for (size_t i = 0; i < n; i++)
		out[1 + i] = digits[i];
	if (n != 3)
		return n + 1;
	for (size_t i = 0; i < 6; i++)
		out[1 + i] = digits[i / 2];
	return 7;
}
