/* explain.c: see explain.h. Everything said here stands in the record: nothing is guessed. */
#include "deployment/explain.h"

#include "deployment/states.h"

#include "common/trace-context.h"

#include <string.h>

#define VALUE_SHOWN 200

static const char *text_of(JsonObject *object, const char *key) {
  return json_object_get_string_member_with_default(object, key, "");
}

static gint64 number_of(JsonObject *object, const char *key) {
  return json_object_get_int_member_with_default(object, key, 0);
}

static JsonArray *array_of(JsonObject *object, const char *key) {
  JsonNode *node = json_object_get_member(object, key);

  return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static guint length_of(JsonArray *array) {
  return array != NULL ? json_array_get_length(array) : 0;
}

static char *span(gint64 usec) {
  if (usec < 1000000)
    return g_strdup_printf("%" G_GINT64_FORMAT " ms", usec / 1000);
  if (usec < (gint64)120 * 1000000)
    return g_strdup_printf("%.1f s", (double)usec / 1e6);
  return g_strdup_printf("%" G_GINT64_FORMAT " min %" G_GINT64_FORMAT " s", usec / 60000000,
                         usec / 1000000 % 60);
}

static char *when(gint64 usec) {
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(usec / 1000000);

  return time != NULL ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S UTC") : g_strdup("?");
}

/* ---- the paragraph ---- */
/* Where it failed: the state that was left for an abort or a roll-back. */
static const char *failed_in(JsonObject *shown) {
  JsonArray *list = array_of(shown, "transitions");

  for (guint i = 0; i < length_of(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    const char *to = text_of(one, "to"), *from = text_of(one, "from");
    if ((g_str_equal(to, "rolling-back") || g_str_equal(to, "aborted")) &&
        !g_str_equal(from, "rolling-back"))
      return from;
  }
  return "";
}

/* us from the first roll-back to the end. */
static gint64 undo_took(JsonObject *shown) {
  JsonArray *list = array_of(shown, "transitions");
  gint64 begin = 0, end = 0;

  for (guint i = 0; i < length_of(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    if (begin == 0 && g_str_equal(text_of(one, "to"), "rolling-back"))
      begin = number_of(one, "time");
    end = number_of(one, "time");
  }
  return begin != 0 ? end - begin : 0;
}

static void say_begin(GString *out, JsonObject *shown) {
  g_autofree char *began = when(number_of(shown, "created"));
  const char *reason = text_of(shown, "reason");
  gboolean back = g_str_equal(text_of(shown, "kind"), "rollback");

  g_string_append_printf(
      out, "%s %" G_GINT64_FORMAT " of %s %s at %s was asked for by %s on %s%s%s%s. ",
      back ? "Roll-back" : "Deployment", number_of(shown, "id"), text_of(shown, "name"),
      text_of(shown, "version"), text_of(shown, "target"), text_of(shown, "who"), began,
      reason[0] != '\0' ? " (\"" : "", reason, reason[0] != '\0' ? "\")" : "");
}

static void say_undone(GString *out, JsonObject *shown) {
  g_autofree char *took = span(undo_took(shown));
  const char *from = text_of(shown, "from");

  if (from[0] != '\0')
    g_string_append_printf(out,
                           "The release before, %s, was put back, started and verified; that took "
                           "%s. ",
                           from, took);
  else
    g_string_append_printf(out,
                           "There was no release before: none is current now, and the units that "
                           "it had started are stopped; that took %s. ",
                           took);
}

static void say_failure(GString *out, JsonObject *shown, const char *state) {
  const char *in = failed_in(shown), *failure = text_of(shown, "failure");

  g_string_append_printf(out, "It did not go well%s%s: %s. ", in[0] != '\0' ? " while " : "", in,
                         failure[0] != '\0' ? failure : text_of(shown, "cause"));
  if (g_str_equal(state, "aborted"))
    g_string_append(out, "Nothing had been changed by then: what served goes on serving. ");
  else if (g_str_equal(state, "rolled-back"))
    say_undone(out, shown);
  else
    g_string_append_printf(
        out,
        "The way back failed %" G_GINT64_FORMAT " times, the last time since %s; nothing more is "
        "changed, and the target takes no new deployment before somebody has looked. ",
        number_of(shown, "tries"), text_of(shown, "cause"));
}

static void say_end(GString *out, JsonObject *shown) {
  const char *state = text_of(shown, "state");
  DplState parsed;
  gint64 ended = number_of(shown, "ended");
  g_autofree char *took = span(ended - number_of(shown, "created"));

  if (!dpl_state_parse(state, &parsed) || !dpl_states[parsed].is_end) {
    g_string_append_printf(out, "It is under way (%s%s%s). ", state,
                           text_of(shown, "cause")[0] != '\0' ? ": " : "", text_of(shown, "cause"));
    if (parsed == DPL_STATE_VERIFIED)
      g_string_append(out, "The new release serves and is verified; without a confirmation in "
                           "time the one before comes back. ");
  } else if (parsed == DPL_STATE_DONE) {
    g_string_append_printf(out,
                           "Release %s is in force since then, verified (%s); all of it took "
                           "%s. ",
                           text_of(shown, "to"), text_of(shown, "verdict"), took);
  } else {
    say_failure(out, shown, state);
  }
}

/* ---- the evidence ---- */
/* A text as it is, anything else as JSON. */
static char *value_of(JsonNode *node) {
  if (node == NULL)
    return g_strdup("nothing");
  if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
    return g_strdup(json_node_get_string(node));
  return json_to_string(node, FALSE);
}

static void say_assertion(GString *out, JsonObject *one) {
  if (json_object_get_boolean_member_with_default(one, "holds", TRUE))
    return;
  static const char *const keys[] = {"expected", "observed"};
  g_string_append_printf(out, "      %s:", text_of(one, "key"));
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
    JsonNode *node = json_object_get_member(one, keys[i]);
    g_autofree char *value = value_of(node);
    g_autofree char *valid = g_utf8_make_valid(value, (gssize)MIN(strlen(value), VALUE_SHOWN));
    g_string_append_printf(out, "%s %s %s%s", i > 0 ? "," : "", keys[i], valid,
                           strlen(value) > VALUE_SHOWN ? "..." : "");
  }
  g_string_append_c(out, '\n');
}

static void say_check(GString *out, JsonObject *check) {
  JsonArray *assertions = array_of(check, "assertions");
  const char *hint = text_of(check, "hint"), *text = text_of(check, "text");

  g_string_append_printf(out, "  %s: %s (%s %s)\n", text_of(check, "verdict"),
                         text_of(check, "name"), text_of(check, "type"), text_of(check, "subject"));
  for (guint i = 0; i < length_of(assertions); i++)
    say_assertion(out, json_array_get_object_element(assertions, i));
  if (length_of(assertions) == 0 && text[0] != '\0')
    g_string_append_printf(out, "      %s\n", text);
  if (hint[0] != '\0')
    g_string_append_printf(out, "      hint: %s\n", hint);
}

static void say_checks(GString *out, JsonObject *shown) {
  JsonNode *node = json_object_get_member(shown, "results");
  JsonArray *checks = node != NULL && JSON_NODE_HOLDS_OBJECT(node)
                          ? array_of(json_node_get_object(node), "checks")
                          : NULL;
  gboolean first = TRUE;

  for (guint i = 0; i < length_of(checks); i++) {
    JsonObject *check = json_array_get_object_element(checks, i);
    const char *verdict = text_of(check, "verdict");
    if (!g_str_equal(verdict, "fail") && !g_str_equal(verdict, "error"))
      continue;
    if (first)
      g_string_append(out, "\nChecks that did not hold\n");
    first = FALSE;
    say_check(out, check);
  }
}

static void say_journal(GString *out, JsonObject *shown) {
  JsonNode *node = json_object_get_member(shown, "results");
  const char *journal = node != NULL && JSON_NODE_HOLDS_OBJECT(node)
                            ? text_of(json_node_get_object(node), "journal")
                            : "";
  g_auto(GStrv) lines = g_strsplit(journal, "\n", -1);

  if (journal[0] == '\0')
    return;
  g_string_append(out, "\nWhat units wrote last\n");
  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0')
      g_string_append_printf(out, "  %s\n", lines[i]);
}

static void say_transitions(GString *out, JsonObject *shown) {
  JsonArray *list = array_of(shown, "transitions");

  g_string_append(out, "\nWhat was done\n");
  for (guint i = 0; i < length_of(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    JsonObject *next = i + 1 < length_of(list) ? json_array_get_object_element(list, i + 1) : NULL;
    g_autofree char *took = next != NULL ? span(number_of(next, "took")) : g_strdup("");
    const char *cause = text_of(one, "cause"), *who = text_of(one, "who");
    g_string_append_printf(out, "  %-15s %9s%s%s%s%s%s\n", text_of(one, "to"), took,
                           cause[0] != '\0' ? "  " : "", cause, who[0] != '\0' ? " (" : "", who,
                           who[0] != '\0' ? ")" : "");
  }
}

static void say_trace(GString *out, JsonObject *shown) {
  WgTraceIds ids = wg_trace_ids(text_of(shown, "traceparent"));

  if (ids.trace[0] != '\0')
    g_string_append_printf(out, "\nIts journal: TRACE_ID=%s SPAN_ID=%s\n", ids.trace, ids.span);
}

char *dpl_explain(JsonObject *shown) {
  g_autoptr(GString) out = g_string_new(NULL);

  say_begin(out, shown);
  say_end(out, shown);
  g_string_truncate(out, out->len - 1);
  g_string_append_c(out, '\n');
  say_checks(out, shown);
  say_journal(out, shown);
  say_transitions(out, shown);
  say_trace(out, shown);
  return g_string_free(g_steal_pointer(&out), FALSE);
}
