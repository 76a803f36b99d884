/* suite.c: see suite.h. What a service answers is a dictionary; tables say which of its keys is
 * which series. A key that is missing is a series that is absent. */
#include "monitoring/suite.h"

#include "monitoring/reading.h"

#include "common/bus-variant.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/names.h"

typedef struct {
  const char *key;
  MonMetricId metric;
  const char *label; /* value of the metric's first label; NULL: none */
} Row;

static const Row messaging_rows[] = {
    {"queued", MON_M_MESSAGING_MESSAGES, "queued"},
    {"scheduled", MON_M_MESSAGING_MESSAGES, "scheduled"},
    {"held", MON_M_MESSAGING_MESSAGES, "held"},
    {"in-flight", MON_M_MESSAGING_MESSAGES, "in-flight"},
    {"dead", MON_M_MESSAGING_MESSAGES, "dead"},
    {"agents", MON_M_MESSAGING_AGENTS, NULL},
    {"clients", MON_M_MESSAGING_CLIENTS, NULL},
    {"store-bytes", MON_M_MESSAGING_STORE, "store"},
    {"wal-bytes", MON_M_MESSAGING_STORE, "wal"},
    {"free-bytes", MON_M_MESSAGING_STORE, "free"},
    {"sent", MON_M_MESSAGING_OPERATIONS, "sent"},
    {"received", MON_M_MESSAGING_OPERATIONS, "received"},
    {"acked", MON_M_MESSAGING_OPERATIONS, "acked"},
    {"nacked", MON_M_MESSAGING_OPERATIONS, "nacked"},
    {"expired", MON_M_MESSAGING_OPERATIONS, "expired"},
    {"died", MON_M_MESSAGING_OPERATIONS, "died"},
    {"refused", MON_M_MESSAGING_OPERATIONS, "refused"},
    {"duplicates", MON_M_MESSAGING_OPERATIONS, "duplicates"},
    {"quarantined", MON_M_MESSAGING_OPERATIONS, "quarantined"},
    {NULL},
};

static const Row deployment_rows[] = {
    {"done", MON_M_DEPLOYMENTS, "done"},
    {"aborted", MON_M_DEPLOYMENTS, "aborted"},
    {"rolled-back", MON_M_DEPLOYMENTS, "rolled-back"},
    {"rollback-failed", MON_M_DEPLOYMENTS, "rollback-failed"},
    {"open", MON_M_DEPLOYMENTS_OPEN, NULL},
    {NULL},
};

/* The other figures of an answer: what is no single number. */
static void messaging_more(GVariant *figures, MonReadings *readings);
static void deployment_more(GVariant *figures, MonReadings *readings);

typedef struct {
  const char *name, *path, *interface, *method;
  gboolean has_options;
  MonMetricId up;
  const Row *rows;
  void (*more)(GVariant *figures, MonReadings *readings);
} Peer;

static const Peer peers[] = {
    {WG_BUS_MESSAGING, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "GetStatistics", FALSE,
     MON_M_MESSAGING_UP, messaging_rows, messaging_more},
    {WG_BUS_DEPLOYMENT, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, "Stats", TRUE, MON_M_DEPLOYMENT_UP,
     deployment_rows, deployment_more},
};

typedef struct {
  MonSuite *suite;
  const Peer *peer;
  MonSource *source;
  sd_bus_slot *slot; /* of the call that is under way; NULL: none */
} Asked;

struct MonSuite {
  MonDaemon *daemon;
  sd_bus *bus; /* NULL: lost */
  gint64 asked;
  Asked peers[G_N_ELEMENTS(peers)];
};

MonSuite *mon_suite_new(MonDaemon *daemon) {
  MonSuite *suite = g_new0(MonSuite, 1);

  suite->daemon = daemon;
  for (guint i = 0; i < G_N_ELEMENTS(peers); i++)
    suite->peers[i] = (Asked){suite, &peers[i], mon_source_new(daemon->board), NULL};
  return suite;
}

static void forget_calls(MonSuite *suite) {
  for (guint i = 0; i < G_N_ELEMENTS(peers); i++)
    suite->peers[i].slot = sd_bus_slot_unref(suite->peers[i].slot);
}

void mon_suite_free(MonSuite *suite) {
  if (!suite)
    return;
  forget_calls(suite);
  for (guint i = 0; i < G_N_ELEMENTS(peers); i++)
    mon_source_free(suite->peers[i].source);
  g_free(suite);
}

void mon_suite_bus(MonSuite *suite, sd_bus *bus) {
  forget_calls(suite);
  suite->bus = bus;
  suite->asked = 0;
}

/* ---- answers ---- */
static double number_of(GVariant *value) {
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
    return (double)g_variant_get_uint64(value);
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32(value);
  return 0;
}

