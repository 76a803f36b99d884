/* presets-hosts.c: the presets that ask whether something answers: service-availability,
 * database-connectivity, external-integrations. What is asked is told by its form: a URL,
 * HOST:PORT, a path, the name of a unit. */
#include "checks/presets-all.h"

#include <string.h>

static gboolean is_host_port(const char *text) {
  const char *colon = strrchr(text, ':');

  return colon && colon > text && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

static gboolean is_unit(const char *text) {
  static const char *const suffixes[] = {".service", ".socket", ".target", ".timer",
                                         ".mount",   ".path",   ".slice",  NULL};

  for (guint i = 0; suffixes[i]; i++)
    if (g_str_has_suffix(text, suffixes[i]))
      return TRUE;
  return FALSE;
}

/* The check of what `text` is by its form; a bare name is a service. */
static JsonObject *check_of(const char *text) {
  if (g_str_has_prefix(text, "http://") || g_str_has_prefix(text, "https://"))
    return chk_preset_check("http", text);
  if (g_str_has_prefix(text, "postgres://") || g_str_has_prefix(text, "postgresql://"))
    return chk_preset_check("postgresql", text);
  if (g_str_has_prefix(text, "mysql://") || g_str_has_prefix(text, "mariadb://"))
    return chk_preset_check("mysql", text);
  if (g_str_has_prefix(text, "redis://") || g_str_has_prefix(text, "rediss://"))
    return chk_preset_check("redis", text);
  if (*text == '/')
    return chk_preset_check("unix-socket", text);
  JsonObject *check;
  if (is_unit(text) || !is_host_port(text)) {
    g_autofree char *unit = is_unit(text) ? g_strdup(text) : g_strconcat(text, ".service", NULL);
    check = chk_preset_check("unit", unit);
    chk_preset_expect(check, "expect", "{\"running\": true}");
    return check;
  }
  return chk_preset_check("tcp", text);
}

static void each_text(ChkPreset *p, const char *option, const char *member) {
  g_autofree JsonNode **elements = chk_preset_elements(p, option);

  for (guint i = 0; elements[i]; i++) {
    if (!JSON_NODE_HOLDS_VALUE(elements[i])) {
      wg_reader_problem(p->reader, option, "each is a text: a URL, HOST:PORT, a socket or a unit");
      return;
    }
    JsonObject *check = check_of(json_node_get_string(elements[i]));
    if (member)
      json_object_set_string_member(check, "level", member);
    chk_preset_add(p, check, json_node_get_string(elements[i]));
  }
}

const ChkKey chk_preset_service_availability[] = {
    {"services", CHK_TEXTS, "units, URLs, HOST:PORT or sockets"},
    {"at-least", CHK_TEXT, "share or number that has to answer (80%)"},
    {NULL}};

void chk_preset_expand_service_availability(ChkPreset *p) {
  each_text(p, "services", NULL);
  chk_preset_group(p, "80%");
}

const ChkKey chk_preset_external[] = {
    {"integrations", CHK_TEXTS, "URLs, HOST:PORT, databases; a failure is only a warning"}, {NULL}};

void chk_preset_expand_external(ChkPreset *p) {
  each_text(p, "integrations", "wanted");
}

const ChkKey chk_preset_database[] = {
    {"databases", CHK_JSON,
     "a list of URLs (postgresql:, mysql:, redis:) or of paths of SQLite files, or of objects: "
     "database, password-file, query, expect"},
    {"write", CHK_BOOL, "also write something and read it back; not into SQLite files (true)"},
    {NULL}};

/* A file may be written by its own service alone, so SQLite is opened, read and proven whole. */
static void add_database(ChkPreset *p, const char *text, JsonObject *from, gboolean write) {
  static const char *const own[] = {"password-file", "query", "expect", NULL};
  JsonObject *check = *text == '/' ? chk_preset_check("sqlite", text) : check_of(text);
  gboolean sqlite = *text == '/';

  if (!sqlite && !json_object_has_member(check, "postgresql") &&
      !json_object_has_member(check, "mysql") && !json_object_has_member(check, "redis")) {
    wg_reader_problem(p->reader, "databases",
                      "\"%s\" is no URL of postgresql, mysql or redis and no path", text);
    json_object_unref(check);
    return;
  }
  if (from)
    chk_preset_copy(from, check, own);
  if (write && !sqlite)
    json_object_set_boolean_member(check, "round-trip", TRUE);
  if (!json_object_has_member(check, "expect"))
    chk_preset_expect(check, "expect", "%s",
                      sqlite  ? "{\"opens\": true, \"integrity\": \"ok\"}"
                      : write ? "{\"connected\": true, \"round-trip\": true}"
                              : "{\"connected\": true}");
  /* a password may stand in the URL, and a name goes everywhere */
  const char *at = strrchr(text, '@'), *scheme = strstr(text, "://");
  g_autofree char *name = at && scheme
                              ? g_strdup_printf("%.*s%s", (int)(scheme + 3 - text), text, at + 1)
                              : g_strdup(text);
  chk_preset_add(p, check, name);
}

void chk_preset_expand_database(ChkPreset *p) {
  gboolean write = wg_reader_bool(p->reader, "write", TRUE);
  g_autofree JsonNode **elements = chk_preset_elements(p, "databases");

  for (guint i = 0; elements[i]; i++) {
    g_autofree char *pointer = g_strdup_printf("%s/databases/%u", p->pointer, i);
    if (JSON_NODE_HOLDS_VALUE(elements[i])) {
      add_database(p, json_node_get_string(elements[i]), NULL, write);
      continue;
    }
    WgReader *reader = wg_reader_new(p->load->doc, elements[i], pointer, p->load->problems);
    const char *text = wg_reader_need(reader, "database");
    wg_reader_know(reader, "password-file");
    wg_reader_know(reader, "query");
    wg_reader_know(reader, "expect");
    if (text)
      add_database(p, text, json_node_get_object(elements[i]), write);
    wg_reader_end(reader);
  }
}
