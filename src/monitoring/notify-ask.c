/* notify-ask.c: what D-Bus and metrics ask the notifier (notify.h), and silences. */
#include "monitoring/notify-private.h"

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

gint64 mon_notifier_next_silence(MonNotifier *notifier) {
  return notifier->next_silence++;
}

void mon_notifier_silence(MonNotifier *notifier, MonSilence *silence, MonSilencedFunc func,
                          gpointer user_data) {
  MonOp *op = g_new0(MonOp, 1);

  *op =
      (MonOp){.kind = MON_OP_SILENCE, .silence = silence, .silenced = func, .user_data = user_data};
  mon_notify_op(notifier, op);
  mon_notify_write(notifier);
}

const char *mon_notifier_why_muted(MonNotifier *notifier, const MonTransition *alert) {
  return mon_groups_why_muted(notifier->groups, alert);
}

void mon_notifier_set_window(MonNotifier *notifier, MonWindowFunc func, gpointer user_data) {
  notifier->window = func;
  notifier->window_data = user_data;
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
