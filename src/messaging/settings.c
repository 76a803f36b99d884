/* settings.c: see settings.h. A default here is the default: neither engine nor units have
 * others. */
#include "messaging/settings.h"

#include "common/error.h"
#include "common/service.h"

#define MESSAGES "Messages"
#define DELIVERY "Delivery"
#define AGENTS "Agents"
#define SENDERS "Senders"
#define STORE "Store"

const WgConfigKey msg_config_keys[] = {
    WG_SERVICE_CONFIG_KEYS,
    {MESSAGES, "MaxBody", WG_CONFIG_BYTES, "16M", 1024, G_GUINT64_CONSTANT(512) << 20,
     "the largest body of a message"},
    {MESSAGES, "RetentionSec", WG_CONFIG_USEC, "7d", 0, 0,
     "how long acked, expired and canceled messages are kept; dead letters stay until purged"},
    {MESSAGES, "DeduplicationSec", WG_CONFIG_USEC, "24h", 0, 0,
     "how long the id of a message is remembered"},
    {MESSAGES, "MaxHops", WG_CONFIG_UINT, "256", 0, 1000000,
     "answers in one line of answers; 0: no limit"},
    {DELIVERY, "LeaseSec", WG_CONFIG_USEC, "5min", G_USEC_PER_SEC, 0,
     "how long a receiver has a message when neither it nor the agent says"},
    {DELIVERY, "MaxLeaseSec", WG_CONFIG_USEC, "12h", G_USEC_PER_SEC, 0,
     "the longest lease a receiver may ask for"},
    {DELIVERY, "MaxDeliveries", WG_CONFIG_UINT, "10", 1, 1000000,
     "failed deliveries after which a message becomes a dead letter"},
    {DELIVERY, "BackoffFirstSec", WG_CONFIG_USEC, "1s", 1000, 0,
     "the first wait after a failed delivery; doubles with each"},
    {DELIVERY, "BackoffMaxSec", WG_CONFIG_USEC, "10min", 1000, 0, "the longest such wait"},
    {DELIVERY, "BackoffSec", WG_CONFIG_USEC_LIST, "", 0, 0,
     "the waits themselves, instead of doubling; the last one repeats"},
    {DELIVERY, "AgeingSec", WG_CONFIG_USEC, "1min", 1000, 0,
     "the time in which a waiting message gains one level of priority"},
    {DELIVERY, "AttemptBackoffFirstSec", WG_CONFIG_USEC, "5s", 1000, 0,
     "the first wait after a courier's failed attempt; doubles with each"},
    {DELIVERY, "AttemptBackoffMaxSec", WG_CONFIG_USEC, "2min", 1000, 0, "the longest such wait"},
    {DELIVERY, "WakeCouriers", WG_CONFIG_BOOL, "yes", 0, 0,
     "start the courier of a user when mail of its agents waits"},
    {DELIVERY, "NoSessionSec", WG_CONFIG_USEC, "5s", 0, 0,
     "without a courier for so long: the receipt \"no session\""},
    {AGENTS, "MaxAgents", WG_CONFIG_UINT, "10000", 1, 10000000, "agents in all"},
    {AGENTS, "MaxAgentsPerUser", WG_CONFIG_UINT, "1000", 1, 10000000,
     "agents that one uid other than root may own"},
    {AGENTS, "MaxMessages", WG_CONFIG_UINT, "2000000", 0, 0,
     "messages that may wait for one agent; 0: no limit"},
    {AGENTS, "MaxBytes", WG_CONFIG_BYTES, "8G", 0, 0,
     "bytes of bodies that may wait for one agent; 0: no limit"},
    {SENDERS, "MaxMessages", WG_CONFIG_UINT, "4000000", 0, 0,
     "messages of one sender that may wait; 0: no limit"},
    {SENDERS, "MaxBytes", WG_CONFIG_BYTES, "16G", 0, 0,
     "bytes of one sender that may wait; 0: no limit"},
    {SENDERS, "Rate", WG_CONFIG_UINT, "0", 0, 0, "messages a second of one sender; 0: no limit"},
    {SENDERS, "Burst", WG_CONFIG_UINT, "1000", 1, 0, "messages a sender may send above its rate"},
    {STORE, "Reserve", WG_CONFIG_BYTES, "16M", 0, 0,
     "kept aside, so that delivery goes on when the disk is full; 0: nothing"},
    {STORE, "LowWater", WG_CONFIG_BYTES, "64M", 0, 0,
     "free space below which new messages are refused; 0: never"},
    {NULL},
};

