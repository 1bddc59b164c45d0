/* Access-Request: who, how the password is proven, what the account may. */
#include "formats/radius/eap.h"
#include "formats/radius/mschap.h"
#include "roles/radius/radius.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(wrong, "posta_radius_rejects_total", "why=\"password\"", METRIC_COUNTER,
       "Access-Rejects, by reason.");
METRIC(braked, "posta_radius_rejects_total", "why=\"brake\"", METRIC_COUNTER,
       "Access-Rejects, by reason.");
METRIC(not_allowed, "posta_radius_rejects_total", "why=\"account\"", METRIC_COUNTER,
       "Access-Rejects, by reason.");

/* The brake counts the station that calls: the access server is everybody's. One that does not name
 * the station is counted by its port; where it names neither, only accounts are counted. */
static void set_place(struct radius_login *l)
{
	struct buf b;
	uint32_t port;
	str id;

	buf_init(&b, sizeof(l->place));
	if (l->calling.n)
		buf_add(&b, l->calling);
	else if (radius_find(&l->r->packet, RADIUS_NAS_PORT_ID, &id) && id.n)
		buf_fmt(&b, "%.*s/%.*s", STRF(str_take(l->client->nas.name, 60)), STRF(id));
	else if (radius_find_u32(&l->r->packet, RADIUS_NAS_PORT, &port))
		buf_fmt(&b, "%.*s/%u", STRF(str_take(l->client->nas.name, 60)), port);
	for (l->nplace = 0; l->nplace < b.n; l->nplace++)
		l->place[l->nplace] = b.p[l->nplace];
	buf_free(&b);
}

/* Who it is, before any password: an account that takes every password needs none. */
WAITS static err find_user(struct radius_login *l)
{
	struct radius_here *h = radius_here();
	struct arena *a = &l->r->arena;
	err e = dirtable_login(h->table, l->name, l->set->default_domain, a, &l->user);

	if (e == E_NOTFOUND)
		return OK;
	TRY(e);
	l->known = true;
	return access_find(h->access, l->user.id, a, &l->access);
}

/* The strongest proof that the request has. */
WAITS static err prove(struct radius_login *l, bool *challenge)
{
	const struct radius_packet *p = &l->r->packet;
	str value, question;

	if (radius_find(p, RADIUS_EAP_MESSAGE, &value))
		return radius_eap(l, challenge);
	bool ms = radius_find_vendor(p, VENDOR_MICROSOFT, MS_CHAP_CHALLENGE, &question);

	if (ms && radius_find_vendor(p, VENDOR_MICROSOFT, MS_CHAP2_RESPONSE, &value))
		return radius_mschap2(l, question, value);
	if (ms && radius_find_vendor(p, VENDOR_MICROSOFT, MS_CHAP_RESPONSE, &value))
		return radius_mschap1(l, question, value);
	if (l->known && l->access.enabled && l->access.any_password)
		return OK;
	if (radius_find(p, RADIUS_CHAP_PASSWORD, &value))
		return radius_chap_login(l, value);
	if (radius_find(p, RADIUS_USER_PASSWORD, &value))
		return radius_pap(l, value);
	return fail(E_DENIED, "no password of any kind");
}

/* RFC 2759 6, RFC 2548 2.1.5: no retry, and no hint. */
static void put_mschap_error(struct radius_login *l)
{
	const struct radius_packet *p = &l->r->packet;
	str value;
	char text[40] = "?E=691 R=0 V=3";

	if (!radius_find_vendor(p, VENDOR_MICROSOFT, MS_CHAP2_RESPONSE, &value) &&
	    !radius_find_vendor(p, VENDOR_MICROSOFT, MS_CHAP_RESPONSE, &value))
		return;
	text[0] = value.n ? value.p[0] : 0;
	radius_put_vendor(&l->r->reply, VENDOR_MICROSOFT, MS_CHAP_ERROR, str_of(text, 14));
}

/* message: "" or what the customer may know. */
static err reject(struct radius_login *l, struct metric *m, str message)
{
	struct radius_request *r = l->r;

	radius_answer(r, RADIUS_ACCESS_REJECT);
	r->delay = true;
	metric_add(m, 1);
	put_mschap_error(l);
	if (l->eap.n)
		radius_put_split(&r->reply, RADIUS_EAP_MESSAGE, buf_str(&l->eap));
	if (message.n && l->set->reply_messages)
		radius_put(&r->reply, RADIUS_REPLY_MESSAGE, message);
	return OK;
}

/* An EAP exchange that succeeded ends otherwise after all. */
static void eap_fails(struct radius_login *l)
{
	if (!l->eap.n)
		return;
	unsigned id = l->eap.n > 1 ? (unsigned char)l->eap.p[1] : 0;

	buf_reset(&l->eap);
	eap_print(&l->eap, EAP_FAILURE, id, 0, STR(""));
}

WAITS static err judge(struct radius_login *l)
{
	int64_t left;
	str why;

	TRY(radius_check_items(l, &why, &left));
	if (!why.n)
		return radius_accept(l, left);
	LOG(LOG_INFO, "radius.refused", KS("login", l->user.login), KS("nas", l->client->nas.name),
	    KS("calling", l->calling), KS("why", why));
	eap_fails(l);
	return reject(l, &not_allowed, why);
}

WAITS static err decide(struct radius_login *l)
{
	bool challenge = false;

	TRY(find_user(l));
	err e = prove(l, &challenge);

	switch (e) {
	case OK:
		return challenge ? OK : judge(l);
	case E_LIMIT:
		eap_fails(l);
		return reject(l, &braked, STR(""));
	case E_DENIED:
	case E_NOTFOUND:
	case E_SYNTAX:
		eap_fails(l);
		return reject(l, &wrong, STR(""));
	default:
		LOG(LOG_WARN, "radius.unanswered", KS("nas", l->client->nas.name), KE(e));
		return e;
	}
}

err radius_access(struct radius_request *r)
{
	struct radius_login l = {
		.r = r, .client = r->nas->more, .set = radius_settings(), .ms_success = STR("")
	};

	(void)radius_find(&r->packet, RADIUS_USER_NAME, &l.name);
	(void)radius_find(&r->packet, RADIUS_CALLING_STATION, &l.calling);
	const struct realm *realm = radius_realm(l.name);

	if (realm)
		return radius_forward(r, realm);
	set_place(&l);
	buf_init(&l.eap, EAP_MAX);
	err e = l.name.n ? decide(&l) : reject(&l, &wrong, STR(""));

	buf_free(&l.eap);
	mem_wipe(&l, sizeof(l));
	return e;
}
