/* notify.c: see notify.h. */
#include "monitoring/deployments.h"
#include "monitoring/notify-private.h"
#include "monitoring/tally.h"

#include "common/amounts.h"
#include "common/error.h"
#include "common/log.h"
#include "common/timer-source.h"
#include "common/trace-context.h"

#include <time.h>

static MonOp *op_new(MonOpKind kind) {
  MonOp *op = g_new0(MonOp, 1);

  op->kind = kind;
  return op;
}

static gint64 lasting(const MonNotifier *notifier) {
  return wg_clock_now(wg_records_clock(notifier->daemon->store));
}

/* ---- what the groups say ---- */

/* A deployment that is switching the unit is why it is down; afterwards an alert that still fires
 * is told, and names the release. */
static const char *window_of(const MonNotifier *notifier, const MonTransition *alert) {
  const char *unit = mon_labels_get(alert->labels, "unit");

  return unit && notifier->daemon->deployments
             ? mon_deployments_window(notifier->daemon->deployments, unit)
             : NULL;
}

static const char *on_muted(const MonTransition *alert, gpointer user_data) {
  MonNotifier *notifier = user_data;
  const char *window = window_of(notifier, alert);

  if (window)
    return window;
  return mon_silences_match(notifier->silences, alert->labels, wg_time_realtime())
             ? "a silence keeps it quiet"
             : NULL;
}

static void log_escalation(const MonToTell *to_tell, const MonNotice *notice) {
  g_autofree char *subject = mon_payload_subject(notice);

  wg_log(LOG_NOTICE, WG_MSG_ALERT_ESCALATED,
         WG_FIELDS(WG_FIELD_RECEIVER, notice->integration, WG_FIELD_DEDUP, notice->dedup),
         "%s is told, since nobody has acknowledged it (escalation %u of %s): %s",
         notice->integration, to_tell->escalation, to_tell->group, subject);
}

static void on_tell(const MonToTell *to_tell, gpointer user_data) {
  MonNotifier *notifier = user_data;
  MonOp *op = op_new(MON_OP_NOTICE);

  op->notice = mon_notice_new(notifier->next_id++, to_tell, notifier->groups, lasting(notifier),
                              wg_time_realtime());
  op->text = mon_notice_text(op->notice);
  mon_notify_op(notifier, op);
  if (to_tell->escalation > 0 && to_tell->n_firing > 0)
    log_escalation(to_tell, op->notice);
}

static char *sent_text(const MonSent *sent) {
  g_autoptr(JsonObject) o = json_object_new();
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);
  JsonArray *firing = json_array_new();
  GHashTableIter iter;
  gpointer fingerprint, value;

  g_hash_table_iter_init(&iter, sent->firing);
  while (g_hash_table_iter_next(&iter, &fingerprint, &value)) {
    const MonSentAlert *told = value;
    JsonArray *one = json_array_new();
    json_array_add_string_element(one, fingerprint);
    json_array_add_int_element(one, told->fired_at);
    json_array_add_int_element(one, told->as);
    json_array_add_int_element(one, told->told_at);
    json_array_add_array_element(firing, one);
  }
  json_object_set_int_member(o, "time", sent->time);
  json_object_set_array_member(o, "firing", firing);
  return json_to_string(node, FALSE);
}

static void on_sent(const MonSent *sent, gboolean gone, gpointer user_data) {
  MonOp *op = op_new(MON_OP_SENT);

  op->key = g_strdup(sent->integration);
  op->group = g_strdup(sent->group);
  op->text = gone ? NULL : sent_text(sent);
  mon_notify_op(user_data, op);
}

static const MonGroupFuncs group_funcs = {on_muted, on_tell, on_sent};

/* ---- what the outbox says ---- */

static const MonIntegration *on_integration(const char *key, gpointer user_data) {
  return mon_alerting_integration(((MonNotifier *)user_data)->alerting, key);
}

static void on_send(const MonIntegration *integration, const MonNotice *notice, MonAttempt *attempt,
                    gpointer user_data) {
  mon_receivers_send(((MonNotifier *)user_data)->receivers, integration, notice, attempt);
}

static void count(MonNotifier *notifier, const char *integration, const char *result, guint n) {
  g_autoptr(MonLabels) labels = mon_labels_new("receiver", integration, "result", result, NULL);

  if (n > 0)
    mon_tally_add(notifier->daemon->tally, MON_M_NOTIFICATIONS, labels, n);
}

