/* sink.c: entries enter a tree; see sink.h. The order of things: names are judged and directories
 * made on the caller's thread; contents are queued, bounded in bytes; hard links wait until all
 * contents are there. */
#include "deployment/sink-private.h"

#include "deployment/io.h"
#include "deployment/parallel.h"
#include "deployment/tree-links.h"

#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BYTES_MAX (G_GUINT64_CONSTANT(64) << 30)
#define ENTRIES_MAX 1000000
#define DEPTH_MAX 64

DplSink *dpl_sink_new(int dir, const DplUnpackOptions *options, DplTree *tree,
                      const DplWork *work) {
  g_autofree char *into = dpl_path_clean(options->into ? options->into : ".");

  if (!into)
    return NULL;
  DplSink *sink = g_new0(DplSink, 1);
  sink->dir = dir;
  sink->options = options;
  sink->tree = tree;
  sink->progress.work = work;
  sink->limits = options->limits;
  sink->limits.bytes_max = sink->limits.bytes_max ? sink->limits.bytes_max : BYTES_MAX;
  sink->limits.file_max = sink->limits.file_max ? sink->limits.file_max : sink->limits.bytes_max;
  sink->limits.entries_max = sink->limits.entries_max ? sink->limits.entries_max : ENTRIES_MAX;
  sink->limits.depth_max = sink->limits.depth_max ? sink->limits.depth_max : DEPTH_MAX;
  sink->keep_owners = options->archive_owners && geteuid() == 0;
  sink->into = g_steal_pointer(&into);
  sink->mine = g_hash_table_new(NULL, NULL);
  sink->hard = g_ptr_array_new();
  sink->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  sink->groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  sink->explicit = g_hash_table_new(g_str_hash, g_str_equal);
  sink->fd = -1;
  g_mutex_init(&sink->lock);
  g_cond_init(&sink->room);
  sink->pool = g_thread_pool_new(dpl_sink_run, sink, (gint)dpl_parallel_threads(), FALSE, NULL);
  if (!dpl_tree_find(tree, ".")) {
    DplEntry top = {.kind = DPL_ENTRY_DIRECTORY,
                    .mode = 0755,
                    .uid = DPL_TREE_OURS,
                    .gid = DPL_TREE_OURS,
                    .path = g_strdup(".")};
    (void)dpl_tree_add(tree, &top);
  }
  return sink;
}

void dpl_sink_free(DplSink *sink) {
  if (!sink)
    return;
  g_thread_pool_free(sink->pool, FALSE, TRUE);
  g_mutex_clear(&sink->lock);
  g_cond_clear(&sink->room);
  g_clear_error(&sink->error);
  dpl_digest_free(sink->digest);
  dpl_close(&sink->fd);
  g_hash_table_unref(sink->explicit);
  g_ptr_array_unref(sink->hard);
  g_hash_table_unref(sink->users);
  g_hash_table_unref(sink->groups);
  g_hash_table_unref(sink->mine);
  g_free(sink->into);
  g_free(sink);
}

/* FALSE when a writer has failed. Waits until there is room for `size` more (G_MAXSIZE: until all
 * is written). */
static gboolean wait_for_room(DplSink *sink, gsize size, GError **error) {
  g_mutex_lock(&sink->lock);
  while (!sink->error &&
         (size == G_MAXSIZE ? sink->n_jobs > 0
                            : sink->queued > 0 && sink->queued + size > DPL_SINK_QUEUE_BYTES))
    g_cond_wait(&sink->room, &sink->lock);
  gboolean ok = sink->error == NULL;
  if (!ok && error)
    *error = g_error_copy(sink->error);
  g_mutex_unlock(&sink->lock);
  return ok;
}

static gboolean count_bytes(DplSink *sink, const char *path, guint64 size, GError **error) {
  if (size > sink->limits.file_max || size > sink->limits.bytes_max - sink->bytes) {
    g_autofree char *escaped = dpl_path_escape(path);
    g_set_error(
        error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
        "the artifact %s is refused: with %.300s it is larger than the limit of %" G_GUINT64_FORMAT
        " bytes",
        sink->options->name, escaped,
        size > sink->limits.file_max ? sink->limits.file_max : sink->limits.bytes_max);
    return FALSE;
  }
  sink->bytes += size;
  return TRUE;
}

static gboolean give(DplSink *sink, DplSinkJob *job, GError **error) {
  gboolean ok = wait_for_room(sink, job->size, error);

  if (!ok) {
    dpl_sink_job_free(job);
    return FALSE;
  }
  g_mutex_lock(&sink->lock);
  sink->queued += job->size;
  sink->n_jobs++;
  g_mutex_unlock(&sink->lock);
  return g_thread_pool_push(sink->pool, job, NULL) || TRUE; /* a thread less is no failure */
}

/* There is no place for it: refused, or else `strip` left nothing of its name. */
static gboolean dropped(GError *refused, GError **error) {
  if (refused)
    g_propagate_error(error, refused);
  return refused == NULL;
}

