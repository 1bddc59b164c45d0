#include "base/limits.h"
#include "roles/store/store.h"
#include "run/log.h"
#include "sessions/pop3/pop3.h"

static str hostname(void)
{
	return store_settings()->hostname;
}

/* Only the roles that the listener names come this far, so that the name is taken as given; each
 * use is logged. */
static WAITS err login_as(struct stream *io, str login, struct box **out)
{
	CLEANUP(arena_free) struct arena a;
	struct dir_user user;

	arena_init(&a, KIB(64));
	TRY(dirtable_login(store_here()->table, login, STR(""), &a, &user));
	err e = user.flags & (USER_DISABLED | USER_NO_LOGIN) ? fail(E_DENIED, "user may not log in")
							     : store_open_box(&user, out);

	LOG(e == OK ? LOG_INFO : LOG_WARN, "store.pop3", KS("user", user.login), KI("ok", e == OK));
	return e;
}

WAITS err store_pop3_session(struct stream *io, const struct listener *l)
{
	static const struct pop3_role role = { .hostname = hostname, .login_as = login_as };

	return pop3_session(io, &role);
}
