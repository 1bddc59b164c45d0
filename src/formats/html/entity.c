#include <string.h>

#include "formats/html/html.h"

/* HTML 4's, as octets sort. */
static const struct {
	str name;
	bool closed; /* counts with its ";" only */
	uint16_t cp;
} entities[] = {
	{ S("AElig"), false, 0xc6 },	{ S("Aacute"), false, 0xc1 },
	{ S("Acirc"), false, 0xc2 },	{ S("Agrave"), false, 0xc0 },
	{ S("Alpha"), true, 0x391 },	{ S("Aring"), false, 0xc5 },
	{ S("Atilde"), false, 0xc3 },	{ S("Auml"), false, 0xc4 },
	{ S("Beta"), true, 0x392 },	{ S("Ccedil"), false, 0xc7 },
	{ S("Chi"), true, 0x3a7 },	{ S("Dagger"), true, 0x2021 },
	{ S("Delta"), true, 0x394 },	{ S("ETH"), false, 0xd0 },
	{ S("Eacute"), false, 0xc9 },	{ S("Ecirc"), false, 0xca },
	{ S("Egrave"), false, 0xc8 },	{ S("Epsilon"), true, 0x395 },
	{ S("Eta"), true, 0x397 },	{ S("Euml"), false, 0xcb },
	{ S("Gamma"), true, 0x393 },	{ S("Iacute"), false, 0xcd },
	{ S("Icirc"), false, 0xce },	{ S("Igrave"), false, 0xcc },
	{ S("Iota"), true, 0x399 },	{ S("Iuml"), false, 0xcf },
	{ S("Kappa"), true, 0x39a },	{ S("Lambda"), true, 0x39b },
	{ S("Mu"), true, 0x39c },	{ S("Ntilde"), false, 0xd1 },
	{ S("Nu"), true, 0x39d },	{ S("OElig"), true, 0x152 },
	{ S("Oacute"), false, 0xd3 },	{ S("Ocirc"), false, 0xd4 },
	{ S("Ograve"), false, 0xd2 },	{ S("Omega"), true, 0x3a9 },
	{ S("Omicron"), true, 0x39f },	{ S("Oslash"), false, 0xd8 },
	{ S("Otilde"), false, 0xd5 },	{ S("Ouml"), false, 0xd6 },
	{ S("Phi"), true, 0x3a6 },	{ S("Pi"), true, 0x3a0 },
	{ S("Prime"), true, 0x2033 },	{ S("Psi"), true, 0x3a8 },
	{ S("Rho"), true, 0x3a1 },	{ S("Scaron"), true, 0x160 },
	{ S("Sigma"), true, 0x3a3 },	{ S("THORN"), false, 0xde },
	{ S("Tau"), true, 0x3a4 },	{ S("Theta"), true, 0x398 },
	{ S("Uacute"), false, 0xda },	{ S("Ucirc"), false, 0xdb },
	{ S("Ugrave"), false, 0xd9 },	{ S("Upsilon"), true, 0x3a5 },
	{ S("Uuml"), false, 0xdc },	{ S("Xi"), true, 0x39e },
	{ S("Yacute"), false, 0xdd },	{ S("Yuml"), true, 0x178 },
	{ S("Zeta"), true, 0x396 },	{ S("aacute"), false, 0xe1 },
	{ S("acirc"), false, 0xe2 },	{ S("acute"), false, 0xb4 },
	{ S("aelig"), false, 0xe6 },	{ S("agrave"), false, 0xe0 },
	{ S("alefsym"), true, 0x2135 }, { S("alpha"), true, 0x3b1 },
	{ S("amp"), false, 0x26 },	{ S("and"), true, 0x2227 },
	{ S("ang"), true, 0x2220 },	{ S("apos"), false, 0x27 },
	{ S("aring"), false, 0xe5 },	{ S("asymp"), true, 0x2248 },
	{ S("atilde"), false, 0xe3 },	{ S("auml"), false, 0xe4 },
	{ S("bdquo"), true, 0x201e },	{ S("beta"), true, 0x3b2 },
	{ S("brvbar"), false, 0xa6 },	{ S("bull"), true, 0x2022 },
	{ S("cap"), true, 0x2229 },	{ S("ccedil"), false, 0xe7 },
	{ S("cedil"), false, 0xb8 },	{ S("cent"), false, 0xa2 },
	{ S("chi"), true, 0x3c7 },	{ S("circ"), true, 0x2c6 },
	{ S("clubs"), true, 0x2663 },	{ S("cong"), true, 0x2245 },
	{ S("copy"), false, 0xa9 },	{ S("crarr"), true, 0x21b5 },
	{ S("cup"), true, 0x222a },	{ S("curren"), false, 0xa4 },
	{ S("dArr"), true, 0x21d3 },	{ S("dagger"), true, 0x2020 },
	{ S("darr"), true, 0x2193 },	{ S("deg"), false, 0xb0 },
	{ S("delta"), true, 0x3b4 },	{ S("diams"), true, 0x2666 },
	{ S("divide"), false, 0xf7 },	{ S("eacute"), false, 0xe9 },
	{ S("ecirc"), false, 0xea },	{ S("egrave"), false, 0xe8 },
	{ S("empty"), true, 0x2205 },	{ S("emsp"), true, 0x2003 },
	{ S("ensp"), true, 0x2002 },	{ S("epsilon"), true, 0x3b5 },
	{ S("equiv"), true, 0x2261 },	{ S("eta"), true, 0x3b7 },
	{ S("eth"), false, 0xf0 },	{ S("euml"), false, 0xeb },
	{ S("euro"), true, 0x20ac },	{ S("exist"), true, 0x2203 },
	{ S("fnof"), true, 0x192 },	{ S("forall"), true, 0x2200 },
	{ S("frac12"), false, 0xbd },	{ S("frac14"), false, 0xbc },
	{ S("frac34"), false, 0xbe },	{ S("frasl"), true, 0x2044 },
	{ S("gamma"), true, 0x3b3 },	{ S("ge"), true, 0x2265 },
	{ S("gt"), false, 0x3e },	{ S("hArr"), true, 0x21d4 },
	{ S("harr"), true, 0x2194 },	{ S("hearts"), true, 0x2665 },
	{ S("hellip"), true, 0x2026 },	{ S("iacute"), false, 0xed },
	{ S("icirc"), false, 0xee },	{ S("iexcl"), false, 0xa1 },
	{ S("igrave"), false, 0xec },	{ S("image"), true, 0x2111 },
	{ S("infin"), true, 0x221e },	{ S("int"), true, 0x222b },
	{ S("iota"), true, 0x3b9 },	{ S("iquest"), false, 0xbf },
	{ S("isin"), true, 0x2208 },	{ S("iuml"), false, 0xef },
	{ S("kappa"), true, 0x3ba },	{ S("lArr"), true, 0x21d0 },
	{ S("lambda"), true, 0x3bb },	{ S("lang"), true, 0x2329 },
	{ S("laquo"), false, 0xab },	{ S("larr"), true, 0x2190 },
	{ S("lceil"), true, 0x2308 },	{ S("ldquo"), true, 0x201c },
	{ S("le"), true, 0x2264 },	{ S("lfloor"), true, 0x230a },
	{ S("lowast"), true, 0x2217 },	{ S("loz"), true, 0x25ca },
	{ S("lrm"), true, 0x200e },	{ S("lsaquo"), true, 0x2039 },
	{ S("lsquo"), true, 0x2018 },	{ S("lt"), false, 0x3c },
	{ S("macr"), false, 0xaf },	{ S("mdash"), true, 0x2014 },
	{ S("micro"), false, 0xb5 },	{ S("middot"), false, 0xb7 },
	{ S("minus"), true, 0x2212 },	{ S("mu"), true, 0x3bc },
	{ S("nabla"), true, 0x2207 },	{ S("nbsp"), false, 0xa0 },
	{ S("ndash"), true, 0x2013 },	{ S("ne"), true, 0x2260 },
	{ S("ni"), true, 0x220b },	{ S("not"), false, 0xac },
	{ S("notin"), true, 0x2209 },	{ S("nsub"), true, 0x2284 },
	{ S("ntilde"), false, 0xf1 },	{ S("nu"), true, 0x3bd },
	{ S("oacute"), false, 0xf3 },	{ S("ocirc"), false, 0xf4 },
	{ S("oelig"), true, 0x153 },	{ S("ograve"), false, 0xf2 },
	{ S("oline"), true, 0x203e },	{ S("omega"), true, 0x3c9 },
	{ S("omicron"), true, 0x3bf },	{ S("oplus"), true, 0x2295 },
	{ S("or"), true, 0x2228 },	{ S("ordf"), false, 0xaa },
	{ S("ordm"), false, 0xba },	{ S("oslash"), false, 0xf8 },
	{ S("otilde"), false, 0xf5 },	{ S("otimes"), true, 0x2297 },
	{ S("ouml"), false, 0xf6 },	{ S("para"), false, 0xb6 },
	{ S("part"), true, 0x2202 },	{ S("permil"), true, 0x2030 },
	{ S("perp"), true, 0x22a5 },	{ S("phi"), true, 0x3c6 },
	{ S("pi"), true, 0x3c0 },	{ S("piv"), true, 0x3d6 },
	{ S("plusmn"), false, 0xb1 },	{ S("pound"), false, 0xa3 },
	{ S("prime"), true, 0x2032 },	{ S("prod"), true, 0x220f },
	{ S("prop"), true, 0x221d },	{ S("psi"), true, 0x3c8 },
	{ S("quot"), false, 0x22 },	{ S("rArr"), true, 0x21d2 },
	{ S("radic"), true, 0x221a },	{ S("rang"), true, 0x232a },
	{ S("raquo"), false, 0xbb },	{ S("rarr"), true, 0x2192 },
	{ S("rceil"), true, 0x2309 },	{ S("rdquo"), true, 0x201d },
	{ S("real"), true, 0x211c },	{ S("reg"), false, 0xae },
	{ S("rfloor"), true, 0x230b },	{ S("rho"), true, 0x3c1 },
	{ S("rlm"), true, 0x200f },	{ S("rsaquo"), true, 0x203a },
	{ S("rsquo"), true, 0x2019 },	{ S("sbquo"), true, 0x201a },
	{ S("scaron"), true, 0x161 },	{ S("sdot"), true, 0x22c5 },
	{ S("sect"), false, 0xa7 },	{ S("shy"), false, 0xad },
	{ S("sigma"), true, 0x3c3 },	{ S("sigmaf"), true, 0x3c2 },
	{ S("sim"), true, 0x223c },	{ S("spades"), true, 0x2660 },
	{ S("sub"), true, 0x2282 },	{ S("sube"), true, 0x2286 },
	{ S("sum"), true, 0x2211 },	{ S("sup"), true, 0x2283 },
	{ S("sup1"), false, 0xb9 },	{ S("sup2"), false, 0xb2 },
	{ S("sup3"), false, 0xb3 },	{ S("supe"), true, 0x2287 },
	{ S("szlig"), false, 0xdf },	{ S("tau"), true, 0x3c4 },
	{ S("there4"), true, 0x2234 },	{ S("theta"), true, 0x3b8 },
	{ S("thetasym"), true, 0x3d1 }, { S("thinsp"), true, 0x2009 },
	{ S("thorn"), false, 0xfe },	{ S("tilde"), true, 0x2dc },
	{ S("times"), false, 0xd7 },	{ S("trade"), true, 0x2122 },
	{ S("uArr"), true, 0x21d1 },	{ S("uacute"), false, 0xfa },
	{ S("uarr"), true, 0x2191 },	{ S("ucirc"), false, 0xfb },
	{ S("ugrave"), false, 0xf9 },	{ S("uml"), false, 0xa8 },
	{ S("upsih"), true, 0x3d2 },	{ S("upsilon"), true, 0x3c5 },
	{ S("uuml"), false, 0xfc },	{ S("weierp"), true, 0x2118 },
	{ S("xi"), true, 0x3be },	{ S("yacute"), false, 0xfd },
	{ S("yen"), false, 0xa5 },	{ S("yuml"), false, 0xff },
	{ S("zeta"), true, 0x3b6 },	{ S("zwj"), true, 0x200d },
	{ S("zwnj"), true, 0x200c },
};
#define ENTITIES (sizeof(entities) / sizeof(entities[0]))
#define LONGEST	 8

