#include "formats/mime/part.h"

#include "base/enc.h"
#include "formats/mime/header.h"
#include "formats/mime/lex.h"

void mime_part_take_for(struct mime_part *p, str type, str subtype, unsigned defect)
{
	p->kind = MIME_LEAF;
	p->type = type;
	p->subtype = subtype;
	p->defects |= defect;
}

/* RFC 2045 5.2: what cannot be parsed is text/plain. */
static void fill_type(struct arena *a, struct mime_part *p, str value)
{
	str type, sub;

	p->defects |= mime_typed(a, value, &type, &sub, &p->params, &p->params_raw);
	if (!type.n || !sub.n) {
		p->defects |= MIME_D_TYPE;
		return;
	}
	p->type = type;
	p->subtype = sub;
}

static const struct {
	str name;
	enum mime_encoding encoding;
} encodings[] = {
	{ S("7bit"), MIME_7BIT },	  { S("8bit"), MIME_8BIT },
	{ S("binary"), MIME_BINARY },	  { S("quoted-printable"), MIME_QP },
	{ S("base64"), MIME_BASE64 },	  { S("x-uuencode"), MIME_UUENCODE },
	{ S("uuencode"), MIME_UUENCODE }, { S("x-uue"), MIME_UUENCODE },
};

static void fill_encoding(struct arena *a, struct mime_part *p, str value)
{
	(void)mime_skip_cfws(&value, NULL);
	str word = mime_run(&value, STR("();\"<>@,:\\/[]?="));

	for (size_t i = 0; i < COUNT(encodings); i++)
		if (str_eqi(word, encodings[i].name)) {
			p->encoding = encodings[i].encoding;
			p->encoding_name = encodings[i].name;
			return;
		}
	p->encoding = MIME_UNKNOWN;
	p->defects |= MIME_D_ENCODING;
	/* A token that we do not know is shown as it is; anything else is left out. */
	str lower = word.n && str_printable(word) ? mime_lower(a, word) : STR("");

	p->encoding_name = lower.n ? lower : STR("7bit");
}

static void fill_disposition(struct arena *a, struct mime_part *p, str value)
{
	p->defects |= mime_typed(a, value, &p->disposition, NULL, &p->disposition_params,
				 &p->disposition_raw);
}

static void fill_text(struct arena *a, struct mime_part *p, str value, str *to)
{
	*to = mime_unfolded(a, value);
	if (!to->p)
		p->defects |= MIME_D_LIMIT;
}

#define F_TYPE	      0x001u
#define F_ENCODING    0x002u
#define F_DISPOSITION 0x004u
#define F_ID	      0x008u
#define F_DESCRIPTION 0x010u
#define F_LANGUAGE    0x020u
#define F_LOCATION    0x040u
#define F_MD5	      0x080u

static const struct {
	str name; /* behind "Content-" */
	unsigned bit;
} fields[] = {
	{ S("Type"), F_TYPE },
	{ S("Transfer-Encoding"), F_ENCODING },
	{ S("Disposition"), F_DISPOSITION },
	{ S("ID"), F_ID },
	{ S("Description"), F_DESCRIPTION },
	{ S("Language"), F_LANGUAGE },
	{ S("Location"), F_LOCATION },
	{ S("MD5"), F_MD5 },
};

static void fill_field(struct arena *a, struct mime_part *p, unsigned bit, str value)
{
	switch (bit) {
	case F_TYPE:
		return fill_type(a, p, value);
	case F_ENCODING:
		return fill_encoding(a, p, value);
	case F_DISPOSITION:
		return fill_disposition(a, p, value);
	case F_ID:
		return fill_text(a, p, value, &p->id);
	case F_DESCRIPTION:
		return fill_text(a, p, value, &p->description);
	case F_LANGUAGE:
		return fill_text(a, p, value, &p->language);
	case F_LOCATION:
		return fill_text(a, p, value, &p->location);
	default:
		return fill_text(a, p, value, &p->md5);
	}
}

