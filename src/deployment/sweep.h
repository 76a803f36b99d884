/* sweep.h: tree files whose release is not beside them, left by a kill between two renames, and
 * those that were half written. */
#pragma once

#include "deployment/layout.h"

/* Of `directory` (DPL_DIR_RELEASES, DPL_DIR_FAILED): one of a release that has gone to failed/
 * follows it, the others are removed. Idempotent. */
gboolean dpl_sweep_trees(int root, const char *directory, GError **error);
