/* job-new.c: a Type call's arguments (job.h). Keys and types were checked by the tables; here it is
 * said what the values may be. */
#include "typing/job.h"

#include "typing/target.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

static gboolean read_draft(TypJob *job, GVariant *options, GError **error) {
  static const char *const words[] = {"hold", "ignore", NULL};

  const char *given = words[0];

  (void)g_variant_lookup(options, "draft", "&s", &given);
  for (guint i = 0; words[i] != NULL; i++)
    if (strcmp(words[i], given) == 0)
      job->draft = words[i];
  if (job->draft != NULL)
    return TRUE;
  g_autofree char *hint = wg_nearest_hint(given, words);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "option 'draft' is 'hold' or 'ignore', not '%s'%s%s", given, hint != NULL ? "; " : "",
              hint != NULL ? hint : "");
  return FALSE;
}

static gboolean read_options(TypJob *job, GVariant *options, GError **error) {
  const TypSettings *settings = &job->daemon->settings;
  const char *profile;
  gboolean terminal;
  guint64 timeout = settings->timeout_usec;

  job->submit = job->restore = TRUE;
  job->idle_usec = settings->idle_usec;
  job->terminal = -1;
  (void)g_variant_lookup(options, "submit", "b", &job->submit);
  (void)g_variant_lookup(options, "restore", "b", &job->restore);
  (void)g_variant_lookup(options, "idle", "t", &job->idle_usec);
  (void)g_variant_lookup(options, "timeout", "t", &timeout);
  if (g_variant_lookup(options, "terminal", "b", &terminal))
    job->terminal = terminal != FALSE;
  if (timeout == 0 || timeout > settings->max_timeout_usec) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "option 'timeout' is from 1 to %" G_GUINT64_FORMAT
                " us ([Typing] MaxTimeoutSec= in typist.conf)",
                settings->max_timeout_usec);
    return FALSE;
  }
  job->deadline = g_get_monotonic_time() + (gint64)timeout;
  if (g_variant_lookup(options, "profile", "&s", &profile)) {
    job->profile = typ_profiles_find(job->profiles, profile, error);
    if (job->profile == NULL)
      return FALSE;
  }
  return read_draft(job, options, error);
}

static gboolean read_text(TypJob *job, GVariant *args, GError **error) {
  guint64 max = job->daemon->settings.max_text;

  g_variant_get_child(args, 0, "s", &job->text);
  gsize len = strlen(job->text);
  if (len > max) {
    g_set_error(error, WG_ERROR, WG_ERROR_BODY_TOO_LARGE,
                "the text has %" G_GSIZE_FORMAT " bytes, at most %" G_GUINT64_FORMAT
                " are typed ([Typing] MaxText= in typist.conf); nothing is ever cut",
                len, max);
    return FALSE;
  }
  if (len > 0)
    return TRUE;
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the text is empty");
  return FALSE;
}

TypJob *typ_job_new(TypCall *call) {
  TypJob *job = g_new0(TypJob, 1);
  g_autoptr(GVariant) options = g_variant_get_child_value(call->args, 2);
  g_autoptr(GError) error = NULL;

  job->daemon = typ_daemon(call);
  job->call = call;
  job->profiles = typ_profiles_ref(typ_daemon(call)->profiles);
  job->target = g_variant_get_child_value(call->args, 1);
  if (wg_options_verify(typ_options_target, job->target, &error) &&
      read_text(job, call->args, &error) && typ_target_check(job->target, FALSE, &error) &&
      read_options(job, options, &error))
    return job;
  typ_job_free(job);
  wg_call_fail(call, error);
  return NULL;
}

void typ_job_free(TypJob *job) {
  g_clear_pointer(&job->target, g_variant_unref);
  g_clear_pointer(&job->profiles, typ_profiles_unref);
  g_free(job->text);
  g_free(job->title);
  g_free(job);
}

guint64 typ_job_left(const TypJob *job) {
  return (guint64)MAX(job->deadline - g_get_monotonic_time(), 0);
}
