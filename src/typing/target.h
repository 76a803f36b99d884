/* target.h: which window: the keys that Type and ListWindows take (hand-protocol.h says what they
 * mean). Checked here, so that a slip is an error of the call and not a window that is not found.
 */
#pragma once

#include <glib.h>

/* `target`: an a{sv} whose keys and types are checked already (typ_options_target). `filter`: may
 * be empty. WG_ERROR_INVALID_ARGUMENT. */
gboolean typ_target_check(GVariant *target, gboolean filter, GError **error);
/* For people: "class=XTerm, title=agent*". */
char *typ_target_describe(GVariant *target);
/* The same keys with the window that was chosen, into `dict`. */
void typ_target_insert(GVariant *target, guint32 window, GVariantDict *dict);
