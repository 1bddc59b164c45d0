#include "sessions/imap/match.h"

#include "formats/imap/fold.h"
#include "formats/mime/header.h"
#include "formats/mime/text.h"
#include "run/clock.h"
#include "run/work.h"

/* ---- before the first mail ---- */

static err fold_text(struct imap *s, str *text)
{
	struct buf b;

	buf_init(&b, size_mul(text->n, 4) + 4);
	imap_fold(&b, *text);
	*text = arena_dup(&s->cmd, buf_str(&b));
	buf_free(&b);
	return text->p ? OK : fail(E_LIMIT, "Command too large");
}

static err saved_set(struct imap *s, struct imap_key *k)
{
	k->op = IMAP_K_UID;
	k->set = (struct imap_set){ .v = NEW_TRY(&s->cmd, struct imap_range, s->nsaved + 1) };
	if (!k->set.v)
		return fail(E_LIMIT, "Too many messages");
	for (size_t i = 0; i < s->nsaved; i++)
		k->set.v[k->set.n++] = (struct imap_range){ s->saved[i], s->saved[i] };
	return OK;
}

static err prepare_set(struct imap *s, struct imap_key *k)
{
	const struct folder_view *v = s->view;

	if (k->set.saved)
		return saved_set(s, k);
	if (k->op == IMAP_K_SET && imap_set_largest(&k->set) > v->n)
		return fail(E_SYNTAX, "No such message number");
	if (k->op == IMAP_K_SET)
		imap_set_resolve(&k->set, (uint32_t)v->n);
	else
		imap_set_resolve(&k->set, v->n ? v->mails[v->n - 1].uid : 0);
	return OK;
}

/* number becomes the keyword's bit, or -1. */
static void prepare_keyword(struct imap *s, struct imap_key *k)
{
	k->number = -1;
	for (size_t i = 0; i < s->view->nkeywords; i++)
		if (str_eqi(s->view->keywords[i], k->text))
			k->number = (int64_t)i;
}

err imap_match_prepare(struct imap *s, struct imap_key *k)
{
	for (struct imap_key *c = k->child; c; c = c->next)
		TRY(imap_match_prepare(s, c));
	switch (k->op) {
	case IMAP_K_SET:
	case IMAP_K_UID:
		return prepare_set(s, k);
	case IMAP_K_KEYWORD:
		prepare_keyword(s, k);
		return OK;
	case IMAP_K_HEADER:
	case IMAP_K_BODY:
	case IMAP_K_TEXT:
		return fold_text(s, &k->text);
	default:
		return OK;
	}
}

/* ---- one mail ---- */

enum tri { NO, YES, MAYBE };
struct subject {
	struct imap *s;
	size_t at;
	const struct mail *m; /* a copy: the view's may move while we wait */
	bool has_header, has_text;
	str header;
	struct buf text; /* body in UTF-8 without case */
	struct buf head; /* header likewise */
	bool has_day;
	int64_t day; /* of the Date field; INT64_MIN: none */
	int64_t now;
};

static enum tri tri_of(bool b)
{
	return b ? YES : NO;
}

static bool contains(str hay, str needle)
{
	return needle.n == 0 || str_search(hay, needle) < hay.n;
}

static int64_t day_of(int64_t seconds)
{
	return (seconds - (seconds < 0 ? 86399 : 0)) / 86400;
}

static bool has_id(const struct mail_id *id, char letter, str text)
{
	struct buf b;

	buf_init(&b, 64);
	buf_addc(&b, letter);
	mail_id_print(id, &b);
	bool same = str_eq(buf_str(&b), text);
	buf_free(&b);
	return same;
}

/* RFC 9051 6.4.4: as the sender wrote it, in the sender's zone. */
static void read_day(struct subject *j)
{
	struct mime_field f;
	int64_t seconds;
	int zone;

	j->has_day = true;
	j->day = INT64_MIN;
	if (mime_find(j->header, STR("Date"), &f) &&
	    mime_date_parse(f.value, &seconds, &zone) == OK)
		j->day = day_of(seconds + (int64_t)zone * 60);
}

static enum tri sent(struct subject *j, const struct imap_key *k)
{
	if (!j->has_header)
		return MAYBE;
	if (!j->has_day)
		read_day(j);
	if (j->day == INT64_MIN)
		return NO;
	if (k->op == IMAP_K_SENTBEFORE)
		return tri_of(j->day < k->number);
	if (k->op == IMAP_K_SENTON)
		return tri_of(j->day == k->number);
	return tri_of(j->day >= k->number);
}

