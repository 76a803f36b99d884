/* verify-load.c: what waggle-verify reads before it begins: the file, variables, the choice of
 * checks. All of it may block: no loop runs yet. */
#include "checks/verify.h"

#include "checks/goss.h"
#include "checks/load-internal.h"
#include "checks/presets.h"
#include "checks/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX (64 * 1024 * 1024)

static char *read_stdin(gsize *ret_size, GError **error) {
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  guint8 buffer[65536];

  for (;;) {
    gssize n = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || bytes->len > READ_MAX) {
      wg_error_set_errno(error, n < 0 ? errno : EFBIG, "stdin cannot be read");
      return NULL;
    }
    if (n == 0)
      break;
    g_byte_array_append(bytes, buffer, (guint)n);
  }
  *ret_size = bytes->len;
  g_byte_array_append(bytes, (const guint8 *)"", 1);
  return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}

char *chk_verify_read(const char *file, gsize *ret_size, GError **error) {
  char *bytes = NULL;

  if (strcmp(file, "-") == 0)
    return read_stdin(ret_size, error);
  return g_file_get_contents(file, &bytes, ret_size, error) ? bytes : NULL;
}

static void tell(const WgProblems *problems, const char *name) {
  if (wg_problems_n(problems) == 0)
    return;
  g_autofree char *text = wg_problems_text((WgProblems *)problems, name);
  g_printerr("%s%s", text, g_str_has_suffix(text, "\n") ? "" : "\n");
}

/* A variable given as text: what JSON knows as a number or truth is one. */
static JsonNode *scalar(const char *text) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);

  if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) != G_TYPE_STRING)
    return g_steal_pointer(&node);
  return json_node_init_string(json_node_alloc(), text);
}

static gboolean add_vars_file(JsonObject *vars, const char *file) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(GError) error = NULL;
  gsize size;
  g_autofree char *bytes = chk_verify_read(file, &size, &error);
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (!bytes) {
    g_printerr("waggle-verify: %s\n", error->message);
    return FALSE;
  }
  g_autoptr(WgDoc) doc = wg_doc_parse(bytes, size, WG_DOC_AUTO, problems);
  if (doc && !JSON_NODE_HOLDS_OBJECT(wg_doc_root(doc)))
    wg_problems_add(problems, 1, "", "variables are an object of names and values");
  tell(problems, file);
  if (!doc || wg_problems_refuse(problems))
    return FALSE;
  json_object_iter_init_ordered(&iter, json_node_get_object(wg_doc_root(doc)));
  while (json_object_iter_next_ordered(&iter, &name, &node))
    json_object_set_member(vars, name, json_node_copy(node));
  return TRUE;
}

static JsonObject *read_vars(const ChkVerify *c) {
  g_autoptr(JsonObject) vars = json_object_new();

  if (c->vars_file && !add_vars_file(vars, c->vars_file))
    return NULL;
  for (guint i = 0; c->vars && c->vars[i]; i++) {
    const char *equals = strchr(c->vars[i], '=');
    if (!equals || equals == c->vars[i] || !g_utf8_validate(c->vars[i], -1, NULL)) {
      g_printerr("waggle-verify: --var=%s is no NAME=VALUE\n", c->vars[i]);
      return NULL;
    }
    g_autofree char *name = g_strndup(c->vars[i], (gsize)(equals - c->vars[i]));
    json_object_set_member(vars, name, scalar(equals + 1));
  }
  return g_steal_pointer(&vars);
}

static ChkPlan *verify_plan(const char *bytes, gsize size, JsonObject *vars, WgProblems *problems) {
  g_autoptr(WgDoc) doc = wg_doc_parse(bytes, size, WG_DOC_AUTO, problems);

  return doc ? chk_plan_load(wg_doc_root(doc), doc, "", vars, problems) : NULL;
}

/* Variables are its templates' there. */
static ChkPlan *goss_plan(const char *bytes, gsize size, const char *name, JsonObject *vars,
                          WgProblems *problems) {
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), vars);
  g_autoptr(JsonNode) file = chk_goss_load(bytes, size, name, node, problems);

  return file && !wg_problems_refuse(problems) ? chk_plan_load(file, NULL, "", NULL, problems)
                                               : NULL;
}

