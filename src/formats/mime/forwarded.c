#include "formats/mime/forwarded.h"

#include "formats/mime/header.h"
#include "formats/mime/text.h"

/* The part behind p and all that is in it. */
static const struct mime_part *behind(const struct mime_part *root, const struct mime_part *p)
{
	while (p != root && !p->next)
		p = p->parent;
	return p == root ? NULL : p->next;
}

static bool is_message(const struct mime_part *p)
{
	return p->kind == MIME_MESSAGE ||
	       (p->kind == MIME_LEAF && str_endsi(mime_filename(p), STR(".eml")));
}

const struct mime_part *mime_attached(const struct mime_part *root, const struct mime_part *p)
{
	p = p ? behind(root, p) : root;
	while (p && !is_message(p))
		p = p->kind == MIME_MULTIPART ? p->child : behind(root, p);
	return p;
}

static void add_some(struct buf *out, str s)
{
	buf_add(out, str_take(s, out->max - out->n));
}

void mime_attached_text(const struct mime_part *p, struct buf *out)
{
	struct mime_part leaf = *p;

	leaf.kind = MIME_LEAF; /* else it is taken for one without an encoding, RFC 2045 6.4 */
	if (leaf.encoding == MIME_BASE64 || leaf.encoding == MIME_QP)
		(void)!mime_decode_body(&leaf, out); /* E_LIMIT: what fits will do */
	else
		add_some(out, p->body);
}

bool mime_resent(const struct mime_part *root)
{
	struct mime_field f;

	return mime_find(root->header, STR("Resent-From"), &f);
}

void mime_resent_text(const struct mime_part *root, struct buf *out)
{
	struct mime_field f;

	for (struct mime_fields it = mime_fields(root->header); mime_field(&it, &f);)
		if (!str_startsi(f.name, STR("Resent-")))
			add_some(out, f.raw);
	add_some(out, STR("\r\n"));
	add_some(out, root->body);
}
