/* backup-restore.c: putting back; see backup.h. The copy is made in a closed directory beside the
 * place, so that one rename exchanges both and nobody sees half of it. Copying back digests every
 * byte again: what gives the same tree is what was backed up. */
#include "deployment/backup-index.h"
#include "deployment/copy-tree.h"
#include "deployment/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  int dir; /* backup/TXN */
  const char *transaction;
  const DplWork *work;
} Restore;

/* The closed directory in `at`; a killed restore may have left one. */
static int open_beside(Restore *r, int at, const char *beside, const char *path, GError **error) {
  if (!dpl_within_remove(at, beside, r->work, error))
    return -1;
  if (mkdirat(at, beside, 0700) < 0) {
    dpl_error_errno(error, errno, "cannot make a directory beside %s to restore it", path);
    return -1;
  }
  DPL_AUTO_FD fd = dpl_within_open(at, beside, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0 || fchown(fd, (uid_t)-1, getegid()) < 0 || fchmod(fd, 0700) < 0) {
    dpl_error_errno(error, errno, "cannot use the directory beside %s to restore it", path);
    return -1;
  }
  return g_steal_fd(&fd);
}

static gboolean copy_back(Restore *r, guint i, const DplBackupItem *item, int to, GError **error) {
  g_autoptr(DplTree) tree = dpl_tree_new();
  g_autofree char *number = g_strdup_printf("%u", i);
  guint skipped;
  DPL_AUTO_FD from = dpl_within_open(r->dir, number, O_RDONLY | O_DIRECTORY, 0);

  if (from < 0)
    return dpl_error_errno(error, errno, "cannot open the backup of %s", item->path);
  if (!dpl_copy_tree(from, DPL_COPY_ITEM, item->path, to, tree, &skipped, r->work, error))
    return FALSE;
  g_autofree char *digest = dpl_tree_digest(tree);
  if (strcmp(digest, item->digest) == 0)
    return dpl_sync_all(to, item->path, error);
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
              "%s is not restored: its backup is no longer what was copied; compare "
              "backup/%s/%u with %u" DPL_SUFFIX_TREE " and put back by hand what is good",
              item->path, r->transaction, i, i);
  return FALSE;
}

/* What was restored takes its place, what stood there goes into `to`. */
static gboolean exchange(int to, int at, const char *name, const char *path, GError **error) {
  if (renameat2(to, DPL_COPY_ITEM, at, name, RENAME_EXCHANGE) == 0)
    return TRUE;
  if (errno == ENOENT && renameat2(to, DPL_COPY_ITEM, at, name, RENAME_NOREPLACE) == 0)
    return TRUE;
  return dpl_error_errno(error, errno, "cannot put %s back in its place", path);
}

static gboolean restore_one(Restore *r, guint i, const DplBackupItem *item, GError **error) {
  g_autofree char *beside = g_strdup_printf(".waggle-restore-%s-%u", r->transaction, i);
  const char *name;
  gboolean absent;
  DPL_AUTO_FD at = dpl_backup_reach(item->path, &name, &absent, error);

  if (at < 0 && absent && item->absent)
    return TRUE;
  if (at < 0 && absent)
    return dpl_error_errno(error, ENOENT, "cannot restore %s: make the directory it lay in",
                           item->path);
  if (at < 0)
    return FALSE;
  DPL_AUTO_FD to = open_beside(r, at, beside, item->path, error);
  if (to < 0)
    return FALSE;
  gboolean ok;
  if (item->absent)
    ok = renameat(at, name, to, DPL_COPY_ITEM) == 0 || errno == ENOENT ||
         dpl_error_errno(error, errno, "cannot take %s away again", item->path);
  else
    ok = copy_back(r, i, item, to, error) && exchange(to, at, name, item->path, error);
  if (ok && fsync(at) < 0)
    ok = dpl_error_errno(error, errno, "cannot bring %s to the disk", item->path);
  return dpl_within_remove(at, beside, r->work, ok ? error : NULL) && ok;
}

static GPtrArray *read_index(Restore *r, GError **error) {
  g_autofree char *text = NULL;

  if (!dpl_within_read(r->dir, DPL_BACKUP_INDEX, 16 * 1024 * 1024, &text, NULL, error))
    return NULL;
  return dpl_backup_index_parse(text, error);
}

gboolean dpl_backup_restore(int root, const char *transaction, const char *const *paths,
                            const DplWork *work, GError **error) {
  g_autofree char *place = g_strdup_printf(DPL_DIR_BACKUP "/%s", transaction);
  DPL_AUTO_FD dir = dpl_transaction_valid(transaction)
                        ? dpl_within_open(root, place, O_RDONLY | O_DIRECTORY, 0)
                        : -1;
  Restore r = {.dir = dir, .transaction = transaction, .work = work};
  GError *first = NULL;

  if (dir < 0)
    return dpl_error_errno(error, errno, "there is no backup of the transaction %s", transaction);
  g_autoptr(GPtrArray) items = read_index(&r, error);
  if (!items)
    return FALSE;
  for (guint i = 0; i < items->len; i++) {
    const DplBackupItem *item = items->pdata[i];
    if (!paths || g_strv_contains(paths, item->path))
      restore_one(&r, i, item, first ? NULL : &first);
  }
  if (!first)
    return TRUE;
  g_propagate_error(error, first);
  return FALSE;
}
