/* What `posta filter quarantine` asks:
 *   GET    /quarantine?user=LOGIN        the mails of one user
 *   GET    /quarantine?after=NUMBER      those of the next user who has some
 *   GET    /quarantine/LOGIN/UID         one, its header and the beginning of its text
 *   POST   /quarantine/LOGIN/UID/release to the Inbox; the filter learns that it is no spam
 *   DELETE /quarantine/LOGIN/UID
 */
#include "base/date.h"
#include "base/enc.h"
#include "base/limits.h"
#include "formats/filter/answer.h"
#include "formats/mime/header.h"
#include "roles/store/store.h"
#include "run/log.h"

enum {
	SHOWN = 65536,
	FIELD = 300,
	NEXT = 50, /* users looked at for the next one who has something */
};

struct request {
	str user, uid, action; /* "" = not given */
	uint64_t after;
};

/* ---- the request ---- */
static err decoded(str raw, struct arena *a, str *out)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_HTTP_HEAD);
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] != '%') {
			buf_addc(&b, raw.p[i]);
			continue;
		}
		if (raw.n - i < 3 || dec_hex(&b, str_of(raw.p + i + 1, 2)) != OK)
			return fail(E_SYNTAX, "a %% that is no octet");
		i += 2;
	}
	*out = arena_dup(a, buf_str(&b));
	return out->p || !b.n ? OK : fail(E_LIMIT, "the request is too long");
}

static err parse(str target, struct arena *a, struct request *r)
{
	str path = target, query = STR(""), pair, name, value;

	*r = (struct request){ STR(""), STR(""), STR(""), 0 };
	(void)str_cut(target, '?', &path, &query);
	if (!str_starts(path, STR("/quarantine")))
		return E_NOTFOUND;
	path = str_skip(path, 11);
	if (path.n && path.p[0] != '/')
		return E_NOTFOUND;
	path = str_skip(path, 1);
	(void)(str_next(&path, '/', &r->user) && str_next(&path, '/', &r->uid) &&
	       str_next(&path, '/', &r->action));
	TRY(decoded(r->user, a, &r->user));
	while (str_next(&query, '&', &pair)) {
		if (!str_cut(pair, '=', &name, &value))
			continue;
		if (str_eq(name, STR("user")))
			TRY(decoded(value, a, &r->user));
		else if (str_eq(name, STR("after")))
			TRY(str_u64(value, INT64_MAX, &r->after));
	}
	return OK;
}

/* ---- a mail ---- */
static void add_field(struct buf *json, struct arena *a, str header, const char *field,
		      const char *member)
{
	str text = mime_header_text(a, header, str_z(field));

	buf_fmt(json, ",\"%s\":", member);
	filter_json_string(json, str_take(text, FIELD));
}

static void add_time(struct buf *json, const char *member, int64_t at)
{
	buf_fmt(json, ",\"%s\":\"", member);
	date_add_iso(json, at);
	buf_addc(json, '"');
}

WAITS static err add_mail(struct folder_view *v, const struct mail *m, str user, struct arena *a,
			  struct buf *json)
{
	struct mail_cache c;
	err e = mail_cached(v, m->uid, a, &c);

	if (e == E_NOTFOUND)
		return OK;
	TRY(e);
	buf_add(json, json->n && json->p[json->n - 1] == '}' ? STR(",") : STR(""));
	buf_add(json, STR("{\"user\":"));
	filter_json_string(json, user);
	buf_fmt(json, ",\"uid\":%u,\"size\":%llu", m->uid, (unsigned long long)m->size);
	add_time(json, "arrived", m->saved);
	add_time(json, "until", m->saved + store_settings()->keep_quarantine / 1000);
	add_field(json, a, c.header, "From", "from");
	add_field(json, a, c.header, "Subject", "subject");
	add_field(json, a, c.header, "X-Spam-Score", "score");
	add_field(json, a, c.header, "X-Spam-Place", "place");
	buf_addc(json, '}');
	return buf_done(json);
}

/* OK with *v NULL when nothing was ever quarantined. */
WAITS static err open_user(const struct dir_user *u, struct box **box, struct folder_view **v)
{
	*v = NULL;
	TRY(store_open_box(u, box));
	err e = quarantine_open(*box, v);

	if (e && e != E_NOTFOUND)
		box_drop(*box);
	return e == E_NOTFOUND ? OK : e;
}

WAITS static err list_user(const struct dir_user *u, struct buf *json)
{
	CLEANUP(arena_free) struct arena a;
	struct folder_view *v;
	struct box *box;
	err e;

	arena_init(&a, MIB(1));
	TRY(open_user(u, &box, &v));
	size_t from = v && v->n > LIM_QUARANTINE_LIST ? v->n - LIM_QUARANTINE_LIST : 0;

	e = OK;
	for (size_t i = from; v && i < v->n && !e; i++) {
		arena_reset(&a);
		e = add_mail(v, &v->mails[i], u->login, &a, json);
	}
	folder_close(v);
	box_drop(box);
	return e;
}

