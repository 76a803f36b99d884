/* hold.c: see hold.h. The file is written by a worker thread, so that a slow disk stops nobody; of
 * several changes in a row the last one wins, whichever thread comes last. */
#include "typing/hold.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/timer-source.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <time.h>

#define FILE_NAME "hold"
#define GROUP "Hold"
#define DAMAGED "the file that keeps a hold is damaged"

/* Shared with the threads that write. */
typedef struct {
  GMutex lock;
  char *path;
  guint64 written; /* the change that is in the file */
} HoldFile;

struct TypHold {
  TypHoldChanged changed;
  gpointer data;
  WgClock clock;
  GSource *timer;
  GCancellable *gone; /* cancelled when this is freed */
  HoldFile *file;
  guint64 n_changes;
  char *reason; /* NULL: not held */
  gint64 until; /* lasting us; 0: without end */
};

typedef struct {
  HoldFile *file;
  guint64 change;
  char *text; /* NULL: the file is removed */
  TypHoldStored stored;
  gpointer data;
} Writing;

static void hold_file_clear(HoldFile *file) {
  g_mutex_clear(&file->lock);
  g_free(file->path);
}

static void writing_free(gpointer data) {
  Writing *w = data;

  g_atomic_rc_box_release_full(w->file, (GDestroyNotify)hold_file_clear);
  g_free(w->text);
  g_free(w);
}

static gboolean write_now(const Writing *w, GError **error) {
  if (w->text != NULL)
    return g_file_set_contents_full(w->file->path, w->text, -1,
                                    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                    0600, error);
  if (g_unlink(w->file->path) == 0 || errno == ENOENT)
    return TRUE;
  return wg_error_set_errno(error, errno, "%s cannot be removed", w->file->path);
}

static void write_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *gone) {
  Writing *w = data;
  g_autoptr(GError) error = NULL;
  gboolean ok = TRUE;

  g_mutex_lock(&w->file->lock);
  if (w->change > w->file->written) {
    ok = write_now(w, &error);
    w->file->written = w->change;
  }
  g_mutex_unlock(&w->file->lock);
  if (ok)
    g_task_return_boolean(task, TRUE);
  else
    g_task_return_error(task, g_steal_pointer(&error));
}

static void written(GObject *source, GAsyncResult *result, gpointer data) {
  GTask *task = G_TASK(result);
  Writing *w = g_task_get_task_data(task);
  g_autoptr(GError) error = NULL;

  if (g_cancellable_is_cancelled(g_task_get_cancellable(task)))
    return;
  (void)g_task_propagate_boolean(task, &error);
  if (w->stored != NULL)
    w->stored(error, w->data);
}

/* Takes `text`. */
static void store(TypHold *hold, char *text, TypHoldStored stored, gpointer data) {
  g_autoptr(GTask) task = g_task_new(NULL, hold->gone, written, NULL);
  Writing *w = g_new0(Writing, 1);

  w->file = g_atomic_rc_box_acquire(hold->file);
  w->change = ++hold->n_changes;
  w->text = text;
  w->stored = stored;
  w->data = data;
  g_task_set_check_cancellable(task, FALSE);
  g_task_set_task_data(task, w, writing_free);
  g_task_run_in_thread(task, write_in_thread);
}

static void forget(TypHold *hold) {
  g_clear_pointer(&hold->reason, g_free);
  hold->until = 0;
  wg_timer_source_arm(hold->timer, G_MAXINT64);
}

static void on_time(gboolean clock_was_set, gpointer data) {
  TypHold *hold = data;

  if (hold->reason == NULL || hold->until == 0)
    return;
  forget(hold);
  store(hold, NULL, NULL, NULL);
  hold->changed(hold->data);
}

static void arm(TypHold *hold) {
  wg_timer_source_arm(
      hold->timer, hold->until != 0 ? wg_clock_to_boottime(&hold->clock, hold->until) : G_MAXINT64);
}

