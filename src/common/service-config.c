/* service-config.c: the configuration of a service: loading, the keys that are common to all,
 * reloading. A configuration is in force as a whole or not at all: a reload that anything
 * refuses changes nothing. READY=1 follows RELOADING=1 on every path. */
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/nearest.h"
#include "common/service-private.h"

#include <errno.h>
#include <string.h>

static const char *const levels[] = {"emerg",  "alert", "crit",  "err", "warning",
                                     "notice", "info",  "debug", NULL};

static int level_of(const char *name) {
  for (int i = 0; levels[i]; i++)
    if (g_ascii_strcasecmp(name, levels[i]) == 0)
      return i;
  return -1;
}

WgConfig *wg_service_config_load(const WgServiceInfo *info, gboolean user, GError **error) {
  g_auto(GStrv) dirs = wg_config_dirs(user);
  g_autoptr(WgConfig) config =
      wg_config_load_from((const char *const *)dirs, info->name, info->config_keys, error);

  if (!config)
    return NULL;
  const char *level = wg_config_string(config, "Service", "LogLevel");
  if (level_of(level) >= 0)
    return g_steal_pointer(&config);
  g_autofree char *hint = wg_nearest_hint(level, levels);
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
              "%s.conf: [Service] LogLevel=: '%s' is no level%s%s", info->name, level,
              hint ? "; " : "", hint ? hint : "");
  return NULL;
}

gboolean wg_service_idle_limit(WgService *service, guint64 *ret_usec, GError **error) {
  const char *text = g_getenv(WG_ENV_IDLE_EXIT);

  /* Who is started by hand is stopped by hand: nobody would start it again. */
  *ret_usec = 0;
  if (service->options.listen)
    return TRUE;
  if (text) {
    g_autoptr(GError) local = NULL;
    if (wg_idle_parse(text, ret_usec, &local))
      return TRUE;
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "$" WG_ENV_IDLE_EXIT ": %s",
                local->message);
    return FALSE;
  }
  /* Started through the bus it has its socket as well, since the unit requires it. */
  if (wg_activation_n_passed(service->activation) > 0)
    *ret_usec = wg_config_u64(service->config, "Service", "IdleExitSec");
  return TRUE;
}

void wg_service_config_apply(WgService *service, WgConfig *before) {
  WgConfig *config = service->config;
  const char *level = wg_config_string(config, "Service", "LogLevel");
  guint64 idle = 0;

  WgPeerLimits limits = {
      .max_clients = wg_config_u64(config, "Service", "MaxClients"),
      .max_clients_per_uid = wg_config_u64(config, "Service", "MaxClientsPerUser"),
      .max_queued = wg_config_u64(config, "Service", "MaxQueuedMessages"),
      .max_queued_bytes = wg_config_u64(config, "Service", "MaxQueuedBytes"),
      .stall_usec = wg_config_u64(config, "Service", "StallSec"),
  };
  wg_peer_server_set_limits(service->peers, &limits);
  /* The environment was found good at the start. */
  (void)wg_service_idle_limit(service, &idle, NULL);
  wg_idle_set_limit(service->idle, idle);
  /* A level set since then over the bus, or by $G_MESSAGES_DEBUG, stays unless the file changes. */
  if (before ? strcmp(level, wg_config_string(before, "Service", "LogLevel")) != 0
             : wg_log_max_level() != LOG_DEBUG)
    wg_log_set_max_level(level_of(level));
}

static gboolean try_reload(WgService *service, GError **error) {
  g_autoptr(WgConfig) config = wg_service_config_load(service->info, service->options.user, error);

  if (!config)
    return FALSE;
  if (service->info->reload && !service->info->reload(service, service->self, config, error))
    return FALSE;
  g_autoptr(WgConfig) before = service->config;
  service->config = g_steal_pointer(&config);
  wg_service_config_apply(service, before);
  return TRUE;
}

gboolean wg_service_reload(WgService *service, GError **error) {
  g_autoptr(GError) local = NULL;

  if (service->state != WG_SERVICE_RUNNING) {
    g_set_error(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN, "%s is %s; nothing was reloaded",
                service->identifier,
                service->state == WG_SERVICE_STARTING ? "still starting" : "leaving");
    return FALSE;
  }
  wg_notify_reloading(service->notify);
  gboolean ok = try_reload(service, &local);
  g_clear_pointer(&service->reload_error, g_free);
  if (ok) {
    wg_log(LOG_INFO, WG_MSG_RELOADED, NULL, "The new configuration is in force");
  } else {
    service->reload_error = g_strdup(local->message);
    wg_log(LOG_ERR, WG_MSG_RELOAD_REFUSED, WG_FIELDS(WG_FIELD_ERROR, local->message),
           "The new configuration is refused, the old one stays in force: %s", local->message);
    g_propagate_error(error, g_steal_pointer(&local));
  }
  g_autofree char *status = wg_service_status_text(service);
  wg_notify_ready(service->notify, status);
  return ok;
}

void wg_service_reload_later(WgService *service) {
  if (service->state == WG_SERVICE_STARTING)
    service->reload_waits = TRUE; /* the manager wants READY=1 before RELOADING=1 */
  else if (service->state == WG_SERVICE_RUNNING)
    (void)wg_service_reload(service, NULL); /* it has logged; a signal has no other answer */
}
