/* undo-files.h: the part of a roll-back that needs files alone: link, unit files, data.
 *
 * From the record alone, synchronous, for a worker thread or the recovery at boot, where there is
 * neither a bus nor a loop. Can be repeated after a crash at any point. */
#pragma once

#include "deployment/claims.h"
#include "deployment/work.h"

/* Unit files that another target has by now (`claims`, claims.h; may be NULL) are left as they are.
 */
gboolean dpl_undo_files(const DplRecord *record, const char *unit_directory, JsonNode *claims,
                        const DplWork *work, GError **error);
