/* Users of other providers: their realm's home servers decide. */
#include <stdatomic.h>

#include "roles/radius/radius.h"
#include "run/fiber.h"
#include "run/log.h"

/* Of the settings in force; those of older ones stay for requests that are on their way. */
static _Atomic(struct realms *) current;

void radius_open_realms(void)
{
	atomic_store(&current, realms_open(&radius_settings()->realms, atomic_load(&current)));
}

const struct realm *radius_realm(str name)
{
	size_t at = str_rfind(name, '@');

	if (at == name.n || !radius_settings()->realms.n ||
	    dirtable_domain_is_ours(radius_here()->table, str_skip(name, at + 1)))
		return NULL;
	return realms_find(atomic_load(&current), name);
}

WAITS static err pass_on(struct radius_request *r, const struct realm *realm, unsigned *code,
			 struct buf *attributes)
{
	err e = realms_forward(atomic_load(&current), realm, &r->packet, r->nas->secret, code,
			       attributes);

	if (e)
		LOG(LOG_WARN, "radius.realm", KS("realm", realm->name), KE(e));
	return e;
}

WAITS err radius_forward(struct radius_request *r, const struct realm *realm)
{
	CLEANUP(buf_free) struct buf attributes = { 0 };
	unsigned code = 0;

	buf_init(&attributes, RADIUS_MAX);
	TRY(pass_on(r, realm, &code, &attributes));
	if (code != RADIUS_ACCESS_ACCEPT && code != RADIUS_ACCESS_REJECT &&
	    code != RADIUS_ACCESS_CHALLENGE)
		return fail(E_SYNTAX, "a home server answered with code %u", code);
	radius_answer(r, (enum radius_code)code);
	radius_put_raw(&r->reply, buf_str(&attributes));
	return OK;
}

WAITS err radius_forward_accounting(struct radius_request *r, const struct realm *realm)
{
	CLEANUP(buf_free) struct buf attributes = { 0 };
	unsigned code = 0;

	buf_init(&attributes, RADIUS_MAX);
	TRY(pass_on(r, realm, &code, &attributes));
	return code == RADIUS_ACCOUNTING_RESPONSE
		       ? OK
		       : fail(E_SYNTAX, "a home server answered with code %u", code);
}
