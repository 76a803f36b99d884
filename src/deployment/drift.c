/* drift.c: see drift.h. */
#include "deployment/drift.h"

#include "deployment/io.h"
#include "deployment/layout.h"
#include "deployment/switch.h"
#include "deployment/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ioprio_set(2), which the C library has no function for */
#define IOPRIO_OF_THREAD 1
#define IOPRIO_IDLE (3 << 13)

static const char *const names[] = {"none", "intact", "edited", "unproven", "busy"};

const char *dpl_drift_name(DplDriftState state) {
  return names[state];
}

int dpl_drift_parse(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (strcmp(names[i], name) == 0)
      return (int)i;
  return -1;
}

DplDrift *dpl_drift_new(const char *target, const char *root) {
  DplDrift *drift = g_new0(DplDrift, 1);

  drift->target = g_strdup(target);
  drift->root = g_strdup(root);
  drift->differences = g_ptr_array_new_with_free_func(g_free);
  return drift;
}

void dpl_drift_free(DplDrift *drift) {
  g_free(drift->target);
  g_free(drift->root);
  g_free(drift->release);
  g_free(drift->text);
  g_ptr_array_unref(drift->differences);
  g_free(drift);
}

/* ---- one look ---- */
static void G_GNUC_PRINTF(3, 4) end(DplDrift *drift, DplDriftState state, const char *format, ...) {
  va_list args;

  va_start(args, format);
  drift->state = state;
  g_free(drift->text);
  drift->text = g_strdup_vprintf(format, args);
  va_end(args);
}

static void differ(DplDrift *drift, char *text) {
  if (drift->differences->len < DPL_DRIFT_TOLD)
    g_ptr_array_add(drift->differences, text);
  else
    g_free(text);
}

static void take(DplDrift *drift, const GPtrArray *found, guint n) {
  for (guint i = 0; i < found->len; i++) {
    const DplDifference *d = found->pdata[i];
    differ(drift, g_strdup_printf("%s: %s", d->path, d->text));
  }
  drift->n = n;
  drift->state = n == 0 ? DPL_DRIFT_INTACT : DPL_DRIFT_EDITED;
  if (n == 1)
    end(drift, DPL_DRIFT_EDITED, "%s", (char *)drift->differences->pdata[0]);
  else if (n > 1)
    end(drift, DPL_DRIFT_EDITED, "%s, and %u more", (char *)drift->differences->pdata[0], n - 1);
}

/* The whole release, or the file that proves it, is what was edited. */
static void edited_as_a_whole(DplDrift *drift, const char *text) {
  differ(drift, g_strdup(text));
  drift->n = 1;
  end(drift, DPL_DRIFT_EDITED, "%s", text);
}

static void prove(DplDrift *drift, int root, const DplWork *work) {
  g_autofree char *path = g_strdup_printf(DPL_DIR_RELEASES "/%s", drift->release);
  g_autofree char *file = g_strconcat(path, DPL_SUFFIX_TREE, NULL);
  g_autofree char *digest = g_strndup(drift->release, 16);
  g_autoptr(GPtrArray) found = NULL;
  g_autoptr(GError) error = NULL;
  guint n = 0;

  g_autoptr(DplTree) tree = dpl_tree_read(root, file, digest, &error);
  if (tree == NULL && g_error_matches(error, WG_ERROR, WG_ERROR_STORE_DAMAGED)) {
    edited_as_a_whole(drift, error->message);
    return;
  }
  DPL_AUTO_FD dir = tree != NULL ? dpl_within_open(root, path, O_RDONLY | O_DIRECTORY, 0) : -1;
  if (tree != NULL && dir < 0 && errno == ENOENT)
    edited_as_a_whole(drift, "the release's directory is missing");
  else if (tree != NULL && dir < 0)
    end(drift, DPL_DRIFT_UNPROVEN, "the release cannot be opened: %s", g_strerror(errno));
  else if (tree == NULL ||
           !dpl_tree_compare(tree, dir, DPL_PROOF_FULL, DPL_DRIFT_TOLD, work, &found, &n, &error))
    end(drift, DPL_DRIFT_UNPROVEN, "%s", error->message);
  else
    take(drift, found, n);
}

