/* unit-directory.h: where unit files of deployments are installed. */
#pragma once

#include <glib.h>

/* The system's (a build option) or this user's; $WAGGLE_UNIT_DIR replaces both, for tests. Free
 * with g_free(). */
char *dpl_unit_directory(gboolean user);
/* Where units that are for a while are written: nothing of them outlives the boot. The same
 * replacement, and `given` (may be NULL or "") replaces all. Free with g_free(). */
char *dpl_unit_directory_runtime(gboolean user, const char *given);
