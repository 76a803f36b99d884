/* transition.c: one arrow in the life of an alert as a value: copied, written as JSON, read again
 * (alerts.h). What reads takes what an older version wrote: what is missing is as if never set. */
#include "monitoring/alerts.h"

#include "common/error.h"
#include "common/names.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

static const char *const kinds[] = {"pending",  "cleared",  "firing",       "resolved",
                                    "flapping", "settled",  "acknowledged", "unacknowledged",
                                    "caused",   "uncaused", "unknown",      "known"};
#define UNKNOWN "unknown"
static const char *const states[] = {"inactive", "pending", "firing", "keeping"};

const char *mon_transition_kind_name(MonTransitionKind kind) {
  return kinds[kind];
}

const char *mon_alert_state_name(MonAlertState state) {
  return states[state];
}

const char *mon_alert_shown_state(const MonTransition *alert) {
  if (alert->unknown_at != 0)
    return UNKNOWN;
  return alert->flapping ? "flapping" : states[alert->state];
}

gboolean mon_alert_fires(const MonTransition *alert) {
  return alert->unknown_at == 0 &&
         (alert->state == MON_ALERT_FIRING || alert->state == MON_ALERT_KEEPING);
}

void mon_transition_free(MonTransition *transition) {
  if (transition == NULL)
    return;
  g_free(transition->rule);
  g_free(transition->group);
  g_free(transition->severity);
  g_clear_pointer(&transition->labels, mon_labels_unref);
  g_clear_pointer(&transition->annotations, mon_labels_unref);
  g_free(transition->cause);
  g_free(transition->release);
  g_free(transition->traceparent);
  g_free(transition->who);
  g_free(transition->comment);
  g_free(transition->reason);
  g_free(transition);
}

MonTransition *mon_transition_copy(const MonTransition *transition) {
  MonTransition *copy = g_memdup2(transition, sizeof *transition);

  copy->rule = g_strdup(transition->rule);
  copy->group = g_strdup(transition->group);
  copy->severity = g_strdup(transition->severity);
  copy->labels = transition->labels ? mon_labels_ref(transition->labels) : NULL;
  copy->annotations = transition->annotations ? mon_labels_ref(transition->annotations) : NULL;
  copy->cause = g_strdup(transition->cause);
  copy->release = g_strdup(transition->release);
  copy->traceparent = g_strdup(transition->traceparent);
  copy->who = g_strdup(transition->who);
  copy->comment = g_strdup(transition->comment);
  copy->reason = g_strdup(transition->reason);
  return copy;
}

guint mon_transitions_thin(GPtrArray *transitions, guint max) {
  g_autoptr(GHashTable) later = g_hash_table_new(g_str_hash, g_str_equal);
  guint n = transitions->len, target = max - max / 10, too_many = n > target ? n - target : 0,
        gone = 0;
  g_autofree gboolean *may_go = g_new0(gboolean, n);

  if (n <= max)
    return 0;
  for (guint i = n; i > 0; i--)
    may_go[i - 1] =
        !g_hash_table_add(later, ((MonTransition *)transitions->pdata[i - 1])->fingerprint);
  g_autofree gpointer *all = g_ptr_array_steal(transitions, NULL);
  for (guint i = 0; i < n; i++)
    if (may_go[i] && gone < too_many) {
      mon_transition_free(all[i]);
      gone++;
    } else {
      g_ptr_array_add(transitions, all[i]);
    }
  return gone;
}

static void put_text(JsonObject *object, const char *name, const char *text) {
  if (text && *text)
    json_object_set_string_member(object, name, text);
}

static void put_int(JsonObject *object, const char *name, gint64 value) {
  if (value != 0)
    json_object_set_int_member(object, name, value);
}

static void put_flag(JsonObject *object, const char *name, gboolean value) {
  if (value)
    json_object_set_boolean_member(object, name, TRUE);
}

static void put_labels(JsonObject *object, const char *name, const MonLabels *labels) {
  JsonObject *into = json_object_new();

  for (guint i = 0; labels && i < mon_labels_n(labels); i++) {
    const char *key, *value;
    mon_labels_nth(labels, i, &key, &value);
    json_object_set_string_member(into, key, value);
  }
  json_object_set_object_member(object, name, into);
}

/* JSON has no infinity and no NaN. */
static void put_value(JsonObject *object, double value) {
  if (isnan(value))
    json_object_set_string_member(object, "value", "NaN");
  else if (isinf(value))
    json_object_set_string_member(object, "value", value > 0 ? "+Inf" : "-Inf");
  else
    json_object_set_double_member(object, "value", value);
}

