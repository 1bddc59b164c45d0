/* posta/cmd_filter.h: the verbs of `posta filter`, a file each. argv[0] is the verb. */
#ifndef POSTA_CMD_FILTER_H
#define POSTA_CMD_FILTER_H

#include "posta/cmd.h"

MUST_USE int cmd_filter_quarantine(struct cmd_env *env, int argc, char **argv);
MUST_USE int cmd_filter_reports(struct cmd_env *env, int argc, char **argv);

#endif
