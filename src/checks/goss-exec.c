/* goss-exec.c: a parsed template, done. */
#include "checks/goss-private.h"

#include <string.h>

typedef enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED } Flow;

static Flow run_list(Goss *g, GPtrArray *list, JsonNode *dot, GError **error);
static JsonNode *run_pipe(Goss *g, const GossPipe *pipe, JsonNode *dot, GError **error);

static void declare(Goss *g, const char *name, JsonNode *value) {
  GossVariable variable = {name, value};

  g_array_append_val(g->scope, variable);
}

static GossVariable *lookup(Goss *g, const char *name) {
  for (guint i = g->scope->len; i > 0; i--) {
    GossVariable *v = &g_array_index(g->scope, GossVariable, i - 1);
    if (strcmp(v->name, name) == 0)
      return v;
  }
  return NULL;
}

static gboolean step(Goss *g, GError **error) {
  if (++g->steps > CHK_GOSS_STEPS_MAX)
    return goss_fail(g, error, "more than %d steps: does it end?", CHK_GOSS_STEPS_MAX);
  return g->out->len <= CHK_GOSS_OUTPUT_MAX ||
         goss_fail(g, error, "more than %d bytes of output", CHK_GOSS_OUTPUT_MAX);
}

static JsonNode *variable(Goss *g, const char *name, GError **error) {
  GossVariable *found = lookup(g, name);

  if (found)
    return found->value;
  goss_fail(g, error, "there is no variable $%s", name);
  return NULL;
}

static JsonNode *run_operand(Goss *g, const GossOperand *o, JsonNode *dot, GError **error) {
  JsonNode *value = NULL;

  g->line = o->line;
  switch (o->kind) {
  case GOSS_OPERAND_VALUE:
    value = o->value;
    break;
  case GOSS_OPERAND_DOT:
    value = dot;
    break;
  case GOSS_OPERAND_VARIABLE:
    value = variable(g, o->name, error);
    break;
  case GOSS_OPERAND_PIPE:
    value = run_pipe(g, o->pipe, dot, error);
    break;
  case GOSS_OPERAND_FUNCTION: { /* one without arguments, as an argument */
    const GossFunctionRow *row = goss_function(o->name);
    if (row->min > 0)
      goss_fail(g, error, "%s needs arguments; put it into parentheses", row->name);
    else
      value = row->call(g, NULL, 0, error);
    break;
  }
  }
  for (guint i = 0; value && o->fields && i < o->fields->len; i++)
    value = goss_field(g, value, o->fields->pdata[i], error);
  return value;
}

static JsonNode *call(Goss *g, const GossCommand *command, JsonNode *piped, JsonNode *dot,
                      GError **error) {
  const GossOperand *first = command->operands->pdata[0];
  const GossFunctionRow *row = goss_function(first->name);
  g_autoptr(GPtrArray) args = g_ptr_array_new();

  for (guint i = 1; i < command->operands->len; i++) {
    JsonNode *value = run_operand(g, command->operands->pdata[i], dot, error);
    if (!value)
      return NULL;
    g_ptr_array_add(args, value);
  }
  if (piped)
    g_ptr_array_add(args, piped);
  g->line = first->line;
  if (args->len < row->min || args->len > row->max) {
    goss_fail(g, error, "%s takes %u%s argument%s, not %u", row->name, row->min,
              row->max > row->min ? " or more" : "", row->min == 1 ? "" : "s", args->len);
    return NULL;
  }
  JsonNode *value = row->call(g, (JsonNode **)args->pdata, args->len, error);
  for (guint i = 0; value && first->fields && i < first->fields->len; i++)
    value = goss_field(g, value, first->fields->pdata[i], error);
  return value;
}

/* "now.Format LAYOUT": the one method with an argument that files use. */
static gboolean is_format(const GossCommand *command) {
  const GossOperand *first = command->operands->pdata[0];
  guint n = first->fields ? first->fields->len : 0;

  return n > 0 && command->operands->len == 2 && strcmp(first->fields->pdata[n - 1], "Format") == 0;
}

static JsonNode *format_time(Goss *g, const GossCommand *command, JsonNode *piped, JsonNode *dot,
                             GError **error) {
  GossOperand first = *(GossOperand *)command->operands->pdata[0];
  g_autoptr(GPtrArray) fields = g_ptr_array_new();

  for (guint i = 0; i + 1 < first.fields->len; i++)
    g_ptr_array_add(fields, first.fields->pdata[i]);
  first.fields = fields;
  JsonNode *value = run_operand(g, &first, dot, error);
  JsonNode *layout = value ? run_operand(g, command->operands->pdata[1], dot, error) : NULL;
  g_autoptr(GDateTime) time = value ? goss_time_of(value) : NULL;
  if (!layout)
    return NULL;
  if (time && goss_is_text(layout) && !piped)
    return goss_take_text(g, goss_time_format(json_node_get_string(layout), time));
  g->line = first.line;
  goss_fail(g, error, "Format is a method of times, with a layout");
  return NULL;
}