static gboolean refuse(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_CONFIGURATION, text);
  return FALSE;
}

static gboolean check(const MsgSettings *s, GError **error) {
  if (s->default_lease > s->max_lease)
    return refuse(error, "[Delivery] LeaseSec= is longer than MaxLeaseSec=");
  if (s->backoff_first > s->backoff_max)
    return refuse(error, "[Delivery] BackoffFirstSec= is longer than BackoffMaxSec=");
  if (s->attempt_backoff_first > s->attempt_backoff_max)
    return refuse(error, "[Delivery] AttemptBackoffFirstSec= is longer than AttemptBackoffMaxSec=");
  return TRUE;
}

gboolean msg_settings_load(const WgConfig *config, MsgSettings *ret, GError **error) {
  MsgSettings s = {
      .max_body = wg_config_u64(config, MESSAGES, "MaxBody"),
      .retention_usec = wg_config_u64(config, MESSAGES, "RetentionSec"),
      .dedup_usec = wg_config_u64(config, MESSAGES, "DeduplicationSec"),
      .max_hops = wg_config_u64(config, MESSAGES, "MaxHops"),
      .default_lease = wg_config_u64(config, DELIVERY, "LeaseSec"),
      .max_lease = wg_config_u64(config, DELIVERY, "MaxLeaseSec"),
      .max_deliveries = wg_config_u64(config, DELIVERY, "MaxDeliveries"),
      .backoff_first = wg_config_u64(config, DELIVERY, "BackoffFirstSec"),
      .backoff_max = wg_config_u64(config, DELIVERY, "BackoffMaxSec"),
      .ageing_usec = wg_config_u64(config, DELIVERY, "AgeingSec"),
      .attempt_backoff_first = wg_config_u64(config, DELIVERY, "AttemptBackoffFirstSec"),
      .attempt_backoff_max = wg_config_u64(config, DELIVERY, "AttemptBackoffMaxSec"),
      .wake_couriers = wg_config_bool(config, DELIVERY, "WakeCouriers"),
      .no_session_usec = wg_config_u64(config, DELIVERY, "NoSessionSec"),
      .max_agents = wg_config_u64(config, AGENTS, "MaxAgents"),
      .max_agents_per_uid = wg_config_u64(config, AGENTS, "MaxAgentsPerUser"),
      .agent_max_messages = wg_config_u64(config, AGENTS, "MaxMessages"),
      .agent_max_bytes = wg_config_u64(config, AGENTS, "MaxBytes"),
      .sender_max_messages = wg_config_u64(config, SENDERS, "MaxMessages"),
      .sender_max_bytes = wg_config_u64(config, SENDERS, "MaxBytes"),
      .sender_rate = wg_config_u64(config, SENDERS, "Rate"),
      .sender_burst = wg_config_u64(config, SENDERS, "Burst"),
  };

  s.backoff_list = wg_config_list(config, DELIVERY, "BackoffSec", &s.n_backoff_list);
  if (!check(&s, error))
    return FALSE;
  *ret = s;
  return TRUE;
}

guint64 msg_settings_store_reserve(const WgConfig *config) {
  return wg_config_u64(config, STORE, "Reserve");
}

guint64 msg_settings_store_low_water(const WgConfig *config) {
  return wg_config_u64(config, STORE, "LowWater");
}
