#include "roles/dnsbl/dnsbl.h"

#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"

METRIC(listed, "posta_dnsbl_answers_total", "what=\"listed\"", METRIC_COUNTER, "Answers.");
METRIC(not_listed, "posta_dnsbl_answers_total", "what=\"not\"", METRIC_COUNTER, "Answers.");
METRIC(other, "posta_dnsbl_answers_total", "what=\"other\"", METRIC_COUNTER, "Answers.");
METRIC(refused, "posta_dnsbl_answers_total", "what=\"refused\"", METRIC_COUNTER, "Answers.");
METRIC(malformed, "posta_dnsbl_answers_total", "what=\"malformed\"", METRIC_COUNTER, "Answers.");
METRIC(metric_lists, "posta_dnsbl_lists", "", METRIC_GAUGE, "Lists that are served.");
METRIC(metric_entries, "posta_dnsbl_entries", "", METRIC_GAUGE, "Entries of all lists.");
METRIC(metric_octets, "posta_dnsbl_octets", "", METRIC_GAUGE, "Memory of all lists.");
METRIC(metric_loads, "posta_dnsbl_loads_total", "", METRIC_COUNTER, "Lists taken.");
METRIC(alarm_age, "posta_dnsbl_alarms", "why=\"age\"", METRIC_GAUGE, "Lists to look at.");
METRIC(alarm_shrink, "posta_dnsbl_alarms", "why=\"shrink\"", METRIC_GAUGE, "Lists to look at.");
METRIC(alarm_broken, "posta_dnsbl_alarms", "why=\"broken\"", METRIC_GAUGE, "Lists to look at.");
METRIC(alarm_expired, "posta_dnsbl_alarms", "why=\"expired\"", METRIC_GAUGE, "Lists to look at.");
METRIC(alarm_test, "posta_dnsbl_alarms", "why=\"test\"", METRIC_GAUGE, "Lists to look at.");

/* One list of posta.conf as it stands. */
struct mirror {
	str zone, first_file; /* who it is, over reloads */
	enum rbl_type type;
	struct list *list;	  /* NULL: never loaded */
	struct dnsbl_marks marks; /* of what was loaded, or refused */
	bool old, shrunk, broken, expired, untested;
	bool accept; /* the operator takes it however much it shrank */
	char why[300];
};
static struct state {
	struct mirror *v;
	size_t n;
	_Atomic(struct served *) served;
	struct fiber *watch;
	struct fiber *follow[LIM_RBL_LISTS]; /* of lists by transfer */
} state;

/* ---- answers ---- */

static struct metric *const counters[SERVED_WHATS] = {
	[SERVED_LISTED] = &listed,   [SERVED_NOT] = &not_listed,      [SERVED_OTHER] = &other,
	[SERVED_REFUSED] = &refused, [SERVED_MALFORMED] = &malformed,
};

static bool may_ask(const struct net_addr *peer)
{
	const struct dnsbl_settings *set = role_settings();

	for (size_t i = 0; i < set->nnetworks; i++)
		if (net_block_has(&set->networks[i], peer))
			return true;
	return set->nnetworks == 0;
}

static size_t answer(str message, const struct net_addr *peer, bool tcp, char *out, size_t room)
{
	static struct served none; /* a stranger is told of no zone */
	enum served_what what;
	const struct served *s = may_ask(peer) ? atomic_load(&state.served) : &none;
	size_t n = served_answer(s, message, tcp, out, room, &what);

	metric_add(counters[what], 1);
	return n;
}

static size_t datagram(const struct udp_query *q, const struct listener *l, char *out, size_t room)
{
	(void)l;
	return answer(q->data, &q->path->peer, false, out, room);
}

enum { TCP_IDLE = 10000, TCP_QUESTIONS = 1000 };

