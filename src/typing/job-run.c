/* job-run.c: the steps of a Type call (job.h): is it held, is there a display, is the screen
 * locked, which window is it, and then the hand's turn. Until the request "type" is with the hand
 * nothing can have been typed, so every end before it is "held" or "failed", never "partial". */
#include "typing/job.h"

#include "typing/hand-protocol.h"
#include "typing/hold.h"
#include "typing/process.h"
#include "typing/screen.h"
#include "typing/target.h"

#include "common/error.h"
#include "common/typable.h"

#include <string.h>

/* For the list of windows; typing has its own. */
#define WINDOWS_USEC (5 * G_USEC_PER_SEC)
#define NAMED_MAX 8

static void failed(TypJob *job, const char *code, const char *cause) {
  typ_job_end_result(job, HAND_RESULT_FAILED, code, cause, 0, NULL);
}

static void held(TypJob *job, const char *code, const char *cause, guint64 retry_usec) {
  typ_job_end_result(job, HAND_RESULT_HELD, code, cause,
                     retry_usec != 0 ? retry_usec : job->daemon->settings.retry_usec, NULL);
}

/* TRUE: it has ended. */
static gboolean is_held(TypJob *job) {
  const char *reason = typ_hold_reason(job->daemon->hold);

  if (reason == NULL)
    return FALSE;
  g_autofree char *cause = g_strdup_printf("a hold is set%s%s (waggle typist release)",
                                           *reason != '\0' ? ": " : "", reason);
  held(job, "hold", cause, typ_hold_left(job->daemon->hold));
  return TRUE;
}

static void on_typed(GVariant *reply, const GError *error, gboolean began, gpointer data) {
  TypJob *job = data;

  if (reply != NULL)
    typ_job_end_reply(job, reply);
  else if (began) /* it must not be tried again: some of it may have arrived */
    typ_job_end_result(job, HAND_RESULT_PARTIAL, "ended", error->message, 0, NULL);
  else
    typ_job_end_error(job, error);
}

static GVariant *arguments_of(TypJob *job, const char *text, guint64 left) {
  const TypProfile *p = job->profile;
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

  typ_target_insert(job->target, job->window, &dict);
  g_variant_dict_insert(&dict, "text", "s", text);
  g_variant_dict_insert(&dict, "submit", "s", job->submit ? p->submit_key : "");
  g_variant_dict_insert(&dict, "submit-delay", "t", p->submit_delay);
  if (*p->newline != '\0')
    g_variant_dict_insert(&dict, "newline", "s", p->newline);
  g_variant_dict_insert(&dict, "key-delay", "t", p->key_delay);
  g_variant_dict_insert(&dict, "settle", "t", p->settle);
  g_variant_dict_insert(&dict, "idle", "t", job->idle_usec);
  g_variant_dict_insert(&dict, "draft", "s", job->draft);
  g_variant_dict_insert(&dict, "restore", "b", job->restore);
  g_variant_dict_insert(&dict, "timeout", "t", left);
  return g_variant_dict_end(&dict);
}

static void type_into_window(TypJob *job) {
  guint64 left = typ_job_left(job);
  WgTypable how = {.terminal = job->terminal < 0 ? job->profile->terminal : job->terminal > 0,
                   .newlines = *job->profile->newline != '\0',
                   .tabs = job->profile->tabs};
  g_autofree char *text = wg_typable(job->text, strlen(job->text), &how, &job->removed);

  if (*text == '\0') {
    g_autoptr(GError) error = g_error_new_literal(
        WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
        "nothing of the text may be typed: it has control characters and line ends only");
    typ_job_end_error(job, error);
  } else if (left == 0) {
    held(job, HAND_CAUSE_TIMEOUT, "the time was over before its turn came; nothing was typed", 0);
  } else {
    typ_hand_request(job->daemon->hand, HAND_TYPE, arguments_of(job, text, left), left, on_typed,
                     job);
  }
}