static void on_ended(const MonNotice *notice, guint attempts, const char *error,
                     gpointer user_data) {
  MonNotifier *notifier = user_data;
  MonNotifyFigures *figures = &notifier->figures[notice->kind];
  MonOp *op = op_new(MON_OP_ENDED);
  g_autofree char *subject = NULL;
  WgTraceIds ids = wg_trace_ids(mon_notice_trace(notice));

  op->id = notice->id;
  op->time = wg_time_realtime();
  op->number = attempts;
  op->text = g_strdup(error);
  mon_notify_op(notifier, op);
  figures->told += error == NULL;
  figures->given_up += error != NULL;
  guint failed = error ? attempts : MAX(attempts, 1) - 1;
  figures->failed_attempts += failed;
  count(notifier, notice->integration, error ? "given-up" : "told", 1);
  count(notifier, notice->integration, "retried", failed);
  if (error == NULL)
    return;
  subject = mon_payload_subject(notice);
  wg_log(LOG_ERR, WG_MSG_NOTIFICATION_GIVEN_UP,
         WG_FIELDS(WG_FIELD_RECEIVER, notice->integration, WG_FIELD_ERROR, error,
                   WG_TRACE_FIELDS(ids)),
         "%s was not told of \"%s\" and will not be: %s", notice->integration, subject, error);
}

static void on_merged(const MonNotice *older, const MonNotice *into, const char *why,
                      gpointer user_data) {
  MonNotifier *notifier = user_data;
  MonOp *ended = op_new(MON_OP_ENDED);

  ended->id = older->id;
  ended->time = wg_time_realtime();
  ended->text = g_strdup_printf(MON_MERGED "%" G_GINT64_FORMAT ": %s", into->id, why);
  mon_notify_op(notifier, ended);
  count(notifier, older->integration, into->suppressed > 0 ? "suppressed" : "merged", 1);
}

static void on_again(const MonNotice *into, gpointer user_data) {
  static WgLogRate rate = {.interval_usec = 60 * G_USEC_PER_SEC, .burst = 1};
  MonNotifier *notifier = user_data;
  MonOp *again = op_new(MON_OP_AGAIN);
  guint max = notifier->daemon->settings.queue_max, unsaid;

  again->id = into->id;
  again->key = g_strdup(into->integration);
  again->text = mon_notice_text(into);
  mon_notify_op(notifier, again);
  if (into->suppressed == 0 && wg_log_rate_ok(&rate, &unsaid))
    wg_log(LOG_WARNING, WG_MSG_NOTIFICATIONS_MERGED,
           WG_FIELDS(WG_FIELD_RECEIVER, into->integration),
           "More than %u notifications wait for %s: older ones are merged into newer ones of their "
           "group",
           max, into->integration);
}

static void on_limited(const MonIntegration *integration, gpointer user_data) {
  g_autofree char *span = wg_span_text(integration->rate_per);

  wg_log(LOG_NOTICE, WG_MSG_RECEIVER_LIMITED, WG_FIELDS(WG_FIELD_RECEIVER, integration->key),
         "%s has been told %u times in %s, as often as its rate_limit allows; what comes now is "
         "told later, in one summary",
         integration->key, integration->rate_max, span);
}

static void on_lane(const char *integration, const char *error, gpointer user_data) {
  if (error)
    wg_log(LOG_WARNING, WG_MSG_RECEIVER_FAILS,
           WG_FIELDS(WG_FIELD_RECEIVER, integration, WG_FIELD_ERROR, error),
           "%s cannot be told of alerts: %s; it is tried again", integration, error);
  else
    wg_log(LOG_NOTICE, WG_MSG_RECEIVER_BACK, WG_FIELDS(WG_FIELD_RECEIVER, integration),
           "%s can be told of alerts again", integration);
}

static void on_wake(gpointer user_data) {
  mon_notifier_turn_soon(user_data);
}

static const MonOutboxFuncs outbox_funcs = {on_integration, on_send,    on_ended, on_merged,
                                            on_again,       on_limited, on_lane,  on_wake};

/* ---- turning ---- */

static void put_cursor(MonNotifier *notifier) {
  gint64 cursor = MAX(mon_groups_cursor(notifier->groups), notifier->cursor_stored);
  MonOp *op;

  if (cursor == notifier->cursor || notifier->behind ||
      notifier->unread) /* what is not read yet is not decided */
    return;
  op = op_new(MON_OP_CURSOR);
  op->id = notifier->cursor = cursor;
  mon_notify_op(notifier, op);
}

static void arm(MonNotifier *notifier) {
  gint64 groups_due = notifier->refused ? G_MAXINT64 : mon_groups_due(notifier->groups);
  gint64 due = MIN(groups_due, mon_outbox_due(notifier->outbox));
  const WgClock *clock = wg_records_clock(notifier->daemon->store);

  wg_timer_source_arm(notifier->timer,
                      due == G_MAXINT64 ? G_MAXINT64 : MAX(wg_clock_to_boottime(clock, due), 1));
}

void mon_notifier_turn(MonNotifier *notifier) {
  if (!notifier->running)
    return;
  if (!notifier->refused) { /* else they are due once something was written */
    mon_groups_run(notifier->groups, lasting(notifier), wg_time_realtime());
    put_cursor(notifier);
  }
  mon_outbox_run(notifier->outbox, lasting(notifier));
  mon_notify_write(notifier);
  arm(notifier);
}

