/* services/directory/schema.h: the tables of directory.db and secrets.db, and how an older file
 * becomes a newer one. A step is never edited once released: a change of the schema is a further
 * step. */
#ifndef SERVICES_DIRECTORY_SCHEMA_H
#define SERVICES_DIRECTORY_SCHEMA_H

#include "services/directory/sql.h"

struct schema_step {
	const char *what; /* for the table schema_version, and people */
	const char *text; /* SQL */
};
struct schema {
	const char *name;
	const struct schema_step *steps; /* step i leads to version i + 1 */
	size_t nsteps;
};
extern const struct schema schema_directory, schema_secrets;

/* Runs the steps that are missing, all in one transaction. E_DENIED: the file is newer than this
 * program. */
MUST_USE err schema_migrate(struct sql *s, const struct schema *sc, int64_t now);
/* 0: an empty file. */
MUST_USE err schema_version(struct sql *s, int64_t *out);

#endif
