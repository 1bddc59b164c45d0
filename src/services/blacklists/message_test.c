/* What is asked of an envelope and of a message, by a list that answers from the name. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "formats/dns/message.h"
#include "services/blacklists/blacklists.h"

/* The names that were asked, in order, and what they are answered: "bad" begins with 127.0.0.2,
 * "n8" with 127.0.0.8 and so on; "two" with 2 and 4, "err" with the owner's error; addresses that
 * end with 2 with 127.0.0.2. */
static struct buf asked;

static unsigned code_of(str label)
{
	if (str_starts(label, STR("bad")) || str_eq(label, STR("2")))
		return 2;
	if (str_starts(label, STR("two")))
		return 2 << 8 | 4;
	if (str_starts(label, STR("err")))
		return 1 << 16;
	uint64_t n = 0;

	return label.n > 1 && label.p[0] == 'n' && str_u64(str_skip(label, 1), 255, &n) == OK
		       ? (unsigned)n
		       : 0;
}

static size_t add_record(char *out, unsigned code)
{
	static const unsigned char rr[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 0 };

	memcpy(out, rr, sizeof(rr));
	out[15] = (char)code;
	if (code == 1 << 16)
		memcpy(out + 13, (unsigned char[]){ 255, 255, 254 }, 3);
	return sizeof(rr);
}

static size_t answer(const struct udp_query *q, const struct listener *l, char *out, size_t room)
{
	size_t n = q->data.n;
	struct dns_name name = { .n = (unsigned char)(n - DNS_HEADER - 4) };
	char label[64];

	(void)l;
	(void)room;
	memcpy(name.p, q->data.p + DNS_HEADER, name.n);
	dns_name_lower(&name);
	dns_name_print(dns_name_str(&name), &asked);
	buf_addc(&asked, ' ');
	memcpy(label, name.p + 1, name.p[0]);
	unsigned code = code_of(str_of(label, name.p[0]));

	memcpy(out, q->data.p, n);
	out[2] = (char)0x84;
	out[3] = code ? 0 : DNS_NXDOMAIN;
	out[7] = code > 255 && code < 1 << 16 ? 2 : code > 0;
	if (out[7])
		n += add_record(out + n, out[7] == 2 ? code >> 8 : code);
	if (out[7] == 2)
		n += add_record(out + n, code & 255);
	return n;
}

static const struct listener listener = { .kind = "list", .datagram = answer };

WAITS static err serve(void *arg)
{
	return udp_serve(*(int *)arg, &listener);
}

struct world {
	int fd;
	struct fiber *f;
	struct arena conf, a;
	struct conf *tree;
	struct blacklists_settings set;
	struct blacklists *b;
};

/* text: the group's content, where "@" stands for the list's address. */
static void begin(struct world *w, const char *text)
{
	CLEANUP(buf_free) struct buf whole, complaints;
	struct net_addr at;
	socklen_t n = sizeof(at.ss);
	str rest = str_z(text), piece;

	buf_init(&whole, KIB(8));
	buf_init(&complaints, KIB(8));
	buf_init(&asked, KIB(64));
	arena_init(&w->conf, MIB(1));
	arena_init(&w->a, MIB(1));
	CHECK_OK(net_parse(STR("127.0.0.1:0"), &at));
	CHECK_OK(udp_open(&at, false, &w->fd));
	CHECK(getsockname(w->fd, (void *)&at.ss, &n) == 0);
	buf_add(&whole, STR("blacklists: { test = \"1h\"; "));
	while (str_next(&rest, '@', &piece)) {
		buf_add(&whole, piece);
		if (rest.p)
			buf_fmt(&whole, "servers = [\"127.0.0.1:%u\"]; ", net_port(&at));
	}
	buf_add(&whole, STR(" };"));
	CHECK_OK(conf_parse(buf_str(&whole), STR("posta.conf"), &complaints, &w->tree));
	const struct role_env env = { .node = STR("n"),
				      .root = conf_root(w->tree),
				      .arena = &w->conf };

	CHECK_OK(blacklists_read(&env, &complaints, &w->set));
	w->f = fiber_start("serve", serve, &w->fd);
}

