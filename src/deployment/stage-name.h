/* stage-name.h: from a staged tree to a release with a name; for stage.c only. */
#pragma once

#include "deployment/layout.h"
#include "deployment/tree.h"

/* Is there a release with this digest that passes the full proof? `ret_release` NULL: none.
 * `ret_damaged`: one of this digest that does not pass. */
gboolean dpl_stage_find(int root, const char *digest, const DplWork *work, char **ret_release,
                        char **ret_damaged, GError **error);
/* Gives the transaction's durable tree in staging/ its name, after that was noted and its tree file
 * has got one. */
gboolean dpl_stage_name(int root, const char *transaction, const char *digest, const char *text,
                        gsize size, guint64 realtime, char **ret_release, GError **error);
