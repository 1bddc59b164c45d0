/* Mail comes in: APPEND for one box, delivery for many. The body is written once, then one commit a
 * box refers to it. */
#include "services/mailbox/box.h"

#include <string.h>

#include "base/limits.h"
#include "run/clock.h"
#include "run/log.h"
#include "run/work.h"

void op_fault(struct mailstore *m, const char *where)
{
	if (m->o.fault)
		m->o.fault(m->o.fault_arg, where);
}

/* ---- the message, once ---- */
struct incoming {
	struct mailstore *m;
	struct spool *spool;
	struct body_id body;
	uint64_t *users, size;
	size_t nusers;
	struct parsed parsed;
	bool stored;
};

/* In a helper thread: taken apart, compressed, written. */
static err incoming_store(void *arg)
{
	struct incoming *in = arg;
	str bytes;

	TRY(spool_view(in->spool, &bytes));
	message_parse(bytes, &in->parsed);
	TRY(body_put(in->m, &in->body, in->users, in->nusers, bytes));
	in->stored = true;
	op_fault(in->m, "body");
	return OK;
}

static void incoming_begin(struct incoming *in, struct mailstore *m, struct spool *s, size_t users)
{
	*in = (struct incoming){ .m = m, .spool = s, .nusers = users, .size = spool_size(s) };
	in->users = mem_get(size_mul(users + 1, sizeof(*in->users)));
	body_new_id(&in->body);
	body_inflight(m, &in->body, true);
}

static err drop_body(void *arg)
{
	struct incoming *in = arg;

	return kv_blob_del(in->m->kv, body_str(&in->body));
}

/* referred: some box refers to the body now, or may. */
WAITS static void incoming_end(struct incoming *in, bool referred)
{
	if (in->stored && !referred && work(POOL_DISK, drop_body, in) != OK)
		LOG(LOG_WARN, "mailbox.orphan", KE(err_last()->code)); /* the sweep will find it */
	body_inflight(in->m, &in->body, false);
	parsed_free(&in->parsed);
	mem_free(in->users);
}

/* ---- the mail in one box ---- */
struct op_append {
	struct op op;
	const struct incoming *in;
	struct append how;
	str prefix;
	struct appended result;
	bool over_quota, added;
};

static err check_append(struct txn *t, struct op_append *o, const struct staged *s, uint64_t size)
{
	if (o->prefix.n > LIM_PREFIX || o->how.delivery.n > LIM_DELIVERY_ID ||
	    o->how.nkeywords > LIM_KEYWORDS)
		return fail(E_LIMIT, "a delivery's prefix, id or keywords are too long");
	if (!folder_counts(&s->rec) && s->rec.octets + size > LIM_QUARANTINE) {
		o->over_quota = true;
		return fail(E_FULL, "the quarantine has %llu octets",
			    (unsigned long long)s->rec.octets);
	}
	if (folder_counts(&s->rec) && t->rec.quota && t->rec.used + size > t->rec.quota) {
		o->over_quota = true;
		return fail(E_FULL, "over quota: %llu of %llu octets are used",
			    (unsigned long long)t->rec.used, (unsigned long long)t->rec.quota);
	}
	return OK;
}

static void put_cache(struct txn *t, const struct op_append *o, uint64_t folder, uint32_t uid)
{
	struct cache_rec rec = { .body = o->in->body,
				 .prefix = o->prefix,
				 .mime = o->in->parsed.cache };
	struct key key = key_num2(KEY_CACHE, folder, uid);
	struct buf row;

	buf_init(&row, LIM_KV_VALUE);
	cache_rec_add(&row, &rec);
	kv_put(t->batch, key_str(&key), buf_str(&row));
	buf_free(&row);
}

static struct mail make_mail(struct txn *t, struct op_append *o, struct staged *s, uint64_t size)
{
	struct mail m = { .flags = o->how.flags & ~FLAG_RECENT,
			  .size = size,
			  .saved = clock_unix() };

	for (size_t i = 0; i < o->how.nkeywords; i++) {
		int bit = txn_keyword(t, s, o->how.keywords[i]);

		if (bit >= 0)
			m.keywords |= 1ull << bit;
	}
	m.received = o->how.received ? o->how.received : m.saved;
	m.modseq = txn_modseq(t);
	for (size_t i = 0; i < sizeof(m.email.b); i++)
		m.email.b[i] = (uint8_t)(m.modseq >> (56 - 8 * i) & 0xff);
	return m;
}

