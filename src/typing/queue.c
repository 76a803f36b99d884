/* queue.c: see queue.h. The next job begins in a turn of the loop of its own, so that an end never
 * runs inside another's. */
#include "typing/queue.h"

#include "typing/job.h"
#include "typing/process.h"

#include "common/error.h"

static gboolean begin_next(gpointer data) {
  TypDaemon *daemon = data;

  daemon->next_source = 0;
  if (daemon->job != NULL)
    return G_SOURCE_REMOVE;
  daemon->job = g_queue_pop_head(&daemon->waiting);
  if (daemon->job != NULL)
    typ_job_run(daemon->job);
  return G_SOURCE_REMOVE;
}

static void wake(TypDaemon *daemon) {
  if (daemon->next_source == 0 && daemon->job == NULL)
    daemon->next_source = g_idle_add_full(G_PRIORITY_DEFAULT, begin_next, daemon, NULL);
}

void typ_queue_init(TypDaemon *daemon) {
  g_queue_init(&daemon->waiting);
}

void typ_handle_type(TypCall *call) {
  TypDaemon *daemon = call->owner;

  if (g_queue_get_length(&daemon->waiting) >= daemon->settings.max_waiting) {
    g_autoptr(GError) error =
        g_error_new(WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                    "%u texts wait to be typed already; try again when they are done",
                    g_queue_get_length(&daemon->waiting));
    wg_call_fail(call, error);
    return;
  }
  TypJob *job = typ_job_new(call);
  if (job == NULL)
    return;
  g_queue_push_tail(&daemon->waiting, job);
  wake(daemon);
}

void typ_queue_job_ended(TypDaemon *daemon, TypJob *job) {
  if (daemon->job == job)
    daemon->job = NULL;
  typ_job_free(job);
  daemon->last_type = g_get_monotonic_time();
  if (!daemon->draining)
    wake(daemon);
}

/* Takes the jobs of `caller` (0: all) out of the queue and refuses them. */
static void refuse_waiting(TypDaemon *daemon, guint64 caller, const GError *error) {
  for (GList *l = daemon->waiting.head, *next; l != NULL; l = next) {
    TypJob *job = l->data;
    next = l->next;
    if (caller != 0 && job->call->caller != caller)
      continue;
    g_queue_delete_link(&daemon->waiting, l);
    typ_job_end_error(job, error);
  }
}

void typ_queue_caller_gone(TypDaemon *daemon, guint64 caller) {
  g_autoptr(GError) error =
      g_error_new_literal(WG_ERROR, WG_ERROR_FAILED, "the caller is gone; nothing was typed");

  refuse_waiting(daemon, caller, error);
}

static gboolean on_drain_limit(gpointer data) {
  TypDaemon *daemon = data;

  daemon->drain_source = 0;
  typ_hand_stop_typing(daemon->hand);
  return G_SOURCE_REMOVE;
}

void typ_queue_drain(TypDaemon *daemon, guint64 usec) {
  g_autoptr(GError) error =
      g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                          "the service is leaving; nothing was typed, repeat the call");

  refuse_waiting(daemon, 0, error);
  if (wg_calls_n(daemon->calls) > 0 && daemon->drain_source == 0)
    daemon->drain_source = g_timeout_add(usec / 1000, on_drain_limit, daemon);
}

void typ_queue_clear(TypDaemon *daemon) {
  g_autoptr(GError) error =
      g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN, "the service has left");
  guint *const sources[] = {&daemon->next_source, &daemon->drain_source};

  for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
    if (*sources[i] != 0)
      g_source_remove(*sources[i]);
  daemon->next_source = daemon->drain_source = 0;
  if (daemon->job != NULL)
    typ_job_end_error(daemon->job, error);
  refuse_waiting(daemon, 0, error);
}
