/* deployments.c: see deployments.h. Signals of deployd go to connections alone that were allowed a
 * call before, so that it is asked anew whenever its name has a new owner. */
#include "monitoring/deployments.h"

#include "monitoring/deployments-drift.h"
#include "monitoring/metrics-list.h"

#include "common/bus-variant.h"
#include "common/clock.h"
#include "common/names.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define WINDOW_MAX (30 * 60 * G_USEC_PER_SEC)
#define OWNER_MATCH                                                                                \
  "type='signal',sender='" WG_BUS_BROKER "',path='" WG_PATH_BROKER "',interface='" WG_IFACE_BROKER \
  "',member='NameOwnerChanged',arg0='" WG_BUS_DEPLOYMENT "'"

typedef struct {
  guint64 id;
  char *target, *state, *release, *text; /* text: of the window */
  char *traceparent;                     /* NULL: not known */
  char **units;
  gint64 opened; /* CLOCK_BOOTTIME us when units began to be touched; 0: they are not */
  gboolean known, touched;
} Deployment;

/* Of the deployment that touched a unit last. */
typedef struct {
  char *traceparent;
  gint64 until; /* CLOCK_BOOTTIME us */
} Trace;

typedef struct {
  MonDeployments *all;
  sd_bus_slot *slot;
  guint64 id;
} Ask;

struct MonDeployments {
  MonDaemon *daemon;
  MonDrift *drift;
  sd_bus *bus;
  sd_bus_slot *owner, *states;
  GPtrArray *asks;
  GHashTable *live;     /* &id -> Deployment that has not ended, or was asked for as a target's */
  GHashTable *releases; /* unit -> release */
  GHashTable *traces;   /* unit -> Trace */
  GHashTable *targets;  /* name -> MonSeries: the release that is current */
  guint revision;
};

static void list(MonDeployments *all, gboolean may_start);

static void deployment_free(gpointer data) {
  Deployment *d = data;

  g_free(d->target);
  g_free(d->state);
  g_free(d->release);
  g_free(d->text);
  g_free(d->traceparent);
  g_strfreev(d->units);
  g_free(d);
}

static void trace_free(gpointer data) {
  Trace *trace = data;

  g_free(trace->traceparent);
  g_free(trace);
}

static void ask_free(gpointer data) {
  Ask *ask = data;

  sd_bus_slot_unref(ask->slot);
  g_free(ask);
}

/* ---- what is known ---- */
static gboolean touches_units(const char *state) {
  static const char *const touching[] = {"migrating", "switching",    "starting",
                                         "verifying", "rolling-back", NULL};

  return g_strv_contains(touching, state);
}

static gboolean is_end(const char *state) {
  static const char *const ends[] = {"done", "aborted", "rolled-back", "rollback-failed", NULL};

  return g_strv_contains(ends, state);
}

static void set(char **field, const char *text) {
  g_autofree char *old = *field;

  *field = g_strdup(text);
}

/* With each of its states anew, so that it counts from the last. */
static void trace_units(MonDeployments *all, const Deployment *d) {
  for (char **unit = d->units; d->touched && d->traceparent != NULL && *unit != NULL; unit++) {
    Trace *trace = g_new0(Trace, 1);
    *trace = (Trace){g_strdup(d->traceparent), wg_time_boottime() + WINDOW_MAX};
    g_hash_table_insert(all->traces, g_strdup(*unit), trace);
  }
}

static void enter(MonDeployments *all, Deployment *d, const char *state) {
  set(&d->state, state);
  if (!touches_units(state))
    d->opened = 0;
  else if (d->opened == 0)
    d->opened = wg_time_boottime();
  d->touched = d->touched || d->opened != 0;
  trace_units(all, d);
  g_free(d->text);
  d->text =
      g_strdup_printf("deployment %" G_GUINT64_FORMAT " of %s is %s", d->id, d->target, state);
  all->revision++;
}

static Deployment *deployment_of(MonDeployments *all, guint64 id, const char *target) {
  Deployment *d = g_hash_table_lookup(all->live, &id);

  if (d != NULL)
    return d;
  d = g_new0(Deployment, 1);
  d->id = id;
  d->target = g_strdup(target);
  d->units = g_new0(char *, 1);
  g_hash_table_insert(all->live, &d->id, d);
  return d;
}

/* Kept while there is no deployd to ask: what it has put there stays there. */
static void show_target(MonDeployments *all, const Deployment *d) {
  g_autoptr(MonLabels) labels = mon_labels_new("target", d->target, "release", d->release, NULL);
  MonSeries *old = g_hash_table_lookup(all->targets, d->target);

  if (d->release != NULL)
    mon_drift_release(all->drift, d->target, d->release);
  if (d->release == NULL || (old != NULL && mon_series_labels(old) == labels))
    return;
  mon_board_drop(all->daemon->board, old);
  g_hash_table_insert(all->targets, g_strdup(d->target),
                      mon_board_set(all->daemon->board, MON_METRIC(TARGET_INFO), labels, 1, 0));
}

