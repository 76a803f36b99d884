/* policy-check.c: members of an object against a table: unknown, missing, wrong type, bounds. Goes
 * on after each problem, so that all of them are told at once. */
#include "common/amounts.h"
#include "common/config.h"
#include "common/nearest.h"
#include "delivery/policy-private.h"

#include <string.h>

DlvProblem *dlv_problem_new(const char *pointer, const char *text) {
  DlvProblem *problem = g_new0(DlvProblem, 1);

  problem->pointer = g_strdup(pointer);
  problem->text = g_strdup(text);
  return problem;
}

void dlv_problem_free(DlvProblem *problem) {
  g_free(problem->pointer);
  g_free(problem->text);
  g_free(problem);
}

/* What the policy's writer wrote is shown, but it must not break the line. */
static void add(DlvCheck *c, const char *text) {
  g_autofree char *line = g_utf8_make_valid(text, -1);

  if (c->problems->len >= DLV_PROBLEMS_MAX)
    return;
  for (char *p = line; *p; p++)
    if (g_ascii_iscntrl(*p))
      *p = ' ';
  g_ptr_array_add(c->problems, dlv_problem_new(c->pointer->str, line));
}

gboolean dlv_check_problem(DlvCheck *c, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  add(c, text);
  return FALSE;
}

gboolean dlv_check_error(DlvCheck *c, GError *error) {
  add(c, error->message);
  g_error_free(error);
  return FALSE;
}

gsize dlv_check_enter(DlvCheck *c, const char *name) {
  gsize before = c->pointer->len;

  g_string_append_c(c->pointer, '/');
  for (const char *p = name; *p; p++)
    if (*p == '~' || *p == '/')
      g_string_append(c->pointer, *p == '~' ? "~0" : "~1");
    else
      g_string_append_c(c->pointer, *p);
  return before;
}

gsize dlv_check_enter_index(DlvCheck *c, guint i) {
  gsize before = c->pointer->len;

  g_string_append_printf(c->pointer, "/%u", i);
  return before;
}

void dlv_check_leave(DlvCheck *c, gsize before) {
  g_string_truncate(c->pointer, before);
}

/* ---- one value ---- */
static gboolean is_number(JsonNode *node) {
  GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;

  return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE;
}

