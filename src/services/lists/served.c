#include "services/lists/served.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { UDP_SIZE = 1232, OPT = 11, TXT_MOST = 255, POINTER = 0xc000 | DNS_HEADER };

struct served *served_new(size_t nzones)
{
	struct served *s = MEM_NEW(struct served);

	s->zones = mem_get(size_mul(nzones + 1, sizeof(*s->zones)));
	s->nzones = nzones;
	return s;
}

void served_free(struct served *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nzones; i++) {
		for (size_t k = 0; k < s->zones[i].nlists; k++)
			list_drop(s->zones[i].lists[k]);
		mem_free(s->zones[i].lists);
	}
	mem_free(s->zones);
	mem_free(s);
}

/* ---- an answer being written ---- */

struct answer {
	unsigned char *p;
	size_t n, room;
	unsigned counts[3];
	bool cut;
};

static void put_rr(struct answer *a, enum dns_section s, str owner, uint16_t type, uint32_t ttl,
		   str rdata)
{
	size_t need = (owner.n ? owner.n : 2) + 10 + rdata.n;
	unsigned char *p = a->p + a->n;

	if (a->cut || a->n + need > a->room) {
		a->cut = true;
		return;
	}
	if (owner.n)
		memcpy(p, owner.p, owner.n);
	else
		dns_put16(p, POINTER); /* the question's name */
	p += owner.n ? owner.n : 2;
	dns_put16(p, type);
	dns_put16(p + 2, DNS_IN);
	dns_put32(p + 4, ttl);
	dns_put16(p + 8, (unsigned)rdata.n);
	if (rdata.n)
		memcpy(p + 10, rdata.p, rdata.n);
	a->n += need;
	a->counts[s]++;
}

/* RFC 5952: the longest run of zeros as "::", all words in hexadecimal. */
static str ip6_text(const unsigned char ip[16], char room[300])
{
	unsigned words[8], best = 8, most = 1;
	size_t n = 0;

	for (unsigned i = 0; i < 8; i++)
		words[i] = dns_get16(ip + 2 * i);
	for (unsigned i = 0, run; i < 8; i += run + 1) {
		for (run = 0; i + run < 8 && words[i + run] == 0; run++)
			continue;
		if (run > most) {
			most = run;
			best = i;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == best) {
			n += (size_t)snprintf(room + n, 300 - n, "::");
			i += most - 1;
			continue;
		}
		n += (size_t)snprintf(room + n, 300 - n, "%s%x", i && room[n - 1] != ':' ? ":" : "",
				      words[i]);
	}
	return str_of(room, n);
}

/* What $ stands for in a text: the address as people write it, or the name. */
static str asked_text(const struct list_question *q, bool ip6, char room[300])
{
	int n;

	if (q->is_ip4 && !ip6) {
		n = snprintf(room, 300, "%u.%u.%u.%u", q->ip4 >> 24, q->ip4 >> 16 & 255,
			     q->ip4 >> 8 & 255, q->ip4 & 255);
	} else if (q->is_ip6) {
		return ip6_text(q->ip6, room);
	} else {
		const unsigned char *p = (const void *)q->labels.p;
		size_t at = 0;

		for (size_t i = 0; i < q->labels.n && at < 290; i += p[i] + 1u) {
			if (i)
				room[at++] = '.';
			for (unsigned k = 1; k <= p[i] && at < 290; k++)
				room[at++] = (char)p[i + k];
		}
		return str_of(room, at);
	}
	return str_of(room, n > 0 ? (size_t)n : 0);
}

static void put_txt(struct answer *a, const struct list_hit *h)
{
	struct list_question q;
	CLEANUP(buf_free) struct buf text = { 0 };
	char asked[300];
	unsigned char rdata[TXT_MOST + 1];

	buf_init(&text, TXT_MOST + 1);
	list_question_read(h->labels, &q);
	rbl_text(h->txt, h->vars, asked_text(&q, h->ip6, asked), &text);
	size_t n = text.n > TXT_MOST ? TXT_MOST : text.n;

	rdata[0] = (unsigned char)n;
	if (n)
		memcpy(rdata + 1, text.p, n);
	put_rr(a, DNS_ANSWER, STR(""), DNS_TXT, h->ttl, str_of(rdata, n + 1));
}