/* RFC 7766: questions one behind the other, each with its length. */
WAITS static err session(struct stream *io, const struct listener *l)
{
	char *room = mem_get(2 * (DNS_MESSAGE_MAX + 1)), *out = room + DNS_MESSAGE_MAX + 1;
	unsigned char len[2];
	err e = OK;

	(void)l;
	for (unsigned i = 0; i < TCP_QUESTIONS && e == OK; i++) {
		stream_deadline(io, clock_in(TCP_IDLE));
		role_idle(true);
		e = stream_read_full(io, (char *)len, 2);
		role_idle(false);
		size_t n = dns_get16(len);

		if (e == OK)
			e = stream_read_full(io, room, n);
		if (e != OK)
			break;
		n = answer(str_of(room, n), stream_peer(io), true, out, DNS_MESSAGE_MAX);
		if (n == 0)
			break;
		dns_put16(len, (unsigned)n);
		e = stream_write(io, str_of(len, 2));
		if (e == OK)
			e = stream_write(io, str_of(out, n));
	}
	if (e == OK)
		e = stream_flush(io);
	mem_free(room);
	stream_close(io);
	return e;
}

/* ---- what is served ---- */

struct passing {
	_Atomic unsigned left;
};

static void passed(void *arg)
{
	struct passing *p = arg;

	atomic_fetch_sub(&p->left, 1);
}

/* An answer never waits: a loop that has done something else since the swap uses the old set no
 * longer. */
WAITS static void forget(struct served *old, unsigned loops)
{
	struct passing p = { loops };

	for (unsigned i = 0; i < loops; i++)
		loop_post(role_loop_at(i), passed, &p);
	while (atomic_load(&p.left))
		if (fiber_sleep(clock_in(1)) != OK)
			(void)!fiber_yield();
	served_free(old);
}

static struct served_zone *zone_in(struct served *s, const struct dns_name *name)
{
	for (size_t i = 0; i < s->nzones; i++)
		if (dns_name_eq(dns_name_str(&s->zones[i].name), dns_name_str(name)))
			return &s->zones[i];
	struct served_zone *z = &s->zones[s->nzones++];

	z->name = *name;
	z->lists = mem_get(size_mul(state.n, sizeof(struct list *)));
	return z;
}

WAITS static void publish(unsigned loops)
{
	const struct dnsbl_settings *set = role_settings();
	struct served *fresh = served_new(set->nlists), *old;
	int64_t entries = 0, octets = 0, lists = 0;

	fresh->nzones = 0;
	for (size_t i = 0; i < state.n; i++) {
		struct served_zone *z = zone_in(fresh, &set->lists[i].name);

		z->expired |= state.v[i].expired;
		if (!state.v[i].list)
			continue;
		z->lists[z->nlists++] = list_hold(state.v[i].list);
		lists++;
		entries += (int64_t)list_entries(state.v[i].list);
		octets += (int64_t)list_octets(state.v[i].list);
	}
	metric_set(&metric_lists, lists);
	metric_set(&metric_entries, entries);
	metric_set(&metric_octets, octets);
	old = atomic_exchange(&state.served, fresh);
	forget(old, loops);
}

/* ---- watching ---- */

static void alarms(void)
{
	int64_t n[5] = { 0 };

	for (size_t i = 0; i < state.n; i++) {
		n[0] += state.v[i].old;
		n[1] += state.v[i].shrunk;
		n[2] += state.v[i].broken;
		n[3] += state.v[i].expired;
		n[4] += state.v[i].untested;
	}
	metric_set(&alarm_age, n[0]);
	metric_set(&alarm_shrink, n[1]);
	metric_set(&alarm_broken, n[2]);
	metric_set(&alarm_expired, n[3]);
	metric_set(&alarm_test, n[4]);
}

static void set_alarm(struct mirror *m, bool *flag, bool on, const char *what)
{
	if (*flag != on)
		LOG(on ? LOG_ERROR : LOG_INFO, "dnsbl.alarm", KS("zone", m->zone),
		    KS("why", str_z(what)), KI("on", on), KS("detail", str_z(on ? m->why : "")));
	*flag = on;
}

static void say(struct mirror *m, str text)
{
	(void)!str_to_z(str_take(text, sizeof(m->why) - 1), m->why, sizeof(m->why));
}

