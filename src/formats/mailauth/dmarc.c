#include "formats/mailauth/dmarc.h"

#include "base/attr.h"

/* The value of one word out of a tag's list; '\0' for another one. */
static char word_of(str value, const str *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eqi(value, words[i]))
			return words[i].p[0];
	return '\0';
}

static char policy_of(str value)
{
	static const str words[] = { S("none"), S("quarantine"), S("reject") };

	return word_of(value, words, COUNT(words));
}

static void take_tag(str name, str value, struct dmarc_record *r)
{
	static const str psd[] = { S("y"), S("n"), S("u") };

	if (str_eqi(name, STR("p"))) {
		r->policy = policy_of(value);
	} else if (str_eqi(name, STR("sp"))) {
		r->sub = policy_of(value);
		r->odd = r->odd || !r->sub;
	} else if (str_eqi(name, STR("np"))) {
		r->missing = policy_of(value);
		r->odd = r->odd || !r->missing;
	} else if (str_eqi(name, STR("adkim"))) {
		r->strict_dkim = str_eqi(value, STR("s"));
	} else if (str_eqi(name, STR("aspf"))) {
		r->strict_spf = str_eqi(value, STR("s"));
	} else if (str_eqi(name, STR("t"))) {
		r->test = str_eqi(value, STR("y"));
	} else if (str_eqi(name, STR("psd"))) {
		char c = word_of(value, psd, COUNT(psd));

		r->psd = c ? c : 'u';
	} else if (str_eqi(name, STR("rua"))) {
		r->rua = value;
	} else if (str_eqi(name, STR("ruf"))) {
		r->ruf = value;
	} else if (str_eqi(name, STR("fo"))) {
		r->fo = value;
	}
}

/* A value of the grammar is printable ASCII (4.7); one that is not is left out. */
static bool take_pair(str tag, str *name, str *value)
{
	if (!str_cut(tag, '=', name, value))
		return false;
	*name = str_trim_ws(*name);
	*value = str_trim_ws(*value);
	return value->n && str_printable(*value);
}

bool dmarc_parse(str text, struct dmarc_record *out)
{
	str rest = text, tag, name, value;
	bool first = true;

	*out = (struct dmarc_record){
		.text = text, .psd = 'u', .rua = STR(""), .ruf = STR(""), .fo = STR("0")
	};
	while (str_next(&rest, ';', &tag)) {
		bool pair = take_pair(tag, &name, &value);

		if (first && (!pair || !str_eq(name, STR("v")) || !str_eq(value, STR("DMARC1"))))
			return false;
		if (pair && !first)
			take_tag(name, value, out);
		first = false;
	}
	return !first;
}

bool dmarc_next_uri(str *rest, str *uri)
{
	while (rest->n && str_next(rest, ',', uri)) {
		*uri = str_trim_ws(*uri);
		*uri = str_take(*uri, str_find(*uri, '!'));
		size_t colon = str_find(*uri, ':');

		if (colon && colon + 1 < uri->n && ch_alpha(uri->p[0]))
			return true;
	}
	return false;
}

bool dmarc_usable(struct dmarc_record *r)
{
	str rest = r->rua, uri;

	if (r->policy && !r->odd)
		return true;
	if (!dmarc_next_uri(&rest, &uri))
		return false;
	r->policy = 'n';
	r->sub = r->missing = '\0';
	return true;
}