static err append_folder(struct txn *t, const struct op_append *o, struct staged **s)
{
	str name = STR("INBOX");

	if (o->how.place != USE_NONE)
		return place_folder(t, o->how.place, s);
	if (o->how.folder.n)
		TRY(folder_name(o->how.folder, &t->a, &name));
	*s = txn_folder(t, name);
	if (!*s || (*s)->rec.noselect)
		return fail(E_NOTFOUND, "no folder %.*s", STRF(name));
	return OK;
}

static err run_append(struct txn *t, struct op *op)
{
	struct op_append *o = CONTAINER(op, struct op_append, op);
	uint64_t size = o->in->size + o->prefix.n;
	struct staged *s;
	bool dropped;

	if (o->how.delivery.n) {
		TRY(delivery_seen(t, o->how.delivery, &o->result.duplicate));
		if (o->result.duplicate)
			return OK;
	}
	TRY(append_folder(t, o, &s));
	TRY(check_append(t, o, s, size));
	struct mail m = make_mail(t, o, s, size);
	TRY(thread_find(t, &o->in->parsed, &m.email, &m.thread));
	TRY(body_count(t, &o->in->body, 1, &dropped));
	txn_add_mail(t, s, &m);
	put_cache(t, o, s->rec.id, m.uid);
	if (o->how.delivery.n)
		delivery_remember(t, o->how.delivery);
	if (folder_counts(&s->rec)) {
		t->rec.used += size;
		t->rec.mails++;
	}
	if (s->rec.use == USE_QUARANTINE || (o->how.place != USE_NONE && s->rec.use != USE_INBOX))
		held_note(t, s, m.uid);
	t->kv_flags |= KV_GROWS;
	o->result.uidvalidity = s->rec.uidvalidity;
	o->result.uid = m.uid;
	o->added = true;
	return OK;
}

/* The body may be referred to: the mail was added, or nobody knows. */
static bool may_refer(const struct op_append *o, err e)
{
	return o->added && e != E_FULL && e != E_DENIED && e != E_LIMIT;
}

WAITS err box_append(struct box *b, struct spool *message, const struct append *how,
		     struct appended *out)
{
	struct incoming in;
	struct op_append o = { .op = { .run = run_append, .gather = true },
			       .in = &in,
			       .how = *how };
	bool disk;

	TRY(box_room(b, spool_size(message), &disk));
	incoming_begin(&in, b->store, message, 1);
	in.users[0] = b->user;
	err e = work(POOL_DISK, incoming_store, &in);
	if (e == OK)
		e = op_run(b, &o.op);
	incoming_end(&in, may_refer(&o, e));
	*out = o.result;
	return e;
}

/* ---- one message, many boxes ---- */
WAITS static bool deliver_all(struct incoming *in, struct delivery *v, size_t n)
{
	struct op_append *ops = mem_get(size_mul(n + 1, sizeof(*ops)));
	bool referred = false;

	for (size_t i = 0; i < n; i++) {
		ops[i] = (struct op_append){
			.op = { .run = run_append, .gather = true },
			.in = in,
			.how = { .folder = v[i].folder,
				 .place = v[i].place,
				 .delivery = v[i].delivery },
			.prefix = v[i].prefix,
		};
		op_submit(v[i].box, &ops[i].op);
	}
	for (size_t i = 0; i < n; i++) {
		v[i].result = op_wait(v[i].box, &ops[i].op);
		v[i].over_quota = ops[i].over_quota;
		referred = referred || may_refer(&ops[i], v[i].result);
	}
	mem_free(ops);
	return referred;
}

WAITS void mailstore_deliver(struct mailstore *m, struct spool *message, struct delivery *v,
			     size_t n)
{
	struct incoming in;
	bool referred = false;

	incoming_begin(&in, m, message, n);
	for (size_t i = 0; i < n; i++)
		in.users[i] = v[i].box->user;
	err e = work(POOL_DISK, incoming_store, &in);
	if (e == OK)
		referred = deliver_all(&in, v, n);
	for (size_t i = 0; i < n && e != OK; i++)
		v[i].result = e;
	incoming_end(&in, referred);
}
