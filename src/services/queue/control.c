/* What `posta queue` asks for: listings read the store alone; changes lock one entry against the
 * scheduler. */
#include "services/queue/state.h"

#include <jansson.h>

#include "base/date.h"
#include "base/enc.h"
#include "services/trace/trace.h"

/* ---- the request ---- */
struct request {
	str id, action; /* /queue/ID/action; "" = none */
	str after, destination, address;
	uint64_t max;
};

static str query_value(str raw, struct arena *a)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_HTTP_HEAD);
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '%' && i + 2 < raw.n + 0 &&
		    dec_hex(&b, str_of(raw.p + i + 1, 2)) == OK)
			i += 2;
		else
			buf_addc(&b, raw.p[i] == '+' ? ' ' : raw.p[i]);
	}
	return arena_dup(a, buf_str(&b));
}

static err parse_query(str query, struct arena *a, struct request *r)
{
	str pair;

	while (str_next(&query, '&', &pair)) {
		str name = pair, value = STR("");

		(void)str_cut(pair, '=', &name, &value);
		value = query_value(value, a);
		if (str_eq(name, STR("after")))
			r->after = value;
		else if (str_eq(name, STR("destination")))
			r->destination = value;
		else if (str_eq(name, STR("address")))
			r->address = value;
		else if (str_eq(name, STR("max")))
			TRY(str_u64(value, LIM_QUEUE_LIST, &r->max));
	}
	return OK;
}

static err parse_request(str target, struct arena *a, struct request *r)
{
	str path = target, query = STR("");

	*r = (struct request){ .id = STR(""),
			       .action = STR(""),
			       .after = STR(""),
			       .destination = STR(""),
			       .address = STR(""),
			       .max = LIM_QUEUE_LIST };
	(void)str_cut(target, '?', &path, &query);
	TRY(parse_query(query, a, r));
	if (!str_starts(path, STR("/queue")))
		return E_NOTFOUND;
	path = str_skip(path, 6);
	if (!path.n)
		return OK;
	if (path.p[0] != '/')
		return E_NOTFOUND;
	r->id = str_skip(path, 1);
	(void)str_cut(str_skip(path, 1), '/', &r->id, &r->action);
	return r->id.n && r->id.n <= ID_MAX ? OK : E_NOTFOUND;
}

/* ---- JSON ---- */
static json_t *text(str s)
{
	/* Addresses and answers of others may be no UTF-8: those octets become '?'. */
	json_t *j = json_stringn(s.p ? s.p : "", s.n);

	if (j || !s.p)
		return j;
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, s.n);
	for (size_t i = 0; i < s.n; i++)
		buf_addc(&b, (unsigned char)s.p[i] < 128 ? s.p[i] : '?');
	return json_stringn(buf_str(&b).p, b.n);
}

static json_t *when(int64_t seconds)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	if (!seconds)
		return json_null();
	buf_init(&b, 40);
	date_add_iso(&b, seconds);
	return text(buf_str(&b));
}

static int add_piece(const char *p, size_t n, void *out)
{
	buf_add(out, str_of(p, n));
	return buf_done(out) == OK ? 0 : -1;
}

static err print_json(json_t *j, struct buf *out)
{
	int rc = j ? json_dump_callback(j, add_piece, out, JSON_COMPACT) : -1;

	json_decref(j);
	return rc == 0 ? OK : fail(E_LIMIT, "the answer is too long");
}

static void add_lot(json_t *rcpts, const struct lot *l, size_t most)
{
	for (size_t i = 0; i < l->nrcpts && json_array_size(rcpts) < most; i++) {
		const struct lot_rcpt *r = &l->rcpts[i];
		json_t *j = json_object();

		(void)json_object_set_new(j, "address", text(r->r.address));
		(void)json_object_set_new(j, "destination", text(l->destination));
		(void)json_object_set_new(
			j, "state", text(l->state == LOT_HELD ? STR("held") : STR("waiting")));
		(void)json_object_set_new(j, "attempts", json_integer(l->attempts));
		(void)json_object_set_new(j, "last", when(l->last_try / 1000));
		(void)json_object_set_new(j, "next",
					  l->state == LOT_HELD ? json_null() : when(l->due / 1000));
		(void)json_object_set_new(j, "status", text(r->status));
		(void)json_object_set_new(j, "server", text(r->server));
		(void)json_object_set_new(j, "text", text(r->text));
		(void)json_array_append_new(rcpts, j);
	}
}

