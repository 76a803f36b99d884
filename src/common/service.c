/* service.c: see service.h. This file puts the parts together, runs the loop, and takes them
 * apart in the opposite order; the state only moves forward, and the lock on the state
 * directory is the first thing taken and the last thing given back. */
#include "common/error.h"
#include "common/introspect.h"
#include "common/log.h"
#include "common/names.h"
#include "common/service-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void wg_service_set_state(WgService *service, WgServiceState state) {
  g_assert(state > service->state);
  service->state = state;
}

static gboolean is_busy(gpointer user_data) {
  WgService *service = user_data;

  return service->state != WG_SERVICE_RUNNING || wg_peer_server_n_clients(service->peers) > 0 ||
         service->n_identifying > 0 || wg_polkit_n_pending(service->polkit) > 0 ||
         !wg_service_bus_flushed(service) ||
         (service->info->busy && service->info->busy(service, service->self));
}

static void on_idle(gpointer user_data) {
  wg_service_leave(user_data, WG_LEAVE_IDLE, 0);
}

static gboolean on_watchdog(gpointer user_data, char **ret_why) {
  WgService *service = user_data;

  return !service->info->healthy || service->info->healthy(service, service->self, ret_why);
}

void wg_service_maybe_ready(WgService *service) {
  if (service->state != WG_SERVICE_STARTING || !service->loop || !service->bus.settled)
    return;
  wg_service_set_state(service, WG_SERVICE_RUNNING);
  g_autofree char *text = wg_service_status_text(service);
  wg_notify_ready(service->notify, text);
  wg_log(LOG_INFO, WG_MSG_STARTED, WG_FIELDS(WG_FIELD_PATH, service->state_dir),
         "Started (%s, state in %s)", service->options.user ? "user" : "system",
         service->state_dir);
  wg_idle_activity(service->idle);
  if (service->reload_waits)
    wg_service_reload_later(service);
}

/* What can refuse a start, from cheap to dear. */
static gboolean prepare(WgService *service, GError **error) {
  const WgServiceInfo *info = service->info;
  guint64 idle;

  if (info->extra_fd_name != NULL &&
      !wg_activation_extract(service->activation, info->extra_fd_name, error))
    return FALSE;
  if (!wg_activation_check(service->activation, WG_FD_NAME_PRIVATE, error))
    return FALSE;
  service->config = wg_service_config_load(info, service->options.user, error);
  if (!service->config || !wg_service_idle_limit(service, &idle, error))
    return FALSE;
  service->state_dir =
      wg_state_dir(service->options.state_dir, info->name, service->options.user, error);
  if (!service->state_dir)
    return FALSE;
  service->lock = wg_state_lock_new(service->state_dir, error);
  if (!service->lock)
    return FALSE;
  if (service->options.listen &&
      !wg_activation_listen(service->activation, service->options.listen, error))
    return FALSE;
  return wg_service_signals_start(service, error) && wg_service_peers_start(service, error);
}

static int refused(WgService *service, const GError *error) {
  gboolean config = g_error_matches(error, WG_ERROR, WG_ERROR_CONFIGURATION);
  gboolean locked = g_error_matches(error, WG_ERROR, WG_ERROR_LOCKED);
  const char *id = config ? WG_MSG_CONFIG_REFUSED : locked ? WG_MSG_LOCKED : WG_MSG_START_FAILED;

  wg_log(LOG_ERR, id, WG_FIELDS(WG_FIELD_ERROR, error->message), "Cannot start: %s",
         error->message);
  wg_notify_failed(service->notify, config ? EINVAL : locked ? EBUSY : EIO, error->message);
  return config ? WG_EXIT_CONFIG : EXIT_FAILURE;
}

static void run_loop(WgService *service) {
  service->loop = g_main_loop_new(NULL, FALSE);
  service->idle = wg_idle_new(is_busy, on_idle, service);
  wg_service_config_apply(service, NULL);
  service->watchdog = wg_watchdog_new(service->notify, on_watchdog, service);
  wg_service_bus_start(service);
  wg_service_maybe_ready(service);
  if (service->exit.asked_before_loop)
    wg_service_leave(service, WG_LEAVE_FAILURE, service->exit_status);
  g_main_loop_run(service->loop);
}

