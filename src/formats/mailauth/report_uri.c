#include "formats/mailauth/report_uri.h"

#include "formats/mailauth/tags.h"

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* RFC 3986 2.1: ',' and '!' are written so. */
static bool unescape(str in, struct report_uri *out)
{
	out->n = 0;
	for (size_t i = 0; i < in.n; i++) {
		int c = (unsigned char)in.p[i];

		if (c == '%') {
			int high = i + 2 < in.n ? hex(in.p[i + 1]) : -1;
			int low = high >= 0 ? hex(in.p[i + 2]) : -1;

			if (low < 0)
				return false;
			c = high << 4 | low;
			i += 2;
		}
		if (out->n == LIM_REPORT_ADDRESS || c <= ' ' || c > '~')
			return false;
		out->address[out->n++] = (char)c;
	}
	out->address[out->n] = '\0';
	return true;
}

/* Labels of letters, digits and hyphens, at least two; "_" is for no host. */
static bool is_host(str host)
{
	str label;
	size_t labels = 0;

	if (!host.n || host.n > 253 || host.p[host.n - 1] == '.')
		return false;
	for (; host.n && str_next(&host, '.', &label); labels++) {
		if (!label.n || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!ch_alnum(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return labels > 1;
}

/* RFC 5322 3.2.3: a dot-atom; a local part in quotation marks wants to be something else. */
static bool is_local(str local)
{
	str atom;

	if (!local.n || local.n > 64 || local.p[local.n - 1] == '.')
		return false;
	while (local.n && str_next(&local, '.', &atom)) {
		if (!atom.n)
			return false;
		for (size_t i = 0; i < atom.n; i++)
			if (!ch_alnum(atom.p[i]) &&
			    str_find(STR("!#$%&'*+-/=?^_`{|}~"), atom.p[i]) == 19)
				return false;
	}
	return true;
}

static bool take_address(str text, struct report_uri *out)
{
	/* RFC 6068 2: header fields and a second address are not for us. */
	if (!unescape(str_take(text, str_find(text, '?')), out))
		return false;
	str whole = report_address(out);
	size_t at = str_rfind(whole, '@');

	for (size_t i = at; i < whole.n; i++)
		out->address[i] = ch_lower(out->address[i]);
	return at < whole.n && is_local(str_take(whole, at)) && is_host(str_skip(whole, at + 1));
}

/* RFC 7489 6.2: "10m"; without a unit octets. What is no number limits to nothing that fits. */
static uint64_t take_size(str text)
{
	static const str units = S("kmgt");
	uint64_t v, factor = 1;

	text = str_trim_ws(text);
	if (!text.n)
		return 0;
	size_t unit = str_find(units, ch_lower(text.p[text.n - 1]));

	if (unit < units.n) {
		factor = UINT64_C(1) << (10 * (unit + 1));
		text = str_take(text, text.n - 1);
	}
	if (str_u64(text, UINT64_MAX / factor, &v) != OK)
		return 0;
	return v * factor;
}

bool report_next_uri(str *rest, struct report_uri *out)
{
	str uri, scheme, address, size;

	while (rest->n && str_next(rest, ',', &uri)) {
		out->max = UINT64_MAX;
		if (str_cut(uri, '!', &address, &size))
			out->max = take_size(size);
		else
			address = uri;
		if (str_cut(str_trim_ws(address), ':', &scheme, &address) &&
		    str_eqi(scheme, STR("mailto")) && take_address(address, out))
			return true;
	}
	return false;
}

str report_address(const struct report_uri *u)
{
	return str_of(u->address, u->n);
}

str report_host(const struct report_uri *u)
{
	str a = report_address(u);

	return str_skip(a, str_rfind(a, '@') + 1);
}

str report_tls_rua(str text)
{
	struct tags tags;

	if (tags_parse(text, &tags) != OK || !tags.n || !str_eq(tags.v[0].name, STR("v")) ||
	    !str_eq(tags.v[0].value, STR("TLSRPTv1")))
		return STR("");
	str rua = tags_value(&tags, STR("rua"));

	return rua.p ? rua : STR("");
}
