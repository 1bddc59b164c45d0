#include "clients/dns/reverse.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "formats/dns/message.h"
#include "run/metrics.h"
#include "run/udp.h"

METRIC(m_asked, "posta_reverse_questions_total", "", METRIC_COUNTER,
       "Names of addresses that were asked for.");
METRIC(m_silent, "posta_reverse_failures_total", "", METRIC_COUNTER,
       "Names of addresses that no resolver told in time.");

enum { ANSWER = 1232, NAMES = 3 }; /* octets of an answer; names of one address that are tried */

struct asking {
	const struct net_addr *resolvers;
	size_t n;
	msec deadline;
	char message[ANSWER];
	size_t got;
};

/* ---- one question ---- */

static err write_question(const struct dns_name *name, uint16_t type, uint16_t *id, char *p,
			  size_t room, size_t *n)
{
	struct dns_writer w;

	if (RAND_bytes((unsigned char *)id, sizeof(*id)) != 1)
		return fail(E_IO, "no random number");
	dns_writer_init(&w, p, room);
	dns_writer_header(&w, *id, DNS_RD);
	TRY(dns_writer_question(&w, dns_name_str(name), type, DNS_IN));
	dns_writer_end(&w);
	*n = w.n;
	return OK;
}

static bool is_answer(str message, uint16_t id, const struct dns_name *name, uint16_t type)
{
	struct dns_reader r;
	struct dns_name asked;
	uint16_t t, class;

	return dns_reader_open(message, &r) == OK && r.id == id && (r.flags & DNS_QR) &&
	       r.counts[0] == 1 && dns_reader_question(&r, &asked, &t, &class) == OK && t == type &&
	       class == DNS_IN && dns_name_eq(dns_name_str(&asked), dns_name_str(name));
}

/* E_AGAIN: an error, or an answer that did not fit; another one may know. */
static err judge(str message)
{
	struct dns_reader r;

	TRY(dns_reader_open(message, &r));
	unsigned rcode = r.flags & 15;

	return !(r.flags & DNS_TC) && (rcode == DNS_NOERROR || rcode == DNS_NXDOMAIN)
		       ? OK
		       : fail(E_AGAIN, "the resolver says %u", rcode);
}

WAITS static err ask_one(struct asking *q, const struct net_addr *at, const struct dns_name *name,
			 uint16_t type, msec until)
{
	char question[DNS_HEADER + DNS_NAME_MAX + 4];
	uint16_t id;
	size_t n;
	int fd;

	TRY(write_question(name, type, &id, question, sizeof(question), &n));
	TRY(udp_connect(at, &fd));
	err e = udp_put(fd, str_of(question, n));

	while (e == OK) {
		e = udp_receive(fd, q->message, sizeof(q->message), &q->got, until);
		if (e == OK && is_answer(str_of(q->message, q->got), id, name, type))
			break;
	}
	fiber_fd_forget(fd);
	(void)close(fd);
	return e ? e : judge(str_of(q->message, q->got));
}

/* The resolvers in turn, each for its share of the time that is left. */
WAITS static err ask(struct asking *q, const struct dns_name *name, uint16_t type)
{
	for (size_t i = 0; i < q->n; i++) {
		msec left = q->deadline - clock_now(), share = left / (msec)(q->n - i);
		err e = ask_one(q, &q->resolvers[i], name, type, clock_in(share));

		if (e == OK || e == E_CANCELED)
			return e;
	}
	return fail(E_AGAIN, "no resolver answers");
}

/* ---- answers ---- */

/* The data of the answer's records of this type, one a call. */
static bool next_data(struct dns_reader *r, uint16_t type, struct dns_record *rr)
{
	while (dns_reader_record(r, rr) == OK)
		if (rr->section == DNS_ANSWER && rr->type == type && rr->class == DNS_IN)
			return true;
	return false;
}

static size_t read_names(const struct asking *q, struct dns_name out[NAMES])
{
	str message = str_of(q->message, q->got);
	struct dns_reader r;
	struct dns_record rr;
	size_t n = 0, end;

	if (dns_reader_open(message, &r) != OK)
		return 0;
	while (n < NAMES && next_data(&r, DNS_PTR, &rr))
		if (dns_name_read(message, rr.rdata_at, &out[n], &end) == OK && out[n].n > 1)
			n++;
	return n;
}

static str ip_of(const struct net_addr *a)
{
	const struct sockaddr_in *v4 = (const void *)&a->ss;
	const struct sockaddr_in6 *v6 = (const void *)&a->ss;

	return a->ss.ss_family == AF_INET ? str_of(&v4->sin_addr, 4) : str_of(&v6->sin6_addr, 16);
}

static bool leads_to(const struct asking *q, uint16_t type, str ip)
{
	struct dns_reader r;
	struct dns_record rr;

	if (dns_reader_open(str_of(q->message, q->got), &r) != OK)
		return false;
	while (next_data(&r, type, &rr))
		if (str_eq(rr.rdata, ip))
			return true;
	return false;
}

/* Only what may stand in a header field and a log as it is. */
static str text_of(struct dns_name *name, struct arena *a)
{
	struct buf b;

	dns_name_lower(name);
	buf_init(&b, 4 * DNS_NAME_MAX);
	dns_name_print(dns_name_str(name), &b);
	str s = str_take(buf_str(&b), b.n - 1);

	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && str_find(STR("-._"), s.p[i]) == 3)
			s.n = 0;
	s = s.n ? arena_dup(a, s) : STR("");
	buf_free(&b);
	return s;
}

static err reversed(const struct net_addr *who, struct dns_name *out)
{
	str ip = ip_of(who);
	struct buf b;

	buf_init(&b, 100);
	for (size_t i = ip.n; i-- > 0;) {
		unsigned char c = (unsigned char)ip.p[i];

		if (ip.n == 4)
			buf_fmt(&b, "%u.", c);
		else
			buf_fmt(&b, "%x.%x.", c & 15, c >> 4);
	}
	buf_add(&b, ip.n == 4 ? STR("in-addr.arpa.") : STR("ip6.arpa."));
	err e = dns_name_parse(buf_str(&b), STR(""), out);

	buf_free(&b);
	return e;
}

WAITS static err find(struct asking *q, const struct net_addr *who, struct arena *a, str *name)
{
	uint16_t type = who->ss.ss_family == AF_INET ? DNS_A : DNS_AAAA;
	struct dns_name back, names[NAMES];

	TRY(reversed(who, &back));
	TRY(ask(q, &back, DNS_PTR));
	size_t n = read_names(q, names);

	for (size_t i = 0; i < n && !name->n; i++) {
		TRY(ask(q, &names[i], type));
		if (leads_to(q, type, ip_of(who)))
			*name = text_of(&names[i], a);
	}
	return OK;
}

WAITS err reverse_name(const struct net_addr *resolvers, size_t n, const struct net_addr *who,
		       msec deadline, struct arena *a, str *name)
{
	struct asking q = { .resolvers = resolvers, .n = n, .deadline = deadline };

	*name = STR("");
	if (net_is_unix(who) || !n)
		return OK;
	metric_add(&m_asked, 1);
	err e = find(&q, who, a, name);

	metric_add(&m_silent, e && e != E_CANCELED);
	return e;
}
