/* prober-program.c: the program waggle-prober around prober.h: options, the world, its end. It ends
 * with whoever started it; threads that hang are left to the end of the process. */
#include "checks/prober.h"

#include "checks/looking.h"
#include "checks/result.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <locale.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_ended(gpointer user_data) {
  g_main_loop_quit(user_data);
}

static gboolean on_signal(gpointer user_data) {
  g_main_loop_quit(user_data);
  return G_SOURCE_CONTINUE;
}

/* stdin becomes /dev/null, so that nothing that is started here talks on it. */
static int take_socket(void) {
  int type, fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  socklen_t size = sizeof type;

  if (fd < 0 || null < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
      type != SOCK_STREAM || dup2(null, STDIN_FILENO) < 0)
    return -1;
  close(null);
  return fd;
}

static int serve(gboolean user, const char *exec_socket) {
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  int fd = take_socket();

  if (fd < 0) {
    g_printerr("waggle-prober: stdin is no stream socket; waggle-monitord starts this program\n");
    return CHK_EXIT_USAGE;
  }
  ChkWorld *world = chk_world_new(user, NULL);
  chk_world_set_exec(world, exec_socket);
  ChkProber *prober = chk_prober_new(fd, world, on_ended, loop);
  guint interrupt = g_unix_signal_add(SIGINT, on_signal, loop);
  guint terminate = g_unix_signal_add(SIGTERM, on_signal, loop);
  g_main_loop_run(loop);
  g_source_remove(interrupt);
  g_source_remove(terminate);
  chk_prober_free(prober);
  while (g_main_context_iteration(NULL, FALSE)) /* runs that were cancelled end */
    ;
  chk_world_free(world);
  return CHK_EXIT_PASS;
}

int chk_prober_main(int argc, char **argv) {
  gboolean user = FALSE, system_scope = FALSE;
  g_autofree char *exec_socket = NULL;
  g_autoptr(GError) error = NULL;
  const GOptionEntry entries[] = {
      {"user", 0, 0, G_OPTION_ARG_NONE, &user, "units and buses of the user", NULL},
      {"system", 0, 0, G_OPTION_ARG_NONE, &system_scope, "of the system, the default", NULL},
      {"exec-socket", 0, 0, G_OPTION_ARG_FILENAME, &exec_socket,
       "where waggle-probe-exec runs commands; default: children of this process", "PATH"},
      {NULL}};
  g_autoptr(GOptionContext) options = g_option_context_new("- looks, for waggle-monitord");

  setlocale(LC_CTYPE, ""); /* no other category: numbers are written with points */
  g_option_context_add_main_entries(options, entries, NULL);
  if (!g_option_context_parse(options, &argc, &argv, &error)) {
    g_printerr("waggle-prober: %s\n", error->message);
    return CHK_EXIT_USAGE;
  }
  int status = serve(user && !system_scope, exec_socket);
  if (chk_looking_n_hung() > 0) /* what libraries clean up at exit a hung thread may still use */
    _exit(status);
  return status;
}
