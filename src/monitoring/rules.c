/* rules.c: rule files, see rules.h. */
#include "monitoring/rules.h"
#include "monitoring/items.h"
#include "monitoring/rules-private.h"

#include "common/amounts.h"
#include "common/error.h"

#include <string.h>

static void rule_free(gpointer data) {
  MonRule *rule = data;

  g_clear_pointer(&rule->expr, mon_expr_free);
  g_clear_pointer(&rule->resolve, mon_expr_free);
  g_strfreev(rule->labels);
  g_strfreev(rule->annotations);
  g_free(rule->severity);
  g_free(rule->key);
  g_free(rule->group);
  g_free(rule->name);
  g_free(rule->file);
  g_free(rule->text);
  g_free(rule);
}

MonRules *mon_rules_new(void) {
  MonRules *rules = g_new0(MonRules, 1);

  rules->rules = g_ptr_array_new_with_free_func(rule_free);
  return rules;
}

void mon_rules_free(MonRules *rules) {
  if (rules == NULL)
    return;
  g_ptr_array_unref(rules->rules);
  g_free(rules);
}

/* With what its group says for it. */
static char *item_text(const MonRule *rule) {
  g_autoptr(JsonNode) node = rule->text ? json_from_string(rule->text, NULL) : NULL;
  g_autofree char *interval = wg_span_text((guint64)rule->interval);

  if (node == NULL)
    return g_strdup("{}");
  json_object_set_string_member(json_node_get_object(node), "interval", interval);
  if (rule->limit > 0)
    json_object_set_int_member(json_node_get_object(node), "limit", rule->limit);
  return wg_json_canonical(node);
}

void mon_rules_items(const MonRules *rules, MonItems *into) {
  for (guint i = 0; i < rules->rules->len; i++) {
    const MonRule *rule = rules->rules->pdata[i];
    g_autofree char *text = item_text(rule);
    g_autofree char *from = g_strdup_printf("%s:%u", rule->file, rule->line);
    mon_items_add(into, "rule", rule->key, from, text);
  }
}

const MonRule *mon_rules_find(const MonRules *rules, const char *key) {
  for (guint i = 0; i < rules->rules->len; i++)
    if (g_str_equal(((MonRule *)rules->rules->pdata[i])->key, key))
      return rules->rules->pdata[i];
  return NULL;
}

MonRule *mon_rules_add(MonRules *rules, const char *group, const char *name) {
  MonRule *rule = g_new0(MonRule, 1);

  rule->group = g_strdup(group);
  rule->name = g_strdup(name);
  rule->key = g_strdup_printf("%s/%s", group, name);
  for (guint n = 2; mon_rules_find(rules, rule->key) != NULL; n++) {
    g_free(rule->key);
    rule->key = g_strdup_printf("%s/%s#%u", group, name, n);
  }
  g_ptr_array_add(rules->rules, rule);
  return rule;
}

const char *mon_no_data_name(MonNoData policy) {
  return mon_no_data_names[policy];
}

/* NAME -> path: the files in force. */
static void find_files(const char *dir, GTree *files) {
  g_autofree char *path = g_build_filename(dir, "rules.d", NULL);
  g_autoptr(GDir) open = g_dir_open(path, 0, NULL);
  const char *name;

  while (open != NULL && (name = g_dir_read_name(open)) != NULL)
    if (*name != '.' && (g_str_has_suffix(name, ".yaml") || g_str_has_suffix(name, ".yml") ||
                         g_str_has_suffix(name, ".json")))
      g_tree_replace(files, g_strdup(name), g_build_filename(path, name, NULL));
}

typedef struct {
  MonRules *rules;
  gint64 interval;
  GString *problems;
} Load;

static gboolean load_one(gpointer key, gpointer value, gpointer user_data) {
  Load *load = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autofree char *bytes = NULL;
  gsize size;

  if (!g_file_get_contents(value, &bytes, &size, &error)) {
    g_string_append_printf(load->problems, "%s\n", error->message);
    return FALSE;
  }
  if (size == 0)
    return FALSE; /* hides one in a weaker directory */
  mon_rules_read(load->rules, bytes, size, value, load->interval, problems);
  g_autofree char *text = wg_problems_text(problems, value);
  if (wg_problems_refuse(problems))
    g_string_append_printf(load->problems, "%s%s", text, g_str_has_suffix(text, "\n") ? "" : "\n");
  return FALSE;
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer user_data) {
  return strcmp(a, b);
}

MonRules *mon_rules_load(const char *const *dirs, gint64 interval, GError **error) {
  g_autoptr(GTree) files = g_tree_new_full(compare_names, NULL, g_free, g_free);
  g_autoptr(MonRules) rules = mon_rules_new();
  g_autoptr(GString) problems = g_string_new(NULL);
  Load load = {rules, interval, problems};

  for (guint i = 0; dirs[i] != NULL; i++)
    find_files(dirs[i], files);
  g_tree_foreach(files, load_one, &load);
  if (problems->len == 0)
    return g_steal_pointer(&rules);
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
              "The rules are refused, the old ones stay in force:\n%s", g_strchomp(problems->str));
  return NULL;
}