/* RFC 5782 5: 127.0.0.2 is listed and 127.0.0.1 is not, where a list has addresses at all; for IPv6
 * ::ffff:7f00:2 and :1; of names TEST is listed and INVALID is not. */
static bool passes_test(const struct list *l, enum rbl_type type)
{
	static const str points[][2] = {
		{ S("\0012\0010\0010\003127"), S("\0011\0010\0010\003127") },
		{ S("\0012\0010\0010\0010\0010\0010\001f\0017\001f\001f\001f\001f\0010\0010\0010"
		    "\0010\0010\0010\0010"
		    "\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010"),
		  S("\0011\0010\0010\0010\0010\0010\001f\0017\001f\001f\001f\001f\0010\0010\0010"
		    "\0010\0010\0010\0010"
		    "\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010") },
		{ S("\004test"), S("\007invalid") },
	};
	struct list_hit hits[LIST_HITS];
	struct list_question q;
	bool listed_too[2] = { false, false };
	unsigned row = type == RBL_IP6TRIE || type == RBL_IP6TSET ? 1 : type == RBL_DNSET ? 2 : 0;

	if (type == RBL_GENERIC || type == RBL_ZONE || type == RBL_COMBINED)
		return true;
	for (unsigned i = 0; i < 2; i++) {
		list_question_read(points[row][i], &q);
		(void)list_find(l, &q, hits, 0, &listed_too[i]);
	}
	return listed_too[0] && !listed_too[1];
}

static bool shrank(const struct mirror *m, const struct dnsbl_list *l, const struct list *fresh)
{
	size_t was = m->list ? list_entries(m->list) : 0;

	return l->max_shrink < 100 &&
	       list_entries(fresh) * 100 < was * (size_t)(100 - l->max_shrink);
}

static void take(struct mirror *m, const struct dnsbl_list *l, struct list *fresh)
{
	if (shrank(m, l, fresh) && !m->accept) {
		CLEANUP(buf_free) struct buf why = { 0 };

		buf_init(&why, sizeof(m->why));
		buf_fmt(&why,
			"%zu entries instead of %zu; if that is right: posta dnsbl accept %.*s",
			list_entries(fresh), list_entries(m->list), STRF(l->zone));
		say(m, buf_str(&why));
		set_alarm(m, &m->shrunk, true, "shrink");
		list_drop(fresh);
		return;
	}
	m->accept = false;
	set_alarm(m, &m->shrunk, false, "shrink");
	list_drop(m->list);
	m->list = fresh;
	metric_add(&metric_loads, 1);
	LOG(LOG_INFO, "dnsbl.loaded", KS("zone", l->zone), KI("entries", list_entries(fresh)),
	    KI("octets", list_octets(fresh)));
	say(m, STR("127.0.0.2 (names: test) must be listed and 127.0.0.1 (invalid) must not"));
	set_alarm(m, &m->untested, !passes_test(fresh, l->type), "test");
}

/* True when what is served changes. */
WAITS static bool load(struct mirror *m, const struct dnsbl_list *l,
		       const struct dnsbl_marks *marks)
{
	CLEANUP(buf_free) struct buf complaints = { 0 };
	struct dnsbl_job job = {
		.l = l, .marks = marks, .now = clock_unix(), .complaints = &complaints
	};
	struct list *before = m->list;

	buf_init(&complaints, LIM_RBL_COMPLAINTS);
	err e = work(POOL_CPU, dnsbl_load, &job);

	if (e == E_AGAIN || e == E_CANCELED)
		return false; /* the next look sees them whole */
	m->marks = *marks;
	if (complaints.n) {
		str first = buf_str(&complaints), rest;

		(void)str_cut(first, '\n', &first, &rest);
		LOG(LOG_WARN, "dnsbl.lines", KS("zone", l->zone), KS("first", first));
	}
	if (e)
		say(m, str_z(err_last()->text));
	set_alarm(m, &m->broken, e != OK, "broken");
	if (e == OK)
		take(m, l, job.out);
	return m->list != before;
}

