#include "formats/filter/answer.h"

#include "base/enc.h"

static void json_char(struct buf *out, int32_t cp)
{
	if (cp == '"' || cp == '\\')
		buf_fmt(out, "\\%c", (char)cp);
	else if (cp == '\n')
		buf_add(out, STR("\\n"));
	else if (cp < 0x20 || cp == 0x7f)
		buf_fmt(out, "\\u%04x", (unsigned)cp);
	else
		utf8_add(out, cp);
}

void filter_json_string(struct buf *out, str s)
{
	buf_addc(out, '"');
	while (s.n)
		json_char(out, utf8_next(&s));
	buf_addc(out, '"');
}

static void member(struct buf *out, const char *name, str value)
{
	buf_fmt(out, ",\"%s\":", name);
	filter_json_string(out, value);
}

/* metric_score and options as rspamd's clients look for them. */
static void print_symbols(const struct filter_answer *f, struct buf *out)
{
	buf_add(out, STR(",\"symbols\":{"));
	for (size_t i = 0; i < f->nsymbols; i++) {
		const struct filter_symbol *s = &f->symbols[i];

		if (i)
			buf_addc(out, ',');
		filter_json_string(out, s->name);
		buf_add(out, STR(":{\"name\":"));
		filter_json_string(out, s->name);
		buf_fmt(out, ",\"score\":%.4g,\"metric_score\":%.4g", s->score, s->score);
		member(out, "description", s->text);
		if (s->text.n) {
			buf_add(out, STR(",\"options\":["));
			filter_json_string(out, s->text);
			buf_addc(out, ']');
		}
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}

static void print_recipients(const struct filter_answer *f, struct buf *out)
{
	buf_add(out, STR(",\"recipients\":["));
	for (size_t i = 0; i < f->nrecipients; i++) {
		const struct filter_recipient *r = &f->recipients[i];

		buf_add(out, i ? STR(",{\"address\":") : STR("{\"address\":"));
		filter_json_string(out, r->address);
		member(out, "place", r->place);
		buf_fmt(out, ",\"score\":%.2f}", r->score);
	}
	buf_addc(out, ']');
}

static bool is_spam(const struct filter_answer *f)
{
	return !str_eq(f->action, STR("no action")) && !str_eq(f->action, STR("greylist"));
}

/* What a caller that knows nothing but rspamd's protocol should do with the message's header. */
static void print_milter(const struct filter_answer *f, struct buf *out)
{
	buf_add(out, STR(",\"milter\":{\"remove_headers\":{\"X-Spam-Flag\":0,\"X-Spam-Level\":0,"
			 "\"X-Spam-Place\":0,\"X-Spam-Score\":0,\"X-Spam-Status\":0},"
			 "\"add_headers\":{\"X-Spam-Status\":{\"order\":0,\"value\":"));
	buf_fmt(out, "\"%s, score=%.1f required=%.1f\"}", is_spam(f) ? "Yes" : "No", f->score,
		f->required);
	if (is_spam(f))
		buf_add(out, STR(",\"X-Spam-Flag\":{\"order\":0,\"value\":\"YES\"}"));
	if (f->auth_results.n) {
		buf_add(out, STR(",\"Authentication-Results\":{\"order\":0,\"value\":"));
		filter_json_string(out, f->auth_results);
		buf_addc(out, '}');
	}
	buf_add(out, STR("}}"));
}

static void print_steps(const struct filter_answer *f, struct buf *out)
{
	buf_add(out, STR(",\"steps\":{"));
	for (size_t i = 0; i < f->nsteps; i++) {
		if (i)
			buf_addc(out, ',');
		filter_json_string(out, f->steps[i].name);
		buf_fmt(out, ":%.3f", f->steps[i].ms);
	}
	buf_addc(out, '}');
}

void filter_answer_print(const struct filter_answer *f, struct buf *out)
{
	buf_fmt(out, "{\"is_skipped\":false,\"score\":%.4f,\"required_score\":%.4f", f->score,
		f->required);
	member(out, "action", f->action);
	buf_fmt(out, ",\"time_real\":%.6f", f->ms / 1000);
	print_symbols(f, out);
	print_recipients(f, out);
	buf_add(out, STR(",\"messages\":{},\"urls\":[],\"emails\":[]"));
	member(out, "message-id", f->message_id);
	member(out, "auth_results", f->auth_results);
	member(out, "virus", f->virus);
	member(out, "dangerous", f->dangerous);
	buf_fmt(out, ",\"incomplete\":%s", f->incomplete ? "true" : "false");
	print_steps(f, out);
	print_milter(f, out);
	buf_addc(out, '}');
}
