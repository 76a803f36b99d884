/* shared.c: see shared.h. What a release brings at a shared place is moved into shared/ when there
 * is nothing yet, so that defaults are not lost; the tree's list never has it, so that a release
 * has the same digest wherever it is deployed first. */
#include "deployment/shared.h"

#include "deployment/io.h"
#include "deployment/layout.h"
#include "deployment/tree-links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  int root, dir; /* dir -1: dry */
  guint depth;
  DplTree *tree;
  gboolean synced;
} Shared;

static gboolean refuse(GError **error, const char *path, const char *text) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the shared path \"%s\" %s", path, text);
  return FALSE;
}

/* No path may be another or lie in it. */
static gboolean check(GPtrArray *paths, GError **error) {
  for (guint i = 0; i < paths->len; i++) {
    const char *a = paths->pdata[i];
    if (!a || strcmp(a, ".") == 0)
      return refuse(error, a ? a : "", "is no path below a release");
    for (guint j = 0; j < paths->len; j++) {
      const char *b = paths->pdata[j];
      gsize n = strlen(a);
      if (i != j && b && strncmp(a, b, n) == 0 && (b[n] == '/' || b[n] == '\0'))
        return refuse(error, b, "lies in another shared path; name the upper one alone");
    }
  }
  return TRUE;
}

static gboolean exists(int at, const char *name) {
  struct stat st;

  return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* shared/PATH and where it is: what the release brought is moved there, or made when a directory.
 */
static gboolean provide(Shared *s, const char *path, gboolean directory, GError **error) {
  g_autofree char *place = g_strconcat(DPL_DIR_SHARED "/", path, NULL);
  const char *name, *old;
  DPL_AUTO_FD to = dpl_within_parent(s->root, place, TRUE, &name);
  DPL_AUTO_FD from = dpl_within_parent(s->dir, path, TRUE, &old);

  if (to < 0 || from < 0)
    return dpl_error_errno(error, errno, "cannot make the directory of the shared path %s", path);
  gboolean there = exists(to, name), brought = exists(from, old);
  /* What once stands in shared/ is never written again, so it has to be whole when it gets there.
   */
  if (!there && brought && !s->synced && !dpl_sync_all(s->root, DPL_DIR_SHARED, error))
    return FALSE;
  s->synced = s->synced || (!there && brought);
  if (!there && brought && renameat(from, old, to, name) < 0)
    return dpl_error_errno(error, errno, "cannot move %s into " DPL_DIR_SHARED, path);
  if (there && brought && !dpl_within_remove(s->dir, path, NULL, error))
    return FALSE;
  if (!there && !brought && directory && dpl_within_make(s->root, place) < 0)
    return dpl_error_errno(error, errno, "cannot make %s", place);
  return TRUE;
}

/* A directory that was unpacked is closed (0700) until the end; as a shared one it gets its mode
 * now, as everything in it. */
static gboolean open_up(Shared *s, const char *path, GError **error) {
  g_autofree char *prefix = g_strconcat(path, "/", NULL);

  for (guint i = dpl_tree_n(s->tree); i-- > 0;) {
    const DplEntry *e = dpl_tree_at(s->tree, i);
    if (e->kind != DPL_ENTRY_DIRECTORY ||
        !(strcmp(e->path, path) == 0 || g_str_has_prefix(e->path, prefix)))
      continue;
    DPL_AUTO_FD fd = dpl_within_open(s->dir, e->path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 || fchmod(fd, e->mode) < 0)
      return dpl_error_errno(error, errno, "cannot open the shared directory %s", e->path);
  }
  return TRUE;
}

/* Two names of one file, one shared and one released: a write to the first would change the second.
 */
static gboolean check_links(Shared *s, const char *path, GError **error) {
  gsize n = strlen(path);

  for (guint i = 0; i < dpl_tree_n(s->tree); i++) {
    const DplEntry *e = dpl_tree_at(s->tree, i);
    if (e->kind != DPL_ENTRY_HARD_LINK)
      continue;
    gboolean a = strncmp(e->path, path, n) == 0 && (e->path[n] == '/' || e->path[n] == '\0');
    gboolean b = strncmp(e->target, path, n) == 0 && (e->target[n] == '/' || e->target[n] == '\0');
    if (a != b)
      return refuse(error, path, "has a file that is hard-linked to one that is not shared");
  }
  return TRUE;
}

static char *link_target(Shared *s, const char *path) {
  g_autoptr(GString) target = g_string_new(NULL);
  guint up = s->depth;

  for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/'))
    up++;
  while (up-- > 0)
    g_string_append(target, "../");
  g_string_append_printf(target, DPL_DIR_SHARED "/%s", path);
  return g_strdup(target->str);
}

static gboolean list_link(Shared *s, const char *path, const char *target, GError **error) {
  dpl_tree_drop(s->tree, path);
  for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
    DplEntry up = {.kind = DPL_ENTRY_DIRECTORY,
                   .mode = 0755,
                   .uid = DPL_TREE_OURS,
                   .gid = DPL_TREE_OURS,
                   .path = g_strndup(path, (gsize)(slash - path))};
    const DplEntry *there = dpl_tree_find(s->tree, up.path);
    if (there && there->kind != DPL_ENTRY_DIRECTORY) {
      g_free(up.path);
      return refuse(error, path, "leads through a file or a link of the release");
    }
    if (!dpl_tree_add(s->tree, &up))
      g_free(up.path);
  }
  DplEntry e = {.kind = DPL_ENTRY_LINK,
                .mode = 0777,
                .uid = DPL_TREE_OURS,
                .gid = DPL_TREE_OURS,
                .path = g_strdup(path),
                .target = g_strdup(target)};
  (void)dpl_tree_add(s->tree, &e);
  return TRUE;
}

