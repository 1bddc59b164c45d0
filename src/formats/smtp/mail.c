#include "base/enc.h"
#include "formats/smtp/path.h"

static err read_size(str v, bool has, struct arena *a, void *out)
{
	struct smtp_mail *m = out;

	if (v.n > 20 || str_u64(v, UINT64_MAX, &m->size) != OK)
		return fail(E_SYNTAX, "SIZE wants a number of octets");
	return OK;
}

static err read_body(str v, bool has, struct arena *a, void *out)
{
	struct smtp_mail *m = out;

	if (str_eqi(v, STR("7BIT")))
		m->body = SMTP_BODY_7BIT;
	else if (str_eqi(v, STR("8BITMIME")))
		m->body = SMTP_BODY_8BITMIME;
	else
		return fail(E_SYNTAX, "BODY is 7BIT or 8BITMIME");
	return OK;
}

static err read_utf8(str v, bool has, struct arena *a, void *out)
{
	struct smtp_mail *m = out;

	if (has)
		return fail(E_SYNTAX, "SMTPUTF8 has no value");
	m->smtputf8 = true;
	return OK;
}

static err read_ret(str v, bool has, struct arena *a, void *out)
{
	struct smtp_mail *m = out;

	if (str_eqi(v, STR("FULL")))
		m->ret = SMTP_RET_FULL;
	else if (str_eqi(v, STR("HDRS")))
		m->ret = SMTP_RET_HDRS;
	else
		return fail(E_SYNTAX, "RET is FULL or HDRS");
	return OK;
}

/* Drops a value that is there but empty ("ENVID"): the grammar wants at least one octet. */
static err read_text(str v, size_t max, struct arena *a, str *out)
{
	if (!v.n)
		return fail(E_SYNTAX, "Parameter wants a value");
	return smtp_read_xtext(v, max, a, out);
}

static err read_envid(str v, bool has, struct arena *a, void *out)
{
	struct smtp_mail *m = out;

	return read_text(v, LIM_SMTP_ENVID, a, &m->envid);
}

static err read_auth(str v, bool has, struct arena *a, void *out)
{
	struct smtp_mail *m = out;

	return read_text(v, LIM_SMTP_AUTH, a, &m->auth);
}

static err read_delivery(str v, bool has, struct arena *a, void *out)
{
	struct smtp_mail *m = out;

	return read_text(v, LIM_SMTP_ENVID, a, &m->delivery_id);
}

static const struct smtp_param params[] = {
	{ S("SIZE"), SMTP_EXT_SIZE, read_size },		  /* RFC 1870 */
	{ S("BODY"), SMTP_EXT_8BITMIME, read_body },		  /* RFC 6152 */
	{ S("SMTPUTF8"), SMTP_EXT_SMTPUTF8, read_utf8 },	  /* RFC 6531 3.4 */
	{ S("RET"), SMTP_EXT_DSN, read_ret },			  /* RFC 3461 4.3 */
	{ S("ENVID"), SMTP_EXT_DSN, read_envid },		  /* RFC 3461 4.4 */
	{ S("AUTH"), SMTP_EXT_AUTH, read_auth },		  /* RFC 4954 5 */
	{ S("XDELIVERYID"), SMTP_EXT_DELIVERYID, read_delivery }, /* decision 0060 */
};

err smtp_parse_mail(str args, unsigned ext, struct arena *a, struct smtp_mail *out)
{
	struct smtp_mail m = { 0 };
	bool routed;

	if (!str_startsi(args, STR("FROM:")))
		return fail(E_SYNTAX, "MAIL wants FROM:<address>");
	args = str_skip(args, 5);
	TRY(smtp_take_path(&args, SMTP_REVERSE_PATH, a, &m.from, &routed));
	TRY(smtp_read_params(args, ext, params, COUNT(params), a, &m));
	*out = m;
	return OK;
}

static void print_xtext(struct buf *out, const char *key, str value)
{
	buf_add(out, str_z(key));
	enc_xtext(out, value);
}

void smtp_print_mail(struct buf *out, const struct smtp_mail *m, unsigned ext)
{
	buf_fmt(out, "MAIL FROM:<%.*s>", STRF(m->from.text));
	if (m->size && ext & SMTP_EXT_SIZE)
		buf_fmt(out, " SIZE=%llu", (unsigned long long)m->size);
	if (m->body && ext & SMTP_EXT_8BITMIME)
		buf_fmt(out, " BODY=%s", m->body == SMTP_BODY_8BITMIME ? "8BITMIME" : "7BIT");
	if (m->smtputf8 && ext & SMTP_EXT_SMTPUTF8)
		buf_add(out, STR(" SMTPUTF8"));
	if (m->ret && ext & SMTP_EXT_DSN)
		buf_fmt(out, " RET=%s", m->ret == SMTP_RET_HDRS ? "HDRS" : "FULL");
	if (m->envid.n && ext & SMTP_EXT_DSN)
		print_xtext(out, " ENVID=", m->envid);
	if (m->auth.n && ext & SMTP_EXT_AUTH)
		print_xtext(out, " AUTH=", m->auth);
	if (m->delivery_id.n && ext & SMTP_EXT_DELIVERYID)
		print_xtext(out, " XDELIVERYID=", m->delivery_id);
}
