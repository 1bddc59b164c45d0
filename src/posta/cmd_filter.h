/* posta/cmd_filter.h: the verbs of `posta filter`, a file each. argv[0] is the verb. */
#ifndef POSTA_CMD_FILTER_H
#define POSTA_CMD_FILTER_H

#include "posta/cmd.h"

struct filter_settings;
/* The filter's settings on this node; defaults, or no posta.conf: what SpamAssassin's package
 * brought, and nothing that belongs to a node. CMD_OK, or the exit code after having said what is
 * wrong. */
MUST_USE int cmd_filter_settings(struct cmd_env *env, bool defaults, struct filter_settings *out);

MUST_USE int cmd_filter_rules(struct cmd_env *env, int argc, char **argv);
MUST_USE int cmd_filter_learn(struct cmd_env *env, int argc, char **argv);
MUST_USE int cmd_filter_forget(struct cmd_env *env, int argc, char **argv);

MUST_USE int cmd_filter_quarantine(struct cmd_env *env, int argc, char **argv);
MUST_USE int cmd_filter_reports(struct cmd_env *env, int argc, char **argv);

#endif