/* most: recipients that are shown; nrcpts tells of the others. */
static json_t *entry_json(const struct entry *e, const struct lot *lots, size_t n, size_t most)
{
	json_t *j = json_object(), *rcpts = json_array();
	size_t all = 0;

	for (size_t i = 0; i < n; i++) {
		add_lot(rcpts, &lots[i], most);
		all += lots[i].nrcpts;
	}
	(void)json_object_set_new(j, "id", text(e->id));
	(void)json_object_set_new(j, "from", text(e->from));
	(void)json_object_set_new(j, "size", json_integer((json_int_t)e->size));
	(void)json_object_set_new(j, "arrived", when(e->arrived));
	(void)json_object_set_new(j, "nrcpts", json_integer((json_int_t)all));
	(void)json_object_set_new(j, "recipients", rcpts);
	return j;
}

/* ---- reading: a job each ---- */
struct control {
	struct queue *q;
	struct request r;
	struct arena arena;
	struct buf *out;
	struct lot *lots; /* of the entry that is changed */
	size_t nlots;
	bool held; /* what hold and release make of them */
};

static bool wanted(const struct request *r, const struct entry *e, const struct lot *lots, size_t n)
{
	bool destination = !r->destination.n,
	     address = !r->address.n || str_eqi(e->from, r->address);

	for (size_t i = 0; i < n; i++) {
		destination = destination || str_eqi(lots[i].destination, r->destination);
		for (size_t k = 0; k < lots[i].nrcpts; k++)
			address = address || str_eqi(lots[i].rcpts[k].r.address, r->address);
	}
	return destination && address;
}

static err list_one(struct control *c, const struct kv_row *row, json_t *list)
{
	struct arena_mark mark = arena_mark(&c->arena);
	str id = str_skip(row->key, 1);
	struct entry e;
	struct lot *lots = NULL;
	size_t n = 0;
	err er = entry_parse(row->value, id, &e);

	if (er == OK)
		er = store_lots_of(c->q, id, &c->arena, &lots, &n);
	if (er == OK && n && wanted(&c->r, &e, lots, n)) {
		(void)json_array_append_new(list, entry_json(&e, lots, n, 5));
	} else if (er == E_CORRUPT) {
		json_t *j = json_object();

		(void)json_object_set_new(j, "id", text(id));
		(void)json_object_set_new(j, "error", text(str_z(err_last()->text)));
		(void)json_array_append_new(list, j);
		er = OK;
	}
	arena_release(&c->arena, mark);
	return er;
}

/* Bounded in what it looks at as well as in what it gives: "after" of the answer says where to go
 * on. */
static err list_entries(void *arg)
{
	enum { LOOKS = 2000 };
	struct control *c = arg;
	struct kv_row *rows;
	size_t n, i;
	bool more;
	str from = arena_fmt(&c->arena, c->r.after.n ? "e%.*s\x01" : "e", STRF(c->r.after));

	TRY(kv_range(c->q->o.kv, STR("queue"), from, STR("f"), false, LOOKS, &c->arena, &rows, &n,
		     &more));
	json_t *list = json_array(), *top = json_object();
	err e = OK;

	for (i = 0; e == OK && i < n && json_array_size(list) < c->r.max; i++)
		e = list_one(c, &rows[i], list);
	(void)json_object_set_new(top, "queue", text(c->q->o.name));
	(void)json_object_set_new(top, "entries", list);
	(void)json_object_set_new(
		top, "after",
		i < n || more ? text(i ? str_skip(rows[i - 1].key, 1) : c->r.after) : json_null());
	if (e != OK) {
		json_decref(top);
		return e;
	}
	return print_json(top, c->out);
}

