/* test-redact.c: what a manifest keeps for others is hidden and masked, and nothing else is; a
 * percentile is one of the values. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/redact.h"
#include "deployment/stats.h"

#include <string.h>

#define CANARY "c4n4ry-value"

static char *hidden(const char *manifest) {
  g_autoptr(JsonNode) node = json_from_string(manifest, NULL);

  dpl_redact(node, NULL);
  return json_to_string(node, FALSE);
}

static void test_hidden(void) {
  static const char *const manifests[] = {
      "{\"hooks\": {\"post-start\": [{\"command\": [\"x\"], \"environment\": [\"A=" CANARY
      "\"]}]}}",
      "{\"hooks\": {\"post-start\": [{\"environment\": {\"A\": \"" CANARY "\"}}]}}",
      "{\"state\": {\"migrate\": {\"up\": {\"environment\": [\"A=" CANARY "\"]}}}}",
      "{\"configuration\": [{\"file\": \"a\", \"content\": \"b\\npassword = " CANARY "\\n\"}]}",
      "{\"checks\": [{\"http\": \"x\", \"headers\": {\"Authorization\": \"" CANARY "\"}}]}",
      "{\"checks\": [{\"http\": \"x\", \"body\": \"" CANARY "\"}]}",
      "{\"checks\": [{\"greenboot\": \"x\", \"env\": [\"A=" CANARY "\"]}]}",
  };

  for (guint i = 0; i < G_N_ELEMENTS(manifests); i++) {
    g_autofree char *text = hidden(manifests[i]);
    g_autoptr(GPtrArray) values = dpl_redact_values(manifests[i]);
    g_autofree char *masked = dpl_redact_text("it printed " CANARY ", twice " CANARY, values);
    if (strstr(text, CANARY) || !strstr(text, DPL_REDACTED) || strstr(masked, CANARY))
      g_error("it is told: %s (%s)", text, masked);
    g_assert_true(g_str_has_prefix(masked, "it printed "));
  }
}

static void test_names_stay(void) {
  g_autofree char *text = hidden("{\"environment\": [\"PGPASSWORD=" CANARY "\"]}");

  g_assert_nonnull(strstr(text, "PGPASSWORD=" DPL_REDACTED));
}

/* What a check expects is compared with what anybody may observe; short values stay. */
static void test_open(void) {
  const char *manifest = "{\"name\": \"shop\", \"vars\": {\"port\": \"8080\"}, \"checks\": "
                         "[{\"file\": \"/x\", \"expect\": {\"content\": {\"contains\": "
                         "\"healthy\"}, \"headers\": {\"server\": \"shopping\"}}}]}";
  g_autofree char *text = hidden(manifest);
  g_autoptr(GPtrArray) values = dpl_redact_values(manifest);
  g_autoptr(GPtrArray) shorts = dpl_redact_values("{\"environment\": [\"A=1\"]}");
  g_autofree char *masked = dpl_redact_text("1 of 11", shorts);

  g_assert_null(strstr(text, DPL_REDACTED));
  g_assert_cmpuint(values->len, ==, 0);
  g_assert_cmpstr(masked, ==, "1 of 11");
}

static void test_damaged(void) {
  static const char *const texts[] = {
      NULL, "", "{", "[1, \"environment\"]", "7", "{\"configuration\": 7, \"environment\": null}"};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GPtrArray) values = dpl_redact_values(texts[i]);
    g_assert_cmpuint(values->len, ==, 0);
  }
}

static void test_percentile(void) {
  const gint64 values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

  g_assert_cmpint(dpl_percentile(values, 10, 50), ==, 5);
  g_assert_cmpint(dpl_percentile(values, 10, 95), ==, 10);
  g_assert_cmpint(dpl_percentile(values, 10, 90), ==, 9);
  g_assert_cmpint(dpl_percentile(values, 10, 0), ==, 1);
  g_assert_cmpint(dpl_percentile(values, 10, 100), ==, 10);
  g_assert_cmpint(dpl_percentile(values, 1, 95), ==, 1);
  g_assert_cmpint(dpl_percentile(NULL, 0, 95), ==, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/redact/hidden", test_hidden);
  g_test_add_func("/redact/names", test_names_stay);
  g_test_add_func("/redact/open", test_open);
  g_test_add_func("/redact/damaged", test_damaged);
  g_test_add_func("/stats/percentile", test_percentile);
  return g_test_run();
}
