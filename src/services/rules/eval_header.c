/* Functions over the header: SpamAssassin's HeaderEval. */
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "services/rules/eval_part.h"

/* ---- who it says it is from ---- */

/* The last two labels. */
static str second_level(str domain)
{
	size_t last = str_rfind(domain, '.');
	size_t before = str_rfind(str_take(domain, last), '.');

	if (last >= domain.n || last + 1 == domain.n || before >= last || before == 0 ||
	    before + 1 == last)
		return domain;
	return str_skip(domain, before + 1);
}

unsigned eval_check_equal_from_domains(struct eval *e)
{
	str from = second_level(eval_domain_of(eval_header(e, STR("From:addr"))));
	str envelope = second_level(eval_domain_of(eval_header(e, STR("EnvelopeFrom:addr"))));

	return from.n && envelope.n && !str_eqi(from, envelope);
}

unsigned eval_check_for_matching_env_and_hdr_from(struct eval *e)
{
	return str_eqi(eval_header(e, STR("EnvelopeFrom:addr")), eval_header(e, STR("From:addr")));
}

/* "<AAAA...28 capitals.x>" in the id, and "name" <x> as the author. */
unsigned eval_check_ratware_name_id(struct eval *e)
{
	str id = eval_header(e, STR("MESSAGEID")), from = eval_header(e, STR("From"));
	str address = STR("");

	for (size_t at; address.n == 0 && (at = str_find(id, '<')) < id.n;) {
		size_t n = 0;

		id = str_skip(id, at + 1);
		while (n < id.n && id.p[n] >= 'A' && id.p[n] <= 'Z')
			n++;
		if (n == 28 && n < id.n && id.p[n] == '.' && str_find(id, '>') < id.n)
			address = str_take(str_skip(id, 29), str_find(id, '>') - 29);
	}
	for (size_t from_at = 0; address.n && from_at < from.n;) {
		size_t at = from_at + str_search(str_skip(from, from_at), address);
		size_t q = at;

		if (at >= from.n)
			return 0;
		from_at = at + 1;
		if (q == 0 || from.p[--q] != '<' || at + address.n >= from.n ||
		    from.p[at + address.n] != '>')
			continue;
		while (q > 0 && ch_space(from.p[q - 1]))
			q--;
		if (q > 2 && from.p[q - 1] == '"' && from.p[q - 2] != '"' &&
		    str_find(str_take(from, q - 2), '"') < q - 2)
			return 1;
	}
	return 0;
}

/* The envelope's sender has the recipient in it: "x-example.com=user@". */
unsigned eval_check_ratware_envelope_from(struct eval *e)
{
	str to = eval_header(e, STR("To:addr")), from = eval_header(e, STR("EnvelopeFrom:addr"));
	str user, domain;

	if (from.n == 0 || !str_cut(to, '@', &user, &domain) || user.n == 0 || domain.n == 0)
		return 0;
	if (str_startsi(from, STR("SRS")) && from.n > 4 && ch_digit(from.p[3]) &&
	    (from.p[4] == '=' || from.p[4] == '+' || from.p[4] == '-'))
		return 0;
	domain = eval_trim_domain(e, domain);
	if (!eval_domain_valid(e, domain))
		return 0;
	for (size_t i = 0; i < from.n; i++) {
		str rest = str_skip(from, i);

		if ((i == 0 || !ch_word(from.p[i - 1])) && str_startsi(rest, domain) &&
		    rest.n > domain.n && str_startsi(str_skip(rest, domain.n + 1), user) &&
		    str_starts(str_skip(rest, domain.n + 1 + user.n), STR("@")))
			return 1;
	}
	return 0;
}

/* ---- to whom ---- */

unsigned eval_check_for_missing_to_header(struct eval *e)
{
	return eval_header(e, STR("To")).n == 0 && eval_header(e, STR("Apparently-To")).n == 0;
}

enum {
	RECIPIENTS = 256,
	RECIPIENTS_SORTED = 7,
	RECIPIENTS_SIMILAR = 5,
};

/* To and Cc, with Bcc when these are few; neighbours that are equal count once. */
static struct eval_strings recipients(struct eval *e)
{
	static const str names[] = { S("ToCc"), S("Bcc") };
	struct eval_strings all = { .n = 0 };
	str previous = STR("");
	size_t seen = 0;

	for (size_t i = 0; i < COUNT(names) && seen < RECIPIENTS_SIMILAR; i++) {
		struct scan_strs a = eval_addresses(e, names[i]);

		for (size_t j = 0; j < a.n && all.n < RECIPIENTS; j++)
			if (!str_eqi(a.v[j], previous)) {
				eval_strings_add(e, &all, a.v[j]);
				previous = a.v[j];
			}
		seen += a.n;
	}
	return all;
}

