/* settings.c: see settings.h. A default here is the default: nothing else has another. */
#include "delivery/settings.h"

#include "common/service.h"

#define COURIER "Courier"

const WgConfigKey dlv_config_keys[] = {
    WG_SERVICE_CONFIG_KEYS,
    {COURIER, "MaxJobs", WG_CONFIG_UINT, "64", 1, 4096,
     "jobs under way at a time, over all agents"},
    {COURIER, "MaxAttempts", WG_CONFIG_UINT, "16384", 1, 1000000,
     "messages of one messaging service in hand at a time"},
    {COURIER, "MaxBody", WG_CONFIG_BYTES, "64M", 262144, G_GUINT64_CONSTANT(512) << 20,
     "a larger body is not handed to a back-end"},
    {COURIER, "LeaseSec", WG_CONFIG_USEC, "1min", G_USEC_PER_SEC, 12 * G_TIME_SPAN_HOUR,
     "how long a lease of mail that a back-end handles itself lives without the courier"},
    {COURIER, "ReconnectMaxSec", WG_CONFIG_USEC, "30s", 10000, 0,
     "the longest pause before a lost messaging service is tried again"},
    {NULL},
};

void dlv_settings_load(const WgConfig *config, DlvSettings *ret) {
  *ret = (DlvSettings){
      .max_jobs = (guint)wg_config_u64(config, COURIER, "MaxJobs"),
      .max_attempts = (guint)wg_config_u64(config, COURIER, "MaxAttempts"),
      .max_body = wg_config_u64(config, COURIER, "MaxBody"),
      .lease = wg_config_u64(config, COURIER, "LeaseSec"),
      .reconnect_max = wg_config_u64(config, COURIER, "ReconnectMaxSec"),
  };
}
