#include <string.h>

#include "base/limits.h"
#include "base/test.h"
#include "clients/dns/xfr.h"
#include "run/fiber.h"

/* ---- answers from shorthand: "S5 a b | c S5": SOAs with their serial, an address each, a border
 * of messages; "!" a record outside the zone, "?" one of class CH ---- */

enum { ID = 0x1234 };
static const str zone = { "\7example", 9 };

static str soa(uint32_t serial, char rdata[22])
{
	memset(rdata, 0, 22);
	dns_put32(rdata + 2, serial);
	return str_of(rdata, 22);
}

static void write_record(struct dns_writer *w, str word)
{
	char rdata[22], owner[] = "\1a\7example";
	uint64_t serial = 0;

	owner[1] = word.p[0];
	if (word.p[0] == 'S') {
		CHECK_OK(str_u64(str_skip(word, 1), UINT32_MAX, &serial));
		CHECK_OK(dns_writer_record(w, DNS_ANSWER, zone, DNS_SOA, DNS_IN, 60,
					   soa((uint32_t)serial, rdata)));
	} else if (word.p[0] == '!') {
		CHECK_OK(dns_writer_record(w, DNS_ANSWER, STR("\5other\0"), DNS_A, DNS_IN, 60,
					   STR("1234")));
	} else {
		CHECK_OK(dns_writer_record(w, DNS_ANSWER, str_of(owner, 11), DNS_A,
					   word.p[0] == '?' ? 3 : DNS_IN, 60, STR("1234")));
	}
}

static void begin_message(struct dns_writer *w, char *room, size_t n, bool question, uint16_t type)
{
	dns_writer_init(w, room, n);
	dns_writer_header(w, ID, DNS_QR | DNS_AA);
	if (question)
		CHECK_OK(dns_writer_question(w, zone, type, DNS_IN));
}

static err print_whole(void *arg)
{
	buf_add(arg, STR(" whole"));
	return OK;
}

static err print_record(void *arg, bool added, const struct xfr_record *r)
{
	if (r->type == DNS_SOA)
		buf_fmt(arg, " %c%u", added ? '+' : '-', dns_get32(r->rdata.p + r->rdata.n - 20));
	else
		buf_fmt(arg, " %c%c", added ? '+' : '-', r->owner.p[1]);
	return OK;
}

static err feed(struct xfr_answer *a, str shorthand, uint16_t type)
{
	char room[2000];
	struct dns_writer w;
	str message, word;
	bool first = true;

	while (str_next(&shorthand, '|', &message)) {
		begin_message(&w, room, sizeof(room), first, type);
		first = false;
		while (str_word(&message, &word))
			write_record(&w, word);
		dns_writer_end(&w);
		TRY(xfr_answer_take(a, str_of(room, w.n)));
	}
	return OK;
}