/* Looks at one list's files. A file that was just written is left for the next look. */
WAITS static bool look(struct mirror *m, const struct dnsbl_list *l, int64_t settle)
{
	struct dnsbl_marks *now = MEM_NEW(struct dnsbl_marks);
	bool changed = false, first = m->list == NULL, was_expired = m->expired;

	dnsbl_look(l, now);
	int64_t newest = dnsbl_newest(now), age = clock_unix() - newest;

	if (m->accept || !dnsbl_marks_eq(now, &m->marks))
		if (first || m->accept || age * 1000 >= settle)
			changed = load(m, l, now);
	mem_free(now);
	say(m, STR("its newest file is older than max_age"));
	set_alarm(m, &m->old, l->max_age && newest && age * 1000 > l->max_age, "age");
	int64_t expires = m->list ? list_expires(m->list) : 0;

	say(m, STR("$TIMESTAMP's time is over: SERVFAIL instead of \"not listed\""));
	set_alarm(m, &m->expired, expires && expires < clock_unix(), "expired");
	return changed || m->expired != was_expired;
}

WAITS static void look_at_all(unsigned loops)
{
	const struct dnsbl_settings *set = role_settings();
	bool changed = false;

	for (size_t i = 0; i < state.n && i < set->nlists; i++)
		changed |= look(&state.v[i], &set->lists[i], set->settle);
	if (changed)
		publish(loops);
	alarms();
}

WAITS static err watch(void *arg)
{
	unsigned loops = *(const unsigned *)arg;

	for (;;) {
		const struct dnsbl_settings *set = role_settings();

		TRY(fiber_sleep(clock_in(set->check)));
		look_at_all(loops);
	}
}

/* ---- the role ---- */

static void mirror_free(struct mirror *m)
{
	list_drop(m->list);
	m->list = NULL;
}

/* The lists of these settings; what was loaded for the same files goes on. */
static void arrange(const struct dnsbl_settings *set)
{
	struct mirror *fresh = mem_get(size_mul(set->nlists + 1, sizeof(*fresh)));

	for (size_t i = 0; i < set->nlists; i++) {
		const struct dnsbl_list *l = &set->lists[i];
		str file = l->files.n ? l->files.v[0] : STR("");

		fresh[i] = (struct mirror){ .zone = l->zone, .first_file = file, .type = l->type };
		for (size_t k = 0; k < state.n; k++) {
			struct mirror *m = &state.v[k];

			if (!m->list || m->type != l->type || !str_eq(m->zone, l->zone) ||
			    !str_eq(m->first_file, file))
				continue;
			fresh[i].list = m->list;
			fresh[i].marks = m->marks;
			m->list = NULL;
		}
	}
	for (size_t k = 0; k < state.n; k++)
		mirror_free(&state.v[k]);
	mem_free(state.v);
	state.v = fresh;
	state.n = set->nlists;
}

static unsigned loops_here;

static void begin_transfers(void)
{
	const struct dnsbl_settings *set = role_settings();

	for (size_t i = 0; i < set->nlists; i++)
		if (set->lists[i].nprimaries)
			state.follow[i] = fiber_start("transfer", dnsbl_follow, &set->lists[i]);
}

WAITS static void end_transfers(void)
{
	for (size_t i = 0; i < LIM_RBL_LISTS; i++)
		if (state.follow[i]) {
			fiber_cancel(state.follow[i]);
			(void)!fiber_join(state.follow[i]);
			state.follow[i] = NULL;
		}
}

WAITS static err begin(const struct role_env *env)
{
	arrange(role_settings());
	loops_here = env->loops;
	look_at_all(loops_here);
	publish(loops_here);
	state.watch = fiber_start("watch", watch, &loops_here);
	begin_transfers();
	return OK;
}

WAITS static void end_watch(void)
{
	if (!state.watch)
		return;
	fiber_cancel(state.watch);
	(void)!fiber_join(state.watch);
	state.watch = NULL;
}

