/* tmux-run.c: one run of the program tmux, asynchronous. Its arguments are a vector: no shell reads
 * them. The environment names no other server and no other terminal. */
#include "delivery/tmux.h"

#include "common/error.h"

#include <string.h>

struct TmuxRun {
  GSubprocess *process;
  GCancellable *cancel;
  TmuxDone done;
  gpointer data;
};

static void finish(TmuxRun *run, const char *output, const GError *error) {
  TmuxDone done = run->done;

  run->done = NULL;
  if (done)
    done(output, error, run->data);
}

static void on_output(GObject *source, GAsyncResult *result, gpointer user_data) {
  g_autoptr(GError) error = NULL;
  g_autofree char *out = NULL, *err = NULL, *valid = NULL;
  GSubprocess *process = G_SUBPROCESS(source);
  TmuxRun *run = user_data;
  GBytes *out_bytes = NULL, *err_bytes = NULL;

  if (!g_subprocess_communicate_finish(process, result, &out_bytes, &err_bytes, &error)) {
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      return; /* the run is gone */
    finish(run, "", error);
    return;
  }
  gsize n_out, n_err;
  const char *o = g_bytes_get_data(out_bytes, &n_out), *e = g_bytes_get_data(err_bytes, &n_err);
  out = g_utf8_make_valid(o ?: "", (gssize)n_out);
  err = g_utf8_make_valid(e ?: "", (gssize)n_err);
  g_bytes_unref(out_bytes);
  g_bytes_unref(err_bytes);
  if (!g_subprocess_get_successful(process))
    error = g_error_new_literal(WG_ERROR, WG_ERROR_FAILED,
                                *g_strstrip(err) ? err : "tmux failed and does not say why");
  finish(run, out, error);
}

/* Told from the loop, like every other end. */
static gboolean on_not_started(gpointer user_data) {
  g_autoptr(GError) error =
      g_error_new(WG_ERROR, WG_ERROR_FAILED, "tmux cannot be run; is it installed?");

  finish(user_data, "", error);
  return G_SOURCE_REMOVE;
}

static GPtrArray *command(const char *socket, const char *const *args) {
  GPtrArray *argv = g_ptr_array_new();

  g_ptr_array_add(argv, (gpointer) "tmux");
  if (socket) {
    g_ptr_array_add(argv, (gpointer)(g_path_is_absolute(socket) ? "-S" : "-L"));
    g_ptr_array_add(argv, (gpointer)socket);
  }
  for (guint i = 0; args[i]; i++)
    g_ptr_array_add(argv, (gpointer)args[i]);
  g_ptr_array_add(argv, NULL);
  return argv;
}

TmuxRun *dlv_tmux_run(const char *socket, const char *const *args, const char *input, TmuxDone done,
                      gpointer data) {
  g_autoptr(GSubprocessLauncher) launcher =
      g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr(GPtrArray) argv = command(socket, args);
  g_autoptr(GBytes) bytes = g_bytes_new(input ?: "", input ? strlen(input) : 0);
  TmuxRun *run = g_new0(TmuxRun, 1);

  run->done = done;
  run->data = data;
  run->cancel = g_cancellable_new();
  g_subprocess_launcher_unsetenv(launcher, "TMUX");
  g_subprocess_launcher_unsetenv(launcher, "TMUX_PANE");
  run->process = g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, NULL);
  if (run->process)
    g_subprocess_communicate_async(run->process, bytes, run->cancel, on_output, run);
  else
    g_idle_add(on_not_started, run);
  return run;
}

void dlv_tmux_stop(TmuxRun *run) {
  if (!run)
    return;
  g_idle_remove_by_data(run);
  g_cancellable_cancel(run->cancel);
  if (run->process && run->done)
    g_subprocess_force_exit(run->process);
  g_clear_object(&run->process);
  g_object_unref(run->cancel);
  g_free(run);
}
