/* matcher-convert.c: scalars of one type taken for another, and told so; equality. Only what cannot
 * be misread is converted: the text of a number, the text of a truth, a number's text. */
#include "checks/matcher-internal.h"

#include "common/config.h"

#include <math.h>
#include <string.h>

gboolean chk_is_absent(JsonNode *value) {
  return !value || JSON_NODE_HOLDS_NULL(value);
}

static GType scalar_type(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_NONE;
}

static gboolean text_number(const char *text, double *ret) {
  char *end;

  if (!*text || g_ascii_isspace(*text))
    return FALSE;
  *ret = g_ascii_strtod(text, &end);
  while (*end == '\n' || *end == ' ')
    end++;
  return *end == '\0' && isfinite(*ret);
}

gboolean chk_mode_parse(const char *text, guint *ret) {
  gsize n = strlen(text);

  if (n < 3 || n > 5 || strspn(text, "01234567") != n)
    return FALSE;
  *ret = (guint)g_ascii_strtoull(text, NULL, 8);
  return *ret <= 07777;
}

static gboolean operand_text_number(const char *text, ChkKind kind, double *ret, char **why) {
  g_autoptr(GError) error = NULL;
  guint64 n;
  guint mode;

  if (kind == CHK_USEC || kind == CHK_BYTES) {
    if (!(kind == CHK_USEC ? wg_parse_usec(text, &n, &error) : wg_parse_bytes(text, &n, &error))) {
      *why = g_strdup(error->message);
      return FALSE;
    }
    *ret = (double)n;
    return TRUE;
  }
  if (kind == CHK_MODE) {
    if (chk_mode_parse(text, &mode)) {
      *ret = mode;
      return TRUE;
    }
    *why = g_strdup_printf("\"%s\" is no file mode; write it like \"0644\"", text);
    return FALSE;
  }
  if (text_number(text, ret))
    return TRUE;
  *why = g_strdup_printf("\"%s\" is no number", text);
  return FALSE;
}

gboolean chk_operand_number(JsonNode *node, ChkKind kind, double *ret, char **reterr_why) {
  GType type = scalar_type(node);

  if (type == G_TYPE_STRING)
    return operand_text_number(json_node_get_string(node), kind, ret, reterr_why);
  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE) {
    *reterr_why = g_strdup("a number is needed");
    return FALSE;
  }
  *ret = json_node_get_double(node);
  if (kind == CHK_MODE) {
    g_autofree char *text = g_strdup_printf("%.0f", *ret);
    return operand_text_number(text, kind, ret, reterr_why);
  }
  if (kind == CHK_USEC) /* a bare number is seconds, as in configuration files */
    *ret *= G_USEC_PER_SEC;
  return TRUE;
}

gboolean chk_value_number(JsonNode *value, ChkKind kind, double *ret, Trace *trace) {
  GType type = scalar_type(value);
  guint mode;

  if (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE) {
    *ret = json_node_get_double(value);
    return TRUE;
  }
  if (type != G_TYPE_STRING)
    return FALSE;
  const char *text = json_node_get_string(value);
  if (kind == CHK_MODE && chk_mode_parse(text, &mode)) {
    *ret = mode;
    return TRUE;
  }
  if (!text_number(text, ret))
    return FALSE;
  g_autofree char *clean = g_strstrip(g_strdup(text));
  chk_trace_note(trace, "text \"%s\" taken as number %.17g", clean, *ret);
  return TRUE;
}

char *chk_value_as_text(JsonNode *value, Trace *trace) {
  GType type = scalar_type(value);

  if (type == G_TYPE_STRING)
    return g_strdup(json_node_get_string(value));
  if (type == G_TYPE_NONE)
    return NULL;
  g_autofree char *text = json_to_string(value, FALSE);
  chk_trace_note(trace, "%s %s taken as text", type == G_TYPE_BOOLEAN ? "truth" : "number", text);
  return g_steal_pointer(&text);
}