static err read_entry(struct control *c, struct entry *e)
{
	str value;

	TRY(kv_get(c->q->o.kv, STR("queue"), key_entry(&c->arena, c->r.id), &c->arena, &value));
	TRY(entry_parse(value, c->r.id, e));
	return store_lots_of(c->q, c->r.id, &c->arena, &c->lots, &c->nlots);
}

static err show_entry(void *arg)
{
	struct control *c = arg;
	struct entry e;

	TRY(read_entry(c, &e));
	json_t *j = entry_json(&e, c->lots, c->nlots, LIM_SMTP_RCPTS);

	(void)json_object_set_new(j, "envid", text(e.envid));
	(void)json_object_set_new(j, "smtputf8", json_boolean(e.smtputf8));
	(void)json_object_set_new(j, "queue", text(c->q->o.name));
	return print_json(j, c->out);
}

static err show_message(void *arg)
{
	struct control *c = arg;
	struct entry e;
	str bytes;

	TRY(read_entry(c, &e));
	TRY(kv_blob_get(c->q->o.kv, e.blob, 0, e.size < KIB(256) ? e.size : KIB(256), &c->arena,
			&bytes));
	size_t end = str_search(bytes, STR("\r\n\r\n"));
	json_t *j = json_object();

	(void)json_object_set_new(j, "id", text(e.id));
	(void)json_object_set_new(j, "header",
				  text(str_take(bytes, end + 2 > KIB(128) ? KIB(128) : end + 2)));
	return print_json(j, c->out);
}

/* ---- changing ---- */
static void put_lot_again(struct control *c, struct kv_batch *b, struct lot *l, bool ready)
{
	CLEANUP(buf_free) struct buf v;

	kv_del(b, key_due(&c->arena, l->due, l->id, l->no));
	kv_del(b, key_ready(&c->arena, l->destination, l->due, l->id, l->no));
	if (ready)
		l->due = clock_unix_ms();
	buf_init(&v, LIM_KV_VALUE);
	lot_print(&v, l);
	kv_put(b, key_lot(&c->arena, l->id, l->no), buf_str(&v));
	if (ready)
		kv_put(b, key_ready(&c->arena, l->destination, l->due, l->id, l->no), STR(""));
}

static err change_lots(void *arg)
{
	struct control *c = arg;
	struct kv_batch *b = kv_batch_new();
	struct entry e;
	err er = read_entry(c, &e);

	for (size_t i = 0; er == OK && i < c->nlots; i++) {
		struct lot *l = &c->lots[i];

		/* A retry leaves held lots alone; they have to be released. */
		if (str_eq(c->r.action, STR("retry")) && l->state == LOT_HELD)
			continue;
		l->state = c->held ? LOT_HELD : LOT_WAITING;
		put_lot_again(c, b, l, !c->held);
	}
	if (er == OK)
		er = kv_commit(c->q->o.kv, &c->q->part, b, 0);
	kv_batch_free(b);
	return er;
}

/* What cannot be read can be removed as well; the sweep finds its blob. */
static void remove_unread(struct control *c, struct kv_batch *b)
{
	str from, to;

	range_lots(&c->arena, c->r.id, &from, &to);
	kv_batch_reset(b);
	kv_del_range(b, from, to);
	from = arena_fmt(&c->arena, "x%.*s%c", STRF(c->r.id), 0);
	to = arena_fmt(&c->arena, "x%.*s\x01", STRF(c->r.id));
	kv_del_range(b, from, to);
}

