/* retention-apply.c: releases go, see retention.h. A tree first leaves its place by a rename into
 * staging/, where nothing has a meaning, so a kill never leaves half a release with a name; what is
 * left there as trash goes with the next run. */
#include "deployment/io.h"
#include "deployment/retention.h"
#include "deployment/sweep.h"
#include "deployment/switch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRASH "trash-"

static gboolean check_not_current(int root, const char *id, GError **error) {
  g_autofree char *current = NULL;

  if (!dpl_release_valid(id)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\" is no release's name", id);
    return FALSE;
  }
  if (!dpl_current_read(root, &current, error))
    return FALSE;
  if (g_strcmp0(current, id) != 0)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
              "the release %s is the current one and stays; switch to another first", id);
  return FALSE;
}

/* Moves one name; absent is success. */
static gboolean move(int root, const char *from, const char *to, GError **error) {
  if (renameat2(root, from, root, to, RENAME_NOREPLACE) == 0 || errno == ENOENT)
    return TRUE;
  return dpl_error_errno(error, errno, "cannot move %s to %s", from, to);
}

static gboolean remove_file(int root, const char *path, GError **error) {
  return unlinkat(root, path, 0) == 0 || errno == ENOENT ||
         dpl_error_errno(error, errno, "cannot remove %s", path);
}

gboolean dpl_release_remove(int root, const char *directory, const char *id, const DplWork *work,
                            GError **error) {
  g_autofree char *from = g_strdup_printf("%s/%s", directory, id);
  g_autofree char *file = g_strdup_printf("%s" DPL_SUFFIX_TREE, from);
  g_autofree char *trash = g_strdup_printf(DPL_DIR_STAGING "/" TRASH "%s", id);

  /* one in failed/ may have the name of no current one, but the question costs nothing */
  return check_not_current(root, id, error) && dpl_within_remove(root, trash, work, error) &&
         move(root, from, trash, error) && dpl_within_sync(root, directory, error) &&
         remove_file(root, file, error) && dpl_within_remove(root, trash, work, error) &&
         dpl_within_sync(root, directory, error);
}

gboolean dpl_release_fail(int root, const char *id, GError **error) {
  g_autofree char *from = g_strdup_printf(DPL_DIR_RELEASES "/%s", id);
  g_autofree char *to = g_strdup_printf(DPL_DIR_FAILED "/%s", id);
  g_autofree char *from_file = g_strdup_printf("%s" DPL_SUFFIX_TREE, from);
  g_autofree char *to_file = g_strdup_printf("%s" DPL_SUFFIX_TREE, to);

  return check_not_current(root, id, error) && move(root, from, to, error) &&
         move(root, from_file, to_file, error) && dpl_within_sync(root, DPL_DIR_RELEASES, error) &&
         dpl_within_sync(root, DPL_DIR_FAILED, error);
}

/* And notes of names: whoever made one has ended, since there is one transaction a target. */
static gboolean empty_trash(int root, const DplWork *work, GError **error) {
  int fd = dpl_within_open(root, DPL_DIR_STAGING, O_RDONLY | O_DIRECTORY, 0);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  gboolean ok = TRUE;

  if (!dir) {
    dpl_error_errno(error, errno, "cannot read " DPL_DIR_STAGING " of the target");
    dpl_close(&fd);
    return FALSE;
  }
  for (struct dirent *d; ok && (d = readdir(dir));)
    if (g_str_has_prefix(d->d_name, TRASH) || g_str_has_prefix(d->d_name, DPL_PREFIX_NOTE))
      ok = dpl_within_remove(fd, d->d_name, work, error);
  closedir(dir);
  return ok;
}

static gboolean remove_all(int root, const char *directory, const GPtrArray *go,
                           const DplWork *work, GPtrArray *removed, GError **error) {
  for (guint i = 0; i < go->len; i++) {
    if (!dpl_release_remove(root, directory, go->pdata[i], work, error))
      return FALSE;
    if (removed)
      g_ptr_array_add(removed, g_strdup(go->pdata[i]));
  }
  return TRUE;
}

static gboolean apply(int root, const DplRetention *r, const char *const *keep, guint64 now,
                      const DplWork *work, GPtrArray *removed, GError **error) {
  g_autoptr(GPtrArray) releases = dpl_releases(root, DPL_DIR_RELEASES, error);

  if (!releases)
    return FALSE;
  g_autoptr(GPtrArray) go = dpl_retention_choose(releases, r->count, r->bytes, r->age, now, keep);
  return remove_all(root, DPL_DIR_RELEASES, go, work, removed, error);
}

static gboolean apply_failed(int root, const DplRetention *r, guint64 now, const DplWork *work,
                             GPtrArray *removed, GError **error) {
  g_autoptr(GPtrArray) releases = dpl_releases(root, DPL_DIR_FAILED, error);

  if (!releases)
    return FALSE;
  g_autoptr(GPtrArray) go = r->no_failed
                                ? g_ptr_array_new()
                                : dpl_retention_choose(releases, r->failed_count, r->failed_bytes,
                                                       r->failed_age, now, NULL);
  for (guint i = 0; r->no_failed && i < releases->len; i++)
    g_ptr_array_add(go, ((DplRelease *)releases->pdata[i])->id);
  return remove_all(root, DPL_DIR_FAILED, go, work, removed, error);
}

gboolean dpl_retention_failed(int root, const DplRetention *retention, guint64 now,
                              const DplWork *work, GError **error) {
  return apply_failed(root, retention, now, work, NULL, error);
}

gboolean dpl_retention_apply(int root, const DplRetention *retention, const char *const *keep,
                             guint64 now, const DplWork *work, char ***ret_removed,
                             GError **error) {
  g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) stay = g_ptr_array_new();
  g_autofree char *current = NULL;

  if (!dpl_current_read(root, &current, error))
    return FALSE;
  for (guint i = 0; keep && keep[i]; i++)
    g_ptr_array_add(stay, (gpointer)keep[i]);
  if (current)
    g_ptr_array_add(stay, current);
  g_ptr_array_add(stay, NULL);
  const char *const *list = (const char *const *)stay->pdata;
  if (!empty_trash(root, work, error) || !dpl_sweep_trees(root, DPL_DIR_RELEASES, error) ||
      !dpl_sweep_trees(root, DPL_DIR_FAILED, error) ||
      !apply(root, retention, list, now, work, removed, error) ||
      !apply_failed(root, retention, now, work, removed, error))
    return FALSE;
  g_ptr_array_add(removed, NULL);
  if (ret_removed)
    *ret_removed = g_strdupv((char **)removed->pdata);
  return TRUE;
}
