/* switch.h: `current`, the link that says which release serves.
 *
 * It is a symbolic link with exactly "releases/ID" in it; anything else is an error and is left
 * alone. It is changed by a rename over it, so at each instant it names the old or the new; when a
 * function returns, the change is on the disk. The intent is the caller's to write down before. */
#pragma once

#include "deployment/layout.h"

/* `ret` NULL: nothing is current yet. INVALID_STATE: it is no link of ours; the text says what. */
gboolean dpl_current_read(int root, char **ret, GError **error);
/* releases/ID has to be there. Idempotent. */
gboolean dpl_current_set(int root, const char *release, GError **error);
/* Undoes a first deployment: none is current. Idempotent. */
gboolean dpl_current_unset(int root, GError **error);
