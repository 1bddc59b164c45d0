/* What an account may, and what its access server is told. */
#include <arpa/inet.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/date.h"
#include "formats/radius/mschap.h"
#include "formats/radius/password.h"
#include "roles/radius/radius.h"
#include "run/log.h"

enum { FRAMED = 2, PPP = 1, DAY = 86400, MIKROTIK_RATE = 8, WISPR_UP = 7, WISPR_DOWN = 8 };

/* ---- check items ---- */

/* Octets that telephone numbers and MAC addresses are written with. */
static bool counts(char c)
{
	return c != '-' && c != ':' && c != '.' && c != ' ';
}

/* "0810*", "00:11:22:33:44:55": without regard to case and to how it is grouped. */
static bool fits(str pattern, str value)
{
	size_t i = 0;

	for (size_t k = 0; k < pattern.n; k++) {
		if (!counts(pattern.p[k]))
			continue;
		if (pattern.p[k] == '*' && k == pattern.n - 1)
			return true;
		while (i < value.n && !counts(value.p[i]))
			i++;
		if (i == value.n || ch_lower(value.p[i]) != ch_lower(pattern.p[k]))
			return false;
		i++;
	}
	while (i < value.n && !counts(value.p[i]))
		i++;
	return i == value.n;
}

static bool fits_any(str patterns, str value)
{
	if (!patterns.n)
		return true;
	for (str one; str_next(&patterns, ',', &one);)
		if (fits(str_trim(one), value))
			return true;
	return false;
}

/* Seconds that the hours and the last day leave; 0: none; INT64_MAX: no end. */
static int64_t time_left(const struct radius_login *l, str *why)
{
	struct radius_hours hours;
	int64_t now = clock_unix(), left = INT64_MAX;
	struct date d = date_of(now, l->set->zone);

	if (l->access.expires) {
		left = l->access.expires + DAY - l->set->zone * 60 - now;
		if (left <= 0) {
			*why = STR("This account has expired");
			return 0;
		}
	}
	if (!l->access.hours.n || radius_hours_parse(l->access.hours, &hours))
		return left;
	unsigned minutes = radius_hours_left(
		&hours, (unsigned)(d.weekday * HOURS_DAY + d.hour * 60 + d.minute));

	if (!minutes)
		*why = STR("This account may not log in at this hour");
	if (minutes < HOURS_WEEK && (int64_t)minutes * 60 - d.second < left)
		left = (int64_t)minutes * 60 - d.second;
	return left < 0 ? 0 : left;
}

/* Open sessions, but for the one that this port had: its Stop was lost, since it asks again. */
WAITS static err too_many(struct radius_login *l, bool *out)
{
	struct acct_open *open;
	size_t n = 0, others = 0;
	uint32_t port;
	bool has_port = radius_find_u32(&l->r->packet, RADIUS_NAS_PORT, &port);

	*out = false;
	if (!l->access.sessions)
		return OK;
	err e = acct_sessions_of(radius_here()->acct, l->user.login, (size_t)l->access.sessions + 8,
				 &l->r->arena, &open, &n);

	if (e && e != E_AGAIN) /* away: what this server has seen counts */
		return e;
	for (size_t i = 0; i < n; i++)
		others += !(has_port && open[i].port == port &&
			    str_eq(open[i].nas, l->client->nas.name));
	*out = others >= (size_t)l->access.sessions;
	return OK;
}

err radius_check_items(struct radius_login *l, str *why, int64_t *left)
{
	bool many = false;
	str called;

	*why = STR("");
	*left = INT64_MAX;
	(void)radius_find(&l->r->packet, RADIUS_CALLED_STATION, &called);
	if (l->user.flags & (USER_DISABLED | USER_NO_LOGIN))
		*why = STR("This account is disabled");
	else if (!l->access.enabled)
		*why = STR("This account has no dial-up access");
	else if (!fits_any(l->access.nas, l->client->nas.name))
		*why = STR("This account may not log in here");
	else if (!fits_any(l->access.called, called))
		*why = STR("This account may not call this number");
	else if (!fits_any(l->access.calling, l->calling))
		*why = STR("This account may not log in from there");
	else
		*left = time_left(l, why);
	if (why->n)
		return OK;
	TRY(too_many(l, &many));
	if (many)
		*why = STR("This account is in use");
	return OK;
}

/* ---- the answer ---- */

static void put_ip(struct radius_writer *w, unsigned type, int family, str text)
{
	unsigned char ip[16];
	char z[64];

	if (text.n && !str_to_z(text, z, sizeof(z)) && inet_pton(family, z, ip) == 1)
		radius_put(w, type, str_of(ip, family == AF_INET ? 4 : 16));
}