unsigned eval_sorted_recipients(struct eval *e)
{
	struct eval_strings r = recipients(e);

	for (size_t i = 1; i < r.n; i++)
		if (str_cmp(r.v[i - 1], r.v[i]) > 0)
			return 0;
	return r.n >= RECIPIENTS_SORTED;
}

/* How many pairs of addresses begin alike, of all pairs. */
unsigned eval_similar_recipients(struct eval *e)
{
	struct eval_strings r = recipients(e);
	double hits = 0, pairs = 0;

	if (r.n < RECIPIENTS_SIMILAR)
		return eval_in_range(e, 0, 0);
	for (size_t i = 0; i < r.n; i++) {
		for (size_t j = i + 1; j < r.n; j++) {
			str a = str_skip(r.v[i], str_find(r.v[i], '@') + 1);
			str b = str_skip(r.v[j], str_find(r.v[j], '@') + 1);

			hits += str_eq(str_take(r.v[i], 2), str_take(r.v[j], 2));
			hits += str_eq(str_take(a, 2), str_take(b, 2)) && !str_eq(a, b);
			pairs++;
		}
	}
	return eval_in_range(e, 0, hits / pairs);
}

/* ---- the subject ---- */

static str without_reply_marks(str s)
{
	static const str marks[] = { S("Re"), S("Fwd"), S("Fw"), S("Aw"), S("Antwort"),
				     S("WG"), S("SV"),	S("VB"), S("VS"), S("VL") };

	for (size_t i = 0; i < COUNT(marks); i++) {
		str rest = str_skip(s, marks[i].n);

		if (!str_startsi(s, marks[i]) || !str_starts(rest, STR(":")))
			continue;
		for (s = str_skip(rest, 1); s.n && ch_space(s.p[0]);)
			s = str_skip(s, 1);
		i = SIZE_MAX; /* and from the first mark again */
	}
	return s;
}

unsigned eval_subject_is_all_caps(struct eval *e)
{
	str s = without_reply_marks(str_trim_ws(eval_header(e, STR("Subject"))));
	bool letters = false, space = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 'a' && s.p[i] <= 'z')
			return 0;
		letters = letters || ch_alpha(s.p[i]);
		space = space || ch_space(s.p[i]);
	}
	return letters && space && s.n >= 10 &&
	       !eval_match(e, EVAL_P_CAPS_CHARSET, eval_header(e, STR("Subject:raw")));
}

static str skip_spaces(str s)
{
	while (s.n && ch_space(s.p[0]))
		s = str_skip(s, 1);
	return s;
}

static bool is_end(str s)
{
	return s.n == 0 || str_eq(s, STR("\n"));
}

static bool is_punctuation(str s)
{
	return s.n && str_find(STR(",:;!?-"), s.p[0]) < 6;
}

/* "re: user", "re: word user" */
static bool reply_names(str s, str user)
{
	str word;
	size_t n = 0;

	if (!str_startsi(s, STR("re:")) && !str_startsi(s, STR("fw:")))
		return false;
	s = skip_spaces(str_skip(s, 3));
	if (str_startsi(s, user) && is_end(str_skip(s, user.n)))
		return true;
	while (n < s.n && ch_word(s.p[n]))
		n++;
	word = str_skip(s, n);
	if (n == 0 || word.n == 0 || !ch_space(word.p[0]))
		return false;
	word = skip_spaces(word);
	return str_startsi(word, user) && is_end(str_skip(word, user.n));
}

static bool subject_names(str s, str user)
{
	str rest;

	if (reply_names(s, user) || (str_startsi(s, user) && is_end(str_skip(s, user.n))))
		return true;
	if (str_starts(s, user)) {
		rest = skip_spaces(str_skip(s, user.n));
		if (is_punctuation(rest) && (rest.n == 1 || ch_space(rest.p[1])))
			return true;
	}
	rest = skip_spaces(str_skip(s, 1));
	return str_starts(s, STR(",")) && str_startsi(rest, user) &&
	       is_punctuation(str_skip(rest, user.n)) && is_end(str_skip(rest, user.n + 1));
}