WAITS static err start(const struct role_env *env)
{
	atomic_store(&state.served, served_new(0));
	return begin(env);
}

WAITS static err reload(const struct role_env *env)
{
	end_transfers();
	end_watch();
	return begin(env);
}

WAITS static void stop(void)
{
	end_transfers();
	end_watch();
	served_free(atomic_exchange(&state.served, NULL));
	for (size_t i = 0; i < state.n; i++)
		mirror_free(&state.v[i]);
	mem_free(state.v);
	state.v = NULL;
	state.n = 0;
}

/* ---- control: GET /lists, POST /accept/ZONE, POST /check ---- */

static void print_alarms(const struct mirror *m, struct buf *out)
{
	const struct {
		bool on;
		const char *name;
	} all[] = { { m->old, "age" },
		    { m->shrunk, "shrink" },
		    { m->broken, "broken" },
		    { m->expired, "expired" },
		    { m->untested, "test" } };
	bool any = false;

	buf_addc(out, '[');
	for (size_t i = 0; i < COUNT(all); i++)
		if (all[i].on) {
			buf_fmt(out, "%s\"%s\"", any ? ", " : "", all[i].name);
			any = true;
		}
	buf_addc(out, ']');
}

static err print_lists(struct buf *out)
{
	buf_add(out, STR("{\"lists\": ["));
	for (size_t i = 0; i < state.n; i++) {
		const struct mirror *m = &state.v[i];

		buf_fmt(out,
			"%s\n  {\"zone\": \"%.*s\", \"type\": \"%.*s\", \"entries\": %zu, "
			"\"octets\": %zu, \"changed\": %lld, \"alarms\": ",
			i ? "," : "", STRF(m->zone), STRF(rbl_type_name(m->type)),
			m->list ? list_entries(m->list) : 0, m->list ? list_octets(m->list) : 0,
			(long long)dnsbl_newest(&m->marks));
		print_alarms(m, out);
		buf_addc(out, '}');
	}
	buf_add(out, STR("\n]}\n"));
	return buf_done(out);
}

WAITS static err control(str method, str path, str body, struct buf *json)
{
	bool found = false;

	(void)body;
	if (str_eq(method, STR("GET")) && str_eq(path, STR("/lists")))
		return print_lists(json);
	if (!str_eq(method, STR("POST")))
		return fail(E_NOTFOUND, "no such path");
	for (size_t i = 0; i < state.n && str_starts(path, STR("/accept/")); i++)
		if (str_eqi(state.v[i].zone, str_skip(path, 8)))
			found = state.v[i].accept = true;
	if (!found && !str_eq(path, STR("/check")))
		return fail(E_NOTFOUND, "no such list");
	end_watch();
	look_at_all(loops_here);
	state.watch = fiber_start("watch", watch, &loops_here);
	return print_lists(json);
}

/* Lists lie where their owners' rsync puts them. */
static void reads(const void *settings, void (*add)(void *arg, str folder), void *arg)
{
	const struct dnsbl_settings *set = settings;

	for (size_t i = 0; i < set->nlists; i++)
		for (size_t k = 0; !set->lists[i].nprimaries && k < set->lists[i].files.n; k++) {
			str file = set->lists[i].files.v[k];

			add(arg, str_take(file, str_rfind(file, '/')));
		}
}

static const struct listener listeners[] = {
	{ .kind = "dnsbl", .port = 54, .session = session, .datagram = datagram },
};
static const struct role_list lists[] = { { "lists", dnsbl_list_keys, DNSBL_LIST_KEYS } };

const struct role role_dnsbl = {
	.name = "dnsbl",
	.user = "posta-dnsbl",
	.may = MAY_CONNECT | MAY_DATA,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.settings = sizeof(struct dnsbl_settings),
	.read = dnsbl_read,
	.reads = reads,
	.start = start,
	.reload = reload,
	.stop = stop,
	.control = control,
	.keys = dnsbl_keys,
	.nkeys = DNSBL_KEYS,
	.lists = lists,
	.nlists = COUNT(lists),
};
