/* presets-web.c: the presets that ask over HTTP: system-health, api-endpoints,
 * performance-baselines, monitoring-systems. */
#include "checks/presets-all.h"

#include <string.h>

static const char *const request[] = {"method",   "headers",       "body",       "content-type",
                                      "user",     "password-file", "token-file", "ca-file",
                                      "insecure", "socket",        NULL};

const ChkKey chk_preset_system_health[] = {
    {"url", CHK_TEXT, "the health endpoint"}, {"unit", CHK_TEXT, "the unit that has to answer"},
    {"ca-file", CHK_TEXT, "as for http"},     {"insecure", CHK_BOOL, "as for http"},
    {"socket", CHK_TEXT, "as for http"},      {NULL}};

void chk_preset_expand_system_health(ChkPreset *p) {
  static const char *const own[] = {"unit", "ca-file", "insecure", "socket", NULL};
  const char *url = wg_reader_need(p->reader, "url");

  if (!url)
    return;
  JsonObject *check = chk_preset_check("http", url);
  for (guint i = 0; own[i]; i++) {
    JsonNode *node = wg_reader_node(p->reader, own[i]);
    if (node)
      json_object_set_member(check, own[i], json_node_ref(node));
  }
  chk_preset_expect(check, "expect",
                    "{\"status\": 200, \"json\": {\"/status\": {\"in\": [\"healthy\", "
                    "\"degraded\"]}, \"/version\": {\"exists\": true}, \"/timestamp\": "
                    "{\"exists\": true}}}");
  chk_preset_expect(check, "warn", "{\"json\": {\"/status\": \"healthy\"}}");
  chk_preset_add(p, check, url);
}

const ChkKey chk_preset_api_endpoints[] = {
    {"base", CHK_TEXT, "what stands before each path: http://127.0.0.1:8080"},
    {"endpoints", CHK_JSON,
     "a list of paths or URLs, or of objects: url (or path), status (200), expect, and the options "
     "of a request of http"},
    {"at-least", CHK_TEXT, "share or number that has to answer as expected (90%)"},
    {"unit", CHK_TEXT, "the unit that has to answer"},
    {NULL}};

static const char *url_of(JsonNode *element) {
  if (JSON_NODE_HOLDS_VALUE(element))
    return json_node_get_string(element);
  JsonObject *object = json_node_get_object(element);
  const char *url = json_object_get_string_member_with_default(object, "url", NULL);
  return url ? url : json_object_get_string_member_with_default(object, "path", NULL);
}

/* Members of an element that are not known are told like everywhere. */
static void know_members(ChkPreset *p, JsonNode *element, const char *option, guint i,
                         const char *const *own) {
  g_autofree char *pointer = g_strdup_printf("%s/%s/%u", p->pointer, option, i);

  if (!JSON_NODE_HOLDS_OBJECT(element))
    return;
  WgReader *reader = wg_reader_new(p->load->doc, element, pointer, p->load->problems);
  for (; *own; own++)
    wg_reader_know(reader, *own);
  for (guint k = 0; request[k]; k++)
    wg_reader_know(reader, request[k]);
  wg_reader_end(reader);
}

static JsonObject *http_of(ChkPreset *p, JsonNode *element, const char *base, char **ret_name) {
  const char *place = url_of(element);

  if (!place) {
    wg_reader_problem(p->reader, "endpoints", "each needs an \"url\"");
    return NULL;
  }
  g_autofree char *url = strstr(place, "://") ? g_strdup(place) : g_strconcat(base, place, NULL);
  JsonObject *check = chk_preset_check("http", url);
  if (JSON_NODE_HOLDS_OBJECT(element))
    chk_preset_copy(json_node_get_object(element), check, request);
  const char *method = json_object_get_string_member_with_default(check, "method", NULL);
  *ret_name = g_strdup_printf("%s%s%s", method ? method : "", method ? " " : "", place);
  return check;
}

static void expect_answer(JsonObject *check, JsonNode *element) {
  JsonObject *from = JSON_NODE_HOLDS_OBJECT(element) ? json_node_get_object(element) : NULL;
  JsonNode *expect = from ? json_object_get_member(from, "expect") : NULL;
  JsonObject *all = json_object_new();

  if (expect && JSON_NODE_HOLDS_OBJECT(expect)) {
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, json_node_get_object(expect));
    while (json_object_iter_next_ordered(&iter, &name, &node))
      json_object_set_member(all, name, json_node_ref(node));
  }
  JsonNode *status = from ? json_object_get_member(from, "status") : NULL;
  if (status)
    json_object_set_member(all, "status", json_node_ref(status));
  else if (!json_object_has_member(all, "status"))
    json_object_set_int_member(all, "status", 200);
  json_object_set_object_member(check, "expect", all);
}

