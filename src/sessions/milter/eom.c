#include "base/enc.h"
#include "base/limits.h"
#include "run/log.h"
#include "services/verdict/verdict.h"
#include "sessions/milter/internal.h"

/* From the last to the first: each that goes gives the later ones of its name another number. */
static void remove_forged(struct milter *s)
{
	if (!(s->o.actions & MILTER_MAY_CHANGE))
		return;
	for (size_t i = s->nforged; i > 0; i--)
		milter_print_change(&s->reply, s->forged[i - 1].index, s->forged[i - 1].name,
				    STR(""));
}

/* Inside a value a line ends with LF; the blank behind the colon is ours to give where it was
 * agreed. */
static void insert_field(struct milter *s, str field)
{
	CLEANUP(buf_free) struct buf value = { 0 };
	str name, rest;

	if (!str_cut(field, ':', &name, &rest))
		return;
	if (!(s->o.steps & MILTER_LEADING_SPACE))
		rest = str_trim(rest);
	buf_init(&value, KIB(64));
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] != '\r')
			buf_addc(&value, rest.p[i]);
	milter_print_insert(&s->reply, 0, name, buf_str(&value));
}

/* The length of the last field, with its line end, of what is left of the header. */
static size_t last_field(str header)
{
	size_t at = header.n;

	while (at > 0) {
		size_t before = str_rfind(str_take(header, at - 1), '\n');

		at = before < at - 1 ? before + 1 : 0;
		if (header.p[at] != '\t' && header.p[at] != ' ')
			break;
	}
	return header.n - at;
}

/* Each goes to the top, so the last goes first. */
static void insert_fields(struct milter *s, str header)
{
	if (!(s->o.actions & MILTER_MAY_ADD))
		return;
	while (header.n) {
		size_t n = last_field(header);
		str field = str_skip(header, header.n - n);

		insert_field(s, str_take(field, field.n - 2));
		header = str_take(header, header.n - n);
	}
}

static bool is_spam(const struct filter_answer *f)
{
	return f->score >= f->required || f->virus.n || f->dangerous.n;
}

static void mark(struct milter *s, const struct filter_answer *f)
{
	CLEANUP(buf_free) struct buf header;
	const struct verdict_message m = { .scanned = true,
					   .score = f->score,
					   .virus = f->virus.n > 0,
					   .dangerous = f->dangerous.n > 0,
					   .reason = f->virus.n ? f->virus : f->dangerous };
	const struct verdict_choice c = { .place = is_spam(f) ? VERDICT_SPAM : VERDICT_INBOX,
					  .tag = f->required,
					  .why = WHY_SCORE };
	struct verdict_symbol *v = NEW_TRY(&s->mail, struct verdict_symbol, f->nsymbols + 1);

	buf_init(&header, KIB(128));
	for (size_t i = 0; v && i < f->nsymbols; i++)
		v[i] = (struct verdict_symbol){ f->symbols[i].name, f->symbols[i].score };
	verdict_add_auth_results(&header, f->auth_results);
	verdict_add_header(&header, &m, &c, v, v ? f->nsymbols : 0);
	remove_forged(s);
	if (buf_done(&header) == OK)
		insert_fields(s, buf_str(&header));
	milter_print(&s->reply, MILTER_CONTINUE, STR(""));
}

static void why(const struct filter_answer *f, const char *before, struct buf *out)
{
	buf_add(out, str_z(before));
	if (f->virus.n) {
		buf_add(out, STR("it carries the virus "));
		utf8_add_shown(out, str_take(f->virus, 100));
	} else if (f->dangerous.n) {
		buf_add(out, STR("it brings a file that no mail should: "));
		utf8_add_shown(out, str_take(f->dangerous, 100));
	} else {
		buf_fmt(out, "it scored %.1f points as spam", f->score);
	}
}

/* A "%" would be taken for a format by libmilter's relatives. */
static void refuse(struct milter *s, const struct filter_answer *f)
{
	CLEANUP(buf_free) struct buf text;
	bool aside = filter_settings_of(s->f)->milter_quarantine &&
		     (s->o.actions & MILTER_MAY_QUARANTINE);

	buf_init(&text, KIB(1));
	why(f, aside ? "" : "550 5.7.1 The message was refused: ", &text);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '%')
			text.p[i] = '_';
	milter_print_text(&s->reply, aside ? MILTER_QUARANTINE : MILTER_REPLY, buf_str(&text));
	if (aside)
		mark(s, f);
}

WAITS err milter_end(struct milter *s)
{
	CLEANUP(arena_free) struct arena a;
	struct filter_answer answer;

	arena_init(&a, LIM_FILTER_ARENA);
	/* Those that stay would be believed behind us. */
	if (s->too_forged) {
		milter_print_text(&s->reply, MILTER_REPLY,
				  STR("550 5.7.1 The message has too many fields that only this "
				      "server may write"));
		return OK;
	}
	err e = s->broken ? s->broken : filter_scan(s->f, &s->q, &a, &answer);

	if (e == E_CANCELED)
		return e;
	if (e == E_LIMIT) { /* too long: it goes on as it is */
		LOG(LOG_WARN, "milter.unscanned", KS("id", s->q.id), KE(e));
		remove_forged(s);
		milter_print(&s->reply, MILTER_CONTINUE, STR(""));
	} else if (e) {
		milter_print(&s->reply, MILTER_TEMPFAIL, STR(""));
	} else if (str_eq(answer.action, STR("soft reject"))) {
		milter_print_text(&s->reply, MILTER_REPLY,
				  STR("451 4.7.1 The message cannot be checked now, come again"));
	} else if (str_eq(answer.action, STR("reject"))) {
		refuse(s, &answer);
	} else {
		mark(s, &answer);
	}
	return OK;
}
