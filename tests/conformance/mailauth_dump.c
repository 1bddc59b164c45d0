/* Called by test_spf.py and others; no part of posta. Standard input, a line each: "clear"; "row
 * NAME TYPE DATA" (NAME and DATA: hex; type in numbers, 0: all; DATA: as a master file has it);
 * "spf IP HELO FROM" (HELO, FROM: hex, "-" empty); "psl DOMAIN" (hex); "dkim PATH NOW"; "arc PATH
 * NOW"; "sign|seal FORMS NOW DOMAIN SELECTOR PEM PATH"; "live SERVER MILLISECONDS IP HELO FROM
 * MESSAGE" (texts in hex) asks a name server ("127.0.0.1:53") through libunbound, and prints the
 * field in hex and how long it took. Standard output: one line for each question. */
#include <stdio.h>

#include "base/enc.h"
#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"
#include "services/mailauth/name.h"
#include "services/mailauth/psl.h"
#include "services/mailauth/arc.h"
#include "services/mailauth/dkim.h"
#include "services/mailauth/sign.h"
#include "services/mailauth/spf.h"
#include "services/mailauth/zone_test.h"

enum { ROWS = 2000 };
struct tool {
	struct zone zone;
	struct zone_row rows[ROWS];
	struct mailauth_dns dns;
	struct arena kept, a;
};

static str word(str *rest)
{
	str w = STR("");

	(void)str_word(rest, &w);
	return w;
}

static str hex(struct arena *a, str in)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, MIB(1));
	if (str_eq(in, STR("-")) || dec_hex(&b, in) != OK)
		return STR("");
	return arena_dup(a, buf_str(&b));
}

static void add_row(struct tool *t, str rest)
{
	uint64_t type = 0;
	str name = hex(&t->kept, word(&rest));

	if (str_u64(word(&rest), 65535, &type) != OK || t->zone.n == ROWS)
		return;
	t->rows[t->zone.n++] =
		(struct zone_row){ name, (enum dns_type)type, hex(&t->kept, word(&rest)) };
}

static err address(struct tool *t, str text, struct net_addr *out)
{
	bool six = str_find(text, ':') < text.n;

	return net_parse(arena_fmt(&t->a, six ? "[%.*s]:25" : "%.*s:25", STRF(text)), out);
}

WAITS static err spf(struct tool *t, str rest)
{
	struct net_addr ip;
	struct spf_answer answer;

	TRY(address(t, word(&rest), &ip));
	struct spf_question q = { .ip = &ip, .receiver = STR("mx.receiver.example"), .now = 1 };

	q.helo = hex(&t->a, word(&rest));
	q.from = hex(&t->a, word(&rest));
	TRY(spf_check(&t->dns, &q, NEVER, &t->a, &answer));
	(void)printf("%s\t%.*s\t%.*s\n", mailauth_name(answer.result), STRF(answer.explanation),
		     STRF(answer.why));
	return OK;
}

/* ---- through libunbound ---- */
struct live {
	struct tool *t;
	str rest;
};

WAITS static err check(struct dns *dns, const struct mailauth_question *q, msec for_long,
		       struct arena *a)
{
	CLEANUP(buf_free) struct buf field = { 0 }, text = { 0 };
	struct mailauth_result result;
	msec begin = clock_now();

	TRY(mailauth_check(dns, q, begin + for_long, a, &result));
	buf_init(&field, LIM_AUTHRES_FIELD);
	buf_init(&text, KIB(64));
	mailauth_add_field(&field, q->hostname, q, &result);
	enc_hex(&text, buf_str(&field));
	(void)printf("%.*s\t%lld\n", STRF(buf_str(&text)), (long long)(clock_now() - begin));
	return OK;
}

WAITS static err live_fiber(void *arg)
{
	struct live *l = arg;
	struct tool *t = l->t;
	str server = word(&l->rest), ms = word(&l->rest), ip_text = word(&l->rest);
	uint64_t for_long;
	struct net_addr ip;
	struct dns *dns;
	struct dns_options options = { .forward = &server, .nforward = 1 };

	TRY(str_u64(ms, 100000, &for_long));
	TRY(address(t, ip_text, &ip));
	struct mailauth_question q = { .ip = &ip,
				       .hostname = STR("mx.receiver.example"),
				       .now = clock_unix() };

	q.helo = hex(&t->a, word(&l->rest));
	q.from = hex(&t->a, word(&l->rest));
	q.message = hex(&t->a, word(&l->rest));
	TRY(dns_open(&options, &dns));
	err e = check(dns, &q, (msec)for_long, &t->a);

	dns_close(dns);
	return e;
}

static err psl(struct tool *t, str rest)
{
	str name = mailauth_name_of(&t->a, hex(&t->a, word(&rest)));
	str organization = name.p ? psl_organization(name) : STR("");

	(void)printf("%.*s\n", STRF(organization));
	return OK;
}

