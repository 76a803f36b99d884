/* watchdog.c: see watchdog.h. The timer counts CLOCK_MONOTONIC as systemd's own does. */
#include "common/watchdog.h"

#include "common/log.h"

#include <systemd/sd-daemon.h>

struct WgWatchdog {
  WgNotify *notify;
  WgWatchdogGate gate;
  gpointer user_data;
  guint64 limit_usec;
  guint timer;
  gboolean withholding;
};

static gboolean on_ping(gpointer user_data) {
  WgWatchdog *dog = user_data;
  g_autofree char *why = NULL;

  if (dog->gate && !dog->gate(dog->user_data, &why)) {
    dog->withholding = TRUE;
    wg_log(LOG_ERR, WG_MSG_WATCHDOG_WITHHELD, WG_FIELDS(WG_FIELD_ERROR, why ? why : "unknown"),
           "Withholding the watchdog ping: %s; unless this ends, the service is killed and "
           "restarted in %.1f s",
           why ? why : "no reason given", (double)dog->limit_usec / G_USEC_PER_SEC);
    return G_SOURCE_CONTINUE;
  }
  if (dog->withholding)
    wg_log(LOG_NOTICE, WG_MSG_WATCHDOG_FED, NULL, "The watchdog ping goes out again");
  dog->withholding = FALSE;
  wg_notify_watchdog(dog->notify);
  return G_SOURCE_CONTINUE;
}

WgWatchdog *wg_watchdog_new(WgNotify *notify, WgWatchdogGate gate, gpointer user_data) {
  guint64 usec = 0;

  if (sd_watchdog_enabled(0, &usec) <= 0 || usec == 0)
    return NULL;
  WgWatchdog *dog = g_new0(WgWatchdog, 1);
  dog->notify = notify;
  dog->gate = gate;
  dog->user_data = user_data;
  dog->limit_usec = usec;
  dog->timer = g_timeout_add(CLAMP(usec / 2 / 1000, 1, G_MAXINT), on_ping, dog);
  on_ping(dog);
  return dog;
}

void wg_watchdog_free(WgWatchdog *dog) {
  if (!dog)
    return;
  g_source_remove(dog->timer);
  g_free(dog);
}