gboolean dpl_sink_directory(DplSink *sink, const DplSinkEntry *entry, GError **error) {
  GError *refused = NULL;
  char *path = dpl_sink_path(sink, entry->path, &refused);

  if (!path) {
    return dropped(refused, error);
  }
  return dpl_sink_enter(sink, entry, DPL_ENTRY_DIRECTORY, path, NULL, error) != NULL;
}

/* Does the target, seen from where the link lies, leave the tree? */
static gboolean leads_out(const char *path, const char *target) {
  int depth = 0;

  if (*target == '/')
    return TRUE;
  for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/'))
    depth++;
  g_auto(GStrv) parts = g_strsplit(target, "/", -1);
  for (guint i = 0; parts[i] && depth >= 0; i++)
    depth += strcmp(parts[i], "..") == 0                       ? -1
             : *parts[i] == '\0' || strcmp(parts[i], ".") == 0 ? 0
                                                               : 1;
  return depth < 0;
}

gboolean dpl_sink_link(DplSink *sink, const DplSinkEntry *entry, const char *target,
                       GError **error) {
  GError *refused = NULL;
  char *path = dpl_sink_path(sink, entry->path, &refused);
  const char *name;

  if (!path) {
    return dropped(refused, error);
  }
  if (!target || !*target || strlen(target) > 4095) {
    g_free(path);
    return dpl_sink_refuse(sink, error, entry->path, "is a link to nothing");
  }
  DplEntry *e = dpl_sink_enter(sink, entry, DPL_ENTRY_LINK, path, target, error);
  if (!e)
    return FALSE;
  e->mode = 0777;
  sink->links_out += leads_out(e->path, target);
  if (sink->dir < 0)
    return TRUE;
  DPL_AUTO_FD at = dpl_within_parent(sink->dir, e->path, FALSE, &name);
  if (at < 0 || symlinkat(target, at, name) < 0)
    return dpl_error_errno(error, errno, "cannot make the link %s of the release", e->path);
  if ((e->uid != DPL_TREE_OURS || e->gid != DPL_TREE_OURS) &&
      fchownat(at, name, e->uid == DPL_TREE_OURS ? geteuid() : e->uid,
               e->gid == DPL_TREE_OURS ? getegid() : e->gid, AT_SYMLINK_NOFOLLOW) < 0)
    return dpl_error_errno(error, errno, "cannot give %s of the release its owner", e->path);
  return TRUE;
}

gboolean dpl_sink_hard_link(DplSink *sink, const DplSinkEntry *entry, const char *target,
                            GError **error) {
  GError *refused = NULL;
  char *path = dpl_sink_path(sink, entry->path, &refused);

  if (!path) {
    return dropped(refused, error);
  }
  g_autofree char *to = dpl_sink_path(sink, target, NULL);
  DplEntry *file = to ? dpl_tree_find(sink->tree, to) : NULL;
  if (file && file->kind == DPL_ENTRY_HARD_LINK)
    file = dpl_tree_find(sink->tree, file->target);
  if (!file || file->kind != DPL_ENTRY_FILE || strcmp(file->path, path) == 0) {
    g_free(path);
    return dpl_sink_refuse(sink, error, entry->path,
                           "is a hard link to what is no file of the release before it");
  }
  DplEntry *e = dpl_sink_enter(sink, entry, DPL_ENTRY_HARD_LINK, path, file->path, error);
  if (!e)
    return FALSE;
  g_ptr_array_add(sink->hard, e);
  return TRUE;
}

static DplEntry *enter_file(DplSink *sink, const DplSinkEntry *entry, guint64 size,
                            GError **error) {
  char *path = dpl_sink_path(sink, entry->path, error);

  if (!path)
    return NULL;
  if (strcmp(path, sink->into) == 0) {
    g_free(path);
    dpl_sink_refuse(sink, error, entry->path, "is a file where the top of the tree is");
    return NULL;
  }
  DplEntry *e = dpl_sink_enter(sink, entry, DPL_ENTRY_FILE, path, NULL, error);
  return e && count_bytes(sink, e->path, size, error) ? e : NULL;
}

static gboolean queue_file(DplSink *sink, const DplSinkEntry *entry, DplSinkJob *job, guint64 size,
                           GError **error) {
  GError *refused = NULL;

  job->entry = enter_file(sink, entry, size, &refused);
  if (job->entry)
    return give(sink, job, error);
  dpl_sink_job_free(job);
  return dropped(refused, error);
}

gboolean dpl_sink_bytes(DplSink *sink, const DplSinkEntry *entry, char *bytes, gsize size,
                        GError **error) {
  DplSinkJob *job = g_new0(DplSinkJob, 1);

  job->mtime = entry->mtime;
  job->bytes = bytes;
  job->size = size;
  return queue_file(sink, entry, job, size, error);
}

gboolean dpl_sink_copy(DplSink *sink, const DplSinkEntry *entry, int source, const char *path,
                       guint64 size, GError **error) {
  DplSinkJob *job = g_new0(DplSinkJob, 1);

  job->mtime = entry->mtime;
  job->source = source;
  job->path = g_strdup(path);
  return queue_file(sink, entry, job, size, error);
}

