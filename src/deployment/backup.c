/* backup.c: copies of what may have to be put back; see backup.h. Everything is on the disk before
 * the index is, and the index gets its name last. */
#include "deployment/backup.h"

#include "deployment/backup-index.h"
#include "deployment/copy-tree.h"
#include "deployment/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *place_of(const char *transaction) {
  return g_strdup_printf(DPL_DIR_BACKUP "/%s", transaction);
}

static gboolean check_transaction(const char *transaction, GError **error) {
  if (dpl_transaction_valid(transaction))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\" is no transaction's name",
              transaction);
  return FALSE;
}

gboolean dpl_backup_exists(int root, const char *transaction) {
  g_autofree char *index = g_strdup_printf(DPL_DIR_BACKUP "/%s/" DPL_BACKUP_INDEX, transaction);
  DPL_AUTO_FD fd =
      dpl_transaction_valid(transaction) ? dpl_within_open(root, index, O_PATH, 0) : -1;

  return fd >= 0;
}

/* A mount cannot be replaced by a rename, so it cannot be restored. */
static gboolean check_no_mount(int at, const char *name, const char *path, gboolean *ret_absent,
                               GError **error) {
  struct statx sx;

  *ret_absent = FALSE;
  if (statx(at, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx) < 0) {
    *ret_absent = errno == ENOENT;
    return *ret_absent || dpl_error_errno(error, errno, "cannot look at %s", path);
  }
  if (!(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "%s cannot be backed up: it is a mount point and could not be put back in one step; "
              "name the directories in it",
              path);
  return FALSE;
}

static gboolean copy_one(int dir, guint i, int at, const char *name, const char *path,
                         const DplWork *work, DplBackupInfo *info, char **ret_digest,
                         GError **error) {
  g_autoptr(DplTree) tree = dpl_tree_new();
  g_autofree char *number = g_strdup_printf("%u", i);
  g_autofree char *file = g_strdup_printf("%u" DPL_SUFFIX_TREE, i);
  guint skipped;
  gsize size;

  if (mkdirat(dir, number, 0700) < 0)
    return dpl_error_errno(error, errno, "cannot make the directory for the copy of %s", path);
  DPL_AUTO_FD to = dpl_within_open(dir, number, O_RDONLY | O_DIRECTORY, 0);
  if (to < 0)
    return dpl_error_errno(error, errno, "cannot open the directory for the copy of %s", path);
  if (!dpl_copy_tree(at, name, path, to, tree, &skipped, work, error))
    return FALSE;
  info->bytes += dpl_tree_bytes(tree);
  info->files += dpl_tree_n(tree) - 1;
  info->skipped += skipped;
  g_autofree char *text = dpl_tree_text(tree, &size);
  *ret_digest = dpl_tree_text_digest(text, size);
  return dpl_within_write(dir, file, text, size, 0600, error);
}

static gboolean back_up_one(int dir, GPtrArray *items, const char *path, const DplWork *work,
                            DplBackupInfo *info, GError **error) {
  g_autofree char *digest = NULL;
  const char *name;
  gboolean absent;
  DPL_AUTO_FD at = dpl_backup_reach(path, &name, &absent, error);

  if (at < 0 && !absent)
    return FALSE;
  if (at >= 0 && !check_no_mount(at, name, path, &absent, error))
    return FALSE;
  if (!absent && !copy_one(dir, items->len, at, name, path, work, info, &digest, error))
    return FALSE;
  dpl_backup_items_add(items, path, digest);
  return TRUE;
}

gboolean dpl_backup(int root, const char *transaction, const char *const *paths,
                    const DplWork *work, DplBackupInfo *ret, GError **error) {
  g_autoptr(GPtrArray) items = dpl_backup_items_new();
  g_autofree char *place = place_of(transaction);

  *ret = (DplBackupInfo){0};
  if (!check_transaction(transaction, error))
    return FALSE;
  if (g_strv_length((char **)paths) > DPL_BACKUP_PATHS_MAX) {
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "more than %d paths are to be backed up; name directories above them",
                DPL_BACKUP_PATHS_MAX);
    return FALSE;
  }
  if (dpl_backup_exists(root, transaction))
    return TRUE;
  DPL_AUTO_FD dir = dpl_within_begin(root, place, work, error);
  if (dir < 0)
    return FALSE;
  for (guint i = 0; paths[i]; i++)
    if (!back_up_one(dir, items, paths[i], work, ret, error))
      return FALSE;
  g_autofree char *text = dpl_backup_index_text(items);
  return dpl_sync_all(dir, "the backup", error) &&
         dpl_within_write(dir, DPL_BACKUP_INDEX, text, strlen(text), 0600, error) &&
         dpl_within_sync(root, place, error) && dpl_within_sync(root, DPL_DIR_BACKUP, error);
}

gboolean dpl_backup_drop(int root, const char *transaction, const DplWork *work, GError **error) {
  g_autofree char *place = place_of(transaction);
  g_autofree char *trash = g_strdup_printf(DPL_DIR_STAGING "/trash-backup-%s", transaction);

  if (!check_transaction(transaction, error) || !dpl_within_remove(root, trash, work, error))
    return FALSE;
  if (renameat2(root, place, root, trash, RENAME_NOREPLACE) < 0 && errno != ENOENT)
    return dpl_error_errno(error, errno, "cannot move the backup %s away", transaction);
  return dpl_within_sync(root, DPL_DIR_BACKUP, error) &&
         dpl_within_remove(root, trash, work, error);
}

static int by_name(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **dpl_backup_list(int root, GError **error) {
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
  int fd = dpl_within_open(root, DPL_DIR_BACKUP, O_RDONLY | O_DIRECTORY, 0);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);

  if (!dir) {
    dpl_error_errno(error, errno, "cannot read " DPL_DIR_BACKUP " of the target");
    dpl_close(&fd);
    return NULL;
  }
  for (struct dirent *d; (d = readdir(dir));)
    if (dpl_transaction_valid(d->d_name))
      g_ptr_array_add(list, g_strdup(d->d_name));
  closedir(dir);
  g_ptr_array_sort(list, by_name);
  g_ptr_array_add(list, NULL);
  return g_strdupv((char **)list->pdata);
}