static bool folded_has(str text, str needle)
{
	struct buf folded;

	buf_init(&folded, LIM_IMAP_SEARCH);
	imap_fold(&folded, text);
	bool yes = contains(buf_str(&folded), needle);
	buf_free(&folded);
	return yes;
}

static bool is_addresses(str field)
{
	static const str fields[] = { S("From"), S("To"),     S("Cc"),
				      S("Bcc"),	 S("Sender"), S("Reply-To") };

	for (size_t i = 0; i < COUNT(fields); i++)
		if (str_eqi(field, fields[i]))
			return true;
	return false;
}

/* "user(comment)@domain" is user@domain all the same. */
static bool addresses_have(str value, str needle)
{
	struct arena a;
	struct buf b;

	arena_init(&a, LIM_MIME_HEADER * 4);
	buf_init(&b, LIM_IMAP_SEARCH);
	for (const struct mime_address *m = mime_addresses(&a, value); m; m = m->next) {
		if (m->kind != MIME_MAILBOX)
			continue;
		mime_add_address(&b, m);
		buf_addc(&b, '\n');
	}
	bool yes = folded_has(buf_str(&b), needle);
	buf_free(&b);
	arena_free(&a);
	return yes;
}

static bool field_has(const struct imap_key *k, str value)
{
	struct buf plain;

	buf_init(&plain, LIM_IMAP_SEARCH);
	(void)mime_decode_words(&plain, value);
	bool yes = folded_has(buf_str(&plain), k->text);
	buf_free(&plain);
	return yes || (is_addresses(k->field) && addresses_have(value, k->text));
}

static enum tri header_key(struct subject *j, const struct imap_key *k)
{
	struct mime_field f;

	if (!j->has_header)
		return MAYBE;
	for (struct mime_fields it = mime_fields(j->header); mime_field(&it, &f);)
		if (str_eqi(f.name, k->field) && field_has(k, f.value))
			return YES;
	return NO;
}

static enum tri text_key(struct subject *j, const struct imap_key *k)
{
	if (k->text.n == 0)
		return YES;
	if (!j->has_text)
		return MAYBE;
	return tri_of(contains(buf_str(&j->text), k->text) ||
		      (k->op == IMAP_K_TEXT && contains(buf_str(&j->head), k->text)));
}

static enum tri leaf(struct subject *j, const struct imap_key *k)
{
	const struct mail *m = j->m;
	bool recent = m->uid >= j->s->view->first_recent_uid;

	switch (k->op) {
	case IMAP_K_FLAG:
		return tri_of(k->number == IMAP_RECENT ? recent
						       : (m->flags & (unsigned)k->number) != 0);
	case IMAP_K_NEW:
		return tri_of(recent && !(m->flags & FLAG_SEEN));
	case IMAP_K_KEYWORD:
		return tri_of(k->number >= 0 && (m->keywords >> k->number & 1));
	case IMAP_K_SET:
		return tri_of(imap_set_has(&k->set, (uint32_t)j->at + 1));
	case IMAP_K_UID:
		return tri_of(imap_set_has(&k->set, m->uid));
	case IMAP_K_LARGER:
		return tri_of(m->size > (uint64_t)k->number);
	case IMAP_K_SMALLER:
		return tri_of(m->size < (uint64_t)k->number);
	case IMAP_K_BEFORE:
		return tri_of(day_of(m->received) < k->number);
	case IMAP_K_ON:
		return tri_of(day_of(m->received) == k->number);
	case IMAP_K_SINCE:
		return tri_of(day_of(m->received) >= k->number);
	case IMAP_K_SAVEDBEFORE:
		return tri_of(day_of(m->saved) < k->number);
	case IMAP_K_SAVEDON:
		return tri_of(day_of(m->saved) == k->number);
	case IMAP_K_SAVEDSINCE:
		return tri_of(day_of(m->saved) >= k->number);
	case IMAP_K_OLDER:
		return tri_of(j->now - m->received >= k->number);
	case IMAP_K_YOUNGER:
		return tri_of(j->now - m->received <= k->number);
	case IMAP_K_MODSEQ:
		return tri_of(m->modseq >= (uint64_t)k->number);
	case IMAP_K_EMAILID:
		return tri_of(has_id(&m->email, 'M', k->text));
	case IMAP_K_THREADID:
		return tri_of(has_id(&m->thread, 'T', k->text));
	case IMAP_K_SENTBEFORE:
	case IMAP_K_SENTON:
	case IMAP_K_SENTSINCE:
		return sent(j, k);
	case IMAP_K_HEADER:
		return header_key(j, k);
	case IMAP_K_BODY:
	case IMAP_K_TEXT:
		return text_key(j, k);
	default:
		return YES;
	}
}

