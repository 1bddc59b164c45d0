/* posta/cmd_radius.h: the verbs of `posta radius`. argv[0] is the verb. */
#ifndef POSTA_CMD_RADIUS_H
#define POSTA_CMD_RADIUS_H

#include "posta/cmd.h"

int cmd_radius_sessions(struct cmd_env *env, int argc, char **argv);
int cmd_radius_usage(struct cmd_env *env, int argc, char **argv);
int cmd_radius_disconnect(struct cmd_env *env, int argc, char **argv);
int cmd_radius_coa(struct cmd_env *env, int argc, char **argv);

#endif
