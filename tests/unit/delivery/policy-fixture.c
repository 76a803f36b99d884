/* policy-fixture.c: see policy-fixture.h. */
#include "policy-fixture.h"

static const DlvOption bell_options[] = {
    {"place", DLV_TEXT, TRUE, 0, 0, "where it hangs"},
    {"argv", DLV_TEXTS, FALSE, 0, 0, "words"},
    {"loud", DLV_BOOL, FALSE, 0, 0, "whether it is loud"},
    {"times", DLV_NUMBER, FALSE, 1, 10, "how often"},
    {"pause", DLV_TIME, FALSE, 1000, 60 * G_USEC_PER_SEC, "between two"},
    {"weight", DLV_SIZE, FALSE, 16, 1 << 20, "of its body"},
    {"target", DLV_OBJECT, FALSE, 0, 0, "whom it is for"},
    {NULL},
};
static const DlvOption no_options[] = {{NULL}};

static const DlvBackendClass bell = {.name = "bell", .options = bell_options};
static const DlvBackendClass chime = {.name = "chime", .options = no_options, .max_messages = 2};
static const DlvBackendClass box = {
    .name = "box", .flags = DLV_EACH | DLV_DURABLE, .options = no_options, .max_messages = 3};
static const DlvBackendClass worker = {
    .name = "worker", .flags = DLV_EACH | DLV_LEASES | DLV_BODIES, .options = no_options};

const DlvBackendClass *const fixture_classes[] = {&bell, &chime, &box, &worker, NULL};

char *fixture_json(const char *text) {
  return g_strdelimit(g_strdup(text), "'", '"');
}

DlvPolicy *fixture_policy(const char *text) {
  g_autofree char *json = fixture_json(text);
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)dlv_problem_free);
  DlvPolicy *policy = dlv_policy_parse(json, fixture_classes, problems);
  g_autofree char *shown = dlv_problems_text(problems);

  g_assert_cmpstr(shown, ==, "");
  g_assert_nonnull(policy);
  return policy;
}

char *fixture_problems(const char *text) {
  g_autofree char *json = fixture_json(text);
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)dlv_problem_free);
  DlvPolicy *policy = dlv_policy_parse(json, fixture_classes, problems);

  g_assert_null(policy);
  g_assert_cmpuint(problems->len, >, 0);
  return dlv_problems_text(problems);
}
