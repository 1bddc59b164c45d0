#include "sessions/dns/server.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

enum {
	NOT_READY = 14, /* RFC 8914 */
	NOT_AUTHORITATIVE = 20,
	CHAOS_CLASS = 3,
};

struct dns_server *dns_server_new(struct zones *zones, const struct dns_role *role, unsigned loops)
{
	struct dns_server *s = MEM_NEW(struct dns_server);

	s->zones = zones;
	s->role = role;
	s->loops = loops;
	s->rrl = rrl_new();
	s->clients = tally_new();
	s->x = mem_get(size_mul(loops, sizeof(*s->x)));
	for (unsigned i = 0; i < loops; i++) {
		s->x[i].s = s;
		s->x[i].hash.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
		s->x[i].hash.ctx = EVP_MD_CTX_new();
	}
	return s;
}

void dns_server_free(struct dns_server *s)
{
	for (unsigned i = 0; s && i < s->loops; i++) {
		mem_free(s->x[i].verified);
		EVP_MD_free(s->x[i].hash.sha1);
		EVP_MD_CTX_free(s->x[i].hash.ctx);
	}
	if (!s)
		return;
	rrl_free(s->rrl);
	tally_free(s->clients);
	mem_free(s->x);
	mem_free(s);
}

/* ---- the question ---- */

static enum exchange_step refuse(struct exchange *x, unsigned rcode)
{
	x->rcode = rcode;
	x->kind = RRL_ERROR;
	return EXCHANGE_REFUSE;
}

static const struct tsig_key *find_key(void *arg, str name)
{
	struct exchange *x = arg;

	return x->s->role->key ? x->s->role->key(NULL, name) : NULL;
}

/* The message is copied, since taking the TSIG off changes it. OK: authentic. */
static err verify(struct exchange *x)
{
	size_t n = x->message.n;

	if (!x->verified)
		x->verified = mem_get(DNS_MESSAGE_MAX);
	memcpy(x->verified, x->message.p, n);
	err e = tsig_verify(&x->tsig, x->verified, &n, (uint64_t)clock_unix(), find_key, x);

	x->message = str_of(x->verified, n);
	return e;
}

static enum exchange_step check_cookie(struct exchange *x)
{
	if (x->q.edns.cookie_bad)
		return refuse(x, DNS_FORMERR);
	edns_cookie(x);
	if (x->tcp || x->cookie_known || !x->o->cookie_required || !x->o->cookies)
		return EXCHANGE_LOOKUP;
	/* RFC 7873 5.2.3; without any cookie TCP shows who asks. */
	if (x->ncookie)
		return refuse(x, DNS_BADCOOKIE);
	x->a.r.cut = true;
	return refuse(x, DNS_NOERROR);
}

static enum exchange_step by_opcode(struct exchange *x)
{
	const struct dns_query *q = &x->q;

	if (q->opcode == DNS_NOTIFY)
		return x->s->role->notify ? EXCHANGE_NOTIFY : refuse(x, DNS_NOTIMP);
	if (q->class == CHAOS_CLASS)
		return EXCHANGE_CHAOS;
	if (q->class != DNS_IN)
		return refuse(x, DNS_REFUSED);
	if (q->counts[DNS_ANSWER] || (q->counts[DNS_AUTHORITY] && q->type != DNS_IXFR))
		return refuse(x, DNS_FORMERR);
	if (q->type == DNS_AXFR && !x->tcp)
		return refuse(x, DNS_FORMERR); /* RFC 5936 4.2 knows it over TCP alone */
	return q->type == DNS_AXFR || q->type == DNS_IXFR ? EXCHANGE_TRANSFER : EXCHANGE_LOOKUP;
}

