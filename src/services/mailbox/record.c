#include "services/mailbox/record.h"

#include <stdio.h>
#include <string.h>

#include "base/enc.h"

enum { VERSION = 1 };

str part_name(uint64_t user, char out[PART_NAME])
{
	int n = snprintf(out, PART_NAME, "u/%016llx", (unsigned long long)user);

	return str_of(out, (size_t)n);
}

err part_user(str name, uint64_t *user)
{
	struct buf b;

	buf_init(&b, 8);
	err e = str_starts(name, STR("u/")) && name.n == 18 ? dec_hex(&b, str_skip(name, 2))
							    : E_SYNTAX;
	struct cur c = { .rest = buf_str(&b) };
	*user = e == OK ? cur_u64(&c) : 0;
	buf_free(&b);
	return e;
}

int64_t body_made(const struct body_id *id)
{
	int64_t ms = 0;

	for (size_t i = 0; i < 6; i++)
		ms = ms << 8 | id->b[i];
	return ms;
}

/* ---- keys ---- */
static void key_add(struct key *k, uint64_t v, unsigned octets)
{
	while (octets--)
		k->b[k->n++] = (char)(v >> (8 * octets) & 0xff);
}

static void key_bytes(struct key *k, str s)
{
	s = str_take(s, sizeof(k->b) - k->n);
	if (s.n)
		memcpy(k->b + k->n, s.p, s.n);
	k->n += s.n;
}

struct key key_plain(char what)
{
	struct key k;

	k.b[0] = what;
	k.n = 1;
	return k;
}

struct key key_num(char what, uint64_t n)
{
	struct key k = key_plain(what);

	key_add(&k, n, 8);
	return k;
}

struct key key_num2(char what, uint64_t n, uint32_t uid)
{
	struct key k = key_num(what, n);

	key_add(&k, uid, 4);
	return k;
}

struct key key_num3(char what, uint64_t when, uint64_t folder, uint32_t uid)
{
	struct key k = key_num(what, when);

	key_add(&k, folder, 8);
	key_add(&k, uid, 4);
	return k;
}

struct key key_text(char what, str text)
{
	struct key k = key_plain(what);

	key_bytes(&k, text);
	return k;
}

struct key key_num_text(char what, uint64_t n, str text)
{
	struct key k = key_num(what, n);

	key_bytes(&k, text);
	return k;
}

str sub_key(struct arena *a, str name)
{
	return arena_fmt(a, "%c%.*s", KEY_SUB, STRF(name));
}

/* ---- rows ---- */
static err row_end(const struct cur *c, unsigned version, const char *what)
{
	if (c->e != OK || c->rest.n || version != VERSION)
		return fail(E_CORRUPT, "a row of a %s cannot be read", what);
	return OK;
}

void box_rec_add(struct buf *out, const struct box_rec *r)
{
	buf_u8(out, VERSION);
	buf_varint(out, r->modseq);
	buf_varint(out, r->next_folder);
	buf_varint(out, r->uidvalidity);
	buf_varint(out, r->quota);
	buf_varint(out, r->used);
	buf_varint(out, r->mails);
	buf_varint(out, r->deliveries);
}

err box_rec_read(str row, struct box_rec *r)
{
	struct cur c = { .rest = row };
	unsigned version = cur_u8(&c);

	r->modseq = cur_varint(&c);
	r->next_folder = cur_varint(&c);
	r->uidvalidity = (uint32_t)cur_varint(&c);
	r->quota = cur_varint(&c);
	r->used = cur_varint(&c);
	r->mails = cur_varint(&c);
	r->deliveries = cur_varint(&c);
	return row_end(&c, version, "box");
}

void folder_rec_add(struct buf *out, const struct folder_rec *r)
{
	buf_u8(out, VERSION);
	buf_lstr(out, r->name);
	buf_u8(out, r->use);
	buf_u8(out, (r->subscribed ? 1u : 0u) | (r->noselect ? 2u : 0u));
	buf_varint(out, r->uidvalidity);
	buf_varint(out, r->uidnext);
	buf_varint(out, r->recent);
	buf_varint(out, r->mails);
	buf_varint(out, r->unseen);
	buf_varint(out, r->deleted);
	buf_varint(out, r->octets);
	buf_varint(out, r->modseq);
	buf_varint(out, r->nkeywords);
	for (size_t i = 0; i < r->nkeywords; i++)
		buf_lstr(out, r->keywords[i]);
}