static void take_apart(WgService *service, gboolean started) {
  wg_service_exit_stop(service);
  g_clear_pointer(&service->watchdog, wg_watchdog_free);
  g_clear_pointer(&service->idle, wg_idle_free);
  if (service->callers) {
    wg_service_bus_stop(service);
    wg_service_peers_stop(service);
    g_clear_pointer(&service->callers, wg_callers_free);
  }
  if (started && service->info->stop)
    service->info->stop(service, service->self);
  wg_service_signals_stop(service);
  g_clear_pointer(&service->loop, g_main_loop_unref);
  g_clear_pointer(&service->config, wg_config_unref);
  wg_service_status_free(service);
  g_clear_pointer(&service->lock, wg_state_lock_free);
  g_free(service->state_dir);
}

static int run(WgService *service) {
  g_autoptr(GError) error = NULL;

  wg_service_status_changed(service); /* "Starting" */
  gboolean started =
      prepare(service, &error) &&
      (!service->info->start || service->info->start(service, service->self, &error));

  if (started)
    run_loop(service);
  else
    service->exit_status = refused(service, error);
  take_apart(service, started);
  return service->exit_status;
}

static int introspect(WgService *service) {
  g_autoptr(GError) error = NULL;
  g_autofree char *xml =
      wg_introspect(service->info->interfaces, service->options.interface, &error);

  if (!xml) {
    fprintf(stderr, "%s: %s\n", service->identifier, error->message);
    return EXIT_FAILURE;
  }
  fputs(xml, stdout);
  return EXIT_SUCCESS;
}

static int check_config(WgService *service) {
  g_autoptr(GError) error = NULL;
  g_autoptr(WgConfig) config = wg_service_config_load(service->info, service->options.user, &error);

  if (config &&
      (!service->info->check || service->info->check(config, service->options.user, &error)))
    return EXIT_SUCCESS;
  fprintf(stderr, "%s: %s\n", service->identifier, error->message);
  return EXIT_FAILURE;
}

int wg_service_main(const WgServiceInfo *info, gpointer self, int argc, char **argv) {
  g_autofree char *identifier = g_strconcat("waggle-", info->name, NULL);
  g_autoptr(WgActivation) activation = wg_activation_take();
  WgService service = {.info = info, .self = self, .identifier = identifier};
  int status = EXIT_SUCCESS;

  wg_service_options_parse(info, identifier, argc, argv, &service.options);
  if (service.options.action == WG_ACTION_RUN)
    wg_service_signals_block();
  g_set_prgname(identifier);
  wg_log_init(identifier);
  service.activation = activation;
  service.notify = wg_notify_new();
  switch (service.options.action) {
  case WG_ACTION_RUN:
    status = run(&service);
    break;
  case WG_ACTION_INTROSPECT:
    status = introspect(&service);
    break;
  case WG_ACTION_CONFIG_CHECK:
    status = check_config(&service);
    break;
  case WG_ACTION_EXIT:
    status = service.options.exit_status;
    break;
  }
  wg_notify_free(service.notify);
  return status;
}

gboolean wg_service_is_user(WgService *service) {
  return service->options.user;
}

const char *wg_service_state_dir(WgService *service) {
  return service->state_dir;
}

WgConfig *wg_service_config(WgService *service) {
  return service->config;
}

WgPeerServer *wg_service_peers(WgService *service) {
  return service->peers;
}

WgPolkit *wg_service_polkit(WgService *service) {
  return service->polkit;
}

void wg_service_activity(WgService *service) {
  if (service->idle)
    wg_idle_activity(service->idle);
}

void wg_service_extend_start(WgService *service, guint64 usec) {
  wg_notify_extend(service->notify, usec);
}
