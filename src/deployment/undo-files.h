/* undo-files.h: the part of a roll-back that needs files alone: link, unit files, data.
 *
 * From the record alone, synchronous, for a worker thread or the recovery at boot, where there is
 * neither a bus nor a loop. Can be repeated after a crash at any point. */
#pragma once

#include "deployment/record.h"
#include "deployment/work.h"

gboolean dpl_undo_files(const DplRecord *record, const char *unit_directory, const DplWork *work,
                        GError **error);
