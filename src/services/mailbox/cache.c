/* What MIME says about a message: what IMAP asks for most is worked out once, when the mail comes.
 * The only file here that knows formats/mime. */
#include "services/mailbox/box.h"

#include <openssl/sha.h>

#include "formats/mime/header.h"
#include "formats/mime/imap.h"
#include "formats/mime/thread.h"

enum {
	PARSE_ARENA = 32 << 20, /* octets that taking one message apart may use */
	SUBJECT = 2000,		/* octets of a base subject that count */
};

/* ---- threads: a hash of each message id with the base subject, so that both must agree ---- */
static void add_ref(struct parsed *p, str id, str subject)
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	struct buf b;
	uint64_t hash = 0;

	if (!id.n || p->nrefs == LIM_THREAD_REFS)
		return;
	buf_init(&b, LIM_MIME_HEADER);
	buf_lstr(&b, id);
	for (size_t i = 0; i < subject.n; i++)
		buf_addc(&b, ch_lower(subject.p[i]));
	(void)SHA256((const unsigned char *)buf_str(&b).p, b.n, sum);
	buf_free(&b);
	for (size_t i = 0; i < 8; i++)
		hash = hash << 8 | sum[i];
	for (size_t i = 0; i < p->nrefs; i++) {
		if (p->refs[i] == hash)
			return;
	}
	p->refs[p->nrefs++] = hash;
}

static void add_refs(struct parsed *p, str header, str field, str subject, size_t most)
{
	struct mime_field f;
	str rest, id;

	if (!mime_find(header, field, &f))
		return;
	rest = f.value;
	while (most-- && mime_next_id(&p->a, &rest, &id))
		add_ref(p, id, subject);
}

static void find_refs(struct parsed *p, str header)
{
	struct buf subject;

	buf_init(&subject, SUBJECT);
	(void)mime_base_subject(&subject, mime_header_text(&p->a, header, STR("Subject")));
	add_refs(p, header, STR("Message-ID"), buf_str(&subject), 1);
	add_refs(p, header, STR("In-Reply-To"), buf_str(&subject), 4);
	add_refs(p, header, STR("References"), buf_str(&subject), LIM_THREAD_REFS);
	buf_free(&subject);
}

/* ---- what FETCH shows ---- */
static str kept(struct arena *a, struct buf *b)
{
	str s = buf_done(b) == OK ? arena_dup(a, buf_str(b)) : (str){ 0 };

	buf_free(b);
	return s;
}

void message_parse(str message, struct parsed *out)
{
	struct buf b;

	*out = (struct parsed){ 0 };
	arena_init(&out->a, PARSE_ARENA);
	const struct mime_part *root = mime_parse(message, &out->a);
	buf_init(&b, LIM_CACHE_TEXT);
	mime_add_envelope(root, &b);
	out->cache.envelope = kept(&out->a, &b);
	buf_init(&b, LIM_CACHE_TEXT);
	mime_add_bodystructure(root, &b, false);
	out->cache.body = kept(&out->a, &b);
	buf_init(&b, LIM_CACHE_TEXT);
	mime_add_bodystructure(root, &b, true);
	out->cache.bodystructure = kept(&out->a, &b);
	out->cache.header = str_take(str_take(message, root->body_at), LIM_CACHE_HEADER);
	out->cache.header_whole = out->cache.header.n == root->body_at;
	find_refs(out, str_take(message, root->body_at));
}

void parsed_free(struct parsed *p)
{
	arena_free(&p->a);
}
