/* Addresses that release a held mail: ana+release-TICKET@demo.test. Whoever has one may use it;
 * this store alone makes them and knows what they are worth, so that neither a sender's name nor
 * another role has to be trusted. What is sent there is thrown away. */
#include <openssl/rand.h>
#include <string.h>

#include "base/limits.h"
#include "roles/store/store.h"
#include "run/clock.h"
#include "run/file.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/digest/digest.h"
#include "services/trace/trace.h"

#define RELEASE(id, result)                                                                        \
	METRIC(id, "posta_store_releases_total", "result=\"" result "\"", METRIC_COUNTER,          \
	       "Mails to addresses that release a held mail.")
RELEASE(m_released, "released");
RELEASE(m_gone, "gone");
RELEASE(m_refused, "refused");

static uint8_t key[DIGEST_KEY];

/* ---- the key ---- */
static err make_key(const char *path)
{
	if (RAND_bytes(key, sizeof(key)) != 1)
		return fail(E_IO, "no randomness from libcrypto");
	return file_replace(path, str_of(key, sizeof(key)), 0600);
}

static err read_key(void *arg)
{
	const char *path = arg;
	struct buf b;

	buf_init(&b, sizeof(key));
	err e = file_read(path, &b);

	if (e == OK && b.n != sizeof(key))
		e = fail(E_CORRUPT, "%s is no key; without it a new one is made", path);
	if (e == OK)
		memcpy(key, b.p, sizeof(key));
	buf_wipe(&b);
	return e == E_NOTFOUND ? make_key(path) : e;
}

WAITS err store_release_open(const struct role_env *env)
{
	char path[512];
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, sizeof(path) - 1);
	buf_fmt(&b, "%s/release.key", env->data);
	TRY(buf_done(&b));
	TRY(str_to_z(buf_str(&b), path, sizeof(path)));
	return work(POOL_DISK, read_key, path);
}

/* ---- making ---- */
str store_release_address(struct arena *a, const struct dir_user *u, uint64_t folder, uint32_t uid,
			  bool quarantine, unsigned day)
{
	const struct digest_ticket t = { u->id, folder, uid, quarantine, day };
	CLEANUP(buf_free) struct buf b;
	size_t at = str_rfind(u->login, '@');

	buf_init(&b, LIM_SMTP_PATH);
	buf_fmt(&b, "%.*s+", STRF(str_take(u->login, at)));
	digest_add_detail(&b, key, &t);
	if (b.n > LIM_SMTP_LOCAL)
		return (str){ NULL, 0 };
	buf_add(&b, str_skip(u->login, at));
	return buf_done(&b) ? (str){ NULL, 0 } : arena_dup(a, buf_str(&b));
}

/* ---- using ---- */
static enum folder_use place_of(const struct digest_ticket *t)
{
	return t->quarantine ? USE_QUARANTINE : USE_JUNK;
}

/* Nothing is opened for who has no ticket. */
WAITS err store_release_check(const struct dir_user *u, struct box *b, str detail,
			      struct verdict *v)
{
	struct digest_ticket t = { .user = u->id };

	TRY(digest_read_detail(detail, &t));
	err e = place_id(b, place_of(&t), &t.folder);

	if (e == OK)
		e = digest_check(detail, key, &t);
	if (e == E_NOTFOUND || e == E_DENIED)
		verdict_set(v, "550 5.7.1 This address releases nothing");
	else if (e)
		return e;
	else if (t.day < (uint64_t)clock_unix() / DIGEST_DAY)
		verdict_set(v, "550 5.7.1 The time of this address is over");
	if (!verdict_ok(v))
		metric_add(&m_refused, 1);
	return OK;
}

WAITS static err move(struct box *b, const struct digest_ticket *t)
{
	CLEANUP(arena_free) struct arena a;
	struct folder_view *view;
	struct copied c = { 0 };

	arena_init(&a, KIB(64));
	TRY(place_open(b, place_of(t), &view));
	err e = folder_copy(view, &t->uid, 1, STR("INBOX"), true, &a, &c);

	folder_close(view);
	TRY(e);
	if (!c.n)
		return fail(E_NOTFOUND, "no mail %u there", t->uid);
	if (store_learns())
		store_lesson(b, STR("INBOX"), c.to, c.n, false);
	return OK;
}

WAITS err store_release(struct box *b, str login, str detail, struct verdict *v)
{
	struct digest_ticket t;

	TRY(digest_read_detail(detail, &t));
	err e = move(b, &t);

	if (e == OK)
		verdict_set(v, "250 2.1.5 Released into the Inbox");
	else if (e == E_NOTFOUND)
		verdict_set(v, "550 5.7.1 This mail is no longer held back: it was released or "
			       "moved, or its time was over");
	else if (e == E_FULL)
		verdict_set(v, "452 4.2.2 Mailbox is full");
	else
		return e;
	metric_add(e ? &m_gone : &m_released, 1);
	trace_event("store.release", login, "%s", v->text);
	LOG(LOG_INFO, "store.release", KS("user", login), KI("uid", t.uid), KI("ok", e == OK));
	return OK;
}
