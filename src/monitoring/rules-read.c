/* rules-read.c: one rule file into rules, with all that is wrong in it. */
#include "monitoring/items.h"
#include "monitoring/rules-private.h"
#include "monitoring/template.h"

#include "common/reader.h"

#include <string.h>

const char *const mon_no_data_names[] = {"ok", "alert", "keep", "unknown", NULL};

#define FLAP_CHANGES 6
#define FLAP_WITHIN ((gint64)30 * 60 * G_USEC_PER_SEC)
#define SPAN_MAX ((gint64)366 * 86400 * G_USEC_PER_SEC)

typedef struct {
  MonRules *rules;
  WgDoc *doc;
  WgProblems *problems;
  const char *file;
  gint64 interval;
} Read;

/* Durations of rules are Prometheus' ("5m" are minutes); a bare number is seconds. */
static gint64 span(WgReader *reader, const char *key, gint64 fallback) {
  JsonNode *node = wg_reader_node(reader, key);
  gint64 usec;

  if (node == NULL)
    return fallback;
  if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64 &&
      json_node_get_int(node) >= 0 && json_node_get_int(node) < SPAN_MAX / G_USEC_PER_SEC)
    return json_node_get_int(node) * G_USEC_PER_SEC;
  const char *text = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
  if (text != NULL && mon_expr_span(text, &usec) && usec <= SPAN_MAX)
    return usec;
  wg_reader_problem(reader, key, "%s is a duration up to a year: 30s, 5m, 1h30m", key);
  return fallback;
}

static MonExpr *expression(WgReader *reader, const char *key, const char *text) {
  g_autoptr(GError) error = NULL;
  MonExpr *expr = text != NULL ? mon_expr_parse(text, &error) : NULL;

  if (error != NULL)
    wg_reader_problem(reader, key, "%s", error->message);
  return expr;
}

static gboolean is_name(const char *name, gboolean of_metric) {
  if (!g_ascii_isalpha(*name) && *name != '_' && !(of_metric && *name == ':'))
    return FALSE;
  while (g_ascii_isalnum(*name) || *name == '_' || (of_metric && *name == ':'))
    name++;
  return *name == '\0';
}

/* labels and annotations: the user's own names, texts with templates. */
static void texts(WgReader *rule, const char *key, GStrvBuilder *into) {
  WgReader *reader = wg_reader_object(rule, key);

  if (reader == NULL)
    return;
  g_autofree const char **names = wg_reader_keys(reader);
  for (const char **name = names; *name != NULL; name++) {
    g_autoptr(GError) error = NULL;
    const char *text = wg_reader_text(reader, *name, NULL);
    if (!is_name(*name, FALSE) || g_str_has_prefix(*name, "__"))
      wg_reader_problem(reader, *name, "\"%.60s\" is no name: letters, digits and _", *name);
    else if (g_str_equal(key, "labels") && g_str_equal(*name, "alertname"))
      wg_reader_problem(reader, *name, "alertname is the rule's own name");
    else if (text != NULL && !mon_template_check(text, &error))
      wg_reader_problem(reader, *name, "%s", error->message);
    else if (text != NULL) {
      g_strv_builder_add(into, *name);
      g_strv_builder_add(into, text);
    }
  }
  wg_reader_end(reader);
}

static const char *pair(char *const *pairs, const char *name) {
  for (; *pairs != NULL; pairs += 2)
    if (g_str_equal(pairs[0], name))
      return pairs[1];
  return NULL;
}

static void read_texts(WgReader *reader, MonRule *rule) {
  g_autoptr(GStrvBuilder) labels = g_strv_builder_new(), annotations = g_strv_builder_new();
  const char *severity = wg_reader_text(reader, "severity", NULL);
  g_autoptr(GError) error = NULL;

  texts(reader, "labels", labels);
  texts(reader, "annotations", annotations);
  if (severity != NULL) {
    g_strv_builder_add(labels, "severity");
    g_strv_builder_add(labels, severity);
  }
  const char *what = wg_reader_text(reader, "what-to-do", NULL);
  if (what != NULL && !mon_template_check(what, &error))
    wg_reader_problem(reader, "what-to-do", "%s", error->message);
  else if (what != NULL) {
    g_strv_builder_add(annotations, "what_to_do");
    g_strv_builder_add(annotations, what);
  }
  rule->labels = g_strv_builder_end(labels);
  rule->annotations = g_strv_builder_end(annotations);
  const char *label = severity != NULL ? severity : pair(rule->labels, "severity");
  rule->severity = g_strdup(label != NULL ? label : "");
}

static void read_x_of_y(WgReader *rule_reader, MonRule *rule) {
  WgReader *reader = wg_reader_object(rule_reader, "x-of-y");

  rule->x = rule->y = 1;
  if (reader == NULL)
    return;
  rule->y = (guint)wg_reader_int(reader, "y", 1, 64, 1);
  rule->x = (guint)wg_reader_int(reader, "x", 1, rule->y, 1);
  if (!wg_reader_has(reader, "x") || !wg_reader_has(reader, "y"))
    wg_reader_problem(reader, NULL, "x-of-y has x and y: {x: 3, y: 5}");
  wg_reader_end(reader);
}