static gboolean text_equals(const char *operand, const char *value, ChkKind kind, Trace *trace) {
  guint a, b;
  gsize n = strlen(operand);

  if (kind == CHK_MODE && chk_mode_parse(operand, &a) && chk_mode_parse(value, &b))
    return a == b;
  if (strcmp(operand, value) == 0)
    return TRUE;
  if (strncmp(operand, value, n) != 0 || strcmp(value + n, "\n") != 0)
    return FALSE;
  chk_trace_note(trace, "the last line's end was left out");
  return TRUE;
}

static gboolean truth_equals(JsonNode *operand, JsonNode *value, Trace *trace) {
  JsonNode *text = scalar_type(operand) == G_TYPE_STRING ? operand : value;
  gboolean truth = json_node_get_boolean(text == operand ? value : operand);

  if (scalar_type(text) == G_TYPE_BOOLEAN)
    return json_node_get_boolean(text) == truth;
  if (scalar_type(text) != G_TYPE_STRING)
    return FALSE;
  g_autofree char *clean = g_strstrip(g_strdup(json_node_get_string(text)));
  if (strcmp(clean, truth ? "true" : "false") != 0)
    return FALSE;
  chk_trace_note(trace, "text \"%s\" taken as truth", clean);
  return TRUE;
}

static gboolean array_equals(JsonArray *a, JsonArray *b, ChkKind kind, Trace *trace) {
  if (json_array_get_length(a) != json_array_get_length(b))
    return FALSE;
  for (guint i = 0; i < json_array_get_length(a); i++)
    if (!chk_value_equals(json_array_get_element(a, i), json_array_get_element(b, i), kind, trace))
      return FALSE;
  return TRUE;
}

static gboolean object_equals(JsonObject *a, JsonObject *b, Trace *trace) {
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (json_object_get_size(a) != json_object_get_size(b))
    return FALSE;
  json_object_iter_init(&iter, a);
  while (json_object_iter_next(&iter, &name, &node)) {
    JsonNode *other = json_object_get_member(b, name);
    if (!other || !chk_value_equals(node, other, CHK_JSON, trace))
      return FALSE;
  }
  return TRUE;
}

static gboolean number_equals(JsonNode *operand, JsonNode *value, ChkKind kind, Trace *trace) {
  double a, b;
  g_autofree char *why = NULL;

  if (scalar_type(operand) == G_TYPE_INT64 && scalar_type(value) == G_TYPE_INT64 &&
      kind != CHK_USEC && kind != CHK_MODE)
    return json_node_get_int(operand) == json_node_get_int(value);
  if (!chk_operand_number(operand, kind, &a, &why) || !chk_value_number(value, kind, &b, trace) ||
      a != b)
    return FALSE;
  if (scalar_type(operand) == G_TYPE_STRING && kind != CHK_USEC && kind != CHK_BYTES &&
      kind != CHK_MODE)
    chk_trace_note(trace, "wanted text \"%s\" taken as number %.17g", json_node_get_string(operand),
                   a);
  return TRUE;
}

gboolean chk_value_equals(JsonNode *operand, JsonNode *value, ChkKind kind, Trace *trace) {
  if (JSON_NODE_HOLDS_NULL(operand) || JSON_NODE_HOLDS_NULL(value))
    return JSON_NODE_HOLDS_NULL(operand) && JSON_NODE_HOLDS_NULL(value);
  if (JSON_NODE_TYPE(operand) != JSON_NODE_TYPE(value))
    return FALSE;
  if (JSON_NODE_HOLDS_ARRAY(operand))
    return array_equals(json_node_get_array(operand), json_node_get_array(value),
                        chk_element_kind(kind), trace);
  if (JSON_NODE_HOLDS_OBJECT(operand))
    return object_equals(json_node_get_object(operand), json_node_get_object(value), trace);
  GType a = scalar_type(operand), b = scalar_type(value);
  if (a == G_TYPE_BOOLEAN || b == G_TYPE_BOOLEAN)
    return truth_equals(operand, value, trace);
  if (a == G_TYPE_STRING && b == G_TYPE_STRING)
    return text_equals(json_node_get_string(operand), json_node_get_string(value), kind, trace);
  return number_equals(operand, value, kind, trace);
}
