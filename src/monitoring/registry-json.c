/* registry-json.c: see registry-json.h. What is not known is left out. */
#include "monitoring/registry-json.h"

#include "monitoring/registry-private.h"

char *mon_registry_text(JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);

  json_object_unref(object);
  return json_to_string(node, FALSE);
}

char *mon_registry_array_text(JsonArray *array) {
  g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), array);

  json_array_unref(array);
  return json_to_string(node, FALSE);
}

static void set_text(JsonObject *object, const char *name, const char *text) {
  if (text && *text)
    json_object_set_string_member(object, name, text);
}

static void set_number(JsonObject *object, const char *name, gint64 number) {
  if (number)
    json_object_set_int_member(object, name, number);
}

JsonObject *mon_probe_json(const MonProbe *probe, gboolean texts) {
  JsonObject *object = json_object_new();
  const MonProbeSpec *spec = probe->spec;

  json_object_set_string_member(object, "name", spec->name);
  json_object_set_string_member(object, "type", spec->type);
  json_object_set_string_member(object, "kind", mon_probe_kind_name(spec->kind));
  json_object_set_string_member(object, "state", mon_probe_state_text(probe));
  json_object_set_int_member(object, "interval",
                             (gint64)(spec->how == MON_PROBE_PUSH ? spec->every : spec->interval));
  if (probe->holds)
    json_object_set_string_member(object, "held",
                                  probe->holds & MON_HOLD_GONE      ? "what it belongs to is gone"
                                  : probe->holds & MON_HOLD_STARTUP ? "start-up is not done"
                                                                    : "start-up is done");
  if (mon_probe_spec_is_quiet(spec, g_get_real_time()))
    json_object_set_boolean_member(object, "quiet", TRUE);
  set_number(object, "changed", probe->changed);
  if (probe->has_result) {
    json_object_set_string_member(object, "verdict", mon_verdict_name(probe->verdict));
    json_object_set_int_member(object, "time", probe->time);
    json_object_set_int_member(object, "duration", (gint64)probe->duration);
  }
  if (!texts)
    return object;
  set_text(object, "subject", spec->subject);
  set_text(object, "text", probe->text);
  if (probe->values)
    json_object_set_object_member(object, "values", json_object_ref(probe->values));
  return object;
}

static JsonArray *words(char **list) {
  JsonArray *array = json_array_new();

  for (guint i = 0; list[i]; i++)
    json_array_add_string_element(array, list[i]);
  return array;
}

static JsonArray *endpoints(const MonServiceSpec *spec) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < spec->endpoints->len; i++) {
    const MonEndpoint *endpoint = spec->endpoints->pdata[i];
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "name", endpoint->name);
    json_object_set_string_member(object, "address", endpoint->address);
    json_array_add_object_element(array, object);
  }
  return array;
}

static JsonObject *metadata(const MonServiceSpec *spec) {
  JsonObject *object = json_object_new();

  for (guint i = 0; i + 1 < spec->metadata->len; i += 2)
    json_object_set_string_member(object, spec->metadata->pdata[i], spec->metadata->pdata[i + 1]);
  return object;
}

static JsonObject *maintenance(const MonServiceEntry *e) {
  const WgClock *clock = wg_records_clock(e->registry->daemon->store);
  JsonObject *object = json_object_new();

  set_text(object, "reason", e->maintenance_reason);
  set_text(object, "who", e->maintenance_who);
  set_number(object, "since", e->maintenance_since);
  if (e->maintenance_until)
    json_object_set_int_member(object, "until", wg_clock_to_realtime(clock, e->maintenance_until));
  return object;
}

static void set_owner(JsonObject *object, const MonServiceEntry *e) {
  static const char *const owners[] = {"none", "connection", "pid", "unit"};

  if (e->source != MON_FROM_CALL)
    return;
  json_object_set_string_member(object, "owner", owners[e->owner]);
  json_object_set_int_member(object, "uid", e->uid);
  if (e->owner == MON_OWNER_PID)
    json_object_set_int_member(object, "pid", e->pid);
}

JsonObject *mon_entry_json(const MonServiceEntry *e, gboolean detail, gboolean texts) {
  JsonObject *object = json_object_new();
  JsonArray *probes = json_array_new();

  json_object_set_string_member(object, "name", e->spec->name);
  json_object_set_string_member(object, "state", mon_service_state_name(e->state));
  if (texts || e->state == MON_SERVICE_MAINTENANCE || e->state == MON_SERVICE_GONE)
    set_text(object, "reason", e->reason);
  json_object_set_int_member(object, "since", e->since);
  json_object_set_int_member(object, "revision", (gint64)e->revision);
  json_object_set_string_member(object, "source", mon_source_name(e->source));
  set_text(object, "from", e->spec->from);
  json_object_set_array_member(object, "tags", words(e->spec->tags));
  json_object_set_array_member(object, "capabilities", words(e->spec->capabilities));
  json_object_set_object_member(object, "metadata", metadata(e->spec));
  json_object_set_array_member(object, "endpoints", endpoints(e->spec));
  set_text(object, "unit", e->spec->unit);
  set_owner(object, e);
  json_object_set_int_member(object, "registered", e->registered);
  set_number(object, "gone", e->gone);
  if (e->maintenance)
    json_object_set_object_member(object, "maintenance", maintenance(e));
  for (guint i = 0; detail && i < e->probes->len; i++)
    json_array_add_object_element(probes, mon_probe_json(e->probes->pdata[i], texts));
  if (detail)
    json_object_set_array_member(object, "probes", probes);
  else
    json_array_unref(probes);
  return object;
}
