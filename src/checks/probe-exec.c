/* probe-exec.c: the program waggle-probe-exec: one command for whoever is at the other end of the
 * socket on stdin; see command-remote.h.
 *
 * systemd starts it for each connection, hardened and as a user of its own, so what a probe runs
 * can reach neither the daemon nor its state. The other side going away ends the command; nothing
 * of it outlives the unit. */
#include "checks/command-remote.h"

#include "common/error.h"
#include "common/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OUTPUT_DEFAULT (1024 * 1024)
#define OUTPUT_MAX (1024 * 1024)
#define TIMEOUT_DEFAULT (30 * (gint64)G_USEC_PER_SEC)
#define TIMEOUT_MAX (3600 * (gint64)G_USEC_PER_SEC)
#define KILL_AFTER (2 * G_USEC_PER_SEC)
#define FLUSH_MSEC 5000

typedef struct {
  GMainLoop *loop;
  WgLines *lines;
  WgRun *run;
  int status;
} Exec;

static void leave(Exec *exec, int status) {
  exec->status = status;
  g_main_loop_quit(exec->loop);
}

static gboolean flushed(gpointer user_data) {
  Exec *exec = user_data;

  if (!wg_lines_flushed(exec->lines))
    return G_SOURCE_CONTINUE;
  leave(exec, 0);
  return G_SOURCE_REMOVE;
}

static gboolean not_flushed(gpointer user_data) {
  leave(user_data, 1);
  return G_SOURCE_REMOVE;
}

static void answer(Exec *exec, JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  g_autofree char *line = json_to_string(node, FALSE);

  if (!wg_lines_send(exec->lines, line)) {
    leave(exec, 1);
    return;
  }
  if (wg_lines_flushed(exec->lines)) {
    leave(exec, 0);
    return;
  }
  g_timeout_add(10, flushed, exec);
  g_timeout_add(FLUSH_MSEC, not_flushed, exec);
}

static void add_output(JsonObject *object, const char *name, GBytes *bytes) {
  gsize size = 0;
  const char *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;
  g_autofree char *text = g_utf8_make_valid(data ? data : "", (gssize)size);

  json_object_set_string_member(object, name, text);
}

/* Whether the kernel has killed a process of our unit for want of memory; the unit goes on then
 * (OOMPolicy=continue), so that somebody can say so. */
static gboolean out_of_memory(void) {
  g_autofree char *group = NULL, *events = NULL;

  if (!g_file_get_contents("/proc/self/cgroup", &group, NULL, NULL) ||
      !g_str_has_prefix(group, "0::/"))
    return FALSE;
  g_autofree char *path =
      g_build_filename("/sys/fs/cgroup", g_strchomp(group) + 3, "memory.events", NULL);
  if (!g_file_get_contents(path, &events, NULL, NULL))
    return FALSE;
  const char *kills = strstr(events, "oom_kill ");
  return kills && g_ascii_strtoull(kills + strlen("oom_kill "), NULL, 10) > 0;
}

static void on_done(const WgRunEnd *end, gpointer user_data) {
  Exec *exec = user_data;
  gboolean oom = end->how == WG_RUN_SIGNALED && end->code == SIGKILL && out_of_memory();
  g_autoptr(JsonObject) object = json_object_new();

  exec->run = NULL;
  json_object_set_string_member(object, "how", chk_remote_word(oom ? WG_RUN_OOM : end->how));
  json_object_set_int_member(object, "code", end->code);
  json_object_set_string_member(
      object, "text",
      oom ? "killed for memory (OOM): MemoryMax= of waggle-probe-exec@.service" : end->text);
  add_output(object, "out", end->out);
  add_output(object, "err", end->err);
  json_object_set_boolean_member(object, "cut", end->cut);
  json_object_set_int_member(object, "duration", (gint64)end->duration);
  answer(exec, object);
}

/* NULL: no list of texts. */
static char **texts(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  if (node && !JSON_NODE_HOLDS_ARRAY(node))
    return NULL;
  JsonArray *array = node ? json_node_get_array(node) : NULL;
  for (guint i = 0; array && i < json_array_get_length(array); i++) {
    JsonNode *element = json_array_get_element(array, i);
    if (!JSON_NODE_HOLDS_VALUE(element) || json_node_get_value_type(element) != G_TYPE_STRING)
      return NULL;
    g_strv_builder_add(builder, json_node_get_string(element));
  }
  return g_strv_builder_end(builder);
}

/* -1 without one; -2: it cannot be kept. */
static int input_of(const char *text) {
  if (!text)
    return -1;
  int fd = memfd_create("stdin", MFD_CLOEXEC);
  gsize size = strlen(text);
  if (fd >= 0 && write(fd, text, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  return -2;
}

static gboolean run(Exec *exec, JsonObject *request) {
  g_auto(GStrv) argv = texts(request, "argv"), env = texts(request, "env");
  gint64 timeout = json_object_get_int_member_with_default(request, "timeout", TIMEOUT_DEFAULT);
  gint64 most = json_object_get_int_member_with_default(request, "output-max", OUTPUT_DEFAULT);
  int input = input_of(json_object_get_string_member_with_default(request, "stdin", NULL));
  WgRunOptions o = {.argv = (const char *const *)argv,
                    .env = (const char *const *)env,
                    .directory =
                        json_object_get_string_member_with_default(request, "directory", "/"),
                    .prefix = "waggle-probe",
                    .how = WG_RUN_PLAIN,
                    .sandbox = TRUE,
                    .input = input,
                    .output_max = (gsize)CLAMP(most, 1, OUTPUT_MAX),
                    .timeout = (guint64)CLAMP(timeout, 1000, TIMEOUT_MAX),
                    .kill_after = KILL_AFTER};

  if (argv && argv[0] && env && input != -2)
    exec->run = wg_run_start(&o, on_done, exec);
  if (input >= 0)
    close(input);
  return exec->run != NULL;
}

static void on_line(WgLines *lines, const char *line, gpointer user_data) {
  Exec *exec = user_data;
  g_autoptr(JsonNode) node = line && !exec->run ? json_from_string(line, NULL) : NULL;

  if (node && JSON_NODE_HOLDS_OBJECT(node) && run(exec, json_node_get_object(node)))
    return;
  if (line)
    g_printerr("waggle-probe-exec: the request is none\n");
  leave(exec, line ? 1 : 0);
}

static gboolean on_signal(gpointer user_data) {
  leave(user_data, 0);
  return G_SOURCE_CONTINUE;
}

int chk_probe_exec_main(int argc, char **argv) {
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  Exec exec = {.loop = loop};

  if (argc > 1 || fd < 0) {
    g_printerr("waggle-probe-exec takes no arguments: systemd starts it with a socket on its "
               "stdin\n");
    return 2;
  }
  guint terminate = g_unix_signal_add(SIGTERM, on_signal, &exec);
  exec.lines = wg_lines_new(fd, CHK_REMOTE_LINE_MAX, CHK_REMOTE_QUEUE_MAX, on_line, &exec);
  g_main_loop_run(loop);
  g_source_remove(terminate);
  if (exec.run)
    wg_run_forget(exec.run);
  wg_lines_free(exec.lines);
  return exec.status;
}
