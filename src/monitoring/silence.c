/* silence.c: see silence.h. */
#include "monitoring/silence.h"

#include "common/error.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define SILENCE_MAX (366 * G_TIME_SPAN_DAY)
#define COMMENT_MAX 4096

struct MonSilences {
  GTree *by_id; /* gint64 * within the silence -> MonSilence */
};

static int compare_ids(gconstpointer a, gconstpointer b, gpointer unused) {
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

  return x < y ? -1 : x > y;
}

MonSilences *mon_silences_new(void) {
  MonSilences *silences = g_new0(MonSilences, 1);

  silences->by_id = g_tree_new_full(compare_ids, NULL, NULL, (GDestroyNotify)mon_silence_free);
  return silences;
}

void mon_silences_free(MonSilences *silences) {
  if (silences == NULL)
    return;
  g_tree_unref(silences->by_id);
  g_free(silences);
}

void mon_silence_free(MonSilence *silence) {
  if (silence == NULL)
    return;
  g_ptr_array_unref(silence->matchers);
  g_free(silence->who);
  g_free(silence->comment);
  g_free(silence);
}

static gboolean wrong(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

/* As Alertmanager does it: one of them has to ask for more than that a label is absent. */
static gboolean take_anything(GPtrArray *matchers) {
  g_autoptr(MonLabels) nothing = mon_labels_new(NULL, NULL);

  for (guint i = 0; i < matchers->len; i++) {
    const MonMatcher *matcher = g_ptr_array_index(matchers, i);
    gboolean denies = matcher->op == MON_MATCH_UNEQUAL || matcher->op == MON_MATCH_UNLIKE;
    if (denies || !mon_matcher_holds(matcher, nothing))
      return FALSE;
  }
  return TRUE;
}

static gboolean check(GPtrArray *matchers, gint64 starts, gint64 ends, gint64 now,
                      const char *comment, GError **error) {
  if (take_anything(matchers))
    return wrong(error, "these matchers hold for every alert that has no such label, so they would "
                        "silence everything; name a label and a value");
  if (ends <= starts || ends <= now)
    return wrong(error, "a silence ends after it begins, and not in the past");
  if (ends - MAX(starts, now) > SILENCE_MAX)
    return wrong(error, "a silence lasts at most a year");
  if (strlen(comment) > COMMENT_MAX || !g_utf8_validate(comment, -1, NULL))
    return wrong(error, "a comment is at most 4096 bytes of UTF-8");
  return TRUE;
}

MonSilence *mon_silence_new(gint64 id, const char *matchers, gint64 starts, gint64 ends, gint64 now,
                            const char *who, const char *comment, GError **error) {
  g_autoptr(GPtrArray) list = mon_matchers_parse(matchers, error);
  MonSilence *silence;

  if (list == NULL || !check(list, starts, ends, now, comment, error))
    return NULL;
  silence = g_new0(MonSilence, 1);
  *silence =
      (MonSilence){id, g_steal_pointer(&list), starts, ends, now, g_strdup(who), g_strdup(comment)};
  return silence;
}

char *mon_silence_text(const MonSilence *silence) {
  g_autoptr(JsonObject) o = json_object_new();
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);
  g_autofree char *matchers = mon_matchers_text(silence->matchers);

  json_object_set_string_member(o, "matchers", matchers);
  json_object_set_int_member(o, "starts", silence->starts);
  json_object_set_int_member(o, "ends", silence->ends);
  json_object_set_int_member(o, "created", silence->created);
  json_object_set_string_member(o, "who", silence->who);
  json_object_set_string_member(o, "comment", silence->comment);
  return json_to_string(node, FALSE);
}

MonSilence *mon_silence_from_text(gint64 id, const char *text, GError **error) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);
  JsonObject *o = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  const char *matchers = o ? json_object_get_string_member_with_default(o, "matchers", NULL) : NULL;
  g_autoptr(GPtrArray) list = matchers ? mon_matchers_parse(matchers, error) : NULL;
  MonSilence *silence;

  if (list == NULL) {
    if (matchers == NULL)
      g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "this is no silence: %.80s", text);
    return NULL;
  }
  silence = g_new0(MonSilence, 1);
  *silence = (MonSilence){
      .id = id,
      .matchers = g_steal_pointer(&list),
      .starts = json_object_get_int_member_with_default(o, "starts", 0),
      .ends = json_object_get_int_member_with_default(o, "ends", 0),
      .created = json_object_get_int_member_with_default(o, "created", 0),
      .who = g_strdup(json_object_get_string_member_with_default(o, "who", "")),
      .comment = g_strdup(json_object_get_string_member_with_default(o, "comment", "")),
  };
  return silence;
}

const char *mon_silence_state(const MonSilence *silence, gint64 realtime) {
  if (realtime >= silence->ends)
    return "expired";
  return realtime < silence->starts ? "pending" : "active";
}

void mon_silences_put(MonSilences *silences, MonSilence *silence) {
  g_tree_remove(silences->by_id, &silence->id);
  g_tree_insert(silences->by_id, &silence->id, silence);
}

const MonSilence *mon_silences_get(MonSilences *silences, gint64 id) {
  return g_tree_lookup(silences->by_id, &id);
}

void mon_silences_drop(MonSilences *silences, gint64 id) {
  g_tree_remove(silences->by_id, &id);
}

const MonSilence *mon_silences_match(MonSilences *silences, const MonLabels *labels,
                                     gint64 realtime) {
  for (GTreeNode *n = g_tree_node_first(silences->by_id); n; n = g_tree_node_next(n)) {
    const MonSilence *silence = g_tree_node_value(n);
    if (realtime >= silence->starts && realtime < silence->ends &&
        mon_matchers_all_hold(silence->matchers, labels))
      return silence;
  }
  return NULL;
}

GPtrArray *mon_silences_all(MonSilences *silences) {
  GPtrArray *list = g_ptr_array_new();

  for (GTreeNode *n = g_tree_node_first(silences->by_id); n; n = g_tree_node_next(n))
    g_ptr_array_add(list, g_tree_node_value(n));
  return list;
}

guint mon_silences_n_active(MonSilences *silences, gint64 realtime) {
  guint count = 0;

  for (GTreeNode *n = g_tree_node_first(silences->by_id); n; n = g_tree_node_next(n)) {
    const MonSilence *silence = g_tree_node_value(n);
    count += realtime >= silence->starts && realtime < silence->ends;
  }
  return count;
}
