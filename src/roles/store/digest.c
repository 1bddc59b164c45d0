/* Once a day each user who got something that was held back finds a mail in the Inbox that lists
 * it. The store writes it into the box itself, and so sends no mail. One fiber goes through the
 * users of this store, some hundred rows at a time and with a rest between; it remembers in a file
 * up to which moment all have been told, and each mail has a delivery id of its day: a walk that a
 * crash ended begins anew and nobody is told twice. */
#include "base/limits.h"
#include "formats/mime/header.h"
#include "roles/store/store.h"
#include "run/clock.h"
#include "run/file.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/digest/digest.h"

enum {
	REST = 100,    /* between two looks at HELD_LOOK users: of 500,000, four minutes of rest */
	AGAIN = 60000, /* after a walk that failed */
	GRACE = 3000,
	FIELD = 600,		      /* octets of a field that are looked at */
	ROWS = 10 * LIM_DIGEST_MAILS, /* some are of the Spam folder, some of mails that are gone */
};

#define DIGEST(id, result)                                                                         \
	METRIC(id, "posta_store_digests_total", "result=\"" result "\"", METRIC_COUNTER,           \
	       "Mails that list what was held back, by what came of them.")
DIGEST(m_sent, "sent");
DIGEST(m_full, "full");
DIGEST(m_failed, "failed");

static struct {
	char path[512];
	/* Milliseconds since 1970: what came before was told; a walk up to there is under way, 0
	 * for none. */
	int64_t done, until;
} state;

/* ---- up to when ---- */
static err save(void *arg)
{
	CLEANUP(buf_free) struct buf b;

	(void)arg;
	buf_init(&b, 64);
	buf_fmt(&b, "%lld %lld\n", (long long)state.done, (long long)state.until);
	TRY(buf_done(&b));
	return file_replace(state.path, buf_str(&b), 0600);
}

static bool read_state(str text)
{
	int64_t now = clock_unix_ms();
	str done, until;

	return str_cut(str_trim_ws(text), ' ', &done, &until) && str_i64(done, &state.done) == OK &&
	       str_i64(until, &state.until) == OK && state.done > 0 && state.done <= now &&
	       state.until >= 0 && state.until <= now;
}

static err load(void *arg)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 64);
	err e = file_read(state.path, &b);

	if (e == OK && read_state(buf_str(&b)))
		return OK;
	if (e != E_NOTFOUND)
		LOG(LOG_WARN, "store.digest", KS("unread", str_z(state.path)));
	state.done = clock_unix_ms(); /* what came before the first start is no news */
	state.until = 0;
	return save(arg);
}

WAITS err store_digest_open(const struct role_env *env)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, sizeof(state.path) - 1);
	buf_fmt(&b, "%s/digest.done", env->data);
	TRY(buf_done(&b));
	TRY(str_to_z(buf_str(&b), state.path, sizeof(state.path)));
	return work(POOL_DISK, load, NULL);
}

/* The last moment for such mails. What came just before it may not be committed yet. */
static int64_t last_due(void)
{
	const struct store_settings *set = store_settings();
	int64_t now = clock_unix_ms() - GRACE;

	return now - (now - set->digest_at) % set->digest_every;
}

/* ---- one user's ---- */
struct telling {
	const struct dir_user *u;
	int64_t since, until;
	struct arena *a;
	struct folder_view *quarantine, *spam; /* NULL: there is none, or it is not asked for */
	struct digest_mail *mails;
	size_t n;
	bool more;
};

static str short_text(struct arena *a, str header, str name)
{
	return arena_dup(a, str_take(mime_header_text(a, header, name), FIELD));
}

/* A virus is let out by nobody who only sees a subject. */
static bool is_harmful(str place)
{
	return str_search(place, STR("(virus)")) < place.n ||
	       str_search(place, STR("(dangerous)")) < place.n;
}

static void make_link(struct telling *t, const struct folder_view *v, uint32_t uid, int64_t at,
		      struct digest_mail *m)
{
	int64_t end = at + store_settings()->keep_quarantine / 1000;

	m->release = STR("");
	if (is_harmful(m->place)) {
		m->why = "by the administrator alone: something in it is dangerous";
		return;
	}
	m->why = "by the administrator: your address is too long for a link";
	m->release = store_release_address(t->a, t->u, v->folder, uid, m->quarantine,
					   (unsigned)(end / DIGEST_DAY));
}

WAITS static err add_mail(struct telling *t, const struct held *h)
{
	struct folder_view *v = t->quarantine && t->quarantine->folder == h->folder ? t->quarantine
				: t->spam && t->spam->folder == h->folder	    ? t->spam
										    : NULL;
	CLEANUP(arena_free) struct arena scratch;
	struct digest_mail *m = &t->mails[t->n];
	struct mail_cache c;

	size_t at = v ? folder_at_uid(v, h->uid) : 0;

	arena_init(&scratch, MIB(1));
	if (!v || at == v->n || v->mails[at].uid != h->uid)
		return OK; /* moved, or expunged */
	err e = mail_cached(v, h->uid, &scratch, &c);

	if (e == E_NOTFOUND)
		return OK;
	TRY(e);
	*m = (struct digest_mail){ .from = short_text(t->a, c.header, STR("From")),
				   .subject = short_text(t->a, c.header, STR("Subject")),
				   .score = short_text(t->a, c.header, STR("X-Spam-Score")),
				   .place = short_text(t->a, c.header, STR("X-Spam-Place")),
				   .at = h->at / 1000,
				   .quarantine = v == t->quarantine };
	make_link(t, v, h->uid, m->at, m);
	t->n++;
	return OK;
}

