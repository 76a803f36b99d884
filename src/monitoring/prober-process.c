/* prober-process.c: the process waggle-prober: started, ended, started again; see prober.h. */
#include "monitoring/prober-private.h"

#include "common/log.h"
#include "common/names.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1024 * 1024)
#define QUEUE_MAX_BYTES (16 * 1024 * 1024)
#define PAUSE_FIRST (100 * (guint64)1000)
#define PAUSE_MAX (30 * (guint64)G_USEC_PER_SEC)
#define LIFE_GOOD (60 * (gint64)G_USEC_PER_SEC) /* after that the next pause is the first again */

static void drop(MonProber *prober) {
  WgRun *run = g_steal_pointer(&prober->run);

  g_clear_pointer(&prober->lines, wg_lines_free);
  if (run)
    wg_run_forget(run);
  prober->n_hung = 0;
}

void mon_prober_stop(MonProber *prober) {
  g_clear_handle_id(&prober->again, g_source_remove);
  drop(prober);
}

static gboolean on_again(gpointer data) {
  MonProber *prober = data;

  prober->again = 0;
  if (mon_prober_n(prober) > 0)
    mon_prober_start(prober);
  mon_prober_send(prober);
  return G_SOURCE_REMOVE;
}

static void start_again(MonProber *prober) {
  gboolean lived = g_get_monotonic_time() - prober->started > LIFE_GOOD;

  prober->pause = lived || prober->pause == 0 ? PAUSE_FIRST : MIN(prober->pause * 2, PAUSE_MAX);
  if (prober->again == 0)
    prober->again = g_timeout_add((guint)(prober->pause / 1000), on_again, prober);
  if (prober->pause >= G_USEC_PER_SEC)
    wg_service_set_degraded(
        prober->daemon->service, "prober",
        "waggle-prober ends as soon as it is started: probes are not looked at");
}

static void on_end(const WgRunEnd *end, gpointer data) {
  MonProber *prober = data;
  g_autofree char *why = g_strdup_printf("waggle-prober ended while it looked: %s", end->text);

  prober->run = NULL;
  g_clear_pointer(&prober->lines, wg_lines_free);
  wg_log(LOG_WARNING, WG_MSG_PROBER_ENDED, WG_FIELDS(WG_FIELD_ERROR, end->text),
         "The process that looks at probes has ended (%s); it is started again", end->text);
  start_again(prober);
  mon_prober_lost(prober, why, FALSE);
}

void mon_prober_replace(MonProber *prober, const char *why) {
  g_autofree char *text = g_strdup_printf("waggle-prober was ended: %s", why);

  wg_log(LOG_WARNING, WG_MSG_PROBER_ENDED, WG_FIELDS(WG_FIELD_ERROR, why),
         "The process that looks at probes is ended (%s) and started again", why);
  drop(prober);
  start_again(prober);
  mon_prober_lost(prober, text, TRUE);
}

static void on_line(WgLines *lines, const char *line, gpointer data) {
  MonProber *prober = data;
  g_autoptr(JsonNode) node = line ? json_from_string(line, NULL) : NULL;

  if (line == NULL) { /* its end follows; one that has closed its socket and lives is no use */
    g_clear_pointer(&prober->lines, wg_lines_free);
    if (prober->run)
      wg_run_cancel(prober->run);
    return;
  }
  if (node && JSON_NODE_HOLDS_OBJECT(node) &&
      mon_prober_answered(prober, json_node_get_object(node))) {
    if (prober->pause > 0 && g_get_monotonic_time() - prober->started > LIFE_GOOD / 60) {
      prober->pause = 0;
      wg_service_set_degraded(prober->daemon->service, "prober", NULL);
    }
    return;
  }
  mon_prober_replace(prober, "it says what is no answer");
}

/* What it needs of ours to reach buses and displays nothing of systemd's. */
static char **environment(void) {
  static const char *const names[] = {"DBUS_SYSTEM_BUS_ADDRESS",
                                      "DBUS_SESSION_BUS_ADDRESS",
                                      "XDG_RUNTIME_DIR",
                                      "TZ",
                                      "LC_ALL",
                                      "ASAN_OPTIONS",
                                      "UBSAN_OPTIONS",
                                      "LSAN_OPTIONS"};
  char **env = g_new0(char *, 1);

  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_getenv(names[i]))
      env = g_environ_setenv(env, names[i], g_getenv(names[i]), TRUE);
  return env;
}

/* NULL: commands are children of the prober, which is right for a user's own. In the system scope a
 * child would be the service's own user and reach its state: there is a unit, or no look. */
static char *exec_socket(const MonDaemon *daemon) {
  const char *base = daemon->user_scope ? g_getenv("XDG_RUNTIME_DIR") : MON_SYSTEM_RUNTIME_DIR;
  g_autofree char *path =
      base ? g_build_filename(base, WG_SOCKET_DIR, WG_SOCKET_PROBE_EXEC, NULL) : NULL;

  if (*daemon->settings.exec_socket)
    return g_strdup(daemon->settings.exec_socket);
  if (path && daemon->user_scope && !g_file_test(path, G_FILE_TEST_EXISTS))
    return NULL;
  return g_steal_pointer(&path);
}

static WgRun *run_it(MonProber *prober, int socket) {
  const char *given = g_getenv(WG_ENV_PROBER);
  g_autofree char *path = exec_socket(prober->daemon);
  g_autofree char *exec_option = path ? g_strdup_printf("--exec-socket=%s", path) : NULL;
  const char *const argv[] = {given ? given : MON_PROBER_PROGRAM,
                              prober->daemon->user_scope ? "--user" : "--system", exec_option,
                              NULL};
  g_auto(GStrv) env = environment();
  WgRunOptions o = {.argv = argv,
                    .env = (const char *const *)env,
                    .directory = "/",
                    .prefix = "waggle-prober",
                    .how = WG_RUN_PLAIN,
                    .input = socket};

  return wg_run_start(&o, on_end, prober);
}

void mon_prober_start(MonProber *prober) {
  int fds[2];

  if (prober->run || prober->again)
    return;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
    start_again(prober);
    return;
  }
  prober->started = g_get_monotonic_time();
  prober->run = run_it(prober, fds[1]);
  close(fds[1]);
  prober->lines = wg_lines_new(fds[0], LINE_MAX_BYTES, QUEUE_MAX_BYTES, on_line, prober);
  mon_prober_count(prober, prober->n_starts++ > 0);
}
