/* registry.c: the set of services and what each is; see registry.h. */
#include "monitoring/registry-private.h"

#include "monitoring/metrics-list.h"

#include "common/log.h"
#include "common/nearest.h"

#include <string.h>

static const char *const states[] = {"healthy",   "pending",     "starting", "flapping",
                                     "unhealthy", "maintenance", "gone"};

const char *mon_service_state_name(MonServiceState state) {
  return states[state];
}

const char *mon_source_name(MonSource source) {
  static const char *const names[] = {"file", "unit", "call"};

  return names[source];
}

void mon_registry_count(MonRegistry *registry, MonServiceState state, int by) {
  g_autoptr(MonLabels) labels = mon_labels_new("state", states[state], NULL);

  registry->n_states[state] += (guint)by;
  mon_board_set(registry->daemon->board, MON_METRIC(SERVICES), labels, registry->n_states[state],
                0);
}

/* ---- what it is ---- */
typedef struct {
  MonServiceState state;
  char *reason;
} Verdict;

static void worse(Verdict *verdict, MonServiceState state, const char *what, const char *why) {
  if (state <= verdict->state)
    return;
  verdict->state = state;
  g_free(verdict->reason);
  verdict->reason = *why ? g_strdup_printf("%s: %s", what, why) : g_strdup(what);
}

static void judge_probe(const MonServiceEntry *e, const MonProbe *probe, Verdict *verdict) {
  const char *name = probe->spec->name;

  if (probe->holds & (MON_HOLD_DONE | MON_HOLD_STARTUP))
    return;
  if (probe->state.base == MON_PROBE_DOWN)
    worse(verdict, MON_SERVICE_UNHEALTHY, name, probe->text);
  else if (probe->state.flapping)
    worse(verdict, MON_SERVICE_FLAPPING, name, "it goes up and down");
  else if (probe->spec->kind == MON_PROBE_STARTUP)
    worse(verdict, MON_SERVICE_STARTING, name, "it was not good yet");
  else if (probe->state.base == MON_PROBE_PENDING)
    worse(verdict, MON_SERVICE_PENDING, name, probe->text);
}

static Verdict judge(const MonServiceEntry *e) {
  Verdict verdict = {MON_SERVICE_HEALTHY, g_strdup("")};

  if (e->gone)
    worse(&verdict, MON_SERVICE_GONE, e->reason, "");
  else if (e->maintenance)
    worse(&verdict, MON_SERVICE_MAINTENANCE, e->maintenance_reason, "");
  else if (e->unit_gone)
    worse(&verdict, MON_SERVICE_GONE, e->spec->unit, e->unit_text);
  else if (e->unit_starting)
    worse(&verdict, MON_SERVICE_STARTING, e->spec->unit, e->unit_text);
  for (guint i = 0; verdict.state < MON_SERVICE_MAINTENANCE && i < e->probes->len; i++)
    judge_probe(e, e->probes->pdata[i], &verdict);
  return verdict;
}

static void tell_event(const MonServiceEntry *e, const char *from) {
  g_autoptr(MonLabels) labels =
      mon_labels_new("service", e->spec->name, "unit", e->spec->unit, NULL);
  const MonEvent event = {.kind = MON_EVENT_SERVICE,
                          .subject = e->spec->name,
                          .from = from,
                          .to = states[e->state],
                          .text = e->reason,
                          .invocation = *e->invocation ? e->invocation : NULL,
                          .time = e->since,
                          .labels = labels};

  mon_events_emit(e->registry->daemon->events, &event);
}

static void hold_probes(MonServiceEntry *e) {
  gboolean gone = e->gone != 0 || e->unit_gone, waits = FALSE;

  for (guint i = 0; i < e->probes->len; i++)
    waits = waits || ((MonProbe *)e->probes->pdata[i])->spec->kind == MON_PROBE_STARTUP;
  waits = waits && !e->startup_done;
  for (guint i = 0; i < e->probes->len; i++) {
    MonProbe *probe = e->probes->pdata[i];
    gboolean is_startup = probe->spec->kind == MON_PROBE_STARTUP;
    if (probe->spec->how != MON_PROBE_UNIT)
      mon_probe_hold(probe, MON_HOLD_GONE, gone);
    mon_probe_hold(probe, MON_HOLD_STARTUP, waits && !is_startup);
    mon_probe_hold(probe, MON_HOLD_DONE, e->startup_done && is_startup);
    mon_probe_set_maintenance(probe, e->maintenance);
  }
}

