/* command-remote.c: see command-remote.h. */
#include "checks/command-remote.h"

#include "common/lines.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct ChkRemote {
  WgLines *lines;
  guint later;
  char *why; /* it could not be sent */
  WgRunFunc done;
  gpointer user_data;
  gint64 begin;
};

static const char *const words[] = {
    [WG_RUN_EXITED] = "exited",
    [WG_RUN_SIGNALED] = "signaled",
    [WG_RUN_TIMEOUT] = "timeout",
    [WG_RUN_WATCHDOG] = "watchdog",
    [WG_RUN_OOM] = "oom",
    [WG_RUN_CANCELED] = "canceled",
    [WG_RUN_NOT_STARTED] = "not-started",
    [WG_RUN_LOST] = "lost",
};

const char *chk_remote_word(WgRunEndHow how) {
  return words[how];
}

void chk_remote_forget(ChkRemote *remote) {
  g_clear_handle_id(&remote->later, g_source_remove);
  g_clear_pointer(&remote->lines, wg_lines_free);
  g_free(remote->why);
  g_free(remote);
}

static void finish(ChkRemote *remote, WgRunEnd *end) {
  WgRunFunc done = remote->done;
  gpointer data = remote->user_data;

  end->duration = (guint64)(g_get_monotonic_time() - remote->begin);
  remote->done = NULL;
  done(end, data);
  chk_remote_forget(remote);
}

static GBytes *text_bytes(JsonObject *object, const char *name) {
  const char *text = json_object_get_string_member_with_default(object, name, "");

  return g_bytes_new(text, strlen(text));
}

static gboolean read_how(const char *word, WgRunEndHow *ret) {
  for (guint i = 0; word && i < G_N_ELEMENTS(words); i++)
    if (strcmp(words[i], word) == 0) {
      *ret = (WgRunEndHow)i;
      return TRUE;
    }
  return FALSE;
}

/* FALSE: no answer at all. */
static gboolean take_answer(ChkRemote *remote, JsonObject *object) {
  WgRunEnd end = {0};

  if (!read_how(json_object_get_string_member_with_default(object, "how", NULL), &end.how))
    return FALSE;
  g_autoptr(GBytes) out = text_bytes(object, "out"), err = text_bytes(object, "err");
  end.code = (int)json_object_get_int_member_with_default(object, "code", 0);
  end.text = json_object_get_string_member_with_default(object, "text", words[end.how]);
  end.cut = json_object_get_boolean_member_with_default(object, "cut", FALSE);
  end.out = out;
  end.err = err;
  finish(remote, &end);
  return TRUE;
}

static void on_line(WgLines *lines, const char *line, gpointer user_data) {
  ChkRemote *remote = user_data;
  g_autoptr(JsonNode) node = line ? json_from_string(line, NULL) : NULL;

  if (node && JSON_NODE_HOLDS_OBJECT(node) && take_answer(remote, json_node_get_object(node)))
    return;
  WgRunEnd end = {.how = WG_RUN_LOST,
                  .text = "the unit that it ran in ended without an answer (its limits of memory "
                          "or time?): see journalctl -u 'waggle-probe-exec@*'"};
  finish(remote, &end);
}

static gboolean not_sent(gpointer user_data) {
  ChkRemote *remote = user_data;
  g_autofree char *why = g_strdup(remote->why);
  WgRunEnd end = {.how = WG_RUN_NOT_STARTED, .text = why};

  remote->later = 0;
  finish(remote, &end);
  return G_SOURCE_REMOVE;
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  int saved = errno;
  if (fd >= 0)
    close(fd);
  errno = saved;
  return -1;
}

static void add_texts(JsonObject *object, const char *name, const char *const *texts) {
  JsonArray *array = json_array_new();

  for (guint i = 0; texts && texts[i]; i++)
    json_array_add_string_element(array, texts[i]);
  json_object_set_array_member(object, name, array);
}

static char *request_text(const WgRunOptions *o, const char *input) {
  g_autoptr(JsonObject) request = json_object_new();
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), request);

  add_texts(request, "argv", o->argv);
  add_texts(request, "env", o->env);
  if (o->directory)
    json_object_set_string_member(request, "directory", o->directory);
  if (input)
    json_object_set_string_member(request, "stdin", input);
  json_object_set_int_member(request, "timeout", (gint64)MIN(o->timeout, (guint64)G_MAXINT64));
  json_object_set_int_member(request, "output-max", (gint64)o->output_max);
  return json_to_string(node, FALSE);
}

ChkRemote *chk_remote_start(const char *socket, const WgRunOptions *options, const char *input,
                            WgRunFunc done, gpointer user_data) {
  ChkRemote *remote = g_new0(ChkRemote, 1);
  int fd = connect_to(socket);

  remote->done = done;
  remote->user_data = user_data;
  remote->begin = g_get_monotonic_time();
  if (fd < 0) {
    remote->why = g_strdup_printf("no unit can be had for it: %s: %s", socket, g_strerror(errno));
    remote->later = g_idle_add_full(G_PRIORITY_DEFAULT, not_sent, remote, NULL);
    return remote;
  }
  g_autofree char *request = request_text(options, input);
  remote->lines = wg_lines_new(fd, CHK_REMOTE_LINE_MAX, CHK_REMOTE_QUEUE_MAX, on_line, remote);
  wg_lines_send(remote->lines, request);
  return remote;
}