static char *describe_window(GVariant *window) {
  const char *title = "", *class = "";
  guint32 id = 0;

  (void)g_variant_lookup(window, "window", "u", &id);
  (void)g_variant_lookup(window, "title", "&s", &title);
  (void)g_variant_lookup(window, "class", "&s", &class);
  return g_strdup_printf("0x%x \"%s\" (%s)", id, title, class);
}

static void several(TypJob *job, GVariant *windows) {
  gsize n = g_variant_n_children(windows);
  g_autofree char *target = typ_target_describe(job->target);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  for (gsize i = 0; i < MIN(n, NAMED_MAX); i++) {
    g_autoptr(GVariant) window = g_variant_get_child_value(windows, i);
    g_autofree char *description = describe_window(window);
    g_strv_builder_add(builder, description);
  }
  g_auto(GStrv) names = g_strv_builder_end(builder);
  g_autofree char *list = g_strjoinv(", ", names);
  g_autofree char *cause =
      g_strdup_printf("%" G_GSIZE_FORMAT " windows fit %s: %s%s; say more about the one that is "
                      "meant",
                      n, target, list, n > NAMED_MAX ? " and others" : "");
  typ_job_end_result(job, HAND_RESULT_FAILED, HAND_CAUSE_SEVERAL, cause, 0, names);
}

static void take_window(TypJob *job, GVariant *window) {
  const char *instance = "", *class = "", *title = "";

  (void)g_variant_lookup(window, "window", "u", &job->window);
  (void)g_variant_lookup(window, "class", "&s", &class);
  (void)g_variant_lookup(window, "instance", "&s", &instance);
  (void)g_variant_lookup(window, "title", "&s", &title);
  job->title = g_strdup(title);
  if (job->profile == NULL)
    job->profile = typ_profiles_match(job->profiles, class, instance, title);
  if (!is_held(job)) /* it may have been set since */
    type_into_window(job);
}

static void on_windows(GVariant *reply, const GError *error, gboolean began, gpointer data) {
  TypJob *job = data;
  g_autoptr(GVariant) windows =
      reply != NULL ? g_variant_lookup_value(reply, "windows", G_VARIANT_TYPE("aa{sv}")) : NULL;

  if (error != NULL && began) {
    failed(job, "ended", error->message);
  } else if (error != NULL) {
    typ_job_end_error(job, error);
  } else if (windows == NULL || g_variant_n_children(windows) == 0) {
    g_autofree char *target = typ_target_describe(job->target);
    g_autofree char *cause = g_strdup_printf("no window fits %s", target);
    failed(job, HAND_CAUSE_NO_WINDOW, cause);
  } else if (g_variant_n_children(windows) > 1) {
    several(job, windows);
  } else {
    g_autoptr(GVariant) window = g_variant_get_child_value(windows, 0);
    take_window(job, window);
  }
}

static void on_screen(const char *locked_by, gpointer data) {
  TypJob *job = data;

  if (locked_by != NULL) {
    g_autofree char *cause = g_strdup_printf("the screen is locked, says %s", locked_by);
    held(job, HAND_CAUSE_LOCKED, cause, 0);
    return;
  }
  typ_hand_request(job->daemon->hand, HAND_WINDOWS, g_variant_ref(job->target),
                   MIN(WINDOWS_USEC, typ_job_left(job)), on_windows, job);
}

static void on_hand(const GError *error, gpointer data) {
  TypJob *job = data;
  TypDaemon *daemon = job->daemon;

  if (error != NULL)
    typ_job_end_error(job, error);
  else
    typ_screen_check(daemon->screen, wg_service_bus(daemon->service), on_screen, job);
}

void typ_job_run(TypJob *job) {
  if (is_held(job))
    return;
  if (typ_job_left(job) == 0)
    held(job, HAND_CAUSE_TIMEOUT, "the time was over before its turn came; nothing was typed", 0);
  else
    typ_daemon_prepare_hand(job->daemon, on_hand, job);
}