enum exchange_step exchange_begin(struct exchange *x, const struct net_addr *peer, bool tcp,
				  str message)
{
	x->o = x->s->role->options();
	x->peer = peer;
	x->tcp = tcp;
	x->message = message;
	x->rcode = DNS_NOERROR;
	x->extended = -1;
	x->ncookie = 0;
	x->cookie_known = false;
	x->kind = RRL_ANSWER;
	x->a.about = 0;
	x->a.r.cut = false;
	x->a.authoritative = false;
	x->tsig.key = NULL;
	x->tsig.error = 0;
	x->tsig.nmac = 0; /* of the conversation before */
	x->tsig.answers = x->tsig.unsigned_since = 0;
	if (message.n < DNS_HEADER) {
		count_dropped(DROPPED_SHORT);
		return EXCHANGE_DROP;
	}
	if (dns_get16(message.p + 2) & DNS_QR) {
		count_dropped(DROPPED_ANSWER);
		return EXCHANGE_DROP;
	}
	err e = dns_query_parse(message, &x->q);

	if (x->q.opcode != DNS_QUERY && x->q.opcode != DNS_NOTIFY) {
		x->q.question_end = 0; /* what it is in such a message is not known */
		x->q.edns.present = false;
		return refuse(x, DNS_NOTIMP);
	}
	if (e) {
		x->q.question_end = 0;
		x->q.edns.present = false;
		return refuse(x, DNS_FORMERR);
	}
	if (x->q.edns.version)
		return refuse(x, DNS_BADVERS);
	if (x->q.edns.present) {
		enum exchange_step step = check_cookie(x);

		if (step != EXCHANGE_LOOKUP)
			return step;
	} else if (x->o->cookie_required && x->o->cookies && !tcp && !x->q.tsig) {
		x->a.r.cut = true;
		return refuse(x, DNS_NOERROR);
	}
	if (x->q.tsig && (e = verify(x)) != OK)
		return refuse(x, e == E_DENIED ? DNS_NOTAUTH : DNS_FORMERR);
	return by_opcode(x);
}

struct dns_request exchange_request(struct exchange *x)
{
	return (struct dns_request){
		.q = &x->q, .message = x->message, .peer = x->peer, .tcp = x->tcp, .tsig = &x->tsig
	};
}

/* ---- the answer ---- */

static size_t answer_room(const struct exchange *x, size_t room)
{
	size_t most = DNS_MESSAGE_MAX;

	if (!x->tcp)
		most = x->q.edns.udp_size < (size_t)x->o->udp_size ? x->q.edns.udp_size
								   : (size_t)x->o->udp_size;
	return most < room ? most : room;
}

/* Header and question are the question's own. */
static void begin_reply(struct exchange *x, char *out, size_t room)
{
	struct reply *r = &x->a.r;
	size_t n = x->q.question_end ? x->q.question_end : DNS_HEADER;

	memcpy(out, x->message.p, n);
	r->p = (unsigned char *)out;
	r->n = n;
	x->reserved = edns_room(x) + (x->tsig.key ? tsig_room(&x->tsig) : 0);
	r->limit = room;
	room = answer_room(x, room);
	r->room = room > x->reserved + n ? room - x->reserved : n;
	memset(r->counts, 0, sizeof(r->counts));
	r->ntargets = r->nforeign = 0;
	r->dnssec = x->q.edns.dnssec_ok;
}

static void end_reply(struct exchange *x)
{
	struct reply *r = &x->a.r;
	unsigned flags = DNS_QR | (x->q.flags & DNS_RD) | x->q.opcode << 11 | (x->rcode & 15);

	if (x->a.authoritative)
		flags |= DNS_AA;
	if (r->cut)
		flags |= DNS_TC;
	edns_put(x, r);
	dns_put16(r->p + 2, flags);
	dns_put16(r->p + 4, x->q.question_end != 0);
	for (unsigned i = 0; i < 3; i++)
		dns_put16(r->p + 6 + 2 * i, r->counts[i]);
}

/* A DS question belongs to the zone above (RFC 4035 3.1.4.1), where that is served here too. */
static const struct zone *zone_for(struct exchange *x)
{
	const struct zone_name *k = &x->names[0];
	const struct zone *z = zones_lookup(x->s->zones, k, false), *above;

	if (!z || x->q.type != DNS_DS || z->apex_labels != k->labels || !k->labels)
		return z;
	above = zones_lookup(x->s->zones, k, true);
	return above ? above : z;
}

static void no_zone(struct exchange *x)
{
	const struct dns_role *role = x->s->role;
	struct dns_name name = x->q.name;

	x->kind = RRL_ERROR;
	dns_name_lower(&name);
	bool awaited = role->awaited && role->awaited(dns_name_str(&name));

	x->rcode = awaited ? DNS_SERVFAIL : DNS_REFUSED;
	x->extended = awaited ? NOT_READY : NOT_AUTHORITATIVE;
}

