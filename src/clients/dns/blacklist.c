#include "clients/dns/blacklist.h"

#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "formats/dns/message.h"
#include "run/metrics.h"
#include "run/udp.h"

METRIC(asked, "posta_blacklist_questions_total", "", METRIC_COUNTER,
       "Look-ups in black lists, answered or not.");
METRIC(silent, "posta_blacklist_failures_total", "why=\"silent\"", METRIC_COUNTER,
       "Look-ups that told nothing.");
METRIC(refused, "posta_blacklist_failures_total", "why=\"error\"", METRIC_COUNTER,
       "Look-ups that told nothing.");

enum { SOCKETS = 16 }; /* servers of one call */

/* One question on its way. */
struct flight {
	uint16_t id;
	struct dns_name name; /* in the case that was asked */
	size_t server;	      /* of its list */
	size_t errors;	      /* servers that answered with one */
	bool done;
	int fd;
};
struct call {
	struct blacklist_question *v;
	struct flight *flights;
	size_t n, open;
	struct {
		const struct net_addr *at;
		int fd;
	} sockets[SOCKETS];
	size_t nsockets;
};

/* ---- names ---- */

static err join(struct dns_name *n, const struct blacklist *l)
{
	if (n->n + l->zone.n > DNS_NAME_MAX)
		return fail(E_LIMIT, "a name over 255 octets");
	memcpy(n->p + n->n, l->zone.p, l->zone.n);
	n->n = (unsigned char)(n->n + l->zone.n);
	return OK;
}

static void add_label(struct dns_name *n, const char *text, size_t len)
{
	n->p[n->n] = (unsigned char)len;
	memcpy(n->p + n->n + 1, text, len);
	n->n = (unsigned char)(n->n + len + 1);
}

err blacklist_ip(const struct blacklist *l, const struct net_addr *who,
		 struct blacklist_question *out)
{
	static const char digits[] = "0123456789abcdef";
	const struct sockaddr_in *v4 = (const void *)&who->ss;
	const struct sockaddr_in6 *v6 = (const void *)&who->ss;
	bool is4 = who->ss.ss_family == AF_INET;

	*out = (struct blacklist_question){ .list = l };
	if (is4 ? !l->ip4 : who->ss.ss_family != AF_INET6 || !l->ip6)
		return fail(E_NOTFOUND, "%.*s lists no such addresses", STRF(l->label));
	const unsigned char *ip = is4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;

	for (int i = is4 ? 3 : 15; i >= 0; i--) {
		char text[4];
		size_t n = 0;

		if (!is4) {
			add_label(&out->name, &digits[ip[i] & 15], 1);
			add_label(&out->name, &digits[ip[i] >> 4], 1);
			continue;
		}
		if (ip[i] >= 100)
			text[n++] = digits[ip[i] / 100];
		if (ip[i] >= 10)
			text[n++] = digits[ip[i] / 10 % 10];
		text[n++] = digits[ip[i] % 10];
		add_label(&out->name, text, n);
	}
	return join(&out->name, l);
}

err blacklist_domain(const struct blacklist *l, str domain, struct blacklist_question *out)
{
	*out = (struct blacklist_question){ .list = l };
	if (!l->names)
		return fail(E_NOTFOUND, "%.*s lists no names", STRF(l->label));
	TRY(dns_name_parse(domain, str_of("", 1), &out->name));
	dns_name_lower(&out->name);
	out->name.n--;
	if (out->name.n == 0)
		return fail(E_SYNTAX, "no domain");
	return join(&out->name, l);
}

/* ---- asking ---- */

static err socket_of(struct call *c, const struct net_addr *at, int *fd)
{
	for (size_t i = 0; i < c->nsockets; i++)
		if (c->sockets[i].at->n == at->n &&
		    memcmp(&c->sockets[i].at->ss, &at->ss, at->n) == 0) {
			*fd = c->sockets[i].fd;
			return OK;
		}
	if (c->nsockets == SOCKETS)
		return fail(E_LIMIT, "more than %d servers at once", SOCKETS);
	TRY(udp_connect(at, fd));
	c->sockets[c->nsockets].at = at;
	c->sockets[c->nsockets++].fd = *fd;
	return OK;
}