static JsonNode *run_command(Goss *g, const GossCommand *command, JsonNode *piped, JsonNode *dot,
                             GError **error) {
  const GossOperand *first = command->operands->pdata[0];

  if (!step(g, error))
    return NULL;
  if (first->kind == GOSS_OPERAND_FUNCTION && !is_format(command))
    return call(g, command, piped, dot, error);
  if (is_format(command))
    return format_time(g, command, piped, dot, error);
  if (command->operands->len > 1 || piped) {
    g->line = first->line;
    goss_fail(g, error, "a value is no function, and takes no arguments");
    return NULL;
  }
  return run_operand(g, first, dot, error);
}

static JsonNode *run_pipe(Goss *g, const GossPipe *pipe, JsonNode *dot, GError **error) {
  JsonNode *value = NULL;

  for (guint i = 0; i < pipe->commands->len; i++) {
    value = run_command(g, pipe->commands->pdata[i], value, dot, error);
    if (!value)
      return NULL;
  }
  return value;
}

/* Sets or declares what stands before a pipeline. */
static gboolean assign(Goss *g, const GossPipe *pipe, JsonNode *value, GError **error) {
  GossVariable *found;

  if (pipe->declares) {
    declare(g, pipe->variables[0], value);
    return TRUE;
  }
  found = lookup(g, pipe->variables[0]);
  if (!found)
    return goss_fail(g, error, "there is no variable $%s to set", pipe->variables[0]);
  found->value = value;
  return TRUE;
}

static Flow print(Goss *g, const GossNode *node, JsonNode *dot, GError **error) {
  JsonNode *value = run_pipe(g, node->pipe, dot, error);

  if (!value)
    return FLOW_FAILED;
  if (node->pipe->variables[0])
    return assign(g, node->pipe, value, error) ? FLOW_ON : FLOW_FAILED;
  g_autofree char *text = goss_print(value);
  g_string_append(g->out, text);
  return step(g, error) ? FLOW_ON : FLOW_FAILED;
}

/* "if" and "with"; the latter makes the value the dot. */
static Flow choose(Goss *g, const GossNode *node, JsonNode *dot, GError **error) {
  guint before = g->scope->len;
  JsonNode *value = run_pipe(g, node->pipe, dot, error);
  Flow flow = FLOW_ON;

  if (!value || (node->pipe->variables[0] && !assign(g, node->pipe, value, error)))
    return FLOW_FAILED;
  if (goss_is_true(value))
    flow = run_list(g, node->body, node->kind == GOSS_WITH ? value : dot, error);
  else if (node->otherwise)
    flow = run_list(g, node->otherwise, dot, error);
  g_array_set_size(g->scope, before);
  return flow;
}

static Flow once(Goss *g, const GossNode *node, JsonNode *key, JsonNode *value, GError **error) {
  char *const *names = node->pipe->variables;
  guint before = g->scope->len;

  if (names[0])
    declare(g, names[0], names[1] ? key : value);
  if (names[1])
    declare(g, names[1], value);
  Flow flow = step(g, error) ? run_list(g, node->body, value, error) : FLOW_FAILED;
  g_array_set_size(g->scope, before);
  return flow == FLOW_CONTINUE ? FLOW_ON : flow;
}

static gint by_text(gconstpointer a, gconstpointer b) {
  return strcmp(a, b);
}

/* What is done may change the map: of members that go, those still to come are left out. */
static Flow each_member(Goss *g, const GossNode *node, JsonObject *object, guint *ret_n,
                        GError **error) {
  g_autoptr(GList) names = g_list_sort(json_object_get_members(object), by_text);
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  Flow flow = FLOW_ON;

  for (GList *l = names; l; l = l->next)
    g_ptr_array_add(keys, goss_text(g, l->data));
  for (guint i = 0; flow == FLOW_ON && i < keys->len; i++) {
    JsonNode *value = json_object_get_member(object, json_node_get_string(keys->pdata[i]));
    if (value)
      flow = once(g, node, keys->pdata[i], value, error);
    *ret_n += 1;
  }
  return flow;
}

static Flow each(Goss *g, const GossNode *node, JsonNode *value, guint *ret_n, GError **error) {
  Flow flow = FLOW_ON;

  *ret_n = 0;
  if (JSON_NODE_HOLDS_ARRAY(value)) {
    JsonArray *array = json_node_get_array(value);
    for (guint i = 0; flow == FLOW_ON && i < json_array_get_length(array); i++, (*ret_n)++)
      flow = once(g, node, goss_int(g, i), json_array_get_element(array, i), error);
  } else if (JSON_NODE_HOLDS_OBJECT(value)) {
    JsonObject *object = json_node_get_object(value);
    flow = each_member(g, node, object, ret_n, error);
  } else if (goss_is_int(value)) {
    for (gint64 i = 0; flow == FLOW_ON && i < json_node_get_int(value); i++, (*ret_n)++)
      flow = once(g, node, goss_int(g, i), goss_int(g, i), error);
  } else if (!JSON_NODE_HOLDS_NULL(value)) {
    g->line = node->pipe->line;
    goss_fail(g, error, "range needs a list or a map");
    return FLOW_FAILED;
  }
  return flow == FLOW_BREAK ? FLOW_ON : flow;
}

