#include "formats/mime/imap.h"

/* The n-th child, from 1. */
static const struct mime_part *nth(const struct mime_part *p, uint32_t n)
{
	const struct mime_part *c = p->child;

	while (c && n > 1) {
		c = c->next;
		n--;
	}
	return n ? c : NULL;
}

/* RFC 9051 6.4.5.1: a message inside lends its parts to the part that holds it, and a message that
 * is no multipart has one part, 1, itself. */
const struct mime_part *mime_section(const struct mime_part *root, const uint32_t *numbers,
				     size_t n)
{
	const struct mime_part *p = root;

	for (size_t i = 0; i < n && p; i++) {
		const struct mime_part *in = p;
		bool message = p->kind == MIME_MESSAGE && i > 0;

		if (message)
			in = p->child;
		if (in->kind == MIME_MULTIPART)
			p = nth(in, numbers[i]);
		else if (numbers[i] == 1 && (i == 0 || message))
			p = in;
		else
			p = NULL;
	}
	return p;
}

bool mime_section_range(const struct mime_part *root, const uint32_t *numbers, size_t n,
			enum mime_section_text what, size_t *at, size_t *len)
{
	const struct mime_part *p = mime_section(root, numbers, n);
	size_t from, to;

	if (!p)
		return false;
	if (n && (what == MIME_S_HEADER || what == MIME_S_TEXT)) {
		if (p->kind != MIME_MESSAGE)
			return false;
		p = p->child;
	}
	from = what == MIME_S_HEADER || what == MIME_S_MIME || !n ? p->header_at : p->body_at;
	to = what == MIME_S_HEADER || what == MIME_S_MIME ? p->body_at : p->end;
	if (what == MIME_S_TEXT)
		from = p->body_at;
	*at = from;
	*len = to - from;
	return true;
}
