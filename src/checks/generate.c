/* generate.c: see generate.h. */
#include "checks/generate.h"

#include "checks/types.h"

#include <math.h>
#include <string.h>

/* What stays, by type. A type that is not here gets its own default. */
static const struct {
  const ChkType *type;
  const char *keys;
} lasting[] = {
    {&chk_type_directory, "exists mode owner group"},
    {&chk_type_file, "exists type mode owner group link-target"},
    {&chk_type_group, "exists gid"},
    {&chk_type_interface, "exists up addresses mtu"},
    {&chk_type_kernel_parameter, "exists value"},
    {&chk_type_mount, "exists filesystem read-only usage"},
    {&chk_type_package, "installed version"},
    {&chk_type_plugin, "state"},
    {&chk_type_port, "listening processes units"},
    {&chk_type_process, "running exes replaced"},
    {&chk_type_unit, "exists running enabled result exposure memory-max memory-high memory-swap-max"
                     " cpu-quota-per-sec-usec"},
    {&chk_type_user, "exists uid gid group home shell"},
};

ChkCandidate *chk_candidate_new(const ChkType *type, const char *subject) {
  ChkCandidate *candidate = g_new0(ChkCandidate, 1);

  candidate->type = type;
  candidate->subject = g_strdup(subject);
  return candidate;
}

void chk_candidate_free(ChkCandidate *candidate) {
  g_clear_pointer(&candidate->options, json_object_unref);
  g_free(candidate->subject);
  g_free(candidate);
}

static const char *keys_of(const ChkType *type) {
  for (guint i = 0; i < G_N_ELEMENTS(lasting); i++)
    if (lasting[i].type == type)
      return lasting[i].keys;
  return NULL;
}

gboolean chk_generate_observes(const ChkType *type) {
  return keys_of(type) != NULL;
}

static JsonNode *at_most(double number) {
  JsonObject *object = json_object_new();

  json_object_set_double_member(object, "at-most", number);
  JsonNode *node = json_node_init_object(json_node_alloc(), object);
  json_object_unref(object);
  return node;
}

/* A level that may go down, a number that may vary within reason, or the value itself. NULL: says
 * nothing (an empty list). */
static JsonNode *expected(const char *key, JsonNode *value) {
  if (strcmp(key, "exposure") == 0)
    return at_most(json_node_get_double(value));
  if (strcmp(key, "usage") == 0)
    return at_most(json_node_get_double(value) < 90 ? 90 : 100);
  if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING &&
      strcmp(json_node_get_string(value), "infinity") == 0) /* a limit that is none */
    return NULL;
  if (JSON_NODE_HOLDS_ARRAY(value) && json_array_get_length(json_node_get_array(value)) == 0)
    return NULL;
  return json_node_copy(value);
}

static JsonObject *expect_of(const ChkType *type, JsonObject *values) {
  const char *keys = keys_of(type);

  if (keys == NULL || values == NULL) {
    g_autoptr(JsonNode) node =
        type->default_value ? json_from_string(type->default_value, NULL) : NULL;
    return node ? json_object_ref(json_node_get_object(node)) : NULL;
  }
  JsonObject *expect = json_object_new();
  g_auto(GStrv) names = g_strsplit(keys, " ", -1);
  for (guint i = 0; names[i]; i++) {
    JsonNode *value = json_object_get_member(values, names[i]);
    JsonNode *node = value ? expected(names[i], value) : NULL;
    if (node)
      json_object_set_member(expect, names[i], node);
  }
  if (json_object_get_size(expect) > 0)
    return expect;
  json_object_unref(expect);
  return NULL;
}

JsonObject *chk_generate_check(const ChkCandidate *candidate, JsonObject *values) {
  JsonObject *expect = expect_of(candidate->type, values);

  if (expect == NULL)
    return NULL;
  JsonObject *check = json_object_new();
  json_object_set_string_member(check, candidate->type->name, candidate->subject);
  if (candidate->options) {
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, candidate->options);
    while (json_object_iter_next_ordered(&iter, &name, &node))
      json_object_set_member(check, name, json_node_copy(node));
  }
  json_object_set_object_member(check, "expect", expect);
  return check;
}

static gboolean is_plain(const char *key) {
  return *key && strspn(key, "abcdefghijklmnopqrstuvwxyz-") == strlen(key) && *key != '-';
}

/* 9.6 and not 9.5999999999999996: the shortest text that is read as the same number. */
static char *shortest(double number) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd(text, sizeof text, "%.15g", number);
  if (g_ascii_strtod(text, NULL) != number)
    g_ascii_dtostr(text, sizeof text, number);
  return g_strdup(text);
}

/* JSON's quoted texts are YAML too, but a '$' begins a variable of the verify file. */
static void scalar(GString *out, JsonNode *node) {
  gboolean is_double =
      JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_DOUBLE;
  g_autofree char *text =
      is_double ? shortest(json_node_get_double(node)) : json_to_string(node, FALSE);

  for (const char *p = text; *p; p++)
    g_string_append_printf(out, p[0] == '$' && p[1] == '{' ? "$%c" : "%c", *p);
}

static void value(GString *out, JsonNode *node, guint depth);

static void members(GString *out, JsonObject *object, guint depth) {
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  gboolean first = TRUE;

  json_object_iter_init_ordered(&iter, object);
  while (json_object_iter_next_ordered(&iter, &name, &node)) {
    g_autoptr(JsonNode) key = json_node_init_string(json_node_alloc(), name);
    if (!first)
      g_string_append_printf(out, "%*s", (int)depth, "");
    first = FALSE;
    if (is_plain(name))
      g_string_append(out, name);
    else
      scalar(out, key);
    g_string_append_c(out, ':');
    value(out, node, depth + 2);
  }
}

static void value(GString *out, JsonNode *node, guint depth) {
  if (JSON_NODE_HOLDS_OBJECT(node) && json_object_get_size(json_node_get_object(node)) > 0) {
    g_string_append_printf(out, "\n%*s", (int)depth, "");
    members(out, json_node_get_object(node), depth);
    return;
  }
  g_string_append_c(out, ' ');
  scalar(out, node); /* lists too: YAML reads JSON's */
  g_string_append_c(out, '\n');
}

char *chk_generate_yaml(const char *name, JsonArray *checks) {
  g_autoptr(GString) out = g_string_new("name: ");
  g_autoptr(JsonNode) title = json_node_init_string(json_node_alloc(), name);

  scalar(out, title);
  g_string_append(out, "\nchecks:\n");
  for (guint i = 0; i < json_array_get_length(checks); i++) {
    g_string_append(out, "  - ");
    members(out, json_array_get_object_element(checks, i), 4);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}
