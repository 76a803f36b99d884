/* daemon.c: see daemon.h. The callbacks of the service frame (common/service.h); the methods stand
 * in calls.c and queue.c. */
#include "typing/daemon.h"

#include "typing/bus.h"
#include "typing/queue.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <unistd.h>

static TypProfiles *load_profiles(GError **error) {
  g_auto(GStrv) dirs = wg_config_dirs(/* user= */ TRUE);

  return typ_profiles_load((const char *const *)dirs, error);
}

static void on_hold_over(gpointer data) {
  wg_log(LOG_NOTICE, WG_MSG_TYPIST_RELEASED, NULL, "The hold is over");
  typ_daemon_hold_changed(data);
}

static void prepared(const GError *error, gpointer data) {
  /* What was found stands in the properties and in STATUS=. */
}

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
  daemon->profiles = load_profiles(error);
  if (daemon->profiles == NULL)
    return FALSE;
  daemon->hold = typ_hold_new(wg_service_state_dir(service), on_hold_over, daemon, error);
  if (daemon->hold == NULL) {
    g_clear_pointer(&daemon->profiles, typ_profiles_unref);
    return FALSE;
  }
  daemon->calls = wg_calls_new(service, daemon, typ_method_tables, "types into the windows of");
  daemon->screen = typ_screen_new(daemon->own_uid);
  typ_queue_init(daemon);
  typ_daemon_prepare_init(daemon);
  typ_daemon_update_status(daemon);
  /* Where the bus is needed to find the display, it is looked for when that is there. */
  if (*daemon->display != '\0')
    typ_daemon_prepare_hand(daemon, prepared, daemon);
  return TRUE;
}

static gboolean on_attach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer,
                          GError **error) {
  int r = typ_tables_attach(self, bus);

  if (r >= 0 && peer == NULL)
    typ_daemon_prepare_hand(self, prepared, self);
  return r >= 0 || wg_error_set_errno(error, r, "the object cannot be put on the bus");
}

static void on_detach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer) {
  TypDaemon *daemon = self;

  if (peer != NULL || daemon->screen == NULL)
    return;
  typ_display_bus_lost(daemon->finder);
  typ_screen_bus_lost(daemon->screen);
}

static void on_caller_gone(WgService *service, gpointer self, WgCaller *caller) {
  TypDaemon *daemon = self;

  if (daemon->calls == NULL)
    return;
  wg_calls_gone(daemon->calls, caller);
  typ_queue_caller_gone(daemon, caller->id);
}

static gboolean on_reload(WgService *service, gpointer self, WgConfig *config, GError **error) {
  static const char *const names[] = {"Profiles", NULL};
  TypDaemon *daemon = self;
  TypProfiles *profiles = load_profiles(error);

  if (profiles == NULL)
    return FALSE;
  typ_profiles_unref(daemon->profiles);
  daemon->profiles = profiles;
  typ_settings_load(config, &daemon->settings);
  typ_properties_changed(daemon, names);
  return TRUE;
}

/* The hand sees whether a person types; who leaves does not know at the next text. */
static gboolean on_busy(WgService *service, gpointer self) {
  TypDaemon *daemon = self;
  gint64 since = g_get_monotonic_time() - daemon->last_type;

  return wg_calls_n(daemon->calls) > 0 ||
         (daemon->last_type != 0 && (guint64)since < daemon->settings.keep_usec);
}

static void on_degraded_changed(WgService *service, gpointer self) {
  static const char *const names[] = {"Degraded", NULL};

  typ_properties_changed(self, names);
}

void typ_daemon_hold_changed(TypDaemon *daemon) {
  static const char *const names[] = {"Held", "HoldReason", "HoldUntil", NULL};

  typ_properties_changed(daemon, names);
  typ_daemon_update_status(daemon);
}

static void drained(gpointer self) {
  wg_service_drained(((TypDaemon *)self)->service);
}

/* The text that is being typed gets half of the time, then the hand stops and lets all keys go. */
static void on_drain(WgService *service, gpointer self) {
  TypDaemon *daemon = self;

  daemon->draining = TRUE;
  typ_queue_drain(daemon, wg_config_u64(wg_service_config(service), "Service", "DrainSec") / 2);
  wg_calls_drain(daemon->calls, drained);
}

static void on_stop(WgService *service, gpointer self) {
  TypDaemon *daemon = self;

  daemon->draining = TRUE;
  g_clear_pointer(&daemon->screen, typ_screen_free);
  typ_daemon_prepare_clear(daemon);
  typ_queue_clear(daemon);
  g_clear_pointer(&daemon->hold, typ_hold_free);
  g_clear_pointer(&daemon->profiles, typ_profiles_unref);
  g_clear_pointer(&daemon->calls, wg_calls_free);
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
      .detach = on_detach,
      .caller_gone = on_caller_gone,
      .reload = on_reload,
      .busy = on_busy,
      .degraded_changed = on_degraded_changed,
      .drain = on_drain,
      .stop = on_stop,
  };
  TypDaemon daemon = {0};

  return wg_service_main(&info, &daemon, argc, argv);
}
