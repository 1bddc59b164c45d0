/* services/rules/eval_set_test.h: a small set of rule files' settings, and one function of it asked
 * about one message, for tests and the fuzz target. */
#ifndef SERVICES_RULES_EVAL_SET_TEST_H
#define SERVICES_RULES_EVAL_SET_TEST_H

#include "base/limits.h"
#include "services/rules/eval.h"
#include "services/rules/set.h"

static const str settings_text =
	S("freemail_domains gmail.com yahoo.com mail.* webmail-??.example\n"
	  "freemail_welcomelist news@gmail.com\n"
	  "enlist_addrlist (BANKS) *@bank.example *@*.bank.example\n"
	  "enlist_uri_host (BAD) bad-host.com !good.bad-host.com 192.0.2.7\n"
	  "blocklist_from *@block.example\n"
	  "blocklist_to trap@*\n"
	  "welcomelist_from boss@example.com\n"
	  "def_welcomelist_from_rcvd *@shop.example shop.example\n"
	  "def_welcomelist_from_rcvd *@shop.example [192.0.2]\n"
	  "welcomelist_subject *quarterly report\n"
	  "welcomelist_bounce_relays mx.ours.example\n"
	  "welcomelist_from_dkim *@signed.example signer.example\n"
	  "def_welcomelist_auth *@author.example\n"
	  "util_rb_tld com org net example uk us test\n"
	  "util_rb_2tld co.uk\n"
	  "util_rb_3tld demon.co.uk\n");

struct set {
	struct rules r;
	struct regex_room *room;
};

static inline err set_init(struct set *s, str text)
{
	*s = (struct set){ .room = regex_room_new() };
	arena_init(&s->r.a, LIM_RULES_ARENA);
	map_init(&s->r.by_name);
	map_init(&s->r.tags);
	lists_init(&s->r.lists);
	buf_init(&s->r.unsupported, MIB(1));
	TRY(rules_read_file(&s->r, STR("test.cf"), text));
	return rules_finish(&s->r);
}

static inline void set_free(struct set *s)
{
	regex_room_free(s->room);
	mem_free(s->r.groups);
	mem_free(s->r.evals);
	mem_free(s->r.metas);
	mem_free(s->r.capturers);
	mem_free(s->r.users);
	mem_free(s->r.v);
	map_free(&s->r.by_name);
	map_free(&s->r.tags);
	lists_free(&s->r.lists);
	buf_free(&s->r.unsupported);
	arena_free(&s->r.a);
}

/* call: "check_foo('a', 3)". body: what body functions are handed is the rendered text. */
static inline unsigned set_ask(struct set *s, struct scan_mail *m, void **memo, str call,
			       const struct mailauth_result *auth)
{
	struct rule_call c;
	const struct eval_function *f;
	struct regex pattern = { .re = STR("") };
	struct eval e = {
		.m = m, .lists = &s->r.lists, .auth = auth, .room = s->room, .memo = memo
	};
	unsigned n;

	if (rule_call_parse(call, &c) != OK || !(f = eval_find(c.function)) || !f->run)
		return 99;
	e.args = c.args;
	e.nargs = c.nargs;
	e.body = scan_body(m);
	if (f->pattern && c.nargs >= f->pattern) {
		pattern.re = c.args[f->pattern - 1];
		e.pattern = &pattern;
	}
	n = f->run(&e);
	regex_free(&pattern);
	return n;
}

#endif
