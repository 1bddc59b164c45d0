#include "formats/mime/imap.h"
#include "formats/mime/lex.h"

static void add_param(struct buf *out, str name, str value, bool first)
{
	if (!first)
		buf_addc(out, ' ');
	mime_add_nstring(out, name);
	buf_addc(out, ' ');
	mime_add_nstring(out, value);
}

/* RFC 2045 5.2: text without a charset is in US-ASCII, and clients want to be told. */
static void add_params(struct buf *out, const struct mime_param *p, bool text)
{
	bool charset = false, first = true;

	for (const struct mime_param *c = p; c; c = c->next)
		charset = charset || str_eq(c->name, STR("charset"));
	text = text && !charset;
	if (!p && !text) {
		buf_add(out, STR("NIL"));
		return;
	}
	buf_addc(out, '(');
	for (; p; p = p->next) {
		add_param(out, p->name, p->value, first);
		first = false;
	}
	if (text)
		add_param(out, STR("charset"), STR("us-ascii"), first);
	buf_addc(out, ')');
}

static void add_disposition(struct buf *out, const struct mime_part *p)
{
	if (!p->disposition.n) {
		buf_add(out, STR("NIL"));
		return;
	}
	buf_addc(out, '(');
	mime_add_nstring(out, p->disposition);
	buf_addc(out, ' ');
	add_params(out, p->disposition_raw, false);
	buf_addc(out, ')');
}

/* RFC 3282: "en, fi" becomes ("en" "fi"); comments are left out. */
static void add_languages(struct buf *out, str list)
{
	bool any = false;

	while (list.n) {
		(void)mime_skip_cfws(&list, NULL);
		str tag = mime_run(&list, STR(",("));

		if (tag.n) {
			buf_addc(out, any ? ' ' : '(');
			mime_add_nstring(out, tag);
			any = true;
		} else {
			list = str_skip(list, 1);
		}
	}
	buf_add(out, any ? STR(")") : STR("NIL"));
}

static void add_extension(struct buf *out, const struct mime_part *p)
{
	buf_addc(out, ' ');
	add_disposition(out, p);
	buf_addc(out, ' ');
	add_languages(out, p->language);
	buf_addc(out, ' ');
	mime_add_nstring(out, p->location);
}

static void add_multipart(struct buf *out, const struct mime_part *p, bool extended)
{
	for (const struct mime_part *c = p->child; c; c = c->next)
		mime_add_bodystructure(c, out, extended);
	buf_addc(out, ' ');
	mime_add_nstring(out, p->subtype);
	if (!extended)
		return;
	buf_addc(out, ' ');
	add_params(out, p->params_raw, false);
	add_extension(out, p);
}

static void add_single(struct buf *out, const struct mime_part *p, bool extended)
{
	bool text = str_eq(p->type, STR("text"));

	mime_add_nstring(out, p->type);
	buf_addc(out, ' ');
	mime_add_nstring(out, p->subtype);
	buf_addc(out, ' ');
	add_params(out, p->params_raw, text);
	buf_addc(out, ' ');
	mime_add_nstring(out, p->id);
	buf_addc(out, ' ');
	mime_add_nstring(out, p->description);
	buf_addc(out, ' ');
	mime_add_nstring(out, p->encoding_name);
	buf_fmt(out, " %zu", p->end - p->body_at);
	if (p->kind == MIME_MESSAGE) {
		buf_addc(out, ' ');
		mime_add_envelope(p->child, out);
		buf_addc(out, ' ');
		mime_add_bodystructure(p->child, out, extended);
	}
	if (text || p->kind == MIME_MESSAGE)
		buf_fmt(out, " %zu", p->lines);
	if (!extended)
		return;
	buf_addc(out, ' ');
	mime_add_nstring(out, p->md5);
	add_extension(out, p);
}

/* Recursion ends at LIM_MIME_DEPTH: no tree is deeper. */
void mime_add_bodystructure(const struct mime_part *p, struct buf *out, bool extended)
{
	buf_addc(out, '(');
	if (p->kind == MIME_MULTIPART)
		add_multipart(out, p, extended);
	else
		add_single(out, p, extended);
	buf_addc(out, ')');
}