static void close_all(struct call *c)
{
	for (size_t i = 0; i < c->nsockets; i++) {
		fiber_fd_forget(c->sockets[i].fd);
		(void)close(c->sockets[i].fd);
	}
	mem_free(c->flights);
}

/* A name's letters in random case (draft 0x20): forty bits that a forger has to guess, too. */
static void mix_case(struct dns_name *n, const unsigned char *dice)
{
	for (unsigned i = 0; i < n->n; i++) {
		unsigned char c = n->p[i];

		if (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) &&
		    (dice[i % 30 + 2] >> (i % 8) & 1))
			n->p[i] ^= 0x20;
	}
}

static void send_one(struct call *c, size_t i)
{
	struct blacklist_question *q = &c->v[i];
	struct flight *f = &c->flights[i];
	unsigned char dice[32], message[DNS_HEADER + DNS_NAME_MAX + 4] = { 0 };
	size_t n = DNS_HEADER + q->name.n;

	if (f->server >= q->list->nservers || RAND_bytes(dice, sizeof(dice)) != 1 ||
	    socket_of(c, &q->list->servers[f->server], &f->fd) != OK)
		return;
	f->id = (uint16_t)dns_get16(dice);
	f->name = q->name;
	mix_case(&f->name, dice);
	dns_put16(message, f->id);
	dns_put16(message + 4, 1);
	memcpy(message + DNS_HEADER, f->name.p, f->name.n);
	dns_put16(message + n, DNS_A);
	dns_put16(message + n + 2, DNS_IN);
	/* A server that is not there tells so at once: its next one is asked in its turn. */
	(void)!udp_put(f->fd, str_of(message, n + 4));
}

bool blacklist_code_has(const struct blacklist_code *c, uint32_t code)
{
	uint32_t v = code & ~c->ignored;

	if (v < c->first || v > c->last)
		return false;
	return !c->bits || ((code & c->bits) && !(code & 1));
}

static bool is_named(const struct blacklist *l, uint32_t code)
{
	for (size_t i = 0; i < l->ncodes; i++)
		if (blacklist_code_has(&l->codes[i], code))
			return true;
	return false;
}

/* RFC 5782 2.1, and what the owners of large lists answer to those whom they refuse. */
static enum blacklist_answer judge(const struct blacklist *l, uint32_t code)
{
	if (code >> 8 == 0x7fffff || code >> 24 != 127)
		return BLACKLIST_ERROR;
	return is_named(l, code) ? BLACKLIST_LISTED : BLACKLIST_ODD;
}

/* The answer's records: an owner's error outweighs all else, a code that is named the others.
 * Nothing is said before the whole message was read. */
static err read_codes(struct dns_reader *r, struct blacklist_question *q)
{
	enum blacklist_answer what = BLACKLIST_NOT;
	uint32_t code = 0, named[BLACKLIST_CODES];
	unsigned n = 0;
	struct dns_record rr;
	err e;

	while ((e = dns_reader_record(r, &rr)) == OK) {
		if (rr.section != DNS_ANSWER || rr.type != DNS_A || rr.class != DNS_IN ||
		    rr.rdata.n != 4)
			continue;
		uint32_t c = dns_get32(rr.rdata.p);
		enum blacklist_answer a = judge(q->list, c);

		if (a == BLACKLIST_LISTED && n < BLACKLIST_CODES)
			named[n++] = c;
		if (what == BLACKLIST_NOT || a == BLACKLIST_ERROR ||
		    (a == BLACKLIST_LISTED && what != BLACKLIST_ERROR)) {
			what = a;
			code = c;
		}
	}
	if (e != E_EOF)
		return e;
	q->what = what;
	q->code = code;
	q->ncodes = what == BLACKLIST_LISTED ? n : 0;
	memcpy(q->codes, named, q->ncodes * sizeof(*named));
	return OK;
}

enum blacklist_taken blacklist_take(str message, uint16_t id, str name,
				    struct blacklist_question *q)
{
	struct dns_reader r;
	struct dns_name asked_name;
	uint16_t type, class;

