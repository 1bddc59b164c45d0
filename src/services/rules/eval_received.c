/* Functions over Received fields: those that large providers write, and those that claim to be
 * theirs. SpamAssassin's HeaderEval. */
#include "services/rules/eval_part.h"

bool eval_received_removed(struct eval *e)
{
	bool list, received;
	str contact = scan_header(e->m, STR("Mailing-List"), &list);
	str fields = scan_header(e->m, STR("Received"), &received);

	if (list && eval_match(e, EVAL_P_EZMLM_CONTACT, contact) &&
	    eval_match(e, EVAL_P_MAILING_LIST_TO, eval_header(e, STR("Delivered-To"))) &&
	    eval_match(e, EVAL_P_EZMLM_QMAIL, fields))
		return true;
	return !received || eval_match(e, EVAL_P_MSN_GROUPS, fields);
}

unsigned eval_gated_through_received_hdr_remover(struct eval *e)
{
	return eval_received_removed(e);
}

static str received(struct eval *e)
{
	return eval_one_line(e, eval_header(e, STR("Received")));
}

static bool author_ends(struct eval *e, str host)
{
	str from = eval_header(e, STR("From:addr"));

	return str_endsi(from, host) && (from.n == host.n || !ch_word(from.p[from.n - host.n - 1]));
}

static bool has_ip(struct eval *e, str field)
{
	return eval_match(e, EVAL_P_IP, eval_header(e, field));
}

/* A relay's name between letters: " rly-ab12." */
static bool names_aol_relay(str s)
{
	for (size_t at; (at = str_searchi(s, STR(" rly-"))) < s.n;) {
		s = str_skip(s, at + 5);
		if (s.n >= 5 && ch_alpha(s.p[0]) && ch_alpha(s.p[1]) && ch_digit(s.p[2]) &&
		    ch_digit(s.p[3]) && s.p[4] == '.')
			return true;
	}
	return false;
}

/* "/AOL-5.0.0)" */
static bool names_aol_software(str s)
{
	for (size_t at; (at = str_search(s, STR("/AOL-"))) < s.n;) {
		size_t n = 0, dots = 0;

		s = str_skip(s, at + 5);
		for (; n < s.n && (ch_digit(s.p[n]) || s.p[n] == '.'); n++) {
			if (s.p[n] == '.' && (n == 0 || s.p[n - 1] == '.'))
				break;
			dots += s.p[n] == '.';
		}
		if (dots == 2 && n && s.p[n - 1] != '.' && n < s.n && s.p[n] == ')')
			return true;
	}
	return false;
}

unsigned eval_check_for_fake_aol_relay_in_rcvd(struct eval *e)
{
	str s = received(e);

	return names_aol_relay(s) && !names_aol_software(s) &&
	       str_search(s, STR("ESMTP id RELAY")) == s.n &&
	       str_search(s, STR("ESMTP id MAILRELAY")) == s.n &&
	       str_search(s, STR("ESMTP id MAILIN")) == s.n;
}

/* ---- MSN's groups, which take Received fields out ---- */

/* "p04.groups.msn.com" behind the words of its pickup service. */
static str msn_server(str s)
{
	static const str words = S("from mail pickup service by p"), rest = S("groups.msn.com");

	for (size_t at; (at = str_search(s, words)) < s.n;) {
		s = str_skip(s, at + words.n);

		str name = str_skip(s, 3);

		if (s.n > 3 && ch_digit(s.p[0]) && ch_digit(s.p[1]) && str_starts(name, rest) &&
		    (name.n == rest.n || !ch_word(name.p[rest.n])))
			return str_of(s.p - 1, 4 + rest.n);
	}
	return STR("");
}

static bool is_msn_group(struct eval *e)
{
	str to = eval_header(e, STR("To")), id = eval_header(e, STR("Message-Id"));
	size_t end = str_searchi(to, STR("@groups.msn.com>"));
	size_t begin = str_rfind(str_take(to, end), '<');
	str server = msn_server(eval_header(e, STR("Received")));

	if (end >= to.n || begin + 1 >= end || server.n == 0 || !str_starts(id, STR("<")))
		return false;

	str list = str_take(str_skip(to, begin + 1), end - begin - 1);
	size_t at = str_find(id, '@');

	if (str_eq(list, STR("notifications")))
		return at > 1 && str_starts(str_skip(id, at + 1), server);
	return str_starts(str_skip(id, 1), list) &&
	       str_starts(str_skip(id, 1 + list.n), STR("-")) &&
	       str_starts(str_skip(id, at), STR("@groups.msn.com>")) &&
	       str_search(eval_header(e, STR("EnvelopeFrom:addr")),
			  arena_fmt(scan_arena(e->m), "%.*s-bounce@groups.msn.com", STRF(list))) <
		       eval_header(e, STR("EnvelopeFrom:addr")).n;
}

