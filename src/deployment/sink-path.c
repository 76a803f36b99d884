/* sink-path.c: what may enter a tree and under which name; see sink.h. Nothing is believed of a
 * source: its names are cleaned or refused here, before anything is made. */
#include "deployment/sink-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean dpl_sink_refuse(DplSink *sink, GError **error, const char *path, const char *text) {
  g_autofree char *escaped = dpl_path_escape(path);

  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the artifact %s is refused: %.300s %s",
              sink->options->name, escaped, text);
  return FALSE;
}

static const char *skip_components(const char *clean, guint n) {
  for (; n > 0 && clean; n--) {
    clean = strchr(clean, '/');
    clean = clean ? clean + 1 : NULL;
  }
  return clean;
}

char *dpl_sink_path(DplSink *sink, const char *path, GError **error) {
  g_autofree char *clean = dpl_path_clean(path);

  if (!clean || !*path) {
    dpl_sink_refuse(sink, error, path,
                    "is an absolute path, or has \"..\", or is no path that a file can have");
    return NULL;
  }
  guint depth = 1;
  for (const char *p = clean; *p; p++)
    depth += *p == '/';
  if (depth > sink->limits.depth_max) {
    dpl_sink_refuse(sink, error, path, "lies in more directories than the limit allows");
    return NULL;
  }
  gboolean top = strcmp(clean, ".") == 0;
  const char *rest =
      top ? (sink->options->strip ? NULL : clean) : skip_components(clean, sink->options->strip);
  if (!rest)
    return NULL;
  if (top || strcmp(sink->into, ".") == 0)
    return g_strdup(top ? sink->into : rest);
  return g_strconcat(sink->into, "/", rest, NULL);
}

static gboolean make_directory(DplSink *sink, const char *path, GError **error) {
  const char *name;

  if (sink->dir < 0)
    return TRUE;
  int at = dpl_within_parent(sink->dir, path, FALSE, &name);
  gboolean ok = at >= 0 && mkdirat(at, name, 0700) == 0;
  if (!ok)
    dpl_error_errno(error, errno, "cannot make the directory %s of the release", path);
  if (at >= 0)
    close(at);
  return ok;
}

static gboolean count(DplSink *sink, GError **error) {
  if (++sink->entries <= sink->limits.entries_max)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
              "the artifact %s has more than %u entries; raise the limit if that is meant",
              sink->options->name, sink->limits.entries_max);
  return FALSE;
}

gboolean dpl_sink_parents(DplSink *sink, const char *path, GError **error) {
  for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
    g_autofree char *parent = g_strndup(path, (gsize)(slash - path));
    DplEntry *there = dpl_tree_find(sink->tree, parent);
    if (there && there->kind == DPL_ENTRY_DIRECTORY)
      continue;
    if (there)
      return dpl_sink_refuse(sink, error, path, "leads through a link or a file of the release");
    if (!count(sink, error) || !make_directory(sink, parent, error))
      return FALSE;
    DplEntry e = {.kind = DPL_ENTRY_DIRECTORY,
                  .mode = 0755,
                  .uid = DPL_TREE_OURS,
                  .gid = DPL_TREE_OURS,
                  .path = g_steal_pointer(&parent)};
    (void)dpl_tree_add(sink->tree, &e);
    g_hash_table_add(sink->mine, dpl_tree_find(sink->tree, e.path));
  }
  return TRUE;
}

static guint32 owner(DplSink *sink, guint32 id, guint32 mine) {
  return sink->keep_owners && id != mine ? id : DPL_TREE_OURS;
}

/* What is taken from the source as it is, and what not. */
static void describe(DplSink *sink, DplEntry *e, const DplSinkEntry *source) {
  gboolean sticky = e->kind == DPL_ENTRY_DIRECTORY && (source->mode & S_ISVTX);

  e->mode = (guint16)(source->mode & (sticky ? 07777 : 07775));
  if (e->kind == DPL_ENTRY_FILE)
    e->mode &= (guint16)~S_ISVTX;
  e->uid = owner(sink, source->uid, geteuid());
  e->gid = owner(sink, source->gid, getegid());
}

static gboolean allowed(DplSink *sink, const DplSinkEntry *source, DplEntryKind kind,
                        GError **error) {
  gboolean has_mode = kind == DPL_ENTRY_DIRECTORY || kind == DPL_ENTRY_FILE;

  if (has_mode && (source->mode & (S_ISUID | S_ISGID)) && !sink->options->allow_setuid)
    return dpl_sink_refuse(sink, error, source->path,
                           "is set-uid or set-gid, which the manifest does not allow");
  if (source->capability && !sink->options->allow_capability)
    return dpl_sink_refuse(sink, error, source->path,
                           "has file capabilities, which the manifest does not allow");
  return TRUE;
}

/* A directory may be named again, by this artifact or another: what is said last holds. */
static DplEntry *enter_again(DplSink *sink, DplEntry *there, const DplSinkEntry *source,
                             GError **error) {
  gboolean top = strcmp(there->path, ".") == 0;

  if (!top)
    describe(sink, there, source);
  g_hash_table_add(sink->mine, there);
  if (!g_hash_table_add(sink->explicit, there->path) && !count(sink, error))
    return NULL;
  return there;
}

DplEntry *dpl_sink_enter(DplSink *sink, const DplSinkEntry *source, DplEntryKind kind, char *path,
                         const char *target, GError **error) {
  g_autofree char *mine = path;
  DplEntry *there = dpl_tree_find(sink->tree, path);

  if (!allowed(sink, source, kind, error))
    return NULL;
  if (there && kind == DPL_ENTRY_DIRECTORY && there->kind == DPL_ENTRY_DIRECTORY)
    return enter_again(sink, there, source, error);
  if (there) {
    dpl_sink_refuse(sink, error, source->path, "is there twice");
    return NULL;
  }
  if (!count(sink, error) || !dpl_sink_parents(sink, path, error))
    return NULL;
  DplEntry e = {.kind = kind,
                .path = g_steal_pointer(&mine),
                .target = g_strdup(target),
                .capability = g_strdup(source->capability)};
  describe(sink, &e, source);
  (void)dpl_tree_add(sink->tree, &e);
  there = dpl_tree_find(sink->tree, e.path);
  g_hash_table_add(sink->mine, there);
  g_hash_table_add(sink->explicit, there->path);
  if (kind == DPL_ENTRY_DIRECTORY && !make_directory(sink, there->path, error))
    return NULL;
  return there;
}