void mon_entry_update(MonServiceEntry *e) {
  hold_probes(e);
  Verdict verdict = judge(e);
  MonServiceState before = e->state;

  if (verdict.state == before && strcmp(verdict.reason, e->reason) == 0) {
    g_free(verdict.reason);
    return;
  }
  g_free(e->reason);
  e->reason = verdict.reason;
  if (verdict.state == before)
    return;
  e->state = verdict.state;
  e->since = g_get_real_time();
  mon_registry_count(e->registry, before, -1);
  mon_registry_count(e->registry, e->state, 1);
  tell_event(e, states[before]);
  mon_change_note(e, "state");
}

static void on_probe(MonProbe *probe, gboolean changed, gpointer owner) {
  MonServiceEntry *e = owner;

  if (probe->spec->kind == MON_PROBE_STARTUP && probe->state.base == MON_PROBE_UP)
    e->startup_done = TRUE;
  if (probe->spec->keeps_cursor && probe->cursor) {
    GArray *writes = mon_writes_new();
    mon_write_memory(writes, e->registry, probe);
    mon_memory_write(e->registry, writes);
  }
  if (changed || probe->state.base == MON_PROBE_DOWN)
    mon_entry_update(e);
}

/* ---- the set ---- */
MonServiceEntry *mon_registry_find(MonRegistry *registry, const char *name) {
  return g_tree_lookup(registry->entries, name);
}

MonProbe *mon_entry_probe(const MonServiceEntry *entry, const char *name) {
  for (guint i = 0; i < entry->probes->len; i++) {
    MonProbe *probe = entry->probes->pdata[i];
    if (strcmp(probe->spec->name, name) == 0)
      return probe;
  }
  return NULL;
}

typedef struct {
  MonServiceEntryFunc func;
  gpointer user_data;
} Walk;

static gboolean walk_one(gpointer key, gpointer value, gpointer data) {
  const Walk *walk = data;

  return !walk->func(value, walk->user_data);
}

void mon_registry_each(MonRegistry *registry, MonServiceEntryFunc func, gpointer user_data) {
  Walk walk = {func, user_data};

  g_tree_foreach(registry->entries, walk_one, &walk);
}

static gboolean add_name(MonServiceEntry *e, gpointer data) {
  g_strv_builder_add(data, e->spec->name);
  return TRUE;
}

char *mon_registry_hint(MonRegistry *registry, const char *name) {
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  mon_registry_each(registry, add_name, builder);
  g_auto(GStrv) names = g_strv_builder_end(builder);
  return wg_nearest_hint(name, (const char *const *)names);
}

/* Those that are the same go on as they are, with all they know. The others are gone before their
 * successors are made: both tell the same series. */
static GPtrArray *take_over_probes(MonServiceEntry *e, const MonServiceSpec *spec) {
  g_autoptr(GPtrArray) others = g_steal_pointer(&e->probes);
  GPtrArray *probes = g_ptr_array_new();

  for (guint i = 0; i < spec->probes->len; i++) {
    MonProbeSpec *one = spec->probes->pdata[i];
    MonProbe *same = NULL;
    for (guint j = 0; others && j < others->len && !same; j++)
      if (mon_probe_spec_equal(((MonProbe *)others->pdata[j])->spec, one))
        same = others->pdata[j];
    if (same)
      g_ptr_array_remove(others, same);
    g_ptr_array_add(probes, same);
  }
  for (guint i = 0; others && i < others->len; i++)
    mon_probe_free(others->pdata[i]);
  return probes;
}

void mon_entry_take_spec(MonServiceEntry *e, MonServiceSpec *spec) {
  GPtrArray *probes = take_over_probes(e, spec);

  for (guint i = 0; i < probes->len; i++) {
    if (probes->pdata[i])
      continue;
    probes->pdata[i] = mon_probe_new(e->registry->probes, spec->name, spec->probes->pdata[i],
                                     MON_HOLD_STARTUP, on_probe, e);
    mon_memory_restore(e->registry, probes->pdata[i]);
  }
  e->probes = probes;
  gboolean same_unit = e->spec && g_strcmp0(e->spec->unit, spec->unit) == 0;
  g_clear_pointer(&e->spec, mon_service_spec_unref);
  e->spec = mon_service_spec_ref(spec);
  if (!same_unit)
    *e->invocation = '\0';
  mon_owner_look_at_unit(e);
}

