/* deployments-drift.c: see deployments-drift.h. */
#include "monitoring/deployments-drift.h"

#include "monitoring/metrics-list.h"

#include "common/names.h"

#include <string.h>

typedef struct {
  char *release;
  MonSeries *series;
} Known;

struct MonDrift {
  MonDaemon *daemon;
  sd_bus_slot *found;
  GHashTable *targets; /* name -> Known */
};

static void known_free(gpointer data) {
  Known *known = data;

  g_free(known->release);
  g_free(known);
}

MonDrift *mon_drift_new(MonDaemon *daemon) {
  MonDrift *drift = g_new0(MonDrift, 1);

  drift->daemon = daemon;
  drift->targets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
  return drift;
}

void mon_drift_free(MonDrift *drift) {
  if (drift == NULL)
    return;
  mon_drift_bus(drift, NULL);
  g_hash_table_unref(drift->targets);
  g_free(drift);
}

static void forget(MonDrift *drift, const char *target) {
  Known *known = g_hash_table_lookup(drift->targets, target);

  if (known == NULL)
    return;
  mon_board_drop(drift->daemon->board, known->series);
  g_hash_table_remove(drift->targets, target);
}

/* Only states that say something: rules and people read these words. */
static gboolean says_something(const char *state) {
  static const char *const states[] = {"intact", "edited", "unproven", NULL};

  return g_strv_contains(states, state);
}

static void take(MonDrift *drift, const char *target, const char *release, const char *state) {
  g_autoptr(MonLabels) labels =
      mon_labels_new("target", target, "release", release, "state", state, NULL);
  Known *known = g_hash_table_lookup(drift->targets, target);

  if (known != NULL && mon_series_labels(known->series) == labels)
    return;
  forget(drift, target);
  if (!says_something(state))
    return;
  known = g_new0(Known, 1);
  known->release = g_strdup(release);
  known->series = mon_board_set(drift->daemon->board, MON_METRIC(TARGET_DRIFT), labels, 1, 0);
  g_hash_table_insert(drift->targets, g_strdup(target), known);
}

void mon_drift_row(MonDrift *drift, GVariant *row) {
  const char *target = NULL, *release = NULL, *state = NULL;

  if (!g_variant_lookup(row, "name", "&s", &target))
    return;
  if (g_variant_lookup(row, "current", "&s", &release) &&
      g_variant_lookup(row, "drift", "&s", &state))
    take(drift, target, release, state);
  else
    forget(drift, target);
}

void mon_drift_release(MonDrift *drift, const char *target, const char *release) {
  Known *known = g_hash_table_lookup(drift->targets, target);

  if (known != NULL && strcmp(known->release, release) != 0)
    forget(drift, target);
}

static int on_found(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *target, *release, *state;

  if (sd_bus_message_read(m, "sss", &target, &release, &state) >= 0)
    take(data, target, release, state);
  return 0;
}

void mon_drift_bus(MonDrift *drift, sd_bus *bus) {
  drift->found = sd_bus_slot_unref(drift->found);
  if (bus != NULL)
    sd_bus_match_signal_async(bus, &drift->found, WG_BUS_DEPLOYMENT, WG_PATH_DEPLOYMENT,
                              WG_IFACE_DEPLOYMENT, "DriftChecked", on_found, NULL, drift);
}
