/* Any bytes as a message, asked of every eval function. */
#include <stdio.h>
#include <stdlib.h>

#include "services/rules/eval_set_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const str calls[] = {
	S("check_equal_from_domains()"),
	S("check_for_shifted_date('3','6')"),
	S("check_outlook_message_id()"),
	S("check_ratware_name_id()"),
	S("check_ratware_envelope_from()"),
	S("subject_is_all_caps()"),
	S("check_for_to_in_subject('user')"),
	S("check_for_to_in_subject('address')"),
	S("check_illegal_chars('ALL','0.010','2')"),
	S("check_unresolved_template()"),
	S("similar_recipients('0.65','undef')"),
	S("sorted_recipients()"),
	S("check_mailfrom_matches_rcvd()"),
	S("check_for_forged_received_trail()"),
	S("helo_ip_mismatch()"),
	S("check_for_no_rdns_dotcom_helo()"),
	S("check_for_fake_aol_relay_in_rcvd()"),
	S("check_for_forged_yahoo_received_headers()"),
	S("check_for_forged_hotmail_received_headers()"),
	S("check_for_forged_gmail_received_headers()"),
	S("check_freemail_from()"),
	S("check_freemail_header('Reply-To', '\\d@')"),
	S("check_freemail_replyto('replyto')"),
	S("check_freemail_replyto('reply')"),
	S("check_from_in_list('BANKS')"),
	S("check_to_in_blocklist()"),
	S("check_from_in_default_welcomelist()"),
	S("check_subject_in_welcomelist()"),
	S("check_uri_host_listed('BAD')"),
	S("check_welcomelist_bounce_relays()"),
	S("check_https_http_mismatch('1','10')"),
	S("check_https_ip_mismatch()"),
	S("html_tag_balance('body', '!= 0')"),
	S("html_text_match('comment', '<!.*?>')"),
	S("html_title_subject_ratio('3.5')"),
	S("html_image_ratio('0.000','0.002')"),
	S("multipart_alternative_difference('99','100')"),
	S("check_blank_line_ratio('80','90','4')"),
	S("tvd_vertical_words('0','10')"),
	S("check_stock_info('2')"),
	S("check_for_mime('mime_bad_iso_charset')"),
	S("check_for_uppercase('25','50')"),
	S("check_for_faraway_charset()"),
	S("check_for_faraway_charset_in_headers()"),
	S("html_charset_faraway()"),
	S("check_ma_non_text()"),
	S("image_count('all',1,1)"),
	S("image_to_text_ratio('all','0.000','0.015')"),
};

static struct set *set(void)
{
	static struct set one;
	static bool made;

	if (!made) {
		if (set_init(&one, settings_text) != OK)
			abort();
		made = true;
	}
	return &one;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct scan_envelope env = { .now = 1795262400 };
	void *memo[EVAL_MEMO_COUNT] = { 0 };
	struct arena a;
	struct scan_mail *m;

	arena_init(&a, LIM_SCAN_ARENA);
	m = scan_mail_new(&a, str_of((const char *)p, n), &env, NULL);
	for (size_t i = 0; i < COUNT(calls); i++)
		if (set_ask(set(), m, memo, calls[i], NULL) > 1)
			abort();
	arena_free(&a);
	return 0;
}
