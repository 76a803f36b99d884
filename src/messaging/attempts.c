/* attempts.c: attempts to tell an agent of a delivery, and what came of them.
 *
 * For each level of priority an agent remembers up to which number its queued deliveries were
 * offered; a delivery that comes back to the queue, or whose back-off is over, moves that mark down
 * again. So an offer looks at each delivery once, however many wait. */
#include "messaging/courier.h"

#include <string.h>

static void forget(MsgEngine *e, MsgAttempt *a) {
  msg_timer_remove(e, &a->timer);
  if (a->token)
    g_hash_table_remove(e->attempts, &a->token);
  if (g_hash_table_lookup(e->attempts_by_place, &a->place) == a)
    g_hash_table_remove(e->attempts_by_place, &a->place);
}

static void remember(MsgEngine *e, MsgAttempt *a) {
  if (a->token)
    g_hash_table_insert(e->attempts, &a->token, a);
  g_hash_table_insert(e->attempts_by_place, &a->place, a);
  msg_timer_add(e, &a->timer, a->timer.when);
}

MsgAttempt *msg_attempt_new(MsgEngine *e, MsgAgent *agent, guint64 place, MsgCourier *courier,
                            gint64 when) {
  MsgAttempt *a = g_new0(MsgAttempt, 1);

  a->token = courier ? ++e->last_id : 0;
  a->courier = courier;
  a->agent = agent;
  a->place = place;
  a->made = e->batch;
  a->timer = (MsgTimer){.when = when, .kind = MSG_TIMER_ATTEMPT, .what = a};
  remember(e, a);
  return a;
}

void msg_attempt_end(MsgEngine *e, MsgAttempt *a) {
  a->ended = e->batch;
  forget(e, a);
  g_ptr_array_add(e->attempts_ended, a);
}

void msg_attempts_commit(MsgEngine *e) {
  g_ptr_array_set_size(e->attempts_ended, 0);
}

void msg_attempts_undo(MsgEngine *e) {
  g_autoptr(GList) all = g_hash_table_get_values(e->attempts_by_place);

  for (GList *l = all; l; l = l->next) {
    MsgAttempt *a = l->data;
    if (a->made != e->batch)
      continue;
    forget(e, a);
    g_free(a);
  }
  while (e->attempts_ended->len > 0) {
    MsgAttempt *a = g_ptr_array_steal_index(e->attempts_ended, e->attempts_ended->len - 1);
    a->ended = 0;
    if (a->made == e->batch)
      g_free(a);
    else
      remember(e, a);
  }
  for (guint i = 0; i < e->agents->len; i++) { /* what was passed over is looked at again */
    MsgAgent *agent = e->agents->pdata[i];
    if (agent)
      memset(agent->offered, 0, sizeof agent->offered);
  }
}

static guint64 *mark_of(MsgAgent *agent, guint64 place) {
  return &agent->offered[msg_place_volatile(place)][MIN(msg_place_rank(place), MSG_LEVELS - 1)];
}

void msg_attempt_mark_down(MsgAgent *agent, guint64 place) {
  guint64 *mark = mark_of(agent, place), seq = msg_place_seq(place);

  if (*mark >= seq)
    *mark = seq - 1;
}

void msg_attempt_again(MsgEngine *e, MsgAttempt *a) {
  msg_attempt_end(e, a);
  msg_attempt_mark_down(a->agent, a->place);
  msg_touch(e, a->agent);
}

/* Whether a courier may be told of it now; one whose time is still to come gets a timer. */
static gboolean eligible(MsgEngine *e, MsgAgent *agent, const MsgLive *live) {
  if (live->state != MSG_STATE_QUEUED ||
      (live->flags & (MSG_LIVE_NO_ATTEMPT | MSG_LIVE_ANNOUNCED)) ||
      g_hash_table_contains(e->attempts_by_place, &live->place))
    return FALSE;
  if (live->next_attempt <= e->now)
    return TRUE;
  msg_attempt_new(e, agent, live->place, NULL, live->next_attempt);
  return FALSE;
}

/* `pass`: move the mark beyond it. */
static MsgLive *next_candidate(MsgEngine *e, MsgAgent *agent, gboolean pass) {
  if (!msg_ready_peek(e, agent)) /* loads the windows; paused: none */
    return NULL;
  for (guint rank = 0; rank < MSG_LEVELS; rank++)
    for (guint v = 0; v < 2; v++) {
      guint64 *mark = &agent->offered[v][rank], seq;
      while ((seq = msg_ready_after(agent, rank, v == 1, *mark)) != 0) {
        MsgLive *live = msg_live_get(e, msg_place(agent->id, rank, seq));
        gboolean found = live && eligible(e, agent, live);
        if (!found || pass)
          *mark = seq;
        if (found)
          return live;
      }
    }
  return NULL;
}

