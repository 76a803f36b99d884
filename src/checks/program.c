/* program.c: see program.h. */
#include "checks/program.h"

int chk_program(const ChkLook *look, const char *const *argv, char **ret_out, GError **error) {
  g_autoptr(GSubprocessLauncher) launcher =
      g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);

  g_subprocess_launcher_setenv(launcher, "LC_ALL", "C", TRUE);
  g_autoptr(GSubprocess) process = g_subprocess_launcher_spawnv(launcher, argv, error);
  if (process == NULL)
    return -1;
  if (!g_subprocess_communicate_utf8(process, NULL, look->cancel, ret_out, NULL, error)) {
    g_subprocess_force_exit(process);
    return -1;
  }
  if (g_subprocess_get_if_exited(process))
    return g_subprocess_get_exit_status(process);
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "it was killed by signal %d",
              g_subprocess_get_term_sig(process));
  return -1;
}
