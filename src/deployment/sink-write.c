/* sink-write.c: contents go into files, on the writers' threads; see sink.h. The digest is taken of
 * the bytes that are written, or, where the file system clones, of the clone: never of a source
 * that may change in between. Files are created with O_EXCL below the tree and through no link. */
#include "deployment/io.h"
#include "deployment/sink-private.h"

#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

void dpl_sink_job_free(DplSinkJob *job) {
  g_free(job->bytes);
  g_free(job->path);
  g_free(job);
}

int dpl_sink_create(DplSink *sink, const DplEntry *entry, GError **error) {
  int fd = dpl_within_open(sink->dir, entry->path, O_RDWR | O_CREAT | O_EXCL, 0600);

  if (fd < 0)
    dpl_error_errno(error, errno, "cannot make %s of the release", entry->path);
  return fd;
}

static gboolean set_capability(int fd, const char *hex) {
  guint8 value[160];
  gsize n = strlen(hex) / 2;

  if (n > sizeof value) {
    errno = EINVAL;
    return FALSE;
  }
  for (gsize i = 0; i < n; i++)
    value[i] =
        (guint8)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
  return fsetxattr(fd, "security.capability", value, n, 0) == 0;
}

gboolean dpl_sink_dress(DplSink *sink, int fd, const DplEntry *entry, const struct timespec *mtime,
                        GError **error) {
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};
  uid_t uid = entry->uid == DPL_TREE_OURS ? (uid_t)-1 : entry->uid;
  gid_t gid = entry->gid == DPL_TREE_OURS ? (gid_t)-1 : entry->gid;

  /* chown takes set-uid and capabilities away, so it comes first; then the mode */
  if ((uid == (uid_t)-1 && gid == (gid_t)-1) || fchown(fd, uid, gid) == 0)
    if (fchmod(fd, entry->mode) == 0 &&
        (!entry->capability || set_capability(fd, entry->capability)) && futimens(fd, times) == 0)
      return TRUE;
  return dpl_error_errno(error, errno, "cannot give %s of the release its owner, mode and time",
                         entry->path);
}

static DplCapture *capture_of(const DplSink *sink, const DplEntry *entry, guint64 size) {
  DplCapture *capture = sink->options->capture;

  return capture && size <= capture->max && g_hash_table_contains(capture->paths, entry->path)
             ? capture
             : NULL;
}

static void captured(DplCapture *capture, const DplEntry *entry, GBytes *content) {
  g_mutex_lock(&capture->lock);
  g_hash_table_replace(capture->contents, g_strdup(entry->path), content);
  g_mutex_unlock(&capture->lock);
}

static gboolean write_bytes(DplSink *sink, DplSinkJob *job, GError **error) {
  g_autoptr(DplDigest) digest = dpl_digest_new(DPL_SHA256);

  dpl_digest_add(digest, job->bytes, job->size);
  dpl_digest_end(digest, job->entry->sha256);
  job->entry->size = job->size;
  DplCapture *capture = capture_of(sink, job->entry, job->size);
  if (capture)
    captured(capture, job->entry, g_bytes_new(job->bytes, job->size));
  if (sink->dir < 0)
    return TRUE;
  DPL_AUTO_FD fd = dpl_sink_create(sink, job->entry, error);
  if (fd < 0)
    return FALSE;
  if (!wg_write_all(fd, job->bytes, job->size))
    return dpl_error_errno(error, errno, "cannot write %s of the release", job->entry->path);
  return dpl_sink_dress(sink, fd, job->entry, &job->mtime, error);
}

/* A second reading: it is small, and wanted of a few only. */
static void capture_file(DplSink *sink, DplSinkJob *job, int from) {
  DplCapture *capture = capture_of(sink, job->entry, job->entry->size);
  char *bytes = capture ? g_malloc(job->entry->size + 1) : NULL;
  ssize_t n = capture ? dpl_read_some(from, bytes, job->entry->size, 0) : -1;

  if (n >= 0 && (guint64)n == job->entry->size)
    captured(capture, job->entry, g_bytes_new_take(bytes, (gsize)n));
  else
    g_free(bytes);
}

static const char grows[] = "grows while it is copied, over the limit";

static gboolean copy_blocks(DplSink *sink, DplSinkJob *job, int from, int to, GError **error) {
  g_autoptr(DplDigest) digest = dpl_digest_new(DPL_SHA256);
  g_autofree char *block = g_malloc(DPL_SINK_BLOCK);
  guint64 size = 0;

  for (ssize_t n; (n = dpl_read_some(from, block, DPL_SINK_BLOCK, -1)) != 0; size += (guint64)n) {
    if (n < 0)
      return dpl_error_errno(error, errno, "cannot read %s of the artifact %s", job->path,
                             sink->options->name);
    if (size + (guint64)n > sink->limits.file_max)
      return dpl_sink_refuse(sink, error, job->path, grows);
    dpl_digest_add(digest, block, (gsize)n);
    if (to >= 0 && !wg_write_all(to, block, (gsize)n))
      return dpl_error_errno(error, errno, "cannot write %s of the release", job->entry->path);
    dpl_progress_add(&sink->progress, (guint64)n);
    if (!dpl_work_go_on(sink->progress.work, error))
      return FALSE;
  }
  dpl_digest_end(digest, job->entry->sha256);
  job->entry->size = size;
  return TRUE;
}

static gboolean copy_file(DplSink *sink, DplSinkJob *job, GError **error) {
  DPL_AUTO_FD from = dpl_within_open(job->source, job->path, O_RDONLY | O_NONBLOCK, 0);
  struct stat st;

  if (from < 0 || fstat(from, &st) < 0)
    return dpl_error_errno(error, errno, "cannot open %s of the artifact %s", job->path,
                           sink->options->name);
  if (!S_ISREG(st.st_mode))
    return dpl_sink_refuse(sink, error, job->path, "was exchanged while it was copied");
  if (sink->dir < 0) {
    if (!copy_blocks(sink, job, from, -1, error))
      return FALSE;
    capture_file(sink, job, from);
    return TRUE;
  }
  DPL_AUTO_FD to = dpl_sink_create(sink, job->entry, error);
  if (to < 0)
    return FALSE;
  gboolean cloned = st.st_size > 0 && ioctl(to, FICLONE, from) == 0;
  if (cloned ? !dpl_digest_fd(to, job->entry->path, job->entry->sha256, NULL, &job->entry->size,
                              &sink->progress, error)
             : !copy_blocks(sink, job, from, to, error))
    return FALSE;
  if (job->entry->size > sink->limits.file_max) /* a clone is as large as the file was by then */
    return dpl_sink_refuse(sink, error, job->path, grows);
  return dpl_sink_dress(sink, to, job->entry, &job->mtime, error);
}

void dpl_sink_run(gpointer data, gpointer user_data) {
  DplSinkJob *job = data;
  DplSink *sink = user_data;
  GError *error = NULL;

  g_mutex_lock(&sink->lock);
  gboolean dead = sink->error != NULL;
  g_mutex_unlock(&sink->lock);
  if (!dead && dpl_work_go_on(sink->progress.work, &error))
    job->bytes ? write_bytes(sink, job, &error) : copy_file(sink, job, &error);
  g_mutex_lock(&sink->lock);
  if (error && !sink->error)
    sink->error = g_steal_pointer(&error);
  sink->queued -= job->size;
  sink->n_jobs--;
  g_cond_broadcast(&sink->room);
  g_mutex_unlock(&sink->lock);
  g_clear_error(&error);
  dpl_sink_job_free(job);
}
