/* notify-follow.c: the notifier at the heels of the alerts (notify.h): at a start it is given what
 * fires and reads the transitions after its cursor. What comes by listening meanwhile waits until
 * they are taken, because order is everything: a resolved must not come before its firing. */
#include "monitoring/notify-private.h"

#include "common/log.h"

#define READ_AT_ONCE 1000
#define READ_AGAIN_MSEC 2000

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

static gboolean on_read_again(gpointer user_data) {
  MonNotifier *notifier = user_data;

  notifier->read_again = 0;
  notifier->behind = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
  read_on(notifier, notifier->read_to);
  return G_SOURCE_REMOVE;
}

static void set_degraded(MonNotifier *notifier, const char *why) {
  if (notifier->daemon->service != NULL)
    wg_service_set_degraded(notifier->daemon->service, "transitions", why);
}

/* What is new is told meanwhile. What was not read is not lost: the cursor stays before it. */
static void not_read(MonNotifier *notifier, const GError *error) {
  g_autofree char *why = g_strdup_printf("what happened to alerts before this start cannot be read "
                                         "and is not told yet; it is tried again: %s",
                                         error->message);

  if (!notifier->unread)
    wg_log(
        LOG_ERR, WG_MSG_NOTIFICATION_LOST, WG_FIELDS(WG_FIELD_ERROR, error->message),
        "What happened to alerts before this start cannot be read, so nobody is told of it until "
        "it can: %s",
        error->message);
  notifier->unread = TRUE;
  set_degraded(notifier, why);
  caught_up(notifier, notifier->read_to);
  notifier->read_again = g_timeout_add(READ_AGAIN_MSEC, on_read_again, notifier);
}

static void all_read(MonNotifier *notifier) {
  if (notifier->unread)
    wg_log(LOG_NOTICE, WG_MSG_NOTIFICATION_FOUND, NULL,
           "What happened to alerts before this start can be read now");
  notifier->unread = FALSE;
  set_degraded(notifier, NULL);
  caught_up(notifier, notifier->read_to);
}

static void on_read(GPtrArray *transitions, const GError *error, gpointer user_data) {
  MonNotifier *notifier = user_data;

  if (!notifier->running)
    return;
  if (error) {
    not_read(notifier, error);
    return;
  }
  for (guint i = 0; i < transitions->len; i++) {
    const MonTransition *transition = g_ptr_array_index(transitions, i);
    if (notifier->unread) /* what was told meanwhile comes again: only the end of it counts */
      mon_groups_take(notifier->groups, transition,
                      wg_clock_now(wg_records_clock(notifier->daemon->store)), wg_time_realtime());
    else
      mon_notifier_take(notifier, transition);
    notifier->read_to = transition->seq;
  }
  if (transitions->len == READ_AT_ONCE)
    read_on(notifier, notifier->read_to);
  else
    all_read(notifier);
}

static void read_on(MonNotifier *notifier, gint64 after) {
  mon_alerts_read(notifier->alerts, after, READ_AT_ONCE, on_read, notifier);
}

static void seed(const MonTransition *alert, gpointer user_data) {
  MonNotifier *notifier = user_data;
  const WgClock *clock = wg_records_clock(notifier->daemon->store);

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