/* The lists' own tests are over, and are not what this test looks at. */
WAITS static void open_lists(struct world *w)
{
	w->b = blacklists_open(&w->set);
	CHECK_OK(fiber_sleep(clock_in(50)));
	buf_reset(&asked);
}

WAITS static void end(struct world *w)
{
	blacklists_close(w->b);
	fiber_cancel(w->f);
	(void)!fiber_join(w->f);
	fiber_fd_forget(w->fd);
	(void)close(w->fd);
	conf_free(w->tree);
	arena_free(&w->conf);
	arena_free(&w->a);
	buf_free(&asked);
}

static void show(const struct blacklists_hits *h, struct buf *out)
{
	buf_reset(out);
	for (size_t i = 0; i < h->n; i++)
		buf_fmt(out, "%.*s=%.*s*%u ", STRF(h->v[i].result->symbol), STRF(h->v[i].what),
			h->v[i].times);
}

/* mx = "defer" makes each list one that is asked before DATA; this server has no name for tests. */
#define LIST(zone, more) "{ zone = \"" zone "\"; mx = \"defer\"; point = \"\"; @" more " }"

WAITS static err envelopes(void *arg)
{
	static const struct {
		const char *lists, *ip;
		str helo, from, asked, hits;
	} rows[] = {
		{ LIST("ip.t", ""), "192.0.2.2:1", S("bad.example"), S("a@bad.example"),
		  S("2.2.0.192.ip.t. "), S("DNSBL_IP_T=192.0.2.2*1 ") },
		{ LIST("ip.t", ""), "[2001:db8::1]:1", S(""), S(""), S(""), S("") },
		{ LIST("n.t", "kinds = [\"names\"]; symbol = \"X\";"), "192.0.2.2:1",
		  S("mail.bad.example"), S("a@Bad.Example"), S("bad.example.n.t. "),
		  S("X=mail.bad.example*1 ") },
		{ LIST("n.t", "kinds = [\"names\"]; level = \"both\"; symbol = \"X\";"),
		  "192.0.2.2:1", S("mail.bad.example"), S("a@ok.example"),
		  S("bad.example.n.t. mail.bad.example.n.t. ok.example.n.t. "),
		  S("X=mail.bad.example*1 ") },
		{ LIST("n.t", "kinds = [\"names\"]; of = [\"from\"]; symbol = \"X\";"),
		  "192.0.2.2:1", S("bad.example"), S("a@bad1.example"), S("bad1.example.n.t. "),
		  S("X=bad1.example*1 ") },
		/* an address as HELO is none of a list of names */
		{ LIST("n.t", "kinds = [\"names\"];"), "192.0.2.2:1", S("[192.0.2.2]"), S(""),
		  S(""), S("") },
		{ LIST("n.t", "kinds = [\"names\"];"), "192.0.2.2:1", S("localhost"), S(""), S(""),
		  S("") },
		{ LIST("n.t", "kinds = [\"names\"];"), "192.0.2.2:1", S("a b\\c"),
		  S("a@b\xc3\xbc"
		    "cher.example"),
		  S("xn--bcher-kva.example.n.t. "), S("") },
		/* two codes, two meanings */
		{ LIST("n.t",
		       "kinds = [\"names\"]; results = ( { codes = [\"127.0.0.2\"]; symbol = "
		       "\"A\"; }, { codes = [\"127.0.*.4\"]; symbol = \"B\"; } );"),
		  "192.0.2.2:1", S("two.example"), S("a@bad.example"),
		  S("two.example.n.t. bad.example.n.t. "), S("A=two.example*2 B=two.example*1 ") },
		/* bits; the lowest one is the owner's error, as is 127.255.255.254 */
		{ LIST("n.t", "kinds = [\"names\"]; codes = [\"&8\", \"&64\"]; symbol = \"X\";"),
		  "192.0.2.2:1", S("n72.example"), S("a@n9.example"),
		  S("n72.example.n.t. n9.example.n.t. "), S("X=n72.example*1 ") },
		{ LIST("n.t", "kinds = [\"names\"]; symbol = \"X\";"), "192.0.2.2:1",
		  S("err.example"), S(""), S("err.example.n.t. "), S("") },
		{ LIST("n.t", "kinds = [\"names\"]; codes = [\"127.0.0.3\"];"), "192.0.2.2:1",
		  S("bad.example"), S(""), S("bad.example.n.t. "), S("") },
		/* a list that only scores is not asked before DATA, a white one is */
		{ "{ zone = \"s.t\"; @ }, { zone = \"w.t\"; white = true; symbol = \"W\"; @ }",
		  "192.0.2.2:1", S(""), S(""), S("2.2.0.192.w.t. "), S("W=192.0.2.2*1 ") },
	};

	(void)arg;
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf text, conf;
		struct blacklists_hits hits;
		struct world w = { 0 };
		struct net_addr ip;

		buf_init(&text, KIB(1));
		buf_init(&conf, KIB(2));
		buf_fmt(&conf, "lists = ( %s );%c", rows[i].lists, 0);
		begin(&w, conf.p);
		open_lists(&w);
		CHECK_OK(net_parse(str_z(rows[i].ip), &ip));
		const struct blacklists_message q = { .ip = &ip,
						      .helo = rows[i].helo,
						      .from = rows[i].from };

		CHECK_OK(blacklists_envelope(w.b, &q, clock_in(2000), &w.a, &hits));
		CHECK_STR_ROW(i, buf_str(&asked), rows[i].asked);
		show(&hits, &text);
		CHECK_STR_ROW(i, buf_str(&text), rows[i].hits);
		end(&w);
	}
	return OK;
}

