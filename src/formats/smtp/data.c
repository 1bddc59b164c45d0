#include "formats/smtp/smtp.h"

/* Where the next octet stands. AT_LINE: behind CRLF (or at the start), the only place where a dot
 * means anything. */
enum { AT_LINE, AT_DOT, AT_DOT_CR, IN_TEXT, AFTER_CR };

/* Content octets at the start of in up to a dot that begins a line. */
static size_t content_run(struct smtp_data *d, str in)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (d->state == AT_LINE && c == '.' && !d->bdat)
			return i;
		if (d->state == AFTER_CR && c == '\n') {
			d->state = AT_LINE;
			continue;
		}
		d->bare += (uint64_t)(d->state == AFTER_CR) + (uint64_t)(c == '\n');
		d->state = c == '\r' ? AFTER_CR : IN_TEXT;
	}
	return in.n;
}

static bool give(struct smtp_data *d, str content, str *piece)
{
	d->size += content.n;
	*piece = content;
	return true;
}

bool smtp_data_next(struct smtp_data *d, str *in, str *piece)
{
	while (in->n && !d->done) {
		char c = in->p[0];

		if (d->state == AT_DOT_CR && c != '\n') {
			/* ".\rx": the dot was stuffing, the CR is content that stands alone. */
			d->state = AFTER_CR;
			return give(d, STR("\r"), piece);
		}
		if (d->state == AT_DOT && c != '\r')
			d->state = IN_TEXT;
		if (d->state == AT_DOT_CR)
			d->done = true;
		else if (d->state == AT_DOT)
			d->state = AT_DOT_CR;
		else if (d->state == AT_LINE && c == '.' && !d->bdat)
			d->state = AT_DOT;
		else {
			str content = str_take(*in, content_run(d, *in));

			*in = str_skip(*in, content.n);
			return give(d, content, piece);
		}
		*in = str_skip(*in, 1);
	}
	return false;
}

void smtp_data_end(struct smtp_data *d)
{
	d->bare += d->state == AFTER_CR;
	d->state = AT_LINE;
	d->done = true;
}

void smtp_stuff(struct smtp_stuff *s, str in, struct buf *out)
{
	size_t from = 0; /* what is not yet copied */

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (s->state == AFTER_CR) {
			/* The CR was held back: whatever comes, it is a line end. */
			buf_add(out, STR("\r\n"));
			s->state = AT_LINE;
			from = i + (c == '\n');
			if (c == '\n')
				continue;
		}
		if (c == '\r' || c == '\n') {
			buf_add(out, str_of(in.p + from, i - from));
			from = i + 1;
			s->state = c == '\r' ? AFTER_CR : AT_LINE;
			if (c == '\n')
				buf_add(out, STR("\r\n"));
			continue;
		}
		if (s->state == AT_LINE && c == '.' && !s->bdat)
			buf_addc(out, '.');
		s->state = IN_TEXT;
	}
	if (from < in.n)
		buf_add(out, str_of(in.p + from, in.n - from));
}

void smtp_stuff_end(struct smtp_stuff *s, struct buf *out)
{
	if (s->state != AT_LINE)
		buf_add(out, STR("\r\n"));
	if (!s->bdat)
		buf_add(out, STR(".\r\n"));
	s->state = AT_LINE;
}
