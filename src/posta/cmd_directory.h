/* posta/cmd_directory.h: what the commands tenant, domain, alias and user share. */
#ifndef POSTA_CMD_DIRECTORY_H
#define POSTA_CMD_DIRECTORY_H

#include "posta/cmd.h"
#include "services/directory/dirdb.h"
#include "services/directory/secrets.h"

#define DIRCMD_WORDS 1024 /* words of a command line that are no options */

struct dircmd {
	struct cmd_env *env;
	struct directory *d;
	struct secrets *s;
	struct secrets *zone_keys; /* zonekeys.db */
	const char *verb;
	str words[DIRCMD_WORDS]; /* what is no option, after the verb */
	size_t nwords;
	struct dir_set sets[DIR_FIELDS]; /* --quota 300M */
	size_t nsets;
	struct dircmd_option *options;
};
/* An option beside the fields of the kind. */
struct dircmd_option {
	const char *name; /* "--password-stdin" */
	bool takes;	  /* a value follows */
	bool given;
	str value;
};

/* Splits argv: options (NULL-named end) and fields of kind (NULL: none). Words must be least..most.
 * CMD_OK, or CMD_USAGE after having complained. */
MUST_USE int dircmd_parse(struct dircmd *c, int argc, char **argv, const struct dir_kind *kind,
			  struct dircmd_option *options, size_t least, size_t most);
struct dircmd_option *dircmd_given(struct dircmd *c, const char *name); /* NULL: not given */

enum { DIRCMD_READ = 1, DIRCMD_WRITE = 2, DIRCMD_SECRETS = 4, DIRCMD_ZONE_KEYS = 8 };
/* Loads the configuration, makes the folders (DIRCMD_WRITE), opens the databases. */
MUST_USE int dircmd_open(struct dircmd *c, unsigned how);
void dircmd_close(struct dircmd *c);
/* Complains with the text of the last error: the exit code. */
MUST_USE int dircmd_error(struct dircmd *c, err e);
/* "user ana@demo.test added", or {"user": "ana@demo.test", "done": "added"}. */
MUST_USE int dircmd_done(struct dircmd *c, const char *kind, str name, const char *what);

/* One verb of a command. */
struct dircmd_verb {
	const char *name;
	int (*run)(struct dircmd *c, int argc, char **argv);
};
/* argv[0] is the command, argv[1] the verb. */
MUST_USE int dircmd_run(struct cmd_env *env, int argc, char **argv, const struct dircmd_verb *verbs,
			size_t n);

/* The verbs that all kinds share; argv[0] is the verb. */
int dircmd_kind_add(struct dircmd *c, const struct dir_kind *k, int argc, char **argv);
int dircmd_kind_set(struct dircmd *c, const struct dir_kind *k, int argc, char **argv);
int dircmd_kind_show(struct dircmd *c, const struct dir_kind *k, int argc, char **argv);
int dircmd_kind_list(struct dircmd *c, const struct dir_kind *k, int argc, char **argv);
int dircmd_kind_remove(struct dircmd *c, const struct dir_kind *k, int argc, char **argv);
/* One row as a JSON object. */
void dircmd_row_json(const struct dir_row *row, struct buf *out);

/* Array of JSON objects, or lines, as they come: for lists of any length. */
struct dircmd_out {
	struct dircmd *c;
	size_t n;
	struct buf line;
};
void dircmd_out_begin(struct dircmd_out *o, struct dircmd *c);
/* The line (or object) in o->line goes out. */
MUST_USE err dircmd_out_line(struct dircmd_out *o);
MUST_USE int dircmd_out_end(struct dircmd_out *o, err e);

/* The verbs of user, each in a file of its own. */
int cmd_user_add(struct dircmd *c, int argc, char **argv);
int cmd_user_password(struct dircmd *c, int argc, char **argv);
int cmd_user_app(struct dircmd *c, int argc, char **argv);
int cmd_user_contact(struct dircmd *c, int argc, char **argv);
int cmd_user_allow(struct dircmd *c, int argc, char **argv);
int cmd_user_block(struct dircmd *c, int argc, char **argv);
int cmd_user_import(struct dircmd *c, int argc, char **argv);
int cmd_user_export(struct dircmd *c, int argc, char **argv);

#endif
