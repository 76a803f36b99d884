/* explain-journal.h: what the unit behind a check wrote last, as evidence for people. Blocks: for a
 * program whose checks are over. */
#pragma once

#include "checks/plan.h"

/* The last lines (at most 10) of the invocation that counts: the one of the deployment's context,
 * else the one that wrote last. `directory`: of journal files; NULL: the world's. NULL: the check
 * has no unit, tells secrets, or the journal has nothing for us. (transfer full) */
char **chk_explain_journal(const ChkWorld *world, const char *directory, const ChkCheck *check);