/* Depth: the parser's. */
static enum tri eval(struct subject *j, const struct imap_key *k)
{
	enum tri all = k->op == IMAP_K_OR ? NO : YES;

	if (k->op == IMAP_K_NOT) {
		enum tri t = eval(j, k->child);
		return t == MAYBE ? MAYBE : tri_of(t == NO);
	}
	if (k->op != IMAP_K_AND && k->op != IMAP_K_OR)
		return leaf(j, k);
	enum tri decides = k->op == IMAP_K_OR ? YES : NO;
	for (const struct imap_key *c = k->child; c; c = c->next) {
		enum tri t = eval(j, c);
		if (t == decides)
			return t;
		if (t == MAYBE)
			all = MAYBE;
	}
	return all;
}

/* ---- the body, on a helper thread ---- */

struct text_job {
	str message;
	struct buf *text, *head;
};

static void fold_headers(const struct mime_part *root, struct buf *out)
{
	struct mime_field f;
	struct buf plain;

	buf_init(&plain, LIM_IMAP_SEARCH);
	for (struct mime_fields it = mime_fields(root->header); mime_field(&it, &f);) {
		buf_reset(&plain);
		buf_add(&plain, f.name);
		buf_add(&plain, STR(": "));
		(void)mime_decode_words(&plain, f.value);
		buf_addc(&plain, '\n');
		imap_fold(out, buf_str(&plain));
	}
	buf_free(&plain);
}

static err read_text(void *arg)
{
	struct text_job *job = arg;
	struct arena a;
	struct buf plain;

	arena_init(&a, LIM_IMAP_SEARCH * 4);
	const struct mime_part *root = mime_parse(job->message, &a);
	buf_init(&plain, LIM_IMAP_SEARCH);
	err e = mime_all_text(root, &plain);
	imap_fold(job->text, buf_str(&plain));
	fold_headers(root, job->head);
	buf_free(&plain);
	arena_free(&a);
	/* What did not fit is not found; that is what the limit says. */
	return e == E_LIMIT ? OK : e;
}

WAITS static err load_text(struct subject *j)
{
	struct arena a;
	struct text_job job = { .text = &j->text, .head = &j->head };

	arena_init(&a, LIM_IMAP_SEARCH * 2);
	err e = mail_body(j->s->view, j->m->uid, 0, LIM_IMAP_SEARCH, &a, &job.message);
	if (!e)
		e = work(POOL_CPU, read_text, &job);
	arena_free(&a);
	j->has_text = e == OK;
	return e;
}

WAITS static err decide(struct subject *j, const struct imap_key *k, bool *yes)
{
	enum tri t = eval(j, k);

	if (t == MAYBE) {
		struct imap_mail m = { .s = j->s, .m = j->m };
		TRY(imap_load_header(&m, &j->header));
		j->has_header = true;
		t = eval(j, k);
	}
	if (t == MAYBE) {
		TRY(load_text(j));
		t = eval(j, k);
	}
	*yes = t == YES;
	return OK;
}

WAITS err imap_match_mail(struct imap *s, const struct imap_key *k, size_t at, bool *yes)
{
	const struct mail copy = s->view->mails[at];
	struct subject j = { .s = s, .at = at, .m = &copy, .now = clock_unix() };

	buf_init(&j.text, LIM_IMAP_SEARCH * 2);
	buf_init(&j.head, LIM_IMAP_SEARCH);
	struct arena_mark mark = arena_mark(&s->cmd);
	err e = decide(&j, k, yes);
	arena_release(&s->cmd, mark);
	buf_free(&j.text);
	buf_free(&j.head);
	if (e == E_NOTFOUND) {
		/* Expunged and reclaimed meanwhile: it has nothing that could match. */
		*yes = false;
		return OK;
	}
	return e;
}
