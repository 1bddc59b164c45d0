/* services/directory/dirdb.h: the directory as a database: what commands and the web write, and
 * rare reads. Every call may block (SQL): from a fiber go through work(POOL_DISK). One thread at a
 * time uses one struct directory. Each change writes its row of the feed in the same transaction.
 *
 * Tenants, domains, users and zones are described by tables of fields, so that the command line,
 * CSV and JSON share names, types, ranges and defaults. Errors (text in err_last): E_SYNTAX a
 * value, E_NOTFOUND, E_EXISTS, E_DENIED (still in use, limit of the tenant), E_AGAIN locked. On
 * error nothing was changed. */
#ifndef SERVICES_DIRECTORY_DIRDB_H
#define SERVICES_DIRECTORY_DIRDB_H

#include "base/arena.h"
#include "services/directory/directory.h"
#include "services/directory/sql.h"

struct directory;

/* write: also makes the file (0640, in a folder that must exist) and brings its schema up to date.
 */
MUST_USE err directory_open(const char *path, bool write, struct directory **out);
void directory_close(struct directory *d); /* NULL allowed */
struct sql *directory_sql(struct directory *d);

/* Several changes as one; nesting is not allowed. A change outside makes its own transaction. */
MUST_USE err directory_begin(struct directory *d);
MUST_USE err directory_commit(struct directory *d);
void directory_rollback(struct directory *d);

/* ---- fields ---- */
#define DIR_FIELDS 48 /* at most, of one kind of thing */
struct dir_field {
	const char *name; /* option, CSV column and JSON member: "spam-level" */
	enum dir_type {
		DIR_TEXT,
		DIR_INT,       /* min..max */
		DIR_SIZE,      /* octets: 10, 64k, 300M, 1G */
		DIR_BOOL,      /* yes, no */
		DIR_FLAG,      /* yes, no: bit min of the column */
		DIR_WORD,      /* one of words: its place + min */
		DIR_DATE,      /* 2026-11-21, UTC; "" none */
		DIR_ADDRESSES, /* a comma between */
		DIR_TENANT_REF,
		DIR_DOMAIN_REF,
	} type;
	const char *column;
	int64_t min, max;
	const char *const *words; /* NULL-ended */
	const char *table;	  /* NULL: the thing's own; else a table with user_id */
	bool shown;		  /* not to be set */
	int64_t dflt; /* of a number, when nothing was set; dflt_text: printed, NULL: "0" */
	const char *dflt_text;
	const char *help;
	/* Of a text: judges what was typed and writes the form that is stored. NULL: any text. */
	err (*clean)(str text, struct buf *out);
};
struct dir_kind {
	const char *name; /* "user" */
	const char *table;
	const struct dir_field *fields;
	size_t nfields;
};
extern const struct dir_kind dir_tenant, dir_domain, dir_user_kind, dir_zone;
/* What is printed when nothing was set. */
str dir_field_default(const struct dir_field *f);
const struct dir_field *dir_field_find(const struct dir_kind *k, str name);

struct dir_set {
	const struct dir_field *field;
	str text; /* as typed */
};
/* One row, fields in the order of the kind, printed as they would be typed. Views until the
 * callback ends. */
struct dir_row {
	const struct dir_kind *kind;
	uint64_t id;
	str name; /* tenant, domain or address */
	str values[DIR_FIELDS];
};

/* name: tenant's name, domain, zone, or local@domain. */
MUST_USE err directory_add(struct directory *d, const struct dir_kind *k, str name,
			   const struct dir_set *v, size_t n, uint64_t *id);
MUST_USE err directory_set(struct directory *d, const struct dir_kind *k, str name,
			   const struct dir_set *v, size_t n);
/* E_DENIED while something hangs on it (domains of a tenant, users of a domain). */
MUST_USE err directory_remove(struct directory *d, const struct dir_kind *k, str name);
MUST_USE err directory_find(struct directory *d, const struct dir_kind *k, str name, uint64_t *id);
/* Each row in order of name until fn fails. within: "" all; a domain for users, a tenant for
 * domains. one: only this id, 0 all. */
MUST_USE err directory_each(struct directory *d, const struct dir_kind *k, str within, uint64_t one,
			    err (*fn)(void *arg, const struct dir_row *row), void *arg);

/* ---- aliases: address or "@domain" (catch-all) to addresses ---- */
/* add: E_EXISTS when there is one; set: replaces the targets. */
MUST_USE err directory_alias_add(struct directory *d, str address, const str *targets, size_t n);
MUST_USE err directory_alias_set(struct directory *d, str address, const str *targets, size_t n);
MUST_USE err directory_alias_remove(struct directory *d, str address);
/* targets: a comma between. within: "" or a domain; address: "" all. */
MUST_USE err directory_alias_each(struct directory *d, str within, str address,
				  err (*fn)(void *arg, str address, str targets), void *arg);

/* ---- a user's lists ---- */
enum dir_list { DIR_LIST_CONTACT, DIR_LIST_ALLOW, DIR_LIST_BLOCK };
/* name: of a contact. Allow and block exclude each other: the later one stands. */
MUST_USE err directory_list_add(struct directory *d, uint64_t user, enum dir_list l, str entry,
				str name);
MUST_USE err directory_list_remove(struct directory *d, uint64_t user, enum dir_list l, str entry);
MUST_USE err directory_list_each(struct directory *d, uint64_t user, enum dir_list l,
				 err (*fn)(void *arg, str entry, str name), void *arg);

/* ---- the change feed ---- */
/* A change that no table of this database shows: a password. kind: "user", "domain", "alias",
 * "list", "password", "zone", "all". */
MUST_USE err directory_note(struct directory *d, const char *kind, uint64_t id);
/* One row "all" instead of a row a change, until the commit: for imports. */
void directory_note_all(struct directory *d);

/* The value to store for what was typed; views live in the arena. d: for references to tenants and
 * domains. */
MUST_USE err dir_value_parse(struct directory *d, const struct dir_field *f, str text,
			     struct arena *a, struct sql_value *out);
/* As it would be typed. */
void dir_value_print(const struct dir_field *f, struct sql_stmt *st, int column, struct buf *out);
MUST_USE err dir_size_parse(str text, uint64_t *out);

#endif
