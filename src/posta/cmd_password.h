/* posta/cmd_password.h: where commands get a password from, and what becomes of it. */
#ifndef POSTA_CMD_PASSWORD_H
#define POSTA_CMD_PASSWORD_H

#include "base/limits.h"
#include "posta/cmd_directory.h"

struct cmd_password {
	bool has;
	char clear[LIM_PASSWORD + 2]; /* "": given as a hash */
	char hash[PASSWORD_HASH];
	bool has_scram, chap;
	struct scram_verifier scram;
};
#define CMD_PASSWORD_OPTIONS                                                                       \
	{ "--password", .takes = true }, { "--password-stdin" }, { "--chap" },                     \
	{                                                                                          \
		"--hash", .takes = true                                                            \
	}
/* From the options, or the terminal (ask); hashed. Complains itself. Wipe it. */
MUST_USE int cmd_password_get(struct dircmd *c, bool ask, struct cmd_password *out);
/* Into secrets.db, inside a transaction that the caller has begun. keep_chap: the user has a
 * reversible secret, which follows the password. */
MUST_USE err cmd_password_put(struct dircmd *c, uint64_t user, const struct cmd_password *p,
			      bool keep_chap);

#endif
