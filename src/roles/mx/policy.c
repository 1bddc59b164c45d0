#include "roles/mx/mx.h"

#include "run/log.h"
#include "run/metrics.h"

#define REFUSED(id, why)                                                                           \
	METRIC(id, "posta_mx_connections_refused_total", "why=\"" why "\"", METRIC_COUNTER,        \
	       "Connections refused with 421, by reason.")
REFUSED(m_full, "full");
REFUSED(m_network, "network");
REFUSED(m_rate, "rate");
REFUSED(m_dictionary, "dictionary");
METRIC(m_tarpit, "posta_mx_tarpitted_total", "", METRIC_COUNTER, "Answers that were held back.");

/* The network that a connection is counted under. */
static str place_of(const struct smtp_info *i, char out[17])
{
	return net_prefix(i->peer, 24, 64, out);
}

static void shed(struct verdict *v, struct metric *m, const char *why)
{
	metric_add(m, 1);
	verdict_set(v, "421 4.7.0 %s", why);
	v->close = true;
}

/* All connections together have the empty key. */
WAITS err mx_connect(struct smtp_info *i, struct verdict *v)
{
	const struct mx_settings *set = mx_settings();
	struct mx *mx = mx_here();
	char room[17];
	str key = place_of(i, room);
	int64_t all = tally_enter(mx->now, STR("")), here = tally_enter(mx->now, key);
	int64_t lately = rates_add(mx->connects, key, 1);

	i->role_session = mx_lines_new(i->session);
	if (net_is_unix(i->peer))
		return OK; /* relay of this node: it limits itself */
	if (all > set->connections)
		shed(v, &m_full, "Too busy, come again");
	else if (here > set->connections_network)
		shed(v, &m_network, "Too many connections from your network");
	else if (set->connection_rate && lately > set->connection_rate)
		shed(v, &m_rate, "Too many connections in a minute from your network");
	else if (rates_add(mx->unknown, key, 0) > set->unknown_refuse)
		shed(v, &m_dictionary, "Too many unknown recipients from your network");
	return OK;
}

void mx_gone(struct smtp_info *i)
{
	char room[17];

	/* Not there when the session ended before mx_connect. */
	if (!i->role_session)
		return;
	mx_lines_close(i->role_session);
	tally_leave(mx_here()->now, place_of(i, room));
	tally_leave(mx_here()->now, STR(""));
}

void mx_unknown_rcpt(const struct smtp_info *i, struct verdict *v)
{
	const struct mx_settings *set = mx_settings();
	char room[17];
	int64_t n = rates_add(mx_here()->unknown, place_of(i, room), 1);

	verdict_set(v, "550 5.1.1 No such user here");
	if (n > set->unknown_refuse) {
		LOG(LOG_INFO, "mx.dictionary", KI("unknown", n));
		shed(v, &m_dictionary, "Too many unknown recipients");
	} else if (n > set->unknown_slow) {
		/* Slower with each one: half a second more, up to the setting. */
		v->delay = (n - set->unknown_slow) * 500;
		v->delay = v->delay < set->tarpit ? v->delay : set->tarpit;
		metric_add(&m_tarpit, 1);
	}
}

static str lower(str s, char *out, size_t cap)
{
	s = str_take(s, cap);
	for (size_t i = 0; i < s.n; i++)
		out[i] = ch_lower(s.p[i]);
	return str_of(out, s.n);
}

bool mx_rate_ok(str from, str to, struct verdict *v)
{
	const struct mx_settings *set = mx_settings();
	char key[2 * LIM_SMTP_PATH + 1];
	str rcpt = lower(to, key, LIM_SMTP_PATH);

	if (set->rate_recipient && rates_add(mx_here()->rcpt, rcpt, 1) > set->rate_recipient) {
		verdict_set(v, "452 4.2.1 Mailbox gets too much mail now, try again later");
		return false;
	}
	/* '<' is in no address: it keeps the two apart. */
	key[rcpt.n] = '<';
	str sender = lower(from, key + rcpt.n + 1, LIM_SMTP_PATH);

	if (set->rate_pair &&
	    rates_add(mx_here()->pair, str_of(key, rcpt.n + 1 + sender.n), 1) > set->rate_pair) {
		verdict_set(v, "452 4.2.1 You send too much to this mailbox, try again later");
		return false;
	}
	return true;
}
