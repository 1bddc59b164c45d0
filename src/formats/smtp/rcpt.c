#include "base/enc.h"
#include "formats/smtp/path.h"

static const struct {
	str word;
	unsigned bit;
} notify_words[] = {
	{ S("NEVER"), SMTP_NOTIFY_NEVER },
	{ S("SUCCESS"), SMTP_NOTIFY_SUCCESS },
	{ S("FAILURE"), SMTP_NOTIFY_FAILURE },
	{ S("DELAY"), SMTP_NOTIFY_DELAY },
};

static unsigned notify_bit(str word)
{
	for (size_t i = 0; i < COUNT(notify_words); i++) {
		if (str_eqi(word, notify_words[i].word))
			return notify_words[i].bit;
	}
	return 0;
}

static err read_notify(str v, bool has, struct arena *a, void *out)
{
	struct smtp_rcpt *r = out;
	unsigned bits = 0;
	str word;

	while (str_next(&v, ',', &word)) {
		unsigned bit = notify_bit(word);

		if (!bit)
			return fail(E_SYNTAX, "NOTIFY has an unknown word");
		bits |= bit;
	}
	if (!bits || (bits & SMTP_NOTIFY_NEVER && bits != SMTP_NOTIFY_NEVER))
		return fail(E_SYNTAX, "NOTIFY is NEVER or a list of SUCCESS, FAILURE, DELAY");
	r->notify = bits;
	return OK;
}

/* addr-type of RFC 3461 4.2 is an atom; those that IANA lists are of letters, digits and '-'. */
static bool is_type(str type)
{
	for (size_t i = 0; i < type.n; i++) {
		if (!ch_alnum(type.p[i]) && type.p[i] != '-')
			return false;
	}
	return type.n > 0;
}

static err read_orcpt(str v, bool has, struct arena *a, void *out)
{
	struct smtp_rcpt *r = out;
	str type, address;

	if (!str_cut(v, ';', &type, &address) || !is_type(type) || !address.n)
		return fail(E_SYNTAX, "ORCPT is type;address");
	return smtp_read_xtext(v, LIM_SMTP_ORCPT, a, &r->orcpt);
}

static const struct smtp_param params[] = {
	{ S("NOTIFY"), SMTP_EXT_DSN, read_notify }, /* RFC 3461 4.1 */
	{ S("ORCPT"), SMTP_EXT_DSN, read_orcpt },   /* RFC 3461 4.2 */
};

err smtp_parse_rcpt(str args, unsigned ext, struct arena *a, struct smtp_rcpt *out)
{
	struct smtp_rcpt r = { 0 };

	if (!str_startsi(args, STR("TO:")))
		return fail(E_SYNTAX, "RCPT wants TO:<address>");
	args = str_skip(args, 3);
	TRY(smtp_take_path(&args, SMTP_FORWARD_PATH, a, &r.to, &r.routed));
	TRY(smtp_read_params(args, ext, params, COUNT(params), a, &r));
	*out = r;
	return OK;
}

static void print_notify(struct buf *out, unsigned bits)
{
	const char *sep = " NOTIFY=";

	for (size_t i = 0; i < COUNT(notify_words); i++) {
		if (!(bits & notify_words[i].bit))
			continue;
		buf_fmt(out, "%s%.*s", sep, STRF(notify_words[i].word));
		sep = ",";
	}
}

void smtp_print_rcpt(struct buf *out, const struct smtp_rcpt *r, unsigned ext)
{
	str type, address;

	buf_fmt(out, "RCPT TO:<%.*s>", STRF(r->to.text));
	if (!(ext & SMTP_EXT_DSN))
		return;
	print_notify(out, r->notify);
	if (str_cut(r->orcpt, ';', &type, &address)) {
		buf_fmt(out, " ORCPT=%.*s;", STRF(type));
		enc_xtext(out, address);
	}
}
