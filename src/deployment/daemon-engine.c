/* daemon-engine.c: store, units, steps and engine put together; see daemon.h.
 *
 * What the last life left is taken up only when there is a manager of units to ask: to begin a
 * roll-back without one would end it as failed. Until then new work is refused, since the engine
 * does not know yet what holds which target. */
#include "deployment/bus-drift.h"
#include "deployment/rebuild.h"
#include "deployment/rehearse.h"
#include "deployment/seals.h"
#include "deployment/unit-directory.h"

#include "common/error.h"
#include "common/names.h"
#include "common/store-log.h"
#include "common/timer-source.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <systemd/sd-login.h>

#define RECOVERY_KEY "recovery"
#define KEYS_DIR "keys.d"

/* ---- places ---- */
char *dpl_daemon_unit_directory(const DplDaemon *daemon) {
  if (daemon->settings.unit_directory[0] != '\0')
    return g_strdup(daemon->settings.unit_directory);
  return dpl_unit_directory(daemon->user_scope);
}

/* systemd's is empty at each start; without it there is one in the state directory. */
static char *runtime_directory(const DplDaemon *daemon, GError **error) {
  const char *given = g_getenv("RUNTIME_DIRECTORY");
  char *path = given != NULL && g_path_is_absolute(given) && strchr(given, ':') == NULL
                   ? g_strdup(given)
                   : g_build_filename(wg_service_state_dir(daemon->service), "run", NULL);

  if (g_mkdir_with_parents(path, 0700) == 0)
    return path;
  wg_error_set_errno(error, errno, "the directory %s cannot be made", path);
  g_free(path);
  return NULL;
}

char **dpl_daemon_key_directories(const DplDaemon *daemon) {
  if (daemon->settings.keys[0] != '\0')
    return g_strdupv((char *[]){(char *)daemon->settings.keys, NULL});
  char **dirs = wg_config_dirs(daemon->user_scope);
  for (guint i = 0; dirs[i] != NULL; i++) {
    char *one = g_build_filename(dirs[i], KEYS_DIR, NULL);
    g_free(dirs[i]);
    dirs[i] = one;
  }
  return dirs;
}

static char **credential_directories(const DplDaemon *daemon) {
  if (daemon->settings.credentials[0] != '\0')
    return g_strsplit(daemon->settings.credentials, ":", -1);
  if (!daemon->user_scope)
    return g_strsplit(DPL_CREDENTIAL_DIRS, ":", -1);
  g_autofree char *own = g_build_filename(g_get_user_config_dir(), "credstore", NULL);
  return g_strdupv((char *[]){own, NULL});
}

static char *own_unit(gboolean user_scope) {
  char *unit = NULL;

  if ((user_scope ? sd_pid_get_user_unit(0, &unit) : sd_pid_get_unit(0, &unit)) < 0)
    return NULL;
  char *copy = g_str_has_suffix(unit, ".service") ? g_strdup(unit) : NULL;
  free(unit);
  return copy;
}

/* ---- what the parts ask ---- */
static DplSite *find_site(const char *target, gpointer data) {
  DplDaemon *daemon = data;
  DplSite *site = daemon->sites != NULL ? dpl_sites_find(daemon->sites, target) : NULL;

  if (site == NULL)
    site = g_hash_table_lookup(daemon->own_sites, target);
  return site != NULL ? dpl_site_ref(site) : NULL;
}

static DplRetentionSpec retention_of(gpointer data) {
  return ((DplDaemon *)data)->settings.retention;
}

static void rang(gboolean clock_was_set, gpointer data) {
  dpl_engine_tick(((DplDaemon *)data)->engine);
}

static void store_changed(WgStoreState state, const char *text, const WgSalvage *salvage,
                          gpointer data) {
  DplDaemon *daemon = data;

  if (wg_service_store_changed(daemon->service, &daemon->store_state, state, text, salvage,
                               "new deployments are refused"))
    dpl_root_changed(daemon, "StoreState");
}

/* ---- opening ---- */
static gboolean make_steps(DplDaemon *daemon, GError **error) {
  g_autofree char *units = dpl_daemon_unit_directory(daemon);
  g_auto(GStrv) keys = dpl_daemon_key_directories(daemon);
  g_auto(GStrv) credentials = credential_directories(daemon);
  g_autofree char *rehearsals =
      dpl_unit_directory_runtime(daemon->user_scope, daemon->settings.unit_directory);
  DplRealOptions options = {
      .user_scope = daemon->user_scope,
      .store = daemon->store,
      .unit_directory = units,
      .rehearsal_directory = rehearsals,
      .runtime_directory = daemon->runtime_directory,
      .verify_program =
          daemon->settings.verify_program[0] != '\0' ? daemon->settings.verify_program : NULL,
      .own_unit = daemon->own_unit,
      .how = WG_RUN_AUTO,
      .key_directories = (const char *const *)keys,
      .credential_directories = (const char *const *)credentials,
      .seal = daemon->settings.seal,
      .need_signature = daemon->settings.need_signature,
      .site = find_site,
      .retention = retention_of,
      .user_data = daemon,
  };

  dpl_rehearsal_sweep(rehearsals);
  daemon->units = dpl_units_new(NULL, daemon->user_scope);
  options.units = daemon->units;
  daemon->real = dpl_real_new(&options);
  return TRUE;
}

