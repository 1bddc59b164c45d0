#include "roles/mx/mx.h"

#include <string.h>

#include "run/log.h"
#include "services/digest/digest.h"

static struct mx_home *home_of(str backend)
{
	const struct mx_settings *set = mx_settings();

	for (size_t i = 1; i < set->nhomes; i++) {
		if (str_eq(set->homes[i].name, backend))
			return &set->homes[i];
	}
	return NULL;
}

static err grow(struct mx_batch *b)
{
	size_t room = b->room ? b->room * 2 : 4;

	if (b->n < b->room)
		return OK;
	struct mx_copy *v = NEW_TRY(b->a, struct mx_copy, room);

	if (!v)
		return fail(E_LIMIT, "no memory for %zu copies", room);
	if (b->n)
		memcpy(v, b->v, b->n * sizeof(*v));
	b->v = v;
	b->room = room;
	return OK;
}

/* One copy a user, however many of the message's addresses lead there. */
static err add(struct mx_batch *b, const struct mx_copy *c, size_t *at)
{
	for (*at = 0; *at < b->n; ++*at) {
		const struct mx_copy *o = &b->v[*at];

		if (o->owner == c->owner && o->user == c->user && str_eqi(o->address, c->address))
			return OK;
	}
	TRY(grow(b));
	b->v[b->n++] = *c;
	return OK;
}

static struct mx_copy copy_of(const struct dir_user *u, str orcpt, size_t owner)
{
	struct mx_copy c = { .user = u->id,
			     .address = u->login,
			     .home = home_of(u->backend),
			     .moving = u->state == HOME_MOVING,
			     .orcpt = orcpt,
			     .owner = owner };

	if (!c.home)
		LOG(LOG_ERROR, "mx.backend_unknown", KS("backend", u->backend),
		    KS("user", u->login));
	c.state = c.moving || !c.home ? COPY_AWAY : COPY_NEW;
	if (u->flags & USER_DISABLED) {
		c.state = COPY_FAILED;
		c.reply = (struct smtp_reply){ 550, "5.2.1", "550 5.2.1 Mailbox is disabled" };
	}
	return c;
}

/* Only a store of ours gives such addresses, and reads them. */
static err keep_release(struct mx_batch *b, str detail, struct mx_copy *c)
{
	str local, domain;

	if (!digest_is_release(detail) || (c->home && c->home->spam != BACKEND_SPAM_POSTA) ||
	    !str_cut(c->address, '@', &local, &domain))
		return OK;
	c->release = true;
	c->address = arena_fmt(b->a, "%.*s+%.*s@%.*s", STRF(local), STRF(detail), STRF(domain));
	return c->address.p ? OK : fail(E_LIMIT, "no memory for a recipient");
}

static struct mx_copy copy_elsewhere(str address, str orcpt, size_t owner)
{
	return (struct mx_copy){ .state = COPY_WELCOME,
				 .home = &mx_settings()->homes[0],
				 .address = address,
				 .orcpt = orcpt,
				 .owner = owner };
}

err mx_route_elsewhere(struct mx_batch *b, str address, size_t owner)
{
	str orcpt = arena_fmt(b->a, "rfc822;%.*s", STRF(address));
	struct mx_copy c = copy_elsewhere(address, orcpt, owner);
	size_t at;

	if (!orcpt.p)
		return fail(E_LIMIT, "no memory for the recipients of one message");
	return add(b, &c, &at);
}

/* What one target of an alias is. The directory has expanded it: users' logins and addresses
 * elsewhere. */
static err add_target(struct mx_batch *b, str target, str orcpt, size_t owner, size_t *idx,
		      size_t *n)
{
	struct dir_answer t;
	struct mx_copy c;

	TRY(dirtable_address(mx_here()->table, target, b->a, &t));
	if (t.what == DIR_USER)
		c = copy_of(&t.user, orcpt, owner);
	else if (t.what == DIR_FOREIGN)
		c = copy_elsewhere(target, orcpt, owner);
	else
		return OK; /* gone since, or a loop */
	TRY(add(b, &c, &idx[*n]));
	++*n;
	return OK;
}

err mx_route(struct mx_batch *b, str address, size_t owner, enum dir_what *what, size_t **idx,
	     size_t *n)
{
	struct dir_answer a;
	str orcpt = arena_fmt(b->a, "rfc822;%.*s", STRF(address));

	*n = 0;
	TRY(dirtable_address(mx_here()->table, address, b->a, &a));
	*what = a.what;
	*idx = NEW_TRY(b->a, size_t, a.what == DIR_ALIAS ? a.ntargets + 1 : 1);
	if (!*idx || !orcpt.p)
		return fail(E_LIMIT, "no memory for the recipients of one message");
	if (a.what == DIR_USER) {
		struct mx_copy c = copy_of(&a.user, orcpt, owner);

		TRY(keep_release(b, a.detail, &c));
		*n = 1;
		return add(b, &c, *idx);
	}
	for (size_t i = 0; a.what == DIR_ALIAS && i < a.ntargets; i++)
		TRY(add_target(b, a.targets[i], orcpt, owner, *idx, n));
	if (a.what == DIR_ALIAS && !*n)
		*what = DIR_UNKNOWN;
	return OK;
}
