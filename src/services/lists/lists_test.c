#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "services/lists/served.h"

static struct list *load(enum rbl_type type, const char *text)
{
	const struct list_options o = { .type = type };
	const struct list_file f = { STR("f"), str_z(text), 1000 };
	struct buf complaints;
	struct list *l;

	buf_init(&complaints, KIB(16));
	CHECK_OK(list_load(&o, &f, 1, &complaints, &l));
	CHECK_STR(buf_str(&complaints), STR(""));
	buf_free(&complaints);
	return l;
}

/* name: relative, as asked. The answers: addresses' last octets and texts, "-" when there is
 * nothing of that name, "0" when there is but says nothing. */
static void ask(const struct list *l, const char *name, struct buf *out)
{
	struct list_hit hits[LIST_HITS];
	struct list_question q;
	struct dns_name n = { .n = 0 };
	bool exists = false;

	if (name[0])
		CHECK_OK(dns_name_parse(str_z(name), str_of("", 1), &n));
	dns_name_lower(&n);
	list_question_read(str_of(n.p, n.n ? n.n - 1u : 0u), &q);
	size_t k = list_find(l, &q, hits, 0, &exists);

	buf_reset(out);
	if (!exists)
		buf_addc(out, '-');
	for (size_t i = 0; i < k; i++)
		buf_fmt(out, "%s%u%s%.*s", i ? " " : "",
			(unsigned char)hits[i].rdata.p[hits[i].rdata.n - 1],
			hits[i].has_txt ? "=" : "", STRF(hits[i].txt));
	if (exists && k == 0)
		buf_addc(out, '0');
}

TEST(lists_find)
{
	static const struct {
		enum rbl_type type;
		const char *text;
		const char *asked[5], *want[5];
	} rows[] = {
		{ RBL_IP4SET,
		  "127.0.0.2\n10.0.0.0/8 :3:net\n10.1/16 :4:x\n!10.1.2.3\n10.1.2.4\n10.1.2.4 "
		  ":9:y\n",
		  { "2.0.0.127", "1.0.9.10", "9.9.1.10", "3.2.1.10", "4.2.1.10" },
		  { "2", "3=net", "4=x", "-", "2 9=y" } },
		{ RBL_IP4SET,
		  "10.0.0.200-10.0.2.3\n", /* levels: both ends are cut */
		  { "199.0.0.10", "200.0.0.10", "7.1.0.10", "3.2.0.10", "4.2.0.10" },
		  { "-", "2", "2", "2", "-" } },
		{ RBL_IP4SET,
		  "0/0\n!0.0.0.0/1\n",
		  { "1.0.0.127", "1.0.0.128", "", "2.0.127", "x" },
		  { "-", "2", "-", "-", "-" } },
		{ RBL_IP4TRIE,
		  "10/8 :3\n10.0.0.0/9 :4\n!10.0.0.0/10\n10.0.0.1 :5\n",
		  { "1.0.0.10", "2.0.0.10", "0.0.64.10", "0.0.128.10", "0.0.0.11" },
		  { "5", "-", "4", "3", "-" } },
		{ RBL_IP4TSET,
		  ":7:all\n1.2.3.4\n1.2.3.5 :8:ignored\n",
		  { "4.3.2.1", "5.3.2.1", "6.3.2.1", "", "4.3.2" },
		  { "7=all", "7=all", "-", "-", "-" } },
		{ RBL_DNSET,
		  "a.com\n*.b.com :3\n.c.com :4\n!x.c.com\n*.x.c.com :5\n",
		  { "a.com", "b.com", "q.b.com", "x.c.com", "y.x.c.com" },
		  { "2", "-", "3", "-", "5" } },
		{ RBL_DNSET,
		  "a.com\na.com :3:x\nA.com\n",
		  { "a.com", "b.a.com", "com", "", "A.com." },
		  { "2 3=x", "-", "-", "-", "2 3=x" } },
		{ RBL_COMBINED,
		  "$DATASET ip4set:proxy proxies @\n:2:p\n127.0.0.2\n127.0.0.10\n$DATASET ip4set "
		  "relays @\n:3:r\n"
		  "127.0.0.2\n$DATASET generic:common proxies @\n@ A 127.0.0.8\nwww A 127.0.0.8\n",
		  { "2.0.0.127.proxies", "2.0.0.127", "2.0.0.127.relays", "www.proxies",
		    "2.0.0.127.xproxies" },
		  { "2=p", "2=p 3=r", "3=r", "8", "-" } },
		{ RBL_GENERIC,
		  "www 3000 A 127.0.0.1\n@ TXT x\n",
		  { "www", "", "a.www", "ww", "w" },
		  { "1", "120", "-", "-", "-" } },
	};
	struct buf out;

	buf_init(&out, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct list *l = load(rows[i].type, rows[i].text);

		for (size_t k = 0; k < 5; k++) {
			ask(l, rows[i].asked[k], &out);
			CHECK_STR_ROW(i * 10 + k, buf_str(&out), str_z(rows[i].want[k]));
		}
		list_drop(l);
	}
	buf_free(&out);
}

