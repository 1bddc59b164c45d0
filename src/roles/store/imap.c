#include "sessions/imap/imap.h"
#include "base/limits.h"
#include "roles/store/store.h"
#include "run/log.h"

static str hostname(void)
{
	return store_settings()->hostname;
}

/* The listener closes those that it does not name, so that a peer's word for who the user is
 * counts; each use is logged. */
static WAITS err login_as(struct stream *io, str login, str origin, struct box **out)
{
	CLEANUP(arena_free) struct arena a;
	struct dir_user user;

	arena_init(&a, KIB(64));
	err e = dirtable_login(store_here()->table, login, STR(""), &a, &user);
	if (!e && (user.flags & (USER_DISABLED | USER_NO_LOGIN)))
		e = fail(E_DENIED, "user may not log in");
	if (!e)
		e = store_open_box(&user, out);
	LOG(e == OK ? LOG_INFO : LOG_WARN, "store.imap", KS("user", login), KS("customer", origin),
	    KI("ok", e == OK));
	return e;
}

static WAITS err refuse(struct stream *io, str login, str origin, struct box **out)
{
	LOG(LOG_WARN, "store.imap.stranger", KS("user", login));
	return fail(E_DENIED, "the peer is not a role that may name users");
}

static bool yes(struct stream *io)
{
	return true;
}

WAITS err store_imap_session(struct stream *io, const struct listener *l)
{
	const struct store_settings *set = store_settings();
	bool known = role_peer(io, l).n > 0;
	const struct imap_role role = {
		.hostname = hostname,
		.draining = role_draining,
		.resting = role_idle,
		.spool_dir = set->lmtp.spool_dir,
		.message_max = (uint64_t)set->message_max,
		.login_as = known ? login_as : refuse,
		.trusted = known ? yes : NULL,
		.lesson = store_learns() ? store_lesson : NULL,
	};

	return imap_session(io, &role);
}
