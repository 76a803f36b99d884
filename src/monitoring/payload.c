/* payload.c: the JSON that other programs know (notice.h): Alertmanager's webhook, version 4, and
 * the body of its API v2. Field names and their meaning are Alertmanager's; what is ours beside
 * them is dedupKey, cause, traceparent, dependants, suppressed and escalation, which its readers
 * ignore. */
#include "monitoring/notice.h"

#include "common/names.h"

static char *time_text(gint64 realtime) {
  g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(realtime / G_USEC_PER_SEC);
  g_autofree char *seconds = t ? g_date_time_format(t, "%Y-%m-%dT%H:%M:%S") : NULL;

  return g_strdup_printf("%s.%06dZ", seconds ? seconds : "1970-01-01T00:00:00",
                         (int)(realtime % G_USEC_PER_SEC));
}

static void set_time(JsonObject *object, const char *name, gint64 realtime) {
  g_autofree char *text = time_text(realtime);

  json_object_set_string_member(object, name, text);
}

static JsonObject *labels_object(const MonLabels *labels) {
  JsonObject *object = json_object_new();

  for (guint i = 0; i < mon_labels_n(labels); i++) {
    const char *name, *value;
    mon_labels_nth(labels, i, &name, &value);
    json_object_set_string_member(object, name, value);
  }
  return object;
}

static JsonObject *annotations_object(const MonTransition *alert) {
  JsonObject *object = labels_object(alert->annotations);

  if (alert->is_drill)
    json_object_set_string_member(object, "drill", "this is a drill");
  if (alert->release)
    json_object_set_string_member(object, "release", alert->release);
  if (alert->unknown_at != 0) /* it has to stay "firing" there: it is not resolved */
    json_object_set_string_member(object, "unknown", mon_payload_unknown(alert));
  return object;
}

static JsonObject *alert_object(const MonTransition *alert) {
  JsonObject *object = json_object_new();

  json_object_set_object_member(object, "labels", labels_object(alert->labels));
  json_object_set_object_member(object, "annotations", annotations_object(alert));
  set_time(object, "startsAt", alert->fired_at);
  json_object_set_string_member(object, "generatorURL", "");
  return object;
}

static void set_dependants(const MonNotice *notice, const MonTransition *alert,
                           JsonObject *object) {
  const GPtrArray *names = g_hash_table_lookup(notice->dependants, alert->fingerprint);
  JsonArray *array;

  if (names == NULL)
    return;
  array = json_array_new();
  for (guint i = 0; i < names->len; i++)
    json_array_add_string_element(array, g_ptr_array_index(names, i));
  json_object_set_array_member(object, "dependants", array);
}

static JsonObject *webhook_alert(const MonNotice *notice, const MonTransition *alert) {
  JsonObject *object = alert_object(alert);

  json_object_set_string_member(object, "status", alert->resolved_at ? "resolved" : "firing");
  if (alert->resolved_at)
    set_time(object, "endsAt", alert->resolved_at);
  else
    json_object_set_string_member(object, "endsAt", "0001-01-01T00:00:00Z");
  json_object_set_string_member(object, "fingerprint", alert->fingerprint);
  if (alert->cause)
    json_object_set_string_member(object, "cause", alert->cause);
  if (alert->traceparent)
    json_object_set_string_member(object, WG_TRACEPARENT, alert->traceparent);
  set_dependants(notice, alert, object);
  return object;
}

static gboolean all_have(const MonNotice *notice, guint n, gboolean annotations, const char *name,
                         const char *value) {
  for (guint i = 1; i < n; i++) {
    const MonTransition *alert = g_ptr_array_index(notice->alerts, i);
    const MonLabels *of = annotations ? alert->annotations : alert->labels;
    if (g_strcmp0(mon_labels_get(of, name), value) != 0)
      return FALSE;
  }
  return TRUE;
}

/* Of the first `n` alerts, those that are told. */
static JsonObject *common_object(const MonNotice *notice, guint n, gboolean annotations) {
  const MonTransition *first = g_ptr_array_index(notice->alerts, 0);
  const MonLabels *of = annotations ? first->annotations : first->labels;
  JsonObject *object = json_object_new();

  for (guint i = 0; i < mon_labels_n(of); i++) {
    const char *name, *value;
    mon_labels_nth(of, i, &name, &value);
    if (all_have(notice, n, annotations, name, value))
      json_object_set_string_member(object, name, value);
  }
  return object;
}

char *mon_payload_webhook(const MonNotice *notice, guint max_alerts) {
  g_autoptr(JsonObject) o = json_object_new();
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);
  guint n = max_alerts > 0 ? MIN(max_alerts, notice->alerts->len) : notice->alerts->len;
  JsonArray *alerts = json_array_new();

  for (guint i = 0; i < n; i++)
    json_array_add_object_element(alerts,
                                  webhook_alert(notice, g_ptr_array_index(notice->alerts, i)));
  json_object_set_string_member(o, "version", "4");
  json_object_set_string_member(o, "groupKey", notice->group);
  json_object_set_int_member(o, "truncatedAlerts", notice->alerts->len - n);
  json_object_set_string_member(o, "status", notice->n_firing > 0 ? "firing" : "resolved");
  json_object_set_string_member(o, "receiver", notice->receiver);
  json_object_set_object_member(o, "groupLabels", labels_object(notice->labels));
  json_object_set_object_member(o, "commonLabels", common_object(notice, n, FALSE));
  json_object_set_object_member(o, "commonAnnotations", common_object(notice, n, TRUE));
  json_object_set_string_member(o, "externalURL", "");
  json_object_set_array_member(o, "alerts", alerts);
  if (notice->escalation > 0)
    json_object_set_int_member(o, "escalation", notice->escalation);
  if (notice->suppressed > 0)
    json_object_set_int_member(o, "suppressed", notice->suppressed);
  json_object_set_string_member(o, "dedupKey", notice->dedup);
  return json_to_string(node, FALSE);
}

char *mon_payload_alertmanager(const MonNotice *notice) {
  g_autoptr(JsonArray) array = json_array_new();
  g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), array);

  for (guint i = 0; i < notice->alerts->len; i++) {
    const MonTransition *alert = g_ptr_array_index(notice->alerts, i);
    JsonObject *object = alert_object(alert);
    /* it forgets what is not told again by then: should we be gone, it does not fire for ever */
    set_time(object, "endsAt",
             alert->resolved_at ? alert->resolved_at : notice->time + (gint64)notice->valid_for);
    json_array_add_object_element(array, object);
  }
  return json_to_string(node, FALSE);
}
