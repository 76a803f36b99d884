/* policy.c: see policy.h. */
#include "client/policy.h"

#include "client/dict.h"
#include "client/fields.h"
#include "client/session.h"
#include "client/times.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#define POLICY_MAX (64 << 10)

static char *read_stdin(GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  char buffer[4096];
  gsize n;

  while (text->len <= POLICY_MAX && (n = fread(buffer, 1, sizeof buffer, stdin)) > 0)
    g_string_append_len(text, buffer, (gssize)n);
  if (ferror(stdin)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot read the policy from stdin");
    return NULL;
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

char *cli_policy_read(const char *path, GError **error) {
  g_autoptr(GError) cause = NULL;
  g_autofree char *text = NULL;

  if (g_str_equal(path, "-"))
    text = read_stdin(error);
  else if (!g_file_get_contents(path, &text, NULL, &cause))
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "cannot read the policy: %s", cause->message);
  if (text && (strlen(text) > POLICY_MAX || !g_utf8_validate(text, -1, NULL))) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "%s: longer than 64 KiB, or no UTF-8 text", path);
    return NULL;
  }
  return g_steal_pointer(&text);
}

/* What nobody could ever read; the rest is the courier's to say. */
static gboolean is_object(const char *json, GError **error) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  g_autoptr(GError) cause = NULL;

  if (!json_parser_load_from_data(parser, json, -1, &cause)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "the policy is no JSON: %s", cause->message);
    return FALSE;
  }
  JsonNode *root = json_parser_get_root(parser);
  if (root && JSON_NODE_HOLDS_OBJECT(root))
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "the policy is no JSON object");
  return FALSE;
}

gboolean cli_policy_check(const char *json, GError **error) {
  g_autoptr(GError) cause = NULL;
  g_autoptr(GVariant) reply =
      cli_session_call(CLI_COURIER, "CheckPolicy", g_variant_new("(s)", json), 0, &cause);

  if (!reply && *json && !is_object(json, error)) /* empty: none */
    return FALSE;
  if (!reply) {
    fprintf(stderr, "waggle: the policy was not checked: %s\n", cause->message);
    return TRUE;
  }
  g_autoptr(GVariant) problems = g_variant_get_child_value(reply, 0);
  gsize n = g_variant_n_children(problems);
  if (n == 0)
    return TRUE;
  g_autoptr(GString) all = g_string_new(NULL);
  for (gsize i = 0; i < n; i++) {
    const char *where, *what;
    g_variant_get_child(problems, i, "(&s&s)", &where, &what);
    g_string_append_printf(all, "\n  %s: %s", *where ? where : "/", what);
  }
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "the policy is refused:%s", all->str);
  return FALSE;
}

static void explain_backend(GVariant *b, gboolean first) {
  const char *state = cli_dict_string(b, "state"), *cause = cli_dict_string(b, "last-cause");
  const char *name = cli_dict_string(b, "name"), *use = cli_dict_string(b, "use");
  const char *result = cli_dict_string(b, "last-result");
  guint64 retry = cli_dict_u64(b, "retry-at"), last = cli_dict_u64(b, "last-time");
  guint64 now = (guint64)g_get_real_time();
  g_autoptr(GString) text = g_string_new(name);

  if (g_strcmp0(name, use) != 0)
    g_string_append_printf(text, " (%s)", use);
  g_string_append_printf(text, ": %s", state ?: "unknown");
  if (retry > now) {
    g_autofree char *when = cli_time_relative(retry, now);
    g_string_append_printf(text, ", again %s", when);
  }
  if (result && *result) {
    g_autofree char *when = cli_time_relative(last, now);
    g_string_append_printf(text, "; %s %s%s%s", result, when, cause && *cause ? ": " : "",
                           cause ?: "");
  }
  cli_field_styled(first ? "Back-ends" : "", text->str,
                   g_strcmp0(state, "open") == 0 ? CLI_STYLE_WARNING : CLI_STYLE_NONE);
}

gboolean cli_policy_explain(const char *agent, gboolean must, GError **error) {
  g_autoptr(GError) cause = NULL;
  g_autoptr(GVariant) reply =
      cli_session_call(CLI_COURIER, "Explain", g_variant_new("(s)", agent), 0, &cause);

  if (!reply) {
    if (must)
      g_propagate_error(error, g_steal_pointer(&cause));
    return !must;
  }
  g_autoptr(GVariant) e = g_variant_get_child_value(reply, 0);
  g_autoptr(GVariant) backends = cli_dict_value(e, "backends", "aa{sv}");
  const char *wrong = cli_dict_string(e, "policy-error");
  if (wrong && *wrong)
    cli_field_styled("Refused", wrong, CLI_STYLE_BAD);
  for (gsize i = 0; backends && i < g_variant_n_children(backends); i++) {
    g_autoptr(GVariant) backend = g_variant_get_child_value(backends, i);
    explain_backend(backend, i == 0);
  }
  cli_field("Under way", cli_dict_string(e, "in-flight"));
  cli_field_time("Quiet until", cli_dict_u64(e, "quiet-until"));
  cli_field("Next", cli_dict_string(e, "next"));
  return TRUE;
}
