/* job-result.c: how a Type call ends (job.h): its answer, and a line in the journal. What was typed
 * is nowhere in it: a text may be secret. */
#include "typing/job.h"

#include "typing/hand-protocol.h"

#include "common/log.h"
#include "common/typable.h"

#include <string.h>

/* A title is what the program in the window wants it to be. */
static char *one_line(const char *text) {
  const WgTypable how = {.terminal = TRUE};

  return wg_typable(text, -1, &how, NULL);
}

/* " into "TITLE""; nothing where no window was looked for yet. */
static char *into(const TypJob *job) {
  g_autofree char *title = job->title != NULL ? one_line(job->title) : NULL;

  return title != NULL ? g_strdup_printf(" into \"%s\"", title) : g_strdup("");
}

static void log_result(const TypJob *job, const char *result, const char *why, guint32 typed) {
  g_autofree char *count = g_strdup_printf("%u", typed);
  g_autofree char *where = into(job);
  g_autofree char *cause = one_line(why != NULL ? why : "");
  const char *const *fields = WG_FIELDS(WG_FIELD_COUNT, count, WG_FIELD_ERROR, cause);

  if (strcmp(result, HAND_RESULT_TYPED) == 0)
    wg_log(LOG_INFO, WG_MSG_TYPED, fields, "Typed %u characters%s (%s)", typed, where,
           job->profile != NULL ? job->profile->name : "");
  else if (strcmp(result, HAND_RESULT_PARTIAL) == 0)
    wg_log(LOG_WARNING, WG_MSG_TYPING_PARTIAL, fields, "Typing%s was stopped in the middle: %s",
           where, cause);
  else if (strcmp(result, HAND_RESULT_HELD) == 0)
    wg_log(LOG_INFO, WG_MSG_TYPING_HELD, fields, "Nothing was typed%s for now: %s", where, cause);
  else
    wg_log(LOG_NOTICE, WG_MSG_TYPING_FAILED, fields, "Nothing was typed%s: %s", where, cause);
}

/* Ends the call first: whoever waits for it need not wait for the journal. */
static void end(TypJob *job, const char *result, GVariantDict *details) {
  g_autofree char *cause = NULL;
  guint32 typed = 0;

  if (job->profile != NULL)
    g_variant_dict_insert(details, "profile", "s", job->profile->name);
  if (job->removed > 0)
    g_variant_dict_insert(details, "removed", "u", job->removed);
  g_autoptr(GVariant) all = g_variant_ref_sink(g_variant_dict_end(details));
  (void)g_variant_lookup(all, "cause", "s", &cause);
  (void)g_variant_lookup(all, "typed", "u", &typed);
  wg_call_answer(job->call, g_variant_new("(s@a{sv})", result, all));
  log_result(job, result, cause, typed);
  typ_queue_job_ended(job->daemon, job);
}

void typ_job_end_result(TypJob *job, const char *result, const char *code, const char *cause,
                        guint64 retry_usec, char **candidates) {
  g_auto(GVariantDict) details = G_VARIANT_DICT_INIT(NULL);

  g_variant_dict_insert(&details, "cause", "s", cause);
  g_variant_dict_insert(&details, "code", "s", code);
  if (strcmp(result, HAND_RESULT_PARTIAL) != 0) /* else nobody knows */
    g_variant_dict_insert(&details, "typed", "u", 0u);
  if (retry_usec != 0)
    g_variant_dict_insert(&details, "retry-after", "t", retry_usec);
  if (job->window != 0)
    g_variant_dict_insert(&details, "window", "u", job->window);
  if (job->title != NULL)
    g_variant_dict_insert(&details, "title", "s", job->title);
  if (candidates != NULL)
    g_variant_dict_insert(&details, "candidates", "^as", candidates);
  end(job, result, &details);
}

static gboolean is_result(const char *result) {
  static const char *const results[] = {HAND_RESULT_TYPED, HAND_RESULT_HELD, HAND_RESULT_FAILED,
                                        HAND_RESULT_PARTIAL, NULL};

  return g_strv_contains(results, result);
}

/* What of the hand's reply goes to the caller under its own name. */
static void copy(GVariant *reply, GVariantDict *details) {
  static const struct {
    const char *key, *type;
  } rows[] = {{"cause", "s"},     {"code", "s"},   {"typed", "u"},      {"total", "u"},
              {"submitted", "b"}, {"window", "u"}, {"title", "s"},      {"class", "s"},
              {"pid", "u"},       {"took", "t"},   {"candidates", "as"}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GVariant) value =
        g_variant_lookup_value(reply, rows[i].key, G_VARIANT_TYPE(rows[i].type));
    if (value != NULL)
      g_variant_dict_insert_value(details, rows[i].key, value);
  }
}

void typ_job_end_reply(TypJob *job, GVariant *reply) {
  g_auto(GVariantDict) details = G_VARIANT_DICT_INIT(NULL);
  const char *result = "";
  guint64 retry = 0;

  (void)g_variant_lookup(reply, "result", "&s", &result);
  if (!is_result(result)) {
    typ_job_end_result(job, HAND_RESULT_PARTIAL, "ended",
                       "the typing process did not say what became of it", 0, NULL);
    return;
  }
  copy(reply, &details);
  if (strcmp(result, HAND_RESULT_HELD) == 0) {
    (void)g_variant_lookup(reply, "retry", "t", &retry);
    g_variant_dict_insert(&details, "retry-after", "t",
                          retry != 0 ? retry : job->daemon->settings.retry_usec);
  }
  end(job, result, &details);
}

void typ_job_end_error(TypJob *job, const GError *error) {
  wg_call_fail(job->call, error);
  wg_log(LOG_NOTICE, WG_MSG_TYPING_FAILED, WG_FIELDS(WG_FIELD_ERROR, error->message),
         "Nothing was typed: %s", error->message);
  typ_queue_job_ended(job->daemon, job);
}