static void fill_fields(struct arena *a, struct mime_part *p)
{
	struct mime_fields it = mime_fields(p->header);
	struct mime_field f;
	unsigned seen = 0;

	while (mime_field(&it, &f)) {
		if (!str_startsi(f.name, STR("Content-")))
			continue;
		for (size_t i = 0; i < COUNT(fields); i++) {
			if (!str_eqi(str_skip(f.name, 8), fields[i].name))
				continue;
			if (seen & fields[i].bit)
				p->defects |= MIME_D_TWICE;
			else
				fill_field(a, p, fields[i].bit, f.value);
			seen |= fields[i].bit;
		}
	}
	p->defects |= it.defects;
}

/* RFC 2046 5.1.5: inside a digest, a part is a message unless it says otherwise. */
static void defaults(struct mime_part *p)
{
	bool digest = p->parent && p->parent->kind == MIME_MULTIPART &&
		      str_eq(p->parent->subtype, STR("digest"));

	p->type = digest ? STR("message") : STR("text");
	p->subtype = digest ? STR("rfc822") : STR("plain");
	p->disposition = STR("");
	p->encoding = MIME_7BIT;
	p->encoding_name = STR("7bit");
}

static bool encoded(const struct mime_part *p)
{
	return p->encoding == MIME_QP || p->encoding == MIME_BASE64 || p->encoding == MIME_UUENCODE;
}

void mime_part_fill(struct arena *a, struct mime_part *p)
{
	defaults(p);
	fill_fields(a, p);
	if (!str_ascii(p->header) && !utf8_valid(p->header))
		p->defects |= MIME_D_8BIT;
	if (str_eq(p->type, STR("multipart")))
		p->kind = MIME_MULTIPART;
	else if (str_eq(p->type, STR("message")) &&
		 (str_eq(p->subtype, STR("rfc822")) || str_eq(p->subtype, STR("global"))))
		p->kind = MIME_MESSAGE;
	/* RFC 2045 6.4: composite types are never encoded; their parts are read as they stand. */
	if (p->kind != MIME_LEAF && encoded(p))
		p->defects |= MIME_D_ENCODING;
}

str mime_param(const struct mime_param *list, str name)
{
	for (; list; list = list->next)
		if (str_eq(list->name, name))
			return list->value;
	return STR("");
}

str mime_filename(const struct mime_part *p)
{
	str name = mime_param(p->disposition_params, STR("filename"));

	return name.n ? name : mime_param(p->params, STR("name"));
}

struct mime_part *mime_next(const struct mime_part *root, const struct mime_part *p)
{
	if (p->child)
		return p->child;
	while (p != root && !p->next)
		p = p->parent;
	return p == root ? NULL : p->next;
}

unsigned mime_all_defects(const struct mime_part *root)
{
	unsigned defects = 0;

	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		defects |= p->defects;
	return defects;
}

static const struct {
	unsigned bit;
	str text;
} defect_names[] = {
	{ MIME_D_FIELD, S("line that is no header field") },
	{ MIME_D_NO_BLANK, S("no empty line behind the header") },
	{ MIME_D_HEADER_CUT, S("header too large") },
	{ MIME_D_TYPE, S("bad Content-Type") },
	{ MIME_D_ENCODING, S("bad Content-Transfer-Encoding") },
	{ MIME_D_BOUNDARY, S("multipart without boundary") },
	{ MIME_D_NO_PARTS, S("multipart without parts") },
	{ MIME_D_NOT_CLOSED, S("multipart not closed") },
	{ MIME_D_DEPTH, S("too deep") },
	{ MIME_D_PARTS, S("too many parts") },
	{ MIME_D_PARAM, S("bad parameter") },
	{ MIME_D_CHARSET, S("bad charset") },
	{ MIME_D_LIMIT, S("memory limit") },
	{ MIME_D_TWICE, S("field given twice") },
	{ MIME_D_LF, S("bare LF") },
	{ MIME_D_8BIT, S("8 bit header that is not UTF-8") },
};

void mime_add_defects(struct buf *out, unsigned defects)
{
	bool first = true;

	for (size_t i = 0; i < COUNT(defect_names); i++) {
		if (!(defects & defect_names[i].bit))
			continue;
		if (!first)
			buf_add(out, STR(", "));
		buf_add(out, defect_names[i].text);
		first = false;
	}
}
