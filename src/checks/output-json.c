/* output-json.c: a report as JSON, of the published schema results.schema.json. Members that say
 * nothing are left out. */
#include "checks/load-internal.h"
#include "checks/output.h"
#include "checks/text.h"

static void set_text(JsonObject *object, const char *name, const char *text) {
  if (!text)
    return;
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  json_object_set_string_member(object, name, valid);
}

static JsonArray *attempts(const ChkResult *result) {
  JsonArray *list = json_array_new();

  for (guint i = 0; i < result->attempts->len; i++) {
    const ChkAttempt *attempt = g_ptr_array_index(result->attempts, i);
    JsonObject *object = json_object_new();
    set_text(object, "verdict", chk_verdict_name(attempt->verdict));
    json_object_set_int_member(object, "duration", (gint64)attempt->duration);
    set_text(object, "text", attempt->text);
    json_array_add_object_element(list, object);
  }
  return list;
}

static JsonArray *assertions(const ChkResult *result) {
  static const char *const holds[] = {[CHK_HOLDS] = "yes",
                                      [CHK_HOLDS_NOT] = "no",
                                      [CHK_HOLDS_UNKNOWN] = "unknown",
                                      [CHK_HOLDS_NO_CASE] = "no-case"};
  JsonArray *list = json_array_new();

  for (guint i = 0; i < result->assertions->len; i++) {
    const ChkAsserted *a = g_ptr_array_index(result->assertions, i);
    JsonObject *object = json_object_new();
    set_text(object, "key", a->key);
    if (a->warn)
      json_object_set_boolean_member(object, "warn", TRUE);
    set_text(object, "expected", a->match.expected);
    set_text(object, "observed", a->match.observed);
    set_text(object, "holds", holds[a->match.holds]);
    set_text(object, "conversion", a->match.chain);
    set_text(object, "text", a->match.text);
    json_array_add_object_element(list, object);
  }
  return list;
}

static JsonObject *result_object(const ChkResult *r) {
  const ChkCheck *check = r->check;
  JsonObject *object = json_object_new();

  set_text(object, "name", check->name);
  set_text(object, "type", check->type->name);
  set_text(object, "subject", check->subject);
  set_text(object, "verdict", chk_verdict_name(r->verdict));
  if (r->found != r->verdict)
    set_text(object, "found", chk_verdict_name(r->found));
  set_text(object, "level", chk_level_words[check->level]);
  set_text(object, "priority", chk_priority_words[check->priority]);
  json_object_set_int_member(object, "duration", (gint64)r->duration);
  if (r->n_attempts > r->attempts->len)
    json_object_set_int_member(object, "attempts-in-all", r->n_attempts);
  json_object_set_array_member(object, "attempts", attempts(r));
  json_object_set_array_member(object, "assertions", assertions(r));
  set_text(object, "text", r->text);
  set_text(object, "hint", check->hint);
  if (*check->tags) {
    JsonArray *tags = json_array_new();
    for (char **tag = check->tags; *tag; tag++)
      json_array_add_string_element(tags, *tag);
    json_object_set_array_member(object, "tags", tags);
  }
  if (r->waived) {
    JsonObject *waived = json_object_new();
    set_text(waived, "reason", check->waiver->reason);
    set_text(waived, "owner", check->waiver->owner);
    set_text(waived, "expires", check->waiver->expires);
    json_object_set_object_member(object, "waived", waived);
  }
  if (r->unit)
    json_object_set_object_member(object, "unit", json_object_ref(r->unit));
  return object;
}

static JsonNode *take_node(JsonObject *object) {
  JsonNode *node = json_node_init_object(json_node_alloc(), object);

  json_object_unref(object);
  return node;
}

JsonNode *chk_result_json(const ChkResult *result) {
  return take_node(result_object(result));
}

static JsonObject *summary(const ChkSummary *s) {
  JsonObject *object = json_object_new();

  json_object_set_int_member(object, "total", s->total);
  json_object_set_int_member(object, "pass", s->pass);
  json_object_set_int_member(object, "warn", s->warn);
  json_object_set_int_member(object, "fail", s->fail);
  json_object_set_int_member(object, "error", s->error);
  json_object_set_int_member(object, "skip", s->skip);
  json_object_set_int_member(object, "waived", s->waived);
  return object;
}

static JsonArray *groups(const ChkReport *report) {
  JsonArray *list = json_array_new();

  for (guint i = 0; i < report->groups->len; i++) {
    const ChkGroupResult *g = g_ptr_array_index(report->groups, i);
    JsonObject *object = json_object_new();
    g_autofree char *text = chk_group_text(g);
    set_text(object, "name", g->group->name);
    set_text(object, "verdict", chk_verdict_name(g->verdict));
    set_text(object, "level", chk_level_words[g->group->level]);
    json_object_set_int_member(object, "passed", g->passed);
    json_object_set_int_member(object, "total", g->total);
    if (g->group->at_least > 0)
      json_object_set_int_member(object, "at-least", g->group->at_least);
    else
      json_object_set_double_member(object, "share", g->group->share);
    set_text(object, "text", text);
    json_array_add_object_element(list, object);
  }
  return list;
}

static JsonArray *recommendations(const ChkReport *report) {
  JsonArray *list = json_array_new();
  g_autoptr(GPtrArray) all = chk_recommendations(report);

  for (guint i = 0; i < all->len; i++) {
    const ChkRecommendation *r = g_ptr_array_index(all, i);
    JsonObject *object = json_object_new();
    set_text(object, "priority", chk_priority_names[r->priority]);
    set_text(object, "check", r->name);
    set_text(object, "text", r->text);
    json_array_add_object_element(list, object);
  }
  return list;
}

static JsonObject *context(JsonObject *from) {
  static const char *const members[] = {"deployment", "target", "release", "units"};
  JsonObject *object = json_object_new();

  for (guint i = 0; i < G_N_ELEMENTS(members); i++)
    if (json_object_has_member(from, members[i]))
      json_object_set_member(object, members[i],
                             json_node_ref(json_object_get_member(from, members[i])));
  return object;
}

JsonNode *chk_report_json(const ChkReport *report, gboolean strict) {
  JsonObject *object = json_object_new();
  JsonArray *checks = json_array_new();
  g_autofree char *started = chk_time_text(report->started);
  g_autofree char *finished = chk_time_text(report->finished);

  for (guint i = 0; i < report->results->len; i++)
    json_array_add_object_element(checks, result_object(g_ptr_array_index(report->results, i)));
  set_text(object, "schema", CHK_SCHEMA_RESULTS);
  set_text(object, "name", report->plan->name);
  set_text(object, "started", started);
  set_text(object, "finished", finished);
  json_object_set_int_member(object, "duration", (gint64)report->duration);
  set_text(object, "verdict", chk_verdict_name(report->verdict));
  json_object_set_boolean_member(object, "deadline", report->deadline);
  json_object_set_int_member(object, "exit", chk_report_exit(report, strict));
  json_object_set_object_member(object, "summary", summary(&report->summary));
  json_object_set_array_member(object, "checks", checks);
  json_object_set_array_member(object, "groups", groups(report));
  json_object_set_array_member(object, "recommendations", recommendations(report));
  if (report->context)
    json_object_set_object_member(object, "context", context(report->context));
  return take_node(object);
}
