/* reader-values.c: members of one kind: texts, truth, numbers, times, sizes, words; see reader.h.
 * What is wrong says what would be right. */
#include "common/config.h"
#include "common/nearest.h"
#include "common/reader-private.h"

#include <string.h>

static gboolean holds(JsonNode *node, GType type) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

static gboolean is_number(JsonNode *node) {
  return holds(node, G_TYPE_INT64) || holds(node, G_TYPE_DOUBLE);
}

const char *wg_reader_text(WgReader *reader, const char *key, const char *fallback) {
  JsonNode *node = wg_reader_member(reader, key);

  if (!node)
    return fallback;
  if (holds(node, G_TYPE_STRING))
    return json_node_get_string(node);
  wg_reader_problem(reader, key,
                    is_number(node) ? "'%s' is a text; write it in quotes" : "'%s' is a text", key);
  return fallback;
}

const char *wg_reader_need(WgReader *reader, const char *key) {
  if (!wg_reader_has(reader, key)) {
    wg_reader_problem(reader, NULL, "'%s' is missing", key);
    return NULL;
  }
  const char *text = wg_reader_text(reader, key, NULL);
  if (text && !*text)
    wg_reader_problem(reader, key, "'%s' is empty", key);
  return text && *text ? text : NULL;
}

gboolean wg_reader_bool(WgReader *reader, const char *key, gboolean fallback) {
  JsonNode *node = wg_reader_member(reader, key);

  if (!node)
    return fallback;
  if (holds(node, G_TYPE_BOOLEAN))
    return json_node_get_boolean(node);
  wg_reader_problem(reader, key, "'%s' is true or false", key);
  return fallback;
}

gint64 wg_reader_int(WgReader *reader, const char *key, gint64 min, gint64 max, gint64 fallback) {
  JsonNode *node = wg_reader_member(reader, key);

  if (!node)
    return fallback;
  if (!holds(node, G_TYPE_INT64)) {
    wg_reader_problem(reader, key, "'%s' is a whole number", key);
    return fallback;
  }
  gint64 n = json_node_get_int(node);
  if (n >= min && n <= max)
    return n;
  wg_reader_problem(reader, key, "'%s' is between %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, key,
                    min, max);
  return fallback;
}

double wg_reader_number(WgReader *reader, const char *key, double fallback) {
  JsonNode *node = wg_reader_member(reader, key);

  if (!node)
    return fallback;
  if (is_number(node))
    return json_node_get_double(node);
  wg_reader_problem(reader, key, "'%s' is a number", key);
  return fallback;
}

/* "90s", "5min": the largest unit of which it is a whole number. */
static char *span(guint64 usec) {
  static const struct {
    const char *name;
    guint64 usec;
  } units[] = {{"d", 86400000000}, {"h", 3600000000}, {"min", 60000000},
               {"s", 1000000},     {"ms", 1000},      {"us", 1}};

  for (guint i = 0; usec && i < G_N_ELEMENTS(units); i++)
    if (usec % units[i].usec == 0)
      return g_strdup_printf("%" G_GUINT64_FORMAT "%s", usec / units[i].usec, units[i].name);
  return g_strdup("0s");
}

static gboolean node_usec(JsonNode *node, guint64 *ret) {
  if (holds(node, G_TYPE_STRING))
    return wg_parse_usec(json_node_get_string(node), ret, NULL);
  double seconds = is_number(node) ? json_node_get_double(node) : -1;
  if (!(seconds >= 0 && seconds <= 1e10))
    return FALSE;
  *ret = (guint64)(seconds * G_USEC_PER_SEC + 0.5);
  return TRUE;
}

static void tell_span_bounds(WgReader *reader, const char *key, guint64 min, guint64 max) {
  g_autofree char *low = span(min), *high = span(max);

  if (max == G_MAXUINT64)
    wg_reader_problem(reader, key, "'%s' is at least %s", key, low);
  else if (min == 0)
    wg_reader_problem(reader, key, "'%s' is at most %s", key, high);
  else
    wg_reader_problem(reader, key, "'%s' is between %s and %s", key, low, high);
}

guint64 wg_reader_usec(WgReader *reader, const char *key, guint64 min, guint64 max,
                       guint64 fallback) {
  JsonNode *node = wg_reader_member(reader, key);
  guint64 usec;

  if (!node)
    return fallback;
  if (!node_usec(node, &usec))
    wg_reader_problem(reader, key,
                      "'%s' is a time: \"500ms\", \"5s\", \"1min 30s\", or a number of seconds",
                      key);
  else if (usec < min || usec > max)
    tell_span_bounds(reader, key, min, max);
  else
    return usec;
  return fallback;
}

guint64 wg_reader_bytes(WgReader *reader, const char *key, guint64 fallback) {
  JsonNode *node = wg_reader_member(reader, key);
  guint64 bytes;

  if (!node)
    return fallback;
  if (holds(node, G_TYPE_INT64) && json_node_get_int(node) >= 0)
    return (guint64)json_node_get_int(node);
  if (holds(node, G_TYPE_STRING) && wg_parse_bytes(json_node_get_string(node), &bytes, NULL))
    return bytes;
  wg_reader_problem(reader, key, "'%s' is a size: \"64K\", \"16M\", or a number of bytes", key);
  return fallback;
}

int wg_reader_word(WgReader *reader, const char *key, const char *const *words, int fallback) {
  const char *text = wg_reader_text(reader, key, NULL);

  if (!text)
    return fallback;
  for (int i = 0; words[i]; i++)
    if (strcmp(words[i], text) == 0)
      return i;
  g_autofree char *hint = wg_nearest_hint(text, words);
  g_autofree char *all = g_strjoinv(", ", (char **)words);
  wg_reader_problem(reader, key, "'%s' cannot be '%.80s'; %s%s", key, text,
                    hint ? "" : "there are: ", hint ?: all);
  return fallback;
}

char **wg_reader_texts(WgReader *reader, const char *key) {
  g_autoptr(GStrvBuilder) texts = g_strv_builder_new();
  JsonNode *node = wg_reader_member(reader, key);
  gboolean good = TRUE;

  if (node && holds(node, G_TYPE_STRING))
    g_strv_builder_add(texts, json_node_get_string(node));
  else if (node && JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
      JsonNode *element = json_array_get_element(array, i);
      if (holds(element, G_TYPE_STRING))
        g_strv_builder_add(texts, json_node_get_string(element));
      else
        good = FALSE;
    }
  } else if (node)
    good = FALSE;
  if (!good)
    wg_reader_problem(reader, key, "'%s' is a text or a list of texts", key);
  return g_strv_builder_end(texts);
}
