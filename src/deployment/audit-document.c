/* audit-document.c: what the document of a call is about: see audit.h.
 *
 * What stands behind a descriptor is its caller's and may be another thing a moment later. So it is
 * read once, before anything is written down, and the call gets a sealed copy of it in its place:
 * what the entry names is what is worked on. */
#include "deployment/audit.h"

#include "common/error.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
  DplCall *call;
  DplAuditAbout *about;
  DplAuditAboutFunc done;
} Reading;

void dpl_audit_about_free(DplAuditAbout *about) {
  g_free(about->subject);
  g_free(about->manifest);
  g_free(about->document);
  g_free(about);
}

/* ---- the worker's side ---- */
/* The call's descriptor becomes one of these very bytes. */
static gboolean keep(int fd, GBytes *bytes, GError **error) {
  int copy =
      wg_memfd_sealed("waggle-manifest", g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
  gboolean ok = copy >= 0 && dup3(copy, fd, O_CLOEXEC) == fd;
  int err = errno;

  if (copy >= 0)
    close(copy);
  return ok || wg_error_set_errno(error, err, "the manifest cannot be kept");
}

static void name(DplAuditAbout *about, GBytes *bytes) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplManifest) manifest =
      dpl_manifest_load(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), problems);

  if (manifest != NULL) {
    about->subject = g_strdup_printf("%s %s", manifest->name, manifest->version);
    about->manifest = g_strdup(manifest->hash);
  } else
    about->document = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
}

static void work(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  Reading *reading = data;
  int fd = reading->call->fd; /* nobody else has the call meanwhile */
  GError *error = NULL;
  g_autoptr(GBytes) bytes = dpl_document_read(fd, DPL_MANIFEST_BYTES_MAX, &error);

  if (bytes == NULL || !keep(fd, bytes, &error)) {
    g_task_return_error(task, error);
    return;
  }
  name(reading->about, bytes);
  g_task_return_boolean(task, TRUE);
}

/* ---- the loop's side ---- */
static void over(GObject *source, GAsyncResult *result, gpointer data) {
  g_autofree Reading *reading = data;
  g_autoptr(GError) error = NULL;

  g_task_propagate_boolean(G_TASK(result), &error);
  reading->done(reading->call, reading->about, error);
}

void dpl_audit_about(DplCall *call, DplAuditAboutFunc done) {
  Reading *reading = g_new0(Reading, 1);

  *reading = (Reading){call, g_new0(DplAuditAbout, 1), done};
  g_autoptr(GTask) task = g_task_new(NULL, NULL, over, reading);
  g_task_set_task_data(task, reading, NULL);
  g_task_run_in_thread(task, work);
}
