/* hand-request-type.c: the request "type": its arguments in, its honest answer out. */
#include "typing/hand.h"

#include "common/error.h"

static const HandKey type_keys[] = {
    HAND_TARGET_KEYS, {"text", "s"},      {"submit", "s"}, {"submit-delay", "t"}, {"newline", "s"},
    {"idle", "t"},    {"quiet", "t"},     {"draft", "s"},  {"restore", "b"},      {"timeout", "t"},
    {"settle", "t"},  {"key-delay", "t"}, {NULL, NULL},
};

static char *describe(const HandWindow *window) {
  return g_strdup_printf("0x%lx %s \"%s\" (pid %u)", window->id, window->class, window->title,
                         window->pid);
}

static void add_candidates(GVariantDict *reply, const GPtrArray *found) {
  GVariantBuilder names;

  g_variant_builder_init(&names, G_VARIANT_TYPE("as"));
  for (guint i = 0; i < found->len && i < HAND_WINDOWS_MAX; i++) {
    g_autofree char *text = describe(found->pdata[i]);
    g_variant_builder_add(&names, "s", text);
  }
  g_variant_dict_insert_value(reply, "candidates", g_variant_builder_end(&names));
}

static void add_window(GVariantDict *reply, const HandWindow *window) {
  g_variant_dict_insert(reply, "window", "u", (guint32)window->id);
  g_variant_dict_insert(reply, "title", "s", window->title);
  g_variant_dict_insert(reply, "class", "s", window->class);
  g_variant_dict_insert(reply, "pid", "u", window->pid);
}

static void type_into(Hand *hand, const HandJob *job, const HandTarget *target,
                      const GPtrArray *found, GVariantDict *reply) {
  HandOutcome outcome = {.result = HAND_RESULT_FAILED};
  gint64 begin = g_get_monotonic_time();

  if (found->len == 0) {
    hand_stop(hand, HAND_CAUSE_NO_WINDOW, "No window matches");
  } else if (found->len > 1) {
    hand_stop(hand, HAND_CAUSE_SEVERAL, "%u windows match; name one more of their properties",
              found->len);
    add_candidates(reply, found);
  } else {
    add_window(reply, found->pdata[0]);
    hand_type(hand, job, found->pdata[0], target, &outcome);
  }
  gboolean typed = g_str_equal(outcome.result, HAND_RESULT_TYPED);
  gboolean held = g_str_equal(outcome.result, HAND_RESULT_HELD);
  g_variant_dict_insert(reply, "result", "s", outcome.result);
  g_variant_dict_insert(reply, "cause", "s", typed ? "" : hand->stop.text);
  g_variant_dict_insert(reply, "code", "s", typed ? "" : hand->stop.code);
  g_variant_dict_insert(reply, "typed", "u", outcome.typed);
  g_variant_dict_insert(reply, "total", "u", job->n);
  g_variant_dict_insert(reply, "submitted", "b", outcome.submitted);
  g_variant_dict_insert(reply, "took", "t", (guint64)(g_get_monotonic_time() - begin));
  g_variant_dict_insert(reply, "retry", "t", (guint64)(held ? outcome.retry : 0));
}

GVariant *hand_request_type(Hand *hand, GVariant *args, GError **error) {
  g_auto(HandJob) job = {0};
  GVariantDict reply;

  if (!hand_args_check(args, type_keys, error) || !hand_job_parse(hand, args, &job, error))
    return NULL;
  g_autoptr(HandTarget) target = hand_target_new(args, error);
  if (!target)
    return NULL;
  if (hand_target_is_empty(target)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "No window is named; give class, title, pid, unit, window or a point");
    return NULL;
  }
  g_autoptr(GPtrArray) found = hand_windows_list(hand);
  hand_target_filter(hand, target, found);
  g_variant_dict_init(&reply, NULL);
  type_into(hand, &job, target, found, &reply);
  return g_variant_dict_end(&reply);
}
