/* services/rules/eval_part.h: what the files of eval functions share. Everything is bounded by the
 * mail; results that several rules ask for are kept behind eval.memo. */
#ifndef SERVICES_RULES_EVAL_PART_H
#define SERVICES_RULES_EVAL_PART_H

#include "base/limits.h"
#include "services/rules/eval.h"
#include "services/rules/regex.h"

/* ---- eval_tools.c ---- */

/* Patterns that the functions bring with them. */
enum eval_pattern {
	EVAL_P_BULK_SENDER,
	EVAL_P_CAPS_CHARSET,
	EVAL_P_CAPS_CHARSET_ALONE,
	EVAL_P_DATE_IN_RECEIVED,
	EVAL_P_EUDORAMAIL,
	EVAL_P_EZMLM_CONTACT,
	EVAL_P_EZMLM_QMAIL,
	EVAL_P_FETCHMAIL,
	EVAL_P_FETCHMAIL_BY,
	EVAL_P_GMAIL_RECEIVED,
	EVAL_P_GMAIL_X_RECEIVED,
	EVAL_P_HOTMAIL_CLAIM,
	EVAL_P_HOTMAIL_IP,
	EVAL_P_HOTMAIL_ORG,
	EVAL_P_HOTMAIL_PICKUP,
	EVAL_P_IP,
	EVAL_P_JUNO_NEW,
	EVAL_P_MAILING_LIST_TO,
	EVAL_P_MSN_GROUPS,
	EVAL_P_NOT_PERSONAL,
	EVAL_P_STOCK_WORD,
	EVAL_P_YAHOO_FIRST_RELAY,
	EVAL_P_YAHOO_RECEIVED,
	EVAL_P_YAHOO_REPLY,
	EVAL_P_YAHOO_TRUSTED,
	EVAL_P_COUNT
};
bool eval_match(struct eval *e, enum eval_pattern p, str text);
/* The first match at or behind from. */
bool eval_match_at(struct eval *e, enum eval_pattern p, str text, size_t from,
		   struct regex_match *out);
/* The rule's own argument that is a pattern; false when it has none. */
bool eval_match_own(struct eval *e, str text);

str eval_header(struct eval *e, str spec);
/* An argument, "" when there are not so many. */
str eval_arg(const struct eval *e, size_t i);
/* An argument as Perl reads a number: what stands in front, 0 for none. */
double eval_arg_number(const struct eval *e, size_t i);
double eval_number(str s);
/* Is value within [min, max), arguments i and i+1, of which either may be "undef"? */
bool eval_in_range(const struct eval *e, size_t i, double value);
/* Copies in the mail's arena; "" when it is full. */
str eval_lower(struct eval *e, str s);
/* Every run of white space is one space. */
str eval_one_line(struct eval *e, str s);
bool ch_space(char c); /* Perl's \s */
bool ch_word(char c);  /* \w */
/* A line of *rest with its LF; false at the end. */
bool eval_line(str *rest, str *line);
/* The last of the lines, for fields that stand several times. */
str eval_last_line(str s);
bool eval_is_ipv4(str s);
bool eval_is_ip(str s);
/* IPv4 alone. */
bool eval_is_private(str ip);
/* The registered domain by the set's own lists, lower case; all of it when there is none. */
str eval_trim_domain(struct eval *e, str host);
/* A dot, no white space, and a top level that the set knows. */
bool eval_domain_valid(struct eval *e, str domain);
/* What is behind the last '@', "" without one. */
str eval_domain_of(str address);
/* All addresses in the fields of a name; also "EnvelopeFrom", "ToCc", "Resent-To:first". */
struct scan_strs eval_addresses(struct eval *e, str name);
/* All addresses that may be the author's or the recipient's. */
struct scan_strs eval_all_from(struct eval *e);
struct scan_strs eval_all_to(struct eval *e);
/* Strings of this list in one with room for one more; v NULL when the arena is full. */
struct eval_strings {
	str *v;
	size_t n, cap;
};
void eval_strings_add(struct eval *e, struct eval_strings *s, str value);
bool eval_strings_have(const struct eval_strings *s, str value);

/* ---- eval_date.c ---- */
/* Seconds since 1970 of a date as mail has it, well formed or not; false when there is none. */
bool eval_parse_date(struct eval *e, str date, int64_t *out);

/* ---- eval_header.c ---- */
/* True when Received fields are missing or were taken out on the way. */
bool eval_received_removed(struct eval *e);

/* ---- eval_locale.c ---- */
/* ok_locales says "all". */
bool eval_any_locale(const struct eval *e);
bool eval_charset_ok(struct eval *e, str charset);

