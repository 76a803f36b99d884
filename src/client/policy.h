/* policy.h: an agent's policy, seen from the command line. What is right is decided by the courier
 * alone, which is asked; this program never reads a policy itself. */
#pragma once

#include "client/cli.h"

/* The content of a policy file, "-" for stdin; bounded. (transfer full) */
char *cli_policy_read(const char *path, GError **error);

/* Asks the courier. FALSE with an error of usage that lists all problems. Where no courier can be
 * asked: TRUE, and a line on stderr that says so. */
gboolean cli_policy_check(const char *json, GError **error);

/* How the courier reaches `agent` and what it would do now: fields of `waggle agent show`. Says
 * nothing where no courier can be asked, unless `must`: FALSE with an error then. */
gboolean cli_policy_explain(const char *agent, gboolean must, GError **error);
