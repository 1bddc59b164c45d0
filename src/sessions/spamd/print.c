#include "sessions/spamd/print.h"

#include "base/enc.h"
#include "base/limits.h"
#include "services/verdict/verdict.h"

bool spamd_is_spam(const struct filter_answer *f)
{
	return f->score >= f->required || f->virus.n || f->dangerous.n;
}

void spamd_add_symbols(struct buf *out, const struct filter_answer *f)
{
	for (size_t i = 0; i < f->nsymbols; i++) {
		if (i)
			buf_addc(out, ',');
		utf8_add_shown(out, f->symbols[i].name);
	}
	buf_add(out, STR("\r\n"));
}

void spamd_add_report(struct buf *out, const struct filter_answer *f)
{
	buf_fmt(out, "%.1f points, %.1f make it spam\n\n points  symbol                      why\n",
		f->score, f->required);
	for (size_t i = 0; i < f->nsymbols; i++) {
		const struct filter_symbol *s = &f->symbols[i];

		buf_fmt(out, "%7.2f  ", s->score);
		utf8_add_shown(out, s->name);
		for (size_t n = s->name.n; n < 27; n++)
			buf_addc(out, ' ');
		buf_addc(out, ' ');
		utf8_add_shown(out, s->text);
		buf_addc(out, '\n');
	}
}

static void add_fields(struct buf *out, const struct filter_answer *f)
{
	const struct verdict_message m = { .scanned = true,
					   .score = f->score,
					   .virus = f->virus.n > 0,
					   .dangerous = f->dangerous.n > 0,
					   .reason = f->virus.n ? f->virus : f->dangerous };
	const struct verdict_choice c = { .place = spamd_is_spam(f) ? VERDICT_SPAM : VERDICT_INBOX,
					  .tag = f->required,
					  .why = WHY_SCORE };
	struct verdict_symbol *v = mem_get(size_mul(f->nsymbols + 1, sizeof(*v)));

	for (size_t i = 0; i < f->nsymbols; i++)
		v[i] = (struct verdict_symbol){ f->symbols[i].name, f->symbols[i].score };
	verdict_add_header(out, &m, &c, v, f->nsymbols);
	verdict_add_auth_results(out, f->auth_results);
	mem_free(v);
}

/* A message from a pipe has the line ends of its machine. */
static bool is_crlf(str message)
{
	size_t end = str_find(message, '\n');

	return end > 0 && end < message.n && message.p[end - 1] == '\r';
}

void spamd_add_message(struct buf *out, const struct filter_answer *f, str message, str hostname,
		       bool header)
{
	CLEANUP(buf_free) struct buf fields;
	size_t n = verdict_header_size(message);
	bool crlf = is_crlf(message);

	buf_init(&fields, KIB(128));
	add_fields(&fields, f);
	for (size_t i = 0; i < fields.n; i++)
		if (crlf || fields.p[i] != '\r')
			buf_addc(out, fields.p[i]);
	verdict_add_clean(out, str_take(message, n), hostname);
	if (!header)
		buf_add(out, str_skip(message, n));
}
