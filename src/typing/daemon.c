/* daemon.c: see daemon.h. The callbacks of the service frame (common/service.h), and the methods
 * that are about the service itself: Ping and Reload. */
#include "typing/daemon.h"

#include "typing/bus.h"

#include "common/error.h"
#include "common/names.h"

#include <unistd.h>

static gboolean on_start(WgService *service, gpointer self, GError **error) {
  TypDaemon *daemon = self;

  daemon->service = service;
  daemon->own_uid = getuid();
  if (!wg_service_is_user(service)) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_CONFIGURATION,
                        "waggle-typist types into the windows of one user and does not serve the "
                        "system; run it in the user's manager, with --user");
    return FALSE;
  }
  typ_settings_load(wg_service_config(service), &daemon->settings);
  return TRUE;
}

static gboolean on_attach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer,
                          GError **error) {
  int r = typ_tables_attach(self, bus);

  return r >= 0 || wg_error_set_errno(error, r, "the object cannot be put on the bus");
}

static gboolean on_reload(WgService *service, gpointer self, WgConfig *config, GError **error) {
  TypDaemon *daemon = self;

  typ_settings_load(config, &daemon->settings);
  return TRUE;
}

static gboolean on_busy(WgService *service, gpointer self) {
  return ((TypDaemon *)self)->n_calls > 0;
}

static void on_degraded_changed(WgService *service, gpointer self) {
  static const char *const names[] = {"Degraded", NULL};

  typ_properties_changed(self, names);
}

static void on_drain(WgService *service, gpointer self) {
  TypDaemon *daemon = self;

  daemon->draining = TRUE;
  if (daemon->n_calls == 0)
    wg_service_drained(service);
}

void typ_handle_ping(TypCall *call) {
  typ_call_answer(call, NULL);
}

void typ_handle_reload(TypCall *call) {
  g_autoptr(GError) error = NULL;

  if (wg_service_reload(call->daemon->service, &error))
    typ_call_answer(call, NULL);
  else
    typ_call_fail(call, error);
}

int typ_daemon_main(int argc, char **argv) {
  static const WgServiceInfo info = {
      .name = "typist",
      .summary = "Types doorbells into X11 windows",
      .bus_name = WG_BUS_TYPING,
      .socket_name = WG_SOCKET_TYPING,
      .config_keys = typ_config_keys,
      .interfaces = typ_interfaces,
      .start = on_start,
      .attach = on_attach,
      .reload = on_reload,
      .busy = on_busy,
      .degraded_changed = on_degraded_changed,
      .drain = on_drain,
  };
  TypDaemon daemon = {0};

  return wg_service_main(&info, &daemon, argc, argv);
}
