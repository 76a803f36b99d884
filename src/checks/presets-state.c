/* presets-state.c: the presets that look at this machine's own state: configuration-integrity,
 * security-posture, rollback-capability. */
#include "checks/presets-all.h"

#include "checks/matcher-operators.h"
#include "checks/unit-name.h"

#include <string.h>

const ChkKey chk_preset_configuration[] = {
    {"files", CHK_JSON,
     "a list of paths, or of objects: file, format (json, yaml, ini or env; by the name's end), "
     "keys (a list of those that have to be there, or an object of what they should be), mode, "
     "owner, group"},
    {"at-least", CHK_TEXT, "share or number of files that has to be right (80%)"},
    {NULL}};

static const char *format_of(const char *file, const char *given) {
  if (given)
    return given;
  if (g_str_has_suffix(file, ".json"))
    return "json";
  if (g_str_has_suffix(file, ".yaml") || g_str_has_suffix(file, ".yml"))
    return "yaml";
  return g_str_has_suffix(file, ".env") ? "env" : "ini";
}

/* "server.port" and "/server/port" are the same key. */
static char *pointer_of(const char *key) {
  g_autofree char *path = *key == '/' ? g_strdup(key) : g_strconcat("/", key, NULL);

  if (*key != '/')
    g_strdelimit(path, ".", '/');
  return g_steal_pointer(&path);
}

static void expect_document(JsonObject *expect, const char *format, JsonNode *keys) {
  JsonObject *pointers = json_object_new();

  if (JSON_NODE_HOLDS_ARRAY(keys)) {
    JsonArray *array = json_node_get_array(keys);
    for (guint i = 0; i < json_array_get_length(array); i++) {
      g_autofree char *pointer = pointer_of(json_array_get_string_element(array, i));
      JsonObject *there = json_object_new();
      json_object_set_boolean_member(there, "exists", TRUE);
      json_object_set_object_member(pointers, pointer, there);
    }
  } else {
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, json_node_get_object(keys));
    while (json_object_iter_next_ordered(&iter, &name, &node)) {
      g_autofree char *pointer = pointer_of(name);
      json_object_set_member(pointers, pointer, json_node_ref(node));
    }
  }
  json_object_set_object_member(expect, format, pointers);
}

/* KEY=VALUE lines, perhaps exported, perhaps quoted. */
static void expect_env(JsonObject *expect, JsonNode *keys) {
  JsonArray *lines = json_array_new();

  if (JSON_NODE_HOLDS_ARRAY(keys)) {
    JsonArray *array = json_node_get_array(keys);
    for (guint i = 0; i < json_array_get_length(array); i++) {
      g_autofree char *key = g_regex_escape_string(json_array_get_string_element(array, i), -1);
      g_autofree char *line = g_strdup_printf("/^\\s*(export\\s+)?%s\\s*=/", key);
      json_array_add_string_element(lines, line);
    }
  } else {
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, json_node_get_object(keys));
    while (json_object_iter_next_ordered(&iter, &name, &node)) {
      g_autofree char *value =
          JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
              ? json_node_dup_string(node)
              : json_to_string(node, FALSE);
      g_autofree char *k = g_regex_escape_string(name, -1), *v = g_regex_escape_string(value, -1);
      g_autofree char *line =
          g_strdup_printf("/^\\s*(export\\s+)?%s\\s*=\\s*[\"']?%s[\"']?\\s*$/", k, v);
      json_array_add_string_element(lines, line);
    }
  }
  json_object_set_array_member(expect, "content", lines);
}

static gboolean keys_are_good(WgReader *reader, JsonNode *keys) {
  gboolean good = JSON_NODE_HOLDS_OBJECT(keys) || JSON_NODE_HOLDS_ARRAY(keys);

  if (good && JSON_NODE_HOLDS_ARRAY(keys)) {
    JsonArray *array = json_node_get_array(keys);
    good = json_array_get_length(array) > 0;
    for (guint i = 0; good && i < json_array_get_length(array); i++)
      good = JSON_NODE_HOLDS_VALUE(json_array_get_element(array, i)) &&
             json_array_get_string_element(array, i) != NULL;
  } else if (good) {
    good = json_object_get_size(json_node_get_object(keys)) > 0;
  }
  if (!good)
    wg_reader_problem(reader, "keys",
                      "a list of keys, or an object of keys and what they should be, "
                      "is needed; not an empty one");
  return good;
}