gboolean dpl_sink_begin(DplSink *sink, const DplSinkEntry *entry, guint64 size,
                        gboolean *ret_wanted, GError **error) {
  GError *refused = NULL;

  sink->entry = enter_file(sink, entry, size, &refused);
  *ret_wanted = sink->entry != NULL;
  if (!sink->entry) {
    return dropped(refused, error);
  }
  sink->mtime = entry->mtime;
  sink->at = 0;
  if (!sink->digest)
    sink->digest = dpl_digest_new(DPL_SHA256);
  sink->fd = sink->dir < 0 ? -1 : dpl_sink_create(sink, sink->entry, error);
  return sink->dir < 0 || sink->fd >= 0;
}

gboolean dpl_sink_block(DplSink *sink, gconstpointer bytes, gsize size, guint64 offset,
                        GError **error) {
  if (offset < sink->at || offset + size > sink->limits.file_max)
    return dpl_sink_refuse(sink, error, sink->entry->path, "has blocks that are out of order");
  dpl_digest_add_zeros(sink->digest, offset - sink->at);
  dpl_digest_add(sink->digest, bytes, size);
  gboolean hole = sink->fd >= 0 && offset > sink->at;
  if ((hole && lseek(sink->fd, (off_t)offset, SEEK_SET) < 0) ||
      (sink->fd >= 0 && !wg_write_all(sink->fd, bytes, size)))
    return dpl_error_errno(error, errno, "cannot write %s of the release", sink->entry->path);
  sink->at = offset + size;
  return TRUE;
}

gboolean dpl_sink_end(DplSink *sink, guint64 size, GError **error) {
  DplEntry *e = sink->entry;

  if (sink->at > size)
    return dpl_sink_refuse(sink, error, e->path, "has more content than it says");
  dpl_digest_add_zeros(sink->digest, size - sink->at);
  dpl_digest_end(sink->digest, e->sha256);
  e->size = size;
  if (sink->fd < 0)
    return TRUE;
  if (sink->at < size && ftruncate(sink->fd, (off_t)size) < 0)
    return dpl_error_errno(error, errno, "cannot write %s of the release", e->path);
  gboolean ok = dpl_sink_dress(sink, sink->fd, e, &sink->mtime, error);
  dpl_close(&sink->fd);
  return ok;
}

static gboolean make_hard_link(DplSink *sink, const DplEntry *e, GError **error) {
  const char *name, *old;
  DPL_AUTO_FD at = dpl_within_parent(sink->dir, e->path, FALSE, &name);
  DPL_AUTO_FD from = dpl_within_parent(sink->dir, e->target, FALSE, &old);

  if (at < 0 || from < 0 || linkat(from, old, at, name, 0) < 0)
    return dpl_error_errno(error, errno, "cannot make the hard link %s of the release", e->path);
  return TRUE;
}

gboolean dpl_sink_finish(DplSink *sink, DplUnpacked *ret, GError **error) {
  if (!wait_for_room(sink, G_MAXSIZE, error))
    return FALSE;
  for (guint i = 0; sink->dir >= 0 && i < sink->hard->len; i++)
    if (!make_hard_link(sink, sink->hard->pdata[i], error))
      return FALSE;
  dpl_tree_order_links(sink->tree);
  dpl_progress_end(&sink->progress);
  ret->bytes = sink->bytes;
  ret->entries = sink->entries;
  ret->links_out = sink->links_out;
  return TRUE;
}

static char *without(const char *prefix, const char *path) {
  if (strcmp(prefix, ".") == 0)
    return g_strdup(path);
  if (strcmp(prefix, path) == 0)
    return g_strdup(".");
  gsize n = strlen(prefix);
  return strncmp(path, prefix, n) == 0 && path[n] == '/' ? g_strdup(path + n + 1) : NULL;
}

DplTree *dpl_sink_part(DplSink *sink) {
  DplTree *part = dpl_tree_new();
  DplEntry top = {.kind = DPL_ENTRY_DIRECTORY,
                  .mode = 0755,
                  .uid = DPL_TREE_OURS,
                  .gid = DPL_TREE_OURS,
                  .path = g_strdup(".")};
  GHashTableIter iter;
  gpointer key;

  (void)dpl_tree_add(part, &top);
  g_hash_table_iter_init(&iter, sink->mine);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    DplEntry e = *(const DplEntry *)key;
    e.path = without(sink->into, e.path);
    if (!e.path || strcmp(e.path, ".") == 0) {
      g_free(e.path);
      continue;
    }
    e.target = e.kind == DPL_ENTRY_HARD_LINK ? without(sink->into, e.target) : g_strdup(e.target);
    e.capability = g_strdup(e.capability);
    (void)dpl_tree_add(part, &e);
  }
  return part;
}

DplProgress *dpl_sink_progress(DplSink *sink) {
  return &sink->progress;
}