/* The next user with something in quarantine; "after" is where to go on, missing at the end. */
WAITS static err list_next(uint64_t after, struct arena *a, struct buf *json)
{
	uint64_t users[NEXT];
	size_t n, i = 0, empty;

	TRY(mailstore_quarantined(store_here()->mail, after, users, NEXT, &n));
	buf_add(json, STR("{\"mails\":["));
	empty = json->n;
	while (i < n && json->n == empty) {
		struct dir_user u;
		err e = dirtable_user(store_here()->table, users[i++], a, &u);

		/* A user who is gone, or lives elsewhere now, has nothing to show. */
		if (e == OK && list_user(&u, json) == E_CANCELED)
			return E_CANCELED;
	}
	buf_add(json, STR("]"));
	if (n)
		buf_fmt(json, ",\"after\":%llu", (unsigned long long)users[i - 1]);
	buf_addc(json, '}');
	return buf_done(json);
}

WAITS static err list(const struct request *r, struct arena *a, struct buf *json)
{
	struct dir_user u;

	if (!r->user.n)
		return list_next(r->after, a, json);
	TRY(dirtable_login(store_here()->table, r->user, STR(""), a, &u));
	buf_add(json, STR("{\"mails\":["));
	TRY(list_user(&u, json));
	buf_add(json, STR("]}"));
	return buf_done(json);
}

/* ---- one mail ---- */
WAITS static err show(struct folder_view *v, const struct mail *m, struct arena *a,
		      struct buf *json)
{
	str text;

	TRY(mail_body(v, m->uid, 0, SHOWN, a, &text));
	buf_fmt(json, "{\"uid\":%u,\"size\":%llu,\"text\":", m->uid, (unsigned long long)m->size);
	filter_json_string(json, text);
	buf_addc(json, '}');
	return buf_done(json);
}

WAITS static err release(struct box *box, struct folder_view *v, uint32_t uid, struct arena *a,
			 struct buf *json)
{
	struct copied c;

	TRY(folder_copy(v, &uid, 1, STR("INBOX"), true, a, &c));
	if (!c.n)
		return fail(E_NOTFOUND, "no mail %u in quarantine", uid);
	if (store_learns())
		store_lesson(box, STR("INBOX"), c.to, c.n, false);
	buf_fmt(json, "{\"released\":%u}", c.to[0]);
	return buf_done(json);
}

WAITS static err act(const struct request *r, str method, struct box *box, struct folder_view *v,
		     struct arena *a, struct buf *json)
{
	uint64_t uid;

	TRY(str_u64(r->uid, UINT32_MAX, &uid));
	size_t at = v ? folder_at_uid(v, (uint32_t)uid) : 0;

	if (!v || at == v->n || v->mails[at].uid != uid)
		return fail(E_NOTFOUND, "no mail %llu in quarantine", (unsigned long long)uid);
	if (str_eq(method, STR("GET")) && !r->action.n)
		return show(v, &v->mails[at], a, json);
	if (str_eq(method, STR("POST")) && str_eq(r->action, STR("release")))
		return release(box, v, (uint32_t)uid, a, json);
	if (!str_eq(method, STR("DELETE")) || r->action.n)
		return E_NOTFOUND;
	TRY(quarantine_delete(v, &v->mails[at].uid, 1));
	buf_fmt(json, "{\"deleted\":%llu}", (unsigned long long)uid);
	return buf_done(json);
}

WAITS static err one(const struct request *r, str method, struct arena *a, struct buf *json)
{
	struct folder_view *v;
	struct dir_user u;
	struct box *box;

	TRY(dirtable_login(store_here()->table, r->user, STR(""), a, &u));
	TRY(open_user(&u, &box, &v));
	err e = act(r, method, box, v, a, json);

	if (!str_eq(method, STR("GET")))
		LOG(LOG_INFO, "store.quarantine", KS("what", method), KS("user", u.login),
		    KS("uid", r->uid), KI("ok", e == OK));
	folder_close(v);
	box_drop(box);
	return e;
}

WAITS err store_control(str method, str path, str body UNUSED, struct buf *json)
{
	CLEANUP(arena_free) struct arena a;
	struct request r;

	arena_init(&a, MIB(1));
	TRY(parse(path, &a, &r));
	if (r.uid.n)
		return one(&r, method, &a, json);
	return str_eq(method, STR("GET")) ? list(&r, &a, json) : E_NOTFOUND;
}