static ChkPlan *read_plan(const ChkVerify *c, JsonObject *vars, int *ret_status) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(GError) error = NULL;
  const char *name = strcmp(c->file, "-") == 0 ? "stdin" : c->file;
  gsize size;
  g_autofree char *bytes = chk_verify_read(c->file, &size, &error);

  *ret_status = CHK_EXIT_FILE;
  if (!bytes) {
    g_printerr("waggle-verify: %s\n", error->message);
    return NULL;
  }
  g_autoptr(ChkPlan) plan = c->goss ? goss_plan(bytes, size, name, vars, problems)
                                    : verify_plan(bytes, size, vars, problems);
  tell(problems, name);
  return g_steal_pointer(&plan);
}

ChkPlan *chk_verify_load(const ChkVerify *c, int *ret_status) {
  g_autoptr(JsonObject) vars = read_vars(c);
  g_autoptr(GError) error = NULL;
  const char *const explained[] = {c->explain, NULL};
  const char *const *only = c->explain ? explained : (const char *const *)c->only;

  *ret_status = CHK_EXIT_USAGE;
  if (!vars)
    return NULL;
  g_autoptr(ChkPlan) plan = read_plan(c, vars, ret_status);
  if (!plan)
    return NULL;
  if ((only || c->skip) && !chk_plan_select(plan, only, (const char *const *)c->skip, &error)) {
    g_printerr("waggle-verify: %s\n", error->message);
    *ret_status = CHK_EXIT_USAGE;
    return NULL;
  }
  if (c->deadline > 0)
    plan->deadline = c->deadline;
  if (c->parallel > 0)
    plan->parallel = c->parallel;
  return g_steal_pointer(&plan);
}

int chk_verify_list(const ChkPlan *plan) {
  for (guint i = 0; i < plan->checks->len; i++) {
    const ChkCheck *check = g_ptr_array_index(plan->checks, i);
    g_autofree char *tags = g_strjoinv(" @", check->tags);
    g_print("%s\t%s\t%s\t%s%s\n", check->name, check->type->name, chk_level_words[check->level],
            *tags ? "@" : "", tags);
  }
  return CHK_EXIT_PASS;
}

static JsonArray *keys_json(const ChkKey *keys) {
  JsonArray *list = json_array_new();

  for (; keys && keys->name; keys++) {
    JsonObject *key = json_object_new();
    json_object_set_string_member(key, "name", keys->name);
    json_object_set_string_member(key, "kind", chk_kind_name(keys->kind));
    json_object_set_string_member(key, "help", keys->help);
    json_array_add_object_element(list, key);
  }
  return list;
}

int chk_verify_types(void) {
  g_autoptr(JsonObject) root = json_object_new();
  JsonArray *types = json_array_new(), *presets = json_array_new(), *common = json_array_new();
  JsonArray *operators = json_array_new();

  for (guint i = 0; chk_types[i]; i++) {
    JsonObject *type = json_object_new();
    json_object_set_string_member(type, "name", chk_types[i]->name);
    json_object_set_string_member(type, "subject", chk_types[i]->subject_help);
    if (chk_types[i]->default_value)
      json_object_set_string_member(type, "default", chk_types[i]->default_value);
    if (chk_types[i]->default_warn)
      json_object_set_string_member(type, "default-warn", chk_types[i]->default_warn);
    json_object_set_boolean_member(type, "judged", chk_types[i]->validate != NULL);
    json_object_set_array_member(type, "options", keys_json(chk_types[i]->options));
    json_object_set_array_member(type, "values", keys_json(chk_types[i]->values));
    json_array_add_object_element(types, type);
  }
  for (const ChkPresetType *p = chk_presets; p->name; p++) {
    JsonObject *preset = json_object_new();
    json_object_set_string_member(preset, "name", p->name);
    json_object_set_string_member(preset, "help", p->help);
    json_object_set_array_member(preset, "options", keys_json(p->options));
    json_array_add_object_element(presets, preset);
  }
  for (guint i = 0; chk_common_options[i]; i++)
    json_array_add_string_element(common, chk_common_options[i]);
  for (guint i = 0; chk_operator_names[i]; i++)
    json_array_add_string_element(operators, chk_operator_names[i]);
  json_object_set_array_member(root, "types", types);
  json_object_set_array_member(root, "presets", presets);
  json_object_set_array_member(root, "common", common);
  json_object_set_array_member(root, "matchers", operators);
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), root);
  g_autofree char *text = json_to_string(node, TRUE);
  g_print("%s\n", text);
  return CHK_EXIT_PASS;
}