/* ---- the functions, named as SpamAssassin names them ---- */
#define EVAL(name) unsigned eval_##name(struct eval *e)
EVAL(check_abundant_unicode_ratio);
EVAL(check_all_trusted);
EVAL(check_arc_signed);
EVAL(check_arc_valid);
EVAL(check_base64_length);
EVAL(check_blank_line_ratio);
EVAL(check_body_length);
EVAL(check_dkim_dependable);
EVAL(check_dkim_signed);
EVAL(check_dkim_signsome);
EVAL(check_dkim_testing);
EVAL(check_dkim_valid);
EVAL(check_dkim_valid_author_sig);
EVAL(check_dkim_valid_envelopefrom);
EVAL(check_dmarc_missing);
EVAL(check_dmarc_none);
EVAL(check_dmarc_pass);
EVAL(check_dmarc_quarantine);
EVAL(check_dmarc_reject);
EVAL(check_equal_from_domains);
EVAL(check_for_ascii_text_illegal);
EVAL(check_for_def_dkim_welcomelist_from);
EVAL(check_for_def_spf_welcomelist_from);
EVAL(check_for_dkim_welcomelist_from);
EVAL(check_for_fake_aol_relay_in_rcvd);
EVAL(check_for_faraway_charset);
EVAL(check_for_faraway_charset_in_headers);
EVAL(check_for_forged_eudoramail_received_headers);
EVAL(check_for_forged_gmail_received_headers);
EVAL(check_for_forged_hotmail_received_headers);
EVAL(check_for_forged_juno_received_headers);
EVAL(check_for_forged_received_trail);
EVAL(check_for_forged_yahoo_received_headers);
EVAL(check_for_matching_env_and_hdr_from);
EVAL(check_for_mime);
EVAL(check_for_mime_html);
EVAL(check_for_mime_html_only);
EVAL(check_for_missing_to_header);
EVAL(check_for_no_hotmail_received_headers);
EVAL(check_for_no_rdns_dotcom_helo);
EVAL(check_for_shifted_date);
EVAL(check_for_spf_fail);
EVAL(check_for_spf_helo_fail);
EVAL(check_for_spf_helo_neutral);
EVAL(check_for_spf_helo_none);
EVAL(check_for_spf_helo_pass);
EVAL(check_for_spf_helo_permerror);
EVAL(check_for_spf_helo_softfail);
EVAL(check_for_spf_helo_temperror);
EVAL(check_for_spf_neutral);
EVAL(check_for_spf_none);
EVAL(check_for_spf_pass);
EVAL(check_for_spf_permerror);
EVAL(check_for_spf_softfail);
EVAL(check_for_spf_temperror);
EVAL(check_for_spf_welcomelist_from);
EVAL(check_for_to_in_subject);
EVAL(check_for_uppercase);
EVAL(check_freemail_from);
EVAL(check_freemail_header);
EVAL(check_freemail_replyto);
EVAL(check_from_in_blocklist);
EVAL(check_from_in_default_welcomelist);
EVAL(check_from_in_list);
EVAL(check_from_in_welcomelist);
EVAL(check_header_count_range);
EVAL(check_https_http_mismatch);
EVAL(check_https_ip_mismatch);
EVAL(check_iframe_src);
EVAL(check_illegal_chars);
EVAL(check_ma_non_text);
EVAL(check_mailfrom_matches_rcvd);
EVAL(check_mime_multipart_ratio);
EVAL(check_msg_parse_flags);
EVAL(check_no_relays);
EVAL(check_outlook_message_id);
EVAL(check_qp_ratio);
EVAL(check_ratware_envelope_from);
EVAL(check_ratware_name_id);
EVAL(check_relays_unparseable);
EVAL(check_replyto_in_list);
EVAL(check_stock_info);
EVAL(check_subject_in_blocklist);
EVAL(check_subject_in_welcomelist);
EVAL(check_to_in_all_spam);
EVAL(check_to_in_blocklist);
EVAL(check_to_in_list);
EVAL(check_to_in_more_spam);
EVAL(check_to_in_welcomelist);
EVAL(check_unresolved_template);
EVAL(check_uri_host_in_blocklist);
EVAL(check_uri_host_in_welcomelist);
EVAL(check_uri_host_listed);
EVAL(check_uri_truncated);
EVAL(check_welcomelist_bounce_relays);
EVAL(gated_through_received_hdr_remover);
EVAL(have_any_bounce_relays);
EVAL(helo_ip_mismatch);
EVAL(html_charset_faraway);
EVAL(html_eval);
EVAL(html_image_only);
EVAL(html_image_ratio);
EVAL(html_range);
EVAL(html_tag_balance);
EVAL(html_tag_exists);
EVAL(html_test);
EVAL(html_text_match);
EVAL(html_text_not_match);
EVAL(html_title_subject_ratio);
EVAL(image_count);
EVAL(image_named);
EVAL(image_size_exact);
EVAL(image_size_range);
EVAL(image_to_text_ratio);
EVAL(multipart_alternative_difference);
EVAL(multipart_alternative_difference_count);
EVAL(pixel_coverage);
EVAL(similar_recipients);
EVAL(sorted_recipients);
EVAL(subject_is_all_caps);
EVAL(tvd_vertical_words);
#undef EVAL

#endif
