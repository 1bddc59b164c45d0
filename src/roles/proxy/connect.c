#include "roles/proxy/connect.h"

#include "base/limits.h"
#include "clients/mailbox/mailbox_login.h"
#include "run/log.h"

enum {
	CONNECT = 5000, /* milliseconds for one connection and its login */
	PAUSE = 200,	/* between two tries */
};

static enum login_how how_to(const struct backend *b)
{
	return b->internal ? LOGIN_EXTERNAL : b->master_user.n ? LOGIN_MASTER : LOGIN_OWN;
}

static WAITS err log_in(struct stream *io, const struct backend *b, const struct net_addr *peer,
			str service, const struct dir_user *user, str password, struct arena *a,
			str *capability)
{
	const struct mailbox_login who = { .how = how_to(b),
					   .name = user->login,
					   .authcid = b->master_user,
					   .password =
						   b->master_user.n ? b->master_password : password,
					   .customer = b->internal ? peer : NULL };

	if (who.how == LOGIN_OWN && !password.n)
		return fail(E_DENIED, "back-end %.*s needs the password in clear, or a master user",
			    STRF(b->name));
	if (str_eq(service, STR("imap")))
		return imap_login(io, &who, a, capability);
	return pop3_login(io, &who);
}

/* One try at one address. */
static WAITS err try_address(const struct net_addr *to, const struct backend *b,
			     const struct net_addr *peer, str service, const struct dir_user *user,
			     str password, struct arena *a, struct login_back *out)
{
	msec deadline = clock_in(CONNECT);
	int fd;

	TRY(net_connect(to, NULL, deadline, &fd));
	struct stream *io = stream_open(fd, to);

	stream_deadline(io, deadline);
	err e = log_in(io, b, peer, service, user, password, a, &out->capability);

	if (e == OK)
		out->io = io;
	else
		stream_close(io);
	return e;
}

/* One try at each address of the user's back-end as the directory has it now. */
static WAITS err try_backend(const struct proxy_backends *all, const struct net_addr *peer,
			     str service, const struct dir_user *user, str password,
			     struct arena *a, struct login_back *out)
{
	const struct backend *b = backends_find(&all->all, user->backend);
	enum backend_protocol p = str_eq(service, STR("imap")) ? BACKEND_IMAP : BACKEND_POP3;
	err e = E_AGAIN;

	if (!b)
		return fail(E_AGAIN, "posta.conf names no back-end \"%.*s\"", STRF(user->backend));
	if (user->state == HOME_MOVING)
		return fail(E_AGAIN, "the mailbox is being moved");
	for (size_t i = 0; i < b->naddr[p]; i++) {
		e = try_address(&b->addr[p][i], b, peer, service, user, password, a, out);
		if (e == OK || e == E_DENIED || e == E_CANCELED)
			return e;
	}
	return e;
}

WAITS err proxy_connect(const struct proxy_backends *b, struct dirtable *table,
			const struct net_addr *peer, str service, const struct dir_user *user,
			str password, struct arena *a, struct login_back *out)
{
	CLEANUP(arena_free) struct arena scratch;
	msec end = clock_in(b->hold);
	uint64_t id = user->id;

	arena_init(&scratch, KIB(64));
	for (;;) {
		struct dir_user now = *user;

		/* A table that is away still serves: the user was just verified. */
		(void)!dirtable_user(table, id, &scratch, &now);
		err e = try_backend(b, peer, service, &now, password, a, out);

		if (e == OK || e == E_DENIED || e == E_CANCELED || clock_now() >= end)
			return e;
		TRY(fiber_sleep(clock_in(PAUSE)));
		arena_reset(&scratch);
	}
}
