#include <jansson.h>
#include <math.h>

#include "base/limits.h"
#include "formats/filter/answer.h"

/* Jansson goes down by recursion, to 2048 levels; a fiber's stack has not the room. */
static err check_depth(str json)
{
	unsigned depth = 0;
	bool text = false;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];

		if (text && c == '\\')
			i++;
		else if (c == '"')
			text = !text;
		else if (!text && (c == '{' || c == '['))
			depth++;
		else if (!text && (c == '}' || c == ']') && depth)
			depth--;
		if (depth > LIM_FILTER_JSON_DEPTH)
			return fail(E_LIMIT, "JSON of over %d levels", LIM_FILTER_JSON_DEPTH);
	}
	return OK;
}

static str text_of(struct arena *a, const json_t *j)
{
	str s = str_of(json_string_value(j), json_string_length(j));

	return json_is_string(j) && s.n ? arena_dup(a, s) : STR("");
}

static str text_at(struct arena *a, const json_t *j, const char *name)
{
	return text_of(a, json_object_get(j, name));
}

#define MOST 1e6

/* A number that can be added to others. */
static double number(const json_t *j)
{
	double v = json_number_value(j);

	if (!isfinite(v))
		return 0;
	return v > MOST ? MOST : v < -MOST ? -MOST : v;
}

static bool missing(str s)
{
	return s.p == NULL;
}

/* rspamd names each option that made a symbol hit; the first ones tell enough. */
static str options_of(struct arena *a, const json_t *symbol)
{
	CLEANUP(buf_free) struct buf text = { 0 };
	const json_t *options = json_object_get(symbol, "options");

	buf_init(&text, LIM_FILTER_TEXT);
	for (size_t i = 0; i < json_array_size(options); i++) {
		const json_t *o = json_array_get(options, i);
		str s = str_of(json_string_value(o), json_string_length(o));

		if (!json_is_string(o) || s.n == 0)
			continue;
		if (text.n)
			buf_add(&text, STR(", "));
		buf_add(&text, str_take(s, LIM_FILTER_TEXT - 2 - text.n));
		if (text.n + 2 >= LIM_FILTER_TEXT)
			break;
	}
	return text.n ? arena_dup(a, buf_str(&text)) : text_at(a, symbol, "description");
}

static err read_symbols(json_t *symbols, struct arena *a, struct filter_answer *out)
{
	const char *name;
	json_t *s;

	if (json_object_size(symbols) > LIM_FILTER_SYMBOLS)
		return fail(E_LIMIT, "over %d symbols", LIM_FILTER_SYMBOLS);
	out->symbols = NEW_TRY(a, struct filter_symbol, json_object_size(symbols) + 1);
	if (!out->symbols)
		return fail(E_LIMIT, "no memory for the symbols");
	json_object_foreach(symbols, name, s)
	{
		struct filter_symbol *to = &out->symbols[out->nsymbols++];

		to->name = arena_dup(a, str_z(name));
		to->text = options_of(a, s);
		to->score = number(json_object_get(s, "score"));
		if (missing(to->name) || missing(to->text))
			return fail(E_LIMIT, "no memory for the symbols");
		/* rspamd's own names for what clamd found: CLAM_VIRUS(Eicar). */
		if (out->virus.n == 0 && str_ends(to->name, STR("_VIRUS")))
			out->virus = to->text.n ? to->text : to->name;
	}
	return OK;
}

static err read_recipients(const json_t *list, struct arena *a, struct filter_answer *out)
{
	size_t n = json_array_size(list);

	if (n > LIM_SMTP_RCPTS)
		return fail(E_LIMIT, "over %d recipients", LIM_SMTP_RCPTS);
	out->recipients = NEW_TRY(a, struct filter_recipient, n + 1);
	if (!out->recipients)
		return fail(E_LIMIT, "no memory for the recipients");
	for (size_t i = 0; i < n; i++) {
		const json_t *r = json_array_get(list, i);
		struct filter_recipient *to = &out->recipients[out->nrecipients++];

		to->address = text_at(a, r, "address");
		to->place = text_at(a, r, "place");
		to->score = number(json_object_get(r, "score"));
		if (missing(to->address) || missing(to->place))
			return fail(E_LIMIT, "no memory for the recipients");
	}
	return OK;
}

/* posta's own member, or the field that rspamd asks its caller to add. */
static str read_auth_results(const json_t *j, struct arena *a)
{
	str own = text_at(a, j, "auth_results");
	const json_t *fields = json_object_get(json_object_get(j, "milter"), "add_headers");
	const json_t *field = json_object_get(fields, "Authentication-Results");

	if (own.n)
		return own;
	return json_is_string(field) ? text_of(a, field) : text_at(a, field, "value");
}

static err read_steps(const json_t *list, struct arena *a, struct filter_answer *out)
{
	size_t n = json_object_size(list), i = 0;
	struct filter_step *v;
	const char *name;
	json_t *ms;

	if (n > LIM_FILTER_STEPS)
		return fail(E_LIMIT, "over %d steps", LIM_FILTER_STEPS);
	out->steps = v = NEW_TRY(a, struct filter_step, n + 1);
	if (!v)
		return fail(E_LIMIT, "no memory for the steps");
	json_object_foreach((json_t *)(uintptr_t)list, name, ms)
	{
		v[i].name = arena_dup(a, str_z(name));
		if (missing(v[i].name))
			return fail(E_LIMIT, "no memory for the steps");
		v[i++].ms = number(ms);
	}
	out->nsteps = n;
	return OK;
}

static err read_answer(json_t *j, struct arena *a, struct filter_answer *out)
{
	if (!json_is_number(json_object_get(j, "score")))
		return fail(E_SYNTAX, "an answer without a score");
	*out = (struct filter_answer){
		.score = number(json_object_get(j, "score")),
		.required = number(json_object_get(j, "required_score")),
		.action = text_at(a, j, "action"),
		.auth_results = read_auth_results(j, a),
		.virus = text_at(a, j, "virus"),
		.dangerous = text_at(a, j, "dangerous"),
		.message_id = text_at(a, j, "message-id"),
		.incomplete = json_is_true(json_object_get(j, "incomplete")),
		.ms = number(json_object_get(j, "time_real")) * 1000,
	};
	TRY(read_symbols(json_object_get(j, "symbols"), a, out));
	TRY(read_recipients(json_object_get(j, "recipients"), a, out));
	TRY(read_steps(json_object_get(j, "steps"), a, out));
	if (missing(out->action) || missing(out->auth_results) || missing(out->virus) ||
	    missing(out->dangerous) || missing(out->message_id))
		return fail(E_LIMIT, "no memory for the answer");
	return OK;
}

err filter_answer_parse(str json, struct arena *a, struct filter_answer *out)
{
	json_error_t why;

	if (json.n > LIM_FILTER_ANSWER)
		return fail(E_LIMIT, "an answer of %zu octets", json.n);
	TRY(check_depth(json));
	json_t *j = json_loadb(json.n ? json.p : "", json.n, JSON_ALLOW_NUL, &why);

	if (!j)
		return fail(E_SYNTAX, "no JSON: %s", why.text);
	err e = read_answer(j, a, out);

	json_decref(j);
	return e;
}