static void add_file(ChkPreset *p, const char *file, WgReader *reader) {
  static const char *const formats[] = {"json", "yaml", "ini", "env", NULL};
  static const char *const own[] = {"mode", "owner", "group"};
  int given =
      reader && wg_reader_has(reader, "format") ? wg_reader_word(reader, "format", formats, 0) : -1;
  const char *format = format_of(file, given >= 0 ? formats[given] : NULL);
  JsonNode *keys = reader ? wg_reader_node(reader, "keys") : NULL;
  JsonObject *check = chk_preset_check("file", file), *expect = json_object_new();

  json_object_set_object_member(check, "expect", expect);
  json_object_set_string_member(expect, "type", "file");
  for (guint i = 0; reader && i < G_N_ELEMENTS(own); i++) {
    JsonNode *node = wg_reader_node(reader, own[i]);
    if (node)
      json_object_set_member(expect, own[i], json_node_ref(node));
  }
  if (keys && keys_are_good(reader, keys)) {
    if (strcmp(format, "env") == 0)
      expect_env(expect, keys);
    else
      expect_document(expect, format, keys);
  } else if (!keys && strcmp(format, "env") != 0) {
    /* without keys it has to be a document of its format */
    chk_preset_expect(expect, format, "{\"exists\": true}");
  }
  chk_preset_add(p, check, file);
}

void chk_preset_expand_configuration(ChkPreset *p) {
  g_autofree JsonNode **elements = chk_preset_elements(p, "files");

  for (guint i = 0; elements[i]; i++) {
    g_autofree char *pointer = g_strdup_printf("%s/files/%u", p->pointer, i);
    if (JSON_NODE_HOLDS_VALUE(elements[i])) {
      add_file(p, json_node_get_string(elements[i]), NULL);
      continue;
    }
    WgReader *reader = wg_reader_new(p->load->doc, elements[i], pointer, p->load->problems);
    const char *file = wg_reader_need(reader, "file");
    if (file)
      add_file(p, file, reader);
    wg_reader_end(reader);
  }
  chk_preset_group(p, "80%");
}

const ChkKey chk_preset_security[] = {
    {"units", CHK_TEXTS,
     "their exposure is not higher than before, and their processes have, and may gain, no new "
     "capability"},
    {"listening", CHK_BOOL, "no socket listens that did not before (true)"},
    {"set-id", CHK_TEXTS,
     "directories: no set-uid or set-gid file below that was not there before"},
    {"protected", CHK_TEXTS, "URLs that answer 401 or 403 without credentials"},
    {"headers-of", CHK_TEXTS, "URLs whose security headers are still there"},
    {"headers", CHK_TEXTS, "headers that those URLs have to send in any case"},
    {NULL}};

static const char *const security_headers[] = {"strict-transport-security",
                                               "content-security-policy",
                                               "x-content-type-options",
                                               "x-frame-options",
                                               "referrer-policy",
                                               "permissions-policy",
                                               NULL};

static void add_headers(ChkPreset *p, const char *url) {
  g_auto(GStrv) needed = wg_reader_texts(p->reader, "headers");
  JsonObject *check = chk_preset_check("http", url);

  chk_preset_expect(check, "expect", "{\"headers\": {}}");
  JsonObject *headers =
      json_object_get_object_member(json_object_get_object_member(check, "expect"), "headers");
  for (guint i = 0; security_headers[i]; i++) {
    g_autofree char *pointer = g_strconcat("/", security_headers[i], NULL);
    chk_preset_expect(headers, pointer, "{\"keeps\": true}");
  }
  for (guint i = 0; needed[i]; i++) {
    g_autofree char *name = g_ascii_strdown(needed[i], -1);
    g_autofree char *pointer = chk_pointer_join("", name);
    chk_preset_expect(headers, pointer, "{\"exists\": true}");
  }
  g_autofree char *name = g_strconcat("headers of ", url, NULL);
  chk_preset_add(p, check, name);
}

