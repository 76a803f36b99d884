/* notice.c: see notice.h. */
#include "monitoring/notice.h"

#include "common/error.h"

#include <string.h>

static char *alert_name(const MonTransition *alert) {
  const char *name = mon_labels_get(alert->labels, "alertname");
  const char *unit = mon_labels_get(alert->labels, "unit");

  return unit ? g_strdup_printf("%s %s", name ? name : "alert", unit)
              : g_strdup(name ? name : "alert");
}

static void add_dependants(MonNotice *notice, MonGroups *groups) {
  for (guint i = 0; groups && i < notice->n_firing; i++) {
    const MonTransition *alert = g_ptr_array_index(notice->alerts, i);
    g_autoptr(GPtrArray) found = mon_groups_dependants(groups, alert->fingerprint);
    GPtrArray *names = found->len > 0 ? g_ptr_array_new_with_free_func(g_free) : NULL;
    for (guint k = 0; k < found->len; k++)
      g_ptr_array_add(names, alert_name(g_ptr_array_index(found, k)));
    if (names)
      g_hash_table_insert(notice->dependants, g_strdup(alert->fingerprint), names);
  }
}

static MonNotice *notice_alloc(gint64 id) {
  MonNotice *notice = g_new0(MonNotice, 1);

  notice->id = id;
  notice->alerts = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
  notice->dependants =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  return notice;
}

char *mon_notice_dedup(const MonNotice *notice) {
  g_autofree char *about =
      g_strdup_printf("%s\n%s\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT "\n%u", notice->integration,
                      notice->group, notice->id, notice->time, notice->suppressed);
  g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, about, -1);
  const MonTransition *first = g_ptr_array_index(notice->alerts, 0);
  gint64 seq = 0;

  for (guint i = 0; i < notice->alerts->len; i++)
    seq = MAX(seq, ((const MonTransition *)g_ptr_array_index(notice->alerts, i))->seq);
  return g_strdup_printf("%s-%" G_GINT64_FORMAT "-%.16s", first->fingerprint, seq, digest);
}

MonNotice *mon_notice_new(gint64 id, const MonToTell *to_tell, MonGroups *groups, gint64 now,
                          gint64 realtime) {
  MonNotice *notice = notice_alloc(id);

  notice->integration = g_strdup(to_tell->integration->key);
  notice->receiver = g_strdup(to_tell->receiver->name);
  notice->kind = to_tell->integration->kind;
  notice->group = g_strdup(to_tell->group);
  notice->labels = mon_labels_ref(to_tell->labels);
  for (guint i = 0; i < to_tell->alerts->len; i++)
    g_ptr_array_add(notice->alerts, mon_transition_copy(g_ptr_array_index(to_tell->alerts, i)));
  notice->n_firing = to_tell->n_firing;
  notice->created = now;
  notice->time = realtime;
  notice->valid_for = to_tell->valid_for;
  notice->escalation = to_tell->escalation;
  notice->dedup = mon_notice_dedup(notice);
  add_dependants(notice, groups);
  return notice;
}

void mon_notice_free(MonNotice *notice) {
  if (notice == NULL)
    return;
  g_free(notice->integration);
  g_free(notice->receiver);
  g_free(notice->group);
  g_clear_pointer(&notice->labels, mon_labels_unref);
  g_ptr_array_unref(notice->alerts);
  g_hash_table_unref(notice->dependants);
  g_strfreev(notice->groups);
  g_free(notice->dedup);
  g_free(notice);
}

gboolean mon_notice_is_drill(const MonNotice *notice) {
  for (guint i = 0; i < notice->alerts->len; i++)
    if (!((const MonTransition *)g_ptr_array_index(notice->alerts, i))->is_drill)
      return FALSE;
  return TRUE;
}

const char *mon_notice_trace(const MonNotice *notice) {
  const char *found = NULL;

  for (guint i = 0; i < notice->alerts->len; i++) {
    const char *one = ((const MonTransition *)g_ptr_array_index(notice->alerts, i))->traceparent;
    if (one != NULL && found != NULL && !g_str_equal(one, found))
      return NULL;
    found = one != NULL ? one : found;
  }
  return found;
}

static JsonArray *alerts_array(const MonNotice *notice) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < notice->alerts->len; i++) {
    g_autofree char *text = mon_transition_text(g_ptr_array_index(notice->alerts, i));
    json_array_add_element(array, json_from_string(text, NULL));
  }
  return array;
}

static JsonArray *groups_array(const MonNotice *notice) {
  JsonArray *array = json_array_new();

  for (guint i = 0; notice->groups[i]; i++)
    json_array_add_string_element(array, notice->groups[i]);
  return array;
}

