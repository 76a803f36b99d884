/* engine-faults.h: batches that fail, on demand. */
#pragma once

#include "engine-fixture.h"

/* The next `n` commits that write anything fail, after everything of the batch has run. The first
 * such batch is rolled back whole and its jobs run again one by one; from n = 2 on single jobs fail
 * for good. Set again after each restart. */
void env_fail_commits(Env *env, guint n);
guint env_commits_to_fail(Env *env); /* how many are still to come; takes them back */