static Flow range(Goss *g, const GossNode *node, JsonNode *dot, GError **error) {
  JsonNode *value = run_pipe(g, node->pipe, dot, error);
  guint n;

  if (!value)
    return FLOW_FAILED;
  Flow flow = each(g, node, value, &n, error);
  return flow == FLOW_ON && n == 0 && node->otherwise ? run_list(g, node->otherwise, dot, error)
                                                      : flow;
}

/* It sees its value alone, as the dot and as $. */
static Flow run_template(Goss *g, const GossNode *node, JsonNode *dot, GError **error) {
  GPtrArray *body = g_hash_table_lookup(g->named, node->text);
  JsonNode *value = node->pipe ? run_pipe(g, node->pipe, dot, error) : goss_null(g);
  GArray *outer = g->scope;

  if (!value)
    return FLOW_FAILED;
  if (!body) {
    goss_fail(g, error, "there is no template \"%s\"", node->text);
    return FLOW_FAILED;
  }
  if (++g->depth > CHK_GOSS_DEPTH_MAX) {
    goss_fail(g, error, "templates within more than %d others", CHK_GOSS_DEPTH_MAX);
    return FLOW_FAILED;
  }
  g->scope = g_array_new(FALSE, FALSE, sizeof(GossVariable));
  declare(g, "", value);
  Flow flow = step(g, error) ? run_list(g, body, value, error) : FLOW_FAILED;
  g_array_unref(g->scope);
  g->scope = outer;
  g->depth--;
  return flow == FLOW_FAILED ? FLOW_FAILED : FLOW_ON;
}

static Flow run_node(Goss *g, const GossNode *node, JsonNode *dot, GError **error) {
  switch (node->kind) {
  case GOSS_TEXT:
    g_string_append(g->out, node->text);
    return step(g, error) ? FLOW_ON : FLOW_FAILED;
  case GOSS_PRINT:
    return print(g, node, dot, error);
  case GOSS_RANGE:
    return range(g, node, dot, error);
  case GOSS_BREAK:
    return FLOW_BREAK;
  case GOSS_CONTINUE:
    return FLOW_CONTINUE;
  case GOSS_TEMPLATE:
    return run_template(g, node, dot, error);
  default:
    return choose(g, node, dot, error);
  }
}

static Flow run_list(Goss *g, GPtrArray *list, JsonNode *dot, GError **error) {
  guint before = g->scope->len;
  Flow flow = FLOW_ON;

  for (guint i = 0; flow == FLOW_ON && i < list->len; i++)
    flow = run_node(g, list->pdata[i], dot, error);
  g_array_set_size(g->scope, before);
  return flow;
}

gboolean goss_execute(Goss *g, GError **error) {
  declare(g, "", g->data);
  return run_list(g, g->root, g->data, error) != FLOW_FAILED;
}

static JsonNode *environment(void) {
  JsonObject *object = json_object_new();
  g_auto(GStrv) env = g_get_environ();
  JsonNode *node = json_node_alloc();

  for (guint i = 0; env[i]; i++) {
    char *equals = strchr(env[i], '=');
    if (equals && g_utf8_validate(env[i], -1, NULL)) {
      *equals = 0;
      json_object_set_string_member(object, env[i], equals + 1);
    }
  }
  json_node_take_object(node, object);
  return node;
}

static JsonNode *make_data(JsonNode *vars) {
  JsonObject *object = json_object_new(), *none = json_object_new();
  JsonNode *node = json_node_alloc(), *empty = json_node_alloc();

  json_node_take_object(empty, none);
  json_object_set_member(object, "Vars", vars ? goss_deep_copy(vars, 0) : json_node_ref(empty));
  json_object_set_member(object, "Env", environment());
  json_node_unref(empty);
  json_node_take_object(node, object);
  return node;
}

static void clear(Goss *g) {
  for (guint i = g->garbage->len; i > 0; i--) {
    GossOwned *owned = &g_array_index(g->garbage, GossOwned, i - 1);
    owned->destroy(owned->what);
  }
  g_array_unref(g->garbage);
  g_ptr_array_unref(g->values);
  g_array_unref(g->scope);
  g_hash_table_unref(g->named);
  json_node_unref(g->data);
}

char *chk_goss_render(const char *text, JsonNode *vars, const char *name, GError **error) {
  Goss g = {.name = name,
            .garbage = g_array_new(FALSE, FALSE, sizeof(GossOwned)),
            .values = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref),
            .scope = g_array_new(FALSE, FALSE, sizeof(GossVariable)),
            .named = g_hash_table_new(g_str_hash, g_str_equal),
            .data = make_data(vars),
            .out = g_string_new(NULL)};

  gboolean good = goss_parse(&g, text, error) && goss_execute(&g, error);
  char *out = g_string_free(g.out, !good);
  clear(&g);
  return good ? out : NULL;
}