static JsonObject *dependants_object(const MonNotice *notice) {
  JsonObject *object = json_object_new();
  GHashTableIter iter;
  gpointer fingerprint, names;

  g_hash_table_iter_init(&iter, notice->dependants);
  while (g_hash_table_iter_next(&iter, &fingerprint, &names)) {
    JsonArray *array = json_array_new();
    for (guint i = 0; i < ((GPtrArray *)names)->len; i++)
      json_array_add_string_element(array, g_ptr_array_index((GPtrArray *)names, i));
    json_object_set_array_member(object, fingerprint, array);
  }
  return object;
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

char *mon_notice_text(const MonNotice *notice) {
  g_autoptr(JsonObject) o = json_object_new();
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);

  json_object_set_string_member(o, "integration", notice->integration);
  json_object_set_string_member(o, "receiver", notice->receiver);
  json_object_set_string_member(o, "kind", mon_receive_name(notice->kind));
  json_object_set_string_member(o, "group", notice->group);
  json_object_set_object_member(o, "labels", labels_object(notice->labels));
  json_object_set_array_member(o, "alerts", alerts_array(notice));
  json_object_set_int_member(o, "firing", notice->n_firing);
  json_object_set_object_member(o, "dependants", dependants_object(notice));
  if (notice->escalation > 0)
    json_object_set_int_member(o, "escalation", notice->escalation);
  if (notice->suppressed > 0)
    json_object_set_int_member(o, "suppressed", notice->suppressed);
  if (notice->groups)
    json_object_set_array_member(o, "groups", groups_array(notice));
  json_object_set_string_member(o, "dedup", notice->dedup);
  json_object_set_int_member(o, "created", notice->created);
  json_object_set_int_member(o, "time", notice->time);
  json_object_set_int_member(o, "valid-for", (gint64)notice->valid_for);
  return json_to_string(node, FALSE);
}

static gboolean read_alerts(MonNotice *notice, JsonObject *o, GError **error) {
  JsonArray *array = json_object_get_array_member(o, "alerts");

  for (guint i = 0; i < json_array_get_length(array); i++) {
    g_autofree char *text = json_to_string(json_array_get_element(array, i), FALSE);
    MonTransition *alert = mon_transition_from_text(text, error);
    if (alert == NULL)
      return FALSE;
    g_ptr_array_add(notice->alerts, alert);
  }
  return notice->alerts->len > 0 && notice->n_firing <= notice->alerts->len;
}

static void read_labels(MonNotice *notice, JsonObject *o) {
  JsonObject *labels = json_object_get_object_member(o, "labels");
  g_autoptr(GPtrArray) pairs = g_ptr_array_new();
  JsonObjectIter iter;
  JsonNode *value;
  const char *name;

  json_object_iter_init(&iter, labels);
  while (json_object_iter_next(&iter, &name, &value)) {
    g_ptr_array_add(pairs, (gpointer)name);
    g_ptr_array_add(pairs, (gpointer)json_node_get_string(value));
  }
  notice->labels = mon_labels_from((const char *const *)pairs->pdata, pairs->len / 2);
}

static void read_dependants(MonNotice *notice, JsonObject *o) {
  JsonObjectIter iter;
  JsonNode *value;
  const char *fingerprint;

  json_object_iter_init(&iter, json_object_get_object_member(o, "dependants"));
  while (json_object_iter_next(&iter, &fingerprint, &value)) {
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    JsonArray *array = json_node_get_array(value);
    for (guint i = 0; i < json_array_get_length(array); i++)
      g_ptr_array_add(names, g_strdup(json_array_get_string_element(array, i)));
    g_hash_table_insert(notice->dependants, g_strdup(fingerprint), names);
  }
}

static void read_special(MonNotice *notice, JsonObject *o) {
  g_autoptr(GStrvBuilder) groups = g_strv_builder_new();
  JsonArray *array;

  notice->escalation = (guint)json_object_get_int_member_with_default(o, "escalation", 0);
  notice->suppressed = (guint)json_object_get_int_member_with_default(o, "suppressed", 0);
  if (!json_object_has_member(o, "groups"))
    return;
  array = json_object_get_array_member(o, "groups");
  for (guint i = 0; i < json_array_get_length(array); i++)
    g_strv_builder_add(groups, json_array_get_string_element(array, i));
  notice->groups = g_strv_builder_end(groups);
}

static gboolean read_kind(MonNotice *notice, const char *name) {
  for (guint kind = 0; kind < _MON_RECEIVE_MAX; kind++)
    if (g_strcmp0(mon_receive_name(kind), name) == 0) {
      notice->kind = kind;
      return TRUE;
    }
  return FALSE;
}

/* Its checksum held, so it is one that was written here. */
MonNotice *mon_notice_from_text(gint64 id, const char *text, GError **error) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);
  JsonObject *o = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  g_autoptr(MonNotice) notice = notice_alloc(id);

  if (o == NULL || !json_object_has_member(o, "alerts") || !json_object_has_member(o, "labels") ||
      !json_object_has_member(o, "dependants") ||
      !read_kind(notice, json_object_get_string_member_with_default(o, "kind", NULL))) {
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "this is no notification: %.80s", text);
    return NULL;
  }
  notice->integration = g_strdup(json_object_get_string_member(o, "integration"));
  notice->receiver = g_strdup(json_object_get_string_member(o, "receiver"));
  notice->group = g_strdup(json_object_get_string_member(o, "group"));
  notice->n_firing = (guint)json_object_get_int_member(o, "firing");
  notice->dedup = g_strdup(json_object_get_string_member(o, "dedup"));
  notice->created = json_object_get_int_member(o, "created");
  notice->time = json_object_get_int_member(o, "time");
  notice->valid_for = (guint64)json_object_get_int_member(o, "valid-for");
  read_special(notice, o);
  read_labels(notice, o);
  read_dependants(notice, o);
  return read_alerts(notice, o, error) ? g_steal_pointer(&notice) : NULL;
}
