/* formats/rules/condition.h: what a rule file may ask of its reader: the version and plug-ins of
 * the SpamAssassin whose rules we take as they are. */
#ifndef FORMATS_RULES_CONDITION_H
#define FORMATS_RULES_CONDITION_H

#include "formats/rules/lines.h"

#define RULE_VERSION "4.000001"

bool rule_has_plugin(const struct rule_reader *r, str name);

#endif