static void nibbles(const char *hex32, struct buf *out)
{
	buf_reset(out);
	for (unsigned i = 32; i; i--)
		buf_fmt(out, "%c.", hex32[i - 1]);
	buf_addc(out, '\0');
}

TEST(lists_ip6)
{
	static const struct {
		enum rbl_type type;
		const char *asked, *want;
	} rows[] = {
		{ RBL_IP6TRIE, "20010db8000000000000000000000001", "2" },
		{ RBL_IP6TRIE, "20010db8000100000000000000000001", "3" },
		{ RBL_IP6TRIE, "20010db8000100000000000000000009", "-" },
		{ RBL_IP6TRIE, "20010db9000000000000000000000000", "-" },
		{ RBL_IP6TSET, "2001020304050607000000000000000a", "2" },
		{ RBL_IP6TSET, "20010203040506070000000000000001", "-" },
		{ RBL_IP6TSET, "20010203040506080000000000000001", "-" },
	};
	struct list *trie = load(RBL_IP6TRIE, "2001:db8/32\n2001:db8:1/48 :3\n!2001:db8:1::9\n"),
		    *set = load(RBL_IP6TSET, "2001:203:405:607\n!2001:203:405:607::1\n");
	struct buf name, out;

	buf_init(&name, 200);
	buf_init(&out, 200);
	for (size_t i = 0; i < COUNT(rows); i++) {
		nibbles(rows[i].asked, &name);
		ask(rows[i].type == RBL_IP6TRIE ? trie : set, name.p, &out);
		CHECK_STR_ROW(i, buf_str(&out), str_z(rows[i].want));
	}
	buf_free(&name);
	buf_free(&out);
	list_drop(trie);
	list_drop(set);
}

/* Many entries, so that the keys have their index and the names their chains. */
TEST(lists_many)
{
	struct buf ips, names, out;
	char asked[64];

	buf_init(&ips, MIB(4));
	buf_init(&names, MIB(4));
	buf_init(&out, 100);
	for (unsigned i = 0; i < 20000; i++) {
		buf_fmt(&ips, "%u.%u.%u.2 :%u\n", i % 200, i / 200 % 100, i % 7, i % 250 + 1);
		buf_fmt(&names, "%sn%u.example :%u\n", i % 2 ? "." : "", i, i % 250 + 1);
	}
	buf_addc(&ips, '\0');
	buf_addc(&names, '\0');
	struct list *a = load(RBL_IP4SET, ips.p), *b = load(RBL_DNSET, names.p);

	for (unsigned i = 0; i < 20000; i++) {
		char want[8];

		(void)snprintf(want, sizeof(want), "%u", i % 250 + 1);
		(void)snprintf(asked, sizeof(asked), "2.%u.%u.%u", i % 7, i / 200 % 100, i % 200);
		ask(a, asked, &out);
		CHECK_ROW(i, str_search(buf_str(&out), str_z(want)) < out.n);
		(void)snprintf(asked, sizeof(asked), "x.n%u.example", i);
		ask(b, asked, &out);
		CHECK_STR_ROW(i, buf_str(&out), i % 2 ? str_z(want) : STR("-"));
	}
	list_drop(a);
	list_drop(b);
	buf_free(&ips);
	buf_free(&names);
	buf_free(&out);
}