void chk_preset_expand_api_endpoints(ChkPreset *p) {
  static const char *const own[] = {"url", "path", "status", "expect", NULL};
  const char *base = wg_reader_text(p->reader, "base", "");
  const char *unit = wg_reader_text(p->reader, "unit", NULL);
  g_autofree JsonNode **elements = chk_preset_elements(p, "endpoints");

  for (guint i = 0; elements[i]; i++) {
    g_autofree char *name = NULL;
    know_members(p, elements[i], "endpoints", i, own);
    JsonObject *check = http_of(p, elements[i], base, &name);
    if (!check)
      return;
    expect_answer(check, elements[i]);
    if (unit)
      json_object_set_string_member(check, "unit", unit);
    chk_preset_add(p, check, name);
  }
  chk_preset_group(p, "90%");
}

const ChkKey chk_preset_performance[] = {
    {"base", CHK_TEXT, "what stands before each path"},
    {"endpoints", CHK_JSON,
     "a list of paths or URLs, or of objects: url (or path), within, and the "
     "options of a request of http"},
    {"within", CHK_USEC, "the median answers faster than this (1s)"},
    {"samples", CHK_INT, "requests an endpoint (10)"},
    {"factor", CHK_NUMBER, "at most so much slower than the baseline (1.2)"},
    {"baseline", CHK_BOOL, "compare with the recorded baseline (true)"},
    {NULL}};

void chk_preset_expand_performance(ChkPreset *p) {
  static const char *const own[] = {"url", "path", "within", NULL};
  const char *base = wg_reader_text(p->reader, "base", "");
  gint64 samples = wg_reader_int(p->reader, "samples", 2, 1000, 10);
  double factor = wg_reader_number(p->reader, "factor", 1.2);
  gboolean baseline = wg_reader_bool(p->reader, "baseline", TRUE);
  JsonNode *within = wg_reader_node(p->reader, "within");
  g_autofree JsonNode **elements = chk_preset_elements(p, "endpoints");

  for (guint i = 0; elements[i]; i++) {
    g_autofree char *name = NULL;
    know_members(p, elements[i], "endpoints", i, own);
    JsonObject *check = http_of(p, elements[i], base, &name);
    if (!check)
      return;
    JsonNode *limit = JSON_NODE_HOLDS_OBJECT(elements[i])
                          ? json_object_get_member(json_node_get_object(elements[i]), "within")
                          : NULL;
    json_object_set_int_member(check, "samples", samples);
    /* the number of samples is an assertion, so that every output states it */
    chk_preset_expect(check, "expect", "{\"samples\": %" G_GINT64_FORMAT ", \"time\": {}}",
                      samples);
    JsonObject *time =
        json_object_get_object_member(json_object_get_object_member(check, "expect"), "time");
    limit = limit ? limit : within;
    if (limit)
      json_object_set_member(time, "at-most", json_node_ref(limit));
    else
      json_object_set_string_member(time, "at-most", "1s");
    if (baseline)
      json_object_set_double_member(time, "at-most-baseline", factor);
    chk_preset_add(p, check, name);
  }
}

const ChkKey chk_preset_monitoring[] = {
    {"sources", CHK_JSON,
     "a list of URLs, or of objects: url, contains (texts of the answer), and "
     "the options of a request of http"},
    {NULL}};

void chk_preset_expand_monitoring(ChkPreset *p) {
  static const char *const own[] = {"url", "contains", NULL};
  g_autofree JsonNode **elements = chk_preset_elements(p, "sources");

  for (guint i = 0; elements[i]; i++) {
    g_autofree char *name = NULL;
    know_members(p, elements[i], "sources", i, own);
    JsonObject *check = http_of(p, elements[i], "", &name);
    if (!check)
      return;
    JsonNode *contains = JSON_NODE_HOLDS_OBJECT(elements[i])
                             ? json_object_get_member(json_node_get_object(elements[i]), "contains")
                             : NULL;
    chk_preset_expect(check, "expect", "{\"status\": 200, \"body\": {\"length\": {\"more\": 0}}}");
    if (contains)
      json_object_set_member(
          json_object_get_object_member(json_object_get_object_member(check, "expect"), "body"),
          "contains", json_node_ref(contains));
    chk_preset_add(p, check, name);
  }
}
