/* daemon-store.c: see daemon-store.h. A store in trouble degrades the service, it never ends it:
 * what can be delivered is delivered, and the writer tells when it is well again. */
#include "messaging/daemon-store.h"

#include "messaging/bus-agents.h"
#include "messaging/daemon-notes.h"
#include "messaging/settings.h"

#include "common/store-log.h"

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WgSalvage, wg_salvage_clear)

#define STORE_FILE "messages.db"

/* WgStoreStateFunc. */
static void state_changed(WgStoreState state, const char *text, const WgSalvage *salvage,
                          gpointer user_data) {
  MsgDaemon *daemon = user_data;

  if (wg_service_store_changed(daemon->service, &daemon->store_state, state, text, salvage,
                               "new messages are refused"))
    msg_agents_root_changed(daemon, "StoreState");
}

static void take_initial_notes(MsgDaemon *daemon) {
  g_autoptr(GPtrArray) notes = msg_engine_initial_notes(daemon->engine);

  if (notes != NULL)
    msg_notes(notes, daemon);
}

/* Damage that opening the file did not meet is met by the first who reads it. */
static MsgEngine *open_engine(WgStore *store, const MsgSettings *settings, gboolean user_scope,
                              GError **error) {
  g_autoptr(GError) damage = NULL;
  g_auto(WgSalvage) salvage = {0};
  MsgEngine *engine = msg_engine_new(store, settings, user_scope, &damage);

  if (engine != NULL)
    return engine;
  if (!g_error_matches(damage, WG_ERROR, WG_ERROR_STORE_DAMAGED)) {
    g_propagate_error(error, g_steal_pointer(&damage));
    return NULL;
  }
  if (!wg_store_reopen_damaged(store, &salvage, error))
    return NULL;
  wg_log_salvage(&salvage);
  return msg_engine_new(store, settings, user_scope, error);
}

/* A salvage of a large store takes longer than systemd waits for READY=1; while it goes on it says
 * so. */
static void salvage_goes_on(gpointer data) {
  MsgDaemon *daemon = data;
  gint64 now = g_get_monotonic_time();

  if (now - daemon->start_extended < G_USEC_PER_SEC)
    return;
  daemon->start_extended = now;
  wg_service_extend_start(daemon->service, 30 * G_USEC_PER_SEC);
}

gboolean msg_daemon_open_store(MsgDaemon *daemon, const MsgSettings *settings, GError **error) {
  const WgConfig *config = wg_service_config(daemon->service);
  g_autofree char *path = g_build_filename(wg_service_state_dir(daemon->service), STORE_FILE, NULL);
  g_auto(WgSalvage) salvage = {0};
  WgStoreOptions options = {
      .path = path,
      .migrations = msg_migrations,
      .reserve_bytes = msg_settings_store_reserve(config),
      .low_water_bytes = msg_settings_store_low_water(config),
      .progress = salvage_goes_on,
      .progress_data = daemon,
  };
  g_autoptr(WgStore) store = wg_store_open(&options, &salvage, error);

  if (store == NULL)
    return FALSE;
  if (salvage.happened)
    wg_log_salvage(&salvage);
  daemon->engine = open_engine(store, settings, daemon->user_scope, error);
  if (daemon->engine == NULL)
    return FALSE;
  take_initial_notes(daemon);
  daemon->writer = wg_writer_new(g_steal_pointer(&store), &msg_engine_funcs, daemon->engine,
                                 state_changed, daemon);
  msg_engine_set_writer(daemon->engine, daemon->writer, msg_notes, daemon);
  daemon->store_state = wg_writer_state(daemon->writer);
  return TRUE;
}

void msg_daemon_close_store(MsgDaemon *daemon) {
  g_clear_pointer(&daemon->writer, wg_writer_free);
  g_clear_pointer(&daemon->engine, msg_engine_free);
}
