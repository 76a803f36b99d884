/* copy-tree.h: exact copies of directories and files, for backups: owners, modes, times, extended
 * attributes, hard links and holes as they are. */
#pragma once

#include "deployment/tree.h"

#define DPL_COPY_ITEM "item"

/* Copies `name` of the directory `from` (a directory or a plain file; `path` is it in errors) as
 * "item" into the directory `to`, which is empty, ours and 0700. `tree` (empty) then says what is
 * in `to`: so whoever copies back and gets the same tree has proven each byte. Sockets and fifos
 * are left out and counted; devices, mounts and links at the top are refused. Not synced. */
gboolean dpl_copy_tree(int from, const char *name, const char *path, int to, DplTree *tree,
                       guint *ret_skipped, const DplWork *work, GError **error);

/* copy-file.c: the content of one plain file, with its holes; and all but the content of a file or
 * directory. `path` is for errors. */
gboolean dpl_copy_content(int from, int to, const char *path, guint8 *ret_sha256, guint64 *ret_size,
                          DplProgress *progress, GError **error);
gboolean dpl_copy_attributes(int from, int to, const char *path, GError **error);
