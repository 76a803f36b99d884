/* tree-build.c: a tree from what lies in a directory; see tree.h. The digests are the work, and go
 * over several threads; a file that is exchanged under our hands fails instead of being believed.
 */
#include "deployment/io.h"
#include "deployment/parallel.h"
#include "deployment/tree-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  int dir;
  GPtrArray *files; /* DplEntry, borrowed */
  const DplTreeRules *rules;
  DplProgress progress;
} Build;

static gboolean refuse(GError **error, const char *path, const char *text) {
  g_autofree char *escaped = dpl_path_escape(path);

  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s %s", escaped, text);
  return FALSE;
}

static gboolean digest_one(guint i, gpointer user_data, GError **error) {
  Build *b = user_data;
  DplEntry *e = b->files->pdata[i];
  DPL_AUTO_FD fd = dpl_within_open(b->dir, e->path, O_RDONLY | O_NONBLOCK, 0);
  struct stat st;
  gboolean acl;

  if (fd < 0 || fstat(fd, &st) < 0)
    return dpl_error_errno(error, errno, "cannot open %s", e->path);
  if (!S_ISREG(st.st_mode))
    return refuse(error, e->path, "was exchanged while it was read");
  if (!dpl_digest_fd(fd, e->path, e->sha256, NULL, &e->size, &b->progress, error))
    return FALSE;
  e->capability = dpl_scan_capability(fd, &acl);
  if (e->capability && !b->rules->allow_capability)
    return refuse(error, e->path,
                  "has file capabilities, which the manifest does not allow (setcap -r)");
  return TRUE;
}

static gboolean check_odd(const GPtrArray *odd, const DplTreeRules *rules, GError **error) {
  for (guint i = 0; i < odd->len; i++) {
    const DplOdd *o = odd->pdata[i];
    if (o->kind != DPL_ODD_ACL && !(o->kind == DPL_ODD_SPECIAL && rules->skip_special))
      return refuse(error, o->path, dpl_odd_text(o->kind));
  }
  return TRUE;
}

DplTree *dpl_tree_build(int dir, const DplTreeRules *rules, const DplWork *work, GError **error) {
  g_autoptr(DplTree) tree = dpl_tree_new();
  g_autoptr(GPtrArray) odd = g_ptr_array_new_with_free_func(dpl_odd_free);
  g_autoptr(GPtrArray) files = g_ptr_array_new();
  Build b = {.dir = dir, .files = files, .rules = rules, .progress = {.work = work}};

  if (!dpl_scan(dir, tree, odd, work, error) || !check_odd(odd, rules, error))
    return NULL;
  b.progress.total = dpl_tree_bytes(tree);
  for (guint i = 0; i < dpl_tree_n(tree); i++) {
    const DplEntry *e = dpl_tree_at(tree, i);
    if (!rules->allow_setuid && (e->mode & (S_ISUID | S_ISGID)) && e->kind != DPL_ENTRY_HARD_LINK) {
      refuse(error, e->path, "is set-uid or set-gid, which the manifest does not allow");
      return NULL;
    }
    if (e->kind == DPL_ENTRY_FILE)
      g_ptr_array_add(files, (gpointer)e);
  }
  if (!dpl_parallel(files->len, digest_one, &b, work, error))
    return NULL;
  dpl_progress_end(&b.progress);
  return g_steal_pointer(&tree);
}