char *mon_transition_text(const MonTransition *t) {
  g_autoptr(JsonObject) object = json_object_new();
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);

  put_int(object, "seq", t->seq);
  put_text(object, "kind", kinds[t->kind]);
  put_text(object, "state", t->unknown_at ? UNKNOWN : states[t->state]);
  put_text(object, "before", t->unknown_at ? states[t->state] : NULL);
  put_text(object, "fingerprint", t->fingerprint);
  put_int(object, "time", t->time);
  put_int(object, "active-at", t->active_at);
  put_int(object, "fired-at", t->fired_at);
  put_int(object, "resolved-at", t->resolved_at);
  put_int(object, "unknown-at", t->unknown_at);
  put_value(object, t->value);
  put_text(object, "rule", t->rule);
  put_text(object, "group", t->group);
  put_text(object, "severity", t->severity);
  put_labels(object, "labels", t->labels);
  put_labels(object, "annotations", t->annotations);
  put_text(object, "cause", t->cause);
  put_text(object, "release", t->release);
  put_text(object, WG_TRACEPARENT, t->traceparent);
  put_text(object, "who", t->who);
  put_text(object, "comment", t->comment);
  put_text(object, "reason", t->reason);
  put_flag(object, "acknowledged", t->acknowledged);
  put_flag(object, "flapping", t->flapping);
  put_flag(object, "drill", t->is_drill);
  return json_to_string(node, FALSE);
}

/* NULL unless it is there and of the type. */
static JsonNode *typed(JsonObject *object, const char *name, GType type) {
  JsonNode *node = json_object_get_member(object, name);

  return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type ? node
                                                                                       : NULL;
}

static char *get_text(JsonObject *object, const char *name) {
  JsonNode *node = typed(object, name, G_TYPE_STRING);

  return node ? json_node_dup_string(node) : NULL;
}

static gint64 get_int(JsonObject *object, const char *name) {
  JsonNode *node = typed(object, name, G_TYPE_INT64);

  return node ? json_node_get_int(node) : 0;
}

static gboolean get_flag(JsonObject *object, const char *name) {
  JsonNode *node = typed(object, name, G_TYPE_BOOLEAN);

  return node && json_node_get_boolean(node);
}

static MonLabels *get_labels(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);
  g_autoptr(GPtrArray) pairs = g_ptr_array_new();
  JsonObjectIter iter;
  JsonNode *value;
  const char *key;

  if (node && JSON_NODE_HOLDS_OBJECT(node)) {
    json_object_iter_init(&iter, json_node_get_object(node));
    while (json_object_iter_next(&iter, &key, &value)) {
      if (!JSON_NODE_HOLDS_VALUE(value) || json_node_get_value_type(value) != G_TYPE_STRING)
        continue;
      g_ptr_array_add(pairs, (gpointer)key);
      g_ptr_array_add(pairs, (gpointer)json_node_get_string(value));
    }
  }
  return mon_labels_from((const char *const *)pairs->pdata, pairs->len / 2);
}

static double get_value(JsonObject *object) {
  JsonNode *node = json_object_get_member(object, "value");

  if (node == NULL || !JSON_NODE_HOLDS_VALUE(node))
    return 0;
  if (json_node_get_value_type(node) == G_TYPE_STRING)
    return g_ascii_strtod(json_node_get_string(node), NULL); /* "NaN", "+Inf" */
  return json_node_get_double(node);
}

static gboolean get_word(JsonObject *object, const char *name, const char *const *words, guint n,
                         guint *ret) {
  JsonNode *node = typed(object, name, G_TYPE_STRING);

  for (guint i = 0; node && i < n; i++)
    if (g_str_equal(json_node_get_string(node), words[i])) {
      *ret = i;
      return TRUE;
    }
  return FALSE;
}

MonTransition *mon_transition_from_text(const char *text, GError **error) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);
  JsonObject *o = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  g_autofree char *fingerprint = o ? get_text(o, "fingerprint") : NULL;
  guint kind = 0, state = 0;
  MonTransition *t;

  if (fingerprint == NULL || strlen(fingerprint) != sizeof t->fingerprint - 1 ||
      !get_word(o, "kind", kinds, G_N_ELEMENTS(kinds), &kind) ||
      !get_word(o, typed(o, "before", G_TYPE_STRING) ? "before" : "state", states,
                G_N_ELEMENTS(states), &state)) {
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "this is no transition of an alert: %.80s",
                text);
    return NULL;
  }
  t = g_new0(MonTransition, 1);
  t->kind = (MonTransitionKind)kind;
  t->state = (MonAlertState)state;
  g_strlcpy(t->fingerprint, fingerprint, sizeof t->fingerprint);
  t->seq = get_int(o, "seq");
  t->time = get_int(o, "time");
  t->active_at = get_int(o, "active-at");
  t->fired_at = get_int(o, "fired-at");
  t->resolved_at = get_int(o, "resolved-at");
  t->unknown_at = get_int(o, "unknown-at");
  t->value = get_value(o);
  t->rule = get_text(o, "rule");
  t->group = get_text(o, "group");
  t->severity = get_text(o, "severity");
  t->labels = get_labels(o, "labels");
  t->annotations = get_labels(o, "annotations");
  t->cause = get_text(o, "cause");
  t->release = get_text(o, "release");
  t->traceparent = get_text(o, WG_TRACEPARENT);
  t->who = get_text(o, "who");
  t->comment = get_text(o, "comment");
  t->reason = get_text(o, "reason");
  t->acknowledged = get_flag(o, "acknowledged");
  t->flapping = get_flag(o, "flapping");
  t->is_drill = get_flag(o, "drill");
  return t;
}
