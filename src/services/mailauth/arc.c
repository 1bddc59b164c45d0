#include "services/mailauth/arc.h"

#include <openssl/err.h>
#include <string.h>

#include "base/limits.h"
#include "run/work.h"
#include "services/mailauth/dkim_part.h"

/* One set (RFC 8617 4.2). */
struct set {
	const struct canon_field *results, *message, *seal;
	struct dkim_signature m, s; /* m: of the newest set alone */
	struct dkim_question *q;    /* of the seal; several seals may share one */
};
struct chain {
	struct canon_message m;
	struct set *v; /* v[0] is i=1 */
	unsigned n;
	struct dkim_question *questions; /* the last one is the message signature's */
	size_t nquestions;
	struct dkim_question *message_key;
	struct arena *a;
};

enum { NFIELDS = 3 };
static const str names[NFIELDS] = { S("ARC-Authentication-Results"), S("ARC-Message-Signature"),
				    S("ARC-Seal") };

static int kind_of(str name)
{
	for (int i = 0; i < NFIELDS; i++)
		if (str_eqi(name, names[i]))
			return i;
	return -1;
}

/* ---- 5.2 step 1 to 3: which sets there are ---- */
static err put_field(struct chain *c, const struct canon_field *f, int kind)
{
	unsigned i = dkim_instance(canon_value(f));

	if (!i)
		return fail(E_SYNTAX, "%.*s without an instance from 1 to %d", STRF(names[kind]),
			    LIM_ARC_INSTANCES);
	struct set *s = &c->v[i - 1];
	const struct canon_field **at = kind == 0   ? &s->results
					: kind == 1 ? &s->message
						    : &s->seal;

	if (*at)
		return fail(E_SYNTAX, "%.*s with i=%u twice", STRF(names[kind]), i);
	*at = f;
	c->n = i > c->n ? i : c->n;
	return OK;
}

static err find_sets(struct chain *c, bool *any)
{
	for (size_t k = 0; k < c->m.n; k++) {
		int kind = kind_of(c->m.fields[k].name);

		if (kind < 0)
			continue;
		*any = true;
		TRY(put_field(c, &c->m.fields[k], kind));
	}
	for (unsigned i = 0; i < c->n; i++)
		if (!c->v[i].results || !c->v[i].message || !c->v[i].seal)
			return fail(E_SYNTAX, "the set i=%u is not whole", i + 1);
	return OK;
}

static err parse_seal(struct chain *c, unsigned i)
{
	struct set *s = &c->v[i];
	const char *want = i ? "pass" : "none";

	TRY(dkim_parse(canon_value(s->seal), DKIM_ARC_SEAL, c->a, &s->s));
	if (str_eqi(s->s.chain, STR("fail")))
		return fail(E_DENIED, "the seal i=%u says that the chain had failed", i + 1);
	if (!str_eqi(s->s.chain, str_z(want)))
		return fail(E_SYNTAX, "cv= of the seal i=%u is not %s", i + 1, want);
	return OK;
}

static struct dkim_question *question(struct chain *c, const struct dkim_signature *s)
{
	for (size_t i = 0; i < c->nquestions; i++) {
		struct dkim_question *q = &c->questions[i];

		if (str_eqi(q->domain, s->domain) && str_eqi(q->selector, s->selector))
			return q;
	}
	struct dkim_question *q = &c->questions[c->nquestions++];

	q->domain = s->domain;
	q->selector = s->selector;
	return q;
}

static err parse_sets(struct chain *c)
{
	struct set *newest = &c->v[c->n - 1];

	for (unsigned i = 0; i < c->n; i++) {
		TRY(parse_seal(c, i));
		c->v[i].q = question(c, &c->v[i].s);
	}
	TRY(dkim_parse(canon_value(newest->message), DKIM_ARC_MESSAGE, c->a, &newest->m));
	c->message_key = question(c, &newest->m);
	return OK;
}

/* ---- steps 4 to 6, on a helper thread ---- */
static err judge_message_in(struct chain *c, bool relaxed_header, bool relaxed_body)
{
	struct set *s = &c->v[c->n - 1];
	struct dkim_body body = { .relaxed = relaxed_body,
				  .limited = s->m.limited,
				  .length = s->m.length };
	struct dkim_body *one = &body;
	struct canon_field own = { s->message->name, dkim_without_b(s->message, &s->m, c->a) };
	unsigned char hash[DKIM_HASH];
	unsigned bits;
	bool good;

	if (!own.raw.p)
		return fail(E_LIMIT, "memory for a field");
	TRY(dkim_hash_bodies(c->m.body, &one, 1));
	if (body.missing || memcmp(body.hash, s->m.bh.p, DKIM_HASH) != 0)
		return fail(E_DENIED, "the body was changed behind the last seal");
	TRY(dkim_hash_header(&c->m, relaxed_header, s->m.names, &own, c->a, hash));
	TRY(dkim_check(&c->message_key->key, s->m.algorithm, hash, s->m.b, &good, &bits));
	return good ? OK : fail(E_DENIED, "the header was changed behind the last seal");
}