WAITS static err gather(struct telling *t, struct box *b)
{
	struct held *rows;
	size_t i;

	TRY(box_held(b, t->since, t->until, ROWS, t->a, &rows, &i, &t->more));
	t->mails =
		arena_get(t->a, sizeof(*t->mails) * LIM_DIGEST_MAILS, _Alignof(struct digest_mail));
	for (; i > 0 && t->n < LIM_DIGEST_MAILS; i--)
		TRY(add_mail(t, &rows[i - 1]));
	t->more = t->more || i > 0;
	return OK;
}

WAITS static err open_folders(struct telling *t, struct box *b, bool all)
{
	err e = place_open(b, USE_QUARANTINE, &t->quarantine);

	if (e == OK || e == E_NOTFOUND)
		e = all ? place_open(b, USE_JUNK, &t->spam) : OK;
	return e == E_NOTFOUND ? OK : e;
}

WAITS static err put(const struct telling *t, struct box *b)
{
	const struct digest d = {
		.login = t->u->login,
		.hostname = store_settings()->hostname,
		.now = clock_unix(),
		.keep = store_settings()->keep_quarantine / 1000,
		.mails = t->mails,
		.n = t->n,
		.more = t->more,
		.id = arena_fmt(t->a, "digest.%lld.%llu", (long long)t->until,
				(unsigned long long)t->u->id),
	};
	CLEANUP(buf_free) struct buf text;
	struct spool *s = spool_new(store_settings()->lmtp.spool_dir, LIM_DIGEST);
	struct appended out;

	buf_init(&text, LIM_DIGEST);
	digest_print(&d, &text);
	err e = buf_done(&text);

	if (e == OK)
		e = spool_add(s, buf_str(&text));
	if (e == OK)
		e = box_append(b, s, &(struct append){ .delivery = d.id }, &out);
	spool_drop(s);
	if (e == OK && !out.duplicate) {
		metric_add(&m_sent, 1);
		LOG(LOG_INFO, "store.digest", KS("user", t->u->login), KI("mails", t->n));
	}
	return e;
}

WAITS static err tell_box(struct telling *t, struct box *b, bool all)
{
	err e = open_folders(t, b, all);

	if (e == OK)
		e = gather(t, b);
	if (e == OK && t->n)
		e = put(t, b);
	folder_close(t->quarantine);
	folder_close(t->spam);
	return e;
}

WAITS static err tell(uint64_t user, int64_t since, int64_t until)
{
	CLEANUP(arena_free) struct arena a;
	struct dir_user u;
	struct box *b;

	arena_init(&a, MIB(2));
	/* Gone, or living elsewhere now: nothing to tell. */
	if (dirtable_user(store_here()->table, user, &a, &u) != OK || (u.flags & USER_DISABLED))
		return OK;
	enum dir_digest wanted = u.digest ? u.digest : store_settings()->digest;

	if (wanted == DIGEST_OFF)
		return OK;
	err e = store_open_box(&u, &b);

	if (e)
		return e == E_CANCELED ? e : OK;
	struct telling t = { .u = &u, .since = since, .until = until, .a = &a };

	e = tell_box(&t, b, wanted == DIGEST_ALL);
	box_drop(b);
	if (e && e != E_CANCELED) {
		metric_add(e == E_FULL ? &m_full : &m_failed, 1);
		LOG(LOG_WARN, "store.digest", KS("user", u.login), KE(e));
	}
	return e == E_CANCELED ? e : OK;
}

/* ---- all users ---- */
WAITS static err tell_all(int64_t since, int64_t until)
{
	uint64_t users[HELD_LOOK], after = 0;
	bool end = false;
	size_t n;

	if (!dirtable_complete(store_here()->table))
		return fail(E_AGAIN, "the directory is not at hand");
	while (!end) {
		TRY(mailstore_held(store_here()->mail, since, until, &after, users, &n, &end));
		for (size_t i = 0; i < n; i++)
			TRY(tell(users[i], since, until));
		TRY(fiber_sleep(clock_in(REST)));
	}
	return OK;
}

/* A walk that was begun is ended before another one: its mails have its moment for a name. */
WAITS static err walk(int64_t due)
{
	if (!state.until) {
		state.until = due;
		TRY(work(POOL_DISK, save, NULL));
	}
	TRY(tell_all(state.done, state.until));
	state.done = state.until;
	state.until = 0;
	return work(POOL_DISK, save, NULL);
}

WAITS err store_digest_fiber(void *arg)
{
	(void)arg;
	for (;;) {
		int64_t due = last_due();

		TRY(fiber_sleep(clock_in(1000)));
		if (due <= state.done && !state.until)
			continue;
		err e = walk(due);

		if (e == E_CANCELED)
			return e;
		if (e) {
			LOG(LOG_WARN, "store.digest", KE(e));
			TRY(fiber_sleep(clock_in(AGAIN)));
		}
	}
}
