/* work.c: ending and telling of long work, and errno as an error that says what to do; see work.h.
 * Progress may be added to by several threads; the callback then comes from any of them, but never
 * from two at once within the same interval. */
#include "deployment/work.h"

#include <errno.h>
#include <stdarg.h>

#define TELL_EVERY (200 * G_TIME_SPAN_MILLISECOND)

gboolean dpl_work_go_on(const DplWork *work, GError **error) {
  return !work || !g_cancellable_set_error_if_cancelled(work->cancel, error);
}

void dpl_progress_add(DplProgress *progress, guint64 bytes) {
  if (!progress)
    return;
  guint64 done = __atomic_add_fetch(&progress->done, bytes, __ATOMIC_RELAXED);
  if (!progress->work || !progress->work->progress)
    return;
  gint64 now = g_get_monotonic_time();
  gint64 told = __atomic_load_n(&progress->told, __ATOMIC_RELAXED);
  if (now - told < TELL_EVERY || !__atomic_compare_exchange_n(&progress->told, &told, now, FALSE,
                                                              __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    return;
  progress->work->progress(done, progress->total, progress->work->user_data);
}

void dpl_progress_end(DplProgress *progress) {
  if (progress->work && progress->work->progress)
    progress->work->progress(progress->done, progress->total, progress->work->user_data);
}

static WgErrorCode code_of(int errnum) {
  switch (errnum) {
  case ENOSPC:
  case EDQUOT:
    return WG_ERROR_STORE_FULL;
  case EROFS:
    return WG_ERROR_STORE_READ_ONLY;
  default:
    return WG_ERROR_FAILED;
  }
}

static const char *advice(int errnum) {
  switch (errnum) {
  case ENOSPC:
    return "; free space or inodes there";
  case EDQUOT:
    return "; raise the quota or free space";
  case EROFS:
    return "; mount it writable";
  case EIO:
    return "; look at the kernel's log, the disk may be failing";
  case ELOOP:
  case ENOTDIR:
    return "; a link or a file stands where a directory should be, and no link is followed here";
  case EXDEV:
    return "; all below a target's root has to be one file system, without mounts between";
  case EMFILE:
  case ENFILE:
    return "; raise LimitNOFILE=";
  case EBUSY:
    return "; it is a mount point or in use by the kernel";
  case EACCES:
  case EPERM:
    return "; look at its owner and mode, and at the unit's sandbox (ReadWritePaths=)";
  default:
    return "";
  }
}

gboolean dpl_error_errno(GError **error, int errnum, const char *what_format, ...) {
  va_list args;

  errnum = ABS(errnum);
  va_start(args, what_format);
  g_autofree char *what = g_strdup_vprintf(what_format, args);
  va_end(args);
  g_set_error(error, WG_ERROR, code_of(errnum), "%s: %s%s", what, g_strerror(errnum),
              advice(errnum));
  return FALSE;
}
