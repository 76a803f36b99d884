/* matcher-operators.c: see matcher-operators.h: each operand, read and refused where the operator
 * could never fail or never hold. */
#include "checks/matcher-operators.h"
#include "checks/text.h"

#include <string.h>

#define ALL 0xffffu
#define BIT(kind) (1u << (kind))
#define TEXTUAL (BIT(CHK_TEXT) | BIT(CHK_MODE) | BIT(CHK_JSON))
#define ORDERED                                                                                    \
  (BIT(CHK_INT) | BIT(CHK_NUMBER) | BIT(CHK_TEXT) | BIT(CHK_USEC) | BIT(CHK_BYTES) | BIT(CHK_JSON))
#define LISTED (BIT(CHK_TEXTS) | BIT(CHK_JSON))

const Operator chk_operators[_OP_MAX] = {
    [OP_EQUALS] = {"equals", OPERAND_VALUE, ALL},
    [OP_NOT] = {"not", OPERAND_ONE, ALL},
    [OP_LESS] = {"less", OPERAND_NUMBER, ORDERED},
    [OP_AT_MOST] = {"at-most", OPERAND_NUMBER, ORDERED | BIT(CHK_MODE)},
    [OP_MORE] = {"more", OPERAND_NUMBER, ORDERED},
    [OP_AT_LEAST] = {"at-least", OPERAND_NUMBER, ORDERED | BIT(CHK_MODE)},
    [OP_BETWEEN] = {"between", OPERAND_PAIR, ORDERED},
    [OP_MATCHES] = {"matches", OPERAND_REGEX, TEXTUAL},
    [OP_CONTAINS] = {"contains", OPERAND_TEXT, TEXTUAL},
    [OP_STARTS] = {"starts", OPERAND_TEXT, TEXTUAL},
    [OP_ENDS] = {"ends", OPERAND_TEXT, TEXTUAL},
    [OP_IN] = {"in", OPERAND_MANY, ALL},
    [OP_ANY] = {"any", OPERAND_ELEMENT, LISTED},
    [OP_ALL] = {"all", OPERAND_ELEMENT, LISTED},
    [OP_NONE] = {"none", OPERAND_ELEMENT, LISTED},
    [OP_HAS] = {"has", OPERAND_ELEMENTS, LISTED},
    [OP_ONLY] = {"only", OPERAND_ELEMENTS, LISTED},
    [OP_LENGTH] = {"length", OPERAND_LENGTH, LISTED | BIT(CHK_TEXT)},
    [OP_HAS_KEY] = {"has-key", OPERAND_TEXT, BIT(CHK_JSON)},
    [OP_KEYS] = {"keys", OPERAND_KEYS, BIT(CHK_JSON)},
    [OP_SEMVER] = {"semver", OPERAND_RANGE, BIT(CHK_TEXT) | BIT(CHK_JSON)},
    [OP_JSON] = {"json", OPERAND_POINTERS, BIT(CHK_TEXT) | BIT(CHK_JSON)},
    [OP_GJSON] = {"gjson", OPERAND_PATHS, BIT(CHK_TEXT) | BIT(CHK_JSON)},
    [OP_LINES] = {"lines", OPERAND_LINES, BIT(CHK_TEXT) | LISTED},
    [OP_AND] = {"and", OPERAND_MANY, ALL},
    [OP_OR] = {"or", OPERAND_MANY, ALL},
    [OP_EXISTS] = {"exists", OPERAND_FLAG, ALL},
    [OP_ABSENT] = {"absent", OPERAND_FLAG, ALL},
    [OP_NO_NEW] = {"no-new", OPERAND_TRUE, LISTED},
    [OP_KEEPS] = {"keeps", OPERAND_TRUE, ALL},
    [OP_AT_MOST_BASELINE] = {"at-most-baseline", OPERAND_FACTOR, ORDERED},
    [OP_NOT_HIGHER] = {"not-higher", OPERAND_TRUE, ORDERED | BIT(CHK_MODE)},
};

/* What the reading of one operand needs to know. */
typedef struct {
  WgDoc *doc;
  JsonNode *node;
  const char *pointer;
  WgProblems *problems;
} From;