/* RFC 4818 3: a length in bits and the octets that it needs. */
static void put_prefix6(struct radius_writer *w, str text)
{
	unsigned char b[18] = { 0 };
	char z[64];
	uint64_t bits;
	str address, length;

	if (!str_cut(text, '/', &address, &length) || str_u64(length, 128, &bits) ||
	    str_to_z(address, z, sizeof(z)) || inet_pton(AF_INET6, z, b + 2) != 1)
		return;
	b[1] = (unsigned char)bits;
	radius_put(w, RADIUS_DELEGATED_IPV6_PREFIX, str_of(b, 2 + (bits + 7) / 8));
}

static void put_rates(struct radius_login *l, int64_t up, int64_t down)
{
	enum radius_nas_type t = l->client->type;
	struct radius_writer *w = &l->r->reply;
	unsigned char number[4];
	struct buf text;

	if ((!up && !down) || t == NAS_PLAIN)
		return;
	if (t == NAS_ANY || t == NAS_MIKROTIK) {
		buf_init(&text, 64);
		buf_fmt(&text, "%lldk/%lldk", (long long)up, (long long)down);
		radius_put_vendor(w, VENDOR_MIKROTIK, MIKROTIK_RATE, buf_str(&text));
		buf_free(&text);
	}
	if (t == NAS_MIKROTIK)
		return;
	for (int i = 0; i < 2; i++) { /* WISPr: bit/s in 32 bits */
		int64_t bits = (i ? down : up) * 1000;

		if (!bits)
			continue;
		radius_set32(number, bits > UINT32_MAX ? UINT32_MAX : (uint32_t)bits);
		radius_put_vendor(w, VENDOR_WISPR, i ? WISPR_DOWN : WISPR_UP, str_of(number, 4));
	}
}

static void put_salted(struct radius_login *l, unsigned type, const unsigned char key[16])
{
	unsigned char hidden[RADIUS_VALUE], salt[2];
	size_t n;

	if (RAND_bytes(salt, sizeof(salt)) == 1 &&
	    radius_salted_hide(l->r->nas->secret, l->r->packet.authenticator,
			       (unsigned)salt[0] << 8 | salt[1], str_of(key, 16), 0, hidden,
			       &n) == OK)
		radius_put_vendor(&l->r->reply, VENDOR_MICROSOFT, type, str_of(hidden, n));
}

/* RFC 2548 2.4: encryption is allowed, of 40 and 128 bits. */
static void put_mppe(struct radius_login *l)
{
	static const unsigned char policy[4] = { 0, 0, 0, 1 }, types[4] = { 0, 0, 0, 6 };
	struct radius_writer *w = &l->r->reply;
	unsigned char hidden[RADIUS_PASSWORD];
	size_t n;

	if (!l->ms_keys && !l->ms1)
		return;
	radius_put_vendor(w, VENDOR_MICROSOFT, MS_MPPE_ENCRYPTION_POLICY, str_of(policy, 4));
	radius_put_vendor(w, VENDOR_MICROSOFT, MS_MPPE_ENCRYPTION_TYPES, str_of(types, 4));
	if (l->ms_keys) {
		put_salted(l, MS_MPPE_SEND_KEY, l->send);
		put_salted(l, MS_MPPE_RECV_KEY, l->receive);
	} else if (!radius_password_hide(l->r->nas->secret, l->r->packet.authenticator,
					 str_of(l->ms1_keys, sizeof(l->ms1_keys)), hidden, &n)) {
		radius_put_vendor(w, VENDOR_MICROSOFT, MS_CHAP_MPPE_KEYS, str_of(hidden, n));
	}
}

static void put_method(struct radius_login *l)
{
	char success[1 + MSCHAP_AUTHENTICATOR];

	if (l->ms_success.n == MSCHAP_AUTHENTICATOR) {
		success[0] = (char)l->ms_ident;
		memcpy(success + 1, l->ms_success.p, MSCHAP_AUTHENTICATOR);
		radius_put_vendor(&l->r->reply, VENDOR_MICROSOFT, MS_CHAP2_SUCCESS,
				  str_of(success, sizeof(success)));
	}
	put_mppe(l);
	if (l->eap.n)
		radius_put_split(&l->r->reply, RADIUS_EAP_MESSAGE, buf_str(&l->eap));
}

