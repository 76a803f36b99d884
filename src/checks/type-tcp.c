/* type-tcp.c: what a service answers on a TCP port or a Unix socket: one text is sent, and what
 * comes back is read until it is enough. */
#include "checks/local.h"
#include "checks/net.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <string.h>

#define READ_MAX (64 * 1024)

static const ChkKey options[] = {
    {"local-address", CHK_TEXT, "address of this machine that the connection comes from"},
    {"send", CHK_TEXT, "what is sent first; nothing: the service speaks first, or not at all"},
    {"until", CHK_TEXT,
     "the answer is read until this stands in it; else until the end or `quiet`"},
    {"quiet", CHK_USEC, "nothing more for so long ends the answer; default 500ms"},
    {"read", CHK_BOOL, "whether there is an answer to read; default: when it is asserted"},
    {NULL},
};

static const ChkKey values[] = {
    {"connected", CHK_BOOL, "the connection was accepted"},
    {"error", CHK_TEXT, "why not; absent when it was"},
    {"response", CHK_TEXT, "what was answered, at most 64 KiB"},
    {"time", CHK_USEC, "until the connection stood"},
    {"response-time", CHK_USEC, "until the answer was read"},
    {"peer", CHK_TEXT, "the address that answered"},
    {NULL},
};

/* FALSE: nothing more comes. */
static gboolean more(GSocket *socket, const ChkLook *look, guint64 quiet, GString *to,
                     GError **error) {
  char buffer[4096];

  if (!g_socket_condition_timed_wait(socket, G_IO_IN, (gint64)quiet, look->cancel, error)) {
    if (g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
      g_clear_error(error);
    return FALSE;
  }
  gssize n =
      g_socket_receive(socket, buffer, MIN(sizeof buffer, READ_MAX - to->len), look->cancel, error);
  if (n > 0)
    g_string_append_len(to, buffer, n);
  return n > 0 && to->len < READ_MAX;
}

static gboolean converse(const ChkLook *look, GSocketConnection *connection, GString *answer,
                         GError **error) {
  GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
  const char *send = chk_option_text(look, "send", NULL);
  const char *until = chk_option_text(look, "until", NULL);
  guint64 quiet = chk_option_usec(look, "quiet", G_USEC_PER_SEC / 2);
  GSocket *socket = g_socket_connection_get_socket(connection);

  if (send && !g_output_stream_write_all(out, send, strlen(send), NULL, look->cancel, error))
    return FALSE;
  /* the first word may take its time: until the look is over */
  guint64 wait = G_MAXINT64;
  while (more(socket, look, wait, answer, error)) {
    if (until && strstr(answer->str, until))
      break;
    wait = until ? G_MAXINT64 : quiet;
  }
  return *error == NULL;
}

static void see(const ChkLook *look, const ChkAddress *address, ChkSight *ret) {
  gint64 begin = g_get_monotonic_time();
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocketConnection) connection = chk_net_connect(look, address, &error);

  if (connection == NULL) {
    chk_net_refused(ret, "connected", error);
    return;
  }
  JsonObject *seen = json_object_new();
  g_autofree char *peer = chk_net_peer(connection);
  json_object_set_boolean_member(seen, "connected", TRUE);
  json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
  chk_set_text(seen, "peer", peer);
  if (chk_option_bool(look, "read",
                      chk_asks(look, "response") || chk_asks(look, "response-time"))) {
    g_autoptr(GString) answer = g_string_new(NULL);
    gboolean good = converse(look, connection, answer, &error);
    chk_set_text_n(seen, "response", answer->str, answer->len);
    if (good) {
      json_object_set_int_member(seen, "response-time", g_get_monotonic_time() - begin);
    } else {
      chk_net_own_error(look, &error);
      chk_set_text(seen, "error", error->message);
    }
  }
  chk_observed(ret, seen);
}

static void see_tcp(ChkLook *look, ChkSight *ret) {
  g_auto(ChkAddress) address = {0};
  g_autoptr(GError) error = NULL;

  if (!chk_address_parse(look->subject, 0, &address, &error))
    chk_unknown(ret, "%s", error->message);
  else
    see(look, &address, ret);
}

static void see_unix(ChkLook *look, ChkSight *ret) {
  g_auto(ChkAddress)
      address = {.path = g_strconcat(chk_world_root(look->world), look->subject, NULL)};

  see(look, &address, ret);
}

const ChkType chk_type_tcp = {
    .name = "tcp",
    .subject_help = "HOST:PORT, [V6]:PORT",
    .options = options,
    .values = values,
    .default_value = "{\"connected\": true}",
    .sync = see_tcp,
    .validate = chk_subject_tcp,
};

const ChkType chk_type_unix_socket = {
    .name = "unix-socket",
    .subject_help = "path",
    .options = options + 1, /* all but the first, which is of TCP */
    .values = values,
    .default_value = "{\"connected\": true}",
    .sync = see_unix,
    .validate = chk_subject_unix_socket,
};
