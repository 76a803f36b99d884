/* json.c: see json.h. Which keys are points in time is one list here; everything else is written by
 * its D-Bus type. */
#include "client/json.h"

#include "client/ids.h"
#include "client/times.h"

#include <stdio.h>
#include <string.h>

static const char *const time_keys[] = {
    "time",    "created",      "last-seen", "expires", "due",       "lease-until", "until", "died",
    "started", "paused-until", "reply-by",  "updated", "starts-at", "ends-at",     "ended", NULL,
};
/* The same in what the monitoring service answers as JSON. */
static const char *const told_times[] = {
    "time",  "active-at",  "fired-at", "resolved-at", "unknown-at", "changed",
    "since", "registered", "gone",     "until",       NULL,
};
static const char *const message_keys[] = {"message", "in-reply-to", "chain", NULL};
/* Members whose names are somebody's own. */
static const char *const told_names[] = {"labels", "annotations", "metadata", "values", NULL};

static char *json_key(const char *key) {
  return g_strdelimit(g_strdup(key), "-", '_');
}

void cli_json_add_time(JsonObject *object, const char *key, guint64 usec) {
  g_autofree char *name = json_key(key);
  g_autofree char *number = g_strconcat(name, "_usec", NULL);

  if (usec == 0 || usec > G_MAXINT64) {
    json_object_set_null_member(object, name);
    json_object_set_null_member(object, number);
    return;
  }
  g_autofree char *iso = cli_time_iso(usec);
  json_object_set_string_member(object, name, iso);
  json_object_set_int_member(object, number, (gint64)usec);
}

void cli_json_add_message(JsonObject *object, const char *key, guint64 message) {
  g_autofree char *text = cli_message_format(message);

  if (g_ascii_isdigit(*text))
    json_object_set_int_member(object, key, (gint64)message);
  else
    json_object_set_string_member(object, key, text);
}

void cli_json_add_body(JsonObject *object, GBytes *body) {
  gsize n;
  const char *data = g_bytes_get_data(body, &n);

  if (n == 0 || g_utf8_validate_len(data, n, NULL)) {
    g_autofree char *text = g_strndup(data ?: "", n);
    json_object_set_string_member(object, "body", text);
    return;
  }
  g_autofree char *encoded = g_base64_encode((const guchar *)data, n);
  json_object_set_string_member(object, "body_base64", encoded);
}

static JsonNode *from_string(const char *text) {
  JsonNode *node = json_node_new(JSON_NODE_VALUE);
  json_node_set_string(node, text);
  return node;
}

static JsonNode *from_int(gint64 value) {
  JsonNode *node = json_node_new(JSON_NODE_VALUE);
  json_node_set_int(node, value);
  return node;
}

static JsonNode *from_array(GVariant *value) {
  JsonArray *array = json_array_new();
  GVariantIter iter;

  g_variant_iter_init(&iter, value);
  for (;;) {
    g_autoptr(GVariant) child = g_variant_iter_next_value(&iter);
    if (!child)
      break;
    json_array_add_element(array, cli_json_from_variant(child));
  }
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);
  json_node_take_array(node, array);
  return node;
}

/* a{ss}: keys are the user's own and stay as they are. */
static JsonNode *from_string_dict(GVariant *value) {
  JsonObject *object = json_object_new();
  GVariantIter iter;
  const char *key, *text;

  g_variant_iter_init(&iter, value);
  while (g_variant_iter_next(&iter, "{&s&s}", &key, &text))
    json_object_set_string_member(object, key, text);
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  json_node_take_object(node, object);
  return node;
}

static JsonNode *from_dict(GVariant *value) {
  JsonObject *object = json_object_new();

  cli_json_add_dict(object, value);
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  json_node_take_object(node, object);
  return node;
}

static JsonNode *from_basic(GVariant *value) {
  JsonNode *node;

  switch (g_variant_classify(value)) {
  case G_VARIANT_CLASS_BOOLEAN:
    node = json_node_new(JSON_NODE_VALUE);
    json_node_set_boolean(node, g_variant_get_boolean(value));
    return node;
  case G_VARIANT_CLASS_BYTE:
    return from_int(g_variant_get_byte(value));
  case G_VARIANT_CLASS_INT32:
    return from_int(g_variant_get_int32(value));
  case G_VARIANT_CLASS_UINT32:
    return from_int(g_variant_get_uint32(value));
  case G_VARIANT_CLASS_INT64:
    return from_int(g_variant_get_int64(value));
  case G_VARIANT_CLASS_UINT64:
    return from_int((gint64)MIN(g_variant_get_uint64(value), (guint64)G_MAXINT64));
  case G_VARIANT_CLASS_DOUBLE:
    node = json_node_new(JSON_NODE_VALUE);
    json_node_set_double(node, g_variant_get_double(value));
    return node;
  default:
    return from_string(g_variant_get_string(value, NULL));
  }
}

