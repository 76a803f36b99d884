/* daemon.c: see daemon.h. The callbacks of the service frame (common/service.h), and the
 * methods that are about the service itself: Ping, Discard and Reload. */
#include "messaging/daemon.h"

#include "messaging/bus-access.h"
#include "messaging/bus-agents.h"
#include "messaging/bus-log.h"
#include "messaging/bus-push.h"
#include "messaging/bus-reply.h"
#include "messaging/daemon-notes.h"
#include "messaging/daemon-store.h"
#include "messaging/daemon-wake.h"
#include "messaging/settings.h"

#include "common/log.h"
#include "common/names.h"

#include <unistd.h>

/* From here on people notice. */
#define SLOW_USEC (2 * G_USEC_PER_SEC)

static void clear(MsgDaemon *daemon) {
  g_clear_pointer(&daemon->pressure, wg_mem_pressure_free);
  msg_push_clear(daemon);
  msg_wake_clear(daemon);
  msg_waker_clear(daemon);
  msg_agents_clear(daemon);
  g_clear_pointer(&daemon->clients, g_hash_table_unref);
  g_clear_pointer(&daemon->by_name, g_hash_table_unref);
}

static gboolean load_settings(const WgConfig *config, gboolean user, MsgSettings *ret,
                              GError **error) {
  g_auto(GStrv) dirs = wg_config_dirs(user);
  MsgSettings settings;

  if (!msg_settings_load(config, &settings, error) ||
      !(settings.edges = msg_edges_load((const char *const *)dirs, error)))
    return FALSE;
  *ret = settings;
  return TRUE;
}

static gboolean on_check(WgConfig *config, gboolean user, GError **error) {
  MsgSettings settings;

  if (!load_settings(config, user, &settings, error))
    return FALSE;
  msg_edges_unref(settings.edges);
  return TRUE;
}

static void pressure_done(WgJob *job) {
  msg_job_free(job, sizeof(MsgPressureJob));
}

static void on_pressure(gboolean is_short, gpointer self) {
  MsgDaemon *daemon = self;
  MsgPressureJob *job =
      msg_job_new_own(daemon, /* actor= */ NULL, sizeof *job, msg_run_pressure, pressure_done);

  job->on = is_short;
  msg_job_submit(job);
  wg_service_set_degraded(
      daemon->service, "memory",
      is_short ? "memory is short; whom mail is pushed to gets one message at a time" : NULL);
}

static gboolean on_start(WgService *service, gpointer self, GError **error) {
  MsgDaemon *daemon = self;
  MsgSettings settings;

  daemon->service = service;
  daemon->user_scope = wg_service_is_user(service);
  daemon->own_uid = getuid();
  daemon->stats.started = g_get_real_time();
  daemon->clients = g_hash_table_new(g_int64_hash, g_int64_equal);
  daemon->by_name = g_hash_table_new(g_str_hash, g_str_equal);
  daemon->held_back = g_ptr_array_new();
  msg_agents_init(daemon);
  msg_waker_init(daemon);
  if (!load_settings(wg_service_config(service), daemon->user_scope, &settings, error)) {
    clear(daemon);
    return FALSE;
  }
  daemon->max_body = settings.max_body;
  gboolean ok = msg_wake_init(daemon, error) && msg_daemon_open_store(daemon, &settings, error);
  msg_edges_unref(settings.edges);
  if (ok)
    daemon->pressure = wg_mem_pressure_new(on_pressure, daemon);
  else
    clear(daemon);
  return ok;
}

static gboolean on_attach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer,
                          GError **error) {
  int r = msg_tables_attach(self, bus);

  if (r >= 0 && peer == NULL)
    msg_waker_bus(self, bus);
  return r >= 0 || wg_error_set_errno(error, r, "the objects cannot be put on the bus");
}

static int on_message(WgService *service, gpointer self, sd_bus_message *m) {
  return msg_tables_hot(self, m);
}

static void on_detach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer) {
  if (peer == NULL)
    msg_waker_bus_lost(self);
}

static void on_caller_gone(WgService *service, gpointer self, WgCaller *caller) {
  msg_connection_gone(self, caller);
}

/* A configuration that is on its way to the engine; its lists point into `config`. */
typedef struct {
  MsgSettingsJob job;
  WgConfig *config;
} ReloadJob;

static void reload_done(WgJob *job) {
  ReloadJob *reload = (ReloadJob *)job;

  wg_config_unref(reload->config);
  msg_edges_unref(reload->job.settings.edges);
  msg_job_free(reload, sizeof *reload);
}