/* Without c= the RFC means simple/simple, and those who write ARC relaxed/relaxed. */
static err judge_message(struct chain *c)
{
	const struct dkim_signature *m = &c->v[c->n - 1].m;

	if (!m->canon_given && judge_message_in(c, true, true) == OK)
		return OK;
	return judge_message_in(c, m->relaxed_header, m->relaxed_body);
}

/* 5.1.1: a seal signs all sets up to its own, in the order results, message signature, seal; its
 * own field comes last, emptied. Each hash goes on where the one before stopped. */
static err judge_seal(struct chain *c, unsigned i, EVP_MD_CTX *sets, EVP_MD_CTX *md)
{
	struct set *s = &c->v[i];
	const struct canon_sink sink = { dkim_sink, sets };
	const struct canon_field own = { s->seal->name, dkim_without_b(s->seal, &s->s, c->a) };
	unsigned char hash[DKIM_HASH];
	unsigned bits;
	bool good;

	if (!own.raw.p)
		return fail(E_LIMIT, "memory for a field");
	canon_field(s->results, true, false, sink);
	canon_field(s->message, true, false, sink);
	if (EVP_MD_CTX_copy_ex(md, sets) != 1)
		return fail(E_IO, "libcrypto does not hash");
	canon_field(&own, true, true, (struct canon_sink){ dkim_sink, md });
	canon_field(s->seal, true, false, sink);
	if (EVP_DigestFinal_ex(md, hash, NULL) != 1)
		return fail(E_IO, "libcrypto does not hash");
	TRY(dkim_check(&s->q->key, s->s.algorithm, hash, s->s.b, &good, &bits));
	return good ? OK : fail(E_DENIED, "the seal i=%u does not fit", i + 1);
}

static err judge_seals(struct chain *c)
{
	EVP_MD_CTX *sets = EVP_MD_CTX_new(), *md = EVP_MD_CTX_new();
	err e = OK;

	if (!sets || !md || EVP_DigestInit_ex(sets, EVP_sha256(), NULL) != 1)
		e = fail(E_IO, "libcrypto does not hash");
	for (unsigned i = 0; e == OK && i < c->n; i++)
		e = judge_seal(c, i, sets, md);
	EVP_MD_CTX_free(sets);
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return e;
}

static err judge(void *arg)
{
	struct chain *c = arg;

	TRY(judge_message(c));
	return judge_seals(c);
}

WAITS static err verify(struct chain *c, const struct mailauth_dns *dns, int64_t now, msec deadline)
{
	struct dkim_question *v[LIM_ARC_INSTANCES + 1];
	const struct dkim_signature *m = &c->v[c->n - 1].m;

	TRY(parse_sets(c));
	if (m->expires >= 0 && m->expires < now)
		return fail(E_DENIED, "the message signature has expired");
	for (size_t i = 0; i < c->nquestions; i++)
		v[i] = &c->questions[i];
	TRY(dkim_ask_keys(dns, v, c->nquestions, deadline, c->a));
	for (size_t i = 0; i < c->nquestions; i++)
		if (v[i]->result != AUTH_PASS)
			return fail(E_DENIED, "key %.*s of %.*s: %.*s", STRF(v[i]->selector),
				    STRF(v[i]->domain), STRF(v[i]->why));
	return work(POOL_CPU, judge, c);
}

WAITS static err find_and_verify(struct chain *c, const struct mailauth_dns *dns, str message,
				 int64_t now, msec deadline, bool *any)
{
	TRY(canon_split(message, c->a, &c->m));
	TRY(find_sets(c, any));
	return *any ? verify(c, dns, now, deadline) : OK;
}

/* RFC 8617 5.1.2. */
static bool has_ended(struct chain *c)
{
	struct dkim_signature s;
	const struct canon_field *seal = c->n ? c->v[c->n - 1].seal : NULL;

	return seal && dkim_parse(canon_value(seal), DKIM_ARC_SEAL, c->a, &s) == OK &&
	       str_eqi(s.chain, STR("fail"));
}

WAITS err arc_verify(const struct mailauth_dns *dns, str message, int64_t now, msec deadline,
		     struct arena *a, struct arc_chain *out)
{
	/* One of our own: a helper thread uses it while other fibers use a. */
	CLEANUP(arena_free) struct arena own = { 0 };
	struct chain c = { .a = &own };
	bool any = false;

	*out = (struct arc_chain){ .sealer = STR(""), .why = STR("") };
	arena_init(&own, LIM_DKIM_ARENA);
	c.v = arena_get(&own, sizeof(struct set) * LIM_ARC_INSTANCES, 16);
	c.questions = arena_get(&own, sizeof(struct dkim_question) * (LIM_ARC_INSTANCES + 1), 16);
	err e = find_and_verify(&c, dns, message, now, deadline, &any);

	if (e == E_CANCELED)
		return e;
	if (!any)
		return OK;
	out->result = e == OK ? AUTH_PASS : AUTH_FAIL;
	out->why = e == OK ? STR("") : dkim_why(a);
	out->instances = c.n;
	out->ended = e != OK && has_ended(&c);
	str sealer = c.n && c.v[c.n - 1].s.domain.p ? c.v[c.n - 1].s.domain : STR("");

	out->sealer = arena_dup(a, sealer);
	if (!out->sealer.p)
		out->sealer = STR("");
	return OK;
}