unsigned eval_check_for_to_in_subject(struct eval *e)
{
	str to = eval_header(e, STR("To:addr")), subject = eval_header(e, STR("Subject"));

	if (to.n == 0)
		return 0;
	if (str_eq(eval_arg(e, 0), STR("user")))
		return subject_names(subject, str_take(to, str_find(to, '@')));
	if (!str_eq(eval_arg(e, 0), STR("address")))
		return 0;
	for (size_t from = 0, at; from < subject.n; from = at + 1) {
		at = from + str_searchi(str_skip(subject, from), to);
		if (at >= subject.n)
			break;

		str after = str_skip(subject, at + to.n);
		bool before = at > 0 && ch_word(subject.p[at - 1]);

		if (before != ch_word(to.p[0]) &&
		    (after.n && ch_word(after.p[0])) != ch_word(to.p[to.n - 1]))
			return 1;
	}
	return 0;
}

/* ---- the fields' form ---- */

/* Octets that no field may have: controls but white space, and what is not ASCII. */
unsigned eval_check_illegal_chars(struct eval *e)
{
	str name = eval_arg(e, 0), s;
	size_t illegal = 0, high = 0, controls = 0, exempt = 0;
	double ratio = eval_arg_number(e, 1), count = eval_arg_number(e, 2);

	if (!str_ends(name, STR(":raw")))
		name = arena_fmt(scan_arena(e->m), "%.*s:raw", STRF(name));
	s = eval_header(e, name);
	if (str_trim_ws(s).n == 0)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		high += c >= 0x80;
		controls += c < 9 || c == 11 || c == 12 || (c >= 14 && c < 32);
		illegal += c == 0x7F;
		exempt += c == 0xA2 || c == 0xA3 || c == 0xAE; /* cent, pound, registered */
	}
	if (high && controls == 0 && utf8_valid(s))
		return 0;
	illegal += high + controls;
	if (illegal && exempt == 1 && str_eqi(name, STR("subject:raw")))
		illegal--;
	return (double)illegal / (double)s.n >= ratio && (double)illegal >= count;
}

unsigned eval_check_header_count_range(struct eval *e)
{
	struct scan_strs all = scan_headers(e->m, eval_arg(e, 0), false);
	struct eval_strings different = { .n = 0 };
	double n;

	for (size_t i = 0; i < all.n && i < LIM_RULES_ADDRESSES; i++)
		if (!eval_strings_have(&different, all.v[i]))
			eval_strings_add(e, &different, all.v[i]);
	n = (double)different.n;
	return n >= eval_arg_number(e, 1) && n <= eval_arg_number(e, 2);
}

static bool has_template(str s)
{
	for (size_t at; (at = str_find(s, '%')) + 2 < s.n;) {
		s = str_skip(s, at + 1);
		if (s.p[0] >= 'A' && s.p[0] <= 'Z' &&
		    ((s.p[1] >= 'A' && s.p[1] <= 'Z') || s.p[1] == '_' || s.p[1] == '-'))
			return true;
	}
	return false;
}

/* "%TO_" that a bulk mailer did not fill in. */
unsigned eval_check_unresolved_template(struct eval *e)
{
	static const str free_text[] = { S("X-VMS-To"),
					 S("X-UIDL"),
					 S("X-Face"),
					 S("To"),
					 S("Cc"),
					 S("From"),
					 S("Subject"),
					 S("References"),
					 S("In-Reply-To"),
					 S("Message-Id"),
					 S("X-Message-Id"),
					 S("Resent-Message-Id"),
					 S("X-Original-Message-Id") };
	str rest = eval_header(e, STR("ALL")), line;

	while (eval_line(&rest, &line)) {
		bool found = has_template(line), text = false;
		str name = str_take(line, str_find(line, ':'));

		for (size_t i = 0; i < COUNT(free_text) && found && name.n < line.n; i++)
			text = text || str_eqi(free_text[i], name);
		if (found && !text)
			return 1;
	}
	return 0;
}

unsigned eval_check_for_faraway_charset_in_headers(struct eval *e)
{
	static const str names[] = { S("From:raw"), S("Subject:raw") };

	if (eval_any_locale(e))
		return 0;
	for (size_t i = 0; i < COUNT(names); i++) {
		str s = eval_header(e, names[i]);

		for (size_t at; (at = str_search(s, STR("=?"))) < s.n;) {
			s = str_skip(s, at + 2);

			str charset = str_take(s, str_find(s, '?'));
			str rest = str_skip(s, charset.n + 1);

			if (charset.n && rest.n > 2 && rest.p[1] == '?' &&
			    str_search(str_skip(rest, 2), STR("?=")) < rest.n - 2 &&
			    !eval_charset_ok(e, charset))
				return 1;
		}
	}
	return 0;
}