/* ---- Hotmail ---- */

enum hotmail {
	HOTMAIL_UNKNOWN,
	HOTMAIL_FINE,
	HOTMAIL_FORGED,	 /* a relay says hotmail.com and is not */
	HOTMAIL_WITHOUT, /* the author says so, no relay does */
};

static enum hotmail hotmail_look(struct eval *e)
{
	str s = received(e);
	bool ip, org;

	if (eval_match(e, EVAL_P_HOTMAIL_PICKUP, s) || is_msn_group(e) || eval_received_removed(e))
		return HOTMAIL_FINE;
	ip = has_ip(e, STR("X-Originating-Ip"));

	str owner = eval_header(e, STR("X-OriginatorOrg"));

	org = str_search(owner, STR("hotmail.com")) < owner.n ||
	      str_search(owner, STR("msonline-outlook")) < owner.n;
	if ((ip && eval_match(e, EVAL_P_HOTMAIL_IP, s)) ||
	    (org && eval_match(e, EVAL_P_HOTMAIL_ORG, s)))
		return HOTMAIL_FINE;
	if (eval_match(e, EVAL_P_HOTMAIL_CLAIM, s))
		return HOTMAIL_FORGED;
	return author_ends(e, STR("hotmail.com")) ? HOTMAIL_WITHOUT : HOTMAIL_FINE;
}

static enum hotmail hotmail(struct eval *e)
{
	enum hotmail **memo = (enum hotmail **)&e->memo[EVAL_MEMO_RECEIVED];

	if (!*memo)
		*memo = NEW(scan_arena(e->m), enum hotmail);
	if (**memo == HOTMAIL_UNKNOWN)
		**memo = hotmail_look(e);
	return **memo;
}

unsigned eval_check_for_forged_hotmail_received_headers(struct eval *e)
{
	return hotmail(e) == HOTMAIL_FORGED;
}

unsigned eval_check_for_no_hotmail_received_headers(struct eval *e)
{
	return hotmail(e) == HOTMAIL_WITHOUT;
}

/* ---- the others ---- */

unsigned eval_check_for_forged_eudoramail_received_headers(struct eval *e)
{
	return author_ends(e, STR("eudoramail.com")) && !eval_received_removed(e) &&
	       !(eval_match(e, EVAL_P_EUDORAMAIL, received(e)) && has_ip(e, STR("X-Sender-Ip")));
}

unsigned eval_check_for_forged_yahoo_received_headers(struct eval *e)
{
	str s, resent;

	if (!author_ends(e, STR("yahoo.com")))
		return 0;
	s = received(e);
	resent = eval_header(e, STR("X-Received"));
	if (eval_header(e, STR("Resent-From")).n && eval_header(e, STR("Resent-To")).n && resent.n)
		s = eval_one_line(e, resent);
	if (eval_received_removed(e) ||
	    eval_match(e, EVAL_P_YAHOO_TRUSTED, eval_header(e, STR("X-Spam-Relays-Trusted"))) ||
	    eval_match(e, EVAL_P_YAHOO_FIRST_RELAY, eval_header(e, STR("X-Spam-Relays-Untrusted"))))
		return 0;
	if (eval_match(e, EVAL_P_YAHOO_REPLY, s) &&
	    str_endsi(eval_header(e, STR("From:addr")), STR("@reply.yahoo.com")))
		return 0;
	return !eval_match(e, EVAL_P_YAHOO_RECEIVED, s);
}

unsigned eval_check_for_forged_juno_received_headers(struct eval *e)
{
	str fields, mailer;

	if (!author_ends(e, STR("juno.com")) || eval_received_removed(e))
		return 0;
	fields = eval_header(e, STR("Received"));
	mailer = eval_header(e, STR("X-Mailer"));
	if (eval_header(e, STR("X-Originating-IP")).n)
		return !eval_match(e, EVAL_P_JUNO_NEW, fields) ||
		       str_search(mailer, STR("Juno ")) == mailer.n;
	/* Without that field the last of SpamAssassin's tests, that it has an address, always
	 * fails. */
	return 1;
}

unsigned eval_check_for_forged_gmail_received_headers(struct eval *e)
{
	if (!author_ends(e, STR("gmail.com")) ||
	    eval_match(e, EVAL_P_GMAIL_X_RECEIVED, eval_header(e, STR("X-Received"))) ||
	    eval_match(e, EVAL_P_GMAIL_RECEIVED, eval_header(e, STR("Received"))))
		return 0;
	return eval_header(e, STR("X-Gm-Message-State")).n < 60 ||
	       eval_header(e, STR("X-Google-Smtp-Source")).n < 60;
}
