/* session.c: see session.h. */
#include "client/session.h"

#include "client/connection.h"
#include "client/variant-bus.h"
#include "common/names.h"

#include <string.h>

static const struct {
  const char *program, *bus, *path, *interface, *socket, *instead;
} services[] = {
    [CLI_COURIER] = {"waggle-courier", WG_BUS_DELIVERY, WG_PATH_DELIVERY, WG_IFACE_DELIVERY,
                     WG_SOCKET_DELIVERY,
                     "Without it mail waits for waggle receive. Try: systemctl --user enable --now "
                     "waggle-courier.socket"},
    [CLI_TYPIST] = {"waggle-typist", WG_BUS_TYPING, WG_PATH_TYPING, WG_IFACE_TYPING,
                    WG_SOCKET_TYPING,
                    "Is the package waggle-typist installed, and is this a graphical session?"},
};

/* The bus, or the socket; `*ret_destination` is NULL on the latter. Returns 0 or -errno. */
static int open_session(CliSessionService s, sd_bus **ret, const char **ret_destination) {
  const char *runtime = g_getenv("XDG_RUNTIME_DIR");
  sd_bus *bus = NULL;

  *ret_destination = services[s].bus;
  int r = sd_bus_open_user(ret);
  if (r >= 0 || !runtime)
    return r;
  g_autofree char *path = g_build_filename(runtime, WG_SOCKET_DIR, services[s].socket, NULL);
  g_autofree char *escaped = cli_address_escape(path);
  g_autofree char *address = g_strconcat("unix:path=", escaped, NULL);
  r = sd_bus_new(&bus);
  if (r >= 0)
    r = sd_bus_set_address(bus, address);
  if (r >= 0)
    r = sd_bus_start(bus);
  if (r < 0) {
    sd_bus_unref(bus);
    return r;
  }
  *ret = bus;
  *ret_destination = NULL;
  return 0;
}

static void set_error(CliSessionService s, const char *method, int r, const sd_bus_error *e,
                      GError **error) {
  CliExit status = sd_bus_error_is_set(e) ? cli_exit_from_bus_error(e->name) : CLI_EXIT_FAILURE;
  const char *text = sd_bus_error_is_set(e) && e->message ? e->message : g_strerror(-r);

  if (status == CLI_EXIT_UNREACHABLE)
    g_set_error(error, CLI_ERROR, status, "%s cannot be reached: %s\n%s", services[s].program, text,
                services[s].instead);
  else if (sd_bus_error_is_set(e) && g_str_has_prefix(e->name, WG_ERROR_PREFIX))
    g_set_error_literal(error, CLI_ERROR, status, text);
  else
    g_set_error(error, CLI_ERROR, status, "%s of %s: %s", method, services[s].program, text);
}

GVariant *cli_session_call(CliSessionService s, const char *method, GVariant *params,
                           guint64 timeout_usec, GError **error) {
  g_autoptr(GVariant) held = g_variant_ref_sink(params);
  g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
  sd_bus_message *m = NULL, *reply = NULL;
  sd_bus_error e = SD_BUS_ERROR_NULL;
  const char *destination;
  GVariant *result = NULL;
  sd_bus *bus = NULL;

  int r = open_session(s, &bus, &destination);
  if (r < 0) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_UNREACHABLE,
                "%s cannot be reached: no user bus (%s)\n%s", services[s].program, g_strerror(-r),
                services[s].instead);
    return NULL;
  }
  r = sd_bus_message_new_method_call(bus, &m, destination, services[s].path, services[s].interface,
                                     method);
  if (r >= 0)
    r = cli_variant_append(m, held);
  if (r >= 0)
    r = sd_bus_call(bus, m, timeout_usec, &e, &reply);
  if (r >= 0)
    r = cli_variant_read(reply, fds, &result);
  if (r < 0)
    set_error(s, method, r, &e, error);
  sd_bus_message_unref(m);
  sd_bus_message_unref(reply);
  sd_bus_error_free(&e);
  sd_bus_flush_close_unref(bus);
  return r < 0 ? NULL : result;
}