static void refuse(const From *from, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void refuse(const From *from, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  wg_problems_add(from->problems, from->doc ? wg_doc_line(from->doc, from->pointer) : 0,
                  from->pointer, "%s", text);
}

static gboolean is_text(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static gboolean read_number(ChkMatcher *m, const From *from) {
  g_autofree char *why = NULL;

  if (!chk_operand_number(from->node, m->kind, &m->number, &why)) {
    refuse(from, "%s", why);
    return FALSE;
  }
  gboolean unsigned_kind = m->kind == CHK_USEC || m->kind == CHK_BYTES;
  if ((m->op == OP_AT_LEAST && m->number <= 0 && unsigned_kind) ||
      (m->op == OP_AT_LEAST && m->kind == CHK_MODE && m->number == 0) ||
      (m->op == OP_AT_MOST && m->kind == CHK_MODE && m->number == 07777)) {
    refuse(from, "this always holds, so it asserts nothing");
    return FALSE;
  }
  return TRUE;
}

static gboolean read_pair(ChkMatcher *m, const From *from) {
  g_autofree char *why = NULL;
  JsonArray *pair = JSON_NODE_HOLDS_ARRAY(from->node) ? json_node_get_array(from->node) : NULL;

  if (!pair || json_array_get_length(pair) != 2) {
    refuse(from, "\"between\" needs a list of two: [low, high]");
    return FALSE;
  }
  if (!chk_operand_number(json_array_get_element(pair, 0), m->kind, &m->number, &why) ||
      !chk_operand_number(json_array_get_element(pair, 1), m->kind, &m->upper, &why)) {
    refuse(from, "%s", why);
    return FALSE;
  }
  if (m->number <= m->upper)
    return TRUE;
  refuse(from, "the low end of \"between\" is above its high end, so it can never hold");
  return FALSE;
}

/* The elements of a list, or the one. */
static guint n_elements(JsonNode *node) {
  return JSON_NODE_HOLDS_ARRAY(node) ? json_array_get_length(json_node_get_array(node)) : 1;
}

static JsonNode *element(JsonNode *node, guint i) {
  return JSON_NODE_HOLDS_ARRAY(node) ? json_array_get_element(json_node_get_array(node), i) : node;
}

static gboolean read_texts(ChkMatcher *m, const From *from) {
  g_autoptr(GStrvBuilder) texts = g_strv_builder_new();
  guint n = n_elements(from->node);

  if (n == 0)
    refuse(from, "\"%s\" of nothing asserts nothing", chk_operators[m->op].name);
  for (guint i = 0; i < n; i++) {
    JsonNode *node = element(from->node, i);
    if (!is_text(node) || *json_node_get_string(node) == '\0') {
      refuse(from, "\"%s\" needs a text that is not empty, or a list of them",
             chk_operators[m->op].name);
      return FALSE;
    }
    g_strv_builder_add(texts, json_node_get_string(node));
  }
  m->names = g_strv_builder_end(texts);
  return n > 0;
}

static gboolean read_regex(ChkMatcher *m, const From *from) {
  g_autofree char *why = NULL;

  if (!is_text(from->node)) {
    refuse(from, "a regular expression is a text");
    return FALSE;
  }
  m->regex = chk_regex_new(json_node_get_string(from->node), &why);
  if (!m->regex)
    refuse(from, "%s", why);
  return m->regex != NULL;
}

static gboolean read_range(ChkMatcher *m, const From *from) {
  g_autoptr(GError) error = NULL;

  if (!is_text(from->node)) {
    refuse(from, "a range of versions is a text like \">=1.2 <2\"; numbers lose digits");
    return FALSE;
  }
  m->range = chk_range_new(json_node_get_string(from->node), &error);
  if (!m->range)
    refuse(from, "%s", error->message);
  return m->range != NULL;
}

static gboolean read_lines(ChkMatcher *m, const From *from) {
  guint n = n_elements(from->node);
  gboolean good = n > 0;

  if (n == 0)
    refuse(from, "an empty list of lines asserts nothing");
  for (guint i = 0; i < n; i++) {
    JsonNode *node = element(from->node, i);
    g_autofree char *why = NULL;
    Line *line = is_text(node) ? chk_line_new(json_node_get_string(node), &why)
                               : (why = g_strdup("a line is a text"), NULL);
    if (line)
      g_ptr_array_add(m->lines, line);
    else
      refuse(from, "%s", why);
    good = good && line;
  }
  return good;
}

static gboolean read_part(ChkMatcher *m, const From *from, JsonNode *node, const char *pointer,
                          ChkKind kind) {
  ChkMatcher *part = chk_matcher_new(from->doc, node, pointer, kind, from->problems);

  if (part)
    g_ptr_array_add(m->parts, part);
  return part != NULL;
}

static gboolean read_parts(ChkMatcher *m, const From *from, ChkKind kind) {
  guint n = n_elements(from->node);
  gboolean good = n > 0 || m->op == OP_ONLY;

  if (!good)
    refuse(from,
           m->op == OP_IN || m->op == OP_OR ? "\"%s\" of nothing can never hold"
                                            : "\"%s\" of nothing asserts nothing",
           chk_operators[m->op].name);
  for (guint i = 0; i < n; i++) {
    g_autofree char *pointer = JSON_NODE_HOLDS_ARRAY(from->node)
                                   ? g_strdup_printf("%s/%u", from->pointer, i)
                                   : g_strdup(from->pointer);
    good = read_part(m, from, element(from->node, i), pointer, kind) && good;
  }
  return good;
}

static gboolean read_length(ChkMatcher *m, const From *from) {
  if (!read_part(m, from, from->node, from->pointer, CHK_INT))
    return FALSE;
  const ChkMatcher *part = g_ptr_array_index(m->parts, 0);
  if (part->op != OP_AT_LEAST || part->number > 0)
    return TRUE;
  refuse(from, "every length is at least 0, so this asserts nothing");
  return FALSE;
}

static gboolean read_path(ChkMatcher *m, const From *here, const char *name) {
  g_autofree char *why = NULL;
  ChkGjson *path = NULL;

  if (m->op == OP_GJSON) {
    path = chk_gjson_new(name, &why);
    if (path)
      g_ptr_array_add(m->paths, path);
    else
      refuse(here, "\"%s\": %s", name, why);
    return path != NULL;
  }
  if (!*name || *name == '/')
    return TRUE;
  refuse(here, "\"%s\" is no JSON pointer; did you mean \"/%s\"?", name, name);
  return FALSE;
}

static gboolean read_pointers(ChkMatcher *m, const From *from) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  gboolean good = TRUE;

  if (!JSON_NODE_HOLDS_OBJECT(from->node) ||
      json_object_get_size(json_node_get_object(from->node)) == 0) {
    refuse(from, m->op == OP_JSON ? "an object of JSON pointers is needed: {\"/status\": \"ok\"}"
                                  : "an object of paths is needed: {\"hosts.#.name\": ...}");
    return FALSE;
  }
  json_object_iter_init_ordered(&iter, json_node_get_object(from->node));
  while (json_object_iter_next_ordered(&iter, &name, &node)) {
    g_autofree char *pointer = chk_pointer_join(from->pointer, name);
    From here = {from->doc, node, pointer, from->problems};
    if (!read_path(m, &here, name)) {
      good = FALSE;
      continue;
    }
    g_strv_builder_add(names, name);
    good = read_part(m, from, node, pointer, CHK_JSON) && good;
  }
  m->names = g_strv_builder_end(names);
  return good;
}

static gboolean read_flag(ChkMatcher *m, const From *from) {
  if (!JSON_NODE_HOLDS_VALUE(from->node) ||
      json_node_get_value_type(from->node) != G_TYPE_BOOLEAN) {
    refuse(from, "true or false is needed");
    return FALSE;
  }
  m->flag = json_node_get_boolean(from->node);
  if (m->flag || chk_operators[m->op].operand == OPERAND_FLAG)
    return TRUE;
  refuse(from, "\"%s\" is true or left out", chk_operators[m->op].name);
  return FALSE;
}

static gboolean read_factor(ChkMatcher *m, const From *from) {
  g_autofree char *why = NULL;

  if (chk_operand_number(from->node, CHK_NUMBER, &m->number, &why) && m->number > 0)
    return TRUE;
  refuse(from, "a factor above 0 is needed, like 1.2");
  return FALSE;
}

static gboolean read_value(ChkMatcher *m, const From *from) {
  g_autofree char *why = NULL;
  double n;

  if (JSON_NODE_HOLDS_NULL(from->node)) {
    refuse(from, "null is equal to nothing; write {\"absent\": true}");
    return FALSE;
  }
  gboolean scalar = JSON_NODE_HOLDS_VALUE(from->node);
  if (m->kind == CHK_TEXTS && !JSON_NODE_HOLDS_ARRAY(from->node))
    refuse(from, "the value is a list: compare with a list, or write {\"has\": [...]}");
  else if (m->kind != CHK_JSON && m->kind != CHK_TEXTS && !scalar)
    refuse(from, "the value is a %s, never a list or an object", chk_kind_name(m->kind));
  else if (m->kind != CHK_JSON && m->kind != CHK_TEXT && m->kind != CHK_BOOL &&
           m->kind != CHK_TEXTS && !chk_operand_number(from->node, m->kind, &n, &why))
    refuse(from, "%s", why);
  else if (m->kind == CHK_BOOL && json_node_get_value_type(from->node) != G_TYPE_BOOLEAN)
    refuse(from, "the value is true or false");
  else
    return TRUE;
  return FALSE;
}

static gboolean read_operand(ChkMatcher *m, const From *from) {
  switch (chk_operators[m->op].operand) {
  case OPERAND_VALUE:
    m->value = json_node_ref(from->node);
    return read_value(m, from);
  case OPERAND_NUMBER:
    return read_number(m, from);
  case OPERAND_PAIR:
    return read_pair(m, from);
  case OPERAND_TEXT:
    return read_texts(m, from);
  case OPERAND_REGEX:
    return read_regex(m, from);
  case OPERAND_RANGE:
    return read_range(m, from);
  case OPERAND_ONE:
    return read_part(m, from, from->node, from->pointer, m->kind);
  case OPERAND_MANY:
    return read_parts(m, from, m->kind);
  case OPERAND_ELEMENT:
    return read_part(m, from, from->node, from->pointer, chk_element_kind(m->kind));
  case OPERAND_ELEMENTS:
    return read_parts(m, from, chk_element_kind(m->kind));
  case OPERAND_LENGTH:
    return read_length(m, from);
  case OPERAND_KEYS:
    return read_part(m, from, from->node, from->pointer, CHK_TEXTS);
  case OPERAND_POINTERS:
  case OPERAND_PATHS:
    return read_pointers(m, from);
  case OPERAND_LINES:
    return read_lines(m, from);
  case OPERAND_FLAG:
  case OPERAND_TRUE:
    return read_flag(m, from);
  case OPERAND_FACTOR:
    return read_factor(m, from);
  }
  g_assert_not_reached();
}

ChkMatcher *chk_operator_parse(Op op, WgDoc *doc, JsonNode *operand, const char *pointer,
                               ChkKind kind, WgProblems *problems) {
  From from = {doc, operand, pointer, problems};

  if (!(chk_operators[op].kinds & BIT(kind))) {
    refuse(&from, "\"%s\" does not apply to a value that is %s %s", chk_operators[op].name,
           kind == CHK_INT ? "an" : "a", chk_kind_name(kind));
    return NULL;
  }
  g_autoptr(ChkMatcher) m = chk_matcher_alloc(op, kind);
  if (!read_operand(m, &from))
    return NULL;
  m->written = op == OP_EQUALS && (kind == CHK_USEC || kind == CHK_BYTES)
                   ? g_strdup(is_text(operand) ? json_node_get_string(operand) : NULL)
                   : NULL;
  if (!m->written)
    m->written = chk_value_text(operand, CHK_JSON, 200);
  return g_steal_pointer(&m);
}