/* A deployment may switch to another release meanwhile, and remove this one. */
static void look_again(DplDrift *drift, int root) {
  g_autofree char *now = NULL;

  if (!dpl_current_read(root, &now, NULL) || g_strcmp0(now, drift->release) != 0)
    end(drift, DPL_DRIFT_BUSY, "another release serves since");
}

void dpl_drift_look(DplDrift *drift, GCancellable *cancel) {
  DplWork work = {.cancel = cancel};
  g_autoptr(GError) error = NULL;
  DPL_AUTO_FD root = dpl_layout_open(drift->root, drift->target, FALSE, &error);

  if (root < 0 && g_error_matches(error, WG_ERROR, WG_ERROR_NOT_FOUND)) {
    drift->state = DPL_DRIFT_NONE; /* an empty directory */
  } else if (root < 0 || !dpl_current_read(root, &drift->release, &error)) {
    end(drift, DPL_DRIFT_UNPROVEN, "%s", error->message);
  } else if (drift->release == NULL) {
    drift->state = DPL_DRIFT_NONE;
  } else {
    prove(drift, root, &work);
    if (drift->state != DPL_DRIFT_INTACT)
      look_again(drift, root);
  }
  drift->time = g_get_real_time();
}

/* ---- all of them ---- */
typedef struct {
  GPtrArray *drifts;
  DplDriftFunc done;
  gpointer user_data;
} Run;

/* For good: the thread ends with the look, and those that it makes begin alike. Where that is
 * refused, it looks with the priority that it has. */
static void give_way(void) {
  if (setpriority(PRIO_PROCESS, 0, 19) < 0 ||
      syscall(SYS_ioprio_set, IOPRIO_OF_THREAD, 0, IOPRIO_IDLE) < 0)
    g_debug("the look at released files cannot give way: %s", g_strerror(errno));
}

static gpointer work_thread(gpointer data) {
  g_autoptr(GTask) task = data;
  Run *run = g_task_get_task_data(task);
  GCancellable *cancel = g_task_get_cancellable(task);
  GError *error = NULL;

  give_way();
  for (guint i = 0; i < run->drifts->len && !g_cancellable_is_cancelled(cancel); i++)
    dpl_drift_look(run->drifts->pdata[i], cancel);
  if (g_cancellable_set_error_if_cancelled(cancel, &error))
    g_task_return_error(task, error);
  else
    g_task_return_boolean(task, TRUE);
  return NULL;
}

static void looked(GObject *source, GAsyncResult *result, gpointer data) {
  Run *run = g_task_get_task_data(G_TASK(result));
  g_autoptr(GError) error = NULL;

  g_task_propagate_boolean(G_TASK(result), &error);
  run->done(run->drifts, error, run->user_data);
}

static void run_free(gpointer data) {
  Run *run = data;

  g_ptr_array_unref(run->drifts);
  g_free(run);
}

void dpl_drift_run(GPtrArray *drifts, GCancellable *cancel, DplDriftFunc done, gpointer user_data) {
  g_autoptr(GTask) task = g_task_new(NULL, cancel, looked, NULL);
  Run *run = g_new0(Run, 1);
  GError *error = NULL;

  *run = (Run){g_ptr_array_ref(drifts), done, user_data};
  g_task_set_task_data(task, run, run_free);
  /* no thread of GTask's pool: those are used for other work afterwards */
  GThread *thread = g_thread_try_new("drift", work_thread, g_object_ref(task), &error);
  if (thread != NULL) {
    g_thread_unref(thread);
    return;
  }
  g_task_return_error(task, error);
  g_object_unref(task); /* the thread's */
}