static err remove_entry(void *arg)
{
	struct control *c = arg;
	struct kv_batch *b = kv_batch_new();
	struct entry e;
	err er = read_entry(c, &e);
	bool unread = er == E_CORRUPT;

	if (unread) {
		remove_unread(c, b);
		er = OK;
	}
	for (size_t i = 0; er == OK && !unread && i < c->nlots; i++) {
		const struct lot *l = &c->lots[i];

		kv_del(b, key_due(&c->arena, l->due, l->id, l->no));
		kv_del(b, key_ready(&c->arena, l->destination, l->due, l->id, l->no));
		kv_del(b, key_lot(&c->arena, l->id, l->no));
	}
	kv_del(b, key_entry(&c->arena, c->r.id));
	if (er == OK)
		er = kv_commit(c->q->o.kv, &c->q->part, b, 0);
	if (er == OK && !unread)
		er = kv_blob_del(c->q->o.kv, e.blob);
	kv_batch_free(b);
	return er;
}

/* Takes the entry's lots out of memory. E_AGAIN: one is under way. */
static err unload(struct control *c)
{
	for (size_t i = 0; i < c->nlots; i++)
		TRY(schedule_unload(c->q, c->r.id, c->lots[i].no));
	return OK;
}

static err find_entry(void *arg)
{
	struct control *c = arg;
	struct entry e;

	return read_entry(c, &e);
}

WAITS static err change_locked(struct control *c, err (*change)(void *))
{
	err e = work(POOL_DISK, find_entry, c);

	if (e == E_CORRUPT && change == remove_entry)
		c->nlots = 0;
	else
		TRY(e);
	TRY(unload(c));
	TRY(work(POOL_DISK, change, c));
	struct stage s = stage_of(c->q, "control");

	trace_event_for(entry_trace(c->r.id), s.text, STR(""), "%.*s of %.*s",
			STRF(c->r.action.n ? c->r.action : STR("remove")), STRF(c->r.id));
	/* What was loaded while we waited is of before the change. */
	TRY(unload(c));
	for (size_t i = 0; i < c->nlots && change == change_lots; i++) {
		const struct lot *l = &c->lots[i];

		if (l->state == LOT_WAITING)
			schedule_note(c->q, l->destination, c->r.id, l->no, l->due);
	}
	buf_add(c->out, STR("{\"ok\":true}"));
	return OK;
}

WAITS static err change_entry(struct control *c, err (*change)(void *))
{
	if (c->q->locked.n)
		return fail(E_AGAIN, "another change is under way");
	c->q->locked = c->r.id;
	err e = change_locked(c, change);

	c->q->locked = STR("");
	return e;
}

/* ---- the table of requests ---- */
static err flush(struct control *c)
{
	queue_kick(c->q, c->r.destination);
	buf_add(c->out, STR("{\"ok\":true}"));
	return OK;
}

static const struct action {
	str method, action;
	bool entry; /* names one */
	err (*read)(void *);
	err (*change)(void *);
	bool hold;
} actions[] = {
	{ S("GET"), S(""), false, list_entries, NULL, false },
	{ S("GET"), S(""), true, show_entry, NULL, false },
	{ S("GET"), S("message"), true, show_message, NULL, false },
	{ S("POST"), S("retry"), true, NULL, change_lots, false },
	{ S("POST"), S("release"), true, NULL, change_lots, false },
	{ S("POST"), S("hold"), true, NULL, change_lots, true },
	{ S("DELETE"), S(""), true, NULL, remove_entry, false },
};

WAITS static err serve(struct control *c, str method)
{
	if (str_eq(method, STR("POST")) && str_eq(c->r.id, STR("flush")) && !c->r.action.n)
		return flush(c);
	for (size_t i = 0; i < COUNT(actions); i++) {
		const struct action *a = &actions[i];

		if (!str_eq(method, a->method) || !str_eq(c->r.action, a->action) ||
		    a->entry != (c->r.id.n > 0))
			continue;
		c->held = a->hold;
		return a->read ? work(POOL_DISK, a->read, c) : change_entry(c, a->change);
	}
	return E_NOTFOUND;
}

WAITS err queue_control(struct queue *q, str method, str path, str body UNUSED, struct buf *json)
{
	struct control c = { .q = q, .out = json };

	arena_init(&c.arena, MIB(32));
	err e = parse_request(path, &c.arena, &c.r);

	if (e == OK)
		e = serve(&c, method);
	arena_free(&c.arena);
	return e;
}
