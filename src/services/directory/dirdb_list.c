/* Contacts, allowed and blocked senders of a user. */
#include "services/directory/dirdb_state.h"

#include "base/enc.h"
#include "base/limits.h"
#include "services/directory/address.h"

static str pattern_of(const struct dir_address *a)
{
	return a->all; /* "@domain" when local is "" */
}

static err parse(enum dir_list l, str entry, struct dir_address *a)
{
	return l == DIR_LIST_CONTACT ? dir_address_parse(entry, true, a)
				     : dir_pattern_parse(entry, a);
}

static err check_room(struct directory *d, uint64_t user, enum dir_list l)
{
	int64_t n;

	if (l == DIR_LIST_CONTACT)
		TRY(SQL_GET(d->s, &n, "SELECT COUNT(*) FROM contacts WHERE user_id = ?",
			    SQL_I(user)));
	else
		TRY(SQL_GET(d->s, &n, "SELECT COUNT(*) FROM lists WHERE user_id = ? AND block = ?",
			    SQL_I(user), SQL_I(l == DIR_LIST_BLOCK)));
	return n < LIM_DIR_LIST ? OK : fail(E_LIMIT, "the list is full: %d entries", LIM_DIR_LIST);
}

static err add_in_tx(struct directory *d, uint64_t user, enum dir_list l, str entry, str name)
{
	struct dir_address a;
	err e;

	TRY(parse(l, entry, &a));
	TRY(check_room(d, user, l));
	if (name.n > 255 || !utf8_valid(name))
		return fail(E_SYNTAX, "a contact's name is UTF-8 of at most 255 octets");
	if (l == DIR_LIST_CONTACT) {
		e = SQL_RUN(d->s, "INSERT INTO contacts (user_id, address, name) VALUES (?, ?, ?)",
			    SQL_I(user), SQL_T(pattern_of(&a)), SQL_T(name));
	} else {
		TRY(SQL_RUN(d->s,
			    "DELETE FROM lists WHERE user_id = ? AND pattern = ? AND block = ?",
			    SQL_I(user), SQL_T(pattern_of(&a)), SQL_I(l != DIR_LIST_BLOCK)));
		e = SQL_RUN(d->s, "INSERT INTO lists (user_id, pattern, block) VALUES (?, ?, ?)",
			    SQL_I(user), SQL_T(pattern_of(&a)), SQL_I(l == DIR_LIST_BLOCK));
	}
	if (e)
		return e == E_EXISTS ? fail(e, "%.*s is in the list already", STRF(pattern_of(&a)))
				     : e;
	return directory_note(d, "list", user);
}

static err remove_in_tx(struct directory *d, uint64_t user, enum dir_list l, str entry, str name)
{
	struct dir_address a;

	(void)name;
	TRY(parse(l, entry, &a));
	if (l == DIR_LIST_CONTACT)
		TRY(SQL_RUN(d->s, "DELETE FROM contacts WHERE user_id = ? AND address = ?",
			    SQL_I(user), SQL_T(pattern_of(&a))));
	else
		TRY(SQL_RUN(d->s,
			    "DELETE FROM lists WHERE user_id = ? AND pattern = ? AND block = ?",
			    SQL_I(user), SQL_T(pattern_of(&a)), SQL_I(l == DIR_LIST_BLOCK)));
	if (!sql_changed(d->s))
		return fail(E_NOTFOUND, "%.*s is not in the list", STRF(pattern_of(&a)));
	return directory_note(d, "list", user);
}

static err whole(struct directory *d,
		 err (*fn)(struct directory *, uint64_t, enum dir_list, str, str), uint64_t user,
		 enum dir_list l, str entry, str name)
{
	if (d->in_tx)
		return fn(d, user, l, entry, name);
	TRY(directory_begin(d));
	err e = fn(d, user, l, entry, name);

	if (!e)
		e = directory_commit(d);
	if (e)
		directory_rollback(d);
	return e;
}

err directory_list_add(struct directory *d, uint64_t user, enum dir_list l, str entry, str name)
{
	return whole(d, add_in_tx, user, l, entry, name);
}

err directory_list_remove(struct directory *d, uint64_t user, enum dir_list l, str entry)
{
	return whole(d, remove_in_tx, user, l, entry, STR(""));
}

err directory_list_each(struct directory *d, uint64_t user, enum dir_list l,
			err (*fn)(void *arg, str entry, str name), void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	if (l == DIR_LIST_CONTACT)
		TRY(SQL_QUERY(
			d->s, &st,
			"SELECT address, name FROM contacts WHERE user_id = ? ORDER BY address",
			SQL_I(user)));
	else
		TRY(SQL_QUERY(d->s, &st,
			      "SELECT pattern, '' FROM lists WHERE user_id = ? AND block = ? ORDER "
			      "BY pattern",
			      SQL_I(user), SQL_I(l == DIR_LIST_BLOCK)));
	while ((e = sql_step(st)) == OK)
		TRY(fn(arg, sql_text(st, 0), sql_text(st, 1)));
	return e == E_EOF ? OK : e;
}