/* What stands in shared/ already: an administrator's file where the release wants a directory would
 * be handed to it. A link there is followed: it may lead to a place of its own. */
static gboolean check_there(Shared *s, const char *path, gboolean directory, GError **error) {
  g_autofree char *place = g_strconcat(DPL_DIR_SHARED "/", path, NULL);
  const char *name;
  struct stat st;
  DPL_AUTO_FD at = s->root >= 0 ? dpl_within_parent(s->root, place, FALSE, &name) : -1;

  if (at < 0 || fstatat(at, name, &st, 0) < 0 || S_ISDIR(st.st_mode) == directory)
    return TRUE;
  return refuse(error, path,
                directory ? "is no directory in shared/ of the target: move it away"
                          : "is a directory in shared/ of the target, not a file: move it away");
}

static gboolean share(Shared *s, const char *path, gboolean directory, GError **error) {
  const DplEntry *brought = dpl_tree_find(s->tree, path);
  g_autofree char *target = link_target(s, path);
  const char *name;

  if (brought && (brought->kind == DPL_ENTRY_DIRECTORY) != directory)
    return refuse(error, path,
                  directory ? "is a file in the release, not a directory"
                            : "is a directory in the release, not a file");
  if (!check_there(s, path, directory, error) || (brought && !check_links(s, path, error)))
    return FALSE;
  if (s->dir >= 0 && brought && directory && !open_up(s, path, error))
    return FALSE;
  if (!list_link(s, path, target, error))
    return FALSE;
  if (s->dir < 0)
    return TRUE;
  if (!provide(s, path, directory, error))
    return FALSE;
  DPL_AUTO_FD at = dpl_within_parent(s->dir, path, TRUE, &name);
  if (at < 0 || symlinkat(target, at, name) < 0)
    return dpl_error_errno(error, errno, "cannot link the shared path %s", path);
  return TRUE;
}

gboolean dpl_shared_link(int root, int dir, guint depth, const char *const *directories,
                         const char *const *files, DplTree *tree, GError **error) {
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  Shared s = {.root = root, .dir = dir, .depth = depth, .tree = tree};
  guint n_directories = directories ? g_strv_length((char **)directories) : 0;

  for (guint i = 0; i < n_directories; i++)
    g_ptr_array_add(paths, dpl_path_clean(directories[i]));
  for (guint i = 0; files && files[i]; i++)
    g_ptr_array_add(paths, dpl_path_clean(files[i]));
  if (!check(paths, error))
    return FALSE;
  for (guint i = 0; i < paths->len; i++)
    if (!share(&s, paths->pdata[i], i < n_directories, error))
      return FALSE;
  return TRUE;
}
