/* rules-private.h: between rules.c and rules-read.c. */
#pragma once

#include "monitoring/rules.h"

extern const char *const mon_no_data_names[]; /* by MonNoData; ends with NULL */

/* A rule without anything but its names, the last of the set. */
MonRule *mon_rules_add(MonRules *rules, const char *group, const char *name);