/* ---- messages ---- */

static size_t question(const char *name, uint16_t type, unsigned char *m)
{
	struct dns_writer w;
	struct dns_name n;

	CHECK_OK(dns_name_parse(str_z(name), STR(""), &n));
	dns_writer_init(&w, m, 512);
	dns_writer_header(&w, 77, DNS_RD);
	CHECK_OK(dns_writer_question(&w, dns_name_str(&n), type, DNS_IN));
	dns_writer_end(&w);
	return w.n;
}

TEST(served_answers)
{
	static const struct {
		const char *name;
		uint16_t type;
		unsigned code, answers, authority;
	} rows[] = {
		{ "2.0.0.127.bl.test.", DNS_A, DNS_NOERROR, 1, 0 }, /* RFC 5782 5 */
		{ "1.0.0.127.bl.test.", DNS_A, DNS_NXDOMAIN, 0, 1 },
		{ "2.0.0.127.BL.Test.", DNS_TXT, DNS_NOERROR, 1, 0 },
		{ "2.0.0.127.bl.test.", DNS_ANY, DNS_NOERROR, 2, 0 },
		{ "2.0.0.127.bl.test.", DNS_MX, DNS_NOERROR, 0, 1 },
		{ "bl.test.", DNS_SOA, DNS_NOERROR, 1, 0 },
		{ "bl.test.", DNS_NS, DNS_NOERROR, 2, 0 },
		{ "bl.test.", DNS_A, DNS_NOERROR, 0, 1 },
		{ "xbl.test.", DNS_A, DNS_REFUSED, 0, 0 },
		{ "test.", DNS_A, DNS_REFUSED, 0, 0 },
		{ "2.0.0.127.sub.bl.test.", DNS_A, DNS_NXDOMAIN, 0, 1 },
		{ "2.0.0.127.old.test.", DNS_A, DNS_SERVFAIL, 0,
		  0 }, /* expired is not "not listed" */
	};
	struct served *s = served_new(2);
	unsigned char m[512];
	char out[512];
	enum served_what what;

	for (unsigned i = 0; i < 2; i++) {
		s->zones[i].lists = mem_get(sizeof(struct list *));
		s->zones[i].nlists = 1;
		CHECK_OK(dns_name_parse(i ? STR("old.test.") : STR("bl.test."), STR(""),
					&s->zones[i].name));
		s->zones[i].lists[0] = load(
			RBL_IP4SET,
			"$SOA 0 ns.x h.x 0 1h 1h 1w 5m\n$NS 0 a.x b.x -c.x\n:2:See $\n127.0.0.2\n");
	}
	s->zones[1].expired = true;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = question(rows[i].name, rows[i].type, m);

		n = served_answer(s, str_of(m, n), false, out, sizeof(out), &what);
		CHECK_ROW(i, n > DNS_HEADER && dns_get16(out) == 77);
		CHECK_ROW(i, (dns_get16(out + 2) & 15) == rows[i].code);
		CHECK_ROW(i, dns_get16(out + 6) == rows[i].answers &&
				     dns_get16(out + 8) == rows[i].authority);
	}
	size_t n = question("2.0.0.127.bl.test.", DNS_TXT, m);

	n = served_answer(s, str_of(m, n), false, out, sizeof(out), &what);
	CHECK(str_search(str_of(out, n), STR("See 127.0.0.2")) < n && what == SERVED_LISTED);
	CHECK(served_answer(s, str_of(m, 11), false, out, sizeof(out), &what) == 0);
	CHECK(served_answer(s, str_of(m, 15), false, out, sizeof(out), &what) == DNS_HEADER);
	CHECK((out[3] & 15) == DNS_FORMERR && what == SERVED_MALFORMED);
	m[2] |= 0x80; /* an answer */
	CHECK(served_answer(s, str_of(m, 30), false, out, sizeof(out), &what) == 0);
	served_free(s);
}