/* The same address or text from two lists is one record. */
static bool said_before(const struct list_hit *hits, size_t i, bool txt)
{
	for (size_t k = 0; k < i; k++) {
		if (hits[k].vars && hits[i].vars && !txt && str_eq(hits[k].rdata, hits[i].rdata))
			return true;
		if (hits[k].vars == hits[i].vars && txt && hits[k].has_txt &&
		    str_eq(hits[k].txt, hits[i].txt))
			return true;
	}
	return false;
}

static void put_hits(struct answer *a, const struct list_hit *hits, size_t n, uint16_t type)
{
	for (size_t i = 0; i < n; i++) {
		const struct list_hit *h = &hits[i];

		if ((type == h->type || type == DNS_ANY) && !said_before(hits, i, false))
			put_rr(a, DNS_ANSWER, STR(""), h->type, h->ttl, h->rdata);
		if (h->vars && h->has_txt && (type == DNS_TXT || type == DNS_ANY) &&
		    !said_before(hits, i, true))
			put_txt(a, h);
	}
}

/* ---- what a zone says of itself ---- */

static const struct rbl_soa *soa_of(const struct served_zone *z)
{
	for (size_t i = 0; i < z->nlists; i++)
		if (list_soa(z->lists[i]))
			return list_soa(z->lists[i]);
	return NULL;
}

static void put_soa(struct answer *a, enum dns_section s, const struct served_zone *z, str owner)
{
	const struct rbl_soa *soa = soa_of(z);
	unsigned char rdata[2 * DNS_NAME_MAX + 20];
	size_t n = 0;

	if (!soa)
		return;
	memcpy(rdata, soa->primary.p, soa->primary.n);
	n += soa->primary.n;
	memcpy(rdata + n, soa->mailbox.p, soa->mailbox.n);
	n += soa->mailbox.n;
	for (unsigned i = 0; i < 5; i++, n += 4)
		dns_put32(rdata + n, soa->numbers[i]);
	uint32_t ttl = soa->ttl ? soa->ttl : 2100;

	/* RFC 2308 3: in a negative answer no longer than its minimum. */
	if (s == DNS_AUTHORITY && soa->numbers[4] < ttl)
		ttl = soa->numbers[4];
	put_rr(a, s, owner, DNS_SOA, ttl, str_of(rdata, n));
}

static void put_ns(struct answer *a, const struct served_zone *z)
{
	for (size_t i = 0; i < z->nlists; i++) {
		const struct dns_name *names;
		uint32_t ttl;
		size_t n = list_ns(z->lists[i], &ttl, &names);

		for (size_t k = 0; k < n; k++)
			put_rr(a, DNS_ANSWER, STR(""), DNS_NS, ttl, dns_name_str(&names[k]));
		if (n)
			return;
	}
}

/* ---- finding the zone ---- */

/* The one with the longest name among those that qname (lower case) ends with. */
static const struct served_zone *find_zone(const struct served *s, const struct dns_name *qname)
{
	const struct served_zone *best = NULL;
	bool begins[DNS_NAME_MAX + 1] = { false };

	for (unsigned i = 0; i < qname->n; i += qname->p[i] + 1u)
		begins[i] = true;
	for (size_t i = 0; i < s->nzones; i++) {
		const struct dns_name *n = &s->zones[i].name;

		if (n->n <= qname->n && begins[qname->n - n->n] && (!best || n->n > best->name.n) &&
		    memcmp(qname->p + qname->n - n->n, n->p, n->n) == 0)
			best = &s->zones[i];
	}
	return best;
}