static void messaging_more(GVariant *figures, MonReadings *readings) {
  static const char *const stages[] = {"send", "receive", "ack"};
  static const char *const quantiles[] = {"0.5", "0.9", "0.99", "1"};

  for (guint i = 0; i < G_N_ELEMENTS(stages); i++) {
    g_autofree char *key = g_strconcat("latency-", stages[i], NULL);
    g_autoptr(GVariant) value = g_variant_lookup_value(figures, key, G_VARIANT_TYPE("at"));
    gsize n = 0;
    const guint64 *usec = value ? g_variant_get_fixed_array(value, &n, sizeof *usec) : NULL;
    for (gsize q = 0; q < MIN(n, G_N_ELEMENTS(quantiles)); q++)
      if (usec[n - 1] > 0) /* nothing was measured yet */
        mon_readings_add(readings, MON_M_MESSAGING_LATENCY, (double)usec[q] * 1e-6, stages[i],
                         quantiles[q], NULL);
  }
}

static void deployment_more(GVariant *figures, MonReadings *readings) {
  g_autoptr(GVariant) value = g_variant_lookup_value(figures, "downtime", G_VARIANT_TYPE("(tttt)"));
  guint64 n = 0, mean, p50, p95;

  if (value)
    g_variant_get(value, "(tttt)", &n, &mean, &p50, &p95);
  if (n == 0)
    return;
  mon_readings_add(readings, MON_M_DEPLOYMENT_DOWNTIME, (double)p50 * 1e-6, "0.5", NULL, NULL);
  mon_readings_add(readings, MON_M_DEPLOYMENT_DOWNTIME, (double)p95 * 1e-6, "0.95", NULL, NULL);
}

static void take_figures(const Peer *peer, sd_bus_message *m, MonReadings *readings) {
  g_autoptr(GVariant) reply = wg_variant_read_all(m, NULL);

  if (!reply || g_variant_n_children(reply) != 1)
    return;
  g_autoptr(GVariant) figures = g_variant_get_child_value(reply, 0);
  if (!g_variant_is_of_type(figures, G_VARIANT_TYPE_VARDICT))
    return;
  mon_readings_add(readings, peer->up, 1, NULL, NULL, NULL);
  for (const Row *row = peer->rows; row->key; row++) {
    g_autoptr(GVariant) value = g_variant_lookup_value(figures, row->key, NULL);
    if (value)
      mon_readings_add(readings, row->metric, number_of(value), row->label, NULL, NULL);
  }
  peer->more(figures, readings);
}

/* Not running, or not for us to ask: no figures, and no reason for an alarm. */
static gboolean is_absent(const sd_bus_error *e) {
  static const char *const names[] = {
      SD_BUS_ERROR_SERVICE_UNKNOWN,
      SD_BUS_ERROR_NAME_HAS_NO_OWNER,
      SD_BUS_ERROR_ACCESS_DENIED,
      SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
      NULL,
  };

  return g_strv_contains(names, e->name) ||
         g_strcmp0(e->name, wg_error_name(WG_ERROR_NOT_AUTHORIZED)) == 0;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  Asked *asked = userdata;
  g_autoptr(MonReadings) readings = mon_readings_new();
  const sd_bus_error *e = sd_bus_message_get_error(m);

  asked->slot = sd_bus_slot_unref(asked->slot);
  if (!e)
    take_figures(asked->peer, m, readings);
  else if (!is_absent(e))
    mon_readings_add(readings, asked->peer->up, 0, NULL, NULL, NULL);
  mon_source_apply(asked->source, readings, 0);
  return 0;
}

static void ask(Asked *asked) {
  const Peer *peer = asked->peer;
  sd_bus_message *m = NULL;

  if (asked->slot)
    return;
  int r = sd_bus_message_new_method_call(asked->suite->bus, &m, peer->name, peer->path,
                                         peer->interface, peer->method);
  if (r >= 0)
    r = sd_bus_message_set_auto_start(m, 0);
  if (r >= 0 && peer->has_options)
    r = sd_bus_message_append(m, "a{sv}", 0);
  if (r >= 0)
    sd_bus_call_async(asked->suite->bus, &asked->slot, m, on_answer, asked,
                      asked->suite->daemon->settings.call_timeout);
  sd_bus_message_unref(m);
}

void mon_suite_tick(MonSuite *suite) {
  gint64 now = wg_time_boottime();

  if (!suite->bus ||
      (suite->asked != 0 && now < suite->asked + (gint64)suite->daemon->settings.suite_interval))
    return;
  suite->asked = now;
  for (guint i = 0; i < G_N_ELEMENTS(peers); i++)
    ask(&suite->peers[i]);
}
