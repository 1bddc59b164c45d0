/* mime-dump: what formats/mime makes of its standard input, as JSON, for test_mime.py.
 * mime-dump message|addresses|date|typed|words|ids. Bytes that are no UTF-8 appear as one code
 * point each. */
#include <stdio.h>

#include "base/enc.h"
#include "formats/mime/header.h"
#include "formats/mime/imap.h"
#include "formats/mime/text.h"
#include "formats/mime/thread.h"

static void add_json(struct buf *out, str s, bool bytes)
{
	bool utf8 = !bytes && utf8_valid(s);

	if (!s.p) {
		buf_add(out, STR("null"));
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];

		if (c < ' ' || c == '"' || c == '\\' || c == 127 || (c > 127 && !utf8))
			buf_fmt(out, "\\u%04x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, '"');
}

static void add_key(struct buf *out, const char *name, str value)
{
	buf_fmt(out, "\"%s\": ", name);
	add_json(out, value, false);
	buf_add(out, STR(", "));
}

static void add_base64(struct buf *out, const char *name, str value)
{
	buf_fmt(out, "\"%s\": \"", name);
	enc_base64(out, value);
	buf_add(out, STR("\", "));
}

static void add_params(struct buf *out, const char *name, const struct mime_param *p)
{
	buf_fmt(out, "\"%s\": [", name);
	for (const struct mime_param *q = p; q; q = q->next) {
		buf_add(out, q == p ? STR("[") : STR(", ["));
		add_json(out, q->name, false);
		buf_add(out, STR(", "));
		add_json(out, q->value, false);
		buf_addc(out, ']');
	}
	buf_add(out, STR("], "));
}

static void add_fields(struct buf *out, str header)
{
	struct mime_fields it = mime_fields(header);
	struct mime_field f;
	bool first = true;

	buf_add(out, STR("\"fields\": ["));
	for (; mime_field(&it, &f); first = false) {
		buf_add(out, first ? STR("[") : STR(", ["));
		add_json(out, f.name, false);
		buf_add(out, STR(", "));
		add_json(out, f.value, true);
		buf_addc(out, ']');
	}
	buf_add(out, STR("], "));
}

static void add_bodies(struct buf *out, const struct mime_part *p, size_t max)
{
	CLEANUP(buf_free) struct buf decoded, text;

	buf_init(&decoded, max);
	buf_init(&text, max);
	if (p->kind != MIME_LEAF)
		return;
	if (mime_decode_body(p, &decoded) == OK)
		add_base64(out, "decoded", buf_str(&decoded));
	if (mime_text(p, &text) == OK)
		add_key(out, "text", buf_str(&text));
}

static void add_part(struct buf *out, const struct mime_part *p, size_t max)
{
	static const char *const kinds[] = { "leaf", "multipart", "message" };
	CLEANUP(buf_free) struct buf defects;

	buf_init(&defects, KIB(4));
	mime_add_defects(&defects, p->defects);
	buf_fmt(out, "{\"kind\": \"%s\", \"at\": [%zu, %zu, %zu], \"lines\": %zu, ", kinds[p->kind],
		p->header_at, p->body_at, p->end, p->lines);
	add_key(out, "type", p->type);
	add_key(out, "subtype", p->subtype);
	add_key(out, "encoding", p->encoding_name);
	add_key(out, "disposition", p->disposition);
	add_key(out, "filename", mime_filename(p));
	add_params(out, "params", p->params);
	add_fields(out, p->header);
	add_bodies(out, p, max);
	add_base64(out, "body", p->body);
	add_key(out, "defects", buf_str(&defects));
	buf_add(out, STR("\"children\": ["));
	for (const struct mime_part *c = p->child; c; c = c->next) {
		if (c != p->child)
			buf_add(out, STR(", "));
		add_part(out, c, max);
	}
	buf_add(out, STR("]}"));
}

static void dump_message(struct buf *out, struct arena *a, str in)
{
	CLEANUP(buf_free) struct buf b;
	struct mime_part *root = mime_parse(in, a);

	buf_init(&b, MIB(64));
	buf_add(out, STR("{\"bodystructure\": "));
	mime_add_bodystructure(root, &b, true);
	add_json(out, buf_str(&b), true);
	buf_reset(&b);
	buf_add(out, STR(", \"body\": "));
	mime_add_bodystructure(root, &b, false);
	add_json(out, buf_str(&b), true);
	buf_reset(&b);
	buf_add(out, STR(", \"envelope\": "));
	mime_add_envelope(root, &b);
	add_json(out, buf_str(&b), true);
	buf_add(out, STR(", \"tree\": "));
	add_part(out, root, in.n * 4 + 64);
	buf_addc(out, '}');
}

static void dump_addresses(struct buf *out, struct arena *a, str in)
{
	static const char *const kinds[] = { "mailbox", "start", "end" };
	struct mime_address *first = mime_addresses(a, in);

	buf_addc(out, '[');
	for (struct mime_address *m = first; m; m = m->next) {
		buf_fmt(out, "%s{\"kind\": \"%s\", \"bad\": %s, ", m == first ? "" : ", ",
			kinds[m->kind], m->bad ? "true" : "false");
		add_key(out, "name", m->name);
		add_key(out, "display", m->name.p ? mime_decoded(a, m->name) : m->name);
		add_key(out, "route", m->route);
		add_key(out, "mailbox", m->mailbox);
		buf_add(out, STR("\"domain\": "));
		add_json(out, m->domain, false);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void dump_date(struct buf *out, str in)
{
	int64_t seconds;
	int zone;

	if (mime_date_parse(in, &seconds, &zone) == OK)
		buf_fmt(out, "[%lld, %d]", (long long)seconds, zone);
	else
		buf_add(out, STR("null"));
}

static void dump_typed(struct buf *out, struct arena *a, str in)
{
	str type, sub;
	struct mime_param *params, *raw;
	unsigned defects = mime_typed(a, in, &type, &sub, &params, &raw);

	buf_addc(out, '{');
	add_key(out, "type", type);
	add_key(out, "subtype", sub);
	add_params(out, "params", params);
	buf_fmt(out, "\"defects\": %u}", defects);
}

static void dump_ids(struct buf *out, struct arena *a, str in)
{
	str id;
	bool first = true;

	buf_addc(out, '[');
	for (; mime_next_id(a, &in, &id); first = false) {
		if (!first)
			buf_add(out, STR(", "));
		add_json(out, id, false);
	}
	buf_addc(out, ']');
}

static void read_all(struct buf *in)
{
	char chunk[2048];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		buf_add(in, str_of(chunk, n));
}

int main(int argc, char **argv)
{
	CLEANUP(buf_free) struct buf in, out;
	CLEANUP(arena_free) struct arena a;
	str what = argc > 1 ? str_z(argv[1]) : STR("message");

	buf_init(&in, MIB(256));
	buf_init(&out, MIB(1024));
	arena_init(&a, MIB(64));
	read_all(&in);
	if (str_eq(what, STR("addresses")))
		dump_addresses(&out, &a, buf_str(&in));
	else if (str_eq(what, STR("date")))
		dump_date(&out, buf_str(&in));
	else if (str_eq(what, STR("typed")))
		dump_typed(&out, &a, buf_str(&in));
	else if (str_eq(what, STR("words")))
		add_json(&out, mime_decoded(&a, buf_str(&in)), false);
	else if (str_eq(what, STR("ids")))
		dump_ids(&out, &a, buf_str(&in));
	else
		dump_message(&out, &a, buf_str(&in));
	buf_addc(&out, '\n');
	return fwrite(out.p, 1, out.n, stdout) == out.n && buf_done(&out) == OK ? 0 : 1;
}