static void add_each(ChkPreset *p, const char *option, const char *type, const char *expect,
                     const char *words) {
  g_auto(GStrv) subjects = wg_reader_texts(p->reader, option);

  for (guint i = 0; subjects[i]; i++) {
    JsonObject *check = chk_preset_check(type, subjects[i]);
    g_autofree char *name = g_strdup_printf("%s %s", words, subjects[i]);
    chk_preset_expect(check, "expect", "%s", expect);
    if (strcmp(type, "directory") == 0)
      json_object_set_boolean_member(check, "recursive", TRUE);
    chk_preset_add(p, check, name);
  }
}

/* Of a unit without processes there is nothing to say. */
static void add_capabilities(ChkPreset *p) {
  g_auto(GStrv) units = wg_reader_texts(p->reader, "units");

  for (guint i = 0; units[i]; i++) {
    g_autofree char *unit = chk_unit_name(units[i]);
    g_autofree char *name = g_strdup_printf("capabilities of %s", units[i]);
    JsonObject *check = chk_preset_check("process", unit);
    json_object_set_string_member(check, "by", "unit");
    chk_preset_expect(check, "expect",
                      "{\"capabilities\": {\"or\": [{\"absent\": true}, {\"no-new\": true}]}, "
                      "\"may-gain\": {\"or\": [{\"absent\": true}, {\"no-new\": true}]}}");
    chk_preset_add(p, check, name);
  }
}

void chk_preset_expand_security(ChkPreset *p) {
  g_auto(GStrv) headers_of = wg_reader_texts(p->reader, "headers-of");

  add_each(p, "units", "unit", "{\"exposure\": {\"not-higher\": true}}", "exposure of");
  add_capabilities(p);
  if (wg_reader_bool(p->reader, "listening", TRUE)) {
    JsonObject *check = chk_preset_check("listening", "tcp");
    chk_preset_expect(check, "expect", "{\"sockets\": {\"no-new\": true}}");
    chk_preset_add(p, check, "listening sockets");
  }
  add_each(p, "set-id", "directory", "{\"set-id\": {\"no-new\": true}}", "set-uid files below");
  add_each(p, "protected", "http", "{\"status\": {\"in\": [401, 403]}}", "protected");
  for (guint i = 0; headers_of[i]; i++)
    add_headers(p, headers_of[i]);
  if (json_array_get_length(p->members) == 0)
    wg_reader_problem(p->reader, NULL, "nothing is left of it to check");
}

const ChkKey chk_preset_rollback[] = {
    {"space", CHK_BYTES, "free space beside the previous release (256M)"},
    {"inodes", CHK_INT, "free inodes there (1000)"},
    {"units", CHK_TEXTS, "units whose files systemd-analyze verify finds nothing wrong with"},
    {NULL}};

void chk_preset_expand_rollback(ChkPreset *p) {
  guint64 space = wg_reader_bytes(p->reader, "space", 256 * 1024 * 1024);
  gint64 inodes = wg_reader_int(p->reader, "inodes", 1, G_MAXINT32, 1000);
  JsonObject *check = chk_preset_check("release", "previous");

  chk_preset_expect(check, "expect",
                    "{\"exists\": true, \"intact\": true, \"digest-holds\": true, \"free\": "
                    "{\"at-least\": %" G_GUINT64_FORMAT "}, \"inodes-free\": {\"or\": "
                    "[{\"absent\": true}, {\"at-least\": %" G_GINT64_FORMAT "}]}}",
                    MAX(space, 1), inodes);
  if (!json_object_has_member(p->shared, "timeout"))
    json_object_set_string_member(check, "timeout", "2min");
  chk_preset_add(p, check, "previous release");
  add_each(p, "units", "unit", "{\"exists\": true, \"problems\": {\"only\": []}}", "file of");
}