JsonNode *cli_json_from_variant(GVariant *value) {
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARIANT)) {
    g_autoptr(GVariant) child = g_variant_get_variant(value);
    return cli_json_from_variant(child);
  }
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT))
    return from_dict(value);
  if (g_variant_is_of_type(value, G_VARIANT_TYPE("a{ss}")))
    return from_string_dict(value);
  if (g_variant_is_container(value))
    return from_array(value);
  return from_basic(value);
}

void cli_json_add(JsonObject *object, const char *key, GVariant *value) {
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64) && g_strv_contains(time_keys, key)) {
    cli_json_add_time(object, key, g_variant_get_uint64(value));
    return;
  }
  if (g_str_equal(key, "body") && g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING)) {
    g_autoptr(GBytes) body = g_variant_get_data_as_bytes(value);
    cli_json_add_body(object, body);
    return;
  }
  if (g_str_equal(key, "body-fd")) /* a number that means nothing outside this process */
    return;
  g_autofree char *name = json_key(key);
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64) && g_strv_contains(message_keys, key))
    cli_json_add_message(object, name, g_variant_get_uint64(value));
  else
    json_object_set_member(object, name, cli_json_from_variant(value));
}

void cli_json_add_dict(JsonObject *object, GVariant *dict) {
  g_autoptr(GVariant) message = g_variant_lookup_value(dict, "message", G_VARIANT_TYPE_UINT64);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init(&iter, dict);
  while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    /* in statistics "died" is a count, beside a message it is a time */
    if (g_str_equal(key, "died") && !message)
      json_object_set_member(object, key, cli_json_from_variant(value));
    else
      cli_json_add(object, key, value);
    g_variant_unref(value);
  }
}

/* "since_usec" of `key`, which has no "since" beside it; NULL: it is none. */
static char *lone_time(JsonObject *object, const char *key) {
  g_autofree char *name =
      g_str_has_suffix(key, "_usec") ? g_strndup(key, strlen(key) - strlen("_usec")) : NULL;

  return name && !json_object_has_member(object, name) ? g_steal_pointer(&name) : NULL;
}

static JsonNode *told(JsonNode *node);

static void add_told(JsonObject *from, const char *key, JsonNode *value, JsonObject *to) {
  gboolean whole = JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_INT64;
  g_autofree char *lone = whole ? lone_time(from, key) : NULL;

  if (lone || (whole && g_strv_contains(told_times, key))) {
    cli_json_add_time(to, lone ? lone : key, (guint64)MAX(json_node_get_int(value), 0));
    return;
  }
  g_autofree char *name = json_key(key);
  json_object_set_member(to, name,
                         g_strv_contains(told_names, key) ? json_node_copy(value) : told(value));
}

static JsonNode *told(JsonNode *node) {
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  if (JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray *from = json_node_get_array(node), *to = json_array_new();
    for (guint i = 0; i < json_array_get_length(from); i++)
      json_array_add_element(to, told(json_array_get_element(from, i)));
    JsonNode *list = json_node_init_array(json_node_alloc(), to);
    json_array_unref(to);
    return list;
  }
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return json_node_copy(node);
  JsonObject *to = json_object_new();
  json_object_iter_init_ordered(&iter, json_node_get_object(node));
  while (json_object_iter_next_ordered(&iter, &key, &value))
    add_told(json_node_get_object(node), key, value, to);
  JsonNode *ours = json_node_init_object(json_node_alloc(), to);
  json_object_unref(to);
  return ours;
}

JsonNode *cli_json_told(JsonNode *node) {
  JsonNode *ours = told(node);

  json_node_unref(node);
  return ours;
}

static char *generate(JsonNode *node, gboolean pretty) {
  g_autoptr(JsonGenerator) generator = json_generator_new();

  json_generator_set_root(generator, node);
  json_generator_set_pretty(generator, pretty);
  return json_generator_to_data(generator, NULL);
}

void cli_json_print(const Cli *cli, JsonNode *node) {
  g_autofree char *text = generate(node, cli->json == CLI_JSON_PRETTY);

  puts(text);
  json_node_unref(node);
}

static JsonNode *wrap(JsonObject *object) {
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  json_node_take_object(node, object);
  return node;
}

void cli_json_print_object(const Cli *cli, JsonObject *object) {
  cli_json_print(cli, wrap(object));
}

char *cli_json_line(JsonObject *object) {
  JsonNode *node = wrap(object);
  char *line = generate(node, FALSE);

  json_node_unref(node);
  return line;
}