static str file(struct tool *t, str name)
{
	char path[1000];
	struct buf b;
	FILE *f = str_to_z(name, path, sizeof(path)) == OK ? fopen(path, "rb") : NULL;
	size_t n = 1;

	buf_init(&b, MIB(64));
	while (f && n) {
		char *p = buf_room(&b, 65536);

		n = p ? fread(p, 1, 65536, f) : 0;
		b.n += n;
	}
	if (f)
		(void)fclose(f);
	str s = arena_dup(&t->a, buf_str(&b));

	buf_free(&b);
	return s;
}

static int64_t number(str s)
{
	int64_t n = 0;

	return str_i64(s, &n) == OK ? n : 0;
}

WAITS static err dkim(struct tool *t, str rest)
{
	str message = file(t, word(&rest));
	struct mailauth_dkim *v;
	size_t n;

	TRY(dkim_verify_all(&t->dns, message, number(word(&rest)), NEVER, &t->a, &v, &n));
	for (size_t i = 0; i < n; i++)
		(void)printf("%s%s|%.*s|%.*s|%.*s|%s|%.*s", i ? "\t" : "",
			     mailauth_name(v[i].result), STRF(v[i].domain), STRF(v[i].selector),
			     STRF(v[i].identity), v[i].partial ? "partial" : "", STRF(v[i].why));
	(void)printf("\n");
	return OK;
}

WAITS static err arc(struct tool *t, str rest)
{
	str message = file(t, word(&rest));
	struct arc_chain c;

	TRY(arc_verify(&t->dns, message, number(word(&rest)), NEVER, &t->a, &c));
	(void)printf("%s\t%u\t%.*s\t%.*s\n", mailauth_name(c.result), c.instances, STRF(c.sealer),
		     STRF(c.why));
	return OK;
}

WAITS static err add_set(struct tool *t, const struct sign_order *o, struct buf *out)
{
	struct arc_chain c;

	TRY(arc_verify(&t->dns, o->message, o->now, NEVER, &t->a, &c));
	return sign_seal(o, &c, STR("mx.b.example; spf=pass smtp.mailfrom=a@b.example"), out);
}

WAITS static err sign(struct tool *t, str rest, bool seal)
{
	CLEANUP(buf_free) struct buf out = { 0 };
	CLEANUP(buf_free) struct buf text = { 0 };
	str forms = word(&rest);
	struct sign_key *key;
	struct sign_order o = { .keys = &key, .nkeys = 1, .now = number(word(&rest)) };
	str domain = word(&rest), selector = word(&rest), pem = file(t, word(&rest));

	o.simple_header = forms.n == 2 && forms.p[0] == 's';
	o.simple_body = forms.n == 2 && forms.p[1] == 's';
	o.message = file(t, word(&rest));
	buf_init(&out, MIB(1));
	buf_init(&text, MIB(2));
	TRY(sign_key_load(domain, selector, pem, &key));
	err e = seal ? add_set(t, &o, &out) : sign_message(&o, &out);

	sign_key_drop(key);
	TRY(e);
	enc_hex(&text, buf_str(&out));
	(void)printf("%.*s\n", STRF(buf_str(&text)));
	return OK;
}

WAITS static err run(struct tool *t, str line)
{
	str verb = word(&line);

	if (str_eq(verb, STR("clear"))) {
		t->zone.n = 0;
		arena_reset(&t->kept);
	} else if (str_eq(verb, STR("row"))) {
		add_row(t, line);
	} else if (str_eq(verb, STR("spf"))) {
		return spf(t, line);
	} else if (str_eq(verb, STR("dkim"))) {
		return dkim(t, line);
	} else if (str_eq(verb, STR("arc"))) {
		return arc(t, line);
	} else if (str_eq(verb, STR("sign")) || str_eq(verb, STR("seal"))) {
		return sign(t, line, str_eq(verb, STR("seal")));
	} else if (str_eq(verb, STR("live"))) {
		struct live l = { t, line };

		return loop_main(live_fiber, &l);
	} else if (str_eq(verb, STR("psl"))) {
		return psl(t, line);
	}
	return OK;
}

int main(void)
{
	struct tool *t = MEM_NEW(struct tool);
	static char line[200000];

	arena_init(&t->kept, MIB(16));
	arena_init(&t->a, MIB(100));
	t->zone.rows = t->rows;
	t->dns = (struct mailauth_dns){ zone_ask, &t->zone };
	while (fgets(line, sizeof(line), stdin)) {
		if (run(t, str_trim_ws(str_z(line))) != OK)
			(void)printf("ERROR: %s\n", err_last()->text);
		(void)fflush(stdout);
		arena_reset(&t->a);
	}
	arena_free(&t->kept);
	arena_free(&t->a);
	mem_free(t);
	return 0;
}