/* What the file says; FALSE when that cannot be understood. */
static gboolean understand(TypHold *hold, GKeyFile *file) {
  g_autofree char *boot_id = g_key_file_get_string(file, GROUP, "BootId", NULL);
  g_autofree char *reason = g_key_file_get_string(file, GROUP, "Reason", NULL);
  g_autoptr(GError) error = NULL;
  gint64 base = g_key_file_get_int64(file, GROUP, "Base", &error);
  gint64 until = error == NULL ? g_key_file_get_int64(file, GROUP, "Until", &error) : 0;
  gint64 seen = error == NULL ? g_key_file_get_int64(file, GROUP, "Set", &error) : 0;
  gboolean is_new;

  if (error != NULL || reason == NULL || boot_id == NULL || strlen(boot_id) != 32 || until < 0 ||
      !wg_clock_init(&hold->clock, boot_id, base, seen, &is_new, NULL))
    return FALSE;
  hold->reason = g_steal_pointer(&reason);
  hold->until = until;
  return TRUE;
}

static gboolean load(TypHold *hold, GError **error) {
  g_autoptr(GKeyFile) file = g_key_file_new();
  g_autoptr(GError) local = NULL;
  gboolean is_new;

  if (!wg_clock_init(&hold->clock, NULL, 0, 0, &is_new, error))
    return FALSE;
  if (g_key_file_load_from_file(file, hold->file->path, G_KEY_FILE_NONE, &local)) {
    if (!understand(hold, file))
      hold->reason = g_strdup(DAMAGED);
  } else if (local->domain != G_FILE_ERROR) {
    hold->reason = g_strdup(DAMAGED);
  } else if (!g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    hold->reason = g_strdup_printf("the file that keeps a hold cannot be read: %s", local->message);
  }
  if (hold->reason != NULL && hold->until != 0 && hold->until <= wg_clock_now(&hold->clock)) {
    forget(hold);
    store(hold, NULL, NULL, NULL);
  }
  arm(hold);
  return TRUE;
}

TypHold *typ_hold_new(const char *state_dir, TypHoldChanged changed, gpointer data,
                      GError **error) {
  g_autoptr(TypHold) hold = g_new0(TypHold, 1);

  hold->changed = changed;
  hold->data = data;
  hold->gone = g_cancellable_new();
  hold->file = g_atomic_rc_box_new0(HoldFile);
  g_mutex_init(&hold->file->lock);
  hold->file->path = g_build_filename(state_dir, FILE_NAME, NULL);
  hold->timer = wg_timer_source_new(CLOCK_BOOTTIME, on_time, hold, error);
  if (hold->timer == NULL || !load(hold, error))
    return NULL;
  return g_steal_pointer(&hold);
}

void typ_hold_free(TypHold *hold) {
  if (hold == NULL)
    return;
  g_cancellable_cancel(hold->gone);
  g_object_unref(hold->gone);
  if (hold->timer != NULL)
    wg_timer_source_destroy(hold->timer);
  g_atomic_rc_box_release_full(hold->file, (GDestroyNotify)hold_file_clear);
  g_free(hold->reason);
  g_free(hold);
}

static char *text_of(const TypHold *hold) {
  g_autoptr(GKeyFile) file = g_key_file_new();

  g_key_file_set_string(file, GROUP, "Reason", hold->reason);
  g_key_file_set_string(file, GROUP, "BootId", hold->clock.boot_id);
  g_key_file_set_int64(file, GROUP, "Base", hold->clock.base);
  g_key_file_set_int64(file, GROUP, "Set", wg_clock_now(&hold->clock));
  g_key_file_set_int64(file, GROUP, "Until", hold->until);
  return g_key_file_to_data(file, NULL, NULL);
}

void typ_hold_set(TypHold *hold, const char *reason, guint64 usec, TypHoldStored stored,
                  gpointer data) {
  gint64 now = wg_clock_now(&hold->clock);

  g_free(hold->reason);
  hold->reason = g_strdup(reason);
  /* Longer than that is for ever. */
  hold->until = usec == 0 || usec > (guint64)(G_MAXINT64 / 2 - now) ? 0 : now + (gint64)usec;
  arm(hold);
  store(hold, text_of(hold), stored, data);
}

void typ_hold_release(TypHold *hold, TypHoldStored stored, gpointer data) {
  forget(hold);
  store(hold, NULL, stored, data);
}

const char *typ_hold_reason(TypHold *hold) {
  return hold->reason;
}

guint64 typ_hold_until(TypHold *hold) {
  return hold->reason != NULL && hold->until != 0
             ? (guint64)wg_clock_to_realtime(&hold->clock, hold->until)
             : 0;
}

guint64 typ_hold_left(TypHold *hold) {
  gint64 left = hold->until - wg_clock_now(&hold->clock);

  return hold->reason == NULL || hold->until == 0 ? 0 : (guint64)MAX(left, 1);
}
