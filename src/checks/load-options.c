/* load-options.c: the options of a type, checked against its table: after this the helpers of
 * check.h may trust them. A number where a text is wanted is taken as its text. */
#include "checks/load-internal.h"
#include "checks/matcher-internal.h"
#include "checks/text.h"

#include <string.h>

static gboolean is(JsonNode *node, GType type) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

/* A text, or the text of a number; NULL: neither. */
static JsonNode *as_text(JsonNode *node) {
  if (is(node, G_TYPE_STRING))
    return json_node_ref(node);
  if (!is(node, G_TYPE_INT64) && !is(node, G_TYPE_DOUBLE))
    return NULL;
  g_autofree char *text = json_to_string(node, FALSE);
  return json_node_init_string(json_node_alloc(), text);
}

static JsonNode *as_texts(JsonNode *node) {
  g_autoptr(JsonArray) texts = json_array_new();

  if (!JSON_NODE_HOLDS_ARRAY(node))
    return as_text(node);
  JsonArray *array = json_node_get_array(node);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *text = as_text(json_array_get_element(array, i));
    if (!text)
      return NULL;
    json_array_add_element(texts, text);
  }
  return json_node_init_array(json_node_alloc(), texts);
}

static JsonNode *as_number(JsonNode *node, ChkKind kind, char **why) {
  double n;

  if (!chk_operand_number(node, kind, &n, why))
    return NULL;
  if (kind == CHK_NUMBER || kind == CHK_USEC || kind == CHK_BYTES) {
    if (n >= 0 || kind == CHK_NUMBER)
      return json_node_ref(node);
    *why = g_strdup("it cannot be below 0");
    return NULL;
  }
  if (kind == CHK_MODE) {
    g_autofree char *mode = g_strdup_printf("%04o", (guint)n);
    return json_node_init_string(json_node_alloc(), mode);
  }
  if (is(node, G_TYPE_INT64))
    return json_node_ref(node);
  *why = g_strdup("a whole number is needed");
  return NULL;
}

static JsonNode *checked(JsonNode *node, ChkKind kind, char **why) {
  JsonNode *good = NULL;

  switch (kind) {
  case CHK_BOOL:
    good = is(node, G_TYPE_BOOLEAN) ? json_node_ref(node) : NULL;
    break;
  case CHK_INT:
  case CHK_NUMBER:
  case CHK_USEC:
  case CHK_BYTES:
  case CHK_MODE:
    good = as_number(node, kind, why);
    break;
  case CHK_TEXT:
    good = as_text(node);
    break;
  case CHK_TEXTS:
    good = as_texts(node);
    break;
  case CHK_JSON:
    good = json_node_ref(node);
    break;
  }
  if (!good && !*why)
    *why = kind == CHK_BOOL    ? g_strdup("true or false is needed")
           : kind == CHK_TEXTS ? g_strdup("a text or a list of texts is needed")
                               : g_strdup_printf("a %s is needed", chk_kind_name(kind));
  return good;
}

JsonObject *chk_load_options(WgReader *reader, const ChkType *type) {
  JsonObject *options = json_object_new();

  for (const ChkKey *key = type->options; key && key->name; key++) {
    g_autofree char *why = NULL;
    JsonNode *node = wg_reader_node(reader, key->name);
    JsonNode *good = node ? checked(node, key->kind, &why) : NULL;
    if (good)
      json_object_set_member(options, key->name, good);
    else if (node)
      wg_reader_problem(reader, key->name, "%s", why);
  }
  return options;
}
