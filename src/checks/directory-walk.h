/* directory-walk.h: one directory, or everything below it, counted. Blocks; never follows a
 * symbolic link, never leaves the file system, holds two descriptors however deep it is. */
#pragma once

#include "checks/check.h"

typedef struct {
  const char *base; /* borrowed, as the next two */
  const char *pattern;
  gboolean recursive, names;
  guint64 max; /* entries looked at */

  guint64 count, files, directories, size;
  gint64 newest, oldest;                        /* CLOCK_REALTIME us; with files > 0 */
  GPtrArray *entries, *set_id, *world_writable; /* of texts */
  guint64 seen;                                 /* entries looked at, matching or not */
} ChkWalk;

/* FALSE with a sentence: more than max entries, a directory that may not be read, time over. What
 * vanishes meanwhile is left out. `walk` is cleared then. */
gboolean chk_walk(const ChkLook *look, ChkWalk *walk, GError **error);
void chk_walk_clear(ChkWalk *walk);