TEST(blacklists_envelope)
{
	CHECK_OK(loop_main(envelopes, NULL));
}

#define ALL "kinds = [\"names\"]; symbol = \"X\"; of = [\"uris\"];"
#define HTML(text)                                                                                 \
	S("From: a@ok.example.org\nContent-Type: text/html\n\n<html><body>" text "</body></"       \
	  "html>\n")
#define TEXT(text) S("From: a@ok.example.org\n\n" text "\n")

WAITS static err contents(void *arg)
{
	static const struct scan_envelope env;
	static const struct {
		const char *lists;
		str message, asked, hits;
		const char *more;
	} rows[] = {
		{ LIST("n.t", ALL), TEXT("see http://www.bad.com/x?y=1"), S("bad.com.n.t. "),
		  S("X=www.bad.com*1 ") },
		/* each domain once, whatever the number of its hosts and links */
		{ LIST("n.t", ALL), TEXT("http://a.ok.com/ http://b.ok.com/1 http://b.ok.com/2"),
		  S("ok.com.n.t. "), S("") },
		{ LIST("n.t", ALL "level = \"host\";"),
		  TEXT("http://a.ok.co.uk/ http://bad.ok.co.uk/"),
		  S("a.ok.co.uk.n.t. bad.ok.co.uk.n.t. "), S("X=bad.ok.co.uk*1 ") },
		{ LIST("n.t", ALL), TEXT("http://a.ok.co.uk/"), S("ok.co.uk.n.t. "), S("") },
		{ LIST("n.t", ALL), HTML("<a href=\"http://bad.com/\">good.com</a>"),
		  S("bad.com.n.t. good.com.n.t. "), S("X=bad.com*1 ") },
		{ LIST("n.t", ALL),
		  HTML("<form action=\"https://bad.com/login\"><img "
		       "src=\"http://img.net/i\"></form>"),
		  S("bad.com.n.t. img.net.n.t. "), S("X=bad.com*1 ") },
		/* IDN as its A-label, however it is written */
		{ LIST("n.t", ALL), HTML("<a href=\"http://b&#252;cher.com/\">x</a>"),
		  S("xn--bcher-kva.com.n.t. "), S("") },
		/* a redirector's target as well */
		{ LIST("n.t", ALL),
		  HTML("<a href=\"http://www.google.com/url?q=http://bad.com/\">x</a>"),
		  S("google.com.n.t. bad.com.n.t. "), S("X=bad.com*1 ") },
		{ LIST("n.t", ALL), HTML("<a href=\"http://%62ad.com/\">x</a>"), S("bad.com.n.t. "),
		  S("X=bad.com*1 ") },
		/* what no program follows */
		{ LIST("n.t", ALL), TEXT("hxxp://www.bad[.]com/ and bad1 dot net"),
		  S("bad.com.n.t. bad1.net.n.t. "), S("X=www.bad.com*2 ") },
		{ LIST("n.t", ALL), TEXT("they connect dot matrix printers"), S(""), S("") },
		/* addresses in links, in any form */
		{ "{ zone = \"i.t\"; kinds = [\"ip4\", \"ip6\", \"names\"]; of = [\"uris\"]; point "
		  "= \"\"; @ }",
		  HTML("<a href=\"http://192.0.2.2/x\">x</a>"), S("2.2.0.192.i.t. "),
		  S("DNSBL_I_T=192.0.2.2*1 ") },
		{ LIST("n.t", ALL), HTML("<a href=\"http://192.0.2.2/x\">x</a>"), S(""), S("") },
		/* authors */
		{ LIST("n.t", "kinds = [\"names\"]; symbol = \"X\"; of = [\"author\"];"),
		  S("From: \"x@ok.com\" <a@mail.bad.com>\nReply-To: "
		    "b@bad2.com\n\nhttp://bad3.com/\n"),
		  S("bad.com.n.t. bad2.com.n.t. "), S("X=mail.bad.com*2 ") },
		/* relays: all that are not ours; the nearest of them is the client where none is
		   told */
		{ "{ zone = \"i.t\"; of = [\"relays\"]; @ }, { zone = \"c.t\"; of = [\"client\"]; "
		  "@ }",
		  S("Received: from a.com (a.com [203.0.113.9]) by mx.demo.test with SMTP id 1;\n"
		    "\tMon, 1 Jan 2024 00:00:00 +0000\n"
		    "Received: from b.com (b.com [192.0.2.2]) by a.com with SMTP id 2;\n"
		    "\tMon, 1 Jan 2024 00:00:00 +0000\n"
		    "Received: from [10.0.0.2] by b.com with SMTP id 3; Mon, 1 Jan 2024 00:00:00 "
		    "+0000\n"
		    "From: a@ok.com\n\nx\n"),
		  S("9.113.0.203.c.t. 2.2.0.192.i.t. "), S("DNSBL_I_T=192.0.2.2*1 ") },
		{ LIST("n.t", ALL), TEXT("http://a.ok.com/ http://nok.com/"), S("nok.com.n.t. "),
		  S(""), "skip = [\"ok.com\"];" },
		{ LIST("n.t", ALL),
		  HTML("<img src=\"http://a.com/\"><a href=\"http://b.com/\">x</a><a "
		       "href=\"http://c.com\">x</a>"),
		  S("b.com.n.t. c.com.n.t. "), S(""),
		  "domains = 2;" }, /* what is clicked comes first */
	};

	(void)arg;
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf text, conf;
		struct blacklists_hits hits;
		struct world w = { 0 };
		struct arena m;

		buf_init(&text, KIB(1));
		buf_init(&conf, KIB(2));
		buf_fmt(&conf, "%s lists = ( %s );%c", rows[i].more ? rows[i].more : "",
			rows[i].lists, 0);
		begin(&w, conf.p);
		open_lists(&w);
		arena_init(&m, LIM_SCAN_ARENA);
		const struct blacklists_message q = { .scan = scan_mail_new(&m, rows[i].message,
									    &env, NULL) };

		CHECK_OK(blacklists_message(w.b, &q, clock_in(2000), &w.a, &hits));
		CHECK_STR_ROW(i, buf_str(&asked), rows[i].asked);
		show(&hits, &text);
		CHECK_STR_ROW(i, buf_str(&text), rows[i].hits);
		arena_free(&m);
		end(&w);
	}
	return OK;
}

TEST(blacklists_content)
{
	CHECK_OK(loop_main(contents, NULL));
}