static gboolean on_reload(WgService *service, gpointer self, WgConfig *config, GError **error) {
  MsgDaemon *daemon = self;
  MsgSettings settings;

  if (!load_settings(config, daemon->user_scope, &settings, error))
    return FALSE;
  ReloadJob *reload =
      msg_job_new_own(daemon, /* actor= */ NULL, sizeof *reload, msg_run_settings, reload_done);
  reload->job.settings = settings;
  reload->config = wg_config_ref(config);
  msg_job_submit(reload);
  daemon->max_body = settings.max_body;
  return TRUE;
}

static gboolean anybody_holds(MsgDaemon *daemon) {
  GHashTableIter iter;
  gpointer client;

  g_hash_table_iter_init(&iter, daemon->clients);
  while (g_hash_table_iter_next(&iter, NULL, &client))
    if (((MsgConnection *)client)->n_held > 0)
      return TRUE;
  return FALSE;
}

/* Who leaves cannot fire a deadline: a scheduled message, a back-off, a ttl or a lease that runs
 * keeps us here, and so does mail that is in memory only. Stored mail that only waits does not: its
 * receiver starts us again. */
static gboolean on_busy(WgService *service, gpointer self) {
  MsgDaemon *daemon = self;

  return daemon->n_jobs > 0 || daemon->n_volatile > 0 || msg_wake_armed(daemon) ||
         msg_waker_busy(daemon) || anybody_holds(daemon);
}

static gboolean on_healthy(WgService *service, gpointer self, char **ret_why) {
  MsgDaemon *daemon = self;

  if (wg_writer_stalled(daemon->writer, SLOW_USEC))
    msg_log_slow_store();
  return wg_writer_healthy(daemon->writer, ret_why);
}

static void on_degraded_changed(WgService *service, gpointer self) {
  msg_agents_root_changed(self, "Degraded");
}

static void drain_done(WgJob *job) {
  msg_job_free(job, sizeof(MsgJob));
}

/* Long polls get their empty answers; the last job that is freed ends the drain (bus-job.c). */
static void on_drain(WgService *service, gpointer self) {
  MsgDaemon *daemon = self;

  daemon->draining = TRUE;
  g_clear_pointer(&daemon->pressure, wg_mem_pressure_free);
  msg_job_submit(
      msg_job_new_own(daemon, /* actor= */ NULL, sizeof(MsgJob), msg_run_drain, drain_done));
}

static void on_stop(WgService *service, gpointer self) {
  MsgDaemon *daemon = self;

  daemon->drained = TRUE;
  msg_daemon_close_store(daemon);
  clear(daemon);
}

/* Ping and Discard: the least that a call can cost, without and with a body. */
static void ping_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  MsgDaemon *daemon = data;
  const void *given;
  size_t size;

  if (sd_bus_message_has_signature(m, "ay"))
    (void)sd_bus_message_read_array(m, 'y', &given, &size);
  if (msg_connection_or_refuse(daemon, m, caller, lookup) != NULL)
    msg_reply_empty(daemon, m);
}

int msg_method_ping(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, ping_from, daemon);
  return 1;
}

static void reload_checked(sd_bus_message *m, const GError *refused, gpointer data) {
  MsgDaemon *daemon = data;
  g_autoptr(GError) error = NULL;

  if (refused != NULL)
    msg_reply_error(daemon, m, refused, 0);
  else if (wg_service_reload(daemon->service, &error))
    msg_reply_empty(daemon, m);
  else
    msg_reply_error(daemon, m, error, 0);
}

static void reload_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  MsgDaemon *daemon = data;
  MsgConnection *client = msg_connection_or_refuse(daemon, m, caller, lookup);

  if (client != NULL)
    msg_access_check(client, m, reload_checked, daemon);
}

int msg_method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, reload_from, daemon);
  return 1;
}

int msg_daemon_main(int argc, char **argv) {
  static const WgServiceInfo info = {
      .name = "messaged",
      .summary = "Durable messages between agents",
      .bus_name = WG_BUS_MESSAGING,
      .socket_name = WG_SOCKET_MESSAGING,
      .config_keys = msg_config_keys,
      .interfaces = msg_interfaces,
      .start = on_start,
      .attach = on_attach,
      .detach = on_detach,
      .caller_gone = on_caller_gone,
      .message = on_message,
      .check = on_check,
      .reload = on_reload,
      .busy = on_busy,
      .healthy = on_healthy,
      .degraded_changed = on_degraded_changed,
      .drain = on_drain,
      .stop = on_stop,
  };
  MsgDaemon daemon = {.store_state = WG_STORE_OK};

  return wg_service_main(&info, &daemon, argc, argv);
}