/* Attributes as text, which the packet hides: written for it alone. */
static void put_text(struct radius_login *l, str text, const char *whose)
{
	const struct radius_dict *d = radius_here()->dict;
	CLEANUP(buf_free) struct buf wire = { 0 };
	struct radius_hiding hiding = { .secret = l->r->nas->secret,
					.authenticator = l->r->packet.authenticator };
	struct radius_pair *pairs;
	unsigned char salt[2];

	if (!text.n)
		return;
	buf_init(&wire, RADIUS_MAX);
	if (RAND_bytes(salt, sizeof(salt)) == 1)
		hiding.salt = (unsigned)salt[0] << 8 | salt[1];
	err e = d ? radius_pairs_parse(d, text, &l->r->arena, &pairs)
		  : fail(E_NOTFOUND, "there is no dictionary");

	if (!e)
		e = radius_pairs_write(pairs, &hiding, &wire);
	if (e)
		LOG(LOG_WARN, "radius.attributes", KS("of", str_z(whose)),
		    KS("login", l->user.login), KE(e));
	else
		radius_put_raw(&l->r->reply, buf_str(&wire));
}

static int64_t least(int64_t a, int64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

static const struct radius_profile *profile_of(const struct radius_login *l)
{
	const struct radius_profile *p = NULL;

	if (l->access.profile.n) {
		p = radius_profile_find(l->set, l->access.profile);
		if (!p)
			LOG(LOG_WARN, "radius.profile", KS("login", l->user.login),
			    KS("missing", l->access.profile));
	}
	if (!p)
		p = l->client->profile;
	return p ? p : radius_profile_find(l->set, STR("default"));
}

/* A PPP request is told that PPP it is (RFC 2865 5.6, 5.7). */
static void put_service(struct radius_login *l)
{
	uint32_t service = 0, protocol = 0;

	if (radius_find_u32(&l->r->packet, RADIUS_SERVICE_TYPE, &service) && service == FRAMED)
		radius_put_u32(&l->r->reply, RADIUS_SERVICE_TYPE, FRAMED);
	if (radius_find_u32(&l->r->packet, RADIUS_FRAMED_PROTOCOL, &protocol) && protocol == PPP)
		radius_put_u32(&l->r->reply, RADIUS_FRAMED_PROTOCOL, PPP);
}

static void put_address(struct radius_login *l, const struct radius_profile *p)
{
	struct radius_writer *w = &l->r->reply;
	str pool = l->access.pool.n ? l->access.pool : p ? p->pool : STR("");

	put_ip(w, RADIUS_FRAMED_IP_ADDRESS, AF_INET, l->access.address);
	if (!l->access.address.n && pool.n)
		radius_put(w, RADIUS_FRAMED_POOL, pool);
	put_ip(w, RADIUS_FRAMED_IPV6_ADDRESS, AF_INET6, l->access.address6);
	put_prefix6(w, l->access.prefix6);
}

static void put_times(struct radius_login *l, const struct radius_profile *p, int64_t left)
{
	struct radius_writer *w = &l->r->reply;
	int64_t session = least(l->access.session_timeout, p ? p->session_timeout / 1000 : 0);
	int64_t idle = least(l->access.idle_timeout, p ? p->idle_timeout / 1000 : 0);

	if (left < INT64_MAX)
		session = least(session, left > 0 ? left : 1);
	if (session)
		radius_put_u32(w, RADIUS_SESSION_TIMEOUT,
			       session > UINT32_MAX ? UINT32_MAX : (uint32_t)session);
	if (idle)
		radius_put_u32(w, RADIUS_IDLE_TIMEOUT, (uint32_t)idle);
	if (p && p->interim)
		radius_put_u32(w, RADIUS_ACCT_INTERIM_INTERVAL, (uint32_t)(p->interim / 1000));
}

err radius_accept(struct radius_login *l, int64_t left)
{
	const struct radius_profile *p = profile_of(l);
	struct radius_writer *w = &l->r->reply;

	radius_answer(l->r, RADIUS_ACCESS_ACCEPT);
	put_method(l);
	if (l->eap.n) /* RFC 3579 3: who it turned out to be */
		radius_put(w, RADIUS_USER_NAME, l->name);
	put_service(l);
	put_address(l, p);
	put_times(l, p, left);
	put_rates(l,
		  l->access.up_kbit ? l->access.up_kbit
		  : p		    ? p->up_kbit
				    : 0,
		  l->access.down_kbit ? l->access.down_kbit
		  : p		      ? p->down_kbit
				      : 0);
	if (p && p->hidden)
		put_text(l, p->text, "profile");
	else if (p)
		radius_put_raw(w, p->wire);
	put_text(l, l->access.attributes, "user");
	return OK;
}
