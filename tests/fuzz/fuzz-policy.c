/* fuzz-policy.c: any bytes as a policy. It is refused with at least one problem, each of one line
 * and with a pointer; or it is a policy that stays within its bounds, that every back-end can look
 * at, and with which the ladder decides. What the strict scanner lets through json-glib reads. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "delivery/courier.h"
#include "delivery/digest.h"
#include "delivery/ladder.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOON G_GINT64_CONSTANT(1795435200000000)

/* An option of each type, which the real ones may not have. */
static const DlvOption any_options[] = {
    {"text", DLV_TEXT, TRUE, 0, 0, "a text"},
    {"texts", DLV_TEXTS, FALSE, 0, 0, "texts"},
    {"bool", DLV_BOOL, FALSE, 0, 0, "a truth"},
    {"number", DLV_NUMBER, FALSE, 3, 9, "a number"},
    {"time", DLV_TIME, FALSE, 1000, 10 * G_USEC_PER_SEC, "a time"},
    {"size", DLV_SIZE, FALSE, 16, 4096, "a size"},
    {"object", DLV_OBJECT, FALSE, 0, 0, "an object"},
    {NULL},
};
static const DlvBackendClass any_class = {.name = "any", .options = any_options};

static const DlvBackendClass *const *classes(void) {
  static GPtrArray *list;

  if (!list) {
    list = g_ptr_array_new();
    g_ptr_array_add(list, (gpointer)&any_class);
    for (guint i = 0; dlv_backend_classes[i]; i++)
      g_ptr_array_add(list, (gpointer)dlv_backend_classes[i]);
    g_ptr_array_add(list, NULL);
  }
  return (const DlvBackendClass *const *)list->pdata;
}

static void check_problem(gpointer data, gpointer user_data) {
  const DlvProblem *problem = data;

  g_assert_true(*problem->pointer == '\0' || *problem->pointer == '/');
  g_assert_true(*problem->text && g_utf8_validate(problem->text, -1, NULL));
  g_assert_null(strpbrk(problem->text, "\n\r\033"));
}

static void check_options(const DlvEntry *entry) {
  JsonObject *o = entry->options;

  if (entry->class != &any_class) {
    g_autoptr(GError) error = NULL;
    gpointer state = entry->class->configure(NULL, "agent", o, &error);
    g_assert_true((state == NULL) == (error != NULL));
    if (state)
      entry->class->free(state);
    return;
  }
  g_auto(GStrv) texts = dlv_option_texts(o, "texts");
  g_assert_true(*dlv_option_text(o, "text", ""));
  g_assert_cmpuint(dlv_option_bool(o, "bool", FALSE), <=, 1);
  g_assert_cmpuint(dlv_option_number(o, "number", 3), >=, 3);
  g_assert_cmpuint(dlv_option_number(o, "number", 3), <=, 9);
  g_assert_cmpuint(dlv_option_time(o, "time", 1000), >=, 1000);
  g_assert_cmpuint(dlv_option_time(o, "time", 1000), <=, 10 * G_USEC_PER_SEC);
  g_assert_cmpuint(dlv_option_size(o, "size", 16), >=, 16);
  g_assert_cmpuint(dlv_option_size(o, "size", 16), <=, 4096);
}

/* A message of each priority, from now until nothing more runs. */
static void check_ladder(const DlvPolicy *policy) {
  g_autofree DlvRung *rungs = g_new0(DlvRung, policy->n_entries);
  g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
  DlvAgentState agent = {.last_seen = NOON - G_USEC_PER_SEC};
  DlvNow now = {.boot = 5 * G_USEC_PER_SEC, .real = NOON, .zone = zone};
  DlvMail mail[10], *list[10];

  for (guint8 i = 0; i < 10; i++) {
    dlv_mail_init(&mail[i], i, i, NOON, i % 3, i == 4);
    list[i] = &mail[i];
  }
  for (guint round = 0;; round++) {
    g_autoptr(DlvDecision) d = dlv_ladder_decide(policy, rungs, &agent, list, 10, &now);
    g_assert_true(g_utf8_validate(d->explanation, -1, NULL));
    g_assert_cmpuint(round, <, 400);
    if (d->entry < 0)
      break;
    DlvRun run = {.entry = (guint)d->entry};
    for (guint i = 0; i < d->n_run; i++) {
      DlvReport r = dlv_ladder_next(policy, rungs, &agent, &run, &mail[d->run[i]],
                                    round % 3 ? DLV_FAILED : DLV_HELD, 0, "cause", &now);
      g_free(r.cause);
    }
  }
}

static void check_policy(const DlvPolicy *policy) {
  const DlvMessage message = {.priority = 8, .from = "a", .subject = "b\n`c`"};

  g_assert_cmpuint(policy->n_entries, >=, 1);
  g_assert_cmpuint(policy->n_entries, <=, DLV_POLICY_ENTRIES_MAX);
  for (guint i = 0; i < policy->n_entries; i++) {
    const DlvEntry *entry = &policy->entries[i];
    g_autofree char *conditions = dlv_conditions_text(&entry->conditions);
    g_assert_nonnull(entry->class);
    g_assert_nonnull(conditions);
    g_assert_cmpuint(strlen(entry->name), >=, 1);
    g_assert_cmpuint(entry->conditions.priorities, !=, 0);
    g_assert_cmpuint(entry->timeout, >=, G_USEC_PER_SEC);
    g_assert_cmpuint(entry->retry, >=, G_USEC_PER_SEC);
    check_options(entry);
  }
  g_autofree char *line = dlv_digest_text(policy, "agent", 2, 1, &message, 1);
  g_assert_cmpint(g_utf8_strlen(line, -1), <=, DLV_DIGEST_LENGTH_MAX);
  g_assert_null(strpbrk(line, "\n\r\033"));
  check_ladder(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *json = g_strndup((const char *)data, size);
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)dlv_problem_free);
  g_autoptr(DlvPolicy) policy = dlv_policy_parse(json, classes(), problems);

  g_assert_true((policy == NULL) == (problems->len > 0));
  g_assert_cmpuint(problems->len, <=, DLV_PROBLEMS_MAX);
  g_ptr_array_foreach(problems, check_problem, NULL);
  if (policy)
    check_policy(policy);
  return 0;
}