static gboolean make_engine(DplDaemon *daemon, GError **error) {
  g_auto(DplLoaded) loaded = {0};

  if (!dpl_store_load(daemon->store, &loaded, error) ||
      (loaded.rebuilt && !dpl_rebuild(daemon->store, &loaded, daemon->sites, error)))
    return FALSE;
  daemon->drifted = dpl_drift_read(daemon->store);
  if (!wg_records_good(daemon->store, error))
    return FALSE;
  daemon->rebuilt = loaded.rebuilt;
  guint n = loaded.records->len;
  DplEngineOptions options = {
      .clock = wg_records_clock(daemon->store),
      .ledger = &dpl_store_ledger,
      .ledger_self = daemon->store,
      .steps = &dpl_real_steps,
      .steps_self = daemon->real,
      .events = dpl_daemon_events,
      .events_data = daemon,
  };
  wg_records_begin(daemon->store, store_changed, daemon);
  daemon->store_state = wg_writer_state(wg_records_writer(daemon->store));
  daemon->engine = dpl_engine_new(&options, &loaded);
  if (n == 0 || !wg_service_wants_bus(daemon->service))
    dpl_daemon_recover(daemon);
  else
    wg_service_set_degraded(daemon->service, RECOVERY_KEY,
                            "deployments that were cut off wait for the message bus");
  return TRUE;
}

static gboolean open_store(DplDaemon *daemon, GError **error) {
  WgSalvage salvage = {0};

  daemon->store = dpl_store_open(wg_service_state_dir(daemon->service), &salvage, error);
  if (daemon->store != NULL && salvage.happened)
    wg_log_salvage(&salvage);
  wg_salvage_clear(&salvage);
  if (daemon->store != NULL)
    dpl_seals_init(wg_service_state_dir(daemon->service));
  return daemon->store != NULL;
}

static gboolean open_all(DplDaemon *daemon, GError **error) {
  g_auto(GStrv) dirs = wg_config_dirs(daemon->user_scope);
  g_autoptr(GPtrArray) refused = g_ptr_array_new_with_free_func(g_free);

  daemon->sites = dpl_sites_load((const char *const *)dirs, refused);
  dpl_log_targets(daemon, refused);
  daemon->own_sites =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)dpl_site_unref);
  daemon->own_unit = own_unit(daemon->user_scope);
  daemon->timer = wg_timer_source_new(CLOCK_BOOTTIME, rang, daemon, error);
  if (daemon->timer == NULL)
    return FALSE;
  daemon->runtime_directory = runtime_directory(daemon, error);
  return daemon->runtime_directory != NULL && open_store(daemon, error) &&
         make_steps(daemon, error) && make_engine(daemon, error);
}

gboolean dpl_daemon_open(DplDaemon *daemon, GError **error) {
  if (open_all(daemon, error))
    return TRUE;
  dpl_daemon_close(daemon);
  return FALSE;
}

void dpl_daemon_close(DplDaemon *daemon) {
  g_clear_pointer(&daemon->timer, wg_timer_source_destroy);
  /* a thread that hangs over DrainSec= still uses all this: it is left to the end of the process,
   * and what it was about to the next start */
  if (daemon->draining && (!daemon->engine_stopped || daemon->rehearsals != NULL))
    return;
  g_clear_pointer(&daemon->engine, dpl_engine_free);
  g_clear_pointer(&daemon->real, dpl_real_free);
  g_clear_pointer(&daemon->units, dpl_units_free);
  g_clear_pointer(&daemon->store, wg_records_free);
  g_clear_pointer(&daemon->sites, dpl_sites_free);
  g_clear_pointer(&daemon->refused, g_ptr_array_unref);
  g_clear_pointer(&daemon->own_sites, g_hash_table_unref);
  g_clear_pointer(&daemon->runtime_directory, g_free);
  g_clear_pointer(&daemon->own_unit, g_free);
}

void dpl_daemon_recover(DplDaemon *daemon) {
  if (daemon->recovered)
    return;
  daemon->recovered = TRUE;
  wg_service_set_degraded(daemon->service, RECOVERY_KEY, NULL);
  dpl_engine_recover(daemon->engine);
  dpl_log_recovered(dpl_engine_n_live(daemon->engine));
}

gboolean dpl_daemon_may_begin(DplDaemon *daemon, GError **error) {
  if (daemon->draining)
    g_set_error_literal(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                        "the service is leaving; repeat the call");
  else if (!daemon->recovered)
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                        "deployments that were cut off wait for the message bus; nothing new is "
                        "begun before; see systemctl status dbus.socket");
  else
    return TRUE;
  return FALSE;
}
