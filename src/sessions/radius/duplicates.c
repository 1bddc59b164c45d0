#include <string.h>

#include "run/metrics.h"
#include "sessions/radius/internal.h"

METRIC(remembered, "posta_radius_remembered", "", METRIC_GAUGE,
       "Requests remembered, so that a repetition gets the same answer.");

enum { KEY = 64 };

struct duplicate {
	struct link by_age;
	uint64_t ticket;
	msec until;
	bool answered;
	unsigned char authenticator[RADIUS_AUTH];
	size_t nkey, nanswer;
	char key[KEY];
	char *answer;
};

void duplicates_init(struct duplicates *d)
{
	map_init(&d->by_key);
	list_init(&d->by_age);
}

static void forget(struct duplicates *d, struct duplicate *n)
{
	(void)map_remove(&d->by_key, str_of(n->key, n->nkey));
	(void)map_remove(&d->by_key, str_of(&n->ticket, sizeof(n->ticket)));
	list_remove(&n->by_age);
	mem_free(n->answer);
	mem_free(n);
	metric_add(&remembered, -1);
}

void duplicates_free(struct duplicates *d)
{
	while (!list_empty(&d->by_age))
		forget(d, CONTAINER(d->by_age.next, struct duplicate, by_age));
	map_free(&d->by_key);
}

/* Address, port, identifier, and which of our ports was asked. */
static size_t key_of(const struct radius_source *from, const struct radius_packet *p,
		     enum radius_port port, char out[KEY])
{
	char prefix[17];
	str ip = net_prefix(&from->path.peer, 32, 128, prefix);
	unsigned peer_port = net_port(&from->path.peer);
	const void *where = from->stream;

	out[0] = (char)port;
	out[1] = (char)p->id;
	out[2] = (char)(peer_port >> 8);
	out[3] = (char)peer_port;
	memcpy(out + 4, &where, sizeof(where));
	memcpy(out + 4 + sizeof(where), ip.p, ip.n);
	return 4 + sizeof(where) + ip.n;
}

static void forget_old(struct duplicates *d, msec now)
{
	while (!list_empty(&d->by_age)) {
		struct duplicate *n = CONTAINER(d->by_age.next, struct duplicate, by_age);

		if (n->until > now)
			return;
		forget(d, n);
	}
}

enum duplicate_what duplicates_look(struct duplicates *d, const struct radius_source *from,
				    const struct radius_packet *p, enum radius_port port,
				    const struct radius_limits *lim, uint64_t *ticket, str *answer)
{
	msec now = clock_now();
	char key[KEY];
	size_t nkey = key_of(from, p, port, key);

	forget_old(d, now);
	struct duplicate *n = map_get(&d->by_key, str_of(key, nkey));

	if (n && memcmp(n->authenticator, p->authenticator, RADIUS_AUTH) == 0) {
		*answer = str_of(n->answer, n->nanswer);
		return n->answered ? DUPLICATE_ANSWERED : DUPLICATE_AT_WORK;
	}
	if (n)
		forget(d, n); /* the identifier is used again */
	*ticket = 0;
	if ((int64_t)d->by_key.n / 2 >= lim->duplicates && !list_empty(&d->by_age))
		forget(d, CONTAINER(d->by_age.next, struct duplicate, by_age));
	n = MEM_NEW(struct duplicate);
	n->ticket = ++d->tickets;
	n->until = now + lim->remember;
	memcpy(n->authenticator, p->authenticator, RADIUS_AUTH);
	memcpy(n->key, key, nkey);
	n->nkey = nkey;
	list_add_tail(&d->by_age, &n->by_age);
	(void)map_put(&d->by_key, str_of(n->key, n->nkey), n);
	(void)map_put(&d->by_key, str_of(&n->ticket, sizeof(n->ticket)), n);
	metric_add(&remembered, 1);
	*ticket = n->ticket;
	return DUPLICATE_NEW;
}

void duplicates_answered(struct duplicates *d, uint64_t ticket, str answer)
{
	struct duplicate *n = map_get(&d->by_key, str_of(&ticket, sizeof(ticket)));

	if (!n)
		return;
	if (!answer.n) {
		forget(d, n);
		return;
	}
	n->answer = mem_get(answer.n);
	memcpy(n->answer, answer.p, answer.n);
	n->nanswer = answer.n;
	n->answered = true;
}