static void entry_free(gpointer data) {
  MonServiceEntry *e = data;

  mon_owner_forget(e);
  for (guint i = 0; i < e->probes->len; i++)
    mon_probe_free(e->probes->pdata[i]);
  g_ptr_array_unref(e->probes);
  mon_service_spec_unref(e->spec);
  g_free(e->reason);
  g_free(e->document);
  g_free(e->unit_text);
  g_free(e->maintenance_reason);
  g_free(e->maintenance_who);
  g_free(e);
}

MonServiceEntry *mon_entry_put(MonRegistry *registry, MonServiceSpec *spec, MonSource source) {
  MonServiceEntry *e = g_new0(MonServiceEntry, 1);

  e->registry = registry;
  e->source = source;
  e->pidfd = -1;
  e->state = MON_SERVICE_PENDING;
  e->reason = g_strdup("");
  e->unit_text = g_strdup("");
  e->registered = e->since = g_get_real_time();
  e->uid = registry->daemon->own_uid;
  mon_registry_count(registry, e->state, 1);
  g_tree_insert(registry->entries, g_strdup(spec->name), e);
  mon_entry_take_spec(e, spec);
  return e;
}

void mon_entry_remove(MonServiceEntry *e, const char *reason) {
  MonRegistry *registry = e->registry;
  g_autofree char *name = g_strdup(e->spec->name);
  MonServiceState before = e->state;

  mon_registry_count(registry, e->state, -1);
  g_free(e->reason);
  e->reason = g_strdup(reason);
  e->state = MON_SERVICE_GONE;
  tell_event(e, states[before]);
  mon_change_note(e, "removed");
  g_tree_remove(registry->entries, name);
}

void mon_entry_bury(MonServiceEntry *e, const char *reason) {
  GArray *writes = mon_writes_new();
  MonServiceState before = e->state;

  mon_owner_forget(e);
  e->gone = e->since = g_get_real_time();
  g_free(e->reason);
  e->reason = g_strdup(reason);
  e->state = MON_SERVICE_GONE;
  hold_probes(e);
  mon_registry_count(e->registry, before, -1);
  mon_registry_count(e->registry, e->state, 1);
  tell_event(e, states[before]);
  mon_write_service(writes, e);
  mon_change_write(e, e->spec->name, "gone", writes, FALSE, NULL, NULL);
  wg_log(LOG_NOTICE, WG_MSG_SERVICE_GONE, WG_FIELDS(WG_FIELD_ERROR, reason),
         "The service \"%s\" is gone: %s", e->spec->name, reason);
  mon_registry_sweep_later(e->registry);
}

/* ---- life ---- */
static int compare_names(gconstpointer a, gconstpointer b, gpointer data) {
  return strcmp(a, b);
}

static gboolean begin_one(MonServiceEntry *e, gpointer data) {
  if (e->gone == 0)
    mon_owner_look_at_unit(e);
  mon_entry_update(e);
  return TRUE;
}

/* From now on there is a writer. */
static gboolean begin(gpointer data) {
  MonRegistry *registry = data;

  registry->begin = 0;
  mon_registry_each(registry, begin_one, NULL);
  mon_xwaggles_start(registry);
  mon_registry_sweep_later(registry);
  return G_SOURCE_REMOVE;
}

MonRegistry *mon_registry_new(MonDaemon *daemon, GError **error) {
  MonRegistry *registry = g_new0(MonRegistry, 1);

  registry->daemon = daemon;
  registry->probes = mon_probes_new(daemon);
  registry->entries = g_tree_new_full(compare_names, NULL, g_free, entry_free);
  registry->changes = mon_changes_new();
  registry->seen_units = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  mon_memory_load(registry);
  if (mon_registry_load_files(registry, error) && mon_records_load(registry, error)) {
    mon_owner_listen(registry);
    registry->begin = g_idle_add_full(G_PRIORITY_DEFAULT, begin, registry, NULL);
    return registry;
  }
  mon_registry_free(registry);
  return NULL;
}

void mon_registry_free(MonRegistry *registry) {
  if (registry == NULL)
    return;
  registry->closing = TRUE;
  mon_xwaggles_stop(registry);
  mon_owner_unlisten(registry);
  g_clear_handle_id(&registry->begin, g_source_remove);
  g_clear_handle_id(&registry->sweep, g_source_remove);
  g_tree_destroy(registry->entries);
  mon_probes_free(registry->probes);
  mon_changes_free(registry->changes);
  g_hash_table_unref(registry->seen_units);
  g_clear_pointer(&registry->memory, g_hash_table_unref);
  g_clear_pointer(&registry->files, g_ptr_array_unref);
  g_free(registry);
}
