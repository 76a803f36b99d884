/* work.h: what long work on files is handed: a way to end it and a way to tell how far it is.
 *
 * Everything in src/deployment that touches files is synchronous and made for a worker thread. It
 * looks at the cancellable between two files and between two blocks of a large one, and then fails
 * with G_IO_ERROR_CANCELLED; it leaves only what its header says may be left. Errors are of
 * WG_ERROR otherwise: STORE_FULL (no space, no inodes, a quota), STORE_READ_ONLY, STORE_DAMAGED (a
 * proof does not hold), LIMITS_EXCEEDED (a bound), INVALID_ARGUMENT (the source is refused),
 * INVALID_STATE (the target is not as it has to be), FAILED. */
#pragma once

#include "common/error.h"

#include <gio/gio.h>

typedef struct {
  GCancellable *cancel; /* NULL: never */
  /* On any thread that works, a few times a second at most. Bytes of content; `total` 0: not
   * known. NULL: not told. */
  void (*progress)(guint64 done, guint64 total, gpointer user_data);
  gpointer user_data;
} DplWork;

/* FALSE with G_IO_ERROR_CANCELLED. `work` may be NULL. */
gboolean dpl_work_go_on(const DplWork *work, GError **error);

/* How far one piece of work is; any number of threads may add. Zeroed but for `work` and `total`.
 */
typedef struct {
  const DplWork *work;
  guint64 total, done; /* bytes */
  gint64 told;         /* g_get_monotonic_time() of the last call */
} DplProgress;
void dpl_progress_add(DplProgress *progress, guint64 bytes);
/* Tells the last state whatever the time is. */
void dpl_progress_end(DplProgress *progress);

/* Sets `error` from errno with the code that fits it and with what to do. Returns FALSE. */
gboolean dpl_error_errno(GError **error, int errnum, const char *what_format, ...)
    G_GNUC_PRINTF(3, 4);
