#include "formats/smtp/smtp.h"

/* RFC 3463 2: class "." subject "." detail, each of the last two up to three digits. Its length, 0
 * for none. */
static size_t status_length(str s, char class)
{
	size_t i = 1;

	if (s.n < 5 || s.p[0] != class)
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (i >= s.n || s.p[i++] != '.')
			return 0;
		while (i < s.n && digits < 3 && ch_digit(s.p[i])) {
			i++;
			digits++;
		}
		if (!digits)
			return 0;
	}
	return i == s.n || s.p[i] == ' ' ? i : 0;
}

err smtp_parse_reply_line(str line, struct smtp_reply_line *out)
{
	struct smtp_reply_line r = { 0 };
	uint64_t code;

	if (line.n < 3 || str_u64(str_take(line, 3), 599, &code) != OK || code < 200)
		return fail(E_SYNTAX, "Reply without a code");
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return fail(E_SYNTAX, "Reply code ends badly");
	r.code = (int)code;
	r.more = line.n > 3 && line.p[3] == '-';
	r.text = str_skip(line, 4);
	size_t n = status_length(r.text, line.p[0]);

	r.status = str_take(r.text, n);
	if (n)
		r.text = str_trim(str_skip(r.text, n));
	*out = r;
	return OK;
}

static void read_size(str args, struct smtp_server *out)
{
	if (args.n && str_u64(str_trim(args), UINT64_MAX, &out->size) != OK)
		out->size = 0;
}

static void read_auth(str args, struct smtp_server *out)
{
	out->auth = str_trim(args);
}

static void read_limits(str args, struct smtp_server *out)
{
	str word;

	while (str_word(&args, &word)) {
		if (str_startsi(word, STR("RCPTMAX=")) &&
		    str_u64(str_skip(word, 8), 1000000, &out->rcpt_max) != OK)
			out->rcpt_max = 0;
	}
}

static const struct {
	str keyword;
	unsigned ext;
	void (*read)(str args, struct smtp_server *out);
} keywords[] = {
	{ S("SIZE"), SMTP_EXT_SIZE, read_size },
	{ S("8BITMIME"), SMTP_EXT_8BITMIME, NULL },
	{ S("SMTPUTF8"), SMTP_EXT_SMTPUTF8, NULL },
	{ S("CHUNKING"), SMTP_EXT_CHUNKING, NULL },
	{ S("STARTTLS"), SMTP_EXT_STARTTLS, NULL },
	{ S("ENHANCEDSTATUSCODES"), SMTP_EXT_ENHANCED, NULL },
	{ S("DSN"), SMTP_EXT_DSN, NULL },
	{ S("PIPELINING"), SMTP_EXT_PIPELINING, NULL },
	{ S("AUTH"), SMTP_EXT_AUTH, read_auth },
	{ S("XDELIVERYID"), SMTP_EXT_DELIVERYID, NULL },
	{ S("LIMITS"), SMTP_EXT_LIMITS, read_limits },
};

void smtp_parse_ehlo_line(str text, struct smtp_server *out)
{
	str word = STR("");

	if (!str_word(&text, &word))
		return;
	for (size_t i = 0; i < COUNT(keywords); i++) {
		if (!str_eqi(word, keywords[i].keyword))
			continue;
		out->ext |= keywords[i].ext;
		if (keywords[i].read)
			keywords[i].read(text, out);
	}
}

void smtp_add_clean(struct buf *out, str text, size_t max)
{
	text = str_take(text, max);
	for (size_t i = 0; i < text.n; i++)
		buf_addc(out, text.p[i] >= ' ' && text.p[i] < 127 ? text.p[i] : '?');
}