static void read_flapping(WgReader *rule_reader, MonRule *rule) {
  JsonNode *node = wg_reader_node(rule_reader, "flapping");

  rule->flap_changes = FLAP_CHANGES;
  rule->flap_within = FLAP_WITHIN;
  if (node == NULL)
    return;
  if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN) {
    rule->flap_changes = json_node_get_boolean(node) ? FLAP_CHANGES : 0;
    return;
  }
  WgReader *reader = wg_reader_object(rule_reader, "flapping");
  if (reader == NULL)
    return;
  rule->flap_changes = (guint)wg_reader_int(reader, "changes", 3, 16, FLAP_CHANGES);
  rule->flap_within = span(reader, "within", FLAP_WITHIN);
  wg_reader_end(reader);
}

/* What only alerts have. */
static void read_alert(WgReader *reader, MonRule *rule) {
  rule->hold = span(reader, "for", 0);
  rule->keep = span(reader, "keep_firing_for", 0);
  rule->resolve = expression(reader, "resolve_expr", wg_reader_text(reader, "resolve_expr", NULL));
  rule->no_data = (MonNoData)wg_reader_word(reader, "no-data", mon_no_data_names, MON_NO_DATA_OK);
  rule->limit = (guint)wg_reader_int(reader, "limit", 0, 100000, rule->limit);
  read_x_of_y(reader, rule);
  read_flapping(reader, rule);
}

static void read_rule(Read *read, WgReader *reader, const char *group, gint64 interval,
                      guint limit) {
  const char *alert = wg_reader_text(reader, "alert", NULL);
  const char *record = wg_reader_text(reader, "record", NULL);
  const char *name = alert != NULL ? alert : record;

  if ((alert != NULL) == (record != NULL))
    wg_reader_problem(reader, NULL, "a rule has either alert or record, the name of what it makes");
  else if (*name == '\0' || strlen(name) > 200 || (alert == NULL && !is_name(name, TRUE)))
    wg_reader_problem(reader, alert != NULL ? "alert" : "record", "this is no name");
  MonRule *rule = mon_rules_add(read->rules, group, name != NULL ? name : "");
  rule->file = g_strdup(read->file);
  rule->line = wg_doc_line(read->doc, wg_reader_pointer(reader));
  rule->text = mon_item_text(read->doc, wg_reader_pointer(reader), NULL);
  rule->records = record != NULL;
  rule->interval = interval;
  rule->limit = limit;
  rule->expr = expression(reader, "expr", wg_reader_need(reader, "expr"));
  read_texts(reader, rule);
  if (record == NULL)
    read_alert(reader, rule);
  wg_reader_end(reader);
}

static void read_group(Read *read, WgReader *reader) {
  const char *name = wg_reader_need(reader, "name");
  gint64 interval = span(reader, "interval", read->interval);
  guint limit = (guint)wg_reader_int(reader, "limit", 0, 100000, 0);
  guint n = wg_reader_length(reader, "rules");

  /* Prometheus' own, without a meaning here: all is evaluated as of now */
  wg_reader_know(reader, "query_offset");
  wg_reader_know(reader, "partial_response_strategy");
  if (interval < G_USEC_PER_SEC)
    wg_reader_problem(reader, "interval", "an interval is 1s at least");
  for (guint i = 0; i < n; i++) {
    WgReader *rule = wg_reader_element(reader, "rules", i);
    if (rule != NULL)
      read_rule(read, rule, name != NULL ? name : "", interval, limit);
  }
  if (read->rules->rules->len > MON_RULES_MAX)
    wg_reader_problem(reader, "rules", "more than %d rules", MON_RULES_MAX);
  wg_reader_end(reader);
}

gboolean mon_rules_read(MonRules *rules, const char *bytes, gsize size, const char *file,
                        gint64 interval, WgProblems *problems) {
  g_autoptr(WgDoc) doc = wg_doc_parse(bytes, size, WG_DOC_AUTO, problems);
  Read read = {rules, doc, problems, file, interval};
  guint before = rules->rules->len;
  gboolean good = doc != NULL;

  if (doc != NULL) {
    WgReader *root = wg_reader_new(doc, wg_doc_root(doc), "", problems);
    guint n = wg_reader_length(root, "groups");
    for (guint i = 0; i < n; i++) {
      WgReader *group = wg_reader_element(root, "groups", i);
      if (group != NULL)
        read_group(&read, group);
    }
    wg_reader_end(root);
  }
  good = good && !wg_problems_refuse(problems);
  if (!good)
    g_ptr_array_set_size(rules->rules, (int)before);
  return good;
}
