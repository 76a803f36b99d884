/* notify-ask.c: what D-Bus and metrics ask the notifier (notify.h), and silences. */
#include "monitoring/notify-private.h"
#include "monitoring/reading.h"

#include "common/error.h"
#include "common/trace-context.h"

#include <string.h>

MonGroups *mon_notifier_groups(MonNotifier *notifier) {
  return notifier->groups;
}

MonAlerting *mon_notifier_alerting(MonNotifier *notifier) {
  return notifier->alerting;
}

MonSilences *mon_notifier_silences(MonNotifier *notifier) {
  return notifier->silences;
}

const char *mon_notifier_error(MonNotifier *notifier, const char *integration, guint *ret_waiting) {
  return mon_outbox_error(notifier->outbox, integration, ret_waiting);
}

gboolean mon_notifier_limited(MonNotifier *notifier, const char *integration) {
  return mon_outbox_limited(notifier->outbox, integration);
}

gint64 mon_notifier_next_silence(MonNotifier *notifier) {
  return notifier->next_silence++;
}

void mon_notifier_silence(MonNotifier *notifier, MonSilence *silence, MonStoredFunc func,
                          gpointer user_data) {
  MonOp *op = g_new0(MonOp, 1);

  *op = (MonOp){.kind = MON_OP_SILENCE,
                .id = silence->id,
                .silence = silence,
                .stored = func,
                .user_data = user_data};
  mon_notify_op(notifier, op);
  mon_notify_write(notifier);
}

static MonTransition *drill(const char *receiver, const char *who) {
  MonTransition *t = g_new0(MonTransition, 1);
  g_autofree char *summary = g_strdup_printf("%s tests the receiver %s", who, receiver);

  t->kind = MON_TRANSITION_FIRING;
  t->state = MON_ALERT_FIRING;
  t->severity = g_strdup("info");
  t->labels = mon_labels_new("alertname", "WaggleReceiverTest", "severity", "info", "receiver",
                             receiver, NULL);
  t->annotations = mon_labels_new("summary", summary, "description",
                                  "Nothing is wrong: whoever reads this is told of alerts.", NULL);
  g_snprintf(t->fingerprint, sizeof t->fingerprint, "%016" G_GINT64_MODIFIER "x",
             mon_labels_hash(t->labels));
  t->time = t->active_at = t->fired_at = wg_time_realtime();
  t->is_drill = TRUE;
  return t;
}

/* One that nobody waits for, but that is dropped with the one somebody waits for. */
static void on_stored(gint64 id, const GError *error, gpointer user_data) {
}

static void add_drill(MonNotifier *notifier, const MonToTell *to_tell, MonStoredFunc func,
                      gpointer user_data) {
  MonOp *op = g_new0(MonOp, 1);

  *op = (MonOp){
      .kind = MON_OP_NOTICE, .id = notifier->next_id, .stored = func, .user_data = user_data};
  op->notice =
      mon_notice_new(notifier->next_id++, to_tell, NULL,
                     wg_clock_now(wg_records_clock(notifier->daemon->store)), wg_time_realtime());
  op->text = mon_notice_text(op->notice);
  mon_notify_op(notifier, op);
}

gboolean mon_notifier_test(MonNotifier *notifier, const char *name, const char *who,
                           const char *traceparent, MonStoredFunc func, gpointer user_data,
                           GError **error) {
  const MonReceiver *receiver = mon_alerting_receiver(notifier->alerting, name);
  g_autoptr(MonTransition) alert = NULL;
  g_autoptr(GPtrArray) alerts = g_ptr_array_new();

  if (receiver == NULL || receiver->integrations->len == 0) {
    g_set_error(error, WG_ERROR, receiver ? WG_ERROR_INVALID_STATE : WG_ERROR_NOT_FOUND,
                receiver ? "the receiver \"%s\" tells nobody: it has no way"
                         : "there is no receiver \"%s\"; waggle alerts receivers lists them",
                name);
    return FALSE;
  }
  alert = drill(name, who);
  alert->traceparent = wg_traceparent_same(traceparent);
  g_ptr_array_add(alerts, alert);
  for (guint i = 0; i < receiver->integrations->len; i++) {
    gboolean is_last = i + 1 == receiver->integrations->len;
    const MonToTell to_tell = {g_ptr_array_index(receiver->integrations, i),
                               receiver,
                               "test",
                               alert->labels,
                               alerts,
                               1,
                               G_TIME_SPAN_MINUTE,
                               0};
    add_drill(notifier, &to_tell, is_last ? func : on_stored, user_data);
  }
  mon_notify_write(notifier);
  return TRUE;
}

const char *mon_notifier_why_muted(MonNotifier *notifier, const MonTransition *alert) {
  return mon_groups_why_muted(notifier->groups, alert);
}

void mon_notifier_bus(MonNotifier *notifier, sd_bus *bus) {
  mon_receivers_bus(notifier->receivers, bus);
}

void mon_notifier_figures(MonNotifier *notifier, MonReceiveKind kind, MonNotifyFigures *ret) {
  *ret = notifier->figures[kind];
}

guint mon_notifier_n_waiting(MonNotifier *notifier) {
  return mon_outbox_n(notifier->outbox);
}

static void read_waiting(MonNotifier *notifier, MonReadings *readings) {
  const MonAlerting *alerting = notifier->alerting;

  for (guint i = 0; i < alerting->receivers->len; i++) {
    const MonReceiver *receiver = alerting->receivers->pdata[i];
    for (guint k = 0; k < receiver->integrations->len; k++) {
      const MonIntegration *way = receiver->integrations->pdata[k];
      guint waiting = 0;
      mon_outbox_error(notifier->outbox, way->key, &waiting);
      mon_readings_add(readings, MON_M_NOTIFICATIONS_QUEUED, waiting, way->key, NULL, NULL);
    }
  }
}

void mon_notifier_read(MonNotifier *notifier, MonReadings *readings) {
  static const char *const states[] = {"pending", "active", "expired"};
  g_autoptr(GPtrArray) all = mon_silences_all(notifier->silences);
  guint n[G_N_ELEMENTS(states)] = {0};
  gint64 now = wg_time_realtime();

  for (guint i = 0; i < all->len; i++)
    for (guint s = 0; s < G_N_ELEMENTS(states); s++)
      n[s] += strcmp(mon_silence_state(all->pdata[i], now), states[s]) == 0;
  for (guint s = 0; s < G_N_ELEMENTS(states); s++)
    mon_readings_add(readings, MON_M_SILENCES, n[s], states[s], NULL, NULL);
  read_waiting(notifier, readings);
}