	if (dns_reader_open(message, &r) != OK || r.id != id || !(r.flags & DNS_QR) ||
	    r.counts[0] != 1 || dns_reader_question(&r, &asked_name, &type, &class) != OK)
		return BLACKLIST_OTHERS;
	if (type != DNS_A || class != DNS_IN || !str_eq(dns_name_str(&asked_name), name))
		return BLACKLIST_OTHERS;
	unsigned code = r.flags & 15;

	if (code == DNS_NXDOMAIN)
		q->what = BLACKLIST_NOT;
	else if (code != DNS_NOERROR || (r.flags & DNS_TC) || read_codes(&r, q) != OK)
		return BLACKLIST_FAILED;
	return BLACKLIST_TAKEN;
}

/* Another server may know. When all have said no, nobody waits any longer. */
static void after_error(struct call *c, size_t i)
{
	struct flight *f = &c->flights[i];
	size_t n = c->v[i].list->nservers;

	f->fd = -1;
	if (++f->errors < n) {
		f->server = (f->server + 1) % n;
		send_one(c, i);
		return;
	}
	f->done = true;
	c->open--;
}

static void take_answer(struct call *c, int fd, str message)
{
	for (size_t i = 0; i < c->n; i++) {
		struct flight *f = &c->flights[i];

		if (f->fd != fd || f->done || message.n < DNS_HEADER ||
		    f->id != dns_get16(message.p))
			continue;
		enum blacklist_taken t =
			blacklist_take(message, f->id, dns_name_str(&f->name), &c->v[i]);

		if (t == BLACKLIST_OTHERS)
			continue;
		if (t == BLACKLIST_FAILED)
			return after_error(c, i);
		f->fd = -1;
		f->done = true;
		c->open--;
		return;
	}
}

/* What has come on every socket; gives whether anything had. */
static bool read_all(struct call *c)
{
	bool any = false;

	for (size_t i = 0; i < c->nsockets; i++) {
		char message[DNS_UDP_PLAIN];
		size_t n;

		while (udp_take(c->sockets[i].fd, message, sizeof(message), &n) == OK) {
			any = true;
			take_answer(c, c->sockets[i].fd, str_of(message, n));
		}
	}
	return any;
}

WAITS static err wait_for_any(struct call *c, msec until)
{
	int fds[SOCKETS];

	for (size_t i = 0; i < c->nsockets; i++)
		fds[i] = c->sockets[i].fd;
	return fiber_wait_reads(fds, c->nsockets, until);
}

static void send_open(struct call *c, bool again)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->flights[i].done)
			continue;
		if (again && c->v[i].list->nservers > 1)
			c->flights[i].server = (c->flights[i].server + 1) % c->v[i].list->nservers;
		send_one(c, i);
	}
}

WAITS static err run(struct call *c, msec deadline)
{
	msec half = clock_now() + (deadline - clock_now()) / 2;
	bool again = false;

	send_open(c, false);
	while (c->open) {
		if (read_all(c))
			continue;
		err e = c->nsockets ? wait_for_any(c, again ? deadline : half)
				    : fiber_sleep(again ? deadline : half);

		if (e == E_CANCELED)
			return e;
		if (e == OK && c->nsockets)
			continue;
		if (again)
			break;
		again = true;
		send_open(c, true);
	}
	return OK;
}

WAITS err blacklist_ask(struct blacklist_question *v, size_t n, msec deadline)
{
	CLEANUP(close_all) struct call c = { .v = v, .n = n, .open = n };

	c.flights = mem_get(size_mul(n ? n : 1, sizeof(*c.flights)));
	for (size_t i = 0; i < n; i++) {
		c.flights[i].fd = -1;
		v[i].what = BLACKLIST_SILENT;
	}
	err e = run(&c, deadline);

	metric_add(&asked, (int64_t)n);
	for (size_t i = 0; i < n; i++) {
		metric_add(&silent, v[i].what == BLACKLIST_SILENT);
		metric_add(&refused, v[i].what == BLACKLIST_ERROR);
	}
	return e;
}
