/* Functions over bounces of mail that our own relays sent: SpamAssassin's VBounce. */
#include "services/rules/eval_part.h"

unsigned eval_have_any_bounce_relays(struct eval *e)
{
	return rules_list(e->lists, STR("welcomelist_bounce_relays")).n > 0;
}

/* A word with a dot inside that is one of our relays. */
static bool names_relay(struct eval *e, str line)
{
	while (line.n) {
		size_t n = 0;

		while (n < line.n && !ch_space(line.p[n]))
			n++;

		str word = str_take(line, n);

		if (str_find(word, '.') > 0 && str_rfind(word, '.') + 1 < n &&
		    rules_listed(e->lists, STR("welcomelist_bounce_relays"), word))
			return true;
		line = str_skip(line, n + 1);
	}
	return false;
}

/* "Received:", quoted or not. */
static bool is_received(str line)
{
	while (line.n && (line.p[0] == '>' || line.p[0] == ' '))
		line = str_skip(line, 1);
	return str_startsi(line, STR("Received:"));
}

static bool is_received_unfolded(struct eval *e, str body)
{
	bool inside = false;
	str line;

	while (eval_line(&body, &line)) {
		inside = is_received(line) || (inside && ch_space(line.p[0]));
		if (inside && names_relay(e, line))
			return true;
	}
	return false;
}

unsigned eval_check_welcomelist_bounce_relays(struct eval *e)
{
	struct scan_strs text;

	if (!eval_have_any_bounce_relays(e))
		return 0;
	text = scan_body(e->m);
	for (size_t i = 0; i < text.n; i++)
		if (is_received(text.v[i]) && names_relay(e, text.v[i]))
			return 1;
	return is_received_unfolded(e, scan_pristine_body(e->m));
}