static void serve(MonDeployments *all, const Deployment *d) {
  show_target(all, d);
  for (char **unit = d->units; d->release != NULL && *unit != NULL; unit++)
    g_hash_table_insert(all->releases, g_strdup(*unit), g_strdup(d->release));
  all->revision++;
}

/* ---- Show: the units of one ---- */
static void add_units(GPtrArray *units, JsonNode *node) {
  if (JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++)
      add_units(units, json_array_get_element(array, i));
  } else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING) {
    g_ptr_array_add(units, g_path_get_basename(json_node_get_string(node)));
  }
}

static char **units_of(JsonObject *shown) {
  g_autoptr(GPtrArray) units = g_ptr_array_new();
  JsonNode *manifest = json_object_get_member(shown, "manifest");
  JsonNode *node = manifest != NULL && JSON_NODE_HOLDS_OBJECT(manifest)
                       ? json_object_get_member(json_node_get_object(manifest), "units")
                       : NULL;
  JsonObjectIter iter;

  if (node != NULL && JSON_NODE_HOLDS_OBJECT(node)) {
    json_object_iter_init(&iter, json_node_get_object(node));
    while (json_object_iter_next(&iter, NULL, &node))
      add_units(units, node);
  }
  g_ptr_array_add(units, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&units), FALSE);
}

static void take_shown(MonDeployments *all, Deployment *d, const char *text) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
    return;
  JsonObject *shown = json_node_get_object(node);
  g_strfreev(d->units);
  d->units = units_of(shown);
  set(&d->release, json_object_get_string_member_with_default(shown, "to", NULL));
  set(&d->traceparent, json_object_get_string_member_with_default(shown, WG_TRACEPARENT, NULL));
  d->known = TRUE;
  trace_units(all, d);
  all->revision++;
  if (d->state == NULL || strcmp(d->state, "done") == 0)
    serve(all, d);
}

static int on_shown(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Ask *ask = data;
  MonDeployments *all = ask->all;
  Deployment *d = g_hash_table_lookup(all->live, &ask->id);
  const char *text;

  if (d != NULL && sd_bus_message_get_error(m) == NULL && sd_bus_message_read(m, "s", &text) >= 0)
    take_shown(all, d, text);
  if (d != NULL && (d->state == NULL || is_end(d->state)))
    g_hash_table_remove(all->live, &ask->id);
  g_ptr_array_remove_fast(all->asks, ask);
  return 1;
}

/* Takes `m`. */
static void ask(MonDeployments *all, sd_bus_message *m, int r, guint64 id,
                sd_bus_message_handler_t answered) {
  Ask *one = g_new0(Ask, 1);

  *one = (Ask){.all = all, .id = id};
  g_ptr_array_add(all->asks, one);
  if (r >= 0)
    r = sd_bus_call_async(all->bus, &one->slot, m, answered, one, 0);
  sd_bus_message_unref(m);
  if (r < 0)
    g_ptr_array_remove_fast(all->asks, one);
}

static void show(MonDeployments *all, guint64 id) {
  sd_bus_message *m = NULL;
  int r = sd_bus_message_new_method_call(all->bus, &m, WG_BUS_DEPLOYMENT, WG_PATH_DEPLOYMENT,
                                         WG_IFACE_DEPLOYMENT, "Show");

  if (r >= 0)
    r = sd_bus_message_append_basic(m, 't', &id);
  ask(all, m, r, id, on_shown);
}

/* ---- List: targets, what serves them and what is under way ---- */
static void take_target(MonDeployments *all, GVariant *row) {
  const char *name = NULL, *state = NULL;
  guint64 good = 0, live = 0;

  if (!g_variant_lookup(row, "name", "&s", &name))
    return;
  if (g_variant_lookup(row, "good-deployment", "t", &good) && good != 0) {
    deployment_of(all, good, name);
    show(all, good);
  }
  if (g_variant_lookup(row, "deployment", "t", &live) && live != 0 &&
      g_variant_lookup(row, "state", "&s", &state)) {
    enter(all, deployment_of(all, live, name), state);
    show(all, live);
  }
}

static int on_list(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Ask *one = data;
  MonDeployments *all = one->all;
  g_autoptr(GVariant) rows = sd_bus_message_get_error(m) == NULL ? wg_variant_read(m, NULL) : NULL;

  g_ptr_array_remove_fast(all->asks, one);
  for (gsize i = 0; rows != NULL && i < g_variant_n_children(rows); i++) {
    g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
    take_target(all, row);
    mon_drift_row(all->drift, row);
  }
  return 1;
}

