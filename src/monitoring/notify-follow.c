/* notify-follow.c: the notifier at the heels of the alerts (notify.h): at a start it is given what
 * fires and reads the transitions after its cursor. What comes by listening meanwhile waits until
 * they are taken, because order is everything: a resolved must not come before its firing. */
#include "monitoring/notify-private.h"

#include "common/log.h"

#define READ_AT_ONCE 1000

static void read_on(MonNotifier *notifier, gint64 after);

static void on_transition(const MonTransition *transition, gpointer user_data) {
  MonNotifier *notifier = user_data;

  if (notifier->behind)
    g_ptr_array_add(notifier->behind, mon_transition_copy(transition));
  else
    mon_notifier_take(notifier, transition);
}

/* Everything older is taken; so are those that both ways brought. */
static void caught_up(MonNotifier *notifier, gint64 last) {
  g_autoptr(GPtrArray) behind = g_steal_pointer(&notifier->behind);

  for (guint i = 0; i < behind->len; i++) {
    const MonTransition *transition = g_ptr_array_index(behind, i);
    if (transition->seq > last)
      mon_notifier_take(notifier, transition);
  }
  mon_notifier_turn(notifier);
}

static void on_read(GPtrArray *transitions, const GError *error, gpointer user_data) {
  MonNotifier *notifier = user_data;
  gint64 last = notifier->read_to;

  if (!notifier->running)
    return;
  if (error)
    wg_log(LOG_ERR, WG_MSG_NOTIFICATION_LOST, WG_FIELDS(WG_FIELD_ERROR, error->message),
           "What happened to alerts before this start cannot be read, so nobody is told of it: %s",
           error->message);
  for (guint i = 0; transitions && i < transitions->len; i++) {
    const MonTransition *transition = g_ptr_array_index(transitions, i);
    mon_notifier_take(notifier, transition);
    last = transition->seq;
  }
  notifier->read_to = last;
  if (transitions && transitions->len == READ_AT_ONCE)
    read_on(notifier, last);
  else
    caught_up(notifier, last);
}

static void read_on(MonNotifier *notifier, gint64 after) {
  mon_alerts_read(notifier->alerts, after, READ_AT_ONCE, on_read, notifier);
}

static void seed(const MonTransition *alert, gpointer user_data) {
  MonNotifier *notifier = user_data;
  const WgClock *clock = mon_store_clock(notifier->daemon->store);

  mon_groups_seed(notifier->groups, alert, wg_clock_now(clock), wg_time_realtime());
}

void mon_notifier_follow(MonNotifier *notifier, MonAlerts *alerts) {
  notifier->alerts = alerts;
  notifier->behind = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
  notifier->read_to = notifier->cursor;
  mon_alerts_each(alerts, seed, notifier);
  mon_alerts_listen(alerts, on_transition, notifier);
  read_on(notifier, notifier->cursor);
}