MsgLive *msg_attempt_candidate(MsgEngine *e, MsgAgent *agent) {
  return next_candidate(e, agent, TRUE);
}

gboolean msg_attempt_waits(MsgEngine *e, MsgAgent *agent) {
  return next_candidate(e, agent, FALSE) != NULL;
}

/* ---- results ---- */
static gint64 attempt_backoff(const MsgEngine *e, guint attempts) {
  guint64 step = e->settings.attempt_backoff_first << MIN(MAX(attempts, 1) - 1, 20);

  return (gint64)MIN(step, e->settings.attempt_backoff_max);
}

static void take_result(MsgEngine *e, MsgAttempt *a, MsgState event, guint64 retry,
                        gboolean partial, const MsgActor *actor, const char *cause) {
  MsgLive *live = msg_live_get(e, a->place);
  MsgAgent *agent = a->agent;

  msg_attempt_end(e, a);
  if (!live)
    return; /* it ended meanwhile: there is nobody to tell any more */
  MsgLease *lease = live->state == MSG_STATE_LEASED ? msg_lease_of(e, live) : NULL;
  if (lease)
    msg_lease_changed(e, lease);
  live->attempts += live->attempts < G_MAXUINT16;
  if (event == MSG_EVENT_ANNOUNCED)
    live->flags |= MSG_LIVE_ANNOUNCED;
  else if (partial)
    live->flags |= MSG_LIVE_NO_ATTEMPT;
  else
    live->next_attempt = e->now + (retry ? (gint64)MIN(retry, (guint64)G_TIME_SPAN_DAY * 30)
                                         : attempt_backoff(e, live->attempts));
  if (live->state == MSG_STATE_QUEUED && event != MSG_EVENT_ANNOUNCED && !partial)
    msg_attempt_new(e, agent, live->place, NULL, live->next_attempt);
  msg_live_note(e, agent, live, event, actor, cause);
}

void msg_attempt_timeout(MsgEngine *e, gpointer attempt) {
  MsgAttempt *a = attempt;

  if (a->token)
    take_result(e, a, MSG_EVENT_ATTEMPT_FAILED, 0, FALSE, NULL,
                "the courier did not report in time");
  else
    msg_attempt_again(e, a);
}

void msg_attempts_of_gone(MsgEngine *e, MsgCourier *courier) {
  g_autoptr(GList) all = g_hash_table_get_values(e->attempts);

  for (GList *l = all; l; l = l->next) {
    MsgAttempt *a = l->data;
    if (a->courier != courier)
      continue;
    a->courier = NULL;
    msg_attempt_again(e, a);
  }
}

static MsgAttempt *find_attempt(MsgEngine *e, const MsgCallJob *job, guint64 token,
                                GError **error) {
  MsgAttempt *a = g_hash_table_lookup(e->attempts, &token);

  if (a && a->courier && a->courier->actor->caller == job->base.actor->caller)
    return a;
  g_set_error(error, WG_ERROR, WG_ERROR_LEASE_EXPIRED,
              "This connection has no attempt %" G_GUINT64_FORMAT
              ": its time ran out, or its result is known already",
              token);
  return NULL;
}

WgJobResult msg_call_report_attempt(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  guint64 token, retry = 0;
  const char *result, *cause = NULL, *backend = NULL;
  g_autoptr(GVariant) options = NULL;

  g_variant_get(job->args, "(t&s@a{sv})", &token, &result, &options);
  g_variant_lookup(options, "cause", "&s", &cause);
  g_variant_lookup(options, "backend", "&s", &backend);
  g_variant_lookup(options, "retry-after", "t", &retry);
  gboolean announced = g_str_equal(result, "announced"), partial = g_str_equal(result, "partial");
  gboolean held = g_str_equal(result, "held");
  if (!announced && !partial && !held && !g_str_equal(result, "failed")) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.40s' is no result: announced, failed, held or partial", result);
    return WG_JOB_DONE;
  }
  MsgAttempt *a = find_attempt(e, job, token, error);
  if (!a)
    return WG_JOB_DONE;
  g_autofree char *text =
      g_strdup_printf("%s%s%s%s", partial ? "partial: " : "", backend ? backend : "",
                      backend && cause ? ": " : "", cause ? cause : "");
  take_result(e, a,
              announced ? MSG_EVENT_ANNOUNCED
              : held    ? MSG_EVENT_ATTEMPT_HELD
                        : MSG_EVENT_ATTEMPT_FAILED,
              retry, partial, job->base.actor, *text ? text : NULL);
  job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}