/* 0: there is none of that name. */
static uint32_t find(str name, bool closed)
{
	size_t lo = 0, hi = ENTITIES;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = str_cmp(entities[mid].name, name);

		if (c == 0)
			return closed || !entities[mid].closed ? entities[mid].cp : 0;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

static unsigned digit(char c)
{
	c = ch_lower(c);
	return ch_digit(c)	      ? (unsigned)(c - '0')
	       : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
				      : 99;
}

/* "&#65;" at the start of s; its length, 0: it is none. */
static size_t number(str s, uint32_t *cp)
{
	unsigned base = s.n > 2 && ch_lower(s.p[2]) == 'x' ? 16 : 10;
	size_t from = base == 16 ? 3 : 2, i = from;
	uint64_t v = 0;

	for (; i < s.n && digit(s.p[i]) < base; i++) {
		v = v * base + digit(s.p[i]);
		if (v > 0x10ffff)
			return 0;
	}
	if (i == from || v == 0)
		return 0;
	*cp = v >= 0xd800 && v < 0xe000 ? 0xfffd : (uint32_t)v;
	return i < s.n && s.p[i] == ';' ? i + 1 : i;
}

static size_t named(str s, bool prefix, uint32_t *cp)
{
	size_t i = 1;

	while (i < s.n && ch_alnum(s.p[i]) && i <= LONGEST + 1)
		i++;
	if (i == 1)
		return 0;
	bool closed = i < s.n && s.p[i] == ';';

	*cp = find(str_of(s.p + 1, i - 1), closed);
	if (*cp)
		return closed ? i + 1 : i;
	if (!prefix)
		return 0;
	for (i = i - 1; i > 2; i--)
		if ((*cp = find(str_of(s.p + 1, i - 1), false)))
			return i;
	return 0;
}

static size_t put(char *out, uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

size_t html_decode(str in, bool prefix, char *out, bool *wide)
{
	size_t n = 0;

	while (in.n) {
		size_t plain = str_find(in, '&'), took;
		uint32_t cp = 0;

		memmove(out + n, in.p, plain);
		n += plain;
		in = str_skip(in, plain);
		if (!in.n)
			break;
		took = in.n > 1 && in.p[1] == '#' ? number(in, &cp) : named(in, prefix, &cp);
		if (!took) {
			out[n++] = '&';
			in = str_skip(in, 1);
			continue;
		}
		*wide |= cp > 255;
		n += put(out + n, cp);
		in = str_skip(in, took);
	}
	return n;
}