static gboolean on_soon(gpointer user_data) {
  MonNotifier *notifier = user_data;

  notifier->soon = 0;
  mon_notifier_turn(notifier);
  return G_SOURCE_REMOVE;
}

void mon_notifier_turn_soon(MonNotifier *notifier) {
  if (notifier->soon == 0 && notifier->running)
    notifier->soon = g_idle_add_full(G_PRIORITY_DEFAULT, on_soon, notifier, NULL);
}

static void on_timer(gboolean clock_was_set, gpointer user_data) {
  mon_notifier_turn(user_data);
}

void mon_notify_written(MonNotifier *notifier, GPtrArray *ops) {
  for (guint i = 0; i < ops->len; i++) {
    MonOp *op = g_ptr_array_index(ops, i);
    if (op->kind == MON_OP_NOTICE) {
      mon_outbox_add(notifier->outbox, g_steal_pointer(&op->notice));
    } else if (op->kind == MON_OP_SILENCE) {
      mon_silences_put(notifier->silences, g_steal_pointer(&op->silence));
    } else if (op->kind == MON_OP_AGAIN) {
      mon_outbox_stored(notifier->outbox, op->key, op->id);
    } else if (op->kind == MON_OP_CURSOR) {
      notifier->cursor_stored = op->id;
    }
    if (op->stored)
      op->stored(op->id, NULL, op->user_data);
  }
  mon_notifier_turn(notifier);
}

/* ---- the room ---- */

MonAlerting *mon_notifier_read_files(MonNotifier *notifier, GError **error) {
  g_auto(GStrv) dirs = wg_config_dirs(notifier->daemon->user_scope);

  return mon_alerting_load((const char *const *)dirs, error);
}

MonNotifier *mon_notifier_new(MonDaemon *daemon, GError **error) {
  MonNotifier *notifier = g_new0(MonNotifier, 1);

  notifier->daemon = daemon;
  notifier->waiting = g_ptr_array_new_with_free_func((GDestroyNotify)mon_op_free);
  notifier->silences = mon_silences_new();
  notifier->outbox = mon_outbox_new(&outbox_funcs, notifier);
  mon_outbox_bound(notifier->outbox, daemon->settings.queue_max);
  notifier->receivers = mon_receivers_new(daemon, notifier);
  notifier->alerting = mon_notifier_read_files(notifier, error);
  if (notifier->alerting)
    notifier->groups = mon_groups_new(notifier->alerting, &group_funcs, notifier);
  notifier->timer = wg_timer_source_new(CLOCK_BOOTTIME, on_timer, notifier, NULL);
  if (notifier->alerting && notifier->timer && mon_notify_load(notifier, error))
    return notifier;
  mon_notifier_free(notifier);
  return NULL;
}

void mon_notifier_begin(MonNotifier *notifier) {
  notifier->running = TRUE;
  mon_notifier_turn(notifier);
}

void mon_notifier_take(MonNotifier *notifier, const MonTransition *transition) {
  if (!notifier->running)
    return;
  mon_groups_take(notifier->groups, transition, lasting(notifier), wg_time_realtime());
  mon_notifier_turn(notifier);
}

void mon_notifier_stop(MonNotifier *notifier) {
  if (notifier == NULL || !notifier->running)
    return;
  mon_receivers_stop(notifier->receivers);
  mon_notify_leave(notifier);
  notifier->running = FALSE;
  g_clear_handle_id(&notifier->soon, g_source_remove);
  g_clear_handle_id(&notifier->read_again, g_source_remove);
}

void mon_notifier_free(MonNotifier *notifier) {
  if (notifier == NULL)
    return;
  mon_notifier_stop(notifier);
  mon_receivers_free(notifier->receivers);
  mon_outbox_free(notifier->outbox);
  mon_groups_free(notifier->groups);
  mon_silences_free(notifier->silences);
  if (notifier->timer)
    wg_timer_source_destroy(notifier->timer);
  g_ptr_array_unref(notifier->waiting);
  g_clear_pointer(&notifier->behind, g_ptr_array_unref);
  mon_alerting_unref(notifier->alerting);
  g_free(notifier);
}

void mon_notifier_use_files(MonNotifier *notifier, MonAlerting *alerting) {
  mon_groups_reload(notifier->groups, alerting, lasting(notifier), wg_time_realtime());
  mon_alerting_unref(notifier->alerting);
  notifier->alerting = alerting;
  mon_receivers_forget_files(notifier->receivers);
  mon_outbox_bound(notifier->outbox, notifier->daemon->settings.queue_max);
  mon_notifier_turn_soon(notifier);
}

gboolean mon_notifier_busy(const MonNotifier *notifier) {
  return notifier->batch || notifier->waiting->len > 0 || mon_outbox_n(notifier->outbox) > 0 ||
         mon_groups_n(notifier->groups) > 0;
}
