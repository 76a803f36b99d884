/* backup.h: what a deployment may have to put back: copies of directories and files anywhere in the
 * system, below backup/TXN/, each with a tree file.
 *
 *     backup/TXN/index    "NUMBER absent|copy ESCAPED-PATH DIGEST", written last: with it the
 *                         backup is whole
 *     backup/TXN/N        the copy (cloned where the file system can), N.tree its proof
 *
 * Paths are absolute and have no link in them: a restore as root through somebody's link would
 * write where that user likes. Owners, modes, times, extended attributes and holes are kept;
 * sockets and fifos are left out; devices are refused. A mount point is refused, since it cannot be
 * replaced by a rename. */
#pragma once

#include "deployment/layout.h"
#include "deployment/tree.h"

typedef struct {
  guint64 bytes, files;
  guint skipped; /* sockets and fifos */
} DplBackupInfo;

/* Starts anew when a half one is there, and leaves a whole one alone (then `ret` is zero); durable
 * when it returns. The units that write there should be stopped, or the copy is of several
 * instants. */
gboolean dpl_backup(int root, const char *transaction, const char *const *paths,
                    const DplWork *work, DplBackupInfo *ret, GError **error);
/* Is there a whole one? */
gboolean dpl_backup_exists(int root, const char *transaction);
/* All of it, or only `paths` (NULL: all). Each path is copied beside its place, proven, synced and
 * then exchanged by one rename; what was absent is removed again. What stood there goes away, so it
 * can be repeated after a crash at any point. Durable when it returns. STORE_DAMAGED: a copy fails
 * its proof; that path is not touched, the others are restored. */
gboolean dpl_backup_restore(int root, const char *transaction, const char *const *paths,
                            const DplWork *work, GError **error);
/* Crash-safe; absent is success. */
gboolean dpl_backup_drop(int root, const char *transaction, const DplWork *work, GError **error);
/* Names below backup/, half ones too; (transfer full). NULL sets error. */
char **dpl_backup_list(int root, GError **error);