static void look_up(struct exchange *x)
{
	struct answer *a = &x->a;

	zone_name_set(&x->names[0], dns_name_str(&x->q.name));
	a->z = zone_for(x);
	if (!a->z) {
		no_zone(x);
		return;
	}
	a->k = &x->names[0];
	a->spare = &x->names[1];
	a->hash = &x->hash;
	a->type = x->q.type == DNS_IXFR ? DNS_SOA : x->q.type;
	a->tcp = x->tcp;
	a->owner = DNS_HEADER;
	a->r.z = a->z;
	a->r.apex_at = (uint16_t)(DNS_HEADER + a->k->at[a->z->apex_labels]);
	answer_find(a);
	x->rcode = a->rcode;
	x->kind = a->rcode == DNS_NXDOMAIN		? RRL_NXDOMAIN
		  : a->cut				? RRL_REFERRAL
		  : a->r.counts[DNS_ANSWER] || a->r.cut ? RRL_ANSWER
							: RRL_NODATA;
}

/* Answers are counted against a network's rate where an address may be forged. */
static enum rrl_verdict limit(struct exchange *x)
{
	const struct dns_service *o = x->o;
	struct rrl_limit l = { o->rrl_rate, o->rrl_slip, o->rrl_v4, o->rrl_v6 };

	if (x->tcp || !o->rrl_rate || x->cookie_known || x->tsig.key)
		return RRL_SEND;
	for (size_t i = 0; i < o->nexempt; i++)
		if (net_block_has(&o->exempt[i], x->peer))
			return RRL_SEND;
	return rrl_count(x->s->rrl, &l, x->peer, x->kind, x->a.about,
			 (uint32_t)(clock_now() / 1000));
}

/* The question alone, with TC: a real client comes by TCP. */
static void cut_all(struct exchange *x)
{
	struct reply *r = &x->a.r;

	count_slipped();
	r->n = x->q.question_end ? x->q.question_end : DNS_HEADER;
	memset(r->counts, 0, sizeof(r->counts));
	r->cut = true;
}

static size_t sign(struct exchange *x, size_t room)
{
	size_t n = x->a.r.n;

	if (!x->tsig.key && !x->tsig.error)
		return n;
	if (tsig_sign(&x->tsig, (char *)x->a.r.p, &n, room, (uint64_t)clock_unix()) != OK)
		return x->a.r.n;
	return n;
}

static size_t ask_role(struct exchange *x, size_t (*fn)(const struct dns_request *, char *, size_t),
		       char *out, size_t room)
{
	struct dns_request request = exchange_request(x);
	size_t n = fn(&request, out, answer_room(x, room) - x->reserved);

	if (!n)
		count_dropped(DROPPED_ROLE);
	x->a.r.n = n;
	return n ? sign(x, room) : 0;
}

size_t exchange_finish(struct exchange *x, enum exchange_step step, char *out, size_t room)
{
	const struct dns_role *role = x->s->role;
	struct reply *r = &x->a.r;

	if (step == EXCHANGE_DROP)
		return 0;
	begin_reply(x, out, room);
	if (step == EXCHANGE_NOTIFY)
		return ask_role(x, role->notify, out, room);
	if (step == EXCHANGE_TRANSFER && role->ixfr && !x->tcp)
		return ask_role(x, role->ixfr, out, room);
	if (step == EXCHANGE_TRANSFER && x->tcp)
		x->rcode = DNS_REFUSED; /* the session found no function for it */
	else if (step == EXCHANGE_LOOKUP || step == EXCHANGE_TRANSFER)
		look_up(x);
	else if (step == EXCHANGE_CHAOS && !chaos_put(x, r))
		x->rcode = DNS_REFUSED;
	switch (limit(x)) {
	case RRL_DROP:
		count_dropped(DROPPED_RATE);
		return 0;
	case RRL_CUT:
		cut_all(x);
		break;
	case RRL_SEND:
		break;
	}
	end_reply(x);
	count_answer(x->tcp, x->rcode, r->cut);
	return sign(x, room);
}

size_t dns_answer(struct dns_server *s, unsigned loop, const struct net_addr *peer, bool tcp,
		  str message, char *out, size_t room)
{
	struct exchange *x = &s->x[loop];

	return exchange_finish(x, exchange_begin(x, peer, tcp, message), out, room);
}
