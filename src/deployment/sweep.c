/* sweep.c: see sweep.h. Only files with the name of a release's tree file are looked at. */
#include "deployment/sweep.h"

#include "deployment/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean exists(int root, const char *directory, const char *id, const char *suffix) {
  g_autofree char *path = g_strdup_printf("%s/%s%s", directory, id, suffix);
  struct stat st;

  return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ".ID.tree.new": its writer is gone, there is one transaction a target. */
static gboolean sweep_half(int root, const char *directory, const char *name, GError **error) {
  g_autofree char *file = g_strdup_printf("%s/%s", directory, name);

  return unlinkat(root, file, 0) == 0 || errno == ENOENT ||
         dpl_error_errno(error, errno, "cannot remove the left-over %s", file);
}

static gboolean sweep_one(int root, const char *directory, const char *name, GError **error) {
  g_autofree char *id = g_strndup(name, strlen(name) - strlen(DPL_SUFFIX_TREE));
  g_autofree char *file = g_strdup_printf("%s/%s", directory, name);
  g_autofree char *failed = g_strdup_printf(DPL_DIR_FAILED "/%s", name);

  if (!dpl_release_valid(id) || exists(root, directory, id, ""))
    return TRUE;
  gboolean follows =
      exists(root, DPL_DIR_FAILED, id, "") && !exists(root, DPL_DIR_FAILED, id, DPL_SUFFIX_TREE);
  if (follows ? renameat(root, file, root, failed) < 0 : unlinkat(root, file, 0) < 0)
    return errno == ENOENT || dpl_error_errno(error, errno, "cannot remove the left-over %s", file);
  return TRUE;
}

gboolean dpl_sweep_trees(int root, const char *directory, GError **error) {
  int fd = dpl_within_open(root, directory, O_RDONLY | O_DIRECTORY, 0);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  gboolean ok = TRUE;

  if (!dir) {
    dpl_error_errno(error, errno, "cannot read %s of the target", directory);
    dpl_close(&fd);
    return FALSE;
  }
  for (struct dirent *d; ok && (d = readdir(dir));)
    if (g_str_has_suffix(d->d_name, DPL_SUFFIX_TREE))
      ok = sweep_one(root, directory, d->d_name, error);
    else if (*d->d_name == '.' && g_str_has_suffix(d->d_name, DPL_SUFFIX_TREE ".new"))
      ok = sweep_half(root, directory, d->d_name, error);
  closedir(dir);
  return ok;
}