err folder_rec_read(uint64_t id, str row, struct arena *a, struct folder_rec *r)
{
	struct cur c = { .rest = row };
	unsigned version = cur_u8(&c);

	*r = (struct folder_rec){ .id = id, .name = cur_lstr(&c) };
	r->use = (enum folder_use)cur_u8(&c);
	unsigned bits = cur_u8(&c);
	r->subscribed = bits & 1;
	r->noselect = bits & 2;
	r->uidvalidity = (uint32_t)cur_varint(&c);
	r->uidnext = (uint32_t)cur_varint(&c);
	r->recent = (uint32_t)cur_varint(&c);
	r->mails = (uint32_t)cur_varint(&c);
	r->unseen = (uint32_t)cur_varint(&c);
	r->deleted = (uint32_t)cur_varint(&c);
	r->octets = cur_varint(&c);
	r->modseq = cur_varint(&c);
	uint64_t n = cur_varint(&c);
	if (n > LIM_KEYWORDS)
		return fail(E_CORRUPT, "a folder with %llu keywords", (unsigned long long)n);
	r->keywords = NEW_TRY(a, str, LIM_KEYWORDS);
	if (!r->keywords)
		return fail(E_LIMIT, "keywords do not fit");
	for (; r->nkeywords < n; r->nkeywords++)
		r->keywords[r->nkeywords] = cur_lstr(&c);
	return row_end(&c, version, "folder");
}

void mail_rec_add(struct buf *out, const struct mail *m)
{
	buf_u8(out, VERSION);
	buf_varint(out, m->flags);
	buf_varint(out, m->keywords);
	buf_varint(out, m->modseq);
	buf_varint(out, m->size);
	buf_u64(out, (uint64_t)m->received);
	buf_u64(out, (uint64_t)m->saved);
	buf_add(out, str_of(m->email.b, sizeof(m->email.b)));
	buf_add(out, str_of(m->thread.b, sizeof(m->thread.b)));
}

err mail_rec_read(uint32_t uid, str row, struct mail *m)
{
	struct cur c = { .rest = row };
	unsigned version = cur_u8(&c);

	*m = (struct mail){ .uid = uid, .flags = (unsigned)cur_varint(&c) };
	m->keywords = cur_varint(&c);
	m->modseq = cur_varint(&c);
	m->size = cur_varint(&c);
	m->received = (int64_t)cur_u64(&c);
	m->saved = (int64_t)cur_u64(&c);
	str email = cur_bytes(&c, sizeof(m->email.b)), thread = cur_bytes(&c, sizeof(m->thread.b));
	TRY(row_end(&c, version, "mail"));
	memcpy(m->email.b, email.p, email.n);
	memcpy(m->thread.b, thread.p, thread.n);
	return OK;
}

/* What MIME could not be asked about, or was too long to keep, has p NULL. */
static void add_maybe(struct buf *out, str s)
{
	buf_u8(out, s.p ? 1 : 0);
	buf_lstr(out, s);
}

static str read_maybe(struct cur *c)
{
	unsigned there = cur_u8(c);
	str s = cur_lstr(c);

	return there ? s : (str){ 0 };
}

void cache_rec_add(struct buf *out, const struct cache_rec *r)
{
	buf_u8(out, VERSION);
	buf_add(out, body_str(&r->body));
	buf_lstr(out, r->prefix);
	add_maybe(out, r->mime.envelope);
	add_maybe(out, r->mime.body);
	add_maybe(out, r->mime.bodystructure);
	buf_u8(out, r->mime.header_whole);
	buf_lstr(out, r->mime.header);
}

err cache_rec_read(str row, struct cache_rec *r)
{
	struct cur c = { .rest = row };
	unsigned version = cur_u8(&c);
	str id = cur_bytes(&c, sizeof(r->body.b));

	r->prefix = cur_lstr(&c);
	r->mime.envelope = read_maybe(&c);
	r->mime.body = read_maybe(&c);
	r->mime.bodystructure = read_maybe(&c);
	r->mime.header_whole = cur_u8(&c) & 1;
	r->mime.header = cur_lstr(&c);
	TRY(row_end(&c, version, "mail's cache"));
	memcpy(r->body.b, id.p, id.n);
	return OK;
}

/* ---- names ---- */
static err level_check(str level)
{
	if (!level.n)
		return fail(E_SYNTAX, "a folder's name has an empty level");
	for (size_t i = 0; i < level.n; i++) {
		unsigned char c = (unsigned char)level.p[i];

		if (c < 32 || c == 127 || c == '*' || c == '%')
			return fail(E_SYNTAX,
				    "a folder's name has a control character or a wildcard");
	}
	return OK;
}

err folder_name(str name, struct arena *a, str *out)
{
	str rest = name, level;

	if (name.n > LIM_FOLDER_NAME)
		return fail(E_LIMIT, "a folder's name of %zu octets", name.n);
	if (!name.n || !utf8_valid(name))
		return fail(E_SYNTAX, "a folder's name is empty or not UTF-8");
	while (str_next(&rest, '/', &level))
		TRY(level_check(level));
	if (name.p[name.n - 1] == '/')
		return fail(E_SYNTAX, "a folder's name ends with /");
	*out = arena_dup(a, name);
	if (!out->p)
		return fail(E_LIMIT, "a folder's name does not fit");
	str first = str_take(*out, str_find(*out, '/'));
	if (str_eqi(first, STR("INBOX")))
		memcpy((char *)(uintptr_t)out->p, "INBOX", 5);
	return OK;
}

void mail_id_print(const struct mail_id *id, struct buf *out)
{
	enc_hex(out, str_of(id->b, sizeof(id->b)));
}
