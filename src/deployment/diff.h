/* diff.h: how two texts differ, line by line, as `diff -u` would show it. Pure, bounded. */
#pragma once

#include <glib.h>

#define DPL_DIFF_LINES_MAX 4000 /* of each text; longer ones only "differ" */

/* Lines without newline: "@@ -1,4 +1,5 @@", " same", "-old", "+new"; three lines of context. Empty:
 * no difference. NULL as a text: there is none. (transfer full), never NULL. */
char **dpl_diff(const char *old, const char *new);
