/* introspect.c: see introspect.h.
 *
 * The table is served on a socket pair inside this process and asked for real, because sd-bus
 * alone knows how it words its vtables; a second writer of the same XML would sooner or later
 * differ. No method, property getter or signal of the service runs. */
#include "common/introspect.h"

#include "common/error.h"
#include "common/nearest.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_USEC 100000

typedef struct {
  sd_bus *server, *client;
} Pair;

static void pair_clear(Pair *pair) {
  pair->client = sd_bus_close_unref(pair->client);
  pair->server = sd_bus_close_unref(pair->server);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

static int pair_open(Pair *pair) {
  sd_id128_t id;
  int fds[2], r;

  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
    return -errno;
  sd_bus_new(&pair->server);
  sd_bus_new(&pair->client);
  if ((r = sd_bus_set_fd(pair->server, fds[0], fds[0])) < 0 ||
      (r = sd_bus_set_fd(pair->client, fds[1], fds[1])) < 0)
    return r;
  if ((r = sd_id128_randomize(&id)) < 0 || (r = sd_bus_set_server(pair->server, 1, id)) < 0 ||
      (r = sd_bus_start(pair->server)) < 0)
    return r;
  return sd_bus_start(pair->client);
}

static int on_reply(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  sd_bus_message **reply = user_data;

  *reply = sd_bus_message_ref(m);
  return 1;
}

/* Both ends live in this thread, so they take turns instead of waiting for each other. */
static int ask(Pair *pair, const char *path, sd_bus_message **ret) {
  int r = sd_bus_call_method_async(pair->client, NULL, NULL, path,
                                   "org.freedesktop.DBus.Introspectable", "Introspect", on_reply,
                                   ret, NULL);

  while (r >= 0 && !*ret) {
    int server = sd_bus_process(pair->server, NULL);
    r = MIN(server, 0);
    if (r == 0)
      r = sd_bus_process(pair->client, NULL);
    if (r == 0 && server == 0 && !*ret)
      r = sd_bus_wait(pair->client, WAIT_USEC);
  }
  return MIN(r, 0);
}

/* "<interface name="X">...</interface>" with its indentation. */
static char *cut_interface(const char *xml, const char *interface) {
  g_autofree char *head = g_strdup_printf(" <interface name=\"%s\">\n", interface);
  const char *begin = strstr(xml, head);
  const char *end = begin ? strstr(begin, " </interface>\n") : NULL;

  return end ? g_strndup(begin, end + strlen(" </interface>\n") - begin) : NULL;
}

static char *introspect_one(const WgServiceInterface *row, GError **error) {
  g_auto(Pair) pair = {NULL};
  sd_bus_message *reply = NULL;
  const char *text = NULL;
  char *xml = NULL;

  int r = pair_open(&pair);
  if (r >= 0)
    r = sd_bus_add_object_vtable(pair.server, NULL, row->path, row->interface, row->vtable, NULL);
  if (r >= 0)
    r = ask(&pair, row->path, &reply);
  if (r >= 0)
    r = sd_bus_message_is_method_error(reply, NULL) ? -sd_bus_message_get_errno(reply)
                                                    : sd_bus_message_read(reply, "s", &text);
  if (r >= 0)
    xml = cut_interface(text, row->interface);
  if (!xml)
    wg_error_set_errno(error, r < 0 ? r : ENOMSG, "cannot introspect %s", row->interface);
  sd_bus_message_unref(reply);
  return xml;
}

static gboolean refuse_unknown(const WgServiceInterface *rows, const char *only, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (; rows && rows->path; rows++)
    g_ptr_array_add(names, (gpointer)rows->interface);
  g_ptr_array_add(names, NULL);
  g_autofree char *hint = wg_nearest_hint(only, (const char *const *)names->pdata);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "no interface %s here%s%s", only,
              hint ? "; " : "", hint ? hint : "");
  return FALSE;
}

char *wg_introspect(const WgServiceInterface *interfaces, const char *only, GError **error) {
  g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GString) xml = g_string_new(
      "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
      "\"https://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
      "<node>\n");

  for (const WgServiceInterface *row = interfaces; row && row->path; row++) {
    if ((only && strcmp(row->interface, only) != 0) ||
        !g_hash_table_add(done, (gpointer)row->interface))
      continue;
    g_autofree char *part = introspect_one(row, error);
    if (!part)
      return NULL;
    g_string_append(xml, part);
  }
  if (only && g_hash_table_size(done) == 0) {
    refuse_unknown(interfaces, only, error);
    return NULL;
  }
  g_string_append(xml, "</node>\n");
  return g_string_free(g_steal_pointer(&xml), FALSE);
}
