/* verify-judge.c: see verify-judge.h. */
#include "deployment/verify-judge.h"

#include <stdarg.h>

/* Failed checks that a line names. */
#define NAMED 3

/* The exit contract (V.5) of waggle-verify. */
enum { EXIT_PASS = 0, EXIT_FAIL = 1, EXIT_DEADLINE = 3, EXIT_ERROR = 4 };

static const char *const names[] = {
    [DPL_VERDICT_PASS] = "pass",         [DPL_VERDICT_WARN] = "warn",   [DPL_VERDICT_FAIL] = "fail",
    [DPL_VERDICT_DEADLINE] = "deadline", [DPL_VERDICT_ERROR] = "error",
};

const char *dpl_verdict_name(DplVerdict verdict) {
  return names[verdict];
}

void dpl_verify_say(char **text, const char *format, ...) {
  va_list args;

  va_start(args, format);
  char *said = g_strdup_vprintf(format, args);
  va_end(args);
  g_free(*text);
  *text = said;
}

/* "web answers: status is 500; db: ..." of those that decided. */
static char *bad_checks(JsonObject *results) {
  JsonNode *member = json_object_get_member(results, "checks");
  JsonArray *checks =
      member != NULL && JSON_NODE_HOLDS_ARRAY(member) ? json_node_get_array(member) : NULL;
  GString *text = g_string_new(NULL);
  guint n = 0;

  for (guint i = 0; checks != NULL && i < json_array_get_length(checks); i++) {
    JsonNode *node = json_array_get_element(checks, i);
    JsonObject *check = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *verdict =
        check != NULL ? json_object_get_string_member_with_default(check, "verdict", "") : "";
    if (g_strcmp0(verdict, "fail") != 0 && g_strcmp0(verdict, "error") != 0)
      continue;
    if (n++ >= NAMED)
      continue;
    const char *name = json_object_get_string_member_with_default(check, "name", NULL);
    const char *why = json_object_get_string_member_with_default(check, "text", NULL);
    g_string_append_printf(text, "%s%s%s%s", text->len > 0 ? "; " : "", name != NULL ? name : "?",
                           why != NULL ? ": " : "", why != NULL ? why : "");
  }
  if (n > NAMED)
    g_string_append_printf(text, "; and %u more", n - NAMED);
  return g_string_free(text, FALSE);
}

static DplVerdict judge_exit(int code, JsonObject *results, char **ret_text) {
  const char *verdict = json_object_get_string_member_with_default(results, "verdict", "");
  g_autofree char *bad = bad_checks(results);

  if (code == EXIT_PASS && (g_strcmp0(verdict, "pass") == 0 || g_strcmp0(verdict, "warn") == 0)) {
    dpl_verify_say(ret_text, "all checks hold");
    return g_strcmp0(verdict, "pass") == 0 ? DPL_VERDICT_PASS : DPL_VERDICT_WARN;
  }
  if (code == EXIT_FAIL && g_strcmp0(verdict, "fail") == 0) {
    dpl_verify_say(ret_text, "%s", bad[0] != '\0' ? bad : "a check does not hold");
    return DPL_VERDICT_FAIL;
  }
  if (code == EXIT_DEADLINE) {
    dpl_verify_say(ret_text, "the verification's time was over%s%s", bad[0] != '\0' ? ": " : "",
                   bad);
    return DPL_VERDICT_DEADLINE;
  }
  if (code == EXIT_ERROR)
    dpl_verify_say(ret_text, "%s", bad[0] != '\0' ? bad : "a check could not be made");
  else
    dpl_verify_say(ret_text, "waggle-verify exited with %i and says \"%s\"", code,
                   verdict != NULL ? verdict : "");
  return DPL_VERDICT_ERROR;
}

DplVerdict dpl_verify_judge(const WgRunEnd *run, const char *results, gboolean canceled,
                            char **ret_text) {
  g_autoptr(JsonNode) node = results != NULL ? json_from_string(results, NULL) : NULL;
  JsonObject *object =
      node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;

  if (canceled || run->how == WG_RUN_TIMEOUT) {
    dpl_verify_say(ret_text, "the verification was ended before it was over");
    return DPL_VERDICT_DEADLINE;
  }
  if (run->how != WG_RUN_EXITED) {
    dpl_verify_say(ret_text, "waggle-verify %s", run->text);
    return DPL_VERDICT_ERROR;
  }
  if (object == NULL) {
    dpl_verify_say(ret_text, "waggle-verify %s and told no results", run->text);
    return DPL_VERDICT_ERROR;
  }
  return judge_exit(run->code, object, ret_text);
}