static unsigned look_up(const struct served_zone *z, const struct dns_query *q,
			const struct dns_name *qname, struct answer *a, enum served_what *what)
{
	UNCLEARED struct list_hit hits[LIST_HITS];
	UNCLEARED struct list_question ask;
	bool exists = false;
	size_t n = 0;

	list_question_read(str_of(qname->p, qname->n - z->name.n), &ask);
	bool apex = ask.labels.n == 0;

	for (size_t i = 0; i < z->nlists; i++)
		n = list_find(z->lists[i], &ask, hits, n, &exists);
	if (apex && (q->type == DNS_SOA || q->type == DNS_ANY))
		put_soa(a, DNS_ANSWER, z, STR(""));
	if (apex && (q->type == DNS_NS || q->type == DNS_ANY))
		put_ns(a, z);
	put_hits(a, hits, n, q->type);
	*what = apex ? SERVED_OTHER : exists ? SERVED_LISTED : SERVED_NOT;
	if (a->counts[DNS_ANSWER] == 0 && !a->cut)
		put_soa(a, DNS_AUTHORITY, z, dns_name_str(&z->name));
	return exists || apex ? DNS_NOERROR : DNS_NXDOMAIN;
}

/* ---- a message ---- */

static void put_opt(struct answer *a, bool dnssec_ok)
{
	unsigned char opt[OPT] = { 0, 0, DNS_OPT, UDP_SIZE >> 8, UDP_SIZE & 255, 0, 0, 0, 0, 0, 0 };

	opt[7] = dnssec_ok ? 0x80 : 0;
	a->room += OPT;
	memcpy(a->p + a->n, opt, OPT);
	a->n += OPT;
	a->counts[DNS_ADDITIONAL]++;
}

static size_t finish(struct answer *a, const struct dns_query *q, unsigned code)
{
	unsigned flags = DNS_QR | (q->flags & DNS_RD) | q->opcode << 11 | code;

	if (code != DNS_REFUSED && code != DNS_FORMERR && code != DNS_NOTIMP)
		flags |= DNS_AA;
	dns_put16(a->p, q->id);
	dns_put16(a->p + 2, flags | (a->cut ? DNS_TC : 0));
	dns_put16(a->p + 4, q->question_end ? 1 : 0);
	for (unsigned i = 0; i < 3; i++)
		dns_put16(a->p + 6 + 2 * i, a->counts[i]);
	return a->n;
}

static unsigned judge(const struct served *s, const struct dns_query *q, struct answer *a,
		      enum served_what *what)
{
	struct dns_name qname = q->name;
	const struct served_zone *z;

	if (q->opcode != DNS_QUERY)
		return DNS_NOTIMP;
	if (q->class != DNS_IN && q->class != DNS_CLASS_ANY)
		return DNS_REFUSED;
	dns_name_lower(&qname);
	z = find_zone(s, &qname);
	*what = SERVED_REFUSED;
	if (!z || q->type == DNS_AXFR || q->type == DNS_IXFR)
		return DNS_REFUSED;
	return z->expired || z->nlists == 0 ? DNS_SERVFAIL : look_up(z, q, &qname, a, what);
}

size_t served_answer(const struct served *s, str message, bool tcp, char *out, size_t room,
		     enum served_what *what)
{
	UNCLEARED struct dns_query q;
	struct answer a = { .p = (unsigned char *)out };
	err e = dns_query_parse(message, &q);

	*what = e ? SERVED_MALFORMED : SERVED_OTHER;
	/* Answers are not answered, and what has no header has no id. */
	if (message.n < DNS_HEADER || (q.flags & DNS_QR) || room < DNS_UDP_PLAIN)
		return 0;
	a.n = DNS_HEADER;
	if (e)
		q.question_end = 0;
	else
		memcpy(out + DNS_HEADER, message.p + DNS_HEADER, q.question_end - DNS_HEADER);
	if (q.question_end)
		a.n = q.question_end;
	size_t most = tcp ? room : !q.edns.present ? DNS_UDP_PLAIN : q.edns.udp_size;

	if (!tcp && most > UDP_SIZE)
		most = UDP_SIZE;
	a.room = (most < room ? most : room) - (q.edns.present ? OPT : 0);
	unsigned code = e ? DNS_FORMERR : judge(s, &q, &a, what);

	if (a.cut) { /* half of the records would be a lie */
		a.n = q.question_end;
		memset(a.counts, 0, sizeof(a.counts));
	}
	if (q.edns.present && !e)
		put_opt(&a, q.edns.dnssec_ok);
	return finish(&a, &q, code);
}
