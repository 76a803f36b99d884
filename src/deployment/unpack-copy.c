/* unpack-copy.c: a directory as an artifact. It is listed first, then its files are copied by the
 * writers; what is listed and what is copied may differ when somebody writes there meanwhile, but
 * what is in the tree's list is always what was copied. */
#include "deployment/archive-read.h"
#include "deployment/io.h"
#include "deployment/tree-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static gboolean refuse_odd(const GPtrArray *odd, const char *name, GError **error) {
  for (guint i = 0; i < odd->len; i++) {
    const DplOdd *o = odd->pdata[i];
    if (o->kind == DPL_ODD_ACL)
      continue;
    g_autofree char *escaped = dpl_path_escape(o->path);
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the artifact %s is refused: %.300s %s",
                name, escaped, dpl_odd_text(o->kind));
    return FALSE;
  }
  return TRUE;
}

/* Time and capability are no part of a listing. */
static gboolean describe(int source, const DplEntry *e, DplSinkEntry *ret, char **ret_capability,
                         GError **error) {
  DPL_AUTO_FD fd = dpl_within_open(source, e->path, O_RDONLY | O_NONBLOCK, 0);
  struct stat st;
  gboolean acl;

  if (fd < 0 || fstat(fd, &st) < 0)
    return dpl_error_errno(error, errno, "cannot open %s of the artifact", e->path);
  ret->mtime = st.st_mtim;
  *ret_capability = dpl_scan_capability(fd, &acl);
  ret->capability = *ret_capability;
  return TRUE;
}

static gboolean one_entry(int source, const DplEntry *e, DplSink *sink, GError **error) {
  g_autofree char *capability = NULL;
  DplSinkEntry entry = {.path = e->path,
                        .mode = e->mode,
                        .uid = e->uid == DPL_TREE_OURS ? geteuid() : e->uid,
                        .gid = e->gid == DPL_TREE_OURS ? getegid() : e->gid};

  switch (e->kind) {
  case DPL_ENTRY_DIRECTORY:
    return dpl_sink_directory(sink, &entry, error);
  case DPL_ENTRY_LINK:
    return dpl_sink_link(sink, &entry, e->target, error);
  case DPL_ENTRY_HARD_LINK:
    return dpl_sink_hard_link(sink, &entry, e->target, error);
  default:
    return describe(source, e, &entry, &capability, error) &&
           dpl_sink_copy(sink, &entry, source, e->path, e->size, error);
  }
}

gboolean dpl_unpack_copy(int source, DplSink *sink, const DplUnpackOptions *options,
                         const DplWork *work, GError **error) {
  g_autoptr(DplTree) list = dpl_tree_new();
  g_autoptr(GPtrArray) odd = g_ptr_array_new_with_free_func(dpl_odd_free);

  if (!dpl_scan(source, list, odd, work, error) || !refuse_odd(odd, options->name, error))
    return FALSE;
  dpl_sink_progress(sink)->total = dpl_tree_bytes(list);
  for (guint i = 0; i < dpl_tree_n(list); i++)
    if (!dpl_work_go_on(work, error) || !one_entry(source, dpl_tree_at(list, i), sink, error))
      return FALSE;
  return TRUE;
}
