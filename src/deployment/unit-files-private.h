/* unit-files-private.h: one unit file on the disk, for writing it (unit-files.c) and for putting
 * back what stood in its place (unit-keep.c). */
#pragma once

#include "deployment/unit-files.h"

#include <sys/types.h>

#define DPL_UNIT_FILE_MAX (1024 * 1024)

/* What stands there is what is wanted. */
gboolean dpl_unit_file_is_so(int directory, const DplUnitFile *file);
/* Written and synced, its directory too. */
gboolean dpl_unit_file_put(int directory, const DplUnitFile *file, mode_t mode, GError **error);
gboolean dpl_unit_file_sync(int directory, const char *path, GError **error);
