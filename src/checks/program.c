/* program.c: see program.h. GLib is handed no cancellable: a source of one that ends while another
 * thread cancels may be left over. What ends the program is its death. */
#include "checks/program.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* Between fork and exec: a group of its own, so that its children end with it. */
static void lead_group(gpointer unused) {
  setpgid(0, 0);
}

/* In the thread that cancels the look. While anybody holds its pipes the group is there, so its
 * number is nobody else's. */
static void kill_group(GCancellable *cancel, gpointer group) {
  kill(-GPOINTER_TO_INT(group), SIGKILL);
}

static GSubprocess *start(const char *const *argv, GError **error) {
  g_autoptr(GSubprocessLauncher) launcher =
      g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);

  g_subprocess_launcher_setenv(launcher, "LC_ALL", "C", TRUE);
  g_subprocess_launcher_set_child_setup(launcher, lead_group, NULL, NULL);
  return g_subprocess_launcher_spawnv(launcher, argv, error);
}

int chk_program(const ChkLook *look, const char *const *argv, char **ret_out, char **ret_err,
                GError **error) {
  g_autoptr(GSubprocess) process = start(argv, error);
  const char *pid = process ? g_subprocess_get_identifier(process) : NULL;
  gint64 group = pid ? g_ascii_strtoll(pid, NULL, 10) : 0; /* NULL: it has ended already */

  *ret_out = *ret_err = NULL;
  if (process == NULL)
    return -1;
  gulong handler = group > 1 ? g_cancellable_connect(look->cancel, G_CALLBACK(kill_group),
                                                     GINT_TO_POINTER((int)group), NULL)
                             : 0;
  gboolean good = g_subprocess_communicate_utf8(process, NULL, NULL, ret_out, ret_err, error);
  g_cancellable_disconnect(look->cancel, handler);
  if (!good) { /* what it wrote is no text: it may still be there */
    g_subprocess_force_exit(process);
    return -1;
  }
  if (g_subprocess_get_if_exited(process))
    return g_subprocess_get_exit_status(process);
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "it was killed by signal %d",
              g_subprocess_get_term_sig(process));
  return -1;
}