static gboolean is_string(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static char *bound_text(DlvOptionType type, guint64 bound) {
  return type == DLV_TIME ? wg_span_text(bound) : g_strdup_printf("%" G_GUINT64_FORMAT, bound);
}

static gboolean check_bounds(DlvCheck *c, guint64 n, const DlvOption *o) {
  if ((o->min == 0 || n >= o->min) && (o->max == 0 || n <= o->max))
    return TRUE;
  g_autofree char *min = bound_text(o->type, o->min), *max = bound_text(o->type, o->max);
  if (o->max == 0)
    return dlv_check_problem(c, "'%s' is at least %s", o->name, min);
  return dlv_check_problem(c, "'%s' is between %s and %s", o->name, min, max);
}

static gboolean check_time(DlvCheck *c, JsonNode *node, const DlvOption *o) {
  GError *error = NULL;
  guint64 usec;

  if (is_number(node)) {
    double seconds = json_node_get_double(node);
    if (!(seconds >= 0 && seconds <= 1e10))
      return dlv_check_problem(c, "'%s' is no number of seconds", o->name);
    return check_bounds(c, (guint64)(seconds * G_USEC_PER_SEC), o);
  }
  if (!is_string(node))
    return dlv_check_problem(c, "'%s' is a time: \"5min\", \"1min 30s\", or a number of seconds",
                             o->name);
  if (!wg_parse_usec(json_node_get_string(node), &usec, &error))
    return dlv_check_error(c, error);
  return check_bounds(c, usec, o);
}

static gboolean check_count(DlvCheck *c, JsonNode *node, const DlvOption *o) {
  GError *error = NULL;
  guint64 n;

  if (o->type == DLV_SIZE && is_string(node)) {
    if (!wg_parse_bytes(json_node_get_string(node), &n, &error))
      return dlv_check_error(c, error);
    return check_bounds(c, n, o);
  }
  if (!is_number(node) || json_node_get_value_type(node) != G_TYPE_INT64)
    return dlv_check_problem(c, "'%s' is a %s", o->name,
                             o->type == DLV_SIZE ? "size: \"64K\", \"16M\", or a number of bytes"
                                                 : "whole number");
  if (json_node_get_int(node) < 0)
    return dlv_check_problem(c, "'%s' is not negative", o->name);
  return check_bounds(c, (guint64)json_node_get_int(node), o);
}

static gboolean check_texts(DlvCheck *c, JsonNode *node, const DlvOption *o) {
  JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  guint n = array ? json_array_get_length(array) : 0;
  gboolean good = TRUE;

  if (!array)
    return dlv_check_problem(c, "'%s' is a list of texts in [ ]", o->name);
  if (n == 0 && o->required)
    return dlv_check_problem(c, "'%s' is empty: %s", o->name, o->summary);
  if (n > DLV_POLICY_LIST_MAX)
    return dlv_check_problem(c, "'%s' has more than %d members", o->name, DLV_POLICY_LIST_MAX);
  for (guint i = 0; i < n; i++)
    if (!is_string(json_array_get_element(array, i))) {
      gsize before = dlv_check_enter_index(c, i);
      good = dlv_check_problem(c, "this is a text in quotes");
      dlv_check_leave(c, before);
    }
  return good;
}

gboolean dlv_check_value(DlvCheck *c, JsonNode *node, const DlvOption *o) {
  switch (o->type) {
  case DLV_TEXT:
    if (!is_string(node))
      return dlv_check_problem(c, "'%s' is a text in quotes", o->name);
    if (o->required && !*json_node_get_string(node))
      return dlv_check_problem(c, "'%s' is empty: %s", o->name, o->summary);
    return TRUE;
  case DLV_TEXTS:
    return check_texts(c, node, o);
  case DLV_BOOL:
    return (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN) ||
           dlv_check_problem(c, "'%s' is true or false", o->name);
  case DLV_NUMBER:
  case DLV_SIZE:
    return check_count(c, node, o);
  case DLV_TIME:
    return check_time(c, node, o);
  case DLV_OBJECT:
    return JSON_NODE_HOLDS_OBJECT(node) ||
           dlv_check_problem(c, "'%s' is an object in { }", o->name);
  }
  g_return_val_if_reached(FALSE);
}

/* ---- all members ---- */
const DlvOption dlv_options_unknown[] = {{NULL}};

static gboolean check_list(DlvCheck *c, JsonNode *node, const DlvOption *o) {
  JsonArray *array = json_node_get_array(node);
  guint n = json_array_get_length(array), max = o->max ? (guint)o->max : DLV_POLICY_LIST_MAX;
  gboolean good = TRUE;

  if (n < o->min)
    return dlv_check_problem(c, "'%s' is empty: %s", o->name, o->summary);
  if (n > max)
    return dlv_check_problem(c, "'%s' has more than %u members", o->name, max);
  for (guint i = 0; i < n; i++) {
    DlvOption one = {.name = o->name, .type = o->type, .summary = o->summary};
    gsize before = dlv_check_enter_index(c, i);
    good &= dlv_check_value(c, json_array_get_element(array, i), &one);
    dlv_check_leave(c, before);
  }
  return good;
}

static gboolean check_key(DlvCheck *c, JsonNode *node, const DlvKey *key) {
  if (JSON_NODE_HOLDS_ARRAY(node) && key->shape != DLV_ONE)
    return check_list(c, node, &key->option);
  if (key->shape == DLV_LIST)
    return dlv_check_problem(c, "'%s' is a list of objects: [{...}, {...}]", key->option.name);
  return dlv_check_value(c, node, &key->option);
}

static const DlvKey *key_named(const char *section, const char *name) {
  for (const DlvKey *key = dlv_policy_keys; key->section; key++)
    if (strcmp(key->section, section) == 0 && strcmp(key->option.name, name) == 0)
      return key;
  return NULL;
}

static const DlvOption *option_named(const DlvOption *own, const char *name) {
  for (; own && own->name; own++)
    if (strcmp(own->name, name) == 0)
      return own;
  return NULL;
}

char *dlv_check_known(const char *word, GPtrArray *names) {
  GString *text = g_string_new("there are: ");

  g_ptr_array_add(names, NULL);
  g_autofree char *hint = wg_nearest_hint(word, (const char *const *)names->pdata);
  for (guint i = 0; names->pdata[i]; i++)
    g_string_append_printf(text, "%s%s", i ? ", " : "", (char *)names->pdata[i]);
  if (!hint)
    return g_string_free(text, FALSE);
  g_string_free(text, TRUE);
  return g_steal_pointer(&hint);
}

static gboolean unknown(DlvCheck *c, const char *name, const char *section, const DlvOption *own) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (const DlvKey *key = dlv_policy_keys; key->section; key++)
    if (strcmp(key->section, section) == 0)
      g_ptr_array_add(names, (gpointer)key->option.name);
  for (; own && own->name; own++)
    g_ptr_array_add(names, (gpointer)own->name);
  g_autofree char *hint = dlv_check_known(name, names);
  return dlv_check_problem(c, "unknown key '%.80s'; %s", name, hint);
}

static gboolean missing(DlvCheck *c, const DlvOption *o) {
  return dlv_check_problem(c, "'%s' is missing: %s", o->name, o->summary);
}

gboolean dlv_check_members(DlvCheck *c, JsonObject *object, const char *section,
                           const DlvOption *own) {
  gboolean good = TRUE;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init_ordered(&iter, object);
  while (json_object_iter_next_ordered(&iter, &name, &node)) {
    const DlvKey *key = key_named(section, name);
    const DlvOption *option = option_named(own, name);
    gsize before = dlv_check_enter(c, name);
    if (key)
      good &= check_key(c, node, key);
    else if (option)
      good &= dlv_check_value(c, node, option);
    else if (own != dlv_options_unknown && !g_str_has_prefix(name, "x-"))
      good &= unknown(c, name, section, own);
    dlv_check_leave(c, before);
  }
  for (const DlvKey *key = dlv_policy_keys; key->section; key++)
    if (key->option.required && strcmp(key->section, section) == 0 &&
        !json_object_has_member(object, key->option.name))
      good = missing(c, &key->option);
  for (const DlvOption *o = own; o && o->name; o++)
    if (o->required && !json_object_has_member(object, o->name))
      good = missing(c, o);
  return good;
}