static void list(MonDeployments *all, gboolean may_start) {
  sd_bus_message *m = NULL;
  int r = sd_bus_message_new_method_call(all->bus, &m, WG_BUS_DEPLOYMENT, WG_PATH_DEPLOYMENT,
                                         WG_IFACE_DEPLOYMENT, "List");

  if (r >= 0)
    r = sd_bus_message_append(m, "a{sv}", 0);
  if (r >= 0)
    r = sd_bus_message_set_auto_start(m, may_start);
  ask(all, m, r, 0, on_list);
}

/* ---- signals ---- */
static void tell(MonDeployments *all, const Deployment *d, const char *from, const char *cause) {
  g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, d->id);
  g_autoptr(MonLabels) labels = mon_labels_new("target", d->target, "deployment", id, NULL);
  MonEvent event = {.kind = MON_EVENT_DEPLOYMENT,
                    .subject = d->target,
                    .from = from,
                    .to = d->state,
                    .text = *cause != '\0' ? cause : NULL,
                    .release = d->release,
                    .time = wg_time_realtime(),
                    .labels = labels};

  mon_events_emit(all->daemon->events, &event);
}

static int on_state(sd_bus_message *m, void *data, sd_bus_error *ret) {
  MonDeployments *all = data;
  const char *target, *from, *to, *cause;
  guint64 id;

  if (sd_bus_message_read(m, "tssss", &id, &target, &from, &to, &cause) < 0)
    return 0;
  Deployment *d = deployment_of(all, id, target);
  enter(all, d, to);
  tell(all, d, from, cause);
  if (!d->known || strcmp(to, "staged") == 0) /* only then the release has its name */
    show(all, id);
  if (is_end(to) && d->known) {
    if (strcmp(to, "done") == 0)
      serve(all, d);
    g_hash_table_remove(all->live, &id);
  }
  return 0;
}

static int on_owner(sd_bus_message *m, void *data, sd_bus_error *ret) {
  MonDeployments *all = data;
  const char *name, *before, *after;

  if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && *after != '\0')
    list(all, FALSE);
  return 0;
}

/* ---- life ---- */
MonDeployments *mon_deployments_new(MonDaemon *daemon, GError **error) {
  MonDeployments *all = g_new0(MonDeployments, 1);

  all->daemon = daemon;
  all->drift = mon_drift_new(daemon);
  all->asks = g_ptr_array_new_with_free_func(ask_free);
  all->live = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, deployment_free);
  all->releases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  all->traces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, trace_free);
  all->targets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return all;
}

void mon_deployments_bus(MonDeployments *all, sd_bus *bus) {
  g_ptr_array_set_size(all->asks, 0);
  all->owner = sd_bus_slot_unref(all->owner);
  all->states = sd_bus_slot_unref(all->states);
  all->bus = bus;
  mon_drift_bus(all->drift, bus);
  if (bus == NULL)
    return;
  sd_bus_add_match_async(bus, &all->owner, OWNER_MATCH, on_owner, NULL, all);
  sd_bus_match_signal_async(bus, &all->states, WG_BUS_DEPLOYMENT, WG_PATH_DEPLOYMENT,
                            WG_IFACE_DEPLOYMENT, "StateChanged", on_state, NULL, all);
  list(all, TRUE);
}

void mon_deployments_free(MonDeployments *all) {
  if (all == NULL)
    return;
  mon_deployments_bus(all, NULL);
  mon_drift_free(all->drift);
  g_ptr_array_unref(all->asks);
  g_hash_table_unref(all->live);
  g_hash_table_unref(all->releases);
  g_hash_table_unref(all->traces);
  g_hash_table_unref(all->targets);
  g_free(all);
}

const char *mon_deployments_release(MonDeployments *all, const char *unit) {
  return g_hash_table_lookup(all->releases, unit);
}

const char *mon_deployments_trace(MonDeployments *all, const char *unit) {
  const Trace *trace = g_hash_table_lookup(all->traces, unit);

  return trace != NULL && wg_time_boottime() < trace->until ? trace->traceparent : NULL;
}

const char *mon_deployments_window(MonDeployments *all, const char *unit) {
  gint64 now = wg_time_boottime();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, all->live);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const Deployment *d = value;
    if (d->opened != 0 && now - d->opened < WINDOW_MAX &&
        g_strv_contains((const char *const *)d->units, unit))
      return d->text;
  }
  return NULL;
}

guint mon_deployments_revision(MonDeployments *all) {
  return all->revision;
}
