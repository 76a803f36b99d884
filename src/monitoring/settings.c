/* settings.c: see settings.h. A default here is the default: neither code nor units have others. */
#include "monitoring/settings.h"

#include "common/service.h"

#define UNITS "Units"
#define ALERTS "Alerts"

const WgConfigKey mon_config_keys[] = {
    WG_SERVICE_CONFIG_KEYS,
    {UNITS, "Watch", WG_CONFIG_BOOL, "yes", 0, 0,
     "keep the units of the manager in sight by its signals"},
    {UNITS, "Journal", WG_CONFIG_BOOL, "yes", 0, 0,
     "read crashes, OOM kills, start limits and watchdogs of units from the journal"},
    {UNITS, "CallTimeoutSec", WG_CONFIG_USEC, "5s", G_USEC_PER_SEC / 10, 60 * G_USEC_PER_SEC,
     "a manager or bus that does not answer for so long is told as degraded"},
    {ALERTS, "Sendmail", WG_CONFIG_STRING, MON_SENDMAIL, 0, 0,
     "the program that takes e-mail, as sendmail does"},
    {ALERTS, "EvaluateSec", WG_CONFIG_USEC, "10s", G_USEC_PER_SEC, 3600 * (guint64)G_USEC_PER_SEC,
     "how often rules are evaluated whose group has no interval of its own"},
    {NULL},
};

gboolean mon_settings_load(const WgConfig *config, MonSettings *ret, GError **error) {
  *ret = (MonSettings){
      .watch_units = wg_config_bool(config, UNITS, "Watch"),
      .read_journal = wg_config_bool(config, UNITS, "Journal"),
      .sendmail = wg_config_string(config, ALERTS, "Sendmail"),
      .evaluate = wg_config_u64(config, ALERTS, "EvaluateSec"),
      .call_timeout = wg_config_u64(config, UNITS, "CallTimeoutSec"),
  };
  return TRUE;
}
