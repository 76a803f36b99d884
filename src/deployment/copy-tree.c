/* copy-tree.c: see copy-tree.h. Listed first; directories, then files on several threads, then hard
 * links; attributes of directories last and deepest first, since they may forbid writing. */
#include "deployment/copy-tree.h"
#include "deployment/io.h"
#include "deployment/parallel.h"
#include "deployment/tree-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  int from, to;
  const char *name, *path;
  DplTree *list, *tree; /* as the source has it; as the copy has it */
  GPtrArray *files;     /* DplEntry of list */
  DplProgress progress;
} Copy;

/* "." and "a" as paths below `base`. */
static char *below(const char *base, const char *path) {
  return strcmp(path, ".") == 0 ? g_strdup(base) : g_strconcat(base, "/", path, NULL);
}

static gboolean refuse(const Copy *c, const char *path, const char *text, GError **error) {
  g_autofree char *escaped = dpl_path_escape(path);

  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
              "%s cannot be copied: %.300s %s; name paths without it", c->path, escaped, text);
  return FALSE;
}

static gboolean list_source(Copy *c, guint *ret_skipped, GError **error) {
  g_autoptr(GPtrArray) odd = g_ptr_array_new_with_free_func(dpl_odd_free);
  struct stat st;

  if (fstatat(c->from, c->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return dpl_error_errno(error, errno, "cannot look at %s", c->path);
  if (S_ISREG(st.st_mode)) {
    DplEntry e = {.kind = DPL_ENTRY_FILE,
                  .mode = st.st_mode & 07777,
                  .uid = st.st_uid == geteuid() ? DPL_TREE_OURS : st.st_uid,
                  .gid = st.st_gid == getegid() ? DPL_TREE_OURS : st.st_gid,
                  .size = (guint64)st.st_size,
                  .path = g_strdup(".")};
    (void)dpl_tree_add(c->list, &e);
    return TRUE;
  }
  if (!S_ISDIR(st.st_mode))
    return refuse(c, ".", "is neither a directory nor a plain file", error);
  DPL_AUTO_FD dir = dpl_within_open(c->from, c->name, O_RDONLY | O_DIRECTORY, 0);
  if (dir < 0)
    return dpl_error_errno(error, errno, "cannot open %s", c->path);
  if (!dpl_scan(dir, c->list, odd, c->progress.work, error))
    return FALSE;
  for (guint i = 0; i < odd->len; i++) {
    const DplOdd *o = odd->pdata[i];
    if (o->kind == DPL_ODD_DEVICE || o->kind == DPL_ODD_MOUNT)
      return refuse(c, o->path, dpl_odd_text(o->kind), error);
    *ret_skipped += o->kind == DPL_ODD_SPECIAL;
  }
  return TRUE;
}

/* The same entries with the paths of the copy. */
static void plan_copy(Copy *c) {
  DplEntry top = {.kind = DPL_ENTRY_DIRECTORY,
                  .mode = 0700,
                  .uid = DPL_TREE_OURS,
                  .gid = DPL_TREE_OURS,
                  .path = g_strdup(".")};

  (void)dpl_tree_add(c->tree, &top);
  for (guint i = 0; i < dpl_tree_n(c->list); i++) {
    const DplEntry *is = dpl_tree_at(c->list, i);
    DplEntry e = *is;
    e.path = below(DPL_COPY_ITEM, is->path);
    e.target =
        is->kind == DPL_ENTRY_HARD_LINK ? below(DPL_COPY_ITEM, is->target) : g_strdup(is->target);
    (void)dpl_tree_add(c->tree, &e);
    if (is->kind == DPL_ENTRY_FILE)
      g_ptr_array_add(c->files, (gpointer)is);
  }
}

static gboolean copy_link(Copy *c, const DplEntry *e, int at, const char *name) {
  g_autofree char *source = below(c->name, e->path);
  const char *old;
  struct stat st;
  DPL_AUTO_FD from = dpl_within_parent(c->from, source, FALSE, &old);

  if (from < 0 || fstatat(from, old, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
      symlinkat(e->target, at, name) < 0)
    return FALSE;
  const struct timespec times[2] = {st.st_atim, st.st_mtim};
  if ((st.st_uid != geteuid() || st.st_gid != getegid()) &&
      fchownat(at, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return FALSE;
  return utimensat(at, name, times, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Directories and links in order, files not yet. */
static gboolean make_frame(Copy *c, GError **error) {
  for (guint i = 0; i < dpl_tree_n(c->list); i++) {
    const DplEntry *e = dpl_tree_at(c->list, i);
    if (e->kind == DPL_ENTRY_FILE || e->kind == DPL_ENTRY_HARD_LINK)
      continue;
    g_autofree char *place = below(DPL_COPY_ITEM, e->path);
    const char *name;
    DPL_AUTO_FD at = dpl_within_parent(c->to, place, FALSE, &name);
    if (at < 0 ||
        (e->kind == DPL_ENTRY_DIRECTORY ? mkdirat(at, name, 0700) < 0 : !copy_link(c, e, at, name)))
      return dpl_error_errno(error, errno, "cannot copy %s: %s in it", c->path, e->path);
  }
  return TRUE;
}

static gboolean copy_file(guint i, gpointer user_data, GError **error) {
  Copy *c = user_data;
  const DplEntry *e = c->files->pdata[i];
  g_autofree char *source = below(c->name, e->path), *place = below(DPL_COPY_ITEM, e->path);
  DplEntry *copy = dpl_tree_find(c->tree, place);
  struct stat st;
  gboolean acl;
  DPL_AUTO_FD from = dpl_within_open(c->from, source, O_RDONLY | O_NONBLOCK, 0);

  if (from < 0 || fstat(from, &st) < 0)
    return dpl_error_errno(error, errno, "cannot copy %s: %s in it", c->path, e->path);
  if (!S_ISREG(st.st_mode))
    return refuse(c, e->path, "was exchanged while it was copied", error);
  DPL_AUTO_FD to = dpl_within_open(c->to, place, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (to < 0)
    return dpl_error_errno(error, errno, "cannot make the copy of %s: %s in it", c->path, e->path);
  copy->capability = dpl_scan_capability(from, &acl);
  return dpl_copy_content(from, to, c->path, copy->sha256, &copy->size, &c->progress, error) &&
         dpl_copy_attributes(from, to, c->path, error);
}

static gboolean make_hard_links(Copy *c, GError **error) {
  for (guint i = 0; i < dpl_tree_n(c->tree); i++) {
    const DplEntry *e = dpl_tree_at(c->tree, i);
    const char *name, *old;
    if (e->kind != DPL_ENTRY_HARD_LINK)
      continue;
    DPL_AUTO_FD at = dpl_within_parent(c->to, e->path, FALSE, &name);
    DPL_AUTO_FD file = dpl_within_parent(c->to, e->target, FALSE, &old);
    if (at < 0 || file < 0 || linkat(file, old, at, name, 0) < 0)
      return dpl_error_errno(error, errno, "cannot copy %s: %s in it", c->path, e->path);
  }
  return TRUE;
}

static gboolean dress_directories(Copy *c, GError **error) {
  for (guint i = dpl_tree_n(c->list); i-- > 0;) {
    const DplEntry *e = dpl_tree_at(c->list, i);
    if (e->kind != DPL_ENTRY_DIRECTORY)
      continue;
    g_autofree char *source = below(c->name, e->path), *place = below(DPL_COPY_ITEM, e->path);
    DPL_AUTO_FD from = dpl_within_open(c->from, source, O_RDONLY | O_DIRECTORY, 0);
    DPL_AUTO_FD to = dpl_within_open(c->to, place, O_RDONLY | O_DIRECTORY, 0);
    if (from < 0 || to < 0)
      return dpl_error_errno(error, errno, "cannot copy %s: %s in it", c->path, e->path);
    if (!dpl_copy_attributes(from, to, c->path, error))
      return FALSE;
  }
  return TRUE;
}

gboolean dpl_copy_tree(int from, const char *name, const char *path, int to, DplTree *tree,
                       guint *ret_skipped, const DplWork *work, GError **error) {
  g_autoptr(DplTree) list = dpl_tree_new();
  g_autoptr(GPtrArray) files = g_ptr_array_new();
  Copy c = {.from = from,
            .to = to,
            .name = name,
            .path = path,
            .list = list,
            .tree = tree,
            .files = files,
            .progress = {.work = work}};

  *ret_skipped = 0;
  if (!list_source(&c, ret_skipped, error))
    return FALSE;
  c.progress.total = dpl_tree_bytes(list);
  plan_copy(&c);
  if (!make_frame(&c, error) || !dpl_parallel(files->len, copy_file, &c, work, error) ||
      !make_hard_links(&c, error) || !dress_directories(&c, error))
    return FALSE;
  dpl_progress_end(&c.progress);
  return TRUE;
}