TEST(xfr_answers)
{
	enum { ALL, SINCE_3 };
	static const struct {
		int how;
		str answer, want;
		err e;
		bool done;
	} rows[] = {
		/* RFC 5936 2.2: begins and ends with the SOA */
		{ ALL, S("S5 a b S5"), S("whole +5 +a +b"), OK, true },
		{ ALL, S("S5 | a | b | S5"), S("whole +5 +a +b"), OK, true },
		{ ALL, S("S5 a b"), S("whole +5 +a +b"), OK, false },
		{ ALL, S("a S5"), S(""), E_SYNTAX, false },
		{ ALL, S("S5 a S6"), S("whole +5 +a"), E_SYNTAX, false },
		{ ALL, S("S5 a S5 b"), S("whole +5 +a"), E_SYNTAX, true },
		{ ALL, S("S5 a !"), S("whole +5 +a"), E_SYNTAX, false },
		{ ALL, S("S5 ?"), S(""), E_SYNTAX, false },
		{ ALL, S("S5 S5"), S("whole +5"), E_SYNTAX, false },
		{ ALL, S("S5 a ||"), S("whole +5 +a"), E_SYNTAX, false },
		/* RFC 1995 4 */
		{ SINCE_3, S("S5 S3 a S4 b S4 c S5 d S5"), S("-3 -a +4 +b -4 -c +5 +d"), OK, true },
		{ SINCE_3, S("S5 | S3 | a S5 | b | S5"), S("-3 -a +5 +b"), OK, true },
		{ SINCE_3, S("S5 S3 S5 S5"), S("-3 +5"), OK, true },
		{ SINCE_3, S("S3"), S(""), OK, true }, /* nothing newer */
		{ SINCE_3, S("S2"), S(""), OK, true },
		{ SINCE_3, S("S5"), S(""), OK, false },
		{ SINCE_3, S("S5 a b S5"), S("whole +5 +a +b"), OK, true }, /* whole after all */
		{ SINCE_3, S("S5 S3 a S4 b S5 c S5"), S("-3 -a +4 +b"), E_SYNTAX, false },
		{ SINCE_3, S("S5 S3 a S2 b S5"), S("-3 -a"), E_SYNTAX, false },
		{ SINCE_3, S("S5 S2 a S5 b S5"), S("whole +5"), E_SYNTAX, false },
		{ SINCE_3, S("S5 S3 S5 S5 a"), S("-3 +5"), E_SYNTAX, true },
		/* RFC 1982: serials go round */
		{ ALL, S("S0 a S0"), S("whole +0 +a"), OK, true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf out = { 0 };
		const struct xfr x = { .zone = zone,
				       .incremental = rows[i].how == SINCE_3,
				       .serial = 3,
				       .records_max = 100,
				       .octets_max = 10000,
				       .whole = print_whole,
				       .record = print_record,
				       .arg = &out };
		struct xfr_answer a;

		buf_init(&out, 1000);
		xfr_answer_begin(&a, &x, ID);
		CHECK_ROW(i, feed(&a, rows[i].answer, x.incremental ? DNS_IXFR : DNS_AXFR) ==
				     rows[i].e);
		CHECK_ROW(i, (a.state == XFR_DONE) == rows[i].done);
		CHECK_STR_ROW(i, str_trim(buf_str(&out)), rows[i].want);
	}
}

TEST(xfr_bounds)
{
	CLEANUP(buf_free) struct buf out = { 0 };
	struct xfr x = { .zone = zone,
			 .records_max = 3,
			 .octets_max = 10000,
			 .whole = print_whole,
			 .record = print_record,
			 .arg = &out };
	struct xfr_answer a;

	buf_init(&out, 1000);
	xfr_answer_begin(&a, &x, ID);
	CHECK(feed(&a, STR("S5 a b c S5"), DNS_AXFR) == E_LIMIT);
	x.records_max = 100;
	x.octets_max = 100;
	xfr_answer_begin(&a, &x, ID);
	CHECK(feed(&a, STR("S5 | a | b | c | S5"), DNS_AXFR) == E_LIMIT);
	x.octets_max = 10000;
	xfr_answer_begin(&a, &x, ID + 1); /* somebody else's answer */
	CHECK(feed(&a, STR("S5 a S5"), DNS_AXFR) == E_SYNTAX);
	xfr_answer_begin(&a, &x, ID);
	CHECK(feed(&a, STR("S5 a S5"), DNS_IXFR) == E_SYNTAX); /* to another question */
}

TEST(xfr_refused)
{
	static const struct {
		unsigned rcode;
		err want;
	} rows[] = {
		{ DNS_REFUSED, E_DENIED },
		{ DNS_NOTAUTH, E_DENIED },
		{ DNS_SERVFAIL, E_NOTFOUND },
		{ DNS_NOTIMP, E_NOTFOUND },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct xfr x = { .zone = zone, .records_max = 10, .octets_max = 1000 };
		struct xfr_answer a;
		struct dns_writer w;
		char room[200];

		begin_message(&w, room, sizeof(room), true, DNS_AXFR);
		dns_writer_header(&w, ID, (uint16_t)(DNS_QR | rows[i].rcode));
		dns_writer_end(&w);
		xfr_answer_begin(&a, &x, ID);
		CHECK_ROW(i, xfr_answer_take(&a, str_of(room, w.n)) == rows[i].want);
	}
}
